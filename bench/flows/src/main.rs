//! What finding a connection costs: crore's flow table, Rust's `HashMap`, a balanced tree and a skip list, on the same
//! 4-tuples, under the same churn.
//!
//! ```text
//! flows [--json] [COUNT]...        10k, 1M and 10M by default; COUNT reads 10M
//! ```
//!
//! Each structure runs in a process of its own, so that none inherits memory from another. All map a 4-tuple of 36 bytes
//! to the index of a record of 128 bytes in one dense array on huge pages; the array is not counted. The hash maps, tree
//! and skip list keep a copy of the key; the flow table does not and compares with the key in the record, which every hit
//! reads in any case. Times include computing the key (shown alone as *key*), and hashing where there is a hash. All memory
//! is what the kernel says is resident.
//!
//! Pauses are of single operations, by two clocks (`pauses.rs`), and include the kernel's work of finding memory. Two
//! yardsticks stand beside them: the first touch of a page, and a loop that does nothing. Growth is repeated, and *own* is
//! the longest pause that the same insertion had in every run. Slabs of as many records are filled in the same way.
//!
//! Large tables and slabs stand on huge pages, which are made ready in the background (`crore_base::ahead`) on whatever
//! processor is free. Beside them are those on ordinary pages.

mod keys;
mod measure;
mod memory;
mod pauses;
mod report;
mod slabs;
mod subjects;

use std::collections::{BTreeMap, HashMap};
use std::process::{Command, ExitCode};

use crore_base::hash::HashKey;
use crore_base::map::{Map, Pages};
use crore_base::slab::Slab;
use crore_base::units::parse_count;
use crossbeam_skiplist::SkipMap;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use keys::{Key, Record};
use measure::Figures;
use pauses::{REST, RUNS, Remembered};
use report::Results;
use subjects::{Hashed, Skip, Subject, Table, Tree};

const USAGE: &str = "usage: flows [--json] [COUNT]...";
const SUBJECTS: [(&str, &str); 5] = [
    ("table", "crore's flow table"),
    ("table-ordinary", "crore's flow table on ordinary pages"),
    ("hashmap", "HashMap (hashbrown), same keyed hash"),
    ("btree", "BTreeMap, for a red-black tree"),
    ("skiplist", "crossbeam SkipMap"),
];
/// What is filled beside the structures, to see its pauses.
const FILLINGS: [(&str, &str); 3] = [
    ("slab", "slab of 128-byte records"),
    ("slab-ordinary", "slab on ordinary pages"),
    ("nothing", "a loop that does nothing"),
];
const DEFAULT_COUNTS: [u32; 3] = [10_000, 1_000_000, 10_000_000];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // Work is done, and pinned, beside the first thread: what runs in the background may use every processor of that one.
    let result = std::thread::scope(|scope| scope.spawn(|| perform(&words)).join());
    match result.unwrap_or_else(|panic| std::panic::resume_unwind(panic)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("flows: {reason}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn perform(words: &[&str]) -> Result<(), String> {
    match words[..] {
        ["measure", subject, count] => count_of(count).and_then(|count| measure(subject, count)),
        ["slab", pages, count] => count_of(count).and_then(|count| read_slab(pages, count)),
        ["fill", subject, count] => count_of(count).and_then(|count| fill(subject, count)),
        _ => compare(words),
    }
}

/// Runs every structure at every size and shows the figures.
fn compare(words: &[&str]) -> Result<(), String> {
    let json = words.contains(&"--json");
    let given: Result<Vec<u32>, String> =
        words.iter().filter(|word| **word != "--json").map(|word| count_of(word)).collect();
    let counts = match given? {
        given if given.is_empty() => DEFAULT_COUNTS.to_vec(),
        given => given,
    };
    let (touch, longest_touch) = memory::first_touch(Pages::Huge).unwrap_or_default();
    let (ordinary, longest_ordinary) = memory::first_touch(Pages::Ordinary).unwrap_or_default();
    if !json {
        println!("The first touch of a huge page takes {touch:.0} us here, at worst {longest_touch:.0} us;");
        println!("of an ordinary page {ordinary:.1} us, at worst {longest_ordinary:.1} us.");
    }
    let mut objects = Vec::new();
    for count in counts {
        let mut figures = Vec::new();
        for (subject, _) in SUBJECTS {
            figures.push(Figures::from_list(&in_own_process("measure", subject, count)?)?);
        }
        let mut growth = Vec::new();
        for (subject, _) in SUBJECTS.iter().chain(&FILLINGS) {
            let runs = (0..RUNS).map(|_| {
                std::thread::sleep(REST);
                Remembered::from_list(&in_own_process("fill", subject, count)?)
            });
            let runs: Result<Vec<Remembered>, String> = runs.collect();
            growth.push(Remembered::in_all(&runs?));
        }
        let mut slabs = Vec::new();
        for (subject, _) in &FILLINGS[..FILLINGS.len() - 1] {
            let list = in_own_process("slab", subject, count)?;
            slabs.push(list.try_into().map_err(|list: Vec<f64>| format!("{} figures came instead of 3", list.len()))?);
        }
        let results = Results { count, figures, growth, slabs };
        match json {
            true => objects.extend(report::objects(&results)),
            false => println!("{}", report::tables(&results)),
        }
    }
    if json {
        let touches = format!("\"touch_us\":{touch:.1},\"longest_touch_us\":{longest_touch:.1}");
        let small = format!("\"ordinary_touch_us\":{ordinary:.1},\"longest_ordinary_touch_us\":{longest_ordinary:.1}");
        println!("{{{touches},{small},\"flows\":[{}]}}", objects.join(","));
    }
    Ok(())
}

fn count_of(word: &str) -> Result<u32, String> {
    let count = parse_count(word).map_err(|error| error.to_string())?;
    match u32::try_from(count) {
        Ok(count @ 1..=1_000_000_000) => Ok(count),
        _ => Err(format!("{word} connections are not 1 to 1,000,000,000")),
    }
}

/// The numbers that this program prints when it measures one structure.
fn in_own_process(verb: &str, subject: &str, count: u32) -> Result<Vec<f64>, String> {
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new(this).args([verb, subject, &count.to_string()]).output();
    let output = output.map_err(|error| error.to_string())?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{subject} at {count} ended with {}: {reason}", output.status));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.split_whitespace().filter_map(|word| word.parse().ok()).collect())
}

/// Measures one structure in this process and prints its figures.
fn measure(subject: &str, count: u32) -> Result<(), String> {
    pin();
    let mut records = Map::<Record>::new(count as usize).map_err(|error| error.to_string())?;
    records.huge();
    records.iter_mut().zip(0..).for_each(|(record, number)| *record = Record::of(Key::of(number)));
    let hash = HashKey::from_seed(0x5eed);
    let figures = match subject {
        "table" | "table-ordinary" => measure::run(&mut Table::new(pages_of(subject), count, hash)?, &mut records),
        "hashmap" => measure::run(&mut Hashed(HashMap::with_hasher(hash)), &mut records),
        "btree" => measure::run(&mut Tree(BTreeMap::new()), &mut records),
        "skiplist" => measure::run(&mut Skip(SkipMap::new()), &mut records),
        other => return Err(format!("there is no structure {other}")),
    };
    print_numbers(&figures.to_array());
    Ok(())
}

/// Fills one structure in this process and prints its long pauses.
fn fill(subject: &str, count: u32) -> Result<(), String> {
    pin();
    let hash = HashKey::from_seed(0x5eed);
    let remembered = match subject {
        "table" | "table-ordinary" => grow(&mut Table::new(pages_of(subject), count, hash)?, count),
        "hashmap" => grow(&mut Hashed(HashMap::with_hasher(hash)), count),
        "btree" => grow(&mut Tree(BTreeMap::new()), count),
        "skiplist" => grow(&mut Skip(SkipMap::new()), count),
        "slab" | "slab-ordinary" => grow_slab(pages_of(subject), count),
        "nothing" => Remembered::of(count, |_| {}),
        other => return Err(format!("there is no structure {other}")),
    };
    print_numbers(&remembered.to_list());
    Ok(())
}

/// Reads a slab in this process and prints what that costs.
fn read_slab(subject: &str, count: u32) -> Result<(), String> {
    pin();
    let figures = slabs::run(pages_of(subject), count);
    print_numbers(&[figures.chained, figures.batched, figures.huge_percent]);
    Ok(())
}

/// What a table or slab of this name stands on.
fn pages_of(subject: &str) -> Pages {
    match subject.split_once('-') {
        Some((_, "ordinary")) => Pages::Ordinary,
        _ => Pages::default(),
    }
}

fn grow(subject: &mut impl Subject, count: u32) -> Remembered {
    Remembered::of(count, |number| subject.insert(&Key::of(number), number as u32))
}

fn grow_slab(pages: Pages, count: u32) -> Remembered {
    let mut slab = Slab::on(pages, count);
    let record = Record::of(Key::of(0));
    Remembered::of(count, |_| assert!(slab.insert(record).is_some(), "the slab was made for as many"))
}

fn print_numbers(numbers: &[f64]) {
    let words: Vec<String> = numbers.iter().map(f64::to_string).collect();
    println!("{}", words.join(" "));
}

/// One processor for this thread, so that caches stay where they are. Where pinning is refused, the scheduler decides.
fn pin() {
    let Ok(allowed) = sched_getaffinity(None) else {
        return;
    };
    if let Some(last) = (0..CpuSet::MAX_CPU).rev().find(|processor| allowed.is_set(*processor)) {
        let mut only = CpuSet::new();
        only.set(last);
        let _ = sched_setaffinity(None, &only);
    }
}
