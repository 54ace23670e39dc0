//! One WebSocket that speaks the JSON protocol. It checks what holds on every connection: one reply to each command, in order,
//! each message one or more objects, nothing behind the close.

use std::collections::VecDeque;

use crore_base::time::Duration;
use crore_http::ws::{Event, Opcode};
use crore_rt::net::StreamId;
use crore_rt::time;
use crore_web::client::{ClientError, WebSocket, WebSocketOptions};
use serde_json::{Value, json};

use crate::world::{HOST, World, address, http_options};

/// What a server says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Said {
    /// The answer to a command, whole: what was asked, or `error`, is a field of it.
    Reply {
        id: u64,
        reply: Value,
    },
    /// A push, without its wrapper.
    Push(Value),
    Ping,
    /// The close frame.
    Closed(Option<u16>),
    /// The end of the connection.
    End,
}

/// A connection.
pub(crate) struct Speaker {
    socket: WebSocket,
    said: VecDeque<Said>,
    /// Commands that are not answered yet, by number and name.
    asked: VecDeque<(u64, &'static str)>,
    commands: u64,
    pub(crate) closed: Option<Option<u16>>,
    /// Whether pings are answered.
    pub(crate) answers_pings: bool,
}

impl Speaker {
    /// Opens a connection, and says nothing yet.
    pub(crate) async fn open(world: &World) -> Result<Speaker, ClientError> {
        let mut options = WebSocketOptions::new(world.keys.clone());
        options.client = http_options();
        // All that a client missed comes in one message.
        options.limits.message_bytes = 16 << 20;
        let socket = WebSocket::connect(address(), HOST, "/connection/websocket", &options).await?;
        Ok(Speaker {
            socket,
            said: VecDeque::new(),
            asked: VecDeque::new(),
            commands: 0,
            closed: None,
            answers_pings: true,
        })
    }

    /// Opens a connection and connects, on a good network.
    pub(crate) async fn connected(world: &World) -> Speaker {
        let mut speaker = Speaker::open(world).await.expect("the gateway accepts");
        let reply = speaker.ask("connect", json!({})).await;
        assert_eq!(reply["connect"]["ping"], 5, "{reply}");
        assert_eq!(reply["connect"]["pong"], true, "{reply}");
        speaker
    }

    /// The connection below.
    pub(crate) fn stream(&self) -> StreamId {
        self.socket.stream().id()
    }

    /// Sends commands in one message; gives the number of the first.
    pub(crate) fn send(&mut self, commands: Vec<(&'static str, Value)>) -> u64 {
        let first = self.commands + 1;
        let mut lines = Vec::new();
        for (name, request) in commands {
            self.commands += 1;
            self.asked.push_back((self.commands, name));
            lines.push(json!({ "id": self.commands, name: request }).to_string());
        }
        self.send_raw(&lines.join("\n"));
        first
    }

    /// Sends any text. When that cannot be, reading tells why.
    pub(crate) fn send_raw(&mut self, text: &str) {
        self.send_frame(Opcode::Text, text.as_bytes());
    }

    /// Sends any frame.
    pub(crate) fn send_frame(&mut self, opcode: Opcode, payload: &[u8]) {
        let _ = self.socket.send(opcode, payload);
    }

    /// Sends one command and waits for its reply; pushes and pings in between are dropped.
    pub(crate) async fn ask(&mut self, name: &'static str, request: Value) -> Value {
        let asked = self.send(vec![(name, request)]);
        loop {
            match self.hear().await.expect("the network is good") {
                Said::Reply { id, reply } if id == asked => return reply,
                Said::Push(_) | Said::Ping => {}
                other => panic!("{other:?} is no reply to command {asked}, {name}"),
            }
        }
    }

    /// The next thing the server says. Pings are answered before they are told. May be dropped and called again.
    pub(crate) async fn hear(&mut self) -> Result<Said, ClientError> {
        loop {
            if let Some(said) = self.said.pop_front() {
                self.check(&said);
                return Ok(said);
            }
            let said = &mut self.said;
            let goes_on = self
                .socket
                .receive(|event| match event {
                    Event::Text(text) => said.extend(text.trim_end().split('\n').map(read)),
                    Event::Close { code, .. } => said.push_back(Said::Closed(code)),
                    Event::Binary(_) => panic!("binary data for a JSON client"),
                    Event::Ping(_) | Event::Pong(_) => {}
                })
                .await?;
            if !goes_on {
                said.push_back(Said::End);
            }
        }
    }

    /// Hears until the server closes; gives the code, none: without a close frame.
    pub(crate) async fn hear_close(&mut self) -> Option<u16> {
        let deadline = time::now() + Duration::from_secs(120);
        loop {
            match time::deadline(deadline, self.hear()).await.expect("the server closes at last") {
                Ok(Said::End) | Err(_) => return self.closed.flatten(),
                Ok(_) => {}
            }
        }
    }

    /// Says goodbye, and waits until the server has closed, too.
    pub(crate) async fn leave(mut self) {
        if self.socket.close(1000, "").is_ok() {
            self.hear_close().await;
        }
    }

    fn check(&mut self, said: &Said) {
        let is_behind = self.closed.is_some() && *said != Said::End;
        assert!(!is_behind, "{said:?} came behind the close {:?}", self.closed);
        match said {
            Said::Reply { id, reply } => {
                let (expected, name) = self.asked.pop_front().unwrap_or_else(|| panic!("nobody asked for {reply}"));
                assert_eq!(*id, expected, "replies come in the order of their commands: {reply}");
                assert!(reply.get(name).is_some() || reply.get("error").is_some(), "{reply} is no reply to {name}");
            }
            // A queue that is full is told by the next read.
            Said::Ping if self.answers_pings => self.send_raw("{}"),
            Said::Closed(code) => self.closed = Some(*code),
            Said::Ping | Said::Push(_) | Said::End => {}
        }
    }
}

fn read(line: &str) -> Said {
    let mut value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line:?}"));
    if let Some(id) = value["id"].as_u64() {
        return Said::Reply { id, reply: value };
    }
    match value.get_mut("push") {
        Some(push) => Said::Push(push.take()),
        None => {
            assert_eq!(value, json!({}), "an object without number and push is a ping");
            Said::Ping
        }
    }
}
