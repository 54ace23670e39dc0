//! How a client opens a WebSocket. What is done with it then is the same for both sides: [`crate::websocket`].

use std::net::SocketAddr;
use std::rc::Rc;

use crore_http::ws::{ClientHandshake, Role};
use crore_http::{Fields, ResponseReader, WsLimits};
use crore_rt::time;

use super::{ClientError, ClientOptions, connect, final_head};
use crate::input::Input;
use crate::websocket::{Agreed, Compression, Keys, Side, WebSocket};

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
    /// Offers `permessage-deflate`; default none.
    pub compression: Option<Compression>,
}

impl WebSocketOptions {
    /// The defaults, with these keys.
    pub fn new(keys: Keys) -> Self {
        let (client, limits) = (ClientOptions::default(), WsLimits::default());
        WebSocketOptions { client, limits, protocols: Vec::new(), fields: Fields::new(), keys, compression: None }
    }
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
        let (nonce, deflate) = (options.keys.next(), options.compression.as_ref().map(Compression::options));
        let (handshake, request) =
            ClientHandshake::offering(host, target, &protocols, &options.fields, nonce, deflate)?;
        let mut stream = connect(address, host, &options.client).await?;
        stream.send(request)?;
        let mut reader = ResponseReader::new(false, &options.client.http);
        let mut input = Input::default();
        let deadline = time::now() + options.client.response_timeout;
        let head = final_head(&mut stream, &mut reader, &mut input, deadline).await?;
        let agreed = Agreed { protocol: handshake.check(&head)?, deflate: handshake.deflate(&head)? };
        let side = Side {
            role: Role::Client,
            limits: options.limits,
            keys: Some(options.keys.clone()),
            compression: options.compression.clone(),
            protocols: agreed.protocol.map(str::to_owned).into_iter().collect(),
        };
        Ok(WebSocket::begin(stream, input.into_rest(), Rc::new(side), &agreed))
    }
}
