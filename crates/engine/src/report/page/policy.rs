//! The page of a policy: whether it may act, its value, its actions, and how it was chosen.

use tidemill_report::words::Words;
use tidemill_report::{
    Align, Block, Cell, Figure, Finding, Interval, IntervalPlot, Level, Report, Scale, Section, Table, Text,
    Verdict, number,
};

use super::{Origin, again, file_name, fill, name, plain};
use crate::facts::PolicyOutcome;
use crate::judge::{MayAct, PolicyJudged, ValueInterval};
use crate::recipe::label;
use crate::report::text::{estimates, policy_figures as figures, policy_unit, policy_verdict};

/// Of a training.
pub fn trained(words: &'static Words, o: &PolicyOutcome, origin: &Origin<'_>) -> Report {
    let mut page = opened(words, &o.policy.action);
    page.lead = fill(
        words.policy_lead,
        &[
            ("rows", plain(number::count(o.split.train_rows as f64))),
            ("source", name(file_name(words, &o.data.source))),
            ("test", plain(number::count(o.split.test_rows as f64))),
        ],
    );
    judged(page, words, &o.test).with(choice(words, o)).with(again::of_policy(words, o, origin))
}

/// Of a judgement of new decisions.
pub fn evaluated(words: &'static Words, action: &str, source: &str, found: &PolicyJudged) -> Report {
    let mut page = opened(words, action);
    page.lead = fill(
        words.evaluate_lead,
        &[
            ("rows", plain(number::count(found.value.decisions as f64))),
            ("source", name(file_name(words, source))),
        ],
    );
    judged(page, words, found)
}

fn opened(words: &'static Words, action: &str) -> Report {
    let mut page = Report::new(words, fill(words.policy_title, &[("action", name(action))]));
    page.kicker = Text::plain(format!("Tidemill · {}", words.policy_kicker));
    page.foot = fill(words.foot, &[("version", plain(env!("CARGO_PKG_VERSION")))]);
    page
}

fn judged(mut page: Report, words: &'static Words, found: &PolicyJudged) -> Report {
    let mut verdict = Verdict::new(Text::plain(policy_verdict(words, found)));
    let level = match found.may_act {
        MayAct::Yes => Level::Good,
        MayAct::NotShown => Level::Warning,
        _ => Level::Severe,
    };
    verdict.findings.push(Finding::new(level, weights(words, found)));
    if found.estimated_propensities {
        verdict.findings.push(Finding::new(Level::Warning, words.policy_estimated));
    }
    page.verdict = Some(verdict);
    page.with(values(words, found)).with(actions(words, found))
}

/// How much of the log counts.
fn weights(words: &Words, found: &PolicyJudged) -> Text {
    let value = &found.value;
    fill(
        words.policy_weights,
        &[
            ("effective", plain(format!("{:.0}", value.effective_episodes))),
            ("n", plain(number::count(value.episodes as f64))),
            ("greatest", plain(number::short(value.greatest_weight))),
            ("mean", plain(number::short(value.mean_weight.value))),
        ],
    )
}

fn interval(title: &str, value: &ValueInterval, strong: bool) -> Interval {
    let ends = (value.low.is_finite() && value.high.is_finite()).then_some([value.low, value.high]);
    Interval { name: title.into(), value: value.value, ends, strong }
}

fn values(words: &'static Words, found: &PolicyJudged) -> Section {
    let unit = policy_unit(words, found);
    let mut plot = IntervalPlot::new(words.policy_values, Scale::number(unit), words.policy_estimate)
        .against(words.policy_logged, found.value.logged.value);
    let head = [(words.policy_estimate, Align::Left), (unit, Align::Right), (words.interval, Align::Right)];
    let mut table = Table::new(words.policy_values, &head);
    let robust = estimates(words, found).len() - 2;
    for (at, (title, value)) in estimates(words, found).into_iter().enumerate() {
        // The gain is a difference, and would stand far from the values.
        if at <= robust && value.value.is_finite() {
            plot.rows.push(interval(title, value, at == robust));
        }
        let [figure, ends] = figures(words, value);
        table.rows.push(vec![title.into(), figure.into(), ends.into()]);
    }
    table.marked = Some(robust);
    Section::new("values", words.policy_values)
        .lead(words.policy_values_lead)
        .with(Block::Figures(vec![Figure::whole(words, &plot)]))
        .with(Block::Table(table))
}

fn actions(words: &'static Words, found: &PolicyJudged) -> Section {
    let head = [
        (words.policy_action, Align::Left),
        (words.policy_share_logged, Align::Right),
        (words.policy_share, Align::Right),
        (words.policy_always, Align::Right),
        (words.interval, Align::Right),
    ];
    let mut table = Table::new(words.policy_actions, &head);
    table.rows = found
        .actions
        .iter()
        .map(|action| {
            let [value, ends] = figures(words, &action.always);
            let shares = [action.logged, action.policy].map(number::percent);
            let [logged, policy] = shares.map(Cell::from);
            vec![Text::name(&action.name).into(), logged, policy, value.into(), ends.into()]
        })
        .collect();
    Section::new("actions", words.policy_actions).lead(words.policy_actions_lead).with(Block::Table(table))
}

fn choice(words: &'static Words, o: &PolicyOutcome) -> Section {
    let chosen = plain(label(&o.chosen));
    let section = Section::new("choice", words.policy_choice);
    if o.split.folds == 0 {
        let said = fill(words.policy_choice_one, &[("chosen", chosen)]);
        return section.with(Block::Text(said));
    }
    let lead = [
        ("n", plain(o.leaderboard.len().to_string())),
        ("folds", plain(o.split.folds.to_string())),
        ("chosen", chosen),
    ];
    let mut plot =
        IntervalPlot::new(words.policy_gain, Scale::number(policy_unit(words, &o.test)), words.learner)
            .against(words.policy_logged, 0.0);
    for standing in &o.leaderboard {
        if let Some(gain) = &standing.gain {
            plot.rows.push(interval(&label(&standing.learner), gain, standing.learner == o.chosen));
        }
    }
    let failed = o.leaderboard.iter().filter_map(|s| Some((label(&s.learner), s.problem.as_ref()?)));
    let failed =
        failed.map(|(learner, problem)| Finding::new(Level::Warning, format!("{learner}: {problem}")));
    section
        .lead(fill(words.policy_choice_lead, &lead))
        .with(Block::Figures(vec![Figure::whole(words, &plot)]))
        .with(Block::Findings(failed.collect()))
}
