//! The form of the file of requirements, and the file itself.

use super::{Mark, id_of, parse};

fn entry(id: &str, more: &str) -> String {
    format!("[[requirement]]\nid = \"{id}\"\nsection = \"3.1\"\nrule = \"It works.\"\n{more}\n")
}

#[test]
fn an_entry_has_an_id_a_section_a_rule_and_at_most_one_mark() {
    let text =
        entry("MUST-5", "") + &entry("RFC5961-RST-EXACT", "open = \"later\"") + &entry("SHLD-1", "declined = \"no\"");
    let all = parse(&text).unwrap();
    assert_eq!((all[0].rfc.as_str(), all[0].spelled().as_str()), ("9293", "RFC 9293 MUST-5"));
    assert_eq!((all[1].rfc.as_str(), all[1].spelled().as_str()), ("5961", "RFC 5961 RST-EXACT"));
    assert_eq!(all[0].mark, Mark::None);
    assert_eq!(all[1].mark, Mark::Open("later".to_owned()));
    assert_eq!(all[2].mark, Mark::Declined("no".to_owned()));
}

#[test]
fn what_comments_say_becomes_the_id_again() {
    for requirement in parse(&(entry("MUST-5", "") + &entry("RFC7323-PAWS", ""))).unwrap() {
        let spelled = requirement.spelled();
        let mut words = spelled.split(' ').skip(1);
        assert_eq!(id_of(words.next().unwrap(), words.next().unwrap()), requirement.id);
    }
}

#[test]
fn entries_that_say_too_little_or_too_much_are_refused_with_their_line() {
    for (text, word) in [
        (entry("MUST-5", "") + &entry("MUST-5", ""), "twice"),
        (entry("REC-5", ""), "neither"),
        (entry("RFC9293-MUST-5", ""), "neither"),
        (entry("RFC-RST", ""), "neither"),
        (entry("RFC5961-rst", ""), "neither"),
        (entry("MUST-5", "open = \"a\"\ndeclined = \"b\""), "open and declined"),
        (entry("MUST-5", "open = \" \""), "without a reason"),
        (entry("MUST-5", "closed = \"a\""), "closed"),
        ("[[rule]]\nid = \"MUST-5\"\n".to_owned(), "only [[requirement]]"),
        ("[[requirement]]\nid = \"MUST-5\"\nsection = \"1\"\nrule = \"\"\n".to_owned(), "not one sentence"),
        ("[[requirement]]\nid = \"MUST-5\"\nrule = \"x\"\n".to_owned(), "no section"),
    ] {
        let error = parse(&text).unwrap_err();
        assert!(error.starts_with("line ") && error.contains(word), "{error}");
    }
}

#[test]
fn every_must_of_rfc_9293_is_in_our_file() {
    let all = parse(include_str!("../../../compliance/requirements.toml")).unwrap();
    for number in 1..=69 {
        let id = format!("MUST-{number}");
        assert!(all.iter().any(|requirement| requirement.id == id), "{id}");
    }
}
