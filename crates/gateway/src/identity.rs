//! Who clients are: user and public information of each token, kept once however many connections a user has.

use std::collections::HashMap;
use std::rc::Rc;

use crore_base::hash::HashKey;

use crate::seats::ANONYMOUS;

/// What a connection token says about a client.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Identity {
    pub(crate) user: Box<str>,
    /// `info` of the token, raw JSON on one line; empty: none.
    pub(crate) info: Box<[u8]>,
}

struct Entry {
    identity: Rc<Identity>,
    holders: u32,
}

/// The identities of one core, counted. Number 0 is the anonymous one, which is always there.
pub(crate) struct Identities {
    numbers: HashMap<Rc<Identity>, u32, HashKey>,
    entries: Vec<Entry>,
    free: Vec<u32>,
}

impl Identities {
    pub(crate) fn new(seed: u64) -> Identities {
        let anonymous = Entry { identity: Rc::default(), holders: 1 };
        Identities {
            numbers: HashMap::with_hasher(HashKey::from_seed(seed)),
            entries: vec![anonymous],
            free: Vec::new(),
        }
    }

    /// The number of an identity, held once more.
    pub(crate) fn hold(&mut self, identity: Identity) -> u32 {
        if identity == Identity::default() {
            return ANONYMOUS;
        }
        if let Some(&number) = self.numbers.get(&identity) {
            self.entries[number as usize].holders += 1;
            return number;
        }
        let identity = Rc::new(identity);
        let entry = Entry { identity: Rc::clone(&identity), holders: 1 };
        let number = match self.free.pop() {
            Some(number) => {
                self.entries[number as usize] = entry;
                number
            }
            None => {
                self.entries.push(entry);
                self.entries.len() as u32 - 1
            }
        };
        self.numbers.insert(identity, number);
        number
    }

    /// Lets go of a number once.
    pub(crate) fn release(&mut self, number: u32) {
        if number == ANONYMOUS {
            return;
        }
        let entry = &mut self.entries[number as usize];
        assert!(entry.holders > 0, "an identity is released as often as it is held");
        entry.holders -= 1;
        if entry.holders == 0 {
            let identity = std::mem::take(&mut entry.identity);
            self.numbers.remove(&identity);
            self.free.push(number);
        }
    }

    pub(crate) fn of(&self, number: u32) -> &Rc<Identity> {
        &self.entries[number as usize].identity
    }

    /// Users with at least one connection on this core, the anonymous not counted.
    pub(crate) fn user_count(&self) -> usize {
        self.numbers.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> Identity {
        Identity { user: name.into(), info: Box::default() }
    }

    #[test]
    fn a_user_is_kept_once_and_forgotten_with_the_last_connection() {
        let mut identities = Identities::new(1);
        assert_eq!(identities.hold(Identity::default()), ANONYMOUS);
        let (ann, again, bob) =
            (identities.hold(user("ann")), identities.hold(user("ann")), identities.hold(user("bob")));
        assert_eq!((ann, identities.user_count()), (again, 2));
        identities.release(ann);
        assert_eq!(&*identities.of(ann).user, "ann");
        identities.release(ann);
        assert_eq!(identities.user_count(), 1);
        assert_eq!(identities.hold(user("eve")), ann, "the number is used again");
        assert_ne!(bob, ann);
    }
}
