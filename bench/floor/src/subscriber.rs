//! One subscriber: joins, and checks that publications come whole, once and in order.

use std::io::{self, Read, Write};
use std::net::TcpStream;

/// How a server is spoken to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// The bare loop: whoever has connected gets everything.
    Raw,
    /// crore: upgrade, connect, subscribe.
    Websocket,
}

/// The channel that everything happens on.
pub const CHANNEL: &str = "fan";

/// What stands before the number in a publication's data.
const KEY: &[u8] = b"\"seq\":\"";

/// Digits of the number.
pub const DIGITS: usize = 8;

/// A connected subscriber.
pub struct Subscriber {
    pub stream: TcpStream,
    /// The number of the last publication that came; they count from 1.
    last: u32,
    /// The beginning of a frame whose end has not come.
    partial: Vec<u8>,
}

impl Subscriber {
    /// On a connection that blocks: subscribes to all of `channels`, if the protocol has it, and waits until that is confirmed.
    pub fn join(mut stream: TcpStream, protocol: Protocol, channels: &[&str]) -> io::Result<Self> {
        if protocol == Protocol::Websocket {
            let address = stream.peer_addr()?;
            let head = format!(
                "GET /connection/websocket HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Key: Y3JvcmUgZmxvb3IgZHJpdg==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            );
            stream.write_all(head.as_bytes())?;
            read_until(&mut stream, b"\r\n\r\n")?;
            let mut hello = String::from("{\"id\":1,\"connect\":{}}");
            for (index, channel) in channels.iter().enumerate() {
                hello += &format!("\n{{\"id\":{},\"subscribe\":{{\"channel\":\"{channel}\"}}}}", index + 2);
            }
            stream.write_all(&masked(hello.as_bytes()))?;
            read_until(&mut stream, format!("{{\"id\":{},\"subscribe\":{{", channels.len() + 1).as_bytes())?;
        }
        stream.set_nonblocking(true)?;
        Ok(Self { stream, last: 0, partial: Vec::new() })
    }

    /// Takes what was read, and reports the number of each publication in it.
    ///
    /// # Errors
    /// What came is no publication, or not the next one.
    pub fn take(&mut self, bytes: &[u8], mut each: impl FnMut(u32)) -> Result<(), String> {
        let joined;
        let mut rest = if self.partial.is_empty() {
            bytes
        } else {
            joined = [&self.partial[..], bytes].concat();
            self.partial.clear();
            &joined[..]
        };
        while let [_, length, ..] = *rest {
            if length > 125 {
                return Err(format!("a frame of more than 125 bytes: its second byte is {length}"));
            }
            let Some((frame, more)) = rest.split_at_checked(2 + usize::from(length)) else {
                break;
            };
            let seq = number(&frame[2..])?;
            if seq != self.last + 1 {
                return Err(format!("publication {seq} came after {}", self.last));
            }
            self.last = seq;
            each(seq);
            rest = more;
        }
        self.partial.extend_from_slice(rest);
        Ok(())
    }
}

/// The number in a publication.
fn number(payload: &[u8]) -> Result<u32, String> {
    let strange = || format!("no publication of ours: {:?}", String::from_utf8_lossy(payload));
    let at = payload.windows(KEY.len()).position(|seven| seven == KEY).ok_or_else(strange)? + KEY.len();
    let digits = payload.get(at..at + DIGITS).ok_or_else(strange)?;
    digits.iter().try_fold(0, |sum, digit| match digit {
        b'0'..=b'9' => Ok(sum * 10 + u32::from(digit - b'0')),
        _ => Err(strange()),
    })
}

/// A masked text frame of up to 125 bytes. The mask is zero: it is there to protect proxies, and there is none.
fn masked(payload: &[u8]) -> Vec<u8> {
    assert!(payload.len() <= 125, "a short frame is all that is needed here");
    [&[0x81, 0x80 | payload.len() as u8, 0, 0, 0, 0], payload].concat()
}

/// Reads up to `end`, and whatever came with it.
fn read_until(stream: &mut TcpStream, end: &[u8]) -> io::Result<()> {
    let (mut got, mut buffer) = (Vec::new(), [0; 1_024]);
    while !got.windows(end.len()).any(|window| window == end) {
        match stream.read(&mut buffer)? {
            0 => {
                let said = format!("closed while subscribing; it said {:?}", String::from_utf8_lossy(&got));
                return Err(io::Error::other(said));
            }
            length => got.extend_from_slice(&buffer[..length]),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn subscriber() -> Subscriber {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        Subscriber::join(stream, Protocol::Raw, &[CHANNEL]).unwrap()
    }

    fn frame(seq: u32) -> Vec<u8> {
        let payload = format!("{{\"data\":{{\"seq\":\"{seq:08}\"}}}}");
        [&[0x81, payload.len() as u8], payload.as_bytes()].concat()
    }

    #[test]
    fn frames_are_found_however_they_are_cut() {
        let bytes = [frame(1), frame(2), frame(3)].concat();
        for cut in 0..bytes.len() {
            let (mut subscriber, mut seen) = (subscriber(), Vec::new());
            subscriber.take(&bytes[..cut], |seq| seen.push(seq)).unwrap();
            subscriber.take(&bytes[cut..], |seq| seen.push(seq)).unwrap();
            assert_eq!(seen, [1, 2, 3], "cut at {cut}");
        }
    }

    #[test]
    fn a_missing_and_a_repeated_publication_are_errors() {
        assert!(subscriber().take(&frame(2), |_| ()).unwrap_err().contains("2 came after 0"));
        let twice = [frame(1), frame(1)].concat();
        assert!(subscriber().take(&twice, |_| ()).unwrap_err().contains("1 came after 1"));
    }

    #[test]
    fn what_is_no_publication_is_an_error() {
        for payload in [&b"{}"[..], b"{\"seq\":\"0000\"", b"{\"seq\":\"0000000x\""] {
            let bytes = [&[0x81, payload.len() as u8], payload].concat();
            assert!(subscriber().take(&bytes, |_| ()).unwrap_err().contains("no publication"));
        }
    }
}
