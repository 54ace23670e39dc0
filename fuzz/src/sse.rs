//! A stream of server-sent events: any split gives the same events and error; events are written and read again.

use crore_http::SseLimits;
use crore_http::sse::{Reader, SseError, encode};

use super::splits;

/// Small, so that a fuzzer meets it.
pub const LIMITS: SseLimits = SseLimits { event_bytes: 100 };

/// What was read of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stream {
    /// Name, data and id of each event.
    pub events: Vec<[String; 3]>,
    /// Where to go on from.
    pub last_event_id: String,
    /// How long the server asked to wait, in milliseconds.
    pub retry_ms: Option<u64>,
}

/// Reads `bytes` as a client does.
pub fn run(bytes: &[u8]) {
    let [whole, others @ ..] = splits::ways(bytes).map(|parts| read(&LIMITS, &parts));
    for other in others {
        assert_eq!(whole, other, "two splits of one stream");
    }
    let (mut stream, _) = whole;
    let text: Vec<u8> = stream
        .events
        .iter()
        .flat_map(|[event, data, id]| encode(Some(event), Some(id), data, stream.retry_ms).expect("it was read"))
        .collect();
    // Without an event nothing is written, and an id may have come after the last.
    let Some([_, _, last_id]) = stream.events.last() else { return };
    stream.last_event_id = last_id.clone();
    assert_eq!(read(&SseLimits::default(), &[&text]), (stream, None), "events that were written");
}

/// What comes of these parts, and the error that ended it.
pub fn read(limits: &SseLimits, parts: &[&[u8]]) -> (Stream, Option<SseError>) {
    let mut reader = Reader::new(limits);
    let mut stream = Stream::default();
    for part in parts {
        let mut at = 0;
        loop {
            match reader.on_input(&part[at..]) {
                Ok((consumed, event)) => {
                    at += consumed;
                    let Some(event) = event else { break };
                    stream.events.push([event.event, event.data, event.id].map(str::to_owned));
                }
                Err(error) => return (at_end(stream, &reader), Some(error)),
            }
        }
        assert_eq!(at, part.len(), "without an event everything was consumed");
    }
    (at_end(stream, &reader), None)
}

fn at_end(stream: Stream, reader: &Reader) -> Stream {
    Stream { last_event_id: reader.last_event_id().to_owned(), retry_ms: reader.retry_ms(), ..stream }
}
