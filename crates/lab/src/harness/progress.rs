//! What a user sees while a run goes on: one line on a terminal, nothing in a pipe.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::options::Load;

/// The line of a run.
pub(super) struct Display {
    bar: ProgressBar,
    begun: bool,
}

impl Display {
    /// A line for so many steps. It draws on standard error, and only if that is a terminal.
    pub(super) fn new(steps: u64) -> Display {
        let bar = ProgressBar::with_draw_target(Some(steps), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{prefix:>8} {bar:30} {pos}/{len} {msg} {elapsed}");
        bar.set_style(style.expect("the template is a constant of indicatif's syntax"));
        Display { bar, begun: false }
    }

    /// The next step begins: this model with this load.
    pub(super) fn next(&mut self, load: Load, model: &'static str) {
        self.bar.inc(u64::from(self.begun));
        self.begun = true;
        self.bar.set_prefix(load.name());
        self.bar.set_message(model);
    }

    /// The line goes away.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
