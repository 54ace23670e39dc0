//! Files and names, over every driver and in a simulated world.

use std::fs as std_fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crore_base::time::Duration;
use crore_rt::fs::{self, File, OpenOptions};
use crore_rt::{net, spawn, time};
use futures::future::join_all;

mod folder;
#[macro_use]
mod models;

use folder::{Folder, pattern};

fn run<F: Future + 'static>(driver: &str, test: F) -> F::Output {
    models::builder(driver, 1).build().expect("a small runtime can be built").block_on(test)
}

fn what_is_written_is_read_back(driver: &str) {
    run(driver, async {
        let folder = Folder::new();
        let path = folder.path("a/b/c");
        fs::create_dir_all(path.parent().expect("it has one")).await.expect("it can be made");
        fs::write(&path, "hello").await.expect("it can be written");
        fs::append(&path, ", world").await.expect("it can be written");
        assert_eq!(fs::read(&path).await.expect("it is there"), b"hello, world");
        assert_eq!(fs::metadata(&path).await.expect("it is there").len(), 12);
        let other = folder.path("d");
        fs::rename(&path, &other).await.expect("it is the same file system");
        assert_eq!(fs::read(&path).await.expect_err("it was renamed").kind(), ErrorKind::NotFound);
        fs::remove_file(&other).await.expect("it is there");
        assert_eq!(fs::remove_file(&other).await.expect_err("it is gone").kind(), ErrorKind::NotFound);
    });
}

fn buffers_travel_to_a_position_and_come_back(driver: &str) {
    run(driver, async {
        let folder = Folder::new();
        let options = OpenOptions::new().read(true).write(true).create_new(true).clone();
        let file = File::open_with(folder.path("f"), &options).await.expect("it is new");
        assert!(file.is_empty().await.expect("it is open"));
        let (written, buffer) = file.write_all_at(b"world".to_vec(), 7).await;
        written.expect("it can be written");
        assert_eq!(buffer, b"world");
        file.write_all_at(b"hello, ".to_vec(), 0).await.0.expect("it can be written");
        file.append(b"!".to_vec()).await.0.expect("it can be written");
        file.sync().await.expect("it is on the disk");

        let (read, buffer) = file.read_at(vec![0; 5], 7).await;
        assert_eq!((read.expect("it can be read"), buffer.as_slice()), (5, &b"world"[..]));
        let (read, buffer) = file.read_full_at(vec![9; 20], 7).await;
        assert_eq!((read.expect("it can be read"), &buffer[..7]), (6, &b"world!\x09"[..]));
        assert_eq!(file.read_at(vec![0; 5], 100).await.0.expect("the end is no error"), 0);
        assert_eq!(file.read_at(Vec::new(), 0).await.0.expect("nothing was asked for"), 0);

        file.set_len(5).await.expect("it can be cut");
        assert_eq!(file.len().await.expect("it is open"), 5);
        let again = File::open_with(folder.path("f"), &options).await;
        assert_eq!(again.expect_err("it exists").kind(), ErrorKind::AlreadyExists);
    });
}

fn an_error_gives_the_buffer_back(driver: &str) {
    run(driver, async {
        let folder = Folder::new();
        fs::write(folder.path("f"), "x").await.expect("it can be written");
        let file = File::open(folder.path("f")).await.expect("it is there");
        let (written, buffer) = file.write_all_at(b"abc".to_vec(), 0).await;
        assert!(written.is_err(), "it was opened to be read");
        assert_eq!(buffer, b"abc");
        let directory = File::open(&folder.0).await.expect("a directory can be opened");
        let (read, buffer) = directory.read_at(vec![1; 3], 0).await;
        assert_eq!(read.expect_err("a directory has no bytes").kind(), ErrorKind::IsADirectory);
        assert_eq!(buffer, [1; 3]);
    });
}

fn what_many_append_at_the_same_time_does_not_overlap(driver: &str) {
    run(driver, async {
        let folder = Folder::new();
        let file = File::create(folder.path("log")).await.expect("it can be made");
        let lines = (0..500_u32).map(|n| {
            let file = file.clone();
            async move { file.append(format!("{n:06}\n").into_bytes()).await.0 }
        });
        for appended in join_all(lines).await {
            appended.expect("it can be written");
        }
        let text = String::from_utf8(fs::read(folder.path("log")).await.expect("it is there")).expect("digits");
        let mut numbers: Vec<u32> = text.lines().map(|line| line.parse().expect("whole lines")).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..500).collect::<Vec<_>>());
    });
}

/// Every range in every size of slice gives what the range of the whole bytes gives.
async fn slices_agree(path: &Path, bytes: &[u8]) {
    let file = File::open(path).await.expect("it is there");
    let end = bytes.len() as u64;
    let ranges = [0..end, 0..u64::MAX, 0..0, 1..2, 100..end - 1, end..end + 1, end + 5..end + 9, 7..end + 9];
    for range in ranges {
        for slice_bytes in [1_000, 4_096, bytes.len() - 1, bytes.len(), bytes.len() + 1] {
            let mut slices = file.slices(range.clone(), slice_bytes);
            let mut read = Vec::new();
            while let Some(slice) = slices.next().await {
                let slice = slice.expect("it can be read");
                assert!((1..=slice_bytes).contains(&slice.len()));
                read.extend_from_slice(&slice);
            }
            let (from, to) = (range.start.min(end) as usize, range.end.min(end) as usize);
            assert!(read == bytes[from..to], "{range:?} in slices of {slice_bytes}");
            assert!(slices.next().await.is_none(), "the end stays the end");
        }
    }
}

fn slices_of_any_range_and_size_are_the_bytes_of_the_range(driver: &str) {
    run(driver, async {
        let folder = Folder::new();
        let bytes = pattern(10_000);
        fs::write(folder.path("f"), bytes.clone()).await.expect("it can be written");
        slices_agree(&folder.path("f"), &bytes).await;
        let file = File::open(folder.path("f")).await.expect("it is there");
        let mut inclusive = file.slices(..=9, 4);
        let mut lengths = Vec::new();
        while let Some(slice) = inclusive.next().await {
            lengths.push(slice.expect("it can be read").len());
        }
        assert_eq!(lengths, [4, 4, 2]);
    });
}

#[crore_rt::test]
async fn in_a_simulated_world_files_are_read_too() {
    let folder = Folder::new();
    let bytes = pattern(10_000);
    fs::write_atomically(folder.path("f"), bytes.clone()).await.expect("it can be written");
    slices_agree(&folder.path("f"), &bytes).await;
}

fn a_file_that_shrinks_while_it_is_read_ends_where_it_ends(driver: &str) {
    run(driver, async {
        let folder = Folder::new();
        fs::write(folder.path("f"), pattern(100_000)).await.expect("it can be written");
        let file = File::open_with(folder.path("f"), OpenOptions::new().read(true).write(true)).await;
        let file = file.expect("it is there");
        let mut slices = file.slices(.., 1_000);
        assert_eq!(slices.next().await.expect("it has bytes").expect("it can be read").len(), 1_000);
        file.set_len(50).await.expect("it can be cut");
        let mut left = 0;
        while let Some(slice) = slices.next().await {
            left += slice.expect("it can be read").len();
        }
        assert!(left <= 1_000, "only what was read ahead: {left}");
    });
}

fn reading_slices_leaves_the_core_to_others(driver: &str) {
    run(driver, async {
        let folder = Folder::new();
        fs::write(folder.path("f"), pattern(1_000_000)).await.expect("it can be written");
        let file = File::open(folder.path("f")).await.expect("it is there");
        let reading = spawn(async move {
            let mut slices = file.slices(.., 100);
            let mut bytes = 0;
            while let Some(slice) = slices.next().await {
                bytes += slice.expect("it can be read").len();
            }
            bytes
        });
        time::sleep(Duration::from_millis(1)).await;
        assert!(!reading.is_finished(), "ten thousand slices were read in one go, and a timer waited for them");
        assert_eq!(reading.await.expect("it does not panic"), 1_000_000);
    });
}

fn an_atomic_write_keeps_permissions_and_leaves_nothing_beside(driver: &str) {
    run(driver, async {
        let folder = Folder::new();
        let path = folder.path("settings");
        std_fs::write(&path, "old").expect("it can be written");
        std_fs::set_permissions(&path, std_fs::Permissions::from_mode(0o640)).expect("it is ours");
        for round in 0..20 {
            let writes = (0..10).map(|who| fs::write_atomically(path.clone(), format!("{round} {who}")));
            for written in join_all(writes).await {
                written.expect("it can be written");
            }
        }
        let text = String::from_utf8(fs::read(&path).await.expect("it is there")).expect("digits");
        assert!(text.starts_with("19 "), "{text}");
        assert_eq!(fs::metadata(&path).await.expect("it is there").permissions().mode() & 0o777, 0o640);
        assert_eq!(std_fs::read_dir(&folder.0).expect("it is there").count(), 1);
        let error = fs::write_atomically("/", "x").await.expect_err("it is a directory");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let error = fs::write_atomically(&folder.0, "x").await.expect_err("it is a directory");
        assert_eq!(error.kind(), ErrorKind::IsADirectory, "{error}");
        assert_eq!(std_fs::read_dir(&folder.0).expect("it is there").count(), 1);
    });
}

#[test]
#[should_panic(expected = "slices of 0 bytes")]
fn slices_of_nothing_are_refused() {
    run("epoll", async {
        let file = File::open("/proc/self/exe").await.expect("it is there");
        file.slices(.., 0).next().await.expect("never").expect("never");
    });
}

fn names_become_addresses(driver: &str) {
    run(driver, async {
        let at_once = net::resolve("192.0.2.7", 80).await.expect("it is an address");
        assert_eq!(at_once, ["192.0.2.7:80".parse().expect("an address")]);
        let at_once = net::resolve("[2001:db8::7]", 80).await.expect("it is an address");
        assert_eq!(at_once, ["[2001:db8::7]:80".parse().expect("an address")]);
        let here = net::resolve("localhost", 7000).await.expect("every system knows it");
        assert!(!here.is_empty() && here.iter().all(|address| address.ip().is_loopback() && address.port() == 7000));
        let error = net::resolve("", 80).await.expect_err("it is empty");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let moment = time::now() + Duration::from_secs(600);
        let unknown = time::deadline(moment, net::resolve("no such name", 80)).await.expect("the system answers");
        unknown.expect_err("a name has no spaces");
    });
}

#[crore_rt::test]
async fn in_a_simulated_world_only_localhost_has_a_name() {
    let here = net::resolve("localhost", 80).await.expect("it is known");
    assert_eq!(here, ["127.0.0.1:80".parse().expect("an address")]);
    assert_eq!(net::resolve("example.org", 80).await.expect_err("it is not").kind(), ErrorKind::NotFound);
}

over_every_driver! {
    what_is_written_is_read_back
    buffers_travel_to_a_position_and_come_back
    an_error_gives_the_buffer_back
    what_many_append_at_the_same_time_does_not_overlap
    slices_of_any_range_and_size_are_the_bytes_of_the_range
    a_file_that_shrinks_while_it_is_read_ends_where_it_ends
    reading_slices_leaves_the_core_to_others
    an_atomic_write_keeps_permissions_and_leaves_nothing_beside
    names_become_addresses
}
