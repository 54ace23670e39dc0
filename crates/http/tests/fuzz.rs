//! The fuzz targets of this crate, without a fuzzer: the same functions, on the inputs where a fuzzer starts, on those that it
//! has found worth keeping, and on each of them damaged at every place. The same inputs every time, so a failure repeats.

#[path = "../../../fuzz/src/body.rs"]
pub mod body;
#[path = "../../../fuzz/src/corpora.rs"]
pub mod corpora;
#[path = "../../../fuzz/src/messages.rs"]
pub mod messages;
#[path = "../../../fuzz/src/query.rs"]
pub mod query;
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

/// What takes the place of a byte: ends of lines and fields, digits, a high bit, a mask and a length of WebSockets.
const DAMAGE: &[u8] = b"\r\n \t:;,0f\0\x7e\x7f\x80\xff";

/// Runs a target on every input, and names the one that fails.
fn replay(target: fn(&[u8]), inputs: &[Vec<u8>]) {
    assert!(!inputs.is_empty(), "a target without inputs proves nothing");
    for input in inputs {
        let outcome = std::panic::catch_unwind(|| target(input));
        assert!(outcome.is_ok(), "failed on {:?}", input.escape_ascii().to_string());
    }
}

/// Each input cut after every byte, and with every byte changed, doubled and left out.
fn damaged(inputs: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for input in inputs {
        for at in 0..input.len() {
            let (before, after) = (&input[..at], &input[at + 1..]);
            all.push(before.to_vec());
            all.push([before, after].concat());
            all.push([before, &[input[at]; 2], after].concat());
            all.extend(DAMAGE.iter().map(|&byte| [before, &[byte], after].concat()));
        }
    }
    all
}

macro_rules! targets {
    ($($name:ident: $target:path, $seeds:path, $corpus:literal;)+) => {
        $(#[test]
        fn $name() {
            let seeds = $seeds();
            replay($target, &seeds);
            replay($target, &damaged(&seeds));
            replay($target, &corpora::inputs(include_bytes!(concat!("../../../fuzz/corpora/", $corpus))));
        })+
    };
}

targets! {
    requests_stand_seeds_damage_and_what_a_fuzzer_kept: request::run, messages::requests, "request";
    responses_stand_seeds_damage_and_what_a_fuzzer_kept: response::run, messages::responses, "response";
    bodies_stand_seeds_damage_and_what_a_fuzzer_kept: body::run, messages::bodies, "body";
    websockets_stand_seeds_damage_and_what_a_fuzzer_kept: websocket::run, messages::websockets, "websocket";
    event_streams_stand_seeds_damage_and_what_a_fuzzer_kept: sse::run, messages::streams, "sse";
    queries_stand_seeds_damage_and_what_a_fuzzer_kept: query::run, messages::queries, "query";
}

#[test]
fn a_packed_corpus_reads_as_it_was_packed() {
    let inputs = vec![b"".to_vec(), b"a".to_vec(), vec![7; 300]];
    assert_eq!(corpora::inputs(&corpora::pack(&inputs)), inputs);
    assert_eq!(corpora::pack(&[vec![0; corpora::INPUT_BYTES_MAX + 1]]), b"", "too long to be kept");
}
