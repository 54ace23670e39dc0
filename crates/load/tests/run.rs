//! Whole runs on this machine's sockets, in one process, against a server with somebody else's WebSocket.

mod server;

use crore_base::time::Duration;
use crore_load::{ChildCommand, LoadError, Options, Outcome, run};
use server::{Mischief, start};

fn options(url: String) -> Options {
    Options {
        connections: 20,
        rate: Some(1_000),
        hold: Duration::from_millis(500),
        publish_rate: Some(20),
        ..Options::new(&url)
    }
}

fn outcome(options: &Options) -> Outcome {
    let command = ChildCommand { program: "nobody starts this".into(), arguments: Vec::new() };
    run(options, &command).unwrap()
}

fn pushed(mischief: Mischief) -> Outcome {
    outcome(&options(format!("ws://{}", start(mischief))))
}

fn faults(outcome: &Outcome) -> (u64, u64, u64) {
    (outcome.lost, outcome.duplicated, outcome.reordered)
}

#[test]
fn a_good_server_comes_out_clean_and_measured() {
    let outcome = pushed(Mischief::None);
    assert!(outcome.is_clean(), "{outcome:?}");
    assert_eq!((outcome.connections, outcome.delivered), (20, 200));
    let latency = outcome.latency_ms;
    assert!(latency.p50.unwrap() <= latency.p99.unwrap() && latency.p99.unwrap() <= latency.max.unwrap());
    assert!(outcome.connects_per_second > 0.0 && outcome.deliveries_per_second > 0.0);
    assert!(outcome.server_cpu_seconds.is_none(), "nobody said which process it is");
}

#[test]
fn a_bad_server_does_not() {
    for (mischief, expected) in
        [(Mischief::Lose, (1, 0, 0)), (Mischief::Repeat, (0, 1, 0)), (Mischief::Swap, (0, 0, 1))]
    {
        let outcome = pushed(mischief);
        assert_eq!(faults(&outcome), expected, "{mischief:?}");
        assert!(!outcome.is_clean() && outcome.failed.total() == 0, "{mischief:?}: {:?}", outcome.failed);
    }
}

#[test]
fn requests_are_answered_and_counted_and_the_servers_own_use_is_measured() {
    let report = std::env::temp_dir().join(format!("crore-load-report-{}.html", std::process::id()));
    let options = Options {
        publish_rate: None,
        rate: Some(400),
        server_pid: Some(std::process::id()),
        report: Some(report.clone()),
        ..options(format!("http://{}/", start(Mischief::None)))
    };
    let outcome = outcome(&options);
    assert!(outcome.is_clean(), "{outcome:?}");
    assert!(outcome.requests_per_second > 0.0 && outcome.latency_ms.p50.is_some());
    assert!(outcome.server_bytes_per_connection.is_some() && outcome.server_cpu_seconds.is_some());
    let page = std::fs::read_to_string(&report).unwrap();
    std::fs::remove_file(&report).unwrap();
    assert!(page.contains("<svg") && page.contains("requests"));
}

#[test]
fn a_server_that_is_not_there_fails_every_connection_with_the_reason() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let outcome = outcome(&Options { publish_rate: None, ..options(format!("ws://{closed}")) });
    assert_eq!((outcome.connections, outcome.failed.total()), (0, 20));
    let (reason, _) = outcome.failed.iter().next().unwrap();
    assert!(reason.contains("refused"), "{reason}");
}

#[test]
fn a_report_that_cannot_be_written_is_an_error_with_its_path() {
    let options = Options {
        report: Some("/nowhere/at/all.html".into()),
        publish_rate: None,
        hold: Duration::from_millis(1),
        ..options(format!("ws://{}", start(Mischief::None)))
    };
    let command = ChildCommand { program: "nobody starts this".into(), arguments: Vec::new() };
    match run(&options, &command) {
        Err(LoadError::Broken(problem)) => {
            assert!(problem.contains("/nowhere/at/all.html"), "{problem}")
        }
        other => panic!("{other:?}"),
    }
}
