use std::collections::HashSet;

use super::*;

#[test]
fn reasons_are_numbered_without_gaps_and_have_names_of_their_own() {
    for (number, reason) in Refused::ALL.iter().enumerate() {
        assert_eq!(*reason as usize, number);
        assert_eq!(reason.to_string(), reason.name());
        assert!(reason.name().bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'));
    }
    let names: HashSet<_> = Refused::ALL.iter().map(|reason| reason.name()).collect();
    assert_eq!(names.len(), Refused::COUNT);
}
