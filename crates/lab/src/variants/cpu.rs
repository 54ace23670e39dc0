//! Where is calculated: `POST /digest` in six ways, beside `GET /` on the same cores.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use crore_http::Fields;
use crore_rt::net::{Accept, TcpListener};
use crore_rt::{blocking, compute, yield_now};
use crore_web::client::{Agent, AgentOptions};
use crore_web::{Application, Request, Response, Route, Server, ServerOptions, Status};
use sha2::{Digest, Sha256};

use super::host::host;
use crate::catalogue::HTTP;
use crate::harness::limits::DIGEST_BYTES;
use crate::{Model, Place};

/// The name of the process that calculates for `cpu-process`. It is no model: it speaks over pipes.
pub(crate) const WORKER: &str = "cpu-worker";
/// Bytes that are hashed before others have their turn: some 50 µs of work on a processor of today.
const SLICE_BYTES: usize = 64 << 10;
/// Bytes of a digest as text.
const DIGEST_TEXT: usize = 64;

/// All of them.
pub(crate) const MODELS: &[Model] = &[
    Model {
        name: "cpu-inline",
        title: "calculated where it comes in",
        story: "The event loop hashes the megabyte itself. Nothing is cheaper, and everybody else on that core waits for milliseconds: \
                the first rule of event loops, broken on purpose.",
        serves: HTTP,
        serve: |place| serve(place, async |_, body| digest(&body)),
        refusal: || None,
    },
    Model {
        name: "cpu-sliced",
        title: "calculated in slices, with yields",
        story: "The event loop hashes 64 KiB and then lets the other tasks have their turn: co-operation by hand. The small requests wait \
                for a slice and not for a megabyte, but the one who writes the calculation must know where it can be cut.",
        serves: HTTP,
        serve: |place| serve(place, async |_, body| sliced(&body).await),
        refusal: || None,
    },
    Model {
        name: "cpu-pool",
        title: "a thread pool that wakes the loop",
        story: "Threads of a pool hash, and wake the task on its core when they are done. The operating system divides the processors \
                between loops and pool as it divides them between any threads: fairly, which is not what the small requests want.",
        serves: HTTP,
        serve: |place| serve(place, async |_, body| on(blocking(move || digest(&body)).await)),
        refusal: || None,
    },
    Model {
        name: "cpu-low",
        title: "a thread pool of low priority",
        story: "As cpu-pool, but the threads have niceness 10, as crore's compute pool has: where both want a processor, the loops get \
                most of it. The calculation is slow on a busy machine, and the connections are not.",
        serves: HTTP,
        serve: |place| serve(place, async |_, body| on(compute(move || digest(&body)).await)),
        refusal: || None,
    },
    Model {
        name: "cpu-process",
        title: "worker processes behind pipes",
        story: "The megabyte goes through a pipe to a process that does nothing else, and 64 bytes come back. A crash there is not one \
                here, and another language can do it; the price is two copies through the kernel and a process that is waited for.",
        serves: HTTP,
        serve: serve_by_processes,
        refusal: || None,
    },
    Model {
        name: "cpu-remote",
        title: "another machine, asked over HTTP",
        story: "The megabyte goes on as a POST to another server, and its answer comes back: what one does when there are more machines. \
                Here that server is a second process on the same machine, so what is seen is the price of asking, not the gain.",
        serves: HTTP,
        serve: serve_by_another,
        refusal: || None,
    },
];

/// Serves `GET /` and `POST /digest`; `calculate` makes the answer of the second from state and body.
fn serve(place: &Place, calculate: impl AsyncFn(Rc<()>, Vec<u8>) -> String + Copy + Send + 'static) -> io::Result<()> {
    serve_with(place, || (), calculate)
}

fn serve_with<S: 'static>(
    place: &Place,
    state: impl Fn() -> S + Clone + Send + 'static,
    calculate: impl AsyncFn(Rc<S>, Vec<u8>) -> String + Copy + Send + 'static,
) -> io::Result<()> {
    host(place, "epoll", Accept::PerWorker, move |listener: TcpListener| {
        let state = state();
        async move {
            let answer = move |request: Request<S>| async move {
                let state = Rc::clone(request.state());
                Response::text(calculate(state, request.into_body()).await)
            };
            let application = Application::new(state)
                .get("/", async |_| Response::text("Hello, World!"))
                .route(Route::new("POST", "/digest", answer).body_limit(DIGEST_BYTES as u64));
            // Its listener is broken: the clients see it, and their harness counts it.
            let _ = Server::new(application, ServerOptions::default()).serve(listener).await;
        }
    })
}

fn digest(body: &[u8]) -> String {
    text(&Sha256::digest(body))
}

fn text(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn sliced(body: &[u8]) -> String {
    let mut hash = Sha256::new();
    for slice in body.chunks(SLICE_BYTES) {
        hash.update(slice);
        yield_now().await;
    }
    text(&hash.finalize())
}

/// A digest, or what failed, as text: it is then no digest, and the client sees it.
fn on<E: std::fmt::Display>(result: Result<String, E>) -> String {
    result.unwrap_or_else(|error| error.to_string())
}

/// A process that calculates, and its pipes.
struct Worker {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
}

impl Worker {
    fn start() -> io::Result<Worker> {
        let mut child = again(WORKER)?.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        Ok(Worker { child, input: input.expect("it is a pipe"), output: output.expect("it is a pipe") })
    }

    fn digest(&mut self, body: &[u8]) -> io::Result<String> {
        self.input.write_all(&(body.len() as u64).to_le_bytes())?;
        self.input.write_all(body)?;
        let mut text = [0; DIGEST_TEXT];
        self.output.read_exact(&mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Its input is a pipe of ours: killed or not, it has nothing more to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// As many worker processes as cores; who finds none idle waits on a thread of the pool.
fn serve_by_processes(place: &Place) -> io::Result<()> {
    let workers: Vec<_> = (0..place.workers).map(|_| Worker::start()).collect::<io::Result<_>>()?;
    let workers: Arc<Vec<Mutex<Worker>>> = Arc::new(workers.into_iter().map(Mutex::new).collect());
    let turn = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    serve_with(
        place,
        move || (Arc::clone(&workers), Arc::clone(&turn)),
        async |state, body| {
            let (workers, turn) = &*state;
            let worker = turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % workers.len();
            let workers = Arc::clone(workers);
            let ask = move || {
                let mut worker = workers[worker].lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                worker.digest(&body)
            };
            match blocking(ask).await {
                Ok(result) => on(result),
                Err(error) => error.to_string(),
            }
        },
    )
}

/// The whole life of a worker process: bodies with their lengths in, digests out.
///
/// # Errors
/// A pipe that breaks in the middle of a body, or a body above its limit.
pub(crate) fn work() -> io::Result<()> {
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    let mut length = [0; 8];
    let mut body = Vec::new();
    while input.read_exact(&mut length).is_ok() {
        let length = u64::from_le_bytes(length);
        if length > DIGEST_BYTES as u64 {
            let text = format!("a body of {length} bytes cannot be had: at most {DIGEST_BYTES}");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        body.resize(usize::try_from(length).expect("it is below its limit"), 0);
        input.read_exact(&mut body)?;
        output.write_all(digest(&body).as_bytes())?;
        output.flush()?;
    }
    Ok(())
}

/// Passes the bodies on to another server, which is `cpu-inline` in a process of its own.
fn serve_by_another(place: &Place) -> io::Result<()> {
    let mut other = again("cpu-inline")?.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut line = String::new();
    BufReader::new(other.stdout.take().expect("it is a pipe")).read_line(&mut line)?;
    let address = line.strip_prefix("listening on ").and_then(|address| address.trim().parse::<SocketAddr>().ok());
    let address = address.ok_or_else(|| io::Error::other(format!("the other server said {line:?}")))?;
    let url = format!("http://{address}/digest");
    let served = serve_with(
        place,
        move || (Agent::new(AgentOptions::default()), url.clone()),
        async |state, body| {
            let (agent, url) = &*state;
            match agent.request("POST", url, &Fields::default(), &body).await {
                Ok(answer) if answer.head.status() == Status::OK => answer.text(),
                Ok(answer) => format!("status {}", answer.head.status()),
                Err(error) => format!("{error:?}"),
            }
        },
    );
    drop(other.stdin.take());
    other.wait()?;
    served
}

/// This program once more, as it was started, but for the name of the model; and where it listens, which the system chooses.
fn again(name: &str) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    let mut arguments = std::env::args_os().skip(1);
    while let Some(argument) = arguments.next() {
        let instead = match argument.to_str() {
            Some("--serve") => Some(name),
            Some("--listen") => Some("127.0.0.1:0"),
            _ => None,
        };
        command.arg(argument);
        if let Some(value) = instead {
            arguments.next();
            command.arg(value);
        }
    }
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[crore_rt::test]
    async fn a_digest_in_slices_is_the_digest() {
        for length in [0, 1, SLICE_BYTES, SLICE_BYTES + 1, 1 << 20] {
            let body = vec![7; length];
            assert_eq!(sliced(&body).await, digest(&body));
        }
        assert!(digest(b"abc").starts_with("ba7816bf"), "FIPS 180-4, example B.1");
    }
}
