//! Every connection's session: reading, writing and ending, whatever the service.
//!
//! Invariant: a connection that the engine knows by a name has a session here under its slot, from being accepted or opened
//! until its name is given back.

use std::collections::{BTreeMap, VecDeque};

use crore_base::time::{Duration, Instant};
use crore_tcp::{CloseReason, ConnId, Engine, Event, Listen, ListenerId, Options, Ready};
use crore_wire::ip::{Ip, Prefix};

use crate::Outcome;
use crate::arguments::Serve;
use crate::client::Opener;
use crate::entry::{Ending, Entry, Session};
use crate::pattern::Blocks;
use crate::services::{SERVICES, Service};

/// Bytes of a payload at most, unless the send queue holds less.
const PAYLOAD_BYTES_MAX: usize = 128 << 10;

/// See the module.
pub(crate) struct Sessions {
    listeners: Vec<(ListenerId, Service)>,
    table: Vec<Option<Entry>>,
    pub(crate) live: u32,
    opener: Option<Opener>,
    pub(crate) blocks: Blocks,
    laziness: Duration,
    /// Those who read later, in order.
    lazy: VecDeque<(Instant, ConnId)>,
    wake: Option<Instant>,
    payload_max: usize,
    /// What happened, by name.
    pub(crate) tally: BTreeMap<String, u64>,
    defects: Vec<String>,
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            listeners: Vec::new(),
            table: Vec::new(),
            live: 0,
            opener: None,
            blocks: Blocks::new(),
            laziness: Duration::ZERO,
            lazy: VecDeque::new(),
            wake: None,
            payload_max: PAYLOAD_BYTES_MAX,
            tally: BTreeMap::new(),
            defects: Vec::new(),
        }
    }
}

impl Sessions {
    /// Listens at the ports of all services, on all addresses of both families.
    pub(crate) fn listen(&mut self, engine: &mut Engine, serve: &Serve, options: &Options) -> Outcome<()> {
        self.laziness = serve.laziness;
        self.payload_max = PAYLOAD_BYTES_MAX.min(options.send_bytes_max as usize);
        for service in SERVICES {
            for any in ["0.0.0.0/0", "::/0"] {
                let local: Prefix = any.parse()?;
                let listen = Listen { local, port: service.port, backlog: serve.backlog, options: *options };
                self.listeners.push((engine.listen(listen)?, *service));
            }
        }
        Ok(())
    }

    /// Opens connections instead.
    pub(crate) fn open(&mut self, opener: Opener) {
        self.payload_max = PAYLOAD_BYTES_MAX.min(opener.send_bytes_max());
        self.opener = Some(opener);
    }

    /// Whether everything that was to be opened has come to its end.
    pub(crate) fn is_over(&self) -> bool {
        self.opener.as_ref().is_some_and(Opener::is_over) && self.live == 0
    }

    pub(crate) fn on_event(&mut self, engine: &mut Engine, now: Instant, event: Event) {
        match event {
            Event::Acceptable(listener) => self.accept(engine, now, listener),
            Event::Connection { conn, ready, reason, .. } => self.on_ready(engine, now, conn, ready, reason),
        }
    }

    fn accept(&mut self, engine: &mut Engine, now: Instant, listener: ListenerId) {
        let found = self.listeners.iter().find(|(id, _)| *id == listener);
        let Some((_, service)) = found.copied() else { return };
        while let Some(conn) = engine.accept(listener) {
            self.count("accepted");
            let reads_from = if service.lazy { now + self.laziness } else { now };
            if service.lazy {
                self.lazy.push_back((reads_from, conn));
            }
            let session = (service.begin)(&self.blocks);
            self.add(conn, session, reads_from);
            self.step(engine, now, conn);
        }
    }

    fn add(&mut self, conn: ConnId, session: Box<dyn Session>, reads_from: Instant) {
        let slot = conn.index() as usize;
        if slot >= self.table.len() {
            self.table.resize_with(slot + 1, || None);
        }
        assert!(self.table[slot].is_none(), "the engine gave out a slot twice");
        self.table[slot] = Some(Entry::new(conn, session, reads_from));
        self.live += 1;
    }

    fn on_ready(&mut self, engine: &mut Engine, now: Instant, conn: ConnId, ready: Ready, reason: Option<CloseReason>) {
        let noted = [(Ready::URGENT, "urgent"), (Ready::SOFT_ERROR, "soft errors"), (Ready::FALTERING, "faltering")];
        for (bit, name) in noted {
            if ready.contains(bit) {
                self.count(name);
            }
        }
        let Some(entry) = self.entry(conn) else {
            self.defects.push(format!("an event {ready:?} for a connection that was given back"));
            return;
        };
        entry.finished.0 |= ready.contains(Ready::FINISHED);
        self.step(engine, now, conn);
        if ready.contains(Ready::CLOSED) && self.entry(conn).is_some() {
            let reason = reason.expect("a connection that is closed has a reason");
            // A peer that reads late has not been read from; a service that does has until its time.
            self.count(&format!("{reason:?}"));
            let entry = self.remove(conn).expect("it was just there");
            self.settle(entry, reason);
            engine.close(conn);
        }
    }

    fn settle(&mut self, mut entry: Entry, reason: CloseReason) {
        if let Some(defect) = entry.session.on_end(reason) {
            self.defects.push(defect);
        }
        if let Some(opener) = &mut self.opener {
            opener.ended += 1;
        }
    }

    /// Does what can be done on a connection now.
    fn step(&mut self, engine: &mut Engine, now: Instant, conn: ConnId) {
        let payload_max = self.payload_max;
        let Some(entry) = self.entry(conn) else { return };
        loop {
            let read = entry.read(engine, now);
            let wrote = entry.write(engine, payload_max);
            if !read && !wrote {
                break;
            }
        }
        let ending = entry.out.ending;
        if !entry.out.is_empty() || ending == Ending::None {
            return;
        }
        match ending {
            Ending::Finish if !entry.shut => entry.shut = engine.shutdown(conn),
            Ending::Close | Ending::Abort => {
                let (gave_up, name) = match ending {
                    Ending::Close => (engine.close(conn), "given up"),
                    _ => (engine.abort(conn), "aborted"),
                };
                assert!(gave_up, "a session's connection has a name that is not stale");
                self.count(name);
                let entry = self.remove(conn).expect("it was just there");
                self.settle(entry, CloseReason::Aborted);
            }
            _ => {}
        }
    }

    /// Does what is due.
    pub(crate) fn on_time(&mut self, engine: &mut Engine, now: Instant) {
        while let Some(&(due, conn)) = self.lazy.front()
            && due <= now
        {
            self.lazy.pop_front();
            self.step(engine, now, conn);
        }
        self.wake = self.wake.filter(|wake| *wake > now);
        let Some(mut opener) = self.opener.take() else { return };
        while let Some(opened) = opener.open_one(engine, now, &self.blocks, self.live) {
            match opened {
                Ok((conn, session)) => {
                    self.add(conn, session, now);
                    self.step(engine, now, conn);
                }
                Err(error) => self.count(&error),
            }
        }
        self.opener = Some(opener);
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let lazy = self.lazy.front().map(|(due, _)| *due);
        [lazy, self.wake].into_iter().flatten().min()
    }

    /// Sees to it that the loop does not sleep beyond `at`.
    pub(crate) fn wake_at(&mut self, at: Instant) {
        self.wake = Some(at);
    }

    /// Nobody new comes in.
    pub(crate) fn leave(&mut self, engine: &mut Engine) {
        for (listener, _) in self.listeners.drain(..) {
            engine.unlisten(listener);
        }
        self.opener = None;
    }

    /// Resets every connection, those without a session too.
    pub(crate) fn abort_all(&mut self, engine: &mut Engine) {
        let conns: Vec<ConnId> = self.table.iter().flatten().map(|entry| entry.conn).collect();
        for conn in conns {
            self.remove(conn);
            engine.abort(conn);
        }
        self.lazy.clear();
    }

    /// The names of some connections.
    pub(crate) fn names(&self) -> impl Iterator<Item = ConnId> + '_ {
        self.table.iter().flatten().map(|entry| entry.conn)
    }

    /// What is wrong.
    pub(crate) fn problems(&self, engine: &Engine) -> Vec<String> {
        let mut problems = self.defects.clone();
        if self.live > engine.connection_count() {
            problems.push(format!("{} sessions, but {} connections", self.live, engine.connection_count()));
        }
        problems
    }

    pub(crate) fn count(&mut self, name: &str) {
        *self.tally.entry(name.to_owned()).or_default() += 1;
    }

    fn entry(&mut self, conn: ConnId) -> Option<&mut Entry> {
        self.table.get_mut(conn.index() as usize)?.as_mut().filter(|entry| entry.conn == conn)
    }

    fn remove(&mut self, conn: ConnId) -> Option<Entry> {
        let entry = self.table.get_mut(conn.index() as usize)?.take_if(|entry| entry.conn == conn)?;
        self.live -= 1;
        Some(entry)
    }
}

/// Where a text says `ip:port`, the engine wants its own address.
pub(crate) fn ip_of(address: std::net::IpAddr) -> Ip {
    Ip::from(address)
}
