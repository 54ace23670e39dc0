//! Urgent data: it stays in the stream, and the application is told where it ends. (RFC 9293 section 3.8.5.)

use crore_tcp::Ready;
use crore_tcp::counter::Counter;

use crate::table::setup::Setup;
use crate::table::*;

/// RFC 9293 MUST-30, MUST-32, MUST-62
#[test]
fn the_urgent_pointer_names_the_first_byte_behind_the_urgent_data() {
    let mut t = Setup::new().established();
    t.sends(data(b"help!stay").urgent(5));
    assert_eq!(t.told(), all_of(&[Ready::READABLE, Ready::URGENT]));
    assert_eq!(t.engine.urgent(t.id()), Some(5));
    assert_eq!(t.reads(), b"help!stay", "urgent data is in the stream like any other");
    assert_eq!(t.engine.urgent(t.id()), None);
    t.waits(40);
    t.expects(ack().ack(10));
    assert_eq!(t.counted(Counter::Urgent), 1);
}

/// RFC 9293 MUST-31, MUST-33
#[test]
fn urgent_data_may_be_longer_than_what_has_come() {
    for length in [1, 100, 1460, 30_000, 65_535] {
        let mut t = Setup::new().established();
        t.sends(data(&bytes(100)).urgent(length));
        let left = |length: u16, read: u16| length.checked_sub(read).filter(|&left| left > 0).map(u32::from);
        assert_eq!(t.engine.urgent(t.id()), left(length, 0));
        t.reads();
        assert_eq!(t.engine.urgent(t.id()), left(length, 100), "{length} bytes are urgent, 100 read");
        t.sends(data(&bytes_from(101, 1000)));
        t.reads();
        assert_eq!(t.engine.urgent(t.id()), left(length, 1100));
        t.waits(40);
        t.rest();
    }
}

/// RFC 9293 MUST-32
#[test]
fn the_application_is_told_again_only_when_the_end_moves_on() {
    let mut t = Setup::new().established();
    t.sends(ack().urgent(10));
    assert_eq!(t.told(), Ready::URGENT, "at once, before the data has come");
    t.sends(ack().urgent(10));
    t.sends(ack().urgent(5));
    assert_eq!(t.told(), Ready::default());
    assert_eq!(t.engine.urgent(t.id()), Some(10));
    t.sends(ack().urgent(20));
    assert_eq!(t.told(), Ready::URGENT);
    assert_eq!(t.engine.urgent(t.id()), Some(20));
}

/// RFC 9293 MUST-33
#[test]
fn the_end_of_urgent_data_is_passed_when_it_has_been_read() {
    let mut t = Setup::new().established();
    t.sends(data(b"abc").urgent(3));
    t.sends(data(b"def"));
    assert_eq!(t.engine.urgent(t.id()), Some(3));
    assert_eq!(t.reads_one().unwrap(), b"abc");
    assert_eq!(t.engine.urgent(t.id()), None);
    t.reads();
    t.rest();
}

/// RFC 9293 MUST-30
#[test]
fn an_urgent_pointer_into_the_past_says_nothing() {
    let mut t = Setup::new().established();
    t.sends(data(b"abc").urgent(0));
    t.sends(data(b"abcdef").seq(1).urgent(3));
    assert_eq!(t.told(), Ready::READABLE);
    assert_eq!(t.engine.urgent(t.id()), None);
    t.rest();
    t.reads();
}

/// RFC 9293 SHLD-13
#[test]
fn nothing_of_ours_is_urgent() {
    let mut t = Setup::new().established();
    t.sends(data(b"abc").urgent(3));
    t.writes(b"def");
    // That no segment has URG or a pointer, the guard sees everywhere.
    let seen = t.expects(data(b"def"));
    assert_eq!(seen.header.urgent, 0);
}
