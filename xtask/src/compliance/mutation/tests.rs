//! Mutations as text.

use super::parse;

const ONE: &str = "[[mutation]]\nid = [\"MUST-5\", \"MUST-6\"]\nfile = \"crates/wire/src/tcp.rs\"\nfind = '''\n    if bad {'''\nreplace = '''\n    if false {'''\n";

#[test]
fn the_text_to_find_must_stand_there_once() {
    let mutation = parse(ONE).unwrap().remove(0);
    assert_eq!(mutation.ids, ["MUST-5", "MUST-6"]);
    assert_eq!(mutation.apply("a\n    if bad {\nb").unwrap(), "a\n    if false {\nb");
    assert!(mutation.apply("nothing").unwrap_err().contains("0 times"));
    assert!(mutation.apply("    if bad {\n    if bad {").unwrap_err().contains("2 times"));
}

#[test]
fn a_mutation_that_changes_nothing_or_leaves_the_workspace_is_refused() {
    for (from, to) in [
        ("if false", "if bad"),
        ("crates/wire/src/tcp.rs", "../tcp.rs"),
        ("crates/wire/src/tcp.rs", "/etc/hosts"),
        ("[\"MUST-5\", \"MUST-6\"]", "[]"),
        ("[[mutation]]", "[[mutant]]"),
        ("replace", "replaced"),
    ] {
        assert!(parse(&ONE.replacen(from, to, 1)).unwrap_err().starts_with("line 1:"), "{to}");
    }
}
