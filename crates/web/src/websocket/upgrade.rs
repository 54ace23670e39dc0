//! How a server opens a WebSocket: the check of its request, and the session that follows.

use std::future::Future;
use std::rc::Rc;

use crore_http::ws::{self, Accepted, Offer, Origins, Refusal, Role};
use crore_http::{RequestHead, WsLimits};
use crore_rt::spawn_detached;

use super::{Agreed, Compression, Side, WebSocket};
use crate::response::Response;

/// What a server takes.
#[derive(Clone, Debug, Default)]
pub struct UpgradeOptions {
    /// Subprotocols it speaks; the first of the client's that is among them is chosen.
    pub protocols: Vec<String>,
    /// From which pages a browser may connect.
    pub origins: AllowedOrigins,
    /// Bounds of messages.
    pub limits: WsLimits,
    /// Accepts `permessage-deflate`; default none. One for all upgrades of a core.
    pub compression: Option<Compression>,
    /// Bytes that may wait for the peer to read them; default those of the [server](crate::ServerOptions). At least twice
    /// the longest message, if [`WebSocket::sendable`] is to mean that it fits.
    pub send_queue_bytes: Option<u32>,
}

/// Which values of `Origin` are welcome. Programs that are not browsers send none, and are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AllowedOrigins {
    /// The one whose host and port are those of the request.
    #[default]
    SameHost,
    /// Those listed, like `https://example.com`.
    Listed(Vec<String>),
    /// All: only for services whose tokens do not ride on cookies.
    Any,
}

/// Makes WebSockets of requests. One for each core and kind of session; a connection has two words of it.
///
/// ```
/// use crore_web::{Application, Request, Upgrade, UpgradeOptions, WebSocket};
///
/// async fn session(mut socket: WebSocket) {
///     while let Ok(Some(message)) = socket.next().await {
///         if socket.sendable().await.is_err() || socket.send_message(&message).is_err() {
///             break;
///         }
///     }
/// }
///
/// let application = Application::new(Upgrade::new(UpgradeOptions::default()))
///     .get("/echo", async |request: Request<Upgrade>| request.state().accept(request.head(), session));
/// ```
#[derive(Debug)]
pub struct Upgrade {
    side: Rc<Side>,
    origins: AllowedOrigins,
    send_queue_bytes: Option<u32>,
}

impl Upgrade {
    /// Upgrades with these options.
    pub fn new(options: UpgradeOptions) -> Self {
        let UpgradeOptions { protocols, origins, limits, compression, send_queue_bytes } = options;
        let side = Rc::new(Side { role: Role::Server, limits, keys: None, compression, protocols });
        Upgrade { side, origins, send_queue_bytes }
    }

    /// Checks that a request begins a WebSocket, and makes the response after which `session` gets it, in a task of its own on this
    /// core. When the core has as many tasks as it may the connection is closed instead, and `session` is dropped.
    ///
    /// # Errors
    /// The response that says why not, precisely: 405, 426, 400, 403 or 505.
    pub fn accept<F>(
        &self,
        head: &RequestHead,
        session: impl FnOnce(WebSocket) -> F + 'static,
    ) -> Result<Response, Response>
    where
        F: Future<Output = ()> + 'static,
    {
        let protocols: Vec<&str> = self.side.protocols.iter().map(String::as_str).collect();
        let origins = match &self.origins {
            AllowedOrigins::SameHost => Origins::SameHost,
            AllowedOrigins::Listed(listed) => Origins::Listed(listed),
            AllowedOrigins::Any => Origins::Any,
        };
        let mut accepted = websocket(head, &Offer { protocols: &protocols, origins })?;
        if let Some(compression) = &self.side.compression {
            accepted = accepted.with_deflate(head, &compression.options());
        }
        let (side, send_queue_bytes) = (Rc::clone(&self.side), self.send_queue_bytes);
        let (protocol, deflate) = (accepted.protocol().map(str::to_owned), accepted.deflate());
        Ok(Response::websocket(&accepted, move |stream, unread| {
            if let Some(bytes) = send_queue_bytes {
                // A connection that is gone says so when it is read.
                let _ = stream.set_send_limit(bytes);
            }
            let agreed = Agreed { protocol: protocol.as_deref(), deflate };
            let socket = WebSocket::begin(stream, unread, side, &agreed);
            if spawn_detached(session(socket)).is_err() {
                tracing::warn!("a WebSocket was refused: the core has as many tasks as it may");
            }
        }))
    }
}

/// Checks that a request begins a WebSocket that the server takes, for a session that reads the bytes itself; answer with
/// [`Response::websocket`](crate::Response::websocket). [`Upgrade`] does both, and has a [`WebSocket`] for the session.
///
/// # Errors
/// The response that says why not, precisely: 405, 426, 400, 403 or 505.
pub fn websocket<'a>(head: &RequestHead, offer: &Offer<'a>) -> Result<Accepted<'a>, Response> {
    ws::accept(head, offer).map_err(refuse)
}

fn refuse(refusal: Refusal) -> Response {
    let mut response = Response::error(refusal.status(), &refusal.to_string());
    if let Some((name, value)) = refusal.field()
        && let Err(error) = response.fields_mut().push(name, value)
    {
        return error.into();
    }
    response
}
