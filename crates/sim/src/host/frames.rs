//! Frames in and out of a host: from the device into the engine and back, past the tap.

use crore_base::frame::{Frame, FramePool};
use crore_base::time::Instant;
use crore_tcp::counter::Counter;

use super::Host;
use crate::Check;
use crate::world::Shared;

impl Host {
    pub(super) fn take_input(&mut self, now: Instant, shared: &mut Shared) -> Check {
        // What was changed on the way comes alone, so that one can see what becomes of it.
        let mut burst = Vec::new();
        for _ in 0..self.plan.burst {
            let Some((bytes, tampered)) = self.device.receive() else { break };
            let Some(frame) = copied(self.engine.frames_mut(), &bytes) else {
                shared.seen.pool_empty += 1;
                continue;
            };
            if tampered {
                self.engine.on_input(now, &mut burst);
                let delivered = self.engine.counters().of(Counter::FramesDelivered);
                burst.push(frame);
                self.engine.on_input(now, &mut burst);
                if self.engine.counters().of(Counter::FramesDelivered) != delivered {
                    return Err(format!("host {} took a damaged frame for good: {bytes:02x?}", self.number));
                }
                continue;
            }
            shared.tap.delivered(self.number, &bytes)?;
            burst.push(frame);
        }
        self.engine.on_input(now, &mut burst);
        if burst.is_empty() { Ok(()) } else { Err("on_input left frames behind".to_owned()) }
    }

    pub(super) fn give_output(&mut self, now: Instant, shared: &mut Shared) -> Check {
        let mut out: Vec<Frame> = Vec::new();
        let mut rounds = 0;
        loop {
            let count = self.engine.poll_output(now, &mut out, self.plan.output_max);
            if count != out.len() || count > self.plan.output_max {
                return Err(format!(
                    "poll_output says {count}, gave {}, might give {}",
                    out.len(),
                    self.plan.output_max
                ));
            }
            for frame in out.drain(..) {
                let bytes = self.engine.frames().bytes(&frame);
                shared.tap.emitted(self.number, shared.now, now, bytes)?;
                if let Some(capture) = &mut shared.capture {
                    capture.frame(shared.now, bytes);
                }
                let left = self.device.transmit(shared.now, frame);
                shared.outbox.push((left, self.number, bytes.to_vec()));
            }
            self.device.reclaim(shared.now, self.engine.frames_mut());
            rounds += 1;
            if count < self.plan.output_max {
                break;
            }
            if rounds > 1_000 {
                return Err(format!("host {} does not stop talking", self.number));
            }
        }
        if !self.engine.has_output() {
            shared.tap.turn_ended(self.number);
        }
        Ok(())
    }
}

/// A frame of the pool with these bytes.
fn copied(frames: &mut FramePool, bytes: &[u8]) -> Option<Frame> {
    let mut frame = frames.alloc()?;
    frames.buffer_mut(&mut frame)[..bytes.len()].copy_from_slice(bytes);
    frame.set_len(bytes.len());
    Some(frame)
}
