//! What the data files may say, and what is refused with its line.

use super::parse;

#[test]
fn tables_keep_their_order_and_strings_their_bytes() {
    let text = "# a comment\n\n[[one]] # another\nid = \"a \\\"b\\\" \\\\ \\n\"\nplain = 'C:\\x'\n[[two]]\nlong = '''\nfirst # no comment\n  second'''\n";
    let mut tables = parse(text).unwrap();
    let (mut two, mut one) = (tables.pop().unwrap(), tables.pop().unwrap());
    assert_eq!((one.name.as_str(), one.line, two.name.as_str(), two.line), ("one", 3, "two", 6));
    assert_eq!(one.required("id").unwrap(), "a \"b\" \\ \n");
    assert_eq!(one.text("plain").unwrap().as_deref(), Some("C:\\x"));
    assert_eq!(two.required("long").unwrap(), "first # no comment\n  second");
    assert!(one.finish().is_ok() && two.finish().is_ok());
}

#[test]
fn one_string_is_a_list_of_one() {
    let mut table = parse("[[t]]\na = \"x\"\nb = [ \"x\", 'y', ]\nc = []\n").unwrap().remove(0);
    assert_eq!(table.list("a").unwrap(), ["x"]);
    assert_eq!(table.list("b").unwrap(), ["x", "y"]);
    assert!(table.list("c").unwrap().is_empty());
    assert!(table.list("d").unwrap_err().contains("no d"));
}

#[test]
fn a_key_that_nobody_wants_is_told() {
    let mut table = parse("[[t]]\nid = \"x\"\nopne = \"y\"\n").unwrap().remove(0);
    assert_eq!(table.required("id").unwrap(), "x");
    assert!(table.finish().unwrap_err().contains("opne"));
}

#[test]
fn what_is_not_understood_is_an_error_with_its_line() {
    for (text, line) in [
        ("a = \"x\"\n", 1),
        ("[[t]]\na = 1\n", 2),
        ("[[t]]\n\na = \"x\n", 3),
        ("[[t]]\na = 'x\n'\n", 2),
        ("[[t]]\na = '''x\n", 2),
        ("[[t]]\na = \"\"\"x\"\"\"\n", 2),
        ("[[t]]\na = \"\\u0041\"\n", 2),
        ("[[t]]\na = \"x\" b = \"y\"\n", 2),
        ("[[t]]\na = \"x\"\na = \"y\"\n", 3),
        ("[[t]]\na = [\"x\" \"y\"]\n", 2),
        ("[[t]]\na = [\"x\"\n", 2),
        ("[t]\n", 1),
        ("[[t\n", 1),
        ("[[]]\n", 1),
        ("[[t]]\n= \"x\"\n", 2),
        ("[[t]]\na = '''\n\n'''\nb\n", 5),
    ] {
        let error = parse(text).unwrap_err();
        assert!(error.starts_with(&format!("line {line}:")), "{text:?}: {error}");
    }
}

#[test]
fn text_that_breaks_off_anywhere_does_not_panic() {
    let text = "[[t]]\na = \"x\\n\"\nb = ['y', \"é\"]\nc = '''\nz'''\n";
    for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
        let _ = parse(&text[..end]);
    }
}
