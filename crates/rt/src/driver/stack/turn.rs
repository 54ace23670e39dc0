//! Frames in, events out, frames out: the engine's verbs in the order of a turn, and when to poll and when to sleep.

use crore_base::time::{Duration, Instant};
use crore_tcp::Event;
use crore_tcp::counter::Counter;

use super::super::Driver as _;
use super::Stack;
use super::listener::Listener;
use crate::executor::waker::WakeSlot;
use crate::limits::{FRAMES_PER_TURN, FRAMES_SENT_PER_TURN, KERNEL_ASKED_EVERY, LAST_ANSWERS, LAST_WORDS};
use crate::stats;

impl Stack {
    /// The first half of a turn: takes what has come, and names whom to wake.
    pub(super) fn take_turn(&mut self, timeout: Option<Duration>, woken: &mut Vec<WakeSlot>) {
        let mut now = self.clock.now();
        let mut received = self.receive_frames(now);
        if received == 0 && timeout != Some(Duration::ZERO) {
            let idle_from = now;
            if !self.poll_a_while(timeout, &mut now, &mut received) {
                self.sleep(timeout, woken);
                now = self.clock.now();
                received = self.receive_frames(now);
            }
            self.patience.on_wait(idle_from, now);
        }
        self.ask_kernel_sometimes(now, woken);
        if received > 0 {
            self.busy_at = now;
            self.patience.on_frames();
            self.engine.on_input(now, &mut self.input);
        }
        if self.engine.poll_timeout().is_some_and(|deadline| deadline <= now) {
            self.engine.on_timeout(now);
        }
        while let Some(event) = self.engine.poll_event() {
            match event {
                Event::Acceptable(listener) => self.on_acceptable(listener, woken),
                Event::Connection { conn, ready, reason, .. } => self.on_ready(conn, ready, reason, woken),
            }
        }
        for listener in self.listeners.iter_mut().flatten() {
            listener.on_turn(woken);
        }
        self.end_lingering(now);
        let counters = self.engine.counters();
        let lost = counters.of(Counter::HeardAgain) + counters.of(Counter::RetransmittedFast);
        self.pace.on_turn(now, counters.of(Counter::FramesOut), lost);
    }

    fn receive_frames(&mut self, now: Instant) -> usize {
        self.device.on_time(now);
        let before = self.input.len();
        if let Err(error) = self.device.receive(self.engine.frames_mut(), &mut self.input, FRAMES_PER_TURN) {
            self.give_up(&error);
        }
        self.exchange.sort(self.engine.frames_mut(), &mut self.input, before);
        self.input.len() - before
    }

    /// Frames tend to come soon after others: looks for them a little before it costs a system call to sleep and one of the
    /// peer's to be woken. False if none came.
    fn poll_a_while(&mut self, timeout: Option<Duration>, now: &mut Instant, received: &mut usize) -> bool {
        let latest = timeout.map(|timeout| *now + timeout);
        let until = self.busy_at + self.patience.polls_for();
        while *now < until {
            let due = [latest, self.deadline()].into_iter().flatten().any(|deadline| deadline <= *now);
            if due || self.shared.has_pending() {
                return true;
            }
            std::hint::spin_loop();
            *now = self.clock.now();
            *received = self.receive_frames(*now);
            if *received > 0 {
                return true;
            }
        }
        false
    }

    /// Lets other threads see what the engine has counted.
    fn tell_counters(&self) {
        for (index, (_, value)) in self.engine.counters().all().enumerate() {
            self.counters.set(stats::NETWORK + index, value);
        }
        self.counters.set(stats::HANDED_OVER, self.exchange.handed_over());
        self.counters.set(stats::HANDED_OVER_LOST, self.exchange.lost());
    }

    /// Sleeps on the device's descriptor and all of the kernel's; beside a device that has none, a nap.
    fn sleep(&mut self, timeout: Option<Duration>, woken: &mut Vec<WakeSlot>) {
        self.tell_counters();
        let has_descriptor = self.device.descriptor().is_some();
        let longest = match has_descriptor {
            true if self.device.prepare_sleep() => None,
            true => Some(Duration::ZERO),
            false => Some(self.patience.nap()),
        };
        self.kernel.wait(timeout.into_iter().chain(longest).min(), woken);
    }

    /// While frames keep the core awake, descriptors of the kernel are asked for now and then only: it costs a system call.
    fn ask_kernel_sometimes(&mut self, now: Instant, woken: &mut Vec<WakeSlot>) {
        let due = self.kernel.next_deadline().is_some_and(|deadline| deadline <= now);
        if due || now >= self.ask_kernel_at {
            self.ask_kernel_at = now + KERNEL_ASKED_EVERY;
            self.tell_counters();
            self.kernel.wait(Some(Duration::ZERO), woken);
        }
    }

    /// The last half: everything that the turn had to say leaves together, as far as the device takes it.
    pub(super) fn send_frames(&mut self) {
        let now = self.clock.now();
        if self.output.len() < FRAMES_SENT_PER_TURN && self.engine.has_output() {
            self.engine.poll_output(now, &mut self.output, FRAMES_SENT_PER_TURN);
        }
        let held = self.device.next_deadline().is_some_and(|deadline| deadline <= now);
        if !self.output.is_empty() || held {
            match self.device.transmit(self.engine.frames_mut(), &mut self.output) {
                Ok(0) => {}
                Ok(_) => self.busy_at = now,
                Err(error) => self.give_up(&error),
            }
        }
        self.device.recycle(self.engine.frames_mut());
    }

    /// What is queued and what ends connections still goes out, until the peers have it or nothing has moved for a while.
    pub(super) fn say_last_words(&mut self) {
        self.busy_at = self.clock.now();
        loop {
            let now = self.clock.now();
            if self.receive_frames(now) > 0 {
                self.busy_at = now;
                self.engine.on_input(now, &mut self.input);
            }
            if self.engine.poll_timeout().is_some_and(|deadline| deadline <= now) {
                self.engine.on_timeout(now);
            }
            while self.engine.poll_event().is_some() {} // nobody is left to hear it
            self.send_frames();
            let said = self.output.is_empty() && !self.engine.has_output() && self.engine.usage().sending == 0;
            // Who has said all still answers what its peers say to that.
            let patience = if said { LAST_ANSWERS } else { LAST_WORDS };
            if now > self.busy_at + patience {
                return;
            }
        }
    }

    /// When the next turn must come by itself.
    pub(super) fn deadline(&self) -> Option<Instant> {
        // Frames that the device has no room for do not count: it wakes us when it has.
        if self.output.is_empty() && self.engine.has_output() {
            return Some(Instant::ZERO);
        }
        let listeners = self.listeners.iter().flatten().filter_map(Listener::deadline);
        let lingering = self.lingering.front().map(|&(until, _)| until);
        let others = [self.engine.poll_timeout(), self.device.next_deadline(), self.kernel.next_deadline(), lingering];
        listeners.chain(others.into_iter().flatten()).min()
    }

    /// The device is broken, which cannot be mended from here: a gateway that is silent to all its clients is worse than one
    /// that ends and is started again.
    fn give_up(&self, error: &std::io::Error) -> ! {
        panic!("core {}: {} cannot be used any more: {error}", self.core, self.device.capabilities().name)
    }
}
