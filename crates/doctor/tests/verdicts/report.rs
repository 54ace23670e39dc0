//! The two forms of an answer: one for programs, one for people.

use crore_doctor::Verdict;

use crate::folder::Folder;

#[test]
fn json_is_one_line_with_exactly_these_names_in_this_order() {
    let folder = Folder::reference();
    for (connections, holds) in [(1_000_000, true), (10_000_000, false)] {
        let report = folder.asked(connections, "epoll");
        let json = report.to_json();
        assert!(
            !json.contains('\n') && json.starts_with(&format!(r#"{{"holds":{holds},"checks":[{{"name":""#)),
            "{json}"
        );
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value.as_object().unwrap().keys().collect::<Vec<_>>(), ["checks", "holds"]);
        let checks = value["checks"].as_array().unwrap();
        assert!(checks.len() > 20);
        for (object, check) in checks.iter().zip(&report.checks) {
            let mut names: Vec<&String> = object.as_object().unwrap().keys().collect();
            names.sort();
            assert_eq!(names, ["how", "is", "name", "needs", "ok", "why"]);
            assert_eq!(object["ok"], check.verdict == Verdict::Holds);
            for name in ["name", "is", "needs", "why", "how"] {
                assert!(object[name].as_str().is_some_and(|text| !text.is_empty()), "{name} of {object}");
            }
        }
        let order = ["name", "is", "needs", "ok", "why", "how"].map(|name| json.find(&format!("\"{name}\":")).unwrap());
        assert!(order.is_sorted(), "{json}");
    }
}

#[test]
fn text_begins_with_the_answer_and_the_worst_and_says_how_below_what_fails() {
    let text = Folder::reference().asked(10_000_000, "epoll").to_text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[0],
        "10,000,000 connections with epoll: no. 2 things are in the way, 4 could be better, 16 as it should be."
    );
    assert!(lines[1].is_empty() && lines[2].starts_with("NO   nr_open"), "{text}");
    assert!(lines[4].starts_with("       > sysctl -w fs.nr_open='16777216' (to keep it: "), "{text}");
    let first = |mark: &str| lines.iter().position(|line| line.starts_with(mark)).unwrap();
    assert!(first("NO ") < first("low ") && first("low ") < first("ok "));
    let columns: Vec<_> =
        lines.iter().filter(|line| line.starts_with("ok ")).map(|line| line.find("  needs ")).collect();
    assert!(columns.windows(2).all(|pair| pair[0] == pair[1]), "{text}");
}

#[test]
fn names_are_unique_so_that_programs_can_find_them() {
    let folder = Folder::small();
    for model in ["epoll", "uring", "select", "poll", "wire:a", "tap:a", "xdp:eth0", "dpdk:a"] {
        let report = folder.asked(1_000, model);
        let mut names: Vec<&str> = report.checks.iter().map(|check| check.name.as_str()).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "{model}");
    }
}
