use super::*;
use crore_base::time::Duration;

/// The names are an interface: others read this object.
#[test]
fn the_json_object_has_exactly_the_fields_of_the_interface() {
    let mut failed = Failures::default();
    failed.count("closed: 3008 slow");
    let outcome = Outcome { failed, ..Outcome::of_ramp(&[1_000_000, 2_000_000]) };
    let json = outcome.to_json();
    assert!(!json.contains('\n'), "one line");
    let expected = concat!(
        r#"{"connections":2,"failed":{"closed: 3008 slow":1},"connects_per_second":1000.0,"#,
        r#""ms_per_1000_connects":{"p50":1000.0,"p99":1000.0,"max":1000.0},"#,
        r#""delivered":0,"lost":0,"duplicated":0,"reordered":0,"deliveries_per_second":0.0,"#,
        r#""latency_ms":{"p50":null,"p99":null,"p999":null,"max":null},"requests_per_second":0.0,"#,
        r#""server_bytes_per_connection":null,"server_cpu_seconds":null}"#
    );
    assert_eq!(json, expected);
}

#[test]
fn each_thousand_connects_is_timed_for_itself() {
    // Three thousands: 100 ms, 100 ms, and one that stalls for a second.
    let ready: Vec<u64> =
        (1..=3_000).map(|nth: u64| nth * 100_000 + if nth > 2_500 { 1_000_000_000 } else { 0 }).collect();
    let outcome = Outcome::of_ramp(&ready);
    assert_eq!(outcome.ms_per_1000_connects, Spread { p50: Some(100.0), p99: Some(1_100.0), max: Some(1_100.0) });
    assert_eq!(Outcome::of_ramp(&[]).ms_per_1000_connects, Spread::default());
}

#[test]
fn anything_amiss_makes_a_run_unclean() {
    assert!(Outcome::default().is_clean());
    for spoil in [
        |outcome: &mut Outcome| outcome.lost = 1,
        |outcome: &mut Outcome| outcome.duplicated = 1,
        |outcome: &mut Outcome| outcome.reordered = 1,
        |outcome: &mut Outcome| outcome.failed.count("connect: refused"),
    ] {
        let mut outcome = Outcome::default();
        spoil(&mut outcome);
        assert!(!outcome.is_clean());
    }
}

#[test]
fn the_summary_names_what_failed_and_leaves_out_what_was_not_measured() {
    let mut outcome = Outcome { connections: 18_000, ..Outcome::default() };
    outcome.failed.count("subscribe: 103 permission denied");
    let summary = outcome.summary();
    assert!(summary.contains("18,000") && summary.contains("1 subscribe: 103 permission denied"), "{summary}");
    assert!(!summary.contains("server") && !summary.contains("latency"), "{summary}");
    let mut latencies = Latencies::default();
    latencies.record(Duration::from_millis(7));
    outcome.set_latencies(&latencies);
    assert!(outcome.summary().contains("p99.9 7.00"), "{}", outcome.summary());
}
