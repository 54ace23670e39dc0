//! Opening connections, each verified by a byte of its own, and exchanging 64 bytes over them.

use crore_base::payload::Payload;
use crore_base::random::Rng;
use crore_base::time::Instant;
use crore_tcp::{Connect, ConnectError, Engine, Event, Options, Ready, Source};
use crore_wire::ip::{Ip, Prefix};

use crate::host::Application;
use crate::server::{ECHO, SERVER};

/// Bytes of a request and of its response.
pub(crate) const EXCHANGE_BYTES: usize = 64;
/// Handshakes that are under way at once.
const OPENING_MAX: u32 = 1024;
/// How far ahead connections are chosen, so that their control blocks are in cache when they are used.
const AHEAD: usize = 64;

/// Opens connections until there are enough; the server echoes a byte on each.
pub(crate) struct Opening {
    pub(crate) wanted: u32,
    pub(crate) opened: u32,
    pub(crate) verified: u32,
    pub(crate) failure: Option<String>,
    source: Source,
    bytes: Vec<Payload>,
}

impl Opening {
    pub(crate) fn new(wanted: u32, source: Prefix) -> Self {
        let bytes = (0..=u8::MAX).map(|byte| Payload::from(&[byte])).collect();
        Self { wanted, opened: 0, verified: 0, failure: None, source: Source::Range(source), bytes }
    }

    /// Starts handshakes as long as not too many are under way.
    pub(crate) fn push(&mut self, engine: &mut Engine, now: Instant) {
        while self.opened < self.wanted && self.opened - self.verified < OPENING_MAX {
            match engine.connect(now, to_server(self.source, ECHO, Options::default())) {
                Ok(conn) => {
                    engine.set_token(conn, self.opened);
                    self.opened += 1;
                }
                Err(ConnectError::Full) => return,
                Err(error) => {
                    self.failure = Some(error.to_string());
                    return;
                }
            }
        }
    }
}

impl Application for Opening {
    fn on_event(&mut self, engine: &mut Engine, _now: Instant, event: Event) {
        let Event::Connection { conn, token, ready, reason } = event else { return };
        if ready.contains(Ready::OPENED) {
            let byte = self.bytes[usize::from(byte_of(token))].clone();
            engine.send(conn, byte).expect("a byte fits an empty send queue");
        }
        if ready.contains(Ready::READABLE)
            && let Some(received) = engine.recv(conn)
        {
            let right = engine.bytes(&received) == [byte_of(token)];
            engine.give_back(received);
            if right {
                self.verified += 1;
            } else {
                self.failure = Some(format!("connection {token} was sent back something else"));
            }
        }
        if ready.contains(Ready::CLOSED) {
            self.failure = Some(format!("connection {token} was closed: {reason:?}"));
        }
    }
}

/// How to get to the server.
pub(crate) fn to_server(source: Source, port: u16, options: Options) -> Connect {
    Connect { source, source_port: None, remote: Ip::v4(SERVER), remote_port: port, options }
}

/// The byte that belongs to a connection.
fn byte_of(token: u32) -> u8 {
    (token.wrapping_mul(0x9e37_79b1) >> 24) as u8
}

/// Keeps a number of exchanges under way, each on a connection of the first `among`, chosen at random.
pub(crate) struct Exchanges {
    pub(crate) completed: u64,
    pub(crate) failure: Option<String>,
    among: u32,
    /// One bit for each connection: an exchange is under way on it.
    busy: Vec<u64>,
    under_way: u32,
    random: Rng,
    /// Who comes next, already asked into cache.
    next: std::collections::VecDeque<u32>,
}

impl Exchanges {
    pub(crate) fn new(among: u32) -> Self {
        let busy = vec![0; among.div_ceil(64) as usize];
        let next = std::collections::VecDeque::with_capacity(AHEAD);
        Self { completed: 0, failure: None, among, busy, under_way: 0, random: Rng::from_seed(1), next }
    }

    /// Starts exchanges until `at_once` are under way.
    pub(crate) fn push(&mut self, engine: &mut Engine, at_once: u32) {
        while self.under_way < at_once && self.failure.is_none() {
            let index = self.choose(engine);
            let Some(conn) = engine.connection_at(index) else {
                self.failure = Some(format!("connection {index} is gone"));
                return;
            };
            let request = Payload::from(&request_of(index));
            engine.send(conn, request).expect("one request fits the send queue");
            self.under_way += 1;
        }
    }

    fn choose(&mut self, engine: &Engine) -> u32 {
        while self.next.len() < AHEAD.min(self.among as usize / 8) {
            let index = self.random.below(u64::from(self.among)) as u32;
            let (word, bit) = (index as usize / 64, 1 << (index % 64));
            if self.busy[word] & bit == 0 {
                self.busy[word] |= bit;
                engine.prefetch(index);
                self.next.push_back(index);
            }
        }
        self.next.pop_front().expect("there is always one ahead")
    }

    pub(crate) fn is_over(&self) -> bool {
        self.under_way == 0
    }
}

impl Application for Exchanges {
    fn on_event(&mut self, engine: &mut Engine, _now: Instant, event: Event) {
        let Event::Connection { conn, token, ready, reason } = event else { return };
        if ready.contains(Ready::READABLE)
            && let Some(received) = engine.recv(conn)
        {
            let right = engine.bytes(&received) == request_of(token);
            engine.give_back(received);
            self.busy[token as usize / 64] &= !(1 << (token % 64));
            self.under_way -= 1;
            self.completed += 1;
            if !right {
                self.failure = Some(format!("connection {token} was sent back something else"));
            }
        }
        if ready.contains(Ready::CLOSED) {
            self.failure = Some(format!("connection {token} was closed: {reason:?}"));
        }
    }
}

/// The request of a connection: no two have the same.
pub(crate) fn request_of(token: u32) -> [u8; EXCHANGE_BYTES] {
    let mut request = [0x5a; EXCHANGE_BYTES];
    request[..4].copy_from_slice(&token.to_le_bytes());
    request[60..].copy_from_slice(&(!token).to_le_bytes());
    request
}
