//! The segment that nearly all are: over IPv4, with timestamps and no other option. Its headers have a fixed layout of 66 bytes,
//! so they are put together in registers and their checksums added up from the fields instead of read back from memory.

use crate::checksum::{Sum, words};
use crate::emit::Path;
use crate::tcp::{Header, Timestamps};
use crate::{ethernet, ipv4, protocol, tcp};

/// Bytes of timestamps and their padding.
const OPTIONS_LEN: usize = 12;
/// Two no-operations, then kind and length of the timestamps option (RFC 7323 appendix A).
const TIMESTAMPS_LEAD: u32 = 0x0101_080a;
/// Bytes of all headers.
const HEAD_LEN: usize = ethernet::LEN + ipv4::LEN + tcp::LEN + OPTIONS_LEN;
/// Where the IP header starts.
const IP: usize = ethernet::LEN;
/// Where the TCP header starts.
const TCP: usize = IP + ipv4::LEN;
/// Version and length of an IP header without options.
const VERSION_LEN: u16 = 0x4500;
const DONT_FRAGMENT: u16 = 0x4000;

/// See [`tcp()`](super::tcp()), of which this is the fast case.
#[inline]
pub(super) fn over_v4<'a>(
    out: &mut [u8],
    path: &Path,
    header: &Header,
    timestamps: &Timestamps,
    payload: impl IntoIterator<Item = &'a [u8]>,
) -> usize {
    let mut sum = Sum::new();
    let mut end = HEAD_LEN;
    for piece in payload {
        sum.copy_from(&mut out[end..end + piece.len()], piece);
        end += piece.len();
    }
    let head = out.first_chunk_mut::<HEAD_LEN>().expect("the buffer has room for the headers");
    head[..6].copy_from_slice(&path.destination_mac.0);
    head[6..12].copy_from_slice(&path.source_mac.0);
    head[12..14].copy_from_slice(&[0x08, 0x00]);
    put_ip(head, path, end - IP);
    put_tcp(head, path, header, timestamps, (end - TCP, !sum.finish()));
    end
}

#[inline]
fn put_ip(head: &mut [u8; HEAD_LEN], path: &Path, total_len: usize) {
    let total_len = u16::try_from(total_len).expect("an IPv4 packet has at most 65,535 bytes");
    let (source, destination) = addresses(path);
    let first = u32::from(VERSION_LEN | u16::from(path.dscp) << 2) << 16 | u32::from(total_len);
    let second = u32::from(DONT_FRAGMENT);
    let third = u32::from(path.hop_limit) << 24 | u32::from(protocol::TCP) << 16;
    let words = [first, second, third, source, destination];
    let check = fold(words.iter().map(|&word| u64::from(word)).sum());
    let words = [first, second, third | u32::from(!check), source, destination];
    put_words(&mut head[IP..TCP], &words);
}

#[inline]
fn put_tcp(head: &mut [u8; HEAD_LEN], path: &Path, header: &Header, timestamps: &Timestamps, rest: (usize, u16)) {
    const OFFSET: u32 = ((tcp::LEN + OPTIONS_LEN) / 4) as u32;
    let (segment_len, payload_sum) = rest;
    let (source, destination) = addresses(path);
    let ports = u32::from(header.source_port) << 16 | u32::from(header.destination_port);
    let state = OFFSET << 28 | u32::from(header.flags.0) << 16 | u32::from(header.window);
    let urgent = u32::from(header.urgent);
    let mut words =
        [ports, header.seq.0, header.ack.0, state, urgent, TIMESTAMPS_LEAD, timestamps.value, timestamps.echo];
    // RFC 9293 MUST-2: over the pseudo-header, the header and the payload.
    let pseudo = u64::from(source) + u64::from(destination) + u64::from(protocol::TCP) + segment_len as u64;
    let own: u64 = words.iter().map(|&word| u64::from(word)).sum();
    words[4] |= u32::from(!fold(pseudo + own + u64::from(payload_sum))) << 16;
    put_words(&mut head[TCP..], &words);
}

/// The addresses as numbers. A sum of 32-bit numbers has the same remainder modulo 2^16 - 1 as that of their halves.
#[inline]
fn addresses(path: &Path) -> (u32, u32) {
    (u32::from_be_bytes(path.source.v4_octets()), u32::from_be_bytes(path.destination.v4_octets()))
}

#[inline]
fn put_words<const N: usize>(out: &mut [u8], words: &[u32; N]) {
    let (places, _) = out.as_chunks_mut::<4>();
    for (place, word) in places.iter_mut().zip(words) {
        *place = word.to_be_bytes();
    }
}

/// A sum of numbers as the one's complement sum of their 16-bit words; zero only from zero.
#[inline]
fn fold(sum: u64) -> u16 {
    words::fold_to_16(words::fold_to_32(sum))
}
