//! The services, by port: each a small state machine over the bytes of one connection.

use crore_base::payload::Payload;

use crate::checksum::Crc32;
use crate::entry::{Ending, Outbox, Session};
use crate::http::Http;
use crate::pattern::{Blocks, Pattern};

/// A service at a port.
#[derive(Copy, Clone)]
pub(crate) struct Service {
    pub(crate) port: u16,
    /// It begins to read only after a while.
    pub(crate) lazy: bool,
    pub(crate) begin: fn(&Blocks) -> Box<dyn Session>,
}

const fn service(port: u16, begin: fn(&Blocks) -> Box<dyn Session>) -> Service {
    Service { port, lazy: false, begin }
}

/// Every service.
pub(crate) const SERVICES: &[Service] = &[
    // Sends back what comes, and finishes when the peer has.
    service(7, |_| Box::new(Echo)),
    // Reads and says nothing.
    service(9, |_| Box::new(Discard)),
    service(80, |blocks| Box::new(Http::new(blocks))),
    // Says how much came and its checksum, when the peer has finished.
    service(1001, |_| Box::<Sink>::default()),
    // Sends as many bytes as the first line says, their checksum, and its FIN.
    service(1002, |blocks| Box::new(Source::new(blocks))),
    // Sends back what came, but only when the peer has finished.
    service(1003, |_| Box::<LateEcho>::default()),
    // Resets the connection at the first byte.
    service(1004, |_| Box::new(Ends(Ending::Abort))),
    // Gives the connection up at the first byte that comes, without having read what came behind it.
    service(1005, |_| Box::new(Ends(Ending::Close))),
    // As 1001, but reads late.
    Service { port: 1006, lazy: true, begin: |_| Box::<Sink>::default() },
    // Finishes first, and then counts what comes.
    service(1007, |_| Box::<FirstToFinish>::default()),
    // Gives the connection up at once, before anything was said.
    service(1008, |_| Box::new(GoneAtOnce)),
];

struct Echo;

impl Session for Echo {
    fn on_bytes(&mut self, bytes: &[u8], out: &mut Outbox) {
        out.push(Payload::from(bytes));
    }
}

struct Discard;

impl Session for Discard {
    fn on_bytes(&mut self, _bytes: &[u8], _out: &mut Outbox) {}
}

struct Sink {
    bytes: u64,
    checksum: Crc32,
}

impl Default for Sink {
    fn default() -> Self {
        Self { bytes: 0, checksum: Crc32::new() }
    }
}

impl Session for Sink {
    fn on_bytes(&mut self, bytes: &[u8], _out: &mut Outbox) {
        self.bytes += bytes.len() as u64;
        self.checksum.add(bytes);
    }

    fn on_finish(&mut self, out: &mut Outbox) {
        out.push(Payload::from(format!("{} {:08x}\n", self.bytes, self.checksum.value())));
        out.ending = Ending::Finish;
    }
}

/// Bytes of a request line at most.
const LINE_BYTES_MAX: usize = 32;

struct Source {
    blocks: Blocks,
    line: Vec<u8>,
    pattern: Option<Pattern>,
    checksum: Crc32,
}

impl Source {
    fn new(blocks: &Blocks) -> Self {
        Self { blocks: blocks.clone(), line: Vec::new(), pattern: None, checksum: Crc32::new() }
    }
}

impl Session for Source {
    fn on_bytes(&mut self, bytes: &[u8], out: &mut Outbox) {
        if self.pattern.is_some() {
            return;
        }
        self.line.extend_from_slice(bytes);
        let Some(end) = self.line.iter().position(|byte| *byte == b'\n') else {
            if self.line.len() > LINE_BYTES_MAX {
                out.ending = Ending::Abort;
            }
            return;
        };
        let wanted = std::str::from_utf8(&self.line[..end]).ok().and_then(|line| line.trim().parse().ok());
        match wanted {
            Some(wanted) => self.pattern = Some(Pattern::new(&self.blocks, wanted, wanted)),
            None => out.ending = Ending::Abort,
        }
    }

    fn on_finish(&mut self, out: &mut Outbox) {
        if self.pattern.is_none() {
            out.ending = Ending::Finish;
        }
    }

    fn refill(&mut self, out: &mut Outbox) {
        let Some(pattern) = &mut self.pattern else { return };
        if pattern.is_over() {
            out.push(Payload::from(&self.checksum.value().to_be_bytes()));
            out.ending = Ending::Finish;
            return;
        }
        let part = pattern.next(usize::MAX);
        self.checksum.add(&part);
        out.push(part);
    }
}

#[derive(Default)]
struct LateEcho {
    parts: Vec<Payload>,
}

impl Session for LateEcho {
    fn on_bytes(&mut self, bytes: &[u8], _out: &mut Outbox) {
        self.parts.push(Payload::from(bytes));
    }

    fn on_finish(&mut self, out: &mut Outbox) {
        self.parts.drain(..).for_each(|part| out.push(part));
        out.ending = Ending::Finish;
    }
}

struct Ends(Ending);

impl Session for Ends {
    fn on_bytes(&mut self, _bytes: &[u8], out: &mut Outbox) {
        out.ending = self.0;
        // What was sent before is of no interest either.
        out.fill();
    }
}

#[derive(Default)]
struct FirstToFinish {
    bytes: u64,
}

impl Session for FirstToFinish {
    fn on_bytes(&mut self, bytes: &[u8], _out: &mut Outbox) {
        self.bytes += bytes.len() as u64;
    }

    fn on_finish(&mut self, _out: &mut Outbox) {}

    fn refill(&mut self, out: &mut Outbox) {
        out.push(Payload::from("goodbye\n"));
        out.ending = Ending::Finish;
    }
}

struct GoneAtOnce;

impl Session for GoneAtOnce {
    fn on_bytes(&mut self, _bytes: &[u8], _out: &mut Outbox) {}

    fn refill(&mut self, out: &mut Outbox) {
        out.ending = Ending::Close;
    }
}
