//! What two readers are known to understand in two ways: each is refused with its status, and the request that an attacker has
//! hidden behind it is never read. One row, one sentence; every row is read whole and byte by byte.

use crore_http::{HttpError, Limits, ResponseReader};

#[path = "../../../fuzz/src/body.rs"]
pub mod body;
#[path = "../../../fuzz/src/request.rs"]
pub mod request;
#[path = "../../../fuzz/src/splits.rs"]
pub mod splits;

/// What stands behind every attack. It is read if the attack leaves the reader where a second one might be.
const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";

/// A head's beginning; a row goes on with lines, the empty line, and a body.
const START: &str = "POST / HTTP/1.1\r\nHost: a\r\n";

/// A head of a chunked body; a row goes on with chunks.
const CHUNKED: &str = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

/// What is wrong with one row: another status, or the hidden request was read.
fn wrong(sentence: &str, text: &str, status: u16) -> Option<String> {
    let text = format!("{text}{HIDDEN}");
    let single: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
    let [whole, by_bytes] = [&[text.as_bytes()][..], &single].map(|parts| request::read(&Limits::default(), parts));
    if whole != by_bytes {
        return Some(format!("{sentence}: {whole:?}, but byte by byte {by_bytes:?}"));
    }
    let (requests, error) = whole;
    if requests.iter().any(|request| request.line[1] == "/hidden") {
        return Some(format!("{sentence}: the hidden request was read"));
    }
    let read = error.map(|error| error.status().code());
    (read != Some(status)).then(|| format!("{sentence}: {error:?} instead of {status}"))
}

fn check(start: &str, status: u16, rows: &[(&str, &str)]) {
    let wrong: Vec<String> =
        rows.iter().filter_map(|(sentence, rest)| wrong(sentence, &format!("{start}{rest}"), status)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_length_that_two_readers_could_read_differently_is_refused() {
    check(
        START,
        400,
        &[
            ("two lengths that differ", "Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}"),
            ("two lengths that agree", "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"),
            ("a list of lengths that agree", "Content-Length: 2, 2\r\n\r\n{}"),
            ("a list of lengths that differ", "Content-Length: 2,40\r\n\r\n{}"),
            ("a list with nothing behind its comma", "Content-Length: 2,\r\n\r\n{}"),
            ("a length with a plus", "Content-Length: +2\r\n\r\n{}"),
            ("a length with a minus", "Content-Length: -2\r\n\r\n{}"),
            ("a length in hexadecimal", "Content-Length: 0x2\r\n\r\n{}"),
            ("a length with a fraction", "Content-Length: 2.0\r\n\r\n{}"),
            ("a length with an exponent", "Content-Length: 2e0\r\n\r\n{}"),
            ("a length with a unit", "Content-Length: 2b\r\n\r\n{}"),
            ("a length with a space in it", "Content-Length: 2 2\r\n\r\n{}"),
            ("a length with underscores", "Content-Length: 0_2\r\n\r\n{}"),
            ("a length in quotes", "Content-Length: \"2\"\r\n\r\n{}"),
            ("a length in other digits", "Content-Length: \u{662}\r\n\r\n{}"),
            ("an empty length", "Content-Length:\r\n\r\n{}"),
            ("a length one above 64 bits", "Content-Length: 18446744073709551616\r\n\r\n{}"),
            ("a length that wraps to two in 64 bits", "Content-Length: 18446744073709551618\r\n\r\n{}"),
            ("a length of 21 digits that begins with zeros", "Content-Length: 000000000000000000002\r\n\r\n{}"),
            ("a length behind a vertical tab", "Content-Length: \x0b2\r\n\r\n{}"),
            ("a length behind a NUL", "Content-Length: \x002\r\n\r\n{}"),
        ],
    );
}

#[test]
fn a_coding_that_two_readers_could_read_differently_is_refused() {
    check(
        START,
        400,
        &[
            ("a length, then chunks", "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            ("chunks, then a length", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
            ("chunks, and a length of nothing", "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n"),
            ("chunks within chunks", "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
            ("chunks in two lines", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            ("chunks that are not last", "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
            (
                "chunks that are not last, in two lines",
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n",
            ),
            ("chunks before identity", "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
            ("chunks with a parameter", "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n"),
            ("chunks in quotes", "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"),
            ("a word that ends in chunked", "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
            ("a word that begins with chunked", "Transfer-Encoding: chunkedx\r\n\r\n0\r\n\r\n"),
            ("chunks behind a comma", "Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n"),
            ("chunks before a comma", "Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n"),
            ("chunks behind a vertical tab", "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n"),
            ("chunks behind a NUL", "Transfer-Encoding: \0chunked\r\n\r\n0\r\n\r\n"),
            ("an empty coding", "Transfer-Encoding:\r\n\r\n0\r\n\r\n"),
            ("identity alone", "Transfer-Encoding: identity\r\n\r\n0\r\n\r\n"),
            ("gzip alone", "Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n"),
        ],
    );
    check(
        START,
        501,
        &[
            ("a coding besides chunks", "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
            (
                "a coding besides chunks, in two lines",
                "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            ),
            ("identity besides chunks", "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ],
    );
    check(
        "POST / HTTP/1.0\r\n",
        400,
        &[
            ("chunks in the old version", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            (
                "chunks in the old version on a connection that goes on",
                "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            ),
        ],
    );
}

#[test]
fn a_chunk_that_two_readers_could_read_differently_is_refused() {
    check(
        CHUNKED,
        400,
        &[
            ("a size with a plus", "+2\r\n{}\r\n0\r\n\r\n"),
            ("a size with a minus", "-2\r\n{}\r\n0\r\n\r\n"),
            ("a size with 0x", "0x2\r\n{}\r\n0\r\n\r\n"),
            ("a size with an underscore", "0_2\r\n{}\r\n0\r\n\r\n"),
            ("a size behind a space", " 2\r\n{}\r\n0\r\n\r\n"),
            ("a size before a space", "2 \r\n{}\r\n0\r\n\r\n"),
            ("a size before a space and an extension", "2 ;x\r\n{}\r\n0\r\n\r\n"),
            ("a size before a tab", "2\t\r\n{}\r\n0\r\n\r\n"),
            ("a size before a NUL", "2\0\r\n{}\r\n0\r\n\r\n"),
            ("no size", "\r\n{}\r\n0\r\n\r\n"),
            ("an extension without a size", ";x\r\n{}\r\n0\r\n\r\n"),
            ("a size of 17 digits that wraps to two", "10000000000000002\r\n{}\r\n0\r\n\r\n"),
            ("a size of 17 digits that begins with zeros", "00000000000000002\r\n{}\r\n0\r\n\r\n"),
            ("a size that a line feed ends", "2\n{}\r\n0\r\n\r\n"),
            ("a size that a carriage return ends", "2\r{}\r\n0\r\n\r\n"),
            ("a size that two carriage returns end", "2\r\r\n{}\r\n0\r\n\r\n"),
            ("an extension with a line feed", "2;a\nb\r\n{}\r\n0\r\n\r\n"),
            ("an extension with a carriage return", "2;a\rb\r\n{}\r\n0\r\n\r\n"),
            ("an extension with a NUL", "2;\0\r\n{}\r\n0\r\n\r\n"),
            ("data longer than its size", "2\r\n{}x\r\n0\r\n\r\n"),
            ("data that a line feed ends", "2\r\n{}\n0\r\n\r\n"),
            ("data that nothing ends", "2\r\n{}0\r\n\r\n"),
            ("a last chunk that a line feed ends", "2\r\n{}\r\n0\n\r\n"),
            ("a trailer that a line feed ends", "0\r\nA: b\n\r\n"),
            ("a trailer with a space before its colon", "0\r\nA : b\r\n\r\n"),
            ("a trailer that is folded", "0\r\nA: b\r\n c\r\n\r\n"),
            ("a trailer without a colon", "0\r\nGET /hidden HTTP/1.1\r\n\r\n"),
            ("a trailer that is a length", "0\r\nContent-Length: 40\r\n\r\n"),
            ("a trailer that is a coding", "0\r\nTransfer-Encoding: chunked\r\n\r\n"),
            ("a trailer that is a host", "0\r\nHost: b\r\n\r\n"),
        ],
    );
    check(CHUNKED, 413, &[("a size of 64 bits", "ffffffffffffffff\r\n{}\r\n0\r\n\r\n")]);
}

#[test]
fn a_line_that_two_readers_could_read_differently_is_refused() {
    check(
        START,
        400,
        &[
            ("a line feed alone between headers", "A: b\nContent-Length: 40\r\n\r\n"),
            ("line feeds alone at the end", "A: b\n\n"),
            ("a carriage return alone in a value", "A: b\rContent-Length: 40\r\n\r\n"),
            ("a carriage return too many", "A: b\r\r\nContent-Length: 40\r\n\r\n"),
            ("a folded value", "A: b\r\n Content-Length: 40\r\n\r\n"),
            ("a value folded by a tab", "A: b\r\n\tContent-Length: 40\r\n\r\n"),
            ("a folded empty line", "A: b\r\n \r\n\r\n"),
            ("a space before a colon", "Content-Length : 40\r\n\r\n"),
            ("a tab before a colon", "Content-Length\t: 40\r\n\r\n"),
            ("a space before a name", "A: b\r\n Content-Length: 40\r\n\r\n"),
            ("a NUL in a name", "Content-Length\0: 40\r\n\r\n"),
            ("a NUL in a value", "A: \0\r\n\r\n"),
            ("a delete in a value", "A: \x7f\r\n\r\n"),
            ("a name with a space", "A B: c\r\n\r\n"),
            ("a name in other letters", "\u{c4}: c\r\n\r\n"),
            ("a name in brackets", "(A): c\r\n\r\n"),
            ("no name", ": c\r\n\r\n"),
            ("no colon", "Content-Length 40\r\n\r\n"),
            ("a second host", "Host: b\r\n\r\n"),
            ("a second host that agrees", "Host: a\r\n\r\n"),
        ],
    );
}

#[test]
fn a_first_line_or_host_that_two_readers_could_read_differently_is_refused() {
    check(
        "",
        400,
        &[
            ("no host", "GET / HTTP/1.1\r\n\r\n"),
            ("a host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
            ("a host with a user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"),
            ("a host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
            ("a host with two ports", "GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n"),
            ("a host with a word for a port", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n"),
            ("a host with a bracket that is not closed", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"),
            ("an absolute target with a user", "GET http://u@b/ HTTP/1.1\r\nHost: a\r\n\r\n"),
            ("an absolute target without a host", "GET http:///hidden HTTP/1.1\r\nHost: a\r\n\r\n"),
            ("a target of another scheme", "GET ftp://b/ HTTP/1.1\r\nHost: a\r\n\r\n"),
            ("a target that is a name", "GET b HTTP/1.1\r\nHost: a\r\n\r\n"),
            ("a target with a fragment", "GET /#b HTTP/1.1\r\nHost: a\r\n\r\n"),
            ("a target with other letters", "GET /\u{e4} HTTP/1.1\r\nHost: a\r\n\r\n"),
            ("a star that nobody may ask", "GET * HTTP/1.1\r\nHost: a\r\n\r\n"),
            ("two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
            ("a tab for a space", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"),
            ("a space behind the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
            ("no version", "GET /\r\nHost: a\r\n\r\n"),
            ("a version in small letters", "GET / http/1.1\r\nHost: a\r\n\r\n"),
            ("a first line that is folded", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
            ("a first line that a line feed ends", "GET / HTTP/1.1\nHost: a\r\n\r\n"),
            ("two empty lines first", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
            ("a line feed first", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
            ("a space first", " GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
            ("TLS", "\x16\x03\x01\x02\0\x01\0"),
        ],
    );
    check(
        "",
        505,
        &[
            ("the version of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
            ("a version to come", "GET / HTTP/1.2\r\nHost: a\r\n\r\n"),
            ("a version long gone", "GET / HTTP/0.9\r\nHost: a\r\n\r\n"),
        ],
    );
}

#[test]
fn a_response_that_two_readers_could_read_differently_is_refused() {
    for (sentence, head, error) in [
        (
            "a length and chunks",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            HttpError::LengthAndCoding,
        ),
        ("two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", HttpError::LengthRepeated),
        ("a length that is none", "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n", HttpError::LengthInvalid),
        (
            "chunks that are not last",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
            HttpError::CodingInvalid,
        ),
        (
            "chunks in the old version",
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            HttpError::CodingInOldVersion,
        ),
        ("a status of two digits", "HTTP/1.1 20 OK\r\n\r\n", HttpError::ResponseStatus),
        ("an empty line first", "\r\nHTTP/1.1 200 OK\r\n\r\n", HttpError::HeaderLine { byte: b'/', at: 6 }),
        ("a space before a colon", "HTTP/1.1 200 OK\r\nA : b\r\n\r\n", HttpError::SpaceBeforeColon { at: 18 }),
    ] {
        let whole = ResponseReader::new(false, &Limits::default()).on_input(head.as_bytes()).map(|_| ());
        assert_eq!(whole, Err(error), "{sentence}");
    }
}
