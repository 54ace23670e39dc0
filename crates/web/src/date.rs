//! When a response was made, as it says itself.

use std::cell::RefCell;

use crore_base::time::{Duration, Instant};
use crore_http::{Fields, http_date};
use crore_rt::time;

/// How old a date may be: the clock is asked twice a second, not for each response.
const AGE_MAX: Duration = Duration::from_millis(500);

/// The header `Date`.
#[derive(Debug, Default)]
pub(crate) struct DateLine(RefCell<Cached>);

#[derive(Debug, Default)]
struct Cached {
    line: Fields,
    made: Instant,
}

impl DateLine {
    /// Adds the line to a response's headers; `clock` gives seconds since 1970.
    pub(crate) fn append_to(&self, fields: &mut Fields, clock: fn() -> u64) {
        let mut cached = self.0.borrow_mut();
        let now = time::now();
        if cached.line.as_bytes().is_empty() || now - cached.made >= AGE_MAX {
            let mut line = Fields::new();
            line.push("Date", &http_date(clock())).expect("a date has no control characters");
            *cached = Cached { line, made: now };
        }
        fields.append(&cached.line);
    }
}
