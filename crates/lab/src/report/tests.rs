use super::*;
use crate::options::Load;
use crate::outcome::{Latencies, Spread};

fn outcome() -> Outcome {
    let row = |model: &str, load: Load, rate: f64| Row {
        model: model.to_owned(),
        load: load.name().to_owned(),
        requests_per_second: Some(rate),
        cpu_seconds_per_million: Some(12.0),
        latency_ms: Latencies { p50: Some(0.1), p99: Some(1.0), p999: Some(12.0) },
        user_bytes_per_connection: Some(9_000.0),
        kernel_bytes_per_connection: Some(24_000.0),
        max_connections: Some(1_024),
        stopped_by: Some("connection 1025: <refused>".to_owned()),
        spread: Spread { requests_per_second: Some([rate * 0.9, rate * 1.1]), ..Spread::default() },
        notes: vec!["seen & noted".to_owned()],
        ..Row::default()
    };
    let mut rows = vec![row("thread", Load::Echo, 50_000.0), row("iterative", Load::Echo, 1_000.0)];
    rows.push(row("thread", Load::Idle, 40_000.0));
    rows.push(Row::refused("cpu-inline", Load::Cpu, "no <library>"));
    Outcome { rows }
}

#[test]
fn the_page_needs_nothing_from_elsewhere_and_shows_every_load() {
    let page = page(&outcome(), &Options::default());
    assert_eq!(page.matches("<svg").count(), 3 + 5, "three plots of each load, and two more of idle connections");
    let links = page.matches("http://").count() - page.matches("http://www.w3.org/2000/svg").count();
    assert_eq!(links, 0, "nothing is loaded");
    for forbidden in ["<script", "src=", "@import", "url(", "<refused>", "<library>"] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    assert!(page.contains("seen &amp; noted") && page.ends_with("</html>\n"));
}

#[test]
fn each_model_has_its_story_with_the_figures_beside_it() {
    let page = page(&outcome(), &Options::default());
    let article = |name: &str| {
        let from = page.find(&format!("<article id=\"{name}\">")).unwrap();
        page[from..from + page[from..].find("</article>").unwrap()].to_owned()
    };
    assert!(
        article("thread").contains("40,000 requests/s")
            && article("thread").contains("held 1,024 connections: connection 1025")
    );
    assert!(article("cpu-inline").contains("not run: no &lt;library&gt;"));
    assert!(!page.contains("<article id=\"disk-pool\">"), "who was not measured has no place");
}

#[test]
fn every_colour_of_the_plots_is_one_that_the_style_replaces() {
    let page = page(&outcome(), &Options::default());
    let svg = &page[page.find("<svg").unwrap()..page.rfind("</svg>").unwrap()];
    for colour in svg.split("=\"#").skip(1).map(|rest| &rest[..6]) {
        assert!(["000001", "000002", "000003"].contains(&colour), "#{colour} looks the same in the dark");
    }
}

#[test]
fn both_files_are_written_and_a_folder_that_cannot_be_made_is_named() {
    let folder = std::env::temp_dir().join(format!("crore-lab-report-{}", std::process::id()));
    write(&folder.join("deep"), &outcome(), &Options::default()).unwrap();
    let json = fs::read_to_string(folder.join("deep/lab.json")).unwrap();
    assert!(json.starts_with("{\"rows\":[{\"model\":\"thread\"") && json.ends_with("}\n"));
    let file = folder.join("deep/lab.html");
    let error = write(&file, &outcome(), &Options::default()).unwrap_err().to_string();
    assert!(error.contains("lab.html"), "{error}");
    fs::remove_dir_all(&folder).unwrap();
}
