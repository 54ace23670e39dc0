//! One connection of a lane: connect, introduce itself, and be what the kind of load wants.

use std::io;
use std::net::IpAddr;
use std::rc::Rc;

use crore_base::payload::Payload;
use crore_base::random::Rng;
use crore_http::ws::{ClientHandshake, Opcode, encode_close, encode_masked};
use crore_http::{ConnectionField, Fields, Framing, encode_request};
use crore_rt::net::{ConnectOptions, TcpStream};
use crore_rt::time::{self, deadline};

use super::{Lane, events, requests, socket};
use crate::limits::CONNECT_DEADLINE;
use crate::message::hello;
use crate::target::{Kind, Target};
use crate::wire::Plan;

/// What all connections of a lane send, encoded once.
pub(super) struct Shared {
    /// The first request: an upgrade, or a `GET`.
    pub(super) request: Payload,
    /// Checks the answer to the upgrade. All use one key: it is no secret, and needs only to be answered rightly.
    pub(super) handshake: ClientHandshake,
    /// Connect and subscribe, in one frame.
    pub(super) hello: Payload,
    /// The answer to a ping of the protocol.
    pub(super) pong: Payload,
    /// A close frame.
    pub(super) close: Payload,
}

impl Shared {
    /// # Errors
    /// A host or path that HTTP cannot carry.
    pub(super) fn new(plan: &Plan, rng: &mut Rng) -> Result<Shared, String> {
        let (mut nonce, mut key) = ([0; 16], [0; 4]);
        rng.fill(&mut nonce);
        rng.fill(&mut key);
        let (host, path) = (plan.target.host.as_str(), plan.target.path.as_str());
        let (handshake, upgrade) =
            ClientHandshake::new(host, path, &[], &Fields::new(), nonce).map_err(|error| error.to_string())?;
        let request = match plan.target.kind {
            Kind::WebSocket => upgrade,
            Kind::Events => get(path, host, &[("Accept", "text/event-stream"), ("Cache-Control", "no-cache")])?,
            Kind::Requests => get(path, host, &[("User-Agent", "crore-load")])?,
        };
        let text = |text: &str| Payload::from(encode_masked(Opcode::Text, text.as_bytes(), key));
        let close = encode_close(crore_http::ws::close_code::NORMAL, "", Some(key));
        Ok(Shared {
            request: Payload::from(request),
            handshake,
            hello: text(&hello(&plan.channel)),
            pong: text("{}"),
            close: Payload::from(close.expect("1000 is a close code")),
        })
    }
}

fn get(path: &str, host: &str, fields: &[(&str, &str)]) -> Result<Vec<u8>, String> {
    let mut all = Fields::new();
    for (name, value) in fields {
        all.push(name, value).expect("the names and values are constants of header syntax");
    }
    encode_request("GET", path, host, &all, Framing::None, ConnectionField::Implied).map_err(|error| error.to_string())
}

/// The life of connection `index`, in a task of its own.
///
/// Opening needs much more memory than waiting, so its future is boxed and gone when it is over.
pub(super) async fn run(lane: Rc<Lane>, index: u32) {
    match lane.plan.target.kind {
        Kind::WebSocket => match Box::pin(opened(socket::open(&lane, index))).await {
            Ok((mut stream, mut session)) => {
                let end = socket::listen(&lane, index, &mut stream, &mut session).await;
                lane.on_end(index, &end);
            }
            Err(reason) => lane.on_end(index, &reason),
        },
        Kind::Events => match Box::pin(opened(events::open(&lane, index))).await {
            Ok((mut stream, mut session)) => {
                let end = events::listen(&lane, index, &mut stream, &mut session).await;
                lane.on_end(index, &end);
            }
            Err(reason) => lane.on_end(index, &reason),
        },
        Kind::Requests => match Box::pin(opened(connect(&lane, index))).await {
            Ok(stream) => requests::enlist(&lane, index, stream),
            Err(reason) => lane.on_end(index, &reason),
        },
    }
}

async fn opened<T>(opening: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    match deadline(time::now() + CONNECT_DEADLINE, opening).await {
        Ok(result) => result,
        Err(_) => Err(format!("not ready within {CONNECT_DEADLINE}")),
    }
}

/// Connects from the source address whose turn it is.
pub(super) async fn connect(lane: &Lane, index: u32) -> Result<TcpStream, String> {
    let plan = &lane.plan;
    let nth = u64::from(index) * u64::from(plan.lanes) + u64::from(plan.lane);
    let source: Option<IpAddr> = match plan.sources.len() as u64 {
        0 => None,
        sources => Some(plan.sources[usize::try_from(nth % sources).expect("below the number of sources")]),
    };
    let options = ConnectOptions { source, ..ConnectOptions::default() };
    let connected = dial(lane, &plan.target, &options).await;
    connected.map_err(|error| format!("connect: {}", reason(&error)))
}

/// Connects, and begins TLS where the target asks for it. That its handshake fails is noticed when something is received.
pub(super) async fn dial(lane: &Lane, target: &Target, options: &ConnectOptions) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(target.address, options).await?;
    if target.is_secured {
        let tls = lane.tls.as_ref().expect("a lane with a secured target has a side of TLS");
        stream.secure_as_client(tls, &target.host)?;
    }
    Ok(stream)
}

/// An error's kind in words that are the same for all connections, so that they can be counted.
pub(crate) fn reason(error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => "connection reset by the server".to_owned(),
        ErrorKind::ConnectionRefused => "connection refused: nothing listens there".to_owned(),
        ErrorKind::AddrNotAvailable | ErrorKind::AddrInUse => {
            "no port is free at the source address: use --source with more addresses".to_owned()
        }
        _ => error.to_string(),
    }
}
