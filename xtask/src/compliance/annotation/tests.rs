//! What counts as a claim, what is only prose, and what is a slip of the pen.

use std::collections::BTreeSet;

use super::{Claims, read};

fn claims(comment: &str) -> Claims {
    let known = ["MUST-5", "MUST-6", "SHLD-1", "RFC5961-RST-EXACT", "RFC5961-ACK-RANGE", "RFC7323-PAWS"];
    read(comment, &BTreeSet::from(known))
}

fn ids(comment: &str) -> Vec<String> {
    let claims = claims(comment);
    assert!(claims.wrong.is_empty(), "{comment}: {:?}", claims.wrong);
    claims.ids.into_iter().collect()
}

#[test]
fn ids_stand_behind_their_rfc() {
    assert_eq!(ids("RFC 9293 MUST-5"), ["MUST-5"]);
    assert_eq!(ids("Why. RFC 9293 MUST-5: because RFC 5961 RST-EXACT, too."), ["MUST-5", "RFC5961-RST-EXACT"]);
    assert_eq!(ids("(RFC 9293 MUST-5, SHLD-1 and MUST-6)"), ["MUST-5", "MUST-6", "SHLD-1"]);
    assert_eq!(
        ids("RFC 5961 RST-EXACT, ACK-RANGE, and RFC 7323 PAWS."),
        ["RFC5961-ACK-RANGE", "RFC5961-RST-EXACT", "RFC7323-PAWS"]
    );
    assert_eq!(ids("RFC7323-PAWS and RFC9293 MUST-5"), ["MUST-5", "RFC7323-PAWS"]);
}

#[test]
fn prose_about_an_rfc_claims_nothing() {
    for prose in [
        "RFC 9293, section 3.10.7.4, in SYN-SENT",
        "RFC 9293 SYN-RECEIVED and TIME-WAIT are states",
        "the RFC 6298 RTO.",
        "RFC 9293 R1: doubt",
        "RFC 6298 RTO and RFC 7323 TS value",
        "the RFC says so",
        "RFC 1624 (eqn. 3)",
        "RFC 7323 PAWSish",
        "RFC",
        "RFC 9293",
        "a MUST, and a MUST-have",
    ] {
        assert!(ids(prose).is_empty(), "{prose}");
    }
}

#[test]
fn an_unknown_id_is_told() {
    for (comment, id) in [
        ("RFC 9293 MUST-70", "MUST-70"),
        ("RFC 9293 MUST-5, MUST-71", "MUST-71"),
        ("RFC 5961 RST-EXAKT", "RFC5961-RST-EXAKT"),
        ("RFC 9999 MUST-5", "RFC9999-MUST-5"),
        ("RFC 7323 PAW", "RFC7323-PAW"),
        ("RFC 7323 PAW: old", "RFC7323-PAW"),
        ("RFC 7323 PAW RFC 9293 MUST-5", "RFC7323-PAW"),
    ] {
        assert!(claims(comment).wrong[0].contains(&format!("{id}, which")), "{comment}");
    }
    assert_eq!(claims("RFC 9293 MUST-70, MUST-5").ids.len(), 1);
}

#[test]
fn ranges_and_ids_without_their_rfc_are_told() {
    for range in ["RFC 9293 MUST-5..6", "RFC 9293 MUST-5…MUST-6", "RFC 9293 MUST-5/6", "RFC 9293 MUST-5 to 6"] {
        assert!(claims(range).wrong[0].contains("range"), "{range}");
    }
    for bare in ["MUST-5", "see MUST-5.", "RFC 9293 MUST-5; MUST-6", "RFC 9293 section 3.1 MUST-5"] {
        let wrong = claims(bare).wrong;
        assert!(wrong.len() == 1 && wrong[0].contains("without its RFC"), "{bare}: {wrong:?}");
    }
}

#[test]
fn an_end_of_a_sentence_ends_an_id() {
    assert_eq!(ids("RFC 9293 MUST-5. Then more."), ["MUST-5"]);
    assert_eq!(ids("RFC 9293 MUST-5- and"), ["MUST-5"]);
    assert_eq!(ids("RFC 9293 MUST-5, then MUST we?"), ["MUST-5"]);
}
