//! A client: plain HTTP/1.1, WebSocket, server-sent events.
//!
//! An [`Agent`] takes URLs: it resolves names, keeps connections, bounds them for each host and in all, follows redirects. A
//! [`Client`], a [`WebSocket`] and an [`EventStream`] are one connection to one address each, by TLS if it is told so. Bodies stream
//! both ways: [`Upload`], [`Download`]. No cookies, no proxies, no compression.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};

use crore_base::time::{Duration, Instant};
use crore_http::sse::SseError;
use crore_http::ws::{HandshakeError, WsError};
use crore_http::{FieldError, HttpError, Limits, ResponseEvent, ResponseHead, ResponseReader};
use crore_rt::net::{ConnectOptions, SendError, TcpStream, TlsClient};
use crore_rt::time::{self, Elapsed};

use crate::input::Input;
use crate::websocket::WebSocketError;

mod agent;
mod download;
mod events;
mod http;
mod link;
mod redirect;
mod upload;
mod url;
mod websocket;

pub use crate::websocket::{Keys, Message, WebSocket};
pub use agent::{Agent, AgentCounts, AgentOptions};
pub use download::Download;
pub use events::{EventStream, ServerEvent};
pub use http::{Answer, Client};
pub use upload::Upload;
pub use url::{Url, UrlError};
pub use websocket::WebSocketOptions;

/// How a client connects, and what it takes.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Speaks TLS to a server that proves to be the host that is asked for; none, the default: speaks in the clear.
    pub tls: Option<TlsClient>,
    /// The local address to connect from; the system's choice if none.
    pub source: Option<IpAddr>,
    /// Time to connect; default 10 s.
    pub connect_timeout: Duration,
    /// Time for a whole exchange, from sending the request to the last byte of the response, or for the head of a response that
    /// does not end; default 30 s.
    pub response_timeout: Duration,
    /// Time for the head of a response, from the end of the request; default 30 s.
    pub head_timeout: Duration,
    /// How long a large body waits for `100 Continue` before it is sent without; default 1 s (RFC 9110, section 10.1.1).
    pub continue_timeout: Duration,
    /// Bounds of responses; that of the body is for those that are collected as a whole.
    pub http: Limits,
}

impl Default for ClientOptions {
    fn default() -> Self {
        ClientOptions {
            tls: None,
            source: None,
            connect_timeout: Duration::from_secs(10),
            response_timeout: Duration::from_secs(30),
            head_timeout: Duration::from_secs(30),
            continue_timeout: Duration::from_secs(1),
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
    /// The URL is none that can be asked for.
    Url(UrlError),
    /// The URL is `https`, and the client was not given [`ClientOptions::tls`].
    NeedsTls,
    /// The body of a request is longer or shorter than was announced.
    BodyLength {
        /// Bytes that were announced.
        announced: u64,
        /// Bytes that were given, so far.
        given: u64,
    },
    /// Too many requests wait for a connection of the agent.
    Busy {
        /// How many may wait.
        limit: usize,
    },
    /// The server redirects again and again.
    TooManyRedirects {
        /// How many are followed.
        limit: u8,
    },
    /// A server redirects from `https` to `http`, which would send in the open what was asked for in secret.
    Downgrade(String),
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
            ClientError::Url(error) => error.fmt(f),
            ClientError::NeedsTls => {
                f.write_str("https needs TLS, which this client was not given: set ClientOptions::tls")
            }
            ClientError::BodyLength { announced, given } => {
                write!(f, "the request's body was announced with {announced} bytes, and {given} were given")
            }
            ClientError::Busy { limit } => {
                write!(f, "{limit} requests wait for a connection already: try later, or allow more connections")
            }
            ClientError::TooManyRedirects { limit } => write!(f, "redirected more than {limit} times"),
            ClientError::Downgrade(location) => {
                write!(f, "redirected from https to {location:?}, which is not followed")
            }
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
    UrlError => Url,
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

/// Connects, and begins TLS with the host of `host`, if it is to be spoken.
async fn connect(address: SocketAddr, host: &str, options: &ClientOptions) -> io::Result<TcpStream> {
    let stream = connect_plainly(address, options).await?;
    if let Some(tls) = &options.tls {
        stream.secure_as_client(tls, host)?;
    }
    Ok(stream)
}

async fn connect_plainly(address: SocketAddr, options: &ClientOptions) -> io::Result<TcpStream> {
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
