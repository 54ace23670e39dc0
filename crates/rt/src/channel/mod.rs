//! Talking between tasks: [`oneshot`] and [`mpsc`] on one core, [`mesh`] between cores.

pub mod mesh;
pub mod mpsc;
pub mod notify;
pub mod oneshot;
