//! Somebody else's WebSocket at the other end: handshake, messages, fragments, close, in both directions.

use std::collections::VecDeque;
use std::io::{self, Read, Write};

use crore_http::ws::{self, ClientHandshake, Decoder, Event, Opcode, Origins, Role};
use crore_http::{Fields, HeadReader, Limits, Progress, ResponseEvent, ResponseReader, WsLimits};
use tungstenite::handshake::HandshakeError as Interrupted;
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::protocol::frame::{CloseFrame, Frame};
use tungstenite::{Message, WebSocket};

/// A stream in memory: what the peer has written to us, and what we have written to it.
#[derive(Debug, Default)]
struct Pipe {
    to_peer: VecDeque<u8>,
    from_peer: Vec<u8>,
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.to_peer.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.to_peer.read(buffer)
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.from_peer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Their client, after the handshake with our server.
fn their_client() -> WebSocket<Pipe> {
    let Err(Interrupted::Interrupted(mut middle)) = tungstenite::client("ws://host/path", Pipe::default()) else {
        panic!("the client waits for our response")
    };
    let pipe = middle.get_mut().get_mut();
    let request = std::mem::take(&mut pipe.from_peer);
    let mut reader = HeadReader::new(&Limits::default());
    let Progress::Complete { consumed, head } = reader.on_input(&request).unwrap() else { panic!("a whole request") };
    assert_eq!(consumed, request.len());
    let offer = ws::Offer { protocols: &[], origins: Origins::SameHost };
    pipe.to_peer.extend(ws::accept(&head, &offer).unwrap().response());
    let Ok((socket, response)) = middle.handshake() else { panic!("the client accepts our response") };
    assert_eq!(response.status(), 101);
    socket
}

/// Their server, after the handshake with our client.
fn their_server() -> WebSocket<Pipe> {
    let (client, request) = ClientHandshake::new("host", "/path", &[], &Fields::new(), [9; 16]).unwrap();
    let pipe = Pipe { to_peer: request.into(), ..Pipe::default() };
    let Ok(mut socket) = tungstenite::accept(pipe) else { panic!("the server accepts our request") };
    let response = std::mem::take(&mut socket.get_mut().from_peer);
    let mut reader = ResponseReader::new(false, &Limits::default());
    let (consumed, Some(ResponseEvent::Head(head))) = reader.on_input(&response).unwrap() else {
        panic!("a whole response")
    };
    assert_eq!(consumed, response.len());
    assert_eq!(client.check(&head), Ok(None));
    socket
}

/// All events in what the peer has written, as text.
fn ours(decoder: &mut Decoder, socket: &mut WebSocket<Pipe>) -> Vec<String> {
    let mut bytes = std::mem::take(&mut socket.get_mut().from_peer);
    let (mut at, mut seen) = (0, Vec::new());
    loop {
        let (consumed, event) = decoder.on_input(&mut bytes[at..]).unwrap();
        at += consumed;
        match event {
            None => return seen,
            Some(Event::Text(text)) => seen.push(format!("text {text}")),
            Some(Event::Binary(bytes)) => seen.push(format!("binary {}", bytes.len())),
            Some(event) => seen.push(format!("{event:?}")),
        }
    }
}

fn converse(mut socket: WebSocket<Pipe>, role: Role) {
    let mask = [1, 2, 3, 4];
    let encode = |opcode, payload: &[u8]| match role {
        Role::Server => ws::encode(opcode, payload),
        Role::Client => ws::encode_masked(opcode, payload, mask),
    };
    let mut decoder = Decoder::new(role, &WsLimits { message_bytes: 100_000, ..WsLimits::default() });

    for length in [0, 1, 125, 126, 127, 65_535, 65_536, 80_000] {
        socket.send(Message::text("ä".repeat(length / 2))).unwrap();
        socket.send(Message::binary(vec![7; length])).unwrap();
        let expected = [format!("text {}", "ä".repeat(length / 2)), format!("binary {length}")];
        assert_eq!(ours(&mut decoder, &mut socket), expected);
        assert!(decoder.is_idle());

        socket.get_mut().to_peer.extend(encode(Opcode::Text, &vec![b'x'; length]));
        socket.get_mut().to_peer.extend(encode(Opcode::Binary, &vec![8; length]));
        assert_eq!(socket.read().unwrap(), Message::text("x".repeat(length)));
        assert_eq!(socket.read().unwrap(), Message::binary(vec![8; length]));
    }

    socket.write(Message::Frame(Frame::message(b"ab".to_vec(), OpCode::Data(Data::Text), false))).unwrap();
    socket.write(Message::Frame(Frame::message(b"cd".to_vec(), OpCode::Data(Data::Continue), true))).unwrap();
    socket.flush().unwrap();
    assert_eq!(ours(&mut decoder, &mut socket), ["text abcd"]);

    socket.get_mut().to_peer.extend(encode(Opcode::Ping, b"there?"));
    assert_eq!(socket.read().unwrap(), Message::Ping("there?".into()));
    socket.flush().unwrap();
    assert_eq!(ours(&mut decoder, &mut socket), [format!("{:?}", Event::Pong(b"there?"))]);

    let key = (role == Role::Client).then_some(mask);
    socket.get_mut().to_peer.extend(ws::encode_close(4001, "gone", key).unwrap());
    let frame = CloseFrame { code: 4001.into(), reason: "gone".into() };
    assert_eq!(socket.read().unwrap(), Message::Close(Some(frame)));
    let _ = socket.flush();
    let close = Event::Close { code: Some(4001), reason: "gone" };
    assert_eq!(ours(&mut decoder, &mut socket), [format!("{close:?}")]);
}

#[test]
fn tungstenite_as_client_understands_our_server() {
    converse(their_client(), Role::Server);
}

#[test]
fn tungstenite_as_server_understands_our_client() {
    converse(their_server(), Role::Client);
}
