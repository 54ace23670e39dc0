//! That each model is what it says: strace(1) watches it serve, and counts its calls.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crore_lab::Protocol;

use crate::client::Client;
use crate::process::{Process, WORKERS};

/// Clients, one after the other, and requests of each.
const CLIENTS: usize = 3;
const REQUESTS: usize = 2;

/// Whether there is a strace that may look at processes here.
fn can_trace() -> bool {
    Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).status().is_ok_and(|status| status.success())
}

/// What a model was seen to do: its calls, each whole, without the number of the thread.
struct Trace {
    calls: Vec<String>,
    /// How many of them came before it said that it listens.
    before: usize,
}

impl Trace {
    /// Serves clients with this model under strace, and under what stands in `before`.
    fn of(name: &str, protocol: Protocol, before: &[&str], talk: impl Fn(&mut Client)) -> Trace {
        let file = trace_file(&format!("{name}-{}", before.len()));
        let wrapper = [&["strace", "-f", "-qq", "-s", "16", "-o", file.to_str().unwrap()], before].concat();
        let server = Process::start_under(&wrapper, name, protocol);
        for _ in 0..CLIENTS {
            let mut client = Client::connect(server.address);
            for _ in 0..REQUESTS {
                // What comes while it still works it would find without waiting.
                if name != "busy-poll" {
                    server.wait_until_asleep();
                }
                talk(&mut client);
            }
        }
        server.end();
        Trace::read(&file)
    }

    fn read(file: &Path) -> Trace {
        let text = fs::read_to_string(file).unwrap();
        fs::remove_file(file).unwrap();
        // A call during which another thread made one stands on two lines; one that a signal interrupts, and that is made again,
        // stands there again.
        let mut unfinished = HashMap::new();
        let mut calls = Vec::new();
        for line in text.lines() {
            let (thread, rest) = line.split_once(' ').unwrap();
            let rest = rest.trim_start();
            if let Some(begun) = rest.strip_suffix(" <unfinished ...>") {
                unfinished.insert(thread, begun);
            } else if let Some((_, end)) = rest.strip_prefix("<... ").and_then(|rest| rest.split_once(" resumed>")) {
                let begun = unfinished.remove(thread).unwrap();
                if !end.contains(" ERESTART") {
                    calls.push(format!("{begun}{end}"));
                }
            } else if !rest.contains(" ERESTART") {
                calls.push(rest.to_owned());
            }
        }
        calls.extend(unfinished.into_values().map(str::to_owned)); // those that the end came upon
        let before = calls.iter().position(|call| call.starts_with("write(1, \"listening")).unwrap();
        Trace { calls, before }
    }

    /// How many calls of this name were made of which the trace holds `word`.
    fn count(&self, call: &str, word: &str) -> usize {
        count(&self.calls, call, word)
    }

    fn has(&self, call: &str, word: &str) -> bool {
        self.count(call, word) > 0
    }

    /// Calls that wait for many descriptors, since it listens: when a program of Rust begins it looks at its first three with poll(2).
    fn waits(&self) -> usize {
        let calls = ["select", "pselect6", "poll", "ppoll", "io_uring_enter"];
        let others: usize = calls.iter().map(|call| count(&self.calls[self.before..], call, "")).sum();
        others + self.epoll_waits()
    }

    fn epoll_waits(&self) -> usize {
        ["epoll_wait", "epoll_pwait", "epoll_pwait2"].iter().map(|call| self.count(call, "")).sum()
    }

    /// Processes made by fork(2), and threads.
    fn forks(&self) -> usize {
        self.count("clone", "SIGCHLD")
    }

    fn threads(&self) -> usize {
        self.count("clone3", "CLONE_THREAD") + self.count("clone", "CLONE_THREAD")
    }
}

fn count(calls: &[String], call: &str, word: &str) -> usize {
    let is_it =
        |line: &&String| line.strip_prefix(call).is_some_and(|rest| rest.starts_with('(') && rest.contains(word));
    calls.iter().filter(is_it).count()
}

fn trace_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("trace-{name}-{}", std::process::id()))
}

pub(crate) fn makes_the_calls_that_it_is_known_for(name: &str) {
    if !can_trace() {
        println!("skipped: needs strace");
        return;
    }
    let trace = Trace::of(name, Protocol::Http, &[], |client| {
        client.send(b"POST /digest HTTP/1.1\r\nHost: lab\r\nContent-Length: 3\r\n\r\nabc");
        assert_eq!(client.response().0, 200);
        client.send(b"GET /disk?at=1&length=10 HTTP/1.1\r\nHost: lab\r\n\r\n");
        assert_eq!(client.response().0, 200);
    });
    let requests = CLIENTS * REQUESTS * 2;
    // One thread is the one that waits for the end of standard input, where there is one.
    match name {
        "iterative" => assert_eq!((trace.waits(), trace.threads(), trace.forks()), (0, 1, 0)),
        "fork" => assert_eq!((trace.forks(), trace.threads()), (CLIENTS, 0)),
        // The parent waits once, for the end of its input or of a child.
        "prefork" => assert_eq!((trace.forks(), trace.threads(), trace.waits()), (WORKERS, 0, 1)),
        "thread" => assert_eq!((trace.threads(), trace.waits()), (CLIENTS + 1, 0)),
        "thread-pool" => assert_eq!((trace.threads(), trace.waits()), (WORKERS + 1, 0)),
        "cgi" => assert_eq!(trace.count("execve", "lab-model"), 1 + requests),
        "fastcgi" => {
            assert_eq!(trace.count("execve", "lab-model"), 1 + WORKERS);
            assert_eq!(trace.count("connect", "AF_UNIX"), WORKERS);
        }
        "busy-poll" => {
            assert_eq!(trace.waits(), 0);
            let asked_in_vain = trace.count("accept4", "EAGAIN") + trace.count("recvfrom", "EAGAIN");
            assert!(asked_in_vain >= CLIENTS, "it asked in vain {asked_in_vain} times");
        }
        "sigio" => {
            assert_eq!(trace.waits(), 0);
            assert_eq!(trace.count("fcntl", "F_SETSIG"), CLIENTS + 1);
            assert!(trace.count("rt_sigtimedwait", "si_signo=SIGRT_") >= CLIENTS, "at least one signal a client");
        }
        "aio" => {
            assert!(trace.count("io_submit", "IOCB_CMD_POLL") >= CLIENTS);
            assert_eq!(trace.count("io_submit", "IOCB_CMD_PREAD"), CLIENTS * REQUESTS);
            assert!(trace.has("io_getevents", "") && trace.has("eventfd2", "") && trace.epoll_waits() > 0);
        }
        "single-reactor" | "callbacks" | "generator" => {
            assert_eq!((trace.threads(), trace.forks()), (1, 0));
            assert!(trace.epoll_waits() >= CLIENTS);
        }
        "stackful" => {
            assert_eq!((trace.threads(), trace.forks()), (1, 0));
            assert!(trace.epoll_waits() >= CLIENTS);
            // A stack for each connection, with a page before it that nobody may touch.
            assert_eq!(trace.count("mmap", "(NULL, 135168, PROT_NONE"), CLIENTS);
        }
        "multi-process" => {
            assert_eq!((trace.forks(), trace.threads()), (WORKERS, 0));
            assert_eq!(trace.count("epoll_ctl", "EPOLLEXCLUSIVE"), WORKERS);
        }
        "acceptor-threads" => {
            assert_eq!((trace.threads(), trace.count("eventfd2", "EFD_SEMAPHORE")), (WORKERS + 1, WORKERS));
            assert_eq!(trace.count("accept4", "SOCK_NONBLOCK"), CLIENTS + 1);
        }
        "half-async" => {
            assert_eq!(trace.threads(), WORKERS + 1);
            assert!(trace.count("epoll_ctl", "EPOLLONESHOT") >= CLIENTS && trace.has("futex", "FUTEX_W"));
        }
        "preemptive" => {
            assert_eq!((trace.threads(), trace.count("setpriority", "19")), (WORKERS + 1, WORKERS));
            assert!(trace.count("epoll_ctl", "EPOLL_CTL_DEL") >= requests, "who has a job out rests");
        }
        "tasks" | "epoll" => assert!(trace.has("epoll_ctl", "EPOLLET") && trace.epoll_waits() > 0),
        "epoll-lt" => assert!(!trace.has("epoll_ctl", "EPOLLET") && trace.epoll_waits() > 0),
        "select" => assert!(trace.has("select", "") || trace.has("pselect6", "")),
        "poll" => assert!(trace.has("poll", "POLLIN") || trace.has("ppoll", "POLLIN")),
        "uring" => assert!(trace.has("io_uring_setup", "") && trace.has("io_uring_enter", "")),
        "portable" => assert!(trace.has("epoll_ctl", "EPOLLONESHOT")),
        _ => panic!("nobody has said which calls {name} is known for"),
    }
}

#[test]
fn the_datagram_model_has_one_socket_and_accepts_nobody() {
    if !can_trace() {
        println!("skipped: needs strace");
        return;
    }
    let file = trace_file("udp");
    let server = Process::start_under(&["strace", "-f", "-qq", "-o", file.to_str().unwrap()], "udp", Protocol::Echo);
    let client = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    client.send_to(b"12345678", server.address).unwrap();
    client.recv(&mut [0; 8]).unwrap();
    server.end();
    let trace = Trace::read(&file);
    assert_eq!((trace.count("socket", "SOCK_DGRAM"), trace.count("socket", "SOCK_STREAM")), (1, 0));
    assert_eq!(trace.count("accept4", "") + trace.waits(), 0);
    assert!(trace.has("recvfrom", "") && trace.has("sendto", ""));
}

#[test]
fn signals_that_do_not_fit_their_queue_are_made_up_for() {
    let has_prlimit = Command::new("prlimit").arg("--version").output().is_ok();
    if !can_trace() || !has_prlimit {
        println!("skipped: needs strace and prlimit");
        return;
    }
    let trace = Trace::of("sigio", Protocol::Echo, &["prlimit", "--sigpending=0"], |client| client.echo(b"hello"));
    assert_eq!(trace.count("rt_sigtimedwait", "si_signo=SIGRT_"), 0, "no signal finds a place in the queue");
    assert!(trace.count("rt_sigtimedwait", "si_signo=SIGIO") >= CLIENTS);
}
