//! The three blocks of pcapng that a capture needs (draft-ietf-opsawg-pcapng, sections 4.1 to 4.3).
//!
//! Every block is its type, its length, its body padded to 32 bits, and its length again. All numbers are
//! little-endian, as the section header says.

use crate::faulty::Direction;
use crate::packet_io::Capabilities;

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
const BYTE_ORDER: u32 = 0x1a2b_3c4d;
const LINKTYPE_ETHERNET: u16 = 1;

const OPTION_END: u16 = 0;
const SECTION_APPLICATION: u16 = 4;
const INTERFACE_NAME: u16 = 2;
const INTERFACE_RESOLUTION: u16 = 9;
const PACKET_FLAGS: u16 = 2;

/// Times are in units of 10 to the power of minus this: nanoseconds.
const NANOSECONDS: u8 = 9;

/// What every file begins with: a section, and the one interface in it.
pub(super) fn begin(out: &mut Vec<u8>, device: &Capabilities) {
    block(out, SECTION_HEADER, |out| {
        out.extend(BYTE_ORDER.to_le_bytes());
        out.extend([1, 0, 0, 0]); // version 1.0
        out.extend((-1_i64).to_le_bytes()); // the section's length, not known yet
        option(out, SECTION_APPLICATION, b"crore");
        option(out, OPTION_END, &[]);
    });
    block(out, INTERFACE_DESCRIPTION, |out| {
        out.extend(LINKTYPE_ETHERNET.to_le_bytes());
        out.extend([0; 2]);
        out.extend(0_u32.to_le_bytes()); // frames are not cut
        let name = format!("{} queue {}", device.name, device.queue);
        option(out, INTERFACE_NAME, name.as_bytes());
        option(out, INTERFACE_RESOLUTION, &[NANOSECONDS]);
        option(out, OPTION_END, &[]);
    });
}

/// One frame, `nanos` nanoseconds after 1970.
pub(super) fn packet(out: &mut Vec<u8>, nanos: u64, direction: Direction, bytes: &[u8]) {
    let len = bytes.len() as u32;
    let flags: u32 = match direction {
        Direction::In => 1,
        Direction::Out => 2,
    };
    block(out, ENHANCED_PACKET, |out| {
        out.extend(0_u32.to_le_bytes()); // the first interface
        out.extend(((nanos >> 32) as u32).to_le_bytes());
        out.extend((nanos as u32).to_le_bytes());
        out.extend(len.to_le_bytes()); // bytes here
        out.extend(len.to_le_bytes()); // bytes on the wire
        padded(out, bytes);
        option(out, PACKET_FLAGS, &flags.to_le_bytes());
        option(out, OPTION_END, &[]);
    });
}

fn block(out: &mut Vec<u8>, kind: u32, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend(kind.to_le_bytes());
    out.extend([0; 4]);
    body(out);
    assert!((out.len() - start).is_multiple_of(4), "the body of a block is padded");
    let len = (out.len() - start + 4) as u32;
    out[start + 4..start + 8].copy_from_slice(&len.to_le_bytes());
    out.extend(len.to_le_bytes());
}

fn option(out: &mut Vec<u8>, code: u16, value: &[u8]) {
    out.extend(code.to_le_bytes());
    out.extend((value.len() as u16).to_le_bytes());
    padded(out, value);
}

fn padded(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(bytes);
    out.resize(out.len().next_multiple_of(4), 0);
}
