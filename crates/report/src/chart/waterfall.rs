//! From the base value to the prediction, with one step for each reason.

use super::bar::Rows;
use super::plot::SIZE;
use super::scale::{Scale, spread};
use super::{Chart, Drawing};
use crate::number::short;
use crate::svg::{Anchor, Svg, n, width};
use crate::words::Words;

/// Steps from a first to a last value, one below the other.
///
/// ```
/// use tidemill_report::{Chart, Scale, Waterfall};
/// let chart = Waterfall {
///     title: "Row 7".into(), x: Scale::number("chance (log odds)"), y_name: "column".into(), first: ("usually".into(), -1.0),
///     steps: vec![("age = 61".into(), 1.5), ("plan = basic".into(), -0.2)], last: "this row".into(),
/// };
/// assert!(chart.svg(&tidemill_report::words::EN).contains("age = 61"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Waterfall {
    /// The title above the chart.
    pub title: String,
    /// The horizontal scale.
    pub x: Scale,
    /// What the names are.
    pub y_name: String,
    /// The start: its name and value.
    pub first: (String, f64),
    /// What each reason adds, in order.
    pub steps: Vec<(String, f64)>,
    /// The name of the end; its value is the sum.
    pub last: String,
}

impl Waterfall {
    /// The value before each step, and finally the sum.
    fn levels(&self) -> Vec<f64> {
        let mut levels = vec![self.first.1];
        for (_, step) in &self.steps {
            levels.push(levels[levels.len() - 1] + step);
        }
        levels
    }
}

impl Chart for Waterfall {
    fn title(&self) -> &str {
        &self.title
    }

    fn description(&self, _: &Words) -> String {
        let levels = self.levels();
        let steps = self.steps.iter().take(5).map(|(name, step)| format!("{name} {}", signed(*step)));
        format!(
            "{}: {} {}; {}; {} {}.",
            self.x.name,
            self.first.0,
            short(self.first.1),
            steps.collect::<Vec<_>>().join("; "),
            self.last,
            short(levels[levels.len() - 1])
        )
    }

    fn axes(&self) -> Vec<&str> {
        vec![&self.x.name, &self.y_name]
    }

    fn draw(&self, wide: f64) -> Drawing {
        let mut out = Svg::default();
        let levels = self.levels();
        let total = levels[levels.len() - 1];
        let steps = self.steps.iter().map(|(name, _)| (name.as_str(), false));
        let names: Vec<(&str, bool)> = std::iter::once((self.first.0.as_str(), true))
            .chain(steps)
            .chain([(&*self.last, true)])
            .collect();
        let labels: Vec<String> = std::iter::once(short(self.first.1))
            .chain(self.steps.iter().map(|(_, step)| signed(*step)))
            .chain([short(total)])
            .collect();
        let beside = labels.iter().map(|label| width(label, SIZE)).fold(0.0, f64::max) + 12.0;
        let [low, high] = spread(levels.iter().copied());
        let air = 0.04 * (high - low);
        let ends = self.x.range.unwrap_or([low - air, high + air]);
        let rows = Rows::new(&mut out, &names, (&self.x, ends), &self.y_name, wide, beside);
        for (i, label) in labels.iter().enumerate() {
            let middle = rows.middle(i);
            let what = format!("{}: {label}", names[i].0);
            if i == 0 || i + 1 == labels.len() {
                let at = rows.x(if i == 0 { self.first.1 } else { total });
                out.path("whisker", &format!("M{} {}v18", n(at), n(middle - 9.0)), &what);
            } else {
                let (from, to) = (rows.x(levels[i - 1]), rows.x(levels[i]));
                let class = if levels[i] < levels[i - 1] { "lowers" } else { "raises" };
                out.rect(class, [from.min(to), middle - 7.0, (to - from).abs().max(1.0), 14.0], &what);
                out.path(
                    "mark",
                    &format!("M{} {}V{}", n(to), n(middle + 7.0), n(rows.middle(i + 1) - 7.0)),
                    "",
                );
            }
            let class = if names[i].1 { "strong" } else { "value" };
            out.text(class, wide, middle + 4.0, Anchor::End, label);
        }
        Drawing { height: rows.height(), body: out }
    }
}

fn signed(step: f64) -> String {
    if step > 0.0 { format!("+{}", short(step)) } else { short(step) }
}
