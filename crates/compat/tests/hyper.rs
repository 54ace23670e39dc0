//! hyper's server and client at the two ends of our connections, in simulated worlds: bytes split, delayed, and time virtual.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use crore_compat::{Executor, Io, Timer};
use crore_rt::net::{ConnectOptions, ListenOptions, TcpListener, TcpStream};
use crore_rt::{spawn, time};
use futures::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::rt::Executor as _;
use hyper::service::service_fn;
use hyper::{Request, Response};

async fn echo(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await.expect("the client sends whole bodies").to_bytes();
    Ok(Response::builder().header("x-path", path).body(Full::new(body)).unwrap())
}

fn serve() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap(), &ListenOptions::default()).unwrap();
    let address = listener.local_addr();
    spawn(async move {
        while let Ok(stream) = listener.accept().await {
            let mut http = hyper::server::conn::http1::Builder::new();
            http.timer(Timer::new()).header_read_timeout(Duration::from_secs(5));
            let connection = http.serve_connection(Io::from(stream), service_fn(echo));
            // What a client does wrong ends its connection, and is judged at the client.
            Executor.execute(async { drop(connection.await) });
        }
    })
    .detach();
    address
}

async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address, &ConnectOptions::default()).await.unwrap()
}

#[crore_rt::test(seeds = 10)]
async fn hyper_talks_to_hyper() {
    let io = Io::from(connect(serve()).await);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
    spawn(connection).detach();
    for length in [0, 1, 1000, 100_000, 2 << 20] {
        let body: Bytes = (0..length).map(|at| (at % 251) as u8).collect::<Vec<_>>().into();
        let request = Request::post(format!("/{length}")).header("host", "x").body(Full::new(body.clone())).unwrap();
        sender.ready().await.unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.headers()["x-path"], format!("/{length}"));
        assert!(response.into_body().collect().await.unwrap().to_bytes() == body, "{length} bytes");
    }
}

#[crore_rt::test(seeds = 5)]
async fn a_slow_head_is_cut_by_hypers_deadline_in_our_time() {
    let mut stream = connect(serve()).await;
    stream.send(b"GET / HTTP/1.1\r\nHost").unwrap();
    let sent = time::now();
    while let Ok(lease) = stream.recv().await {
        if lease.is_empty() {
            break;
        }
    }
    let took = (time::now() - sent).as_millis();
    assert!((4_990..5_100).contains(&took), "{took} ms of virtual time");
}

#[crore_rt::test(seeds = 20)]
async fn the_combinators_of_futures_read_and_write() {
    let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap(), &ListenOptions::default()).unwrap();
    let address = listener.local_addr();
    let server = spawn(async move {
        let (mut reader, mut writer) = Io::from(listener.accept().await.unwrap()).split();
        futures::io::copy(&mut reader, &mut writer).await.unwrap();
        writer.close().await.unwrap();
    });
    let mut io = futures::io::BufReader::new(Io::from(connect(address).await));
    io.write_all(b"one line\nand the rest").await.unwrap();
    let mut line = String::new();
    io.read_line(&mut line).await.unwrap();
    assert_eq!(line, "one line\n");
    io.close().await.unwrap();
    let mut rest = Vec::new();
    io.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, b"and the rest");
    server.await.unwrap();
}

#[crore_rt::test(seeds = 10)]
async fn a_writer_waits_for_a_reader_that_stopped() {
    const SENT: usize = 1 << 20;
    let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap(), &ListenOptions::default()).unwrap();
    let address = listener.local_addr();
    let writer = spawn(async move {
        let mut io = Io::from(listener.accept().await.unwrap());
        io.stream().set_send_limit(10_000).unwrap();
        io.write_all(&vec![7; SENT]).await.unwrap();
        io.write_all(b"end").await.unwrap();
    });
    let mut io = Io::from(connect(address).await);
    time::sleep(time::Duration::from_secs(10)).await;
    assert!(!writer.is_finished());
    let mut received = vec![0; SENT];
    io.read_exact(&mut received).await.unwrap();
    assert!(received.iter().all(|&byte| byte == 7));
    let lent = io.fill_buf().await.unwrap().to_vec();
    let (stream, rest) = io.into_parts();
    assert!(b"end".starts_with(&lent) && rest[..] == lent[..]);
    drop(stream);
    writer.await.unwrap();
}
