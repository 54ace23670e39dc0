//! The plots of the page, as SVG in placeholder colours that the page's style replaces: a bar for each model.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::options::Load;
use crate::outcome::{Row, digits};

const INK: RGBColor = RGBColor(0, 0, 1);
const ACCENT: RGBColor = RGBColor(0, 0, 2);
const FAINT: RGBColor = RGBColor(0, 0, 3);
/// Pixels of the drawing, of a line of it, and where bars begin and end.
const WIDTH: u32 = 900;
const LINE_HEIGHT: i32 = 24;
const BARS_FROM: i32 = 170;
const BARS_TO: i32 = 780;
const MARGIN: i32 = 6;
/// Pixels for the numbers below a scale of powers.
const AXIS_HEIGHT: u32 = 20;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type DrawingResult = Result<(), Box<dyn std::error::Error>>;

/// One line of a plot.
#[derive(Clone, Debug, PartialEq)]
struct Bar {
    name: String,
    /// Lengths of the parts, one after the other: in full and in faint colour.
    parts: [f64; 2],
    /// Between what the repetitions lie.
    range: Option<[f64; 2]>,
    label: String,
}

/// How lengths follow from values.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Scale {
    Linear {
        most: f64,
    },
    /// From the least to the most, by powers of ten.
    Powers {
        least: f64,
        most: f64,
    },
}

/// Captions and plots of a load, those without anything to show left out.
pub(super) fn of_load(load: Load, rows: &[&Row]) -> Vec<(String, String)> {
    let memory = |row: &Row| match (row.user_bytes_per_connection, row.kernel_bytes_per_connection) {
        (None, None) => None,
        (user, kernel) => Some([user.unwrap_or(0.0), kernel.unwrap_or(0.0)]),
    };
    let one = |value: Option<f64>| value.map(|value| [value, 0.0]);
    let rate = bars(rows, true, |row| one(row.requests_per_second), |row| row.spread.requests_per_second);
    let cpu = bars(rows, false, |row| one(row.cpu_seconds_per_million), |row| row.spread.cpu_seconds_per_million);
    let latency =
        bars(rows, false, |row| one(row.latency_ms.p99), |row| Some([row.latency_ms.p50?, row.latency_ms.p999?]));
    let held = bars(rows, true, |row| one(row.max_connections.map(|count| count as f64)), |_| None);
    let memory = bars(rows, false, memory, |_| None);
    let what = if load == Load::Connect { "Connections" } else { "Requests" };
    let mut plots = vec![
        (format!("{what} a second, and between what the repetitions lie"), rate, false),
        ("CPU seconds a million".to_owned(), cpu, false),
        ("Latency, ms: p99 as a mark, from p50 to p99.9 as a line".to_owned(), latency, true),
    ];
    if load == Load::Idle {
        plots.push(("Bytes a connection: user, and kernel (faint)".to_owned(), memory, false));
        plots.push(("Connections held".to_owned(), held, false));
    }
    let draw = |(caption, bars, by_powers): (String, Vec<Bar>, bool)| Some((caption, plot(&bars, by_powers)?));
    plots.into_iter().filter_map(draw).collect()
}

/// A bar for each row that has the value, the best first.
fn bars(
    rows: &[&Row],
    more_is_better: bool,
    value: impl Fn(&Row) -> Option<[f64; 2]>,
    range: impl Fn(&Row) -> Option<[f64; 2]>,
) -> Vec<Bar> {
    let bar = |row: &&Row| {
        let parts = value(row)?;
        let label = match parts[1] > 0.0 {
            true => format!("{} + {}", digits(Some(parts[0])), digits(Some(parts[1]))),
            false => digits(Some(parts[0])),
        };
        Some(Bar { name: row.model.clone(), parts, range: range(row), label })
    };
    let mut bars: Vec<Bar> = rows.iter().filter_map(bar).collect();
    bars.sort_by(|one, other| {
        let order = (one.parts[0] + one.parts[1]).total_cmp(&(other.parts[0] + other.parts[1]));
        if more_is_better { order.reverse() } else { order }
    });
    bars
}

/// None if there is nothing above zero to show.
fn plot(bars: &[Bar], by_powers: bool) -> Option<String> {
    let ends =
        bars.iter().flat_map(|bar| [bar.parts[0] + bar.parts[1]].into_iter().chain(bar.range.into_iter().flatten()));
    let positive: Vec<f64> = ends.filter(|end| *end > 0.0 && end.is_finite()).collect();
    let most = positive.iter().copied().reduce(f64::max)?;
    let least = positive.iter().copied().reduce(f64::min)?;
    let scale = match by_powers {
        true => Scale::Powers { least: 10_f64.powf(least.log10().floor()), most },
        false => Scale::Linear { most },
    };
    let height = u32::try_from(bars.len()).ok()? * LINE_HEIGHT.unsigned_abs() + 2 * MARGIN.unsigned_abs();
    let height = if by_powers { height + AXIS_HEIGHT } else { height };
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        // Drawing into a String cannot fail, and every coordinate is inside of the area.
        draw(&area, bars, scale).expect("a plot of finite numbers into memory is always drawn");
        area.present().expect("a String always takes more");
    }
    Some(svg)
}

fn draw(area: &Area<'_>, bars: &[Bar], scale: Scale) -> DrawingResult {
    let bottom = MARGIN + LINE_HEIGHT * i32::try_from(bars.len())?;
    let style = |to, from| ("sans-serif", 14, &INK).into_text_style(area).pos(Pos::new(to, from));
    for power in scale.powers() {
        let at = scale.place(power);
        area.draw(&PathElement::new([(at, MARGIN), (at, bottom)], FAINT))?;
        area.draw(&Text::new(digits_of_power(power), (at, bottom + 4), style(HPos::Center, VPos::Top)))?;
    }
    for (bar, line) in bars.iter().zip(0..) {
        let middle = MARGIN + line * LINE_HEIGHT + LINE_HEIGHT / 2;
        area.draw(&Text::new(bar.name.clone(), (BARS_FROM - 8, middle), style(HPos::Right, VPos::Center)))?;
        let end = match scale {
            Scale::Linear { .. } => draw_bar(area, bar, scale, middle)?,
            Scale::Powers { .. } => draw_range(area, bar, scale, middle)?,
        };
        area.draw(&Text::new(bar.label.clone(), (end + 8, middle), style(HPos::Left, VPos::Center)))?;
    }
    Ok(())
}

/// A bar from nothing to its value, with a whisker over what the repetitions gave. Returns where it ends.
fn draw_bar(area: &Area<'_>, bar: &Bar, scale: Scale, middle: i32) -> Result<i32, Box<dyn std::error::Error>> {
    let (top, under) = (middle - 8, middle + 8);
    let (first, both) = (scale.place(bar.parts[0]), scale.place(bar.parts[0] + bar.parts[1]));
    area.draw(&Rectangle::new([(BARS_FROM, top), (first.max(BARS_FROM + 1), under)], ACCENT.filled()))?;
    if both > first {
        area.draw(&Rectangle::new([(first, top), (both, under)], FAINT.filled()))?;
    }
    let Some([from, to]) = bar.range.map(|range| range.map(|value| scale.place(value))).filter(|[from, to]| from < to)
    else {
        return Ok(both);
    };
    area.draw(&PathElement::new([(from, middle), (to, middle)], INK))?;
    for at in [from, to] {
        area.draw(&PathElement::new([(at, middle - 4), (at, middle + 4)], INK))?;
    }
    Ok(both.max(to))
}

/// A line over the range, and a mark at the value: on a scale of powers nothing begins at zero. Returns where it ends.
fn draw_range(area: &Area<'_>, bar: &Bar, scale: Scale, middle: i32) -> Result<i32, Box<dyn std::error::Error>> {
    let at = scale.place(bar.parts[0]);
    let [from, to] = bar.range.map_or([at, at], |range| range.map(|value| scale.place(value)));
    area.draw(&Rectangle::new([(from, middle - 3), (to.max(from + 1), middle + 3)], FAINT.filled()))?;
    area.draw(&Rectangle::new([(at - 3, middle - 8), (at + 3, middle + 8)], ACCENT.filled()))?;
    Ok(to.max(at + 3))
}

/// A power of ten as it is written.
fn digits_of_power(power: f64) -> String {
    let decimals = (-power.log10().round()).max(0.0) as usize;
    format!("{power:.decimals$}")
}

impl Scale {
    /// The pixel of a value.
    fn place(self, value: f64) -> i32 {
        let part = match self {
            Scale::Linear { most } => value / most,
            Scale::Powers { least, most } => {
                (value.max(least) / least).log10() / (most / least).log10().max(f64::MIN_POSITIVE)
            }
        };
        BARS_FROM + (part.clamp(0.0, 1.0) * f64::from(BARS_TO - BARS_FROM)).round() as i32
    }

    /// The powers of ten that lie on the scale; none if it is linear.
    fn powers(self) -> Vec<f64> {
        let Scale::Powers { least, most } = self else {
            return Vec::new();
        };
        std::iter::successors(Some(least), |power| Some(power * 10.0)).take_while(|power| *power <= most).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_lie_between_their_ends_whatever_the_scale() {
        let powers = Scale::Powers { least: 0.01, most: 100.0 };
        assert_eq!((powers.place(0.0), powers.place(0.01)), (BARS_FROM, BARS_FROM));
        assert_eq!((powers.place(100.0), powers.place(1e9)), (BARS_TO, BARS_TO));
        assert_eq!(powers.place(1.0), (BARS_FROM + BARS_TO) / 2);
        assert_eq!(powers.powers().len(), 5);
        let linear = Scale::Linear { most: 10.0 };
        assert_eq!((linear.place(5.0), linear.powers().len()), ((BARS_FROM + BARS_TO) / 2, 0));
    }

    #[test]
    fn the_best_stands_first_and_who_has_no_figure_not_at_all() {
        let row = |model: &str, rate| Row { model: model.into(), requests_per_second: rate, ..Row::default() };
        let rows = [row("slow", Some(1.0)), row("fast", Some(9.0)), row("none", None)];
        let rows: Vec<&Row> = rows.iter().collect();
        let bars = bars(&rows, true, |row| row.requests_per_second.map(|rate| [rate, 0.0]), |_| None);
        let names: Vec<&str> = bars.iter().map(|bar| bar.name.as_str()).collect();
        assert_eq!(names, ["fast", "slow"]);
        assert!(plot(&[], true).is_none());
    }

    #[test]
    fn one_value_alone_is_drawn_on_both_scales() {
        let bar = Bar { name: "a".into(), parts: [0.01, 0.0], range: Some([0.01, 0.01]), label: "0.01".into() };
        for by_powers in [false, true] {
            assert!(plot(std::slice::from_ref(&bar), by_powers).unwrap().contains("</svg>"));
        }
    }
}
