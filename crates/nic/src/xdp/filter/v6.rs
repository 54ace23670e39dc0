//! The part of the filter that reads IPv6. Packets with extension headers are as those of a protocol that we do not know.

use crore_wire::ip::Prefix;

use super::super::assembler::Operation::And32;
use super::super::assembler::Register::*;
use super::super::assembler::Width::{Byte, Half, Word};
use super::super::assembler::{Label, When};
use super::{Filter, ICMP, IP, TCP, loaded};

const NEXT_HEADER: i16 = IP + 6;
const SOURCE: i16 = IP + 8;
const DESTINATION: i16 = IP + 24;
const END: i16 = IP + 40;

const ICMP_PROTOCOL: i32 = 58;
const NEIGHBOUR_SOLICITATION: i32 = 135;

impl Filter<'_> {
    /// From the start of an IPv6 header to a verdict.
    pub(super) fn ipv6(&mut self) {
        let (shared, not_blocked) = (self.code.label(), self.code.label());
        self.need(R7, END);
        self.match_exceptions_v6(DESTINATION, shared);
        self.match_whole_v6(DESTINATION, not_blocked);
        self.code.place(shared);
        let ports = self.code.label();
        for address in self.claim.shared_addresses().iter().filter(|address| !address.is_v4()) {
            self.match_v6(DESTINATION, Prefix::host(*address), ports);
        }
        self.solicitation();
        self.code.place(ports);
        self.ports_v6();
        self.port_is_ours();
        self.code.place(not_blocked);
        self.check_blocked(SOURCE, 4, self.maps.blocked_v6, 4);
    }

    fn match_exceptions_v6(&mut self, at: i16, hit: Label) {
        for address in self.claim.exceptions().iter().filter(|address| !address.is_v4()) {
            self.match_v6(at, Prefix::host(*address), hit);
        }
    }

    fn match_whole_v6(&mut self, at: i16, hit: Label) {
        for prefix in self.claim.whole_prefixes().iter().filter(|prefix| !prefix.is_v4()) {
            self.match_v6(at, *prefix, hit);
        }
    }

    /// Goes to `hit` if the IPv6 address at a place of the frame is in a prefix. Loses `R4`.
    fn match_v6(&mut self, at: i16, prefix: Prefix, hit: Label) {
        let other = self.code.label();
        let mask = u128::MAX.checked_shl(128 - u32::from(prefix.bits())).unwrap_or(0).to_be_bytes();
        let network = prefix.network();
        for word in 0..4 {
            let part = |bytes: &[u8; 16]| loaded(std::array::from_fn(|byte| bytes[word * 4 + byte]));
            if part(&mask) != 0 {
                self.code.load(Word, R4, R7, at + word as i16 * 4);
                if part(&mask) != -1 {
                    self.code.number(And32, R4, part(&mask));
                }
                self.code.jump_if(R4, When::NotEqual, part(network.octets()), other);
            }
        }
        self.code.jump(hit);
        self.code.place(other);
    }

    /// Ours if it asks all who may be it for an address that is wholly ours. Passes all else.
    fn solicitation(&mut self) {
        const TARGET: i16 = END + 8;
        let (ours, pass) = (self.ours, self.pass);
        if self.claim.whole_prefixes().iter().any(|prefix| !prefix.is_v4()) {
            self.need(R7, TARGET + 16);
            self.code.load(Byte, R3, R7, NEXT_HEADER);
            self.code.jump_if(R3, When::NotEqual, ICMP_PROTOCOL, pass);
            self.code.load(Byte, R3, R7, END);
            self.code.jump_if(R3, When::NotEqual, NEIGHBOUR_SOLICITATION, pass);
            self.match_exceptions_v6(TARGET, pass);
            self.match_whole_v6(TARGET, ours);
        }
        self.code.jump(pass);
    }

    /// `R3` becomes the port, as it lies in the frame, that makes a packet to a shared address ours. Others pass.
    fn ports_v6(&mut self) {
        const QUOTED: i16 = END + ICMP;
        const QUOTED_PORT: i16 = QUOTED + END - IP;
        let (tcp, found) = (self.code.label(), self.code.label());
        self.need(R7, END + 4);
        self.code.load(Byte, R3, R7, NEXT_HEADER);
        self.code.jump_if(R3, When::Equal, TCP, tcp);
        self.code.jump_if(R3, When::NotEqual, ICMP_PROTOCOL, self.pass);

        // Errors are of kinds 1 to 4. The kernel never sends others with these numbers.
        self.need(R7, QUOTED_PORT + 4);
        self.code.load(Byte, R3, R7, END);
        self.code.jump_if(R3, When::Equal, 0, self.pass);
        self.code.jump_if(R3, When::Greater, 4, self.pass);
        self.code.load(Byte, R3, R7, QUOTED + NEXT_HEADER - IP);
        self.code.jump_if(R3, When::NotEqual, TCP, self.pass);
        for word in 0..4 {
            self.code.load(Word, R3, R7, QUOTED + SOURCE - IP + word * 4);
            self.code.load(Word, R4, R7, DESTINATION + word * 4);
            self.code.jump_if_register(R3, When::NotEqual, R4, self.pass);
        }
        self.code.load(Half, R3, R7, QUOTED_PORT);
        self.code.jump(found);

        self.code.place(tcp);
        self.code.load(Half, R3, R7, END + 2);
        self.code.place(found);
    }
}
