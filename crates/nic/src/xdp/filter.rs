//! The program that the kernel runs for every frame that comes in at an interface: ours, or not.
//!
//! ```text
//!  ARP ──▶ for a whole prefix? ─────────────────────────────▶ ours
//!  IPv4 ─▶ exception? no ─▶ to a whole prefix? ──────────┐
//!  IPv6     │ yes               │ no                     ▼
//!           └──▶ to a shared address? ─▶ our port? ─▶ blocked? ─▶ ours ─▶ the queue's socket, or drop
//!                         │ no  (IPv6: solicits a whole prefix? ─▶ ours)
//!                         ▼
//!                       pass
//! ```
//!
//! What is ours and finds no socket is dropped and never passed: the kernel would answer it with a reset. What is not
//! ours is passed, also from blocked sources: the kernel has rules of its own. Frames with a VLAN tag pass, for they
//! belong to another interface. The program writes nothing into frames.
//!
//! Registers: `R6` is the context, `R7` the frame's first byte and later the verdict, `R8` the byte behind the frame.

mod v4;
mod v6;

use super::assembler::Operation::{Add, And, Set, ShiftRight};
use super::assembler::Register::*;
use super::assembler::Width::{Byte, Double, Half, Word};
use super::assembler::{Assembler, Instruction, Label, Register, When};
use super::claim::{Claim, PORT_SET_BYTES};

/// The descriptors of the maps that the program uses.
#[derive(Copy, Clone, Debug)]
pub(super) struct Maps {
    /// The socket of each queue.
    pub(super) sockets: i32,
    /// One value: the ports, then how many prefixes are blocked in each family.
    pub(super) settings: i32,
    /// A number for each [`Count`], for each processor.
    pub(super) counts: i32,
    /// Blocked sources.
    pub(super) blocked_v4: i32,
    /// Blocked sources.
    pub(super) blocked_v6: i32,
}

/// Where in the settings the number of blocked IPv4 prefixes is; that of IPv6 is behind it.
pub(super) const SETTINGS_BLOCKED: usize = PORT_SET_BYTES;
/// Bytes of the settings.
pub(super) const SETTINGS_BYTES: usize = SETTINGS_BLOCKED + 8;

/// What is counted, by place in the map.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Count {
    Redirected,
    Passed,
    Blocked,
    NoSocket,
}

/// How many of them there are.
pub(super) const COUNTS: u32 = Count::NoSocket as u32 + 1;

const DROP: i32 = 1;
const PASS: i32 = 2;
const REDIRECT: i32 = 4;

const CALL_LOOKUP: i32 = 1;
const CALL_REDIRECT: i32 = 51;

const CONTEXT_START: i16 = 0;
const CONTEXT_END: i16 = 4;
const CONTEXT_QUEUE: i16 = 16;

const ETHERTYPE: i16 = 12;
const IP: i16 = 14;
/// Behind the shortest header of the three, that of IPv4. All Ethernet frames are longer.
const IP_END_MIN: i16 = IP + 20;
/// Bytes of an ICMP header, behind which an error quotes the packet.
const ICMP: i16 = 8;

const TCP: i32 = 6;
/// A number of two bytes in the network's order, as a load of two bytes shows it.
fn network_half(number: u16) -> i32 {
    i32::from(number.to_be())
}

/// Four bytes of a packet, as a load of four bytes shows them.
fn loaded(bytes: [u8; 4]) -> i32 {
    i32::from_ne_bytes(bytes)
}

/// Writes the program for a claim. It has been checked, and its ports are in the settings.
pub(super) fn assemble(claim: &Claim, maps: Maps) -> Vec<Instruction> {
    let mut code = Assembler::new();
    let ours = code.label();
    let pass = code.label();
    let blocked = code.label();
    let (v4, v6) = (code.label(), code.label());
    let mut filter = Filter { code, claim, maps, ours, pass, blocked };

    filter.code.register(Set, R6, R1);
    filter.code.load(Word, R7, R6, CONTEXT_START);
    filter.code.load(Word, R8, R6, CONTEXT_END);
    filter.need(R7, IP_END_MIN);
    filter.code.load(Half, R3, R7, ETHERTYPE);
    filter.code.jump_if(R3, When::Equal, network_half(0x0800), v4);
    filter.code.jump_if(R3, When::Equal, network_half(0x86dd), v6);
    filter.code.jump_if(R3, When::NotEqual, network_half(0x0806), pass);
    filter.arp();
    filter.code.place(v4);
    filter.ipv4();
    filter.code.place(v6);
    filter.ipv6();
    filter.verdicts();
    filter.code.finish()
}

struct Filter<'a> {
    code: Assembler,
    claim: &'a Claim,
    maps: Maps,
    ours: Label,
    pass: Label,
    blocked: Label,
}

impl Filter<'_> {
    /// Passes frames that have not `bytes` bytes behind `from`. Loses `R2`.
    fn need(&mut self, from: Register, bytes: i16) {
        self.code.register(Set, R2, from);
        self.code.number(Add, R2, i32::from(bytes));
        self.code.jump_if_register(R2, When::Greater, R8, self.pass);
    }

    /// Passes frames whose port, in `R3`, is not in the set.
    fn port_is_ours(&mut self) {
        self.code.half_from_network(R3);
        self.code.register(Set, R4, R3);
        self.code.number(ShiftRight, R4, 3);
        // The verifier wants to see that the byte is inside the set.
        self.code.number(And, R4, PORT_SET_BYTES as i32 - 1);
        self.code.load_map_value(R2, self.maps.settings, 0);
        self.code.register(Add, R2, R4);
        self.code.load(Byte, R5, R2, 0);
        self.code.number(And, R3, 7);
        self.code.register(ShiftRight, R5, R3);
        self.code.number(And, R5, 1);
        self.code.jump_if(R5, When::Equal, 0, self.pass);
    }

    /// Ours, unless the source address, `words` times four bytes of the frame, is in the map.
    fn check_blocked(&mut self, source: i16, words: i16, map: i32, settings_offset: i32) {
        let key = -(words + 1) * 4;
        self.code.load_map_value(R2, self.maps.settings, SETTINGS_BLOCKED as i32 + settings_offset);
        self.code.load(Word, R3, R2, 0);
        self.code.jump_if(R3, When::Equal, 0, self.ours);
        self.code.store_number(Word, R10, key, i32::from(words) * 32);
        for word in 0..words {
            self.code.load(Word, R3, R7, source + word * 4);
            self.code.store(Word, R10, key + 4 + word * 4, R3);
        }
        self.code.load_map(R1, map);
        self.code.register(Set, R2, R10);
        self.code.number(Add, R2, i32::from(key));
        self.code.call(CALL_LOOKUP);
        self.code.jump_if_null(R0, self.ours);
        self.code.jump(self.blocked);
    }

    /// Where all paths end: each verdict is counted.
    fn verdicts(&mut self) {
        let (redirected, count, end) = (self.code.label(), self.code.label(), self.code.label());
        self.code.place(self.ours);
        self.code.load(Word, R2, R6, CONTEXT_QUEUE);
        self.code.load_map(R1, self.maps.sockets);
        self.code.number(Set, R3, DROP);
        self.code.call(CALL_REDIRECT);
        self.code.register(Set, R7, R0);
        self.code.jump_if(R7, When::Equal, REDIRECT, redirected);
        self.code.store_number(Word, R10, -4, Count::NoSocket as i32);
        self.code.jump(count);
        self.code.place(redirected);
        self.code.store_number(Word, R10, -4, Count::Redirected as i32);
        self.code.jump(count);
        self.code.place(self.blocked);
        self.code.number(Set, R7, DROP);
        self.code.store_number(Word, R10, -4, Count::Blocked as i32);
        self.code.jump(count);
        self.code.place(self.pass);
        self.code.number(Set, R7, PASS);
        self.code.store_number(Word, R10, -4, Count::Passed as i32);
        self.code.place(count);
        self.code.load_map(R1, self.maps.counts);
        self.code.register(Set, R2, R10);
        self.code.number(Add, R2, -4);
        self.code.call(CALL_LOOKUP);
        self.code.jump_if_null(R0, end);
        self.code.load(Double, R1, R0, 0);
        self.code.number(Add, R1, 1);
        self.code.store(Double, R0, 0, R1);
        self.code.place(end);
        self.code.register(Set, R0, R7);
        self.code.exit();
    }
}

#[cfg(test)]
mod tests;
