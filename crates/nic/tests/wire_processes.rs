//! A wire between two processes: the test binary starts itself once more as the guest.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crore_base::frame::{Frame, FramePool};
use crore_base::random::Rng;
use crore_nic::{Link, OpenError, PacketIo, Role, Wire, open};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

const ROLE: &str = "CRORE_WIRE_TEST_ROLE";
const NAME: &str = "CRORE_WIRE_TEST_NAME";
const FRAMES: u32 = 50_000;

/// What the other process does, if this is the other process.
#[test]
#[ignore = "is the other process, started by the other tests"]
fn the_other_process() {
    let (Ok(role), Ok(name)) = (std::env::var(ROLE), std::env::var(NAME)) else {
        return;
    };
    let mut port = Port::open(&name, Role::Guest);
    match role.as_str() {
        "echo" => port.echo(),
        "die" => {
            port.send_numbers(0..10);
            std::process::abort();
        }
        "stay" => {
            println!("here");
            while port.wire.link() == Link::Up {
                port.sleep(60);
                port.receive_numbers();
            }
            println!("left alone");
        }
        "third" => panic!("a wire has two ends"),
        other => panic!("{other} is no role"),
    }
}

/// One end of a wire with one queue.
struct Port {
    wire: Wire,
    frames: FramePool,
}

impl Port {
    fn open(name: &str, role: Role) -> Self {
        let mut queues = Wire::open(name, 1, role).unwrap_or_else(|error| panic!("{error}"));
        Self { wire: queues.pop().unwrap(), frames: FramePool::new(1024, 0).unwrap() }
    }

    fn frame(&mut self, number: u32) -> Frame {
        let mut frame = self.frames.alloc().unwrap();
        let len = Rng::from_seed(u64::from(number)).range(60..1515) as usize;
        let buffer = &mut self.frames.buffer_mut(&mut frame)[..len];
        Rng::from_seed(u64::from(number)).fill(buffer);
        buffer[..4].copy_from_slice(&number.to_le_bytes());
        frame.set_len(len);
        frame
    }

    fn send_numbers(&mut self, numbers: std::ops::Range<u32>) {
        let mut burst: Vec<Frame> = numbers.map(|number| self.frame(number)).collect();
        self.wire.transmit(&mut self.frames, &mut burst).unwrap();
        assert!(burst.is_empty());
    }

    /// What waits, each frame checked to be whole.
    fn receive_numbers(&mut self) -> Vec<u32> {
        let mut burst = Vec::new();
        self.wire.receive(&mut self.frames, &mut burst, 64).unwrap();
        let mut numbers = Vec::new();
        for frame in burst {
            let number = u32::from_le_bytes(*self.frames.bytes(&frame).first_chunk().unwrap());
            let expected = self.frame(number);
            assert_eq!(self.frames.bytes(&frame), self.frames.bytes(&expected));
            numbers.push(number);
            self.frames.free(expected);
            self.frames.free(frame);
        }
        numbers
    }

    /// Sleeps until there is something to do; whether that came within `seconds`.
    fn sleep(&mut self, seconds: i64) -> bool {
        if !self.wire.prepare_sleep() {
            return true;
        }
        let descriptor = self.wire.descriptor().unwrap();
        let timeout = Timespec { tv_sec: seconds, tv_nsec: 0 };
        poll(&mut [PollFd::new(&descriptor, PollFlags::IN)], Some(&timeout)).unwrap() > 0
    }

    fn wait_for_link(&mut self, link: Link) {
        let until = Instant::now() + Duration::from_secs(20);
        while self.wire.link() != link {
            assert!(Instant::now() < until, "the link is {:?} and not {link:?}", self.wire.link());
            self.sleep(1);
            assert!(self.receive_numbers().is_empty());
        }
    }

    /// Sends back what comes until the other end has gone.
    fn echo(&mut self) {
        let mut burst = Vec::new();
        while self.wire.link() == Link::Up || !burst.is_empty() {
            self.wire.transmit(&mut self.frames, &mut burst).unwrap();
            let room = 64 - burst.len();
            if self.wire.receive(&mut self.frames, &mut burst, room).unwrap() == 0 {
                self.sleep(60);
            }
        }
    }
}

fn start(role: &str, name: &str) -> Child {
    let mut other = Command::new(std::env::current_exe().unwrap());
    other.args(["--ignored", "--exact", "the_other_process", "--nocapture"]).env(ROLE, role).env(NAME, name);
    other.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn name(test: &str) -> String {
    format!("process-test-{}-{test}", std::process::id())
}

#[test]
fn frames_go_to_another_process_and_back_unharmed_and_in_order() {
    let name = name("echo");
    let mut host = Port::open(&name, Role::Host);
    let mut other = start("echo", &name);
    host.wait_for_link(Link::Up);
    let (mut sent, mut received) = (0, 0);
    let mut burst = Vec::new();
    let mut rng = Rng::from_seed(1);
    while received < FRAMES {
        // Never more on the way than the other's burst and two rings can be sure to hold.
        let more = rng.below(64).min(u64::from(FRAMES - sent)).min(u64::from(500_u32.saturating_sub(sent - received)));
        burst.extend((sent..sent + more as u32).map(|number| host.frame(number)));
        sent += more as u32;
        host.wire.transmit(&mut host.frames, &mut burst).unwrap();
        let numbers = host.receive_numbers();
        assert_eq!(numbers, (received..received + numbers.len() as u32).collect::<Vec<_>>());
        received += numbers.len() as u32;
        if numbers.is_empty() && burst.is_empty() && sent > received {
            assert!(host.sleep(20), "asleep for ever after {received} of {sent}");
        }
    }
    drop(host);
    assert!(other.wait().unwrap().success(), "the other end ends when this one has gone");
}

#[test]
fn the_death_of_a_guest_is_noticed_what_it_sent_is_read_and_another_may_come() {
    let name = name("death");
    let mut host = Port::open(&name, Role::Host);
    for _ in 0..3 {
        let mut other = start("die", &name);
        let mut numbers = Vec::new();
        let until = Instant::now() + Duration::from_secs(20);
        let mut was_up = false;
        while !was_up || host.wire.link() == Link::Up {
            assert!(Instant::now() < until);
            host.sleep(1);
            numbers.extend(host.receive_numbers());
            was_up |= host.wire.link() == Link::Up || !numbers.is_empty();
        }
        numbers.extend(host.receive_numbers());
        assert_eq!(numbers, (0..10).collect::<Vec<_>>());
        assert_eq!((host.wire.link(), other.wait().unwrap().success()), (Link::Lost, false));
    }
}

#[test]
fn a_guest_notices_that_its_host_has_gone_and_nothing_is_left_behind() {
    let name = name("host");
    let mut host = Port::open(&name, Role::Host);
    let mut other = start("stay", &name);
    let mut lines = BufReader::new(other.stdout.take().unwrap()).lines().map(Result::unwrap);
    host.wait_for_link(Link::Up);
    assert!(lines.any(|line| line.contains("here")));
    drop(host);
    assert!(lines.any(|line| line.contains("left alone")));
    assert!(other.wait().unwrap().success());

    // The name is free, and nobody is there.
    assert!(matches!(Wire::open(&name, 1, Role::Guest), Err(OpenError::Nobody { .. })));
    let again = open(&format!("wire:{name}"), 2).unwrap();
    assert_eq!((again.len(), again[0].link()), (2, Link::Waiting));
}

#[test]
fn a_killed_guest_that_sleeps_is_noticed_too() {
    let name = name("kill");
    let mut host = Port::open(&name, Role::Host);
    let mut other = start("stay", &name);
    host.wait_for_link(Link::Up);
    other.kill().unwrap();
    host.wait_for_link(Link::Lost);
    other.wait().unwrap();
}

#[test]
fn a_third_process_is_told_that_the_wire_is_taken() {
    let name = name("third");
    let mut host = Port::open(&name, Role::Host);
    let mut second = start("stay", &name);
    host.wait_for_link(Link::Up);
    let third = start("third", &name);
    let output = std::thread::scope(|scope| {
        let ended = scope.spawn(|| third.wait_with_output().unwrap());
        while !ended.is_finished() {
            host.sleep(1);
            host.receive_numbers();
        }
        ended.join().unwrap()
    });
    let text = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success() && text.contains("is taken"), "{text}");
    assert_eq!(host.wire.link(), Link::Up);
    drop(host);
    assert!(second.wait().unwrap().success());
}
