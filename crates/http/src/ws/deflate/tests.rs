use super::*;
use crate::WsLimits;
use crate::ws::{Decoder, Event, Opcode, WsError, encode, encode_masked, fragment_header};
use proptest::prelude::*;

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
const SIDE: DeflateSide = DeflateSide { window_bits: 15, keeps_context: false };
const ALL: DeflateOptions = DeflateOptions { level: 6, bytes_min: 0, context_takeover: false };

/// What is left of an event when it is no longer lent.
#[derive(Clone, Debug, PartialEq)]
enum Seen {
    Text(String),
    Binary(Vec<u8>),
    Other(String),
}

fn read(role: Role, limits: &WsLimits, context: bool, parts: &[&[u8]]) -> (Vec<Seen>, Result<bool, WsError>) {
    let (mut decoder, mut inflater) = (Decoder::new(role, limits), Inflater::new());
    let mut history = context.then(|| History::new(SIDE));
    let mut seen = Vec::new();
    for part in parts {
        let mut input = part.to_vec();
        let mut at = 0;
        loop {
            let inflating = Inflating { inflater: &mut inflater, history: history.as_mut() };
            match decoder.on_compressed_input(&mut input[at..], inflating) {
                Err(error) => return (seen, Err(error)),
                Ok((consumed, event)) => {
                    at += consumed;
                    match event {
                        None => break,
                        Some(Event::Text(text)) => seen.push(Seen::Text(text.into())),
                        Some(Event::Binary(bytes)) => seen.push(Seen::Binary(bytes.into())),
                        Some(other) => seen.push(Seen::Other(format!("{other:?}"))),
                    }
                }
            }
        }
        assert_eq!(at, input.len());
    }
    (seen, Ok(decoder.is_idle()))
}

fn client(bytes: &[u8]) -> (Vec<Seen>, Result<bool, WsError>) {
    read(Role::Client, &WsLimits::default(), true, &[bytes])
}

/// An unmasked frame with RSV1, of text.
fn compressed(payload: &[u8]) -> Vec<u8> {
    let mut frame = encode(Opcode::Text, payload);
    frame[0] |= 0x40;
    frame
}

/// The payload that a message of any length is compressed to.
fn deflated(message: &[u8]) -> Vec<u8> {
    let mut stream = flate2::Compress::new(flate2::Compression::new(9), false);
    let mut out = Vec::with_capacity(message.len() + 1024);
    stream.compress_vec(message, &mut out, flate2::FlushCompress::Sync).unwrap();
    out.truncate(out.len() - 4);
    out
}

#[test]
fn the_examples_of_the_rfc_read_as_it_says() {
    let hello = || Seen::Text("Hello".into());
    // Section 7.2.3.1, in one frame and in two.
    assert_eq!(client(b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"), (vec![hello()], Ok(true)));
    assert_eq!(client(b"\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00"), (vec![hello()], Ok(true)));
    // Section 7.2.3.2: the second message refers to the first, where contexts are kept.
    let twice = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\xc1\x05\xf2\x00\x11\x00\x00";
    assert_eq!(client(twice), (vec![hello(), hello()], Ok(true)));
    let forgetting = read(Role::Client, &WsLimits::default(), false, &[twice]);
    assert_eq!(forgetting, (vec![hello()], Err(WsError::Deflate)));
    // Section 7.2.3.3: a block that is not compressed; 7.2.3.4: a final one; 7.2.3.5: two blocks.
    assert_eq!(client(b"\xc1\x0b\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"), (vec![hello()], Ok(true)));
    assert_eq!(client(b"\xc1\x08\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), (vec![hello()], Ok(true)));
    let blocks = b"\xc1\x0d\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00";
    assert_eq!(client(blocks), (vec![hello()], Ok(true)));
    // Section 7.2.3.6: an empty message.
    assert_eq!(client(b"\xc1\x01\x00"), (vec![Seen::Text(String::new())], Ok(true)));
}

#[test]
fn the_example_of_the_rfc_is_what_we_send() {
    let mut deflater = Deflater::new(&ALL);
    let mut sent = |message| deflater.encode(Opcode::Text, message, SIDE, None, None).map(<[u8]>::to_vec);
    assert_eq!(sent(b"Hello").unwrap(), b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00");
    assert_eq!(sent(b"").unwrap(), b"\xc1\x01\x00");
}

#[test]
fn what_does_not_become_shorter_is_sent_as_it_is() {
    let mut deflater = Deflater::new(&DeflateOptions { bytes_min: 1, ..ALL });
    assert_eq!(deflater.encode(Opcode::Text, b"Hello", SIDE, None, None), None);
    let frame = deflater.encode(Opcode::Text, b"HelloHelloHello", SIDE, None, None).unwrap().to_vec();
    assert_eq!(client(&frame), (vec![Seen::Text("HelloHelloHello".into())], Ok(true)));
    assert_eq!(Deflater::new(&DeflateOptions::default()).encode(Opcode::Text, &[b'x'; 127], SIDE, None, None), None);
    let narrow = DeflateSide { window_bits: 8, ..SIDE };
    assert_eq!(deflater.encode(Opcode::Text, &[b'x'; 1000], narrow, None, None), None);
}

#[test]
fn only_the_first_frame_of_a_message_says_that_it_is_compressed() {
    let reserved = |bytes: &[u8]| client(bytes).1;
    for (bytes, byte) in [
        (&b"\xc9\x00"[..], 0xc9),
        (b"\xca\x00", 0xca),
        (b"\xc8\x00", 0xc8),
        (b"\x41\x00\xc0\x00", 0xc0),
        (b"\x01\x00\x40\x00", 0x40),
        (b"\xa1\x00", 0xa1),
        (b"\xe1\x00", 0xe1),
        (b"\xc3\x00", 0xc3),
    ] {
        assert_eq!(reserved(bytes), Err(WsError::ReservedBits { byte }), "{bytes:x?}");
    }
    let mut decoder = Decoder::new(Role::Client, &WsLimits::default());
    let mut bytes = *b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00";
    assert_eq!(decoder.on_input(&mut bytes), Err(WsError::ReservedBits { byte: 0xc1 }), "nothing was negotiated");
}

#[test]
fn plain_messages_and_control_frames_stand_between_compressed_ones() {
    let bytes = b"\x41\x03\xf2\x48\xcd\x89\x01!\x80\x04\xc9\xc9\x07\x00\x81\x02hi\xc1\x05\xf2\x00\x11\x00\x00";
    let hello = Seen::Text("Hello".into());
    let ping = Seen::Other(format!("{:?}", Event::Ping(b"!")));
    assert_eq!(client(bytes), (vec![ping, hello.clone(), Seen::Text("hi".into()), hello], Ok(true)));
}

#[test]
fn what_is_no_deflate_is_refused() {
    for payload in [
        &b""[..],
        b"\x07",
        b"\xff\xff\xff",
        b"\xf2\x48\xcd\xc9\xc9\x07",
        b"\xf2\x48\xcd",
        b"\x00\x05\x00\xfa\xff\x48\x65",
        b"\xf2\x00\x11\x00\x00",
        b"\x00\x00\x00\xff\xff\x06",
        &[3; 100],
    ] {
        assert_eq!(client(&compressed(payload)).1, Err(WsError::Deflate), "{payload:x?}");
    }
    assert_eq!(WsError::Deflate.close_code(), 1007);
    let bad_text = compressed(&deflated(b"\xff\xfe not UTF-8"));
    assert_eq!(client(&bad_text).1, Err(WsError::Utf8));
}

#[test]
fn a_final_block_may_be_the_end_or_be_followed() {
    let mut stream = flate2::Compress::new(flate2::Compression::new(6), false);
    let mut payload = Vec::with_capacity(1000);
    stream.compress_vec(b"finished ", &mut payload, flate2::FlushCompress::Finish).unwrap();
    assert_eq!(client(&compressed(&payload)), (vec![Seen::Text("finished ".into())], Ok(true)));
    // What follows may refer to what came before, as in one stream.
    let mut next = flate2::Compress::new(flate2::Compression::new(6), false);
    next.set_dictionary(b"finished ").unwrap();
    next.compress_vec(b"finished ", &mut payload, flate2::FlushCompress::Sync).unwrap();
    payload.truncate(payload.len() - 4);
    assert_eq!(client(&compressed(&payload)), (vec![Seen::Text("finished finished ".into())], Ok(true)));
}

#[test]
fn a_bomb_is_refused_at_the_cap_and_takes_no_more_than_it() {
    let bomb = deflated(&vec![0; 1 << 20]);
    assert!(bomb.len() < 1100, "{}", bomb.len());
    for (message_bytes, cap, error) in [
        (1000, 1000, WsError::InflatesTooLarge { limit: 1000 }),
        (64 << 10, 64 << 10, WsError::InflatesTooLarge { limit: 64 << 10 }),
        (16 << 20, 200 * bomb.len(), WsError::InflatesTooMuch { limit: 200 }),
    ] {
        let mut inflater = Inflater::new();
        assert_eq!(inflater.inflate(&bomb, None, message_bytes), Err(error));
        assert_eq!(error.close_code(), 1009);
        assert!(format!("{inflater:?}") == format!("Inflater({cap} bytes kept)"), "{inflater:?}");
        inflater.trim();
        assert!(message_bytes <= 64 << 10 || format!("{inflater:?}") == "Inflater(0 bytes kept)");

        let limits = WsLimits { message_bytes, ..WsLimits::default() };
        let frame = compressed(&bomb);
        assert_eq!(read(Role::Client, &limits, false, &[&frame]).1, Err(error));
        let parts: Vec<&[u8]> = frame.chunks(1).collect();
        assert_eq!(read(Role::Client, &limits, false, &parts).1, Err(error));
    }
}

#[test]
fn a_message_may_be_exactly_as_long_as_the_limit() {
    for length in [0_usize, 1, 1000, 4096, 4097, 65_536] {
        let message = vec![b'x'; length];
        let payload = deflated(&message);
        let mut inflater = Inflater::new();
        assert_eq!(inflater.inflate(&payload, None, length as u32), Ok(&message[..]));
        if length > 0 {
            let limit = length as u32 - 1;
            assert_eq!(inflater.inflate(&payload, None, limit), Err(WsError::InflatesTooLarge { limit }));
        }
    }
}

#[test]
fn a_message_that_compresses_badly_may_come_a_little_longer() {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    };
    let noise: Vec<u8> = (0..1000).map(|_| next()).collect();
    let payload = deflated(&noise);
    assert!(payload.len() > noise.len());
    let limits = WsLimits { message_bytes: 1000, ..WsLimits::default() };
    let mut frame = encode(Opcode::Binary, &payload);
    frame[0] |= 0x40;
    assert_eq!(read(Role::Client, &limits, false, &[&frame]).0, [Seen::Binary(noise)]);
    let limit = compressed_bytes_max(1000);
    let too_long = compressed(&vec![0; limit as usize + 1]);
    let error = WsError::TooLarge { length: u64::from(limit) + 1, limit };
    assert_eq!(read(Role::Client, &limits, false, &[&too_long]), (vec![], Err(error)));
}

#[test]
fn every_window_and_level_is_read_back() {
    let text: Vec<u8> = (0..40_000_u32).map(|at| b"abcdefgh"[(at * at / 700 % 8) as usize]).collect();
    for level in [0, 1, 3, 6, 9, 10] {
        for window_bits in 9..=15 {
            for keeps_context in [false, true] {
                let side = DeflateSide { window_bits, keeps_context };
                let mut deflater = Deflater::new(&DeflateOptions { level, bytes_min: 0, context_takeover: true });
                let (mut ours, mut theirs) = (History::new(side), History::new(side));
                let mut inflater = Inflater::new();
                for message in [&text[..300], &text[100..600], &text[..], &text[..20_000]] {
                    let history = keeps_context.then_some(&mut ours);
                    let frame = deflater.encode(Opcode::Text, message, side, history, Some(KEY)).unwrap();
                    let mut decoder = Decoder::new(Role::Server, &WsLimits::default());
                    let mut frame = frame.to_vec();
                    let history = keeps_context.then_some(&mut theirs);
                    let inflating = Inflating { inflater: &mut inflater, history };
                    let (consumed, event) = decoder.on_compressed_input(&mut frame, inflating).unwrap();
                    assert_eq!(event, Some(Event::Text(str::from_utf8(message).unwrap())));
                    assert_eq!(consumed, frame.len());
                }
            }
        }
    }
}

#[test]
fn one_frame_is_read_by_all_who_agreed_on_the_same() {
    let mut deflater = Deflater::new(&ALL);
    let frame = deflater.encode(Opcode::Text, &[b'x'; 5000], SIDE, None, None).unwrap();
    for _ in 0..3 {
        let seen = read(Role::Client, &WsLimits::default(), false, &[frame]);
        assert_eq!(seen, (vec![Seen::Text("x".repeat(5000))], Ok(true)));
    }
}

/// A message cut in frames, compressed or not; a control frame; or anything.
fn frames() -> impl Strategy<Value = (bool, Vec<u8>, Vec<prop::sample::Index>)> {
    prop_oneof![
        "[abc\u{e4}]{0,400}".prop_map(|text| (true, deflated(text.as_bytes()))),
        prop::collection::vec(any::<u8>(), 0..120).prop_map(|bytes| (true, bytes)),
        "[a-z]{0,40}".prop_map(|text| (false, text.into_bytes())),
    ]
    .prop_flat_map(|(is_compressed, payload)| {
        let cuts = prop::collection::vec(any::<prop::sample::Index>(), 0..4);
        (Just(is_compressed), Just(payload), cuts)
    })
}

fn framed((is_compressed, payload, cuts): (bool, Vec<u8>, Vec<prop::sample::Index>)) -> Vec<u8> {
    let mut bounds: Vec<usize> = cuts.iter().map(|cut| cut.index(payload.len() + 1)).collect();
    bounds.extend([0, payload.len()]);
    bounds.sort_unstable();
    let mut out = Vec::new();
    for (at, pair) in bounds.windows(2).enumerate() {
        let opcode = if at == 0 { Opcode::Text } else { Opcode::Continuation };
        let start = out.len();
        out.extend(&*fragment_header(opcode, at + 2 == bounds.len(), pair[1] - pair[0]));
        if at == 0 && is_compressed {
            out[start] |= 0x40;
        }
        out.extend(&payload[pair[0]..pair[1]]);
        if at % 2 == 1 {
            out.extend(encode(Opcode::Ping, b"?"));
        }
    }
    out
}

proptest! {
    #[test]
    fn any_split_gives_the_same_events(
        stream in prop::collection::vec(frames().prop_map(framed), 0..6),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        context in any::<bool>(),
    ) {
        let limits = WsLimits { message_bytes: 300, fragments: 4 };
        let stream = stream.concat();
        let mut bounds: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        bounds.extend([0, stream.len()]);
        bounds.sort_unstable();
        let parts: Vec<&[u8]> = bounds.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
        let single: Vec<&[u8]> = stream.chunks(1).collect();
        let whole = read(Role::Client, &limits, context, &[&stream]);
        prop_assert_eq!(&whole, &read(Role::Client, &limits, context, &parts));
        prop_assert_eq!(&whole, &read(Role::Client, &limits, context, &single));
    }

    #[test]
    fn what_is_compressed_is_read_back(
        messages in prop::collection::vec(prop::collection::vec(0..4_u8, 0..3000), 1..5),
        context in any::<bool>(),
        bytes_min in 0..300_u32,
    ) {
        let mut deflater = Deflater::new(&DeflateOptions { bytes_min: bytes_min.saturating_sub(100), ..ALL });
        let mut history = context.then(|| History::new(SIDE));
        let mut stream = Vec::new();
        for message in &messages {
            let frame = deflater.encode(Opcode::Binary, message, SIDE, history.as_mut(), Some(KEY));
            stream.extend(frame.map_or_else(|| encode_masked(Opcode::Binary, message, KEY), <[u8]>::to_vec));
        }
        let expected = messages.into_iter().map(Seen::Binary).collect();
        prop_assert_eq!(read(Role::Server, &WsLimits::default(), context, &[&stream]), (expected, Ok(true)));
    }
}
