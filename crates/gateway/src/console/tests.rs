//! The embedded console: what it links to is served, and it keeps to its own content security policy.

use super::{INDEX, SCRIPT, page};

#[test]
fn every_file_the_page_links_to_is_served() {
    let links = INDEX.body.split('"').filter(|text| text.starts_with("/console."));
    let mut count = 0;
    for link in links {
        assert!(page(link).is_some(), "{link} is linked but not served");
        count += 1;
    }
    assert_eq!(count, 3, "style, script and icon");
}

#[test]
fn the_page_has_nothing_inline_and_nothing_from_elsewhere() {
    for forbidden in [" style=", " onclick=", " onload=", "http://", "https://", "javascript:"] {
        assert!(!INDEX.body.contains(forbidden), "index.html has {forbidden}");
    }
    let scripts = INDEX.body.matches("<script").count();
    assert_eq!(scripts, 1, "one script, from a file");
    assert!(INDEX.body.contains("<script src=\"/console.js\" defer></script>"));
}

#[test]
fn the_script_never_makes_markup_from_data() {
    for forbidden in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"] {
        assert!(!SCRIPT.body.contains(forbidden), "the script uses {forbidden}");
    }
}

#[test]
fn the_hooks_that_tests_and_users_rely_on_are_there() {
    for hook in [
        "data-metric=\"connections\"",
        "id=\"channel\"",
        "id=\"subscribe\"",
        "id=\"message\"",
        "id=\"publish\"",
        "id=\"log\"",
    ] {
        assert!(INDEX.body.contains(hook), "index.html lost {hook}");
    }
}

#[test]
fn other_paths_are_not_ours() {
    for path in ["", "/index.html", "/console", "/console.js/", "//"] {
        assert!(page(path).is_none(), "{path} is served");
    }
}
