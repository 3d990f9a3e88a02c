//! Stripes of colour: what each column does in each of many rows.

use std::fmt::Write;

use super::bar::Rows;
use super::plot::{Key, SIZE, Sign, legend};
use super::scale::Scale;
use super::{Chart, Drawing};
use crate::number::count;
use crate::svg::{Svg, n, width};
use crate::words::{Words, fill};

/// Bands of cells, in the colour of what raises and of what lowers, the stronger the more.
///
/// ```
/// use tidemill_report::{Chart, HeatMap};
/// let chart = HeatMap {
///     title: "What each column does".into(), x_name: "rows".into(), y_name: "column".into(),
///     total: ("all".into(), vec![0.4, -0.9]), bands: vec![("age".into(), vec![0.5, -1.0]), ("plan".into(), vec![-0.1, 0.1])],
///     signs: ["lowers".into(), "raises".into()],
/// };
/// assert!(chart.svg(&tidemill_report::words::EN).contains("plan"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct HeatMap {
    /// The title above the chart.
    pub title: String,
    /// What stands side by side, and in which order.
    pub x_name: String,
    /// What the names are.
    pub y_name: String,
    /// The band above all others: their sum.
    pub total: (String, Vec<f64>),
    /// Names with their cells, from top to bottom.
    pub bands: Vec<(String, Vec<f64>)>,
    /// The names of what is below 0 and of what is above.
    pub signs: [String; 2],
}

/// Steps of colour on each side of 0.
const STEPS: usize = 5;
/// The classes of both sides.
const SIDES: [&str; 2] = ["lowers", "raises"];

impl HeatMap {
    /// All bands, the sum first.
    fn all(&self) -> impl Iterator<Item = &(String, Vec<f64>)> {
        std::iter::once(&self.total).chain(&self.bands)
    }

    /// The side and the step of a cell; `None` for what is next to nothing.
    fn shade(x: f64, most: f64) -> Option<(usize, usize)> {
        let step = (STEPS as f64 * x.abs() / most).round();
        // What is no number has no step.
        (step >= 1.0).then(|| (usize::from(x > 0.0), (step as usize).min(STEPS)))
    }
}

impl Chart for HeatMap {
    fn title(&self) -> &str {
        &self.title
    }

    fn description(&self, words: &Words) -> String {
        let first: Vec<&str> = self.bands.iter().take(5).map(|(name, _)| name.as_str()).collect();
        let (cells, first) = (count(self.total.1.len() as f64), first.join(words.list));
        let values: [(&str, &dyn std::fmt::Display); 4] =
            [("what", &self.title), ("by", &self.y_name), ("n", &cells), ("items", &first)];
        fill(words.chart_dots, &values)
    }

    fn axes(&self) -> Vec<&str> {
        vec![&self.x_name, &self.y_name]
    }

    fn draw(&self, wide: f64) -> Drawing {
        let mut body = Svg::default();
        let cells = self.all().map(|(_, cells)| cells.len()).max().unwrap_or(0);
        let of_bands = self.bands.iter().flat_map(|(_, cells)| cells).map(|x| x.abs());
        let most = of_bands.filter(|x| x.is_finite()).fold(f64::MIN_POSITIVE, f64::max);
        let names: Vec<(&str, bool)> =
            self.all().enumerate().map(|(i, (name, _))| (name.as_str(), i == 0)).collect();
        let mut inner = Svg::default();
        let scale = Scale::number(self.x_name.as_str());
        let ends = [0.0, cells.max(1) as f64];
        let rows = Rows::new(&mut inner, &names, (&scale, ends), &self.y_name, wide, 4.0);
        for (i, (name, cells)) in self.all().enumerate() {
            let [y, high] = rows.band(i);
            inner.rect("cell h0", [rows.left, y, rows.right - rows.left, high], "");
            let mut paths: [String; 2 * STEPS] = Default::default();
            let mut start = 0;
            // Neighbours of one colour are one stripe.
            for stripe in cells.chunk_by(|a, b| HeatMap::shade(*a, most) == HeatMap::shade(*b, most)) {
                let (from, to) = (rows.x(start as f64), rows.x((start + stripe.len()) as f64));
                start += stripe.len();
                if let Some((side, step)) = HeatMap::shade(stripe[0], most) {
                    // Writing to a string cannot fail.
                    let _ = write!(
                        paths[side * STEPS + step - 1],
                        "M{} {}H{}v{}H{}z",
                        n(from),
                        n(y),
                        n(to),
                        n(high),
                        n(from)
                    );
                }
            }
            for (at, path) in paths.iter().enumerate().filter(|(_, path)| !path.is_empty()) {
                inner.path(&format!("{} o{}", SIDES[at / STEPS], at % STEPS + 1), path, name);
            }
        }
        let key = |(side, name): (usize, &String)| Key {
            class: format!("{} o4", SIDES[side]),
            sign: Sign::Box,
            name: name.clone(),
        };
        let keys: Vec<Key> = self.signs.iter().enumerate().map(key).collect();
        let left = rows.left.min(wide - width("middle", SIZE) - 120.0).max(0.0);
        let top = legend(&mut body, &keys, left, wide);
        body.group(0.0, top, inner);
        Drawing { height: rows.height() + top, body }
    }
}
