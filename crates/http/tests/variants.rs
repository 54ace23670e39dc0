//! What the standard lets a peer write in more than one way: each variant is read, and read as the standard means it.
//! One row, one sentence. What must be refused is in `smuggling.rs` and `oversized.rs`.

use crore_http::{BodyDecoder, HeadReader, HttpError, Limits, Progress, ResponseEvent, ResponseReader};

/// Each request on a connection as `METHOD PATH?QUERY at HOST keeps|ends "BODY" [TRAILERS]`.
fn requests(text: &str) -> Result<Vec<String>, HttpError> {
    let mut rest = text.as_bytes();
    let mut seen = Vec::new();
    let mut reader = HeadReader::new(&Limits::default());
    while !rest.is_empty() {
        let Progress::Complete { consumed, head } = reader.on_input(rest)? else {
            seen.push("and the beginning of another".to_owned());
            break;
        };
        rest = &rest[consumed..];
        let mut decoder = BodyDecoder::new(head.body(), &Limits::default())?;
        let mut body = Vec::new();
        while !decoder.is_done() {
            let step = decoder.on_input(rest)?;
            assert!(step.consumed > 0, "the body is complete in {text:?}");
            body.extend_from_slice(&rest[step.data]);
            rest = &rest[step.consumed..];
        }
        let mut line = format!("{} {}", head.method(), head.path());
        line += &head.query().map_or(String::new(), |query| format!("?{query}"));
        line += &format!(" at {} {}", head.host(), if head.keep_alive() { "keeps" } else { "ends" });
        if !body.is_empty() {
            line += &format!(" {:?}", String::from_utf8_lossy(&body));
        }
        for (name, value) in decoder.take_trailers().iter().flat_map(|trailers| trailers.iter()) {
            line += &format!(" {name}={}", String::from_utf8_lossy(value));
        }
        seen.push(line);
    }
    Ok(seen)
}

/// Checks every row, and names all that are not as they should be.
fn check<T: std::fmt::Debug + PartialEq>(rows: impl IntoIterator<Item = (&'static str, T, T)>) {
    let wrong: Vec<String> = rows
        .into_iter()
        .filter(|(_, read, expected)| read != expected)
        .map(|(sentence, read, expected)| format!("{sentence}: {read:?} instead of {expected:?}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Rows of one request each: a sentence, the request, how it reads.
fn check_requests(rows: &[(&'static str, &str, &[&str])]) {
    check(rows.iter().map(|&(sentence, text, expected)| {
        (sentence, requests(text), Ok(expected.iter().map(|&line| line.to_owned()).collect()))
    }));
}

#[test]
fn header_lines_vary() {
    check_requests(&[
        ("a name may be in any case", "GET / HTTP/1.1\r\nhOsT: a\r\n\r\n", &["GET / at a keeps"]),
        ("a value needs no space before it", "GET / HTTP/1.1\r\nHost:a\r\n\r\n", &["GET / at a keeps"]),
        (
            "tabs and spaces around a value are no part of it",
            "GET / HTTP/1.1\r\nHost: \t a\t \r\n\r\n",
            &["GET / at a keeps"],
        ),
        ("a value may be empty", "GET / HTTP/1.1\r\nHost: a\r\nX:\r\nY: \r\n\r\n", &["GET / at a keeps"]),
        (
            "a value may hold colons, quotes and other scripts",
            "GET / HTTP/1.1\r\nHost: a\r\nX: \"a:b\", ä\r\n\r\n",
            &["GET / at a keeps"],
        ),
        ("a name may be any token", "GET / HTTP/1.1\r\nHost: a\r\n!#$%&'*+-.^_`|~9: x\r\n\r\n", &["GET / at a keeps"]),
        ("a header may come twice", "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nX: 2\r\n\r\n", &["GET / at a keeps"]),
        ("the host may come last", "GET / HTTP/1.1\r\nX: 1\r\nHost: a\r\n\r\n", &["GET / at a keeps"]),
    ]);
}

#[test]
fn hosts_and_targets_vary() {
    check_requests(&[
        ("a host may have a port", "GET / HTTP/1.1\r\nHost: a:8000\r\n\r\n", &["GET / at a:8000 keeps"]),
        (
            "a host may be an address",
            "GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n",
            &["GET / at [2001:db8::1]:80 keeps"],
        ),
        ("a host may be empty", "GET / HTTP/1.1\r\nHost:\r\n\r\n", &["GET / at  keeps"]),
        (
            "an absolute target overrules the host",
            "GET http://b:1/p?q HTTP/1.1\r\nHost: a\r\n\r\n",
            &["GET /p?q at b:1 keeps"],
        ),
        ("an absolute target may have no path", "GET http://b HTTP/1.1\r\nHost: b\r\n\r\n", &["GET / at b keeps"]),
        ("an absolute target may be of https", "GET HTTPS://b/x HTTP/1.1\r\nHost: b\r\n\r\n", &["GET /x at b keeps"]),
        ("a server as a whole is asked by a star", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", &["OPTIONS * at a keeps"]),
        (
            "a tunnel is asked for by host and port",
            "CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n",
            &["CONNECT  at b:443 keeps"],
        ),
        (
            "a path keeps its escapes and doubled slashes",
            "GET //a%2Fb/;c=d/../e HTTP/1.1\r\nHost: a\r\n\r\n",
            &["GET //a%2Fb/;c=d/../e at a keeps"],
        ),
        (
            "a query may be empty and hold a question mark",
            "GET /? HTTP/1.1\r\nHost: a\r\n\r\nGET /?a?b HTTP/1.1\r\nHost: a\r\n\r\n",
            &["GET /? at a keeps", "GET /?a?b at a keeps"],
        ),
        ("a method may be one that nobody knows", "M-SEARCH / HTTP/1.1\r\nHost: a\r\n\r\n", &["M-SEARCH / at a keeps"]),
        ("a method keeps its case", "get / HTTP/1.1\r\nHost: a\r\n\r\n", &["get / at a keeps"]),
    ]);
}

#[test]
fn connections_vary() {
    check_requests(&[
        ("the old version ends and needs no host", "GET / HTTP/1.0\r\n\r\n", &["GET / at  ends"]),
        ("the old version keeps when asked", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", &["GET / at  keeps"]),
        (
            "close may stand in a list",
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: x ,Close\r\n\r\n",
            &["GET / at a ends"],
        ),
        (
            "close may stand in a second line",
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: x\r\nConnection: close\r\n\r\n",
            &["GET / at a ends"],
        ),
        (
            "a word that begins with close is another",
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n\r\n",
            &["GET / at a keeps"],
        ),
        ("an empty line may come before a request", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", &["GET / at a keeps"]),
        (
            "an empty line may come after a body",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            &["POST / at a keeps \"x\"", "GET / at a keeps"],
        ),
        (
            "requests may come before answers",
            "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET",
            &["GET /1 at a keeps", "GET /2 at a keeps", "and the beginning of another"],
        ),
    ]);
}

#[test]
fn bodies_vary() {
    const CHUNKED: &str = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let rows = [
        ("a size may have either case", "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", "\"01234567890123456789\""),
        ("a size may begin with zeros", "0003\r\nabc\r\n000\r\n\r\n", "\"abc\""),
        ("an extension has no meaning", "3;x\r\nabc\r\n0;y=z\r\n\r\n", "\"abc\""),
        ("an extension may be quoted and empty", "3;x=\"a;b\"; ;\r\nabc\r\n0\r\n\r\n", "\"abc\""),
        ("data may look like anything", "7\r\n0\r\n\r\nGE\r\n0\r\n\r\n", "\"0\\r\\n\\r\\nGE\""),
        ("trailers come after the data", "1\r\nx\r\n0\r\nX: 1\r\ny:2\r\n\r\n", "\"x\" X=1 y=2"),
    ];
    check(rows.map(|(sentence, text, expected)| {
        (sentence, requests(&format!("{CHUNKED}{text}")), Ok(vec![format!("POST / at a keeps {expected}")]))
    }));
    check_requests(&[
        (
            "the coding may be in any case",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: CHUNKED\r\n\r\n1\r\nx\r\n0\r\n\r\n",
            &["POST / at a keeps \"x\""],
        ),
        (
            "a length may begin with zeros",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 003\r\n\r\nabc",
            &["POST / at a keeps \"abc\""],
        ),
        (
            "a length of nothing is no body",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            &["POST / at a keeps", "GET / at a keeps"],
        ),
        (
            "any method may have a body",
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nxGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            &["GET / at a keeps \"x\"", "GET / at a keeps"],
        ),
        (
            "a body without a length is none",
            "POST / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            &["POST / at a keeps", "GET / at a keeps"],
        ),
    ]);
}

/// A response as `STATUS keeps|ends "BODY" [TRAILERS]`, its interim ones before it; `...` if only the end of the stream ends it.
fn response(to_head: bool, text: &str) -> Result<String, HttpError> {
    let (mut reader, mut seen, mut body) =
        (ResponseReader::new(to_head, &Limits::default()), String::new(), Vec::new());
    let mut at = 0;
    while let (consumed, Some(event)) = reader.on_input(&text.as_bytes()[at..])? {
        match event {
            ResponseEvent::Interim(head) => seen += &format!("{} then ", head.status().code()),
            ResponseEvent::Head(head) => {
                seen += &format!("{} {}", head.status().code(), if head.keep_alive() { "keeps" } else { "ends" });
            }
            ResponseEvent::Data(data) => body.extend_from_slice(&text.as_bytes()[at..][data]),
            ResponseEvent::Done => {}
        }
        at += consumed;
    }
    let is_done = reader.is_done();
    reader.on_end()?;
    seen += &format!(" {:?}", String::from_utf8_lossy(&body));
    for (name, value) in reader.take_trailers().iter().flat_map(|trailers| trailers.iter()) {
        seen += &format!(" {name}={}", String::from_utf8_lossy(value));
    }
    Ok(if is_done { seen } else { seen + " ..." })
}

#[test]
fn responses_vary() {
    const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let rows = [
        ("a reason may be empty", "HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\nx".to_owned(), "200 keeps \"x\""),
        (
            "a reason may be missing with its space",
            "HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx".to_owned(),
            "200 keeps \"x\"",
        ),
        (
            "a reason may be of another script",
            "HTTP/1.1 404 Schön weg\r\nContent-Length: 0\r\n\r\n".to_owned(),
            "404 keeps \"\"",
        ),
        (
            "a status may be one that nobody knows",
            "HTTP/1.1 299 Odd\r\nContent-Length: 1\r\n\r\nx".to_owned(),
            "299 keeps \"x\"",
        ),
        (
            "without a length the end of the stream ends it",
            "HTTP/1.1 200 OK\r\n\r\nx".to_owned(),
            "200 keeps \"x\" ...",
        ),
        ("the old version ends", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx".to_owned(), "200 ends \"x\""),
        (
            "the old version may keep",
            "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx".to_owned(),
            "200 keeps \"x\"",
        ),
        (
            "chunks have extensions and trailers",
            format!("{CHUNKED}1;a\r\nx\r\n0\r\nETag: e\r\n\r\n"),
            "200 keeps \"x\" ETag=e",
        ),
        (
            "interim answers come first",
            "HTTP/1.1 100 \r\n\r\nHTTP/1.1 103 Hints\r\nLink: l\r\n\r\nHTTP/1.1 204 No\r\n\r\n".to_owned(),
            "100 then 103 then 204 keeps \"\"",
        ),
        (
            "a status without a body may name a length",
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n".to_owned(),
            "304 keeps \"\"",
        ),
    ];
    check(rows.map(|(sentence, text, expected)| (sentence, response(false, &text), Ok(expected.to_owned()))));
    check([
        (
            "an answer to HEAD has a length and no body",
            response(true, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
            Ok("200 keeps \"\"".to_owned()),
        ),
        (
            "an answer to HEAD has a coding and no body",
            response(true, "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
            Ok("200 keeps \"\"".to_owned()),
        ),
    ]);
}
