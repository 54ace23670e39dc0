use super::*;
use crate::{BodyDecoder, BodyLength, LAST_CHUNK, ResponseEvent, ResponseReader, Status, chunk};

/// Names and values of the trailers of a body that ends so, in any split the same.
fn trailers(section: &str) -> Result<Vec<(String, String)>, HttpError> {
    let text = format!("1\r\na\r\n0\r\n{section}\r\n");
    let [whole, single] = [1000, 1].map(|length| {
        let mut decoder = BodyDecoder::new(BodyLength::Chunked, &Limits::default())?;
        for part in text.as_bytes().chunks(length) {
            let mut rest = part;
            while !rest.is_empty() {
                rest = &rest[decoder.on_input(rest)?.consumed..];
            }
        }
        assert!(decoder.is_done());
        let kept = decoder.take_trailers();
        assert!(decoder.take_trailers().is_none(), "they are given once");
        assert!(kept.as_ref().is_none_or(|kept| !kept.is_empty()), "none is none, not an empty list");
        let text = |value: &[u8]| str::from_utf8(value).unwrap().to_owned();
        Ok(kept.iter().flat_map(|kept| kept.iter()).map(|(name, value)| (name.to_owned(), text(value))).collect())
    });
    assert_eq!(whole, single, "{section:?}");
    whole
}

fn pairs(of: &[(&str, &str)]) -> Result<Vec<(String, String)>, HttpError> {
    Ok(of.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

#[test]
fn trailers_are_given_as_they_came() {
    assert_eq!(trailers(""), pairs(&[]));
    assert_eq!(trailers("Digest: x\r\n"), pairs(&[("Digest", "x")]));
    assert_eq!(
        trailers("ETag:  \"a\" \t\r\nServer-Timing:\r\netag: b\r\n"),
        pairs(&[("ETag", "\"a\""), ("Server-Timing", ""), ("etag", "b")])
    );
}

#[test]
fn a_trailer_that_is_of_use_only_in_a_head_is_dropped() {
    assert_eq!(trailers("Content-Type: a\r\nA: b\r\nSET-COOKIE: c\r\n"), pairs(&[("A", "b")]));
    for name in DROPPED {
        assert_eq!(trailers(&format!("{name}: a\r\n")), pairs(&[]), "{name}");
    }
}

#[test]
fn a_trailer_about_framing_routing_or_the_connection_is_refused() {
    for name in REFUSED {
        let error = HttpError::TrailerForbidden { name };
        assert_eq!(trailers(&format!("A: b\r\n{}: 5\r\n", name.to_uppercase())), Err(error), "{name}");
        assert_eq!(error.status(), Status::BAD_REQUEST);
    }
    let text = HttpError::TrailerForbidden { name: "content-length" }.to_string();
    assert_eq!(text, "`content-length` after a body: send it in the head");
}

#[test]
fn a_section_keeps_the_rules_of_heads_and_its_limits() {
    for (section, error) in [
        ("A : b\r\n", HttpError::SpaceBeforeColon { at: 1 }),
        (" A: b\r\n", HttpError::Fold { at: 0 }),
        ("A: b\r\n c\r\n", HttpError::Fold { at: 6 }),
        ("A: \0\r\n", HttpError::ForbiddenByte { byte: 0, at: 3 }),
        (": b\r\n", HttpError::HeaderLine { byte: b':', at: 0 }),
    ] {
        assert_eq!(trailers(section), Err(error), "{section:?}");
    }
    let lines = |number: usize| "A: b\r\n".repeat(number);
    assert_eq!(trailers(&lines(64)).map(|kept| kept.len()), Ok(64));
    assert_eq!(trailers(&lines(65)), Err(HttpError::TooManyHeaders { limit: 64 }));
    let filled = |length: usize| format!("A: {}\r\n", "b".repeat(length - 7));
    assert!(trailers(&filled(4096)).is_ok());
    assert_eq!(trailers(&filled(4097)), Err(HttpError::HeadTooLarge { limit: 4096 }));
}

#[test]
fn more_lines_than_the_table_holds_are_refused_whatever_the_limit() {
    let limits = Limits { headers: u16::MAX, ..Limits::default() };
    let read = |number: usize| {
        let mut decoder = BodyDecoder::new(BodyLength::Chunked, &limits).unwrap();
        decoder.on_input(format!("0\r\n{}\r\n", "A: b\r\n".repeat(number)).as_bytes()).map(|step| step.done)
    };
    assert_eq!(read(128), Ok(true));
    assert_eq!(read(129), Err(HttpError::TooManyHeaders { limit: 128 }));
}

#[test]
fn what_is_sent_behind_a_body_is_read_there() {
    let mut fields = Fields::new();
    assert_eq!(encode_trailers(&fields).unwrap(), LAST_CHUNK);
    fields.push("Digest", "sha-256=x").unwrap();
    let text = [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        &chunk(b"abc")[..],
        &encode_trailers(&fields).unwrap(),
    ];
    let text = text.concat();
    let mut reader = ResponseReader::new(false, &Limits::default());
    let mut at = 0;
    while let (consumed, Some(event)) = reader.on_input(&text[at..]).unwrap() {
        let early = matches!(event, ResponseEvent::Head(_) | ResponseEvent::Data(_));
        assert!(!early || reader.take_trailers().is_none(), "they come last");
        at += consumed;
    }
    assert!(reader.is_done());
    let kept = reader.take_trailers().expect("it has trailers");
    assert_eq!((kept.len(), kept.value("digest")), (1, Some("sha-256=x")));
    assert!(reader.take_trailers().is_none());
}

#[test]
fn what_belongs_in_a_head_cannot_be_sent_behind_a_body() {
    for name in ["Host", "Authorization", "Content-Type", "TE", "Set-Cookie"] {
        let mut fields = Fields::new();
        fields.push("A", "b").unwrap();
        fields.push(name, "x").unwrap();
        let error = encode_trailers(&fields).unwrap_err();
        assert_eq!(error, TrailerError { name: name.to_owned() });
        assert_eq!(error.to_string(), format!("{name:?} may not stand behind a body: send it in the head"));
    }
}

#[test]
fn a_decoder_of_bodies_stays_small() {
    let size = size_of::<BodyDecoder>();
    assert!(size <= 112, "{size} bytes");
}
