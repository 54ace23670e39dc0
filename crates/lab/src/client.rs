//! The side that asks: connections that send, wait for the answer, and look at every byte of it.
//!
//! It runs on crore's runtime, so the same client drives a model over the kernel's sockets and over our own TCP/IP. A connection
//! has one request in flight. One that fails has failed: nobody opens it again, because that would hide it.
//!
//! ```text
//! crowd (opens, and says what stopped it) ─▶ caller (one connection) ─▶ questions (what is asked and what must come back)
//!    └ paced: moments of a schedule │ saturated: the next as soon as one is answered │ connects: a connection for each
//! ```

pub(crate) mod caller;
pub(crate) mod connects;
pub(crate) mod crowd;
pub(crate) mod loops;
pub(crate) mod questions;
pub(crate) mod tally;
