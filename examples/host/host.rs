//! The engine, its network, and the loop that turns them and sleeps when there is nothing to do.

use std::io::Read;
use std::time::Instant as Clock;

use crore_base::frame::{Frame, FramePool};
use crore_base::time::{Duration, Instant};
use crore_nic::PacketIo;
use crore_tcp::{Config, Engine, LinkConfig};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::Outcome;
use crate::command::Commands;
use crate::network::{Network, until};
use crate::sessions::Sessions;

/// Frames taken from the device in one turn: as many as its queue in the kernel holds, because what does not fit there is lost.
const BURST_FRAMES: usize = 512;
/// Frames made in one turn.
const OUTPUT_FRAMES: usize = 256;
/// A device that is full is asked again after so long.
const FULL_PAUSE: Duration = Duration::from_millis(1);
const SLEEP_MAX: Duration = Duration::from_secs(3600);

/// See the module.
pub(crate) struct Host {
    pub(crate) engine: Engine,
    pub(crate) network: Network,
    clock: Clock,
    input: Vec<Frame>,
    output: Vec<Frame>,
    /// Turns, and those that ended in sleep.
    pub(crate) turns: u64,
    pub(crate) sleeps: u64,
}

impl Host {
    pub(crate) fn new(io: &str, arguments: &crate::arguments::Network) -> Outcome<Self> {
        let mut frames = FramePool::new(arguments.frames, arguments.frames / 16)?;
        let network = Network::open(arguments, io, &mut frames)?;
        let (mtu, mac) = network.link(arguments.mtu);
        let link =
            LinkConfig { mac, mtu, addresses: arguments.addresses.clone(), owned: Vec::new(), gateways: Vec::new() };
        let config = Config {
            connections_max: 100_000,
            sending_max: 100_000,
            receiving_max: 100_000,
            time_wait: arguments.time_wait,
            ..Config::new(link)
        };
        let seed = arguments.seed.map_or_else(entropy, Ok)?;
        let engine = Engine::new(config, frames, seed, Instant::ZERO)?;
        let (input, output) = (Vec::new(), Vec::new());
        Ok(Self { engine, network, clock: Clock::now(), input, output, turns: 0, sleeps: 0 })
    }

    /// The engine's time: since it was made.
    pub(crate) fn now(&self) -> Instant {
        Instant::ZERO + Duration::from_nanos(self.clock.elapsed().as_nanos() as u64)
    }

    /// One turn, and sleep after it if there is nothing to do, until something is or a command comes.
    pub(crate) fn turn(&mut self, sessions: &mut Sessions, commands: Option<&Commands>) -> Outcome<()> {
        let now = self.now();
        self.turns += 1;
        let device = self.network.device();
        device.on_time(now);
        let received = device.receive(self.engine.frames_mut(), &mut self.input, BURST_FRAMES)?;
        if received > 0 {
            self.engine.on_input(now, &mut self.input);
        }
        if self.engine.poll_timeout().is_some_and(|deadline| deadline <= now) {
            self.engine.on_timeout(now);
        }
        while let Some(event) = self.engine.poll_event() {
            sessions.on_event(&mut self.engine, now, event);
        }
        sessions.on_time(&mut self.engine, now);
        let room = OUTPUT_FRAMES.saturating_sub(self.output.len());
        if room > 0 {
            self.engine.poll_output(now, &mut self.output, OUTPUT_FRAMES);
        }
        let device = self.network.device();
        device.transmit(self.engine.frames_mut(), &mut self.output)?;
        device.recycle(self.engine.frames_mut());
        let idle = received == 0 && (!self.engine.has_output() || !self.output.is_empty());
        if idle && !sessions.is_over() { self.sleep(sessions, commands) } else { Ok(()) }
    }

    fn sleep(&mut self, sessions: &Sessions, commands: Option<&Commands>) -> Outcome<()> {
        let at_most = if self.output.is_empty() { SLEEP_MAX } else { FULL_PAUSE };
        let deadlines = [self.engine.poll_timeout(), self.network.next_deadline(), sessions.next_deadline()];
        let pause = until(self.now(), deadlines, at_most);
        if pause.is_zero() || !self.network.device().prepare_sleep() {
            return Ok(());
        }
        self.sleeps += 1;
        let descriptor = self.network.descriptor().ok_or("the device has no descriptor to sleep on")?;
        let nanos = pause.as_nanos();
        let timeout = Timespec { tv_sec: (nanos / 1_000_000_000) as i64, tv_nsec: (nanos % 1_000_000_000) as i64 };
        let mut waited = vec![PollFd::new(&descriptor, PollFlags::IN)];
        waited.extend(
            commands
                .iter()
                .flat_map(|commands| commands.descriptors())
                .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)),
        );
        match poll(&mut waited, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Frames in use, without those that the kernel has.
    pub(crate) fn frames_in_use(&self) -> u32 {
        let (in_use, lent) = (self.engine.frames().in_use(), self.network.lent());
        assert!(lent <= in_use, "{lent} frames are with the kernel and {in_use} in use");
        in_use - lent
    }

    /// Lets connections finish, at most for `linger`, and then looks at what is left over.
    pub(crate) fn end(&mut self, sessions: &mut Sessions, linger: Duration) -> Outcome<Vec<String>> {
        sessions.leave(&mut self.engine);
        let until = self.now() + linger;
        sessions.wake_at(until);
        while self.now() < until && self.engine.connection_count() > 0 {
            self.turn(sessions, None)?;
        }
        let mut problems = sessions.problems(&self.engine);
        let left = self.engine.connection_count();
        if left > 0 {
            problems.push(format!("{left} connections are left"));
            sessions.abort_all(&mut self.engine);
        }
        // What was said last leaves.
        let quiet = self.now() + Duration::from_millis(5);
        sessions.wake_at(quiet);
        while self.now() < quiet {
            self.turn(sessions, None)?;
        }
        self.network.clear(self.engine.frames_mut(), &mut self.output);
        let in_use = self.frames_in_use();
        if left == 0 && in_use > 0 {
            problems.push(format!("{in_use} frames are in use and no connection is"));
        }
        let unaccounted = self.engine.counters().unaccounted();
        if unaccounted != 0 {
            problems.push(format!("{unaccounted} frames came in and were neither delivered nor dropped"));
        }
        Ok(problems)
    }
}

fn entropy() -> Result<u64, std::io::Error> {
    let mut bytes = [0; 8];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(u64::from_ne_bytes(bytes))
}
