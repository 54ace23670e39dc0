//! What the application hears of a connection, and from when to when.

use crore_tcp::{Event, Ready};

use crate::table::setup::Setup;
use crate::table::*;

#[test]
fn nobody_hears_of_a_connection_before_it_is_accepted() {
    let mut t = Setup::new().listening();
    t.sends(syn().mss(1460));
    t.expects(syn_ack());
    t.sends(data(b"hello"));
    let listener = match t.engine.poll_event() {
        Some(Event::Acceptable(listener)) => listener,
        other => panic!("{other:?}"),
    };
    assert_eq!(t.engine.poll_event(), None);
    let conn = t.engine.accept(listener).unwrap();
    match t.engine.poll_event() {
        Some(Event::Connection { conn: told, ready, .. }) => assert_eq!((told, ready), (conn, Ready::READABLE)),
        other => panic!("{other:?}"),
    }
    t.engine.abort(conn);
    t.rest();
}

#[test]
fn nobody_hears_of_a_connection_that_was_given_up() {
    let mut t = Setup::new().listening();
    t.sends(syn().mss(1460));
    t.expects(syn_ack());
    t.sends(data(b"hello"));
    t.accepts();
    t.aborts();
    let events: Vec<Event> = std::iter::from_fn(|| t.engine.poll_event()).collect();
    assert!(!events.iter().any(|event| matches!(event, Event::Connection { .. })), "{events:?}");
    t.rest();
}
