//! A line for each row from the base value to its prediction, past one column after the other (Lundberg 2018, "decision plot").

use std::fmt::Write;

use super::bar::Rows;
use super::beeswarm::{CLASSES, level_class};
use super::plot::{Key, SIZE, Sign, legend};
use super::scale::{Scale, spread};
use super::{Chart, Drawing};
use crate::number::count;
use crate::svg::{Svg, n, width};
use crate::words::{Words, fill};

/// Lines that start at the base value at the bottom, and that each column moves.
///
/// ```
/// use tidemill_report::{Chart, DecisionPlot, Scale};
/// let chart = DecisionPlot {
///     title: "The way to each row".into(), x: Scale::number("chance (log odds)"), y_name: "column".into(), base: -1.0,
///     columns: vec!["age".into(), "plan".into()], lines: vec![vec![1.5, -0.2], vec![-0.7, 0.1]],
///     levels: ["low".into(), "middle".into(), "high".into()],
/// };
/// assert!(chart.svg(&tidemill_report::words::EN).contains("plan"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct DecisionPlot {
    /// The title above the chart.
    pub title: String,
    /// The horizontal scale.
    pub x: Scale,
    /// What the names are.
    pub y_name: String,
    /// Where every line starts.
    pub base: f64,
    /// The names of the columns, from top to bottom.
    pub columns: Vec<String>,
    /// For each row, what each column adds. Rows whose sum is not finite are ignored.
    pub lines: Vec<Vec<f64>>,
    /// The names of the lowest, the middle and the highest third of the ends.
    pub levels: [String; 3],
}

impl DecisionPlot {
    /// Of each row, the values from the bottom to the top.
    fn ways(&self) -> Vec<Vec<f64>> {
        let way = |line: &Vec<f64>| {
            let mut at = self.base;
            let steps = line.iter().take(self.columns.len()).rev();
            let way: Vec<f64> = std::iter::once(at)
                .chain(steps.map(|step| {
                    at += step;
                    at
                }))
                .collect();
            way.iter().all(|x| x.is_finite()).then_some(way)
        };
        self.lines.iter().filter_map(way).collect()
    }
}

/// The class of each way, by the third in which its end lies.
fn classes(ways: &[Vec<f64>]) -> Vec<usize> {
    let end = |way: &Vec<f64>| way.last().copied().unwrap_or(0.0);
    let mut sorted: Vec<f64> = ways.iter().map(end).collect();
    sorted.sort_by(f64::total_cmp);
    let level = |way: &Vec<f64>| {
        let (below, upto) =
            (sorted.partition_point(|x| *x < end(way)), sorted.partition_point(|x| *x <= end(way)));
        level_class(Some((below + upto) as f64 / (2 * sorted.len()) as f64))
    };
    ways.iter().map(level).collect()
}

impl Chart for DecisionPlot {
    fn title(&self) -> &str {
        &self.title
    }

    fn description(&self, words: &Words) -> String {
        let first: Vec<&str> = self.columns.iter().take(5).map(String::as_str).collect();
        let (lines, first) = (count(self.ways().len() as f64), first.join(words.list));
        let values: [(&str, &dyn std::fmt::Display); 4] =
            [("what", &self.x.name), ("by", &self.y_name), ("n", &lines), ("items", &first)];
        fill(words.chart_dots, &values)
    }

    fn axes(&self) -> Vec<&str> {
        vec![&self.x.name, &self.y_name]
    }

    fn draw(&self, wide: f64) -> Drawing {
        let (ways, mut body) = (self.ways(), Svg::default());
        let classes = classes(&ways);
        let [low, high] = spread(ways.iter().flatten().copied().chain([self.base]));
        let air = 0.03 * (high - low);
        let ends = self.x.range.unwrap_or([low - air, high + air]);
        let names: Vec<(&str, bool)> = self.columns.iter().map(|name| (name.as_str(), false)).collect();
        // The names stand on the lines.
        let (mut frame, mut inner) = (Svg::default(), Svg::default());
        let rows = Rows::new(&mut frame, &names, (&self.x, ends), &self.y_name, wide, 4.0);
        let base = n(rows.x(self.base));
        inner.path("base", &format!("M{base} {}V{}", n(rows.top), n(rows.bottom)), "");
        let mut paths: [String; 4] = Default::default();
        for (way, class) in ways.iter().zip(&classes) {
            for (k, x) in way.iter().enumerate() {
                let (start, y) = (if k == 0 { 'M' } else { 'L' }, rows.edge(self.columns.len() - k));
                // Writing to a string cannot fail.
                let _ = write!(paths[*class], "{start}{} {}", n(rows.x(*x)), n(y));
            }
        }
        // The middle third is the least telling one.
        for class in [1, 0, 2].into_iter().filter(|class| !paths[*class].is_empty()) {
            inner.path(&format!("way p-{}", CLASSES[class]), &paths[class], &self.levels[class]);
        }
        let key = |class: usize| Key {
            class: format!("way p-{}", CLASSES[class]),
            sign: Sign::Line,
            name: self.levels[class].clone(),
        };
        let keys: Vec<Key> = (0..3).filter(|class| classes.contains(class)).map(key).collect();
        let left = rows.left.min(wide - width("middle", SIZE) - 120.0).max(0.0);
        let top = legend(&mut body, &keys, left, wide);
        body.group(0.0, top, inner);
        body.group(0.0, top, frame);
        Drawing { height: rows.height() + top, body }
    }
}
