//! The work that every model does: an echo, and a small HTTP/1.1 service. Sans-I/O: bytes come in, bytes and jobs come out.
//!
//! It knows no socket, no clock and no thread, so the models differ in nothing but how they wait. What takes long is not done here:
//! it is handed out as a [`Job`], which a model runs in place, on another thread or in another process.
//!
//! | request | answer |
//! |---|---|
//! | `GET /` | 200, `Hello, World!` |
//! | `POST /digest`, a body of at most 1 MiB | 200, its SHA-256 as 64 hexadecimal digits |
//! | `GET /disk?at=N&length=N`, at most 1 MiB | 200, that part of the data file; 404 if not all of it is there |
//! | anything else | 404 |
//! | what is malformed or too large | the error's status (400, 413, 431, ...), and the connection ends |
//!
//! Invariants: answers leave in the order of their requests, also if they were pipelined; while a job is out nothing more is read,
//! so a session holds at most one body and one input.

pub use job::{Answer, Disk, Job};

use http::Http;

mod http;
mod job;
#[cfg(test)]
mod tests;

/// What is spoken with the clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Every byte comes back.
    Echo,
    /// HTTP/1.1, with connections that go on and requests that are pipelined.
    Http,
}

impl Protocol {
    /// Every protocol.
    pub const ALL: &[Protocol] = &[Protocol::Echo, Protocol::Http];

    /// The name it is chosen by.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Echo => "echo",
            Protocol::Http => "http",
        }
    }
}

impl std::str::FromStr for Protocol {
    type Err = String;

    fn from_str(name: &str) -> Result<Protocol, String> {
        let known = Protocol::ALL.iter().find(|protocol| protocol.name() == name);
        known.copied().ok_or_else(|| format!("there is no protocol {name:?}: choose echo or http"))
    }
}

/// Which requests a session hands out as jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delegation {
    /// Those that take long: digests and the disk.
    Heavy,
    /// All that are known: for models in which somebody else answers.
    All,
}

/// How a session goes on.
#[must_use = "a job that is not run leaves the session waiting"]
#[derive(Debug)]
pub enum Verdict {
    /// With more input, once the output is sent.
    Open,
    /// With the answer to this job, by [`Session::on_done`]. Until then it takes no input.
    Work(Job),
    /// Not at all: the output is the last.
    Close,
}

/// One connection's side of the service.
#[derive(Debug)]
pub enum Session {
    /// See [`Protocol::Echo`].
    Echo,
    /// See [`Protocol::Http`]. Boxed: models that keep sessions in tables keep small entries.
    Http(Box<Http>),
}

impl Session {
    /// A session that waits for its first byte. Heavy requests become jobs.
    pub fn new(protocol: Protocol) -> Session {
        Session::delegating(protocol, Delegation::Heavy)
    }

    /// As [`new`](Session::new), with a say in what becomes a job.
    pub fn delegating(protocol: Protocol, delegation: Delegation) -> Session {
        match protocol {
            Protocol::Echo => Session::Echo,
            Protocol::Http => Session::Http(Box::new(Http::new(delegation))),
        }
    }

    /// Takes the bytes that follow those of earlier calls and appends the answers to `out`.
    ///
    /// Send `out` before giving more: that alone bounds it, by one body, or by five times the input.
    ///
    /// # Panics
    /// After [`Verdict::Work`] before [`on_done`](Session::on_done), and after [`Verdict::Close`].
    pub fn on_input(&mut self, input: &[u8], out: &mut Vec<u8>) -> Verdict {
        match self {
            Session::Echo => {
                out.extend_from_slice(input);
                Verdict::Open
            }
            Session::Http(http) => http.on_input(input, out),
        }
    }

    /// Takes the answer to the job that was handed out, appends it to `out`, and goes on with what came behind the request.
    ///
    /// # Panics
    /// If no job is out.
    pub fn on_done(&mut self, answer: Answer, out: &mut Vec<u8>) -> Verdict {
        match self {
            Session::Echo => unreachable!("an echo hands out no job"),
            Session::Http(http) => http.on_done(answer, out),
        }
    }
}
