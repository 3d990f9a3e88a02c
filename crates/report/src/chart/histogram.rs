//! Histograms.

use super::plot::{Key, Plot, Sign};
use super::scale::Scale;
use super::{Chart, Drawing};
use crate::number::{count, short};
use crate::svg::Svg;
use crate::words::{Words, fill};

/// The values from `low` to `high`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bin {
    /// The smallest value.
    pub low: f64,
    /// The largest value.
    pub high: f64,
    /// The number of values, or their weight.
    pub count: f64,
}

/// Bars without gaps over an axis of numbers or times.
///
/// ```
/// use tidemill_report::{Bin, Chart, Histogram, Scale};
/// let bins = vec![Bin { low: 0.0, high: 1.0, count: 3.0 }, Bin { low: 1.0, high: 2.0, count: 5.0 }];
/// let chart = Histogram { title: "Age".into(), x: Scale::number("age (years)"), y_name: "rows".into(), bins, mark: None, small: false };
/// assert!(chart.svg(&tidemill_report::words::EN).contains("age (years)"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// The title above the chart.
    pub title: String,
    /// The horizontal scale: what is measured.
    pub x: Scale,
    /// What is counted.
    pub y_name: String,
    /// The bins, from left to right.
    pub bins: Vec<Bin>,
    /// A value marked by a line: zero error, a threshold.
    pub mark: Option<(String, f64)>,
    /// Whether it is one of many: low, with few labels.
    pub small: bool,
}

impl Histogram {
    /// Counts `values` in `n` bins of equal width; values that are not finite are ignored.
    pub fn bins(values: impl Iterator<Item = f64> + Clone, n: usize) -> Vec<Bin> {
        let finite = || values.clone().filter(|v| v.is_finite());
        let [low, high] = super::scale::spread(finite());
        let n = n.max(1);
        let width = (high - low) / n as f64;
        let mut counts = vec![0.0; n];
        for value in finite() {
            counts[(((value - low) / width) as usize).min(n - 1)] += 1.0;
        }
        let edge = |i: usize| low + width * i as f64;
        counts
            .into_iter()
            .enumerate()
            .map(|(i, count)| Bin { low: edge(i), high: edge(i + 1), count })
            .collect()
    }
}

impl Chart for Histogram {
    fn title(&self) -> &str {
        &self.title
    }

    fn description(&self, words: &Words) -> String {
        let total: f64 = self.bins.iter().map(|b| b.count).sum();
        let ends = [self.bins.first().map(|b| b.low), self.bins.last().map(|b| b.high)];
        let [low, high] = ends.map(|e| e.map_or_else(|| "–".into(), short));
        let values: [(&str, &dyn std::fmt::Display); 5] = [
            ("what", &self.y_name),
            ("column", &self.x.name),
            ("n", &count(total)),
            ("low", &low),
            ("high", &high),
        ];
        fill(words.chart_total, &values)
    }

    fn axes(&self) -> Vec<&str> {
        vec![&self.x.name, &self.y_name]
    }

    fn draw(&self, wide: f64) -> Drawing {
        let mut out = Svg::default();
        let most = self.bins.iter().map(|b| b.count).filter(|c| c.is_finite()).fold(0.0, f64::max);
        let x = self.x.ends(self.bins.iter().flat_map(|b| [b.low, b.high]), 0.0);
        let up = Scale::number(self.y_name.clone()).within(0.0, if most > 0.0 { 1.04 * most } else { 1.0 });
        let keys: Vec<Key> = self
            .mark
            .iter()
            .map(|(name, _)| Key { class: "reference".into(), sign: Sign::Upright, name: name.clone() })
            .collect();
        let high = if self.small { 84.0 } else { (0.62 * wide).clamp(150.0, 240.0) };
        let plot =
            Plot::new(&mut out, wide, high, (&self.x, x), (&up, up.ends(std::iter::empty(), 0.0)), &keys);
        let [_, top, _, bottom] = plot.edges();
        for bin in &self.bins {
            let (left, right) = (plot.x(bin.low), plot.x(bin.high));
            let gap = if right - left > 5.0 { 1.0 } else { 0.0 };
            let y = plot.y(bin.count);
            // A few rows among many must remain visible.
            let y = if bin.count > 0.0 { y.min(bottom - 1.0) } else { y };
            let what = format!("{} – {}: {}", short(bin.low), short(bin.high), count(bin.count));
            out.rect("bar", [left, y, right - left - gap, bottom - y], &what);
        }
        if let Some((name, at)) = &self.mark {
            use crate::svg::n;
            out.path("reference", &format!("M{} {}V{}", n(plot.x(*at)), n(top), n(bottom)), name);
        }
        Drawing { height: plot.size[1], body: out }
    }
}
