//! The queue of signals, on a thread of the test's own.

use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

use super::queue::{SignalQueue, Told};

#[test]
fn a_signal_names_its_descriptor_and_what_is_discarded_is_gone() {
    let queue = SignalQueue::open().unwrap();
    let (near, mut far) = UnixStream::pair().unwrap();
    queue.watch(&near).unwrap();
    assert_eq!(queue.next(false).unwrap(), Told::Nothing);
    far.write_all(b"one").unwrap();
    assert_eq!(queue.next(true).unwrap(), Told::About(near.as_raw_fd()));
    far.write_all(b"two").unwrap();
    far.write_all(b"three").unwrap();
    queue.discard().unwrap();
    assert_eq!(queue.next(false).unwrap(), Told::Nothing);
    far.write_all(b"four").unwrap();
    assert_eq!(queue.next(true).unwrap(), Told::About(near.as_raw_fd()), "it goes on after that");
}
