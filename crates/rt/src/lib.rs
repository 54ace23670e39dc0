//! The runtime: a thread a core, tasks, timers, signals, channels, and TCP over an I/O model chosen by name.
//!
//! Each core is a world of its own: its tasks, connections, timers and counters belong to one thread, so nothing is
//! shared and nothing is locked. Cores talk by [`spawn_on`] and by the rings of [`channel::mesh`].
//!
//! ```no_run
//! use crore_rt::{Runtime, net, spawn};
//!
//! let runtime = Runtime::builder().workers(2).build().unwrap();
//! runtime.block_on(async {
//!     let address = "127.0.0.1:7000".parse().unwrap();
//!     let listener = net::TcpListener::bind(address, &net::ListenOptions::default()).unwrap();
//!     while let Ok(mut stream) = listener.accept().await {
//!         spawn(async move {
//!             while let Ok(bytes) = stream.recv().await {
//!                 if bytes.is_empty() || stream.send(&bytes[..]).is_err() {
//!                     break;
//!                 }
//!             }
//!         })
//!         .detach();
//!     }
//! });
//! ```

pub mod channel;
mod clock;
mod control;
mod current;
mod driver;
mod executor;
pub mod fs;
pub mod limits;
pub mod memory;
#[cfg(loom)]
mod models;
pub mod net;
pub mod pool;
pub mod reactor;
mod runtime;
mod selector;
pub mod signal;
pub mod sim;
mod stall;
mod stats;
mod sync;
mod task_figures;
pub mod time;
mod timers;
mod tls;
mod worker;

pub use crore_macros::{main, test};
pub use driver::{Automatic, DRIVERS, UringOptions, automatic, check_driver, is_device, takes_descriptors};
pub use executor::join::{JoinError, JoinHandle, TasksFull, spawn, spawn_detached, yield_now};
pub use executor::remote::{RemoteHandle, spawn_on};
pub use pool::{blocking, compute};
pub use runtime::{
    Builder, Runtime, connection_count, core, cores, driver_name, network_is_behind, raise_descriptor_limit,
    task_count, trim,
};
pub use stats::{Stats, network_stats, stats};
pub use task_figures::{TaskFigures, task_figures};
pub use tls::tls_stats;
