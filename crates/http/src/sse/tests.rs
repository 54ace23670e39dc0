use super::*;
use crate::SseLimits;
use proptest::prelude::*;

fn text(event: Option<&str>, id: Option<&str>, data: &str, retry_ms: Option<u64>) -> String {
    String::from_utf8(encode(event, id, data, retry_ms).unwrap()).unwrap()
}

/// All events of a stream that comes in these parts: name, data, id.
fn read(parts: &[&[u8]]) -> Result<(Vec<[String; 3]>, Option<u64>), SseError> {
    let mut reader = Reader::new(&SseLimits { event_bytes: 100 });
    let mut events = Vec::new();
    for part in parts {
        let mut at = 0;
        loop {
            let (consumed, event) = reader.on_input(&part[at..])?;
            at += consumed;
            let Some(event) = event else { break };
            events.push([event.event, event.data, event.id].map(str::to_owned));
        }
        assert_eq!(at, part.len());
    }
    Ok((events, reader.retry_ms()))
}

fn events(stream: &str) -> Vec<[String; 3]> {
    read(&[stream.as_bytes()]).unwrap().0
}

#[test]
fn events_are_lines_with_names() {
    assert_eq!(text(None, None, "a", None), "data: a\n\n");
    assert_eq!(text(Some("e"), Some("7"), "a", Some(3000)), "event: e\nid: 7\nretry: 3000\ndata: a\n\n");
    assert_eq!(text(None, Some(""), "", None), "id: \ndata: \n\n");
    assert_eq!(comment("a\nb"), b": a\n: b\n\n");
    assert_eq!(retry(5), b"retry: 5\n\n");
}

#[test]
fn data_cannot_write_lines_of_its_own() {
    assert_eq!(text(None, None, "a\nid: 1\r\nb\rc\n", None), "data: a\ndata: id: 1\ndata: b\ndata: c\ndata: \n\n");
    assert_eq!(encode(Some("a\nb"), None, "", None), Err(SseError::EventName));
    assert_eq!(encode(Some("a\rb"), None, "", None), Err(SseError::EventName));
    for id in ["a\nb", "a\rb", "a\0b"] {
        assert_eq!(encode(None, Some(id), "", None), Err(SseError::Id));
    }
    assert_eq!(comment("a\r\ndata: b"), b": a\n: data: b\n\n");
}

#[test]
fn the_examples_of_the_standard_read_as_it_says() {
    let event = |data: &str, id: &str| ["message", data, id].map(str::to_owned);
    assert_eq!(events("data: YHOO\ndata: +2\ndata: 10\n\n"), [event("YHOO\n+2\n10", "")]);
    let stream = ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n";
    assert_eq!(events(stream), [event("first event", "1"), event("second event", ""), event(" third event", "")]);
    assert_eq!(events("data\n\ndata\ndata\n\ndata:"), [event("", ""), event("\n", "")]);
    assert_eq!(events("data:test\n\ndata: test\n\n"), [event("test", ""), event("test", "")]);
}

#[test]
fn all_line_ends_and_a_byte_order_mark_are_known() {
    let event = |name: &str, data: &str| [name, data, ""].map(str::to_owned);
    assert_eq!(
        events("\u{feff}data: a\r\n\r\ndata: b\r\rdata: c\n\n"),
        ["a", "b", "c"].map(|data| event("message", data))
    );
    assert_eq!(
        events("event: x\n\ndata: a\n\nevent: y\ndata: b\nfoo: bar\n\n"),
        [event("message", "a"), event("y", "b")]
    );
    assert_eq!(read(&[b"retry: 12\nretry: x1\n\n"]).unwrap().1, Some(12));
}

#[test]
fn long_lines_and_events_are_refused() {
    let limit = Err(SseError::TooLarge { limit: 100 });
    assert_eq!(read(&[&[b'a'; 101]]), limit);
    assert_eq!(read(&[&[b'a'; 60], &[b'a'; 60]]), limit);
    let lines = format!("data: {}\n", "b".repeat(60)).repeat(2);
    assert_eq!(read(&[lines.as_bytes()]), limit);
}

#[test]
fn the_last_event_id_is_bounded() {
    let head = |value: &[u8]| {
        let text = [b"GET / HTTP/1.1\r\nHost: a\r\nLast-Event-ID: ", value, b"\r\n\r\n"].concat();
        match crate::HeadReader::new(&crate::Limits::default()).on_input(&text).unwrap() {
            crate::Progress::Complete { head, .. } => head,
            crate::Progress::Partial => panic!("a whole head"),
        }
    };
    assert_eq!(last_event_id(&head(b"epoch:12")), Ok(Some("epoch:12")));
    assert_eq!(last_event_id(&head(b"")), Ok(None));
    assert_eq!(last_event_id(&head(b"\xff")), Err(SseError::Id));
    let error = last_event_id(&head(&[b'1'; 257])).unwrap_err();
    assert_eq!(error, SseError::LastEventIdTooLong { length: 257, limit: 256 });
}

proptest! {
    #[test]
    fn what_is_sent_is_read_back_in_any_split(
        sent in prop::collection::vec((prop::option::of("[^\r\n]{1,8}"), prop::option::of("[^\r\n\0]{0,8}"), "[^\r\0]{0,20}"), 0..6),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let (mut stream, mut expected, mut last_id) = (Vec::new(), Vec::new(), String::new());
        for (event, id, data) in &sent {
            stream.extend(encode(event.as_deref(), id.as_deref(), data, None).unwrap());
            stream.extend(KEEP_ALIVE);
            last_id = id.clone().unwrap_or(last_id);
            expected.push([event.clone().unwrap_or("message".into()), data.clone(), last_id.clone()]);
        }
        let mut bounds: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        bounds.extend([0, stream.len()]);
        bounds.sort_unstable();
        let parts: Vec<&[u8]> = bounds.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
        prop_assert_eq!(read(&parts).unwrap().0, expected);
    }

    #[test]
    fn any_split_of_any_bytes_gives_the_same_events(
        bytes in prop::collection::vec(prop::sample::select(b"data:id event\r\n\n\r\0\xff".to_vec()), 0..120),
        cut in any::<prop::sample::Index>(),
    ) {
        let (left, right) = bytes.split_at(cut.index(bytes.len() + 1));
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        prop_assert_eq!(read(&[&bytes]), read(&[left, right]));
        prop_assert_eq!(read(&[&bytes]), read(&single));
    }
}

#[test]
fn an_id_counts_when_its_block_is_complete() {
    let mut reader = Reader::new(&SseLimits::default());
    let (_, event) = reader.on_input(b"id: a\n\nid: b\ndata: 1\n").expect("it is well formed");
    assert_eq!(event, None, "the block of b is not complete");
    assert_eq!(reader.last_event_id(), "a", "the event of b has not been given yet: resuming from b would lose it");
    let (_, event) = reader.on_input(b"\n").expect("it is well formed");
    assert_eq!(event.map(|event| event.id.to_owned()), Some("b".to_owned()));
    assert_eq!(reader.last_event_id(), "b");
}
