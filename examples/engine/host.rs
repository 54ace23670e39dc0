//! One end: an engine, its queue of the wire, and the loop that turns them. The loop polls while there is work and sleeps on
//! the wire's descriptor when there has been none for a while.

use std::error::Error;
use std::time::Instant as Clock;

use crore_base::frame::{Frame, FramePool};
use crore_base::time::{Duration, Instant};
use crore_nic::{Link, PacketIo, Role, Wire};
use crore_tcp::{Config, Engine, Event, LinkConfig};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

pub(crate) type Outcome<T> = Result<T, Box<dyn Error>>;

/// Frames of one end: room for a burst of full-sized segments in flight both ways, and for 4 MiB that nobody has read yet.
const FRAMES: u32 = 16_384;
/// Of them, those kept for ACK, RST and ARP.
const FRAMES_RESERVED: u32 = 512;
/// Frames taken from the wire in one turn.
const BURST_FRAMES: usize = 64;
/// Frames given to the wire in one turn.
const OUTPUT_FRAMES: usize = 256;
/// Turns without work before the loop sleeps.
const IDLE_TURNS: u32 = 2_000;

/// What runs on an engine.
pub(crate) trait Application {
    /// Something happened.
    fn on_event(&mut self, engine: &mut Engine, now: Instant, event: Event);
}

/// See the module.
pub(crate) struct Host {
    pub(crate) engine: Engine,
    pub(crate) wire: Wire,
    clock: Clock,
    input: Vec<Frame>,
    output: Vec<Frame>,
    idle_turns: u32,
}

impl Host {
    pub(crate) fn new(
        wire: &str,
        role: Role,
        link: impl FnOnce(&Wire) -> LinkConfig,
        tune: impl FnOnce(&mut Config),
    ) -> Outcome<Self> {
        let wire = Wire::open(wire, 1, role)?.pop().ok_or("a wire has a queue")?;
        let mut config = Config::new(link(&wire));
        tune(&mut config);
        let frames = FramePool::new(FRAMES, FRAMES_RESERVED)?;
        let seed = rand_seed()?;
        let engine = Engine::new(config, frames, seed, Instant::ZERO)?;
        Ok(Self { engine, wire, clock: Clock::now(), input: Vec::new(), output: Vec::new(), idle_turns: 0 })
    }

    /// The engine's time: since it was made.
    pub(crate) fn now(&self) -> Instant {
        Instant::ZERO + Duration::from_nanos(self.clock.elapsed().as_nanos() as u64)
    }

    /// One turn. Sleeps at most `patience` when there is nothing to do.
    pub(crate) fn turn(&mut self, application: &mut impl Application, patience: Duration) -> Outcome<()> {
        let now = self.now();
        let received = self.wire.receive(self.engine.frames_mut(), &mut self.input, BURST_FRAMES)?;
        if received > 0 {
            self.engine.on_input(now, &mut self.input);
        }
        let due = self.engine.poll_timeout().is_some_and(|deadline| deadline <= now);
        if due {
            self.engine.on_timeout(now);
        }
        while let Some(event) = self.engine.poll_event() {
            application.on_event(&mut self.engine, now, event);
        }
        if self.output.len() < OUTPUT_FRAMES {
            self.engine.poll_output(now, &mut self.output, OUTPUT_FRAMES);
        }
        let sent = match self.output.is_empty() {
            true => 0,
            false => self.wire.transmit(self.engine.frames_mut(), &mut self.output)?,
        };
        self.idle_turns = if received + sent > 0 || due { 0 } else { self.idle_turns + 1 };
        if self.idle_turns > IDLE_TURNS && !self.engine.has_output() {
            self.sleep(patience)?;
        }
        Ok(())
    }

    fn sleep(&mut self, patience: Duration) -> Outcome<()> {
        let until = self.engine.poll_timeout().map_or(patience, |deadline| (deadline - self.now()).min(patience));
        if until == Duration::ZERO || !self.wire.prepare_sleep() {
            return Ok(());
        }
        let descriptor = self.wire.descriptor().ok_or("a wire has a descriptor")?;
        let nanos = until.as_nanos();
        let timeout = Timespec { tv_sec: (nanos / 1_000_000_000) as i64, tv_nsec: (nanos % 1_000_000_000) as i64 };
        match poll(&mut [PollFd::new(&descriptor, PollFlags::IN)], Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn is_alone(&self) -> bool {
        self.wire.link() == Link::Lost
    }
}

/// Keeps this thread on one of the processors that the process may use: the first, or the last.
pub(crate) fn pin(last: bool) {
    let Ok(allowed) = sched_getaffinity(None) else { return };
    let mut usable = (0..CpuSet::MAX_CPU).filter(|&cpu| allowed.is_set(cpu));
    let chosen = if last { usable.next_back() } else { usable.next() };
    let mut only = CpuSet::new();
    if let Some(cpu) = chosen {
        only.set(cpu);
        // Where it is not allowed, the measurement is a little less steady; that is all.
        let _ = sched_setaffinity(None, &only);
    }
}

fn rand_seed() -> Outcome<u64> {
    use std::io::Read;
    let mut bytes = [0; 8];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(u64::from_ne_bytes(bytes))
}
