//! What ends the sleep of a core: a descriptor that its driver waits on, with everything else that it waits on.
//!
//! It keeps one ring, so ringing before the sleep ends it, too. In a model there is no driver, and the bell is loom's.

#[cfg(not(loom))]
mod real {
    use std::io;
    use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

    use rustix::event::{EventfdFlags, eventfd};

    pub(crate) struct Bell(OwnedFd);

    impl Bell {
        pub(crate) fn new() -> io::Result<Bell> {
            Ok(Bell(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?))
        }

        pub(crate) fn ring(&self) {
            // It can only fail when the counter is full, and then the bell rings already.
            let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
        }

        pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
            self.0.as_fd()
        }
    }
}

#[cfg(loom)]
mod modelled {
    use std::io;
    use std::os::fd::BorrowedFd;

    use loom::sync::Notify;

    pub(crate) struct Bell(Notify);

    impl Bell {
        pub(crate) fn new() -> io::Result<Bell> {
            Ok(Bell(Notify::new()))
        }

        pub(crate) fn ring(&self) {
            self.0.notify();
        }

        pub(crate) fn wait(&self) {
            self.0.wait();
        }

        pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
            unreachable!("a model has no driver that would wait on it")
        }
    }
}

#[cfg(loom)]
pub(super) use modelled::Bell;
#[cfg(not(loom))]
pub(super) use real::Bell;
