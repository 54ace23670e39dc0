//! Variants of one model, crore's own tasks on an event loop a core, for the questions that are not about waiting for sockets: who
//! accepts, where is calculated, how a file is read.

pub(crate) mod accept;
pub(crate) mod cpu;
pub(crate) mod disk;
mod host;
