//! The service alone: every split of the input, pipelines, jobs, refusals.

use super::{Answer, Delegation, Disk, Job, Protocol, Session, Verdict};

const GREETING: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, World!";
const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

/// Feeds `input` in pieces of `size` bytes, runs jobs at once, and gives all output and whether the session is still open.
fn feed(session: &mut Session, input: &[u8], size: usize) -> (String, bool) {
    let mut out = Vec::new();
    for piece in input.chunks(size) {
        let mut verdict = session.on_input(piece, &mut out);
        loop {
            match verdict {
                Verdict::Open => break,
                Verdict::Work(job) => verdict = session.on_done(job.run(&Disk::NONE), &mut out),
                Verdict::Close => return (String::from_utf8(out).unwrap(), false),
            }
        }
    }
    (String::from_utf8(out).unwrap(), true)
}

fn http() -> Session {
    Session::new(Protocol::Http)
}

#[test]
fn an_echo_gives_back_every_byte() {
    let mut out = Vec::new();
    let mut session = Session::new(Protocol::Echo);
    assert!(matches!(session.on_input(b"one", &mut out), Verdict::Open));
    assert!(matches!(session.on_input(b" two", &mut out), Verdict::Open));
    assert_eq!(out, b"one two");
}

#[test]
fn every_split_of_a_pipeline_gives_the_same_answers() {
    let input = "GET / HTTP/1.1\r\nHost: a\r\n\r\n\
                 POST /digest HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc\
                 POST /digest HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n\
                 GET /else HTTP/1.1\r\nHost: a\r\n\r\n\
                 GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let whole = feed(&mut http(), input.as_bytes(), input.len());
    assert!(whole.1);
    assert_eq!(whole.0.matches(ABC).count(), 2);
    assert!(whole.0.starts_with(GREETING) && whole.0.ends_with(GREETING), "{}", whole.0);
    assert!(whole.0.contains("404 Not Found"));
    for size in 1..input.len() {
        assert_eq!(feed(&mut http(), input.as_bytes(), size), whole, "in pieces of {size} bytes");
    }
}

#[test]
fn nothing_behind_a_request_is_read_before_its_job_is_done() {
    let mut session = http();
    let mut out = Vec::new();
    let input = "POST /digest HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let Verdict::Work(job) = session.on_input(input.as_bytes(), &mut out) else { panic!("a digest is a job") };
    assert_eq!(job, Job::Digest(b"abc".to_vec()));
    assert!(out.is_empty());
    assert!(matches!(session.on_done(Answer::ok(b"done".to_vec()), &mut out), Verdict::Open));
    let out = String::from_utf8(out).unwrap();
    assert!(out.find("done").unwrap() < out.find("Hello, World!").unwrap(), "{out}");
}

#[test]
fn a_session_that_delegates_all_answers_nothing_but_what_it_does_not_know() {
    let mut session = Session::delegating(Protocol::Http, Delegation::All);
    let mut out = Vec::new();
    let input = b"GET /else HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let Verdict::Work(job) = session.on_input(input, &mut out) else { panic!("everything is a job") };
    assert_eq!(job, Job::Greet);
    assert!(out.starts_with(b"HTTP/1.1 404"));
}

#[test]
fn a_part_of_the_disk_is_asked_for_within_its_limit() {
    let job = |query| Job::of("GET", "/disk", Some(query));
    assert_eq!(job("at=5&length=1048576"), Some(Job::Read { at: 5, length: 1_048_576 }));
    assert_eq!(job("length=0&at=18446744073709551615"), Some(Job::Read { at: u64::MAX, length: 0 }));
    for query in [
        "at=5",
        "length=5",
        "at=-1&length=5",
        "at=0&length=1048577",
        "at=%zz&length=1",
        "at=18446744073709551616&length=1",
    ] {
        assert_eq!(job(query), None, "{query}");
    }
    assert_eq!(Job::of("GET", "/disk", None), None);
}

#[test]
fn a_job_makes_the_request_that_it_came_from() {
    for job in [Job::Greet, Job::Digest(Vec::new()), Job::Read { at: 7, length: 9 }] {
        let (method, path, query, body) = job.request();
        assert_eq!(Job::of(method, path, Some(&query)).as_ref(), Some(&job));
        assert!(body.is_empty());
    }
}

#[test]
fn what_is_malformed_or_too_large_is_told_and_ends_the_connection() {
    for (input, status) in [
        ("nonsense\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\n\r\n", "400"),
        ("POST /digest HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n", "413"),
        ("POST /digest HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n100001\r\n", "413"),
    ] {
        let (out, open) = feed(&mut http(), input.as_bytes(), input.len());
        assert!(out.starts_with(&format!("HTTP/1.1 {status}")) && out.contains("Connection: close"), "{input}: {out}");
        assert!(!open);
    }
}

#[test]
fn a_client_that_asks_to_close_or_speaks_http_1_0_is_left() {
    let (out, open) = feed(&mut http(), b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 7);
    assert!(out.contains("Connection: close") && out.ends_with("Hello, World!"));
    assert!(!open);
    assert!(!feed(&mut http(), b"GET / HTTP/1.0\r\n\r\n", 100).1);
    let (out, open) = feed(&mut http(), b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 100);
    assert!(out.contains("Connection: keep-alive"), "{out}");
    assert!(open);
}

#[test]
fn an_answer_to_head_has_a_length_and_no_body() {
    let (out, _) = feed(&mut http(), b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", 100);
    assert!(out.contains("Content-Length: ") && out.ends_with("\r\n\r\n"), "{out}");
}

#[test]
fn a_client_that_waits_to_be_asked_for_its_body_is_asked() {
    let head = b"POST /digest HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
    let mut session = http();
    assert_eq!(feed(&mut session, head, head.len()).0, "HTTP/1.1 100 Continue\r\n\r\n");
    assert!(feed(&mut session, b"abc", 3).0.contains(ABC));
}

#[test]
fn a_body_that_nobody_wants_is_passed_over() {
    let input = "POST /else HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let (out, open) = feed(&mut http(), input.as_bytes(), 3);
    assert!(out.starts_with("HTTP/1.1 404") && out.ends_with(GREETING), "{out}");
    assert!(open);
}
