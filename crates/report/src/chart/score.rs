//! One score between the baseline and the best value: the small chart next to a verdict.

use super::plot::{SIZE, share};
use super::scale::{Scale, ticks};
use super::{Chart, Drawing};
use crate::number::short;
use crate::svg::{Anchor, Svg, n, width};
use crate::words::Words;

/// A score with its interval and a baseline, on one axis.
///
/// ```
/// use tidemill_report::{Chart, Scale, ScoreLine};
/// let chart = ScoreLine {
///     title: "Accuracy".into(), x: Scale::share("accuracy"), model: ("model".into(), 0.9),
///     interval: Some([0.85, 0.94]), baseline: Some(("baseline".into(), 0.6)),
/// };
/// assert!(chart.svg(&tidemill_report::words::EN).contains("baseline"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreLine {
    /// The title above the chart.
    pub title: String,
    /// The horizontal scale: what is measured, and its ends.
    pub x: Scale,
    /// The name and the score of the model.
    pub model: (String, f64),
    /// The interval of the score.
    pub interval: Option<[f64; 2]>,
    /// The name and the score of the baseline.
    pub baseline: Option<(String, f64)>,
}

impl ScoreLine {
    fn label(&self, (name, value): &(String, f64)) -> String {
        match self.x.axis {
            super::Axis::Share => format!("{name} {}", crate::number::percent(*value)),
            _ => format!("{name} {}", short(*value)),
        }
    }

    fn values(&self) -> impl Iterator<Item = f64> + '_ {
        let interval = self.interval.into_iter().flatten();
        std::iter::once(self.model.1).chain(interval).chain(self.baseline.iter().map(|b| b.1))
    }
}

impl Chart for ScoreLine {
    fn title(&self) -> &str {
        &self.title
    }

    fn description(&self, _: &Words) -> String {
        let baseline = self.baseline.as_ref().map(|b| format!(", {}", self.label(b))).unwrap_or_default();
        format!("{}: {}{baseline}.", self.x.name, self.label(&self.model))
    }

    fn axes(&self) -> Vec<&str> {
        vec![&self.x.name]
    }

    fn draw(&self, wide: f64) -> Drawing {
        let mut out = Svg::default();
        let ends = self.x.ends(self.values(), 0.06);
        let (left, right, y) = (12.0, wide - 12.0, 44.0);
        let x = |v: f64| left + share(v, ends) * (right - left);
        let line = |a: f64, b: f64| format!("M{} {y}H{}", n(a), n(b));
        out.path("track", &line(left, right), "");
        let inside = |text: &str, at: f64| {
            // The model's label is bold.
            let half = width(text, 1.12 * SIZE) / 2.0;
            at.max(half).min((wide - half).max(half))
        };
        if let Some(baseline) = self.baseline.as_ref().filter(|b| b.1.is_finite()) {
            let at = x(baseline.1);
            out.path("gained", &line(at.min(x(self.model.1)), at.max(x(self.model.1))), "");
            let text = self.label(baseline);
            out.dot("dot quiet", at, y, 7.0, &text);
            out.text("tick", inside(&text, at), y + 24.0, Anchor::Middle, &text);
        }
        if let Some([low, high]) = self.interval {
            out.path("range", &line(x(low), x(high)), "");
            let caps = format!("M{} {}v14M{} {}v14", n(x(low)), y - 7.0, n(x(high)), y - 7.0);
            out.path("range", &caps, "");
        }
        let (text, at) = (self.label(&self.model), x(self.model.1));
        out.dot("dot f0", at, y, 8.5, &text);
        out.text("strong", inside(&text, at), y - 20.0, Anchor::Middle, &text);
        for (value, label) in ticks(ends[0], ends[1], ((wide / 70.0) as usize).clamp(2, 6), self.x.axis) {
            out.path("base", &format!("M{} {}v5", n(x(value)), y + 34.0), "");
            out.text("tick", inside(&label, x(value)), y + 54.0, Anchor::Middle, &label);
        }
        out.path("base", &format!("M{} {}H{}", n(left), y + 34.0, n(right)), "");
        out.text(
            "axis-name",
            wide / 2.0,
            y + 75.0,
            Anchor::Middle,
            &crate::svg::fit_name(&self.x.name, wide, SIZE),
        );
        Drawing { height: y + 84.0, body: out }
    }
}
