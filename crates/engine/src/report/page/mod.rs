//! Reports as single HTML pages.
//!
//! Each section is a file with one function from what is known to a [`tidemill_report::Section`]; a page is the list of
//! them. The sentences stand in [`tidemill_report::words`], the charts in [`tidemill_report::chart`]; here is only what goes
//! where. No clock enters: the same data, recipe, seed and language give the same page.

mod again;
mod audit;
mod choice;
mod classes;
mod coefficients;
mod columns;
mod counterfactual;
mod data;
mod decision;
mod dependence;
mod effects;
mod explained;
mod explanation;
mod forecast;
mod importance;
mod local;
mod map;
mod masks;
mod overview;
mod parts;
mod policy;
mod prepared;
mod residuals;
mod scores;
mod slices;
mod subject;
mod surrogate;
mod synthesized;
mod targets;
mod teachers;
mod together;
mod verdict;

use tidemill_core::Result;
use tidemill_eval::Answers;
use tidemill_report::words::Words;
use tidemill_report::{Report, Span, Text, number};

use crate::explain::Reasons;
use crate::facts::Outcome;
use crate::format::cut;
use crate::judge::Evidence;
pub use again::Origin;
pub use audit::audit;
pub use explained::{coefficients, counterfactuals, effects, explained, surrogate, teachers};
pub use masks::{evaluated as evaluated_masks, trained as masks};
pub use policy::{evaluated as evaluated_policy, trained as policy};
pub use prepared::prepared;
pub use subject::{Other, Subject};
pub use synthesized::synthesized;
pub use targets::{evaluated as evaluated_targets, trained as targets};

/// The page about a training, in the language of these words.
pub(crate) fn train(
    words: &'static Words,
    outcome: &Outcome,
    evidence: &Evidence,
    reasons: &Reasons,
    origin: &Origin<'_>,
) -> Result<Report> {
    let answers = Answers::of(evidence.answered())?;
    let subject = Subject {
        words,
        target: &outcome.target.column,
        metric: tidemill_eval::metric(&outcome.metric)?,
        report: &outcome.test,
        answers: &answers,
        interval: outcome.test_interval.as_ref().map(|i| [i.low, i.high]),
        threshold: Some(outcome.decision.as_ref().map_or(0.5, |d| d.threshold)),
        other: Some(Other::of(words.baseline, &outcome.baseline)),
    };
    let mut page = opened(&subject, words.train_kicker, outcome.tidemill);
    page.lead = fill(
        words.train_lead,
        &[
            ("rows", plain(number::count(outcome.split.train_rows as f64))),
            ("source", name(file_name(words, &outcome.data.source))),
            ("test", plain(number::count(outcome.split.test_rows as f64))),
        ],
    );
    page.verdict = Some(verdict::of_training(&subject, outcome, evidence));
    let mut sections = vec![
        judged(&subject),
        slices::section(&subject, evidence.weak()),
        importance::section(&subject, evidence.importance()),
        scores::section(&subject),
        choice::section(&subject, outcome),
        decision::section(&subject, outcome),
        data::section(words, outcome, evidence),
        again::section(words, outcome, origin),
    ];
    let coefficients = reasons.coefficients.iter().map(|found| coefficients::section(words, found));
    let explained = reasons.explained.iter().map(|found| explanation::section(words, found));
    let effects = reasons.effects.iter().flat_map(|found| effects::sections(words, found));
    sections.splice(3..3, explained.chain(effects).chain(coefficients));
    if let Some(map) = map::section(&subject, evidence) {
        sections.insert(1, map);
    }
    if let Some(backtest) = outcome.forecast.as_ref().and_then(|f| f.backtest.as_ref()) {
        sections.insert(1, forecast::section(words, backtest));
    }
    Ok(sections.into_iter().fold(page, Report::with))
}

/// The page about a judgement of rows with known answers.
pub fn evaluate(
    subject: &Subject<'_>,
    evidence: Option<&Evidence>,
    source: &str,
    notes: &[tidemill_core::Warning],
) -> Report {
    let words = subject.words;
    let mut page = opened(subject, words.evaluate_kicker, env!("CARGO_PKG_VERSION"));
    page.lead = fill(
        words.evaluate_lead,
        &[
            ("rows", plain(number::count(subject.report.n_rows as f64))),
            ("source", name(file_name(words, source))),
        ],
    );
    let mut verdict = verdict::of_rows(subject, notes);
    let weak = evidence.and_then(Evidence::weak);
    verdict.findings.extend(weak.and_then(|weak| slices::finding(subject, weak)));
    page.verdict = Some(verdict);
    let importance = evidence.map(Evidence::importance).unwrap_or_default();
    let mut sections = vec![
        judged(subject),
        slices::section(subject, weak),
        importance::section(subject, importance),
        scores::section(subject),
    ];
    if let Some(map) = evidence.and_then(|evidence| map::section(subject, evidence)) {
        sections.insert(1, map);
    }
    sections.into_iter().fold(page, Report::with)
}

fn judged(subject: &Subject<'_>) -> tidemill_report::Section {
    match subject.answers {
        Answers::Classes(answers) => classes::section(subject, answers),
        Answers::Numbers(answers) => residuals::section(subject, answers),
    }
}

fn opened(subject: &Subject<'_>, kicker: &str, version: &str) -> Report {
    let words = subject.words;
    let mut page = Report::new(words, fill(words.predicting, &[("target", name(subject.target))]));
    page.kicker = Text::plain(format!("Tidemill · {kicker}"));
    page.foot = fill(words.foot, &[("version", plain(version))]);
    page
}

pub(crate) fn fill(template: &str, values: &[(&str, Span)]) -> Text {
    Text::fill(template, values)
}

pub(crate) fn plain(text: impl Into<String>) -> Span {
    Span::Plain(text.into())
}

pub(crate) fn strong(text: impl Into<String>) -> Span {
    Span::Strong(text.into())
}

pub(crate) fn name(text: impl Into<String>) -> Span {
    Span::Name(text.into())
}

/// The last part of a path: a page that is sent around should not tell of folders.
pub(crate) fn file_name(words: &Words, source: &str) -> String {
    match source {
        "-" => words.standard_input.into(),
        _ => source.rsplit(['/', '\\']).next().unwrap_or(source).to_string(),
    }
}
