//! Every incremental reader says the same, however its input is cut: on what our own encoders write, where it is also known
//! what must come out, on the same with damage, and on noise. And what one side writes, the other reads.
//!
//! The readings themselves are those of the fuzz targets (`fuzz/src`); here proptest makes their inputs, and shrinks them.

use crore_http::{
    BodyLength, ConnectionField, Fields, Framing, Limits, SseLimits, Status, WsLimits, chunk, encode_request,
    encode_response, encode_trailers,
};
use proptest::prelude::*;
use proptest::sample::Index;

#[path = "../../../fuzz/src/body.rs"]
pub mod body;
#[path = "../../../fuzz/src/request.rs"]
pub mod request;
#[path = "../../../fuzz/src/response.rs"]
pub mod response;
#[path = "../../../fuzz/src/splits.rs"]
pub mod splits;
#[path = "../../../fuzz/src/sse.rs"]
pub mod sse;
#[path = "../../../fuzz/src/websocket.rs"]
pub mod websocket;

use crore_http::ws::Role;
use websocket::Seen;

/// Names and values that may stand in a head and behind a body, and that no codec sets or drops itself.
fn lines() -> impl Strategy<Value = Vec<(String, String)>> {
    prop::collection::vec(("X-[A-Za-z0-9-]{0,8}", "([!-~\u{e4}]([ -~\t]{0,12}[!-~])?)?"), 0..5)
}

fn fields(lines: &[(String, String)]) -> Fields {
    let mut fields = Fields::new();
    for (name, value) in lines {
        fields.push(name, value).expect("the strategy makes lines that can be sent");
    }
    fields
}

/// The same lines as a reader gives them.
fn read_lines(lines: &[(String, String)]) -> body::Lines {
    lines.iter().map(|(name, value)| (name.clone(), value.clone().into_bytes())).collect()
}

fn data() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(prop::collection::vec(any::<u8>(), 1..80), 0..5)
}

fn cuts() -> impl Strategy<Value = Vec<Index>> {
    prop::collection::vec(any::<Index>(), 0..20)
}

/// `input` cut at these places, some of which may be the same.
fn cut<'a>(input: &'a [u8], cuts: &[Index]) -> Vec<&'a [u8]> {
    let mut bounds: Vec<usize> = cuts.iter().map(|cut| cut.index(input.len() + 1)).collect();
    bounds.extend([0, input.len()]);
    bounds.sort_unstable();
    bounds.windows(2).map(|pair| &input[pair[0]..pair[1]]).collect()
}

/// What happens to an input on its way: a byte changed, left out or put in, a piece repeated, the rest lost.
#[derive(Clone, Debug)]
struct Damage {
    kind: u8,
    place: Index,
    other: Index,
    byte: u8,
}

fn damages() -> impl Strategy<Value = Vec<Damage>> {
    let telling = prop::sample::select(b"\r\n\0 \t:;,0f=%\x7e\x7f\x80\xff".to_vec());
    let damage = (0..5_u8, any::<Index>(), any::<Index>(), prop_oneof![any::<u8>(), telling]);
    let damage = damage.prop_map(|(kind, place, other, byte)| Damage { kind, place, other, byte });
    prop::collection::vec(damage, 1..4)
}

fn damaged(mut input: Vec<u8>, damages: &[Damage]) -> Vec<u8> {
    for Damage { kind, place, other, byte } in damages {
        let at = place.index(input.len() + 1);
        match kind {
            0 if at < input.len() => input[at] = *byte,
            1 if at < input.len() => drop(input.remove(at)),
            2 => input.insert(at, *byte),
            3 => {
                let piece = input[at.min(other.index(input.len() + 1))..at].to_vec();
                input.splice(at..at, piece);
            }
            _ => input.truncate(at),
        }
    }
    input
}

/// Bytes with many of those that mean something to a reader.
fn noise(telling: &'static [u8]) -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![4 => prop::sample::select(telling.to_vec()), 1 => any::<u8>()];
    prop::collection::vec(byte, 0..200)
}

/// A request's method, target, headers, body in chunks, trailers, and whether the body has a length.
type Sent = (String, String, Vec<(String, String)>, Vec<Vec<u8>>, Vec<(String, String)>, bool);

fn requests() -> impl Strategy<Value = Vec<Sent>> {
    let request = ("[A-Z]{1,8}", "/[a-z?%/]{0,20}", lines(), data(), lines(), any::<bool>());
    prop::collection::vec(request, 1..4)
}

/// A body as it goes over the wire, and the framing that says so.
fn body_text(chunks: &[Vec<u8>], trailers: &[(String, String)], has_length: bool) -> (Framing, Vec<u8>) {
    if has_length {
        let body = chunks.concat();
        return (Framing::Length(body.len() as u64), body);
    }
    let mut text: Vec<u8> = chunks.iter().flat_map(|data| chunk(data)).collect();
    text.extend(encode_trailers(&fields(trailers)).expect("names that begin with X- may stand there"));
    (Framing::Chunked, text)
}

fn request_text(sent: &[Sent]) -> Vec<u8> {
    let mut text = Vec::new();
    for (method, target, headers, chunks, trailers, has_length) in sent {
        let (framing, body) = body_text(chunks, trailers, *has_length);
        let head = encode_request(method, target, "a:1", &fields(headers), framing, ConnectionField::Implied);
        text.extend(head.expect("the strategy makes requests that can be sent"));
        text.extend(body);
    }
    text
}

fn response_text(headers: &[(String, String)], chunks: &[Vec<u8>], trailers: &[(String, String)], kind: u8) -> Vec<u8> {
    let (framing, body) = match kind {
        0 => (Framing::UntilClose, chunks.concat()),
        kind => body_text(chunks, trailers, kind == 1),
    };
    let connection = if kind == 0 { ConnectionField::Close } else { ConnectionField::Implied };
    let mut text = b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n".to_vec();
    text.extend(encode_response(Status::OK, &fields(headers), framing, connection));
    text.extend(body);
    text
}

fn seen() -> impl Strategy<Value = Vec<Seen>> {
    let bytes = |most| prop::collection::vec(any::<u8>(), 0..most);
    let one = prop_oneof![
        "[\\PC\u{e4}\u{20ac}\u{1f600}]{0,25}".prop_map(Seen::Text),
        bytes(300).prop_map(Seen::Binary),
        bytes(126).prop_map(Seen::Ping),
        bytes(126).prop_map(Seen::Pong),
    ];
    let end = prop::option::of(("[a-z\u{e4}]{0,20}", prop::option::of(3000..5000_u16)));
    (prop::collection::vec(one, 0..6), end).prop_map(|(mut all, end)| {
        let end = end.map(|(reason, code)| Seen::Close(code, if code.is_some() { reason } else { String::new() }));
        all.extend(end);
        all
    })
}

fn websocket_text(seen: &[Seen], role: Role) -> Vec<u8> {
    seen.iter().flat_map(|seen| websocket::frame(seen, role)).collect()
}

fn roles() -> impl Strategy<Value = Role> {
    prop::sample::select(vec![Role::Server, Role::Client])
}

/// The first byte of an input of `websocket`, which stands for the role.
fn role_byte(role: Role) -> u8 {
    u8::from(role == Role::Client)
}

fn events() -> impl Strategy<Value = Vec<(String, String, String)>> {
    prop::collection::vec(("[^\r\n]{1,8}", "[^\r\n\0]{0,8}", "[^\r\0]{0,20}"), 0..6)
}

fn event_text(events: &[(String, String, String)]) -> Vec<u8> {
    let encode = |(event, id, data): &(String, String, String)| {
        crore_http::sse::encode(Some(event), Some(id), data, None).expect("the strategy makes events that can be sent")
    };
    events.iter().flat_map(encode).collect()
}

proptest! {
    #[test]
    fn requests_read_as_they_were_sent_in_any_split(sent in requests(), cuts in cuts()) {
        let text = request_text(&sent);
        let (read, error) = request::read(&Limits::default(), &cut(&text, &cuts));
        prop_assert_eq!((error, read.len()), (None, sent.len()));
        for (read, (method, target, headers, chunks, trailers, has_length)) in read.iter().zip(&sent) {
            prop_assert_eq!((&read.line[0], &read.line[1], read.is_done), (method, target, true));
            prop_assert_eq!(&read.headers[1..=headers.len()], &read_lines(headers)[..]);
            prop_assert_eq!(&read.body, &chunks.concat());
            prop_assert_eq!(&read.trailers, &if *has_length { vec![] } else { read_lines(trailers) });
        }
    }

    #[test]
    fn requests_with_damage_read_the_same_in_any_split(sent in requests(), damages in damages(), cuts in cuts()) {
        let text = damaged(request_text(&sent), &damages);
        request::run(&text);
        let whole = request::read(&Limits::default(), &[&text]);
        prop_assert_eq!(whole, request::read(&Limits::default(), &cut(&text, &cuts)));
    }

    #[test]
    fn noise_reads_as_the_same_requests_in_any_split(text in noise(b"GET / HTTP/1.1\r\nHost:\r\n\r\n")) {
        request::run(&text);
    }

    #[test]
    fn a_response_reads_as_it_was_sent_in_any_split(
        (headers, chunks, trailers) in (lines(), data(), lines()),
        kind in 0..3_u8,
        cuts in cuts(),
    ) {
        let text = response_text(&headers, &chunks, &trailers, kind);
        let (read, error) = response::read(false, &Limits::default(), &cut(&text, &cuts));
        prop_assert_eq!(error, None);
        let statuses: Vec<u16> = read.heads.iter().map(|(status, _)| *status).collect();
        prop_assert_eq!(statuses, [103, 200]);
        prop_assert_eq!(&read.heads[1].1[..headers.len()], &read_lines(&headers)[..]);
        prop_assert_eq!(&read.body, &chunks.concat());
        prop_assert_eq!(&read.trailers, &if kind == 2 { read_lines(&trailers) } else { vec![] });
        prop_assert_eq!(read.done_after, (kind != 0).then_some(text.len()));
        prop_assert_eq!(read.end, Some(Ok(kind == 0)));
    }

    #[test]
    fn a_response_with_damage_reads_the_same_in_any_split(
        (headers, chunks, trailers) in (lines(), data(), lines()),
        kind in 0..3_u8,
        to_head in any::<bool>(),
        damages in damages(),
        cuts in cuts(),
    ) {
        let text = damaged(response_text(&headers, &chunks, &trailers, kind), &damages);
        response::run(&[&[u8::from(to_head)], &text[..]].concat());
        let whole = response::read(to_head, &Limits::default(), &[&text]);
        prop_assert_eq!(whole, response::read(to_head, &Limits::default(), &cut(&text, &cuts)));
    }

    #[test]
    fn noise_reads_as_the_same_response_in_any_split(text in noise(b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n")) {
        response::run(&[b"\0HTTP/1.1 200 OK\r\n", &text[..]].concat());
        response::run(&text);
    }

    #[test]
    fn a_chunked_body_reads_as_it_was_sent_in_any_split(chunks in data(), trailers in lines(), cuts in cuts()) {
        let (_, mut text) = body_text(&chunks, &trailers, false);
        let length = text.len();
        text.extend(b"next");
        let (read, error) = body::read(BodyLength::Chunked, &Limits::default(), &cut(&text, &cuts));
        prop_assert_eq!((read.done_after, error), (Some(length), None));
        prop_assert_eq!((read.data, read.trailers), (chunks.concat(), read_lines(&trailers)));
    }

    #[test]
    fn a_body_with_a_length_reads_as_it_was_sent_in_any_split(data in data(), more in 0..10_usize, cuts in cuts()) {
        let mut text = data.concat();
        let length = text.len();
        text.extend(vec![b'n'; more]);
        let (read, error) = body::read(BodyLength::Fixed(length as u64), &Limits::default(), &cut(&text, &cuts));
        prop_assert_eq!((read.done_after, error), (Some(length), None));
        prop_assert_eq!(read.data, data.concat());
    }

    #[test]
    fn a_body_with_damage_reads_the_same_in_any_split(
        kind in any::<u8>(),
        chunks in data(),
        trailers in lines(),
        damages in damages(),
    ) {
        let (_, text) = body_text(&chunks, &trailers, false);
        body::run(&[&[kind], &damaged(text, &damages)[..]].concat());
    }

    #[test]
    fn noise_reads_as_the_same_body_in_any_split(kind in any::<u8>(), text in noise(b"012af;\r\n\r\nA: b")) {
        body::run(&[&[kind], &text[..]].concat());
    }

    #[test]
    fn websocket_events_read_as_they_were_sent_in_any_split(sent in seen(), role in roles(), cuts in cuts()) {
        let text = websocket_text(&sent, role);
        let (read, end) = websocket::read(role, &WsLimits::default(), &cut(&text, &cuts));
        let is_idle = !matches!(sent.last(), Some(Seen::Close(..)));
        prop_assert_eq!((read, end), (sent, Ok(is_idle)));
    }

    #[test]
    fn websocket_frames_with_damage_read_the_same_in_any_split(
        sent in seen(),
        role in roles(),
        damages in damages(),
        cuts in cuts(),
    ) {
        let text = damaged(websocket_text(&sent, role), &damages);
        websocket::run(&[&[role_byte(role)], &text[..]].concat());
        let whole = websocket::read(role, &WsLimits::default(), &[&text]);
        prop_assert_eq!(whole, websocket::read(role, &WsLimits::default(), &cut(&text, &cuts)));
    }

    #[test]
    fn noise_reads_as_the_same_websocket_in_any_split(
        role in roles(),
        text in noise(b"\x00\x01\x02\x80\x81\x82\x88\x89\x8a\x01\x03\x7e\x7f\xc3\xa4"),
    ) {
        websocket::run(&[&[role_byte(role)], &text[..]].concat());
    }

    #[test]
    fn events_read_as_they_were_sent_in_any_split(sent in events(), cuts in cuts()) {
        let text = event_text(&sent);
        let (read, error) = sse::read(&SseLimits::default(), &cut(&text, &cuts));
        let sent: Vec<[String; 3]> = sent.into_iter().map(|(event, id, data)| [event, data, id]).collect();
        prop_assert_eq!((read.events, error), (sent, None));
    }

    #[test]
    fn events_with_damage_read_the_same_in_any_split(sent in events(), damages in damages(), cuts in cuts()) {
        let text = damaged(event_text(&sent), &damages);
        sse::run(&text);
        let whole = sse::read(&SseLimits::default(), &[&text]);
        prop_assert_eq!(whole, sse::read(&SseLimits::default(), &cut(&text, &cuts)));
    }

    #[test]
    fn noise_reads_as_the_same_events_in_any_split(text in noise(b"data: id: event: retry: 1\r\n\n\r\0\xff")) {
        sse::run(&text);
    }
}
