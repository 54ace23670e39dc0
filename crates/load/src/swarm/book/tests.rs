use super::*;
use crore_http::ws::{Opcode, encode};

const RUN: u64 = 9;

fn framed(text: &str) -> Vec<u8> {
    encode(Opcode::Text, text.as_bytes())
}

fn data(seq: u64) -> String {
    Mark { run: RUN, seq, at: Stamp(seq) }.data(100)
}

fn push(channel: &str, offset: u64, data: &str) -> String {
    format!(r#"{{"push":{{"channel":"{channel}","pub":{{"data":{data},"offset":{offset}}}}}}}"#)
}

/// A client of a test: what it lends to the book.
#[derive(Default)]
struct One {
    index: u32,
    last: [u32; 2],
    gapped: bool,
}

impl One {
    fn member(&mut self) -> Member<'_> {
        Member { index: self.index, last: &mut self.last, gapped: &mut self.gapped }
    }

    /// Takes a push as a client does: compared if it can be, read if not.
    fn take(&mut self, book: &mut Book, which: Which, offset: u64, data: &str) -> Result<Seen, String> {
        let text = push(&name_of(channel_of(which, self.index)), offset, data);
        let frame = framed(&text);
        if !self.gapped
            && let Some((used, at)) = book.take_known(self.index, &mut self.last, &frame)
        {
            assert_eq!(used, frame.len());
            return Ok(Seen::Delivered(at));
        }
        let raw = reply::read(text.as_bytes())?.push.unwrap().publication.unwrap();
        let publication = reply::publication(raw)?;
        book.see(&mut self.member(), which, &publication, Copied::Frame(&frame))
    }

    fn join(&mut self, book: &mut Book, which: Which, answer: &str, back: bool) -> Result<Joined, String> {
        let frame = framed(answer);
        book.subscribe(&mut self.member(), which, (&frame, answer.as_bytes()), (back, false))
    }
}

fn answer(id: u32, epoch: &str, offset: u32) -> String {
    format!(r#"{{"id":{id},"subscribe":{{"recoverable":true,"positioned":true,"epoch":"{epoch}","offset":{offset}}}}}"#)
}

/// Three clients of one group, subscribed at offset 4.
fn subscribed() -> (Book, [One; 3]) {
    let mut book = Book::new(RUN, 3);
    let clients = [0, 1, 2].map(|index| {
        let mut one = One { index, ..One::default() };
        one.join(&mut book, Which::All, &answer(2, "abcdefgh", 4), false).unwrap();
        one.join(&mut book, Which::Group, &answer(3, "ijklmnop", 4), false).unwrap();
        one
    });
    (book, clients)
}

#[test]
fn the_first_copy_is_read_and_the_others_are_compared() {
    let (mut book, clients) = subscribed();
    for mut one in clients {
        assert_eq!(one.take(&mut book, Which::All, 5, &data(1)), Ok(Seen::Delivered(Some(Stamp(1)))));
        assert_eq!(one.take(&mut book, Which::Group, 5, &data(2)), Ok(Seen::Delivered(Some(Stamp(2)))));
        assert_eq!(one.last, [5, 5]);
    }
    assert_eq!((book.missing(0, 5), book.missing(1, 5), book.skipped()), (0, 0, 0));
}

#[test]
fn a_lost_publication_is_missed_at_its_end_and_in_between() {
    let (mut book, [mut first, mut second, mut third]) = subscribed();
    first.take(&mut book, Which::All, 5, &data(1)).unwrap();
    second.take(&mut book, Which::All, 5, &data(1)).unwrap();
    assert_eq!((book.missing(0, 5), book.skipped()), (1, 0), "the third has not got it");
    third.take(&mut book, Which::All, 6, &data(2)).unwrap();
    assert_eq!((book.missing(0, 5), book.missing(0, 6), book.skipped()), (0, 2, 1), "and now never will");
    assert!(third.gapped);
}

#[test]
fn what_comes_late_was_reordered_and_what_comes_again_duplicated() {
    let (mut book, [mut one, ..]) = subscribed();
    one.take(&mut book, Which::All, 6, &data(2)).unwrap();
    assert_eq!(one.take(&mut book, Which::All, 5, &data(1)), Ok(Seen::Delivered(Some(Stamp(1)))));
    assert_eq!((book.skipped(), book.reordered, book.duplicated), (0, 1, 0));
    for offset in [4, 5, 6] {
        assert_eq!(one.take(&mut book, Which::All, offset, &data(u64::from(offset == 6) + 1)).unwrap(), Seen::Again);
    }
    assert_eq!((book.skipped(), book.reordered, book.duplicated), (0, 1, 3));
    one.take(&mut book, Which::All, 7, &data(3)).unwrap();
    assert_eq!(one.last[0], 7);
}

#[test]
fn a_copy_that_was_altered_is_refused() {
    let (mut book, [mut first, mut second, _]) = subscribed();
    first.take(&mut book, Which::All, 5, &data(1)).unwrap();
    let error = second.take(&mut book, Which::All, 5, &data(1).replace("xx", "xy")).unwrap_err();
    assert!(error.contains("differs"), "{error}");
    let error = second.take(&mut book, Which::Group, 5, &data(1).replace("xx", "xy")).unwrap_err();
    assert!(error.contains("not what was published"), "{error}");
    assert!(second.take(&mut book, Which::Group, 0, &data(1)).is_err(), "without an offset nothing can be checked");
}

#[test]
fn what_somebody_else_publishes_is_checked_but_has_no_latency() {
    let (mut book, clients) = subscribed();
    for mut one in clients {
        assert_eq!(one.take(&mut book, Which::All, 5, r#"{"hello":1}"#), Ok(Seen::Delivered(None)));
    }
    assert_eq!(book.missing(0, 5), 0);
}

#[test]
fn subscriptions_without_positions_or_of_another_epoch_are_refused() {
    let (mut book, _) = subscribed();
    let mut one = One { index: 1, ..One::default() };
    for (text, part) in [
        (r#"{"id":2,"subscribe":{}}"#.to_owned(), "no positions"),
        (answer(2, "zzzzzzzz", 4), "another epoch"),
        (answer(3, "abcdefgh", 4), "something else"),
        (answer(2, "abcdefgh", 3), "offset 3"),
        (r#"{"id":2,"error":{"code":103,"message":"permission denied"}}"#.to_owned(), "103"),
    ] {
        let error = one.join(&mut book, Which::All, &text, false).unwrap_err();
        assert!(error.contains(part), "{error}");
    }
}

fn recovered(publications: &[String]) -> String {
    let list = publications.join(",");
    format!(
        r#"{{"id":2,"subscribe":{{"recoverable":true,"epoch":"abcdefgh","offset":4,"was_recovering":true,"recovered":true,"publications":[{list}]}}}}"#
    )
}

#[test]
fn what_was_missed_is_recovered_once_and_compared_with_what_others_got() {
    let (mut book, [mut first, mut second, mut third]) = subscribed();
    book.channel(Which::All, 2).depart();
    for one in [&mut first, &mut second] {
        one.take(&mut book, Which::All, 5, &data(1)).unwrap();
        one.take(&mut book, Which::All, 6, &data(2)).unwrap();
    }
    assert_eq!((book.numbered(0).unwrap().behind(6), book.missing(0, 6)), (0, 2));
    let missed = |offset: u64| format!(r#"{{"data":{},"offset":{offset}}}"#, data(offset - 4));
    let joined = third.join(&mut book, Which::All, &recovered(&[missed(5), missed(6)]), true);
    assert_eq!((joined, third.last[0], book.missing(0, 6)), (Ok(Joined { recovered: 2 }), 6, 0));
    let altered = missed(7).replace("xx", "xy");
    book.channel(Which::All, 2).depart();
    first.take(&mut book, Which::All, 7, &data(3)).unwrap();
    assert!(third.join(&mut book, Which::All, &recovered(&[altered]), true).unwrap_err().contains("differs"));
}

#[test]
fn what_was_not_recovered_is_lost() {
    let (mut book, [.., mut third]) = subscribed();
    book.channel(Which::All, 2).depart();
    let error = third.join(&mut book, Which::All, &answer(2, "abcdefgh", 7), true).unwrap_err();
    assert!(error.contains("not recovered"), "{error}");
    assert_eq!(book.skipped(), 3);
}

#[test]
fn answers_to_connect_differ_in_the_id_alone() {
    let mut book = Book::new(RUN, 1);
    let answer = |id: &str, more: &str| format!(r#"{{"id":1,"connect":{{"client":"{id}","version":"0"{more}}}}}"#);
    let mut connect = |text: &str| book.connect(&framed(text), text.as_bytes(), false);
    assert_eq!(connect(&answer("8096194f-aaaa", "")), Ok(false));
    assert_eq!(connect(&answer("ffffffff-bbbb", "")), Ok(false));
    assert_eq!(connect(&answer("ffffffff-bbbb", r#","pong":true"#)), Ok(true));
    for wrong in [
        r#"{"id":1,"error":{"code":109,"message":"token expired"}}"#.to_owned(),
        answer("", ""),
        answer(r#"\"\"\"\"\"\"\""#, ""),
        r#"{"id":2,"connect":{"client":"c"}}"#.to_owned(),
    ] {
        assert!(connect(&wrong).is_err(), "{wrong}");
    }
}
