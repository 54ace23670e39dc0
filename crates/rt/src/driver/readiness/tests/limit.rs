//! `select` and the end of its sets.

use rustix::io::fcntl_dupfd_cloexec;

use super::*;

#[test]
fn select_refuses_what_is_beyond_its_sets_and_says_what_to_choose_and_the_last_below_is_served() {
    let mut stage = Stage::new(Model::Select);
    let (near, mut far) = connected();
    let last = fcntl_dupfd_cloexec(&near, 1023).expect("a descriptor is free");
    assert_eq!(std::os::fd::AsRawFd::as_raw_fd(&last), 1023);
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
    for model in [Model::Poll, Model::EpollLt, Model::Epoll, Model::Portable] {
        let mut stage = Stage::new(model);
        let (near, mut far) = connected();
        let connection = stage.adopt(fcntl_dupfd_cloexec(&near, 9000).expect("a descriptor is free"));
        far.write_all(b"served").expect("there is room");
        stage.drain(connection, 6);
    }
}
