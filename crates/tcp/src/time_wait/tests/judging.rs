//! What segments mean: a table for each kind.

use crore_wire::tcp::{Flags, Header, Options, Timestamps};
use proptest::prelude::*;

use super::*;
use Judgement::{Acknowledge, Close, Drop, Finish, Reopen, Reset, Restart};

const FIN_ACK: Flags = Flags::FIN.with(Flags::ACK);

/// A segment with a timestamp a little later than the last.
fn segment(flags: Flags, seq: u32, ack: u32) -> Header {
    stamped(flags, seq, ack, Some(510))
}

fn stamped(flags: Flags, seq: u32, ack: u32, value: Option<u32>) -> Header {
    let timestamps = value.map(|value| Timestamps { value, echo: 0 });
    Header {
        flags,
        seq: Seq(seq),
        ack: Seq(ack),
        options: Options { timestamps, ..Options::NONE },
        ..Header::default()
    }
}

/// An orphan that waits for its peer's FIN.
fn orphan() -> Record {
    Record { substate: Substate::FinWait2, ..record(1) }
}

/// RFC 1337 NO-ASSASSINATION
/// RFC 7323 PAWS-NOT-RST
#[test]
fn no_reset_ends_time_wait() {
    for seq in [0, 1999, 2000, 2001, 10_000] {
        for flags in [Flags::RST, Flags::RST | Flags::ACK, Flags::RST | Flags::SYN | Flags::ACK] {
            assert_eq!(record(1).judge(&stamped(flags, seq, 1000, None), 0), Drop);
        }
    }
}

/// RFC 6191 REUSE
/// RFC 9293 SHLD-4
#[test]
fn a_syn_reopens_if_its_timestamp_or_else_its_number_is_newer() {
    // we had timestamps, timestamp of the SYN (ours was 500), sequence number (2000 is the next), what it means
    let table = [
        (true, Some(501), 1, Reopen),
        (true, Some(501), 5000, Reopen),
        (true, Some(500), 2000, Reopen),
        (true, Some(500), 1999, Drop),
        (true, Some(499), 5000, Drop),
        (true, None, 2000, Reopen),
        (true, None, 1999, Drop),
        (false, Some(1), 1, Reopen),
        (false, None, 2000, Reopen),
        (false, None, 1999, Drop),
    ];
    for (timestamps, value, seq, judgement) in table {
        let old = Record { timestamps, ..record(1) };
        let syn = stamped(Flags::SYN, seq, 0, value);
        assert_eq!(old.judge(&syn, 0), judgement, "{timestamps} {value:?} {seq}");
    }
}

/// RFC 6191 REUSE
#[test]
fn newer_goes_around_the_circle() {
    let old = Record { ts_recent: u32::MAX, rcv_nxt: Seq(u32::MAX), ..record(1) };
    assert_eq!(old.judge(&stamped(Flags::SYN, 0, 0, Some(3)), 0), Reopen);
    assert_eq!(old.judge(&stamped(Flags::SYN, 0, 0, Some(u32::MAX)), 0), Reopen);
    assert_eq!(old.judge(&stamped(Flags::SYN, 0, 0, Some(u32::MAX - 1)), 0), Drop);
}

#[test]
fn a_new_connection_starts_behind_all_that_the_old_one_sent() {
    let old = record(1);
    assert_eq!(old.reopened_at(Seq(500)), Seq(1000 + 65_537));
    assert_eq!(old.reopened_at(Seq(1_000_000)), Seq(1_000_000));
    let wrapped = Record { snd_nxt: Seq(u32::MAX), ..old };
    assert_eq!(wrapped.reopened_at(Seq(0)), Seq(65_536));
}

/// RFC 5961 SYN-CHALLENGE
#[test]
fn a_syn_that_is_no_request_is_told_where_we_are() {
    assert_eq!(record(1).judge(&segment(Flags::SYN | Flags::ACK, 5000, 1000), 0), Acknowledge);
    assert_eq!(orphan().judge(&segment(Flags::SYN, 5000, 0), 0), Acknowledge);
    assert_eq!(record(1).judge(&segment(Flags::SYN | Flags::FIN, 5000, 0), 0), Drop);
}

/// RFC 9293 MUST-13
#[test]
fn in_time_wait_only_the_fin_again_begins_the_time_anew() {
    // flags, sequence number, bytes of data, what it means
    let table = [
        (FIN_ACK, 1999, 0, Restart),
        (FIN_ACK, 1899, 100, Restart),
        (FIN_ACK, 1998, 0, Acknowledge),
        (FIN_ACK, 2000, 0, Acknowledge),
        (Flags::ACK, 1900, 100, Acknowledge),
        (Flags::ACK, 2000, 100, Acknowledge),
        (Flags::ACK, 2000, 0, Drop),
        (Flags::ACK, 1999, 0, Drop),
        (Flags::ACK, 70_000, 0, Drop),
        (Flags::FIN, 1999, 0, Drop),
        (Flags::NONE, 1999, 10, Drop),
    ];
    for (flags, seq, len, judgement) in table {
        assert_eq!(record(1).judge(&segment(flags, seq, 1000), len), judgement, "{flags:?} {seq} {len}");
    }
    assert_eq!(record(1).judge(&segment(FIN_ACK, 1999, 1001), 0), Drop, "acknowledges what was never sent");
}

/// RFC 7323 PAWS
#[test]
fn an_old_timestamp_is_acknowledged_and_a_missing_one_dropped() {
    for old in [record(1), orphan()] {
        assert_eq!(old.judge(&stamped(FIN_ACK, 1999, 1000, Some(499)), 0), Acknowledge);
        assert_eq!(old.judge(&stamped(FIN_ACK, 2000, 1000, Some(499)), 0), Acknowledge);
        assert_eq!(old.judge(&stamped(Flags::ACK, 2000, 1000, Some(499)), 0), Drop);
        assert_eq!(old.judge(&stamped(FIN_ACK, 1999, 1000, None), 0), Drop);
    }
    let plain = Record { timestamps: false, ..record(1) };
    assert_eq!(plain.judge(&stamped(FIN_ACK, 1999, 1000, None), 0), Restart);
    assert_eq!(plain.judge(&stamped(FIN_ACK, 1999, 1000, Some(1)), 0), Restart);
}

/// RFC 9293 SHLD-3
#[test]
fn an_orphan_finishes_with_the_fin_and_resets_data() {
    // flags, sequence number, acknowledgment, bytes of data, what it means
    let table = [
        (FIN_ACK, 2000, 1000, 0, Finish),
        (FIN_ACK, 1900, 1000, 100, Finish),
        (FIN_ACK, 2000, 1000, 1, Reset),
        (Flags::ACK, 2000, 1000, 100, Reset),
        (Flags::ACK, 1950, 1000, 100, Reset),
        (Flags::ACK, 3000, 1000, 1, Reset),
        (Flags::ACK, 1900, 1000, 100, Acknowledge),
        (Flags::ACK, 1999, 1000, 1, Acknowledge),
        (Flags::ACK, 1999, 1000, 0, Acknowledge),
        (Flags::ACK, 2000, 1000, 0, Drop),
        (Flags::ACK, 2001, 1000, 0, Drop),
        (FIN_ACK, 2001, 1000, 0, Acknowledge),
        (FIN_ACK, 1999, 1000, 0, Acknowledge),
        (Flags::ACK, 100_000, 1000, 100, Acknowledge),
        (Flags::ACK, 2000, 999, 100, Acknowledge),
        (FIN_ACK, 2000, 999, 0, Acknowledge),
        (Flags::ACK, 2000, 1001, 100, Drop),
        (Flags::NONE, 2000, 1000, 100, Drop),
    ];
    for (flags, seq, ack, len, judgement) in table {
        assert_eq!(orphan().judge(&segment(flags, seq, ack), len), judgement, "{flags:?} {seq} {ack} {len}");
    }
}

/// RFC 5961 RST-EXACT
/// RFC 5961 RST-CHALLENGE
#[test]
fn an_orphan_is_reset_at_exactly_the_next_number() {
    for (seq, judgement) in
        [(1999, Drop), (2000, Close), (2001, Acknowledge), (2000 + 65_534, Acknowledge), (2000 + 65_535, Drop)]
    {
        assert_eq!(orphan().judge(&stamped(Flags::RST, seq, 0, None), 0), judgement, "at {seq}");
    }
}

#[test]
fn a_finished_orphan_is_in_time_wait() {
    let mut record = orphan();
    let fin = segment(FIN_ACK, 2000, 1000);
    assert_eq!(record.judge(&fin, 0), Finish);
    record.finish(&fin);
    assert_eq!((record.substate, record.rcv_nxt, record.ts_recent), (Substate::TimeWait, Seq(2001), 510));
    assert_eq!(record.judge(&fin, 0), Restart);
    record.heard(&stamped(FIN_ACK, 2000, 1000, Some(505)));
    assert_eq!(record.ts_recent, 510, "only a later timestamp is remembered");
}

/// RFC 7323 RECENT
#[test]
fn a_timestamp_is_remembered_from_about_the_last_acknowledged_byte_only() {
    for (seq, ts_recent) in [(2000, 600), (1999, 600), (2001, 500), (2000u32.wrapping_sub(65_536), 500), (1 << 30, 500)]
    {
        let mut record = record(1);
        record.heard(&stamped(FIN_ACK, seq, 1000, Some(600)));
        assert_eq!(record.ts_recent, ts_recent, "at {seq}");
    }
}

proptest! {
    #[test]
    fn two_records_never_keep_each_other_talking(
        seqs in [any::<u32>(), any::<u32>(), any::<u32>(), any::<u32>()],
        clocks in [any::<u32>(), any::<u32>()],
        timestamps: bool,
        orphans in [any::<bool>(), any::<bool>()],
    ) {
        // Whatever two records believe of each other: the answer to an answer is silence.
        let end = |number: usize| Record {
            snd_nxt: Seq(seqs[2 * number]),
            rcv_nxt: Seq(seqs[2 * number + 1]),
            ts_recent: clocks[number],
            timestamps,
            substate: if orphans[number] { Substate::FinWait2 } else { Substate::TimeWait },
            ..record(1)
        };
        let (ours, theirs) = (end(0), end(1));
        let answer_of = |from: &Record| stamped(Flags::ACK, from.snd_nxt.0, from.rcv_nxt.0, timestamps.then_some(1));
        let first = ours.judge(&answer_of(&theirs), 0);
        let second = theirs.judge(&answer_of(&ours), 0);
        prop_assert!(first == Drop || second == Drop);
    }

    #[test]
    fn a_stranger_who_does_not_know_our_number_ends_nothing(
        flags: u8, seq: u32, ack: u32, len in 0u32..1500, value in prop::option::of(any::<u32>()), orphan: bool,
    ) {
        let substate = if orphan { Substate::FinWait2 } else { Substate::TimeWait };
        let record = Record { substate, ..record(1) };
        prop_assume!(ack != 1000 && seq != 2000);
        let judgement = record.judge(&stamped(Flags(flags), seq, ack, value), len);
        prop_assert!(!matches!(judgement, Reset | Close | Finish), "{:?}", judgement);
        let is_plain_syn = Flags(flags).contains(Flags::SYN) && !Flags(flags).intersects(FIN_ACK | Flags::RST);
        prop_assert!(judgement != Reopen || is_plain_syn && !orphan);
    }
}
