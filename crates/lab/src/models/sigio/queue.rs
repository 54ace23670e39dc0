//! The kernel's queue of signals about descriptors: fcntl(2) and sigtimedwait(2), for which nobody has a safe wrapper.
//!
//! The signals are blocked, so no handler runs: they are taken from the queue, or lie in it.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::ptr;

use libc::{SIG_BLOCK, SIG_DFL, SIG_IGN, SIGIO, c_int, c_long};
use rustix::thread::gettid;

/// fcntl's commands and their argument (fcntl(2)), which `libc` does not have.
const F_SETSIG: c_int = 10;
const F_SETOWN_EX: c_int = 15;
const F_OWNER_TID: c_int = 0;

#[repr(C)]
struct Owner {
    kind: c_int,
    id: libc::pid_t,
}

/// `siginfo_t` of a signal about a descriptor, up to the number of the descriptor (sigaction(2)).
#[repr(C)]
struct AboutDescriptor {
    signal: c_int,
    error: c_int,
    code: c_int,
    band: c_long,
    descriptor: c_int,
}

const _: () = assert!(size_of::<AboutDescriptor>() <= size_of::<libc::siginfo_t>());

/// What the queue has told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// Something has happened to this descriptor, or to one that had its number before.
    About(RawFd),
    /// The queue was full, and signals were dropped.
    Overflow,
    /// Nothing is queued.
    Nothing,
}

/// The queue of the thread that opened it.
#[derive(Debug)]
pub(super) struct SignalQueue {
    /// The real-time signal that is used.
    signal: c_int,
}

impl SignalQueue {
    /// Blocks the signals, so that they queue up for this thread and for those that it starts.
    pub(super) fn open() -> io::Result<SignalQueue> {
        let queue = SignalQueue { signal: libc::SIGRTMIN() };
        let set = queue.set();
        // SAFETY: `set` is initialised, and the old mask is not asked for.
        check(unsafe { libc::sigprocmask(SIG_BLOCK, &set, ptr::null_mut()) })?;
        Ok(queue)
    }

    /// Has a descriptor's events queued for this thread, from now on. What has happened already is not told.
    pub(super) fn watch(&self, source: &impl AsFd) -> io::Result<()> {
        let descriptor = source.as_fd().as_raw_fd();
        let owner = Owner { kind: F_OWNER_TID, id: gettid().as_raw_nonzero().get() };
        // SAFETY: this command reads an `Owner`, which lives for as long as the call.
        check(unsafe { libc::fcntl(descriptor, F_SETOWN_EX, &raw const owner) })?;
        // SAFETY: this command takes a number.
        check(unsafe { libc::fcntl(descriptor, F_SETSIG, self.signal) })?;
        // SAFETY: this command takes a number.
        check(unsafe { libc::fcntl(descriptor, libc::F_SETFL, libc::O_ASYNC | libc::O_NONBLOCK) })
    }

    /// Takes the next signal; sleeps until there is one if it may.
    pub(super) fn next(&self, may_sleep: bool) -> io::Result<Told> {
        let set = self.set();
        let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
        let at_once = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        let timeout = if may_sleep { ptr::null() } else { &raw const at_once };
        // SAFETY: the set is initialised, there is room for a `siginfo_t`, and the timeout is none or lives for as long as the call.
        let signal = unsafe { libc::sigtimedwait(&set, info.as_mut_ptr(), timeout) };
        match signal {
            SIGIO => Ok(Told::Overflow),
            signal if signal == self.signal => {
                // SAFETY: a `siginfo_t` is larger and no less aligned, all of its bytes are initialised, and all of the view's fields
                // are numbers.
                let about = unsafe { info.as_ptr().cast::<AboutDescriptor>().read() };
                assert_eq!(about.signal, signal, "the kernel's layout is the one that is read");
                Ok(Told::About(about.descriptor))
            }
            _ => match io::Error::last_os_error() {
                error if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EINTR)) => Ok(Told::Nothing),
                error => Err(error),
            },
        }
    }

    /// Throws away whatever is queued: ignoring a signal empties its queue (POSIX.1-2017, 2.4.3).
    pub(super) fn discard(&self) -> io::Result<()> {
        for disposition in [SIG_IGN, SIG_DFL] {
            // SAFETY: neither is a handler, so no code runs at a signal.
            let before = unsafe { libc::signal(self.signal, disposition) };
            if before == libc::SIG_ERR {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(())
    }

    /// The real-time signal, and SIGIO, which says that its queue was full.
    fn set(&self) -> libc::sigset_t {
        let mut set = MaybeUninit::uninit();
        // SAFETY: there is room for a set.
        unsafe { libc::sigemptyset(set.as_mut_ptr()) };
        for signal in [self.signal, SIGIO] {
            // SAFETY: the set was initialised above, and both are signals.
            unsafe { libc::sigaddset(set.as_mut_ptr(), signal) };
        }
        // SAFETY: it was initialised above.
        unsafe { set.assume_init() }
    }
}

fn check(result: c_int) -> io::Result<()> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
