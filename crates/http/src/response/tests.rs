use super::*;
use crate::{BodyLength, HttpError, Limits};
use proptest::prelude::*;

/// What a reader makes of a stream: a line for each head, the body, whether it was done, what was left.
fn read(to_head: bool, parts: &[&[u8]], ends: bool) -> Result<(Vec<String>, Vec<u8>, bool, usize), HttpError> {
    let mut reader = ResponseReader::new(to_head, &Limits::default());
    let (mut heads, mut body, mut left) = (Vec::new(), Vec::new(), 0);
    for part in parts {
        let mut at = 0;
        loop {
            let (consumed, event) = reader.on_input(&part[at..])?;
            match event {
                Some(ResponseEvent::Interim(head) | ResponseEvent::Head(head)) => heads.push(head.status().to_string()),
                Some(ResponseEvent::Data(data)) => body.extend_from_slice(&part[at..][data]),
                Some(ResponseEvent::Done) => assert!(reader.is_done()),
                None => {
                    left += part.len() - at - consumed;
                    break;
                }
            }
            at += consumed;
        }
    }
    if ends {
        reader.on_end()?;
    }
    Ok((heads, body, reader.is_done(), left))
}

fn one(text: &str) -> Result<(Vec<String>, Vec<u8>, bool, usize), HttpError> {
    read(false, &[text.as_bytes()], false)
}

#[test]
fn a_response_reads_as_it_was_written() {
    let mut fields = Fields::new();
    fields.push("Content-Type", "text/plain").unwrap();
    let head = encode_response(Status::OK, &fields, Framing::Length(5), ConnectionField::Close);
    let expected = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nConnection: close\r\n\r\n";
    assert_eq!(str::from_utf8(&head).unwrap(), expected);
    assert!(head.capacity() >= head.len());
    let done = one(&format!("{expected}hellomore")).unwrap();
    assert_eq!(done, (vec!["200 OK".to_owned()], b"hello".to_vec(), true, 4));
}

#[test]
fn a_request_reads_as_it_was_written() {
    let mut fields = Fields::new();
    fields.push("Accept", "*/*").unwrap();
    let head = encode_request("POST", "/a?b", "h:1", &fields, Framing::Chunked, ConnectionField::Implied).unwrap();
    let mut reader = crate::HeadReader::new(&Limits::default());
    let crate::Progress::Complete { consumed, head: read } = reader.on_input(&head).unwrap() else {
        panic!("a whole head");
    };
    assert_eq!((consumed, read.method(), read.target()), (head.len(), "POST", "/a?b"));
    assert_eq!((read.host(), read.body(), read.header("accept")), ("h:1", BodyLength::Chunked, Some("*/*")));
}

#[test]
fn what_is_sent_cannot_smuggle() {
    let send = |method, target, host| {
        encode_request(method, target, host, &Fields::new(), Framing::None, ConnectionField::Implied)
    };
    assert!(matches!(send("GET /", "/", "h"), Err(FieldError::Method(_))));
    for target in ["", "/ HTTP/1.1\r\nA: b", "/\u{e4}", "/a b", "/#a"] {
        assert!(matches!(send("GET", target, "h"), Err(FieldError::Target(_))));
    }
    for host in ["a\r\nb", "a/b", "u@h"] {
        assert!(matches!(send("GET", "/", host), Err(FieldError::Host(_))));
    }
}

#[test]
fn chunks_have_their_length_in_front() {
    assert_eq!(chunk(b"a"), b"1\r\na\r\n");
    assert_eq!(&chunk(&[b'x'; 4096])[..6], b"1000\r\n");
    assert_eq!(&chunk(&[b'x'; 0xabc])[..5], b"abc\r\n");
    assert_eq!(chunk(b""), b"");
}

#[test]
fn interim_responses_come_before_the_final_one() {
    let done =
        one("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nA: b\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n");
    let heads = ["100 Continue", "103 ", "204 No Content"].map(str::to_owned).to_vec();
    assert_eq!(done, Ok((heads, vec![], true, 0)));
    let endless = "HTTP/1.1 100 Continue\r\n\r\n".repeat(9);
    assert_eq!(one(&endless), Err(HttpError::TooManyInterim { limit: 8 }));
}

#[test]
fn an_upgrade_leaves_the_rest_to_the_other_protocol() {
    let done = one("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x01\x02").unwrap();
    assert_eq!((done.2, done.3), (true, 2));
}

#[test]
fn some_responses_have_no_body() {
    let text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
    assert_eq!(read(true, &[text.as_bytes()], true).map(|done| done.2), Ok(true));
    assert_eq!(read(false, &[text.as_bytes()], true), Err(HttpError::Truncated));
    let unchanged = "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n";
    assert_eq!(one(unchanged).map(|done| done.2), Ok(true));
}

#[test]
fn the_end_of_the_stream_ends_a_body_without_length() {
    let text = "HTTP/1.0 200 OK\r\n\r\nabc";
    assert_eq!(one(text).map(|done| (done.1, done.2)), Ok((b"abc".to_vec(), false)));
    assert_eq!(read(false, &[text.as_bytes()], true).map(|done| done.2), Ok(true));
}

#[test]
fn responses_that_can_be_split_are_refused() {
    for (text, error) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", HttpError::LengthAndCoding),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", HttpError::LengthRepeated),
        ("HTTP/1.1 200 OK\nA: b\r\n\r\n", HttpError::ForbiddenByte { byte: b'\n', at: 15 }),
        ("HTTP/1.1 99 No\r\n\r\n", HttpError::ResponseStatus),
        ("HTTP/1.1 999 No\r\n\r\n", HttpError::ResponseStatus),
        ("HTTP/2.0 200 OK\r\n\r\n", HttpError::Version),
        ("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", HttpError::Fold { at: 23 }),
    ] {
        assert_eq!(one(text), Err(error), "{text:?}");
    }
}

proptest! {
    #[test]
    fn any_split_gives_the_same_response(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..30), 0..4),
        framing in 0..3,
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let body = chunks.concat();
        let (framing, connection) = match framing {
            0 => (Framing::Length(body.len() as u64), ConnectionField::Implied),
            1 => (Framing::Chunked, ConnectionField::KeepAlive),
            _ => (Framing::UntilClose, ConnectionField::Close),
        };
        let mut text = CONTINUE.to_vec();
        text.extend(encode_response(Status::OK, &Fields::new(), framing, connection));
        match framing {
            Framing::Chunked => {
                text.extend(chunks.iter().flat_map(|data| chunk(data)));
                text.extend(LAST_CHUNK);
            }
            _ => text.extend(&body),
        }
        let mut bounds: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
        bounds.extend([0, text.len()]);
        bounds.sort_unstable();
        let parts: Vec<&[u8]> = bounds.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
        let heads = ["100 Continue", "200 OK"].map(str::to_owned).to_vec();
        prop_assert_eq!(read(false, &parts, true), Ok((heads, body, true, 0)));
    }
}
