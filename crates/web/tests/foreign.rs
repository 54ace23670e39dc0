//! Our client against servers that other people wrote, on real sockets: Python's `http.server`, Node's `http`, the package `ws`,
//! nginx. A server whose program is not installed is passed over with a message.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crore_http::ws::Opcode;
use crore_http::{ConnectionField, Fields, Framing, Headers, Limits, ResponseEvent, ResponseReader, encode_request};
use crore_rt::Runtime;
use crore_web::client::{
    Answer, Client, ClientError, ClientOptions, EventStream, Keys, Message, WebSocket, WebSocketOptions,
};

/// A server that says where it listens within this time is there. Generous: only a server that hangs reaches it.
const START_LIMIT: Duration = Duration::from_secs(30);

/// A server's process; ended when dropped.
struct Foreign {
    child: Child,
    address: SocketAddr,
}

impl Drop for Foreign {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Foreign {
    /// Starts a server that prints its port behind the word `port`; none if the program is not installed.
    fn start(program: &str, arguments: &[&str]) -> Option<Foreign> {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let Ok(mut child) = command.spawn() else {
            println!("skipped: {program} is not installed");
            return None;
        };
        let output = child.stdout.take().expect("its output is a pipe");
        // An end of output is an end of the lines, so a server that dies does not hang the test.
        let lines = BufReader::new(output).lines().map_while(Result::ok);
        let port = lines.filter_map(|line| port_in(&line)).next();
        let Some(port) = port else {
            panic!("{program} {arguments:?} ended without naming its port: {:?}", child.wait());
        };
        Some(Foreign { child, address: SocketAddr::from(([127, 0, 0, 1], port)) })
    }

    /// Starts nginx, which is told its port and prints nothing, with these files; none if it is not installed.
    fn nginx(folder: &Folder) -> Option<Foreign> {
        // Somebody may take the port before nginx does; then it ends, and another is tried.
        for _ in 0..5 {
            let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
            let address = free.expect("there is a free port");
            let configuration = folder.0.join("nginx.conf");
            fs::write(&configuration, nginx_configuration(&folder.0, address)).unwrap();
            let mut command = Command::new("nginx");
            command.arg("-p").arg(&folder.0).arg("-c").arg(&configuration).args(["-e", "stderr"]).stderr(Stdio::null());
            let Ok(child) = command.spawn() else {
                println!("skipped: nginx is not installed");
                return None;
            };
            let mut foreign = Foreign { child, address };
            let deadline = Instant::now() + START_LIMIT;
            while Instant::now() < deadline && foreign.child.try_wait().unwrap().is_none() {
                if answers_as_nginx(address) {
                    return Some(foreign);
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        panic!("nginx did not listen");
    }
}

/// Whether nginx listens there, and not somebody who took the port before it could.
fn answers_as_nginx(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(START_LIMIT))?;
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.contains("Server: nginx"))
}

/// The number behind the word `port` in a line.
fn port_in(line: &str) -> Option<u16> {
    let mut words = line.split_whitespace().skip_while(|word| *word != "port").skip(1);
    words.next()?.parse().ok()
}

fn nginx_configuration(folder: &Path, address: SocketAddr) -> String {
    format!(
        "daemon off; master_process off; pid nginx.pid; error_log stderr;
        events {{ worker_connections 64; }}
        http {{
            access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
            uwsgi_temp_path uwsgi; scgi_temp_path scgi;
            server {{
                listen {address}; root {}; keepalive_requests 3;
                location /small-limit {{ client_max_body_size 10; return 200 ok; }}
                location /moved {{ return 301 /file.txt; }}
                location /sized {{ return 200 sized; }}
            }}
        }}",
        folder.display()
    )
}

/// A folder with files to serve; gone when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let folder = std::env::temp_dir().join(format!("crore-foreign-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("file.txt"), "a file\n").unwrap();
        fs::write(folder.join("large.bin"), vec![b'x'; 60_000]).unwrap();
        fs::write(folder.join("too-large.bin"), vec![b'x'; 70_000]).unwrap();
        Folder(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs a client on one worker with real sockets.
fn on_runtime<F: Future<Output = ()> + 'static>(main: F) {
    Runtime::builder().workers(1).pin(false).build().unwrap().block_on(main);
}

async fn connect(address: SocketAddr) -> Client {
    Client::connect(address, &address.to_string(), ClientOptions::default()).await.unwrap()
}

fn script(name: &str) -> String {
    format!("{}/tests/foreign/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn status(answer: &Answer) -> u16 {
    answer.head.status().code()
}

async fn fetch_files(address: SocketAddr, keeps: bool) {
    let mut client = connect(address).await;
    let answer = client.get("/file.txt").await.unwrap();
    assert_eq!((status(&answer), answer.text().as_str()), (200, "a file\n"));
    assert_eq!(client.is_reusable(), keeps);
    for (method, path, expected, length) in
        [("GET", "/large.bin", 200, 60_000), ("HEAD", "/large.bin", 200, 0), ("HEAD", "/too-large.bin", 200, 0)]
    {
        if !client.is_reusable() {
            client = connect(address).await;
        }
        let answer = client.request(method, path, &Fields::new(), &[]).await.unwrap();
        assert_eq!((status(&answer), answer.body.len()), (expected, length), "{method} {path}");
    }
    assert_eq!(status(&connect(address).await.get("/nowhere").await.unwrap()), 404);
    let error = connect(address).await.get("/too-large.bin").await.unwrap_err().to_string();
    assert_eq!(error, "malformed response: body of 70000 bytes or more, the limit is 65536: send less");
}

#[test]
fn our_client_fetches_files_from_python() {
    let folder = Folder::new("python");
    let path = folder.0.to_str().unwrap().to_owned();
    for (protocol, keeps) in [("HTTP/1.0", false), ("HTTP/1.1", true)] {
        let arguments = ["-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "-d", &path, "-p", protocol];
        let Some(server) = Foreign::start("python3", &arguments) else { return };
        let address = server.address;
        on_runtime(async move {
            fetch_files(address, keeps).await;
            let mut client = connect(address).await;
            let answer = client.request("POST", "/file.txt", &Fields::new(), b"abc").await.unwrap();
            assert_eq!(status(&answer), 501, "it knows no POST");
        });
    }
}

#[test]
fn our_client_fetches_files_from_nginx() {
    let folder = Folder::new("nginx");
    let Some(server) = Foreign::nginx(&folder) else { return };
    let address = server.address;
    on_runtime(async move {
        fetch_files(address, true).await;
        let mut client = connect(address).await;
        // It keeps a connection for three requests.
        for (path, expected, keeps) in [("/sized", 200, true), ("/moved", 301, true), ("/sized", 200, false)] {
            assert_eq!(status(&client.get(path).await.unwrap()), expected, "{path}");
            assert_eq!(client.is_reusable(), keeps, "{path}");
        }
        let mut client = connect(address).await;
        let answer = client.request("POST", "/small-limit", &Fields::new(), &[b'x'; 11]).await.unwrap();
        assert_eq!(status(&answer), 413);
        let mut fields = Fields::new();
        fields.push("Range", "bytes=2-5").unwrap();
        let answer = connect(address).await.request("GET", "/file.txt", &fields, &[]).await.unwrap();
        assert_eq!((status(&answer), answer.text().as_str()), (206, "file"));
    });
}

#[test]
fn our_client_understands_what_node_does_with_an_answer() {
    let Some(server) = Foreign::start("node", &[&script("http.mjs")]) else { return };
    let address = server.address;
    on_runtime(async move {
        let mut client = connect(address).await;
        let large = "0123456789".repeat(5000);
        for (path, expected, body) in [
            ("/plain", 200, "plain"),
            ("/chunks", 200, "one two three"),
            ("/trailers", 200, "body"),
            ("/hints", 200, "after hints"),
            ("/empty", 204, ""),
            ("/unchanged", 304, ""),
            ("/large", 200, &large),
        ] {
            let answer = client.get(path).await.unwrap();
            assert_eq!((status(&answer), answer.text().as_str()), (expected, body), "{path}");
            assert!(client.is_reusable(), "all on one connection, {path} too");
        }
        for (method, body) in [("POST", &b""[..]), ("PUT", b"abc"), ("DELETE", b""), ("PATCH", &[b'x'; 50_000])] {
            let answer = client.request(method, "/echo", &Fields::new(), body).await.unwrap();
            assert_eq!((answer.head.header("x-method"), &answer.body[..]), (Some(method), body));
            let length = if method == "DELETE" { "none".to_owned() } else { body.len().to_string() };
            assert_eq!(answer.head.header("x-length"), Some(&*length), "{method}");
        }
        let answer = client.request("HEAD", "/large", &Fields::new(), &[]).await.unwrap();
        assert_eq!((status(&answer), answer.body.len()), (200, 0));
        assert_eq!(client.get("/close").await.unwrap().text(), "closing");
        assert!(!client.is_reusable());
        assert!(matches!(client.get("/plain").await, Err(ClientError::Ended)));
        let mut client = connect(address).await;
        assert_eq!(client.get("/until-close").await.unwrap().text(), "until close");
        assert!(!client.is_reusable());
        follow_events(address).await;
    });
}

async fn follow_events(address: SocketAddr) {
    let options = ClientOptions::default();
    let mut events = EventStream::connect(address, "node", "/events", &Fields::new(), &options).await.unwrap();
    for id in 1..4 {
        let event = events.next().await.unwrap().expect("there are three");
        assert_eq!((event.event.as_str(), event.data, event.id), ("tick", format!("a\n{id}"), id.to_string()));
    }
    assert_eq!(events.next().await.unwrap(), None);
}

#[test]
fn our_codec_reads_the_trailers_of_node() {
    let Some(server) = Foreign::start("node", &[&script("http.mjs")]) else { return };
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(START_LIMIT)).unwrap();
    let mut fields = Fields::new();
    fields.push("TE", "trailers").unwrap();
    let request = encode_request("GET", "/trailers", "node", &fields, Framing::None, ConnectionField::Close).unwrap();
    stream.write_all(&request).unwrap();
    let mut text = Vec::new();
    stream.read_to_end(&mut text).unwrap();
    let mut reader = ResponseReader::new(false, &Limits::default());
    let (mut at, mut body) = (0, Vec::new());
    while let (consumed, Some(event)) = reader.on_input(&text[at..]).unwrap() {
        if let ResponseEvent::Data(data) = event {
            body.extend_from_slice(&text[at..][data]);
        }
        at += consumed;
    }
    assert_eq!((reader.is_done(), body), (true, b"body".to_vec()));
    let trailers: Headers = reader.take_trailers().expect("Node sends them");
    assert_eq!((trailers.value("digest"), trailers.value("x-late")), (Some("sha-256=x"), Some("yes")));
    assert_eq!(trailers.value("set-cookie"), None, "a cookie has no business behind a body");
}

#[test]
fn our_websocket_talks_with_the_server_of_ws() {
    let packages = std::env::var_os("CRORE_JUDGES").map(PathBuf::from);
    let packages = packages.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../judges"));
    if !packages.join("node_modules/ws").is_dir() {
        println!("skipped: the npm package ws is not installed");
        return;
    }
    let packages = packages.to_str().expect("a path that is text").to_owned();
    let Some(server) = Foreign::start("node", &[&script("websocket.mjs"), &packages]) else { return };
    let address = server.address;
    on_runtime(async move {
        let options = WebSocketOptions {
            protocols: vec!["other".into(), "echo".into()],
            ..WebSocketOptions::new(Keys::from_seed(7))
        };
        let mut socket = WebSocket::connect(address, "ws", "/", &options).await.unwrap();
        assert_eq!(socket.protocol(), Some("echo"));
        for length in [0, 1, 125, 126, 1_000, 65_535, 65_536] {
            let text = "\u{e4}".repeat(length / 2);
            socket.send_text(&text).unwrap();
            assert_eq!(socket.next().await.unwrap(), Some(Message::Text(text)));
            socket.send(Opcode::Binary, &vec![7; length]).unwrap();
            assert_eq!(socket.next().await.unwrap(), Some(Message::Binary(vec![7; length])));
        }
        for (wish, answer) in [("ping", "pong there?"), ("pieces", "one two three")] {
            socket.send_text(wish).unwrap();
            assert_eq!(socket.next().await.unwrap(), Some(Message::Text(answer.into())));
        }
        socket.send_text("leave").unwrap();
        assert_eq!(socket.next().await.unwrap(), None, "a close that the server began");

        let mut socket = WebSocket::connect(address, "ws", "/", &options).await.unwrap();
        socket.close(1000, "enough").unwrap();
        assert_eq!(socket.next().await.unwrap(), None, "a close that we began");

        let mut socket = WebSocket::connect(address, "ws", "/", &options).await.unwrap();
        socket.send_text("vanish").unwrap();
        assert!(!matches!(socket.next().await, Ok(Some(_))), "a server that is gone sends nothing more");
    });
}
