//! Requests on one connection: any split gives the same heads, bodies, trailers and error; each head is written and read again.

use crore_http::{
    BodyDecoder, BodyLength, ConnectionField, Framing, HeadReader, HttpError, Limits, Progress, RequestHead,
    encode_request,
};

use super::body::{LIMITS, Lines, fields, lines};
use super::splits;

/// Reads `bytes` as a server reads a connection.
pub fn run(bytes: &[u8]) {
    let [whole, others @ ..] = splits::ways(bytes).map(|parts| read(&LIMITS, &parts));
    for other in others {
        assert_eq!(whole, other, "two splits of one connection");
    }
}

/// A request as far as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Method, target and path.
    pub line: [String; 3],
    /// Its headers.
    pub headers: Lines,
    /// The data of its body.
    pub body: Vec<u8>,
    /// What stood behind it.
    pub trailers: Lines,
    /// Whether it is complete.
    pub is_done: bool,
}

/// All requests in these parts, and the error that ended the connection.
pub fn read(limits: &Limits, parts: &[&[u8]]) -> (Vec<Request>, Option<HttpError>) {
    let mut connection = Connection { limits, heads: HeadReader::new(limits), body: None, requests: Vec::new() };
    for part in parts {
        if let Err(error) = connection.on_input(part) {
            return (connection.requests, Some(error));
        }
    }
    (connection.requests, None)
}

struct Connection<'a> {
    limits: &'a Limits,
    heads: HeadReader,
    body: Option<BodyDecoder>,
    requests: Vec<Request>,
}

impl Connection<'_> {
    fn on_input(&mut self, mut rest: &[u8]) -> Result<(), HttpError> {
        while !rest.is_empty() {
            let consumed = match &mut self.body {
                None => self.head(rest)?,
                Some(decoder) => {
                    let request = self.requests.last_mut().expect("a body follows its head");
                    let step = decoder.on_input(rest)?;
                    request.body.extend_from_slice(&rest[step.data]);
                    if step.done {
                        request.trailers = decoder.take_trailers().as_ref().map_or(Lines::new(), lines);
                        request.is_done = true;
                        self.body = None;
                    }
                    step.consumed
                }
            };
            assert!(consumed > 0 && consumed <= rest.len(), "each step moves on, within its input");
            rest = &rest[consumed..];
        }
        Ok(())
    }

    fn head(&mut self, rest: &[u8]) -> Result<usize, HttpError> {
        let Progress::Complete { consumed, head } = self.heads.on_input(rest)? else {
            return Ok(rest.len());
        };
        assert!(self.heads.is_idle(), "a head is complete");
        again(&head);
        let line = [head.method(), head.target(), head.path()].map(str::to_owned);
        let is_done = head.body() == BodyLength::None;
        self.requests.push(Request { line, headers: lines(head.headers()), is_done, ..Request::default() });
        if !is_done {
            self.body = Some(BodyDecoder::new(head.body(), self.limits)?);
        }
        Ok(consumed)
    }
}

/// Writes a head and reads it again.
fn again(head: &RequestHead) {
    let is_kept = |line: &&(String, Vec<u8>)| {
        str::from_utf8(&line.1).is_ok()
            && !["host", "connection", "content-length", "transfer-encoding"].contains(&&*line.0.to_lowercase())
    };
    let framing = match head.body() {
        BodyLength::None => Framing::None,
        BodyLength::Fixed(length) => Framing::Length(length),
        BodyLength::Chunked => Framing::Chunked,
        BodyLength::UntilClose => unreachable!("a request ends before its connection"),
    };
    let kept: Lines = lines(head.headers()).iter().filter(is_kept).cloned().collect();
    let host = head.header("host").unwrap_or("");
    let text = encode_request(head.method(), head.target(), host, &fields(&kept), framing, ConnectionField::Implied);
    let text = text.expect("what was read can be written");
    let limits = Limits { head_bytes: u16::MAX, target_bytes: u16::MAX, headers: 128, ..Limits::default() };
    let Ok(Progress::Complete { consumed, head: read }) = HeadReader::new(&limits).on_input(&text) else {
        panic!("what was written can be read: {:?}", String::from_utf8_lossy(&text));
    };
    assert_eq!(consumed, text.len());
    assert_eq!((read.method(), read.target(), read.path()), (head.method(), head.target(), head.path()));
    assert_eq!((read.query(), read.host(), read.body()), (head.query(), head.host(), head.body()));
    let read: Lines = lines(read.headers()).iter().filter(is_kept).cloned().collect();
    assert_eq!(read, kept, "headers that were written");
}
