//! A row of dots per feature: the distribution of a quantity, and how it relates to the feature's value (Lundberg 2020, "beeswarm").

use std::collections::BTreeMap;
use std::fmt::Write;

use super::bar::Rows;
use super::plot::{Key, SIZE, Sign, legend};
use super::scale::{Scale, spread};
use super::{Chart, Drawing};
use crate::number::count;
use crate::svg::{Svg, n, width};
use crate::words::{Words, fill};

/// One dot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SwarmDot {
    /// Its position.
    pub value: f64,
    /// The rank of its feature value among the dots of its row, from 0 to 1; `None` if values have no order.
    pub level: Option<f64>,
}

/// Named rows of dots.
///
/// ```
/// use tidemill_report::{Beeswarm, Chart, Scale, SwarmDot};
/// let dots = vec![SwarmDot { value: -0.2, level: Some(0.0) }, SwarmDot { value: 0.3, level: Some(1.0) }];
/// let chart = Beeswarm {
///     title: "What it goes by".into(), x: Scale::number("what the column adds"), y_name: "column".into(),
///     rows: vec![("age".into(), dots)], levels: ["low".into(), "middle".into(), "high".into()], other: "no number".into(),
/// };
/// assert!(chart.svg(&tidemill_report::words::EN).contains("age"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Beeswarm {
    /// The title above the chart.
    pub title: String,
    /// The horizontal scale.
    pub x: Scale,
    /// What the names are.
    pub y_name: String,
    /// Names with their dots, from top to bottom.
    pub rows: Vec<(String, Vec<SwarmDot>)>,
    /// The names of the lowest, the middle and the highest third of levels.
    pub levels: [String; 3],
    /// The name for dots without a level.
    pub other: String,
}

/// Dots closer than this number of pixels are placed side by side.
const BIN: f64 = 4.0;
/// The maximum distance from the middle of a row.
const REACH: f64 = 9.0;
/// The CSS classes of low, middle and high levels, and of dots without a level.
pub(super) const CLASSES: [&str; 4] = ["low", "mid", "high", "none"];

/// The class of a level.
pub(super) fn level_class(level: Option<f64>) -> usize {
    match level {
        Some(level) if level < 1.0 / 3.0 => 0,
        Some(level) if level <= 2.0 / 3.0 => 1,
        Some(_) => 2,
        None => 3,
    }
}

impl SwarmDot {
    fn class(&self) -> usize {
        level_class(self.level)
    }
}

impl Beeswarm {
    fn dots(&self) -> impl Iterator<Item = &SwarmDot> {
        self.rows.iter().flat_map(|(_, dots)| dots).filter(|dot| dot.value.is_finite())
    }

    fn keys(&self) -> Vec<Key> {
        let names = self.levels.iter().chain([&self.other]);
        let used = |class: usize| self.dots().any(|dot| dot.class() == class);
        let key = |(class, name): (usize, &String)| Key {
            class: format!("dot d-{}", CLASSES[class]),
            sign: Sign::Dot,
            name: name.clone(),
        };
        names.enumerate().filter(|(class, _)| used(*class)).map(key).collect()
    }
}

impl Chart for Beeswarm {
    fn title(&self) -> &str {
        &self.title
    }

    fn description(&self, words: &Words) -> String {
        let first: Vec<&str> = self.rows.iter().take(5).map(|(name, _)| name.as_str()).collect();
        let dots = count(self.dots().count() as f64);
        let first = first.join(words.list);
        let values: [(&str, &dyn std::fmt::Display); 4] =
            [("what", &self.x.name), ("by", &self.y_name), ("n", &dots), ("items", &first)];
        fill(words.chart_dots, &values)
    }

    fn axes(&self) -> Vec<&str> {
        vec![&self.x.name, &self.y_name]
    }

    fn draw(&self, wide: f64) -> Drawing {
        let mut body = Svg::default();
        let names: Vec<(&str, bool)> = self.rows.iter().map(|(name, _)| (name.as_str(), false)).collect();
        let [low, high] = spread(self.dots().map(|dot| dot.value).chain([0.0]));
        let air = 0.03 * (high - low);
        let ends = self.x.range.unwrap_or([low - air, high + air]);
        let mut inner = Svg::default();
        let rows = Rows::new(&mut inner, &names, (&self.x, ends), &self.y_name, wide, 4.0);
        if rows.holds(0.0) {
            let zero = n(rows.x(0.0));
            inner.path("base", &format!("M{zero} {}V{}", n(rows.top), n(rows.bottom)), "");
        }
        for (i, (name, dots)) in self.rows.iter().enumerate() {
            for (class, path) in swarm(dots, &rows, i).iter().enumerate().filter(|(_, d)| !d.is_empty()) {
                inner.path(&format!("swarm p-{}", CLASSES[class]), path, name);
            }
        }
        let left = rows.left.min(wide - width("middle", SIZE) - 120.0).max(0.0);
        let top = legend(&mut body, &self.keys(), left, wide);
        body.group(0.0, top, inner);
        Drawing { height: rows.height() + top, body }
    }
}

/// The dots of a row, one path for each class. A zero-length line with round ends is a dot.
fn swarm(dots: &[SwarmDot], rows: &Rows, row: usize) -> [String; 4] {
    let mut bins: BTreeMap<i64, Vec<(f64, usize)>> = BTreeMap::new();
    for dot in dots.iter().filter(|dot| dot.value.is_finite() && rows.holds(dot.value)) {
        let x = rows.x(dot.value);
        bins.entry((x / BIN) as i64).or_default().push((x, dot.class()));
    }
    let mut paths: [String; 4] = Default::default();
    for dots in bins.values() {
        // Around the middle: above, below, above, …; many dots are placed closer together.
        let step = (2.0 * REACH / dots.len() as f64).min(BIN);
        for (k, (x, class)) in dots.iter().enumerate() {
            let side = if k % 2 == 0 { 1.0 } else { -1.0 };
            let y = rows.middle(row) + side * step * k.div_ceil(2) as f64;
            // Writing to a string cannot fail.
            let _ = write!(paths[*class], "M{} {}h0", n(*x), n(y));
        }
    }
    paths
}
