//! What the two ends of a wire tell each other when they meet: one message each way.
//!
//! The guest says how many queues it has and sends their doorbells. The host answers with how many it has, how large
//! the rings are, its own doorbells, and before those the descriptor of the shared memory; or with why not.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};

use crate::limits::QUEUES_MAX;

use super::layout::RingSizes;

/// Says what this is, and in its last byte which version of it.
const MAGIC: [u8; 8] = *b"crowire1";
const HELLO_BYTES: usize = 24;
/// Descriptors in one message at most: the memory and a doorbell for each queue.
const DESCRIPTORS_MAX: usize = 1 + QUEUES_MAX as usize;

/// What a message is.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// From the guest: may I join?
    Join,
    /// From the host: here is the memory.
    Welcome,
    /// From the host: somebody else is there already.
    Busy,
}

/// A message without its descriptors.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct Hello {
    pub(super) kind: Kind,
    pub(super) queues: u16,
    pub(super) sizes: RingSizes,
}

impl Hello {
    fn encode(&self) -> [u8; HELLO_BYTES] {
        let mut bytes = [0; HELLO_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..10].copy_from_slice(&(self.kind as u16).to_le_bytes());
        bytes[10..12].copy_from_slice(&self.queues.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.sizes.main.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.sizes.cross.to_le_bytes());
        bytes
    }

    /// The message in these bytes, or what is wrong with them.
    fn decode(bytes: &[u8]) -> Result<Self, &'static str> {
        let bytes = <&[u8; HELLO_BYTES]>::try_from(bytes).map_err(|_| "its greeting has a different length")?;
        if bytes[..8] != MAGIC {
            return Err("it speaks another version");
        }
        let half = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let kind = match half(8) {
            0 => Kind::Join,
            1 => Kind::Welcome,
            2 => Kind::Busy,
            _ => return Err("its greeting is of an unknown kind"),
        };
        Ok(Self { kind, queues: half(10), sizes: RingSizes { main: word(12), cross: word(16) } })
    }

    /// Sends the message with its descriptors. Does not wait.
    pub(super) fn send(&self, socket: BorrowedFd<'_>, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        assert!(descriptors.len() <= DESCRIPTORS_MAX, "{} descriptors are too many", descriptors.len());
        let bytes = self.encode();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() {
            let pushed = control.push(SendAncillaryMessage::ScmRights(descriptors));
            assert!(pushed, "the space is for as many descriptors as there can be");
        }
        sendmsg(socket, &[IoSlice::new(&bytes)], &mut control, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)?;
        Ok(())
    }

    /// Receives a message with its descriptors, or `None` if there is none yet. Does not wait.
    ///
    /// # Errors
    /// The other end is gone (`UnexpectedEof`, `ConnectionReset`), or what it said is no greeting (`InvalidData`).
    pub(super) fn receive(socket: BorrowedFd<'_>) -> io::Result<Option<(Self, Vec<OwnedFd>)>> {
        // One byte more than a message has, to see those that are longer.
        let mut bytes = [0; HELLO_BYTES + 1];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
        let received = match recvmsg(socket.as_fd(), &mut [IoSliceMut::new(&mut bytes)], &mut control, flags) {
            Ok(received) => received.bytes,
            Err(Errno::AGAIN | Errno::INTR) => return Ok(None),
            Err(errno) => return Err(errno.into()),
        };
        let mut descriptors = Vec::new();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                descriptors.extend(rights);
            }
        }
        if received == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let hello =
            Self::decode(&bytes[..received]).map_err(|what| io::Error::new(io::ErrorKind::InvalidData, what))?;
        Ok(Some((hello, descriptors)))
    }
}

#[cfg(test)]
mod tests;
