//! Records of FastCGI 1.0: a header of eight bytes, then the content (section 3.3). One request at a time, so its number is 1.

use std::io::{self, Read};

const VERSION: u8 = 1;
const REQUEST: u8 = 1;
/// `FCGI_RESPONDER`, the only role here (section 6.2).
const RESPONDER: u8 = 1;
/// The connection stays when the request is answered (section 5.1).
const KEEP_CONNECTION: u8 = 1;
/// The longest content of a record: what its two bytes of length can say.
const CONTENT_BYTES_MAX: usize = 0xffff;
const HEADER_BYTES: usize = 8;

/// The types of records that are needed (section 8), by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Begin = 1,
    End = 3,
    Parameters = 4,
    Input = 5,
    Output = 6,
}

/// One record as it was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) kind: Kind,
    pub(super) content: Vec<u8>,
}

impl Record {
    /// Reads one record and drops its padding. Allocates its content, 64 KiB at most.
    pub(super) fn read(from: &mut impl Read) -> io::Result<Record> {
        let mut header = [0; HEADER_BYTES];
        from.read_exact(&mut header)?;
        let [version, kind, request_high, request_low, high, low, padding, _] = header;
        let kinds = [Kind::Begin, Kind::End, Kind::Parameters, Kind::Input, Kind::Output];
        let known = kinds.into_iter().find(|known| *known as u8 == kind);
        let Some(kind) = known.filter(|_| version == VERSION && [request_high, request_low] == [0, REQUEST]) else {
            let text =
                format!("a FastCGI record begins with {header:?}: version 1, a known type and request 1 are expected");
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        let mut content = vec![0; length + usize::from(padding)];
        from.read_exact(&mut content)?;
        content.truncate(length);
        Ok(Record { kind, content })
    }
}

fn push(out: &mut Vec<u8>, kind: Kind, content: &[u8]) {
    let length = u16::try_from(content.len()).expect("the callers split what is longer");
    let [high, low] = length.to_be_bytes();
    out.extend_from_slice(&[VERSION, kind as u8, 0, REQUEST, high, low, 0, 0]);
    out.extend_from_slice(content);
}

/// Begins a request.
pub(super) fn begin_responder(out: &mut Vec<u8>) {
    push(out, Kind::Begin, &[0, RESPONDER, KEEP_CONNECTION, 0, 0, 0, 0, 0]);
}

/// Ends a request: status 0, `FCGI_REQUEST_COMPLETE` (section 5.5).
pub(super) fn end_complete(out: &mut Vec<u8>) {
    push(out, Kind::End, &[0; 8]);
}

/// Writes a whole stream: as many records as it takes, and an empty one that ends it.
pub(super) fn push_stream(out: &mut Vec<u8>, kind: Kind, bytes: &[u8]) {
    bytes.chunks(CONTENT_BYTES_MAX).for_each(|content| push(out, kind, content));
    push(out, kind, &[]);
}

/// Appends a name and its value (section 3.4): lengths below 128 in a byte, others in four with the first bit set.
pub(super) fn push_pair(out: &mut Vec<u8>, name: &str, value: &str) {
    for length in [name.len(), value.len()] {
        match u8::try_from(length) {
            Ok(short @ 0..=127) => out.push(short),
            _ => {
                let long = u32::try_from(length).expect("a parameter is shorter than a head");
                assert!(long >> 31 == 0, "a length of {long} bytes does not fit 31 bits");
                out.extend_from_slice(&(long | 1 << 31).to_be_bytes());
            }
        }
    }
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(value.as_bytes());
}

/// All names and values.
pub(super) fn pairs(mut bytes: &[u8]) -> io::Result<Vec<(&str, &str)>> {
    let mut pairs = Vec::new();
    while !bytes.is_empty() {
        let (name, value) = (take_length(&mut bytes)?, take_length(&mut bytes)?);
        pairs.push((take_text(&mut bytes, name)?, take_text(&mut bytes, value)?));
    }
    Ok(pairs)
}

fn take_length(bytes: &mut &[u8]) -> io::Result<usize> {
    let (&first, rest) = bytes.split_first().ok_or_else(cut)?;
    if first < 128 {
        *bytes = rest;
        return Ok(usize::from(first));
    }
    let (long, rest) = bytes.split_first_chunk::<4>().ok_or_else(cut)?;
    *bytes = rest;
    Ok((u32::from_be_bytes(*long) & !(1 << 31)) as usize)
}

fn take_text<'a>(bytes: &mut &'a [u8], length: usize) -> io::Result<&'a str> {
    let (text, rest) = bytes.split_at_checked(length).ok_or_else(cut)?;
    *bytes = rest;
    str::from_utf8(text).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a FastCGI parameter is no text"))
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a FastCGI parameter is longer than what was sent")
}
