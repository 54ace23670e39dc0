//! Talking between tasks: [`oneshot`], [`mpsc`], [`broadcast`] and [`watch`] on one core, [`mesh`] between cores.
//!
//! What waits has a `poll_...` form beside the `async` one, and dropping a wait loses nothing, so all of it works in `select!`.

pub mod broadcast;
pub mod mesh;
pub mod mpsc;
pub mod notify;
pub mod oneshot;
mod waiters;
pub mod watch;
