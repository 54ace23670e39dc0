//! Answers to commands, as whole WebSocket text frames. Zero, empty and false fields are left out (section 2).

use crore_http::ws::{self, Opcode};
use crore_hub::{History, Position, Publication, Subscribed};

use super::codes::ErrorCode;
use super::json::write;
use super::push::write_publication;

/// What a connect is answered with.
pub(crate) struct Answered<'a> {
    pub(crate) client: &'a str,
    /// Seconds between pings; 0: none.
    pub(crate) ping: u64,
    /// Pings are to be answered.
    pub(crate) pong: bool,
    /// Seconds until the client must send a new token; none: never.
    pub(crate) ttl: Option<u64>,
}

/// Bytes that answers without publications fit in, so that they are written with one allocation.
const USUAL_BYTES: usize = 256;

fn begin(id: u32, request: &str) -> Vec<u8> {
    let mut json = Vec::with_capacity(USUAL_BYTES);
    json.extend_from_slice(b"{\"id\":");
    write(&mut json, &id);
    json.extend_from_slice(b",\"");
    json.extend_from_slice(request.as_bytes());
    json.extend_from_slice(b"\":{");
    json
}

fn end(mut json: Vec<u8>) -> Vec<u8> {
    json.extend_from_slice(b"}}");
    ws::encode(Opcode::Text, &json)
}

/// Appends `"name":value`, with a comma unless it is the first of its object. The name is one of the protocol's, which need no
/// escaping.
fn field(json: &mut Vec<u8>, name: &str, value: &(impl serde::Serialize + ?Sized)) {
    comma(json);
    json.push(b'"');
    json.extend_from_slice(name.as_bytes());
    json.extend_from_slice(b"\":");
    write(json, value);
}

fn comma(json: &mut Vec<u8>) {
    if !json.ends_with(b"{") && !json.ends_with(b"[") {
        json.push(b',');
    }
}

fn publications(json: &mut Vec<u8>, publications: &[Publication]) {
    comma(json);
    json.extend_from_slice(b"\"publications\":[");
    for publication in publications {
        comma(json);
        write_publication(json, publication);
    }
    json.push(b']');
}

fn position(json: &mut Vec<u8>, position: Position) {
    field(json, "epoch", position.epoch.as_str());
    if position.offset > 0 {
        field(json, "offset", &position.offset);
    }
}

pub(crate) fn error_frame(id: u32, error: ErrorCode) -> Vec<u8> {
    let mut json = begin(id, "error");
    field(&mut json, "code", &error.code());
    field(&mut json, "message", error.message());
    if error.temporary() {
        field(&mut json, "temporary", &true);
    }
    end(json)
}

/// The answer to a command whose result has no fields.
pub(crate) fn empty_frame(id: u32, request: &str) -> Vec<u8> {
    end(begin(id, request))
}

pub(crate) fn connect_frame(id: u32, answered: &Answered<'_>) -> Vec<u8> {
    let mut json = begin(id, "connect");
    field(&mut json, "client", answered.client);
    field(&mut json, "version", env!("CARGO_PKG_VERSION"));
    if answered.ping > 0 {
        field(&mut json, "ping", &answered.ping);
        if answered.pong {
            field(&mut json, "pong", &true);
        }
    }
    expiry(&mut json, answered.ttl);
    end(json)
}

pub(crate) fn refresh_frame(id: u32, client: &str, ttl: Option<u64>) -> Vec<u8> {
    let mut json = begin(id, "refresh");
    field(&mut json, "client", client);
    field(&mut json, "version", env!("CARGO_PKG_VERSION"));
    expiry(&mut json, ttl);
    end(json)
}

fn expiry(json: &mut Vec<u8>, ttl: Option<u64>) {
    if let Some(ttl) = ttl {
        field(json, "expires", &true);
        field(json, "ttl", &ttl);
    }
}

/// The answer to a subscribe. `offered` is whether positions are offered in this channel, `asked` the client's own offset, which
/// is echoed when everything was recovered (section 12).
pub(crate) fn subscribe_frame(id: u32, subscribed: &Subscribed, offered: bool, asked: u64) -> Vec<u8> {
    let mut json = begin(id, "subscribe");
    if let Some(top) = subscribed.position.filter(|_| offered) {
        field(&mut json, "recoverable", &true);
        field(&mut json, "positioned", &true);
        let offset = if subscribed.recovered { asked } else { top.offset };
        position(&mut json, Position { offset, ..top });
    }
    if subscribed.was_recovering {
        field(&mut json, "was_recovering", &true);
    }
    if subscribed.recovered {
        field(&mut json, "recovered", &true);
    }
    if !subscribed.publications.is_empty() {
        publications(&mut json, &subscribed.publications);
    }
    end(json)
}

pub(crate) fn history_frame(id: u32, history: &History) -> Vec<u8> {
    let mut json = begin(id, "history");
    publications(&mut json, &history.publications);
    position(&mut json, history.position);
    end(json)
}

/// A page of history as the result of the server API, which names the offset even when it is zero.
pub(crate) fn history_result(history: &History) -> String {
    let mut json = b"{".to_vec();
    publications(&mut json, &history.publications);
    field(&mut json, "epoch", history.position.epoch.as_str());
    field(&mut json, "offset", &history.position.offset);
    json.push(b'}');
    String::from_utf8(json).expect("publications were read as JSON, which is UTF-8")
}
