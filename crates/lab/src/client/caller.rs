//! One connection to a model: it asks, and looks at every byte of the answer.

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crore_base::payload::Payload;
use crore_http::{Limits, ResponseEvent, ResponseReader, Status};
use crore_rt::net::{ConnectOptions, TcpStream, UdpSocket};
use crore_rt::time::{Duration, deadline, precise_now};

use super::questions::{Expected, Kind, Question, Questions};
use crate::harness::limits::{ANSWER_DEADLINE, CONNECTIONS_PER_SOURCE, HOLD_DEADLINE};

/// What the failure of a request begins with that was not answered in time.
pub(crate) const UNANSWERED: &str = "no answer";

/// Where a model listens, and how it is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    /// By datagrams instead of connections.
    pub(crate) datagrams: bool,
}

impl Target {
    /// Where connection number `index` comes from; none: the system's choice.
    fn source(self, index: u64) -> Option<IpAddr> {
        if !self.address.ip().is_loopback() || !self.address.is_ipv4() || index < CONNECTIONS_PER_SOURCE {
            return None;
        }
        let nth = u32::try_from(index / CONNECTIONS_PER_SOURCE).expect("connections are below their limit");
        Some(IpAddr::V4(Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 0, 0, 1)) + nth)))
    }
}

/// A connection, or what stands for one.
pub(crate) struct Caller {
    target: Target,
    index: u64,
    /// None: the server has ended it after an answer, as it may.
    link: Option<Link>,
    asked: u64,
}

enum Link {
    Stream(TcpStream),
    Datagrams(UdpSocket),
}

impl Caller {
    /// Connects, and asks once: a connection without an answer is none.
    ///
    /// # Errors
    /// What went wrong, for the tally.
    pub(crate) async fn open(target: Target, index: u64, questions: &Questions) -> Result<Caller, String> {
        let opening = async {
            let mut caller = Caller { target, index, link: Some(Link::open(target, index).await?), asked: 0 };
            caller.exchange(questions).await?;
            Ok(caller)
        };
        within(HOLD_DEADLINE, opening).await
    }

    /// One question and its answer; of what kind it was.
    ///
    /// # Errors
    /// No answer, a wrong one, or the end of the connection; the connection is then of no use any more.
    pub(crate) async fn ask(&mut self, questions: &Questions) -> Result<Kind, String> {
        let kind = questions.kind(self.number());
        within(ANSWER_DEADLINE, self.exchange(questions)).await.map(|()| kind)
    }

    /// Of the next question.
    fn number(&self) -> u64 {
        self.index << 32 | self.asked
    }

    async fn exchange(&mut self, questions: &Questions) -> Result<(), String> {
        let Question { request, expected } = questions.question(self.number());
        self.asked += 1;
        let link = match &mut self.link {
            Some(link) => link,
            none => none.insert(Link::open(self.target, self.index).await?),
        };
        let keeps = match (link, &expected) {
            (Link::Datagrams(socket), _) => return echo_datagram(socket, &request, &expected).await,
            (Link::Stream(stream), Expected::Same) => echo(stream, request, &expected).await.map(|()| true)?,
            (Link::Stream(stream), _) => respond(stream, request, &expected).await?,
        };
        if !keeps {
            self.link = None;
        }
        Ok(())
    }
}

impl Link {
    async fn open(target: Target, index: u64) -> Result<Link, String> {
        let Target { address, datagrams } = target;
        if datagrams {
            let any = SocketAddr::new(
                if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { "::".parse().expect("an address") },
                0,
            );
            let mut socket = UdpSocket::bind(any).map_err(|error| failure("socket", error))?;
            socket.connect(address).map_err(|error| failure("connect", error))?;
            return Ok(Link::Datagrams(socket));
        }
        let options = ConnectOptions { source: target.source(index), ..ConnectOptions::default() };
        let stream = TcpStream::connect(address, &options).await.map_err(|error| failure("connect", error))?;
        Ok(Link::Stream(stream))
    }
}

async fn within<T>(span: Duration, future: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    match deadline(precise_now() + span, future).await {
        Ok(result) => result,
        Err(_) => Err(format!("{UNANSWERED} within {span}")),
    }
}

async fn echo(stream: &mut TcpStream, request: Payload, expected: &Expected) -> Result<(), String> {
    stream.send(request.clone()).map_err(|error| failure("send", error))?;
    let mut come = 0;
    while come < expected.length(&request) {
        let bytes = stream.recv().await.map_err(|error| failure("receive", error))?;
        if bytes.is_empty() {
            return Err("closed by the server".to_owned());
        }
        if !expected.holds(&request, come, &bytes) {
            return Err("wrong bytes".to_owned());
        }
        come += bytes.len() as u64;
    }
    Ok(())
}

async fn echo_datagram(socket: &UdpSocket, request: &Payload, expected: &Expected) -> Result<(), String> {
    socket.send(request).await.map_err(|error| failure("send", error))?;
    let bytes = socket.recv().await.map_err(|error| failure("receive", error))?;
    match bytes.len() as u64 == expected.length(request) && expected.holds(request, 0, &bytes) {
        true => Ok(()),
        false => Err("wrong bytes".to_owned()),
    }
}

/// One response; whether the connection goes on after it.
async fn respond(stream: &mut TcpStream, request: Payload, expected: &Expected) -> Result<bool, String> {
    stream.send(request.clone()).map_err(|error| failure("send", error))?;
    let limits = Limits { body_bytes: u64::MAX, ..Limits::default() };
    let (mut reader, mut keeps, mut come) = (ResponseReader::new(false, &limits), true, 0);
    loop {
        let bytes = stream.recv().await.map_err(|error| failure("receive", error))?;
        let mut at = 0;
        if bytes.is_empty() {
            return match reader.on_end() {
                Ok(true) if come == expected.length(&request) => Ok(false),
                _ => Err("closed by the server".to_owned()),
            };
        }
        loop {
            let (used, event) = reader.on_input(&bytes[at..]).map_err(|error| failure("bad HTTP", error))?;
            let from = at;
            at += used;
            match event {
                None => break,
                Some(ResponseEvent::Interim(_)) => {}
                Some(ResponseEvent::Head(head)) if head.status() != Status::OK => {
                    return Err(format!("status {}", head.status()));
                }
                Some(ResponseEvent::Head(head)) => keeps = head.keep_alive(),
                Some(ResponseEvent::Data(range)) => {
                    let data = &bytes[from + range.start..from + range.end];
                    if !expected.holds(&request, come, data) {
                        return Err("wrong bytes".to_owned());
                    }
                    come += data.len() as u64;
                }
                Some(ResponseEvent::Done) => {
                    return match come == expected.length(&request) && at == bytes.len() {
                        true => Ok(keeps),
                        false => Err("an answer of a wrong length".to_owned()),
                    };
                }
            }
        }
    }
}

/// What failed, without addresses and numbers that would make a kind of its own of each.
fn failure(what: &str, error: impl Display) -> String {
    format!("{what}: {error}")
}

#[cfg(test)]
mod tests;
