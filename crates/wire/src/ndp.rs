//! Neighbour discovery for IPv6 over Ethernet (RFC 4861): the question who has an address, and its answer.
//!
//! Only what comes from the link itself is believed: routers count the hop limit down, so 255 proves that none was on
//! the way. Router discovery and redirects are not here; the way out is configured.

use crate::Refused;
use crate::bytes::{array_at, put};
use crate::ethernet::Mac;
use crate::ip::Ip;
use crate::packet::Packet;

/// Bytes of a message without options.
pub const LEN: usize = 24;
/// Hop limit that a message must have, and gets.
pub const HOP_LIMIT: u8 = 255;

/// Bytes of an option with an Ethernet address.
const OPTION_MAC_LEN: usize = 8;
/// The unit in which an option says its length, bytes.
const OPTION_UNIT_LEN: usize = 8;
const OPTION_SOURCE_MAC: u8 = 1;
const OPTION_TARGET_MAC: u8 = 2;

const FLAG_ROUTER: u8 = 0x80;
const FLAG_SOLICITED: u8 = 0x40;
const FLAG_OVERRIDE: u8 = 0x20;

/// Who has this address?
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct NeighbourSolicitation {
    /// The address that is asked for; never a group.
    pub target: Ip,
    /// The asker's Ethernet address; `None` if it only asks whether an address is free.
    pub source_mac: Option<Mac>,
}

/// This one has the address.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct NeighbourAdvertisement {
    /// The address; never a group.
    pub target: Ip,
    /// The sender is a router.
    pub router: bool,
    /// It answers a question; never to a group.
    pub solicited: bool,
    /// It replaces what was known before.
    pub replaces: bool,
    /// The Ethernet address; `None` if the asker knows it.
    pub target_mac: Option<Mac>,
}

impl NeighbourSolicitation {
    /// Reads a whole ICMPv6 message of this type, whose checksum is right.
    pub(crate) fn parse(message: &[u8], packet: &Packet) -> Result<Self, Refused> {
        let (target, source_mac) = parse_common(message, packet, OPTION_SOURCE_MAC)?;
        if packet.source.is_unspecified() {
            // Somebody without an address asks the group of the address that it wants (RFC 4861, section 7.1.1).
            let asks_group = packet.destination == target.solicited_node();
            if !asks_group || source_mac.is_some() {
                return Err(Refused::Ndp);
            }
        }
        Ok(Self { target, source_mac })
    }

    pub(crate) fn emitted_len(&self) -> usize {
        LEN + usize::from(self.source_mac.is_some()) * OPTION_MAC_LEN
    }

    /// Writes what follows the ICMPv6 type, code and checksum.
    pub(crate) fn emit(&self, out: &mut [u8]) {
        emit_common(out, 0, &self.target, OPTION_SOURCE_MAC, self.source_mac);
    }
}

impl NeighbourAdvertisement {
    /// Reads a whole ICMPv6 message of this type, whose checksum is right.
    pub(crate) fn parse(message: &[u8], packet: &Packet) -> Result<Self, Refused> {
        let (target, target_mac) = parse_common(message, packet, OPTION_TARGET_MAC)?;
        let flags = message[4];
        let solicited = flags & FLAG_SOLICITED != 0;
        let is_to_group = packet.destination.is_multicast();
        if packet.source.is_unspecified() || (solicited && is_to_group) {
            return Err(Refused::Ndp);
        }
        Ok(Self {
            target,
            router: flags & FLAG_ROUTER != 0,
            solicited,
            replaces: flags & FLAG_OVERRIDE != 0,
            target_mac,
        })
    }

    pub(crate) fn emitted_len(&self) -> usize {
        LEN + usize::from(self.target_mac.is_some()) * OPTION_MAC_LEN
    }

    /// Writes what follows the ICMPv6 type, code and checksum.
    pub(crate) fn emit(&self, out: &mut [u8]) {
        let flags = (if self.router { FLAG_ROUTER } else { 0 })
            | (if self.solicited { FLAG_SOLICITED } else { 0 })
            | (if self.replaces { FLAG_OVERRIDE } else { 0 });
        emit_common(out, flags, &self.target, OPTION_TARGET_MAC, self.target_mac);
    }
}

/// What both messages share: the rules for all of discovery, the target, and the address in the option `wanted`.
fn parse_common(message: &[u8], packet: &Packet, wanted: u8) -> Result<(Ip, Option<Mac>), Refused> {
    let code = message.get(1);
    if packet.hop_limit != HOP_LIMIT || code != Some(&0) || message.len() < LEN {
        return Err(Refused::Ndp);
    }
    let target = Ip::from_octets(array_at(message, 8));
    if target.is_multicast() || target.is_unspecified() || target.is_v4() {
        return Err(Refused::Ndp);
    }
    Ok((target, find_mac(&message[LEN..], wanted)?))
}

/// Walks over options; each is at least eight bytes, so there are fewer steps than an eighth of the frame.
fn find_mac(mut options: &[u8], wanted: u8) -> Result<Option<Mac>, Refused> {
    let mut found = None;
    while !options.is_empty() {
        let len = options.get(1).map_or(0, |&units| usize::from(units) * OPTION_UNIT_LEN);
        if len == 0 || len > options.len() {
            return Err(Refused::Ndp);
        }
        if options[0] == wanted {
            let mac = Mac(array_at(options, 2));
            if len != OPTION_MAC_LEN || mac.is_group() {
                return Err(Refused::Ndp);
            }
            found = Some(mac);
        }
        options = &options[len..];
    }
    Ok(found)
}

fn emit_common(out: &mut [u8], flags: u8, target: &Ip, option: u8, mac: Option<Mac>) {
    debug_assert!(!target.is_v4() && !target.is_multicast());
    put(out, 4, [flags, 0, 0, 0]);
    put(out, 8, *target.octets());
    if let Some(mac) = mac {
        debug_assert!(!mac.is_group());
        put(out, LEN, [option, (OPTION_MAC_LEN / OPTION_UNIT_LEN) as u8]);
        put(out, LEN + 2, mac.0);
    }
}

#[cfg(test)]
mod tests;
