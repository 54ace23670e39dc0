//! A response: any split gives the same heads, data, trailers, end and error; each head is written and read again.
//!
//! The first byte of an input is odd if the request was `HEAD`.

use crore_http::{
    BodyLength, ConnectionField, Framing, HttpError, Limits, ResponseEvent, ResponseHead, ResponseReader,
    encode_response,
};

use super::body::{LIMITS, Lines, fields, lines};
use super::splits;

/// Reads the rest of `bytes` as a client does.
pub fn run(bytes: &[u8]) {
    let Some((&kind, input)) = bytes.split_first() else { return };
    let to_head = kind % 2 == 1;
    let [whole, others @ ..] = splits::ways(input).map(|parts| read(to_head, &LIMITS, &parts));
    for other in others {
        assert_eq!(whole, other, "two splits of one response");
    }
}

/// What was read of a response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The status and headers of each head, interim ones first.
    pub heads: Vec<(u16, Lines)>,
    /// The data of its body.
    pub body: Vec<u8>,
    /// What stood behind it.
    pub trailers: Lines,
    /// Bytes consumed when it was done; none if only the end of the stream can end it, or it was cut.
    pub done_after: Option<usize>,
    /// What the end of the stream then meant.
    pub end: Option<Result<bool, HttpError>>,
}

/// What comes of these parts and of the end of the stream, and the error that ended it earlier.
pub fn read(to_head: bool, limits: &Limits, parts: &[&[u8]]) -> (Response, Option<HttpError>) {
    let mut response = Response::default();
    let mut reader = ResponseReader::new(to_head, limits);
    let mut total = 0;
    for part in parts {
        let mut at = 0;
        loop {
            let (consumed, event) = match reader.on_input(&part[at..]) {
                Ok(done) => done,
                Err(error) => return (response, Some(error)),
            };
            if let Some(ResponseEvent::Data(data)) = &event {
                response.body.extend_from_slice(&part[at..][data.clone()]);
            }
            at += consumed;
            total += consumed;
            match event {
                None => break,
                Some(ResponseEvent::Interim(head) | ResponseEvent::Head(head)) => {
                    again(&head, to_head);
                    response.heads.push((head.status().code(), lines(head.headers())));
                }
                Some(ResponseEvent::Done) => response.done_after = Some(total),
                Some(_) => {}
            }
        }
        assert!(at == part.len() || reader.is_done(), "without an event everything was consumed");
    }
    response.end = Some(reader.on_end());
    response.trailers = reader.take_trailers().as_ref().map_or(Lines::new(), lines);
    (response, None)
}

/// Writes a head and reads it again, if its body's length is one that we would send.
fn again(head: &ResponseHead, to_head: bool) {
    let is_kept = |line: &&(String, Vec<u8>)| {
        str::from_utf8(&line.1).is_ok()
            && !["connection", "content-length", "transfer-encoding"].contains(&&*line.0.to_lowercase())
    };
    let (framing, connection) = match head.body(to_head) {
        Ok(BodyLength::Fixed(length)) => (Framing::Length(length), ConnectionField::Implied),
        Ok(BodyLength::Chunked) => (Framing::Chunked, ConnectionField::Implied),
        Ok(BodyLength::UntilClose) => (Framing::UntilClose, ConnectionField::Close),
        Ok(BodyLength::None) if head.status().is_bodiless() => (Framing::None, ConnectionField::Implied),
        Ok(BodyLength::None) => (Framing::Length(0), ConnectionField::Implied),
        Err(_) => return,
    };
    let kept: Lines = lines(head.headers()).iter().filter(is_kept).cloned().collect();
    let text = encode_response(head.status(), &fields(&kept), framing, connection);
    let limits = Limits { head_bytes: u16::MAX, headers: 128, ..Limits::default() };
    let mut reader = ResponseReader::new(to_head, &limits);
    let Ok((consumed, Some(ResponseEvent::Head(read) | ResponseEvent::Interim(read)))) = reader.on_input(&text) else {
        panic!("what was written can be read: {:?}", String::from_utf8_lossy(&text));
    };
    assert_eq!((consumed, read.status()), (text.len(), head.status()));
    assert_eq!(read.body(to_head).ok(), head.body(to_head).ok());
    let read: Lines = lines(read.headers()).iter().filter(is_kept).cloned().collect();
    assert_eq!(read, kept, "headers that were written");
}
