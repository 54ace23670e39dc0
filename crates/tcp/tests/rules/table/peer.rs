//! The other end of a connection, as a script: it knows addresses, ports and numbers, and puts segments into frames.

use crore_wire::checksum::Sum;
use crore_wire::emit::{self, Path};
use crore_wire::ethernet::{self, Mac};
use crore_wire::ip::Ip;
use crore_wire::seq::Seq;
use crore_wire::tcp::{self, Flags, Header, Timestamps};
use crore_wire::{ipv4, ipv6, protocol};

use super::segment::{Clocks, Origins, Segment};

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) mac: Mac,
    pub(crate) engine_mac: Mac,
    pub(crate) address: Ip,
    pub(crate) engine: Ip,
    pub(crate) port: u16,
    pub(crate) engine_port: u16,
    pub(crate) origins: Origins,
    /// The next number that the peer sends, counted from its SYN.
    pub(crate) next: u32,
    /// One after the highest number that the engine has sent.
    pub(crate) engine_next: u32,
    /// What it offers unless a segment says otherwise.
    pub(crate) window: u16,
    /// Both sides agreed on timestamps; its clock, and what it heard of the engine's.
    pub(crate) timestamps: bool,
    pub(crate) clock: u32,
    pub(crate) heard_clock: u32,
}

impl Peer {
    /// The wire form of a segment, without advancing any number.
    pub(crate) fn frame(&self, segment: &Segment) -> Vec<u8> {
        let header = self.header(segment);
        let mut out = vec![0; 4096];
        let written = emit::tcp(&mut out, &self.path(), &header, [&segment.payload[..]]);
        out.truncate(written);
        if let Some(raw) = &segment.raw_options {
            self.put_options(&mut out, raw);
        }
        out
    }

    fn header(&self, segment: &Segment) -> Header {
        let seq = segment.seq.unwrap_or(self.next);
        let ack = segment.ack.unwrap_or(self.engine_next);
        let mut options = segment.options;
        options.timestamps = match segment.timestamps {
            Clocks::AsAgreed => self.timestamps.then_some((self.clock, self.heard_clock)),
            Clocks::Absent | Clocks::Echo(_) => None,
            Clocks::Value(value) => Some((value, self.heard_clock)),
            Clocks::Both(value, echo) => Some((value, echo)),
        }
        .filter(|_| segment.raw_options.is_none() && !segment.flags.contains(Flags::RST))
        .map(|(value, echo)| Timestamps { value, echo });
        if segment.raw_options.is_some() {
            options = tcp::Options::NONE;
        }
        Header {
            source_port: self.port,
            destination_port: self.engine_port,
            seq: self.origins.peer + seq,
            ack: if segment.flags.contains(Flags::ACK) { self.origins.engine + ack } else { Seq(0) },
            flags: segment.flags,
            window: segment.window.unwrap_or(self.window),
            urgent: segment.urgent,
            options,
        }
    }

    pub(crate) fn path(&self) -> Path {
        Path {
            source_mac: self.mac,
            destination_mac: self.engine_mac,
            source: self.address,
            destination: self.engine,
            hop_limit: 64,
            dscp: 0,
        }
    }

    /// Puts option bytes into a frame that has none, and makes its lengths and checksums right again.
    fn put_options(&self, frame: &mut Vec<u8>, options: &[u8]) {
        let start = emit::ip_len(self.address.is_v4());
        let at = start + tcp::LEN;
        frame.splice(at..at, options.iter().copied());
        frame[start + 12] = (((tcp::LEN + options.len()) / 4) as u8) << 4;
        repair(frame);
    }
}

/// Makes the IP length and all checksums of a frame right, whatever was done to it.
pub(crate) fn repair(frame: &mut [u8]) {
    let is_v4 = frame[12] == 0x08;
    let ip = ethernet::LEN;
    let total = frame.len() - ip;
    let (source, destination, start) = if is_v4 {
        frame[ip + 2..ip + 4].copy_from_slice(&(total as u16).to_be_bytes());
        let header_len = usize::from(frame[ip] & 15) * 4;
        frame[ip + 10..ip + 12].fill(0);
        let sum = Sum::of(&frame[ip..ip + header_len]).finish();
        frame[ip + 10..ip + 12].copy_from_slice(&sum.to_be_bytes());
        let address = |at: usize| Ip::v4(frame[ip + at..ip + at + 4].try_into().expect("four bytes"));
        (address(12), address(16), ip + header_len)
    } else {
        frame[ip + 4..ip + 6].copy_from_slice(&((total - ipv6::LEN) as u16).to_be_bytes());
        let address = |at: usize| Ip::from_octets(frame[ip + at..ip + at + 16].try_into().expect("16 bytes"));
        (address(8), address(24), ip + ipv6::LEN)
    };
    assert!(start >= ip + ipv4::LEN && frame.len() >= start + tcp::LEN);
    frame[start + 16..start + 18].fill(0);
    let mut sum = Sum::pseudo_header(&source, &destination, protocol::TCP, (frame.len() - start) as u32);
    sum.add(&frame[start..]);
    frame[start + 16..start + 18].copy_from_slice(&sum.finish().to_be_bytes());
}
