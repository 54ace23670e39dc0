//! What can be wrong without any measuring: reading what wrk and the kernel print.

use super::place::{allowed_processors, frames_of};
use super::taken::{Times, times_of};
use super::wrk::{Requests, command_line, requests};

const WRK: &str = "\
Running 5s test @ http://10.78.0.2:8080/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.27ms    1.62ms  12.49ms   84.13%
    Req/Sec    63.87k     8.32k   83.77k    63.33%
  191861 requests in 3.02s, 23.79MB read
Requests/sec:  63487.54
Transfer/sec:      7.87MB
";

#[test]
fn requests_are_read_from_what_wrk_prints() {
    assert_eq!(requests(WRK), Ok(Requests { answered: 191_861.0, seconds: 3.02 }));
    assert!(requests("unable to connect").unwrap_err().contains("unable to connect"));
    assert!(requests("  0 requests in 1.00s, 0.00B read").is_err());
}

#[test]
fn a_run_in_which_anything_failed_does_not_count() {
    for line in ["  Socket errors: connect 0, read 3, write 0, timeout 0", "  Non-2xx or 3xx responses: 1"] {
        let failed = format!("{WRK}{line}\n");
        assert_eq!(requests(&failed), Err(format!("wrk: {}", line.trim())));
    }
}

#[test]
fn the_command_line_names_the_script_if_there_is_one() {
    assert!(!command_line(None, "127.0.0.1:1").contains("--script"));
    assert!(command_line(Some("all.lua"), "127.0.0.1:1").contains("--script all.lua http://"));
}

#[test]
fn processors_are_read_as_single_ones_and_ranges() {
    assert_eq!(allowed_processors("Name:\tx\nCpus_allowed_list:\t0-2,5,8-9\n"), [0, 1, 2, 5, 8, 9]);
    assert_eq!(allowed_processors("Cpus_allowed_list:\t3\n"), [3]);
    assert!(allowed_processors("Name:\tx\n").is_empty());
}

#[test]
fn frames_are_those_of_the_interface_sent_first() {
    let text = "Inter-| Receive | Transmit\n    lo: 1 2 0 0 0 0 0 0 3 4 0 0 0 0 0 0\nclient0: 700 7 0 0 0 0 0 0 900 9 0 0 0 0 0 0\n";
    assert_eq!(frames_of(text, "client0"), Some([9, 7]));
    assert_eq!(frames_of(text, "client"), None);
}

#[test]
fn a_processor_is_busy_with_all_but_idling() {
    let stat = "cpu  9 9 9 9 9 9 9 9\ncpu0 100 0 200 5000 300 0 400 100 0 0\ncpu10 1 1 1 1 1 1 1 1\n";
    assert_eq!(times_of(stat, 0), Some(Times { busy_s: 8.0, softirq_s: 4.0 }));
    assert_eq!(times_of(stat, 1), None);
}
