//! A body: any split of it gives the same data, trailers or error; what was read is written and read again.
//!
//! The first byte of an input says how the end is known and, for a length, how long it is.

use crore_http::{BodyDecoder, BodyLength, Fields, Headers, HttpError, Limits, chunk, encode_trailers};

use super::splits;

/// Small, so that a fuzzer meets every one.
pub const LIMITS: Limits = Limits {
    head_bytes: 512,
    target_bytes: 64,
    headers: 8,
    body_bytes: 300,
    chunk_extension_bytes: 16,
    trailer_bytes: 64,
};

/// Names and values of header or trailer lines, in their order.
pub type Lines = Vec<(String, Vec<u8>)>;

/// What was read of a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    /// Its data.
    pub data: Vec<u8>,
    /// Its trailers.
    pub trailers: Lines,
    /// Bytes consumed when it was done; none if it is not.
    pub done_after: Option<usize>,
}

/// Reads the rest of `bytes` as the body that their first byte says.
pub fn run(bytes: &[u8]) {
    let Some((&kind, input)) = bytes.split_first() else { return };
    let length = match kind {
        0 => BodyLength::None,
        1 | 192.. => BodyLength::UntilClose,
        2..128 => BodyLength::Chunked,
        length => BodyLength::Fixed(u64::from(length) * 2),
    };
    let [whole, others @ ..] = splits::ways(input).map(|parts| read(length, &LIMITS, &parts));
    for other in others {
        assert_eq!(whole, other, "two splits of one body");
    }
    let (body, error) = whole;
    assert!(body.data.len() as u64 <= LIMITS.body_bytes, "no more data than the limit");
    if error.is_none() && body.done_after.is_some() {
        again(&body);
    }
}

/// What comes of a body in these parts, and the error that ended it.
pub fn read(length: BodyLength, limits: &Limits, parts: &[&[u8]]) -> (Body, Option<HttpError>) {
    let (mut body, mut total) = (Body::default(), 0);
    let mut decoder = match BodyDecoder::new(length, limits) {
        Ok(decoder) => decoder,
        Err(error) => return (body, Some(error)),
    };
    for part in parts {
        let mut rest = *part;
        while !rest.is_empty() && !decoder.is_done() {
            let step = match decoder.on_input(rest) {
                Ok(step) => step,
                Err(error) => return (body, Some(error)),
            };
            assert!(step.consumed > 0 && step.done == decoder.is_done(), "each step moves on");
            body.data.extend_from_slice(&rest[step.data]);
            rest = &rest[step.consumed..];
            total += step.consumed;
        }
    }
    body.done_after = decoder.is_done().then_some(total);
    body.trailers = decoder.take_trailers().as_ref().map_or(Lines::new(), lines);
    assert!(decoder.take_trailers().is_none(), "trailers are given once");
    assert_eq!(decoder.on_end().is_err(), body.done_after.is_none() && length != BodyLength::UntilClose);
    (body, None)
}

/// Writes a body in chunks and reads it again.
fn again(body: &Body) {
    let mut text: Vec<u8> = body.data.chunks(7).flat_map(chunk).collect();
    text.extend(encode_trailers(&fields(&body.trailers)).expect("what was kept may be sent"));
    let limits = Limits { trailer_bytes: u16::MAX, headers: 128, ..LIMITS };
    let (read, error) = read(BodyLength::Chunked, &limits, &[&text]);
    assert_eq!((read.done_after, error), (Some(text.len()), None));
    let sendable = body.trailers.iter().filter(|(_, value)| str::from_utf8(value).is_ok()).cloned();
    assert_eq!((read.data, read.trailers), (body.data.clone(), sendable.collect()));
}

/// The lines of `headers`.
pub fn lines(headers: &Headers) -> Lines {
    headers.iter().map(|(name, value)| (name.to_owned(), value.to_vec())).collect()
}

/// Lines to send; those whose values are no UTF-8, and those that the codec sets itself, are left out.
pub fn fields(lines: &Lines) -> Fields {
    let mut fields = Fields::new();
    for (name, value) in lines {
        if let Ok(value) = str::from_utf8(value) {
            let _ = fields.push(name, value);
        }
    }
    fields
}
