//! Spawning for hyper: a future runs on the core where hyper asks for it, and need not be `Send`.

use std::future::Future;

use crore_rt::spawn_detached;

/// Runs futures on the core that it is called on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Executor;

impl<F: Future + 'static> hyper::rt::Executor<F> for Executor {
    /// Spawns it and lets it run to its end. When the core has no room for another task the future is dropped, and the log says so.
    fn execute(&self, future: F) {
        let run = async move {
            future.await;
        };
        if let Err(error) = spawn_detached(run) {
            tracing::error!("a future of hyper was dropped: {error}");
        }
    }
}
