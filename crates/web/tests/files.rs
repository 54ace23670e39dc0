//! A folder's files, whole and in part, and uploads to disk, in simulated worlds.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;

use crore_http::{Fields, Limits, Status};
use crore_rt::net::{ListenOptions, TcpListener};
use crore_rt::{fs, spawn};
use crore_web::client::{Answer, Client, ClientOptions};
use crore_web::{Application, Files, Request, Response, Route, Server, ServerOptions};

/// A folder of a test, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let folder = std::env::temp_dir().join(format!("crore-files-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(folder.join("public/sub")).unwrap();
        Folder(folder)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.0.join(name), bytes).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

struct State {
    files: Files,
    folder: PathBuf,
}

async fn upload(mut request: Request<State>) -> Result<Response, Response> {
    let failed = |error: std::io::Error| Response::error(Status::INTERNAL_SERVER_ERROR, &error.to_string());
    let path = request.state().folder.join("uploaded");
    let file = fs::File::create(path).await.map_err(failed)?;
    let saved = request.reader().save(&file).await.map_err(failed)?;
    Ok(Response::text(saved.to_string()))
}

fn start(folder: &Folder) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap(), &ListenOptions::default()).unwrap();
    let address = listener.local_addr();
    let files = Files::new(folder.0.join("public")).unwrap();
    let application = Application::new(State { files, folder: folder.0.clone() })
        .get("/{*path}", async |request: Request<State>| {
            let files = request.state().files.clone();
            files.answer(request.head(), request.parameter("path")).await
        })
        .route(Route::new("PUT", "/upload", upload).streamed().body_limit(10_000_000));
    spawn(async move { Server::new(application, ServerOptions::default()).serve(listener).await.unwrap() }).detach();
    address
}

async fn client(address: SocketAddr) -> Client {
    let http = Limits { body_bytes: 10_000_000, ..Limits::default() };
    Client::connect(address, "here", ClientOptions { http, ..ClientOptions::default() }).await.unwrap()
}

async fn get(client: &mut Client, target: &str, header: Option<(&str, &str)>) -> Answer {
    let mut fields = Fields::new();
    if let Some((name, value)) = header {
        fields.push(name, value).unwrap();
    }
    client.request("GET", target, &fields, &[]).await.unwrap()
}

/// Bytes of which no two pages are alike.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at / 251) as u8 ^ (at % 251) as u8).collect()
}

#[crore_rt::test(seeds = 5)]
async fn a_file_comes_whole_whatever_its_size() {
    let folder = Folder::new("whole");
    let address = start(&folder);
    let mut client = client(address).await;
    for length in [0, 1, 65_536, 65_537, 131_072, 1_000_001] {
        folder.write("public/file.bin", pattern(length));
        let answer = get(&mut client, "/file.bin", None).await;
        assert_eq!((answer.head.status(), answer.body == pattern(length)), (Status::OK, true), "{length} bytes");
        assert_eq!(answer.head.header("content-type"), Some("application/octet-stream"));
        let head = client.request("HEAD", "/file.bin", &Fields::new(), &[]).await.unwrap();
        assert_eq!(head.head.header("content-length"), Some(&*length.to_string()));
    }
}

#[crore_rt::test(seeds = 5)]
async fn a_part_of_a_file_comes_as_asked_for() {
    let folder = Folder::new("part");
    let address = start(&folder);
    let mut client = client(address).await;
    for length in [1_000, 300_000] {
        folder.write("public/film.mp4", pattern(length));
        let whole = get(&mut client, "/film.mp4", None).await;
        assert_eq!(whole.head.header("content-type"), Some("video/mp4"));
        for (range, first, last) in
            [("bytes=0-0", 0, 0), ("bytes=900-", 900, length - 1), ("bytes=-7", length - 7, length - 1)]
        {
            let answer = get(&mut client, "/film.mp4", Some(("Range", range))).await;
            assert_eq!(answer.head.status(), Status::PARTIAL_CONTENT, "{range}");
            assert_eq!(answer.head.header("content-range"), Some(&*format!("bytes {first}-{last}/{length}")));
            assert!(answer.body == pattern(length)[first..=last], "{range} of {length}");
        }
        let beyond = get(&mut client, "/film.mp4", Some(("Range", "bytes=300000-"))).await;
        assert_eq!(
            (beyond.head.status().code(), beyond.head.header("content-range")),
            (416, Some(&*format!("bytes */{length}")))
        );
        let mut stale = Fields::new();
        stale.push("Range", "bytes=0-0").unwrap();
        stale.push("If-Range", "\"another\"").unwrap();
        assert_eq!(client.request("GET", "/film.mp4", &stale, &[]).await.unwrap().body.len(), length);
    }
}

#[crore_rt::test]
async fn a_file_that_the_client_has_does_not_come_again() {
    let folder = Folder::new("again");
    folder.write("public/page.html", "<p>hello");
    let mut client = client(start(&folder)).await;
    let first = get(&mut client, "/page.html", None).await;
    let (tag, date) = (first.head.header("etag").unwrap(), first.head.header("last-modified").unwrap());
    for condition in [("If-None-Match", tag), ("If-Modified-Since", date)] {
        let again = get(&mut client, "/page.html", Some(condition)).await;
        assert_eq!((again.head.status(), again.body.len()), (Status::NOT_MODIFIED, 0), "{condition:?}");
        assert_eq!(again.head.header("etag"), Some(tag));
    }
    folder.write("public/page.html", "<p>hello, world");
    let changed = get(&mut client, "/page.html", Some(("If-None-Match", tag))).await;
    assert_eq!(changed.text(), "<p>hello, world");
    let refused = get(&mut client, "/page.html", Some(("If-Match", tag))).await;
    assert_eq!(refused.head.status(), Status::PRECONDITION_FAILED);
}

#[crore_rt::test]
async fn nothing_outside_of_the_folder_can_be_reached() {
    let folder = Folder::new("outside");
    folder.write("secret.txt", "secret");
    folder.write("public/.hidden", "secret");
    folder.write("public/inside.txt", "open");
    std::os::unix::fs::symlink("../secret.txt", folder.0.join("public/link.txt")).unwrap();
    std::os::unix::fs::symlink(folder.0.join("secret.txt"), folder.0.join("public/absolute.txt")).unwrap();
    std::os::unix::fs::symlink("inside.txt", folder.0.join("public/short.txt")).unwrap();
    std::os::unix::fs::symlink("loop", folder.0.join("public/loop")).unwrap();
    let mut client = client(start(&folder)).await;
    let long = format!("/{}", "x".repeat(300));
    for target in [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/sub/../../secret.txt",
        "/link.txt",
        "/absolute.txt",
        "/.hidden",
        "//etc/passwd",
        "/inside.txt/",
        "/inside.txt/x",
        "/loop",
        "/%00",
        "/nothing",
        "/sub%5c..%5c..%5csecret.txt",
        &long,
    ] {
        let answer = get(&mut client, target, None).await;
        assert!([400, 404].contains(&answer.head.status().code()), "{target}: {}", answer.head.status());
        assert!(!answer.text().contains("secret"), "{target}");
    }
    assert_eq!(get(&mut client, "/short.txt", None).await.text(), "open");
}

#[crore_rt::test]
async fn a_folder_means_its_index() {
    let folder = Folder::new("index");
    folder.write("public/sub/index.html", "<p>index");
    let mut client = client(start(&folder)).await;
    let moved = get(&mut client, "/sub?a=b", None).await;
    assert_eq!((moved.head.status().code(), moved.head.header("location")), (301, Some("/sub/?a=b")));
    assert_eq!(get(&mut client, "/sub/", None).await.text(), "<p>index");
    assert_eq!(get(&mut client, "/", None).await.head.status(), Status::NOT_FOUND);
}

#[crore_rt::test(seeds = 5)]
async fn an_upload_lies_on_the_disk_as_it_was_sent() {
    let folder = Rc::new(Folder::new("upload"));
    let mut client = client(start(&folder)).await;
    for length in [0, 10, 1_000_000] {
        let answer = client.request("PUT", "/upload", &Fields::new(), &pattern(length)).await.unwrap();
        assert_eq!(answer.text(), length.to_string());
        assert!(std::fs::read(folder.0.join("uploaded")).unwrap() == pattern(length), "{length} bytes");
    }
}
