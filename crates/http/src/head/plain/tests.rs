use proptest::prelude::*;

use super::*;
use crate::HttpError;
use crate::head::{RequestHead, Scanner};

/// What the scan and the parser make of the head at the start of `input`; none if it goes on.
fn the_long_way(input: &[u8], limits: &Limits) -> Option<Result<(usize, RequestHead), HttpError>> {
    let consumed = match Scanner::request(limits).scan(input) {
        Ok(consumed) => consumed?,
        Err(error) => return Some(Err(error)),
    };
    Some(RequestHead::parse(Box::from(&input[..consumed])).map(|head| (consumed, head)))
}

/// Whether the quick way takes it; then both must say the same of it.
fn is_taken(input: &[u8], limits: &Limits) -> bool {
    let Some(plain) = read(input, limits) else {
        return false;
    };
    let length = plain.length;
    let quick = RequestHead::of_plain(plain, &input[..length]).map(|head| (length, head));
    let long = the_long_way(input, limits).expect("a head that is taken is complete");
    assert_eq!(format!("{quick:?}"), format!("{long:?}"), "{:?}", String::from_utf8_lossy(input));
    true
}

#[test]
fn what_clients_send_is_taken() {
    let limits = Limits::default();
    for head in [
        "GET / HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n",
        "POST /a?b=c&d HTTP/1.1\r\nhost: x\r\nContent-Length: 12\r\nConnection: close\r\n\r\nhello, world",
        "GET /x HTTP/1.0\r\n\r\n",
        "PUT /x HTTP/1.1\r\nHost: [::1]:80\r\nTransfer-Encoding: chunked\r\nX-Empty:\r\nX-Wide: \t a b \t\r\n\r\n",
        "OPTIONS /x HTTP/1.1\r\nHost: x\r\nAccept: \u{e4}\r\n\r\nGET / HTTP/1.1\r\n",
    ] {
        assert!(is_taken(head.as_bytes(), &limits), "{head:?}");
    }
}

#[test]
fn what_is_unusual_is_left_to_the_long_way() {
    let limits = Limits { head_bytes: 64, target_bytes: 8, headers: 2, ..Limits::default() };
    for head in [
        "",
        "GET / HTTP/1.1\r\nHost: x\r\n",
        "\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
        "CONNECT /x HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.2\r\nHost: x\r\n\r\n",
        "GET /12345678 HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\na: b\r\nc: d\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nA: 1234567890123456789012345678901234567890\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\n a: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\n\r\n\r\n",
        "GET / HTTP/1.1\nHost: x\r\n\r\n",
    ] {
        assert!(!is_taken(head.as_bytes(), &limits), "{head:?}");
    }
}

fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "GET ",
        "CONNECT ",
        "/",
        "/a?b?c",
        "*",
        "http://h",
        " HTTP/1.1\r\n",
        " HTTP/1.0\r\n",
        "Host: h\r\n",
        "host:h:1\r\n",
        "Content-Length: 3\r\n",
        "content-length:3,3\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Connection: close\r\n",
        "connection: keep-alive \r\n",
        "a: b\r\n",
        "\r\n",
        "\r",
        "\n",
        " ",
        "\t",
        ":",
        "x",
        "\u{7f}",
        "\u{e9}",
        "#",
        "\0",
    ]);
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #[test]
    fn both_ways_read_pieces_of_heads_alike(pieces in pieces()) {
        is_taken(&[b"GET / HTTP/1.1\r\nHost: h\r\n", &pieces[..]].concat(), &Limits::default());
        is_taken(&pieces, &Limits::default());
    }

    #[test]
    fn both_ways_read_a_spoilt_head_alike(at in 0..90_usize, byte: u8, inserts: bool) {
        let mut head = b"POST /path?q=1 HTTP/1.1\r\nHost: example.org:80\r\nConnection: x, close\r\nContent-Length: 5\r\n\r\n".to_vec();
        let at = at.min(head.len() - 1);
        if inserts { head.insert(at, byte) } else { head[at] = byte }
        is_taken(&head, &Limits::default());
    }
}
