//! The part of the filter that reads ARP and IPv4.

use crore_wire::ip::Ip;

use super::super::assembler::Operation::{Add, And, And32, Set, ShiftLeft};
use super::super::assembler::Register::*;
use super::super::assembler::Width::{Byte, Half, Word};
use super::super::assembler::{Label, Register, When};
use super::{Filter, ICMP, IP, TCP, loaded, network_half};

const ARP_TARGET: i16 = IP + 24;
const ARP_END: i16 = IP + 28;
const FRAGMENT: i16 = IP + 6;
const PROTOCOL: i16 = IP + 9;
const SOURCE: i16 = IP + 12;
const DESTINATION: i16 = IP + 16;

const ICMP_PROTOCOL: i32 = 1;
/// Destination unreachable, source quench, time exceeded, parameter problem.
const ERRORS: [i32; 4] = [3, 4, 11, 12];

impl Filter<'_> {
    /// ARP for a whole prefix is ours.
    pub(super) fn arp(&mut self) {
        self.need(R7, ARP_END);
        self.code.load(Word, R4, R7, ARP_TARGET);
        let (ours, pass) = (self.ours, self.pass);
        self.match_exceptions_v4(pass);
        self.match_whole_v4(ours);
        self.code.jump(pass);
    }

    /// From the start of an IPv4 header to a verdict.
    pub(super) fn ipv4(&mut self) {
        let (shared, ports, not_blocked) = (self.code.label(), self.code.label(), self.code.label());
        self.code.load(Word, R4, R7, DESTINATION);
        self.match_exceptions_v4(shared);
        self.match_whole_v4(not_blocked);
        self.code.place(shared);
        for address in self.claim.shared_addresses().iter().filter(|address| address.is_v4()) {
            self.code.jump_if(R4, When::Equal, loaded(address.v4_octets()), ports);
        }
        self.code.jump(self.pass);
        self.code.place(ports);
        self.ports_v4();
        self.port_is_ours();
        self.code.place(not_blocked);
        self.check_blocked(SOURCE, 1, self.maps.blocked_v4, 0);
    }

    /// Goes to `hit` if the address in `R4` is an exception.
    fn match_exceptions_v4(&mut self, hit: Label) {
        for address in self.claim.exceptions().iter().filter(|address| address.is_v4()) {
            self.code.jump_if(R4, When::Equal, loaded(address.v4_octets()), hit);
        }
    }

    /// Goes to `hit` if the address in `R4` is in a whole prefix. Loses `R5`.
    fn match_whole_v4(&mut self, hit: Label) {
        for prefix in self.claim.whole_prefixes() {
            match prefix.bits().checked_sub(96) {
                Some(bits) if prefix.is_v4() => {
                    let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
                    self.code.register(Set, R5, R4);
                    self.code.number(And32, R5, loaded(mask.to_be_bytes()));
                    self.code.jump_if(R5, When::Equal, loaded(prefix.network().v4_octets()), hit);
                }
                // Short prefixes of the addresses in which IPv4 lies hold all of it.
                _ if prefix.contains(Ip::UNSPECIFIED_V4) => self.code.jump(hit),
                _ => {}
            }
        }
    }

    /// `R3` becomes the port, as it lies in the frame, that makes a packet to a shared address ours. Others pass.
    fn ports_v4(&mut self) {
        let (tcp, found) = (self.code.label(), self.code.label());
        self.transport_of_v4(R7, IP);
        self.need(R1, 4);
        self.code.load(Byte, R3, R7, PROTOCOL);
        self.code.jump_if(R3, When::Equal, TCP, tcp);
        self.code.jump_if(R3, When::NotEqual, ICMP_PROTOCOL, self.pass);

        // An error, and the packet that it quotes has come from a port of ours.
        self.need(R1, ICMP + 20);
        let error = self.code.label();
        self.code.load(Byte, R3, R1, 0);
        for kind in ERRORS {
            self.code.jump_if(R3, When::Equal, kind, error);
        }
        self.code.jump(self.pass);
        self.code.place(error);
        self.code.load(Byte, R3, R1, ICMP + 9);
        self.code.jump_if(R3, When::NotEqual, TCP, self.pass);
        self.code.load(Word, R3, R1, ICMP + 12);
        self.code.load(Word, R4, R7, DESTINATION);
        self.code.jump_if_register(R3, When::NotEqual, R4, self.pass);
        self.transport_of_v4(R1, ICMP);
        self.need(R1, 4);
        self.code.load(Half, R3, R1, 0);
        self.code.jump(found);

        self.code.place(tcp);
        self.code.load(Half, R3, R1, 2);
        self.code.place(found);
    }

    /// `R1` becomes the address behind the IPv4 header that is `offset` bytes behind `from`, options included. Passes
    /// what has an impossible length or is not the first fragment. Loses `R3` and `R5`.
    fn transport_of_v4(&mut self, from: Register, offset: i16) {
        self.code.load(Byte, R5, from, offset);
        self.code.number(And, R5, 0xf);
        self.code.number(ShiftLeft, R5, 2);
        self.code.jump_if(R5, When::Less, 20, self.pass);
        self.code.load(Half, R3, from, offset + FRAGMENT - IP);
        self.code.number(And, R3, network_half(0x1fff));
        self.code.jump_if(R3, When::NotEqual, 0, self.pass);
        if from != R1 {
            self.code.register(Set, R1, from);
        }
        self.code.number(Add, R1, i32::from(offset));
        self.code.register(Add, R1, R5);
    }
}
