//! Each state of a next hop against each thing that can happen to it, with exact times; and the table under pressure.

use crore_base::random::Rng;

use super::*;

const MAC: Mac = Mac([2, 0, 0, 0, 0, 9]);
const OTHER: Mac = Mac([2, 0, 0, 0, 0, 8]);

const ANSWER: Heard = Heard { answer: true, replaces: true };
const CLAIM: Heard = Heard { answer: false, replaces: true };
const MEEK_CLAIM: Heard = Heard { answer: false, replaces: false };
const MEEK_ANSWER: Heard = Heard { answer: true, replaces: false };

fn ip(text: &str) -> Ip {
    text.parse().expect("an address")
}

fn at(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

fn hop() -> Ip {
    ip("10.0.0.9")
}

fn nth(n: u32) -> Ip {
    Ip::v4((0x0a00_0000 + n).to_be_bytes())
}

/// A table in which `hop` answered at 1 s.
fn answered() -> Neighbours {
    let mut table = Neighbours::new(1);
    assert_eq!(table.resolve(at(1000), &hop(), false), Resolution::Asked);
    assert_eq!(table.poll_question(), Some(Question { target: hop(), to: None }));
    table.on_heard(at(1000), &hop(), MAC, ANSWER);
    assert_eq!(table.poll_news(), Some((hop(), Ok(MAC))));
    table
}

/// Questions sent until `end`, in steps of 10 ms: when, and to whom.
fn questions(table: &mut Neighbours, start: u64, end: u64) -> Vec<(u64, Option<Mac>)> {
    let mut sent = Vec::new();
    for millis in (start..=end).step_by(10) {
        table.on_timeout(at(millis));
        sent.extend(std::iter::from_fn(|| table.poll_question()).map(|question| (millis, question.to)));
    }
    sent
}

#[test]
fn an_unknown_neighbour_is_asked_for_three_times_a_second_apart_and_then_given_up() {
    let mut table = Neighbours::new(1);
    assert_eq!(table.resolve(at(0), &hop(), false), Resolution::Asked);
    assert_eq!(table.resolve(at(0), &hop(), false), Resolution::Asked);
    assert_eq!(questions(&mut table, 0, 2990), [(0, None), (1000, None), (2000, None)]);
    assert_eq!(table.poll_news(), None);
    assert_eq!(table.on_timeout(at(3000)), 1);
    assert_eq!(table.poll_news(), Some((hop(), Err(Unreachable::NoAnswer))));
    assert_eq!(table.poll_timeout(), None);
}

#[test]
fn after_silence_there_is_a_pause_and_then_new_questions() {
    let mut table = Neighbours::new(1);
    table.resolve(at(0), &hop(), false);
    questions(&mut table, 0, 3000);
    table.poll_news();
    assert_eq!(table.resolve(at(12_999), &hop(), false), Resolution::Unreachable(Unreachable::NoAnswer));
    assert_eq!(table.poll_question(), None);
    assert_eq!(table.resolve(at(13_000), &hop(), false), Resolution::Asked);
    assert_eq!(questions(&mut table, 13_000, 13_500).len(), 1);
    table.on_heard(at(13_500), &hop(), MAC, ANSWER);
    assert_eq!(table.poll_news(), Some((hop(), Ok(MAC))));
}

#[test]
fn an_answer_ends_the_questions_and_is_told_once() {
    let mut table = answered();
    assert_eq!(table.poll_news(), None);
    assert_eq!(table.poll_timeout(), None);
    assert_eq!(questions(&mut table, 1000, 10_000), []);
    assert_eq!(table.resolve(at(60_999), &hop(), false), Resolution::Known(MAC));
    assert_eq!(table.poll_question(), None);
}

#[test]
fn after_a_minute_a_neighbour_in_use_is_asked_alone_while_it_is_used() {
    let mut table = answered();
    assert_eq!(questions(&mut table, 1000, 100_000), [], "not in use, not asked");
    assert_eq!(table.resolve(at(100_000), &hop(), false), Resolution::Known(MAC));
    assert_eq!(questions(&mut table, 100_000, 101_000), [(100_000, Some(MAC)), (101_000, Some(MAC))]);
    assert_eq!(table.resolve(at(101_000), &hop(), false), Resolution::Known(MAC));
    table.on_heard(at(101_500), &hop(), MAC, ANSWER);
    assert_eq!(questions(&mut table, 101_500, 161_000), []);
    assert_eq!(table.resolve(at(161_490), &hop(), false), Resolution::Known(MAC));
    assert_eq!(table.poll_question(), None);
}

#[test]
fn a_neighbour_that_moved_to_other_hardware_is_found_again() {
    let mut table = answered();
    table.resolve(at(100_000), &hop(), false);
    let sent = questions(&mut table, 100_000, 104_500);
    let alone = Some(MAC);
    assert_eq!(sent, [(100_000, alone), (101_000, alone), (102_000, alone), (103_000, None), (104_000, None)]);
    assert_eq!(table.resolve(at(104_500), &hop(), false), Resolution::Asked);
    table.on_heard(at(104_500), &hop(), OTHER, ANSWER);
    assert_eq!(table.poll_news(), Some((hop(), Ok(OTHER))));
    assert_eq!(table.resolve(at(104_500), &hop(), false), Resolution::Known(OTHER));
}

#[test]
fn what_nobody_asked_about_is_not_remembered() {
    let mut table = Neighbours::new(1);
    for heard in [ANSWER, CLAIM, MEEK_CLAIM] {
        table.on_heard(at(0), &hop(), MAC, heard);
    }
    assert_eq!(table.len(), 0);
    assert_eq!(table.poll_news(), None);
}

#[test]
fn a_claim_from_whom_we_ask_for_is_used_and_checked_when_used_again() {
    let mut table = Neighbours::new(1);
    table.resolve(at(0), &hop(), false);
    table.poll_question();
    table.on_heard(at(100), &hop(), MAC, CLAIM);
    assert_eq!(table.poll_news(), Some((hop(), Ok(MAC))));
    assert_eq!(table.resolve(at(200), &hop(), false), Resolution::Known(MAC));
    assert_eq!(table.poll_question(), Some(Question { target: hop(), to: Some(MAC) }));
}

#[test]
fn a_claim_against_an_answer_that_counts_makes_us_ask_whom_we_know() {
    let mut table = answered();
    table.on_heard(at(20_000), &hop(), OTHER, CLAIM);
    assert_eq!(table.resolve(at(20_000), &hop(), false), Resolution::Known(MAC), "not believed");
    assert_eq!(table.poll_question(), Some(Question { target: hop(), to: Some(MAC) }));
    // The one that we know answers: the claim was false, and further ones cost nothing for a second.
    table.on_heard(at(20_001), &hop(), MAC, ANSWER);
    table.on_heard(at(20_002), &hop(), OTHER, CLAIM);
    assert_eq!(table.poll_question(), None);
    assert_eq!(table.resolve(at(20_002), &hop(), false), Resolution::Known(MAC));
}

#[test]
fn a_claim_that_is_true_is_found_out_within_two_questions() {
    let mut table = answered();
    table.on_heard(at(20_000), &hop(), OTHER, CLAIM);
    assert_eq!(questions(&mut table, 20_000, 21_000), [(20_000, Some(MAC)), (21_000, None)]);
    table.on_heard(at(21_010), &hop(), OTHER, ANSWER);
    assert_eq!(table.resolve(at(21_010), &hop(), false), Resolution::Known(OTHER));
}

#[test]
fn a_claim_is_believed_when_the_last_answer_is_old_and_a_meek_one_is_not() {
    let mut table = answered();
    table.on_heard(at(90_000), &hop(), OTHER, MEEK_CLAIM);
    table.on_heard(at(90_000), &hop(), OTHER, CLAIM);
    assert_eq!(table.resolve(at(90_000), &hop(), false), Resolution::Known(OTHER));
    assert_eq!(table.poll_question(), Some(Question { target: hop(), to: Some(OTHER) }));

    let mut table = answered();
    table.on_heard(at(90_000), &hop(), OTHER, MEEK_CLAIM);
    assert_eq!(table.resolve(at(90_000), &hop(), false), Resolution::Known(MAC));
}

#[test]
fn a_meek_answer_confirms_what_we_know_and_replaces_nothing() {
    let mut table = answered();
    table.resolve(at(90_000), &hop(), false);
    table.on_heard(at(90_100), &hop(), OTHER, MEEK_ANSWER);
    assert!(table.poll_timeout().is_some(), "the question is still open");
    table.on_heard(at(90_200), &hop(), MAC, MEEK_ANSWER);
    assert_eq!(table.poll_timeout(), None);
    assert_eq!(table.resolve(at(150_000), &hop(), false), Resolution::Known(MAC));
}

#[test]
fn a_full_table_gives_up_the_neighbour_that_was_used_least_but_no_gateway() {
    let mut table = Neighbours::new(1);
    for n in 0..NEIGHBOURS_MAX as u32 {
        table.resolve(at(u64::from(n)), &nth(n), n == 0);
        table.poll_question();
        table.on_heard(at(u64::from(n)), &nth(n), MAC, ANSWER);
        table.poll_news();
    }
    table.resolve(at(5000), &nth(1), false);
    assert_eq!(table.resolve(at(5000), &nth(9999), false), Resolution::Asked);
    assert_eq!(table.len(), NEIGHBOURS_MAX);
    assert!(table.names.contains_key(&nth(0)), "the gateway stays");
    assert!(table.names.contains_key(&nth(1)), "used just now");
    assert!(!table.names.contains_key(&nth(2)));
}

#[test]
fn a_table_full_of_open_questions_refuses_more() {
    let mut table = Neighbours::new(1);
    for n in 0..NEIGHBOURS_MAX as u32 {
        assert_eq!(table.resolve(at(0), &nth(n), false), Resolution::Asked);
    }
    assert_eq!(table.resolve(at(0), &nth(9999), false), Resolution::Unreachable(Unreachable::TableFull));
    assert_eq!(table.on_timeout(at(1000)), 0);
    assert_eq!(table.on_timeout(at(2000)), 0);
    assert_eq!(table.on_timeout(at(3000)), NEIGHBOURS_MAX as u64);
    assert_eq!(std::iter::from_fn(|| table.poll_news()).count(), NEIGHBOURS_MAX);
    std::iter::from_fn(|| table.poll_question()).for_each(drop);
    assert_eq!(table.resolve(at(3000), &nth(9999), false), Resolution::Asked);
}

#[test]
fn a_random_hour_keeps_every_invariant() {
    let mut random = Rng::from_seed(5);
    let mut table = Neighbours::new(2);
    let mut now = 0;
    for _ in 0..200_000 {
        now += random.below(40);
        let address = nth(random.below(3 * NEIGHBOURS_MAX as u64) as u32);
        let mac = if random.chance(1, 2) { MAC } else { OTHER };
        match random.below(8) {
            0..3 => drop(table.resolve(at(now), &address, address == nth(7))),
            3 => drop(table.on_heard(at(now), &address, mac, ANSWER)),
            4 => drop(table.on_heard(at(now), &address, mac, CLAIM)),
            5 => drop(table.on_timeout(at(now))),
            6 => drop(table.poll_question()),
            _ => drop(table.poll_news()),
        }
    }
    assert!(table.len() <= NEIGHBOURS_MAX && table.questions.len() <= table.len() && table.news.len() <= table.len());
    let open = table.entries.iter().filter(|entry| entry.timer.is_some()).count();
    assert_eq!(open, table.timers.len() as usize);
    assert!(table.entries.iter().all(|entry| entry.timer.is_some() == entry.state.is_open()));
    assert!(table.entries.iter().enumerate().all(|(index, entry)| table.names[&entry.address] == index as u16));
    assert!(table.names.contains_key(&nth(7)), "a gateway is never given up");
}
