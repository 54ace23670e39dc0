//! A push server in a simulated world, with one channel, that does what a test tells it to do wrong.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;

use crore_base::time::Duration;
use crore_http::ws::{self, Decoder, Event, Offer, Opcode, Origins, Role};
use crore_http::{
    ConnectionField, Fields, Framing, HeadReader, Limits, Progress, RequestHead, Status, WsLimits, encode_response,
};
use crore_rt::net::{ListenOptions, StreamId, TcpListener, TcpStream};
use crore_rt::time::sleep;
use crore_rt::{JoinHandle, spawn};

use super::mischief::{Mischief, Subscriber};

/// Offset of the publication before the first, so that offsets and numbers differ.
const BASE: u64 = 1_000;

pub(super) struct Inner {
    mischief: Mischief,
    subscribers: RefCell<Vec<Subscriber>>,
    published: Cell<u64>,
    pongs: Cell<(u64, u64)>,
    stalled: Cell<bool>,
    address: SocketAddr,
}

pub(super) struct Server {
    inner: Rc<Inner>,
    _accepting: JoinHandle<()>,
}

impl Server {
    pub(super) fn start(mischief: Mischief) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap(), &ListenOptions::default()).unwrap();
        let inner = Rc::new(Inner {
            mischief,
            subscribers: RefCell::default(),
            published: Cell::new(0),
            pongs: Cell::default(),
            stalled: Cell::new(false),
            address: listener.local_addr(),
        });
        let serving = Rc::clone(&inner);
        let accepting = spawn(async move {
            while let Ok(stream) = listener.accept().await {
                spawn(Rc::clone(&serving).serve(stream)).detach();
            }
        });
        Server { inner, _accepting: accepting }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.inner.address
    }

    /// Answers to protocol pings and to frame pings.
    pub(super) fn pongs(&self) -> (u64, u64) {
        self.inner.pongs.get()
    }

    /// Publishes as somebody else would.
    pub(super) fn publish_later(&self, wait: Duration, count: u64) -> JoinHandle<()> {
        let inner = Rc::clone(&self.inner);
        spawn(async move {
            sleep(wait).await;
            (0..count).for_each(|_| drop(inner.publish("\"somebody else's\"")));
        })
    }
}

impl Inner {
    /// One connection, request after request, until it becomes something else.
    async fn serve(self: Rc<Self>, mut stream: TcpStream) {
        let limits = Limits::default();
        let mut pending = Vec::new();
        loop {
            let mut reader = HeadReader::new(&limits);
            let Ok(Progress::Complete { consumed: used, head }) = reader.on_input(&pending) else {
                match stream.recv().await {
                    Ok(lease) if !lease.is_empty() => pending.extend_from_slice(&lease),
                    _ => return,
                }
                continue;
            };
            let length = head.header("content-length").map_or(0, |length| length.parse().unwrap());
            while pending.len() < used + length {
                match stream.recv().await {
                    Ok(lease) if !lease.is_empty() => pending.extend_from_slice(&lease),
                    _ => return,
                }
            }
            let body: Vec<u8> = pending.drain(..used + length).skip(used).collect();
            match head.target().split('?').next().unwrap() {
                "/connection/websocket" => return self.socket(stream, &head).await,
                "/events" => return self.events(stream).await,
                path => self.answer(&stream, path, &head, &body).await,
            }
        }
    }

    async fn answer(&self, stream: &TcpStream, path: &str, head: &RequestHead, body: &[u8]) {
        if let Some(stall) = self.mischief.stall.filter(|_| !self.stalled.replace(true)) {
            sleep(stall).await;
        }
        let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        let (status, text) = match path {
            "/api/publish" if self.mischief.refuse_publish => (Status::UNAUTHORIZED, "{}".to_owned()),
            "/api/publish" => {
                assert_eq!(head.header("x-api-key"), Some("key"));
                assert_eq!(body["channel"], "load");
                (Status::OK, self.publish(&body["data"].to_string()))
            }
            "/api/history" => {
                let top = BASE + self.published.get();
                (Status::OK, format!(r#"{{"result":{{"offset":{top},"epoch":"e"}}}}"#))
            }
            _ => (Status::OK, "{}".to_owned()),
        };
        let framing = Framing::Length(text.len() as u64);
        let mut response = encode_response(status, &Fields::new(), framing, ConnectionField::Implied);
        response.extend_from_slice(text.as_bytes());
        let _ = stream.send(response);
    }

    /// Sends a publication to all, and gives the answer of the API.
    fn publish(&self, data: &str) -> String {
        let number = self.published.get() + 1;
        self.published.set(number);
        for (index, subscriber) in self.subscribers.borrow_mut().iter_mut().enumerate() {
            let is = |pairs: &Vec<(usize, u64)>| pairs.contains(&(index, number));
            let frame = self.frame(subscriber.is_socket, number, data);
            if is(&self.mischief.cut) {
                subscriber.stream.abort();
            } else if is(&self.mischief.swap) {
                subscriber.held_back = Some(frame);
            } else if !is(&self.mischief.lose) {
                let _ = subscriber.stream.send(&frame[..]);
                if is(&self.mischief.repeat) {
                    let _ = subscriber.stream.send(frame);
                }
                if let Some(late) = subscriber.held_back.take() {
                    let _ = subscriber.stream.send(late);
                }
            }
        }
        match self.mischief.no_log {
            true => r#"{"result":{}}"#.to_owned(),
            false => format!(r#"{{"result":{{"offset":{},"epoch":"e"}}}}"#, BASE + number),
        }
    }

    fn frame(&self, is_socket: bool, number: u64, data: &str) -> Vec<u8> {
        let offset = BASE + number;
        if !is_socket {
            let event = format!("id: e:{offset}\ndata: {data}\n\n");
            return crore_http::chunk(event.as_bytes());
        }
        let offset = if self.mischief.no_log { String::new() } else { format!(r#","offset":{offset}"#) };
        let push = format!(r#"{{"push":{{"channel":"load","pub":{{"data":{data}{offset}}}}}}}"#);
        ws::encode(Opcode::Text, push.as_bytes())
    }

    async fn events(&self, mut stream: TcpStream) {
        let mut fields = Fields::new();
        fields.push("Content-Type", "text/event-stream; charset=utf-8").unwrap();
        let head = encode_response(Status::OK, &fields, Framing::Chunked, ConnectionField::Implied);
        stream.send(head).unwrap();
        stream.send(crore_http::chunk(b": hello\n\ndata: {}\n\n")).unwrap();
        self.subscribe(stream.id(), false);
        while stream.recv().await.is_ok_and(|lease| !lease.is_empty()) {}
    }

    fn subscribe(&self, stream: StreamId, is_socket: bool) {
        self.subscribers.borrow_mut().push(Subscriber { stream, is_socket, held_back: None });
    }

    async fn socket(&self, mut stream: TcpStream, head: &RequestHead) {
        if self.mischief.refuse_upgrade {
            let framing = Framing::Length(0);
            let full = Status::SERVICE_UNAVAILABLE;
            stream.send(encode_response(full, &Fields::new(), framing, ConnectionField::Close)).unwrap();
            return;
        }
        let accepted = ws::accept(head, &Offer { protocols: &[], origins: Origins::Any }).unwrap();
        stream.send(accepted.response()).unwrap();
        let mut decoder = Decoder::new(Role::Server, &WsLimits::default());
        while let Ok(mut lease) = stream.recv().await {
            let mut at = 0;
            if lease.is_empty() {
                return;
            }
            while let (used, Some(event)) = decoder.on_input(&mut lease[at..]).unwrap() {
                at += used;
                let (protocol, frame) = self.pongs.get();
                match event {
                    Event::Text("{}") => self.pongs.set((protocol + 1, frame)),
                    Event::Pong(b"hi") => self.pongs.set((protocol, frame + 1)),
                    Event::Text(text) => self.commands(&stream, text),
                    Event::Close { code, .. } => {
                        let _ = stream.send(ws::encode_close(code.unwrap(), "", None).unwrap());
                        return;
                    }
                    other => panic!("a client sent {other:?}"),
                }
            }
        }
    }

    fn commands(&self, stream: &TcpStream, text: &str) {
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(lines.len() == 2 && lines[0]["connect"].is_object(), "connect and subscribe come together: {text}");
        assert_eq!(lines[1]["subscribe"]["channel"], "load");
        if self.mischief.silent {
            return;
        }
        let subscribed = match (self.mischief.refuse_subscribe, self.mischief.no_log) {
            (true, _) => r#""error":{"code":103,"message":"permission denied"}"#.to_owned(),
            (_, true) => r#""subscribe":{}"#.to_owned(),
            _ => format!(r#""subscribe":{{"epoch":"e","offset":{}}}"#, BASE + self.published.get()),
        };
        let replies = format!("{{\"id\":1,\"connect\":{{\"client\":\"c\",\"pong\":true}}}}\n{{\"id\":2,{subscribed}}}");
        stream.send(ws::encode(Opcode::Text, replies.as_bytes())).unwrap();
        if !self.mischief.refuse_subscribe {
            self.subscribe(stream.id(), true);
        }
        if self.mischief.pings {
            stream.send(ws::encode(Opcode::Text, b"{}")).unwrap();
            stream.send(ws::encode(Opcode::Ping, b"hi")).unwrap();
        }
    }
}
