//! The client protocol, as far as a load generator speaks it, and the mark that our publications carry.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::stamp::Stamp;

/// What the publisher puts into each publication: `{"run":…,"seq":…,"at":…,"pad":"…"}`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// Which run it belongs to.
    pub(crate) run: u64,
    /// Counts from 1.
    pub(crate) seq: u64,
    /// From when its latency counts.
    pub(crate) at: Stamp,
}

impl Mark {
    /// The publication's data: JSON of `bytes` bytes, or more where the mark alone is longer.
    pub(crate) fn data(&self, bytes: usize) -> String {
        let Mark { run, seq, at: Stamp(at) } = self;
        let mut data = format!(r#"{{"run":{run},"seq":{seq},"at":{at},"pad":""#);
        let pad = bytes.saturating_sub(data.len() + 2);
        data.extend(std::iter::repeat_n('x', pad));
        data.push_str("\"}");
        data
    }
}

/// A publication as a client sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Seen {
    /// Its place in the channel's log, if the channel has one.
    pub(crate) offset: Option<u64>,
    /// The mark, if it is one of our publisher's.
    pub(crate) mark: Option<Mark>,
}

impl Seen {
    pub(crate) fn new(offset: Option<u64>, data: &str) -> Seen {
        Seen { offset, mark: serde_json::from_str(data).ok() }
    }
}

/// One line from the server.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Line {
    /// `{}`: to be answered with the same, if pongs were asked for.
    Ping,
    /// The answer to our connect command.
    Connected {
        /// Whether pings are to be answered.
        pong: bool,
    },
    /// The answer to our subscribe command, with the log's top if the channel has one.
    Subscribed {
        /// Where the channel is.
        offset: Option<u64>,
    },
    /// A publication.
    Publication(Seen),
    /// The server took the subscription away, or refused a command.
    Refused(String),
    /// Something else that is of no interest here: joins, leaves, messages.
    Other,
}

/// The id of our connect command ...
const CONNECT: u32 = 1;
/// ... and of our subscribe command.
const SUBSCRIBE: u32 = 2;

/// What a client says first: both commands in one frame, as the SDKs do.
pub(crate) fn hello(channel: &str) -> String {
    let channel = serde_json::Value::from(channel);
    format!(
        "{{\"id\":{CONNECT},\"connect\":{{\"name\":\"crore-load\"}}}}\n\
         {{\"id\":{SUBSCRIBE},\"subscribe\":{{\"channel\":{channel}}}}}"
    )
}

#[derive(Deserialize)]
struct Incoming<'a> {
    #[serde(default)]
    id: u32,
    #[serde(borrow)]
    push: Option<Push<'a>>,
    connect: Option<ConnectResult>,
    subscribe: Option<SubscribeResult>,
    #[serde(borrow)]
    error: Option<Refusal<'a>>,
}

#[derive(Deserialize)]
struct Push<'a> {
    #[serde(borrow, rename = "pub")]
    publication: Option<Publication<'a>>,
    #[serde(borrow)]
    unsubscribe: Option<Refusal<'a>>,
    #[serde(borrow)]
    disconnect: Option<Refusal<'a>>,
}

#[derive(Deserialize)]
struct Publication<'a> {
    offset: Option<u64>,
    #[serde(borrow)]
    data: &'a RawValue,
}

#[derive(Deserialize)]
struct ConnectResult {
    #[serde(default)]
    pong: bool,
}

#[derive(Deserialize)]
struct SubscribeResult {
    #[serde(default)]
    offset: u64,
    #[serde(default)]
    epoch: String,
}

/// An error, or a code with a reason.
#[derive(Deserialize)]
pub(crate) struct Refusal<'a> {
    code: u32,
    #[serde(default, borrow, alias = "reason")]
    message: Cow<'a, str>,
}

impl Refusal<'_> {
    /// Code and text.
    pub(crate) fn text(&self) -> String {
        format!("{} {}", self.code, self.message)
    }
}

/// Reads one line.
pub(crate) fn parse(line: &str) -> Result<Line, serde_json::Error> {
    if line == "{}" {
        return Ok(Line::Ping);
    }
    let incoming: Incoming<'_> = serde_json::from_str(line)?;
    Ok(match incoming {
        Incoming { push: Some(push), .. } => read_push(&push),
        Incoming { id, error: Some(error), .. } => {
            let command = if id == CONNECT { "connect" } else { "subscribe" };
            Line::Refused(format!("{command}: {}", error.text()))
        }
        Incoming { id: CONNECT, connect: Some(result), .. } => Line::Connected { pong: result.pong },
        Incoming { id: SUBSCRIBE, subscribe: Some(result), .. } => {
            // A zero is left out of the wire, so only the epoch tells whether there is a log.
            Line::Subscribed { offset: (!result.epoch.is_empty()).then_some(result.offset) }
        }
        _ => Line::Other,
    })
}

fn read_push(push: &Push<'_>) -> Line {
    match push {
        Push { publication: Some(publication), .. } => {
            let offset = publication.offset.filter(|offset| *offset > 0);
            Line::Publication(Seen::new(offset, publication.data.get()))
        }
        Push { unsubscribe: Some(why), .. } => Line::Refused(format!("unsubscribed: {}", why.text())),
        Push { disconnect: Some(why), .. } => Line::Refused(format!("disconnected: {}", why.text())),
        _ => Line::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_a_session_is_understood() {
        let is = |text: &str, line: Line| assert_eq!(parse(text).unwrap(), line, "{text}");
        is("{}", Line::Ping);
        is(r#"{"id":1,"connect":{"client":"c","version":"x","ping":25,"pong":true}}"#, Line::Connected { pong: true });
        is(r#"{"id":2,"subscribe":{"epoch":"BXLK","offset":12}}"#, Line::Subscribed { offset: Some(12) });
        is(r#"{"id":2,"subscribe":{"epoch":"BXLK"}}"#, Line::Subscribed { offset: Some(0) });
        is(r#"{"id":2,"subscribe":{}}"#, Line::Subscribed { offset: None });
        let refusal = r#"{"id":2,"error":{"code":103,"message":"permission denied"}}"#;
        is(refusal, Line::Refused("subscribe: 103 permission denied".into()));
        let gone = r#"{"push":{"channel":"c","unsubscribe":{"code":2500,"reason":"bye"}}}"#;
        is(gone, Line::Refused("unsubscribed: 2500 bye".into()));
        is(r#"{"push":{"channel":"c","join":{"info":{}}}}"#, Line::Other);
        let foreign = r#"{"push":{"channel":"c","pub":{"data":[1],"offset":7}}}"#;
        is(foreign, Line::Publication(Seen { offset: Some(7), mark: None }));
    }

    #[test]
    fn our_own_mark_comes_back_and_has_the_size_asked_for() {
        let mark = Mark { run: 9, seq: 3, at: Stamp(77) };
        for bytes in [0, 100, 4_096] {
            let data = mark.data(bytes);
            assert!(data.len() == bytes || bytes == 0, "{bytes} bytes were asked for, {} came", data.len());
            let line = format!(r#"{{"push":{{"channel":"c","pub":{{"data":{data},"offset":8}}}}}}"#);
            assert_eq!(parse(&line).unwrap(), Line::Publication(Seen { offset: Some(8), mark: Some(mark) }));
        }
    }

    #[test]
    fn the_first_frame_is_two_commands_whatever_the_channel_is_called() {
        let hello = hello("a\"b\n");
        let lines: Vec<serde_json::Value> = hello.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines[0]["connect"]["name"], "crore-load");
        assert_eq!(lines[1]["subscribe"]["channel"], "a\"b\n");
        assert_eq!(lines.len(), 2);
    }
}
