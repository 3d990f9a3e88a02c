//! Means with their spread, one below the other: leaderboards, scores of slices.

use super::bar::Rows;
use super::plot::{Key, SIZE, Sign, legend};
use super::scale::{Scale, spread};
use super::{Chart, Drawing};
use crate::number::short;
use crate::svg::{Anchor, Svg, n, width};
use crate::words::{Words, fill};

/// A value with the ends of its interval.
#[derive(Clone, Debug, PartialEq)]
pub struct Interval {
    /// The name of the row.
    pub name: String,
    /// The value.
    pub value: f64,
    /// The ends of the interval.
    pub ends: Option<[f64; 2]>,
    /// Whether it is highlighted.
    pub strong: bool,
}

/// Named intervals, one below the other, and a reference value.
///
/// ```
/// use tidemill_report::{Chart, Interval, IntervalPlot, Scale};
/// let row = Interval { name: "ridge".into(), value: 2.0, ends: Some([1.5, 2.5]), strong: true };
/// let chart = IntervalPlot::new("Leaderboard", Scale::number("RMSE"), "learner").with(row).against("baseline", 4.0);
/// assert!(chart.svg(&tidemill_report::words::EN).contains("baseline"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct IntervalPlot {
    /// The title above the chart.
    pub title: String,
    /// The horizontal scale: what is measured.
    pub x: Scale,
    /// What the names are.
    pub y_name: String,
    /// The rows, from top to bottom.
    pub rows: Vec<Interval>,
    /// The reference value.
    pub reference: Option<(String, f64)>,
}

impl IntervalPlot {
    /// A plot without rows.
    pub fn new(title: impl Into<String>, x: Scale, y_name: impl Into<String>) -> Self {
        IntervalPlot { title: title.into(), x, y_name: y_name.into(), rows: Vec::new(), reference: None }
    }

    /// Adds a row.
    pub fn with(mut self, row: Interval) -> Self {
        self.rows.push(row);
        self
    }

    /// Sets the reference value.
    pub fn against(mut self, name: impl Into<String>, value: f64) -> Self {
        self.reference = Some((name.into(), value));
        self
    }

    /// The range of the values, their ends, and the reference if it is near: a distant one would squeeze the rows.
    fn range(&self) -> [f64; 2] {
        let rows = || {
            self.rows.iter().flat_map(|r| {
                let [low, high] = r.ends.unwrap_or([r.value; 2]);
                [r.value, low, high]
            })
        };
        let [low, high] = spread(rows());
        let reach = 2.0 * (high - low);
        let near = self.reference.iter().map(|r| r.1).filter(|x| (low - reach..=high + reach).contains(x));
        self.x.ends(rows().chain(near), 0.04)
    }
}

impl Chart for IntervalPlot {
    fn title(&self) -> &str {
        &self.title
    }

    fn description(&self, words: &Words) -> String {
        let first = self.rows.iter().take(5).map(|r| format!("{} {}", r.name, short(r.value)));
        let first = first.collect::<Vec<_>>().join(words.chart_gap);
        fill(words.chart_by, &[("what", &self.x.name), ("by", &self.y_name), ("items", &first)])
    }

    fn axes(&self) -> Vec<&str> {
        vec![&self.x.name, &self.y_name]
    }

    fn draw(&self, wide: f64) -> Drawing {
        let mut out = Svg::default();
        let names: Vec<(&str, bool)> = self.rows.iter().map(|r| (r.name.as_str(), r.strong)).collect();
        let beside = self.rows.iter().map(|r| width(&short(r.value), SIZE)).fold(0.0, f64::max) + 6.0;
        let rows = Rows::new(&mut out, &names, (&self.x, self.range()), &self.y_name, wide, beside);
        if let Some((name, value)) = self.reference.as_ref().filter(|r| rows.holds(r.1)) {
            out.path(
                "reference",
                &format!("M{} {}V{}", n(rows.x(*value)), n(rows.top), n(rows.bottom)),
                name,
            );
        }
        for (i, row) in self.rows.iter().enumerate() {
            let middle = rows.middle(i);
            let other = if row.strong { "" } else { " other" };
            let what = format!("{}: {}", row.name, short(row.value));
            if let Some([low, high]) = row.ends {
                let d = format!("M{} {}H{}", n(rows.x(low)), n(middle), n(rows.x(high)));
                out.path(&format!("range{other}"), &d, &what);
            }
            let dot = if row.strong { "dot f0" } else { "dot quiet" };
            out.dot(dot, rows.x(row.value), middle, 5.0, &what);
            let class = if row.strong { "strong" } else { "tick" };
            out.text(class, wide, middle + 4.0, Anchor::End, &short(row.value));
        }
        let height = rows.height();
        self.under_legend(&mut out, &rows, wide, height)
    }
}

impl IntervalPlot {
    /// The legend of the reference, above the rows so that it never covers data; an arrow shows the direction of a reference beyond an
    /// edge.
    fn under_legend(&self, out: &mut Svg, rows: &Rows, wide: f64, height: f64) -> Drawing {
        let mut body = Svg::default();
        let keys = self.reference.iter().map(|(name, value)| {
            let inside = rows.holds(*value);
            let arrow = match inside {
                true => "",
                false if *value > rows.ends[1] => " →",
                false => " ←",
            };
            let name = format!("{name} {}{arrow}", short(*value));
            Key { class: "reference".into(), sign: if inside { Sign::Upright } else { Sign::None }, name }
        });
        let top = legend(&mut body, &keys.collect::<Vec<_>>(), rows.left, wide);
        body.group(0.0, top, std::mem::take(out));
        Drawing { height: height + top, body }
    }
}
