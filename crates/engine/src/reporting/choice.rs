//! How the learner was chosen.

use std::collections::BTreeSet;

use tidemill_report::{
    Align, Block, Cell, Figure, Finding, Interval, IntervalPlot, Level, LineChart, Point, Scale, Section,
    Series, Table, Text, number,
};

use super::{Subject, W, cut, fill, plain, strong};
use crate::builtin::BASELINE;
use crate::search::Standing;
use crate::train::Outcome;
use crate::words;

pub(super) fn section(subject: &Subject<'_>, outcome: &Outcome) -> Section {
    let learners: BTreeSet<&str> = outcome.leaderboard.iter().map(|s| s.learner.as_str()).collect();
    let lead = fill(
        W.choice_lead,
        &[
            ("n", plain(outcome.leaderboard.len().to_string())),
            ("learners", plain(learners.len().to_string())),
            ("folds", plain(outcome.split.folds.to_string())),
            ("metric", plain(super::verdict::title_of(subject, &outcome.metric))),
            ("chosen", strong(words::brief(&outcome.chosen))),
        ],
    );
    let mut figures = Vec::new();
    figures.extend(leaderboard(subject, outcome).map(|chart| Figure::whole(&chart).note(W.leaderboard_note)));
    figures.extend(learning(subject, outcome).map(|chart| Figure::whole(&chart).note(W.learning_note)));
    let said = words::chosen(outcome).into_iter().map(|line| Finding::new(Level::Note, line)).collect();
    Section::new("choice", W.choice)
        .lead(lead)
        .with(Block::Figures(figures))
        .with(Block::Findings(said))
        .with(Block::Details {
            summary: Text::plain(W.leaderboard_more),
            blocks: vec![Block::Table(every(outcome))],
        })
}

/// The score of the best learner by the rows it learned from.
fn learning(subject: &Subject<'_>, outcome: &Outcome) -> Option<LineChart> {
    let curve = &outcome.learning_curve;
    let line = |name: &str, of: fn(&crate::search::Point) -> Option<f64>| {
        let points = curve.iter().filter_map(|p| Some(Point::new(p.rows as f64, of(p)?))).collect();
        Series::new(name, points).with_dots()
    };
    let y = Scale::number(subject.axis(subject.metric.title, subject.metric.greater_is_better));
    let chart = LineChart::new(W.learning, Scale::number(W.learning_x), y)
        .with(line(W.on_others, |p| p.valid))
        .with(line(W.on_training, |p| p.train));
    (chart.series[0].points.len() > 1).then_some(chart)
}

/// The best setting of each learner; the baseline is the line to compare with.
fn leaderboard(subject: &Subject<'_>, outcome: &Outcome) -> Option<IntervalPlot> {
    let x = Scale::number(subject.axis(subject.metric.title, subject.metric.greater_is_better));
    let mut plot = IntervalPlot::new(W.leaderboard, x, W.learner);
    let mut seen = BTreeSet::new();
    for standing in &outcome.leaderboard {
        // The mean of one that left the race early is over other folds: it cannot be compared.
        let Some(mean) = standing.mean.filter(|_| standing.dropped.is_none()) else { continue };
        if standing.learner == BASELINE {
            plot.reference = Some((W.baseline.into(), mean));
            continue;
        }
        if !seen.insert((&standing.learner, standing.params.get("penalty").map(ToString::to_string))) {
            continue;
        }
        plot.rows.push(Interval {
            name: cut(&brief(standing), 60),
            value: mean,
            ends: standing.spread.map(|s| [mean - s, mean + s]),
            strong: plot.rows.is_empty(),
        });
    }
    (!plot.rows.is_empty()).then_some(plot)
}

fn brief(standing: &Standing) -> String {
    words::brief(&tidemill_core::recipe::Spec {
        kind: standing.learner.clone(),
        params: standing.params.clone(),
    })
}

fn every(outcome: &Outcome) -> Table {
    let head = [
        (W.learner, Align::Left),
        (W.mean, Align::Right),
        (W.spread, Align::Right),
        (W.own_rows, Align::Right),
        (W.size, Align::Right),
        (W.problem, Align::Left),
    ];
    let mut table = Table::new(W.leaderboard_caption, &head);
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
