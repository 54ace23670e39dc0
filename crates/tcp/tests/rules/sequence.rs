//! Which segments are acceptable, and in which order a segment is judged. (RFC 9293 sections 3.4 and 3.10.7.4.)

use crore_tcp::counter::Counter;
use crore_tcp::{CloseReason, Ready};
use crore_wire::tcp::Flags;

use crate::table::setup::Setup;
use crate::table::*;

/// A connection whose receive window is closed: 1,000 bytes of 1,000 are unread.
fn closed_window() -> Table {
    let mut t = Setup::new().receive_bytes_max(1000).established();
    t.sends(data(&bytes(1000)));
    t.waits(40);
    t.expects(ack().ack(1001).window(0));
    t.told();
    t
}

/// No data, closed window: acceptable at exactly the next number.
#[test]
fn without_data_and_window_only_the_next_number_is_acceptable() {
    let mut t = closed_window();
    t.writes(b"abc");
    t.expects(data(b"abc"));
    for wrong in [1000, 1002] {
        t.waits(1);
        t.sends(ack().seq(wrong).ack(4));
        assert_eq!(t.statistics().in_flight, 3, "at {wrong}");
        assert!(t.rest().len() <= 1);
    }
    t.sends(ack().seq(1001).ack(4));
    assert_eq!(t.statistics().in_flight, 0);
}

/// No data, open window: acceptable from the next number to the window's end, from where a peer speaks that has filled it.
#[test]
fn without_data_any_number_in_the_window_is_acceptable() {
    for (seq, is_acceptable) in
        [(0, false), (1, true), (2, true), (1000, true), (1001, true), (1002, false), (5000, false)]
    {
        let mut t = Setup::new().receive_bytes_max(1000).established();
        t.writes(b"abc");
        t.expects(data(b"abc"));
        t.sends(ack().seq(seq).ack(4));
        assert_eq!(t.statistics().in_flight == 0, is_acceptable, "at {seq}");
        if !is_acceptable {
            t.expects(ack().ack(1));
            assert_eq!(t.counted(Counter::DroppedWindow), 1);
        }
    }
}

/// Data, closed window: never acceptable.
#[test]
fn data_is_not_acceptable_at_a_closed_window() {
    let mut t = closed_window();
    for seq in [1001, 1002, 900] {
        t.sends(data(&bytes_from(seq, 10)).seq(seq));
        t.expects(ack().ack(1001).window(0));
    }
    assert_eq!(t.reads(), bytes(1000));
    t.expects(ack().ack(1001).window(1000));
}

/// Data, open window: acceptable if it begins or ends within.
#[test]
fn data_is_acceptable_if_it_begins_or_ends_in_the_window() {
    // The window has the numbers 11 to 1000.
    let cases =
        [(1, 10, 0), (1, 11, 1), (10, 1, 0), (11, 1, 1), (990, 50, 0), (1000, 1, 0), (1001, 1, 0), (2000, 10, 0)];
    for (seq, len, taken) in cases {
        let mut t = Setup::new().receive_bytes_max(1000).established();
        t.sends(data(&bytes(10)));
        t.waits(40);
        t.expects(ack().ack(11));
        assert_eq!(t.reads(), bytes(10));
        let dropped = t.counted(Counter::DroppedWindow);
        t.sends(data(&bytes_from(seq, len)).seq(seq));
        assert_eq!(t.reads(), bytes_from(11, taken), "{len} bytes at {seq}");
        let in_window = seq + len as u32 > 11 && seq < 1001;
        assert_eq!(t.counted(Counter::DroppedWindow) - dropped, u64::from(!in_window), "{len} bytes at {seq}");
        t.waits(40);
        t.expects(ack().ack(11 + taken as u32));
    }
}

/// What is beyond the window is cut off, and a FIN there with it.
#[test]
fn data_beyond_the_window_is_cut_off() {
    let mut t = Setup::new().receive_bytes_max(1000).established();
    t.sends(data(&bytes(1200)).fin());
    assert_eq!(t.statistics().unread, 1000);
    assert_eq!(t.state(), "ESTABLISHED");
    t.waits(40);
    t.expects(ack().ack(1001).window(0));
    assert_eq!(t.reads(), bytes(1000));
    t.expects(ack().ack(1001).window(1000));
    t.sends(data(&bytes_from(1001, 200)).seq(1001).fin());
    t.expects(ack().ack(1202));
    assert_eq!(t.reads(), bytes_from(1001, 200));
    assert_eq!(t.state(), "CLOSE-WAIT");
}

#[test]
fn what_came_before_is_cut_off() {
    let mut t = Setup::new().established();
    t.sends(data(&bytes(100)));
    t.sends(data(&bytes_from(51, 100)).seq(51));
    t.waits(40);
    t.expects(ack().ack(151));
    assert_eq!(t.reads(), bytes(150));
}

#[test]
fn data_that_came_before_is_acknowledged_at_once_and_each_time() {
    let mut t = Setup::new().established();
    t.sends(data(&bytes(100)));
    t.waits(40);
    t.expects(ack().ack(101));
    for _ in 0..3 {
        t.sends(data(&bytes(100)).seq(1));
        t.expects(ack().ack(101));
    }
    assert_eq!(t.reads(), bytes(100));
}

/// First the sequence number, then RST: neither a SYN nor an acknowledgment in the same segment matters.
#[test]
fn the_sequence_number_is_judged_before_a_reset() {
    let mut t = Setup::new().established();
    t.sends(rst().with(Flags::SYN | Flags::ACK).seq(70_000).ack(1));
    t.expects_nothing();
    assert_eq!(t.state(), "ESTABLISHED");
}

#[test]
fn a_reset_is_judged_before_a_syn_and_before_the_acknowledgment() {
    let mut t = Setup::new().established();
    t.sends(rst().with(Flags::SYN | Flags::ACK).seq(1).ack(77_777));
    t.is_closed(CloseReason::Reset);
}

/// RFC 5961 SYN-CHALLENGE
#[test]
fn a_syn_is_judged_before_the_acknowledgment_and_the_data() {
    let mut t = Setup::new().established();
    t.writes(b"abc");
    t.expects(data(b"abc"));
    t.sends(data(b"xyz").with(Flags::SYN).seq(1).ack(4));
    t.expects(ack().ack(1));
    assert_eq!(t.statistics().in_flight, 3);
    assert_eq!(t.statistics().unread, 0);
}

#[test]
fn a_segment_without_an_acknowledgment_is_dropped_silently() {
    let mut t = Setup::new().established();
    t.sends(data(b"xyz").without(Flags::ACK));
    t.sends(fin().without(Flags::ACK));
    t.sends(Segment::new(Flags::NONE));
    t.is_quiet_for(1000);
    assert_eq!(t.counted(Counter::DroppedNoAck), 3);
    assert_eq!(t.state(), "ESTABLISHED");
    t.peer.next = 1;
}

/// The acknowledgment is judged before the data (RFC 5961 ACK-RANGE).
#[test]
fn data_with_an_acknowledgment_of_the_future_is_not_looked_at() {
    let mut t = Setup::new().established();
    t.sends(data(b"evil").seq(1).ack(2));
    t.expects(ack().ack(1));
    assert_eq!(t.statistics().unread, 0);
    t.sends(data(b"good").seq(1).ack(1));
    assert_eq!(t.reads(), b"good");
    t.waits(40);
    t.expects(ack().ack(5));
}

/// RFC 9293 MUST-66
#[test]
fn acknowledgments_count_at_a_closed_window() {
    let mut t = closed_window();
    t.writes(b"abc");
    t.expects(data(b"abc"));
    // With data that does not fit, and with a FIN that does not.
    t.sends(data(b"x").seq(1001).ack(4).fin());
    assert_eq!(t.statistics().in_flight, 0);
    t.expects(ack().ack(1001).window(0));
    assert_eq!(t.state(), "ESTABLISHED");
    assert_eq!(t.statistics().unread, 1000);
}

#[test]
fn a_fin_waits_for_the_window_to_open() {
    let mut t = closed_window();
    t.sends(fin().seq(1001));
    t.expects(ack().ack(1001).window(0));
    assert_eq!(t.state(), "ESTABLISHED");
    t.reads();
    t.expects(ack().ack(1001).window(1000));
    t.sends(fin().seq(1001));
    t.expects(ack().ack(1002));
    assert_eq!(t.state(), "CLOSE-WAIT");
}

/// RFC 9293 MUST-66
#[test]
fn windows_are_told_at_a_closed_window() {
    let mut t = closed_window();
    t.sends(data(b"x").seq(1001).window(5));
    t.expects(ack().ack(1001).window(0));
    assert_eq!(t.statistics().send_window, 5);
}

/// RFC 9293 MUST-66
#[test]
fn a_reset_counts_at_a_closed_window() {
    let mut t = closed_window();
    t.sends(rst().seq(1002));
    t.sends(rst().seq(1000));
    t.expects_nothing();
    t.sends(rst().seq(1001));
    t.is_closed(CloseReason::Reset);
}

/// RFC 9293 MUST-66
#[test]
fn urgent_pointers_count_at_a_closed_window() {
    let mut t = closed_window();
    t.sends(data(b"x").seq(1001).urgent(10));
    t.expects(ack().ack(1001).window(0));
    assert_eq!(t.told(), Ready::URGENT);
    assert_eq!(t.engine.urgent(t.id()), Some(1010));
    t.reads();
    t.expects(ack().window(1000).ack(1001));
}

#[test]
fn numbers_wrap_in_the_middle_of_a_stream() {
    for isn in [u32::MAX, u32::MAX - 1, u32::MAX - 700, 0x7fff_ffff, 0x7fff_ff00, 0x8000_0000] {
        let mut t = Setup::new().peer_isn(isn).established();
        t.sends(data(&bytes_from(401, 600)).seq(401));
        t.expects(ack().ack(1));
        t.sends(data(&bytes(400)).seq(1));
        t.expects(ack().ack(1001));
        assert_eq!(t.reads(), bytes(1000), "from {isn}");
        t.sends(data(&bytes(1000)).seq(1));
        t.expects(ack().ack(1001));
    }
}
