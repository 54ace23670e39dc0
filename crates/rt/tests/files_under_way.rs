//! Files as descriptors, positions and buffers, over every driver: what the system refuses, what is large or many, and what is given
//! up.

use std::fs as std_fs;
use std::io::ErrorKind;
use std::task::Poll;

use crore_base::time::Duration;
use crore_rt::fs::{self, File, OpenOptions};
use crore_rt::time;
use futures::future::join_all;

mod folder;
#[macro_use]
mod models;

use folder::{Folder, pattern};

fn run<F: Future + 'static>(driver: &str, test: F) -> F::Output {
    models::builder(driver, 1).build().expect("a small runtime can be built").block_on(test)
}

fn bytes_beyond_four_gibibytes_have_positions(driver: &str) {
    run(driver, async {
        let folder = Folder::new();
        let options = OpenOptions::new().read(true).write(true).create(true).clone();
        let file = File::open_with(folder.path("f"), &options).await.expect("it can be made");
        let far = 5 << 30;
        file.write_all_at(b"far away".to_vec(), far).await.0.expect("the file has a hole");
        assert_eq!(file.len().await.expect("it is open"), far + 8);
        let (read, buffer) = file.read_full_at(vec![1; 20], far - 4).await;
        assert_eq!((read.expect("it can be read"), &buffer[..12]), (12, &b"\0\0\0\0far away"[..]));
        file.set_len(far + 3).await.expect("it can be cut");
        assert_eq!(file.read_at(vec![0; 20], far).await.0.expect("it can be read"), 3);
    });
}

fn errors_are_those_of_the_system(driver: &str) {
    run(driver, async {
        let folder = Folder::new();
        let code = |error: std::io::Error| error.raw_os_error();
        let missing = File::open(folder.path("missing")).await.expect_err("it is not there");
        assert_eq!(code(missing), Some(libc::ENOENT));
        let beneath = fs::rename(folder.path("a"), folder.path("b")).await.expect_err("it is not there");
        assert_eq!(code(beneath), Some(libc::ENOENT));
        assert_eq!(code(fs::remove_file(&folder.0).await.expect_err("a directory")), Some(libc::EISDIR));
        let no_file = File::create(&folder.0).await.expect_err("a directory cannot be written to");
        assert_eq!(code(no_file), Some(libc::EISDIR));
        let zero = fs::remove_file("a\0b").await.expect_err("no path has a zero byte");
        assert_eq!(zero.kind(), ErrorKind::InvalidInput);

        let file = File::create(folder.path("f")).await.expect("it can be made");
        file.write_all_at(b"abc".to_vec(), 0).await.0.expect("it can be written");
        let (read, buffer) = file.read_at(vec![7; 3], 0).await;
        assert_eq!((code(read.expect_err("only to write")), buffer), (Some(libc::EBADF), vec![7; 3]));
        for nowhere in [1 << 63, u64::MAX] {
            let (read, buffer) = file.read_at(vec![7; 3], nowhere).await;
            assert_eq!((code(read.expect_err("no position")), buffer), (Some(libc::EINVAL), vec![7; 3]));
            let written = file.write_all_at(vec![7; 3], nowhere).await.0;
            assert_eq!(code(written.expect_err("no position")), Some(libc::EINVAL));
            assert_eq!(file.set_len(nowhere).await.expect_err("no length").kind(), ErrorKind::InvalidInput);
        }
    });
}

fn bytes_of_a_pipe_have_no_positions(driver: &str) {
    run(driver, async {
        let (reader, mut writer) = std::io::pipe().expect("descriptors are free");
        std::io::Write::write_all(&mut writer, b"abc").expect("there is room");
        let reader = File::from(std_fs::File::from(std::os::fd::OwnedFd::from(reader)));
        let (read, _) = reader.read_at(vec![0; 3], 0).await;
        assert_eq!(read.expect_err("it has no positions").raw_os_error(), Some(libc::ESPIPE));
    });
}

fn pipes_with_names_are_written_and_read_whole(driver: &str) {
    run(driver, async {
        let folder = Folder::new();
        let pipe = folder.path("pipe");
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, mode).expect("it is a new name");
        for append in [false, true] {
            let (path, reading) = (pipe.clone(), pipe.clone());
            let reader = std::thread::spawn(move || std_fs::read(reading).expect("it is there"));
            match append {
                false => fs::write(path, "abc").await.expect("somebody reads"),
                true => fs::append(path, "abc").await.expect("somebody reads"),
            }
            while !reader.is_finished() {
                time::sleep(Duration::from_millis(1)).await;
            }
            assert_eq!(reader.join().expect("it does not panic"), b"abc");
        }
        for reader_is_first in [false, true] {
            let mut reading = Box::pin(fs::read(pipe.clone()));
            if reader_is_first {
                assert!(futures::poll!(&mut reading).is_pending());
                time::sleep(Duration::from_millis(2)).await;
            }
            let path = pipe.clone();
            let writer = std::thread::spawn(move || std_fs::write(path, "abc").expect("somebody reads"));
            assert_eq!(reading.await.expect("it is there"), b"abc");
            writer.join().expect("it does not panic");
        }
    });
}

fn files_of_any_length_are_read_whole(driver: &str) {
    run(driver, async {
        let folder = Folder::new();
        for length in [0, 1, 16_383, 16_384, 16_385, 32_768, 65_536, 1_000_000] {
            let bytes = pattern(length);
            std_fs::write(folder.path("f"), &bytes).expect("it can be written");
            assert!(fs::read(folder.path("f")).await.expect("it is there") == bytes, "{length} bytes");
        }
        let made = fs::read("/proc/self/stat").await.expect("the system makes it while it is read");
        assert!(made.starts_with(std::process::id().to_string().as_bytes()));
    });
}

fn many_at_the_same_time_each_get_their_own(driver: &str) {
    run(driver, async {
        let folder = Folder::new();
        std_fs::write(folder.path("f"), pattern(251 * 1_000)).expect("it can be written");
        let file = File::open(folder.path("f")).await.expect("it is there");
        let reads = (0..2_000_u64).map(|n| {
            let file = file.clone();
            async move {
                let (read, buffer) = file.read_full_at(vec![0; 4_096], n * 7).await;
                (n, read, buffer)
            }
        });
        for (n, read, buffer) in join_all(reads).await {
            assert_eq!(read.expect("it can be read"), 4_096);
            let from = (n * 7) as usize;
            assert!(buffer == pattern(from + 4_096)[from..], "read {n}");
        }
    });
}

fn who_gives_up_takes_nothing_from_others(driver: &str) {
    run(driver, async {
        let folder = Folder::new();
        std_fs::write(folder.path("f"), vec![1; 1 << 20]).expect("it can be written");
        let file = File::open(folder.path("f")).await.expect("it is there");
        for _ in 0..50 {
            let mut given_up = (0..10).map(|_| Box::pin(file.read_at(vec![2; 1 << 20], 0))).collect::<Vec<_>>();
            for reading in &mut given_up {
                let _ = futures::poll!(reading);
            }
            crore_rt::yield_now().await;
            drop(given_up);
            // Where the buffers were, if they are gone too early.
            let others: Vec<Vec<u8>> = (0..10).map(|_| vec![3; 1 << 20]).collect();
            let (read, _) = file.read_at(vec![2; 1 << 20], 0).await;
            assert!(read.expect("it can be read") > 0);
            assert!(others.iter().flatten().all(|&byte| byte == 3));
        }
    });
}

fn files_that_are_dropped_are_closed(driver: &str) {
    run(driver, async {
        let folder = Folder::new();
        std_fs::write(folder.path("f"), "x").expect("it can be written");
        let open = || {
            let descriptors = std_fs::read_dir("/proc/self/fd").expect("it is there").flatten();
            let paths = descriptors.filter_map(|entry| std_fs::read_link(entry.path()).ok());
            paths.filter(|path| path.starts_with(&folder.0)).count()
        };
        for _ in 0..3 {
            let opened = join_all((0..1_000).map(|_| File::open(folder.path("f")))).await;
            assert_eq!(open(), 1_000);
            let clones: Vec<File> = opened.iter().map(|file| file.as_ref().expect("it is there").clone()).collect();
            drop(opened);
            assert_eq!(open(), 1_000, "the clones have them open");
            drop(clones);
            while open() > 0 {
                time::sleep(Duration::from_millis(1)).await;
            }
        }
    });
}

fn a_file_goes_from_a_core_to_another_thread_and_back(driver: &str) {
    run(driver, async {
        let folder = Folder::new();
        std_fs::write(folder.path("f"), "abc").expect("it can be written");
        let file = File::open(folder.path("f")).await.expect("it is there");
        let mut reading = Box::pin(file.read_full_at(vec![0; 3], 0));
        let begun = futures::poll!(&mut reading);
        let elsewhere = std::thread::spawn({
            let file = file.clone();
            move || {
                let begun_there = futures::executor::block_on(file.read_full_at(vec![0; 3], 0));
                (begun_there.0.expect("it can be read"), begun_there.1)
            }
        });
        let (read, buffer) = match begun {
            Poll::Ready(ended) => ended,
            Poll::Pending => reading.await,
        };
        assert_eq!((read.expect("it can be read"), buffer), (3, b"abc".to_vec()));
        while !elsewhere.is_finished() {
            time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(elsewhere.join().expect("it does not panic"), (3, b"abc".to_vec()));
    });
}

over_every_driver! {
    bytes_beyond_four_gibibytes_have_positions
    errors_are_those_of_the_system
    bytes_of_a_pipe_have_no_positions
    pipes_with_names_are_written_and_read_whole
    files_of_any_length_are_read_whole
    many_at_the_same_time_each_get_their_own
    who_gives_up_takes_nothing_from_others
    files_that_are_dropped_are_closed
    a_file_goes_from_a_core_to_another_thread_and_back
}
