//! Other people's clients against a server on real sockets: curl, and tungstenite.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use crore_http::ws::{self, Decoder, Event, Offer, Opcode, Origins, Role};
use crore_http::{WsLimits, sse};
use crore_rt::net::{ListenOptions, TcpListener};
use crore_rt::{Runtime, spawn, spawn_detached};
use crore_web::{Application, Counts, Request, Response, Route, Server, ServerOptions, websocket};

/// A server on a thread of its own, until somebody asks for `/stop`.
struct Running {
    address: SocketAddr,
    thread: JoinHandle<Counts>,
}

fn start() -> Running {
    let (tell, told) = mpsc::channel();
    let runtime = || Runtime::builder().workers(1).pin(false).build().unwrap();
    let thread = thread::spawn(move || runtime().block_on(serve(tell)));
    Running { address: told.recv().unwrap(), thread }
}

async fn serve(tell: mpsc::Sender<SocketAddr>) -> Counts {
    let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap(), &ListenOptions::default()).unwrap();
    let address = listener.local_addr();
    let (stop, mut stopped) = crore_rt::channel::mpsc::channel(1);
    let application = Application::new(stop)
        .get("/", async |_| Response::text("hello"))
        .get("/large", async |_| Response::of("text/plain", vec![b'x'; 5_000_000]))
        .route(Route::new("PUT", "/length", length).body_limit(10_000_000))
        .get("/events", async |_| {
            Response::event_stream(|stream, _| {
                for id in 1..4_u32 {
                    let event = sse::encode(None, Some(&id.to_string()), "tick\ntock", None).unwrap();
                    stream.send(event).unwrap();
                }
            })
        })
        .get("/ws", async |request: Request<_>| {
            let offer = Offer { protocols: &[], origins: Origins::Any };
            let accepted = websocket(request.head(), &offer)?;
            Ok::<_, Response>(Response::websocket(&accepted, |stream, _| {
                spawn_detached(echo(stream)).unwrap();
            }))
        })
        .get("/stop", async |request: Request<crore_rt::channel::mpsc::Sender<()>>| {
            request.state().try_send(()).unwrap();
            Response::text("stopping")
        });
    let server = Server::new(application, ServerOptions::default());
    let serving = server.clone();
    let serving = spawn(async move { serving.serve(listener).await.unwrap() });
    tell.send(address).unwrap();
    stopped.recv().await.unwrap();
    let drain = server.drain();
    drain.start();
    drain.finished().await;
    serving.await.unwrap();
    server.counts()
}

async fn length<S>(request: Request<S>) -> Response {
    Response::text(request.body().len().to_string())
}

async fn echo(mut stream: crore_rt::net::TcpStream) {
    let mut decoder = Decoder::new(Role::Server, &WsLimits::default());
    while let Ok(mut lease) = stream.recv().await {
        if lease.is_empty() {
            return;
        }
        let mut at = 0;
        while let (consumed, Some(event)) = decoder.on_input(&mut lease[at..]).expect("tungstenite keeps the rules") {
            at += consumed;
            let frame = match event {
                Event::Text(text) => ws::encode(Opcode::Text, text.as_bytes()),
                Event::Binary(bytes) => ws::encode(Opcode::Binary, bytes),
                Event::Ping(bytes) => ws::encode(Opcode::Pong, bytes),
                Event::Pong(_) => continue,
                Event::Close { code, reason } => ws::encode_close(code.unwrap_or(1000), reason, None).unwrap(),
            };
            stream.send(frame).unwrap();
        }
    }
}

impl Running {
    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn stop(self) -> Counts {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(b"GET /stop HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        self.thread.join().unwrap()
    }
}

fn curl(arguments: &[&str], input: &[u8]) -> String {
    let mut child = Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "20", "--noproxy", "*"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = thread::spawn(move || drop(pipe.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success(), "curl {arguments:?}: {}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn curl_is_served_as_it_asks() {
    if Command::new("curl").arg("--version").output().is_err() {
        println!("skipped: there is no curl");
        return;
    }
    let server = start();
    let root = server.url("/");
    let count = "%{http_code} %{num_connects} ";
    assert_eq!(curl(&[&root], b""), "hello");
    assert_eq!(curl(&["--head", "--output", "/dev/null", "--write-out", "%{http_code}", &root], b""), "200");
    assert_eq!(curl(&["--http1.0", &root], b""), "hello");
    let kept = curl(&["--write-out", count, &root, &root, &root], b"");
    assert_eq!(kept, "hello200 1 hello200 0 hello200 0 ");
    assert_eq!(curl(&[&server.url("/large")], b"").len(), 5_000_000);

    let body = vec![b'y'; 2_000_000];
    let upload = ["--upload-file", "-", "--request", "PUT"];
    let length = server.url("/length");
    assert_eq!(curl(&[&upload[..], &[&length]].concat(), &body), "2000000", "chunked");
    let expects = ["--header", "Expect: 100-continue", "--data-binary", "@-", "--request", "PUT", &length];
    assert_eq!(curl(&expects, &body), "2000000", "announced and waited for");
    let status = ["--output", "/dev/null", "--write-out", "%{http_code}"];
    let too_large = [&status[..], &["--data-binary", "@-", "--request", "PUT", &length]].concat();
    assert_eq!(curl(&too_large, &vec![b'z'; 10_000_001]), "413");
    assert_eq!(curl(&[&status[..], &["--data", "x", &root]].concat(), b""), "405");
    assert_eq!(curl(&[&status[..], &[&server.url("/%zz")]].concat(), b""), "400");

    let events = curl(&["--no-buffer", &server.url("/events")], b"");
    assert_eq!(events.matches("data: tick\ndata: tock\n\n").count(), 3);
    let counts = server.stop();
    assert_eq!((counts.panics, counts.taken_over), (0, 1));
}

#[test]
fn tungstenite_talks_with_a_server_on_real_sockets() {
    use tungstenite::Message;
    let server = start();
    let stream = TcpStream::connect(server.address).unwrap();
    let url = format!("ws://{}/ws", server.address);
    let (mut socket, response) = tungstenite::client(url.as_str(), stream).unwrap();
    assert_eq!(response.status(), 101);
    for length in [0, 1, 125, 126, 10_000, 65_536] {
        for message in [Message::text("\u{e4}".repeat(length / 2)), Message::binary(vec![3; length])] {
            socket.send(message.clone()).unwrap();
            assert_eq!(socket.read().unwrap(), message);
        }
    }
    socket.send(Message::Ping("there".into())).unwrap();
    assert_eq!(socket.read().unwrap(), Message::Pong("there".into()));
    socket.close(None).unwrap();
    assert!(socket.read().unwrap().is_close());
    drop(socket);
    assert_eq!(server.stop().taken_over, 1);
}
