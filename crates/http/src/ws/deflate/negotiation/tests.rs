use crate::ws::{ClientHandshake, DeflateOptions, DeflateTerms, HandshakeError, Offer, Origins, Role, accept};
use crate::{Fields, HeadReader, Limits, Progress, RequestHead, ResponseEvent, ResponseHead, ResponseReader};

const PLAIN: DeflateOptions = DeflateOptions { level: 3, bytes_min: 128, context_takeover: false };
const KEEPING: DeflateOptions = DeflateOptions { context_takeover: true, ..PLAIN };

fn request(text: &[u8]) -> RequestHead {
    match HeadReader::new(&Limits::default()).on_input(text).unwrap() {
        Progress::Complete { head, .. } => head,
        Progress::Partial => panic!("a whole head"),
    }
}

fn response(text: &[u8]) -> ResponseHead {
    match ResponseReader::new(false, &Limits::default()).on_input(text).unwrap().1 {
        Some(ResponseEvent::Head(head)) => head,
        other => panic!("a whole head, not {other:?}"),
    }
}

/// What a server with these options answers to these header lines, and what it has agreed to.
fn answered(offers: &[&str], options: &DeflateOptions) -> (Option<String>, Option<DeflateTerms>) {
    let lines: String = offers.iter().map(|offer| format!("Sec-WebSocket-Extensions: {offer}\r\n")).collect();
    let head = request(
        format!(
            "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{lines}\r\n"
        )
        .as_bytes(),
    );
    let offer = Offer { protocols: &[], origins: Origins::Any };
    let accepted = accept(&head, &offer).unwrap().with_deflate(&head, options);
    let answer = response(&accepted.response());
    (answer.header("sec-websocket-extensions").map(str::to_owned), accepted.deflate())
}

#[test]
fn a_server_answers_the_first_offer_that_it_can_keep() {
    const BOTH: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    for (offers, answer) in [
        (&["permessage-deflate"][..], BOTH.to_owned()),
        (&["Permessage-Deflate"], BOTH.to_owned()),
        (&["permessage-deflate; client_max_window_bits"], BOTH.to_owned()),
        (&["permessage-deflate;client_max_window_bits=10"], BOTH.to_owned()),
        (&["permessage-deflate ; server_max_window_bits = 9"], format!("{BOTH}; server_max_window_bits=9")),
        (&["permessage-deflate; server_max_window_bits=\"15\""], format!("{BOTH}; server_max_window_bits=15")),
        (&["x-webkit-deflate-frame, permessage-deflate"], BOTH.to_owned()),
        (&["foo; bar=\"1\"; baz", "permessage-deflate"], BOTH.to_owned()),
        (&["permessage-deflate; server_max_window_bits=8, permessage-deflate"], BOTH.to_owned()),
        (&["permessage-deflate; what, permessage-deflate; client_no_context_takeover"], BOTH.to_owned()),
        (
            &["permessage-deflate; server_max_window_bits=10", "permessage-deflate"],
            format!("{BOTH}; server_max_window_bits=10"),
        ),
    ] {
        assert_eq!(answered(offers, &PLAIN).0, Some(answer), "{offers:?}");
    }
}

#[test]
fn an_offer_that_is_not_understood_whole_is_declined() {
    for offer in [
        "",
        "permessage-deflat",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=8",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=09",
        "permessage-deflate; server_max_window_bits=1e1",
        "permessage-deflate; server_max_window_bits=-9",
        "permessage-deflate; client_max_window_bits=7",
        "permessage-deflate; client_max_window_bits=",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; client_no_context_takeover=true",
        "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
        "permessage-deflate; server_max_window_bits=10; server_max_window_bits=10",
        "permessage-deflate; unknown",
        "permessage-deflate;",
        "permessage-deflate,",
        "permessage-deflate; server_max_window_bits=\"10",
        "permessage-deflate; server_max_window_bits=\"1\\0\"",
        "permessage-deflate server_max_window_bits=10",
        "permessage-deflate, foo; =",
    ] {
        assert_eq!(answered(&[offer], &PLAIN), (None, None), "{offer:?}");
    }
    assert_eq!(answered(&["permessage-deflate", "foo bar"], &PLAIN), (None, None), "one header of two is malformed");
}

#[test]
fn contexts_are_kept_only_if_both_sides_want_it() {
    let kept = |offer: &str, options| {
        let (answer, terms) = answered(&[offer], options);
        let terms = terms.unwrap();
        let (server, client) = (terms.sent_by(Role::Server), terms.received_by(Role::Server));
        assert_eq!((server, client), (terms.received_by(Role::Client), terms.sent_by(Role::Client)));
        let answer = answer.unwrap();
        assert_eq!(answer.contains("server_no_context_takeover"), !server.keeps_context, "{answer}");
        assert_eq!(answer.contains("client_no_context_takeover"), !client.keeps_context, "{answer}");
        (server.keeps_context, client.keeps_context)
    };
    assert_eq!(kept("permessage-deflate", &KEEPING), (true, true));
    assert_eq!(kept("permessage-deflate; server_no_context_takeover", &KEEPING), (false, true));
    assert_eq!(kept("permessage-deflate; client_no_context_takeover", &KEEPING), (true, false));
    assert_eq!(kept("permessage-deflate", &PLAIN), (false, false));
    let terms = answered(&["permessage-deflate; client_max_window_bits=9; server_max_window_bits=12"], &KEEPING).1;
    assert_eq!(terms.unwrap().sent_by(Role::Client).window_bits, 9);
    assert_eq!(terms.unwrap().sent_by(Role::Server).window_bits, 12);
}

/// What a client with these options concludes from this answer.
fn concluded(answer: &str, options: Option<DeflateOptions>) -> Result<Option<DeflateTerms>, HandshakeError> {
    let nonce = *b"the sample nonce";
    let (client, _) = ClientHandshake::offering("h", "/", &[], &Fields::new(), nonce, options).unwrap();
    let head = response(
        format!(
            "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n{answer}\r\n"
        )
        .as_bytes(),
    );
    let terms = client.deflate(&head);
    assert_eq!(client.check(&head).is_ok(), terms.is_ok(), "{answer}");
    terms
}

#[test]
fn a_client_takes_only_an_answer_to_what_it_has_offered() {
    let concluded = |value: &str, options| concluded(&format!("Sec-WebSocket-Extensions: {value}\r\n"), options);
    for (value, bits) in [
        ("permessage-deflate; server_no_context_takeover", 15),
        ("permessage-deflate; server_no_context_takeover; client_max_window_bits=8", 8),
        ("permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9", 15),
    ] {
        let terms = concluded(value, Some(PLAIN)).unwrap().expect(value);
        assert_eq!(terms.sent_by(Role::Client).window_bits, bits);
        assert!(!terms.sent_by(Role::Client).keeps_context && !terms.sent_by(Role::Server).keeps_context);
    }
    let kept = concluded("permessage-deflate", Some(KEEPING)).unwrap().unwrap();
    assert!(kept.sent_by(Role::Client).keeps_context && kept.sent_by(Role::Server).keeps_context);
    for value in [
        "permessage-deflate",
        "permessage-deflate; server_no_context_takeover; client_max_window_bits",
        "permessage-deflate; server_no_context_takeover; server_max_window_bits=7",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; server_no_context_takeover; x",
        "permessage-deflate; server_no_context_takeover, permessage-deflate; server_no_context_takeover",
        "x-webkit-deflate-frame",
        ";",
    ] {
        assert_eq!(concluded(value, Some(PLAIN)), Err(HandshakeError::Extension(value.into())), "{value}");
    }
    let value = "permessage-deflate; server_no_context_takeover";
    assert_eq!(concluded(value, None), Err(HandshakeError::Extension(value.into())));
}

#[test]
fn both_sides_of_ours_agree() {
    for (server, client) in [(PLAIN, PLAIN), (KEEPING, PLAIN), (PLAIN, KEEPING), (KEEPING, KEEPING)] {
        let nonce = *b"the sample nonce";
        let (handshake, asked) = ClientHandshake::offering("h", "/", &[], &Fields::new(), nonce, Some(client)).unwrap();
        let head = request(&asked);
        let offer = Offer { protocols: &[], origins: Origins::Any };
        let accepted = accept(&head, &offer).unwrap().with_deflate(&head, &server);
        let terms = handshake.deflate(&response(&accepted.response())).unwrap().expect("they agree");
        for role in [Role::Server, Role::Client] {
            assert_eq!(accepted.deflate().unwrap().sent_by(role), terms.sent_by(role));
            assert_eq!(terms.sent_by(role).keeps_context, server.context_takeover && client.context_takeover);
        }
    }
}

#[test]
fn without_an_offer_or_an_answer_nothing_is_compressed() {
    assert_eq!(answered(&[], &PLAIN), (None, None));
    assert_eq!(concluded("", Some(PLAIN)), Ok(None));
}
