//! Dots over two numbers, in the colours of a third: what a column adds along its own values, and which other column changes that.

use std::fmt::Write;

use super::beeswarm::{CLASSES, level_class};
use super::plot::{Key, Plot, Sign};
use super::scale::Scale;
use super::{Chart, Drawing};
use crate::number::count;
use crate::svg::{Svg, n};
use crate::words::{Words, fill};

/// Dots in the colours of the lowest, the middle and the highest third of another quantity.
///
/// ```
/// use tidemill_report::{Chart, Dependence, Scale};
/// let chart = Dependence {
///     title: "age".into(), x: Scale::number("age"), y: Scale::number("what age adds"),
///     dots: vec![([31.0, -0.2], Some(0.1)), ([58.0, 0.4], None)],
///     levels: ["low".into(), "middle".into(), "high".into()], other: "no number".into(), what: "rows".into(),
/// };
/// assert!(chart.svg(&tidemill_report::words::EN).contains("what age adds"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Dependence {
    /// The title above the chart.
    pub title: String,
    /// The horizontal scale.
    pub x: Scale,
    /// The vertical scale.
    pub y: Scale,
    /// Each dot with the rank of the other quantity, from 0 to 1; `None` where it has no order. Dots that are not finite are ignored.
    pub dots: Vec<([f64; 2], Option<f64>)>,
    /// The names of the lowest, the middle and the highest third of levels.
    pub levels: [String; 3],
    /// The name for dots without a level.
    pub other: String,
    /// What a dot is: "rows".
    pub what: String,
}

impl Dependence {
    fn kept(&self) -> impl Iterator<Item = ([f64; 2], usize)> + Clone + '_ {
        let finite = self.dots.iter().filter(|(at, _)| at.iter().all(|x| x.is_finite()));
        finite.map(|(at, level)| (*at, level_class(*level)))
    }

    fn keys(&self) -> Vec<Key> {
        let names = self.levels.iter().chain([&self.other]).enumerate();
        let used = names.filter(|(class, _)| self.kept().any(|(_, of_dot)| of_dot == *class));
        let key = |(class, name): (usize, &String)| Key {
            class: format!("dot d-{}", CLASSES[class]),
            sign: Sign::Dot,
            name: name.clone(),
        };
        used.map(key).collect()
    }
}

impl Chart for Dependence {
    fn title(&self) -> &str {
        &self.title
    }

    fn description(&self, words: &Words) -> String {
        let values: [(&str, &dyn std::fmt::Display); 4] = [
            ("what", &self.y.name),
            ("other", &self.x.name),
            ("n", &count(self.kept().count() as f64)),
            ("rows", &self.what),
        ];
        fill(words.chart_scatter, &values)
    }

    fn axes(&self) -> Vec<&str> {
        vec![&self.x.name, &self.y.name]
    }

    fn draw(&self, wide: f64) -> Drawing {
        let x = self.x.ends(self.kept().map(|(at, _)| at[0]), 0.03);
        let y = self.y.ends(self.kept().map(|(at, _)| at[1]).chain([0.0]), 0.05);
        let high = (0.7 * wide).clamp(190.0, 320.0);
        let mut out = Svg::default();
        let plot = Plot::new(&mut out, wide, high, (&self.x, x), (&self.y, y), &self.keys());
        let [left, _, right, _] = plot.edges();
        out.path("mark", &format!("M{} {}H{}", n(left), n(plot.y(0.0)), n(right)), "");
        let mut paths: [String; 4] = Default::default();
        for (at, class) in self.kept() {
            // Writing to a string cannot fail. A zero-length line with round ends is a dot.
            let _ = write!(paths[class], "M{} {}h0", n(plot.x(at[0])), n(plot.y(at[1])));
        }
        for (class, path) in paths.iter().enumerate().filter(|(_, path)| !path.is_empty()) {
            out.path(&format!("swarm p-{}", CLASSES[class]), path, "");
        }
        Drawing { height: plot.size[1], body: out }
    }
}
