use super::*;
use crate::Status;
use proptest::prelude::*;

fn read(bytes: &[u8]) -> Result<RequestHead, HttpError> {
    match HeadReader::new(&Limits::default()).on_input(bytes)? {
        Progress::Complete { consumed, head } => {
            assert_eq!(consumed, bytes.len());
            Ok(head)
        }
        Progress::Partial => panic!("the head is not complete"),
    }
}

/// The error of a request with these header lines besides `Host`.
fn refusal(lines: &str) -> HttpError {
    read(format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n").as_bytes()).expect_err(lines)
}

fn body(lines: &str) -> BodyLength {
    read(format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n").as_bytes()).expect(lines).body()
}

#[test]
fn a_head_gives_its_parts() {
    let head = read(
        b"GET /a/b%20c?x=1&y=?z HTTP/1.1\r\nhost: example.com:8000\r\nAccept:  text/html \t\r\nEMPTY:\r\n\
          Cookie: \xff\r\naccept: */*, x\r\n\r\n",
    )
    .unwrap();
    assert_eq!((head.method(), head.target()), ("GET", "/a/b%20c?x=1&y=?z"));
    assert_eq!((head.path(), head.query()), ("/a/b%20c", Some("x=1&y=?z")));
    assert_eq!((head.version(), head.body(), head.keep_alive()), (Version::Http11, BodyLength::None, true));
    assert_eq!(head.host(), "example.com:8000");
    assert_eq!(head.header("ACCEPT"), Some("text/html"));
    assert_eq!(head.header("empty"), Some(""));
    assert_eq!(head.header("missing"), None);
    assert_eq!((head.header("cookie"), head.headers().bytes("cookie")), (None, Some(&b"\xff"[..])));
    assert_eq!(head.headers().items("accept").collect::<Vec<_>>(), [&b"text/html"[..], b"*/*", b"x"]);
    assert_eq!(head.headers().len(), 5);
}

#[test]
fn targets_have_four_forms() {
    let parts = |method: &str, target: &str| {
        let head = read(format!("{method} {target} HTTP/1.1\r\nHost: h\r\n\r\n").as_bytes())?;
        Ok((head.host().to_owned(), head.path().to_owned(), head.query().map(str::to_owned)))
    };
    let expect =
        |host: &str, path: &str, query: Option<&str>| Ok((host.to_owned(), path.to_owned(), query.map(str::to_owned)));
    assert_eq!(parts("GET", "/"), expect("h", "/", None));
    assert_eq!(parts("GET", "//x?"), expect("h", "//x", Some("")));
    assert_eq!(parts("GET", "http://other:80/p?q"), expect("other:80", "/p", Some("q")));
    assert_eq!(parts("GET", "HTTP://other"), expect("other", "/", None));
    assert_eq!(parts("GET", "http://other?q"), expect("other", "/", Some("q")));
    assert_eq!(parts("OPTIONS", "*"), expect("h", "*", None));
    assert_eq!(parts("CONNECT", "other:443"), expect("other:443", "", None));
    for (method, target) in [
        ("GET", "*"),
        ("GET", "p"),
        ("GET", "ftp://h/"),
        ("GET", "http://"),
        ("GET", "http:///p"),
        ("CONNECT", "/"),
        ("GET", "http://u@h/"),
    ] {
        assert_eq!(parts(method, target), Err(HttpError::Target), "{method} {target}");
    }
}

#[test]
fn a_connection_lives_as_its_version_and_headers_say() {
    let keep = |text: &str| read(text.as_bytes()).unwrap().keep_alive();
    assert!(keep("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert!(!keep("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, CLOSE\r\n\r\n"));
    assert!(!keep("GET / HTTP/1.0\r\n\r\n"));
    assert!(keep("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"));
    assert!(!keep("GET / HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n"));
}

#[test]
fn a_body_is_announced_in_one_way() {
    assert_eq!(body(""), BodyLength::None);
    assert_eq!(body("Content-Length: 0\r\n"), BodyLength::None);
    assert_eq!(body("Content-Length: 0012\r\n"), BodyLength::Fixed(12));
    assert_eq!(body("Content-Length: 18446744073709551615\r\n"), BodyLength::Fixed(u64::MAX));
    assert_eq!(body("Transfer-Encoding: Chunked\r\n"), BodyLength::Chunked);
}

#[test]
fn ambiguous_lengths_are_refused() {
    use HttpError::{CodingInvalid, CodingUnknown, LengthAndCoding, LengthInvalid, LengthRepeated};
    for (lines, error) in [
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", LengthAndCoding),
        ("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", LengthAndCoding),
        ("Content-Length: 5\r\nContent-Length: 5\r\n", LengthRepeated),
        ("Content-Length: 5\r\ncontent-length: 6\r\n", LengthRepeated),
        ("Content-Length: 5, 5\r\n", LengthInvalid),
        ("Content-Length: +5\r\n", LengthInvalid),
        ("Content-Length: -5\r\n", LengthInvalid),
        ("Content-Length: 5 0\r\n", LengthInvalid),
        ("Content-Length: 0x5\r\n", LengthInvalid),
        ("Content-Length: 5a\r\n", LengthInvalid),
        ("Content-Length:\r\n", LengthInvalid),
        ("Content-Length: 18446744073709551616\r\n", LengthInvalid),
        ("Content-Length: 000000000000000000005\r\n", LengthInvalid),
        ("Transfer-Encoding: chunked, chunked\r\n", CodingInvalid),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", CodingInvalid),
        ("Transfer-Encoding: chunked, gzip\r\n", CodingInvalid),
        ("Transfer-Encoding: xchunked\r\n", CodingInvalid),
        ("Transfer-Encoding: identity\r\n", CodingInvalid),
        ("Transfer-Encoding: chunked;q=1\r\n", CodingInvalid),
        ("Transfer-Encoding: \"chunked\"\r\n", CodingInvalid),
        ("Transfer-Encoding:\r\n", CodingInvalid),
        ("Transfer-Encoding: , chunked\r\n", CodingInvalid),
        ("Transfer-Encoding: gzip, chunked\r\n", CodingUnknown),
        ("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", CodingUnknown),
    ] {
        assert_eq!(refusal(lines), error, "{lines:?}");
    }
    let old = read(b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_eq!(old.unwrap_err(), HttpError::CodingInOldVersion);
}

#[test]
fn lines_that_proxies_read_differently_are_refused() {
    for (lines, error) in [
        ("A: b\nC: d\r\n", HttpError::ForbiddenByte { byte: b'\n', at: 30 }),
        ("A: b\rC: d\r\n", HttpError::BareCarriageReturn { at: 30 }),
        ("A: b\r\r\n", HttpError::BareCarriageReturn { at: 30 }),
        ("A: b\r\n c: d\r\n", HttpError::Fold { at: 32 }),
        ("A: b\r\n\t\r\n", HttpError::Fold { at: 32 }),
        ("A : b\r\n", HttpError::SpaceBeforeColon { at: 27 }),
        ("A\t: b\r\n", HttpError::SpaceBeforeColon { at: 27 }),
        ("A: \0\r\n", HttpError::ForbiddenByte { byte: 0, at: 29 }),
        ("A: \x0bchunked\r\n", HttpError::ForbiddenByte { byte: 11, at: 29 }),
        ("A: \x7f\r\n", HttpError::ForbiddenByte { byte: 0x7f, at: 29 }),
        ("A\0: b\r\n", HttpError::ForbiddenByte { byte: 0, at: 27 }),
        (": b\r\n", HttpError::HeaderLine { byte: b':', at: 26 }),
        ("A\r\n", HttpError::ForbiddenByte { byte: b'\r', at: 27 }),
        ("A(b): c\r\n", HttpError::HeaderLine { byte: b'(', at: 27 }),
        ("\u{e4}: c\r\n", HttpError::HeaderLine { byte: 0xc3, at: 26 }),
    ] {
        assert_eq!(refusal(lines), error, "{lines:?}");
        assert_eq!(error.status(), Status::BAD_REQUEST);
    }
}

#[test]
fn first_lines_have_one_form() {
    for (line, error) in [
        ("GET  / HTTP/1.1", HttpError::FirstLine),
        ("GET / HTTP/1.1 ", HttpError::FirstLine),
        ("GET /  HTTP/1.1", HttpError::FirstLine),
        (" GET / HTTP/1.1", HttpError::FirstLine),
        ("GET / a HTTP/1.1", HttpError::FirstLine),
        ("GET /", HttpError::FirstLine),
        ("GET", HttpError::ForbiddenByte { byte: b'\r', at: 3 }),
        ("GET / http/1.1", HttpError::FirstLine),
        ("GET / HTTP/11", HttpError::FirstLine),
        ("GET / HTTP/1.10", HttpError::FirstLine),
        ("G(T / HTTP/1.1", HttpError::FirstLine),
        ("GET /\t HTTP/1.1", HttpError::ForbiddenByte { byte: b'\t', at: 5 }),
        ("GET /\u{e4} HTTP/1.1", HttpError::ForbiddenByte { byte: 0xc3, at: 5 }),
        ("GET /#a HTTP/1.1", HttpError::ForbiddenByte { byte: b'#', at: 5 }),
        ("GET / HTTP/1.2", HttpError::Version),
        ("GET / HTTP/0.9", HttpError::Version),
        ("PRI * HTTP/2.0", HttpError::Version),
    ] {
        let text = format!("{line}\r\nHost: a\r\n\r\n");
        assert_eq!(read(text.as_bytes()).expect_err(line), error, "{line:?}");
    }
    assert_eq!(HttpError::Version.status(), Status::VERSION_NOT_SUPPORTED);
}

#[test]
fn one_host_is_demanded() {
    let host =
        |lines: &str| read(format!("GET / HTTP/1.1\r\n{lines}\r\n").as_bytes()).map(|head| head.host().to_owned());
    assert_eq!(host(""), Err(HttpError::HostMissing));
    assert_eq!(host("Host: a\r\nHost: a\r\n"), Err(HttpError::HostRepeated));
    for bad in ["a b", "a/b", "a@b", "a:b", "a:1:2", "a:123456", "[::1", "[]", "[g]", "a,b\u{e4}", "[::1]x"] {
        assert_eq!(host(&format!("Host: {bad}\r\n")), Err(HttpError::HostInvalid), "{bad}");
    }
    for good in ["", "a", "a.b:80", "127.0.0.1", "[::1]:8000", "a_b", "a:"] {
        assert_eq!(host(&format!("Host: {good}\r\n")).as_deref(), Ok(good));
    }
    assert!(read(b"GET / HTTP/1.0\r\n\r\n").is_ok());
}

#[test]
fn each_limit_has_its_status_and_an_edge() {
    let limits = Limits { head_bytes: 100, target_bytes: 10, headers: 2, ..Limits::default() };
    let read =
        |text: String| HeadReader::new(&limits).on_input(text.as_bytes()).map(|_| ()).map_err(|error| error.status());
    let filled = |length: usize| format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", "a".repeat(length - 26));
    assert_eq!(read(filled(100)), Ok(()));
    assert_eq!(read(filled(101)), Err(Status::HEADERS_TOO_LARGE));
    assert_eq!(read(format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(9))), Ok(()));
    assert_eq!(read(format!("GET /{}", "a".repeat(10))), Err(Status::URI_TOO_LONG));
    assert_eq!(read("GET / HTTP/1.1\r\nHost: a\r\nB: c\r\n\r\n".into()), Ok(()));
    assert_eq!(read("GET / HTTP/1.1\r\nHost: a\r\nB: c\r\nD".into()), Err(Status::HEADERS_TOO_LARGE));
    assert_eq!(read("A".repeat(33)), Err(Status::NOT_IMPLEMENTED));
    assert_eq!(HttpError::HeadTimeout { limit_ms: 1 }.status(), Status::REQUEST_TIMEOUT);
    assert_eq!(HttpError::BodyTooLarge { length: 2, limit: 1 }.status(), Status::CONTENT_TOO_LARGE);
}

#[test]
fn errors_name_value_and_limit() {
    assert_eq!(
        HttpError::BodyTooLarge { length: 70_000, limit: 65_536 }.to_string(),
        "body of 70000 bytes or more, the limit is 65536: send less"
    );
    assert_eq!(HttpError::TooManyHeaders { limit: 64 }.to_string(), "more than 64 headers: send fewer");
}

#[test]
fn one_empty_line_before_a_request_is_tolerated() {
    assert_eq!(read(b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap().path(), "/");
    let two = HeadReader::new(&Limits::default()).on_input(b"\r\n\r\nGET / HTTP/1.1\r\n");
    assert!(two.is_err());
}

#[test]
fn heads_follow_each_other_in_one_input() {
    let input = b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET";
    let mut reader = HeadReader::new(&Limits::default());
    let (mut at, mut paths) = (0, Vec::new());
    while let Progress::Complete { consumed, head } = reader.on_input(&input[at..]).unwrap() {
        assert!(reader.is_idle());
        at += consumed;
        paths.push(head.path().to_owned());
    }
    assert_eq!(paths, ["/1", "/2"]);
    assert!(!reader.is_idle());
}

#[test]
fn a_head_that_comes_byte_by_byte_is_looked_at_once() {
    let head = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "b".repeat(8000));
    let mut reader = HeadReader::new(&Limits::default());
    for (at, byte) in head.as_bytes().iter().enumerate() {
        assert_eq!(reader.examined() as usize, at);
        let progress = reader.on_input(core::slice::from_ref(byte)).unwrap();
        assert_eq!(matches!(progress, Progress::Complete { .. }), at + 1 == head.len());
    }
}

#[test]
fn a_client_waits_for_leave_to_send_a_body() {
    let expects = |text: &str| read(text.as_bytes()).unwrap().expects_continue();
    assert!(expects("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-Continue\r\n\r\n"));
    assert!(!expects("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n"));
    assert!(!expects("POST / HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n"));
}

#[test]
fn of_two_errors_the_one_that_stands_first_counts_in_any_split() {
    for (text, error) in [
        ("GET / HTTP/1.1 \nHost: a\r\n", HttpError::FirstLine),
        ("GET / HTTP\n1.1 more\r\n", HttpError::ForbiddenByte { byte: b'\n', at: 10 }),
    ] {
        let bytewise: Vec<usize> = (0..text.len()).collect();
        assert_eq!(outcome(text.as_bytes(), &[]), Err(error));
        assert_eq!(outcome(text.as_bytes(), &bytewise), Err(error));
    }
}

/// Either all heads in `input` and what is left over, or the error.
fn outcome(input: &[u8], cuts: &[usize]) -> Result<Vec<String>, HttpError> {
    let mut reader = HeadReader::new(&Limits { head_bytes: 200, target_bytes: 50, headers: 6, ..Limits::default() });
    let mut seen = Vec::new();
    let mut bounds: Vec<usize> = cuts.iter().map(|cut| cut % (input.len() + 1)).collect();
    bounds.extend([0, input.len()]);
    bounds.sort_unstable();
    for pair in bounds.windows(2) {
        let mut part = &input[pair[0]..pair[1]];
        while !part.is_empty() {
            match reader.on_input(part)? {
                Progress::Partial => part = &[],
                Progress::Complete { consumed, head } => {
                    part = &part[consumed..];
                    let headers: Vec<_> =
                        head.headers().iter().map(|(name, value)| (name.to_owned(), value.to_vec())).collect();
                    seen.push(format!("{} {} {:?} {headers:?}", head.method(), head.target(), head.body()));
                }
            }
        }
    }
    seen.push(reader.examined().to_string());
    Ok(seen)
}

proptest! {
    #[test]
    fn any_split_gives_the_same_heads(
        heads in prop::collection::vec(
            ("[A-Z]{1,8}", "/[a-z?%/]{0,20}", prop::collection::vec(("[A-Za-z-]{1,8}", "[ -~\t]{0,20}"), 0..5), 0..20_u8),
            1..4
        ),
        damage in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
        cuts in prop::collection::vec(any::<usize>(), 0..30),
    ) {
        let mut text = Vec::new();
        for (method, target, lines, _) in &heads {
            text.extend(format!("{method} {target} HTTP/1.1\r\nHost: a\r\n").bytes());
            for (name, value) in lines {
                text.extend(format!("{name}: {value}\r\n").bytes());
            }
            text.extend(b"\r\n");
        }
        if let Some((index, byte)) = damage {
            let at = index.index(text.len());
            text[at] = byte;
        }
        let every_byte: Vec<usize> = (0..text.len()).collect();
        let whole = outcome(&text, &[]);
        prop_assert_eq!(&whole, &outcome(&text, &cuts));
        prop_assert_eq!(&whole, &outcome(&text, &every_byte));
    }

    #[test]
    fn nonsense_is_refused_or_awaited_but_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = HeadReader::new(&Limits::default()).on_input(&bytes);
    }
}
