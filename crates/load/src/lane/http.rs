//! Answers of an HTTP server, one after the other on one connection, also when several requests were sent ahead.

use crore_http::{Limits, ResponseEvent, ResponseReader, Status};
use serde::Deserialize;

use crate::message::Refusal;

/// Reads answers as they come.
pub(crate) struct Answers {
    reader: ResponseReader,
    limits: Limits,
    status: Option<Status>,
    keeps: bool,
    /// The body so far, if bodies are wanted.
    body: Option<Vec<u8>>,
}

/// One whole answer, lent.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    pub(crate) status: Status,
    /// Empty if bodies are not wanted.
    pub(crate) body: &'a [u8],
    /// The server lets the connection go on.
    pub(crate) keeps: bool,
}

/// What the server's API says to `publish` and `history`.
#[derive(Deserialize)]
struct Reply<'a> {
    result: Option<Position>,
    #[serde(borrow)]
    error: Option<Refusal<'a>>,
}

#[derive(Deserialize)]
struct Position {
    offset: Option<u64>,
}

impl Answer<'_> {
    /// The offset in an answer of the server's API; none if the channel has no log.
    ///
    /// # Errors
    /// Another status than 200, what the API refuses, or what it would not say, as text.
    pub(crate) fn offset(&self) -> Result<Option<u64>, String> {
        if self.status != Status::OK {
            return Err(format!("status {}", self.status));
        }
        match serde_json::from_slice(self.body) {
            Ok(Reply { error: Some(error), .. }) => Err(error.text()),
            Ok(Reply { result: Some(result), .. }) => Ok(result.offset),
            Ok(_) => Err("an answer without result and error".to_owned()),
            Err(error) => Err(format!("an answer that is no JSON of the API ({error})")),
        }
    }
}

impl Answers {
    /// A reader that keeps bodies up to 64 KiB, ...
    pub(crate) fn with_bodies() -> Answers {
        Answers::new(Limits::default(), Some(Vec::new()))
    }

    /// ... or one that lets bodies of any size pass.
    pub(crate) fn without_bodies() -> Answers {
        Answers::new(Limits { body_bytes: u64::MAX, ..Limits::default() }, None)
    }

    fn new(limits: Limits, body: Option<Vec<u8>>) -> Answers {
        Answers { reader: ResponseReader::new(false, &limits), limits, status: None, keeps: true, body }
    }

    /// Takes bytes and hands over each answer that they complete.
    ///
    /// # Errors
    /// What is no HTTP, as text.
    pub(crate) fn take(&mut self, bytes: &[u8], mut each: impl FnMut(&Answer<'_>)) -> Result<(), String> {
        let mut at = 0;
        loop {
            let (used, event) = self.reader.on_input(&bytes[at..]).map_err(|error| format!("bad HTTP: {error}"))?;
            let from = at;
            at += used;
            match event {
                None => return Ok(()),
                Some(ResponseEvent::Interim(_)) => {}
                Some(ResponseEvent::Head(head)) => {
                    self.status = Some(head.status());
                    self.keeps = head.keep_alive();
                }
                Some(ResponseEvent::Data(range)) => {
                    if let Some(body) = &mut self.body {
                        body.extend_from_slice(&bytes[from + range.start..from + range.end]);
                    }
                }
                Some(ResponseEvent::Done) => {
                    let status = self.status.take().expect("a response is done after its head");
                    each(&Answer { status, body: self.body.as_deref().unwrap_or_default(), keeps: self.keeps });
                    self.body.iter_mut().for_each(Vec::clear);
                    self.reader = ResponseReader::new(false, &self.limits);
                }
            }
        }
    }

    /// The stream has ended; hands over an answer whose end was just that.
    ///
    /// # Errors
    /// It was in the middle of one.
    pub(crate) fn end(&mut self, mut each: impl FnMut(&Answer<'_>)) -> Result<(), String> {
        match (self.status, self.reader.on_end()) {
            (Some(status), Ok(true)) => {
                each(&Answer { status, body: self.body.as_deref().unwrap_or_default(), keeps: false });
                Ok(())
            }
            _ => Err("closed by the server".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi\
        HTTP/1.1 503 Service Unavailable\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nbye\r\n0\r\n\r\n";

    #[test]
    fn answers_sent_together_or_a_byte_at_a_time_are_the_same() {
        for size in [1, 2, 7, TWO.len()] {
            let mut answers = Answers::with_bodies();
            let mut seen = Vec::new();
            for part in TWO.chunks(size) {
                let each = |answer: &Answer<'_>| seen.push((answer.status.code(), answer.body.to_vec(), answer.keeps));
                answers.take(part, each).unwrap();
            }
            assert_eq!(seen, [(200, b"hi".to_vec(), true), (503, b"bye".to_vec(), false)]);
        }
    }

    #[test]
    fn an_answer_of_the_api_has_an_offset_or_says_why_not() {
        let offset = |status, body: &str| Answer { status, body: body.as_bytes(), keeps: true }.offset();
        assert_eq!(offset(Status::OK, r#"{"result":{"offset":7,"epoch":"BXLK"}}"#), Ok(Some(7)));
        assert_eq!(offset(Status::OK, r#"{"result":{}}"#), Ok(None));
        let refused = offset(Status::OK, r#"{"error":{"code":102,"message":"unknown channel"}}"#);
        assert_eq!(refused.unwrap_err(), "102 unknown channel");
        assert!(offset(Status::OK, "{}").unwrap_err().contains("without result"));
        assert!(offset(Status::OK, "[").unwrap_err().contains("no JSON"));
        assert!(offset(Status::UNAUTHORIZED, "").unwrap_err().contains("401"));
    }

    #[test]
    fn an_answer_may_end_with_the_stream_but_not_in_its_middle() {
        let mut answers = Answers::without_bodies();
        answers.take(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall", |_| panic!("not yet whole")).unwrap();
        let mut count = 0;
        answers.end(|answer| count += u32::from(answer.status.code() == 200)).unwrap();
        assert_eq!(count, 1);
        let mut cut = Answers::without_bodies();
        cut.take(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nal", |_| panic!("not whole")).unwrap();
        assert!(cut.end(|_| panic!("not whole")).is_err());
    }
}
