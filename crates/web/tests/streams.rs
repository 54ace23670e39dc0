//! Bodies that are read and written piece by piece, and what stands around handlers, in simulated worlds.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;

use crore_http::{Fields, Status};
use crore_rt::net::{ConnectOptions, ListenOptions, TcpListener, TcpStream};
use crore_rt::time::{self, Duration};
use crore_rt::{sim, spawn};
use crore_web::client::{Client, ClientOptions};
use crore_web::{Application, Next, Request, Response, Route, Server, ServerOptions, WriteError};

#[derive(Default)]
struct State {
    /// Bytes that handlers have read of bodies.
    read: Cell<usize>,
    /// Handlers that were dropped before their end.
    dropped: Cell<u32>,
    log: RefCell<Vec<String>>,
}

/// Counts unless it is disarmed.
struct Tripwire(Option<Rc<State>>);

impl Drop for Tripwire {
    fn drop(&mut self) {
        if let Some(state) = &self.0 {
            state.dropped.set(state.dropped.get() + 1);
        }
    }
}

/// Reads a piece each second, and says how many bytes there were.
async fn read_slowly(mut request: Request<State>) -> Response {
    let state = Rc::clone(request.state());
    let mut tripwire = Tripwire(Some(Rc::clone(&state)));
    while let Some(piece) = request.reader().next().await.expect("the body comes whole or the handler is dropped") {
        state.read.set(state.read.get() + piece.len());
        time::sleep(Duration::from_secs(1)).await;
    }
    if let Some(trailers) = request.reader().trailers() {
        state.log.borrow_mut().push(format!("trailer {}", trailers.value("x-digest").unwrap_or("none")));
    }
    tripwire.0 = None;
    Response::text(state.read.get().to_string())
}

async fn log(request: Request<State>, next: Next<State>) -> Response {
    let (state, line) = (Rc::clone(request.state()), request.head().target().to_owned());
    let response = next.run(request).await;
    state.log.borrow_mut().push(format!("{line} {}", response.status().code()));
    response
}

async fn guard(request: Request<State>, next: Next<State>) -> Result<Response, Status> {
    match request.head().header("x-key") {
        Some("wrong") => Err(Status::UNAUTHORIZED),
        _ => Ok(next.run(request).await),
    }
}

fn application() -> Application<State> {
    Application::new(State::default())
        .route(Route::new("POST", "/slow", read_slowly).streamed().body_limit(1_000_000))
        .route(
            Route::new("POST", "/first", async |mut request: Request<State>| {
                let piece = request.reader().next().await.unwrap().unwrap_or_default();
                Response::text(format!("{}", piece.len()))
            })
            .streamed(),
        )
        .get("/count", async |_| {
            Response::stream("text/plain", async |mut writer| {
                for number in 0..1_000 {
                    writer.send(format!("{number}\n")).await?;
                }
                Ok(())
            })
        })
        .get("/eight", async |_| Response::of("text/plain", vec![b'#'; 8_000]))
        .get("/known", async |_| {
            Response::stream("text/plain", async |mut writer| {
                writer.send("12345").await?;
                writer.send("67890").await
            })
            .with_length(10)
        })
        .get("/short", async |_| {
            Response::stream("text/plain", async |mut writer| writer.send("12345").await).with_length(10)
        })
        .get("/long", async |_| {
            Response::stream("text/plain", async |mut writer| writer.send("1234567890!").await).with_length(10)
        })
        .get("/fails", async |_| {
            Response::stream("text/plain", async |mut writer| {
                writer.send("half").await?;
                Err(WriteError::Source("the disk is on fire".into()))
            })
        })
        .get("/trailers", async |_| {
            Response::stream("text/plain", async |mut writer| {
                writer.send("body").await?;
                let mut trailers = Fields::new();
                trailers.push("X-Digest", "42").unwrap();
                assert!(writer.trailers(&Fields::new()).is_ok());
                writer.trailers(&trailers)?;
                let mut framing = Fields::new();
                framing.push("Host", "h").unwrap();
                assert!(writer.trailers(&framing).is_err(), "a host belongs in the head");
                Ok(())
            })
        })
        .get("/endless", async |request: Request<State>| {
            let tripwire = Tripwire(Some(Rc::clone(request.state())));
            Response::stream("text/plain", async move |mut writer| {
                let _tripwire = tripwire;
                loop {
                    writer.send(vec![b'x'; 100_000]).await?;
                }
            })
        })
        .get("/events", async |_| {
            Response::events(async |mut events| {
                events.send("one", Some("1")).await?;
                events.keep_alive().await?;
                events.send_named(Some("news"), "two\nlines", None).await
            })
        })
        .fallback(async |request: Request<State>| {
            Response::text(format!("no {}", request.head().path())).with_status(Status::NOT_FOUND)
        })
        .wrap(guard)
        .wrap(log)
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

async fn client(address: SocketAddr) -> Client {
    Client::connect(address, "here", ClientOptions::default()).await.unwrap()
}

/// All that comes until the connection ends, and whether it ended orderly.
async fn read_to_end(stream: &mut TcpStream) -> (String, bool) {
    let mut text = Vec::new();
    loop {
        match stream.recv().await {
            Ok(bytes) if bytes.is_empty() => return (String::from_utf8(text).unwrap(), true),
            Ok(bytes) => text.extend_from_slice(&bytes),
            Err(_) => return (String::from_utf8(text).unwrap(), false),
        }
    }
}

async fn ask(address: SocketAddr, request: &str) -> (String, bool) {
    let mut stream = connect(address).await;
    stream.send(request).unwrap();
    read_to_end(&mut stream).await
}

#[crore_rt::test(seeds = 20)]
async fn a_body_is_read_no_faster_than_its_handler_asks() {
    let (address, server) = start(ServerOptions::default());
    let mut stream = connect(address).await;
    stream.send("POST /slow HTTP/1.1\r\nHost: h\r\nContent-Length: 400000\r\nConnection: close\r\n\r\n").unwrap();
    stream.send(vec![b'x'; 400_000]).unwrap();
    time::sleep(Duration::from_millis(2_500)).await;
    let read = server.state().read.get();
    assert!(0 < read && read <= 3 * 16 * 1024, "three pieces at most in two and a half seconds, not {read} bytes");
    assert!(stream.id().queued().unwrap() > 100_000, "the rest waits at its sender");
    let (answer, _) = read_to_end(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\n400000"), "{answer}");
    assert_eq!(server.state().read.get(), 400_000);
}

#[crore_rt::test(seeds = 50)]
async fn chunks_of_a_request_reach_the_handler_and_the_connection_goes_on() {
    let (address, server) = start(ServerOptions::default());
    let request = "POST /slow HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\
                   5\r\nhello\r\n6\r\n world\r\n0\r\nX-Digest: 42\r\n\r\nGET /known HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    let (answers, orderly) = ask(address, request).await;
    assert!(
        orderly && answers.contains("\r\n\r\n11HTTP/1.1 200") && answers.ends_with("\r\n\r\n1234567890"),
        "{answers}"
    );
    assert_eq!(server.state().log.borrow()[0], "trailer 42");
}

#[crore_rt::test(seeds = 20)]
async fn a_client_that_waits_is_told_to_send_when_the_handler_asks() {
    let (address, _server) = start(ServerOptions::default());
    let mut stream = connect(address).await;
    stream
        .send(
            "POST /slow HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n",
        )
        .unwrap();
    let mut seen = Vec::new();
    while seen.len() < crore_http::CONTINUE.len() {
        seen.extend_from_slice(&stream.recv().await.unwrap());
    }
    assert_eq!(seen, crore_http::CONTINUE);
    stream.send("hello").unwrap();
    assert!(read_to_end(&mut stream).await.0.ends_with("\r\n\r\n5"));
}

#[crore_rt::test(seeds = 20)]
async fn a_body_that_is_not_read_to_its_end_is_the_last_of_its_connection() {
    let (address, _server) = start(ServerOptions::default());
    let body = "x".repeat(60_000);
    let request = format!(
        "POST /first HTTP/1.1\r\nHost: h\r\nContent-Length: 60000\r\n\r\n{body}GET /known HTTP/1.1\r\nHost: h\r\n\r\n"
    );
    let (answers, _) = ask(address, &request).await;
    assert!(answers.contains("Connection: close\r\n") && !answers.contains("1234567890"), "{answers}");
}

#[crore_rt::test(seeds = 20)]
async fn a_peer_that_leaves_or_breaks_the_rules_ends_the_handler() {
    let (address, server) = start(ServerOptions::default());
    for rest in ["5\r\nhello\r\n", "5\r\nhello\r\nnonsense\r\n"] {
        let mut stream = connect(address).await;
        stream.send(format!("POST /slow HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{rest}")).unwrap();
        time::sleep(Duration::from_secs(3)).await;
        stream.shutdown();
        let (answer, _) = read_to_end(&mut stream).await;
        assert_eq!(answer.starts_with("HTTP/1.1 400"), rest.contains("nonsense"), "{answer}");
    }
    assert_eq!(server.state().dropped.get(), 2);
}

#[crore_rt::test(seeds = 10)]
async fn a_body_that_trickles_is_cut_and_one_that_is_long_is_not() {
    let options =
        ServerOptions { body_timeout: Duration::from_secs(10), body_bytes_per_second_min: 1_000, ..Default::default() };
    let (address, _server) = start(options);
    let mut slow = connect(address).await;
    slow.send("POST /slow HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n").unwrap();
    let mut steady = connect(address).await;
    steady.send("POST /slow HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\nConnection: close\r\n\r\n").unwrap();
    for _ in 0..50 {
        slow.send("x").unwrap_or_default();
        steady.send(vec![b'x'; 2_000]).unwrap();
        time::sleep(Duration::from_secs(1)).await;
    }
    assert!(read_to_end(&mut slow).await.0.starts_with("HTTP/1.1 408"));
    assert!(read_to_end(&mut steady).await.0.starts_with("HTTP/1.1 200"));
}

#[crore_rt::test(seeds = 50)]
async fn a_streamed_response_comes_in_chunks_or_as_long_as_announced() {
    let (address, _server) = start(ServerOptions::default());
    let mut client = client(address).await;
    let expected: String = (0..1_000).map(|number| format!("{number}\n")).collect();
    assert_eq!(client.get("/count").await.unwrap().text(), expected);
    assert_eq!(client.get("/known").await.unwrap().text(), "1234567890");
    let (head, _) = ask(address, "HEAD /count HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await;
    assert!(head.contains("Transfer-Encoding: chunked\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    let (old, orderly) = ask(address, "GET /count HTTP/1.0\r\n\r\n").await;
    assert!(orderly && old.ends_with(&expected) && !old.contains("chunked"), "{old}");
    let (trailed, _) = ask(address, "GET /trailers HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await;
    assert!(trailed.ends_with("\r\n\r\n4\r\nbody\r\n0\r\nX-Digest: 42\r\n\r\n"), "{trailed}");
}

#[crore_rt::test(seeds = 50)]
async fn a_body_that_ends_early_never_looks_whole() {
    let (address, server) = start(ServerOptions::default());
    for path in ["/short", "/long", "/fails"] {
        let (answer, orderly) = ask(address, &format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n")).await;
        assert!(!orderly && !answer.ends_with("0\r\n\r\n"), "{path}: {answer}");
    }
    assert_eq!(server.counts().truncated, 3);
}

#[crore_rt::test(seeds = 20)]
async fn a_reader_that_leaves_ends_the_writer_and_one_that_rests_is_waited_for() {
    let (address, server) = start(ServerOptions::default());
    let mut stream = connect(address).await;
    stream.send("GET /endless HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    let mut received = 0;
    while received < 1_000_000 {
        received += stream.recv().await.unwrap().len();
        time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(server.state().dropped.get(), 0);
    drop(stream);
    while server.state().dropped.get() == 0 {
        time::sleep(Duration::from_millis(10)).await;
    }
    let sleeper = connect(address).await;
    sleeper.send("GET /endless HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    while server.counts().slow_readers == 0 {
        time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(server.state().dropped.get(), 2);
}

#[crore_rt::test(seeds = 60)]
async fn a_client_that_was_slow_to_read_may_rest_like_any_other() {
    let options = ServerOptions { send_queue_bytes: 12_000, ..ServerOptions::default() };
    let (address, server) = start(options);
    let mut stream = connect(address).await;
    // Until the network holds no more of the answers; in some of the worlds the last finds the queue more than half full.
    let requests = 7 + sim::seed() as usize % 6;
    for _ in 0..requests {
        stream.send("GET /eight HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
        time::sleep(Duration::from_millis(50)).await;
    }
    let mut bytes = 0;
    while bytes < requests * 8_000 {
        bytes += stream.recv().await.unwrap().iter().filter(|&&byte| byte == b'#').count();
    }
    time::sleep(Duration::from_secs(60)).await;
    stream.send("GET /known HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").unwrap();
    let (answer, _) = read_to_end(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("1234567890"), "{answer}");
    assert_eq!(server.counts().timed_out, 0);
}

#[crore_rt::test(seeds = 20)]
async fn events_are_sent_as_they_are_made() {
    let (address, _server) = start(ServerOptions::default());
    let answer = client(address).await.get("/events").await.unwrap();
    assert_eq!(answer.head.header("content-type"), Some("text/event-stream"));
    assert_eq!(answer.text(), "id: 1\ndata: one\n\n:\n\nevent: news\ndata: two\ndata: lines\n\n");
}

#[crore_rt::test]
async fn middleware_sees_every_request_and_response_in_order() {
    let (address, server) = start(ServerOptions::default());
    let mut client = client(address).await;
    let mut key = Fields::new();
    key.push("X-Key", "wrong").unwrap();
    assert_eq!(client.get("/nowhere").await.unwrap().text(), "no /nowhere");
    assert_eq!(client.request("GET", "/known", &key, &[]).await.unwrap().head.status(), Status::UNAUTHORIZED);
    assert_eq!(
        client.request("PUT", "/known", &Fields::new(), &[]).await.unwrap().head.header("allow"),
        Some("GET, HEAD")
    );
    assert_eq!(client.get("/known?x").await.unwrap().text(), "1234567890");
    assert_eq!(*server.state().log.borrow(), ["/nowhere 404", "/known 401", "/known 405", "/known?x 200"]);
}

#[crore_rt::test(seeds = 20)]
async fn whoever_waits_for_the_drain_is_told_when_it_starts() {
    let (_, server) = start(ServerOptions::default());
    let drain = server.drain();
    let told = Rc::new(Cell::new(0));
    for _ in 0..3 {
        let (drain, told) = (server.drain(), Rc::clone(&told));
        spawn(async move {
            drain.started().await;
            told.set(told.get() + 1);
        })
        .detach();
    }
    let gave_up = time::timeout(Duration::from_secs(1), drain.started()).await;
    assert!(gave_up.is_err() && told.get() == 0);
    drain.start();
    while told.get() < 3 {
        time::sleep(Duration::from_millis(1)).await;
    }
    drain.started().await;
    drain.finished().await;
}
