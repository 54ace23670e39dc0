//! The closed loop: so many publications are under way, and the next one begins when all subscribers have the oldest.
//!
//! Both servers are driven by this code, with frames of the same length, so what differs is theirs. Every subscriber must
//! get every publication once and in order; if none arrives for a while, those that are missing are lost.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};

use crate::subscriber::{CHANNEL, DIGITS, Protocol, Subscriber};
use crate::usage::cpu_seconds;
use crate::{connect, count};

/// Bytes of a publication's data.
const DATA_BYTES: usize = 64;

/// Publications before measuring begins: the first grow queues and wake processors.
const WARM_UP: u32 = 20;

/// Nothing for so long, and what is missing is lost.
const LOST_AFTER: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };

/// The token of the publisher's connection; subscribers have their index.
const PUBLISHER: u64 = u64::MAX;

/// What is asked for.
pub struct Job {
    address: SocketAddr,
    protocol: Protocol,
    connections: usize,
    in_flight: u32,
    publications: u32,
    pid: u32,
}

impl Job {
    /// Reads the words behind `drive`.
    pub fn parse(words: &[&str]) -> Result<Self, String> {
        let &[address, protocol, connections, in_flight, publications, pid] = words else {
            return Err(format!("drive takes 6 words, not {}", words.len()));
        };
        Ok(Self {
            address: crate::address(address)?,
            protocol: match protocol {
                "raw" => Protocol::Raw,
                "websocket" => Protocol::Websocket,
                other => return Err(format!("{other:?} is neither raw nor websocket")),
            },
            connections: count("CONNECTIONS", connections)? as usize,
            in_flight: count("IN_FLIGHT", in_flight)?,
            publications: count("PUBLICATIONS", publications)?,
            pid: count("PID", pid)?,
        })
    }

    /// What goes to the server for publication `seq`: for the bare loop the very frame that crore would push.
    fn message(&self, seq: u32) -> Vec<u8> {
        let mut data = format!("{{\"seq\":\"{seq:0DIGITS$}\",\"pad\":\"");
        data.extend(std::iter::repeat_n('x', DATA_BYTES - 2 - data.len()));
        data.push_str("\"}");
        if self.protocol == Protocol::Raw {
            let push =
                format!("{{\"push\":{{\"channel\":\"{CHANNEL}\",\"pub\":{{\"data\":{data},\"offset\":{seq}}}}}}}");
            return [&[0x81, u8::try_from(push.len()).expect("some 120 bytes")], push.as_bytes()].concat();
        }
        let (address, body) = (self.address, format!("{{\"channel\":\"{CHANNEL}\",\"data\":{data}}}"));
        format!(
            "POST /api/publish HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             \r\n{body}",
            body.len()
        )
        .into_bytes()
    }
}

/// A publication under way.
struct Flight {
    sent: Instant,
    missing: usize,
}

/// The publications and what became of them.
struct Ledger<'a> {
    job: &'a Job,
    publisher: TcpStream,
    flights: VecDeque<Flight>,
    /// The number of the oldest under way.
    oldest: u32,
    /// From sending to each arrival, µs, since measuring began.
    arrivals_us: Vec<u32>,
    /// From sending to the last arrival, µs, since measuring began.
    complete_us: Vec<u32>,
    begun: Option<(Instant, f64)>,
}

impl Ledger<'_> {
    /// The last publication that is to be made.
    fn last(&self) -> u32 {
        WARM_UP + self.job.publications
    }

    fn is_done(&self) -> bool {
        self.oldest > self.last()
    }

    /// Publishes until as many are under way as there should be.
    fn publish(&mut self) -> Result<(), String> {
        while self.flights.len() < self.job.in_flight as usize {
            let seq = self.oldest + self.flights.len() as u32;
            if seq > self.last() {
                break;
            }
            self.flights.push_back(Flight { sent: Instant::now(), missing: self.job.connections });
            self.publisher.write_all(&self.job.message(seq)).map_err(|error| format!("publishing: {error}"))?;
        }
        Ok(())
    }

    /// Publication `seq` has reached one more subscriber.
    fn arrived(&mut self, seq: u32, now: Instant) {
        let flight = &mut self.flights[(seq - self.oldest) as usize];
        flight.missing -= 1;
        let took = u32::try_from((now - flight.sent).as_micros()).unwrap_or(u32::MAX);
        let is_last = flight.missing == 0;
        if self.begun.is_some() && seq > WARM_UP {
            self.arrivals_us.push(took);
            if is_last {
                self.complete_us.push(took);
            }
        }
    }

    /// Takes away what is complete, and publishes the next ones.
    fn turn(&mut self) -> Result<(), String> {
        while self.flights.front().is_some_and(|flight| flight.missing == 0) {
            self.flights.pop_front();
            self.oldest += 1;
            if self.oldest == WARM_UP + 1 {
                let cpu = cpu_seconds(self.job.pid).ok_or("the server's processor time cannot be read")?;
                self.begun = Some((Instant::now(), cpu));
            }
        }
        self.publish()
    }

    fn print(mut self, lost: usize) -> Result<(), String> {
        let (begun, cpu_before) = self.begun.ok_or("it ended while warming up")?;
        let seconds = begun.elapsed().as_secs_f64();
        let cpu = cpu_seconds(self.job.pid).ok_or("the server has ended")? - cpu_before;
        let deliveries = self.arrivals_us.len();
        let ms = |of: &mut Vec<u32>, percent: usize| {
            of.sort_unstable();
            of.get((of.len() * percent / 100).min(of.len().saturating_sub(1))).map_or(0.0, |&us| f64::from(us) / 1e3)
        };
        println!(
            "{{\"deliveries\":{deliveries},\"lost\":{lost},\"seconds\":{seconds:.3},\"server_cpu_seconds\":{cpu:.4},\
             \"cpu_seconds_per_million\":{:.3},\"deliveries_per_second\":{:.0},\"arrival_ms_p50\":{:.3},\
             \"arrival_ms_p99\":{:.3},\"complete_ms_p50\":{:.3},\"complete_ms_p99\":{:.3}}}",
            cpu * 1e6 / deliveries.max(1) as f64,
            deliveries as f64 / seconds,
            ms(&mut self.arrivals_us, 50),
            ms(&mut self.arrivals_us, 99),
            ms(&mut self.complete_us, 50),
            ms(&mut self.complete_us, 99),
        );
        if lost == 0 { Ok(()) } else { Err(format!("{lost} deliveries did not come within 10 s")) }
    }
}

/// Runs the job and prints what came of it.
pub fn run(job: &Job) -> Result<(), String> {
    let problem = |what: &'static str| move |error: std::io::Error| format!("{what}: {error}");
    let epoll = epoll::create(CreateFlags::CLOEXEC).map_err(|error| format!("epoll: {error}"))?;
    let mut subscribers = Vec::with_capacity(job.connections);
    for index in 0..job.connections {
        let stream = connect::to(job.address, index).map_err(problem("connecting"))?;
        let subscriber = Subscriber::join(stream, job.protocol, &[CHANNEL]).map_err(problem("subscribing"))?;
        epoll::add(&epoll, &subscriber.stream, EventData::new_u64(index as u64), EventFlags::IN)
            .map_err(|error| format!("epoll: {error}"))?;
        subscribers.push(subscriber);
    }
    let publisher = TcpStream::connect(job.address).map_err(problem("the publisher connects"))?;
    publisher.set_nodelay(true).map_err(problem("no delay"))?;
    epoll::add(&epoll, &publisher, EventData::new_u64(PUBLISHER), EventFlags::IN)
        .map_err(|error| format!("epoll: {error}"))?;
    let mut ledger = Ledger {
        job,
        publisher,
        flights: VecDeque::new(),
        oldest: 1,
        arrivals_us: Vec::with_capacity(job.connections * job.publications as usize),
        complete_us: Vec::with_capacity(job.publications as usize),
        begun: None,
    };
    let mut events: Vec<Event> = Vec::with_capacity(1_024);
    let mut buffer = [0; 16 * 1024];
    ledger.turn()?;
    while !ledger.is_done() {
        events.clear();
        epoll::wait(&epoll, spare_capacity(&mut events), Some(&LOST_AFTER))
            .map_err(|error| format!("epoll: {error}"))?;
        if events.is_empty() {
            let lost = ledger.flights.iter().map(|flight| flight.missing).sum();
            return ledger.print(lost);
        }
        for event in &events {
            let token = event.data.u64();
            if token == PUBLISHER {
                read_answers(&mut ledger.publisher, &mut buffer)?;
                continue;
            }
            let subscriber = &mut subscribers[token as usize];
            let length = match subscriber.stream.read(&mut buffer) {
                Ok(0) => return Err(format!("subscriber {token} was disconnected")),
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Err(error) => return Err(format!("subscriber {token}: {error}")),
            };
            let now = Instant::now();
            subscriber.take(&buffer[..length], |seq| ledger.arrived(seq, now))?;
        }
        ledger.turn()?;
    }
    ledger.print(0)
}

/// The API's answers: all must be 200, and a refusal begins with another status.
fn read_answers(publisher: &mut TcpStream, buffer: &mut [u8]) -> Result<(), String> {
    publisher.set_read_timeout(Some(Duration::from_secs(10))).map_err(|error| format!("time limit: {error}"))?;
    let length = publisher.read(buffer).map_err(|error| format!("an answer: {error}"))?;
    let text = String::from_utf8_lossy(&buffer[..length]);
    let refused = text.split("HTTP/1.1 ").skip(1).any(|answer| !answer.starts_with("200"));
    if length == 0 || refused || text.contains("\"error\"") {
        return Err(format!("a publication was refused: {text:?}"));
    }
    Ok(())
}
