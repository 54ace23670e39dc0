//! HTTP/1.1 as far as curl needs it: `GET` and `HEAD` of `/` and of `/bytes/N`, several requests on a connection, one after the
//! other or pipelined. Bodies of `/bytes/N` come with their CRC-32 in the header `X-Crc32`.

use crore_base::payload::Payload;

use crate::checksum::Crc32;
use crate::entry::{Ending, Outbox, Session};
use crate::pattern::{Blocks, Pattern};

const HEAD_BYTES_MAX: usize = 8192;
/// Bytes of a body at most: its checksum is computed before it is sent, which takes a moment.
const BODY_BYTES_MAX: u64 = 256 << 20;
const END_OF_HEAD: &[u8] = b"\r\n\r\n";
const GREETING: &str = "crore's own TCP/IP\n";

/// One connection of a client.
pub(crate) struct Http {
    blocks: Blocks,
    input: Vec<u8>,
    body: Option<Pattern>,
    /// The connection ends after this answer.
    last: bool,
    /// The client has sent all it has to send.
    finished: bool,
}

impl Http {
    pub(crate) fn new(blocks: &Blocks) -> Self {
        Self { blocks: blocks.clone(), input: Vec::new(), body: None, last: false, finished: false }
    }

    fn answer(&mut self, head: &str, out: &mut Outbox) {
        let mut words = head.split_ascii_whitespace();
        let (method, path, version) = (words.next(), words.next(), words.next());
        let asks_to_close = head.to_ascii_lowercase().contains("\r\nconnection: close");
        self.last |= asks_to_close || version != Some("HTTP/1.1");
        let is_head = method == Some("HEAD");
        let wanted = path.and_then(|path| path.strip_prefix("/bytes/")).map(str::parse::<u64>);
        match (method, path, wanted) {
            (Some("GET" | "HEAD"), Some("/"), _) => self.say(out, "200 OK", "", GREETING, is_head),
            (Some("GET" | "HEAD"), _, Some(Ok(bytes @ ..=BODY_BYTES_MAX))) => self.say_bytes(out, bytes, is_head),
            (Some("GET" | "HEAD"), Some(_), _) => self.say(out, "404 Not Found", "", "not found\n", is_head),
            (Some(_), Some(_), _) => {
                // What a body of another method would be is not known here.
                self.last = true;
                self.say(out, "405 Method Not Allowed", "Allow: GET, HEAD\r\n", "not allowed\n", false);
            }
            _ => {
                self.last = true;
                self.say(out, "400 Bad Request", "", "bad request\n", false);
            }
        }
    }

    fn say(&self, out: &mut Outbox, status: &str, extra: &str, body: &str, is_head: bool) {
        let connection = if self.last { "close" } else { "keep-alive" };
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n{extra}Connection: {connection}\r\n\r\n",
            body.len()
        );
        out.push(Payload::from(if is_head { head } else { head + body }));
    }

    fn say_bytes(&mut self, out: &mut Outbox, bytes: u64, is_head: bool) {
        let mut pattern = Pattern::new(&self.blocks, bytes, bytes);
        let mut checksum = Crc32::new();
        while !pattern.is_over() {
            checksum.add(&pattern.next(usize::MAX));
        }
        let connection = if self.last { "close" } else { "keep-alive" };
        out.push(Payload::from(format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {bytes}\r\nX-Crc32: {:08x}\r\n\
             Connection: {connection}\r\n\r\n",
            checksum.value()
        )));
        if !is_head {
            self.body = Some(Pattern::new(&self.blocks, bytes, bytes));
        }
    }
}

impl Session for Http {
    fn on_bytes(&mut self, bytes: &[u8], _out: &mut Outbox) {
        if !self.last {
            self.input.extend_from_slice(bytes);
        }
    }

    fn on_finish(&mut self, _out: &mut Outbox) {
        self.finished = true;
    }

    /// Goes on with the body, or takes the next request.
    fn refill(&mut self, out: &mut Outbox) {
        if let Some(body) = &mut self.body {
            if !body.is_over() {
                out.push(body.next(usize::MAX));
                return;
            }
            self.body = None;
        }
        if self.last {
            out.ending = Ending::Finish;
            return;
        }
        let end = self.input.windows(END_OF_HEAD.len()).position(|window| window == END_OF_HEAD);
        match end {
            Some(end) => {
                let head: Vec<u8> = self.input.drain(..end + END_OF_HEAD.len()).collect();
                self.answer(&String::from_utf8_lossy(&head), out);
            }
            None if self.input.len() > HEAD_BYTES_MAX => {
                self.last = true;
                self.say(out, "431 Request Header Fields Too Large", "", "too large\n", false);
            }
            None if self.finished => out.ending = Ending::Finish,
            None => {}
        }
    }
}
