//! The story of a training, for the terminal.

use std::fmt::Write;

use tidemill_core::Role;
use tidemill_core::recipe::{Spec, Task};
use tidemill_data::Leak;
use tidemill_eval::Report;

use super::leaderboard;
use crate::audit::Severity;
use crate::builtin::BASELINE;
use crate::facts::{Outcome, Trained};
use crate::forecast::ForecastFacts;
use crate::format::{percent, short};
use crate::judge::UnseenScore;
use crate::links::blend::Blend;
use crate::recipe::label;
use crate::search::{CandidateScore, Decided};

/// The story of a training, a paragraph per line.
pub fn story(trained: &Trained) -> String {
    let outcome = &trained.outcome;
    let mut text = String::new();
    // Writing to a string cannot fail.
    let mut line = |sentence: String| {
        let _ = writeln!(text, "{sentence}");
    };
    line(read(outcome));
    line(task(outcome));
    outcome_columns(outcome).into_iter().for_each(&mut line);
    line(format!("Split: {}.", outcome.split.why));
    line(compared(outcome));
    leaderboard::lines(trained).into_iter().for_each(&mut line);
    chosen(outcome).into_iter().for_each(&mut line);
    outcome.forecast.iter().flat_map(forecast).for_each(&mut line);
    line(String::new());
    line(verdict(outcome));
    operating_points(outcome).into_iter().for_each(&mut line);
    cautions(outcome).into_iter().for_each(&mut line);
    outcome.unseen.iter().for_each(|unseen| line(on_new_ones(outcome, unseen)));
    line(String::new());
    line(outcome.test.to_string());
    outcome.shipped.labels.iter().map(super::doubts).for_each(&mut line);
    balance(outcome).into_iter().for_each(&mut line);
    line(outcome.shipped.note.to_string());
    outcome.shipped.rows_note().into_iter().for_each(&mut line);
    line(format!(
        "Written: {} ({}), {}, {}, {}",
        trained.model.display(),
        &trained.hash[..12.min(trained.hash.len())],
        trained.recipe.display(),
        trained.metrics.display(),
        trained.report.display()
    ));
    text
}

/// What the rows themselves say against trusting the score, and what to do about it.
pub(super) fn cautions(o: &Outcome) -> Vec<String> {
    let mut lines: Vec<String> = never_predicted(o).into_iter().collect();
    let severe = o.findings.iter().filter(|f| f.severity == Severity::Severe);
    for finding in severe {
        lines.push(format!("Severe: {}.", finding.message));
        let colon = if finding.recipe.is_some() { ":" } else { "." };
        lines.push(format!("  -> {}{colon}", finding.remedy));
        lines.extend(
            finding.recipe.iter().flat_map(|recipe| recipe.lines()).map(|line| format!("     {line}")),
        );
    }
    let warnings: Vec<&str> =
        o.findings.iter().filter(|f| f.severity == Severity::Warning).map(|f| f.message.as_str()).collect();
    if let [first, rest @ ..] = warnings.as_slice() {
        let more = match rest.len() {
            0 => String::new(),
            n => format!(" `tidemill check` tells of {n} more."),
        };
        lines.push(format!("Of the rows: {first}.{more}"));
    }
    lines
}

/// Where positives are rare: how many are found, at what price, and what else one might choose.
fn operating_points(o: &Outcome) -> Vec<String> {
    let Some(first) = o.operating_points.first() else { return Vec::new() };
    let positive = o.target.classes.last().map_or("", String::as_str);
    let mut lines = vec![format!(
        "'{positive}' is rare. On the {} held-out rows that are:",
        short_count(first.positives)
    )];
    for point in &o.operating_points {
        let flag = if point.flag.is_empty() { String::new() } else { format!("   {}", point.flag) };
        lines.push(format!(
            "  from a probability of {} on it finds {} of them with {} false alarms, {}{flag}",
            short(point.threshold),
            short_count(point.found),
            short_count(point.false_alarms),
            point.what
        ));
    }
    lines
}

/// A count; with a fraction only where rows have weights.
pub(crate) fn short_count(n: f64) -> String {
    if n.fract() == 0.0 { format!("{n:.0}") } else { short(n) }
}

/// Classes that the test part has and the model never predicts there.
pub(crate) fn never_predicted(o: &Outcome) -> Option<String> {
    let confusion = o.test.confusion.as_ref()?;
    let said = |class: usize| confusion.counts.iter().map(|row| row[class]).sum::<f64>();
    let never =
        o.test.classes.iter().enumerate().filter(|(at, class)| class.support > 0.0 && said(*at) == 0.0);
    let never: Vec<String> = never.map(|(_, c)| format!("'{}' ({} test rows)", c.name, c.support)).collect();
    if never.is_empty() {
        return None;
    }
    let mend = match o.target.task {
        Task::Binary => {
            "; `--decide f1` (in the recipe, `[decision] metric = \"f1\"`) moves the threshold so that it finds some, at the price of false \
             alarms"
        }
        _ => "; `[train] metric = \"f1_macro\"` chooses for all classes alike",
    };
    Some(format!("The model never predicts {}{mend}.", never.join(", ")))
}

/// What balancing did to the rows of the model in the file.
pub(crate) fn balance(o: &Outcome) -> Option<String> {
    let facts = o.shipped.balance.as_ref()?;
    let counts = o.target.classes.iter().zip(facts.before.iter().zip(&facts.after));
    let counts: Vec<String> =
        counts.map(|(class, (before, after))| format!("{class} {before} to {after}")).collect();
    let probabilities = if facts.corrected {
        "Probabilities are brought back to the true shares of the classes"
    } else {
        "Probabilities answer for balanced classes, not for the true shares"
    };
    Some(format!(
        "Classes of the training rows were balanced by {} ({}{}); rows that judge were left as they are. {probabilities}.",
        facts.kind,
        if facts.weighed { "their weight: " } else { "" },
        counts.join(", ")
    ))
}

/// What a forecast looks at and how it did against what was one season before.
fn forecast(facts: &ForecastFacts) -> Vec<String> {
    let season = facts.season.map_or("no season shows".to_string(), |s| format!("a season has {s}"));
    let mut lines = vec![format!(
        "Forecast {} ahead from the last {} steps ({season}).",
        if facts.horizon.parse::<usize>().is_ok() {
            format!("{} steps", facts.horizon)
        } else {
            facts.horizon.clone()
        },
        facts.window
    )];
    let Some(backtest) = &facts.backtest else { return lines };
    let naive = format!("the best naive forecast, {}", backtest.naive.method);
    let all = &backtest.all;
    lines.push(format!(
        "Backtest: {} forecasts from {} origins later than all that was learned from. MASE {} ({naive}: {}), sMAPE {}, RMSE {}.",
        all.n,
        backtest.origins,
        short(all.mase),
        short(all.naive_mase),
        short(all.smape),
        short(all.rmse)
    ));
    if let [first, .., last] = backtest.by_step.as_slice() {
        lines.push(format!(
            "MASE is {} one step ahead ({naive}: {}) and {} at {} steps ({}).",
            short(first.mase),
            short(first.naive_mase),
            short(last.mase),
            backtest.by_step.len(),
            short(last.naive_mase)
        ));
    }
    lines
}

pub(super) fn read(o: &Outcome) -> String {
    let Some(ForecastFacts { table: [rows, columns], .. }) = o.forecast else {
        return format!("Read {} rows and {} columns from {}.", o.data.rows, o.columns.len(), o.data.source);
    };
    format!(
        "Read {rows} rows and {columns} columns from {}: {} examples of a past and what came after it.",
        o.data.source, o.data.rows
    )
}

pub(super) fn task(o: &Outcome) -> String {
    let classes = match o.target.task {
        Task::Regression => String::new(),
        _ if o.target.classes.len() > 8 => format!(" ({} classes)", o.target.classes.len()),
        Task::Binary => format!(" ({}; positive is '{}')", o.target.classes.join(", "), o.target.classes[1]),
        Task::Multiclass => format!(" ({})", o.target.classes.join(", ")),
    };
    format!("Target '{}': {}{classes}, since {}.", o.target.column, o.target.task.word(), o.target.why)
}

pub(super) fn outcome_columns(o: &Outcome) -> Vec<String> {
    let special = o.columns.iter().filter(|c| !matches!(c.role, Role::Feature | Role::Target));
    special
        .map(|c| match c.role {
            Role::Time => {
                format!("  '{}' orders the rows in time; its date parts are features: {}", c.name, c.why)
            }
            role => format!("  '{}' is not a feature ({}): {}", c.name, word(role), c.why),
        })
        .collect()
}

fn word(role: Role) -> &'static str {
    match role {
        Role::Key => "key",
        Role::Group => "group",
        Role::Weight => "weight",
        Role::Split => "split",
        _ => "left out",
    }
}

pub(super) fn compared(o: &Outcome) -> String {
    let learners: std::collections::BTreeSet<&str> =
        o.leaderboard.iter().map(|s| s.learner.as_str()).collect();
    let best = o.leaderboard.first();
    let score = best.and_then(|s| Some(format!("{:.4} ± {:.4}", s.mean?, s.spread.unwrap_or(0.0))));
    let rows = if o.split.compared_rows < o.split.train_rows {
        format!("{} rows of the training part", o.split.compared_rows)
    } else {
        "the training part".into()
    };
    let name = best.map(|s| label(&Spec { kind: s.learner.clone(), params: s.params.clone() }));
    format!(
        "Compared {} settings of {} learners on {} folds of {rows}; best by {}: {} ({}).",
        o.leaderboard.len(),
        learners.len(),
        o.split.folds,
        o.metric,
        name.unwrap_or_default(),
        score.unwrap_or_default()
    )
}

/// What a sentence about the choice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The best learner against the best of another kind.
    Rival,
    /// The blend against the best learner alone.
    Blend,
    /// What was taken in the end, where that is not simply the best.
    Taken,
}

/// What led to the choice, a sentence each.
pub(crate) fn reasons(o: &Outcome) -> Vec<(Reason, String)> {
    let mut lines = Vec::new();
    lines.extend(o.reasons.rival.iter().map(|duel| (Reason::Rival, format!("{}.", duel.sentence))));
    if let Some(blend) = &o.reasons.blend {
        let (by, metric, sentence) = (short(blend.better_by.mean), &o.metric, &blend.sentence);
        let line = match (o.chosen.kind == Blend::KIND, blend.same) {
            (true, true) => format!("Chosen: the blend, which leads by {by} of {metric}, yet {sentence}."),
            (true, false) => format!("Chosen: the blend, since {sentence}."),
            (false, _) => format!("Not chosen: the blend, since {sentence}."),
        };
        lines.push((Reason::Blend, line));
    }
    if o.chosen.kind == Blend::KIND {
        lines.push((Reason::Taken, format!("The model is a {}.", label(&o.chosen))));
    }
    lines.extend(o.reasons.passed_over.iter().map(|why| (Reason::Taken, format!("Chosen: {why}."))));
    lines
}

/// Whether more rows would help, where the learning curve says so.
pub(crate) fn more_rows(o: &Outcome) -> Option<String> {
    // What always says the same learns nothing from more rows.
    if o.chosen.kind == BASELINE {
        return None;
    }
    let greater = o.test.lines.iter().find(|l| l.name == o.metric).is_some_and(|l| l.greater_is_better);
    crate::search::curve_sentence(&o.learning_curve, greater)
}

/// What was chosen and why, a sentence each.
pub(super) fn chosen(o: &Outcome) -> Vec<String> {
    let mut lines: Vec<String> = reasons(o).into_iter().map(|(_, sentence)| sentence).collect();
    lines.extend(o.gap.iter().map(|gap| gap.sentence.clone()));
    lines.extend(more_rows(o));
    if let Some(c) = &o.calibration {
        lines.push(format!(
            "Probabilities are calibrated ({}): log loss {} instead of {} on held-out rows.",
            format!("{:?}", c.method).to_lowercase(),
            short(c.after),
            short(c.before)
        ));
    }
    lines.extend(o.decision.as_ref().map(|d| decided(d, o)));
    lines
}

fn decided(decision: &Decided, o: &Outcome) -> String {
    let positive = o.target.classes.last().map_or("", String::as_str);
    let from = format!("'{positive}' is predicted from a probability of {} on", short(decision.threshold));
    match (decision.score, decision.at_half) {
        (Some(score), Some(half)) => format!(
            "{from}: {} is then {} on held-out rows, and {} from one half on.",
            if decision.by == "cost" { "the cost of a row" } else { &decision.by },
            short(score),
            short(half)
        ),
        _ => format!("{from}, as the recipe says."),
    }
}

/// The score on rows whose key or group is new.
fn on_new_ones(o: &Outcome, unseen: &UnseenScore) -> String {
    let all = o.test.value(&o.metric).map(|all| format!(", {} on all", short(all))).unwrap_or_default();
    let UnseenScore { rows, value } = *unseen;
    format!(
        "On the {rows} test rows whose key or group training never saw, {} is {}{all}.",
        o.metric,
        short(value)
    )
}

/// How good the result is against the baseline, in a sentence or two.
pub(super) fn verdict(o: &Outcome) -> String {
    let rows = o.split.test_rows;
    let value = |report: &Report, name: &str| report.value(name);
    let sentence = match o.target.task {
        Task::Regression => match (value(&o.test, "mae"), value(&o.baseline, "mae"), value(&o.test, "r2")) {
            (Some(mae), Some(base), Some(r2)) => format!(
                "On {rows} test rows the model is off by {} on average; always saying the same number is off by {}. \
                 It explains {} of the variation (R2).",
                short(mae),
                short(base),
                percent(r2)
            ),
            _ => "The test part cannot be scored.".into(),
        },
        _ => match (value(&o.test, "accuracy"), value(&o.baseline, "accuracy")) {
            (Some(right), Some(base)) => format!(
                "On {rows} test rows the model is right in {}; always saying the most frequent class is right in {}.",
                percent(right),
                percent(base)
            ),
            _ => "The test part cannot be scored.".into(),
        },
    };
    let name = o.metric.as_str();
    let interval =
        o.test_interval.as_ref().map(|i| format!(" (95% CI {} to {})", short(i.low), short(i.high)));
    let metric = match (value(&o.test, name), value(&o.baseline, name)) {
        (Some(ours), Some(base)) => {
            format!(" {name}: {}{}, baseline {}.", short(ours), interval.unwrap_or_default(), short(base))
        }
        (Some(ours), None) => format!(" {name}: {}{}.", short(ours), interval.unwrap_or_default()),
        _ => String::new(),
    };
    let useless = useless(o);
    let caution = if rows < 50 { " So few test rows say little: the interval is wide." } else { "" };
    let leak = if o.leaks.iter().any(|leak| is_kept(leak, o)) {
        " Mind the leak named above: this score is likely too good to be true."
    } else {
        ""
    };
    let worse = worse_than_baseline(o).unwrap_or_default();
    format!("{worse}{sentence}{metric}{useless}{caution}{leak}")
}

/// Where the baseline ships: that the columns say nothing only where every learner could be fitted.
pub(crate) fn useless(o: &Outcome) -> String {
    if o.chosen.kind != BASELINE {
        return String::new();
    }
    let tried = |s: &&CandidateScore| s.learner != BASELINE;
    let failed = o.leaderboard.iter().filter(tried).filter(|s| s.problem.is_some()).count();
    let untried = |s: &&CandidateScore| s.problem.is_none() && s.folds.is_empty();
    let late = o.leaderboard.iter().filter(tried).filter(untried).count();
    match (failed, late) {
        (0, 0) => " No learner did better than saying the same every time: these columns say nothing about the target that \
                    these learners can find."
            .into(),
        (0, late) => format!(" {late} settings were never tried for want of time: this says nothing about the columns."),
        (failed, _) => format!(
            " {failed} settings could not be fitted (see the lines that say so above): this says nothing about the columns."
        ),
    }
}

/// That a model does worse than the baseline by the metric that chose it, before anything else is said.
pub(crate) fn worse_than_baseline(o: &Outcome) -> Option<String> {
    let greater = o.test.lines.iter().find(|l| l.name == o.metric)?.greater_is_better;
    let (ours, base) = (o.test.value(&o.metric)?, o.baseline.value(&o.metric)?);
    let worse = o.chosen.kind != BASELINE && if greater { ours < base } else { ours > base };
    worse.then(|| {
        format!(
            "Worse than the baseline on the test rows: {} is {}, and {} for always saying the same. Do not use this model before \
             you know why. ",
            o.metric,
            short(ours),
            short(base)
        )
    })
}

fn is_kept(leak: &Leak, o: &Outcome) -> bool {
    leak.columns.iter().all(|name| o.columns.iter().any(|c| c.name == *name && c.role == Role::Feature))
}
