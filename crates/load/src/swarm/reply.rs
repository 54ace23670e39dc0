//! What the gateway says, as far as the swarm asks: read whole with a JSON parser.
//!
//! Only what is new comes here. What equals bytes that were read before is compared instead (see `book.rs`).

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::message::Refusal;

/// The commands of a client, by their ids.
pub(super) const CONNECT: u32 = 1;
/// The subscription to the channel of all.
pub(super) const SUBSCRIBE_ALL: u32 = 2;
/// The subscription to the client's group.
pub(super) const SUBSCRIBE_GROUP: u32 = 3;
/// The round trip.
pub(super) const VERIFY: u32 = 4;

/// One object of the gateway's.
#[derive(Deserialize)]
pub(super) struct Reply<'a> {
    #[serde(default)]
    pub(super) id: u32,
    #[serde(borrow)]
    pub(super) push: Option<Push<'a>>,
    pub(super) connect: Option<Connected>,
    #[serde(borrow)]
    pub(super) subscribe: Option<Subscribed<'a>>,
    #[serde(borrow)]
    pub(super) history: Option<History<'a>>,
    #[serde(borrow)]
    pub(super) error: Option<Refusal<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Push<'a> {
    pub(super) channel: &'a str,
    #[serde(borrow, rename = "pub")]
    pub(super) publication: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) unsubscribe: Option<Refusal<'a>>,
    #[serde(borrow)]
    pub(super) disconnect: Option<Refusal<'a>>,
}

/// What a publication holds, as far as it is of interest.
#[derive(Deserialize)]
pub(super) struct Publication<'a> {
    #[serde(default)]
    pub(super) offset: u64,
    #[serde(borrow)]
    pub(super) data: &'a RawValue,
}

#[derive(Deserialize)]
pub(super) struct Connected {
    #[serde(default)]
    pub(super) client: String,
    #[serde(default)]
    pub(super) pong: bool,
}

#[derive(Deserialize)]
pub(super) struct Subscribed<'a> {
    #[serde(default)]
    pub(super) epoch: &'a str,
    #[serde(default)]
    pub(super) offset: u64,
    #[serde(default)]
    pub(super) recoverable: bool,
    #[serde(default)]
    pub(super) was_recovering: bool,
    #[serde(default)]
    pub(super) recovered: bool,
    #[serde(default, borrow)]
    pub(super) publications: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct History<'a> {
    #[serde(default)]
    pub(super) epoch: &'a str,
    #[serde(default)]
    pub(super) offset: u64,
}

/// Reads one object.
///
/// # Errors
/// What is no object of the protocol, as text.
pub(super) fn read(text: &[u8]) -> Result<Reply<'_>, String> {
    serde_json::from_slice(text).map_err(|error| format!("bad JSON: {error}"))
}

/// Reads what a publication's object holds.
///
/// # Errors
/// As [`read`].
pub(super) fn publication(raw: &RawValue) -> Result<Publication<'_>, String> {
    serde_json::from_str(raw.get()).map_err(|error| format!("a bad publication: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reply_of_a_session_is_understood() {
        let connected = read(br#"{"id":1,"connect":{"client":"c","version":"0","ping":25,"pong":true}}"#).unwrap();
        assert!(connected.connect.is_some_and(|connect| connect.pong && connect.client == "c"));
        let text = br#"{"id":3,"subscribe":{"recoverable":true,"positioned":true,"epoch":"abcdefgh","offset":2,
            "was_recovering":true,"recovered":true,"publications":[{"data":{"n":2},"offset":3}]}}"#;
        let subscribed = read(text).unwrap().subscribe.unwrap();
        assert_eq!((subscribed.epoch, subscribed.offset, subscribed.recovered), ("abcdefgh", 2, true));
        let missed = publication(subscribed.publications[0]).unwrap();
        assert_eq!((missed.offset, missed.data.get()), (3, r#"{"n":2}"#));
        let history = read(br#"{"id":4,"history":{"publications":[],"epoch":"abcdefgh"}}"#).unwrap().history.unwrap();
        assert_eq!((history.epoch, history.offset), ("abcdefgh", 0));
        let gone = read(br#"{"push":{"channel":"g1","unsubscribe":{"code":2500,"reason":"bye"}}}"#).unwrap();
        assert_eq!(gone.push.unwrap().unsubscribe.unwrap().text(), "2500 bye");
        assert!(read(b"[").is_err());
    }
}
