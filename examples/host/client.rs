//! Active opens to an echo server: each connection sends a stream of its own and checks what comes back.

use crore_base::time::Instant;
use crore_tcp::{CloseReason, ConnId, Engine, Options, Source};

use crate::arguments::Connect;
use crate::checksum::Crc32;
use crate::entry::{Ending, Outbox, Session};
use crate::pattern::{Blocks, Pattern};
use crate::sessions::ip_of;

/// Opens what is to be opened.
pub(crate) struct Opener {
    plan: Connect,
    options: Options,
    opened: u32,
    refused: u32,
    pub(crate) ended: u32,
}

impl Opener {
    pub(crate) fn new(plan: &Connect, options: Options) -> Self {
        Self { plan: plan.clone(), options, opened: 0, refused: 0, ended: 0 }
    }

    pub(crate) fn send_bytes_max(&self) -> usize {
        self.options.send_bytes_max as usize
    }

    pub(crate) fn is_over(&self) -> bool {
        self.opened + self.refused >= self.plan.connections && self.ended >= self.opened
    }

    /// Opens the next connection, if it is time for it. The error is why it cannot be.
    #[allow(clippy::type_complexity)]
    pub(crate) fn open_one(
        &mut self,
        engine: &mut Engine,
        now: Instant,
        blocks: &Blocks,
        live: u32,
    ) -> Option<Result<(ConnId, Box<dyn Session>), String>> {
        if self.opened + self.refused >= self.plan.connections || live >= self.plan.parallel {
            return None;
        }
        let connect = crore_tcp::Connect {
            source: Source::Any,
            source_port: self.plan.source_port,
            remote: ip_of(self.plan.to.ip()),
            remote_port: self.plan.to.port(),
            options: self.options,
        };
        Some(match engine.connect(now, connect) {
            Ok(conn) => {
                self.opened += 1;
                let pattern = Pattern::new(blocks, u64::from(self.opened), self.plan.bytes);
                let session = EchoCheck { pattern, left: self.plan.bytes, sent: Crc32::new(), received: Crc32::new() };
                Ok((conn, Box::new(session)))
            }
            Err(error) => {
                self.refused += 1;
                Err(error.to_string())
            }
        })
    }
}

struct EchoCheck {
    pattern: Pattern,
    /// Bytes that have not come back yet.
    left: u64,
    sent: Crc32,
    received: Crc32,
}

impl Session for EchoCheck {
    fn on_bytes(&mut self, bytes: &[u8], out: &mut Outbox) {
        self.received.add(bytes);
        self.left = self.left.saturating_sub(bytes.len() as u64);
        if self.left == 0 {
            out.ending = Ending::Finish;
        }
    }

    fn refill(&mut self, out: &mut Outbox) {
        if !self.pattern.is_over() {
            let part = self.pattern.next(out.room());
            self.sent.add(&part);
            out.push(part);
        }
    }

    fn on_end(&mut self, reason: CloseReason) -> Option<String> {
        if reason != CloseReason::InOrder {
            return None;
        }
        let complete = self.left == 0 && self.pattern.is_over();
        match complete && self.sent == self.received {
            true => None,
            false => {
                Some(format!("{} bytes have not come back, or other ones did, though the end was in order", self.left))
            }
        }
    }
}
