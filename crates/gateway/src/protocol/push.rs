//! What the server says by itself: publications, unsubscribes, pings. As JSON, and as whole WebSocket frames.

use crore_http::ws::{self, Opcode};
use crore_hub::Publication;

use super::json::write;

/// A ping, and a pong: an empty object.
pub(crate) const PING: &[u8] = b"{}";

/// Appends `{"data":…}` with whatever else the publication has.
pub(crate) fn write_publication(out: &mut Vec<u8>, publication: &Publication) {
    out.extend_from_slice(b"{\"data\":");
    out.extend_from_slice(&publication.data);
    if let Some(info) = &publication.info {
        out.extend_from_slice(b",\"info\":");
        out.extend_from_slice(info);
    }
    if let Some(tags) = &publication.tags {
        out.extend_from_slice(b",\"tags\":");
        out.extend_from_slice(tags);
    }
    if publication.offset > 0 {
        out.extend_from_slice(b",\"offset\":");
        write(out, &publication.offset);
    }
    out.push(b'}');
}

/// A publication as a text frame for all subscribers of a channel.
pub(crate) fn push_frame(channel: &str, publication: &Publication) -> Vec<u8> {
    let mut json = begin(channel);
    json.extend_from_slice(b",\"pub\":");
    write_publication(&mut json, publication);
    json.extend_from_slice(b"}}");
    ws::encode(Opcode::Text, &json)
}

/// The end of a subscription, as a text frame. `code` is of section 9 of the protocol.
pub(crate) fn unsubscribe_frame(channel: &str, code: u32, reason: &str) -> Vec<u8> {
    let mut json = begin(channel);
    json.extend_from_slice(b",\"unsubscribe\":{\"code\":");
    write(&mut json, &code);
    json.extend_from_slice(b",\"reason\":");
    write(&mut json, reason);
    json.extend_from_slice(b"}}}");
    ws::encode(Opcode::Text, &json)
}

fn begin(channel: &str) -> Vec<u8> {
    let mut json = b"{\"push\":{\"channel\":".to_vec();
    write(&mut json, channel);
    json
}
