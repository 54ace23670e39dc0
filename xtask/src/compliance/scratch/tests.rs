//! The copy: what comes along, and what stays untouched.

use std::collections::BTreeSet;
use std::fs;
use std::sync::mpsc::channel;
use std::thread;

use super::{Claim, manifest, mirror, needed};
use crate::compliance::tests::Fixture;

#[test]
fn the_manifest_keeps_dependencies_lints_and_profiles_and_drops_the_root_package() {
    let text = "[workspace]\nmembers = [\"crates/*\"]\n\n[workspace.dependencies]\ncrore-base = { path = \"crates/base\" }\n\
        crore-hub = { path = \"crates/hub\" }\nproptest = \"1\" # why\n[workspace.lints.rust]\nx = \"deny\"\n[package]\nname = \"crore\"\n\
        [dependencies]\nclap.workspace = true\n[lints]\nworkspace = true\n[profile.dev]\nopt-level = 1\n";
    let crates = BTreeSet::from(["base".to_owned(), "tcp".to_owned()]);
    assert_eq!(
        manifest(text, &crates),
        "[workspace]\nresolver = \"3\"\nmembers = [\"crates/base\", \"crates/tcp\"]\nexclude = [\"fuzz\"]\n\
         [workspace.dependencies]\ncrore-base = { path = \"crates/base\" }\nproptest = \"1\" # why\n\
         [workspace.lints.rust]\nx = \"deny\"\n[profile.dev]\nopt-level = 1\n"
    );
}

#[test]
fn crates_come_with_those_they_depend_on() {
    let fixture = Fixture::new("needed");
    let package = |name: &str, needs: &str| {
        fixture.write(&format!("crates/{name}/Cargo.toml"), &format!("[package]\n[dependencies]\n{needs}"));
    };
    package("tcp", "crore-wire.workspace = true\n[dev-dependencies]\ncrore-sim = { workspace = true }\n");
    package("wire", "crore-base.workspace = true\nzerocopy.workspace = true\n");
    package("base", "");
    package("sim", "crore-base.workspace = true\ncrore-tcp.workspace = true\n");
    assert_eq!(needed(fixture.root()).unwrap().into_iter().collect::<Vec<_>>(), ["base", "sim", "tcp", "wire"]);
}

#[test]
fn a_copy_becomes_equal_and_keeps_what_was_equal() {
    let fixture = Fixture::new("mirror");
    let (from, to) = (fixture.root().join("from"), fixture.root().join("to"));
    fixture.write("from/a.rs", "a");
    fixture.write("from/deep/b.rs", "b");
    fixture.write("from/target/c", "c");
    mirror(&from, &to).unwrap();
    let touched = fs::metadata(to.join("a.rs")).unwrap().modified().unwrap();
    fixture.write("from/deep/b.rs", "B");
    fixture.write("to/stale/d.rs", "d");
    mirror(&from, &to).unwrap();
    assert_eq!(fs::read_to_string(to.join("deep/b.rs")).unwrap(), "B");
    assert_eq!(fs::metadata(to.join("a.rs")).unwrap().modified().unwrap(), touched);
    assert!(!to.join("stale").exists() && !to.join("target").exists());
}

#[test]
fn a_second_run_says_that_it_waits_and_then_waits_until_the_first_has_ended() {
    let fixture = Fixture::new("claim");
    let first = Claim::take(fixture.root(), |words| panic!("{words}")).unwrap();
    let (say, said) = channel();
    let root = fixture.root().to_owned();
    let second = thread::spawn(move || Claim::take(&root, |words| say.send(words.to_owned()).unwrap()).map(drop));
    let words = said.recv().unwrap();
    assert!(words.contains(&format!("another run, process {}: waiting", std::process::id())), "{words}");
    assert!(!second.is_finished());
    drop(first);
    second.join().unwrap().unwrap();
    Claim::take(fixture.root(), |words| panic!("{words}")).unwrap();
}

#[test]
fn a_folder_that_cannot_be_claimed_is_named() {
    let fixture = Fixture::new("unclaimed");
    fixture.write("target", "not a folder");
    let error = Claim::take(fixture.root(), |words| panic!("{words}")).err().unwrap();
    assert!(error.contains("target/compliance/lock"), "{error}");
}
