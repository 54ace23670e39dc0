use super::*;
use proptest::prelude::*;

/// The data and how many bytes were consumed when the body was done.
fn decode(length: BodyLength, limits: &Limits, parts: &[&[u8]]) -> Result<(Vec<u8>, Option<usize>), HttpError> {
    let mut decoder = BodyDecoder::new(length, limits)?;
    let (mut data, mut total) = (Vec::new(), 0);
    for part in parts {
        let mut rest = *part;
        while !rest.is_empty() && !decoder.is_done() {
            let step = decoder.on_input(rest)?;
            assert!(step.consumed > 0 && step.done == decoder.is_done());
            data.extend_from_slice(&rest[step.data]);
            rest = &rest[step.consumed..];
            total += step.consumed;
        }
    }
    Ok((data, decoder.is_done().then_some(total)))
}

fn chunked(text: &str) -> Result<(Vec<u8>, Option<usize>), HttpError> {
    decode(BodyLength::Chunked, &Limits::default(), &[text.as_bytes()])
}

#[test]
fn a_fixed_body_ends_where_it_says() {
    let read = |length, text: &[u8]| decode(length, &Limits::default(), &[text]).unwrap();
    assert_eq!(read(BodyLength::Fixed(3), b"abcdef"), (b"abc".to_vec(), Some(3)));
    assert_eq!(read(BodyLength::Fixed(3), b"ab"), (b"ab".to_vec(), None));
    assert_eq!(read(BodyLength::None, b"ab"), (vec![], Some(0)));
    assert!(BodyDecoder::new(BodyLength::Fixed(0), &Limits::default()).unwrap().is_done());
}

#[test]
fn chunks_are_joined_and_extensions_dropped() {
    for (text, data) in [
        ("0\r\n\r\n", ""),
        ("3\r\nabc\r\n0\r\n\r\n", "abc"),
        ("A;x=\"y\"\r\n0123456789\r\n1\r\nz\r\n000\r\nA: b\r\nC: d\r\n\r\n", "0123456789z"),
        ("1;\r\na\r\n0;a\tb\r\n\r\n", "a"),
    ] {
        assert_eq!(chunked(text), Ok((data.as_bytes().to_vec(), Some(text.len()))), "{text:?}");
        let more = format!("{text}GET");
        assert_eq!(chunked(&more), Ok((data.as_bytes().to_vec(), Some(text.len()))), "{text:?}");
    }
}

#[test]
fn chunks_that_proxies_read_differently_are_refused() {
    let size = |byte| HttpError::ChunkSize { byte };
    for (text, error) in [
        ("\r\n", size(b'\r')),
        (";a\r\n", size(b';')),
        ("+1\r\na", size(b'+')),
        (" 1\r\na", size(b' ')),
        ("1 \r\na", size(b' ')),
        ("0x1\r\na", size(b'x')),
        ("g\r\n", size(b'g')),
        ("1\na", size(b'\n')),
        ("1\r\r\na", size(b'\r')),
        ("1;a\nb\r\na", size(b'\n')),
        ("1;a\rb\r\na", size(b'b')),
        ("1;\0\r\na", size(0)),
        ("1\r\nab", HttpError::ChunkEnd { byte: b'b' }),
        ("1\r\na\n", HttpError::ChunkEnd { byte: b'\n' }),
        ("1\r\na\r0", HttpError::ChunkEnd { byte: b'0' }),
        ("00000000000000001\r\n", HttpError::ChunkSizeTooLong { limit: 16 }),
        ("fffffffffffffffff\r\n", HttpError::ChunkSizeTooLong { limit: 16 }),
        ("0\r\nA : b\r\n\r\n", HttpError::SpaceBeforeColon { at: 1 }),
        ("0\r\nA: b\n\r\n", HttpError::ForbiddenByte { byte: b'\n', at: 4 }),
    ] {
        assert_eq!(chunked(text), Err(error), "{text:?}");
    }
}

#[test]
fn a_body_beyond_its_limit_is_refused_when_it_is_declared() {
    let limits = Limits { body_bytes: 10, ..Limits::default() };
    let too_large = |length| Err(HttpError::BodyTooLarge { length, limit: 10 });
    assert!(decode(BodyLength::Fixed(10), &limits, &[]).is_ok());
    assert_eq!(decode(BodyLength::Fixed(11), &limits, &[]), too_large(11));
    assert_eq!(decode(BodyLength::Chunked, &limits, &[b"b\r\n"]), too_large(11));
    assert_eq!(decode(BodyLength::Chunked, &limits, &[b"6\r\nabcdef\r\n5\r\n"]), too_large(11));
    assert_eq!(decode(BodyLength::Chunked, &limits, &[b"1\r\na\r\nffffffffffffffff\r\n"]), too_large(u64::MAX));
    assert_eq!(decode(BodyLength::UntilClose, &limits, &[b"abcdef", b"ghijk"]), too_large(11));
}

#[test]
fn a_body_until_close_gives_what_its_limit_allows_in_any_split() {
    let limits = Limits { body_bytes: 10, ..Limits::default() };
    let given = |part_bytes: usize| {
        let mut decoder = BodyDecoder::new(BodyLength::UntilClose, &limits).unwrap();
        let (text, mut at) = (b"0123456789beyond", 0);
        loop {
            match decoder.on_input(&text[at..text.len().min(at + part_bytes)]) {
                Ok(step) => at += step.consumed,
                Err(error) => return (at, error),
            }
        }
    };
    for part_bytes in [1, 3, 10, 16] {
        assert_eq!(given(part_bytes), (10, HttpError::BodyTooLarge { length: 11, limit: 10 }), "{part_bytes}");
    }
}

#[test]
fn extensions_have_a_limit_over_all_chunks() {
    let limits = Limits { chunk_extension_bytes: 4, ..Limits::default() };
    let read = |text: &str| decode(BodyLength::Chunked, &limits, &[text.as_bytes()]).map(|_| ());
    assert_eq!(read("1;abcd\r\na\r\n"), Ok(()));
    assert_eq!(read("1;abcde"), Err(HttpError::ChunkExtensionTooLong { limit: 4 }));
    assert_eq!(read("1;ab\r\na\r\n1;abc\r\n"), Err(HttpError::ChunkExtensionTooLong { limit: 4 }));
}

#[test]
fn trailers_have_a_limit() {
    let limits = Limits { trailer_bytes: 10, ..Limits::default() };
    let read = |text: &str| decode(BodyLength::Chunked, &limits, &[text.as_bytes()]).map(|_| ());
    assert_eq!(read("0\r\nA: bcd\r\n\r\n"), Ok(()));
    assert_eq!(read("0\r\nA: bcde\r\n\r\n"), Err(HttpError::HeadTooLarge { limit: 10 }));
}

#[test]
fn the_end_of_the_stream_ends_only_a_body_until_close() {
    let end = |length| BodyDecoder::new(length, &Limits::default()).unwrap().on_end();
    assert_eq!(end(BodyLength::UntilClose), Ok(()));
    assert_eq!(end(BodyLength::None), Ok(()));
    assert_eq!(end(BodyLength::Fixed(1)), Err(HttpError::Truncated));
    assert_eq!(end(BodyLength::Chunked), Err(HttpError::Truncated));
}

proptest! {
    #[test]
    fn any_split_gives_the_same_body(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..6),
        damage in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let mut text: Vec<u8> = chunks.iter().flat_map(|data| crate::chunk(data)).collect();
        text.extend_from_slice(b"0;end\r\nDigest: x\r\n\r\nnext");
        if let Some((index, byte)) = damage {
            let at = index.index(text.len());
            text[at] = byte;
        }
        let mut bounds: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
        bounds.extend([0, text.len()]);
        bounds.sort_unstable();
        let parts: Vec<&[u8]> = bounds.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        let whole = decode(BodyLength::Chunked, &Limits::default(), &[&text]);
        if damage.is_none() {
            prop_assert_eq!(&whole, &Ok((chunks.concat(), Some(text.len() - 4))));
        }
        prop_assert_eq!(&whole, &decode(BodyLength::Chunked, &Limits::default(), &parts));
        prop_assert_eq!(&whole, &decode(BodyLength::Chunked, &Limits::default(), &bytes));
    }
}
