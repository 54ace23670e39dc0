//! Clients that block, and check every answer.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crore_lab::service::{Disk, Job};

use crate::process::data;

/// How long a client waits before the test fails in place of hanging: no test judges by it.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    unread: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Client { stream, unread: Vec::new() }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Sends bytes and expects them back.
    pub(crate) fn echo(&mut self, bytes: &[u8]) {
        self.send(bytes);
        let mut back = vec![0; bytes.len()];
        self.stream.read_exact(&mut back).unwrap();
        assert!(back == bytes, "{} bytes came back changed", bytes.len());
    }

    /// The next response: its status and body.
    pub(crate) fn response(&mut self) -> (u16, Vec<u8>) {
        let end = loop {
            if let Some(at) = self.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            self.fill();
        };
        let head = String::from_utf8(self.unread.drain(..end).collect()).unwrap();
        let status = head.strip_prefix("HTTP/1.1 ").unwrap()[..3].parse().unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap().parse().unwrap();
        while self.unread.len() < length {
            self.fill();
        }
        (status, self.unread.drain(..length).collect())
    }

    /// Asks for the greeting; none if the server closes the connection instead.
    pub(crate) fn try_to_greet(&mut self) -> Option<()> {
        self.stream.write_all(b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n").ok()?;
        let mut room = [0; 1024];
        let count = self.read(&mut room).ok().filter(|count| *count > 0)?;
        assert!(room[..count].starts_with(b"HTTP/1.1 200"), "what is not refused is served");
        Some(())
    }

    /// A read with a timeout is not taken up again by the kernel when it was interrupted (signal(7)).
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.stream.read(room) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    fn fill(&mut self) {
        let mut room = [0; 64 * 1024];
        let count = self.read(&mut room).unwrap();
        assert!(count > 0, "the server closed in the middle of a response");
        self.unread.extend_from_slice(&room[..count]);
    }

    /// Expects that the server closes, after whatever it still says.
    pub(crate) fn expect_end(&mut self) {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).unwrap();
    }
}

/// One of every kind of request, with what must be answered.
pub(crate) fn exchanges(salt: usize) -> Vec<(Vec<u8>, u16, Vec<u8>)> {
    let get = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: lab\r\n\r\n").into_bytes();
    let body: Vec<u8> = (0..100_000 + salt).map(|at| (at * 31 + salt) as u8).collect();
    let mut post = format!("POST /digest HTTP/1.1\r\nHost: lab\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
    post.extend_from_slice(&body);
    let digest = Job::Digest(body).run(&Disk::NONE).body;
    let (at, length) = (salt * 1_001, 70_000 + salt);
    let missing = Job::Read { at: 0, length: 1 }.run(&Disk::NONE).body;
    vec![
        (get("/"), 200, b"Hello, World!".to_vec()),
        (post, 200, digest),
        (get(&format!("/disk?at={at}&length={length}")), 200, data()[at..at + length].to_vec()),
        (get("/disk?at=2999999&length=2"), 404, missing.clone()),
        (get("/nowhere"), 404, missing),
        (get("/"), 200, b"Hello, World!".to_vec()),
    ]
}
