//! Where a client's masks and nonces come from.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use crore_base::random::Rng;

/// Masks and nonces: one source for all connections of a core. They keep proxies from being fooled and are no secret, so a
/// seeded generator will do.
#[derive(Clone)]
pub struct Keys(Rc<RefCell<Rng>>);

impl Keys {
    /// Keys from a seed.
    pub fn from_seed(seed: u64) -> Self {
        Keys(Rc::new(RefCell::new(Rng::from_seed(seed))))
    }

    pub(crate) fn next<const N: usize>(&self) -> [u8; N] {
        let mut key = [0; N];
        self.0.borrow_mut().fill(&mut key);
        key
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}
