//! Signals of the process, as something to wait for.

use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::task::Poll;

use signal_hook::SigId;

use crate::current;
use crate::driver::WatchId;

/// The numbers to ask for.
pub use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};

/// Signals that this task wants to hear of. While it lives they do not end the process.
pub struct Signals {
    receivers: Vec<Receiver>,
}

struct Receiver {
    signal: i32,
    registration: SigId,
    stream: UnixStream,
    watch: WatchId,
}

impl Signals {
    /// Listens for `signals` (numbers as in signal(7)).
    ///
    /// # Errors
    /// A signal that cannot be caught, no descriptors left, or a driver without a kernel beneath (`sim`).
    pub fn new(signals: &[i32]) -> io::Result<Signals> {
        let receivers = signals.iter().map(|&signal| Receiver::new(signal)).collect::<io::Result<_>>()?;
        Ok(Signals { receivers })
    }

    /// The next signal. Several of one kind that come together count as one (signal(7)).
    pub async fn next(&mut self) -> i32 {
        poll_fn(|context| {
            for receiver in &self.receivers {
                // Edge triggered: ask until the watch has nothing to report, so that its waker is in place.
                loop {
                    let watch = receiver.watch;
                    let polled = current::with(|worker| worker.driver().borrow_mut().poll_watch(watch, context));
                    if polled.is_pending() {
                        break;
                    }
                    if receiver.drain() {
                        return Poll::Ready(receiver.signal);
                    }
                }
            }
            Poll::Pending
        })
        .await
    }
}

impl Receiver {
    fn new(signal: i32) -> io::Result<Receiver> {
        let (stream, sender) = UnixStream::pair()?;
        stream.set_nonblocking(true)?;
        let watched = OwnedFd::from(stream.try_clone()?);
        let watch = current::with(|worker| worker.driver().borrow_mut().watch(watched))?;
        let registration = signal_hook::low_level::pipe::register(signal, sender)?;
        Ok(Receiver { signal, registration, stream, watch })
    }

    /// Reads what the handler wrote; true if there was anything.
    fn drain(&self) -> bool {
        let mut any = false;
        let mut bytes = [0; 64];
        while let Ok(1..) = rustix::io::read(&self.stream, &mut bytes) {
            any = true;
        }
        any
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        signal_hook::low_level::unregister(self.registration);
        current::try_with(|worker| worker.driver().borrow_mut().unwatch(self.watch));
    }
}
