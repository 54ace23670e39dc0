use super::*;
use crate::latency::Latencies;
use crate::series::Sample;
use crate::wire::Progress;
use crore_base::time::Duration;

fn outcome() -> Outcome {
    let mut outcome = Outcome { target: "ws://h/<b>?x=1&y".to_owned(), ..Outcome::of_ramp(&[1_000, 2_000]) };
    let mut latencies = Latencies::default();
    (1..500).for_each(|micros| latencies.record(Duration::from_micros(micros * 13)));
    outcome.set_latencies(&latencies);
    for second in 0..20 {
        let progress = Progress { ready: second * 100, delivered: second * second, ..Progress::default() };
        outcome.series.push(Sample { at_s: second as f64, progress });
    }
    outcome
}

#[test]
fn the_page_needs_nothing_from_elsewhere_and_holds_three_plots() {
    let page = page(&outcome(), &Options::new("ws://h/"));
    assert_eq!(page.matches("<svg").count(), 3);
    let links = page.matches("http").count() - page.matches("http://www.w3.org/2000/svg").count();
    assert_eq!(links, 0, "nothing is loaded");
    for forbidden in ["<script", "src=", "@import", "url("] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
}

#[test]
fn what_a_user_typed_cannot_become_markup() {
    let page = page(&outcome(), &Options::new("x"));
    assert!(page.contains("ws://h/&lt;b&gt;?x=1&amp;y") && !page.contains("<b>"));
}

#[test]
fn every_colour_of_the_plots_is_one_that_the_style_replaces() {
    let page = page(&outcome(), &Options::new("x"));
    let svg = &page[page.find("<svg").unwrap()..page.rfind("</svg>").unwrap()];
    for colour in svg.split("=\"#").skip(1).map(|rest| &rest[..6]) {
        assert!(["000001", "000002", "000003"].contains(&colour), "#{colour} looks the same in the dark");
    }
}

#[test]
fn a_run_in_which_nothing_happened_still_has_a_page() {
    let empty = page(&Outcome::default(), &Options::new("ws://h/"));
    assert_eq!(empty.matches("<svg").count(), 0);
    assert!(empty.ends_with("</html>\n"));
}
