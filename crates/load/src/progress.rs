//! What a user sees while a run goes on: one line on a terminal, nothing in a pipe.

use crore_base::time::Duration;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::outcome::grouped;
use crate::target::Kind;
use crate::wire::Progress;

/// The line of a run.
pub(crate) struct Display {
    bar: ProgressBar,
    kind: Kind,
}

impl Display {
    /// A line for `connections`. It draws on standard error, and only if that is a terminal.
    pub(crate) fn new(kind: Kind, connections: u64) -> Display {
        let bar = ProgressBar::with_draw_target(Some(connections), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{prefix:>10} {bar:30} {pos}/{len} {msg} {elapsed}");
        bar.set_style(style.expect("the template is a constant of indicatif's syntax"));
        Display { bar, kind }
    }

    /// Another phase has begun, which takes so long if that is known.
    pub(crate) fn phase(&mut self, name: &'static str, span: Option<Duration>) {
        let prefix = span.map_or(name.to_owned(), |span| format!("{name} {span}"));
        self.bar.set_prefix(prefix);
    }

    /// How far all lanes are together.
    pub(crate) fn show(&self, progress: &Progress) {
        let Progress { ready, failed, delivered, requests, .. } = *progress;
        let work = match self.kind {
            Kind::Requests => format!("{} requests", grouped(requests)),
            _ => format!("{} delivered", grouped(delivered)),
        };
        let failed = if failed > 0 { format!(", {} failed", grouped(failed)) } else { String::new() };
        self.bar.set_position(ready);
        self.bar.set_message(format!("{work}{failed}"));
    }

    /// The line goes away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
