//! Applications, routes and handlers on the runtime; an HTTP and WebSocket client.
//!
//! A [`Server`] serves an [`Application`] on the core it is made on; each core has its own. A connection that waits for
//! a request owns no parser and no buffer: its task is a few dozen bytes, and everything that a request needs is in one
//! box that is gone with the response. A handler that answers with [`Response::takeover`] gets the connection itself,
//! and the HTTP task ends: so a WebSocket session costs what its own small task costs.
//!
//! ```no_run
//! use crore_rt::net::{ListenOptions, TcpListener};
//! use crore_web::{Application, Request, Response, Server, ServerOptions};
//!
//! crore_rt::Runtime::builder().build().unwrap().block_on(async {
//!     let application = Application::new("Hello")
//!         .get("/", async |request: Request<&str>| Response::text(**request.state()))
//!         .get("/greet/{name}", async |request: Request<&str>| {
//!             Response::text(format!("{}, {}", request.state(), request.parameter("name")))
//!         });
//!     let listener =
//!         TcpListener::bind("127.0.0.1:8000".parse().unwrap(), &ListenOptions::default()).unwrap();
//!     Server::new(application, ServerOptions::default()).serve(listener).await.unwrap();
//! });
//! ```
//!
//! A peer that ends its direction of the connection while a handler waits counts as gone: the handler is dropped. A
//! handler that is ready at once never meets this.
//!
//! The other side is [`client`]: requests by URL over kept connections, or one connection at a time.
//!
//! Not here: HTTP/2, compression, multipart forms.

#![forbid(unsafe_code)]

mod answer;
mod application;
mod body;
pub mod client;
mod connection;
mod counts;
mod date;
mod drain;
mod events;
mod exchange;
mod feed;
mod files;
mod input;
mod limits;
mod middleware;
mod prompt;
mod rate;
mod request;
mod response;
mod router;
mod server;
mod websocket;
mod wire;
mod writer;

pub use application::{Application, Route};
pub use body::{BodyAbandoned, BodyReader};
pub use counts::Counts;
pub use crore_http::{Fields, Limits, RequestHead, Status};
pub use drain::Drain;
pub use events::Events;
pub use files::Files;
pub use limits::ServerOptions;
pub use middleware::Next;
pub use request::Request;
pub use response::{IntoResponse, Response, Takeover};
pub use router::Parameters;
pub use server::Server;
pub use websocket::{
    AllowedOrigins, Compression, DeflateOptions, DeflateTerms, Event, Message, Opcode, Upgrade, UpgradeOptions,
    WebSocket, WebSocketError, WsLimits, close_code, websocket,
};
pub use writer::{BodyWriter, WriteError};
