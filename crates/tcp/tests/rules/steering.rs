//! What the owner of many connections asks for beside sending and receiving.

use crore_base::payload::Payload;
use crore_base::time::Duration;
use crore_tcp::counter::Counter;
use crore_tcp::{CloseReason, SendError};

use crate::table::setup::Setup;
use crate::table::*;

#[test]
fn what_is_queued_is_told_until_it_is_acknowledged() {
    let mut t = Setup::new().established();
    assert_eq!((t.engine.queued(t.id()), t.engine.in_flight()), (Some(0), 0));
    t.writes(b"hello");
    t.expects(data(b"hello"));
    assert_eq!((t.engine.queued(t.id()), t.engine.in_flight()), (Some(5), 1));
    t.sends(ack().ack(6));
    assert_eq!((t.engine.queued(t.id()), t.engine.in_flight()), (Some(0), 0));
}

#[test]
fn a_peer_that_has_fallen_silent_is_not_in_flight_until_it_is_heard_again() {
    let mut t = Setup::new().established();
    t.writes(b"hello");
    t.expects(data(b"hello"));
    t.waits_for_output(5_000);
    t.expects(data(b"hello").seq(1));
    assert_eq!((t.engine.in_flight(), t.engine.usage().silent), (0, 1));
    t.writes(b" again");
    t.rest();
    t.sends(ack().ack(6));
    t.rest();
    assert_eq!((t.engine.in_flight(), t.engine.usage().silent), (1, 0));
    assert_eq!(t.counted(Counter::HeardAgain), 1);
    t.waits_for_output(5_000);
    t.rest();
    t.aborts();
    t.rest();
    assert_eq!(t.engine.usage().silent, 0, "one that ended is not silent");
}

#[test]
fn the_last_word_takes_the_place_of_what_has_not_begun_to_leave() {
    let mut t = Setup::new().peer_window(8).established();
    t.writes(b"twelve bytes");
    t.expects(more(b"twelve b"));
    t.writes(b"a second one");
    assert_eq!(t.engine.queued(t.id()), Some(24));
    t.engine.supersede(t.id(), Payload::from(&b"last"[..])).unwrap();
    // Eight bytes of the first have left: a payload that has begun stays whole.
    assert_eq!(t.engine.queued(t.id()), Some(16));
    t.sends(ack().ack(9).window(1000));
    t.expects(data(b"yteslast").seq(9));
    t.sends(ack().ack(17));
    assert_eq!(t.engine.queued(t.id()), Some(0));
}

#[test]
fn the_last_word_of_one_that_has_sent_nothing_yet_is_all_that_leaves() {
    let mut t = Setup::new().peer_window(0).established();
    t.writes(b"never seen");
    t.rest();
    t.engine.supersede(t.id(), Payload::from(&b"bye"[..])).unwrap();
    t.sends(ack().window(1000));
    t.expects(data(b"bye"));
    t.engine.supersede(t.id(), Payload::from(&b""[..])).unwrap();
    t.sends(ack().ack(4));
    t.finishes();
    t.expects(fin().seq(4));
    assert_eq!(t.engine.supersede(t.id(), Payload::from(&b"late"[..])), Err(SendError::Closed));
}

#[test]
fn one_that_vanishes_says_nothing_and_leaves_nothing_behind() {
    let mut t = Setup::new().config(|config| config.stealth = true).established();
    t.writes(b"unheard");
    t.expects(data(b"unheard"));
    assert!(t.engine.vanish(t.id()));
    t.expects_nothing();
    assert_eq!((t.engine.usage().connections, t.engine.usage().flows, t.engine.usage().sending), (0, 0, 0));
    let gone = t.id();
    assert!(!t.engine.vanish(gone) && !t.engine.exists(gone));
    t.sends(ack());
    t.expects_nothing();
}

/// RFC 9293 section 3.10.7.1
#[test]
fn without_stealth_a_stranger_is_told_so() {
    let mut t = Setup::new().established();
    t.engine.vanish(t.id());
    t.expects_nothing();
    t.sends(data(b"are you there?"));
    t.expects(rst().seq(1));
}

#[test]
fn options_change_while_the_connection_lives_and_what_was_agreed_on_stays() {
    let mut t = Setup::new().established();
    let mut options = t.engine.options(t.id()).unwrap();
    options.user_timeout = Duration::from_secs(3);
    assert_eq!(t.engine.set_options(t.id(), &options), Ok(true));
    t.rest();
    assert_eq!(t.engine.options(t.id()), Some(options));
    options.hop_limit = 0;
    assert!(t.engine.set_options(t.id(), &options).is_err());
    t.writes(b"anybody?");
    t.waits(20_000);
    t.rest();
    t.is_closed(CloseReason::TimedOut);
    assert_eq!(t.engine.set_options(t.id(), &options.clone()).ok(), None, "an option that cannot be comes first");
    options.hop_limit = 64;
    assert_eq!(t.engine.set_options(t.id(), &options), Ok(false), "a closed connection has no options");
}
