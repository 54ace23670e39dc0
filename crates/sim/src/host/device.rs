//! The device below an engine: two rings of bounded length, and the time that it takes to send.

use std::collections::VecDeque;

use crore_base::frame::{Frame, FramePool};
use crore_base::time::{Duration, Instant};

use crate::plan::HostPlan;

/// See the module.
pub(super) struct Device {
    /// What has come in, with whether it was changed on the way.
    ring: VecDeque<(Vec<u8>, bool)>,
    ring_max: usize,
    /// Frames that are being sent, and until when.
    sending: VecDeque<(Instant, Frame)>,
    send_time: Duration,
    /// Frames that came while the ring was full.
    pub(super) overflowed: u64,
}

impl Device {
    pub(super) fn new(plan: &HostPlan) -> Self {
        Self {
            ring: VecDeque::new(),
            ring_max: plan.ring,
            sending: VecDeque::new(),
            send_time: plan.send_time,
            overflowed: 0,
        }
    }

    pub(super) fn arrive(&mut self, bytes: Vec<u8>, tampered: bool) {
        if self.ring.len() < self.ring_max {
            self.ring.push_back((bytes, tampered));
        } else {
            self.overflowed += 1;
        }
    }

    pub(super) fn receive(&mut self) -> Option<(Vec<u8>, bool)> {
        self.ring.pop_front()
    }

    /// Begins to send a frame. Returns when it will be on the wire.
    pub(super) fn transmit(&mut self, now: Instant, frame: Frame) -> Instant {
        let begins = self.sending.back().map_or(now, |&(until, _)| until.max(now));
        let until = begins + self.send_time;
        self.sending.push_back((until, frame));
        until
    }

    /// Gives back the frames that are sent.
    pub(super) fn reclaim(&mut self, now: Instant, frames: &mut FramePool) {
        while let Some((until, _)) = self.sending.front()
            && *until <= now
            && let Some((_, frame)) = self.sending.pop_front()
        {
            frames.free(frame);
        }
    }

    /// When it has something for the host: frames at once, those being sent when they are.
    pub(super) fn next(&self) -> Option<Instant> {
        if self.ring.is_empty() { self.next_free() } else { Some(Instant::ZERO) }
    }

    /// When a frame that is being sent comes back.
    pub(super) fn next_free(&self) -> Option<Instant> {
        self.sending.front().map(|&(until, _)| until)
    }
}
