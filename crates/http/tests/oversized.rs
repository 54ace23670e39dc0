//! Every limit: at it a message passes, one beyond it is refused with the right status or close code, and before anything is
//! stored for it. One row, one sentence.

use crore_http::sse::{self, SseError};
use crore_http::ws::{Decoder, Opcode, Role, encode, fragment_header};
use crore_http::{
    BodyDecoder, HeadReader, HttpError, Limits, Progress, ResponseEvent, ResponseReader, SseLimits, WsLimits,
};

#[path = "../../../fuzz/src/body.rs"]
pub mod body;
#[path = "../../../fuzz/src/request.rs"]
pub mod request;
#[path = "../../../fuzz/src/splits.rs"]
pub mod splits;

/// How a connection with this input ends: 0 if nothing is wrong with it so far, else the status of the refusal.
fn status(limits: &Limits, text: &str) -> u16 {
    let read = |parts: &[&[u8]]| request::read(limits, parts).1.map_or(0, |error: HttpError| error.status().code());
    let single: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
    let whole = read(&[text.as_bytes()]);
    assert_eq!(whole, read(&single), "whole and byte by byte");
    whole
}

/// A row: a sentence about the limit, what is at it, what is one beyond, the status of the refusal.
type Row = (&'static str, String, String, u16);

fn check(limits: &Limits, rows: &[Row]) {
    let wrong = |(sentence, at, beyond, refusal): &Row| {
        let found = (status(limits, at), status(limits, beyond));
        (found != (0, *refusal)).then(|| format!("{sentence}: {found:?} instead of (0, {refusal})"))
    };
    let wrong: Vec<String> = rows.iter().filter_map(wrong).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A whole head of so many bytes.
fn head_of(bytes: usize) -> String {
    let start = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
    format!("{start}{}\r\n\r\n", "x".repeat(bytes - start.len() - 4))
}

fn with_target(bytes: usize) -> String {
    format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(bytes - 1))
}

fn with_headers(number: usize) -> String {
    format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X:\r\n".repeat(number - 1))
}

fn with_method(bytes: usize) -> String {
    format!("{} / HTTP/1.1\r\nHost: a\r\n\r\n", "M".repeat(bytes))
}

fn post(rest: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: a\r\n{rest}")
}

fn chunks(rest: &str) -> String {
    post(&format!("Transfer-Encoding: chunked\r\n\r\n{rest}"))
}

#[test]
fn heads_have_limits() {
    let limits = Limits::default();
    check(
        &limits,
        &[
            ("a head has 8 KiB", head_of(8192), head_of(8193), 431),
            ("a head that never ends has 8 KiB", head_of(9000)[..8191].into(), head_of(9000)[..8192].into(), 431),
            ("a target has 4 KiB", with_target(4096), with_target(4097), 414),
            (
                "a target that never ends has 4 KiB",
                with_target(5000)[..4100].into(),
                with_target(5000)[..4101].into(),
                414,
            ),
            ("a head has 64 lines", with_headers(64), with_headers(65), 431),
            ("a method has 32 bytes", with_method(32), with_method(33), 501),
            ("a version has 8 bytes", "GET / HTTP/1.1".into(), "GET / HTTP/1.1x".into(), 400),
        ],
    );
}

#[test]
fn limits_can_be_as_large_as_their_types() {
    let limits = Limits { head_bytes: u16::MAX, target_bytes: u16::MAX, headers: u16::MAX, ..Limits::default() };
    check(
        &limits,
        &[
            ("a head has 65,535 bytes", head_of(65_535), head_of(65_536), 431),
            ("a target has all of the head", with_target(65_500), with_target(65_510), 431),
            ("a head has the 128 lines that the parser's table holds", with_headers(128), with_headers(129), 431),
        ],
    );
}

#[test]
fn limits_can_be_as_small_as_nothing() {
    let none = Limits {
        head_bytes: 0,
        target_bytes: 0,
        headers: 0,
        body_bytes: 0,
        chunk_extension_bytes: 0,
        trailer_bytes: 0,
    };
    assert_eq!(status(&none, "G"), 431);
    let rows = [
        (Limits { target_bytes: 0, ..Limits::default() }, "GET /".to_owned(), 414),
        (Limits { headers: 0, ..Limits::default() }, "GET / HTTP/1.1\r\nH".to_owned(), 431),
        (Limits { body_bytes: 0, ..Limits::default() }, post("Content-Length: 1\r\n\r\n"), 413),
        (Limits { body_bytes: 0, ..Limits::default() }, post("Content-Length: 0\r\n\r\n"), 0),
        (Limits { chunk_extension_bytes: 0, ..Limits::default() }, chunks("1;"), 0),
        (Limits { chunk_extension_bytes: 0, ..Limits::default() }, chunks("1;x"), 400),
        (Limits { trailer_bytes: 0, ..Limits::default() }, chunks("0\r\n\r"), 431),
    ];
    for (limits, text, expected) in rows {
        assert_eq!(status(&limits, &text), expected, "{text:?}");
    }
}

#[test]
fn bodies_have_limits() {
    let declared = |length: u64| post(&format!("Content-Length: {length}\r\n\r\n"));
    let in_chunks = |last: &str| chunks(&format!("8000\r\n{}\r\n{last}\r\n", "x".repeat(0x8000)));
    let extensions = |bytes: usize| chunks(&format!("1;{}\r\nx\r\n", "e".repeat(bytes)));
    let many = |number: usize| chunks(&"1;e\r\nx\r\n".repeat(number));
    let trailers = |bytes: usize| chunks(&format!("0\r\nX: {}\r\n\r\n", "x".repeat(bytes - 7)));
    check(
        &Limits::default(),
        &[
            ("a body of a length has 64 KiB", declared(65_536), declared(65_537), 413),
            ("a length has 64 bits", declared(0), declared(u64::MAX), 413),
            (
                "a length has 20 digits",
                post(&format!("Content-Length: {:020}\r\n\r\n", 5)),
                post(&format!("Content-Length: {:021}\r\n\r\n", 5)),
                400,
            ),
            ("all chunks of a body have 64 KiB", in_chunks("8000"), in_chunks("8001"), 413),
            ("a chunk size has 16 digits", chunks("0000000000000001\r\nx"), chunks("00000000000000001\r\nx"), 400),
            ("the extension of a chunk has 1 KiB", extensions(1024), extensions(1025), 400),
            ("the extensions of all chunks have 1 KiB", many(1024), many(1025), 400),
            ("trailers have 4 KiB", trailers(4096), trailers(4097), 431),
            (
                "trailers have 64 lines",
                chunks(&format!("0\r\n{}\r\n", "X:\r\n".repeat(64))),
                chunks(&format!("0\r\n{}\r\n", "X:\r\n".repeat(65))),
                431,
            ),
        ],
    );
}

#[test]
fn a_body_beyond_its_limit_is_refused_before_any_of_it_has_come() {
    let declared = post("Content-Length: 65537\r\nExpect: 100-continue\r\n\r\n");
    let Ok(Progress::Complete { head, .. }) = HeadReader::new(&Limits::default()).on_input(declared.as_bytes()) else {
        panic!("the head is in order");
    };
    let error = BodyDecoder::new(head.body(), &Limits::default()).unwrap_err();
    assert_eq!(error, HttpError::BodyTooLarge { length: 65_537, limit: 65_536 });
}

#[test]
fn responses_have_limits() {
    let read = |text: &str| {
        let (mut reader, mut at) = (ResponseReader::new(false, &Limits::default()), 0);
        loop {
            match reader.on_input(&text.as_bytes()[at..]) {
                Err(error) => return Some(error),
                Ok((_, None)) => return None,
                Ok((consumed, Some(event))) => {
                    assert!(!matches!(event, ResponseEvent::Done), "no row is a whole response");
                    at += consumed;
                }
            }
        }
    };
    let head = |bytes: usize| format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(bytes - 24));
    let until_close = |bytes: usize| format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(bytes));
    let interim = |number: usize| "HTTP/1.1 100 Continue\r\n\r\n".repeat(number);
    let declared = |length: u64| format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
    for (sentence, at, beyond, error) in [
        ("a head has 8 KiB", head(8192), head(8193), HttpError::HeadTooLarge { limit: 8192 }),
        (
            "a body until close has 64 KiB",
            until_close(65_536),
            until_close(65_537),
            HttpError::BodyTooLarge { length: 65_537, limit: 65_536 },
        ),
        (
            "a body of a length has 64 KiB",
            declared(65_536),
            declared(65_537),
            HttpError::BodyTooLarge { length: 65_537, limit: 65_536 },
        ),
        ("there are 8 interim answers", interim(8), interim(9), HttpError::TooManyInterim { limit: 8 }),
    ] {
        assert_eq!((read(&at), read(&beyond)), (None, Some(error)), "{sentence}");
    }
}

#[test]
fn websocket_messages_have_limits() {
    let code = |bytes: &[u8]| {
        let mut decoder = Decoder::new(Role::Client, &WsLimits::default());
        let mut input = bytes.to_vec();
        let mut at = 0;
        loop {
            match decoder.on_input(&mut input[at..]) {
                Err(error) => return error.close_code(),
                Ok((_, None)) => return 0,
                Ok((consumed, Some(_))) => at += consumed,
            }
        }
    };
    let pieces = |number: usize| {
        let mut stream = fragment_header(Opcode::Binary, false, 0).to_vec();
        (1..number).for_each(|_| stream.extend(&*fragment_header(Opcode::Continuation, false, 0)));
        stream
    };
    let two = |second: usize| {
        [
            &*fragment_header(Opcode::Binary, false, 60_000),
            &[0; 60_000],
            &*fragment_header(Opcode::Continuation, true, second),
        ]
        .concat()
    };
    for (sentence, at, beyond, expected) in [
        ("a message has 64 KiB", encode(Opcode::Binary, &[0; 65_536]), encode(Opcode::Binary, &[0; 65_537]), 1009),
        ("a message in pieces has 64 KiB", two(5_536), two(5_537), 1009),
        ("a message has 1,024 pieces", pieces(1024), pieces(1025), 1009),
        ("a control frame has 125 bytes", encode(Opcode::Ping, &[0; 125]), vec![0x89, 126, 0, 126], 1002),
    ] {
        assert_eq!((code(&at), code(&beyond)), (0, expected), "{sentence}");
    }
}

#[test]
fn event_streams_have_limits() {
    let limits = SseLimits { event_bytes: 100 };
    let read = |text: &str| sse::Reader::new(&limits).on_input(text.as_bytes()).map(|_| ()).err();
    let two = |second: usize| format!("data: {}\ndata: {}\n", "x".repeat(60), "y".repeat(second));
    for (sentence, at, beyond) in [
        ("a line has its limit", format!(":{}\n", "x".repeat(99)), format!(":{}\n", "x".repeat(100))),
        ("a line that never ends has its limit", "x".repeat(100), "x".repeat(101)),
        ("all data of an event has its limit", two(39), two(40)),
    ] {
        assert_eq!((read(&at), read(&beyond)), (None, Some(SseError::TooLarge { limit: 100 })), "{sentence}");
    }
}
