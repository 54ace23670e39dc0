//! Persistent workers behind a web server: FastCGI 1.0.

use std::env;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::process::{Child, Command, Stdio, id};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use rustix::net::sockopt::socket_acceptconn;
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

use super::cgi;
use super::conversation::converse;
use super::door::Door;
use super::family::{Watched, rest, watch};
use super::{Model, Place, never, thread};
use crate::limits::{ANSWER_BYTES_MAX, BODY_BYTES_MAX};
use crate::service::{Answer, Delegation, Disk, Job, Protocol, Session};
use record::{Kind, Record};

mod record;
#[cfg(test)]
mod tests;

pub(super) const MODEL: Model = Model {
    name: "fastcgi",
    title: "persistent workers behind a web server",
    story: "CGI without its price (Open Market, 1996): the programs are started once and stay, and get one request after the other in small \
            records over a socket. What a request needed (environment, standard input and output) became types of records. \
            PHP-FPM is this to the day, and WSGI, Rack and uWSGI are its children. A request costs two messages to another process \
            in place of a process. The limit is the number of workers: each does one request at a time, those beyond wait for one, \
            and a slow database behind them fills them all.",
    serves: &[Protocol::Http],
    serve,
    refusal: never,
};

/// Environment variables of the workers: where the data file is, and whose child they are.
const DATA: &str = "CRORE_LAB_DATA";
const PARENT: &str = "CRORE_LAB_PARENT";

fn serve(place: &Place) -> io::Result<()> {
    place.disk()?; // that it is there is better known now
    let door = Door::blocking(place)?;
    let pool = Arc::new(Pool::default());
    let start = |number| {
        let (worker, connection) = Worker::start(number, place)?;
        pool.add(number, connection);
        Ok(worker)
    };
    let mut workers = (0..place.workers).map(start).collect::<io::Result<Vec<_>>>()?;
    door.announce()?;
    // The web server: a thread for each connection, which waits for a worker at each request.
    let (protocol, asked) = (place.protocol, Arc::clone(&pool));
    let converse = move |stream| {
        let session = Session::delegating(protocol, Delegation::All);
        converse(stream, session, |job| asked.ask(&job).unwrap_or_else(|error| Answer::failed(&error)));
    };
    std::thread::Builder::new().spawn(move || {
        if let Err(error) = thread::run(&door, converse) {
            eprintln!("the door is broken, and nobody else can come in: {error}");
        }
    })?;
    // This thread starts them all, because a worker dies with the thread that has started it (prctl(2)).
    let mut next = place.workers;
    loop {
        match watch(workers.iter().map(Worker::pid))? {
            Watched::InputEnded => return Ok(()),
            Watched::InputRead => continue,
            Watched::ChildDied => rest(),
        }
        for worker in &mut workers {
            if worker.has_ended()? {
                pool.remove(worker.number);
                *worker = start(next)?;
                next += 1;
            }
        }
    }
}

/// The connections to the workers that are idle, with their numbers. A worker that fails is not asked again.
#[derive(Default)]
struct Pool {
    idle: Mutex<Vec<(usize, UnixStream)>>,
    some_idle: Condvar,
}

impl Pool {
    /// A worker that waits for its first request.
    fn add(&self, number: usize, connection: UnixStream) {
        self.idle().push((number, connection));
        self.some_idle.notify_one();
    }

    /// A worker that has died.
    fn remove(&self, number: usize) {
        self.idle().retain(|(known, _)| *known != number);
    }

    /// Gives a request to a worker, when one is idle, and waits for its answer.
    fn ask(&self, job: &Job) -> io::Result<Answer> {
        let idle = self.some_idle.wait_while(self.idle(), |idle| idle.is_empty());
        let taken = idle.unwrap_or_else(PoisonError::into_inner).pop();
        let (number, worker) = taken.expect("one is idle, or the wait would not be over");
        let answer = ask(&worker, job)?;
        self.add(number, worker);
        Ok(answer)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(usize, UnixStream)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request, as the web server sends it (FastCGI 1.0, section 6.2).
fn ask(mut worker: &UnixStream, job: &Job) -> io::Result<Answer> {
    let (method, path, query, body) = job.request();
    let mut out = Vec::with_capacity(body.len() + 512);
    record::begin_responder(&mut out);
    let length = body.len().to_string();
    let mut parameters = Vec::new();
    for (name, value) in [
        ("REQUEST_METHOD", method),
        ("PATH_INFO", path),
        ("QUERY_STRING", query.as_str()),
        ("CONTENT_LENGTH", length.as_str()),
    ] {
        record::push_pair(&mut parameters, name, value);
    }
    record::push_stream(&mut out, Kind::Parameters, &parameters);
    record::push_stream(&mut out, Kind::Input, body);
    // A worker reads all of a request before it answers, so neither waits for the other.
    worker.write_all(&out)?;
    let mut output = Vec::new();
    loop {
        match Record::read(&mut worker)? {
            Record { kind: Kind::Output, content } if output.len() + content.len() <= ANSWER_BYTES_MAX => {
                output.extend_from_slice(&content);
            }
            Record { kind: Kind::End, .. } => return cgi::parse(&output),
            Record { kind, .. } => return Err(io::Error::other(format!("a worker answered with a record {kind:?}"))),
        }
    }
}

/// A worker process, which ends with its parent, and when this is dropped.
struct Worker {
    number: usize,
    child: Child,
}

impl Worker {
    /// Starts a worker, and connects to it. Its listening socket is its own, so that the connection ends when it does.
    fn start(number: usize, place: &Place) -> io::Result<(Worker, UnixStream)> {
        // In the abstract namespace (unix(7)) there is no file to be left behind.
        let address = SocketAddr::from_abstract_name(format!("crore-lab-fastcgi-{}-{number}", id()))?;
        let listener = UnixListener::bind_addr(&address)?;
        let connection = UnixStream::connect_addr(&address)?;
        // A FastCGI program finds its listening socket where standard input would be (section 2.2).
        let child = Command::new(env::current_exe()?)
            .args(["lab", "--answer"])
            .env_clear()
            .env(DATA, &place.data)
            .env(PARENT, id().to_string())
            .stdin(Stdio::from(OwnedFd::from(listener)))
            .stdout(Stdio::null())
            .spawn()?;
        Ok((Worker { number, child }, connection))
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    fn has_ended(&mut self) -> io::Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // One that has ended by itself is only waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether this program was started as a FastCGI worker: standard input is a socket that listens.
pub(super) fn is_worker() -> bool {
    socket_acceptconn(io::stdin()).unwrap_or(false)
}

/// The worker: one connection at a time, one request after the other.
pub(super) fn work() -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let variable = |name| env::var(name).map_err(|error| io::Error::other(format!("{name}: {error}")));
    // A parent that died before the line above has sent nothing.
    if getppid().map(|parent| parent.as_raw_nonzero().to_string()) != Some(variable(PARENT)?) {
        return Ok(());
    }
    let disk = Disk::open(variable(DATA)?.as_ref())?;
    let listener = UnixListener::from(io::stdin().as_fd().try_clone_to_owned()?);
    loop {
        let (server, _) = listener.accept()?;
        // A server that leaves, or that says nonsense, is left for the next.
        while let Ok(answer) = request(&server).map(|job| job.map_or_else(Answer::not_found, |job| job.run(&disk))) {
            let mut out = Vec::with_capacity(answer.body.len() + 512);
            record::push_stream(&mut out, Kind::Output, &cgi::format(&answer));
            record::end_complete(&mut out);
            if (&server).write_all(&out).is_err() {
                break;
            }
        }
    }
}

/// One request, as a worker reads it; none if it asks for nothing that there is.
fn request(mut server: &UnixStream) -> io::Result<Option<Job>> {
    let (mut parameters, mut body) = (Vec::new(), Vec::new());
    loop {
        let Record { kind, content } = Record::read(&mut server)?;
        let stream = match kind {
            Kind::Begin => continue,
            Kind::Parameters => &mut parameters,
            Kind::Input if content.is_empty() => break,
            Kind::Input => &mut body,
            Kind::End | Kind::Output => return Err(io::Error::other(format!("a request with a record {kind:?}"))),
        };
        if (stream.len() + content.len()) as u64 > BODY_BYTES_MAX {
            return Err(io::Error::other(format!("more than {BODY_BYTES_MAX} bytes of {kind:?}")));
        }
        stream.extend_from_slice(&content);
    }
    let pairs = record::pairs(&parameters)?;
    let value = |name| pairs.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| *value);
    let mut job = Job::of(value("REQUEST_METHOD"), value("PATH_INFO"), Some(value("QUERY_STRING")));
    if let Some(Job::Digest(place)) = &mut job {
        *place = body;
    }
    Ok(job)
}
