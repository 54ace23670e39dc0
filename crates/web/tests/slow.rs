//! Peers that are slow, never read, or hide a request behind one that is refused, in simulated worlds: hours pass at once.

use std::cell::Cell;
use std::net::SocketAddr;

use crore_rt::net::{ConnectOptions, ListenOptions, StreamOption, TcpListener, TcpStream};
use crore_rt::time::{self, Duration};
use crore_rt::{spawn, task_count};
use crore_web::{Application, Request, Response, Server, ServerOptions};

/// What a response to `/page` carries: long enough that few fill a queue, short enough to be gathered.
const PAGE_BYTES: usize = 2_000;

/// Bytes that a simulated connection holds on its way, as `rt` has it, in each direction.
const NETWORK_BYTES: usize = 64 * 1024;

/// Bytes of responses that the server gathers before it enqueues them, as its limits have it.
const GATHERED_BYTES: usize = 16 * 1024;

/// How many requests came for a path that no test asks for openly.
#[derive(Default)]
struct State {
    hidden: Cell<u32>,
}

fn start(options: ServerOptions) -> (SocketAddr, Server<State>) {
    let application = Application::new(State::default())
        .get("/page", async |_| Response::of("text/plain", vec![b'x'; PAGE_BYTES]))
        .post("/echo", async |request: Request<State>| Response::of("application/octet-stream", request.into_body()))
        .get("/hidden", async |request: Request<State>| {
            request.state().hidden.set(request.state().hidden.get() + 1);
            Response::text("found")
        });
    let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap(), &ListenOptions::default()).unwrap();
    let address = listener.local_addr();
    let server = Server::new(application, options);
    let serving = server.clone();
    spawn(async move { serving.serve(listener).await.unwrap() }).detach();
    (address, server)
}

async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address, &ConnectOptions::default()).await.unwrap()
}

/// All that comes until the connection ends, orderly or not.
async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    while let Ok(lease) = stream.recv().await {
        if lease.is_empty() {
            break;
        }
        text.extend_from_slice(&lease);
    }
    String::from_utf8(text).unwrap()
}

/// The status codes in an answer as far as it came; the text of an error may name the version as well.
fn statuses(text: &str) -> Vec<u16> {
    let after = text.match_indices("HTTP/1.1 ").map(|(at, start)| &text[at + start.len()..]);
    after.filter_map(|rest| rest.get(..3)?.parse().ok()).collect()
}

/// Sends `first` at once, then `again` every second; returns the statuses of the answers, and the time until the
/// connection ended.
async fn drip(address: SocketAddr, first: &str, again: &str) -> (Vec<u16>, Duration) {
    let begun = time::now();
    let mut stream = connect(address).await;
    stream.send(first.as_bytes()).unwrap();
    let (id, again) = (stream.id(), again.as_bytes().to_vec());
    let sender = spawn(async move {
        loop {
            time::sleep(Duration::from_secs(1)).await;
            if again.is_empty() || id.send(&again[..]).is_err() {
                return;
            }
        }
    });
    let answer = read_to_end(&mut stream).await;
    drop(sender);
    (statuses(&answer), time::now() - begun)
}

/// The beginning of a request with a body in chunks.
const CHUNKED: &str = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

#[crore_rt::test(seeds = 5)]
async fn whatever_drips_is_cut_at_its_deadline() {
    let (address, server) = start(ServerOptions::default());
    let answered = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
    let length = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n";
    let rows = [
        ("a method", "M".to_owned(), "M", 10),
        ("a target", "GET /".to_owned(), "x", 10),
        ("header lines", "GET /page HTTP/1.1\r\nHost: a\r\n".to_owned(), "X: y\r\n", 10),
        ("a value", "GET /page HTTP/1.1\r\nX: ".to_owned(), "y", 10),
        ("nothing behind half of an empty line", "\r".to_owned(), "", 10),
        ("a body of a length", format!("{length}\r\n"), "x", 30),
        ("nothing of a body that was asked for", format!("{length}Expect: 100-continue\r\n\r\n"), "", 30),
        ("chunks", CHUNKED.to_owned(), "1\r\nx\r\n", 30),
        ("an extension", format!("{CHUNKED}1;"), "x", 30),
        ("trailers", format!("{CHUNKED}0\r\n"), "X: y\r\n", 30),
    ];
    let mut timed_out = 0;
    for (sentence, first, again, seconds) in rows {
        // On a new connection, and behind a request that was answered.
        for before in ["", answered] {
            let (mut answers, took) = drip(address, &format!("{before}{first}"), again).await;
            answers.retain(|status| *status != 100);
            let expected = if before.is_empty() { vec![408] } else { vec![200, 408] };
            assert_eq!(answers, expected, "{sentence}");
            let range = Duration::from_secs(seconds)..Duration::from_secs(seconds + 4);
            assert!(range.contains(&took), "{sentence}: {took} instead of {seconds} s and the time to close");
            timed_out += 1;
        }
    }
    let counts = server.counts();
    assert_eq!((counts.timed_out, counts.refused, counts.requests), (timed_out, 0, timed_out / 2));
}

#[crore_rt::test(seeds = 5)]
async fn a_pipeline_that_is_never_read_holds_what_the_queue_holds_and_is_reset() {
    let send_queue_bytes = 64 * 1024;
    let (address, server) = start(ServerOptions { send_queue_bytes, ..ServerOptions::default() });
    let before = task_count();
    for (path, response_bytes) in [("/page", PAGE_BYTES), ("/nowhere", 100)] {
        let begun = server.counts();
        let stream = connect(address).await;
        stream.set(StreamOption::SendLimit(8 << 20)).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        stream.send(request.repeat(20_000)).unwrap();
        time::sleep(Duration::from_secs(20)).await;
        let counts = server.counts();
        let answered = (counts.requests + counts.unrouted - begun.requests - begun.unrouted) as usize;
        // What the network between the two holds, what the queue may hold, and what was gathered when it was full.
        let held_bytes = NETWORK_BYTES + send_queue_bytes as usize + GATHERED_BYTES + PAGE_BYTES;
        assert!(answered > 0 && answered * response_bytes <= held_bytes, "{path}: {answered} were answered");
        time::sleep(Duration::from_secs(20)).await;
        let counts = server.counts();
        assert_eq!(counts.slow_readers, begun.slow_readers + 1, "{path}");
        assert_eq!((counts.requests + counts.unrouted - begun.requests - begun.unrouted) as usize, answered);
        drop(stream);
    }
    time::sleep(Duration::from_secs(10)).await;
    assert_eq!(task_count(), before, "nothing is left of them");
}

#[crore_rt::test(seeds = 5)]
async fn nothing_behind_a_refused_request_is_answered() {
    const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";
    let (address, server) = start(ServerOptions::default());
    let post = |rest: &str| format!("POST /echo HTTP/1.1\r\nHost: a\r\n{rest}");
    let rows = [
        ("two lengths", post("Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}"), 400),
        ("a length and chunks", post("Content-Length: 40\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400),
        ("chunks that are not last", post("Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"), 400),
        ("another coding", post("Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), 501),
        ("a chunk size with a plus", format!("{CHUNKED}+2\r\n{{}}\r\n0\r\n\r\n"), 400),
        ("a chunk that is too long", format!("{CHUNKED}2\r\n{{}}x\r\n0\r\n\r\n"), 400),
        ("a chunk that no line end ends", format!("{CHUNKED}2\r\n{{}}0\r\n\r\n"), 400),
        ("a length in the trailers", format!("{CHUNKED}0\r\nContent-Length: 40\r\n\r\n"), 400),
        ("a body beyond its limit", post("Content-Length: 70000\r\n\r\n"), 413),
        ("chunks beyond their limit", format!("{CHUNKED}ffffffff\r\n"), 413),
        ("a line feed alone", "GET /page HTTP/1.1\nHost: a\n\n".to_owned(), 400),
        ("no host", "GET /page HTTP/1.1\r\n\r\n".to_owned(), 400),
        ("another version", "GET /page HTTP/2.0\r\nHost: a\r\n\r\n".to_owned(), 505),
        (
            "a body that nobody asked for",
            "POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 35\r\n\r\n".to_owned(),
            404,
        ),
        ("the old version", "GET /page HTTP/1.0\r\n\r\n".to_owned(), 200),
        ("a wish to close", "GET /page HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".to_owned(), 200),
    ];
    for (sentence, text, status) in rows {
        let mut stream = connect(address).await;
        stream.send(format!("{text}{HIDDEN}")).unwrap();
        let mut answer = String::new();
        while statuses(&answer).is_empty() {
            let lease = stream.recv().await.expect("an answer comes before the end");
            assert!(!lease.is_empty(), "{sentence}: no answer");
            answer += str::from_utf8(&lease).unwrap();
        }
        // While the server waits for the peer to close, more may come.
        let _ = stream.send(HIDDEN);
        answer += &read_to_end(&mut stream).await;
        assert_eq!(statuses(&answer), [status], "{sentence}: {answer}");
        assert!(answer.contains("Connection: close\r\n"), "{sentence}: {answer}");
    }
    assert_eq!(server.state().hidden.get(), 0, "what was hidden was never served");
    assert_eq!(server.counts().requests, 2, "only the last two rows reach a handler");
}
