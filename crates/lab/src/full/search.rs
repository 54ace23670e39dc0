//! The highest rate that can be borne: the first that was asked for, or else by halving what is left.

/// The search.
#[derive(Clone, Copy, Debug)]
pub(super) struct Search {
    /// Borne, at least.
    borne: u64,
    /// Not borne; none: nothing was too much so far.
    too_much: Option<u64>,
    first: u64,
    tried: u32,
    steps: u32,
}

impl Search {
    /// Tries `first`, and then at most `steps` others below it.
    pub(super) fn new(first: u64, steps: u32) -> Search {
        assert!(first > 0, "a rate is at least 1");
        Search { borne: 0, too_much: None, first, tried: 0, steps }
    }

    /// The next rate to try; none: the search is over.
    pub(super) fn next(&self) -> Option<u64> {
        let rate = match (self.tried, self.too_much) {
            (0, _) => self.first,
            // What was borne first is all that was asked for.
            (_, None) => return None,
            (tried, Some(_)) if tried > self.steps => return None,
            (_, Some(too_much)) => self.borne.midpoint(too_much),
        };
        (rate > self.borne).then_some(rate)
    }

    /// What came of the rate that [`next`](Search::next) gave.
    pub(super) fn decide(&mut self, rate: u64, is_borne: bool) {
        assert!(Some(rate) == self.next(), "rates are decided in the order in which they are given");
        self.tried += 1;
        match is_borne {
            true => self.borne = rate,
            false => self.too_much = Some(rate),
        }
        assert!(self.too_much.is_none_or(|too_much| too_much > self.borne));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(first: u64, steps: u32, limit: u64) -> (u64, u32) {
        let mut search = Search::new(first, steps);
        while let Some(rate) = search.next() {
            search.decide(rate, rate <= limit);
        }
        (search.borne, search.tried)
    }

    #[test]
    fn what_is_borne_at_once_is_not_searched() {
        assert_eq!(found(50_000, 5, 50_000), (50_000, 1));
    }

    #[test]
    fn the_highest_is_found_within_its_steps() {
        for limit in [1_600, 7_777, 20_000, 33_333, 49_999] {
            let (highest, tried) = found(50_000, 5, limit);
            assert!(highest <= limit && limit - highest < 50_000 / 30, "{highest} of {limit}");
            assert_eq!(tried, 6);
        }
        assert_eq!(found(50_000, 5, 100), (0, 6));
        assert_eq!(found(2, 50, 0).0, 0, "it ends");
    }

    #[test]
    fn without_steps_only_the_first_is_tried() {
        assert_eq!((found(300, 0, 299), found(300, 0, 300)), ((0, 1), (300, 1)));
    }
}
