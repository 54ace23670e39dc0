use super::*;
use proptest::prelude::*;

const HALF: u32 = 1 << 31;

#[test]
fn the_circle_has_no_seam() {
    let before_the_wrap = Seq(u32::MAX);
    assert!(before_the_wrap.is_before(Seq(0)));
    assert!(Seq(0).is_after(before_the_wrap));
    assert_eq!(before_the_wrap + 3, Seq(2));
    assert_eq!(Seq(2) - 3, before_the_wrap);
    assert_eq!(Seq(2) - before_the_wrap, 3);
    let mut seq = before_the_wrap;
    seq += 1;
    assert_eq!(seq, Seq(0));
    assert_eq!(Seq::later_of(before_the_wrap, Seq(5)), Seq(5));
    assert_eq!(Seq::earlier_of(before_the_wrap, Seq(5)), before_the_wrap);
}

#[test]
fn numbers_half_the_circle_apart_are_neither_before_nor_after() {
    let (a, b) = (Seq(7), Seq(7) + HALF);
    assert!(!a.is_before(b) && !b.is_before(a));
    assert!(!a.is_after(b) && !b.is_after(a));
    assert!(!a.is_at_or_before(b) && !a.is_at_or_after(b));
    assert_eq!((Seq::later_of(a, b), Seq::later_of(b, a)), (a, b));
    assert!(a.is_before(b - 1) && b.is_before(a - 1));
}

#[test]
fn an_empty_range_holds_nothing_and_a_full_one_all_but_one() {
    assert!(!Seq(5).is_within(Seq(5), 0));
    assert!(Seq(5).is_within(Seq(5), 1));
    assert!(!Seq(6).is_within(Seq(5), 1));
    assert!(Seq(3).is_within(Seq(5), u32::MAX));
    assert!(!Seq(4).is_within(Seq(5), u32::MAX));
}

#[test]
fn it_is_shown_as_a_number() {
    assert_eq!(format!("{} {:?}", Seq(9), Seq(9)), "9 Seq(9)");
}

proptest! {
    #[test]
    fn of_two_numbers_one_is_before_or_equal_unless_they_are_opposite(a: u32, b: u32) {
        let (a, b) = (Seq(a), Seq(b));
        let relations = [a.is_before(b), a == b, a.is_after(b)];
        let opposite = a - b == HALF;
        prop_assert_eq!(relations.iter().filter(|holds| **holds).count(), usize::from(!opposite));
        prop_assert_eq!(a.is_before(b), b.is_after(a));
        prop_assert_eq!(a.is_at_or_before(b), a.is_before(b) || a == b);
        prop_assert_eq!(a.is_at_or_after(b), a.is_after(b) || a == b);
    }

    #[test]
    fn relations_do_not_depend_on_where_the_circle_begins(a: u32, b: u32, turn: u32, len: u32) {
        let (a, b) = (Seq(a), Seq(b));
        prop_assert_eq!(a.is_before(b), (a + turn).is_before(b + turn));
        prop_assert_eq!(a.is_within(b, len), (a + turn).is_within(b + turn, len));
        prop_assert_eq!(a - b, (a + turn) - (b + turn));
    }

    #[test]
    fn going_forward_and_back_are_inverse(a: u32, way: u32) {
        let a = Seq(a);
        prop_assert_eq!(a + way - way, a);
        prop_assert_eq!((a + way) - a, way);
        prop_assert_eq!(a.is_before(a + way), way > 0 && way < HALF);
        prop_assert_eq!((a + way).is_within(a, way), false);
        prop_assert_eq!(a.is_within(a, way), way > 0);
    }

    #[test]
    fn the_later_and_the_earlier_are_the_two(a: u32, b: u32) {
        let (a, b) = (Seq(a), Seq(b));
        let (later, earlier) = (Seq::later_of(a, b), Seq::earlier_of(a, b));
        prop_assert!(earlier.is_at_or_before(later) || a - b == HALF);
        prop_assert!((later, earlier) == (a, b) || (later, earlier) == (b, a) || a - b == HALF);
    }
}
