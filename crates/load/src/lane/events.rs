//! An event-stream client: one request, then events whose ids are `EPOCH:OFFSET`.

use crore_http::{Limits, ResponseEvent, ResponseHead, ResponseReader, SseLimits, Status, sse};
use crore_rt::net::TcpStream;

use super::Lane;
use super::client::{connect, reason};
use crate::limits::MESSAGE_BYTES_MAX;
use crate::message::Seen;
use crate::stamp::Stamp;

const LIMITS: Limits = Limits {
    head_bytes: 8 * 1024,
    target_bytes: 4 * 1024,
    headers: 64,
    // An event stream has no end.
    body_bytes: u64::MAX,
    chunk_extension_bytes: 1024,
    trailer_bytes: 4 * 1024,
};

/// What a client remembers between two reads.
pub(super) struct Session {
    response: Box<ResponseReader>,
    /// An event that has not come whole.
    event: Option<Box<sse::Reader>>,
    is_open: bool,
}

/// Connects and asks for the stream. The connection is ready when the head of the answer is there.
pub(super) async fn open(lane: &Lane, index: u32) -> Result<(TcpStream, Session), String> {
    let mut stream = connect(lane, index).await?;
    stream.send(lane.shared.request.clone()).map_err(|error| format!("send: {error}"))?;
    let response = Box::new(ResponseReader::new(false, &LIMITS));
    let mut session = Session { response, event: None, is_open: false };
    while !session.is_open {
        match stream.recv().await {
            Ok(lease) if lease.is_empty() => {
                return Err("event stream: closed by the server".to_owned());
            }
            Ok(lease) => session.take(lane, index, &stream, &lease)?,
            Err(error) => return Err(format!("event stream: {}", reason(&error))),
        }
    }
    Ok((stream, session))
}

/// Takes events until the connection ends; returns why it did.
///
/// Everything is borrowed: this is what a waiting connection's task is made of, and it must stay small.
pub(super) async fn listen(lane: &Lane, index: u32, stream: &mut TcpStream, session: &mut Session) -> String {
    loop {
        let result = match stream.recv().await {
            Ok(lease) if lease.is_empty() => Err("event stream: ended by the server".to_owned()),
            Ok(lease) => session.take(lane, index, stream, &lease),
            Err(error) => Err(reason(&error)),
        };
        if let Err(end) = result {
            return end;
        }
    }
}

impl Session {
    fn take(&mut self, lane: &Lane, index: u32, stream: &TcpStream, bytes: &[u8]) -> Result<(), String> {
        let now = lane.clock.now();
        let mut at = 0;
        loop {
            let (used, event) = self.response.on_input(&bytes[at..]).map_err(|error| format!("bad HTTP: {error}"))?;
            let from = at;
            at += used;
            match event {
                None => return Ok(()),
                Some(ResponseEvent::Interim(_)) => {}
                Some(ResponseEvent::Head(head)) => {
                    check(&head)?;
                    self.is_open = true;
                    lane.on_ready(index, stream.id(), None);
                }
                Some(ResponseEvent::Data(range)) => {
                    self.take_data(lane, index, &bytes[from + range.start..from + range.end], now)?;
                }
                Some(ResponseEvent::Done) => {
                    return Err("event stream: ended by the server".to_owned());
                }
            }
        }
    }

    /// Each event gets a reader of its own, so that an event without an id does not look like the one before it; and a
    /// stream that waits between two events has none.
    fn take_data(&mut self, lane: &Lane, index: u32, data: &[u8], now: Stamp) -> Result<(), String> {
        let fresh = || sse::Reader::new(&SseLimits { event_bytes: MESSAGE_BYTES_MAX });
        let mut reader = self.event.take().map_or_else(fresh, |boxed| *boxed);
        let mut at = 0;
        while at < data.len() {
            let (used, event) = reader.on_input(&data[at..]).map_err(|error| format!("event stream: {error}"))?;
            at += used;
            let Some(event) = event else {
                self.event = Some(Box::new(reader));
                return Ok(());
            };
            if let ("message", Some(offset)) = (event.event, offset_of(event.id)) {
                lane.on_publication(index, Seen::new(Some(offset), event.data), now);
            }
            reader = fresh();
        }
        Ok(())
    }
}

fn check(head: &ResponseHead) -> Result<(), String> {
    let kind = head.header("content-type").unwrap_or("no content type");
    if head.status() != Status::OK {
        return Err(format!("event stream: status {}", head.status()));
    }
    if !kind.starts_with("text/event-stream") {
        return Err(format!("event stream: the answer is {kind:?}, not text/event-stream"));
    }
    Ok(())
}

/// The offset in an id `EPOCH:OFFSET`.
fn offset_of(id: &str) -> Option<u64> {
    id.rsplit_once(':')?.1.parse().ok()
}
