//! A WebSocket client: upgrade, connect and subscribe in one frame, answer pings, check publications.
//!
//! While nothing comes it owns no buffer and no decoder; a decoder is kept only while a frame is incomplete.

use crore_http::ws::{Decoder, Event, Opcode, Role, encode_masked};
use crore_http::{Limits, ResponseEvent, ResponseReader, WsLimits};
use crore_rt::net::TcpStream;

use super::Lane;
use super::client::{connect, reason};
use crate::limits::MESSAGE_BYTES_MAX;
use crate::message::{Line, parse};
use crate::stamp::Stamp;

const LIMITS: WsLimits = WsLimits { message_bytes: MESSAGE_BYTES_MAX, fragments: 1_024 };

/// What a client remembers between two reads.
#[derive(Default)]
pub(super) struct Session {
    /// A frame that has not come whole.
    decoder: Option<Box<Decoder>>,
    /// Pings are to be answered.
    pong: bool,
    connected: bool,
    subscribed: bool,
}

/// What bytes led to, beside publications.
enum Step {
    /// Go on.
    More,
    /// Answer these frames: a protocol ping, a WebSocket ping.
    Answer(Vec<u8>),
}

/// Connects and subscribes. The connection is ready then.
pub(super) async fn open(lane: &Lane, index: u32) -> Result<(TcpStream, Session), String> {
    let mut stream = connect(lane, index).await?;
    send(&stream, lane.shared.request.clone())?;
    let mut session = Session::default();
    let mut reader = ResponseReader::new(false, &Limits::default());
    while !reader.is_done() {
        let mut lease = receive(&mut stream, "upgrade").await?;
        let used = upgrade(lane, &mut reader, &lease)?;
        if reader.is_done() {
            send(&stream, lane.shared.hello.clone())?;
            session.take(lane, index, &stream, &mut lease[used..])?;
        }
    }
    while !session.subscribed {
        let mut lease = receive(&mut stream, "subscribe").await?;
        session.take(lane, index, &stream, &mut lease)?;
    }
    Ok((stream, session))
}

/// Takes publications until the connection ends; returns why it did.
///
/// Everything is borrowed: this is what a waiting connection's task is made of, and it must stay small.
pub(super) async fn listen(lane: &Lane, index: u32, stream: &mut TcpStream, session: &mut Session) -> String {
    loop {
        let result = match stream.recv().await {
            Ok(lease) if lease.is_empty() => Err("closed by the server without a close frame".to_owned()),
            Ok(mut lease) => session.take(lane, index, stream, &mut lease),
            Err(error) => Err(reason(&error)),
        };
        if let Err(end) = result {
            return end;
        }
    }
}

async fn receive(stream: &mut TcpStream, while_waiting: &str) -> Result<crore_rt::net::Lease, String> {
    match stream.recv().await {
        Ok(lease) if lease.is_empty() => Err(format!("{while_waiting}: closed by the server")),
        Ok(lease) => Ok(lease),
        Err(error) => Err(format!("{while_waiting}: {}", reason(&error))),
    }
}

fn send(stream: &TcpStream, payload: crore_base::payload::Payload) -> Result<(), String> {
    stream.send(payload).map_err(|error| format!("send: {error}"))
}

/// Reads the answer to the upgrade; returns how many bytes belonged to it.
fn upgrade(lane: &Lane, reader: &mut ResponseReader, bytes: &[u8]) -> Result<usize, String> {
    let mut at = 0;
    loop {
        let (used, event) = reader.on_input(&bytes[at..]).map_err(|error| format!("upgrade: {error}"))?;
        at += used;
        match event {
            Some(ResponseEvent::Head(head)) => {
                lane.shared.handshake.check(&head).map_err(|error| format!("upgrade: {error}"))?;
            }
            Some(ResponseEvent::Interim(_) | ResponseEvent::Data(_)) => {}
            Some(ResponseEvent::Done) | None => return Ok(at),
        }
    }
}

impl Session {
    /// Takes what has come, and answers what wants an answer. An error is the end, with its reason.
    fn take(&mut self, lane: &Lane, index: u32, stream: &TcpStream, bytes: &mut [u8]) -> Result<(), String> {
        let now = lane.clock.now();
        let mut decoder = self.decoder.take().map_or_else(|| Decoder::new(Role::Client, &LIMITS), |boxed| *boxed);
        let mut at = 0;
        loop {
            let (used, event) = decoder.on_input(&mut bytes[at..]).map_err(|error| format!("bad frame: {error}"))?;
            at += used;
            let Some(event) = event else { break };
            match self.on_event(lane, index, stream, event, now)? {
                Step::More => {}
                Step::Answer(frame) => send(stream, frame.into())?,
            }
        }
        if !decoder.is_idle() {
            self.decoder = Some(Box::new(decoder));
        }
        Ok(())
    }

    fn on_event(
        &mut self,
        lane: &Lane,
        index: u32,
        stream: &TcpStream,
        event: Event<'_>,
        now: Stamp,
    ) -> Result<Step, String> {
        match event {
            Event::Text(text) => {
                for line in text.split('\n').filter(|line| !line.is_empty()) {
                    self.on_line(lane, index, stream, line, now)?;
                }
                Ok(Step::More)
            }
            Event::Ping(payload) => {
                // Our masks hide nothing, so the key may be any.
                Ok(Step::Answer(encode_masked(Opcode::Pong, payload, [0x5a, 0xc3, 0x3c, 0xa5])))
            }
            Event::Pong(_) => Ok(Step::More),
            Event::Binary(_) => Err("a binary frame came on a JSON connection".to_owned()),
            Event::Close { code, reason } => Err(match code {
                Some(code) => format!("closed: {code} {reason}").trim_end().to_owned(),
                None => "closed without a code".to_owned(),
            }),
        }
    }

    fn on_line(&mut self, lane: &Lane, index: u32, stream: &TcpStream, line: &str, now: Stamp) -> Result<(), String> {
        match lane.parsed(line)? {
            Line::Ping if self.pong => send(stream, lane.shared.pong.clone())?,
            Line::Ping | Line::Other => {}
            Line::Connected { pong } => {
                self.pong = pong;
                self.connected = true;
            }
            Line::Subscribed { .. } if !self.connected => {
                return Err("subscribed before it was connected".to_owned());
            }
            Line::Subscribed { offset } if !self.subscribed => {
                self.subscribed = true;
                lane.on_ready(index, stream.id(), offset);
            }
            Line::Subscribed { .. } => return Err("subscribed twice".to_owned()),
            Line::Publication(_) if !self.subscribed => {
                return Err("a publication came before the reply to subscribe".to_owned());
            }
            Line::Publication(seen) => lane.on_publication(index, seen, now),
            Line::Refused(why) => return Err(why),
        }
        Ok(())
    }
}

impl Lane {
    /// Reads a line. Everybody gets the same publications, so the one read last is remembered: comparing is cheaper
    /// than reading JSON.
    fn parsed(&self, line: &str) -> Result<Line, String> {
        let mut recent = self.recent.borrow_mut();
        if let Some(seen) = recent.seen.filter(|_| recent.line == line) {
            return Ok(Line::Publication(seen));
        }
        let parsed = parse(line).map_err(|error| format!("bad JSON: {error}"))?;
        if let Line::Publication(seen) = parsed {
            recent.seen = Some(seen);
            line.clone_into(&mut recent.line);
        }
        Ok(parsed)
    }
}

/// The publication that was read last.
#[derive(Default)]
pub(super) struct Recent {
    line: String,
    seen: Option<crate::message::Seen>,
}
