//! Every figure that applies, in one place, for people and for machines.

use std::fmt;

use serde::{Serialize, Serializer};
use tidemill_core::Warning;
use tidemill_core::recipe::Task;

use crate::metrics::Ratio;
use crate::{Answers, ClassAnswers, Confusion, METRICS, Metric};

/// The widest confusion matrix that is shown as text.
const SHOWN_CLASSES: usize = 12;

/// Everything there is to say about some answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// What was predicted.
    pub task: Task,
    /// How many rows were judged.
    pub n_rows: usize,
    /// The sum of their weights.
    pub weight: f64,
    /// The class that counts as positive, where there are two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub positive: Option<String>,
    /// The figures, by name; null where undefined.
    #[serde(serialize_with = "by_name", rename = "metrics")]
    pub lines: Vec<Line>,
    /// The figures of each class.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<ClassLine>,
    /// True classes down, predicted ones across; left out beyond 256 classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confusion: Option<Confusion>,
    /// What to know about these figures.
    pub warnings: Vec<Warning>,
}

/// One figure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// The metric's name.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// The figure; `NaN` where undefined.
    pub value: f64,
    /// Whether more is better.
    pub greater_is_better: bool,
}

/// The figures of one class.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassLine {
    /// Its name.
    pub name: String,
    /// Of the rows predicted as it, the share that truly are of it; 0 without any.
    pub precision: f64,
    /// Of the rows that truly are of it, the share predicted as it; 0 without any.
    pub recall: f64,
    /// The harmonic mean of both.
    pub f1: f64,
    /// The weight of the rows that truly are of it.
    pub support: f64,
}

fn by_name<S: Serializer>(lines: &[Line], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(lines.iter().map(|line| (line.name, (!line.value.is_nan()).then_some(line.value))))
}

/// Every metric of reports that applies, the classes one by one, the confusion matrix, and each warning once.
///
/// ```
/// use tidemill_eval::{Answers, report};
/// let answers = Answers::classes(vec![0, 1, 1], vec![0, 1, 0], ["no", "yes"])?;
/// let report = report(&answers);
/// assert_eq!(report.value("recall"), Some(0.5));
/// assert!(report.to_string().contains("Accuracy"));
/// # Ok::<(), tidemill_eval::Error>(())
/// ```
pub fn report(answers: &Answers<'_>) -> Report {
    of(answers, |metric| metric.in_report)
}

/// As [`report`], with the metric that something was chosen by among the lines, whatever it is.
pub fn report_by(answers: &Answers<'_>, chosen: &Metric) -> Report {
    of(answers, |metric| metric.in_report || metric.name == chosen.name)
}

fn of(answers: &Answers<'_>, is_shown: impl Fn(&Metric) -> bool) -> Report {
    let mut lines = Vec::new();
    let mut warnings = answers.warnings().to_vec();
    for metric in METRICS.iter().filter(|m| is_shown(m) && m.applies(answers)) {
        let (value, more) = match metric.score(answers) {
            Ok(score) => (score.value, score.warnings),
            Err(e) => (f64::NAN, vec![Warning { code: "metric_failed".into(), message: e.to_string() }]),
        };
        more.into_iter().for_each(|w| {
            if !warnings.contains(&w) {
                warnings.push(w);
            }
        });
        let (name, title, greater_is_better) = (metric.name, metric.title, metric.greater_is_better);
        lines.push(Line { name, title, value, greater_is_better });
    }
    let (classes, confusion, positive) = match answers {
        Answers::Numbers(_) => (Vec::new(), None, None),
        Answers::Classes(a) => {
            let positive = a.positive.map(|c| a.names[c].to_string());
            (class_lines(a), a.counts().confusion(&a.names), positive)
        }
    };
    Report {
        task: answers.task(),
        n_rows: answers.n_rows(),
        weight: answers.total_weight(),
        positive,
        lines,
        classes,
        confusion,
        warnings,
    }
}

fn class_lines(answers: &ClassAnswers<'_>) -> Vec<ClassLine> {
    let counts = answers.counts();
    let line = |class: usize| ClassLine {
        name: answers.names[class].to_string(),
        precision: Ratio::Precision.of(counts, class),
        recall: Ratio::Recall.of(counts, class),
        f1: Ratio::F1.of(counts, class),
        support: counts.truth[class],
    };
    (0..counts.n_classes()).map(line).collect()
}

impl Report {
    /// The figure of a metric: `None` where it does not apply or is undefined.
    pub fn value(&self, name: &str) -> Option<f64> {
        self.lines.iter().find(|line| line.name == name).map(|line| line.value).filter(|v| !v.is_nan())
    }
}

/// A table for a terminal, of fixed width.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = if self.n_rows == 1 { "row" } else { "rows" };
        write!(f, "{} {rows}", self.n_rows)?;
        if self.weight != self.n_rows as f64 {
            write!(f, ", total weight {}", figure(self.weight))?;
        }
        match &self.positive {
            Some(name) => writeln!(f, ", positive class '{name}'")?,
            None => writeln!(f)?,
        }
        writeln!(f)?;
        for line in self.shown_lines() {
            writeln!(f, "  {:<40} {:>12}", line.title, figure(line.value))?;
        }
        if !self.classes.is_empty() {
            self.write_classes(f)?;
        }
        if let Some(confusion) = &self.confusion {
            write_confusion(f, confusion)?;
        }
        for warning in &self.warnings {
            write!(f, "\nWarning: {}", warning.message)?;
        }
        if self.warnings.is_empty() { Ok(()) } else { writeln!(f) }
    }
}

impl Report {
    /// Of two classes the averages over classes say little that the positive class does not; JSON has them all.
    fn shown_lines(&self) -> impl Iterator<Item = &Line> {
        let averages = ["_macro", "_micro", "_weighted"];
        let plain = move |line: &&Line| !averages.iter().any(|end| line.name.ends_with(end));
        self.lines.iter().filter(move |line| self.task != Task::Binary || plain(line))
    }

    fn write_classes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\n  {:<22} {:>10} {:>10} {:>10} {:>10}",
            "class", "precision", "recall", "F1", "support"
        )?;
        for class in &self.classes {
            let figures = [class.precision, class.recall, class.f1].map(figure);
            let (name, support) = (cut(&class.name, 22), count(class.support));
            writeln!(
                f,
                "  {name:<22} {:>10} {:>10} {:>10} {support:>10}",
                figures[0], figures[1], figures[2]
            )?;
        }
        Ok(())
    }
}

fn write_confusion(f: &mut fmt::Formatter<'_>, confusion: &Confusion) -> fmt::Result {
    let k = confusion.classes.len();
    if k == 0 {
        return Ok(());
    }
    if k > SHOWN_CLASSES {
        return writeln!(f, "\n  The confusion matrix of {k} classes is in the JSON report.");
    }
    let widest = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or(0);
    let cells = confusion.counts.iter().flatten().map(|&c| count(c).chars().count());
    let names = confusion.classes.iter().map(|n| cut(n, 12).chars().count());
    let width = widest(&mut cells.chain(names)).max(5);
    writeln!(f, "\n  {:<22} predicted", "true")?;
    write!(f, "  {:<22}", "")?;
    confusion.classes.iter().try_for_each(|n| write!(f, " {:>width$}", cut(n, 12)))?;
    writeln!(f)?;
    for (name, row) in confusion.classes.iter().zip(&confusion.counts) {
        write!(f, "  {:<22}", cut(name, 22))?;
        row.iter().try_for_each(|&c| write!(f, " {:>width$}", count(c)))?;
        writeln!(f)?;
    }
    Ok(())
}

/// A figure with four digits that matter at least, or a dash.
fn figure(x: f64) -> String {
    match x.abs() {
        _ if x.is_nan() => "-".into(),
        0.0 => "0.0000".into(),
        a if (1e-3..1e6).contains(&a) => format!("{x:.4}"),
        _ => format!("{x:.3e}"),
    }
}

/// A weight: whole numbers without decimals.
fn count(x: f64) -> String {
    if x.fract() == 0.0 { format!("{x:.0}") } else { format!("{x:.2}") }
}

fn cut(name: &str, most: usize) -> String {
    if name.chars().count() <= most {
        return name.into();
    }
    name.chars().take(most - 1).chain(['…']).collect()
}
