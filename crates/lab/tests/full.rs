//! Whole runs of the full load, small ones. This program starts itself again as the server, so it has a `main` of its own.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};

use crore_base::time::Duration;
use crore_lab::{Database, Load, ModelCommand, Options, Place, Protocol, Row, run, serve_by_name};
use redb::{ReadableDatabase, TableDefinition};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["lab", "--serve", name, ..] => return serve(name, &words),
        // What the test harness would answer to tools that list tests.
        ["--list", ..] => return ExitCode::SUCCESS,
        _ => {}
    }
    subscribers_and_requests_share_a_wire();
    subscribers_and_requests_share_the_kernels_sockets();
    a_rate_that_is_too_much_is_told();
    a_rate_is_searched_for_and_no_answer_is_wrong_on_the_way();
    what_was_answered_is_there_after_the_server_was_killed();
    a_server_of_somebody_elses_is_started_and_ended(Database::Postgresql);
    a_server_of_somebody_elses_is_started_and_ended(Database::Redis);
    println!("full: 7 passed");
    ExitCode::SUCCESS
}

/// As `crore lab --serve` does.
fn serve(name: &str, words: &[&str]) -> ExitCode {
    let value = |flag: &str| words.iter().position(|word| *word == flag).map(|at| words[at + 1]);
    let place = Place {
        protocol: Protocol::Http,
        address: value("--listen").unwrap().parse().unwrap(),
        workers: value("--workers").unwrap().parse().unwrap(),
        io: value("--io").map(str::to_owned),
        data: value("--data").unwrap().into(),
    };
    match serve_by_name(name, &place) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn options(model: &str, rate: u64) -> Options {
    Options {
        models: vec![model.to_owned()],
        loads: vec![Load::Full],
        connections: Some(300),
        rate: Some(rate),
        time: Some(Duration::from_secs(1)),
        workers: 1,
        ..Options::default()
    }
}

fn measured(options: &Options) -> Row {
    let program = std::env::current_exe().unwrap().into();
    let mut outcome = run(options, &ModelCommand { program, arguments: vec!["lab".into()] }).unwrap();
    assert_eq!(outcome.rows.len(), 1);
    println!("{}", outcome.table());
    outcome.rows.remove(0)
}

/// Everybody was there and got everything, and every answer was right.
fn assert_sane(row: &Row, subscribers: u64) {
    assert_eq!((row.errors, &row.reason, row.max_connections), (0, &None, Some(subscribers)), "{row:?}");
    let full = row.full.as_ref().unwrap();
    assert_eq!((full.broadcast.deliveries, full.lost, full.disturbed), (subscribers, 0, 0));
    assert!(full.broadcast.seconds.unwrap() > 0.0 && full.machine_bytes_per_subscriber >= 0.0);
    let pass = full.chosen().unwrap();
    assert!(pass.answers * 10 >= pass.rate * 9, "{pass:?}");
    for kind in [pass.plain_ms, pass.database_ms, pass.disk_ms] {
        assert!(kind.p50.unwrap() > 0.0 && kind.p50 <= kind.p99 && kind.p99 <= kind.p999, "{pass:?}");
    }
    let shares = pass.cpu_percent;
    assert!(shares.server > 0.0 && shares.client > 0.0 && shares.machine <= 100.0, "{shares:?}");
    assert!((0.0..=100.0).contains(&pass.memory_percent));
}

fn subscribers_and_requests_share_a_wire() {
    let row = measured(&options("wire", 300));
    assert_sane(&row, 300);
    assert_eq!(row.full.unwrap().database, "embedded");
}

fn subscribers_and_requests_share_the_kernels_sockets() {
    let folder = std::env::temp_dir().join(format!("crore-lab-full-{}", std::process::id()));
    let row = measured(&Options { out: Some(folder.clone()), ..options("epoll", 300) });
    assert_sane(&row, 300);
    let page = std::fs::read_to_string(folder.join("lab.html")).unwrap();
    assert!(page.contains("plain p99 ms") && page.contains("at 300/s"));
    let json = std::fs::read_to_string(folder.join("lab.json")).unwrap();
    assert!(json.contains("\"full\":{\"database\":\"embedded\",\"subscribers\":300"), "{json}");
    std::fs::remove_dir_all(folder).unwrap();
}

fn a_rate_that_is_too_much_is_told() {
    // More than one core can ask, whatever the machine.
    let row = measured(&Options { time: Some(Duration::from_millis(200)), ..options("epoll", 10_000_000) });
    let full = row.full.unwrap();
    let pass = &full.passes[0];
    assert_eq!((full.passes.len(), full.highest_rate), (1, None));
    assert!(pass.too_much.as_ref().unwrap().contains("errors") && pass.errors > 0, "{pass:?}");
    assert!(row.notes.iter().any(|note| note.contains("not sent in time")), "{:?}", row.notes);
    assert_eq!((full.lost, full.subscribers), (0, 300));
}

fn a_rate_is_searched_for_and_no_answer_is_wrong_on_the_way() {
    let row = measured(&Options { time: Some(Duration::from_millis(200)), rate: None, ..options("wire", 1) });
    let full = row.full.unwrap();
    assert!((1..=6).contains(&full.passes.len()) && full.passes[0].rate == 50_000, "{full:?}");
    // How far it comes depends on the machine; what is answered does not.
    assert!(!row.notes.iter().any(|note| note.contains("wrong")), "{:?}", row.notes);
    assert_eq!((full.lost, full.subscribers), (0, 300));
}

fn what_was_answered_is_there_after_the_server_was_killed() {
    let folder = std::env::temp_dir().join(format!("crore-lab-killed-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (mut server, address) = started(&folder);
    let mut stream = TcpStream::connect(address).unwrap();
    let mut answered = 0;
    for count in 1..=200 {
        let body = asked(&mut stream, "/database?row=7");
        assert_eq!(body, format!("row 7 count {count}\n"));
        answered = count;
    }
    server.kill().unwrap();
    server.wait().unwrap();
    let rows: TableDefinition<u64, u64> = TableDefinition::new("rows");
    let database = redb::Database::open(folder.join("rows")).unwrap();
    let read = database.begin_read().unwrap().open_table(rows).unwrap();
    assert_eq!(read.get(7).unwrap().unwrap().value(), answered);
    std::fs::remove_dir_all(&folder).unwrap();
}

fn started(folder: &PathBuf) -> (Child, String) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["lab", "--serve", "full-embedded", "--listen", "127.0.0.1:0", "--workers", "1", "--io", "epoll"]);
    command.arg("--data").arg(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut server = command.spawn().unwrap();
    let (output, mut line) = (server.stdout.as_mut().unwrap(), Vec::new());
    while line.last() != Some(&b'\n') {
        let mut byte = [0];
        output.read_exact(&mut byte).unwrap();
        line.push(byte[0]);
    }
    let line = String::from_utf8(line).unwrap();
    (server, line.split(' ').nth(2).unwrap().to_owned())
}

/// A request and its answer's body.
fn asked(stream: &mut TcpStream, target: &str) -> String {
    write!(stream, "POST {target} HTTP/1.1\r\nHost: lab\r\nContent-Length: 0\r\n\r\n").unwrap();
    let mut answer = String::new();
    loop {
        let mut piece = [0; 1_024];
        let count = stream.read(&mut piece).unwrap();
        assert!(count > 0, "the server ended the connection after {answer:?}");
        answer.push_str(std::str::from_utf8(&piece[..count]).unwrap());
        if let Some((head, body)) = answer.split_once("\r\n\r\n")
            && head.to_ascii_lowercase().lines().any(|line| line == format!("content-length: {}", body.len()))
        {
            return body.to_owned();
        }
    }
}

fn a_server_of_somebody_elses_is_started_and_ended(database: Database) {
    let row = measured(&Options { database, ..options("epoll", 200) });
    match &row.reason {
        Some(reason) => {
            assert!(reason.contains("package") || reason.contains("feature compat"), "{reason}");
            println!("{}: skipped, {reason}", database.name());
        }
        None => {
            assert_sane(&row, 300);
            let full = row.full.unwrap();
            assert_eq!(full.database, database.name());
            assert!(full.chosen().unwrap().cpu_percent.database.is_some());
        }
    }
}
