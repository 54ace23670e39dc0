//! What only `uring` has of files: operations that the ring carries out, is asked to give up, or does not have.

use std::fs as std_fs;
use std::io::{ErrorKind, Read};

use crore_base::time::Duration;
use crore_rt::fs::{self, File, OpenOptions};
use crore_rt::{Runtime, UringOptions, spawn_detached, stats, time, yield_now};
use futures::future::join_all;

mod folder;

use folder::{Folder, pattern};

fn block_on<F: Future<Output = ()> + 'static>(options: UringOptions, test: F) {
    let builder = Runtime::builder().workers(1).pin(false).driver("uring").uring(options);
    builder.build().expect("a small runtime can be built").block_on(test);
}

/// Opens a named pipe to write to it, which takes until somebody opens it to read.
async fn open_to_write(folder: &Folder) -> std::io::Result<File> {
    File::open_with(folder.path("pipe"), OpenOptions::new().write(true)).await
}

fn make_pipe(folder: &Folder) {
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mkfifoat(rustix::fs::CWD, folder.path("pipe"), mode).expect("it is a new name");
}

/// Works with one file, and says how many operations the driver has been given for it.
async fn work(folder: &Folder) -> u64 {
    let file = File::create(folder.path("f")).await.expect("it can be made");
    file.write_all_at(pattern(100_000), 0).await.0.expect("it can be written");
    file.append(b"end".to_vec()).await.0.expect("it can be written");
    file.sync().await.expect("it is on the disk");
    file.set_len(100_002).await.expect("it can be cut");
    fs::rename(folder.path("f"), folder.path("g")).await.expect("it is the same file system");
    let bytes = fs::read(folder.path("g")).await.expect("it is there");
    assert!(bytes == [&pattern(100_000)[..], b"en"].concat());
    fs::remove_file(folder.path("g")).await.expect("it is there");
    fs::write(folder.path("h"), "hello").await.expect("it can be written");
    fs::append(folder.path("h"), ", world").await.expect("it can be written");
    assert_eq!(std_fs::read(folder.path("h")).expect("it is there"), b"hello, world");
    stats(None).file_operations
}

#[test]
fn files_go_through_the_ring() {
    block_on(UringOptions::default(), async {
        // Open, write, append, sync, cut, rename, open, four pieces of a file whose length is not known, remove; open and write twice.
        assert_eq!(work(&Folder::new()).await, 16);
    });
}

#[test]
fn without_operations_on_files_the_pool_has_them() {
    block_on(UringOptions { file_operations: false, ..UringOptions::default() }, async {
        assert_eq!(work(&Folder::new()).await, 0);
    });
}

#[test]
fn a_small_ring_and_a_thread_of_the_kernel_serve_files_too() {
    for options in [
        UringOptions { entries: 8, ..UringOptions::default() },
        UringOptions { kernel_thread: Some(Duration::from_millis(5)), ..UringOptions::default() },
    ] {
        block_on(options, async {
            let folder = Folder::new();
            std_fs::write(folder.path("f"), pattern(251 * 100)).expect("it can be written");
            let file = File::open(folder.path("f")).await.expect("it is there");
            for (read, buffer) in join_all((0..1_000).map(|n| file.read_full_at(vec![0; 251], n % 100 * 251))).await {
                assert_eq!((read.expect("it can be read"), buffer), (251, pattern(251)));
            }
        });
    }
}

#[test]
fn an_operation_that_takes_for_ever_is_given_up_with_its_future() {
    block_on(UringOptions::default(), async {
        let folder = Folder::new();
        make_pipe(&folder);
        let patience = time::now() + Duration::from_millis(20);
        time::deadline(patience, open_to_write(&folder)).await.expect_err("nobody opens it to read");
        // What was given up has let the pipe go: as soon as that is so, a reader finds no writer.
        let open_to_read = || {
            let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::NONBLOCK;
            rustix::fs::open(folder.path("pipe"), flags, rustix::fs::Mode::empty()).expect("it is there")
        };
        loop {
            let mut reader = std_fs::File::from(open_to_read());
            match reader.read(&mut [0]) {
                Ok(0) => break,
                other => assert_eq!(other.expect_err("nobody writes").kind(), ErrorKind::WouldBlock),
            }
            time::sleep(Duration::from_millis(1)).await;
        }
    });
}

#[test]
fn beyond_what_the_kernel_is_given_operations_wait_and_none_is_lost() {
    block_on(UringOptions::default(), async {
        let folder = Folder::new();
        make_pipe(&folder);
        std_fs::write(folder.path("f"), "abc").expect("it can be written");
        let file = File::open(folder.path("f")).await.expect("it is there");
        // More than may be under way, so that all places are taken and some stand in line.
        let mut stuck: Vec<_> = (0..300).map(|_| Box::pin(open_to_write(&folder))).collect();
        for opening in &mut stuck {
            assert!(futures::poll!(opening).is_pending());
        }
        let mut reading = Box::pin(file.read_full_at(vec![0; 3], 0));
        for _ in 0..10 {
            assert!(futures::poll!(&mut reading).is_pending(), "all places are taken");
            yield_now().await;
        }
        // Of those in line one gives up, and then all others do: whoever is left has a place.
        drop(stuck.pop());
        drop(stuck);
        let (read, buffer) = reading.await;
        assert_eq!((read.expect("it can be read"), buffer), (3, b"abc".to_vec()));
    });
}

#[test]
fn a_runtime_may_end_while_files_are_worked_on() {
    let folder = Folder::new();
    make_pipe(&folder);
    std_fs::write(folder.path("f"), pattern(4 << 20)).expect("it can be written");
    let (pipe, f) = (folder.path("pipe"), folder.path("f"));
    block_on(UringOptions::default(), async move {
        let file = File::open(f).await.expect("it is there");
        for _ in 0..300 {
            let (file, pipe) = (file.clone(), pipe.clone());
            let stuck = async move {
                let (_, buffer) = file.read_full_at(vec![0; 4 << 20], 0).await;
                let opened = File::open_with(pipe, OpenOptions::new().write(true)).await;
                drop((opened, buffer));
            };
            spawn_detached(stuck).expect("the core has room for tasks");
        }
        time::sleep(Duration::from_millis(5)).await;
    });
    // The pipe has no writer any more, and the file is closed.
    let open = std_fs::read_dir("/proc/self/fd").expect("it is there").flatten();
    let mut paths = open.filter_map(|entry| std_fs::read_link(entry.path()).ok());
    assert!(!paths.any(|path| path.starts_with(&folder.0)), "a file of the runtime is open after its end");
}
