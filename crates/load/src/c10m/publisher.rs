//! Publications of the run, through the gateway's HTTP API on its admin listener.
//!
//! What is published once has a connection of its own, because the gateway closes those that are quiet for long. In the
//! steady phase one connection carries requests that are sent ahead at the moments of a schedule, and a second thread reads
//! the answers.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::Ordering::SeqCst;
use std::thread;

use crore_base::time::Duration;
use crore_http::{ConnectionField, Fields, Framing, encode_request};

use super::pilot::Interrupts;
use crate::error::LoadError;
use crate::lane::http::Answers;
use crate::limits::{API_DEADLINE, BACKLOG_MAX, PROGRESS_STEP, PUBLISHES_IN_FLIGHT_MAX};
use crate::message::Mark;
use crate::pace::counted_from;
use crate::stamp::Stamp;
use crate::swarm::book::name_of;
use crate::swarm::message::Reach;
use answers::{Flight, broken, read_some};

mod answers;

/// The way into the gateway.
pub(super) struct Publisher {
    admin: SocketAddr,
    run: u64,
    published: u64,
}

/// Publications that are further apart have a connection each: the gateway closes those that are quiet for some seconds.
const ALONE: Duration = Duration::from_secs(1);

/// A schedule: publications at equal distances, to one group after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Beat {
    pub(super) start: Stamp,
    pub(super) end: Stamp,
    pub(super) period: Duration,
    pub(super) groups: u32,
    pub(super) bytes: usize,
}

impl Beat {
    /// For `pushes` a second to groups of `members` each.
    pub(super) fn new(start: Stamp, span: Duration, pushes: u64, members: u64, groups: u32, bytes: usize) -> Beat {
        assert!(pushes > 0 && members > 0 && groups > 0, "somebody is pushed to");
        let nanos = u128::from(members) * 1_000_000_000 / u128::from(pushes);
        let period = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX).max(1));
        Beat { start, end: start.after(span), period, groups, bytes }
    }

    /// How many there are: those whose moment is before the end, the first one at the start.
    pub(super) fn count(&self) -> u64 {
        self.end.since(self.start).as_nanos().div_ceil(self.period.as_nanos()).max(1)
    }

    fn moment(&self, index: u64) -> Stamp {
        Stamp(self.start.0.saturating_add(self.period.as_nanos().saturating_mul(index)))
    }

    /// To which channel publication number `index` goes.
    pub(super) fn channel(&self, index: u64) -> u32 {
        1 + u32::try_from(index % u64::from(self.groups)).expect("below the number of groups")
    }
}

impl Publisher {
    /// A publisher that connects when it publishes.
    pub(super) fn new(admin: SocketAddr, run: u64) -> Publisher {
        Publisher { admin: reachable(admin), run, published: 0 }
    }

    fn connect(&self) -> Result<TcpStream, LoadError> {
        let connect = || {
            let stream = TcpStream::connect_timeout(&self.admin, API_DEADLINE.into())?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PROGRESS_STEP.into()))?;
            stream.set_write_timeout(Some(API_DEADLINE.into()))?;
            Ok(stream)
        };
        connect().map_err(|error: std::io::Error| broken(format!("the admin listener at {}: {error}", self.admin)))
    }

    fn request(&mut self, channel: u32, bytes: usize, at: Stamp) -> Vec<u8> {
        self.published += 1;
        let mark = Mark { run: self.run, seq: self.published, at };
        let body = format!(r#"{{"channel":"{}","data":{}}}"#, name_of(channel), mark.data(bytes));
        let (host, framing) = (self.admin.to_string(), Framing::Length(body.len() as u64));
        let head = encode_request("POST", "/api/publish", &host, &Fields::new(), framing, ConnectionField::Implied);
        let mut request = head.expect("an address and a constant path are HTTP");
        request.extend_from_slice(body.as_bytes());
        request
    }

    /// Publishes `bytes` bytes to a channel, and waits for its offset. Also gives the moment from which its latency counts.
    ///
    /// # Errors
    /// The gateway refuses, does not answer, or the run was interrupted.
    pub(super) fn publish(
        &mut self,
        channel: u32,
        bytes: usize,
        interrupts: &Interrupts,
    ) -> Result<(Reach, Stamp), LoadError> {
        let mut stream = self.connect()?;
        let at = Stamp::of_machine();
        let offset = self.exchange(&mut stream, (channel, bytes), at, interrupts)?;
        Ok((Reach { channel, offset }, at))
    }

    fn exchange(
        &mut self,
        stream: &mut TcpStream,
        (channel, bytes): (u32, usize),
        at: Stamp,
        interrupts: &Interrupts,
    ) -> Result<u32, LoadError> {
        let request = self.request(channel, bytes, at);
        stream.write_all(&request).map_err(broken)?;
        let (mut answers, mut offset, begun) = (Answers::with_bodies(), None, Stamp::of_machine());
        loop {
            interrupts.check()?;
            read_some(stream, &mut answers, begun, |one| offset = Some(one))?;
            if let Some(offset) = offset {
                return Ok(offset);
            }
        }
    }

    /// Publishes at the moments of `beat`; where each channel is then. Blocks until the last answer.
    ///
    /// # Errors
    /// As [`publish`](Publisher::publish); or the gateway was so slow that the schedule could not be kept.
    pub(super) fn steady(&mut self, beat: &Beat, interrupts: &Interrupts) -> Result<Vec<Reach>, LoadError> {
        if beat.period >= ALONE {
            return self.seldom(beat, interrupts);
        }
        let mut output = self.connect()?;
        let (input, answers) = (output.try_clone().map_err(broken)?, Answers::with_bodies());
        let flight = Flight::default();
        let tops = thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let tops = flight.read(input, answers, beat, interrupts);
                flight.over.store(true, SeqCst);
                tops
            });
            let written = self.write(&mut output, beat, &flight, interrupts);
            flight.written.store(true, SeqCst);
            let tops = reader.join().expect("reading answers does not panic");
            // What the reader has to say is the cause of what the writer noticed.
            tops.and_then(|tops| written.map(|()| tops))
        })?;
        Ok(tops.into_iter().map(|(channel, offset)| Reach { channel, offset }).collect())
    }

    /// One after the other, each on a connection of its own.
    fn seldom(&mut self, beat: &Beat, interrupts: &Interrupts) -> Result<Vec<Reach>, LoadError> {
        let mut tops = BTreeMap::new();
        for index in 0..beat.count() {
            let due = beat.moment(index);
            wait_until(due, interrupts)?;
            let mut stream = self.connect()?;
            let at = counted_from(due, Stamp::of_machine());
            let channel = beat.channel(index);
            tops.insert(channel, self.exchange(&mut stream, (channel, beat.bytes), at, interrupts)?);
        }
        Ok(tops.into_iter().map(|(channel, offset)| Reach { channel, offset }).collect())
    }

    fn write(
        &mut self,
        output: &mut TcpStream,
        beat: &Beat,
        flight: &Flight,
        interrupts: &Interrupts,
    ) -> Result<(), LoadError> {
        let count = beat.count();
        for index in 0..count {
            let due = beat.moment(index);
            wait_until(due, interrupts)?;
            while index - flight.answered.load(SeqCst) >= PUBLISHES_IN_FLIGHT_MAX && !flight.over.load(SeqCst) {
                interrupts.check()?;
                thread::sleep(crore_rt::limits::TIMER_TICK.into());
            }
            let now = Stamp::of_machine();
            if flight.over.load(SeqCst) || now.since(beat.end) > BACKLOG_MAX {
                return Err(broken(format!(
                    "the gateway was too slow: {index} of {count} publications were made in time"
                )));
            }
            let request = self.request(beat.channel(index), beat.bytes, counted_from(due, now));
            flight.sent.store(index + 1, SeqCst);
            output.write_all(&request).map_err(broken)?;
        }
        Ok(())
    }
}

/// An address that can be connected to, for one that means all.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        let here = if address.is_ipv4() { [127, 0, 0, 1].into() } else { std::net::Ipv6Addr::LOCALHOST.into() };
        address.set_ip(here);
    }
    address
}

fn wait_until(due: Stamp, interrupts: &Interrupts) -> Result<(), LoadError> {
    loop {
        interrupts.check()?;
        let left = due.since(Stamp::of_machine());
        if left.is_zero() {
            return Ok(());
        }
        thread::sleep(left.min(PROGRESS_STEP).into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beat_reaches_each_group_in_turn_and_as_often_as_asked() {
        let second = Duration::from_secs(1);
        let full = Beat::new(Stamp(5), second * 60, 166_666, 1_000, 10_000, 512);
        assert!((10_000..=10_001).contains(&full.count()), "{}", full.count());
        assert_eq!((full.channel(0), full.channel(9_999), full.channel(10_000)), (1, 10_000, 1));
        let small = Beat::new(Stamp(5), second, 2_000, 200, 1, 512);
        assert_eq!((small.count(), small.moment(0), small.moment(9)), (10, Stamp(5), Stamp(900_000_005)));
        assert_eq!(Beat::new(Stamp(0), second, 3, 200, 1, 512).count(), 1, "there is always one");
    }

    #[test]
    fn an_address_that_means_all_is_reached_on_loopback() {
        assert_eq!(reachable("0.0.0.0:9".parse().unwrap()), "127.0.0.1:9".parse().unwrap());
        assert_eq!(reachable("[::]:9".parse().unwrap()), "[::1]:9".parse().unwrap());
        assert_eq!(reachable("10.0.0.1:9".parse().unwrap()), "10.0.0.1:9".parse().unwrap());
    }
}
