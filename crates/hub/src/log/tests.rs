//! Recovery, clause by clause, and pages: the rules of the push protocol, sections 4 and 12, as tables.

use crore_base::random::Rng;

use super::*;
use crate::position::Epoch;

const PAGE: u32 = 300;

fn epoch() -> Epoch {
    Epoch::random(&mut Rng::from_seed(1))
}

fn publication(offset: u64) -> Publication {
    Publication { offset, ..Publication::new(offset.to_string().as_str().into()) }
}

/// A log that keeps these offsets.
fn log(offsets: std::ops::RangeInclusive<u64>) -> Log {
    let mut log = Log::default();
    for offset in offsets {
        log.push(Instant::from_nanos(offset), publication(offset));
    }
    log
}

fn top(offset: u64) -> Position {
    Position { offset, epoch: epoch() }
}

fn offsets(publications: &[Publication]) -> Vec<u64> {
    publications.iter().map(|publication| publication.offset).collect()
}

#[test]
fn recovery_follows_each_clause_of_the_protocol() {
    let same = Some(epoch());
    let other = Some(Epoch::FOREIGN);
    const NOTHING: (u64, u64) = (1, 0);
    // Why; what is kept, from and to; the top; since when; the epoch; what is recovered, from and to.
    #[rustfmt::skip]
    let table = [
        ("all that was missed is kept", (1, 5), 5, 2, same, Some((3, 5))),
        ("an empty epoch counts as the same", (1, 5), 5, 2, None, Some((3, 5))),
        ("another epoch never recovers", (1, 5), 5, 2, other, None),
        ("another epoch does not recover even at the top", (1, 5), 5, 5, other, None),
        ("nothing was missed", (1, 5), 5, 5, same, Some(NOTHING)),
        ("nothing was missed and nothing is kept", NOTHING, 5, 5, same, Some(NOTHING)),
        ("nothing was ever published", NOTHING, 0, 0, same, Some(NOTHING)),
        ("everything was missed", (1, 5), 5, 0, same, Some((1, 5))),
        ("the first kept is the next one", (3, 5), 5, 2, same, Some((3, 5))),
        ("the first missed is not kept any more", (3, 5), 5, 1, same, None),
        ("something was missed and nothing is kept", NOTHING, 5, 4, same, None),
        ("a position beyond the top", (1, 5), 5, 6, same, None),
        ("a position beyond the top of an empty log", NOTHING, 5, 6, same, None),
        ("the greatest offset there is", (1, 5), 5, u64::MAX, same, None),
        ("a page is enough", (1, 300), 300, 0, same, Some((1, 300))),
        ("one more than a page", (1, 301), 301, 0, same, None),
        ("the rest fits in a page", (1, 301), 301, 1, same, Some((2, 301))),
    ];
    for (why, (from, to), last, offset, epoch, expected) in table {
        let since = Since { offset, epoch };
        let recovered = log(from..=to).recover(since, top(last), PAGE);
        let expected = expected.map(|(from, to)| (from..=to).collect());
        assert_eq!(recovered.as_deref().map(offsets), expected, "{why}");
    }
}

#[test]
fn pages_are_what_history_asks_for() {
    let log = log(3..=9);
    let since = |offset| Some(Since { offset, epoch: None });
    // (limit, since, reverse, offsets)
    #[rustfmt::skip]
    let table = [
        (0, None, false, vec![]),
        (2, None, false, vec![3, 4]),
        (2, None, true, vec![9, 8]),
        (-1, None, false, vec![3, 4, 5, 6, 7]),
        (100, None, false, vec![3, 4, 5, 6, 7]),
        (100, since(6), false, vec![7, 8, 9]),
        (1, since(6), false, vec![7]),
        (100, since(1), false, vec![3, 4, 5, 6, 7]),
        (100, since(9), false, vec![]),
        (100, since(99), false, vec![]),
        (100, since(u64::MAX), false, vec![]),
        (100, since(6), true, vec![5, 4, 3]),
        (2, since(6), true, vec![5, 4]),
        (100, since(3), true, vec![]),
        (100, since(1), true, vec![]),
        (3, since(99), true, vec![9, 8, 7]),
        (3, since(u64::MAX), true, vec![9, 8, 7]),
    ];
    for (limit, since, reverse, expected) in table {
        let page = log.page(limit, since, reverse, top(9), 5).expect("a page");
        assert_eq!(offsets(&page.publications), expected, "{limit} {since:?} {reverse}");
        assert_eq!(page.position, top(9));
    }
}

#[test]
fn pages_from_another_epoch_or_backwards_from_the_beginning_are_refused() {
    let log = log(1..=3);
    let foreign = Since { offset: 1, epoch: Some(Epoch::FOREIGN) };
    let beginning = Since { offset: 0, epoch: None };
    assert_eq!(log.page(1, Some(foreign), false, top(3), 5).err(), Some(Refusal::Unrecoverable));
    assert_eq!(log.page(1, Some(beginning), true, top(3), 5).err(), Some(Refusal::BadRequest));
}

#[test]
fn size_and_age_both_bound_the_log() {
    let ttl = Duration::from_nanos(10);
    let mut log = log(1..=5);
    let weight = publication(1).weight();
    let dropped = log.expire(Instant::from_nanos(5), 3, ttl);
    assert_eq!((dropped.publications, dropped.bytes), (2, 2 * weight));
    assert_eq!(log.oldest(), Some(Instant::from_nanos(3)));
    assert_eq!(log.expire(Instant::from_nanos(12), 3, ttl).publications, 0);
    assert_eq!(log.expire(Instant::from_nanos(13), 3, ttl).publications, 1);
    assert_eq!(log.expire(Instant::from_nanos(99), 3, ttl).publications, 2);
    assert!(log.is_empty());
}
