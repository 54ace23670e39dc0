//! One connection, operation by operation: the input is its peer, its application and its clock.
//!
//! The peer's byte at a sequence number is always the same, whatever segments carry it, and so is ours. So bytes that are
//! lost, doubled or out of place show, however the input cuts, repeats and forges segments.

use crore_base::frame::{Frame, FramePool};
use crore_base::time::{Duration, Instant};
use crore_tcp::{Config, ConnId, Connect, Engine, Event, KeepAlive, LinkConfig, Listen, Options, Source};
use crore_wire::emit::{self, Path};
use crore_wire::ethernet::Mac;
use crore_wire::ip::Ip;
use crore_wire::packet::Link;
use crore_wire::seq::Seq;
use crore_wire::tcp::{self, Flags, Header, Timestamps};
use crore_wire::{arp, protocol};

const OURS: Ip = Ip::v4([10, 0, 0, 1]);
const PEER: Ip = Ip::v4([10, 0, 0, 2]);
const OUR_MAC: Mac = Mac([2, 0, 0, 0, 0, 1]);
const PEER_MAC: Mac = Mac([2, 0, 0, 0, 0, 2]);
const OUR_PORT: u16 = 80;
const PEER_PORT: u16 = 5000;
/// The peer's first sequence number: near the end, so that it wraps.
const IRS: Seq = Seq(u32::MAX - 3_000);
/// Operations in one input at most.
const OPERATIONS_MAX: usize = 2_000;
const RECEIVE_BYTES_MAX: u32 = 5_000;

/// Times that pass: from less than a delayed ACK to more than any timeout.
const PAUSES_MS: [u64; 8] = [1, 10, 60, 250, 1_100, 7_000, 70_000, 400_000];

/// Follows `bytes`, and panics if the engine does something that it must not.
pub fn run(bytes: &[u8]) {
    let mut input = bytes.iter().copied();
    let mut scene = Scene::new(input.next().unwrap_or(0));
    for _ in 0..OPERATIONS_MAX {
        let Some(operation) = input.next() else { break };
        scene.operate(operation, &mut input);
    }
    scene.end();
}

/// The byte of a stream at a distance from its beginning.
fn byte_at(position: u32) -> u8 {
    (position ^ position >> 8).wrapping_mul(167) as u8
}

struct Scene {
    engine: Engine,
    now: Instant,
    conn: Option<ConnId>,
    /// Our first sequence number, once it was seen.
    iss: Option<Seq>,
    /// What the peer has acknowledged, and what we have.
    acknowledged: Seq,
    expected: Seq,
    window: u16,
    timestamps: bool,
    their_timestamp: u32,
    our_timestamp: u32,
    sent: u32,
    received: u32,
    lent: Vec<crore_tcp::Received>,
}

impl Scene {
    fn new(kind: u8) -> Self {
        let link = LinkConfig {
            mac: OUR_MAC,
            mtu: 1500,
            addresses: vec!["10.0.0.1/24".parse().expect("a prefix")],
            owned: Vec::new(),
            gateways: Vec::new(),
        };
        let few = kind & 4 != 0;
        let config = Config {
            connections_max: 8,
            sending_max: 4,
            receiving_max: 4,
            half_open_max: if few { 1 } else { 8 },
            time_wait_max: 2,
            ..Config::new(link)
        };
        let frames = FramePool::new(64, 8).expect("memory for 64 frames");
        let engine = Engine::new(config, frames, 7, Instant::ZERO).expect("a valid configuration");
        let mut scene = Self {
            engine,
            now: Instant::ZERO + Duration::from_secs(u64::from(u32::MAX) / 1_000 - 5),
            conn: None,
            iss: None,
            acknowledged: Seq(0),
            expected: IRS,
            window: 4_000,
            timestamps: kind & 2 != 0,
            their_timestamp: u32::MAX - 1_000,
            our_timestamp: 0,
            sent: 0,
            received: 0,
            lent: Vec::new(),
        };
        scene.open(kind & 1 != 0, kind & 8 != 0);
        scene
    }

    fn open(&mut self, active: bool, keep_alive: bool) {
        let options = Options {
            receive_bytes_max: RECEIVE_BYTES_MAX,
            send_bytes_max: 20_000,
            timestamps: self.timestamps,
            keep_alive: keep_alive.then(KeepAlive::default),
            ..Options::default()
        };
        if active {
            let (remote, remote_port) = (PEER, PEER_PORT);
            let connect = Connect { source: Source::Any, source_port: Some(OUR_PORT), remote, remote_port, options };
            self.conn = Some(self.engine.connect(self.now, connect).expect("an open that can be"));
        } else {
            let local = "10.0.0.1".parse().expect("a prefix");
            self.engine.listen(Listen { local, port: OUR_PORT, backlog: 4, options }).expect("a port that is free");
            self.say(Flags::SYN, IRS, 0);
        }
    }

    fn operate(&mut self, operation: u8, input: &mut impl Iterator<Item = u8>) {
        let mut next = || input.next().unwrap_or(0);
        match operation % 16 {
            0..=2 => {
                // Data near what is expected: early, late, overlapping.
                let (back, len) = (u32::from(next()), u32::from(next()) * 5);
                let seq = self.expected + back * 16 - if operation & 16 != 0 { 1_000 } else { back * 16 };
                let flags = if operation & 32 != 0 { Flags::FIN | Flags::ACK } else { Flags::ACK };
                self.say(flags, seq, len);
            }
            3 => {
                let (flags, distance) = (Flags(next()), u32::from(next()));
                // The peer has one beginning, or nobody could tell which byte is where.
                let seq = if flags.contains(Flags::SYN) { IRS } else { self.expected + distance - 128 };
                self.say(flags, seq, u32::from(next()));
            }
            4 => {
                self.acknowledged = Seq(self.acknowledged.0.wrapping_add(u32::from(next()) * 8));
                self.say(Flags::ACK, self.expected, 0);
            }
            5 => self.acknowledge_all(),
            6 => {
                self.window = u16::from(next()) * 40;
                self.say(Flags::ACK, self.expected, 0);
            }
            7 | 8 => self.pass_time(PAUSES_MS[usize::from(next()) % PAUSES_MS.len()]),
            9 => self.receive(usize::from(next())),
            10 => self.send(u32::from(next()) * 20 + 1),
            11 => drop(self.conn.map(|conn| self.engine.shutdown(conn))),
            12 if operation & 16 != 0 => drop(self.conn.take().map(|conn| self.engine.close(conn))),
            13 if operation & 16 != 0 => drop(self.conn.take().map(|conn| self.engine.abort(conn))),
            14 => self.lent.drain(..).for_each(|lease| self.engine.give_back(lease)),
            _ => (0..next() % 8).for_each(|_| self.say(Flags::ACK, self.expected, 0)),
        }
        self.turn();
    }

    /// The peer says something.
    fn say(&mut self, flags: Flags, seq: Seq, len: u32) {
        self.their_timestamp = self.their_timestamp.wrapping_add(1);
        let mut options = tcp::Options::NONE;
        if flags.contains(Flags::SYN) {
            (options.mss, options.window_scale) = (Some(1_000), Some(3));
        }
        options.timestamps =
            self.timestamps.then_some(Timestamps { value: self.their_timestamp, echo: self.our_timestamp });
        let header = Header {
            source_port: PEER_PORT,
            destination_port: OUR_PORT,
            seq,
            ack: self.acknowledged,
            flags,
            window: self.window,
            urgent: self.window,
            options,
        };
        // A SYN takes a number, so what it carries begins behind it.
        let first = seq + u32::from(flags.contains(Flags::SYN)) - IRS;
        let data: Vec<u8> = (0..len.min(1_400)).map(|n| byte_at(first.wrapping_add(n))).collect();
        let path = Path {
            source_mac: PEER_MAC,
            destination_mac: OUR_MAC,
            source: PEER,
            destination: OURS,
            hop_limit: 64,
            dscp: 0,
        };
        self.give(|buffer| emit::tcp(buffer, &path, &header, [&data[..]]));
    }

    fn give(&mut self, write: impl FnOnce(&mut [u8]) -> usize) {
        let Some(mut frame) = self.engine.frames_mut().alloc() else { return };
        let len = write(self.engine.frames_mut().buffer_mut(&mut frame));
        frame.set_len(len);
        self.engine.on_input(self.now, &mut vec![frame]);
        assert_eq!(self.engine.counters().unaccounted(), 0);
    }

    fn acknowledge_all(&mut self) {
        if let (Some(iss), Some(conn)) = (self.iss, self.conn) {
            let flight = self.engine.statistics(conn).map_or(0, |statistics| statistics.in_flight);
            let most = iss + self.sent + 2;
            self.acknowledged = Seq::later_of(self.acknowledged, Seq::earlier_of(self.acknowledged + flight, most));
        }
        self.say(Flags::ACK, self.expected, 0);
    }

    fn send(&mut self, len: u32) {
        let Some(conn) = self.conn else { return };
        let payload: Vec<u8> = (0..len).map(|n| byte_at(self.sent + n)).collect();
        if self.engine.send(conn, payload.into()).is_ok() {
            self.sent += len;
        }
    }

    fn receive(&mut self, most: usize) {
        let Some(conn) = self.conn else { return };
        for _ in 0..most {
            let Some(received) = self.engine.recv(conn) else { return };
            for &byte in self.engine.bytes(&received) {
                // The SYN takes the first number.
                self.received += 1;
                assert_eq!(byte, byte_at(self.received), "byte {} of the peer's stream", self.received);
            }
            self.lent.push(received);
            if self.lent.len() > 8 {
                let first = self.lent.remove(0);
                self.engine.give_back(first);
            }
        }
    }

    fn pass_time(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
        self.engine.on_timeout(self.now);
    }

    /// Events are taken, connections accepted, frames sent and read by the peer.
    fn turn(&mut self) {
        while let Some(event) = self.engine.poll_event() {
            if let Event::Acceptable(listener) = event {
                while let Some(conn) = self.engine.accept(listener) {
                    // One is enough.
                    match self.conn {
                        None if self.received == 0 && self.sent == 0 => self.conn = Some(conn),
                        _ => drop(self.engine.abort(conn)),
                    }
                }
            }
        }
        if let Some(statistics) = self.conn.and_then(|conn| self.engine.statistics(conn)) {
            assert!(statistics.unread <= RECEIVE_BYTES_MAX, "{} bytes unread", statistics.unread);
        }
        let mut out = Vec::new();
        self.engine.poll_output(self.now, &mut out, 64);
        for frame in out {
            self.hear(frame);
        }
    }

    /// The peer reads a frame of ours.
    fn hear(&mut self, frame: Frame) {
        let bytes = self.engine.frames().bytes(&frame).to_vec();
        self.engine.frames_mut().free(frame);
        match Link::parse(&bytes).expect("what is sent can be read") {
            Link::Arp(question)
                if question.operation == arp::Operation::Request && question.sender != question.target =>
            {
                let answer = arp::Packet {
                    operation: arp::Operation::Reply,
                    sender_mac: PEER_MAC,
                    sender: question.target,
                    target_mac: OUR_MAC,
                    target: question.sender,
                };
                self.give(|buffer| emit::arp(buffer, OUR_MAC, &answer));
            }
            Link::Ip(packet) if packet.protocol == protocol::TCP => self.hear_segment(packet.payload(&bytes)),
            _ => {}
        }
    }

    fn hear_segment(&mut self, segment: &[u8]) {
        let (header, start) = tcp::parse(segment).expect("what is sent can be read");
        if header.flags.contains(Flags::RST) {
            return;
        }
        if header.flags.contains(Flags::SYN) && self.iss != Some(header.seq) {
            (self.iss, self.acknowledged) = (Some(header.seq), header.seq + 1);
            if !header.flags.contains(Flags::ACK) {
                self.say(Flags::SYN | Flags::ACK, IRS, 0);
            }
        }
        if header.flags.contains(Flags::ACK) {
            self.expected = header.ack;
        }
        if let Some(timestamps) = header.options.timestamps {
            self.our_timestamp = timestamps.value;
        }
        let Some(iss) = self.iss else { return };
        for (n, &byte) in segment[start..].iter().enumerate() {
            let position = header.seq + n as u32 - (iss + 1);
            assert!(position < self.sent, "byte {position} was never written");
            assert_eq!(byte, byte_at(position), "byte {position} of our stream");
        }
    }

    /// Everything is given up; then nothing may be left.
    fn end(mut self) {
        self.lent.drain(..).for_each(|lease| self.engine.give_back(lease));
        for index in 0..8 {
            if let Some(conn) = self.engine.connection_at(index) {
                self.engine.abort(conn);
            }
        }
        for _ in 0..100 {
            self.pass_time(10_000);
            self.turn();
        }
        assert_eq!(self.engine.connection_count(), 0, "connections are left");
        assert_eq!(self.engine.frames().in_use(), 0, "frames are left");
        assert_eq!(self.engine.poll_timeout(), None, "a timer is left");
    }
}
