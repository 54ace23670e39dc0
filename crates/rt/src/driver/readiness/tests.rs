//! The driver over each model, turn by turn, with the kernel's own behaviour.

use std::io::Write;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::task::Waker;

use crore_base::counters::Counters;

use super::*;
use crate::executor::shared::PlaceGuard;
use crate::executor::waker::TaskRef;
use crate::stats;

mod closed;
mod limit;
mod quiet;
mod rebuild;

const MODELS: [Model; 5] = [Model::Select, Model::Poll, Model::EpollLt, Model::Epoll, Model::Portable];

/// In which a core comes to rest.
const TURNS: usize = 200;

/// A driver of core 0 of a runtime without workers: nobody is woken, and nothing runs but what the test calls.
struct Stage {
    driver: Readiness,
    counters: Arc<Counters>,
    place: PlaceGuard,
}

impl Stage {
    fn new(model: Model) -> Stage {
        println!("{model:?}"); // shown when the test fails
        let place = PlaceGuard::take(1).expect("there is room for a runtime");
        let counters = Counters::new(1, stats::COUNTERS);
        let surroundings = Surroundings {
            core: 0,
            clock: Clock::Real(std::time::Instant::now()),
            shared: place.core(0),
            counters: counters.core(0),
            connections: 8,
        };
        let driver = Readiness::new(model, surroundings).expect("a descriptor is free");
        Stage { driver, counters, place }
    }

    /// A turn in which nothing is waited for: how many descriptors were named.
    fn turn(&mut self) -> usize {
        let mut woken = Vec::new();
        self.driver.wait(Some(Duration::ZERO), &mut woken);
        let named = self.driver.events.len();
        self.driver.flush(&mut woken);
        named
    }

    /// A turn that waits until somebody is named.
    fn wait(&mut self) {
        while {
            self.driver.wait(None, &mut Vec::new());
            self.driver.events.is_empty()
        } {}
    }

    /// Whatever is left undone, few of many turns name anybody. A core that is kept awake would find somebody in all of them.
    fn comes_to_rest(&mut self, why: &str) {
        let named = std::iter::repeat_with(|| self.turn()).take(TURNS).filter(|&named| named > 0).count();
        assert!(named <= TURNS / 20, "{why}: somebody was named in {named} of {TURNS} turns");
    }

    fn adopt(&mut self, socket: impl Into<OwnedFd>) -> ConnectionId {
        let socket = socket.into();
        rustix::io::ioctl_fionbio(&socket, true).expect("it is open");
        Driver::adopt(&mut self.driver, socket, 1 << 20).expect("it can be registered").expect("a slot is free")
    }

    fn waker(&self) -> Waker {
        TaskRef::new(self.place.id(), 0, 0, 1).to_waker()
    }

    fn receive(&mut self, connection: ConnectionId) -> Poll<io::Result<Vec<u8>>> {
        let waker = self.waker();
        let received = self.driver.poll_recv(connection, &Context::from_waker(&waker));
        received.map_ok(|lease| lease.to_vec())
    }

    /// What a task that waits would be given next.
    fn received(&mut self, connection: ConnectionId) -> io::Result<Vec<u8>> {
        loop {
            match self.receive(connection) {
                Poll::Ready(received) => return received,
                Poll::Pending => self.wait(),
            }
        }
    }

    /// Reads until so many bytes have come, and nothing is left.
    fn drain(&mut self, connection: ConnectionId, bytes: usize) {
        let mut left = bytes;
        while left > 0 {
            let received = self.received(connection).expect("it is in order").len();
            assert!((1..=left).contains(&received), "{received} more bytes have come, and {left} were to come");
            left -= received;
        }
        assert!(self.receive(connection).is_pending(), "more has come than {bytes} bytes");
    }

    fn count(&self, counter: usize) -> u64 {
        self.counters.sum(counter)
    }
}

/// Two ends of a TCP connection.
fn connected() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    let near = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("it listens");
    let (far, _) = listener.accept().expect("it was connected");
    (near, far)
}
