//! Comments find what they speak about, in small texts.

use super::{Documents, Source};

/// The name of what the comment that contains `word` speaks about; empty for none.
fn subject(text: &str, word: &str) -> String {
    let source = Source::of(text);
    let comment = source.comments.iter().find(|comment| comment.text.contains(word)).expect("a comment with the word");
    source.subject(comment).map(|item| source.display_name(item)).unwrap_or_default()
}

#[test]
fn a_comment_in_a_function_speaks_about_it() {
    let text =
        "fn a() { 1; }\nfn b(x: [u8; 4]) -> [u8; 2] {\n    // HERE why\n    let s = \"} fn c() {\";\n}\nfn c() {}\n";
    assert_eq!(subject(text, "HERE"), "b");
    assert_eq!(subject("fn a() {\n    // HERE\n    const X: u8 = 1;\n}\n", "HERE"), "a");
    assert_eq!(subject("fn a() {\n    // HERE\n    fn inner() {}\n}\n", "HERE"), "inner");
    assert_eq!(subject("fn a() {\n    fn inner() {}\n    // HERE\n    1\n}\n", "HERE"), "a");
}

#[test]
fn a_comment_above_an_item_speaks_about_it() {
    assert_eq!(subject("fn a() {}\n\n/// HERE\n#[inline]\npub(crate) const fn b() {}\n", "HERE"), "b");
    assert_eq!(subject("/// HERE\npub const LIMIT: [u8; 2] = { [1; 2] };\nfn a() {}\n", "HERE"), "LIMIT");
    assert_eq!(subject("use a::b;\n// HERE\npub(super) struct S(u8);\n", "HERE"), "S");
}

#[test]
fn a_comment_behind_code_speaks_about_its_line() {
    let text = "const A: u8 = 1; // HERE\n// ELSE\nconst B: u8 = 2;\nenum E {\n    X, // THERE\n}\n";
    assert_eq!(subject(text, "HERE"), "A");
    assert_eq!(subject(text, "ELSE"), "B");
    assert_eq!(subject(text, "THERE"), "E");
}

#[test]
fn a_method_is_named_with_its_type() {
    let text = "impl<T: Fn(u8) -> u8> std::fmt::Display for wire::Seq<T> where T: Copy {\n    fn fmt(&self) {\n        // HERE\n    }\n}\n";
    assert_eq!(subject(text, "HERE"), "Seq::fmt");
    assert_eq!(subject("trait Wire { fn send(&self) { /* HERE */ } }", "HERE"), "Wire::send");
    assert_eq!(subject("fn f(x: impl Fn(u8)) {\n    // HERE\n}\n", "HERE"), "f");
    assert_eq!(subject("impl Add<u32> for &'a Seq { fn add(self) { /* HERE */ } }", "HERE"), "Seq::add");
}

#[test]
fn a_comment_of_the_file_speaks_about_the_file() {
    assert_eq!(subject("//! HERE\n\n/// A.\nfn a() {}\n", "HERE"), "");
    assert_eq!(subject("use a;\n\nmod b {\n    //! HERE\n\n    fn c() {}\n}\n", "HERE"), "b");
}

#[test]
fn lines_that_follow_each_other_are_one_comment() {
    let source = Source::of("// one\n// two\n\n// three\n/// four\nfn a() {} // five\n// six\n/* seven\n * eight */\n");
    let texts: Vec<&str> = source.comments.iter().map(|comment| comment.text.as_str()).collect();
    assert_eq!(texts, ["one two", "three", "four", "five", "six", "seven eight"]);
    let lines: Vec<usize> = source.comments.iter().map(|comment| comment.line).collect();
    assert_eq!(lines, [1, 4, 5, 6, 7, 8]);
    assert_eq!(source.comments[2].documents, Documents::Next);
}

#[test]
fn tests_are_known_by_their_attribute_also_inside_macros() {
    let text = "mod seq {\n    proptest! {\n        #![proptest_config(Config { cases: 9 })]\n        /// Doc.\n        #[test]\n        fn adds(a: u32) { f(a) }\n    }\n    #[crore::test(seeds = 9)]\n    async fn worlds() {}\n    fn helps() {}\n}\n";
    let source = Source::of(text);
    let tests: Vec<String> =
        source.items.iter().filter(|item| source.is_test(item)).map(|item| source.path(item).join("::")).collect();
    assert_eq!(tests, ["seq::adds", "seq::worlds"]);
    let adds = source.items.iter().find(|item| item.name == "adds").expect("the test");
    let said: Vec<&str> = source.documentation(adds).map(|comment| comment.text.as_str()).collect();
    assert_eq!(said, ["Doc."]);
    assert!(!source.has_attribute(adds, "#[ignore"));
}

#[test]
fn what_is_compiled_for_tests_only_is_known() {
    let source = Source::of("fn a() {}\n#[cfg(test)]\nmod b {\n    fn c() {}\n}\n#[cfg(test)]\nfn d() {}\n");
    let names: Vec<&str> =
        source.items.iter().filter(|item| source.is_for_tests(item)).map(|i| i.name.as_str()).collect();
    assert_eq!(names, ["b", "c", "d"]);
}

#[test]
fn literals_hide_what_they_hold() {
    let text = "fn a() {\n    let (q, b, r) = ('\"', '\\'', r#\"fn x() { // \"#);\n    let l: &'static str = \"// no\";\n    // HERE\n}\nfn z() {}\n";
    assert_eq!(subject(text, "HERE"), "a");
    assert_eq!(Source::of(text).comments.len(), 1);
    assert_eq!(Source::of(text).items.len(), 2);
    assert_eq!(subject("fn a() { let c = '\\u{1F600}'; let d = 'é'; /* HERE é */ }", "HERE"), "a");
}

#[test]
fn text_that_breaks_off_ends_the_pass() {
    let text =
        "/// é\nimpl<'a> A<'a> for B { fn f(&self) -> u8 { let c = '\\''; r#\"x\"#; /* y /* z */ */ \"\\\"\" } }";
    for end in (0..=text.len()).filter(|end| text.is_char_boundary(*end)) {
        let source = Source::of(&text[..end]);
        for comment in &source.comments {
            let _ = source.subject(comment);
        }
    }
}
