//! Patterns against names.

use super::matches;

#[test]
fn patterns_match_whole_names() {
    let table = [
        ("", "", true),
        ("", "a", false),
        ("*", "", true),
        ("*", "chat:1", true),
        ("chat:*", "chat:42", true),
        ("chat:*", "room:42", false),
        ("*:42", "chat:42", true),
        ("c*t:*2", "chat:42", true),
        ("c*t:*3", "chat:42", false),
        ("chat:??", "chat:42", true),
        ("chat:??", "chat:421", false),
        ("a*b*c", "aXbXbXc", true),
        ("a\\*b", "a*b", true),
        ("a\\*b", "aXb", false),
        ("a\\", "a", false),
        ("**", "a", true),
    ];
    for (pattern, name, expected) in table {
        assert_eq!(matches(pattern, name), expected, "{pattern:?} {name:?}");
    }
}

#[test]
fn a_pattern_of_many_stars_does_not_explode() {
    let pattern = "*a".repeat(100);
    assert!(!matches(&pattern, &"a".repeat(99)));
    assert!(matches(&pattern, &"a".repeat(250)));
}
