//! The laboratory: the same small service in every I/O model, and the harness that drives each with the same work.
//!
//! [`service`] is the work, [`models`] are the ways to wait for it; [`serve`] runs one by its name. [`run`] takes [`Options`], starts
//! each model as a process of its own, asks it on crore's own runtime, checks every byte of the answers, and gives an [`Outcome`].
//!
//! ```text
//! harness ── starts ──▶ the model's process, this program once more (serve_by_name)
//!    │                       ▲  measure: /proc, getrusage, strace
//!    └─ client (crore-rt) ───┘  paced │ saturated │ a connection each
//! ```

mod catalogue;
mod client;
mod error;
mod full;
mod ground;
mod harness;
pub mod limits;
mod measure;
pub mod models;
mod options;
mod outcome;
mod report;
pub mod service;
mod variants;

pub use catalogue::serve_by_name;
pub use error::LabError;
pub use full::figures::{Broadcast, Full, Pass, Shares};
pub use harness::{ModelCommand, run};
pub use models::{MODELS, Model, Place, answer, serve};
pub use options::{Database, Load, Options};
pub use outcome::{Latencies, Outcome, Row, Spread};
pub use service::Protocol;
