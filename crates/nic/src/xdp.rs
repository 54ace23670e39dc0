//! `xdp:NAME`: a network interface that the kernel keeps, and whose frames for us it hands over before it looks at them.
//!
//! A filter of ours runs in the driver (XDP) and decides for every frame: what a [`Claim`] says is ours goes to an
//! AF_XDP socket, all else takes its usual way through the kernel. So ssh, DNS and every other program on the interface
//! keep working, with the host's own addresses.
//!
//! | file | what is in it |
//! |---|---|
//! | `claim.rs` | what is ours |
//! | `filter.rs`, `assembler.rs` | the program that decides, and how it is written |
//! | `bpf.rs` | the system call that loads it |
//! | `program.rs`, `attached.rs` | the filter and its maps; the interface that has it, shared by all queues |
//! | `memory.rs`, `ring.rs`, `socket.rs` | one queue's socket and its four rings |
//! | `queue.rs`, `loans.rs` | one queue at work, and which frames the kernel has |
//! | `watch.rs` | counters, and what they mean in words |
//!
//! The frames of the core's pool are themselves the memory that the kernel receives into and sends from. So a queue is
//! tied to a pool, by [`attach`](Xdp::attach) or by the first call that is given one, and gives the kernel a part of it
//! in advance. What the kernel has of the pool is [lent](FramePool::lend) and counts as in use.
//!
//! When the process ends, however it does, the kernel takes the filter off and the interface is as it was. This needs
//! Linux 5.9, the first whose filters belong to a process in this way.

mod assembler;
mod attached;
mod bpf;
mod claim;
mod error;
mod filter;
mod loans;
mod memory;
mod program;
mod queue;
mod ring;
mod settings;
mod socket;
mod watch;

use std::fmt;
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use crore_base::frame::{Frame, FramePool};
use crore_base::limits::FRAME_BYTES;
use crore_base::time::Instant;
use rustix::io::Errno;

use crate::interface::Interface;
use crate::limits::{ETHERNET_HEADER_BYTES, INTERFACE_NAME_BYTES_MAX, XDP_HEADROOM_BYTES};
use crate::open::{OpenError, check_name, check_queues};
use crate::packet_io::{Capabilities, Link, PacketIo};

pub use attached::XdpInterface;
pub use claim::{Claim, ClaimError, PortSet};
pub use error::XdpError;
pub use program::FilterCounts;
pub use settings::XdpSettings;
pub use watch::{XdpKernelStatistics, XdpStatistics};

use queue::Queue;
use socket::Socket;

/// Bytes of the largest packet that a received frame has room for.
const MTU_MAX: u32 = (FRAME_BYTES - XDP_HEADROOM_BYTES - ETHERNET_HEADER_BYTES) as u32;

/// How frames travel between the wire and our pool.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct XdpMode {
    /// The driver runs the filter. Otherwise the kernel does, later and slower: see [`XdpInterface::not_native`].
    pub native: bool,
    /// The device itself reads and writes our frames. Otherwise the kernel copies them. `None` before the queue is
    /// tied to a pool.
    pub zero_copy: Option<bool>,
}

impl fmt::Display for XdpMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.native {
            "filter in the driver, "
        } else {
            "filter in the kernel's generic path (slow), "
        })?;
        f.write_str(match self.zero_copy {
            Some(true) => "frames not copied",
            Some(false) => "frames copied by the kernel",
            None => "not tied to a pool yet",
        })
    }
}

/// One queue of an interface, through AF_XDP.
pub struct Xdp {
    name: String,
    shared: Arc<XdpInterface>,
    /// Which of our queues this is, and how many there are.
    queue: u16,
    queues: u16,
    /// Which queue of the interface it is.
    channel: u32,
    ring_frames: u32,
    force_copy: bool,
    /// The queue at work has it too: the descriptor is the same before and after.
    socket: Arc<Socket>,
    state: State,
}

/// How far a queue has come.
enum State {
    /// No pool has been seen yet.
    Fresh,
    /// Frames are moved.
    Attached(Box<Queue>),
    /// Tying it to its pool has failed. It stays so.
    Failed,
}

impl Xdp {
    /// Puts our filter on an interface and opens its queues, in the order of their numbers. From now on what is ours is
    /// kept from the kernel; it is dropped until each queue is [attached](Self::attach).
    ///
    /// # Errors
    /// See [`OpenError`] and [`XdpError`]: the interface does not exist, is down, has other queues or too large an
    /// MTU; another program is on it; the claim cannot be made; there is no right to all this.
    pub fn open(interface: &str, settings: &XdpSettings) -> Result<Vec<Self>, OpenError> {
        check_queues(settings.queues)?;
        let interface = check_name(interface, INTERFACE_NAME_BYTES_MAX)?;
        let name = format!("xdp:{interface}");
        Self::open_checked(&name, &interface, settings).map_err(|error| OpenError::Xdp { name, error })
    }

    /// As [`open`](Self::open), with a claim of all addresses in the interface's networks that the kernel has not:
    /// what a name alone can say. See [`Claim::neighbours_of`].
    pub(crate) fn open_beside_kernel(interface: &str, queues: u16, only: &[u16]) -> Result<Vec<Self>, OpenError> {
        check_queues(queues)?;
        let name = || format!("xdp:{interface}");
        let found = find(interface).map_err(|error| OpenError::Xdp { name: name(), error })?;
        let mut settings = XdpSettings::new(Claim::neighbours_of(&found), queues);
        settings.only = only.to_vec();
        Self::open(interface, &settings)
    }

    fn open_checked(name: &str, interface: &str, settings: &XdpSettings) -> Result<Vec<Self>, XdpError> {
        let interface = find(interface)?;
        settings.claim.check().map_err(XdpError::Claim)?;
        if !interface.is_up {
            return Err(XdpError::Down);
        }
        if interface.mtu > MTU_MAX {
            return Err(XdpError::Mtu { mtu: interface.mtu, mtu_max: MTU_MAX });
        }
        let channels = settings.channels(interface.queues)?;
        let ring_frames = settings.checked_ring_frames()?;
        let sockets: Result<Vec<Socket>, XdpError> =
            channels.iter().map(|_| Socket::new().map_err(no_socket)).collect();
        let sockets = sockets?;
        let shared = Arc::new(XdpInterface::attach(interface, &settings.claim, settings.force_generic)?);
        let queue = |(queue, (channel, socket)): (usize, (&u16, Socket))| Self {
            name: name.to_owned(),
            shared: shared.clone(),
            queue: queue as u16,
            queues: settings.queues,
            channel: u32::from(*channel),
            ring_frames,
            force_copy: settings.force_copy,
            socket: Arc::new(socket),
            state: State::Fresh,
        };
        Ok(channels.iter().zip(sockets).enumerate().map(queue).collect())
    }

    /// Ties the queue to the pool of its core: from now on frames come in. Does nothing the second time.
    ///
    /// Pins all of the pool's memory and gives a part of its frames to the kernel. The first call of
    /// [`receive`](PacketIo::receive) or [`transmit`](PacketIo::transmit) does it too; this one says more if it fails,
    /// and does not surprise anybody with the time it takes: up to a second if another process has just given up the
    /// queue.
    ///
    /// # Errors
    /// The pool is too small, may not be pinned, or the queue is somebody else's. The queue is of no use then, and what
    /// it had been lent already stays lent.
    ///
    /// # Panics
    /// If it was tied to another pool.
    pub fn attach(&mut self, frames: &mut FramePool) -> Result<(), XdpError> {
        match &self.state {
            State::Attached(queue) => {
                queue.assert_same(frames);
                return Ok(());
            }
            State::Failed => return Err(XdpError::Unusable),
            State::Fresh => self.state = State::Failed,
        }
        let (socket, interface) = (self.socket.clone(), self.shared.interface());
        let (place, number) = ((interface.index, self.channel), (self.queue, self.queues));
        let (mtu, rings) = (interface.mtu as u16, self.ring_frames);
        let queue = Queue::new(socket, frames, place, number, mtu, rings, self.force_copy)?;
        self.shared.program().set_socket(self.channel, self.socket.as_fd())?;
        self.state = State::Attached(Box::new(queue));
        Ok(())
    }

    /// Closes the queue and gives every frame that the kernel has of the pool back to it. What is ours and comes in
    /// at this queue is dropped from now on.
    ///
    /// A queue that is dropped instead leaves those frames lent, which is right if the pool goes too.
    pub fn close(self, frames: &mut FramePool) {
        let Self { socket, state, .. } = self;
        drop(socket);
        if let State::Attached(queue) = state {
            queue.close(frames);
        }
    }

    /// What all queues of the interface share: what is ours, who is blocked, what the filter has counted.
    pub fn interface(&self) -> &Arc<XdpInterface> {
        &self.shared
    }

    /// Which queue of the interface this is, as the card counts them.
    pub fn channel(&self) -> u32 {
        self.channel
    }

    /// How frames travel; for a log.
    pub fn mode(&self) -> XdpMode {
        let zero_copy = match &self.state {
            State::Attached(queue) => Some(queue.zero_copy()),
            State::Fresh | State::Failed => None,
        };
        XdpMode { native: self.shared.not_native().is_none(), zero_copy }
    }

    /// What has happened at this queue beside frames that came and went. Costs a system call.
    pub fn statistics(&self) -> XdpStatistics {
        match &self.state {
            State::Attached(queue) => queue.statistics(),
            State::Fresh | State::Failed => XdpStatistics::default(),
        }
    }

    /// Frames of the pool that the kernel has now, to receive into and to send from. The pool counts them as in use.
    pub fn lent(&self) -> u32 {
        match &self.state {
            State::Attached(queue) => queue.lent(),
            State::Fresh | State::Failed => 0,
        }
    }

    /// Looks at the queue and the checksum of each of the next `frames` frames, as it does when it starts. After those
    /// it looks at one in [`XDP_SAMPLE_FRAMES`](crate::limits::XDP_SAMPLE_FRAMES).
    pub fn prove_steering(&mut self, frames: u32) {
        if let State::Attached(queue) = &mut self.state {
            queue.look_at(frames);
        }
    }

    /// The queue at work, tied to this pool.
    #[inline]
    fn ready(&mut self, frames: &mut FramePool) -> io::Result<&mut Queue> {
        if !matches!(self.state, State::Attached(_)) {
            self.tie(frames)?;
        }
        match &mut self.state {
            State::Attached(queue) => {
                queue.assert_same(frames);
                Ok(queue)
            }
            State::Fresh | State::Failed => Err(io::Error::other(XdpError::Unusable)),
        }
    }

    #[cold]
    fn tie(&mut self, frames: &mut FramePool) -> io::Result<()> {
        let name = self.name.clone();
        self.attach(frames).map_err(|error| io::Error::other(OpenError::Xdp { name, error }))
    }
}

impl PacketIo for Xdp {
    fn capabilities(&self) -> Capabilities {
        let interface = self.shared.interface();
        let (name, mac, mtu) = (self.name.clone(), interface.mac, interface.mtu as u16);
        Capabilities { name, mac, mtu, queue: self.queue, queues: self.queues }
    }

    fn link(&self) -> Link {
        match &self.state {
            State::Attached(queue) => queue.link(),
            State::Fresh => Link::Waiting,
            State::Failed => Link::Lost,
        }
    }

    fn receive(&mut self, frames: &mut FramePool, into: &mut Vec<Frame>, max: usize) -> io::Result<usize> {
        self.ready(frames)?.receive(frames, into, max)
    }

    fn transmit(&mut self, frames: &mut FramePool, from: &mut Vec<Frame>) -> io::Result<usize> {
        self.ready(frames)?.transmit(frames, from)
    }

    fn recycle(&mut self, frames: &mut FramePool) -> usize {
        match &mut self.state {
            State::Attached(queue) => queue.recycle(frames),
            State::Fresh | State::Failed => 0,
        }
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.socket.as_fd())
    }

    fn prepare_sleep(&mut self) -> bool {
        match &mut self.state {
            State::Attached(queue) => queue.prepare_sleep(),
            // Before it has a pool nothing would ever wake it.
            State::Fresh => false,
            State::Failed => true,
        }
    }

    fn on_time(&mut self, now: Instant) {
        if let State::Attached(queue) = &mut self.state {
            queue.on_time(now);
        }
    }
}

fn find(name: &str) -> Result<Interface, XdpError> {
    let asked = |error| XdpError::System { what: "ask about interfaces", error };
    match Interface::find(name).map_err(asked)? {
        Some(interface) => Ok(interface),
        None => Err(XdpError::NoInterface { others: Interface::names().map_err(asked)? }),
    }
}

fn no_socket(errno: Errno) -> XdpError {
    match errno {
        Errno::PERM | Errno::ACCESS => XdpError::Rights { what: "open an AF_XDP socket" },
        _ => XdpError::System { what: "open an AF_XDP socket", error: errno.into() },
    }
}

#[cfg(test)]
mod tests;
