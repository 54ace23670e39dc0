//! When a response was made, as it says itself.

use std::cell::RefCell;

use crore_base::time::{Duration, Instant};
use crore_http::{Fields, HeadWriter, http_date};
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
    /// Writes the line into a response's head; `clock` gives seconds since 1970, if there is one to ask.
    pub(crate) fn write<'a>(&self, head: HeadWriter<'a>, clock: Option<fn() -> u64>) -> HeadWriter<'a> {
        let Some(clock) = clock else {
            return head;
        };
        let mut cached = self.0.borrow_mut();
        let now = time::now();
        if cached.line.as_bytes().is_empty() || now - cached.made >= AGE_MAX {
            let mut line = Fields::new();
            line.push("Date", &http_date(clock())).expect("a date has no control characters");
            *cached = Cached { line, made: now };
        }
        head.fields(&cached.line)
    }
}
