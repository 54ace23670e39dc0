//! Whole lives of connections (open, 64 bytes each way, close), and bulk data one way.

use crore_base::payload::Payload;
use crore_base::time::Instant;
use crore_tcp::{ConnId, ConnectError, Engine, Event, Options, Ready, SendError, Source};
use crore_wire::ip::Prefix;

use crate::exchange::{request_of, to_server};
use crate::host::Application;
use crate::server::{BULK_WINDOW, ECHO, SINK};

/// Lives that are under way at once.
const AT_ONCE: u32 = 512;

/// Opens connections, exchanges 64 bytes on each, and closes it.
pub(crate) struct Lives {
    pub(crate) completed: u64,
    pub(crate) failure: Option<String>,
    under_way: u32,
    source: Source,
    next: u32,
}

impl Lives {
    pub(crate) fn new(source: Prefix) -> Self {
        Self { completed: 0, failure: None, under_way: 0, source: Source::Range(source), next: 1 << 31 }
    }

    pub(crate) fn push(&mut self, engine: &mut Engine, now: Instant) {
        while self.under_way < AT_ONCE && self.failure.is_none() {
            match engine.connect(now, to_server(self.source, ECHO, Options::default())) {
                Ok(conn) => {
                    engine.set_token(conn, self.next);
                    self.next = self.next.wrapping_add(1);
                    self.under_way += 1;
                }
                Err(ConnectError::Full) => return,
                Err(error) => self.failure = Some(error.to_string()),
            }
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.under_way == 0
    }
}

impl Application for Lives {
    fn on_event(&mut self, engine: &mut Engine, _now: Instant, event: Event) {
        let Event::Connection { conn, token, ready, reason } = event else { return };
        if ready.contains(Ready::OPENED) {
            let request = Payload::from(&request_of(token));
            engine.send(conn, request).expect("one request fits the send queue");
        }
        if ready.contains(Ready::READABLE)
            && let Some(received) = engine.recv(conn)
        {
            if engine.bytes(&received) != request_of(token) {
                self.failure = Some(format!("connection {token} was sent back something else"));
            }
            engine.give_back(received);
            engine.close(conn);
            self.under_way -= 1;
            self.completed += 1;
        } else if ready.contains(Ready::CLOSED) {
            self.failure = Some(format!("connection {token} was closed: {reason:?}"));
        }
    }
}

/// Sends as fast as it can over one connection.
pub(crate) struct Bulk {
    pub(crate) failure: Option<String>,
    conn: ConnId,
    block: Payload,
    queued: u64,
}

impl Bulk {
    const BLOCK_BYTES: usize = 128 << 10;

    pub(crate) fn open(engine: &mut Engine, now: Instant, source: Prefix) -> Result<Self, ConnectError> {
        let options = Options { send_bytes_max: 2 * BULK_WINDOW, ..Options::default() };
        let conn = engine.connect(now, to_server(Source::Range(source), SINK, options))?;
        engine.set_token(conn, u32::MAX);
        let block = (0..Self::BLOCK_BYTES).map(|i| i as u8).collect::<Vec<u8>>();
        Ok(Self { failure: None, conn, block: block.into(), queued: 0 })
    }

    pub(crate) fn push(&mut self, engine: &mut Engine) {
        loop {
            match engine.send(self.conn, self.block.clone()) {
                Ok(()) => self.queued += Self::BLOCK_BYTES as u64,
                Err(SendError::Full | SendError::Busy) => return,
                Err(error) => {
                    self.failure = Some(error.to_string());
                    return;
                }
            }
        }
    }

    /// Bytes that the server's end has acknowledged.
    pub(crate) fn delivered(&self, engine: &Engine) -> u64 {
        let waiting = engine.statistics(self.conn).map_or(0, |look| look.queued);
        self.queued - u64::from(waiting)
    }

    pub(crate) fn end(&self, engine: &mut Engine) {
        engine.abort(self.conn);
    }
}

impl Application for Bulk {
    fn on_event(&mut self, _engine: &mut Engine, _now: Instant, event: Event) {
        let Event::Connection { ready, reason, .. } = event else { return };
        if ready.contains(Ready::CLOSED) {
            self.failure = Some(format!("the bulk transfer was closed: {reason:?}"));
        }
    }
}
