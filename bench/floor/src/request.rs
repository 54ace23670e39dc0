//! The closed loop of requests: each connection asks again as soon as it has its answers, and the answers are counted while
//! a clock runs.
//!
//! All connections are open, and have been answered once, before the clock starts; so what is measured is requests. All
//! answers must be as long as the first was and begin with 200. Every server is asked by this code.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};

use crate::usage::cpu_seconds;
use crate::{connect, count};

/// Before the clock starts: caches, and the server's tables, are as they stay.
const WARM_UP: Duration = Duration::from_millis(500);

/// No answer at all for so long, and the server is taken for dead.
const DEAD_AFTER: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };

/// How every answer begins.
const GOOD: &[u8] = b"HTTP/1.1 200 ";

/// Bytes of an answer that has no end yet; those asked for take some 150.
const ANSWER_BYTES_MAX: usize = 16 * 1024;

/// What is asked for.
pub struct Job {
    address: SocketAddr,
    connections: usize,
    pipelined: usize,
    window: Duration,
    pid: u32,
}

impl Job {
    /// Reads the words behind `request`.
    pub fn parse(words: &[&str]) -> Result<Self, String> {
        let &[address, connections, pipelined, seconds, pid] = words else {
            return Err(format!("request takes 5 words, not {}", words.len()));
        };
        Ok(Self {
            address: crate::address(address)?,
            connections: count("CONNECTIONS", connections)? as usize,
            pipelined: count("PIPELINED", pipelined)? as usize,
            window: Duration::from_secs(count("SECONDS", seconds)?.into()),
            pid: count("PID", pid)?,
        })
    }
}

/// One request of ours.
fn request(address: SocketAddr) -> Vec<u8> {
    format!("GET / HTTP/1.1\r\nHost: {address}\r\n\r\n").into_bytes()
}

/// Opens connection number `index`, asks once and reads the whole answer: how long it was. The connection blocks.
pub fn open(address: SocketAddr, index: usize) -> io::Result<(TcpStream, usize)> {
    let mut stream = connect::to(address, index)?;
    stream.set_nodelay(true)?;
    stream.write_all(&request(address))?;
    let (mut answer, mut buffer) = (Vec::new(), [0; 1_024]);
    loop {
        let length = stream.read(&mut buffer)?;
        answer.extend_from_slice(&buffer[..length]);
        match whole(&answer) {
            Some(whole) if whole == answer.len() && answer.starts_with(GOOD) => return Ok((stream, whole)),
            None if length > 0 && answer.len() < ANSWER_BYTES_MAX => {}
            _ => return Err(io::Error::other(format!("the first answer is {:?}", String::from_utf8_lossy(&answer)))),
        }
    }
}

/// Bytes of the answer that `bytes` begin, head and body; none: its head has no end or no length yet.
fn whole(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = str::from_utf8(&bytes[..head]).ok()?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    })?;
    (bytes.len() >= head + length).then_some(head + length)
}

/// A connection that asks.
struct Asker {
    stream: TcpStream,
    /// Bytes of answers since it asked last.
    received: usize,
}

/// How long each answer is, and what is asked for all of them at once.
struct Exchange {
    answer_bytes: usize,
    pipelined: usize,
    requests: Vec<u8>,
}

impl Asker {
    /// Reads what is there and asks again when all answers have come: how many ended in it.
    fn turn(&mut self, exchange: &Exchange, buffer: &mut [u8]) -> Result<usize, String> {
        let length = match self.stream.read(buffer) {
            Ok(0) => return Err("the server has closed a connection".to_owned()),
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(0),
            Err(error) => return Err(format!("reading: {error}")),
        };
        let each = exchange.answer_bytes;
        let mut at = (each - self.received % each) % each;
        while at < length {
            let begin = &buffer[at..length.min(at + GOOD.len())];
            if !GOOD.starts_with(begin) {
                return Err(format!("an answer begins with {:?}", String::from_utf8_lossy(begin)));
            }
            at += each;
        }
        let before = self.received / each;
        self.received += length;
        let answers = self.received / each - before;
        if self.received > each * exchange.pipelined {
            return Err(format!("more than {} answers of {each} bytes came", exchange.pipelined));
        }
        if self.received == each * exchange.pipelined {
            self.ask(exchange)?;
        }
        Ok(answers)
    }

    fn ask(&mut self, exchange: &Exchange) -> Result<(), String> {
        self.received = 0;
        self.stream.write_all(&exchange.requests).map_err(|error| format!("asking: {error}"))
    }
}

/// Opens all connections; each has been answered once.
fn open_all(job: &Job) -> Result<(Vec<Asker>, Exchange), String> {
    let mut answer_bytes = None;
    let mut askers = Vec::with_capacity(job.connections);
    for index in 0..job.connections {
        let opened = open(job.address, index).and_then(|(stream, bytes)| {
            stream.set_nonblocking(true)?;
            Ok((stream, bytes))
        });
        let (stream, bytes) = opened.map_err(|error| format!("connection {index}: {error}"))?;
        let usual = *answer_bytes.get_or_insert(bytes);
        if bytes != usual {
            return Err(format!("one answer has {usual} bytes, another {bytes}"));
        }
        askers.push(Asker { stream, received: 0 });
    }
    let requests = request(job.address).repeat(job.pipelined);
    let answer_bytes = answer_bytes.ok_or("there are no connections")?;
    Ok((askers, Exchange { answer_bytes, pipelined: job.pipelined, requests }))
}

/// Runs the job and prints what came of it.
pub fn run(job: &Job) -> Result<(), String> {
    let watching = |error: rustix::io::Errno| format!("epoll: {error}");
    let epoll = epoll::create(CreateFlags::CLOEXEC).map_err(watching)?;
    let (mut askers, exchange) = open_all(job)?;
    for (index, asker) in askers.iter_mut().enumerate() {
        epoll::add(&epoll, &asker.stream, EventData::new_u64(index as u64), EventFlags::IN).map_err(watching)?;
        asker.ask(&exchange)?;
    }
    let cpu = || cpu_seconds(job.pid).ok_or("the server's processor time cannot be read");
    let (mut answered, mut begun, started) = (0, None, Instant::now());
    let mut events: Vec<Event> = Vec::with_capacity(1_024);
    let mut buffer = [0; 16 * 1024];
    loop {
        events.clear();
        epoll::wait(&epoll, spare_capacity(&mut events), Some(&DEAD_AFTER)).map_err(watching)?;
        if events.is_empty() {
            return Err("no answer came within 10 s".to_owned());
        }
        for event in &events {
            answered += askers[event.data.u64() as usize].turn(&exchange, &mut buffer)?;
        }
        match begun {
            None if started.elapsed() >= WARM_UP => {
                begun = Some((Instant::now(), cpu()?));
                answered = 0;
            }
            Some((begun, cpu_before)) if begun.elapsed() >= job.window => {
                print(answered, begun.elapsed(), cpu()? - cpu_before);
                return Ok(());
            }
            _ => {}
        }
    }
}

fn print(answered: usize, took: Duration, cpu: f64) {
    let (count, seconds) = (answered as f64, took.as_secs_f64());
    println!(
        "{{\"answered\":{answered},\"seconds\":{seconds:.3},\"server_cpu_seconds\":{cpu:.4},\
         \"cpu_seconds_per_million\":{:.4},\"requests_per_second\":{:.0}}}",
        cpu / count.max(1.0) * 1e6,
        count / seconds
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// An asker, what its requests are answered with, and the other end.
    fn pair(pipelined: usize) -> (Asker, Exchange, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let exchange = Exchange { answer_bytes: GOOD.len() + 2, pipelined, requests: b"ask".to_vec() };
        (Asker { stream, received: 0 }, exchange, listener.accept().unwrap().0)
    }

    #[test]
    fn an_answer_is_whole_with_its_body_and_not_before() {
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc";
        assert_eq!(whole(answer), Some(answer.len()));
        assert_eq!(whole(&[&answer[..], b"HTTP"].concat()), Some(answer.len()));
        for cut in 0..answer.len() {
            assert_eq!(whole(&answer[..cut]), None, "cut at {cut}");
        }
        assert_eq!(whole(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"), None);
    }

    #[test]
    fn answers_are_counted_however_they_are_cut_and_then_it_asks_again() {
        let answers = [GOOD, b"ab", GOOD, b"cd"].concat();
        for cut in 1..answers.len() {
            let (mut asker, exchange, mut server) = pair(2);
            let mut counted = 0;
            for part in [&answers[..cut], &answers[cut..]] {
                server.write_all(part).unwrap();
                counted += asker.turn(&exchange, &mut [0; 100]).unwrap();
            }
            assert_eq!((counted, asker.received), (2, 0), "cut at {cut}");
            let mut asked = [0; 3];
            server.read_exact(&mut asked).unwrap();
            assert_eq!(&asked, b"ask");
        }
    }

    #[test]
    fn a_refusal_an_end_and_an_answer_too_many_are_errors() {
        for (sent, problem) in [
            (&b"HTTP/1.1 503 no"[..], "begins with"),
            (b"", "closed"),
            (b"HTTP/1.1 200 abHTTP/1.1 200 cd", "more than 1"),
        ] {
            let (mut asker, exchange, mut server) = pair(1);
            server.write_all(sent).unwrap();
            drop(server);
            assert!(asker.turn(&exchange, &mut [0; 100]).unwrap_err().contains(problem));
        }
    }
}
