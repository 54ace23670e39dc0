//! Other people's programs on crore, and crore's tasks with other people's clients.
//!
//! - [`Io`] is a connection as hyper and the `futures-io` crates want it; with [`Executor`] and [`Timer`] an existing hyper or axum
//!   service runs on crore: each connection on the core that accepted it, over any I/O model, without tokio.
//! - [`Bridge`] is a tokio runtime on a thread of its own, for client libraries that need one. A future is sent there, and its
//!   result awaited here.
//!
//! ```no_run
//! use crore_compat::{Io, Timer};
//! use crore_rt::net::{ListenOptions, TcpListener};
//! # use std::convert::Infallible;
//! # async fn service(_: hyper::Request<hyper::body::Incoming>) -> Result<hyper::Response<String>, Infallible> {
//! #     Ok(hyper::Response::new(String::new()))
//! # }
//! # async fn serve() -> std::io::Result<()> {
//! let listener = TcpListener::bind("127.0.0.1:8000".parse().unwrap(), &ListenOptions::default())?;
//! loop {
//!     let io = Io::from(listener.accept().await?);
//!     let connection = hyper::server::conn::http1::Builder::new()
//!         .timer(Timer::new())
//!         .serve_connection(io, hyper::service::service_fn(service));
//!     crore_rt::spawn(connection).detach();
//! }
//! # }
//! ```
//!
//! Not here: tokio's own I/O traits and `tokio::spawn` on crore's threads. What calls those needs the bridge.

#![forbid(unsafe_code)]

mod bridge;
mod executor;
mod io;
pub mod limits;
mod timer;

pub use bridge::{Bridge, BridgeError, Bridged};
pub use executor::Executor;
pub use io::Io;
pub use timer::Timer;
