//! crore: a runtime that is a thread a core, and what is built on it.
//!
//! This is the front door of the library: everything of the runtime, and [`web`] on top. The command `crore` is built from
//! the same parts.
//!
//! ```no_run
//! use crore::net::{ListenOptions, TcpListener};
//!
//! #[crore::main(workers = 1)]
//! async fn main() -> std::io::Result<()> {
//!     let listener = TcpListener::bind("127.0.0.1:7000".parse().unwrap(), &ListenOptions::default())?;
//!     loop {
//!         let mut stream = listener.accept().await?;
//!         crore::spawn(async move {
//!             while let Ok(bytes) = stream.recv().await {
//!                 if bytes.is_empty() || stream.send(&bytes[..]).is_err() {
//!                     break;
//!                 }
//!             }
//!         })
//!         .detach();
//!     }
//! }
//! ```

#[cfg(feature = "compat")]
pub use crore_compat as compat;
pub use crore_rt::*;
pub use crore_web as web;

/// The pages of the library compile.
#[cfg(doctest)]
#[doc = include_str!("../docs/library.md")]
mod library {}
