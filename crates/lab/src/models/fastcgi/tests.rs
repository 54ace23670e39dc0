//! Records and parameters: what is written is read, and what is cut or strange is an error.

use super::record::{Kind, Record, begin_responder, pairs, push_pair, push_stream};

#[test]
fn a_stream_longer_than_a_record_is_split_and_ended_by_an_empty_one() {
    let bytes: Vec<u8> = (0..100_000_u32).map(|number| number as u8).collect();
    let mut out = Vec::new();
    push_stream(&mut out, Kind::Input, &bytes);
    let mut rest = &out[..];
    let mut read = Vec::new();
    let mut lengths = Vec::new();
    while !rest.is_empty() {
        let record = Record::read(&mut rest).unwrap();
        assert_eq!(record.kind, Kind::Input);
        lengths.push(record.content.len());
        read.extend(record.content);
    }
    assert_eq!(lengths, [65_535, 34_465, 0]);
    assert_eq!(read, bytes);
}

#[test]
fn padding_is_dropped() {
    let mut bytes = &[1, 6, 0, 1, 0, 2, 3, 0, b'h', b'i', 0, 0, 0][..];
    let record = Record::read(&mut bytes).unwrap();
    assert_eq!(record, Record { kind: Kind::Output, content: b"hi".to_vec() });
    assert!(bytes.is_empty());
}

#[test]
fn another_version_type_or_request_is_refused_with_its_bytes() {
    for header in [[2, 6, 0, 1, 0, 0, 0, 0], [1, 99, 0, 1, 0, 0, 0, 0], [1, 6, 0, 2, 0, 0, 0, 0]] {
        let error = Record::read(&mut &header[..]).unwrap_err().to_string();
        assert!(error.contains(&format!("{header:?}")), "{error}");
    }
}

#[test]
fn a_cut_record_is_an_error() {
    let mut out = Vec::new();
    begin_responder(&mut out);
    for length in 0..out.len() {
        assert!(Record::read(&mut &out[..length]).is_err(), "{length} bytes are no record");
    }
}

#[test]
fn parameters_short_and_long_come_back() {
    let long = "x".repeat(300);
    let mut bytes = Vec::new();
    push_pair(&mut bytes, "QUERY_STRING", &long);
    push_pair(&mut bytes, "PATH_INFO", "");
    assert_eq!(pairs(&bytes).unwrap(), [("QUERY_STRING", long.as_str()), ("PATH_INFO", "")]);
    for length in [1, 5, bytes.len() - 1] {
        assert!(pairs(&bytes[..length]).is_err(), "{length} bytes are a part of them");
    }
}
