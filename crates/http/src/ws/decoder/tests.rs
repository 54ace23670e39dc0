use super::*;
use crate::ws::{encode, encode_close, encode_masked, fragment_header};
use proptest::prelude::*;

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// What is left of an event when it is no longer lent.
#[derive(Clone, Debug, PartialEq)]
enum Seen {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, String),
}

impl From<Event<'_>> for Seen {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Text(text) => Seen::Text(text.into()),
            Event::Binary(bytes) => Seen::Binary(bytes.into()),
            Event::Ping(bytes) => Seen::Ping(bytes.into()),
            Event::Pong(bytes) => Seen::Pong(bytes.into()),
            Event::Close { code, reason } => Seen::Close(code, reason.into()),
        }
    }
}

fn read(role: Role, limits: &WsLimits, parts: &[&[u8]]) -> (Vec<Seen>, Result<bool, WsError>) {
    let mut decoder = Decoder::new(role, limits);
    let mut seen = Vec::new();
    for part in parts {
        let mut input = part.to_vec();
        let mut at = 0;
        loop {
            match decoder.on_input(&mut input[at..]) {
                Err(error) => return (seen, Err(error)),
                Ok((consumed, event)) => {
                    at += consumed;
                    let Some(event) = event else { break };
                    seen.push(event.into());
                }
            }
        }
        assert_eq!(at, input.len());
    }
    (seen, Ok(decoder.is_idle()))
}

/// What a client reads; servers' frames are easier to write down.
fn client(bytes: &[u8]) -> (Vec<Seen>, Result<bool, WsError>) {
    read(Role::Client, &WsLimits::default(), &[bytes])
}

/// A masked frame with any header bits.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    assert!(payload.len() <= 125);
    let mut frame = vec![first, 0x80 | payload.len() as u8];
    frame.extend(KEY);
    frame.extend(payload.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

#[test]
fn the_examples_of_the_rfc_read_as_it_says() {
    let hello = Seen::Text("Hello".into());
    assert_eq!(client(b"\x81\x05Hello"), (vec![hello.clone()], Ok(true)));
    assert_eq!(client(b"\x01\x03Hel\x80\x02lo"), (vec![hello.clone()], Ok(true)));
    assert_eq!(client(b"\x89\x05Hello"), (vec![Seen::Ping(b"Hello".into())], Ok(true)));
    let frame = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    assert_eq!(read(Role::Server, &WsLimits::default(), &[frame]), (vec![hello], Ok(true)));
    assert_eq!(encode_masked(Opcode::Text, b"Hello", KEY), frame);
    let mut bytes = b"\x82\x7e\x01\x00".to_vec();
    bytes.extend([7; 256]);
    assert_eq!(client(&bytes), (vec![Seen::Binary(vec![7; 256])], Ok(true)));
}

#[test]
fn control_frames_may_stand_inside_a_message() {
    let seen = client(b"\x01\x01a\x89\x00\x00\x01b\x8a\x01x\x80\x01c\x88\x00");
    let expected =
        [Seen::Ping(vec![]), Seen::Pong(b"x".into()), Seen::Text("abc".into()), Seen::Close(None, "".into())];
    assert_eq!(seen, (expected.to_vec(), Ok(false)));
}

#[test]
fn every_rule_of_framing_has_its_error() {
    for (bytes, error) in [
        (&b"\xc1\x00"[..], WsError::ReservedBits { byte: 0xc1 }),
        (b"\xa1\x00", WsError::ReservedBits { byte: 0xa1 }),
        (b"\x91\x00", WsError::ReservedBits { byte: 0x91 }),
        (b"\x83", WsError::Opcode { opcode: 3 }),
        (b"\x8b", WsError::Opcode { opcode: 11 }),
        (b"\x8f", WsError::Opcode { opcode: 15 }),
        (b"\x09", WsError::FragmentedControl),
        (b"\x08", WsError::FragmentedControl),
        (b"\x89\x7e", WsError::ControlTooLong),
        (b"\x88\x7f", WsError::ControlTooLong),
        (b"\x81\x80", WsError::Masked),
        (b"\x81\x7e\x00\x7d", WsError::Length { length: 125 }),
        (b"\x81\x7f\x00\x00\x00\x00\x00\x00\xff\xff", WsError::Length { length: 0xffff }),
        (b"\x81\x7f\x80\x00\x00\x00\x00\x00\x00\x00", WsError::Length { length: 1 << 63 }),
        (b"\x80\x00", WsError::NothingToContinue),
        (b"\x00\x00", WsError::NothingToContinue),
        (b"\x01\x00\x81\x00", WsError::MessageUnfinished),
        (b"\x01\x00\x02\x00", WsError::MessageUnfinished),
    ] {
        assert_eq!(client(bytes), (vec![], Err(error)), "{bytes:x?}");
        assert_eq!(error.close_code(), 1002);
        let parts: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(read(Role::Client, &WsLimits::default(), &parts), (vec![], Err(error)), "{bytes:x?} byte by byte");
    }
    let unmasked = read(Role::Server, &WsLimits::default(), &[b"\x81\x05Hello"]);
    assert_eq!(unmasked, (vec![], Err(WsError::NotMasked)));
}

#[test]
fn close_frames_have_a_code_that_may_be_sent() {
    assert_eq!(client(b"\x88\x00").0, [Seen::Close(None, "".into())]);
    assert_eq!(client(b"\x88\x01x").1, Err(WsError::CloseCode { code: 0 }));
    assert_eq!(client(b"\x88\x04\x03\xe8\xff\xff").1, Err(WsError::Utf8));
    for code in [1000, 1001, 1002, 1003, 1007, 1011, 1012, 1014, 3000, 3999, 4000, 4999] {
        let frame = encode_close(code, "why", None).unwrap();
        assert_eq!(client(&frame).0, [Seen::Close(Some(code), "why".into())]);
    }
    for code in [0_u16, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535] {
        let payload = code.to_be_bytes();
        assert_eq!(client(&[0x88, 2, payload[0], payload[1]]).1, Err(WsError::CloseCode { code }));
        assert_eq!(encode_close(code, "", None), Err(WsError::CloseCode { code }));
    }
}

#[test]
fn a_long_close_reason_is_cut_at_a_whole_character() {
    let frame = encode_close(1000, &"\u{e4}".repeat(100), Some(KEY)).unwrap();
    let seen = read(Role::Server, &WsLimits::default(), &[&frame]).0;
    assert_eq!(seen, [Seen::Close(Some(1000), "\u{e4}".repeat(61))]);
}

#[test]
fn what_follows_a_close_is_ignored() {
    let (seen, idle) = client(b"\x88\x00\xff\xff\xff");
    assert_eq!((seen.len(), idle), (1, Ok(false)));
}

#[test]
fn text_is_checked_as_it_comes() {
    let utf8 = Err(WsError::Utf8);
    assert_eq!(WsError::Utf8.close_code(), 1007);
    assert_eq!(client(b"\x81\x02\xc3\x28").1, utf8);
    assert_eq!(client(b"\x81\x01\xc3").1, utf8);
    assert_eq!(client(b"\x01\x01\xc3\x80\x00").1, utf8);
    assert_eq!(client(b"\x81\x7e\xff\x00a\xed\xa0").1, utf8, "a surrogate, long before the frame ends");
    assert_eq!(client(b"\x01\x02\xf4\x90").1, utf8, "beyond U+10FFFF, though two bytes are missing");
    assert_eq!(client(b"\x01\x01\xc3\x80\x01\xa4").0, [Seen::Text("\u{e4}".into())]);
    assert_eq!(client(b"\x02\x01\xc3\x80\x01\x28").0, [Seen::Binary(b"\xc3\x28".into())]);
}

#[test]
fn a_declared_length_allocates_nothing() {
    let limits = WsLimits { message_bytes: 1000, fragments: 3 };
    let mut decoder = Decoder::new(Role::Client, &limits);
    let mut input = b"\x82\x7e\x03\xe8ab".to_vec();
    assert!(decoder.on_input(&mut input).unwrap().1.is_none());
    let message = decoder.message.as_ref().unwrap();
    assert!(message.bytes.len() == 2 && message.bytes.capacity() <= 8);

    let read = |bytes: &[u8]| read(Role::Client, &limits, &[bytes]).1;
    let too_large = |length| Err(WsError::TooLarge { length, limit: 1000 });
    assert_eq!(read(b"\x82\x7e\x03\xe9"), too_large(1001));
    assert_eq!(read(b"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"), too_large(i64::MAX as u64));
    assert_eq!(read(b"\x02\x01a\x00\x7e\x03\xe8"), too_large(1001));
    assert_eq!(WsError::TooLarge { length: 1, limit: 0 }.close_code(), 1009);
}

#[test]
fn a_message_has_a_limited_number_of_frames() {
    let limits = WsLimits { message_bytes: 1000, fragments: 3 };
    let read = |bytes: &[u8]| read(Role::Client, &limits, &[bytes]).1;
    assert_eq!(read(b"\x02\x00\x00\x00\x80\x00"), Ok(true));
    assert_eq!(read(b"\x02\x00\x00\x00\x00\x00\x80\x00"), Err(WsError::TooManyFragments { limit: 3 }));
}

#[test]
fn a_whole_message_is_lent_from_the_input() {
    let mut input = encode_masked(Opcode::Binary, &[5; 100], KEY);
    let range = input.as_ptr_range();
    let mut decoder = Decoder::new(Role::Server, &WsLimits::default());
    let (_, event) = decoder.on_input(&mut input).unwrap();
    let Some(Event::Binary(bytes)) = event else { panic!("a message, not {event:?}") };
    assert!(range.contains(&bytes.as_ptr()));
    assert!(decoder.is_idle());
}

#[test]
fn a_decoder_is_small_and_idle_between_messages() {
    assert!(size_of::<Decoder>() <= 200, "{}", size_of::<Decoder>());
    for part in [&b"\x81"[..], b"\x81\x05", b"\x81\x05He", b"\x01\x00", b"\x01\x02He\x00"] {
        assert_eq!(client(part), (vec![], Ok(false)), "{part:x?}");
    }
    assert_eq!(client(b""), (vec![], Ok(true)));
}

/// A message cut in frames, or a control frame.
fn frames() -> impl Strategy<Value = Vec<u8>> {
    let message = |text: bool, payload: Vec<u8>, cuts: Vec<prop::sample::Index>, key: Option<[u8; 4]>| {
        let mut bounds: Vec<usize> = cuts.iter().map(|cut| cut.index(payload.len() + 1)).collect();
        bounds.extend([0, payload.len()]);
        bounds.sort_unstable();
        let mut out = Vec::new();
        for (at, pair) in bounds.windows(2).enumerate() {
            let opcode = match (at, text) {
                (0, true) => Opcode::Text,
                (0, false) => Opcode::Binary,
                _ => Opcode::Continuation,
            };
            let (part, is_final) = (&payload[pair[0]..pair[1]], at + 2 == bounds.len());
            match key {
                Some(key) if is_final && at == 0 => out.extend(encode_masked(opcode, part, key)),
                Some(_) => out.extend(masked(opcode as u8 | if is_final { 0x80 } else { 0 }, part)),
                None => {
                    out.extend(&*fragment_header(opcode, is_final, part.len()));
                    out.extend(part);
                }
            }
        }
        out
    };
    let cuts = || prop::collection::vec(any::<prop::sample::Index>(), 0..4);
    prop_oneof![
        ("[\\PC\u{e4}\u{20ac}\u{1f600}]{0,25}", cuts()).prop_map(move |(text, cuts)| message(
            true,
            text.into_bytes(),
            cuts,
            Some(KEY)
        )),
        (prop::collection::vec(any::<u8>(), 0..120), cuts(), any::<[u8; 4]>())
            .prop_map(move |(bytes, cuts, key)| message(false, bytes, cuts, Some(key))),
        (
            prop::sample::select(vec![Opcode::Ping, Opcode::Pong]),
            prop::collection::vec(any::<u8>(), 0..125),
            any::<[u8; 4]>()
        )
            .prop_map(|(opcode, bytes, key)| encode_masked(opcode, &bytes, key)),
        prop::collection::vec(any::<u8>(), 0..6),
    ]
}

proptest! {
    #[test]
    fn any_split_gives_the_same_events(
        stream in prop::collection::vec(frames(), 0..6),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let limits = WsLimits { message_bytes: 300, fragments: 4 };
        let stream = stream.concat();
        let mut bounds: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        bounds.extend([0, stream.len()]);
        bounds.sort_unstable();
        let parts: Vec<&[u8]> = bounds.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
        let single: Vec<&[u8]> = stream.chunks(1).collect();
        let whole = read(Role::Server, &limits, &[&stream]);
        prop_assert_eq!(&whole, &read(Role::Server, &limits, &parts));
        prop_assert_eq!(&whole, &read(Role::Server, &limits, &single));
    }

    #[test]
    fn what_a_server_sends_is_read_back(bytes in prop::collection::vec(any::<u8>(), 0..70_000)) {
        let limits = WsLimits { message_bytes: 70_000, ..WsLimits::default() };
        let frame = encode(Opcode::Binary, &bytes);
        prop_assert_eq!(read(Role::Client, &limits, &[&frame]), (vec![Seen::Binary(bytes)], Ok(true)));
    }
}
