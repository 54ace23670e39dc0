//! What clients say, encoded once and shared: nobody builds a frame of its own where the same bytes will do.

use std::cell::RefCell;

use crore_base::payload::Payload;
use crore_base::random::Rng;
use crore_http::ws::{ClientHandshake, Opcode, encode_close, encode_masked};
use crore_http::{ConnectionField, Fields, Framing, Limits, ResponseEvent, ResponseReader, encode_request};

use super::book::{CHANNEL_OF_ALL, name_of};
use super::reply::{CONNECT, SUBSCRIBE_ALL, SUBSCRIBE_GROUP, VERIFY};

/// The close code of a drain, in the protocol's table of codes.
pub(super) const SHUTDOWN: u16 = 3001;

/// Greetings that are remembered: the clients of a group come one after the other.
const GREETINGS: usize = 16;

/// What a greeting asks for; those of one kind are the same bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Greeting {
    pub(super) group: u32,
    /// For those who come back: where they were in both channels.
    pub(super) back: Option<[(u32, Box<str>); 2]>,
}

/// The words of a swarm.
pub(super) struct Words {
    pub(super) upgrade: Payload,
    handshake: ClientHandshake,
    /// The answer to the upgrade that was checked last.
    accepted: RefCell<Box<[u8]>>,
    pub(super) pong: Payload,
    /// The answer to a close frame of a drain.
    pub(super) goodbye: Payload,
    /// One request of the steady phase.
    pub(super) request: Payload,
    greetings: RefCell<Vec<(Greeting, Payload)>>,
    key: [u8; 4],
}

impl Words {
    /// # Errors
    /// A host that HTTP cannot carry.
    pub(super) fn new(host: &str, seed: u64) -> Result<Words, String> {
        let mut rng = Rng::from_seed(seed);
        let (mut nonce, mut key) = ([0; 16], [0; 4]);
        rng.fill(&mut nonce);
        rng.fill(&mut key);
        let (handshake, upgrade) =
            ClientHandshake::new(host, "/connection/websocket", &[], &Fields::new(), nonce).map_err(text)?;
        let request = encode_request("GET", "/health", host, &Fields::new(), Framing::None, ConnectionField::Implied)
            .map_err(text)?;
        let goodbye = encode_close(SHUTDOWN, "", Some(key)).expect("3001 may be on the wire");
        Ok(Words {
            upgrade: upgrade.into(),
            handshake,
            accepted: RefCell::default(),
            pong: encode_masked(Opcode::Text, b"{}", key).into(),
            goodbye: goodbye.into(),
            request: request.into(),
            greetings: RefCell::default(),
            key,
        })
    }

    /// Connect and both subscriptions, in one frame.
    pub(super) fn greeting(&self, greeting: Greeting) -> Payload {
        let mut greetings = self.greetings.borrow_mut();
        if let Some((_, payload)) = greetings.iter().find(|(known, _)| *known == greeting) {
            return payload.clone();
        }
        let since = |which: usize| match &greeting.back {
            None => String::new(),
            Some(back) => {
                let (offset, epoch) = &back[which];
                format!(r#","recover":true,"offset":{offset},"epoch":"{epoch}""#)
            }
        };
        let group = name_of(1 + greeting.group);
        let text = format!(
            "{{\"id\":{CONNECT},\"connect\":{{}}}}\n\
             {{\"id\":{SUBSCRIBE_ALL},\"subscribe\":{{\"channel\":\"{CHANNEL_OF_ALL}\"{}}}}}\n\
             {{\"id\":{SUBSCRIBE_GROUP},\"subscribe\":{{\"channel\":\"{group}\"{}}}}}",
            since(0),
            since(1)
        );
        let payload = self.text(&text);
        if greetings.len() == GREETINGS {
            greetings.remove(0);
        }
        greetings.push((greeting, payload.clone()));
        payload
    }

    /// A request whose answer tells where the client's group is.
    pub(super) fn question(&self, group: u32) -> Payload {
        let name = name_of(1 + group);
        self.text(&format!(r#"{{"id":{VERIFY},"history":{{"channel":"{name}","limit":1}}}}"#))
    }

    /// A pong frame, the answer to a ping frame.
    pub(super) fn pong_frame(&self, payload: &[u8]) -> Payload {
        encode_masked(Opcode::Pong, payload, self.key).into()
    }

    /// All use one key for masking: what is sent here is no secret, and nobody in between is to be protected from it.
    fn text(&self, text: &str) -> Payload {
        encode_masked(Opcode::Text, text.as_bytes(), self.key).into()
    }

    /// Checks the answer to the upgrade, whose head is `head`. All use one nonce, so usually it is the same as the last.
    ///
    /// # Errors
    /// It is not the answer to our upgrade.
    pub(super) fn check_upgrade(&self, head: &[u8]) -> Result<(), String> {
        if **self.accepted.borrow() == *head {
            return Ok(());
        }
        let mut reader = ResponseReader::new(false, &Limits::default());
        match reader.on_input(head).map_err(|error| format!("upgrade: bad HTTP: {error}"))? {
            (_, Some(ResponseEvent::Head(answer))) => {
                self.handshake.check(&answer).map_err(|error| format!("upgrade: {error}"))?;
            }
            _ => return Err("upgrade: answered with something else than a final head".to_owned()),
        }
        *self.accepted.borrow_mut() = head.into();
        Ok(())
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crore_http::WsLimits;
    use crore_http::ws::{Decoder, Event, Role};

    fn lines(payload: &Payload) -> Vec<serde_json::Value> {
        let mut bytes = payload.to_vec();
        let mut decoder = Decoder::new(Role::Server, &WsLimits { message_bytes: 1 << 16, fragments: 1 });
        match decoder.on_input(&mut bytes).unwrap() {
            (_, Some(Event::Text(text))) => text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_greeting_is_three_commands_and_the_same_bytes_for_a_group() {
        let words = Words::new("h:1", 7).unwrap();
        let first = words.greeting(Greeting { group: 12, back: None });
        let commands = lines(&first);
        assert_eq!(commands.len(), 3);
        assert_eq!(commands[1]["subscribe"]["channel"], "c10m");
        assert_eq!(commands[2]["subscribe"]["channel"], "g12");
        assert!(first.is_same(&words.greeting(Greeting { group: 12, back: None })));
        assert!(!first.is_same(&words.greeting(Greeting { group: 13, back: None })));
    }

    #[test]
    fn who_comes_back_says_where_it_was() {
        let words = Words::new("h:1", 7).unwrap();
        let back = Some([(5, "abcdefgh".into()), (0, "ijklmnop".into())]);
        let commands = lines(&words.greeting(Greeting { group: 0, back }));
        assert_eq!(commands[1]["subscribe"]["offset"], 5);
        assert_eq!(commands[2]["subscribe"]["epoch"], "ijklmnop");
        assert_eq!(commands[2]["subscribe"]["recover"], true);
    }

    #[test]
    fn greetings_that_are_remembered_are_few() {
        let words = Words::new("h:1", 7).unwrap();
        (0..100).for_each(|group| drop(words.greeting(Greeting { group, back: None })));
        assert_eq!(words.greetings.borrow().len(), GREETINGS);
    }

    #[test]
    fn the_answer_to_an_upgrade_is_checked_also_when_its_date_changes() {
        let words = Words::new("h:1", 7).unwrap();
        let request = String::from_utf8(words.upgrade.to_vec()).unwrap();
        let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap().to_owned();
        let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
        let answer = |date: &str, accept: &str| {
            format!(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Accept: {accept}\r\nDate: {date}\r\n\r\n"
            )
        };
        for date in ["a", "a", "b"] {
            words.check_upgrade(answer(date, &accept).as_bytes()).unwrap();
        }
        assert!(words.check_upgrade(answer("b", "c").as_bytes()).is_err());
        assert!(words.check_upgrade(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n").is_err());
    }
}
