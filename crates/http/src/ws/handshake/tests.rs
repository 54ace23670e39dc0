use super::*;
use crate::ws::{ClientHandshake, HandshakeError};
use crate::{HeadReader, Limits, Progress, ResponseEvent, ResponseHead, ResponseReader};

const GOOD: &str = "Host: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

const OFFER: Offer<'static> = Offer { protocols: &["chat", "superchat"], origins: Origins::SameHost };

fn head(first: &str, lines: &str) -> RequestHead {
    let text = format!("{first}\r\n{lines}\r\n");
    match HeadReader::new(&Limits::default()).on_input(text.as_bytes()).expect(lines) {
        Progress::Complete { head, .. } => head,
        Progress::Partial => panic!("a whole head"),
    }
}

fn response(text: &str) -> ResponseHead {
    match ResponseReader::new(false, &Limits::default()).on_input(text.as_bytes()).expect(text).1 {
        Some(ResponseEvent::Head(head)) => head,
        other => panic!("a whole head, not {other:?}"),
    }
}

#[test]
fn the_example_of_the_rfc_is_accepted() {
    let head = head("GET /chat HTTP/1.1", &format!("{GOOD}Sec-WebSocket-Protocol: x, superchat, chat\r\n"));
    let accepted = accept(&head, &OFFER).unwrap();
    assert_eq!(accepted.key(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_eq!(accepted.protocol(), Some("superchat"));
    let text = String::from_utf8(accepted.response()).unwrap();
    assert_eq!(
        text,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
         Sec-WebSocket-Protocol: superchat\r\nConnection: Upgrade\r\n\r\n"
    );
}

#[test]
fn anything_but_a_full_match_is_refused_with_its_reason() {
    let replaced = |from: &str, to: &str| {
        assert!(GOOD.contains(from));
        GOOD.replace(from, to)
    };
    let get = "GET / HTTP/1.1";
    for (first, lines, refusal) in [
        ("POST / HTTP/1.1", GOOD.to_owned(), Refusal::Method),
        ("GET / HTTP/1.0", GOOD.to_owned(), Refusal::OldHttp),
        (get, replaced("Upgrade: websocket", "Upgrade: h2c"), Refusal::NotAnUpgrade),
        (get, replaced("Connection: Upgrade", "Connection: keep-alive"), Refusal::NotAnUpgrade),
        (get, format!("{GOOD}Content-Length: 1\r\n"), Refusal::Body),
        (get, replaced("13", "8"), Refusal::Version),
        (get, replaced("Sec-WebSocket-Version: 13\r\n", ""), Refusal::Version),
        (get, replaced("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ"), Refusal::Key),
        (get, replaced("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZWE="), Refusal::Key),
        (get, replaced("dGhlIHNhbXBsZSBub25jZQ==", "!GhlIHNhbXBsZSBub25jZQ=="), Refusal::Key),
        (get, format!("{GOOD}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"), Refusal::Key),
        (get, format!("{GOOD}Sec-WebSocket-Protocol: a b\r\n"), Refusal::Protocols),
        (get, format!("{GOOD}Sec-WebSocket-Protocol:\r\n"), Refusal::Protocols),
        (get, format!("{GOOD}Origin: https://evil\r\n"), Refusal::Origin),
        (get, format!("{GOOD}Origin: null\r\n"), Refusal::Origin),
        (get, format!("{GOOD}Origin: https://h\r\nOrigin: https://h\r\n"), Refusal::Origin),
    ] {
        assert_eq!(accept(&head(first, &lines), &OFFER), Err(refusal), "{lines:?}");
        assert!(refusal.status().code() >= 400 && !refusal.to_string().is_empty());
    }
    assert_eq!(Refusal::Version.field(), Some(("Sec-WebSocket-Version", "13")));
    assert_eq!((Refusal::Version.status().code(), Refusal::Origin.status().code()), (426, 403));
}

#[test]
fn what_browsers_and_proxies_vary_is_accepted() {
    for lines in [
        GOOD.replace("Connection: Upgrade", "Connection: keep-alive, upgrade"),
        GOOD.replace("Upgrade: websocket", "Upgrade: WebSocket"),
        format!("{GOOD}Origin: https://h\r\nSec-WebSocket-Extensions: permessage-deflate\r\n"),
        format!("{GOOD}Content-Length: 0\r\n"),
    ] {
        assert_eq!(accept(&head("GET / HTTP/1.1", &lines), &OFFER).map(|accepted| accepted.protocol), Ok(None));
    }
    let listed = ["https://page.example".to_owned()];
    let offer = Offer { protocols: &[], origins: Origins::Listed(&listed) };
    let from = |origin: &str| accept(&head("GET / HTTP/1.1", &format!("{GOOD}Origin: {origin}\r\n")), &offer).is_ok();
    assert!(from("https://page.example") && !from("https://page.example.evil") && !from("https://h"));
}

#[test]
fn both_sides_of_ours_agree() {
    let (client, request) =
        ClientHandshake::new("h", "/", &["other", "chat"], &Fields::new(), *b"the sample nonce").unwrap();
    let Progress::Complete { head, .. } = HeadReader::new(&Limits::default()).on_input(&request).unwrap() else {
        panic!("a whole head")
    };
    let answer = accept(&head, &OFFER).unwrap().response();
    assert_eq!(client.check(&response(str::from_utf8(&answer).unwrap())), Ok(Some("chat")));
}

#[test]
fn a_client_takes_only_the_answer_to_its_own_request() {
    let (client, _) = ClientHandshake::new("h", "/", &["chat"], &Fields::new(), *b"the sample nonce").unwrap();
    let good = "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
    let check =
        |text: String| client.check(&response(&format!("{text}\r\n"))).map(|protocol| protocol.map(str::to_owned));
    assert_eq!(check(good.into()), Ok(None));
    assert_eq!(check(good.replace("101", "200")), Err(HandshakeError::Status(Status::OK)));
    assert_eq!(check(good.replace("websocket", "h2c")), Err(HandshakeError::NotAnUpgrade));
    assert_eq!(check(good.replace("s3p", "S3p")), Err(HandshakeError::Accept));
    let protocol = check(format!("{good}Sec-WebSocket-Protocol: x\r\n"));
    assert_eq!(protocol, Err(HandshakeError::Protocol("x".into())));
    let extension = check(format!("{good}Sec-WebSocket-Extensions: permessage-deflate\r\n"));
    assert_eq!(extension, Err(HandshakeError::Extension("permessage-deflate".into())));
}
