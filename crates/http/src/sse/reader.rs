//! The client's side of an event stream.

use super::SseError;
use crate::SseLimits;

/// An event, lent until the next call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// Its name; `message` if it has none.
    pub event: &'a str,
    /// Its data: the lines joined by line feeds.
    pub data: &'a str,
    /// The id to send as `Last-Event-ID` when coming back; that of an earlier event if this one has none.
    pub id: &'a str,
}

/// Reads an event stream. Keeps the line and the event that are incomplete, and the last id.
#[derive(Debug)]
pub struct Reader {
    limits: SseLimits,
    /// The line that is not complete.
    line: Vec<u8>,
    /// The last byte was CR: a line feed that follows belongs to it.
    after_return: bool,
    is_first_line: bool,
    event: String,
    data: String,
    has_data: bool,
    id: String,
    /// The id of the block that is not complete: it counts when the block does (WHATWG HTML, section 9.2.6).
    id_of_block: Option<String>,
    retry_ms: Option<u64>,
    /// `event` and `data` are what the last call returned.
    is_lent: bool,
}

impl Reader {
    /// A reader at the start of a stream.
    pub fn new(limits: &SseLimits) -> Self {
        Reader {
            limits: *limits,
            line: Vec::new(),
            after_return: false,
            is_first_line: true,
            event: String::new(),
            data: String::new(),
            has_data: false,
            id: String::new(),
            id_of_block: None,
            retry_ms: None,
            is_lent: false,
        }
    }

    /// The id of the last event, or of the last block that had an id and no data: where to go on from.
    pub fn last_event_id(&self) -> &str {
        &self.id
    }

    /// How long the server asked to wait before coming back, if it did.
    pub fn retry_ms(&self) -> Option<u64> {
        self.retry_ms
    }

    /// Takes bytes that follow those consumed before. Returns how many were consumed and the event that they
    /// complete; without an event everything was.
    ///
    /// # Errors
    /// [`SseError::TooLarge`]; the reader is of no use afterwards.
    pub fn on_input(&mut self, input: &[u8]) -> Result<(usize, Option<Event<'_>>), SseError> {
        if self.is_lent {
            self.forget_event();
        }
        let mut at = 0;
        while at < input.len() {
            if core::mem::take(&mut self.after_return) && input[at] == b'\n' {
                at += 1;
                continue;
            }
            let rest = &input[at..];
            let end = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
            if self.line.len() + end > self.limits.event_bytes as usize {
                return Err(SseError::TooLarge { limit: self.limits.event_bytes });
            }
            self.line.extend_from_slice(&rest[..end]);
            at += end;
            if end == rest.len() {
                break;
            }
            self.after_return = input[at] == b'\r';
            at += 1;
            if self.end_line()? {
                self.is_lent = true;
                let event = if self.event.is_empty() { "message" } else { &self.event };
                return Ok((at, Some(Event { event, data: &self.data, id: &self.id })));
            }
        }
        assert!(at == input.len(), "without an event everything is consumed");
        Ok((at, None))
    }

    /// Acts on the line that is complete; returns whether it ends an event.
    fn end_line(&mut self) -> Result<bool, SseError> {
        let line = core::mem::take(&mut self.line);
        let mut bytes = &line[..];
        if core::mem::take(&mut self.is_first_line) {
            bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
        }
        if bytes.is_empty() {
            if let Some(id) = self.id_of_block.take() {
                self.id = id;
            }
            if !self.has_data {
                self.forget_event();
            }
            return Ok(self.has_data);
        }
        let text = String::from_utf8_lossy(bytes);
        let (name, value) = text.split_once(':').unwrap_or((&text, ""));
        self.field(name, value.strip_prefix(' ').unwrap_or(value))?;
        self.line = line;
        self.line.clear();
        Ok(false)
    }

    fn field(&mut self, name: &str, value: &str) -> Result<(), SseError> {
        match name {
            "event" => value.clone_into(&mut self.event),
            "data" => {
                if self.data.len() + value.len() + 1 > self.limits.event_bytes as usize {
                    return Err(SseError::TooLarge { limit: self.limits.event_bytes });
                }
                if self.has_data {
                    self.data.push('\n');
                }
                self.data.push_str(value);
                self.has_data = true;
            }
            "id" if !value.contains('\0') => self.id_of_block = Some(value.to_owned()),
            "retry" if value.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.retry_ms = value.parse().ok().or(self.retry_ms);
            }
            // A comment, or a field of another standard's: ignored.
            _ => {}
        }
        Ok(())
    }

    fn forget_event(&mut self) {
        // Not cleared: a stream that waits keeps no memory but the last id.
        self.event = String::new();
        self.data = String::new();
        self.has_data = false;
        self.is_lent = false;
    }
}
