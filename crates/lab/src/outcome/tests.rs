use super::*;

fn rows() -> Outcome {
    let measured = Row {
        model: "thread".to_owned(),
        load: "echo".to_owned(),
        requests_per_second: Some(54_321.4),
        cpu_seconds_per_million: Some(17.25),
        latency_ms: Latencies { p50: Some(0.05), p99: Some(1.5), p999: Some(1_234.0) },
        max_connections: Some(10_000),
        stopped_by: Some("connection 10,001: refused".to_owned()),
        spread: Spread { requests_per_second: Some([50_000.0, 60_000.0]), ..Spread::default() },
        repetitions: 3,
        ..Row::default()
    };
    Outcome { rows: vec![measured, Row::refused("dpdk", Load::Echo, "no library")] }
}

#[test]
fn the_json_is_one_line_with_every_name_of_a_row() {
    let json = rows().to_json();
    assert!(!json.contains('\n'));
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value.as_object().unwrap().len(), 1, "rows and nothing else");
    let names = [
        "model",
        "load",
        "requests_per_second",
        "cpu_seconds_per_million",
        "latency_ms",
        "context_switches_per_request",
        "syscalls_per_request",
        "user_bytes_per_connection",
        "kernel_bytes_per_connection",
        "max_connections",
        "errors",
        "reason",
    ];
    for row in value["rows"].as_array().unwrap() {
        let row = row.as_object().unwrap();
        names.iter().for_each(|name| assert!(row.contains_key(*name), "{name} is missing"));
        ["p50", "p99", "p999"].iter().for_each(|name| assert!(row["latency_ms"].get(name).is_some()));
    }
    assert_eq!(value["rows"][0]["requests_per_second"], 54_321.4);
    assert_eq!(value["rows"][1]["reason"], "no library");
    assert!(value["rows"][0]["reason"].is_null() && value["rows"][1]["requests_per_second"].is_null());
}

#[test]
fn the_table_shows_figures_and_says_why_a_row_has_none() {
    let table = rows().table();
    let line = |name: &str| table.lines().find(|line| line.starts_with(name)).unwrap();
    for part in ["54,321", "9", "0.050", "1.50", "1,234", "17.2", "10,000"] {
        assert!(line("thread").contains(part), "{part} in {table}");
    }
    assert_eq!(line("dpdk"), "dpdk    - no library");
    assert!(table.contains("thread: held: connection 10,001: refused"));
    let widths: Vec<usize> = ["echo", "thread"].iter().map(|name| line(name).chars().count()).collect();
    assert_eq!(widths[0], widths[1], "headings stand above their figures");
}

#[test]
fn a_wrong_answer_or_a_missing_figure_is_not_clean_but_a_refusal_is() {
    let mut outcome = rows();
    assert!(outcome.is_clean());
    outcome.rows[0].errors = 1;
    assert!(!outcome.is_clean());
    outcome.rows[0] = Row { model: "thread".to_owned(), ..Row::default() };
    assert!(!outcome.is_clean());
}
