//! A WebSocket from the client's side.
//!
//! While it waits it owns no decoder and no buffer, so that a load generator can hold as many as the server.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::rc::Rc;

use crore_base::random::Rng;
use crore_http::ws::{self, ClientHandshake, Decoder, Event, Opcode, Role, close_code};
use crore_http::{Fields, ResponseReader, WsLimits};
use crore_rt::net::{SendError, TcpStream};
use crore_rt::time;

use super::{ClientError, ClientOptions, connect, final_head};
use crate::input::Input;

/// Where masks and nonces come from: one for all connections of a core. They keep proxies from being fooled and are
/// no secret, so a seeded generator will do.
#[derive(Clone)]
pub struct Keys(Rc<RefCell<Rng>>);

impl Keys {
    /// Keys from a seed.
    pub fn from_seed(seed: u64) -> Self {
        Keys(Rc::new(RefCell::new(Rng::from_seed(seed))))
    }

    fn next<const N: usize>(&self) -> [u8; N] {
        let mut key = [0; N];
        self.0.borrow_mut().fill(&mut key);
        key
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}

/// How a WebSocket is asked for.
#[derive(Clone, Debug)]
pub struct WebSocketOptions {
    /// How to connect.
    pub client: ClientOptions,
    /// Bounds of messages.
    pub limits: WsLimits,
    /// Subprotocols, best first.
    pub protocols: Vec<String>,
    /// Further headers.
    pub fields: Fields,
    /// Where masks come from.
    pub keys: Keys,
}

impl WebSocketOptions {
    /// The defaults, with these keys.
    pub fn new(keys: Keys) -> Self {
        let (client, limits) = (ClientOptions::default(), WsLimits::default());
        WebSocketOptions { client, limits, protocols: Vec::new(), fields: Fields::new(), keys }
    }
}

/// A message that was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
}

/// An open WebSocket. Dropping it ends the connection without a closing handshake.
#[derive(Debug)]
pub struct WebSocket {
    stream: TcpStream,
    limits: WsLimits,
    keys: Keys,
    /// Only while a message is incomplete.
    decoder: Option<Box<Decoder>>,
    /// What came with the handshake's response.
    unread: Box<[u8]>,
    waiting: VecDeque<Message>,
    protocol: Option<Box<str>>,
    is_closing: bool,
}

impl WebSocket {
    /// Connects and shakes hands.
    ///
    /// # Errors
    /// What [`ClientError`] names; with [`ClientError::Handshake`] the server was reached but refused.
    pub async fn connect(
        address: SocketAddr,
        host: &str,
        target: &str,
        options: &WebSocketOptions,
    ) -> Result<Self, ClientError> {
        let protocols: Vec<&str> = options.protocols.iter().map(String::as_str).collect();
        let nonce = options.keys.next();
        let (handshake, request) = ClientHandshake::new(host, target, &protocols, &options.fields, nonce)?;
        let mut stream = connect(address, host, &options.client).await?;
        stream.send(request)?;
        let mut reader = ResponseReader::new(false, &options.client.http);
        let mut input = Input::default();
        let deadline = time::now() + options.client.response_timeout;
        let head = final_head(&mut stream, &mut reader, &mut input, deadline).await?;
        let protocol = handshake.check(&head)?.map(Box::from);
        Ok(WebSocket {
            stream,
            limits: options.limits,
            keys: options.keys.clone(),
            decoder: None,
            unread: input.into_rest(),
            waiting: VecDeque::new(),
            protocol,
            is_closing: false,
        })
    }

    /// The subprotocol that the server chose.
    pub fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    /// The connection below, for its options and its name.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Enqueues a message or control frame, masked; one copy.
    ///
    /// # Errors
    /// The queue is full, or the connection closed.
    ///
    /// # Panics
    /// If a control frame is longer than 125 bytes.
    pub fn send(&self, opcode: Opcode, payload: &[u8]) -> Result<(), SendError> {
        self.stream.send(ws::encode_masked(opcode, payload, self.keys.next()))
    }

    /// Enqueues a text message.
    ///
    /// # Errors
    /// As [`WebSocket::send`].
    pub fn send_text(&self, text: &str) -> Result<(), SendError> {
        self.send(Opcode::Text, text.as_bytes())
    }

    /// Waits for bytes, and lends each event that they complete, none at all or many, without copies. Pings and a close are
    /// answered before they are lent. Returns false when the connection has ended.
    ///
    /// # Errors
    /// The connection failed, or the server broke a rule.
    pub async fn receive(&mut self, mut on_event: impl FnMut(Event<'_>)) -> Result<bool, ClientError> {
        let mut unread = std::mem::take(&mut self.unread);
        if !unread.is_empty() {
            self.decode(&mut unread, &mut on_event)?;
            return Ok(true);
        }
        let mut lease = self.stream.recv().await?;
        self.decode(&mut lease, &mut on_event)?;
        Ok(!lease.is_empty())
    }

    /// The next message; none when the connection has ended. Pings are answered.
    ///
    /// # Errors
    /// As [`WebSocket::receive`].
    pub async fn next(&mut self) -> Result<Option<Message>, ClientError> {
        let mut waiting = std::mem::take(&mut self.waiting);
        let mut goes_on = true;
        while waiting.is_empty() && goes_on {
            goes_on = self
                .receive(|event| match event {
                    Event::Text(text) => waiting.push_back(Message::Text(text.to_owned())),
                    Event::Binary(bytes) => waiting.push_back(Message::Binary(bytes.to_owned())),
                    Event::Ping(_) | Event::Pong(_) | Event::Close { .. } => {}
                })
                .await?;
        }
        let message = waiting.pop_front();
        self.waiting = waiting;
        Ok(message)
    }

    /// Says goodbye; the server answers and ends the connection, so go on receiving until it has.
    ///
    /// # Errors
    /// A code that may not be sent, a full queue, a closed connection.
    pub fn close(&mut self, code: u16, reason: &str) -> Result<(), ClientError> {
        let frame = ws::encode_close(code, reason, Some(self.keys.next()))?;
        self.is_closing = true;
        self.stream.send(frame)?;
        Ok(())
    }

    fn decode(&mut self, bytes: &mut [u8], on_event: &mut impl FnMut(Event<'_>)) -> Result<(), ClientError> {
        let new = || Decoder::new(Role::Client, &self.limits);
        let mut decoder = self.decoder.take().map_or_else(new, |decoder| *decoder);
        let mut at = 0;
        loop {
            let (consumed, event) = match decoder.on_input(&mut bytes[at..]) {
                Ok(done) => done,
                Err(error) => {
                    // The error matters more than whether the server hears of it.
                    let _ = self.close(error.close_code(), &error.to_string());
                    return Err(error.into());
                }
            };
            at += consumed;
            let Some(event) = event else { break };
            match event {
                Event::Ping(payload) => self.send(Opcode::Pong, payload)?,
                Event::Close { code, .. } if !self.is_closing => {
                    // A server that is gone already needs no answer.
                    let _ = self.close(code.unwrap_or(close_code::NORMAL), "");
                }
                _ => {}
            }
            on_event(event);
        }
        if !decoder.is_idle() {
            self.decoder = Some(Box::new(decoder));
        }
        Ok(())
    }
}
