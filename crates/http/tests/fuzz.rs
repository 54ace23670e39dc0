//! The fuzz targets of this crate, without a fuzzer: the same functions, on the inputs where a fuzzer starts, on those that it
//! has found worth keeping, and on each of them damaged at every place. The same inputs every time, so a failure repeats.

#[path = "../../../fuzz/src/body.rs"]
pub mod body;
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
    ($($name:ident: $target:path, $seeds:path;)+) => {
        $(#[test]
        fn $name() {
            let seeds = $seeds();
            replay($target, &seeds);
            replay($target, &damaged(&seeds));
        })+
    };
}

targets! {
    requests_stand_where_a_fuzzer_starts_and_damage_to_it: request::run, messages::requests;
    responses_stand_where_a_fuzzer_starts_and_damage_to_it: response::run, messages::responses;
    bodies_stand_where_a_fuzzer_starts_and_damage_to_it: body::run, messages::bodies;
    websockets_stand_where_a_fuzzer_starts_and_damage_to_it: websocket::run, messages::websockets;
    event_streams_stand_where_a_fuzzer_starts_and_damage_to_it: sse::run, messages::streams;
    queries_stand_where_a_fuzzer_starts_and_damage_to_it: query::run, messages::queries;
}
