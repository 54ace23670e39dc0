//! What can be wrong without any measuring: the command line, medians, and reading what others print.

use std::process::Command;

use super::figures::{Table, json, markdown};
use super::load::number;
use super::server::Running;
use super::{Options, kernel, usage};

fn parse(line: &str) -> Result<Options, String> {
    Options::parse(line.split_whitespace().map(str::to_owned))
}

#[test]
fn without_a_section_all_are_wanted_and_with_one_only_that() {
    assert!(parse("").unwrap().wants("idle"));
    let options = parse("memory --json --out figures.json").unwrap();
    assert!(options.wants("memory") && !options.wants("idle") && options.json);
    assert_eq!(options.out.unwrap().to_str(), Some("figures.json"));
}

#[test]
fn a_wrong_command_line_is_told_by_the_word() {
    assert!(parse("memroy").unwrap_err().contains("memroy"));
    assert!(parse("--out").unwrap_err().contains("needs a file"));
}

#[test]
fn a_row_shows_the_median_and_the_spread() {
    let mut table = Table::new("Sizes", "crore \"x\"");
    for value in [3.0, 1.0, 2000.0] {
        table.add("slots", "B", value);
    }
    table.add("one", "s", 0.25);
    let text = markdown("a machine", std::slice::from_ref(&table));
    assert!(text.contains("| slots | 3 B | 1 to 2,000 |"), "{text}");
    assert!(text.contains("| one | 0.250 s | |"), "{text}");
    let text = json("a machine", &[table]);
    assert!(text.contains(r#""command":"crore \"x\"""#) && text.contains(r#""values":[3,1,2000]"#), "{text}");
    assert!(text.contains(r#""median":3,"min":1,"max":2000"#) && !text.contains('\n'), "{text}");
}

#[test]
fn numbers_are_found_inside_objects_and_only_there() {
    let text = r#"{"a":{"p50":1.5,"p99":null},"failed":{},"b":{"p50":-2e3},"lost":0}"#;
    assert_eq!(number(text, &["a", "p50"]), Ok(1.5));
    assert_eq!(number(text, &["b", "p50"]), Ok(-2000.0));
    assert_eq!(number(text, &["lost"]), Ok(0.0));
    assert!(number(text, &["a", "p99"]).unwrap_err().contains("a.p99"));
    assert!(number(text, &["missing"]).is_err());
}

#[test]
fn memory_counts_resident_and_huge_pages() {
    let status = "Name:\tx\nVmHWM:\t 3000 kB\nVmRSS:\t    1000 kB\nHugetlbPages:\t    2048 kB\n";
    assert_eq!(usage::kilobytes(status, "VmRSS:") + usage::kilobytes(status, "HugetlbPages:"), 3048);
    assert_eq!(usage::kilobytes(status, "VmSwap:"), 0);
}

#[test]
fn our_own_process_has_used_memory_and_time() {
    let pid = std::process::id();
    assert!(usage::memory(pid).unwrap() > 100_000);
    assert!(usage::cpu_seconds(pid).unwrap() >= 0.0);
    assert!(usage::voluntary_switches(pid).is_ok());
    assert!(usage::memory(u32::MAX).is_err());
}

#[test]
fn the_kernels_memory_is_read_and_queues_are_counted_in_pages() {
    assert!(kernel::memory().unwrap() > 1_000_000);
    let text = "sockets: used 17\nTCP: inuse 1 orphan 0 tw 0 alloc 1 mem 68\nUDP: inuse 0 mem 180\n";
    assert_eq!(kernel::queued_pages(text), 68);
    assert_eq!(kernel::queued_pages("UDP: inuse 0 mem 180\n"), 0);
}

#[test]
fn what_a_program_prints_is_its_output_and_how_it_failed_an_error() {
    let run = |script: &str| {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Running::with_output(command).unwrap().output()
    };
    assert_eq!(run("echo held").unwrap(), "held\n");
    let error = run("echo half; echo why >&2; exit 3").unwrap_err();
    assert!(error.contains("exit status: 3: half\nwhy"), "{error}");
}
