//! What a segment costs: the engine's own work on the same segments again and again, so that an instruction counter that
//! looks at nothing but the functions named below divides to a figure that does not wobble.
//!
//! ```text
//! segment exchange|bulk ROUNDS
//! valgrind --tool=callgrind --toggle-collect='segment::measured*' segment exchange 100
//! ```
//!
//! Two engines in one process; what crosses between them is copied outside of the measured function. `exchange`: 32
//! connections, on each a request of 64 bytes is received, delivered and answered by 64 bytes that carry the ACK; the next
//! request acknowledges those. `bulk`: one connection, bursts of 32 full-sized segments are received, delivered and acknowledged. It prints
//! how many segments the measured function took.

mod pair;

use std::process::ExitCode;

use crore_base::frame::Frame;
use crore_base::payload::Payload;
use crore_base::time::Instant;
use crore_tcp::{ConnId, Engine, Event, Ready};

use pair::Pair;

/// Segments in a burst.
const BURST: usize = 32;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let segments = match words[..] {
        ["exchange", rounds] => rounds.parse().ok().map(exchange),
        ["bulk", rounds] => rounds.parse().ok().map(bulk),
        _ => None,
    };
    match segments {
        Some(segments) => {
            println!("{segments}");
            ExitCode::SUCCESS
        }
        None => {
            eprintln!("usage: segment exchange|bulk ROUNDS");
            ExitCode::from(2)
        }
    }
}

/// One turn of the server: a burst comes in, what it brought is delivered, and echoed if asked for, and what there is to say
/// goes out. The instruction counter looks here and nowhere else.
#[inline(never)]
fn measured(server: &mut Engine, now: Instant, burst: &mut Vec<Frame>, out: &mut Vec<Frame>, echo: bool) -> usize {
    let mut delivered = 0;
    server.on_input(now, burst);
    while let Some(event) = server.poll_event() {
        let Event::Connection { conn, ready, .. } = event else { continue };
        if ready.contains(Ready::READABLE) {
            delivered += deliver(server, conn, echo);
        }
    }
    server.poll_output(now, out, 256);
    delivered
}

fn deliver(server: &mut Engine, conn: ConnId, echo: bool) -> usize {
    let mut delivered = 0;
    while let Some(received) = server.recv(conn) {
        delivered += received.len();
        if echo {
            let answer = Payload::from(server.bytes(&received));
            server.send(conn, answer).expect("64 bytes fit the send queue");
        }
        server.give_back(received);
    }
    delivered
}

fn exchange(rounds: usize) -> usize {
    let mut pair = Pair::new(BURST);
    let request = Payload::from(&[0x5a; 64]);
    let mut segments = 0;
    for _ in 0..rounds {
        for index in 0..BURST {
            let conn = pair.clients[index];
            pair.client.send(conn, request.clone()).expect("64 bytes fit the send queue");
        }
        let mut burst = pair.to_server();
        segments += burst.len();
        let now = pair.tick();
        let mut out = Vec::with_capacity(256);
        let delivered = measured(&mut pair.server, now, &mut burst, &mut out, true);
        assert_eq!(delivered, BURST * 64, "every request was delivered");
        pair.to_client(out);
        pair.drain_client();
    }
    segments
}

fn bulk(rounds: usize) -> usize {
    let mut pair = Pair::new(1);
    let block = Payload::from(vec![0x5a; 1 << 20]);
    let mut segments = 0;
    let mut delivered = 0;
    for _ in 0..rounds {
        let conn = pair.clients[0];
        while pair.client.writable(conn) >= block.len() {
            pair.client.send(conn, block.clone()).expect("there is room");
        }
        let mut burst = pair.to_server_at_most(BURST);
        segments += burst.len();
        let now = pair.tick();
        let mut out = Vec::with_capacity(256);
        delivered += measured(&mut pair.server, now, &mut burst, &mut out, false);
        pair.to_client(out);
    }
    assert!(delivered / segments > 1400, "segments were full-sized, not {delivered} bytes in {segments}");
    segments
}
