//! How an interface shall be opened.

use crate::limits::{XDP_RING_FRAMES, XDP_RING_FRAMES_MAX, XDP_RING_FRAMES_MIN};

use super::claim::Claim;
use super::error::XdpError;

/// How to open an interface, see [`Xdp::open`](crate::Xdp::open).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct XdpSettings {
    /// What is ours.
    pub claim: Claim,
    /// How many queues of ours there shall be, one for each core.
    pub queues: u16,
    /// Which queues of the interface they are. Empty for all of them, which must be as many then. With some only,
    /// somebody has to see to it that our flows come to no other.
    pub only: Vec<u16>,
    /// Entries of each of the four rings of a queue: a power of two from
    /// [`XDP_RING_FRAMES_MIN`](crate::limits::XDP_RING_FRAMES_MIN) to
    /// [`XDP_RING_FRAMES_MAX`](crate::limits::XDP_RING_FRAMES_MAX).
    pub ring_frames: u32,
    /// Never let the device read and write frames itself, also where its driver can.
    pub force_copy: bool,
    /// Run the filter in the kernel's generic path, also where the driver can run it.
    pub force_generic: bool,
}

impl XdpSettings {
    /// All `queues` queues of an interface, the fastest way that works.
    pub fn new(claim: Claim, queues: u16) -> Self {
        Self { claim, queues, only: Vec::new(), ring_frames: XDP_RING_FRAMES, force_copy: false, force_generic: false }
    }

    /// The size of rings, if there can be such ones.
    pub(super) fn checked_ring_frames(&self) -> Result<u32, XdpError> {
        let frames = self.ring_frames;
        let fits = (XDP_RING_FRAMES_MIN..=XDP_RING_FRAMES_MAX).contains(&frames) && frames.is_power_of_two();
        if fits { Ok(frames) } else { Err(XdpError::Rings { frames }) }
    }

    /// The queues that are meant of an interface that has so many.
    pub(super) fn channels(&self, has: u32) -> Result<Vec<u16>, XdpError> {
        let asked = self.queues;
        if self.only.is_empty() {
            return if has == u32::from(asked) {
                Ok((0..asked).collect())
            } else {
                Err(XdpError::QueueCount { asked, has })
            };
        }
        let mut named = self.only.clone();
        named.sort_unstable();
        named.dedup();
        if self.only.len() != usize::from(asked) || named.len() != self.only.len() {
            return Err(XdpError::QueueList { asked, named: self.only.clone() });
        }
        match named.last().filter(|queue| u32::from(**queue) >= has) {
            Some(queue) => Err(XdpError::NoQueue { queue: *queue, has }),
            None => Ok(self.only.clone()),
        }
    }
}

#[cfg(test)]
mod tests;
