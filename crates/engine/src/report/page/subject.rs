//! The subject of a report (a training or an evaluation), and the form of its numbers.

use std::collections::BTreeMap;

use tidemill_core::recipe::Task;
use tidemill_eval::compare::wilson;
use tidemill_eval::{Answers, Metric, Report};
use tidemill_report::{Scale, ScoreLine, number};

use super::{Words, cut, fill, plain};
use crate::format::lower;
use crate::model::Provenance;

/// Some rows with known answers, and what was said of them.
pub struct Subject<'a> {
    /// In which language the page speaks.
    pub words: &'static Words,
    /// The column that was predicted.
    pub target: &'a str,
    /// The metric that counts.
    pub metric: &'a Metric,
    /// Every figure.
    pub report: &'a Report,
    /// The rows.
    pub answers: &'a Answers<'a>,
    /// The 95% interval of the metric that counts.
    pub interval: Option<[f64; 2]>,
    /// From which probability on the positive class of two is predicted, where that is known.
    pub threshold: Option<f64>,
    /// What to compare the figures with.
    pub other: Option<Other>,
}

/// Other figures of the same metrics.
#[derive(Clone, Debug, Default)]
pub struct Other {
    /// What to call them.
    pub name: &'static str,
    /// By metric.
    pub values: BTreeMap<String, f64>,
}

impl Other {
    /// The figures of a report.
    pub fn of(name: &'static str, report: &Report) -> Self {
        let known = report.lines.iter().filter(|l| l.value.is_finite());
        Other { name, values: known.map(|l| (l.name.to_string(), l.value)).collect() }
    }

    /// The figures that a model file keeps of its training; `None` where it keeps none.
    pub fn in_training(words: &'static Words, provenance: &Provenance) -> Option<Self> {
        let metrics = &provenance.test.as_ref()?.metrics;
        let values = metrics.iter().filter_map(|(name, value)| Some((name.clone(), (*value)?)));
        Some(Other { name: words.before, values: values.collect() })
    }
}

/// The one figure that the small image beside the verdict shows.
pub(super) struct Measure {
    pub(super) title: &'static str,
    pub(super) greater_is_better: bool,
    pub(super) value: f64,
    pub(super) interval: Option<[f64; 2]>,
    pub(super) other: Option<(&'static str, f64)>,
}

impl Subject<'_> {
    pub(super) fn task(&self) -> Task {
        self.report.task
    }

    /// A figure of the other side.
    pub(super) fn other(&self, metric: &str) -> Option<f64> {
        self.other.as_ref()?.values.get(metric).copied()
    }

    /// Log loss is not a figure for people: of classes, the share of rows that is right stands for it.
    pub(super) fn measure(&self) -> Option<Measure> {
        let line = |name: &str| self.report.lines.iter().find(|l| l.name == name);
        let of = |line: &tidemill_eval::Line, interval| {
            line.value.is_finite().then(|| Measure {
                title: self.words.metric(line.name, line.title),
                greater_is_better: line.greater_is_better,
                value: line.value,
                interval,
                other: self.other.as_ref().and_then(|o| Some((o.name, *o.values.get(line.name)?))),
            })
        };
        match line(self.metric.name) {
            Some(chosen) if self.metric.name != "log_loss" => of(chosen, self.interval),
            _ => of(line("accuracy")?, self.share_right()),
        }
    }

    /// The interval of the share of rows that is right; of weighted rows none.
    fn share_right(&self) -> Option<[f64; 2]> {
        let right = self.report.value("accuracy")?;
        let n = self.report.n_rows as f64;
        let plain = self.answers.weights().is_none();
        wilson((right * n).round() as u64, self.report.n_rows as u64).filter(|_| plain)
    }

    /// The name for people of the metric that counts.
    pub(super) fn title(&self) -> &'static str {
        self.words.metric(self.metric.name, self.metric.title)
    }

    /// A title in the axis of a chart, with the unit where there is one, and which way is better.
    pub(super) fn axis(&self, title: &str, greater_is_better: bool) -> String {
        let words = self.words;
        let how = if greater_is_better { words.more_is_better } else { words.less_is_better };
        fill(words.axis, &[("what", plain(title)), ("how", plain(how))]).to_string()
    }

    /// The target's name where it stands on an axis.
    pub(super) fn target_short(&self) -> String {
        cut(self.target, 32)
    }
}

impl Measure {
    pub(super) fn chart(&self, subject: &Subject<'_>) -> ScoreLine {
        let words = subject.words;
        let values = [Some(self.value), self.other.map(|o| o.1)]
            .into_iter()
            .chain(self.interval.map_or([None; 2], |[low, high]| [Some(low), Some(high)]));
        let values: Vec<f64> = values.flatten().filter(|v| v.is_finite()).collect();
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let name = subject.axis(self.title, self.greater_is_better);
        let x = if self.greater_is_better && (0.0..=1.0).contains(&low) && high <= 1.0 {
            Scale::share(name).within((10.0 * low - 1.0).floor().max(0.0) / 10.0, 1.0)
        } else if !self.greater_is_better && low >= 0.0 {
            Scale::number(name).within(0.0, 1.06 * high.max(f64::MIN_POSITIVE))
        } else {
            Scale::number(name)
        };
        ScoreLine {
            title: self.title.into(),
            x,
            model: (words.model.into(), self.value),
            interval: self.interval,
            baseline: self.other.map(|(name, value)| (name.into(), value)),
        }
    }

    /// Whether the interval reaches the other side's figure or lies on the wrong side of it.
    pub(super) fn is_not_better(&self) -> bool {
        let (Some([low, high]), Some((_, other))) = (self.interval, self.other) else { return false };
        if self.greater_is_better { low <= other } else { high >= other }
    }

    /// Whether the whole interval lies on the wrong side of the other side's figure.
    pub(super) fn is_worse(&self) -> bool {
        let (Some([low, high]), Some((_, other))) = (self.interval, self.other) else { return false };
        if self.greater_is_better { high < other } else { low > other }
    }

    /// The figure as its axis writes it.
    pub(super) fn written(&self, value: f64) -> String {
        let share = self.greater_is_better && (0.0..=1.0).contains(&self.value);
        if share { number::percent(value) } else { number::short(value) }
    }
}

/// The name for people of a metric, written within a sentence.
pub(super) fn title_of(subject: &Subject<'_>, metric: &str) -> String {
    let title = subject.report.lines.iter().find(|l| l.name == metric).map(|l| l.title);
    let title = title.or_else(|| tidemill_eval::metric(metric).ok().map(|m| m.title)).unwrap_or(metric);
    lower(subject.words.metric(metric, title))
}
