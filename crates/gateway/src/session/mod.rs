//! What runs for a client: a WebSocket session, an event stream, a long poll.

pub(crate) mod commands;
pub(crate) mod events;
pub(crate) mod poll;
pub(crate) mod websocket;
