//! The client protocol as text: commands in, replies and pushes out, and the codes of both.
//!
//! No state and no I/O. `docs/protocol.md` describes the wire.

mod codes;
mod command;
mod json;
mod push;
mod reply;

#[cfg(test)]
mod tests;

pub(crate) use codes::{Disconnect, ErrorCode};
pub(crate) use command::{Command, Connect, History, Publish, Subscribe, parse};
pub(crate) use json::{depth, one_line, present};
pub(crate) use push::{PING, push_frame, unsubscribe_frame, write_publication};
pub(crate) use reply::{
    Answered, connect_frame, empty_frame, error_frame, history_frame, history_result, refresh_frame, subscribe_frame,
};
