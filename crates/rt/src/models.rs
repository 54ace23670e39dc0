//! Models: small programs on the files that several threads share, run by `loom` through every order of their steps, with every
//! stale value that the memory model permits an atomic to give.
//!
//! They run our own code, in a build with `--cfg loom`, in which `sync.rs` gives it loom's atomics, locks and threads. Two things
//! are stood for: rings (`rtrb`), and the descriptor that ends a sleep, which keeps one ring like an `eventfd`. To loom
//! `SeqCst` is no more than `AcqRel`, so what passes here does not depend on a total order.
//!
//! Each model has a twin with a planted fault, in which loom must find a thread that waits for ever, or a wrong result.
//!
//! ```sh
//! RUSTFLAGS="--cfg loom" cargo test -p crore-rt --lib --target-dir target/models models
//! ```

#[cfg(test)]
mod control;
#[cfg(test)]
mod lane;
#[cfg(test)]
mod pool;
pub(crate) mod ring;
#[cfg(test)]
mod wake;

#[cfg(test)]
mod model {
    use crate::executor::shared::SharedCore;

    /// Runs a model in every order in which at most `preemptions` threads are interrupted where they need not have been: almost
    /// every fault shows with two or three (Musuvathi and Qadeer, 2007).
    pub(super) fn check(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(preemptions);
        builder.check(model);
    }

    /// How a core goes to sleep: as the worker does, or with a planted fault.
    pub(super) type Sleep = fn(&SharedCore);

    /// As `Worker::harvest`.
    pub(super) fn sleep(core: &SharedCore) {
        if !core.has_pending() && core.fall_asleep() {
            core.sleep();
        }
        core.wake_up();
    }

    /// Has looked, announces that it sleeps, and does not look again.
    pub(super) fn sleep_without_looking_again(core: &SharedCore) {
        if !core.has_pending() {
            core.fall_asleep();
            core.sleep();
        }
        core.wake_up();
    }
}
