//! What each pair of names does together: a triangle of squares.

use super::confusion::shade;
use super::plot::SIZE;
use super::{Chart, Drawing};
use crate::number::short;
use crate::svg::{Anchor, Svg, fit, width};
use crate::words::{Words, fill};

/// Narrower squares show no number.
const WRITTEN: f64 = 38.0;
/// The highest square.
const HIGH: f64 = 44.0;
/// The longest name under a square, turned.
const TURNED: f64 = 90.0;

/// Squares for all pairs of names, the darker the more a pair does; numbers are written where there is space.
///
/// ```
/// use tidemill_report::{Chart, PairMap};
/// let names = ["age", "plan", "town"].map(String::from).to_vec();
/// let chart = PairMap { title: "Together".into(), names, values: vec![vec![0.5], vec![0.0, 0.25]] };
/// assert!(chart.svg(&tidemill_report::words::EN).contains(">0.2500<"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct PairMap {
    /// The title above the chart.
    pub title: String,
    /// The names, those that matter most first.
    pub names: Vec<String>,
    /// From 0 up: for the second name what it does with the first, for the third with the first and the second, and so on.
    pub values: Vec<Vec<f64>>,
}

impl PairMap {
    /// The pairs with what they do.
    fn pairs(&self) -> impl Iterator<Item = (&str, &str, f64)> {
        let rows = self.names.iter().skip(1).zip(&self.values);
        rows.flat_map(|(name, values)| {
            self.names.iter().zip(values).map(move |(other, value)| (other.as_str(), name.as_str(), *value))
        })
    }

    fn most(&self) -> f64 {
        self.pairs().map(|(.., value)| value).filter(|x| x.is_finite()).fold(f64::MIN_POSITIVE, f64::max)
    }

    fn squares(&self, out: &mut Svg, left: f64, [cell, high]: [f64; 2]) {
        let most = self.most();
        for (row, values) in self.values.iter().enumerate() {
            for (column, value) in values.iter().enumerate() {
                let step = if value.is_finite() { shade(value / most) } else { 0 };
                let (x, y) = (left + cell * column as f64, high * row as f64 + 2.0);
                let (Some(name), Some(other)) = (self.names.get(row + 1), self.names.get(column)) else {
                    continue;
                };
                let what = format!("{other} × {name}: {}", short(*value));
                out.rect(&format!("cell h{step}"), [x, y, cell, high], &what);
                if cell >= WRITTEN && *value > 0.0 {
                    let class = format!("part i{step}");
                    let number = fit(&short(*value), cell - 4.0, SIZE);
                    out.text(&class, x + cell / 2.0, y + high / 2.0 + 4.5, Anchor::Middle, &number);
                }
            }
        }
    }
}

impl Chart for PairMap {
    fn title(&self) -> &str {
        &self.title
    }

    fn description(&self, words: &Words) -> String {
        let mut pairs: Vec<_> = self.pairs().filter(|(.., value)| *value > 0.0).collect();
        pairs.sort_by(|a, b| b.2.total_cmp(&a.2));
        let items = pairs.iter().take(5).map(|(a, b, value)| format!("{a} × {b} {}", short(*value)));
        let items = items.collect::<Vec<_>>().join(words.list);
        fill(words.insight.pairs_described, &[("what", &self.title), ("items", &items)])
    }

    fn axes(&self) -> Vec<&str> {
        Vec::new()
    }

    fn draw(&self, wide: f64) -> Drawing {
        let mut out = Svg::default();
        let n = self.names.len().saturating_sub(1);
        let longest = self.names.iter().skip(1).map(|name| width(name, SIZE)).fold(0.0, f64::max);
        let left = (longest + 12.0).clamp(40.0, 0.36 * wide);
        let cell = ((wide - left - 2.0) / n.max(1) as f64).min(120.0);
        let high = cell.min(HIGH);
        self.squares(&mut out, left, [cell, high]);
        for (row, name) in self.names.iter().skip(1).enumerate() {
            let y = high * (row as f64 + 0.5) + 6.0;
            out.text("name", left - 8.0, y, Anchor::End, &fit(name, left - 10.0, SIZE));
        }
        let bottom = high * n as f64 + 2.0;
        let under = self.names.iter().take(n);
        let flat = under.clone().all(|name| width(name, SIZE) + 8.0 <= cell);
        for (column, name) in under.clone().enumerate() {
            let middle = left + cell * (column as f64 + 0.5);
            match flat {
                true => out.text("name", middle, bottom + 18.0, Anchor::Middle, name),
                false => out.turned("name", middle + 4.0, bottom + 8.0, &fit(name, TURNED, SIZE)),
            }
        }
        let tallest = under.map(|name| width(name, SIZE).min(TURNED)).fold(0.0, f64::max);
        Drawing { height: bottom + if flat { 26.0 } else { tallest + 16.0 }, body: out }
    }
}
