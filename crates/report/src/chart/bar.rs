//! Horizontal bars with names of any length, and whiskers if there is a spread.

use super::plot::{SIZE, share};
use super::scale::{Scale, ticks};
use super::{Chart, Drawing};
use crate::number::short;
use crate::svg::{Anchor, Svg, fit, fit_name, n, width};
use crate::words::{Words, fill};

/// One bar.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// The name of the bar.
    pub name: String,
    /// The length of the bar.
    pub value: f64,
    /// The ends of its whisker.
    pub spread: Option<[f64; 2]>,
    /// The label next to it; the value if not set.
    pub label: Option<String>,
}

impl Bar {
    /// A bar without a whisker.
    pub fn new(name: impl Into<String>, value: f64) -> Self {
        Bar { name: name.into(), value, spread: None, label: None }
    }
}

/// Named bars, one below the other.
///
/// ```
/// use tidemill_report::{Bar, BarChart, Chart, Scale};
/// let chart = BarChart::new("Importance", Scale::number("loss of accuracy"), "column").with(Bar::new("age", 0.2));
/// assert!(chart.svg(&tidemill_report::words::EN).contains("age"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct BarChart {
    /// The title above the chart.
    pub title: String,
    /// The horizontal scale: what the bars measure.
    pub x: Scale,
    /// What the names are.
    pub y_name: String,
    /// The bars, from top to bottom.
    pub bars: Vec<Bar>,
}

/// The maximum share of the width for the names on the left.
const MOST_LEFT: f64 = 0.42;
/// The distance from the top of one row to the next.
pub(crate) const ROW: f64 = 26.0;

impl BarChart {
    /// A chart without bars.
    pub fn new(title: impl Into<String>, x: Scale, y_name: impl Into<String>) -> Self {
        BarChart { title: title.into(), x, y_name: y_name.into(), bars: Vec::new() }
    }

    /// Adds a bar.
    pub fn with(mut self, bar: Bar) -> Self {
        self.bars.push(bar);
        self
    }

    /// The range of the axis, which includes 0.
    fn ends(&self) -> [f64; 2] {
        let values = self.bars.iter().flat_map(|b| {
            let [low, high] = b.spread.unwrap_or([b.value; 2]);
            [b.value, low, high]
        });
        let found = values.filter(|v| v.is_finite()).fold([0.0f64; 2], |[l, h], v| [l.min(v), h.max(v)]);
        let ends = if found[0] < found[1] { found } else { [0.0, 1.0] };
        self.x.range.unwrap_or(ends)
    }
}

/// The distance from the top of one row to the next if names are above the rows.
const TALL_ROW: f64 = 42.0;

/// The layout of rows with names on the left, or above each row if they are too long for that: where the names end and where the data end.
pub(crate) struct Rows {
    pub(crate) left: f64,
    pub(crate) right: f64,
    pub(crate) top: f64,
    pub(crate) bottom: f64,
    pub(crate) ends: [f64; 2],
    above: bool,
}

impl Rows {
    /// Draws names, grid and axis of `names.len()` rows; `beside` is the space needed by labels on the right.
    pub(crate) fn new(
        out: &mut Svg,
        names: &[(&str, bool)],
        (x, ends): (&Scale, [f64; 2]),
        y_name: &str,
        wide: f64,
        beside: f64,
    ) -> Rows {
        let longest = names.iter().map(|(name, strong)| label_width(name, *strong)).fold(0.0, f64::max);
        let above = longest + 34.0 > MOST_LEFT * wide;
        let left = if above { 28.0 } else { (longest + 34.0).max(60.0) };
        let (top, right) = (8.0, wide - beside - 10.0);
        let bottom = top + if above { TALL_ROW } else { ROW } * names.len() as f64;
        let rows = Rows { left, right, top, bottom, ends, above };
        for (at, label) in ticks(ends[0], ends[1], ((right - left) / 70.0).clamp(2.0, 7.0) as usize, x.axis) {
            let at = rows.x(at);
            out.path("grid", &format!("M{} {}V{}", n(at), n(top), n(bottom)), "");
            out.text("tick", at, bottom + 17.0, Anchor::Middle, &label);
        }
        for (i, (name, strong)) in names.iter().enumerate() {
            let class = if *strong { "strong" } else { "name" };
            let (size, middle) = (if *strong { 1.1 * SIZE } else { SIZE }, rows.middle(i));
            if above {
                let class = format!("{class} over");
                out.text(
                    &class,
                    left + 3.0,
                    middle - 15.0,
                    Anchor::Start,
                    &fit(name, wide - left - 3.0, size),
                );
            } else {
                // Half a pixel more than the longest name takes: rounding must not cut it.
                out.text(class, left - 10.0, middle + 4.0, Anchor::End, &fit(name, left - 33.5, size));
            }
        }
        let name = fit_name(&x.name, wide, SIZE);
        let half = width(&name, SIZE) / 2.0;
        let middle = ((left + right) / 2.0).max(half).min(wide - half);
        out.text("axis-name", middle, bottom + 39.0, Anchor::Middle, &name);
        // A single row is less high than its name is long, but there is space below, next to the ticks.
        let name = fit_name(y_name, bottom - top + 36.0, SIZE);
        let middle = ((top + bottom) / 2.0).max(width(&name, SIZE) / 2.0);
        out.upright("axis-name", 12.0, middle, &name);
        rows
    }

    pub(crate) fn x(&self, x: f64) -> f64 {
        self.left + share(x, self.ends) * (self.right - self.left)
    }

    /// Whether a value is within the axis.
    pub(crate) fn holds(&self, x: f64) -> bool {
        (self.ends[0]..=self.ends[1]).contains(&x)
    }

    /// The vertical middle of row `i`.
    pub(crate) fn middle(&self, i: usize) -> f64 {
        match self.above {
            true => self.top + TALL_ROW * (i as f64 + 1.0) - 13.0,
            false => self.top + ROW * (i as f64 + 0.5),
        }
    }

    /// The upper edge of row `i`.
    pub(crate) fn edge(&self, i: usize) -> f64 {
        self.top + if self.above { TALL_ROW } else { ROW } * i as f64
    }

    /// Where a band of colour along row `i` starts, and its height: below the name where that stands above the row.
    pub(crate) fn band(&self, i: usize) -> [f64; 2] {
        if self.above { [self.middle(i) - 8.0, 20.0] } else { [self.edge(i) + 1.5, ROW - 3.0] }
    }

    /// The height of the whole chart.
    pub(crate) fn height(&self) -> f64 {
        self.bottom + 48.0
    }
}

/// Bold letters are wider.
fn label_width(name: &str, strong: bool) -> f64 {
    width(name, if strong { 1.1 * SIZE } else { SIZE })
}

impl Chart for BarChart {
    fn title(&self) -> &str {
        &self.title
    }

    fn description(&self, words: &Words) -> String {
        let first = self.bars.iter().take(5).map(|b| format!("{} {}", b.name, short(b.value)));
        let first = first.collect::<Vec<_>>().join(words.chart_gap);
        fill(words.chart_by, &[("what", &self.x.name), ("by", &self.y_name), ("items", &first)])
    }

    fn axes(&self) -> Vec<&str> {
        vec![&self.x.name, &self.y_name]
    }

    fn draw(&self, wide: f64) -> Drawing {
        let mut out = Svg::default();
        let label = |b: &Bar| b.label.clone().unwrap_or_else(|| short(b.value));
        let names: Vec<(&str, bool)> = self.bars.iter().map(|b| (b.name.as_str(), false)).collect();
        let beside = self.bars.iter().map(|b| width(&label(b), SIZE)).fold(0.0, f64::max) + 10.0;
        let rows = Rows::new(&mut out, &names, (&self.x, self.ends()), &self.y_name, wide, beside);
        let zero = rows.x(0.0);
        for (i, bar) in self.bars.iter().enumerate() {
            let (end, middle) = (rows.x(bar.value), rows.middle(i));
            let what = format!("{}: {}", bar.name, label(bar));
            out.rect("bar", [zero.min(end), middle - 7.0, (end - zero).abs(), 14.0], &what);
            let mut reach = end.max(zero);
            if let Some([low, high]) = bar.spread {
                let (low, high) = (rows.x(low), rows.x(high));
                reach = reach.max(high);
                let d = format!(
                    "M{a} {m}H{b}M{a} {t}v8M{b} {t}v8",
                    a = n(low),
                    b = n(high),
                    m = n(middle),
                    t = n(middle - 4.0)
                );
                out.path("whisker", &d, "");
            }
            out.text("value", reach + 7.0, middle + 4.0, Anchor::Start, &label(bar));
        }
        out.path("base", &format!("M{} {}V{}", n(zero), n(rows.top), n(rows.bottom)), "");
        Drawing { height: rows.height(), body: out }
    }
}
