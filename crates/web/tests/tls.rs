//! A server and its clients over TLS: nothing above the stream knows of it.

use std::net::SocketAddr;

use crore_base::time::Duration;
use crore_http::ws::{self, Decoder, Event, Offer, Opcode, Origins, Role};
use crore_http::{Fields, WsLimits, sse};
use crore_rt::net::{ConnectOptions, ListenOptions, TcpListener, TcpStream, TlsClient, TlsServer};
use crore_rt::{spawn_detached, time, tls_stats};
use crore_web::client::{Client, ClientOptions, EventStream, Keys, Message, WebSocket, WebSocketOptions};
use crore_web::{Application, Request, Response, Server, ServerOptions, websocket};
use rcgen::CertifiedKey;

/// A certificate for `localhost` as both sides need it.
fn certificate() -> (TlsServer, ClientOptions) {
    let CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("it can be made");
    let chain = cert.pem();
    let server = TlsServer::from_pem(chain.as_bytes(), signing_key.serialize_pem().as_bytes()).expect("they fit");
    let client = TlsClient::from_pem(chain.as_bytes()).expect("it is one");
    (server, ClientOptions { tls: Some(client), ..ClientOptions::default() })
}

fn listen() -> (TcpListener, SocketAddr) {
    let address = "10.0.0.1:443".parse().expect("an address");
    let listener = TcpListener::bind(address, &ListenOptions::default()).expect("the address is free");
    (listener, address)
}

fn serve(application: Application<()>, tls: TlsServer) -> (Server<()>, SocketAddr) {
    let (listener, address) = listen();
    let server = Server::new(application, ServerOptions { wall_clock: None, ..ServerOptions::default() }).secured(tls);
    let serving = server.clone();
    spawn_detached(async move { serving.serve(listener).await.expect("the listener works") }).expect("there is room");
    (server, address)
}

#[crore_rt::test]
async fn requests_of_every_size_are_answered_over_tls() {
    let (tls, options) = certificate();
    let application = Application::new(())
        .get("/", async |_: Request<()>| Response::text("secret"))
        .post("/length", async |request: Request<()>| Response::text(request.body().len().to_string()))
        .get("/large", async |_: Request<()>| Response::text("x".repeat(60_000)));
    let (_, address) = serve(application, tls);
    let mut client = Client::connect(address, "localhost:443", options.clone()).await.expect("it is there");
    assert_eq!(client.request("GET", "/", &Fields::new(), b"").await.expect("an answer").text(), "secret");
    let sent = vec![7; 60_000];
    assert_eq!(client.request("POST", "/length", &Fields::new(), &sent).await.expect("an answer").text(), "60000");
    assert_eq!(client.request("GET", "/large", &Fields::new(), b"").await.expect("an answer").body.len(), 60_000);
    let mut wrong = Client::connect(address, "elsewhere", options).await.expect("it can be asked");
    let refused = wrong.request("GET", "/", &Fields::new(), b"").await;
    assert!(refused.is_err_and(|error| error.to_string().contains("TLS: invalid peer certificate")));
}

/// Answers the first message of a WebSocket, and every one after it.
async fn greet(mut stream: TcpStream) {
    let mut decoder = Decoder::new(Role::Server, &WsLimits::default());
    while let Ok(mut lease) = stream.recv().await {
        let mut at = 0;
        while let (used, Some(event)) = decoder.on_input(&mut lease[at..]).expect("the client keeps the rules") {
            at += used;
            if let Event::Text(text) = event {
                stream.send(ws::encode(Opcode::Text, format!("hello, {text}").as_bytes())).expect("there is room");
            }
        }
        if lease.is_empty() {
            return;
        }
    }
}

#[crore_rt::test]
async fn connections_that_were_taken_over_stay_secured() {
    let (tls, client) = certificate();
    let application = Application::new(())
        .get("/ws", async |request: Request<()>| {
            let accepted = websocket(request.head(), &Offer { protocols: &[], origins: Origins::SameHost })?;
            let takeover = |stream, _| spawn_detached(greet(stream)).expect("there is room");
            Ok::<_, Response>(Response::websocket(&accepted, takeover))
        })
        .get("/events", async |_: Request<()>| {
            Response::event_stream(|stream, _| {
                // By the weak name, as fan-out does.
                stream
                    .id()
                    .send(sse::encode(None, None, "news", None).expect("it is one line"))
                    .expect("there is room");
                stream.shutdown();
                spawn_detached(async move {
                    let mut stream = stream;
                    while stream.recv().await.is_ok_and(|lease| !lease.is_empty()) {}
                })
                .expect("there is room");
            })
        });
    let (_, address) = serve(application, tls);
    let mut options = WebSocketOptions::new(Keys::from_seed(1));
    options.client = client.clone();
    let mut socket = WebSocket::connect(address, "localhost", "/ws", &options).await.expect("it is one");
    socket.send_text("you").expect("there is room");
    assert_eq!(socket.next().await.expect("an answer"), Some(Message::Text("hello, you".to_owned())));
    let mut events =
        EventStream::connect(address, "localhost", "/events", &Fields::new(), &client).await.expect("it is one");
    assert_eq!(events.next().await.expect("an event").expect("it has not ended").data, "news");
    assert!(events.next().await.expect("a clean end").is_none());
}

#[crore_rt::test]
async fn who_stalls_in_the_handshake_is_cut_off_by_the_deadline_of_the_head() {
    let (tls, _) = certificate();
    let (server, address) = serve(Application::new(()), tls);
    let mut stalling = TcpStream::connect(address, &ConnectOptions::default()).await.expect("it is there");
    // The beginning of a ClientHello.
    stalling.send(&[22, 3, 1, 1, 0, 1, 0][..]).expect("there is room");
    assert!(!matches!(stalling.recv().await, Ok(lease) if !lease.is_empty()), "there is nothing to say");
    assert_eq!(server.counts().timed_out, 1);
    let abandoned = tls_stats().into_iter().find(|(event, _)| *event == "failed_abandoned");
    assert_eq!(abandoned, Some(("failed_abandoned", 1)));
    assert!(time::now().saturating_since(crore_base::time::Instant::ZERO) >= Duration::from_secs(10));
}
