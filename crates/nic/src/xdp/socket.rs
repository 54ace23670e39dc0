//! An AF_XDP socket: made when the device is opened, tied to memory and a queue when the core that owns both first
//! uses it. See `Documentation/networking/af_xdp.rst` of Linux.
//!
//! The shared memory is the core's own frame pool: frame `n` is at `n` times the size of a frame. The kernel pins it, so
//! all of it is resident from then on, and it stays valid for the kernel even if the pool is dropped first.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crore_base::frame::FramePool;
use crore_base::limits::FRAME_BYTES;
use rustix::io::Errno;
use rustix::net::sockopt::{
    set_socket_send_buffer_size, set_socket_send_buffer_size_force, set_xdp_rx_ring_size, set_xdp_tx_ring_size,
    set_xdp_umem_completion_ring_size, set_xdp_umem_fill_ring_size, set_xdp_umem_reg, socket_error, xdp_mmap_offsets,
    xdp_options, xdp_statistics,
};
use rustix::net::xdp::{
    SocketAddrXdp, SocketAddrXdpFlags, XDP_PGOFF_RX_RING, XDP_PGOFF_TX_RING, XDP_UMEM_PGOFF_COMPLETION_RING,
    XDP_UMEM_PGOFF_FILL_RING, XdpOptionsFlags, XdpStatistics, XdpUmemReg, XdpUmemRegFlags,
};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recv, send, socket_with};

use crate::limits::{XDP_BIND_PAUSE_MS, XDP_BIND_TRIES_MAX, XDP_SEND_BUFFER_BYTES};

use super::error::XdpError;
use super::ring::{Consumer, Producer};

/// An AF_XDP socket that is tied to nothing yet.
pub(super) struct Socket {
    descriptor: OwnedFd,
}

/// The four rings of a socket.
pub(super) struct Rings {
    pub(super) fill: Producer,
    pub(super) receive: Consumer,
    pub(super) transmit: Producer,
    pub(super) completion: Consumer,
    /// The device itself reads and writes the frames, and no processor copies them.
    pub(super) zero_copy: bool,
}

/// What calling the kernel to send has come to.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Kick {
    /// It has looked at the ring, and has sent none, some or all.
    Done,
    /// The interface is down.
    Down,
    /// The interface is gone for good.
    Gone,
}

impl Socket {
    /// # Errors
    /// `EPERM` without `CAP_NET_RAW`, `EAFNOSUPPORT` if the kernel has no AF_XDP.
    pub(super) fn new() -> Result<Self, Errno> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let descriptor = socket_with(AddressFamily::XDP, SocketType::RAW, flags, None)?;
        Ok(Self { descriptor })
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }

    /// Shares the pool's memory with the kernel, makes the rings and ties the socket to a queue of an interface.
    pub(super) fn bind(
        &self,
        frames: &FramePool,
        interface: u32,
        queue: u32,
        ring_frames: u32,
        force_copy: bool,
    ) -> Result<Rings, XdpError> {
        let failed = |what| move |errno: Errno| XdpError::System { what, error: errno.into() };
        let memory = frames.memory();
        let bytes = memory.len() * FRAME_BYTES;
        let registration = XdpUmemReg {
            addr: memory.base().as_ptr() as u64,
            len: bytes as u64,
            chunk_size: FRAME_BYTES as u32,
            headroom: 0,
            flags: XdpUmemRegFlags::empty(),
            tx_metadata_len: 0,
        };
        set_xdp_umem_reg(&self.descriptor, registration).map_err(|errno| match errno {
            Errno::NOBUFS | Errno::NOMEM => XdpError::Memory { bytes },
            _ => failed("share the frames' memory")(errno),
        })?;
        let sized = failed("size a ring");
        set_xdp_umem_fill_ring_size(&self.descriptor, ring_frames).map_err(sized)?;
        set_xdp_umem_completion_ring_size(&self.descriptor, ring_frames).map_err(sized)?;
        set_xdp_rx_ring_size(&self.descriptor, ring_frames).map_err(sized)?;
        set_xdp_tx_ring_size(&self.descriptor, ring_frames).map_err(sized)?;
        // Without the right to more, the kernel cuts it; then more calls are needed to send a burst.
        set_socket_send_buffer_size_force(&self.descriptor, XDP_SEND_BUFFER_BYTES)
            .or_else(|_| set_socket_send_buffer_size(&self.descriptor, XDP_SEND_BUFFER_BYTES))
            .map_err(failed("size the send buffer"))?;

        let offsets = xdp_mmap_offsets(&self.descriptor).map_err(failed("ask for the layout of rings"))?;
        let mapped = failed("map a ring");
        let socket = self.as_fd();
        let fill = Producer::open(socket, XDP_UMEM_PGOFF_FILL_RING, offsets.fr, ring_frames, 1);
        let completion = Consumer::open(socket, XDP_UMEM_PGOFF_COMPLETION_RING, offsets.cr, ring_frames, 1);
        let receive = Consumer::open(socket, XDP_PGOFF_RX_RING, offsets.rx, ring_frames, 2);
        let transmit = Producer::open(socket, XDP_PGOFF_TX_RING, offsets.tx, ring_frames, 2);
        let (fill, completion) = (fill.map_err(mapped)?, completion.map_err(mapped)?);
        let (receive, transmit) = (receive.map_err(mapped)?, transmit.map_err(mapped)?);
        self.bind_queue(interface, queue, force_copy)?;
        let options = xdp_options(&self.descriptor).map_err(failed("ask how frames travel"))?;
        let zero_copy = options.contains(XdpOptionsFlags::XDP_OPTIONS_ZEROCOPY);
        Ok(Rings { fill, receive, transmit, completion, zero_copy })
    }

    /// Left to choose, the kernel takes zero-copy where the driver has it, and copies otherwise. A queue that was just
    /// given up is busy for a moment longer.
    fn bind_queue(&self, interface: u32, queue: u32, force_copy: bool) -> Result<(), XdpError> {
        let copy = if force_copy { SocketAddrXdpFlags::XDP_COPY } else { SocketAddrXdpFlags::empty() };
        let address = SocketAddrXdp::new(SocketAddrXdpFlags::XDP_USE_NEED_WAKEUP | copy, interface, queue);
        for _ in 0..XDP_BIND_TRIES_MAX {
            match bind(&self.descriptor, &address) {
                Ok(()) => return Ok(()),
                Err(Errno::BUSY) => std::thread::sleep(std::time::Duration::from_millis(XDP_BIND_PAUSE_MS)),
                Err(Errno::NODEV) => return Err(XdpError::Gone),
                Err(errno) => return Err(XdpError::System { what: "bind to a queue", error: errno.into() }),
            }
        }
        Err(XdpError::QueueTaken { queue })
    }

    /// Calls the kernel to look at the transmit ring.
    ///
    /// # Errors
    /// One that nobody expects of it.
    #[inline]
    pub(super) fn kick(&self) -> io::Result<Kick> {
        match send(&self.descriptor, &[], SendFlags::DONTWAIT) {
            Ok(_) | Err(Errno::AGAIN | Errno::BUSY | Errno::NOBUFS | Errno::NOMEM | Errno::INTR) => Ok(Kick::Done),
            Err(Errno::NETDOWN) => Ok(Kick::Down),
            Err(Errno::NXIO | Errno::NODEV) => Ok(Kick::Gone),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Calls the kernel to look at the fill ring.
    #[inline]
    pub(super) fn kick_receive(&self) {
        // Whatever it says, what comes in says more; a device that is gone shows in `is_gone` too.
        let _looked = recv(&self.descriptor, &mut [0_u8; 0][..], RecvFlags::DONTWAIT);
    }

    /// Whether the interface has gone for good. Clears the condition that keeps the descriptor readable.
    pub(super) fn is_gone(&self) -> bool {
        matches!(socket_error(&self.descriptor), Ok(Err(_)) | Err(_))
    }

    /// What the kernel counts.
    pub(super) fn statistics(&self) -> Option<XdpStatistics> {
        xdp_statistics(&self.descriptor).ok()
    }
}
