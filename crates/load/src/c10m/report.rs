//! The report of a run: one HTML page that needs nothing else, light or dark as its reader likes.

use std::fmt::Write as _;

use super::PHASES;
use super::outcome::{C10mOutcome, DISTRIBUTIONS};
use crate::page::{begin, end, escaped, figures, list};
use crate::report::plots::{Points, bars, distribution, over_time};

/// The page.
pub(super) fn page(outcome: &C10mOutcome) -> String {
    let verdict = match outcome.is_clean() {
        true => ("Everybody got everything, once.", "good"),
        false => ("Something was not as it must be; see below.", "bad"),
    };
    let title = format!("crore c10m: {} connections, wire {}", outcome.connections, outcome.wire);
    let mut page = begin(&title, verdict);
    for broken in &outcome.broken {
        // Writing to a String cannot fail.
        let _ = writeln!(page, "<p class=\"bad\">{}</p>", escaped(broken));
    }
    list(&mut page, outcome.rows().iter().map(|(name, value)| (*name, value.as_str())));
    figures(&mut page, plots(outcome));
    page.push_str("<h2>Settings</h2>\n");
    let channels = &outcome.channels;
    let named = format!("{}, and g0 to g{} of {}", channels.all, channels.groups.saturating_sub(1), channels.members);
    let settings = outcome.settings.iter().map(|(name, value)| (*name, value.as_str()));
    list(&mut page, std::iter::once(("channels", named.as_str())).chain(settings));
    page.push_str("<h2>Machine</h2>\n");
    list(&mut page, [("machine", &*outcome.machine), ("kernel", &outcome.kernel), ("commit", &outcome.commit)]);
    end(page, &outcome.to_json())
}

/// Captions and plots, those without anything to show left out.
fn plots(outcome: &C10mOutcome) -> Vec<(String, String)> {
    let series = &outcome.series;
    let memory = |of: fn(&super::meter::Both<u64>) -> u64| -> Points {
        outcome.memory.samples.iter().map(|(at, both)| (*at, of(both) as f64 / f64::from(1 << 20))).collect()
    };
    let growth = series.rates(|progress| progress.ready).into_iter().map(|(at, rate)| (at, rate.max(0.0))).collect();
    let lines: [(&str, Points); 5] = [
        ("Connections over time (s)", series.values(|progress| progress.ready)),
        ("Connects per second over time (s)", growth),
        ("Publications delivered in a phase over time (s)", series.values(|progress| progress.delivered)),
        ("Memory of the gateway over time (s), MiB", memory(|both| both.server)),
        ("Memory of the swarm over time (s), MiB", memory(|both| both.client)),
    ];
    let shown = lines.into_iter().filter(|(_, points)| points.iter().any(|(_, value)| *value > 0.0));
    let mut plots: Vec<_> = shown.map(|(caption, points)| (caption.to_owned(), over_time(&points))).collect();
    for (name, latencies) in DISTRIBUTIONS.into_iter().zip(&outcome.latencies) {
        plots.extend(distribution(latencies).map(|plot| (format!("Latency of the {name} (ms), how many"), plot)));
    }
    let cpu: Vec<_> = PHASES.into_iter().filter_map(|phase| Some((phase, *outcome.cpu_seconds.get(phase)?))).collect();
    let values: Vec<f64> = cpu.iter().flat_map(|(_, both)| [both.server, both.client]).collect();
    if values.iter().any(|value| *value > 0.0) {
        let names: Vec<&str> = cpu.iter().map(|(phase, _)| *phase).collect();
        let caption = format!("Processor time (s) of gateway and swarm, by phase: {}", names.join(", "));
        plots.push((caption, bars(&values)));
    }
    plots
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::c10m::meter::Both;
    use crate::latency::Latencies;
    use crate::series::Sample;
    use crate::wire::Progress;
    use crore_base::time::Duration;

    fn outcome() -> C10mOutcome {
        let mut outcome = C10mOutcome { machine: "a <b> & c".to_owned(), ..C10mOutcome::default() };
        let mut latencies = Latencies::default();
        (1..500).for_each(|micros| latencies.record(Duration::from_micros(micros * 13)));
        for which in 0..3 {
            outcome.distribution(which, &latencies.buckets());
        }
        for second in 0..20 {
            let progress = Progress { ready: second * 100, delivered: second, ..Progress::default() };
            outcome.series.push(Sample { at_s: second as f64, progress });
            outcome.memory.samples.push((second as f64, Both { server: second << 20, client: 5 << 20 }));
        }
        outcome.cpu_seconds.insert("connect", Both { server: 1.5, client: 2.0 });
        outcome.set_connects(1_900, &[1_000_000_000, 1_900_000_000]);
        outcome
    }

    #[test]
    fn the_page_needs_nothing_from_elsewhere_and_shows_everything() {
        let page = page(&outcome());
        assert_eq!(page.matches("<svg").count(), 9);
        let links = page.matches("http").count() - page.matches("http://www.w3.org/2000/svg").count();
        assert_eq!(links, 0, "nothing is loaded");
        for forbidden in ["<script", "src=", "@import", "url(", "<b>"] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        assert!(page.contains("a &lt;b&gt; &amp; c") && page.ends_with("</html>\n"));
    }

    #[test]
    fn what_is_broken_stands_above() {
        let mut outcome = outcome();
        outcome.object("broadcast: 1 publication did not arrive".to_owned());
        let page = page(&outcome);
        assert!(page.contains("class=\"bad\"") && page.contains("did not arrive"));
    }
}
