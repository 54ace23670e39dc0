//! WebSockets and event streams, our client against our server, in simulated worlds.

use std::net::SocketAddr;

use crore_base::time::Duration;
use crore_http::ws::{self, Decoder, Event, HandshakeError, Offer, Opcode, Origins, Role};
use crore_http::{Fields, Status, WsLimits, sse};
use crore_rt::net::{ListenOptions, TcpListener, TcpStream};
use crore_rt::{spawn, spawn_detached, time};
use crore_web::WebSocketError;
use crore_web::client::{ClientError, ClientOptions, EventStream, Keys, Message, WebSocket, WebSocketOptions};
use crore_web::{Application, Request, Response, Server, ServerOptions, websocket};

const OFFER: Offer<'static> = Offer { protocols: &["echo"], origins: Origins::SameHost };

/// Sends back what comes; text that says `end` ends the session, `bad` breaks the rules.
async fn echo(mut stream: TcpStream, unread: Box<[u8]>) {
    let mut decoder = Decoder::new(Role::Server, &WsLimits::default());
    let mut bytes = unread.into_vec();
    loop {
        let mut at = 0;
        while let (consumed, Some(event)) = decoder.on_input(&mut bytes[at..]).expect("the client keeps the rules") {
            at += consumed;
            let frame = match event {
                Event::Text("end") => ws::encode_close(4000, "as you wish", None).unwrap(),
                Event::Text("bad") => vec![0xff, 0xff],
                Event::Text("ping") => ws::encode(Opcode::Ping, b"are you there"),
                Event::Text(text) => ws::encode(Opcode::Text, text.as_bytes()),
                Event::Binary(bytes) => ws::encode(Opcode::Binary, bytes),
                Event::Ping(bytes) => ws::encode(Opcode::Pong, bytes),
                Event::Pong(bytes) => ws::encode(Opcode::Text, &[b"pong: ", bytes].concat()),
                Event::Close { .. } => return,
            };
            stream.send(frame).unwrap();
        }
        let Ok(lease) = stream.recv().await else {
            return;
        };
        if lease.is_empty() {
            return;
        }
        bytes = lease.to_vec();
    }
}

fn start() -> SocketAddr {
    let application = Application::new(())
        .get("/ws", async |request: Request<()>| {
            let accepted = websocket(request.head(), &OFFER)?;
            Ok::<_, Response>(Response::websocket(&accepted, |stream, unread| {
                spawn_detached(echo(stream, unread)).unwrap();
            }))
        })
        .get("/events", async |request: Request<()>| {
            let first = sse::last_event_id(request.head()).unwrap_or(None).map_or(0, |id| id.parse().unwrap());
            Response::event_stream(move |stream, _| {
                spawn(async move {
                    stream.send(sse::retry(500)).unwrap();
                    for id in first + 1..first + 4_u32 {
                        stream.send(sse::KEEP_ALIVE).unwrap();
                        time::sleep(Duration::from_secs(100)).await;
                        let data = format!("line {id}\nand more");
                        stream.send(sse::encode(Some("tick"), Some(&id.to_string()), &data, None).unwrap()).unwrap();
                    }
                })
                .detach();
            })
        })
        .get("/page", async |_| Response::html("<p>no stream</p>"));
    let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap(), &ListenOptions::default()).unwrap();
    let address = listener.local_addr();
    spawn(async move { Server::new(application, ServerOptions::default()).serve(listener).await.unwrap() }).detach();
    address
}

fn options() -> WebSocketOptions {
    WebSocketOptions { protocols: vec!["other".into(), "echo".into()], ..WebSocketOptions::new(Keys::from_seed(1)) }
}

#[crore_rt::test(seeds = 30)]
async fn messages_go_there_and_back() {
    let address = start();
    let mut socket = WebSocket::connect(address, "example", "/ws", &options()).await.unwrap();
    assert_eq!(socket.protocol(), Some("echo"));
    for length in [0, 1, 125, 126, 1000, 65_535, 65_536] {
        socket.send_text(&"x".repeat(length.max(10))).unwrap();
        socket.send(Opcode::Binary, &vec![7; length]).unwrap();
        assert_eq!(socket.next().await.unwrap(), Some(Message::Text("x".repeat(length.max(10)))));
        assert_eq!(socket.next().await.unwrap(), Some(Message::Binary(vec![7; length])));
    }
    socket.send_text("ping").unwrap();
    assert_eq!(socket.next().await.unwrap(), Some(Message::Text("pong: are you there".into())));
    socket.send_text("end").unwrap();
    assert_eq!(socket.next().await.unwrap(), None);
}

#[crore_rt::test(seeds = 10)]
async fn a_server_that_breaks_the_rules_is_left() {
    let address = start();
    let mut socket = WebSocket::connect(address, "example", "/ws", &options()).await.unwrap();
    socket.send_text("bad").unwrap();
    assert!(matches!(socket.next().await, Err(WebSocketError::Rules(_))));
}

#[crore_rt::test(seeds = 10)]
async fn a_refused_handshake_says_why() {
    let address = start();
    let refused = WebSocket::connect(address, "example", "/page", &options()).await;
    assert!(matches!(refused, Err(ClientError::Handshake(HandshakeError::Status(Status::OK)))));
    let mut foreign = options();
    foreign.fields.push("Origin", "https://evil.example").unwrap();
    let refused = WebSocket::connect(address, "example", "/ws", &foreign).await;
    assert!(matches!(refused, Err(ClientError::Handshake(HandshakeError::Status(Status::FORBIDDEN)))));
}

#[crore_rt::test(seeds = 20)]
async fn events_come_one_by_one_and_go_on_where_they_ended() {
    let address = start();
    let mut fields = Fields::new();
    for first in [0, 3] {
        let client = ClientOptions::default();
        let mut events = EventStream::connect(address, "example", "/events", &fields, &client).await.unwrap();
        for id in first + 1..first + 4 {
            let event = events.next().await.unwrap().unwrap();
            assert_eq!((event.event.as_str(), event.id), ("tick", id.to_string()));
            assert_eq!(event.data, format!("line {id}\nand more"));
        }
        assert_eq!(events.next().await.unwrap(), None);
        assert_eq!(events.retry_ms(), Some(500));
        fields.push("Last-Event-ID", events.last_event_id()).unwrap();
    }
    let page = EventStream::connect(address, "example", "/page", &Fields::new(), &ClientOptions::default()).await;
    let error = page.err().unwrap().to_string();
    assert_eq!(error, "the server answered 200 OK with text/html; charset=utf-8 instead of a stream of events");
}
