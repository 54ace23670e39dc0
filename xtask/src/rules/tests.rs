//! The house rules on small texts.

use std::collections::BTreeSet;

use super::manifest::{layer, reasons};
use super::source::Source;
use super::{FILE_LINES_MAX, length, listed, unsafe_list};

fn has_unsafe(text: &str) -> bool {
    Source::of(text).has_unsafe()
}

#[test]
fn the_keyword_is_found_in_code_only() {
    assert!(has_unsafe("fn f() { unsafe { g() } }"));
    assert!(has_unsafe("let s = \"a\"; unsafe fn f() {}"));
    for innocent in [
        "// unsafe",
        "/* unsafe /* nested */ unsafe */ fn f() {}",
        "let s = \"unsafe \\\" unsafe\";",
        "let s = r#\"\" unsafe \"#;",
        "let s = br\"unsafe\";",
        "#![deny(unsafe_op_in_unsafe_fn)]",
        "let unsafety = 1;",
    ] {
        assert!(!has_unsafe(innocent), "{innocent}");
    }
}

#[test]
fn characters_and_lifetimes_do_not_open_strings() {
    assert!(has_unsafe("let c = '\"'; unsafe {}"));
    assert!(has_unsafe("let c = '\\''; unsafe {} let d = '\\u{1F600}';"));
    assert!(has_unsafe("fn f<'a>(x: &'a str) { unsafe {} }"));
    assert!(has_unsafe("let c = 'é'; unsafe {}"));
    assert!(has_unsafe("let for_r = var\"x\"; unsafe {}"));
}

#[test]
fn text_that_breaks_off_ends_the_pass() {
    for broken in ["\"open", "/* open", "r#\"open", "'\\", "'", "b", "r"] {
        assert!(!has_unsafe(broken), "{broken}");
    }
}

#[test]
fn stubs_and_marks_of_unfinished_work_are_found() {
    let found = |text: &str| Source::of(text).unfinished().len();
    assert_eq!(found("fn f() { todo!() }"), 1);
    assert_eq!(found("fn f() { unimplemented!(\"later\") }"), 1);
    assert_eq!(found(concat!("// FIX", "ME later")), 1);
    assert_eq!(found("#[allow(dead_code)] fn f() {}"), 1);
    assert_eq!(found("#[cfg_attr(not(test), allow(dead_code, reason = \"later\"))] fn f() {}"), 1);
    assert_eq!(found("// todo!() in a comment\nlet todo = \"todo!()\";"), 0);
}

#[test]
fn a_file_of_the_longest_length_passes_and_one_line_more_does_not() {
    assert_eq!(length("a.rs", &"x\n".repeat(FILE_LINES_MAX)), None);
    assert!(length("a.rs", &"x\n".repeat(FILE_LINES_MAX + 1)).is_some());
}

#[test]
fn the_list_of_files_with_unsafe_is_compared_both_ways() {
    let text = "# A\n`crates/x.rs`\n## Files with `unsafe`\n- `crates/a.rs`: maps\n| `crates/b.rs` | `mmap` |\n## Next\n`crates/c.rs`\n";
    let names = |all: &[&str]| all.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(listed(text), Some(names(&["crates/a.rs", "crates/b.rs"])));
    assert!(unsafe_list(text, &names(&["crates/a.rs", "crates/b.rs"])).is_empty());
    assert_eq!(unsafe_list(text, &names(&["crates/a.rs", "crates/z.rs"])).len(), 2);
    assert_eq!(unsafe_list("# nothing\n", &names(&[])).len(), 1);
}

#[test]
fn a_dependency_without_a_reason_is_named_with_its_line() {
    let table = "[workspace.dependencies]\n# ours\ncrore-base = { path = \"crates/base\" }\nlibc = \"0.2\" # names\nbad = \"1\"\nodd = { version = \"1#2\" }\n[lints]\nx = \"y\"\n";
    assert_eq!(reasons(table), ["Cargo.toml:5: bad has no `# reason`", "Cargo.toml:6: odd has no `# reason`"]);
}

#[test]
fn a_crate_may_depend_only_on_those_above_it() {
    assert!(layer("rt", "[dependencies]\ncrore-base.workspace = true\nlibc.workspace = true\n").is_empty());
    assert_eq!(layer("rt", "[dependencies]\ncrore-http.workspace = true\n").len(), 1);
    assert_eq!(layer("rt", "[target.'cfg(unix)'.dependencies]\ncrore-hub = { path = \"../hub\" }\n").len(), 1);
    assert_eq!(layer("base", "[dependencies]\ncrore-base.workspace = true\n").len(), 1);
    assert!(layer("rt", "[dev-dependencies]\ncrore-http.workspace = true\n").is_empty());
    assert_eq!(layer("wharf", "").len(), 1);
}
