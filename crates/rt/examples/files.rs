//! What operations on files cost through a ring and through the pool: `cargo run --release -p crore-rt --example files [FOLDER]`.
//!
//! Both ways take turns in one run, so that noise hits them alike; medians of the rounds are shown, with the processor time of the
//! whole process, the kernel's threads for it included.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use crore_rt::fs::{self, File};
use crore_rt::{Runtime, UringOptions};
use futures::future::join_all;
use rustix::time::{ClockId, clock_gettime};

const ROUNDS: usize = 7;
const FILE_BYTES: u64 = 64 << 20;
const READ_BYTES: usize = 4096;
const CASES: [&str; 6] = [
    "read 4 KiB, cached",
    "64 reads of 4 KiB, cached",
    "64 reads of 4 KiB, disk",
    "read 256 KiB, cached",
    "whole file of 1 KiB",
    "rename",
];

/// Microseconds an operation: of time, and of processors.
#[derive(Clone, Copy, Default)]
struct Cost {
    elapsed: f64,
    busy: f64,
}

fn busy_micros() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

/// Does `operations` of a case, and says what each has cost.
async fn measure(case: usize, folder: &Path) -> Cost {
    let path = folder.join("large");
    let file = File::open(&path).await.expect("it was made");
    let (operations, at_once, length) = match case {
        0 => (5_000, 1, READ_BYTES),
        1 => (20_000, 64, READ_BYTES),
        2 => (2_000, 64, READ_BYTES),
        3 => (500, 1, 256 * 1024),
        _ => (2_000, 1, 0),
    };
    if case == 2 {
        let descriptor = std::fs::File::open(&path).expect("it was made");
        rustix::fs::fadvise(&descriptor, 0, None, rustix::fs::Advice::DontNeed).expect("it is a file");
    }
    let (begun, busy) = (Instant::now(), busy_micros());
    let mut at = 1_u64;
    let mut done = 0;
    while done < operations {
        match case {
            4 => drop(fs::read(folder.join("small")).await.expect("it was made")),
            5 => {
                let names = [folder.join("one"), folder.join("other")];
                let from = done % 2;
                fs::rename(&names[from], &names[1 - from]).await.expect("it was made");
            }
            _ => {
                let reads = (0..at_once).map(|_| {
                    at = at.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    file.read_at(vec![0; length], (at >> 20) % (FILE_BYTES - length as u64) / 4096 * 4096)
                });
                for (read, _) in join_all(reads).await {
                    assert_eq!(read.expect("it can be read"), length);
                }
            }
        }
        done += at_once;
    }
    let micros = begun.elapsed().as_secs_f64() * 1e6;
    Cost { elapsed: micros / done as f64, busy: (busy_micros() - busy) / done as f64 }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn main() -> ExitCode {
    let folder = std::env::args().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = folder.join(format!("crore-files-{}", std::process::id()));
    if let Err(error) = prepare(&folder) {
        eprintln!("{}: {error}", folder.display());
        return ExitCode::FAILURE;
    }
    println!("{:28}{:>12}{:>12}{:>12}{:>12}   microseconds an operation", "", "ring", "busy", "pool", "busy");
    for (case, name) in CASES.iter().enumerate() {
        let mut costs: [Vec<Cost>; 2] = Default::default();
        for round in 0..2 * ROUNDS {
            let options = UringOptions { file_operations: round % 2 == 0, ..UringOptions::default() };
            let builder = Runtime::builder().workers(1).pin(false).driver("uring").uring(options);
            let folder = folder.clone();
            let measured = async move { measure(case, &folder).await };
            costs[round % 2].push(builder.build().expect("this kernel has io_uring").block_on(measured));
        }
        print!("{name:28}");
        for way in costs {
            let of = |part: fn(&Cost) -> f64| median(way.iter().map(part).collect());
            print!("{:12.2}{:12.2}", of(|cost| cost.elapsed), of(|cost| cost.busy));
        }
        println!();
    }
    let _ = std::fs::remove_dir_all(&folder);
    ExitCode::SUCCESS
}

fn prepare(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir(folder)?;
    let large = std::fs::File::create(folder.join("large"))?;
    for _ in 0..FILE_BYTES / (1 << 20) {
        std::io::Write::write_all(&mut &large, &[7; 1 << 20])?;
    }
    large.sync_all()?;
    std::fs::write(folder.join("small"), [7; 1024])?;
    std::fs::write(folder.join("one"), "x")
}
