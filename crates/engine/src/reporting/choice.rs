//! How the learner was chosen.

use std::collections::BTreeSet;

use tidemill_report::{
    Align, Block, Cell, Figure, Interval, IntervalPlot, Scale, Section, Table, Text, number,
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
    let section = Section::new("choice", W.choice).lead(lead).with(Block::Figures(figures));
    section.with(Block::Details {
        summary: Text::plain(W.leaderboard_more),
        blocks: vec![Block::Table(every(outcome))],
    })
}

/// The best setting of each learner; the baseline is the line to compare with.
fn leaderboard(subject: &Subject<'_>, outcome: &Outcome) -> Option<IntervalPlot> {
    let x = Scale::number(subject.axis(subject.metric.title, subject.metric.greater_is_better));
    let mut plot = IntervalPlot::new(W.leaderboard, x, W.learner);
    let mut seen = BTreeSet::new();
    for standing in &outcome.leaderboard {
        let Some(mean) = standing.mean else { continue };
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
        (W.problem, Align::Left),
    ];
    let mut table = Table::new(W.leaderboard_caption, &head);
    table.rows = outcome
        .leaderboard
        .iter()
        .map(|s| {
            let params: Vec<String> = s.params.iter().map(|(key, value)| format!("{key} {value}")).collect();
            let name = if params.is_empty() {
                s.learner.clone()
            } else {
                format!("{}, {}", s.learner, params.join(", "))
            };
            let figures = [s.mean, s.spread].map(|x| Cell::from(number::short(x.unwrap_or(f64::NAN))));
            let [mean, spread] = figures;
            let problem = s.problem.clone().or_else(|| s.dropped.clone());
            vec![name.into(), mean, spread, problem.unwrap_or_default().into()]
        })
        .collect();
    table.marked = Some(0).filter(|_| !table.rows.is_empty());
    table
}
