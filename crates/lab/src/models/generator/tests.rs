//! The generator alone, without a socket: it is resumed by hand, and says what it wants.

use super::{Generator, Given, Wanted};
use crate::service::{Answer, Job, Protocol, Session};

#[test]
fn an_echo_wants_bytes_and_then_that_they_are_sent() {
    let mut generator = Generator::new(Session::new(Protocol::Echo));
    assert_eq!(generator.resume(Given::Nothing), Some(Wanted::Bytes));
    assert_eq!(generator.resume(Given::Bytes(b"hello".to_vec())), Some(Wanted::Sent(b"hello".to_vec())));
    assert_eq!(generator.resume(Given::Nothing), Some(Wanted::Bytes));
}

#[test]
fn a_digest_is_wanted_done_before_its_answer_is_sent_and_the_last_answer_ends_it() {
    let mut generator = Generator::new(Session::new(Protocol::Http));
    assert_eq!(generator.resume(Given::Nothing), Some(Wanted::Bytes));
    let request = b"POST /digest HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc";
    assert_eq!(generator.resume(Given::Bytes(request.to_vec())), Some(Wanted::Sent(Vec::new())));
    assert_eq!(generator.resume(Given::Nothing), Some(Wanted::Done(Job::Digest(b"abc".to_vec()))));
    let Some(Wanted::Sent(answer)) = generator.resume(Given::Answer(Answer::ok(b"done".to_vec()))) else {
        panic!("the answer is to be sent")
    };
    assert!(answer.ends_with(b"done"));
    assert_eq!(generator.resume(Given::Nothing), None);
}

/// What the story of this model says it costs.
#[test]
fn it_keeps_what_lives_across_a_yield_and_nothing_else() {
    let generator = Generator::new(Session::new(Protocol::Echo));
    let bytes = size_of_val(&*generator.code);
    assert!(bytes <= 256, "{bytes} bytes");
}
