//! A pair of engines: the first bytes of the input choose a seed and its families of faults, and a world lives by them.

use crore_sim::World;
use crore_sim::family::Families;
use crore_sim::plan::{Kind, Plan};

/// Lets a world live, and panics if something does not hold in it.
pub fn run(bytes: &[u8]) {
    let mut words = [0; 13];
    let len = bytes.len().min(words.len());
    words[..len].copy_from_slice(&bytes[..len]);
    let [kind, seed @ .., a, b, c, d] = words;
    let kind = [Kind::Pair, Kind::Crossing, Kind::Crowd][usize::from(kind) % 3];
    let families = Families::from_bits(u32::from_le_bytes([a, b, c, d]));
    let plan = Plan::with_families(u64::from_le_bytes(seed), kind, families, 4);
    let mut world = World::new(plan, false).expect("every plan can be");
    if let Err(failure) = world.run() {
        panic!("{failure:?} in {:?}", world.plan());
    }
}
