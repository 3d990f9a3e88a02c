//! How the learner was chosen.

use std::collections::BTreeSet;

use tidemill_report::{
    Align, Block, Cell, Figure, Finding, Interval, IntervalPlot, Level, LineChart, Point, Scale, Section,
    Series, Table, Text, number,
};

use super::{Subject, Words, cut, fill, plain, strong};
use crate::builtin::BASELINE;
use crate::facts::Outcome;
use crate::recipe::label;
use crate::report::text::{Reason, more_rows, reasons, repairs};
use crate::search::{CandidateScore, Verdict};

pub(super) fn section(subject: &Subject<'_>, outcome: &Outcome) -> Section {
    let words = subject.words;
    let learners: BTreeSet<&str> = outcome.leaderboard.iter().map(|s| s.learner.as_str()).collect();
    let lead = fill(
        words.choice_lead,
        &[
            ("n", plain(outcome.leaderboard.len().to_string())),
            ("learners", plain(learners.len().to_string())),
            ("folds", plain(outcome.split.folds.to_string())),
            ("metric", plain(super::subject::title_of(subject, &outcome.metric))),
            ("chosen", strong(label(&outcome.chosen))),
        ],
    );
    let mut figures = Vec::new();
    figures.extend(
        leaderboard(subject, outcome).map(|chart| Figure::whole(words, &chart).note(words.leaderboard_note)),
    );
    figures.extend(duels(subject, outcome).map(|chart| Figure::whole(words, &chart).note(words.duels_note)));
    figures.extend(
        learning(subject, outcome).map(|chart| Figure::whole(words, &chart).note(words.learning_note)),
    );
    Section::new("choice", words.choice)
        .lead(lead)
        .with(Block::Findings(said(words, outcome)))
        .with(Block::Figures(figures))
        .with(Block::Details {
            summary: Text::plain(words.leaderboard_more),
            blocks: vec![Block::Table(every(words, outcome))],
        })
}

/// What led to the choice and what to know of it, a sentence each.
fn said(words: &'static Words, outcome: &Outcome) -> Vec<Finding> {
    let reasons = reasons(words, outcome).into_iter().map(|(reason, sentence)| {
        let chip = match reason {
            Reason::Start => words.chip_start,
            Reason::Rival => words.chip_rival,
            Reason::Blend => words.chip_blend,
            Reason::Taken => words.chip_taken,
        };
        Finding::new(Level::Note, sentence).chip(chip)
    });
    let rows = more_rows(words, outcome).map(|line| Finding::new(Level::Note, line).chip(words.chip_rows));
    let repairs = repairs(words, outcome).into_iter();
    let repairs = repairs.map(|line| Finding::new(Level::Note, line).chip(words.chip_repair));
    repairs.chain(reasons).chain(gap(words, outcome)).chain(rows).collect()
}

/// How the best learner does on rows it was fitted on against others.
pub(super) fn gap(words: &'static Words, outcome: &Outcome) -> Option<Finding> {
    let gap = outcome.gap.as_ref()?;
    let (level, chip) = match gap.verdict {
        Verdict::Overfit => (Level::Warning, words.chip_overfit),
        Verdict::Underfit => (Level::Warning, words.chip_underfit),
        Verdict::Fine => (Level::Good, words.chip_gap),
    };
    Some(Finding::new(level, gap.told(words)).chip(chip))
}

/// The best learner against the best of another kind, and the blend against the best alone.
fn duels(subject: &Subject<'_>, outcome: &Outcome) -> Option<IntervalPlot> {
    let words = subject.words;
    let metric = super::subject::title_of(subject, &outcome.metric);
    let x = Scale::number(fill(words.duels_x, &[("metric", plain(metric))]).to_string());
    let mut plot = IntervalPlot::new(words.duels, x, words.pair).against(words.no_difference, 0.0);
    for duel in outcome.reasons.rival.iter().chain(&outcome.reasons.blend) {
        let [first, second] = duel.names(words);
        let names = [("first", plain(first)), ("second", plain(second))];
        plot.rows.push(Interval {
            name: fill(words.duel, &names).to_string(),
            value: duel.better_by.mean,
            ends: Some([duel.better_by.low, duel.better_by.high]),
            strong: !duel.same,
        });
    }
    (!plot.rows.is_empty()).then_some(plot)
}

/// The score of the best learner by the rows it learned from.
fn learning(subject: &Subject<'_>, outcome: &Outcome) -> Option<LineChart> {
    let words = subject.words;
    let curve = &outcome.learning_curve;
    let line = |name: &str, of: fn(&crate::search::Point) -> Option<f64>| {
        let points = curve.iter().filter_map(|p| Some(Point::new(p.rows as f64, of(p)?))).collect();
        Series::new(name, points).with_dots()
    };
    let y = Scale::number(subject.axis(subject.title(), subject.metric.greater_is_better));
    let chart = LineChart::new(words.learning, Scale::number(words.learning_x), y)
        .with(line(words.on_others, |p| p.valid))
        .with(line(words.on_training, |p| p.train));
    (chart.series[0].points.len() > 1).then_some(chart)
}

/// The best setting of each learner; the baseline is the line to compare with.
fn leaderboard(subject: &Subject<'_>, outcome: &Outcome) -> Option<IntervalPlot> {
    let words = subject.words;
    let x = Scale::number(subject.axis(subject.title(), subject.metric.greater_is_better));
    let mut plot = IntervalPlot::new(words.leaderboard, x, words.learner);
    let mut seen = BTreeSet::new();
    for standing in &outcome.leaderboard {
        // The mean of one that left the race early is over other folds: it cannot be compared.
        let Some(mean) = standing.mean.filter(|_| standing.dropped.is_none()) else { continue };
        if standing.learner == BASELINE {
            plot.reference = Some((words.baseline.into(), mean));
            continue;
        }
        if !seen.insert((&standing.learner, standing.params.get("penalty").map(ToString::to_string))) {
            continue;
        }
        plot.rows.push(Interval {
            name: cut(&of_standing(standing), 60),
            value: mean,
            ends: standing.spread.map(|s| [mean - s, mean + s]),
            strong: is_chosen(standing, outcome),
        });
    }
    (!plot.rows.is_empty()).then_some(plot)
}

/// Whether a standing is that of the learner that was chosen, whose parameters are all written out.
fn is_chosen(standing: &CandidateScore, outcome: &Outcome) -> bool {
    let said = |(key, value): (&String, &serde_json::Value)| outcome.chosen.params.get(key) == Some(value);
    standing.learner == outcome.chosen.kind && standing.params.iter().all(said)
}

fn of_standing(standing: &CandidateScore) -> String {
    label(&tidemill_core::recipe::Spec { kind: standing.learner.clone(), params: standing.params.clone() })
}

fn every(words: &'static Words, outcome: &Outcome) -> Table {
    let head = [
        (words.learner, Align::Left),
        (words.mean, Align::Right),
        (words.spread, Align::Right),
        (words.own_rows, Align::Right),
        (words.size, Align::Right),
        (words.problem, Align::Left),
    ];
    let mut table = Table::new(words.leaderboard_caption, &head);
    table.rows = outcome
        .leaderboard
        .iter()
        .map(|s| {
            let params: Vec<String> = s.params.iter().map(|(key, value)| format!("{key} {value}")).collect();
            let name = std::iter::once(s.learner.clone()).chain(params).collect::<Vec<_>>().join(", ");
            let [mean, spread, own] =
                [s.mean, s.spread, s.train].map(|x| Cell::from(number::short(x.unwrap_or(f64::NAN))));
            let note = s.problem.clone().or_else(|| s.dropped.clone()).unwrap_or_default();
            vec![name.into(), mean, spread, own, bytes(s.bytes).into(), note.into()]
        })
        .collect();
    table
}

fn bytes(n: u64) -> String {
    match n {
        0..10_000 => format!("{n} B"),
        10_000..10_000_000 => format!("{} kB", n / 1000),
        _ => format!("{} MB", n / 1_000_000),
    }
}
