//! TLS under streams of the `epoll` driver, with rustls' own buffered connections on the standard library's sockets at the other
//! end.

#[path = "tls/authority.rs"]
mod authority;

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream as StdStream};
use std::sync::Arc;
use std::thread;

use authority::Authority;
use crore_base::time::Duration;
use crore_rt::net::{ConnectOptions, ListenOptions, SendError, StreamOption, TcpListener, TcpStream, TlsClient};
use crore_rt::{Runtime, spawn, time, tls_stats, yield_now};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConnection, ServerConnection, StreamOwned, SupportedProtocolVersion};

type Peer = StreamOwned<ClientConnection, StdStream>;

/// Plaintext sizes around the borders of records, leases and pieces.
const SIZES: [usize; 12] = [1, 2, 100, 16_383, 16_384, 16_385, 32_768, 65_535, 65_536, 65_537, 100_000, 200 * 1024];

fn runtime() -> Runtime {
    Runtime::builder().workers(1).pin(false).driver("epoll").build().expect("a small runtime can be built")
}

fn listen() -> (TcpListener, SocketAddr) {
    let any = "127.0.0.1:0".parse().expect("an address");
    let listener = TcpListener::bind(any, &ListenOptions::default()).expect("loopback has free ports");
    let address = listener.local_addr();
    (listener, address)
}

async fn accept(listener: &TcpListener, authority: &Authority) -> TcpStream {
    let stream = listener.accept().await.expect("the listener works");
    stream.secure_as_server(&authority.server()).expect("the configuration is right");
    stream
}

fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|n| (n * 7 % 251) as u8).collect()
}

/// A blocking client that trusts the authority.
fn dial(authority: &Authority, address: SocketAddr, version: &'static SupportedProtocolVersion) -> Peer {
    let name = "localhost".try_into().expect("a host's name");
    let connection = ClientConnection::new(authority.peer_config(version), name).expect("the configuration is right");
    StreamOwned::new(connection, StdStream::connect(address).expect("somebody listens"))
}

/// Waits for a thread without holding the core.
async fn joined<T>(thread: thread::JoinHandle<T>) -> T {
    while !thread.is_finished() {
        time::sleep(Duration::from_millis(1)).await;
    }
    thread.join().expect("the other end saw what it should")
}

fn counted(name: &str) -> u64 {
    tls_stats().into_iter().find(|(event, _)| *event == name).expect("there is such an event").1
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    loop {
        let lease = stream.recv().await?;
        if lease.is_empty() {
            return Ok(());
        }
        stream.sendable().await?;
        stream.send(&lease[..])?;
    }
}

#[test]
fn messages_of_every_size_come_back_by_both_versions() {
    let authority = Arc::new(Authority::new());
    for version in [&TLS12, &TLS13] {
        runtime().block_on({
            let authority = Arc::clone(&authority);
            async move {
                let (listener, address) = listen();
                let client = Arc::clone(&authority);
                let peer = thread::spawn(move || {
                    let mut peer = dial(&client, address, version);
                    for size in SIZES {
                        let sent = bytes(size);
                        peer.write_all(&sent).expect("the echo reads");
                        let mut received = vec![0; size];
                        peer.read_exact(&mut received).expect("the echo answers");
                        assert!(received == sent, "{size} bytes");
                    }
                    assert_eq!(peer.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
                    peer.conn.send_close_notify();
                    peer.flush().expect("the echo reads");
                    let end = peer.read(&mut [0; 1]).expect("the echo says goodbye, too");
                    assert_eq!(end, 0);
                });
                echo(accept(&listener, &authority).await).await.expect("a goodbye is a clean end");
                joined(peer).await;
                assert_eq!(counted("handshakes"), 1);
            }
        });
    }
}

#[test]
fn megabytes_flow_in_both_directions_at_once() {
    const COUNT: usize = 3_000_000;
    let authority = Arc::new(Authority::new());
    runtime().block_on(async move {
        let (listener, address) = listen();
        let server = spawn({
            let authority = Arc::clone(&authority);
            async move { echo(accept(&listener, &authority).await).await }
        });
        let client = authority.client();
        let mut stream = TcpStream::connect(address, &ConnectOptions::default()).await.expect("somebody listens");
        stream.secure_as_client(&client, "localhost").expect("it is a name");
        let (mut at, mut received, sent) = (0, Vec::new(), bytes(COUNT));
        while received.len() < COUNT {
            while at < COUNT && stream.id().queued().expect("it is open") < 100_000 {
                let end = COUNT.min(at + 50_000);
                stream.send(&sent[at..end]).expect("there is room");
                at = end;
            }
            let lease = stream.recv().await.expect("the echo answers");
            assert!(!lease.is_empty() && lease.len() <= 16 * 1024);
            received.extend_from_slice(&lease);
        }
        assert!(received == sent);
        stream.shutdown();
        assert_eq!(stream.send("late"), Err(SendError::Closed));
        assert!(stream.recv().await.expect("the echo says goodbye").is_empty());
        server.await.expect("it ran").expect("a goodbye is a clean end");
    });
}

#[test]
fn a_full_queue_is_a_state_and_empties_when_the_peer_reads() {
    let authority = Arc::new(Authority::new());
    runtime().block_on(async move {
        let (listener, address) = listen();
        let client = Arc::clone(&authority);
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let peer = thread::spawn(move || {
            let mut peer = dial(&client, address, &TLS13);
            peer.write_all(b"go").expect("it reads");
            wait.recv().expect("the server fills its queue");
            let mut received = Vec::new();
            peer.read_to_end(&mut received).expect("the server says goodbye");
            received
        });
        let mut stream = accept(&listener, &authority).await;
        stream.set(StreamOption::SendLimit(100_000)).expect("it is open");
        assert_eq!(&stream.recv().await.expect("it asks")[..], b"go");
        let (chunk, mut count) = (bytes(30_000), 0_usize);
        let full = loop {
            match stream.send(&chunk[..]) {
                Ok(()) => count += 1,
                Err(error) => break error,
            }
            // Until the kernel takes no more.
            yield_now().await;
        };
        let SendError::Full { queued, limit } = full else { panic!("{full}") };
        assert!(limit == 100_000 && (70_000..=limit).contains(&queued), "{full}");
        assert_eq!(stream.id().queued(), Some(queued));
        stream.id().supersede("the last word").expect("it is held to no limit");
        assert!(stream.id().queued().expect("it is open") > queued, "records are not taken back");
        go.send(()).expect("the peer waits");
        stream.flushed().await.expect("the peer reads");
        assert_eq!(stream.id().queued(), Some(0));
        drop(stream);
        let received = joined(peer).await;
        assert_eq!(received.len(), count * chunk.len() + "the last word".len());
        assert!(received.starts_with(&chunk) && received.ends_with(b"the last word"));
    });
}

#[test]
fn what_is_sent_before_the_handshake_waits_for_it_and_counts() {
    let authority = Arc::new(Authority::new());
    runtime().block_on(async move {
        let (listener, address) = listen();
        let stream = TcpStream::connect(address, &ConnectOptions::default()).await.expect("somebody listens");
        stream.secure_as_client(&authority.client(), "localhost").expect("it is a name");
        stream.set(StreamOption::SendLimit(10_000)).expect("it is open");
        let before = stream.id().queued().expect("it is open");
        stream.send(&bytes(50_000)[..]).expect("nobody has sent anything, so any payload is taken");
        assert!(stream.id().queued().expect("it is open") >= before + 50_000);
        assert!(matches!(stream.send("more"), Err(SendError::Full { queued: 50_000.., limit: 10_000 })));
        let server = spawn(async move {
            let mut stream = accept(&listener, &authority).await;
            let mut received = Vec::new();
            while received.len() < 50_000 {
                received.extend_from_slice(&stream.recv().await.expect("the client is there"));
            }
            received
        });
        stream.flushed().await.expect("the handshake goes on while it waits");
        assert!(server.await.expect("it ran") == bytes(50_000));
    });
}

#[test]
fn an_end_without_a_goodbye_is_an_error_and_one_with_it_is_not() {
    let authority = Arc::new(Authority::new());
    for says_goodbye in [false, true] {
        let authority = Arc::clone(&authority);
        runtime().block_on(async move {
            let (listener, address) = listen();
            let client = Arc::clone(&authority);
            let peer = thread::spawn(move || {
                let mut peer = dial(&client, address, &TLS13);
                peer.write_all(b"all of it?").expect("it reads");
                if says_goodbye {
                    peer.conn.send_close_notify();
                }
                peer.flush().expect("it reads");
                peer.sock.shutdown(Shutdown::Write).expect("it is open");
                let mut rest = Vec::new();
                let read = peer.read_to_end(&mut rest);
                if says_goodbye {
                    read.expect("the server says goodbye");
                    assert_eq!(rest, b"still here");
                }
            });
            let mut stream = accept(&listener, &authority).await;
            assert_eq!(&stream.recv().await.expect("it came whole")[..], b"all of it?");
            let end = stream.recv().await;
            match says_goodbye {
                true => {
                    assert!(end.expect("a goodbye is a clean end").is_empty());
                    stream.send("still here").expect("our direction is open");
                }
                false => {
                    let kinds = [end.unwrap_err().kind(), stream.recv().await.unwrap_err().kind()];
                    assert_eq!(kinds, [io::ErrorKind::UnexpectedEof; 2]);
                    assert_eq!(stream.send("anybody?"), Err(SendError::Closed));
                }
            }
            drop(stream);
            joined(peer).await;
            assert_eq!(counted("truncated"), u64::from(!says_goodbye));
        });
    }
}

#[test]
fn what_is_no_tls_and_who_breaks_it_is_told_and_counted() {
    let authority = Arc::new(Authority::new());
    let hello = [&[22, 3, 1, 0, 4, 1, 0, 0, 0][..], &[0; 64]].concat();
    for (garbage, event) in [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(), "failed_not_tls"),
        (vec![0; 20_000], "failed_not_tls"),
        (vec![22, 3, 1, 0xff, 0xff, 1], "failed_not_tls"),
        (vec![23, 3, 3, 0, 1, 7], "failed_protocol"),
        (vec![21, 3, 3, 0, 2, 2, 40], "failed_alert"),
        (vec![21, 3, 3, 0, 2, 1, 0], "failed_abandoned"),
        (hello, "failed_not_tls"),
        (vec![22, 3, 1], "failed_abandoned"),
    ] {
        let authority = Arc::clone(&authority);
        runtime().block_on(async move {
            let (listener, address) = listen();
            let sent = garbage.clone();
            let peer = thread::spawn(move || {
                let mut socket = StdStream::connect(address).expect("somebody listens");
                socket.write_all(&sent).expect("it reads");
                let _ = socket.shutdown(Shutdown::Write);
                let mut answer = Vec::new();
                // What was not read resets the connection.
                let _ = socket.read_to_end(&mut answer);
            });
            let mut stream = accept(&listener, &authority).await;
            let error = stream.recv().await.expect_err("it is no TLS");
            let expected =
                if event == "failed_abandoned" { io::ErrorKind::UnexpectedEof } else { io::ErrorKind::InvalidData };
            assert_eq!(error.kind(), expected, "{error}");
            drop(stream);
            joined(peer).await;
            assert_eq!(counted(event), 1, "{garbage:?}: {error}; {:?}", tls_stats());
        });
    }
}

#[test]
fn a_handshake_that_comes_a_byte_at_a_time_succeeds() {
    let authority = Arc::new(Authority::new());
    for version in [&TLS12, &TLS13] {
        let authority = Arc::clone(&authority);
        runtime().block_on(async move {
            let (listener, address) = listen();
            let client = Arc::clone(&authority);
            let peer = thread::spawn(move || {
                let mut peer = dial(&client, address, version);
                peer.sock.set_nodelay(true).expect("it is open");
                peer.conn.writer().write_all(b"slowly").expect("it is kept");
                let mut received = Vec::new();
                while received.len() < 6 {
                    let mut records = Vec::new();
                    while peer.conn.wants_write() {
                        peer.conn.write_tls(&mut records).expect("a Vec takes all");
                    }
                    for byte in records {
                        peer.sock.write_all(&[byte]).expect("the server reads");
                    }
                    peer.conn.read_tls(&mut peer.sock).expect("the server answers");
                    peer.conn.process_new_packets().expect("the server keeps to the rules");
                    // What is not there yet is no error of interest.
                    let _ = peer.conn.reader().read_to_end(&mut received);
                }
                assert_eq!(received, b"slowly");
            });
            let mut stream = accept(&listener, &authority).await;
            let mut received = Vec::new();
            while received.len() < 6 {
                received.extend_from_slice(&stream.recv().await.expect("the peer is slow, not wrong"));
            }
            stream.send(received).expect("there is room");
            joined(peer).await;
        });
    }
}

#[test]
fn who_is_not_whom_the_client_asked_for_is_refused() {
    let authority = Arc::new(Authority::new());
    runtime().block_on(async move {
        let other = Authority::new();
        let (listener, address) = listen();
        for (client, name, failure) in [
            (authority.client(), "elsewhere.example", true),
            (other.client(), "localhost", true),
            (TlsClient::trusting_everybody().expect("a configuration"), "elsewhere.example", false),
            (authority.client(), "127.0.0.1", false),
        ] {
            let mut ours = TcpStream::connect(address, &ConnectOptions::default()).await.expect("somebody listens");
            ours.secure_as_client(&client, name).expect("it is a name");
            let mut theirs = accept(&listener, &authority).await;
            let server = spawn(async move {
                theirs.send("hello")?;
                theirs.recv().await.map(drop)
            });
            let received = ours.recv().await;
            assert_eq!(received.is_err(), failure, "{name}: {received:?}");
            drop((received, ours));
            assert_eq!(server.await.expect("it ran").is_err(), failure, "{name}");
        }
        assert_eq!((counted("failed_certificate"), counted("failed_alert")), (2, 2));
        let ours = TcpStream::connect(address, &ConnectOptions::default()).await.expect("somebody listens");
        let error = ours.secure_as_client(&authority.client(), "no name").expect_err("a space is in it");
        assert!(error.to_string().contains("\"no name\""), "{error}");
    });
}

#[test]
fn a_server_talks_to_other_versions_as_a_client_and_resumes_by_ticket() {
    let authority = Arc::new(Authority::new());
    for version in [&TLS12, &TLS13] {
        let authority = Arc::clone(&authority);
        runtime().block_on(async move {
            let server = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
            let address = server.local_addr().expect("it is bound");
            let config = authority.peer_server_config(version);
            let peer = thread::spawn(move || {
                for _ in 0..2 {
                    let (socket, _) = server.accept().expect("the client comes");
                    let connection = ServerConnection::new(Arc::clone(&config)).expect("a configuration");
                    let mut stream = StreamOwned::new(connection, socket);
                    let mut request = [0; 7];
                    stream.read_exact(&mut request).expect("the client asks");
                    stream.write_all(&request).expect("the client reads");
                    stream.conn.send_close_notify();
                    stream.flush().expect("the client reads");
                    // Whether the client says goodbye in time is not the question here.
                    let _ = stream.read_to_end(&mut Vec::new());
                }
            });
            let client = authority.client();
            for _ in 0..2 {
                let mut stream =
                    TcpStream::connect(address, &ConnectOptions::default()).await.expect("somebody listens");
                stream.secure_as_client(&client, "localhost").expect("it is a name");
                stream.send("request").expect("it waits for the handshake");
                assert_eq!(&stream.recv().await.expect("the server answers")[..], b"request");
                assert!(stream.recv().await.expect("the server says goodbye").is_empty());
            }
            joined(peer).await;
            assert_eq!((counted("handshakes"), counted("resumed")), (2, 1));
        });
    }
}

#[test]
fn a_new_certificate_reaches_the_connections_to_come() {
    let (first, second) = (Authority::new(), Authority::new());
    runtime().block_on(async move {
        let files = first.files();
        let server = crore_rt::net::TlsServer::from_files(&files.chain, &files.key).expect("the files are right");
        let (listener, address) = listen();
        for (client, rotated) in [(first.client(), false), (second.client(), true)] {
            if rotated {
                let broken = server.clone().reload(&files.key, &files.key).expect_err("a key is no chain");
                assert!(broken.to_string().contains("no certificate"), "{broken}");
                second.write(&files);
                server.reload(&files.chain, &files.key).expect("the files are right");
            }
            let mut ours = TcpStream::connect(address, &ConnectOptions::default()).await.expect("somebody listens");
            ours.secure_as_client(&client, "localhost").expect("it is a name");
            let mut theirs = listener.accept().await.expect("the listener works");
            theirs.secure_as_server(&server).expect("the configuration is right");
            ours.send("ping").expect("there is room");
            let answer = spawn(async move {
                let lease = theirs.recv().await?;
                theirs.send(&lease[..])?;
                theirs.flushed().await?;
                Ok::<_, io::Error>(())
            });
            assert_eq!(&ours.recv().await.expect("the certificate is trusted")[..], b"ping");
            answer.await.expect("it ran").expect("the client reads");
        }
    });
}

#[test]
fn wrong_certificates_and_keys_are_refused_with_their_file_and_what_to_do() {
    let (ours, others) = (Authority::new(), Authority::new());
    let (files, other_files) = (ours.files(), others.files());
    let load = |chain, key| crore_rt::net::TlsServer::from_files(chain, key).expect_err("it is wrong").to_string();
    let missing = files.chain.with_file_name("nothing.pem");
    for (error, parts) in [
        (load(&missing, &files.key), ["nothing.pem", "No such file"]),
        (load(&files.chain, &missing), ["nothing.pem", "No such file"]),
        (load(&files.key, &files.key), ["key.pem", "BEGIN CERTIFICATE"]),
        (load(&files.chain, &files.chain), ["chain.pem", "BEGIN PRIVATE KEY"]),
        (load(&files.chain, &other_files.key), ["key.pem", "is not the key of"]),
        (load(std::path::Path::new("/dev/zero"), &files.key), ["/dev/zero", "1048576"]),
    ] {
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    }
    let broken = b"-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n";
    let error = TlsClient::from_pem(broken).expect_err("it is no base64").to_string();
    assert!(error.contains("no PEM"), "{error}");
}
