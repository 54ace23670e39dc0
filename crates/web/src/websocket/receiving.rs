//! What comes in: from the stream's bytes to events, and the answers that the protocol demands.

use std::rc::Rc;

use crore_http::ws::{Decoder, Event, Inflating, Opcode, Role, WsError, close_code};
use crore_rt::time;

use super::{Compression, Message, WebSocket, WebSocketError};
use crate::limits::{LINGER_BYTES_MAX, WEBSOCKET_LINGER};

/// What [`WebSocket::close_code`] says of a close frame without a code (RFC 6455, section 7.1.5).
const NO_CODE: u16 = 1005;

/// What a WebSocket owns only while something has come and was not taken.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// Of a message that is not complete.
    pub(super) decoder: Option<Decoder>,
    /// Bytes behind the last event that was taken, from `read` on.
    pub(super) unread: Vec<u8>,
    pub(super) read: usize,
    /// What the peer got wrong, while it may still read what it was told.
    pub(super) failure: Option<WsError>,
}

impl WebSocket {
    /// Waits for bytes, and lends each event that they complete, none at all or many, without copies; a compressed message is
    /// lent from the core's decompressor. Pings and a close are answered before they are lent; a pong for which the send
    /// queue has no room is left out. Returns false when the conversation is over. May be dropped and called again.
    ///
    /// # Errors
    /// The connection failed, or the peer broke a rule. It is told which, and has two seconds to read it.
    pub async fn receive(&mut self, mut on_event: impl FnMut(Event<'_>)) -> Result<bool, WebSocketError> {
        self.advance(|event| {
            on_event(event);
            true
        })
        .await
    }

    /// The next message, copied once; none when the conversation is over. Pings are answered. May be dropped and called again.
    ///
    /// # Errors
    /// As [`WebSocket::receive`].
    pub async fn next(&mut self) -> Result<Option<Message>, WebSocketError> {
        let mut message = None;
        loop {
            let goes_on = self.advance(|event| {
                message = match event {
                    Event::Text(text) => Some(Message::Text(text.to_owned())),
                    Event::Binary(bytes) => Some(Message::Binary(bytes.to_owned())),
                    Event::Ping(_) | Event::Pong(_) | Event::Close { .. } => None,
                };
                message.is_none()
            });
            if !goes_on.await? || message.is_some() {
                return Ok(message);
            }
        }
    }

    /// Takes what has come, or waits for more, and lends events as long as `on_event` wants another.
    async fn advance(&mut self, on_event: impl FnMut(Event<'_>) -> bool) -> Result<bool, WebSocketError> {
        if self.is_over {
            return Ok(false);
        }
        let decoded = if let Some((mut bytes, read)) = self.take_unread() {
            let consumed = self.decode(&mut bytes[read..], on_event);
            consumed.inspect(|consumed| self.keep_unread(bytes, read + consumed))
        } else if self.failure().is_some() {
            Ok(0)
        } else {
            let mut lease = match self.stream.recv().await {
                Ok(lease) => lease,
                // Nobody owes us an orderly end after the last word.
                Err(_) if self.peer_code.is_some() => return Ok(self.end()),
                Err(error) => return Err(error.into()),
            };
            if lease.is_empty() {
                return Ok(self.end());
            }
            let consumed = self.decode(&mut lease, on_event);
            consumed.inspect(|&consumed| {
                if consumed < lease.len() {
                    self.keep_unread(lease[consumed..].to_vec(), 0);
                }
            })
        };
        if let Err(error) = decoded {
            self.fail(error);
        }
        match self.failure() {
            None => Ok(true),
            // Boxed, because a WebSocket that waits should not have room for it.
            Some(error) => {
                Box::pin(self.linger()).await;
                Err(error.into())
            }
        }
    }

    /// Decodes until the bytes end or `on_event` wants no more; gives how many were consumed.
    fn decode(&mut self, bytes: &mut [u8], mut on_event: impl FnMut(Event<'_>) -> bool) -> Result<usize, WsError> {
        if self.peer_code.is_some() {
            return Ok(bytes.len());
        }
        let side = Rc::clone(&self.side);
        let kept = self.pending.as_mut().and_then(|pending| pending.decoder.take());
        let mut decoder = kept.unwrap_or_else(|| Decoder::new(side.role, &side.limits));
        let compression = side.compression.as_ref().filter(|_| self.terms.is_some());
        let mut inflater = compression.map(Compression::take_inflater);
        let mut history = self.received.take();
        let mut at = 0;
        let decoded = loop {
            let input = &mut bytes[at..];
            let taken = match &mut inflater {
                None => decoder.on_input(input),
                Some(inflater) => {
                    decoder.on_compressed_input(input, Inflating { inflater, history: history.as_deref_mut() })
                }
            };
            match taken {
                Err(error) => break Err(error),
                Ok((consumed, None)) => break Ok(at + consumed),
                Ok((consumed, Some(event))) => {
                    at += consumed;
                    self.answer(&event);
                    if !on_event(event) {
                        break Ok(at);
                    }
                }
            }
        };
        self.received = history;
        if let (Some(compression), Some(inflater)) = (compression, inflater) {
            compression.put_inflater(inflater);
        }
        if decoded.is_ok() && self.peer_code.is_none() && !decoder.is_idle() {
            self.pending.get_or_insert_default().decoder = Some(decoder);
        } else if self.pending.as_ref().is_some_and(|pending| pending.unread.is_empty()) {
            self.pending = None;
        }
        decoded
    }

    /// What an event demands of us.
    fn answer(&mut self, event: &Event<'_>) {
        match *event {
            Event::Ping(payload) if !self.is_closing => {
                // A peer that does not read misses an answer; one that is gone will be noticed.
                let _ = self.send(Opcode::Pong, payload);
            }
            Event::Close { code, .. } => {
                self.peer_code = Some(code.unwrap_or(NO_CODE));
                if !self.is_closing {
                    // As above.
                    let _ = self.close(code.unwrap_or(close_code::NORMAL), "");
                }
                // The server ends the connection first (RFC 6455, section 7.1.1); the client waits for that.
                if self.side.role == Role::Server {
                    self.is_over = true;
                    self.stream.shutdown();
                }
            }
            Event::Text(_) | Event::Binary(_) | Event::Ping(_) | Event::Pong(_) => {}
        }
    }

    /// Tells the peer what it got wrong, and that nothing else follows.
    fn fail(&mut self, error: WsError) {
        assert!(self.failure().is_none(), "after a failure nothing is decoded");
        if !self.is_closing {
            // The error matters more than whether the peer hears of it.
            let _ = self.close(error.close_code(), &error.to_string());
        }
        self.stream.shutdown();
        self.pending = Some(Box::new(Pending { failure: Some(error), ..Pending::default() }));
    }

    fn failure(&self) -> Option<WsError> {
        self.pending.as_ref().and_then(|pending| pending.failure)
    }

    /// Drops what comes, so that a reset does not overtake our last word, until the peer ends or patience does.
    async fn linger(&mut self) {
        let deadline = time::now() + WEBSOCKET_LINGER;
        let mut left = LINGER_BYTES_MAX;
        while let Ok(Ok(lease)) = time::deadline(deadline, self.stream.recv()).await {
            if lease.is_empty() || lease.len() > left {
                break;
            }
            left -= lease.len();
        }
        self.end();
    }

    /// Nothing is received any more: false, for who goes on only if something is.
    fn end(&mut self) -> bool {
        self.is_over = true;
        self.pending = None;
        false
    }

    fn take_unread(&mut self) -> Option<(Vec<u8>, usize)> {
        let pending = self.pending.as_mut().filter(|pending| !pending.unread.is_empty())?;
        Some((std::mem::take(&mut pending.unread), std::mem::take(&mut pending.read)))
    }

    fn keep_unread(&mut self, bytes: Vec<u8>, read: usize) {
        assert!(read <= bytes.len(), "no more is read than is there");
        if read < bytes.len() && !self.is_over {
            let pending = self.pending.get_or_insert_default();
            assert!(pending.unread.is_empty(), "what was unread before was taken");
            (pending.unread, pending.read) = (bytes, read);
        }
    }
}
