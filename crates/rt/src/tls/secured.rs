//! What a stream does once it is secured: between the calls of its task and the driver below.
//!
//! Every byte that the driver lends is ciphertext and goes through the session; every payload is encrypted before it is enqueued.
//! Whether the send queue has room is asked before that, because a record that was made must be sent. Invariants: no ciphertext is
//! read while plaintext waits to be taken; payloads wait here only while the handshake is under way.

use std::collections::VecDeque;
use std::io;
use std::task::{Context, Poll, ready};

use crore_base::payload::Payload;
use rustls::Error;
use rustls::pki_types::ServerName;

use super::session::{Output, Session};
use super::{TlsClient, TlsEvent, TlsServer, sealed_bytes};
use crate::driver::{Close, ConnectionId, Lease, Room};
use crate::executor::budget;
use crate::limits::{LEASE_BYTES, TLS_PIECE_BYTES};
use crate::net::SendError;
use crate::worker::Worker;

/// The session of one stream, and what waits at both its ends.
pub(crate) struct Secured {
    id: ConnectionId,
    session: Session,
    /// Decrypted, and more than a lease held.
    plaintext: Vec<u8>,
    /// Sent before the handshake was over.
    waiting: VecDeque<Payload>,
    /// What they will take when they are encrypted.
    waiting_bytes: u32,
    /// Our direction is ended, or will be when the handshake is over.
    is_shut: bool,
    /// Why nothing more can be sent or received.
    failure: Option<Box<Failure>>,
}

struct Failure {
    kind: io::ErrorKind,
    text: String,
}

impl Secured {
    /// A server's end of a connection that was accepted.
    pub(crate) fn server(id: ConnectionId, tls: &TlsServer) -> io::Result<Secured> {
        let session = Session::server(tls.config()).map_err(io::Error::other)?;
        Ok(Secured::new(id, session))
    }

    /// A client's end of a connection; its first record is enqueued.
    pub(crate) fn client(worker: &Worker, id: ConnectionId, tls: &TlsClient, name: &str) -> io::Result<Secured> {
        let server = ServerName::try_from(name).map_err(|_| {
            io::Error::new(io::ErrorKind::InvalidInput, format!("{name:?} is neither a host's name nor an address"))
        })?;
        let mut session = Session::client(tls.config(), server.to_owned()).map_err(io::Error::other)?;
        let mut scratch = worker.tls().scratch();
        session.begin(&mut scratch).map_err(io::Error::other)?;
        assert!(!scratch.records.is_empty(), "a client speaks first");
        enqueue(worker, id, &scratch.records)?;
        Ok(Secured::new(id, session))
    }

    fn new(id: ConnectionId, session: Session) -> Secured {
        Secured {
            id,
            session,
            plaintext: Vec::new(),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            is_shut: false,
            failure: None,
        }
    }

    /// The next plaintext, at most a lease of it; none: the peer has said goodbye.
    pub(crate) fn poll_recv(&mut self, worker: &Worker, context: &Context<'_>) -> Poll<io::Result<Lease>> {
        loop {
            if !self.plaintext.is_empty() {
                return Poll::Ready(Ok(self.take_kept()));
            }
            if let Some(failure) = &self.failure {
                return Poll::Ready(Err(io::Error::new(failure.kind, failure.text.clone())));
            }
            if self.session.has_ended() {
                return Poll::Ready(Ok(Lease::end_of_stream()));
            }
            let mut lease = ready!(worker.driver().borrow_mut().poll_recv(self.id, context))?;
            let mut scratch = worker.tls().scratch();
            self.on_lease(worker, &mut lease, &mut scratch);
            if !scratch.plaintext.is_empty() {
                let (first, rest) = scratch.plaintext.split_at(scratch.plaintext.len().min(LEASE_BYTES));
                lease.refill(first);
                self.plaintext.extend_from_slice(rest);
                return Poll::Ready(Ok(lease));
            }
            // A peer that sends what makes no plaintext does not hold the core.
            ready!(budget::spend(context));
        }
    }

    fn take_kept(&mut self) -> Lease {
        let rest = self.plaintext.split_off(self.plaintext.len().min(LEASE_BYTES));
        Lease::owned(std::mem::replace(&mut self.plaintext, rest))
    }

    /// Takes what the driver lent: ciphertext, or the end of the connection.
    fn on_lease(&mut self, worker: &Worker, lease: &mut [u8], scratch: &mut Output) {
        assert!(self.plaintext.is_empty() && !self.session.has_ended(), "nothing is read over what is not yet taken");
        let was_open = self.session.is_open();
        if lease.is_empty() {
            if !was_open {
                return self.fail_early(worker);
            }
            let text = "the peer ended the connection without a goodbye: something may be missing";
            return self.fail(worker, TlsEvent::Truncated, io::ErrorKind::UnexpectedEof, text.to_owned());
        }
        let digested = self.session.on_ciphertext(lease, scratch);
        // A connection that is gone says so when it is read.
        let _ = enqueue(worker, self.id, &scratch.records);
        match digested {
            Err(error) => self.fail_by(worker, &error),
            Ok(()) if !was_open && self.session.is_open() => self.on_open(worker, scratch),
            Ok(()) if !was_open && self.session.has_ended() => self.fail_early(worker),
            Ok(()) => {}
        }
    }

    /// The peer ended what had not begun.
    fn fail_early(&mut self, worker: &Worker) {
        let text = "the peer ended the connection before the TLS handshake was over";
        self.fail(worker, TlsEvent::FailedAbandoned, io::ErrorKind::UnexpectedEof, text.to_owned());
    }

    /// The handshake is over: what waited for it goes out.
    fn on_open(&mut self, worker: &Worker, scratch: &mut Output) {
        assert!(self.session.is_open());
        worker.count(TlsEvent::Handshakes.counter(), 1);
        worker.count(TlsEvent::Resumed.counter(), u64::from(self.session.is_resumed()));
        self.waiting_bytes = 0;
        for payload in std::mem::take(&mut self.waiting) {
            if self.seal(worker, &payload, scratch).is_err() {
                return;
            }
        }
        if self.is_shut {
            self.end_direction(worker, scratch);
        }
    }

    /// Encrypts and enqueues a payload, or says why not; `is_last_word` is not held to the limit of the queue.
    pub(crate) fn send(&mut self, worker: &Worker, payload: Payload, is_last_word: bool) -> Result<(), SendError> {
        if self.is_shut || self.failure.is_some() {
            return Err(SendError::Closed);
        }
        if is_last_word && !self.session.is_open() {
            self.waiting.clear();
            self.waiting_bytes = 0;
        }
        let backlog = worker.driver().borrow().backlog(self.id).ok_or(SendError::Closed)?;
        // Before the handshake is over the driver's queue holds nothing of who sends.
        let queued = if self.session.is_open() { backlog.queued } else { self.waiting_bytes };
        let sealed = sealed_bytes(payload.len());
        let limit = if is_last_word { u32::MAX } else { backlog.limit };
        // As without TLS, one payload is always taken by an empty queue.
        let room = if queued == 0 { u32::MAX } else { limit.saturating_sub(queued) };
        if sealed > room as usize {
            return Err(SendError::Full { queued, limit: backlog.limit });
        }
        if payload.is_empty() {
            return Ok(());
        }
        if !self.session.is_open() {
            self.waiting_bytes += u32::try_from(sealed).expect("it fits the room");
            self.waiting.push_back(payload);
            return Ok(());
        }
        self.seal(worker, &payload, &mut worker.tls().scratch())
    }

    fn seal(&mut self, worker: &Worker, payload: &[u8], scratch: &mut Output) -> Result<(), SendError> {
        for piece in payload.chunks(TLS_PIECE_BYTES) {
            scratch.records.clear();
            if let Err(error) = self.session.encrypt(piece, scratch) {
                self.fail_by(worker, &error);
                return Err(SendError::Closed);
            }
            if enqueue(worker, self.id, &scratch.records).is_err() {
                // The peer would miss a record, so it gets no others.
                worker.driver().borrow_mut().close(self.id, Close::Abort);
                return Err(SendError::Closed);
            }
        }
        Ok(())
    }

    /// Ready when what waits here and in the driver's queue leaves as much room as asked for. Goes on with the handshake if that is
    /// what payloads wait for.
    pub(crate) fn poll_room(
        &mut self,
        worker: &Worker,
        room: Room,
        context: &Context<'_>,
    ) -> Poll<Result<(), SendError>> {
        loop {
            if self.failure.is_some() {
                return Poll::Ready(Err(SendError::Closed));
            }
            let backlog = worker.driver().borrow().backlog(self.id);
            let limit = backlog.map_or(0, |backlog| backlog.limit);
            if self.waiting.is_empty() || room.is_there(self.waiting_bytes, limit) {
                return worker.driver().borrow_mut().poll_sendable(self.id, room, context);
            }
            let received = ready!(worker.driver().borrow_mut().poll_recv(self.id, context));
            let mut lease = received.map_err(|_| SendError::Closed)?;
            let mut scratch = worker.tls().scratch();
            self.on_lease(worker, &mut lease, &mut scratch);
            self.plaintext.extend_from_slice(&scratch.plaintext);
            drop(scratch);
            ready!(budget::spend(context));
        }
    }

    /// Bytes that wait, here and in the driver's queue.
    pub(crate) fn queued(&self, worker: &Worker) -> Option<u32> {
        let queued = worker.driver().borrow().queued(self.id)?;
        Some(queued.saturating_add(self.waiting_bytes))
    }

    /// Ends our direction with a goodbye, after what was sent.
    pub(crate) fn shut_down(&mut self, worker: &Worker) {
        if !std::mem::replace(&mut self.is_shut, true) && self.session.is_open() {
            self.end_direction(worker, &mut worker.tls().scratch());
        }
    }

    fn end_direction(&mut self, worker: &Worker, scratch: &mut Output) {
        assert!(self.is_shut);
        self.say_goodbye(worker, scratch);
        worker.driver().borrow_mut().shutdown(self.id);
    }

    /// The stream is dropped: the last thing that its peer is sent is a goodbye.
    pub(crate) fn close(mut self, worker: &Worker) {
        if self.failure.is_some() {
            return;
        }
        if !self.session.is_open() {
            let text = "the connection was closed before the TLS handshake was over";
            return self.fail(worker, TlsEvent::FailedAbandoned, io::ErrorKind::ConnectionAborted, text.to_owned());
        }
        if !self.is_shut {
            self.say_goodbye(worker, &mut worker.tls().scratch());
        }
    }

    fn say_goodbye(&mut self, worker: &Worker, scratch: &mut Output) {
        scratch.records.clear();
        if self.failure.is_none() && self.session.say_goodbye(scratch).is_ok() {
            // A peer that is gone needs none.
            let _ = enqueue(worker, self.id, &scratch.records);
        }
    }

    fn fail_by(&mut self, worker: &Worker, error: &Error) {
        self.fail(worker, TlsEvent::of(error), io::ErrorKind::InvalidData, format!("TLS: {error}"));
    }

    /// Counts why the session is over, once.
    fn fail(&mut self, worker: &Worker, event: TlsEvent, kind: io::ErrorKind, text: String) {
        assert!(self.failure.is_none(), "a session fails once");
        worker.count(event.counter(), 1);
        tracing::debug!(reason = event.name(), text, "a TLS session failed");
        self.waiting.clear();
        self.waiting_bytes = 0;
        self.failure = Some(Box::new(Failure { kind, text }));
    }
}

/// Enqueues records: they are part of a sequence, so the limit of the queue does not hold for them.
fn enqueue(worker: &Worker, id: ConnectionId, records: &[u8]) -> Result<(), SendError> {
    match records.is_empty() {
        true => Ok(()),
        false => worker.driver().borrow_mut().send_beyond(id, Payload::from(records)),
    }
}
