//! True classes against predicted classes.

use super::plot::SIZE;
use super::{Chart, Drawing};
use crate::number::{count, percent};
use crate::palette::HEAT;
use crate::svg::{Anchor, Svg, fit, width};
use crate::words::{Words, fill};

/// Up to this number of classes, each cell shows its count.
const WRITTEN: usize = 10;

/// A confusion matrix: shaded by the share of the true class, with counts if there is space for them.
///
/// ```
/// use tidemill_report::{Chart, ConfusionMatrix};
/// let chart = ConfusionMatrix {
///     title: "Right and wrong".into(), x_name: "predicted".into(), y_name: "true".into(),
///     classes: vec!["no".into(), "yes".into()], counts: vec![vec![40.0, 2.0], vec![3.0, 15.0]],
/// };
/// assert!(chart.svg(&tidemill_report::words::EN).contains(">40<"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ConfusionMatrix {
    /// The title above the chart.
    pub title: String,
    /// The name of the horizontal axis: the predicted class.
    pub x_name: String,
    /// The name of the vertical axis: the true class.
    pub y_name: String,
    /// The names of the classes.
    pub classes: Vec<String>,
    /// Rows, or their weight: one inner vector per true class, one number per predicted class.
    pub counts: Vec<Vec<f64>>,
}

impl ConfusionMatrix {
    /// The share of the true class `row` that was predicted as `column`.
    fn share(&self, row: usize, column: usize) -> f64 {
        let cells = self.counts.get(row).map_or(&[][..], Vec::as_slice);
        let total: f64 = cells.iter().sum();
        let share = cells.get(column).copied().unwrap_or(0.0) / total;
        if share.is_finite() { share } else { 0.0 }
    }

    fn cells(&self, out: &mut Svg, [left, top]: [f64; 2], [cell, high]: [f64; 2]) {
        let k = self.classes.len();
        for (row, truth) in self.classes.iter().enumerate() {
            for (column, predicted) in self.classes.iter().enumerate() {
                let share = self.share(row, column);
                let found = self.counts.get(row).and_then(|c| c.get(column)).copied().unwrap_or(0.0);
                let shade = shade(share);
                let (x, y) = (left + cell * column as f64, top + high * row as f64);
                let what = format!("{truth} → {predicted}: {}, {}", count(found), percent(share));
                // In a large matrix, a rectangle for each empty cell would only make the page larger.
                if found > 0.0 || k <= WRITTEN {
                    out.rect(&format!("cell h{shade}"), [x, y, cell, high], &what);
                }
                if k > WRITTEN {
                    continue;
                }
                let both = high >= 40.0 && cell >= 44.0;
                let middle = y + high / 2.0 + if both { -1.0 } else { 4.5 };
                let class = if cell >= 34.0 { format!("count i{shade}") } else { format!("part i{shade}") };
                out.text(&class, x + cell / 2.0, middle, Anchor::Middle, &brief(found));
                if both {
                    out.text(
                        &format!("part i{shade}"),
                        x + cell / 2.0,
                        middle + 15.0,
                        Anchor::Middle,
                        &percent(share),
                    );
                }
            }
        }
    }

    /// The names, thinned out so that they do not touch.
    fn names(&self, out: &mut Svg, [left, top]: [f64; 2], [cell, high]: [f64; 2]) {
        let k = self.classes.len();
        let bottom = top + high * k as f64;
        let longest = self.classes.iter().map(|c| width(c, SIZE)).fold(0.0, f64::max);
        let flat = longest.min(90.0) + 8.0 <= cell;
        let every = |room: f64, needs: f64| (needs / room).ceil().max(1.0) as usize;
        let down = every(high, 14.0);
        let across = every(cell, 15.0);
        for (i, name) in self.classes.iter().enumerate() {
            let middle = (i as f64) + 0.5;
            if i % down == 0 {
                out.text(
                    "name",
                    left - 8.0,
                    top + high * middle + 4.0,
                    Anchor::End,
                    &fit(name, left - 34.0, SIZE),
                );
            }
            if flat {
                out.text(
                    "name",
                    left + cell * middle,
                    bottom + 18.0,
                    Anchor::Middle,
                    &fit(name, cell - 6.0, SIZE),
                );
                continue;
            }
            // Half a line to the right, the letters are centred; the last label of narrow cells would be outside.
            let x = left + cell * middle + 4.0;
            if i % across == 0 && x + 3.5 <= left + cell * k as f64 + 2.0 {
                out.turned("name", x, bottom + 8.0, &fit(name, 76.0, SIZE));
            }
        }
    }
}

/// A count, short enough for a cell.
fn brief(found: f64) -> String {
    match found {
        c if c >= 1e6 => format!("{:.1}M", c / 1e6),
        c if c >= 1e5 => format!("{:.0}k", c / 1e3),
        c if c.fract() != 0.0 => format!("{c:.1}"),
        c => count(c),
    }
}

/// The step of the heat map for a share.
pub(crate) fn shade(share: f64) -> usize {
    match share {
        s if s <= 0.0 => 0,
        s => (1 + (s * (HEAT - 1) as f64) as usize).min(HEAT - 1),
    }
}

impl Chart for ConfusionMatrix {
    fn title(&self) -> &str {
        &self.title
    }

    fn description(&self, words: &Words) -> String {
        let right = self.classes.iter().enumerate().take(12);
        let right = right.map(|(i, name)| {
            fill(words.chart_right, &[("class", name), ("share", &percent(self.share(i, i)))])
        });
        let right = right.collect::<Vec<_>>().join(words.chart_gap);
        fill(words.chart_against, &[("what", &self.y_name), ("other", &self.x_name), ("items", &right)])
    }

    fn axes(&self) -> Vec<&str> {
        vec![&self.x_name, &self.y_name]
    }

    fn draw(&self, wide: f64) -> Drawing {
        let mut out = Svg::default();
        let k = self.classes.len().max(1) as f64;
        let longest = self.classes.iter().map(|c| width(c, SIZE)).fold(0.0, f64::max);
        let left = (longest + 36.0).clamp(60.0, 0.34 * wide);
        let cell = (wide - left - 2.0) / k;
        let high = cell.min(if k <= 2.0 { 104.0 } else { 74.0 }).max(4.0);
        let top = 4.0;
        self.cells(&mut out, [left, top], [cell, high]);
        self.names(&mut out, [left, top], [cell, high]);
        let bottom = top + high * k;
        let flat = longest.min(90.0) + 8.0 <= cell;
        let names = if flat { 26.0 } else { longest.min(84.0) + 18.0 };
        let middle = left + cell * k / 2.0;
        out.text(
            "axis-name",
            middle,
            bottom + names + 14.0,
            Anchor::Middle,
            &fit(&self.x_name, cell * k, SIZE),
        );
        out.upright("axis-name", 12.0, top + high * k / 2.0, &fit(&self.y_name, high * k + 30.0, SIZE));
        Drawing { height: bottom + names + 24.0, body: out }
    }
}
