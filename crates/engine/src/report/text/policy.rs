//! A policy: the story of its training and of its judgement, and the card in its file.

use std::fmt::Display;

use tidemill_core::Role;
use tidemill_report::words::{EN, Words, fill};

use super::align;
use super::card::costs;
use super::training::rows_note;
use super::written::written;
use crate::facts::{PolicyOutcome, TrainedPolicy};
use crate::format::{percent, short};
use crate::judge::policy::MIN_EFFECTIVE;
use crate::judge::{MayAct, PolicyJudged, ValueInterval};
use crate::recipe::label;

/// The story of a training.
pub fn story(words: &Words, trained: &TrainedPolicy) -> String {
    let (said, o) = (&words.story, &trained.outcome);
    let mut lines = vec![read(words, o), fill(said.split, &[("why", &words.reasoned(&o.split.why))])];
    lines.extend(compared(words, o));
    lines.extend([String::new(), judged(words, &o.test)]);
    lines.extend(rows_note(words, &o.shipped));
    let files = [&trained.model, &trained.recipe, &trained.metrics, &trained.report];
    lines.push(written(words, &trained.hash, files.map(|file| &**file)));
    lines.join("\n") + "\n"
}

/// The values, the actions and the verdict of a judgement.
pub fn judged(words: &Words, found: &PolicyJudged) -> String {
    let mut text = values(words, found) + "\n" + &actions(words, found) + "\n" + &verdict(words, found);
    if found.estimated_propensities {
        text += &format!("\n{}", words.policy_estimated);
    }
    text
}

/// What was read.
fn read(words: &Words, o: &PolicyOutcome) -> String {
    let values: [(&str, &dyn Display); 5] = [
        ("rows", &o.data.rows),
        ("columns", &o.columns.len()),
        ("source", &o.data.source),
        ("action", &o.policy.action),
        ("reward", &o.policy.reward),
    ];
    fill(words.policy_read, &values)
}

/// The learners, each with the gain of its policy over the folds.
fn compared(words: &Words, o: &PolicyOutcome) -> Vec<String> {
    let chosen = label(&o.chosen);
    if o.split.folds == 0 {
        return vec![fill(words.policy_choice_one, &[("chosen", &chosen)])];
    }
    let n = o.leaderboard.len();
    let values: [(&str, &dyn Display); 3] = [("n", &n), ("folds", &o.split.folds), ("chosen", &chosen)];
    let mut lines = vec![fill(words.policy_choice_lead, &values)];
    let rows: Vec<[String; 3]> = o
        .leaderboard
        .iter()
        .map(|s| {
            let [value, interval] = match (&s.gain, &s.problem) {
                (Some(gain), _) => figures(words, gain),
                (None, problem) => [String::new(), problem.clone().unwrap_or_default()],
            };
            [label(&s.learner), value, interval]
        })
        .collect();
    lines.extend(align::table(&rows, [false, true, false]).lines().map(|line| format!("  {line}")));
    lines
}

/// A value and its interval as people read them.
pub(crate) fn figures(words: &Words, value: &ValueInterval) -> [String; 2] {
    let interval =
        fill(words.story.targets_interval, &[("low", &short(value.low)), ("high", &short(value.high))]);
    [short(value.value), interval]
}

/// Each estimate by its name.
pub(crate) fn estimates<'a>(
    words: &Words,
    found: &'a PolicyJudged,
) -> [(&'static str, &'a ValueInterval); 5] {
    let value = &found.value;
    [
        (words.policy_logged, &value.logged),
        (words.policy_ips, &value.ips),
        (words.policy_snips, &value.snips),
        (words.policy_dr, &value.doubly_robust),
        (words.policy_gain, &value.gain),
    ]
}

fn values(words: &Words, found: &PolicyJudged) -> String {
    let head = [words.policy_estimate.to_string(), unit(words, found).into(), words.interval.into()];
    let rows = estimates(words, found).into_iter().map(|(name, value)| {
        let [value, interval] = figures(words, value);
        [name.to_string(), value, interval]
    });
    let rows: Vec<[String; 3]> = std::iter::once(head).chain(rows).collect();
    indented(&align::table(&rows, [false, true, true]))
}

fn actions(words: &Words, found: &PolicyJudged) -> String {
    let head = [
        words.policy_action.to_string(),
        words.policy_share_logged.into(),
        words.policy_share.into(),
        words.policy_always.into(),
        words.interval.into(),
    ];
    let rows = found.actions.iter().map(|action| {
        let [value, interval] = figures(words, &action.always);
        [action.name.clone(), percent(action.logged), percent(action.policy), value, interval]
    });
    let rows: Vec<[String; 5]> = std::iter::once(head).chain(rows).collect();
    indented(&align::table(&rows, [false, true, true, true, true]))
}

fn indented(table: &str) -> String {
    table.lines().map(|line| format!("  {line}\n")).collect()
}

/// What a value is of.
pub(crate) fn unit(words: &Words, found: &PolicyJudged) -> &'static str {
    if found.by_episode { words.policy_per_episode } else { words.policy_per_decision }
}

/// Whether it may act, and why.
pub(crate) fn verdict(words: &Words, found: &PolicyJudged) -> String {
    let value = &found.value;
    let template = match found.may_act {
        MayAct::Yes => words.policy_yes,
        MayAct::NotShown => words.policy_not_shown,
        MayAct::Worse => words.policy_worse,
        MayAct::TooUnlike => words.policy_unlike,
        MayAct::WrongPropensities => words.policy_wrong,
    };
    let [gain, interval] = figures(words, &value.gain);
    let [weight, weights] = figures(words, &value.mean_weight);
    let values: [(&str, &dyn Display); 9] = [
        ("policy", &short(value.doubly_robust.value)),
        ("unit", &unit(words, found)),
        ("gain", &gain),
        ("interval", &interval),
        ("n", &value.episodes),
        ("effective", &format!("{:.0}", value.effective_episodes)),
        ("least", &MIN_EFFECTIVE),
        ("weight", &weight),
        ("weights", &weights),
    ];
    fill(template, &values)
}

/// The card in the model file. It is English whatever reports speak.
pub fn card(o: &PolicyOutcome) -> String {
    let list = |items: Vec<String>| if items.is_empty() { "- none".into() } else { items.join("\n") };
    let used = o.columns.iter().filter(|c| c.role == Role::Feature || c.role == Role::Time);
    let used = list(used.map(|c| format!("- `{}` ({}): {}", c.name, c.kind, c.why)).collect());
    let steps = list(o.preparation.iter().map(|s| format!("- `{}`", s.kind)).collect());
    let warnings = list(o.warnings.iter().map(|w| format!("- {}", w.message)).collect());
    let sha = o.data.sha256.as_ref().map(|sha| format!(" SHA-256 `{sha}`.")).unwrap_or_default();
    let (judged, read, compared) = (judged(&EN, &o.test), read(&EN, o), compared(&EN, o).join("\n"));
    let (action, note, split, costs) = (&o.policy.action, o.shipped.note, &o.split.why, costs(&o.shipped));
    format!(
        "# Policy for `{action}`\n\n## How good it is\n\n```text\n{judged}\n```\n\n{note}\n\n{costs}\n\n\
         ## How it was made\n\n{read}{sha}\nSplit: {split}.\n{compared}\n\nPreparation, in order:\n{steps}\n\n\
         ## What it looks at\n\n{used}\n\n## Warnings\n\n{warnings}\n"
    )
}
