//! One listening socket of the kernel's for several cores of a runtime: [`Accept::Handover`] and [`Accept::Shared`].
//!
//! The core that binds an address first opens the socket; the others that bind it join. What the cores share is here, behind locks
//! that are taken when somebody joins or leaves and, with a handover, once at either end for each connection, never on the path of a
//! byte.
//!
//! With a handover a task of the first core accepts, as any listener does, with its budget and its rests, and puts the socket into
//! the inbox of the next core in turn. A full inbox is passed over; when all are full the acceptor rests.
//!
//! Invariants: a core has at most one seat at an address; sockets wait only in the inboxes of cores that have joined, and who leaves
//! gives them to the others; the acceptor ends with the last who leaves, and the socket with it.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, Weak};
use std::task::{Context, Poll, Waker};

use super::{Accept, ListenOptions};
use crate::current;
use crate::driver::ListenerId;
use crate::driver::socket::listening_socket;
use crate::executor::join::spawn_detached;
use crate::limits::HANDOVER_INBOX;
use acceptor::Acceptor;

mod acceptor;

/// The addresses that cores of this process share. Binding is rare; the lock keeps two from opening one address.
static JOINTS: Mutex<Vec<Weak<Joint>>> = Mutex::new(Vec::new());

struct Joint {
    runtime: u8,
    local: SocketAddr,
    accept: Accept,
    socket: OwnedFd,
    /// By core.
    seats: Vec<Mutex<Seat>>,
    /// The task that accepts, once it runs.
    acceptor: OnceLock<Waker>,
    /// Why nobody accepts any more though cores have joined.
    broken: OnceLock<io::ErrorKind>,
}

#[derive(Default)]
struct Seat {
    joined: bool,
    /// Accepted for this core, which has not taken them.
    inbox: VecDeque<OwnedFd>,
    taker: Option<Waker>,
    /// Where the core itself waits on the socket.
    listener: Option<ListenerId>,
}

impl Joint {
    fn seat(&self, core: usize) -> MutexGuard<'_, Seat> {
        lock(&self.seats[core])
    }

    fn is_empty(&self) -> bool {
        (0..self.seats.len()).all(|core| !self.seat(core).joined)
    }

    /// Tells all cores that nobody accepts any more.
    fn give_up(&self, error: &io::Error) {
        self.broken.get_or_init(|| error.kind());
        for core in 0..self.seats.len() {
            let taker = self.seat(core).taker.take();
            if let Some(taker) = taker {
                taker.wake();
            }
        }
    }

    /// Puts a socket into the inbox of the first core from `next` on that has room, and says which it was.
    fn give(&self, socket: OwnedFd, next: usize) -> Result<usize, OwnedFd> {
        let cores = self.seats.len();
        for core in (0..cores).map(|step| (next + step) % cores) {
            let mut seat = self.seat(core);
            if seat.joined && seat.inbox.len() < HANDOVER_INBOX {
                seat.inbox.push_back(socket);
                let taker = seat.taker.take();
                drop(seat);
                if let Some(taker) = taker {
                    taker.wake();
                }
                return Ok(core);
            }
        }
        Err(socket)
    }
}

/// One core's share of an address; dropping it leaves.
pub(super) struct Member {
    joint: Arc<Joint>,
    core: usize,
}

impl Member {
    /// Opens `address`, or joins the cores of this runtime that have.
    pub(super) fn join(address: SocketAddr, options: &ListenOptions) -> io::Result<Member> {
        assert!(options.accept != Accept::PerWorker, "a core that accepts for itself shares nothing");
        let (runtime, core, cores) = current::with(|worker| (worker.runtime_id(), worker.core(), worker.cores()));
        let mut joints = lock(&JOINTS);
        joints.retain(|joint| joint.strong_count() > 0);
        let fits =
            |joint: &Arc<Joint>| joint.runtime == runtime && joint.local == address && joint.accept == options.accept;
        let (joint, opened) = match joints.iter().filter_map(Weak::upgrade).find(fits) {
            Some(joint) => (joint, false),
            None => (Arc::new(Joint::open(address, options, runtime, cores)?), true),
        };
        if std::mem::replace(&mut joint.seat(core).joined, true) {
            let text = format!("core {core} listens on {address} already");
            return Err(io::Error::new(io::ErrorKind::AddrInUse, text));
        }
        let member = Member { joint, core }; // leaves if what follows fails
        if options.accept == Accept::Shared {
            let listener = listen_on(&member.joint, options.send_limit())?;
            member.joint.seat(core).listener = Some(listener);
        } else if opened {
            // What the acceptor accepts gets its limit from the core that takes it.
            let listener = listen_on(&member.joint, 0)?;
            let acceptor = Acceptor::new(Arc::clone(&member.joint), listener);
            spawn_detached(acceptor.run()).map_err(|_| io::Error::other("this core has no room for an acceptor"))?;
        }
        if opened {
            joints.push(Arc::downgrade(&member.joint));
        }
        Ok(member)
    }

    pub(super) fn local(&self) -> SocketAddr {
        self.joint.local
    }

    /// The driver's listener, if this core waits on the socket itself.
    pub(super) fn listener(&self) -> Option<ListenerId> {
        self.joint.seat(self.core).listener
    }

    /// The next socket that was handed to this core.
    pub(super) fn poll_handed(&self, context: &Context<'_>) -> Poll<io::Result<OwnedFd>> {
        let mut seat = self.joint.seat(self.core);
        assert!(seat.joined, "a member is joined until it is dropped");
        if let Some(socket) = seat.inbox.pop_front() {
            return Poll::Ready(Ok(socket));
        }
        if let Some(&broken) = self.joint.broken.get() {
            return Poll::Ready(Err(broken.into()));
        }
        if !seat.taker.as_ref().is_some_and(|taker| taker.will_wake(context.waker())) {
            seat.taker = Some(context.waker().clone());
        }
        Poll::Pending
    }

    /// The kernel may have woken this core for connections that it will not accept now: those who stay look.
    fn tell_others_to_look(&self) {
        for core in (0..self.joint.seats.len()).filter(|&core| core != self.core) {
            let Some(listener) = self.joint.seat(core).listener else { continue };
            let look = move || current::with(|worker| worker.driver().borrow_mut().look(listener));
            // After the runtime's end there is nobody to tell.
            current::try_with(|worker| worker.control().borrow_mut().send(core, Box::new(look)));
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let left = std::mem::take(&mut *self.joint.seat(self.core));
        assert!(left.joined, "a member leaves once");
        if let Some(listener) = left.listener {
            current::try_with(|worker| worker.driver().borrow_mut().unlisten(listener));
            self.tell_others_to_look();
        }
        for socket in left.inbox {
            // With nobody left, or no room, closing it tells the client.
            drop(self.joint.give(socket, self.core + 1));
        }
        if let Some(acceptor) = self.joint.acceptor.get()
            && self.joint.is_empty()
        {
            acceptor.wake_by_ref();
        }
    }
}

impl Joint {
    fn open(address: SocketAddr, options: &ListenOptions, runtime: u8, cores: usize) -> io::Result<Joint> {
        let (socket, local) = listening_socket(address, options)?;
        let seats = (0..cores).map(|_| Mutex::default()).collect();
        Ok(Joint {
            runtime,
            local,
            accept: options.accept,
            socket,
            seats,
            acceptor: OnceLock::new(),
            broken: OnceLock::new(),
        })
    }
}

/// Waits on the joint's socket on this core.
fn listen_on(joint: &Joint, send_limit: u32) -> io::Result<ListenerId> {
    let (socket, exclusive) = (joint.socket.try_clone()?, joint.accept == Accept::Shared);
    current::with(|worker| worker.driver().borrow_mut().listen_on(socket, send_limit, exclusive))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
