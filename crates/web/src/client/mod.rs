//! A client for tests, health checks and load generators: plain HTTP/1.1, WebSocket, server-sent events.
//!
//! Each value is one connection to one address. No TLS, no redirects, no cookies, no pool, no name resolution.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};

use crore_base::time::{Duration, Instant};
use crore_http::sse::SseError;
use crore_http::ws::{HandshakeError, WsError};
use crore_http::{FieldError, HttpError, Limits, ResponseEvent, ResponseHead, ResponseReader};
use crore_rt::net::{ConnectOptions, SendError, TcpStream};
use crore_rt::time::{self, Elapsed};

use crate::input::Input;
use crate::websocket::WebSocketError;

mod events;
mod http;
mod websocket;

pub use crate::websocket::{Keys, Message, WebSocket};
pub use events::{EventStream, ServerEvent};
pub use http::{Answer, Client};
pub use websocket::WebSocketOptions;

/// How a client connects, and what it takes.
#[derive(Clone, Copy, Debug)]
pub struct ClientOptions {
    /// The local address to connect from; the system's choice if none.
    pub source: Option<IpAddr>,
    /// Time to connect; default 10 s.
    pub connect_timeout: Duration,
    /// Time for a whole response, or for the head of one that does not end; default 30 s.
    pub response_timeout: Duration,
    /// Bounds of responses.
    pub http: Limits,
}

impl Default for ClientOptions {
    fn default() -> Self {
        ClientOptions {
            source: None,
            connect_timeout: Duration::from_secs(10),
            response_timeout: Duration::from_secs(30),
            http: Limits::default(),
        }
    }
}

/// Why a client has no answer.
#[derive(Debug)]
#[non_exhaustive]
pub enum ClientError {
    /// Connecting, sending or receiving failed.
    Io(io::Error),
    /// The server sent nonsense.
    Http(HttpError),
    /// The request cannot be sent.
    Field(FieldError),
    /// The server ended the connection before it had answered.
    Ended,
    /// The answer was not complete in time.
    TimedOut,
    /// The response does not begin a WebSocket.
    Handshake(HandshakeError),
    /// The server broke the rules of WebSockets; it was told so.
    WebSocket(WsError),
    /// The response is no stream of events.
    NotEvents(Box<ResponseHead>),
    /// The stream of events is too large, or malformed.
    Sse(SseError),
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClientError::Io(error) => error.fmt(f),
            ClientError::Http(error) => write!(f, "malformed response: {error}"),
            ClientError::Field(error) => error.fmt(f),
            ClientError::Ended => f.write_str("the server ended the connection before it had answered"),
            ClientError::TimedOut => f.write_str("no complete answer in time"),
            ClientError::Handshake(error) => error.fmt(f),
            ClientError::WebSocket(error) => {
                write!(f, "the server broke the WebSocket rules: {error}")
            }
            ClientError::NotEvents(head) => {
                let kind = head.header("content-type").unwrap_or("no content type");
                write!(f, "the server answered {} with {kind} instead of a stream of events", head.status())
            }
            ClientError::Sse(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ClientError {}

macro_rules! from {
    ($($error:ty => $variant:ident),+ $(,)?) => {
        $(impl From<$error> for ClientError {
            fn from(error: $error) -> Self {
                ClientError::$variant(error.into())
            }
        })+
    };
}

from! {
    io::Error => Io,
    SendError => Io,
    HttpError => Http,
    FieldError => Field,
    HandshakeError => Handshake,
    WsError => WebSocket,
    SseError => Sse,
}

impl From<WebSocketError> for ClientError {
    fn from(error: WebSocketError) -> Self {
        match error {
            WebSocketError::Io(error) => ClientError::Io(error),
            WebSocketError::Rules(error) => ClientError::WebSocket(error),
        }
    }
}

impl From<Elapsed> for ClientError {
    fn from(_: Elapsed) -> Self {
        ClientError::TimedOut
    }
}

async fn connect(address: SocketAddr, options: &ClientOptions) -> io::Result<TcpStream> {
    let deadline = Some(time::now() + options.connect_timeout);
    TcpStream::connect(address, &ConnectOptions { source: options.source, deadline }).await
}

/// Waits for the final head of a response; what follows it is left in `input`.
async fn final_head(
    stream: &mut TcpStream,
    reader: &mut ResponseReader,
    input: &mut Input,
    deadline: Instant,
) -> Result<ResponseHead, ClientError> {
    loop {
        let (consumed, event) = reader.on_input(input.bytes())?;
        input.advance(consumed);
        match event {
            Some(ResponseEvent::Head(head)) => return Ok(head),
            Some(ResponseEvent::Interim(_)) => {}
            Some(ResponseEvent::Data(_) | ResponseEvent::Done) => {
                unreachable!("the head comes first")
            }
            None => {
                let lease = time::deadline(deadline, stream.recv()).await??;
                if lease.is_empty() {
                    return Err(ClientError::Ended);
                }
                *input = lease.into();
            }
        }
    }
}
