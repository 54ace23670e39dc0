//! What goes out: messages as whole frames in the stream's send queue, and the goodbye.

use std::cell::RefCell;

use crore_http::ws::{self, DeflateTerms, History, Opcode};
use crore_rt::net::SendError;
use crore_rt::time;

use super::{Compression, Message, WebSocket, WebSocketError};
use crate::limits::WEBSOCKET_LINGER;

impl WebSocket {
    /// Enqueues a message or control frame; one copy, or compressed.
    ///
    /// # Errors
    /// The queue is full: nothing was enqueued. Or the connection is closed, or we have said goodbye.
    ///
    /// # Panics
    /// If a control frame is longer than 125 bytes.
    pub fn send(&self, opcode: Opcode, payload: &[u8]) -> Result<(), SendError> {
        let is_message = matches!(opcode, Opcode::Text | Opcode::Binary);
        if is_message && self.is_closing {
            return Err(SendError::Closed);
        }
        if is_message
            && let (Some(terms), Some(compression)) = (&self.terms, &self.side.compression)
            && let Some(sent) = self.send_compressed(terms, compression, opcode, payload)
        {
            return sent;
        }
        self.stream.send(match self.side.key() {
            None => ws::encode(opcode, payload),
            Some(key) => ws::encode_masked(opcode, payload, key),
        })
    }

    /// Enqueues a text message.
    ///
    /// # Errors
    /// As [`WebSocket::send`].
    pub fn send_text(&self, text: &str) -> Result<(), SendError> {
        self.send(Opcode::Text, text.as_bytes())
    }

    /// Enqueues a binary message.
    ///
    /// # Errors
    /// As [`WebSocket::send`].
    pub fn send_binary(&self, bytes: &[u8]) -> Result<(), SendError> {
        self.send(Opcode::Binary, bytes)
    }

    /// Enqueues a message of either kind.
    ///
    /// # Errors
    /// As [`WebSocket::send`].
    pub fn send_message(&self, message: &Message) -> Result<(), SendError> {
        match message {
            Message::Text(text) => self.send_text(text),
            Message::Binary(bytes) => self.send_binary(bytes),
        }
    }

    /// Enqueues a ping; the pong is an event of [`WebSocket::receive`].
    ///
    /// # Errors
    /// As [`WebSocket::send`].
    ///
    /// # Panics
    /// If the payload is longer than 125 bytes.
    pub fn ping(&self, payload: &[u8]) -> Result<(), SendError> {
        self.send(Opcode::Ping, payload)
    }

    /// Waits until the send queue is at most half full: back-pressure for who produces faster than the peer reads. A message
    /// of less than half of the queue fits then.
    ///
    /// # Errors
    /// [`SendError::Closed`] when nothing can be sent any more.
    pub async fn sendable(&self) -> Result<(), SendError> {
        self.stream.sendable().await
    }

    /// Says goodbye; the peer answers, so go on receiving until it has. Messages of ours cannot follow.
    ///
    /// # Errors
    /// A code that may not be sent, a full queue, a closed connection.
    pub fn close(&mut self, code: u16, reason: &str) -> Result<(), WebSocketError> {
        let frame = ws::encode_close(code, reason, self.side.key())?;
        self.stream.send(frame)?;
        self.is_closing = true;
        Ok(())
    }

    /// Says goodbye, unless that was done, and drops what comes until the peer has answered, for at most two seconds.
    ///
    /// # Errors
    /// As [`WebSocket::close`]; a peer that fails now is gone as well.
    pub async fn finish(mut self, code: u16, reason: &str) -> Result<(), WebSocketError> {
        if !self.is_closing {
            self.close(code, reason)?;
        }
        let deadline = time::now() + WEBSOCKET_LINGER;
        while let Ok(Ok(true)) = time::deadline(deadline, self.receive(|_| {})).await {}
        Ok(())
    }

    /// None if the message is to be sent as it is.
    fn send_compressed(
        &self,
        terms: &DeflateTerms,
        compression: &Compression,
        opcode: Opcode,
        payload: &[u8],
    ) -> Option<Result<(), SendError>> {
        let (side, key) = (terms.sent_by(self.side.role), self.side.key());
        let mut history = self.sent.as_deref().map(RefCell::borrow_mut);
        let history = history.as_deref_mut();
        let Some(history) = history else {
            return compression.deflated(opcode, payload, side, None, key, |frame| self.stream.send(frame));
        };
        let sent =
            compression.deflated(opcode, payload, side, Some(&mut *history), key, |frame| self.stream.send(frame));
        if let Some(Err(_)) = sent {
            // The peer has not got what the history says it has; nothing refers to an empty one.
            *history = History::new(side);
        }
        sent
    }
}
