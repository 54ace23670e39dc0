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
//! reads in any case. Times include computing the key (shown alone as *key*), and hashing where there is a hash. Pauses are
//! processor time and include the kernel's work of mapping pages, of which a sample is shown first. All memory is what the kernel says is resident.

mod keys;
mod measure;
mod memory;
mod subjects;

use std::collections::{BTreeMap, HashMap};
use std::process::{Command, ExitCode};

use crore_base::hash::HashKey;
use crore_base::map::Map;
use crore_base::units::{Count, parse_count};
use crossbeam_skiplist::SkipMap;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use keys::{Key, Record};
use measure::Figures;
use subjects::{Hashed, Skip, Table, Tree};

const USAGE: &str = "usage: flows [--json] [COUNT]...";
const SUBJECTS: [(&str, &str); 4] = [
    ("table", "crore's flow table"),
    ("hashmap", "HashMap (hashbrown), same keyed hash"),
    ("btree", "BTreeMap, for a red-black tree"),
    ("skiplist", "crossbeam SkipMap"),
];
const DEFAULT_COUNTS: [u32; 3] = [10_000, 1_000_000, 10_000_000];

/// Keys below which the memory of a structure is lost in that of the process.
const MEMORY_KEYS_MIN: u32 = 100_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words[..] {
        ["measure", subject, count] => count_of(count).and_then(|count| measure(subject, count)),
        _ => compare(&words),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("flows: {reason}\n{USAGE}");
            ExitCode::from(2)
        }
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
    let (touch, longest_touch) = memory::first_touch().unwrap_or_default();
    if !json {
        println!("The first touch of a huge page takes {touch:.0} us here, at worst {longest_touch:.0} us.");
    }
    let mut objects = Vec::new();
    for count in counts {
        if !json {
            println!("{} connections", Count(count.into()));
            println!("{}", heading());
        }
        for (subject, title) in SUBJECTS {
            let figures = in_own_process(subject, count)?;
            if json {
                objects.push(object(subject, count, figures));
            } else {
                println!("{}", row(title, count, figures));
            }
        }
    }
    if json {
        let touches = format!("\"touch_us\":{touch:.1},\"longest_touch_us\":{longest_touch:.1}");
        println!("{{{touches},\"flows\":[{}]}}", objects.join(","));
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

fn in_own_process(subject: &str, count: u32) -> Result<Figures, String> {
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new(this).args(["measure", subject, &count.to_string()]).output();
    let output = output.map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let list = numbers.try_into().map_err(|_| {
        format!("{subject} at {count} ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr))
    });
    Ok(Figures::from_array(list?))
}

/// Measures one structure in this process and prints its figures.
fn measure(subject: &str, count: u32) -> Result<(), String> {
    pin();
    let mut records = Map::<Record>::new(count as usize).map_err(|error| error.to_string())?;
    records.huge();
    records.iter_mut().zip(0..).for_each(|(record, number)| *record = Record::of(Key::of(number)));
    let hash = HashKey::from_seed(0x5eed);
    let figures = match subject {
        "table" => measure::run(&mut Table::new(count, hash)?, &mut records),
        "hashmap" => measure::run(&mut Hashed(HashMap::with_hasher(hash)), &mut records),
        "btree" => measure::run(&mut Tree(BTreeMap::new()), &mut records),
        "skiplist" => measure::run(&mut Skip(SkipMap::new()), &mut records),
        other => return Err(format!("there is no structure {other}")),
    };
    println!("{}", figures.to_array().map(|number| number.to_string()).join(" "));
    Ok(())
}

/// One processor for the whole run, so that caches stay where they are. Where pinning is refused, the scheduler decides.
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

fn heading() -> String {
    let columns =
        ["key", "hit", "miss", "burst hit", "burst miss", "churn", "hit after", "grow", "churn", "bytes", "worst"];
    let columns: String = columns.iter().map(|column| format!("{column:>11}")).collect();
    let units: String = [("ns an operation, median", 77), ("longest, us", 22), ("a key", 22)]
        .iter()
        .map(|(unit, width)| format!("{unit:>width$}"))
        .collect();
    format!("{:<38}{units}\n{:<38}{columns}", "", "")
}

fn row(title: &str, count: u32, figures: Figures) -> String {
    let mut row = format!("{title:<38}");
    for (name, number) in Figures::NAMES.iter().zip(figures.to_array()) {
        let absent = number == 0.0 || (name.ends_with("bytes") && count < MEMORY_KEYS_MIN);
        row += &if absent { format!("{:>11}", "-") } else { format!("{number:>11.1}") };
    }
    row
}

fn object(subject: &str, count: u32, figures: Figures) -> String {
    let numbers = Figures::NAMES.iter().zip(figures.to_array());
    let numbers: Vec<String> = numbers.map(|(name, number)| format!("\"{name}\":{number:.2}")).collect();
    format!("{{\"structure\":\"{subject}\",\"connections\":{count},{}}}", numbers.join(","))
}
