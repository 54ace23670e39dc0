//! The command on a small workspace of its own: the page, what is wrong with it, and the command line.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::{Task, check, run};

/// A folder that is removed at the end.
pub(super) struct Fixture {
    root: PathBuf,
}

impl Fixture {
    pub(super) fn new(name: &str) -> Self {
        let root = std::env::temp_dir().join(format!("xtask-compliance-{}-{name}", std::process::id()));
        fs::create_dir_all(&root).expect("a folder for the test");
        Self { root }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        let path = self.root.join(name);
        fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("a folder for the test");
        fs::write(path, text).expect("a file for the test");
    }

    /// A workspace with a crate `wire` that cuts values at a limit, a crate `tcp` that doubles them, and their tests.
    pub(super) fn workspace(name: &str) -> Self {
        let fixture = Self::new(name);
        fixture.write("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"crates/*\"]\n[workspace.dependencies]\ncrore-wire = { path = \"crates/wire\" }\n");
        let package = |name: &str, more: &str| {
            format!("[package]\nname = \"crore-{name}\"\nedition = \"2024\"\n[dependencies]\n{more}")
        };
        fixture.write("crates/wire/Cargo.toml", &package("wire", ""));
        fixture.write("crates/wire/src/lib.rs", "pub fn cut(value: u8) -> u8 {\n    // RFC 9293 MUST-1: because.\n    value.min(9)\n}\n\n#[cfg(test)]\nmod tests;\n");
        fixture.write(
            "crates/wire/src/tests.rs",
            "/// RFC 9293 MUST-1\n#[test]\nfn ten_becomes_nine() {\n    assert_eq!(super::cut(10), 9);\n}\n",
        );
        fixture.write("crates/tcp/Cargo.toml", &package("tcp", "crore-wire.workspace = true\n"));
        fixture.write(
            "crates/tcp/src/lib.rs",
            "/// RFC 9293 MUST-2, MUST-3\npub fn twice(value: u8) -> u8 {\n    crore_wire::cut(value) * 2\n}\n",
        );
        fixture.write("crates/tcp/tests/double.rs", "/// RFC 9293 MUST-2\n#[test]\nfn three_becomes_six() {\n    assert_eq!(crore_tcp::twice(3), 6);\n}\n\n/// RFC 9293 MUST-3\n#[test]\nfn nothing_is_checked() {\n    crore_tcp::twice(3);\n}\n");
        let requirement =
            |id: &str| format!("[[requirement]]\nid = \"{id}\"\nsection = \"3\"\nrule = \"Some rule.\"\n");
        let requirements: String = ["MUST-1", "MUST-2", "MUST-3"].into_iter().map(requirement).collect();
        fixture.write("xtask/compliance/requirements.toml", &requirements);
        fixture.write("xtask/compliance/mutations.toml", "");
        fixture.write("docs/tcp-compliance.md", "");
        fixture
    }

    /// The problems that `--check` would print.
    pub(super) fn problems(&self) -> Vec<String> {
        check(self.root()).expect("the files can be read").1
    }

    pub(super) fn run(&self, line: &str) -> ExitCode {
        run(self.root(), line.split_whitespace().map(str::to_owned))
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        // What is left over is in the folder for temporary files.
        let _ = fs::remove_dir_all(&self.root);
    }
}

#[test]
fn a_page_that_was_just_written_passes_until_something_changes() {
    let fixture = Fixture::workspace("page");
    assert_eq!(fixture.problems(), ["docs/tcp-compliance.md is stale: run `cargo xtask compliance`"]);
    assert_eq!(fixture.run("--check"), ExitCode::FAILURE);
    assert_eq!(fixture.run(""), ExitCode::SUCCESS);
    assert_eq!(fixture.run("--check"), ExitCode::SUCCESS);
    let page = fs::read_to_string(fixture.root().join("docs/tcp-compliance.md")).unwrap();
    assert!(page.contains("| `tcp/lib.rs` `twice` | `tcp::double::three_becomes_six` | held |"), "{page}");
    // Another line before the function changes no claim, so the page stays true.
    let code = fs::read_to_string(fixture.root().join("crates/tcp/src/lib.rs")).unwrap();
    fixture.write("crates/tcp/src/lib.rs", &format!("//! Twice.\n\n{code}"));
    assert!(fixture.problems().is_empty());
    fixture.write("crates/tcp/src/lib.rs", &code.replace("twice", "double"));
    assert_eq!(fixture.problems().len(), 1);
}

#[test]
fn a_lost_test_an_unknown_id_and_a_mutation_that_fits_no_more_are_told() {
    let fixture = Fixture::workspace("wrong");
    fixture.run("");
    fixture.write("crates/wire/src/tests.rs", "/// RFC 9293 MUST-9\n#[test]\nfn ten_becomes_nine() {}\n");
    let mutation = "[[mutation]]\nid = \"MUST-1\"\nfile = \"crates/wire/src/lib.rs\"\nfind = \"value.max(9)\"\nreplace = \"value\"\n";
    fixture.write("xtask/compliance/mutations.toml", mutation);
    let problems = fixture.problems();
    for (problem, words) in problems.iter().zip([
        "crates/wire/src/tests.rs:1: names MUST-9, which is no requirement",
        "MUST-1: no test names it",
        "mutations.toml:1: its `find` stands 0 times in crates/wire/src/lib.rs",
        "docs/tcp-compliance.md is stale",
    ]) {
        assert!(problem.starts_with(words), "{words}: {problems:?}");
    }
    assert_eq!(problems.len(), 4);
}

#[test]
fn files_that_are_missing_or_wrong_are_named() {
    let fixture = Fixture::workspace("files");
    fixture.write("xtask/compliance/requirements.toml", "[[requirement]]\nid = 1\n");
    let error = check(fixture.root()).unwrap_err();
    assert!(error.contains("requirements.toml: line 2: expected a string"), "{error}");
    fs::remove_file(fixture.root().join("xtask/compliance/requirements.toml")).unwrap();
    assert_eq!(fixture.run("--check"), ExitCode::FAILURE);
}

#[test]
fn the_command_line_asks_for_one_task() {
    let parse = |line: &str| Task::parse(line.split_whitespace().map(str::to_owned));
    assert_eq!(parse(""), Ok(Task::Write));
    assert_eq!(parse("--check"), Ok(Task::Check));
    assert_eq!(parse("--prove"), Ok(Task::Prove(Vec::new(), false)));
    assert_eq!(parse("--prove MUST-5 --json"), Ok(Task::Prove(vec!["MUST-5".to_owned()], true)));
    for (line, word) in
        [("--check --prove", "two tasks"), ("--json", "--prove"), ("MUST-5", "MUST-5"), ("--chekc", "--chekc")]
    {
        assert!(parse(line).unwrap_err().contains(word), "{line}");
    }
    assert_eq!(Fixture::new("usage").run("--chekc"), ExitCode::from(2));
}
