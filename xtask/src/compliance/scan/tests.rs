//! Evidence from small files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{Evidence, Target, location};
use crate::compliance::source::Source;

/// What a crate of these files says; a root that declares all modules is added.
fn scanned(files: &[(&str, &str)]) -> Evidence {
    let mods = "mod input;\nmod a;\nmod b;\nmod c;\n";
    let roots = [("src/lib.rs", mods), ("src/more.rs", "mod deep;\n"), ("tests/worlds/main.rs", "mod lost;\n")];
    let known = BTreeSet::from(["MUST-5", "MUST-6", "RFC5961-RST-EXACT"]);
    let sources: Vec<(PathBuf, Source)> =
        roots.iter().chain(files).map(|(inside, text)| (PathBuf::from(inside), Source::of(text))).collect();
    let mut evidence = Evidence::default();
    evidence.package("tcp", &sources, &known);
    evidence
}

/// `file item` of all code, `target path` of all tests.
fn found(evidence: &Evidence, id: &str) -> (Vec<String>, Vec<String>) {
    let code = evidence.code.get(id).into_iter().flatten();
    let tests = evidence.tests.get(id).into_iter().flatten();
    let place = |file: &str, item: Option<&String>| format!("{file} {}", item.map_or("-", String::as_str));
    (code.map(|at| place(&at.file, at.item.as_ref())).collect(), tests.map(super::Test::display).collect())
}

#[test]
fn code_and_tests_are_found_by_file_and_name() {
    let evidence = scanned(&[
        (
            "src/input.rs",
            "//! RFC 5961 RST-EXACT\n\nfn segment() {\n    // RFC 9293 MUST-5, MUST-6: why\n}\n\n#[cfg(test)]\nmod tests;\n",
        ),
        ("src/input/tests.rs", "/// RFC 9293 MUST-5\n#[test]\nfn options_are_read() {}\n"),
        ("tests/worlds/lost.rs", "mod deep {\n    /// RFC 9293 MUST-5\n    #[test]\n    fn nothing_is_lost() {}\n}\n"),
    ]);
    assert!(evidence.wrong.is_empty(), "{:?}", evidence.wrong);
    let (code, tests) = found(&evidence, "MUST-5");
    assert_eq!(code, ["crates/tcp/src/input.rs segment"]);
    assert_eq!(tests, ["tcp::input::tests::options_are_read", "tcp::worlds::lost::deep::nothing_is_lost"]);
    assert_eq!(found(&evidence, "RFC5961-RST-EXACT").0, ["crates/tcp/src/input.rs -"]);
    assert!(found(&evidence, "MUST-6").1.is_empty());
}

#[test]
fn helpers_of_tests_claim_nothing_and_tests_are_not_code() {
    let evidence = scanned(&[
        ("src/a.rs", "mod tests;\n"),
        ("src/a/tests.rs", "/// RFC 9293 MUST-5\nfn helper() {}\n\n#[test]\nfn t() {\n    // RFC 9293 MUST-6\n}\n"),
        ("src/b.rs", "#[cfg(test)]\nmod tests {\n    // RFC 9293 MUST-5\n    fn helper() {}\n}\n"),
        ("src/c.rs", "/// RFC 9293 MUST-6\n#[test]\nfn inline() {}\n"),
    ]);
    assert!(evidence.code.is_empty(), "{:?}", evidence.code);
    assert_eq!(found(&evidence, "MUST-6").1, ["tcp::c::inline"]);
    assert!(!evidence.tests.contains_key("MUST-5"));
}

#[test]
fn slips_are_told_with_file_and_line() {
    let evidence = scanned(&[
        ("src/a.rs", "fn a() {\n    // RFC 9293 MUST-70\n}\nmod tests;\n"),
        (
            "src/a/tests.rs",
            "\n/// RFC 9293 MUST-5\n#[test]\n#[ignore = \"slow\"]\nfn t() {}\n\n/// MUST-6\n#[test]\nfn u() {}\n",
        ),
    ]);
    let wrong = evidence.wrong;
    assert_eq!(wrong.len(), 3, "{wrong:?}");
    assert!(wrong[0].starts_with("crates/tcp/src/a.rs:2: names MUST-70"), "{wrong:?}");
    assert!(wrong[1].starts_with("crates/tcp/src/a/tests.rs:2: t is ignored"), "{wrong:?}");
    assert!(wrong[2].starts_with("crates/tcp/src/a/tests.rs:7: names MUST-6 without"), "{wrong:?}");
    assert!(evidence.tests.is_empty());
}

#[test]
fn a_file_that_no_module_brings_in_claims_nothing() {
    let claim = "// RFC 9293 MUST-5\nfn f() {}\n";
    // `more` is declared nowhere, so neither is what it declares.
    let evidence = scanned(&[("src/c.rs", claim), ("src/lost.rs", claim), ("src/more/deep.rs", claim)]);
    assert_eq!(found(&evidence, "MUST-5").0, ["crates/tcp/src/c.rs f"]);
    assert_eq!(evidence.idle.len(), 3);
    assert_eq!(
        evidence.wrong,
        [
            "crates/tcp/src/lost.rs: claims, but no `mod lost;` brings it in",
            "crates/tcp/src/more/deep.rs: claims, but no `mod deep;` brings it in"
        ]
    );
}

#[test]
fn a_file_is_a_module_of_its_target() {
    let of = |file: &str| {
        let (target, path) = location(Path::new(file));
        (target, path.join("::"))
    };
    let integration = |name: &str| Target::Integration(name.to_owned());
    assert_eq!(of("src/lib.rs"), (Target::Library, String::new()));
    assert_eq!(of("src/tcp/mod.rs"), (Target::Library, "tcp".to_owned()));
    assert_eq!(of("src/tcp/tests.rs"), (Target::Library, "tcp::tests".to_owned()));
    assert_eq!(of("tests/fuzz.rs"), (integration("fuzz"), String::new()));
    assert_eq!(of("tests/worlds/main.rs"), (integration("worlds"), String::new()));
    assert_eq!(of("tests/worlds/lost.rs"), (integration("worlds"), "lost".to_owned()));
}
