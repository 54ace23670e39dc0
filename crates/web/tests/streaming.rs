//! Bodies piece by piece, both ways, in simulated worlds: our client against servers that are told byte by byte what to say.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;

use crore_base::time::Duration;
use crore_http::{Fields, HttpError, Limits, Status};
use crore_rt::net::{ListenOptions, TcpListener, TcpStream};
use crore_rt::{spawn, time};
use crore_web::client::{Client, ClientError, ClientOptions};
use crore_web::{Application, Request, Response, Route, Server, ServerOptions};

fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0".parse().unwrap(), &ListenOptions::default()).unwrap()
}

/// A server for one connection.
fn serve_one<F: Future<Output = ()> + 'static>(serve: impl FnOnce(TcpStream) -> F + 'static) -> SocketAddr {
    let listener = listen();
    let address = listener.local_addr();
    spawn(async move { serve(listener.accept().await.unwrap()).await }).detach();
    address
}

/// A server that reads a head, says `answer`, and, with `ends`, ends the connection.
fn answering(answer: &'static [u8], ends: bool) -> SocketAddr {
    serve_one(async move |mut stream| {
        loop {
            let head = read_until(&mut stream, b"\r\n\r\n").await;
            if head.is_empty() {
                return;
            }
            stream.send(answer).unwrap();
            if ends {
                return;
            }
        }
    })
}

/// Reads until the bytes end with `end`, or the peer has ended.
async fn read_until(stream: &mut TcpStream, end: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(end) {
        match stream.recv().await {
            Ok(lease) if !lease.is_empty() => bytes.extend_from_slice(&lease),
            _ => break,
        }
    }
    bytes
}

async fn connect(address: SocketAddr) -> Client {
    Client::connect(address, "example", ClientOptions::default()).await.unwrap()
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 7 % 251) as u8).collect()
}

fn echo() -> SocketAddr {
    let echo = async |request: Request<()>| Response::of("application/octet-stream", request.into_body());
    let application = Application::new(()).route(Route::new("POST", "/", echo).body_limit(8 << 20));
    let listener = listen();
    let address = listener.local_addr();
    spawn(async move { Server::new(application, ServerOptions::default()).serve(listener).await.unwrap() }).detach();
    address
}

#[crore_rt::test(seeds = 20)]
async fn a_body_goes_there_in_pieces_and_comes_back_in_pieces() {
    let mut client = connect(echo()).await;
    for (length, announced) in [(0, true), (0, false), (1, false), (100_000, true), (100_000, false), (2 << 20, true)] {
        let body = pattern(length);
        let mut upload = client.upload("POST", "/", &Fields::new(), announced.then_some(length as u64)).await.unwrap();
        for piece in body.chunks(30_011) {
            assert!(upload.write(piece).await.unwrap(), "this server reads before it answers");
        }
        let mut download = upload.finish().await.unwrap();
        assert_eq!(download.status(), Status::OK);
        let mut back = Vec::new();
        while let Some(piece) = download.chunk().await.unwrap() {
            assert!(!piece.is_empty() && piece.len() <= 16 * 1024);
            back.extend_from_slice(piece);
        }
        assert!(back == body, "{length} bytes, announced: {announced}");
        assert!(client.is_reusable());
    }
}

#[crore_rt::test(seeds = 20)]
async fn a_large_body_waits_for_the_go_ahead() {
    let started = Rc::new(Cell::new(0));
    let said = Rc::clone(&started);
    let address = serve_one(async move |mut stream| {
        let head = String::from_utf8(read_until(&mut stream, b"\r\n\r\n").await).unwrap();
        assert!(head.contains("Expect: 100-continue\r\n"), "{head}");
        time::sleep(Duration::from_millis(700)).await;
        said.set(time::now().as_millis());
        stream.send(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap();
        let mut left = 3 << 20;
        while left > 0 {
            left -= stream.recv().await.unwrap().len();
        }
        stream.send(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
    });
    let mut client = connect(address).await;
    let answer = client.request("PUT", "/", &Fields::new(), &pattern(3 << 20)).await.unwrap();
    assert_eq!(answer.head.status(), Status::NO_CONTENT);
    assert!(started.get() >= 700 && client.is_reusable());
}

#[crore_rt::test(seeds = 10)]
async fn without_a_go_ahead_the_body_goes_all_the_same_after_a_second() {
    let address = serve_one(async move |mut stream| {
        read_until(&mut stream, b"\r\n\r\n").await;
        let asked = time::now();
        assert_eq!(read_until(&mut stream, b"0\r\n\r\n").await, b"5\r\nhello\r\n0\r\n\r\n");
        assert!(time::now() - asked >= Duration::from_millis(990), "it waited for the server");
        stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
    });
    let mut client = connect(address).await;
    let mut upload = client.upload("POST", "/", &Fields::new(), None).await.unwrap();
    upload.write(b"hello").await.unwrap();
    assert_eq!(upload.finish().await.unwrap().whole().await.unwrap().text(), "ok");
}

#[crore_rt::test(seeds = 20)]
async fn a_final_answer_ends_the_sending() {
    // Before the first byte of the body, and in the middle of one that the server does not read.
    for waits in [true, false] {
        let address = serve_one(async move |mut stream| {
            read_until(&mut stream, if waits { b"\r\n\r\n" } else { b"0123456789" }).await;
            stream.send(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno!").unwrap();
            time::sleep(Duration::from_secs(60)).await;
        });
        let mut client = connect(address).await;
        let length = if waits { 1 << 30 } else { 1 << 19 };
        let mut upload = client.upload("POST", "/", &Fields::new(), Some(length)).await.unwrap();
        let mut written = 0;
        while upload.write(b"0123456789").await.unwrap() {
            written += 1;
            time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(waits, written == 0);
        let answer = upload.finish().await.unwrap().whole().await.unwrap();
        assert_eq!((answer.head.status(), answer.text().as_str()), (Status::CONTENT_TOO_LARGE, "no!"));
        assert!(!client.is_reusable(), "the server waits for the rest of the body");
    }
}

#[crore_rt::test(seeds = 10)]
async fn a_body_is_sent_as_announced_or_not_at_all() {
    let mut client = connect(echo()).await;
    let mut upload = client.upload("POST", "/", &Fields::new(), Some(5)).await.unwrap();
    upload.write(b"1234").await.unwrap();
    let more = upload.write(b"56").await;
    assert!(matches!(more, Err(ClientError::BodyLength { announced: 5, given: 6 })));
    let early = upload.finish().await;
    assert!(matches!(early, Err(ClientError::BodyLength { announced: 5, given: 4 })));
    assert!(!client.is_reusable());
    assert!(matches!(client.get("/").await, Err(ClientError::Ended)));
}

#[crore_rt::test(seeds = 20)]
async fn responses_end_where_their_heads_say() {
    let cases: [(&str, &[u8], &str, bool); 6] = [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", "", true),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n", "", true),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "", true),
        ("GET", b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "hi", true),
        (
            "GET",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2;x=y\r\nbc\r\n0\r\nT: v\r\n\r\n",
            "abc",
            true,
        ),
        ("GET", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi and more", "hi", false),
    ];
    for (method, answer, body, goes_on) in cases {
        let mut client = connect(answering(answer, false)).await;
        for _ in 0..if goes_on { 3 } else { 1 } {
            let got = client.request(method, "/", &Fields::new(), &[]).await.unwrap();
            assert_eq!(got.text(), body);
        }
        // What nobody asked for may come with the answer or after it: either way no answer is made of it.
        if !goes_on {
            time::sleep(Duration::from_secs(1)).await;
            assert!(client.get("/").await.is_err());
        }
    }
    let mut client = connect(answering(b"HTTP/1.1 200 OK\r\n\r\nuntil the end", true)).await;
    assert_eq!(client.get("/").await.unwrap().text(), "until the end");
    assert!(!client.is_reusable());
    let mut client = connect(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", true)).await;
    assert!(matches!(client.get("/").await, Err(ClientError::Http(HttpError::Truncated))));
}

#[crore_rt::test(seeds = 5)]
async fn deadlines_hold_for_the_head_and_for_the_whole() {
    let options = ClientOptions {
        head_timeout: Duration::from_secs(3),
        response_timeout: Duration::from_secs(10),
        ..ClientOptions::default()
    };
    let silent = serve_one(async |_stream| time::sleep(Duration::from_secs(1000)).await);
    let dripping = serve_one(async |mut stream| {
        read_until(&mut stream, b"\r\n\r\n").await;
        stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n").unwrap();
        while stream.send(b".").is_ok() {
            time::sleep(Duration::from_secs(1)).await;
        }
    });
    for (address, seconds) in [(silent, 3), (dripping, 10)] {
        let mut client = Client::connect(address, "example", options.clone()).await.unwrap();
        let asked = time::now();
        assert!(matches!(client.get("/").await, Err(ClientError::TimedOut)));
        let took = (time::now() - asked).as_nanos();
        let late = took - Duration::from_secs(seconds).as_nanos();
        assert!(late <= Duration::from_millis(2).as_nanos(), "{took} ns instead of {seconds} s");
    }
}

#[crore_rt::test(seeds = 5)]
async fn who_does_not_read_holds_the_sender_up() {
    const SENT: usize = 16 << 20;
    let sent = Rc::new(Cell::new(0));
    let count = Rc::clone(&sent);
    let address = serve_one(async move |mut stream| {
        read_until(&mut stream, b"\r\n\r\n").await;
        stream.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {SENT}\r\n\r\n")).unwrap();
        let piece = vec![7; 64 * 1024];
        while count.get() < SENT {
            stream.sendable().await.unwrap();
            stream.send(&piece[..]).unwrap();
            count.set(count.get() + piece.len());
        }
    });
    let mut client = connect(address).await;
    let mut download = client.fetch("GET", "/", &Fields::new(), &[]).await.unwrap();
    download.chunk().await.unwrap().unwrap();
    time::sleep(Duration::from_secs(10)).await;
    assert!(sent.get() < SENT / 4, "{} bytes were sent to a reader that stopped", sent.get());
    let mut received = 0;
    while let Some(piece) = download.chunk().await.unwrap() {
        received += piece.len();
    }
    assert!(received < SENT && sent.get() == SENT);
    assert!(client.is_reusable());
}

#[crore_rt::test(seeds = 5)]
async fn a_body_that_is_collected_has_a_limit() {
    let options = ClientOptions { http: Limits { body_bytes: 4, ..Limits::default() }, ..ClientOptions::default() };
    for answer in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n12345",
    ] {
        let mut client = Client::connect(answering(answer, false), "example", options.clone()).await.unwrap();
        let error = client.get("/").await.unwrap_err();
        assert!(matches!(error, ClientError::Http(HttpError::BodyTooLarge { limit: 4, .. })), "{error}");
    }
}
