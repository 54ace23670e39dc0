//! A process for each request: the Common Gateway Interface (RFC 3875).

use std::env;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crore_http::Status;

use super::conversation::converse;
use super::door::{Door, leave_with_input};
use super::{Model, Place, fastcgi, never, thread};
use crate::limits::{ANSWER_BYTES_MAX, BODY_BYTES_MAX};
use crate::service::{Answer, Delegation, Disk, Job, Protocol, Session};

pub(super) const MODEL: Model = Model {
    name: "cgi",
    title: "a process a request",
    story: "How the web first computed anything (NCSA, 1993; RFC 3875): for each request the server starts a program, gives it the request \
            in environment variables and the body on standard input, and sends on what it writes. Any language will do, \
            nothing survives a request, so nothing leaks, and a program that hangs or crashes is one request's trouble. The price is \
            fork, exec, the dynamic linker and the start of a runtime, a millisecond for a small program in C or Rust and tens for \
            an interpreter, at every request; and nothing can be kept, not even a connection to a database.",
    serves: &[Protocol::Http],
    serve,
    refusal: never,
};

/// Environment variable that tells the program where the data file is: our own, beside the standard's.
const DATA: &str = "CRORE_LAB_DATA";

fn serve(place: &Place) -> io::Result<()> {
    place.disk()?; // that it is there is better known now
    let door = Door::blocking(place)?;
    leave_with_input()?;
    door.announce()?;
    let gateway = Gateway { program: env::current_exe()?, address: door.address()?, data: place.data.clone() };
    let protocol = place.protocol;
    thread::run(&door, move |stream| {
        let Ok(client) = stream.peer_addr() else { return }; // it has left already
        let session = Session::delegating(protocol, Delegation::All);
        converse(stream, session, |job| gateway.ask(&job, client).unwrap_or_else(|error| Answer::failed(&error)));
    })
}

/// What is the same for every request.
struct Gateway {
    /// This program, which is started as `lab --answer`.
    program: PathBuf,
    address: SocketAddr,
    data: PathBuf,
}

impl Gateway {
    /// Starts the program for one request, and reads its answer.
    fn ask(&self, job: &Job, client: SocketAddr) -> io::Result<Answer> {
        let mut child = self.command(job, client).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut input = child.stdin.take().expect("it was asked for");
        let (.., body) = job.request();
        // The program reads all of its input before it writes, so neither waits for the other. One that does not read has ended.
        let sent = input.write_all(body);
        drop(input);
        let mut output = Vec::new();
        let read =
            child.stdout.take().expect("it was asked for").take(ANSWER_BYTES_MAX as u64).read_to_end(&mut output);
        let ended = child.wait()?;
        sent.and(read)?;
        if !ended.success() {
            return Err(io::Error::other(format!("the program that should answer ended with {ended}")));
        }
        parse(&output)
    }

    /// The program with the variables of RFC 3875, section 4.1.
    fn command(&self, job: &Job, client: SocketAddr) -> Command {
        let (method, path, query, body) = job.request();
        let mut command = Command::new(&self.program);
        command
            .args(["lab", "--answer"])
            .env_clear()
            .env("GATEWAY_INTERFACE", "CGI/1.1")
            .env("SERVER_PROTOCOL", "HTTP/1.1")
            .env("SERVER_SOFTWARE", "crore")
            .env("SERVER_NAME", self.address.ip().to_string())
            .env("SERVER_PORT", self.address.port().to_string())
            .env("REMOTE_ADDR", client.ip().to_string())
            .env("REQUEST_METHOD", method)
            .env("SCRIPT_NAME", "")
            .env("PATH_INFO", path)
            .env("QUERY_STRING", query)
            .env(DATA, &self.data);
        if !body.is_empty() {
            command.env("CONTENT_LENGTH", body.len().to_string());
        }
        command
    }
}

/// What a CGI program has written (RFC 3875, section 6): header lines, an empty line, the body.
pub(super) fn parse(output: &[u8]) -> io::Result<Answer> {
    let invalid = |text: &str| io::Error::new(io::ErrorKind::InvalidData, text.to_owned());
    let end = output.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.ok_or_else(|| invalid("the program's answer has no empty line behind its header"))?;
    let head = str::from_utf8(&output[..end]).map_err(|_| invalid("the program's header is no text"))?;
    let status = head.lines().find_map(|line| line.strip_prefix("Status: "));
    let code = status.and_then(|status| status.split(' ').next()).map_or(Ok(200), str::parse::<u16>);
    let status = code.ok().and_then(Status::new).ok_or_else(|| invalid("the program's status is none"))?;
    Ok(Answer { status, body: output[end + 4..].to_vec() })
}

/// What a CGI program writes for an answer.
pub(super) fn format(answer: &Answer) -> Vec<u8> {
    let mut output = format!("Status: {}\r\nContent-Type: text/plain\r\n\r\n", answer.status).into_bytes();
    output.extend_from_slice(&answer.body);
    output
}

/// The program that `cgi` starts for each request, and `fastcgi` once for each worker: what the hidden `lab --answer` calls. It answers
/// the one request that environment and standard input tell of, on standard output; if standard input is a socket that listens, it is
/// a worker, and answers those that come there until it is killed or its parent is gone.
///
/// # Errors
/// A variable is missing, the body is not as long as was said, or the output is closed.
pub fn answer() -> io::Result<()> {
    if fastcgi::is_worker() {
        return fastcgi::work();
    }
    let variable = |name| env::var(name).map_err(|error| io::Error::other(format!("{name}: {error}")));
    let (method, path, query) = (variable("REQUEST_METHOD")?, variable("PATH_INFO")?, variable("QUERY_STRING")?);
    // Only a request with a body has one.
    let length: u64 = env::var("CONTENT_LENGTH").map_or(Ok(0), |text| text.parse()).map_err(io::Error::other)?;
    if length > BODY_BYTES_MAX {
        return Err(io::Error::other(format!("a body of {length} bytes was announced: {BODY_BYTES_MAX} can be")));
    }
    let mut job = Job::of(&method, &path, Some(&query));
    if let Some(Job::Digest(body)) = &mut job {
        body.resize(length as usize, 0);
        io::stdin().read_exact(body)?;
    }
    let disk = Disk::open(variable(DATA)?.as_ref())?;
    let answer = job.map_or_else(Answer::not_found, |job| job.run(&disk));
    let mut output = io::stdout().lock();
    output.write_all(&format(&answer))?;
    output.flush()
}
