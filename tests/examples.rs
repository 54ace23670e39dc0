//! The examples that need the feature `compat`, run as a reader would: somebody else's service, and somebody else's database.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A process that ends with the test.
struct Process(Child);

impl Process {
    /// Started, and ready: it has said `word`.
    fn start(mut command: Command, word: &str) -> std::io::Result<Process> {
        let mut process = Process(command.stdout(Stdio::piped()).spawn()?);
        let said = process.0.stdout.take().expect("its output is a pipe");
        let mut lines = BufReader::new(said).lines();
        let is_ready = |line: std::io::Result<String>| line.expect("it writes text").to_lowercase().contains(word);
        assert!(lines.any(is_ready), "{command:?} ended before it said {word:?}");
        // Who stops reading its words would stop it.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(process)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself, which the test has noticed then.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An example, as cargo built it beside this test, on an address of loopback that no other test has.
struct Example {
    address: String,
    _process: Process,
}

impl Example {
    fn start(name: &str, flags: &[&str]) -> Example {
        let test = std::env::current_exe().expect("this test is a file");
        let built = test.parent().and_then(|folder| folder.parent()).expect("cargo has folders");
        let [high, low, ..] = std::process::id().to_le_bytes();
        let address = format!("127.{high}.{low}.{}:8000", name.len());
        let mut command = Command::new(built.join("examples").join(name));
        command.args(["--workers", "2", "--listen", &address]).args(flags);
        let process = Process::start(command, "listening").expect("cargo builds examples before tests, unless told to build this one alone: cargo build --examples --features compat");
        Example { address, _process: process }
    }

    /// The status and the body of the answer.
    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        let length = body.len();
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: {length}\r\n");
        write!(stream, "{head}\r\n{body}").expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers with text");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head ends with an empty line");
        let status = head.split(' ').nth(1).expect("a status follows the version");
        (status.parse().expect("a status is a number"), body.to_owned())
    }
}

#[test]
fn an_axum_service_is_served_as_it_stands() {
    let service = Example::start("axum", &[]);
    assert_eq!(service.ask("GET", "/greet/you", ""), (200, "Hello, you!\n".to_owned()));
    assert_eq!(service.ask("POST", "/echo", "again"), (200, "again".to_owned()));
    let visits: Vec<_> = (0..4).map(|_| service.ask("GET", "/visits", "").1).collect();
    assert_eq!(visits, ["1\n", "2\n", "3\n", "4\n"], "all cores share the service's state");
    assert_eq!(service.ask("GET", "/nowhere", "").0, 404);
}

#[test]
fn handlers_await_a_database_client_that_needs_tokio() {
    let folder = std::env::temp_dir().join(format!("crore-example-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the test");
    let _folder = Folder(folder.clone());
    let socket = folder.join("socket");
    let mut command = Command::new("redis-server");
    command.args(["--port", "0", "--save", "", "--unixsocket"]).arg(&socket).arg("--dir").arg(&folder);
    let database = match Process::start(command, "ready to accept") {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return eprintln!("skipped: there is no redis-server here");
        }
        started => started.expect("it starts"),
    };
    let service = Example::start("database", &["--database", &format!("redis+unix://{}", socket.display())]);
    assert_eq!(service.ask("GET", "/keys/one", "").0, 404);
    assert_eq!(service.ask("POST", "/keys/one", "some value").0, 204);
    // Whichever core answers.
    for _ in 0..4 {
        assert_eq!(service.ask("GET", "/keys/one", ""), (200, "some value".to_owned()));
    }
    drop(database);
    let (status, reason) = service.ask("GET", "/keys/one", "");
    assert_eq!(status, 503, "{reason}");
}

/// Removed at the end.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left of a folder in the system's temporary one is no reason to fail.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
