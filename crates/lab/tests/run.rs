//! Whole runs of the laboratory. This program starts itself again as each model, so it has a `main` of its own.

use std::io;
use std::process::ExitCode;

use crore_base::time::Duration;
use crore_lab::{Database, LabError, Load, ModelCommand, Options, Outcome, Place, Row, run, serve_by_name};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["lab", "--serve", name, ..] => return ended(serve(name, &words)),
        ["lab", "--answer"] => return ended(crore_lab::answer()),
        // What the test harness would answer to tools that list tests.
        ["--list", ..] => return ExitCode::SUCCESS,
        _ => {}
    }
    two_models_answer_everything_and_have_every_figure();
    a_model_that_serves_one_after_the_other_holds_one_connection();
    idle_connections_are_held_beside_those_that_ask();
    connections_are_accepted_in_every_way();
    digests_are_right_wherever_they_are_calculated();
    slices_are_right_however_they_are_read();
    both_ends_of_a_wire_are_ours();
    a_process_for_each_request_answers_over_http();
    what_is_not_there_is_refused_before_anything_begins();
    println!("run: 9 passed");
    ExitCode::SUCCESS
}

/// As `crore lab --serve` does.
fn serve(name: &str, words: &[&str]) -> io::Result<()> {
    let value = |flag: &str| words.iter().position(|word| *word == flag).map(|at| words[at + 1]);
    let given = |flag: &str| value(flag).unwrap_or_else(|| panic!("{flag} is missing"));
    let place = Place {
        protocol: given("--protocol").parse().unwrap(),
        address: given("--listen").parse().unwrap(),
        workers: given("--workers").parse().unwrap(),
        io: value("--io").map(str::to_owned),
        data: given("--data").into(),
    };
    serve_by_name(name, &place)
}

fn ended(result: io::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn options(models: &[&str], load: Load, connections: u64) -> Options {
    Options {
        models: models.iter().map(|&name| name.to_owned()).collect(),
        loads: vec![load],
        connections: Some(connections),
        rate: Some(100),
        time: Some(Duration::from_millis(300)),
        repeat: 1,
        workers: 2,
        database: Database::Embedded,
        out: None,
    }
}

fn measured(options: &Options) -> Result<Outcome, LabError> {
    let program = std::env::current_exe().unwrap().into();
    run(options, &ModelCommand { program, arguments: vec!["lab".into()] })
}

fn assert_sane(row: &Row) {
    assert_eq!((row.errors, &row.reason), (0, &None), "{row:?}");
    assert!(row.requests_per_second.unwrap() > 1.0, "{row:?}");
    assert!(row.cpu_seconds_per_million.is_some() && row.context_switches_per_request.is_some(), "{row:?}");
    let latency = row.latency_ms;
    assert!(latency.p50.unwrap() > 0.0 && latency.p50 <= latency.p99 && latency.p99 <= latency.p999, "{row:?}");
}

fn two_models_answer_everything_and_have_every_figure() {
    let folder = std::env::temp_dir().join(format!("crore-lab-run-{}", std::process::id()));
    let options = Options {
        repeat: 2,
        time: Some(Duration::from_secs(1)),
        out: Some(folder.clone()),
        ..options(&["thread", "accept-reuseport"], Load::Echo, 10)
    };
    let outcome = measured(&options).unwrap();
    assert!(outcome.is_clean(), "{outcome:?}");
    let names: Vec<&str> = outcome.rows.iter().map(|row| row.model.as_str()).collect();
    assert_eq!(names, ["thread", "accept-reuseport"]);
    for row in &outcome.rows {
        assert_sane(row);
        assert_eq!((row.max_connections, row.repetitions), (Some(10), 2));
        assert!(row.user_bytes_per_connection.is_some());
        let traced = row.notes.iter().all(|note| !note.contains("system calls"));
        assert_eq!(row.syscalls_per_request.is_some(), traced, "a figure or a note: {row:?}");
        // A request is received and answered, each with a call of its own at least.
        assert!(row.syscalls_per_request.is_none_or(|calls| (1.5..50.0).contains(&calls)), "{row:?}");
    }
    let json = std::fs::read_to_string(folder.join("lab.json")).unwrap();
    assert_eq!(json.trim_end(), outcome.to_json());
    assert!(std::fs::read_to_string(folder.join("lab.html")).unwrap().contains("<svg"));
    std::fs::remove_dir_all(&folder).unwrap();
}

fn a_model_that_serves_one_after_the_other_holds_one_connection() {
    let outcome = measured(&options(&["iterative"], Load::Echo, 5)).unwrap();
    let row = &outcome.rows[0];
    assert_sane(row);
    assert_eq!(row.max_connections, Some(1));
    assert!(row.stopped_by.as_ref().unwrap().contains("connection 2: no answer"), "{row:?}");
}

fn idle_connections_are_held_beside_those_that_ask() {
    let outcome = measured(&options(&["thread"], Load::Idle, 200)).unwrap();
    let row = &outcome.rows[0];
    assert_sane(row);
    assert_eq!(row.max_connections, Some(200));
    assert!(row.stopped_by.as_ref().unwrap().contains("nothing: 200 were asked for"));
    assert!(row.idle_cpu_percent.is_some());
    assert!(row.user_bytes_per_connection.unwrap() > 1_000.0, "a thread has a stack: {row:?}");
    // Only root may know; then there are a socket and a thread for each.
    assert!(row.kernel_bytes_per_connection.is_none_or(|bytes| bytes > 16_000.0), "{row:?}");
}

fn connections_are_accepted_in_every_way() {
    let outcome =
        measured(&options(&["accept-one", "accept-exclusive", "accept-reuseport"], Load::Connect, 1_200)).unwrap();
    assert_eq!(outcome.rows.len(), 3);
    for row in &outcome.rows {
        assert_sane(row);
        assert_eq!(row.ms_of_each_thousand.len(), 1, "{row:?}");
    }
}

fn digests_are_right_wherever_they_are_calculated() {
    let outcome = measured(&options(&[], Load::Cpu, 4)).unwrap();
    assert_eq!(outcome.rows.iter().filter(|row| row.model.starts_with("cpu-")).count(), 6);
    outcome.rows.iter().for_each(assert_sane);
}

fn slices_are_right_however_they_are_read() {
    let outcome = measured(&options(&["disk-cache", "disk-pool", "disk-direct", "disk-uring"], Load::Disk, 4)).unwrap();
    for row in &outcome.rows {
        match row.model.as_str() {
            "disk-uring" if row.reason.is_some() => {}
            _ => assert_sane(row),
        }
    }
}

fn both_ends_of_a_wire_are_ours() {
    let outcome = measured(&options(&["wire"], Load::Echo, 50)).unwrap();
    assert_sane(&outcome.rows[0]);
    assert_eq!(outcome.rows[0].max_connections, Some(50));
}

fn a_process_for_each_request_answers_over_http() {
    let outcome = measured(&options(&["cgi", "udp"], Load::Http, 3)).unwrap();
    assert_eq!(outcome.rows.len(), 1, "datagrams carry no HTTP");
    assert_sane(&outcome.rows[0]);
}

fn what_is_not_there_is_refused_before_anything_begins() {
    let refused = |models: &[&str], load| measured(&options(models, load, 1)).unwrap_err();
    let LabError::Usage(text) = refused(&["nobody"], Load::Echo) else { panic!("a wrong name is bad usage") };
    assert!(text.contains("\"nobody\"") && text.contains("thread"), "{text}");
    assert!(matches!(refused(&["cpu-inline"], Load::Echo), LabError::Usage(_)));
    let nowhere = Options { out: Some("/dev/null/lab".into()), ..options(&["thread"], Load::Echo, 1) };
    let error = measured(&nowhere).unwrap_err().to_string();
    assert!(error.contains("--out /dev/null/lab"), "{error}");
}
