use std::cell::{Cell, RefCell};
use std::net::SocketAddr;

use crore_base::time::Duration;
use crore_http::Status;
use crore_http::ws::{self, HandshakeError, WsError};
use crore_rt::net::{ListenOptions, TcpListener};
use crore_rt::{spawn, time};

use super::*;
use crate::client::{ClientError, WebSocketOptions};
use crate::{Application, Request, Server, ServerOptions};

const KEEPING: DeflateOptions = DeflateOptions { level: 3, bytes_min: 128, context_takeover: true };

/// A server whose `/` has these sessions.
fn serve<F: Future<Output = ()> + 'static>(
    options: UpgradeOptions,
    session: impl FnOnce(WebSocket) -> F + Clone + 'static,
) -> SocketAddr {
    let application = Application::new(Upgrade::new(options)).get("/", move |request: Request<Upgrade>| {
        let answer = request.state().accept(request.head(), session.clone());
        async move { answer }
    });
    let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap(), &ListenOptions::default()).unwrap();
    let address = listener.local_addr();
    spawn(async move { Server::new(application, ServerOptions::default()).serve(listener).await.unwrap() }).detach();
    address
}

/// Sends back what comes, at the pace of the peer.
async fn echo(mut socket: WebSocket) {
    while let Ok(Some(message)) = socket.next().await {
        socket.sendable().await.unwrap();
        socket.send_message(&message).unwrap();
    }
}

fn options(compression: Option<DeflateOptions>) -> WebSocketOptions {
    let compression = compression.map(Compression::new);
    WebSocketOptions { compression, ..WebSocketOptions::new(Keys::from_seed(1)) }
}

async fn connect(address: SocketAddr, options: &WebSocketOptions) -> WebSocket {
    WebSocket::connect(address, "example", "/", options).await.unwrap()
}

/// Owns nothing but itself.
fn assert_waits_alone(socket: &WebSocket) {
    assert!(socket.pending.is_none() && socket.received.is_none() && socket.sent.is_none(), "{socket:?}");
}

#[test]
fn a_websocket_that_waits_is_a_few_words() {
    let size = size_of::<WebSocket>();
    println!("a WebSocket that waits: {size} bytes");
    assert!(size <= 64, "{size}");
}

#[crore_rt::test(seeds = 5)]
async fn messages_come_back_with_any_compression_or_none() {
    let default = DeflateOptions::default();
    for (server, client) in [
        (None, None),
        (None, Some(default)),
        (Some(default), None),
        (Some(default), Some(default)),
        (Some(KEEPING), Some(KEEPING)),
        (Some(KEEPING), Some(default)),
    ] {
        let upgrade = UpgradeOptions { compression: server.map(Compression::new), ..UpgradeOptions::default() };
        let mut socket = connect(serve(upgrade, echo), &options(client)).await;
        assert_eq!(socket.deflate().is_some(), server.is_some() && client.is_some());
        let keeps = server == Some(KEEPING) && client == Some(KEEPING);
        for length in [0, 1, 127, 128, 1000, 1000, 65_536] {
            socket.send_text(&"text ".repeat(length / 5)).unwrap();
            socket.send_binary(&vec![7; length]).unwrap();
            assert_eq!(socket.next().await.unwrap(), Some(Message::Text("text ".repeat(length / 5))));
            assert_eq!(socket.next().await.unwrap(), Some(Message::Binary(vec![7; length])));
            assert_eq!(socket.received.is_some(), keeps);
            if !keeps {
                assert_waits_alone(&socket);
            }
        }
        socket.finish(1000, "").await.unwrap();
    }
}

#[crore_rt::test(seeds = 20)]
async fn a_session_owns_nothing_while_it_waits() {
    let compression = Some(Compression::new(DeflateOptions::default()));
    let address = serve(UpgradeOptions { compression, ..UpgradeOptions::default() }, async |mut socket| {
        assert_waits_alone(&socket);
        while let Some(message) = socket.next().await.unwrap() {
            // The network may have cut a message, or brought two; what is left is not idle.
            if socket.pending.is_none() {
                assert_waits_alone(&socket);
            }
            socket.send_message(&message).unwrap();
        }
        assert_waits_alone(&socket);
    });
    let mut socket = connect(address, &options(Some(DeflateOptions::default()))).await;
    for _ in 0..5 {
        socket.send_text(&"again ".repeat(100)).unwrap();
        assert!(socket.next().await.unwrap().is_some());
    }
    socket.finish(1000, "").await.unwrap();
}

#[crore_rt::test(seeds = 10)]
async fn many_messages_of_one_read_are_taken_one_by_one() {
    let mut socket = connect(serve(UpgradeOptions::default(), echo), &options(None)).await;
    for round in 0..500 {
        socket.send_text(&round.to_string()).unwrap();
    }
    for round in 0..500 {
        assert_eq!(socket.next().await.unwrap(), Some(Message::Text(round.to_string())));
    }
    assert_waits_alone(&socket);
}

#[crore_rt::test(seeds = 20)]
async fn one_compressed_frame_goes_to_all_who_agreed_on_the_same() {
    let shared = Rc::new((Compression::new(DeflateOptions::default()), RefCell::new(Vec::new())));
    let upgrade = UpgradeOptions { compression: Some(shared.0.clone()), ..UpgradeOptions::default() };
    let theirs = Rc::clone(&shared);
    let address = serve(upgrade, move |mut socket| async move {
        theirs.1.borrow_mut().push((socket.stream().id(), socket.deflate()));
        let _ = socket.next().await;
    });
    let mut sockets = Vec::new();
    for _ in 0..4 {
        sockets.push(connect(address, &options(Some(DeflateOptions::default()))).await);
    }
    while shared.1.borrow().len() < 4 {
        time::sleep(Duration::from_millis(1)).await;
    }
    let text = "to all of you; ".repeat(100);
    let terms = shared.1.borrow()[0].1.unwrap();
    let frame = shared.0.encode(Opcode::Text, text.as_bytes(), terms.sent_by(Role::Server)).unwrap();
    assert!(frame.len() < text.len() / 10);
    for (stream, agreed) in shared.1.borrow().iter() {
        assert_eq!(*agreed, Some(terms));
        stream.send(frame.clone()).unwrap();
    }
    assert_eq!(frame.holders(), 5);
    for socket in &mut sockets {
        assert_eq!(socket.next().await.unwrap(), Some(Message::Text(text.clone())));
    }
    assert_eq!(shared.0.encode(Opcode::Text, b"short", terms.sent_by(Role::Server)), None);
    let keeps = ws::DeflateSide { window_bits: 15, keeps_context: true };
    assert_eq!(shared.0.encode(Opcode::Text, text.as_bytes(), keeps), None, "nobody else has this context");
}

#[crore_rt::test(seeds = 20)]
async fn pings_are_answered_and_lent() {
    let pings = Rc::new(Cell::new(0));
    let seen = Rc::clone(&pings);
    let address = serve(UpgradeOptions::default(), move |mut socket| async move {
        let is_ping = |event: ws::Event<'_>| matches!(event, ws::Event::Ping(b"there?"));
        while socket.receive(|event| seen.set(seen.get() + u32::from(is_ping(event)))).await.unwrap() {}
    });
    let mut socket = connect(address, &options(None)).await;
    socket.ping(b"there?").unwrap();
    let mut pong = None;
    while pong.is_none() {
        let mut take = |event: ws::Event<'_>| {
            if let ws::Event::Pong(payload) = event {
                pong = Some(payload.to_vec());
            }
        };
        assert!(socket.receive(&mut take).await.unwrap());
    }
    assert_eq!((pong.as_deref(), pings.get()), (Some(&b"there?"[..]), 1));
}

#[crore_rt::test(seeds = 20)]
async fn both_sides_may_say_goodbye() {
    let codes = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&codes);
    let address = serve(UpgradeOptions::default(), move |mut socket| async move {
        if let Some(Message::Text(_)) = socket.next().await.unwrap() {
            socket.close(4001, "as you wish").unwrap();
            assert!(socket.send_text("too late").is_err());
        }
        assert_eq!(socket.next().await.unwrap(), None);
        assert_eq!(socket.next().await.unwrap(), None, "and again");
        seen.borrow_mut().push(socket.close_code());
    });
    let mut socket = connect(address, &options(None)).await;
    socket.send_text("end").unwrap();
    assert_eq!(socket.next().await.unwrap(), None);
    assert_eq!(socket.close_code(), Some(4001));
    let socket = connect(address, &options(None)).await;
    socket.finish(4002, "enough").await.unwrap();
    while codes.borrow().len() < 2 {
        time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(*codes.borrow(), [Some(4001), Some(4002)]);
    let mut socket = connect(address, &options(None)).await;
    assert!(matches!(socket.close(1005, ""), Err(WebSocketError::Rules(WsError::CloseCode { code: 1005 }))));
    assert!(socket.send_text("still open").is_ok());
}

#[crore_rt::test(seeds = 20)]
async fn a_bomb_is_refused_with_its_code() {
    let failures = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&failures);
    let limits = WsLimits { message_bytes: 16 << 20, ..WsLimits::default() };
    let compression = Some(Compression::new(DeflateOptions::default()));
    let upgrade = UpgradeOptions { compression, limits, ..UpgradeOptions::default() };
    let address = serve(upgrade, move |mut socket| async move {
        let Err(WebSocketError::Rules(error)) = socket.next().await else { panic!("the client is hostile") };
        seen.borrow_mut().push(error);
        assert_eq!(socket.next().await.unwrap(), None, "an error is told once");
    });
    let mut socket = connect(address, &options(Some(DeflateOptions::default()))).await;
    socket.send_binary(&vec![0; 1 << 20]).unwrap();
    assert_eq!(socket.next().await.unwrap(), None);
    assert_eq!(socket.close_code(), Some(1009));
    drop(socket);
    while failures.borrow().is_empty() {
        time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(*failures.borrow(), [WsError::InflatesTooMuch { limit: 200 }]);
}

#[crore_rt::test(seeds = 20)]
async fn who_breaks_a_rule_is_told_though_more_is_under_way() {
    let address = serve(UpgradeOptions::default(), async |mut socket| {
        assert!(matches!(socket.next().await, Err(WebSocketError::Rules(WsError::NotMasked))));
    });
    let mut socket = connect(address, &options(None)).await;
    socket.stream().send(ws::encode(Opcode::Binary, &vec![1; 100_000])).unwrap();
    assert_eq!(socket.next().await.unwrap(), None);
    assert_eq!(socket.close_code(), Some(1002));
}

#[crore_rt::test(seeds = 20)]
async fn waiting_may_be_given_up_and_begun_again() {
    let address = serve(UpgradeOptions::default(), async |socket| {
        for round in 0..20 {
            time::sleep(Duration::from_millis(7)).await;
            socket.send_text(&round.to_string().repeat(2000)).unwrap();
        }
        socket.finish(1000, "").await.unwrap();
    });
    let mut socket = connect(address, &options(None)).await;
    let mut seen = Vec::new();
    loop {
        match time::timeout(Duration::from_millis(3), socket.next()).await {
            Err(_) => {}
            Ok(Ok(Some(Message::Text(text)))) => seen.push(text),
            Ok(Ok(None)) => break,
            Ok(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(seen, (0..20).map(|round: i32| round.to_string().repeat(2000)).collect::<Vec<_>>());
}

#[crore_rt::test(seeds = 10)]
async fn a_full_queue_keeps_a_context_right() {
    let compression = Some(Compression::new(KEEPING));
    let address = serve(UpgradeOptions { compression, ..UpgradeOptions::default() }, async |mut socket| {
        assert!(socket.next().await.unwrap().is_some());
        // What fits and what does not must make no difference to how the rest is read.
        socket.stream().set_send_limit(400).unwrap();
        let mut refused = 0;
        for round in 0..200_u32 {
            let text = format!("{round} {}", "the same words again, ".repeat(10 + round as usize % 7));
            refused += u32::from(socket.send_text(&text).is_err());
        }
        assert!(refused > 0);
        while socket.sendable().await.is_ok() && socket.send_text("the end").is_err() {}
        let _ = socket.next().await;
    });
    let mut socket = connect(address, &options(Some(KEEPING))).await;
    socket.send_text("begin").unwrap();
    let mut last = None;
    loop {
        let Some(Message::Text(text)) = socket.next().await.unwrap() else { panic!("text") };
        if text == "the end" {
            break;
        }
        let (round, rest) = text.split_once(' ').unwrap();
        let round: u32 = round.parse().unwrap();
        assert_eq!(rest, "the same words again, ".repeat(10 + round as usize % 7));
        assert!(last < Some(round));
        last = Some(round);
    }
    assert!(last.is_some());
}

#[crore_rt::test(seeds = 10)]
async fn protocols_and_origins_are_the_servers_choice() {
    let upgrade = UpgradeOptions {
        protocols: vec!["chat".into(), "echo".into()],
        origins: AllowedOrigins::Listed(vec!["https://page.example".into()]),
        ..UpgradeOptions::default()
    };
    let address = serve(upgrade, async |socket| {
        let chosen = socket.protocol().unwrap_or("none").to_owned();
        socket.send_text(&chosen).unwrap();
        socket.finish(1000, "").await.unwrap();
    });
    for (asked, origin, chosen) in [
        (&["other", "echo", "chat"][..], None, "echo"),
        (&["other"], Some("https://page.example"), "none"),
        (&[], None, "none"),
    ] {
        let mut options = options(None);
        options.protocols = asked.iter().map(|&protocol| protocol.to_owned()).collect();
        if let Some(origin) = origin {
            options.fields.push("Origin", origin).unwrap();
        }
        let mut socket = connect(address, &options).await;
        assert_eq!(socket.protocol().unwrap_or("none"), chosen);
        assert_eq!(socket.next().await.unwrap(), Some(Message::Text(chosen.into())));
    }
    let mut foreign = options(None);
    foreign.fields.push("Origin", "https://evil.example").unwrap();
    let refused = WebSocket::connect(address, "example", "/", &foreign).await;
    assert!(matches!(refused, Err(ClientError::Handshake(HandshakeError::Status(Status::FORBIDDEN)))));
}
