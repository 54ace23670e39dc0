//! The server in simulated worlds: every byte may come alone, and hours pass at once.

use std::cell::Cell;
use std::future::pending;
use std::net::SocketAddr;
use std::rc::Rc;

use crore_http::{Fields, Status};
use crore_rt::net::{ConnectOptions, ListenOptions, StreamOption, TcpListener, TcpStream};
use crore_rt::time::{self, Duration};
use crore_rt::{spawn, task_count};
use crore_web::client::{Client, ClientError, ClientOptions};
use crore_web::{Application, Request, Response, Route, Server, ServerOptions};

/// What handlers of these tests share.
#[derive(Default)]
struct State {
    handlers_dropped: Cell<u32>,
}

/// Counts when a handler that waits is dropped.
struct Tripwire(Rc<State>);

impl Drop for Tripwire {
    fn drop(&mut self) {
        self.0.handlers_dropped.set(self.0.handlers_dropped.get() + 1);
    }
}

fn application() -> Application<State> {
    Application::new(State::default())
        .get("/", async |_| Response::text("root"))
        .get("/hello/{name}", async |request: Request<State>| {
            let greeting = request.query("greeting")?.unwrap_or("Hello".into());
            Ok::<_, Response>(Response::text(format!("{greeting}, {}", request.parameter("name"))))
        })
        .post("/echo", async |request: Request<State>| Response::of("application/octet-stream", request.into_body()))
        .get("/slow", async |_| {
            time::sleep(Duration::from_secs(5)).await;
            Response::text("slow")
        })
        .get("/never", async |request: Request<State>| {
            let _tripwire = Tripwire(Rc::clone(request.state()));
            pending::<Response>().await
        })
        .get("/large", async |_| Response::of("text/plain", vec![b'x'; 600_000]))
        .get("/panic", async |request: Request<State>| -> Response { panic!("asked to, by {}", request.head().host()) })
        .get("/empty", async |_| Status::NO_CONTENT)
        .get("/split", async |request: Request<State>| {
            let value = request.query("value")?.unwrap_or_default().into_owned();
            Response::new(Status::OK).with("X-Value", &value).map_err(Response::from)
        })
        .get("/take", async |_| Response::event_stream(|stream, unread| spawn(say_back(stream, unread)).detach()))
        .route(Route::new("POST", "/small", async |_| Status::NO_CONTENT).body_limit(10))
}

/// Sends five bytes back as an event: those that were read too far, and those that come.
async fn say_back(mut stream: TcpStream, unread: Box<[u8]>) {
    let mut bytes = unread.into_vec();
    while bytes.len() < 5 {
        bytes.extend_from_slice(&stream.recv().await.unwrap());
    }
    stream.send([b"data: ", &bytes[..], b"\n\n"].concat()).unwrap();
}

fn start(options: ServerOptions) -> (SocketAddr, Server<State>) {
    let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap(), &ListenOptions::default()).unwrap();
    let address = listener.local_addr();
    let server = Server::new(application(), options);
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

/// What the server answers to these bytes before it ends the connection.
async fn talk(address: SocketAddr, bytes: impl Into<Vec<u8>>) -> String {
    let mut stream = connect(address).await;
    stream.send(bytes.into()).unwrap();
    read_to_end(&mut stream).await
}

fn statuses(text: &str) -> Vec<&str> {
    let codes = text.match_indices("HTTP/1.1 ").filter_map(|(at, start)| text.get(at + start.len()..)?.get(..3));
    codes.filter(|code| code.bytes().all(|byte| byte.is_ascii_digit())).collect()
}

#[crore_rt::test(seeds = 10)]
async fn one_connection_serves_many_requests() {
    let (address, server) = start(ServerOptions::default());
    let mut client = Client::connect(address, "example", ClientOptions::default()).await.unwrap();
    assert_eq!(client.get("/").await.unwrap().text(), "root");
    let answer = client.get("/hello/w%c3%b6rld?greeting=Good+day").await.unwrap();
    assert_eq!(answer.text(), "Good day, w\u{f6}rld");
    assert_eq!(answer.head.header("content-type"), Some("text/plain; charset=utf-8"));
    assert!(answer.head.header("date").is_some_and(|date| date.ends_with(" GMT")));
    let answer = client.request("POST", "/echo", &Fields::new(), b"\0\xff").await.unwrap();
    assert_eq!(answer.body, b"\0\xff");
    let answer = client.request("HEAD", "/", &Fields::new(), &[]).await.unwrap();
    assert_eq!((answer.head.header("content-length"), answer.body.len()), (Some("4"), 0));
    assert_eq!(client.get("/empty").await.unwrap().head.status(), Status::NO_CONTENT);
    assert_eq!(
        client.get("/large").await.err().map(|error| error.to_string()).as_deref(),
        Some("malformed response: body of 600000 bytes or more, the limit is 65536: send less")
    );
    assert_eq!((server.counts().accepted, server.counts().requests), (1, 6));
}

#[crore_rt::test(seeds = 10)]
async fn misses_are_answered_and_the_connection_goes_on() {
    let (address, _server) = start(ServerOptions::default());
    let mut client = Client::connect(address, "example", ClientOptions::default()).await.unwrap();
    assert_eq!(client.get("/nowhere").await.unwrap().head.status(), Status::NOT_FOUND);
    let answer = client.get("/echo").await.unwrap();
    assert_eq!((answer.head.status().code(), answer.head.header("allow")), (405, Some("POST")));
    assert_eq!(client.get("/hello/%zz").await.unwrap().head.status(), Status::BAD_REQUEST);
    assert_eq!(client.get("/hello/x?greeting=%f").await.unwrap().head.status(), Status::BAD_REQUEST);
    let answer = client.get("/split?value=a%0d%0aSet-Cookie:+b").await.unwrap();
    assert_eq!((answer.head.status().code(), answer.head.header("set-cookie")), (500, None));
    assert!(client.is_reusable());
}

#[crore_rt::test(seeds = 20)]
async fn pipelined_requests_are_answered_in_their_order() {
    let (address, _server) = start(ServerOptions::default());
    let one = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut text: String = (0..40).map(|n| one(&format!("/hello/{n}"))).collect();
    text += &one("/slow");
    text += "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n";
    text += "GET /hello/last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /hello/unheard HTTP/1.1\r\n";
    let answer = talk(address, text).await;
    let mut at = 0;
    for n in (0..40).map(|n| format!("Hello, {n}")).chain(["slow", "abcde", "Hello, last"].map(str::to_owned)) {
        let found = answer[at..].find(&n).unwrap_or_else(|| panic!("{n} after byte {at}"));
        at += found + n.len();
    }
    assert_eq!(statuses(&answer).len(), 43);
    assert!(!answer.contains("unheard"));
}

#[crore_rt::test(seeds = 10)]
async fn a_malformed_request_is_refused_and_the_connection_closed() {
    let (address, server) = start(ServerOptions::default());
    for (text, status) in [
        ("GET / HTTP/1.1\r\n\r\n", "400"),
        ("GET / HTTP/1.1\nHost: a\n\n", "400"),
        ("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "400"),
        ("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\nx", "400"),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", "505"),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "501"),
    ] {
        let answer = talk(address, text).await;
        assert_eq!(statuses(&answer), [status], "{text:?}");
        assert!(answer.contains("Connection: close\r\n") && answer.ends_with('\n'));
    }
    assert_eq!(statuses(&talk(address, format!("GET /{} HTTP/1.1\r\n", "a".repeat(5000))).await), ["414"]);
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n", "a".repeat(9000));
    assert_eq!(statuses(&talk(address, long).await), ["431"]);
    assert_eq!(server.counts().refused, 8);
}

#[crore_rt::test(seeds = 10)]
async fn a_body_beyond_its_limit_is_refused_before_it_comes() {
    let (address, _server) = start(ServerOptions::default());
    let head = "POST /small HTTP/1.1\r\nHost: a\r\n";
    let declared = format!("{head}Content-Length: 11\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(statuses(&talk(address, declared).await), ["413"]);
    // The response arrives although the peer sends on without reading.
    let mut sent = format!("{head}Content-Length: 100000\r\n\r\n").into_bytes();
    sent.resize(100_000, b'x');
    assert_eq!(statuses(&talk(address, sent).await), ["413"]);
    let chunks = format!("{head}Transfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n5\r\nabcde\r\n0\r\n\r\n");
    assert_eq!(statuses(&talk(address, chunks).await), ["413"]);
    let fits = format!("{head}Content-Length: 10\r\nConnection: close\r\n\r\n0123456789");
    assert_eq!(statuses(&talk(address, fits).await), ["204"]);
    let unread = "POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    assert_eq!(statuses(&talk(address, unread).await), ["404"]);
}

#[crore_rt::test(seeds = 10)]
async fn a_client_that_waits_for_leave_gets_it() {
    let (address, _server) = start(ServerOptions::default());
    let mut stream = connect(address).await;
    let head =
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n";
    stream.send(head).unwrap();
    let mut answer = String::new();
    while !answer.ends_with("\r\n\r\n") {
        answer += str::from_utf8(&stream.recv().await.unwrap()).unwrap();
    }
    assert_eq!(answer, "HTTP/1.1 100 Continue\r\n\r\n");
    stream.send("abc").unwrap();
    let answer = read_to_end(&mut stream).await;
    assert!(statuses(&answer) == ["200"] && answer.ends_with("abc"));
}

/// Sends `text` a byte a second; returns the answer and how long it took.
async fn drip(address: SocketAddr, text: &str) -> (String, Duration) {
    let begun = time::now();
    let mut stream = connect(address).await;
    let id = stream.id();
    let bytes = text.as_bytes().to_vec();
    let sender = spawn(async move {
        for byte in bytes {
            if id.send(&[byte]).is_err() {
                break;
            }
            time::sleep(Duration::from_secs(1)).await;
        }
    });
    let answer = read_to_end(&mut stream).await;
    drop(sender);
    (answer, time::now() - begun)
}

#[crore_rt::test(seeds = 10)]
async fn slow_heads_and_bodies_have_one_deadline() {
    let (address, server) = start(ServerOptions::default());
    let (answer, took) = drip(address, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(statuses(&answer), ["408"]);
    assert!(took >= Duration::from_secs(10) && took < Duration::from_secs(13), "{took}");

    let mut stream = connect(address).await;
    stream.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc").unwrap();
    let begun = time::now();
    assert_eq!(statuses(&read_to_end(&mut stream).await), ["408"]);
    let took = time::now() - begun;
    assert!(took >= Duration::from_secs(30) && took < Duration::from_secs(33), "{took}");
    assert_eq!(server.counts().timed_out, 2);
}

#[crore_rt::test(seeds = 10)]
async fn connections_that_ask_nothing_are_closed() {
    let (address, server) = start(ServerOptions::default());
    let begun = time::now();
    let mut silent = connect(address).await;
    assert_eq!(read_to_end(&mut silent).await, "");
    assert!(time::now() - begun >= Duration::from_secs(10));

    let mut idle = connect(address).await;
    let begun = time::now();
    idle.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!(statuses(&read_to_end(&mut idle).await), ["200"]);
    let took = time::now() - begun;
    assert!(took >= Duration::from_secs(75) && took < Duration::from_secs(77), "{took}");
    assert_eq!((server.counts().timed_out, server.counts().idle_closed), (1, 1));
}

#[crore_rt::test(seeds = 10)]
async fn a_peer_that_does_not_read_is_reset() {
    let (address, server) = start(ServerOptions::default());
    let stream = connect(address).await;
    stream.set(StreamOption::SendLimit(1 << 20)).unwrap();
    for _ in 0..3 {
        stream.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    }
    time::sleep(Duration::from_secs(40)).await;
    assert_eq!((server.counts().slow_readers, server.counts().requests), (1, 1));
}

#[crore_rt::test(seeds = 10)]
async fn a_large_response_comes_whole() {
    let (address, _server) = start(ServerOptions::default());
    let answer = talk(address, "GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(statuses(&answer) == ["200"] && answer.contains("Content-Length: 600000\r\n"));
    assert_eq!(answer.len() - answer.find("\r\n\r\n").unwrap() - 4, 600_000);
}

#[crore_rt::test(seeds = 10)]
async fn a_handler_goes_with_its_peer() {
    let (address, server) = start(ServerOptions::default());
    let stream = connect(address).await;
    stream.send("GET /never HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    time::sleep(Duration::from_secs(60)).await;
    assert_eq!(server.state().handlers_dropped.get(), 0);
    drop(stream);
    time::sleep(Duration::from_secs(1)).await;
    assert_eq!((server.state().handlers_dropped.get(), server.counts().abandoned), (1, 1));
}

#[crore_rt::test(seeds = 10)]
async fn a_panic_is_answered_and_harms_nobody_else() {
    let (address, server) = start(ServerOptions::default());
    assert_eq!(statuses(&talk(address, "GET /panic HTTP/1.1\r\nHost: a\r\n\r\n").await), ["500"]);
    let mut client = Client::connect(address, "example", ClientOptions::default()).await.unwrap();
    assert_eq!(client.get("/").await.unwrap().text(), "root");
    assert_eq!(server.counts().panics, 1);
}

#[crore_rt::test(seeds = 20)]
async fn a_takeover_gets_the_stream_and_what_was_read_too_far() {
    let (address, server) = start(ServerOptions::default());
    let text = talk(address, "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /take HTTP/1.1\r\nHost: a\r\n\r\nextra").await;
    assert_eq!(statuses(&text), ["200", "200"]);
    assert!(text.contains("Content-Type: text/event-stream\r\n") && text.contains("Connection: close\r\n"));
    assert!(text.ends_with("\r\n\r\ndata: extra\n\n"));
    let head = talk(address, "HEAD /take HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(statuses(&head) == ["200"] && head.ends_with("\r\n\r\n"));
    assert_eq!(server.counts().taken_over, 1);
}

#[crore_rt::test(seeds = 10)]
async fn old_clients_are_served_as_they_ask() {
    let (address, _server) = start(ServerOptions::default());
    let closed = talk(address, "GET / HTTP/1.0\r\n\r\n").await;
    assert!(closed.contains("Connection: close\r\n"));
    let text = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n";
    let kept = talk(address, text).await;
    assert_eq!(statuses(&kept), ["200", "200"]);
    assert!(kept.contains("Connection: keep-alive\r\n"));
}

#[crore_rt::test(seeds = 10)]
async fn a_drain_closes_the_idle_and_lets_the_busy_finish() {
    let (address, server) = start(ServerOptions::default());
    let mut idle = Client::connect(address, "example", ClientOptions::default()).await.unwrap();
    idle.get("/").await.unwrap();
    let busy = spawn(async move { talk(address, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await });
    time::sleep(Duration::from_secs(1)).await;
    let drain = server.drain();
    assert_eq!(drain.remaining(), 3);
    drain.start();
    let begun = time::now();
    drain.finished().await;
    let took = time::now() - begun;
    assert!(took >= Duration::from_secs(4) && took < Duration::from_secs(7), "{took}");
    let answer = busy.await.unwrap();
    assert!(statuses(&answer) == ["200"] && answer.contains("Connection: close\r\n"));
    assert!(matches!(idle.get("/").await, Err(ClientError::Ended | ClientError::Io(_))));
    assert!(TcpStream::connect(address, &ConnectOptions::default()).await.is_err());
}

#[crore_rt::test]
async fn connections_are_taken_at_their_rate() {
    let options = ServerOptions { accepts_per_second: Some(20), ..ServerOptions::default() };
    let (address, server) = start(options);
    let begun = time::now();
    let clients: Vec<_> = (0..100).map(|_| spawn(async move { connect(address).await })).collect();
    let mut streams = Vec::new();
    for client in clients {
        streams.push(client.await.unwrap());
    }
    while server.counts().accepted < 100 {
        time::sleep(Duration::from_millis(10)).await;
    }
    let took = time::now() - begun;
    assert!(took >= Duration::from_millis(4900) && took < Duration::from_secs(6), "{took}");
}

#[crore_rt::test(seeds = 5)]
async fn nothing_is_left_when_all_have_gone() {
    let (address, server) = start(ServerOptions::default());
    let before = task_count();
    for _ in 0..50 {
        let mut client = Client::connect(address, "example", ClientOptions::default()).await.unwrap();
        client.get("/").await.unwrap();
    }
    time::sleep(Duration::from_secs(10)).await;
    assert_eq!((task_count(), server.drain().remaining()), (before, 1));
}
