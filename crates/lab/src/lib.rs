//! The laboratory: the same small service in every I/O model, so that they can be compared on the same work.
//!
//! [`service`] is the work, without I/O. [`models`] are the ways to wait for it, one short file each; [`serve`] runs one by its name.
//! Each is written as its time wrote it, as well as it can be written, and documented with what it cannot do.

pub mod limits;
pub mod models;
pub mod service;

pub use models::{MODELS, Model, Place, answer, serve};
pub use service::Protocol;
