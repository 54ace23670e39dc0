//! The structures that are compared, behind one set of verbs.

use std::collections::{BTreeMap, HashMap};

use crore_base::hash::HashKey;
use crore_base::map::Pages;
use crore_tcp::flow::FlowTable;
use crossbeam_skiplist::SkipMap;

use crate::keys::{Key, Record};

/// Lookups of a burst that walks through the table stage by stage.
pub const BURST: usize = 32;

/// From a 4-tuple to the index of its record.
pub trait Subject {
    /// The index of a key's record, and that record's `zero`: every hit reads the record, because whoever looks for a
    /// connection is about to work with it.
    fn find(&self, key: &Key, records: &[Record]) -> Option<(u32, u32)>;
    /// Adds a key that is not there.
    fn insert(&mut self, key: &Key, index: u32);
    /// Removes a key; whether it was there.
    fn remove(&mut self, key: &Key, index: u32) -> bool;
    /// Looks up a burst in stages; how many were found. `None` if the structure knows no stages.
    fn find_burst(&self, _keys: &[Key; BURST], _records: &[Record]) -> Option<u32> {
        None
    }
}

/// crore's: the key is in the record only, so a hit compares there.
pub struct Table {
    table: FlowTable,
    hash: HashKey,
}

impl Table {
    /// For at most `limit` keys, on pages of a kind.
    pub fn new(pages: Pages, limit: u32, hash: HashKey) -> Result<Self, String> {
        FlowTable::on(pages, limit).map(|table| Self { table, hash }).map_err(|error| error.to_string())
    }
}

impl Subject for Table {
    fn find(&self, key: &Key, records: &[Record]) -> Option<(u32, u32)> {
        let same = |index| records[index as usize].key == *key;
        let index = self.table.find(self.hash.hash(key.bytes()), same)?;
        Some((index, records[index as usize].zero))
    }

    fn insert(&mut self, key: &Key, index: u32) {
        self.table.insert(self.hash.hash(key.bytes()), index).expect("the table was made for as many");
    }

    fn remove(&mut self, key: &Key, index: u32) -> bool {
        self.table.remove(self.hash.hash(key.bytes()), index)
    }

    fn find_burst(&self, keys: &[Key; BURST], records: &[Record]) -> Option<u32> {
        let hashes = keys.each_ref().map(|key| self.hash.hash(key.bytes()));
        hashes.iter().for_each(|hash| self.table.prefetch(*hash));
        for hash in hashes {
            if let Some(index) = self.table.candidate(hash) {
                crore_base::prefetch::prefetch_at(records, index as usize);
            }
        }
        let same = |key: &Key, index: u32| records[index as usize].key == *key;
        let found = |(key, hash): (&Key, u64)| self.table.find(hash, |index| same(key, index)).is_some();
        Some(keys.iter().zip(hashes).filter(|pair| found(*pair)).count() as u32)
    }
}

/// Rust's own (hashbrown), with the same keyed hash.
pub struct Hashed(pub HashMap<Key, u32, HashKey>);

impl Subject for Hashed {
    fn find(&self, key: &Key, records: &[Record]) -> Option<(u32, u32)> {
        let index = *self.0.get(key)?;
        Some((index, records[index as usize].zero))
    }

    fn insert(&mut self, key: &Key, index: u32) {
        self.0.insert(*key, index);
    }

    fn remove(&mut self, key: &Key, _index: u32) -> bool {
        self.0.remove(key).is_some()
    }
}

/// A balanced tree. It stands in for the red-black tree of C servers, and is the better one for caches: a node holds up to
/// eleven keys instead of one.
pub struct Tree(pub BTreeMap<Key, u32>);

impl Subject for Tree {
    fn find(&self, key: &Key, records: &[Record]) -> Option<(u32, u32)> {
        let index = *self.0.get(key)?;
        Some((index, records[index as usize].zero))
    }

    fn insert(&mut self, key: &Key, index: u32) {
        self.0.insert(*key, index);
    }

    fn remove(&mut self, key: &Key, _index: u32) -> bool {
        self.0.remove(key).is_some()
    }
}

/// A skip list that several threads may use at once; that part of its cost is not needed here, and not avoidable.
pub struct Skip(pub SkipMap<Key, u32>);

impl Subject for Skip {
    fn find(&self, key: &Key, records: &[Record]) -> Option<(u32, u32)> {
        let index = *self.0.get(key)?.value();
        Some((index, records[index as usize].zero))
    }

    fn insert(&mut self, key: &Key, index: u32) {
        self.0.insert(*key, index);
    }

    fn remove(&mut self, key: &Key, _index: u32) -> bool {
        self.0.remove(key).is_some()
    }
}
