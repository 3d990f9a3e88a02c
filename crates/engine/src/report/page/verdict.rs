//! The verdict, for a reader who has one minute.

use tidemill_core::recipe::Task;
use tidemill_core::{Role, Warning};
use tidemill_report::{Figure, Finding, Level, Text, Tile, Verdict, number};

use super::{Subject, fill, name, plain, strong};
use crate::facts::Outcome;
use crate::format::lower;
use crate::judge::Evidence;
use crate::report::text::rare::found;
use crate::report::text::{never_predicted, useless, worse_than_baseline};

/// Fewer rows than this say little.
const FEW: usize = 50;

/// The figures that count, by task, in order of weight: the first four that are defined are shown.
const TILES: [(Task, &[&str]); 3] = [
    (Task::Binary, &["accuracy", "roc_auc", "average_precision", "f1", "log_loss"]),
    (Task::Multiclass, &["accuracy", "balanced_accuracy", "f1_macro", "roc_auc_ovr", "log_loss"]),
    (Task::Regression, &["mae", "rmse", "r2", "median_absolute_error"]),
];

pub(super) fn of_training(subject: &Subject<'_>, outcome: &Outcome, evidence: &Evidence) -> Verdict {
    let words = subject.words;
    let mut verdict = of_rows(subject, &[]);
    let mut findings = Vec::new();
    for leak in &outcome.leaks {
        let kept = leak
            .columns
            .iter()
            .all(|column| outcome.columns.iter().any(|c| c.name == *column && c.role == Role::Feature));
        if kept {
            let text = fill(words.leak, &[("how", plain(&leak.how))]);
            findings.push(Finding::new(Level::Severe, text).chip(words.leak_chip));
        }
    }
    let severe = worse_than_baseline(words, outcome).into_iter().chain([useless(words, outcome)]);
    let severe = severe.map(|sentence| sentence.trim().to_string()).filter(|sentence| !sentence.is_empty());
    findings.extend(severe.map(|sentence| Finding::new(Level::Severe, sentence)));
    findings.extend(
        never_predicted(words, outcome)
            .map(|line| Finding::new(Level::Warning, line).chip(words.caution_chip)),
    );
    if let Some(moved) = super::decision::moved(subject, outcome) {
        // That it is not right more often than the baseline is then no surprise, and no fault.
        verdict.findings.retain(|finding| finding.text != Text::plain(words.no_better));
        findings.push(moved);
    }
    findings.append(&mut verdict.findings);
    findings.extend(evidence.weak().and_then(|weak| super::slices::finding(subject, weak)));
    // A gap as it should be is not news.
    findings.extend(super::choice::gap(words, outcome).filter(|gap| gap.level == Level::Warning));
    verdict.findings = findings;
    verdict
}

/// What the figures alone say.
pub(super) fn of_rows(subject: &Subject<'_>, notes: &[Warning]) -> Verdict {
    let words = subject.words;
    let mut verdict = Verdict::new(sentence(subject));
    verdict.more = more(subject);
    let measure = subject.measure();
    verdict.figure = measure.as_ref().map(|m| Figure::half(words, &m.chart(subject)));
    verdict.tiles = tiles(subject);
    if let Some(measure) = &measure {
        let baseline = subject.other.as_ref().is_some_and(|o| o.name == words.baseline);
        let caution = match baseline {
            true => measure.is_not_better().then_some(words.no_better),
            false => measure.is_worse().then_some(words.worse_than_before),
        };
        verdict
            .findings
            .extend(caution.map(|text| Finding::new(Level::Warning, text).chip(words.caution_chip)));
    }
    verdict.findings.extend(too_sure(subject));
    if subject.report.n_rows < FEW {
        let text = fill(words.few_rows, &[("rows", plain(subject.report.n_rows.to_string()))]);
        verdict.findings.push(Finding::new(Level::Warning, text).chip(words.caution_chip));
    }
    let said =
        notes.iter().map(|w| Finding::new(Level::Note, subject.words.told(&w.code, &w.message).into_owned()));
    verdict.findings.extend(said);
    verdict
}

/// Right about the classes and too sure of them: a few sure errors cost more than guessing does.
fn too_sure(subject: &Subject<'_>) -> Option<Finding> {
    let words = subject.words;
    let (ours, base) = (subject.report.value("log_loss")?, subject.other("log_loss")?);
    let baseline = subject.other.as_ref().is_some_and(|o| o.name == words.baseline);
    let text = || {
        let values = [("ours", plain(number::short(ours))), ("base", plain(number::short(base)))];
        fill(words.too_sure, &values)
    };
    (baseline && ours > base).then(|| Finding::new(Level::Warning, text()).chip(words.caution_chip))
}

fn sentence(subject: &Subject<'_>) -> Text {
    let words = subject.words;
    let (metric, compared, alone, key) = match subject.task() {
        Task::Regression => ("mae", words.off, words.off_alone, "mae"),
        _ => ("accuracy", words.right, words.right_alone, "share"),
    };
    let Some(value) = subject.report.value(metric) else { return Text::plain(words.unscored) };
    let written = |x: f64| if key == "share" { number::percent(x) } else { number::short(x) };
    let rows = ("rows", plain(number::count(subject.report.n_rows as f64)));
    // Only a baseline always says the same.
    let base =
        subject.other.as_ref().filter(|o| o.name == words.baseline).and_then(|_| subject.other(metric));
    match base {
        Some(base) => fill(compared, &[rows, (key, strong(written(value))), ("base", plain(written(base)))]),
        None => fill(alone, &[rows, (key, strong(written(value)))]),
    }
}

fn more(subject: &Subject<'_>) -> Text {
    let words = subject.words;
    let mut text = Text::default();
    if let Some(found) = found(words, subject.report) {
        text = Text::plain(found.trim());
    }
    if let Some(r2) = subject.report.value("r2") {
        text = text.then(match r2 > 0.0 {
            true => fill(words.explains, &[("share", plain(number::percent(r2)))]),
            false => Text::plain(words.explains_none),
        });
    }
    let Some(measure) = subject.measure() else { return text };
    let Some([low, high]) = measure.interval.filter(|i| i[0].is_finite() && i[1].is_finite()) else {
        return text;
    };
    let gap = if text.is_empty() { "" } else { words.gap };
    text.then(Text::plain(gap)).then(fill(
        words.confident,
        &[
            ("metric", plain(lower(measure.title))),
            ("low", plain(measure.written(low))),
            ("high", plain(measure.written(high))),
        ],
    ))
}

fn tiles(subject: &Subject<'_>) -> Vec<Tile> {
    let words = subject.words;
    let wanted = TILES.iter().find(|(task, _)| *task == subject.task()).map_or(&[][..], |(_, names)| names);
    let lines = wanted.iter().filter_map(|name| subject.report.lines.iter().find(|l| l.name == *name));
    let known = lines.filter(|l| l.value.is_finite()).take(4);
    known
        .map(|line| Tile {
            name: Text::plain(words.metric(line.name, line.title)),
            value: number::short(line.value),
            aside: match (&subject.other, subject.other(line.name)) {
                (Some(other), Some(value)) => {
                    fill(words.aside, &[("name", plain(other.name)), ("value", plain(number::short(value)))])
                }
                _ => Text::default(),
            },
        })
        .collect()
}

/// A name as it stands in a sentence.
pub(super) fn named(text: &str) -> Text {
    Text(vec![name(super::cut(text, 120))])
}
