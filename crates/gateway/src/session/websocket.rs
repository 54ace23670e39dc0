//! A WebSocket session: reads messages, gives commands to [`commands`](super::commands), and keeps as little as it can while
//! nothing comes.
//!
//! The waiting session is four words: shard, stream, client, and a decoder only while a message is incomplete. Everything
//! that happens when bytes have come is boxed and gone afterwards.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use crore_http::WsLimits;
use crore_http::ws::{self, Decoder, Event, Opcode, Role};
use crore_hub::ClientKey;
use crore_rt::net::TcpStream;
use crore_rt::{spawn_detached, time};

use crate::limits::{COMMANDS_PER_MESSAGE, MESSAGE_BYTES, STALE_CONNECT};
use crate::protocol::{Command, Disconnect, parse};
use crate::seats::AWAITS_PONG;
use crate::shard::Shard;

/// Bounds of what clients send.
const LIMITS: WsLimits = WsLimits { message_bytes: MESSAGE_BYTES, fragments: 1024 };

/// A pong as browsers and SDKs send it: a masked text frame of two bytes.
const PONG_FRAME_BYTES: usize = 8;

/// One client's connection.
pub(crate) struct Session {
    pub(crate) shard: Rc<Shard>,
    pub(crate) stream: TcpStream,
    pub(crate) client: Option<ClientKey>,
    decoder: Option<Box<Decoder>>,
}

/// Whether a session goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    Go,
    /// Connect was answered with an error: nothing more is expected but the end.
    Refused,
    /// A close frame was sent: only the peer's close, or its end, is awaited.
    SeeOff,
}

/// Gives an upgraded connection a task of its own. `unread` was read behind the request's head.
pub(crate) fn begin(shard: Rc<Shard>, stream: TcpStream, unread: Box<[u8]>) {
    let session = Session { shard, stream, client: None, decoder: None };
    // Refused, the connection is closed, and the client comes back where there is room.
    if spawn_detached(Task::new(session, unread)).is_err() {
        tracing::warn!("a connection was refused: the core has as many tasks as it may");
    }
}

/// The task of a session: the session itself while it waits, or one boxed piece of work that gives it back.
pub(crate) enum Task {
    Waiting(Session),
    Working(Pin<Box<dyn Future<Output = Option<Session>>>>),
    /// On the way from one to the other, inside a poll.
    Moving,
}

impl Task {
    pub(crate) fn new(session: Session, unread: Box<[u8]>) -> Task {
        Task::Working(Box::pin(session.greet(unread)))
    }
}

impl Future for Task {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        loop {
            let bytes = match this {
                Task::Working(work) => match ready!(work.as_mut().poll(context)) {
                    None => return Poll::Ready(()),
                    Some(session) => {
                        *this = Task::Waiting(session);
                        continue;
                    }
                },
                Task::Waiting(session) => match ready!(session.stream.poll_recv(context)) {
                    Ok(bytes) if session.took_pong(&bytes) => continue,
                    Ok(bytes) if !bytes.is_empty() => bytes,
                    _ => {
                        session.gone();
                        return Poll::Ready(());
                    }
                },
                Task::Moving => unreachable!("a session that moved into its work is there at once"),
            };
            if let Task::Waiting(session) = std::mem::replace(this, Task::Moving) {
                // Copied, because the work may wait for another core: nobody keeps a lease while waiting.
                *this = Task::Working(Box::pin(session.at_work(bytes.to_vec())));
            }
        }
    }
}

impl Session {
    /// Takes bytes that have come; gives the session back if it goes on.
    async fn at_work(mut self, mut bytes: Vec<u8>) -> Option<Session> {
        match self.on_bytes(&mut bytes).await {
            Next::Go => Some(self),
            next => {
                drop(bytes);
                self.end(next).await;
                None
            }
        }
    }

    /// From the upgrade until connect has succeeded, at most ten seconds.
    async fn greet(mut self, unread: Box<[u8]>) -> Option<Session> {
        match self.greeted(unread).await {
            Next::Go => Some(self),
            next => {
                self.end(next).await;
                None
            }
        }
    }

    async fn greeted(&mut self, mut unread: Box<[u8]>) -> Next {
        let deadline = time::now() + STALE_CONNECT;
        let mut next = self.on_bytes(&mut unread).await;
        drop(unread);
        while next == Next::Refused || (next == Next::Go && self.client.is_none()) {
            let Ok(received) = time::deadline(deadline, self.stream.recv()).await else {
                return self.send_away(Disconnect::Stale);
            };
            // Copied, as later: in a storm of reconnects thousands wait here for other cores.
            let mut bytes = match received {
                Ok(bytes) if !bytes.is_empty() => bytes.to_vec(),
                _ => return Next::Refused,
            };
            if next == Next::Refused {
                return self.send_away(Disconnect::BadRequest);
            }
            next = self.on_bytes(&mut bytes).await;
        }
        next
    }

    /// The connection is over.
    fn gone(&self) {
        if let Some(client) = self.client {
            self.shard.leave(client, None);
        }
    }

    async fn end(mut self, next: Next) {
        self.gone();
        if next == Next::SeeOff {
            self.see_off().await;
        }
    }

    /// The quick way for what comes most: a pong that is whole and alone.
    fn took_pong(&self, bytes: &[u8]) -> bool {
        let Some(client) = self.client.filter(|_| self.decoder.is_none()) else { return false };
        let is_pong = bytes.len() == PONG_FRAME_BYTES
            && bytes[..2] == [0x81, 0x82]
            && [bytes[6] ^ bytes[2], bytes[7] ^ bytes[3]] == *b"{}";
        is_pong && self.is_here() && self.on_pong(client)
    }

    /// False: there was no ping to answer.
    fn on_pong(&self, client: ClientKey) -> bool {
        let mut seats = self.shard.seats.borrow_mut();
        let seat = seats.at(client.index());
        let awaited = seat.flags & AWAITS_PONG != 0;
        seat.flags &= !AWAITS_PONG;
        awaited
    }

    /// Whether the client is still ours: the shard may have sent it away.
    fn is_here(&self) -> bool {
        self.client.is_none_or(|client| self.shard.hub.borrow().sink(client).is_some())
    }

    async fn on_bytes(&mut self, bytes: &mut [u8]) -> Next {
        let mut decoder = self.decoder.take().map_or_else(|| Decoder::new(Role::Server, &LIMITS), |kept| *kept);
        let mut at = 0;
        while at < bytes.len() {
            if !self.is_here() {
                return Next::SeeOff;
            }
            let (consumed, event) = match decoder.on_input(&mut bytes[at..]) {
                Ok(step) => step,
                Err(error) => return self.close(Some(error.close_code()), &error.to_string()),
            };
            let next = match event {
                None => Next::Go,
                Some(event) => self.on_event(event).await,
            };
            if next != Next::Go {
                return next;
            }
            at += consumed;
        }
        if !decoder.is_idle() {
            self.decoder = Some(Box::new(decoder));
        }
        Next::Go
    }

    async fn on_event(&mut self, event: Event<'_>) -> Next {
        match event {
            Event::Text(text) => self.on_message(text).await,
            Event::Binary(_) => self.send_away(Disconnect::InappropriateProtocol),
            Event::Ping(payload) => self.send(ws::encode(Opcode::Pong, payload)),
            Event::Pong(_) => Next::Go,
            Event::Close { code, .. } => self.close(code, ""),
        }
    }

    /// A message: commands, one a line.
    async fn on_message(&mut self, text: &str) -> Next {
        self.shard.count(crate::counters::Counter::Messages, 1);
        let mut lines = 0;
        for line in text.split('\n').map(str::trim).filter(|line| !line.is_empty()) {
            lines += 1;
            if lines > COMMANDS_PER_MESSAGE {
                return self.send_away(Disconnect::BadRequest);
            }
            let next = match parse(line) {
                Ok(Command::Pong) => match self.client {
                    Some(client) if self.on_pong(client) => Next::Go,
                    _ => self.send_away(Disconnect::BadRequest),
                },
                Ok(command) => self.on_command(command).await,
                Err(_) => self.send_away(Disconnect::BadRequest),
            };
            if next != Next::Go {
                return next;
            }
        }
        if lines == 0 { self.send_away(Disconnect::BadRequest) } else { Next::Go }
    }

    /// Enqueues a frame. A client whose queue is full is slow.
    pub(crate) fn send(&self, frame: Vec<u8>) -> Next {
        match self.stream.send(frame) {
            Ok(()) => Next::Go,
            Err(crore_rt::net::SendError::Closed) => Next::Go, // the next read says so
            Err(crore_rt::net::SendError::Full { .. }) => self.send_away(Disconnect::Slow),
        }
    }

    pub(crate) fn send_away(&self, reason: Disconnect) -> Next {
        match self.client {
            Some(client) => self.shard.disconnect(client, reason),
            None => {
                self.shard.counters.add(crate::counters::disconnects(Some(reason)), 1);
                self.shard.farewell(self.stream.id(), reason);
            }
        }
        Next::SeeOff
    }

    /// Closes with a code of WebSocket's own: the peer's, echoed, or the reason why its bytes are none of WebSocket's.
    fn close(&self, code: Option<u16>, reason: &str) -> Next {
        if let Some(client) = self.client {
            self.shard.leave(client, None);
        }
        let cut = (0..=reason.len().min(123)).rev().find(|&at| reason.is_char_boundary(at)).unwrap_or(0);
        let frame = code.and_then(|code| ws::encode_close(code, &reason[..cut], None).ok());
        let frame = frame.unwrap_or_else(|| ws::encode(Opcode::Close, &[]));
        self.shard.farewell_with(self.stream.id(), frame, true);
        Next::SeeOff
    }

    /// Reads until the peer has closed, too; the shard ends it after five seconds.
    async fn see_off(&mut self) {
        while let Ok(bytes) = self.stream.recv().await {
            if bytes.is_empty() {
                return;
            }
        }
    }
}
