//! The figures as text: three tables for people, or objects for programs.

use std::iter::repeat;

use crore_base::units::Count;

use crate::measure::Figures;
use crate::pauses::{Growth, Pauses};
use crate::{FILLINGS, SUBJECTS};

/// Keys below which the memory of a structure is lost in that of the process.
const MEMORY_KEYS_MIN: u32 = 100_000;
/// Columns of the first table; the figures after those are pauses.
const COSTS: [&str; 10] =
    ["key", "hit", "miss", "burst hit", "burst miss", "churn", "hit after", "bytes a key", "at worst", "% huge"];
/// Columns of the second table: pauses of growth that every run had, those of the quietest run; then of one run those of
/// lookups while pages become huge, and those of churn.
const OWN: [&str; 2] = ["own longest", "own > 1 ms"];
const PAUSES: [&str; 4] = ["longest", "wall", "> 1 ms", "wall > 1 ms"];
/// Columns of the table of slabs.
const READS: [&str; 3] = ["chained", "burst", "% huge"];

/// What is known of one size.
pub struct Results {
    /// Connections.
    pub count: u32,
    /// Of each structure.
    pub figures: Vec<Figures>,
    /// Of each structure, then of each filling.
    pub growth: Vec<Growth>,
    /// Of each slab.
    pub slabs: Vec<[f64; 3]>,
}

/// What operations cost, then how long the longest of them took, then what reading slabs costs.
pub fn tables(results: &Results) -> String {
    let Results { count, figures, growth, slabs } = results;
    let mut text = format!("{} connections\n{:<40}", Count((*count).into()), "ns an operation, median");
    COSTS.iter().for_each(|column| text += &format!("{column:>12}"));
    for ((_, title), figures) in SUBJECTS.iter().zip(figures) {
        text += &format!("\n{title:<40}");
        for (name, number) in Figures::NAMES.iter().zip(figures.to_array()).take(COSTS.len()) {
            let absent = number == 0.0 || (!name.ends_with("ns") && *count < MEMORY_KEYS_MIN);
            text += &if absent { format!("{:>12}", "-") } else { format!("{number:>12.1}") };
        }
    }
    text += &format!("\n{:<40}{:>24}{:>48}", "", "growth, all runs", "growth, quietest run");
    text += &format!("{:>48}", "churn, one run");
    text += &format!("\n{:<40}", "us, single operations");
    OWN.iter().chain(&PAUSES).chain(&PAUSES).for_each(|column| text += &format!("{column:>12}"));
    let later = figures.iter().map(|figures| vec![figures.replace]).chain(repeat(Vec::new()));
    for (((_, title), growth), later) in SUBJECTS.iter().chain(&FILLINGS).zip(growth).zip(later) {
        text += &format!("\n{title:<40}");
        text += &if growth.own_us == 0.0 { format!("{:>12}", "< 50") } else { format!("{:>12.1}", growth.own_us) };
        text += &format!("{:>12.0}", growth.own_over_1ms);
        for [processor, wall, over, wall_over] in [growth.quietest].into_iter().chain(later).map(Pauses::to_array) {
            text += &format!("{processor:>12.1}{wall:>12.1}{over:>12.0}{wall_over:>12.0}");
        }
    }
    text += &format!("\n{:<40}", "ns a record");
    READS.iter().for_each(|column| text += &format!("{column:>12}"));
    for ((_, title), numbers) in FILLINGS.iter().zip(slabs) {
        text += &format!("\n{title:<40}");
        numbers.iter().for_each(|number| text += &format!("{number:>12.1}"));
    }
    text + "\n"
}

/// One object for each structure and each filling.
pub fn objects(results: &Results) -> Vec<String> {
    let none = SUBJECTS.map(|_| None);
    let slabs = none.into_iter().chain(results.slabs.iter().copied().map(Some)).chain(repeat(None));
    let figures = results.figures.iter().map(|figures| figures.to_array().to_vec()).chain(repeat(Vec::new()));
    let named = SUBJECTS.iter().chain(&FILLINGS).zip(&results.growth).zip(figures).zip(slabs);
    named
        .map(|((((subject, _), growth), figures), slab)| object(subject, results.count, growth, &figures, slab))
        .collect()
}

fn object(subject: &str, count: u32, growth: &Growth, figures: &[f64], slab: Option<[f64; 3]>) -> String {
    let [processor, wall, _, wall_over] = growth.quietest.to_array();
    let growth = [growth.own_us, growth.own_over_1ms, processor, wall, wall_over];
    let names = ["own_pause_us", "own_over_1ms", "quietest_pause_us", "quietest_wall_us", "quietest_wall_over_1ms"];
    let slab = ["chained_ns", "burst_ns", "huge_percent"].iter().zip(slab.iter().flatten());
    let numbers = names.iter().zip(&growth).chain(Figures::NAMES.iter().zip(figures)).chain(slab);
    let numbers: Vec<String> = numbers.map(|(name, number)| format!("\"{name}\":{number:.2}")).collect();
    format!("{{\"structure\":\"{subject}\",\"connections\":{count},{}}}", numbers.join(","))
}
