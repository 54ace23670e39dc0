//! One connection: its session, what it wants to send, and the reading and writing that all services have in common.

use std::collections::VecDeque;

use crore_base::payload::Payload;
use crore_base::time::Instant;
use crore_tcp::{CloseReason, ConnId, Engine, SendError};

/// Bytes that wait to be queued beyond which nothing more is read: the peer is to take its answers first.
const OUTBOX_BYTES_MAX: usize = 256 << 10;

/// What one connection is for.
pub(crate) trait Session {
    /// Bytes came.
    fn on_bytes(&mut self, bytes: &[u8], out: &mut Outbox);
    /// The peer has sent all it has to send, and all of it was taken.
    fn on_finish(&mut self, out: &mut Outbox) {
        out.ending = Ending::Finish;
    }
    /// Nothing waits to be sent.
    fn refill(&mut self, _out: &mut Outbox) {}
    /// The connection is over; what was wrong with it, if that is a defect.
    fn on_end(&mut self, _reason: CloseReason) -> Option<String> {
        None
    }
}

/// What is to happen when all is sent.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    /// Nothing.
    None,
    /// Our FIN.
    Finish,
    /// The connection is given up, in order if nothing is unread.
    Close,
    /// An RST.
    Abort,
}

/// What a session wants to send.
pub(crate) struct Outbox {
    queue: VecDeque<Payload>,
    bytes: usize,
    pub(crate) ending: Ending,
}

impl Outbox {
    pub(crate) fn push(&mut self, payload: Payload) {
        self.bytes += payload.len();
        self.queue.push_back(payload);
    }

    /// Nothing more is read from now on.
    pub(crate) fn fill(&mut self) {
        self.bytes = OUTBOX_BYTES_MAX;
    }

    /// Bytes that fit before a session should wait.
    pub(crate) fn room(&self) -> usize {
        OUTBOX_BYTES_MAX.saturating_sub(self.bytes)
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}

/// One connection: the session, what it wants to send, and how far it is.
pub(crate) struct Entry {
    pub(crate) conn: ConnId,
    pub(crate) session: Box<dyn Session>,
    pub(crate) out: Outbox,
    pub(crate) reads_from: Instant,
    /// The peer's end was told, and the session told of it.
    pub(crate) finished: (bool, bool),
    /// Our end was told to the engine.
    pub(crate) shut: bool,
}

impl Entry {
    /// A connection that has just been accepted or opened. Nothing is read before `reads_from`.
    pub(crate) fn new(conn: ConnId, session: Box<dyn Session>, reads_from: Instant) -> Self {
        let out = Outbox { queue: VecDeque::new(), bytes: 0, ending: Ending::None };
        Self { conn, session, out, reads_from, finished: (false, false), shut: false }
    }

    /// Takes what has come. True if there was something.
    pub(crate) fn read(&mut self, engine: &mut Engine, now: Instant) -> bool {
        if now < self.reads_from {
            return false;
        }
        let mut some = false;
        while self.out.room() > 0 {
            let Some(received) = engine.recv(self.conn) else {
                if self.finished == (true, false) {
                    self.finished.1 = true;
                    self.session.on_finish(&mut self.out);
                    some = true;
                }
                break;
            };
            self.session.on_bytes(engine.bytes(&received), &mut self.out);
            engine.give_back(received);
            some = true;
        }
        some
    }

    /// Queues what fits. True if something did.
    pub(crate) fn write(&mut self, engine: &mut Engine, payload_max: usize) -> bool {
        let mut some = false;
        loop {
            if self.out.queue.is_empty() && self.out.ending == Ending::None {
                self.session.refill(&mut self.out);
            }
            let Some(first) = self.out.queue.front() else { return some };
            if first.len() > payload_max {
                self.split_first(payload_max);
                continue;
            }
            match engine.send(self.conn, first.clone()) {
                Ok(()) => {}
                Err(SendError::Full | SendError::Busy) => return some,
                // Nothing can be sent any more: the event that says why is on its way.
                Err(SendError::Closed) => {
                    self.out.queue.clear();
                    self.out.bytes = 0;
                    return some;
                }
                Err(SendError::TooLarge) => unreachable!("payloads fit the send queue"),
            }
            let sent = self.out.queue.pop_front().expect("it was just sent");
            self.out.bytes -= sent.len();
            some = true;
        }
    }

    fn split_first(&mut self, payload_max: usize) {
        let Some(first) = self.out.queue.pop_front() else { return };
        for part in first.chunks(payload_max).rev() {
            self.out.queue.push_front(Payload::from(part));
        }
    }
}
