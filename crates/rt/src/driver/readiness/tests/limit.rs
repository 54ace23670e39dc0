//! More descriptors than a model or a turn takes.

use std::collections::HashSet;
use std::os::fd::AsRawFd;

use rustix::io::fcntl_dupfd_cloexec;

use super::poller::Registration;
use super::*;
use crate::runtime::raise_descriptor_limit;

#[test]
fn select_refuses_what_is_beyond_its_sets_and_says_what_to_choose_and_the_last_below_is_served() {
    raise_descriptor_limit();
    let mut stage = Stage::new(Model::Select);
    let (near, mut far) = connected();
    let last = fcntl_dupfd_cloexec(&near, 1023).expect("a descriptor is free");
    assert_eq!(last.as_raw_fd(), 1023);
    let connection = stage.adopt(last);
    let beyond = || fcntl_dupfd_cloexec(&near, 1024).expect("a descriptor is free");
    let refusals = [
        Driver::adopt(&mut stage.driver, beyond(), 1000).map(drop),
        stage.driver.watch(beyond()).map(drop),
        stage.driver.listen_on(beyond(), 1000, false).map(drop),
    ];
    for refusal in refusals {
        let error = refusal.expect_err("it has no place");
        assert_eq!(error.kind(), io::ErrorKind::QuotaExceeded);
        let text = error.to_string();
        assert!(text.contains("descriptor 1024") && text.contains("below 1024"), "{text}");
        assert!(text.contains("choose poll or epoll"), "{text}");
    }
    assert_eq!(stage.driver.connection_count(), 1);
    far.write_all(b"served").expect("there is room");
    stage.drain(connection, 6);
}

#[test]
fn the_others_take_a_descriptor_of_any_height() {
    raise_descriptor_limit();
    for model in [Model::Poll, Model::EpollLt, Model::Epoll, Model::Portable] {
        let mut stage = Stage::new(model);
        let (near, mut far) = connected();
        let connection = stage.adopt(fcntl_dupfd_cloexec(&near, 2000).expect("a descriptor is free"));
        far.write_all(b"served").expect("there is room");
        stage.drain(connection, 6);
    }
}

#[test]
fn with_more_ready_than_a_turn_takes_nobody_is_passed_over() {
    raise_descriptor_limit();
    let (near, mut far) = UnixStream::pair().expect("a pair");
    far.write_all(b"all of them are readable").expect("there is room");
    let count = EVENTS_PER_TURN as u32 + 100;
    // Above the numbers that other tests of this process count on.
    let copies: Vec<OwnedFd> =
        (0..count).map(|_| fcntl_dupfd_cloexec(&near, 2100).expect("a descriptor is free")).collect();
    for model in [Model::Poll, Model::EpollLt, Model::Portable] {
        println!("{model:?}");
        let mut poller = model.open().expect("a descriptor is free");
        for (index, copy) in (0..count).zip(&copies) {
            let token = Token::new(Kind::Watch, index, 0);
            let registration = Registration { descriptor: copy.as_fd(), token, interest: Interest::READ };
            poller.add(registration).expect("it is new");
        }
        let mut events = Vec::new();
        let mut named = HashSet::new();
        for _ in 0..2 {
            poller.wait(Some(Duration::ZERO), &mut events);
            assert!(events.len() <= EVENTS_PER_TURN, "a harvest has a bound");
            named.extend(events.iter().map(|event| event.token.index()));
        }
        assert_eq!(named.len(), count as usize);
        for (index, copy) in (0..count).zip(&copies) {
            let token = Token::new(Kind::Watch, index, 0);
            poller.forget(Registration { descriptor: copy.as_fd(), token, interest: Interest::READ });
        }
    }
}
