//! A push server that is not ours: threads of the standard library, and somebody else's WebSocket. It forgets, repeats
//! and swaps what it is told to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use tungstenite::Message;

/// What goes wrong with the third publication to the first subscriber.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mischief {
    None,
    Lose,
    Repeat,
    Swap,
}

#[derive(Default)]
struct Channel {
    published: u64,
    subscribers: Vec<Sender<String>>,
}

struct Server {
    mischief: Mischief,
    channel: Mutex<Channel>,
}

/// Serves for as long as the process lives.
pub(crate) fn start(mischief: Mischief) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = Arc::new(Server { mischief, channel: Mutex::default() });
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let server = Arc::clone(&server);
            thread::spawn(move || server.serve(stream));
        }
    });
    address
}

impl Server {
    fn serve(&self, stream: TcpStream) {
        let mut first = [0; 12];
        let seen = stream.peek(&mut first).unwrap_or(0);
        if first[..seen] == *b"GET /connect" {
            self.socket(stream);
        } else {
            self.requests(stream);
        }
    }

    /// Commands until both are answered, then pushes until the end.
    fn socket(&self, stream: TcpStream) {
        let mut socket = tungstenite::accept(stream).unwrap();
        let Ok(Message::Text(hello)) = socket.read() else { panic!("text comes first") };
        assert_eq!(hello.lines().count(), 2, "connect and subscribe come together");
        let (sender, pushes) = channel();
        let top = {
            let mut channel = self.channel.lock().unwrap();
            channel.subscribers.push(sender);
            channel.published
        };
        let replies = [
            r#"{"id":1,"connect":{"client":"x","version":"0"}}"#.to_owned(),
            format!(r#"{{"id":2,"subscribe":{{"epoch":"e","offset":{top}}}}}"#),
        ];
        socket.send(Message::text(replies.join("\n"))).unwrap();
        // Pushes and the client's close come from two sides; a read that times out leaves room for both.
        socket.get_ref().set_read_timeout(Some(std::time::Duration::from_millis(1))).unwrap();
        loop {
            match socket.read() {
                Ok(Message::Close(_)) => {
                    let _ = socket.flush();
                    return;
                }
                Ok(other) => panic!("a client sent {other:?}"),
                Err(tungstenite::Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
            while let Ok(push) = pushes.try_recv() {
                if socket.send(Message::text(push)).is_err() {
                    return;
                }
            }
        }
    }

    fn requests(&self, mut stream: TcpStream) {
        let mut input = BufReader::new(stream.try_clone().unwrap());
        let mut line = String::new();
        while input.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
            let is_publish = line.starts_with("POST /api/publish ");
            let mut length = 0;
            loop {
                line.clear();
                input.read_line(&mut line).unwrap();
                let (name, value) = line.split_once(':').unwrap_or_default();
                if name.eq_ignore_ascii_case("content-length") {
                    length = value.trim().parse().unwrap();
                }
                if line.trim().is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            input.read_exact(&mut body).unwrap();
            let text = if is_publish { self.publish(&body) } else { "{}".to_owned() };
            line.clear();
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len());
            if stream.write_all(head.as_bytes()).is_err() {
                return;
            }
        }
    }

    fn publish(&self, body: &[u8]) -> String {
        let body: serde_json::Value = serde_json::from_slice(body).unwrap();
        let mut channel = self.channel.lock().unwrap();
        channel.published += 1;
        let offset = channel.published;
        let push = |offset: u64| {
            format!(r#"{{"push":{{"channel":"load","pub":{{"data":{},"offset":{offset}}}}}}}"#, body["data"])
        };
        for (index, subscriber) in channel.subscribers.iter().enumerate() {
            let offsets = match (self.mischief, index, offset) {
                (Mischief::Lose | Mischief::Swap, 0, 3) => vec![],
                (Mischief::Repeat, 0, 3) => vec![3, 3],
                (Mischief::Swap, 0, 4) => vec![4, 3],
                _ => vec![offset],
            };
            offsets.into_iter().for_each(|offset| drop(subscriber.send(push(offset))));
        }
        format!(r#"{{"result":{{"offset":{offset},"epoch":"e"}}}}"#)
    }
}
