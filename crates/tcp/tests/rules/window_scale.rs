//! Window scale. (RFC 7323 section 2.)

use crate::table::setup::Setup;
use crate::table::*;

/// RFC 7323 SCALE-14
#[test]
fn a_scale_above_14_is_taken_for_14() {
    for shift in [14, 15, 16, 31, 32, 128, 255] {
        for opens in [Setup::established, Setup::connected] {
            let mut t = opens(Setup::new().peer_scale(shift).peer_window(1));
            t.sends(ack());
            assert_eq!(t.statistics().window_scales.0, 14, "shift {shift}");
            assert_eq!(t.statistics().send_window, 1 << 14);
        }
    }
}

/// RFC 7323 SCALE-14, RFC 4987 COOKIE-OPTIONS
#[test]
fn a_scale_above_14_does_no_harm_in_a_cookie() {
    for shift in [15, 200, 255] {
        let mut t = Setup::new().timestamps().config(|config| config.half_open_max = 1).listening();
        let first = t.other_peer(6000);
        assert!(t.injects(&[first.frame(&syn())]));
        t.opens_passively(syn().mss(1460).scale(shift).clock(5));
        assert_eq!(t.statistics().window_scales.0, 14);
        t.strays.clear();
    }
}

/// RFC 7323 SYN-WINDOW
#[test]
fn the_window_of_a_syn_is_what_it_says() {
    // The answer to our SYN offers 100 bytes, not 100 times 128.
    let mut t = Setup::new().idle();
    t.connect();
    t.next();
    t.sends(syn_ack().ack(1).mss(1460).scale(7).window(100));
    t.expects(ack());
    assert_eq!(t.statistics().send_window, 100);
    t.queues(&bytes(5000)).unwrap();
    t.collect();
    t.expects(more(&bytes(100)));
    t.expects_nothing();
    // The next segment is scaled.
    t.sends(ack().ack(101).window(3));
    assert_eq!(t.statistics().send_window, 3 * 128);
    t.expects(more(&bytes_from(101, 384)));
}

/// RFC 7323 SYN-WINDOW
#[test]
fn the_windows_of_crossing_syns_are_what_they_say() {
    let mut t = Setup::new().connecting();
    t.sends(syn().mss(1460).scale(7).window(300));
    let answer = t.next();
    assert_eq!(answer.window(), 65_535);
    t.sends(syn_ack().ack(1).mss(1460).scale(7).window(100));
    assert_eq!(t.statistics().send_window, 100);
    t.sends(ack().window(100));
    assert_eq!(t.statistics().send_window, 12_800);
}

/// RFC 7323 SYN-WINDOW
#[test]
fn our_syns_offer_no_more_than_16_bits_can_say() {
    let setup = || Setup::new().receive_bytes_max(1 << 20).peer_scale(0);
    let mut t = setup().listening();
    t.sends(syn().mss(1460).scale(0));
    t.expects(syn_ack().mss(1460).scale(5).window(65_535));
    // What comes with the end of the handshake is scaled.
    t.sends(data(b"x"));
    t.waits(40);
    t.accepts();
    t.expects(ack().window((((1 << 20) - 1) >> 5) as u16));

    let mut t = setup().idle();
    t.connect();
    let seen = t.next();
    assert_eq!((seen.window(), seen.header.options.window_scale), (65_535, Some(5)));
    t.sends(syn_ack().ack(1).mss(1460).scale(0));
    t.expects(ack().window(((1 << 20) >> 5) as u16));
}

/// RFC 7323 SCALE-BOTH
#[test]
fn windows_are_scaled_only_if_both_sides_asked_for_it() {
    let setup = || Setup::new().receive_bytes_max(1 << 20).peer_window(50);
    let mut t = setup().listening();
    t.sends(syn().mss(1460));
    t.expects(syn_ack().mss(1460).window(65_535));
    t.sends(data(b"x"));
    t.accepts();
    assert_eq!((t.statistics().window_scales, t.statistics().send_window), ((0, 0), 50));
    t.waits(40);
    t.expects(ack().window(65_535));

    let mut t = setup().idle();
    t.connect();
    t.next();
    t.answers_syn(syn_ack().mss(1460));
    assert_eq!((t.statistics().window_scales, t.statistics().send_window), ((0, 0), 50));
    t.sends(data(b"x"));
    t.waits(40);
    t.expects(ack().window(65_535));
}

/// RFC 7323 SCALE-BOTH
#[test]
fn the_scale_we_ask_for_is_the_smallest_that_expresses_our_buffer() {
    for (bytes, shift) in [(536, 0), (65_535, 0), (65_536, 1), (1 << 20, 5), (65_535 << 14, 14)] {
        let mut t = Setup::new().receive_bytes_max(bytes).idle();
        t.connect();
        let seen = t.next();
        assert_eq!(seen.header.options.window_scale, Some(shift), "{bytes} bytes");
        assert_eq!(u32::from(seen.window()), bytes.min(65_535));
    }
}

/// RFC 7323 SCALE-14
#[test]
fn a_window_of_the_largest_scale_lets_as_much_go() {
    let mut t = Setup::new().peer_scale(14).peer_window(2).established();
    t.writes(&bytes(40_000));
    // Ten segments of the initial window, all within 32 KiB.
    assert_eq!(t.rest().len(), 10);
    assert_eq!(t.statistics().in_flight, 14_600);
}
