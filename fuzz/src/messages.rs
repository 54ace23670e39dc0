//! Where a fuzzer of HTTP, WebSocket and server-sent events starts: one valid input of every kind, each for the target of
//! the same name, and a few that end in each error.

/// Inputs for the target `request`.
pub fn requests() -> Vec<Vec<u8>> {
    [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\nGET /a/b%20c?x=1&y=?z HTTP/1.1\r\nhost: example.com:8000\r\nAccept:  */* \t\r\nEmpty:\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\nConnection: x, close\r\n\r\n",
        "GET http://u.example:1/p?q HTTP/1.1\r\nHost: u.example:1\r\n\r\n",
        "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabcGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nA;x=\"y\"\r\n0123456789\r\n0\r\nT: r\r\n\r\nGET / HTTP/1.1\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nA : b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n c\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\n\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}

/// Inputs for the target `response`.
pub fn responses() -> Vec<Vec<u8>> {
    [
        "\0HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP",
        "\0HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: b\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
        "\0HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nETag: \"x\"\r\nExpires: 0\r\n\r\n",
        "\0HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nuntil the end",
        "\0HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x01\x02",
        "\0HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
        "\0HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n",
        "\x01HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        "\0HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "\0HTTP/1.1 99 No\r\n\r\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}

/// Inputs for the target `body`.
pub fn bodies() -> Vec<Vec<u8>> {
    [
        "\x020\r\n\r\nnext",
        "\x023\r\nabc\r\n0\r\n\r\n",
        "\x02A;x=\"y\"\r\n0123456789\r\n1\r\nz\r\n000\r\nA: b\r\nDigest: d\r\n\r\nnext",
        "\x020\r\nContent-Type: a\r\nB: c\r\n\r\n",
        "\x020\r\nContent-Length: 5\r\n\r\n",
        "\x021\r\nab",
        "\x02ffffffffffffffff\r\n",
        "\x01until the end",
        "\0next",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into_iter()
    .chain([[&[0x85][..], b"0123456789next"].concat(), [&[1][..], &[b'x'; 301]].concat()])
    .collect()
}

/// Inputs for the target `websocket`: what servers send, then what clients send.
pub fn websockets() -> Vec<Vec<u8>> {
    let from_server: [&[u8]; 12] = [
        b"\x81\x05Hello",
        b"\x81\x02\xc3\xa4\x82\x03\x00\xff\x80",
        b"\x01\x03Hel\x89\x01p\x00\x01l\x80\x01o",
        b"\x89\x05Hello\x8a\x05Hello\x8a\x00",
        b"\x88\x02\x03\xe8\x81\x05after",
        b"\x88\x00",
        b"\x88\x07\x0f\xa1leave",
        b"\x82\x7e\x01\x00",
        b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00",
        b"\x81\x02\xc3\x28",
        b"\xc1\x00",
        b"\x01\x00\x81\x00",
    ];
    let clients = from_server.iter().filter_map(|frames| masked(frames));
    let clients: Vec<_> = clients.map(|frames| [&[0][..], &frames].concat()).collect();
    from_server.iter().map(|frames| [&[1][..], frames].concat()).chain(clients).collect()
}

/// Frames with short lengths as a client sends them, with a key that changes nothing; none if a frame is cut or longer.
fn masked(frames: &[u8]) -> Option<Vec<u8>> {
    let (mut rest, mut out) = (frames, Vec::new());
    while !rest.is_empty() {
        let [first, length @ 0..126, after @ ..] = rest else { return None };
        let (payload, next) = after.split_at_checked(usize::from(*length))?;
        out.extend([*first, 0x80 | length, 0, 0, 0, 0]);
        out.extend(payload);
        rest = next;
    }
    Some(out)
}

/// Inputs for the target `sse`.
pub fn streams() -> Vec<Vec<u8>> {
    [
        "data: YHOO\ndata: +2\ndata: 10\n\n",
        ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
        "data\n\ndata\ndata\n\ndata:",
        "\u{feff}event: tick\r\nid: 7\r\nretry: 500\r\ndata: a\r\n\r\n",
        "event: x\r\rdata: b\rretry: 1x\r\r",
        "id: a\0b\ndata: \u{e4}\n\nid: after\n\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}

/// Inputs for the target `query`.
pub fn queries() -> Vec<Vec<u8>> {
    ["a=1&&b+c=d%20e&f&=g&h==i", "channel=a%2Fb&channel=c", "%zz", "a=%ff", "%C3%A4=\u{e4}", "%"]
        .map(|text| text.as_bytes().to_vec())
        .into()
}
