//! The plots of a report, as SVG in placeholder colours that the page's style replaces.

use plotters::coord::Shift;
use plotters::prelude::*;

use crate::outcome::Outcome;

const SIZE: (u32, u32) = (900, 300);
const INK: RGBColor = RGBColor(0, 0, 1);
const ACCENT: RGBColor = RGBColor(0, 0, 2);
const LINE: RGBColor = RGBColor(0, 0, 3);
/// Bars of the histogram for each power of ten.
const BARS_PER_DECADE: u32 = 10;

pub(crate) type Points = Vec<(f64, f64)>;
type DrawingResult = Result<(), Box<dyn std::error::Error>>;
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Captions and plots, those without anything to show left out.
pub(super) fn all(outcome: &Outcome) -> Vec<(&'static str, String)> {
    let series = &outcome.series;
    let rates = match outcome.is_request_load {
        true => ("Requests per second over time (s)", series.rates(|progress| progress.requests)),
        false => ("Deliveries per second over time (s)", series.rates(|progress| progress.delivered)),
    };
    let lines = [("Connections over time (s)", series.values(|progress| progress.ready)), rates];
    let mut plots: Vec<(&'static str, String)> = lines
        .into_iter()
        .filter(|(_, points)| points.iter().any(|(_, value)| *value > 0.0))
        .map(|(caption, points)| (caption, over_time(&points)))
        .collect();
    plots.extend(distribution(&outcome.latencies).map(|plot| ("Latency (ms), how many", plot)));
    plots
}

/// One value over time: (seconds, value).
pub(crate) fn over_time(points: &Points) -> String {
    draw(|area| lines_over_time(area, points))
}

/// How often which latency was: (from ms, to ms, count), not empty.
pub(crate) fn distribution(latencies: &crate::latency::Latencies) -> Option<String> {
    let bars = latencies.bars(BARS_PER_DECADE);
    (!bars.is_empty()).then(|| draw(|area| histogram(area, &bars)))
}

/// A bar for each value, from the left to the right.
pub(crate) fn bars(values: &[f64]) -> String {
    draw(|area| columns(area, values))
}

fn draw(plot: impl FnOnce(&Area<'_>) -> DrawingResult) -> String {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        // Drawing into a String cannot fail, and the ranges are finite and not empty.
        plot(&area).expect("a plot of finite numbers into memory is always drawn");
        area.present().expect("a String always takes more");
    }
    svg
}

fn lines_over_time(area: &Area<'_>, points: &Points) -> DrawingResult {
    let end = points.last().map_or(1.0, |point| point.0).max(1e-3);
    let top = points.iter().map(|point| point.1).fold(1.0, f64::max) * 1.05;
    let mut chart = ChartBuilder::on(area)
        .margin(8)
        .x_label_area_size(28)
        .y_label_area_size(72)
        .build_cartesian_2d(0.0..end, 0.0..top)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(LINE)
        .light_line_style(TRANSPARENT)
        .axis_style(INK)
        .label_style(("sans-serif", 14, &INK))
        .y_label_formatter(&|value| short(*value))
        .draw()?;
    chart.draw_series(LineSeries::new(points.iter().copied(), ACCENT.stroke_width(2)))?;
    Ok(())
}

fn histogram(area: &Area<'_>, bars: &[(f64, f64, u64)]) -> DrawingResult {
    let (first, last) = (bars[0].0.log10(), bars[bars.len() - 1].1.log10());
    let top = bars.iter().map(|bar| bar.2).max().unwrap_or(1) as f64 * 1.05;
    let mut chart = ChartBuilder::on(area)
        .margin(8)
        .x_label_area_size(28)
        .y_label_area_size(72)
        .build_cartesian_2d(first..last, 0.0..top)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(LINE)
        .light_line_style(TRANSPARENT)
        .axis_style(INK)
        .label_style(("sans-serif", 14, &INK))
        .x_label_formatter(&|power| short(10_f64.powf(*power)))
        .y_label_formatter(&|value| short(*value))
        .draw()?;
    let bar = |&(from, to, count): &(f64, f64, u64)| {
        Rectangle::new([(from.log10(), 0.0), (to.log10(), count as f64)], ACCENT.filled())
    };
    chart.draw_series(bars.iter().map(bar))?;
    Ok(())
}

fn columns(area: &Area<'_>, values: &[f64]) -> DrawingResult {
    let top = values.iter().copied().fold(0.0, f64::max).max(1e-3) * 1.05;
    let mut chart = ChartBuilder::on(area)
        .margin(8)
        .y_label_area_size(72)
        .build_cartesian_2d(0.0..values.len().max(1) as f64, 0.0..top)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(LINE)
        .light_line_style(TRANSPARENT)
        .axis_style(INK)
        .label_style(("sans-serif", 14, &INK))
        .y_label_formatter(&|value| short(*value))
        .draw()?;
    let bar = |(at, value): (usize, &f64)| {
        Rectangle::new([(at as f64 + 0.15, 0.0), (at as f64 + 0.85, *value)], ACCENT.filled())
    };
    chart.draw_series(values.iter().enumerate().map(bar))?;
    Ok(())
}

/// A number with three digits and a unit.
fn short(value: f64) -> String {
    match value {
        value if value >= 1e6 => format!("{}M", rounded(value / 1e6)),
        value if value >= 1e4 => format!("{}k", rounded(value / 1e3)),
        value => rounded(value),
    }
}

fn rounded(value: f64) -> String {
    let decimals = if value >= 100.0 {
        0
    } else if value >= 1.0 {
        1
    } else {
        3
    };
    let text = format!("{value:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}
