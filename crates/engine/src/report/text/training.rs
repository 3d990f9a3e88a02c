//! The story of a training, for the terminal.

use std::collections::BTreeSet;
use std::fmt::Display;

use tidemill_core::recipe::{Spec, Task};
use tidemill_core::{Family, Role, escaped};
use tidemill_data::Leak;
use tidemill_report::words::{Words, fill};

use super::written::written;
use super::{figures, leaderboard, rare, repairs, role};
use crate::audit::Severity;
use crate::builtin::{BASELINE, is_of};
use crate::facts::{Outcome, Shipped, Trained};
use crate::forecast::ForecastFacts;
use crate::format::{percent, short};
use crate::judge::UnseenScore;
use crate::links::blend::Blend;
use crate::recipe::label;
use crate::search::{CandidateScore, Decided, StartVerdict, Verdict};

/// The story of a training, a paragraph per line.
pub fn story(words: &Words, trained: &Trained) -> String {
    let outcome = &trained.outcome;
    let said = &words.story;
    let mut lines = vec![read(words, outcome), task(words, outcome)];
    lines.extend(outcome_columns(words, outcome));
    lines.push(fill(said.split, &[("why", &words.reasoned(&outcome.split.why))]));
    lines.extend(repairs(words, outcome));
    lines.push(compared(words, outcome));
    lines.extend(leaderboard::lines(words, trained));
    lines.extend(chosen(words, outcome));
    lines.extend(outcome.forecast.iter().flat_map(|facts| forecast(words, facts)));
    lines.extend([String::new(), verdict(words, outcome)]);
    lines.extend(rare::operating_points(words, outcome));
    lines.extend(cautions(words, outcome));
    lines.extend(outcome.unseen.iter().map(|unseen| on_new_ones(words, outcome, unseen)));
    lines.extend([String::new(), figures::story(words, &outcome.test)]);
    lines.extend(outcome.shipped.labels.iter().map(|facts| super::doubts(words, facts)));
    lines.extend(balance(words, outcome));
    lines.push(note(words, outcome).into());
    lines.extend(rows_note(words, &outcome.shipped));
    let files = [&trained.model, &trained.recipe, &trained.metrics, &trained.report];
    lines.push(written(words, &trained.hash, files.map(|file| &**file)));
    lines.join("\n") + "\n"
}

/// Whose score is quoted.
pub(crate) fn note(words: &Words, o: &Outcome) -> &'static str {
    if o.split.nested > 0 { words.story.nested } else { words.story.shipped }
}

/// Who has the file has rows of the training data: told where that is so.
pub(super) fn rows_note(words: &Words, shipped: &Shipped) -> Option<String> {
    let kinds = shipped.keeps_rows.join(words.list);
    (!kinds.is_empty()).then(|| fill(words.story.keeps_rows, &[("kinds", &kinds)]))
}

/// What the rows themselves say against trusting the score, and what to do about it.
pub(super) fn cautions(words: &Words, o: &Outcome) -> Vec<String> {
    let said = &words.story;
    let mut lines: Vec<String> = never_predicted(words, o).into_iter().collect();
    let severe = o.findings.iter().filter(|f| f.severity == Severity::Severe);
    for finding in severe {
        lines.push(fill(said.severe, &[("message", &escaped(&words.told(&finding.code, &finding.message)))]));
        let end = if finding.recipe.is_some() { words.colon.trim_end() } else { words.stop };
        lines.push(format!("  -> {}{end}", words.advised(&finding.remedy)));
        lines.extend(
            finding.recipe.iter().flat_map(|recipe| recipe.lines()).map(|line| format!("     {line}")),
        );
    }
    let warnings = o.findings.iter().filter(|f| f.severity == Severity::Warning);
    let warnings: Vec<_> = warnings.map(|f| words.told(&f.code, &f.message)).collect();
    if let [first, rest @ ..] = warnings.as_slice() {
        let more = match rest.len() {
            0 => String::new(),
            n => fill(said.more_findings, &[("n", &n)]),
        };
        lines.push(fill(said.of_rows, &[("message", &escaped(first)), ("more", &more)]));
    }
    lines
}

/// Classes that the test part has and the model never predicts there.
pub(crate) fn never_predicted(words: &Words, o: &Outcome) -> Option<String> {
    let said = &words.story;
    let confusion = o.test.confusion.as_ref()?;
    let predicted = |class: usize| confusion.counts.iter().map(|row| row[class]).sum::<f64>();
    let never =
        o.test.classes.iter().enumerate().filter(|(at, class)| class.support > 0.0 && predicted(*at) == 0.0);
    let never = never.map(|(_, c)| fill(said.never_class, &[("class", &c.name), ("n", &c.support)]));
    let never: Vec<String> = never.collect();
    if never.is_empty() {
        return None;
    }
    // What is in force already is no advice, nor is a threshold where the answer is always the same or the class is what is said
    // below it.
    let in_force = o.decision.as_ref().map_or(&o.metric, |decided| &decided.by);
    let counts = ["f1_macro", "balanced_accuracy"].contains(&&**in_force)
        || o.target.task == Task::Binary && o.decision.is_some();
    let positive = o.target.classes.last();
    let silent = o.test.classes.iter().enumerate().find(|(at, c)| c.support > 0.0 && predicted(*at) == 0.0);
    let negative = o.target.task == Task::Binary && silent.is_some_and(|(_, c)| Some(&c.name) != positive);
    let mend = match o.target.task {
        _ if says_the_same(o) || negative => String::new(),
        _ if counts => fill(said.never_chosen, &[("metric", in_force)]),
        Task::Binary => said.never_binary.into(),
        _ => said.never_many.into(),
    };
    Some(fill(said.never, &[("classes", &never.join(words.list)), ("mend", &mend)]))
}

/// Whether a model gives every row the same probability, so that no threshold tells rows apart.
fn says_the_same(o: &Outcome) -> bool {
    o.chosen.kind == BASELINE || o.test.value("roc_auc") == Some(0.5)
}

/// What balancing did to the rows of the model in the file.
pub(crate) fn balance(words: &Words, o: &Outcome) -> Option<String> {
    let said = &words.story;
    let facts = o.shipped.balance.as_ref()?;
    if let (true, [before], [after]) = (o.target.classes.is_empty(), &facts.before[..], &facts.after[..]) {
        let values: [(&str, &dyn Display); 3] = [("kind", &facts.kind), ("before", before), ("after", after)];
        return Some(fill(said.balanced_numbers, &values));
    }
    let counts = o.target.classes.iter().zip(facts.before.iter().zip(&facts.after));
    let counts = counts.map(|(class, (before, after))| {
        fill(said.balanced_class, &[("class", class), ("before", before), ("after", after)])
    });
    let counts = counts.collect::<Vec<_>>().join(words.list);
    let values: [(&str, &dyn Display); 4] = [
        ("kind", &facts.kind),
        ("weight", &if facts.weighed { said.balanced_weight } else { "" }),
        ("counts", &counts),
        ("probabilities", &if facts.corrected { said.balanced_corrected } else { said.balanced_raw }),
    ];
    Some(fill(said.balanced, &values))
}

/// What a forecast looks at and how it did against what was one season before.
fn forecast(words: &Words, facts: &ForecastFacts) -> Vec<String> {
    let said = &words.story;
    let season = match facts.season {
        None => said.forecast_no_season.to_string(),
        Some(n) => fill(said.forecast_season, &[("n", &n)]),
    };
    let ahead = match facts.horizon.parse::<usize>() {
        Ok(_) => fill(said.forecast_steps, &[("n", &facts.horizon)]),
        Err(_) => facts.horizon.clone(),
    };
    let values: [(&str, &dyn Display); 3] =
        [("ahead", &ahead), ("window", &facts.window), ("season", &season)];
    let mut lines = vec![fill(said.forecast, &values)];
    let Some(backtest) = &facts.backtest else { return lines };
    let naive = fill(said.forecast_naive, &[("method", &backtest.naive.method)]);
    let all = &backtest.all;
    let values: [(&str, &dyn Display); 7] = [
        ("n", &all.n),
        ("origins", &backtest.origins),
        ("mase", &short(all.mase)),
        ("naive", &naive),
        ("naive_mase", &short(all.naive_mase)),
        ("smape", &short(all.smape)),
        ("rmse", &short(all.rmse)),
    ];
    lines.push(fill(said.backtest, &values));
    if let [first, .., last] = backtest.by_step.as_slice() {
        let values: [(&str, &dyn Display); 6] = [
            ("first", &short(first.mase)),
            ("naive", &naive),
            ("naive_first", &short(first.naive_mase)),
            ("last", &short(last.mase)),
            ("n", &backtest.by_step.len()),
            ("naive_last", &short(last.naive_mase)),
        ];
        lines.push(fill(said.backtest_steps, &values));
    }
    lines
}

pub(super) fn read(words: &Words, o: &Outcome) -> String {
    let said = &words.story;
    let Some(ForecastFacts { table: [rows, columns], .. }) = &o.forecast else {
        let (rows, columns) = (o.data.rows, o.columns.len());
        return fill(said.read, &[("rows", &rows), ("columns", &columns), ("source", &o.data.source)]);
    };
    let values: [(&str, &dyn Display); 4] =
        [("rows", rows), ("columns", columns), ("source", &o.data.source), ("examples", &o.data.rows)];
    fill(said.read_series, &values)
}

pub(super) fn task(words: &Words, o: &Outcome) -> String {
    let said = &words.story;
    let target = &o.target;
    let classes = target.classes.join(words.list);
    let n = target.classes.len();
    let classes = match target.task {
        Task::Regression | Task::Masks => String::new(),
        _ if n > 8 => fill(said.target_many, &[("n", &n)]),
        Task::Binary => {
            fill(said.target_positive, &[("classes", &classes), ("positive", &target.classes[1])])
        }
        Task::Multiclass | Task::Policy => fill(said.target_classes, &[("classes", &classes)]),
    };
    let task = words.term(&format!("task.{}", target.task.word()), target.task.word());
    let why = words.reasoned(&target.why);
    let values: [(&str, &dyn Display); 4] =
        [("column", &target.column), ("task", &task), ("classes", &classes), ("why", &why)];
    fill(said.target, &values)
}

pub(super) fn outcome_columns(words: &Words, o: &Outcome) -> Vec<String> {
    let special = o.columns.iter().filter(|c| !matches!(c.role, Role::Feature | Role::Target));
    special
        .map(|c| {
            let template = match c.role {
                Role::Time => words.story.time_column,
                _ => words.story.no_feature,
            };
            let name = escaped(&c.name);
            fill(
                template,
                &[("column", &name), ("role", &role(words, c.role)), ("why", &words.reasoned(&c.why))],
            )
        })
        .collect()
}

pub(super) fn compared(words: &Words, o: &Outcome) -> String {
    let said = &words.story;
    let learners: BTreeSet<&str> = o.leaderboard.iter().map(|s| s.learner.as_str()).collect();
    let best = o.leaderboard.first();
    let score = best.and_then(|s| match (s.mean?, s.spread) {
        (mean, Some(spread)) => Some(format!("{mean:.4} ± {spread:.4}")),
        (mean, None) => Some(format!("{mean:.4}")),
    });
    let part = match o.split.compared_rows < o.split.train_rows {
        true => fill(said.part_some, &[("rows", &o.split.compared_rows)]),
        false => said.part_all.to_string(),
    };
    let name = best.map(|s| label(&Spec { kind: s.learner.clone(), params: s.params.clone() }));
    // Where the time was up before the last fold, the score is the mean over fewer.
    let ran = best.map_or(0, |s| s.folds.iter().filter(|score| score.is_finite()).count());
    let sentence = if (1..o.split.folds).contains(&ran) { said.compared_some } else { said.compared };
    let values: [(&str, &dyn Display); 8] = [
        ("n", &o.leaderboard.len()),
        ("learners", &learners.len()),
        ("ran", &ran),
        ("folds", &o.split.folds),
        ("part", &part),
        ("metric", &o.metric),
        ("best", &name.unwrap_or_default()),
        ("score", &score.unwrap_or_default()),
    ];
    fill(sentence, &values)
}

/// What a sentence about the choice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Starting from an earlier model against starting from nothing.
    Start,
    /// The best learner against the best of another kind.
    Rival,
    /// The blend against the best learner alone.
    Blend,
    /// What was taken in the end, where that is not simply the best.
    Taken,
}

/// What led to the choice, a sentence each.
pub(crate) fn reasons(words: &Words, o: &Outcome) -> Vec<(Reason, String)> {
    let said = &words.story;
    let mut lines: Vec<(Reason, String)> =
        o.reasons.start.iter().map(|found| (Reason::Start, started(words, o, found))).collect();
    let rival = o.reasons.rival.iter();
    let sentence = |text: String| fill(said.sentence, &[("text", &text)]);
    lines.extend(rival.map(|duel| (Reason::Rival, sentence(duel.told(words)))));
    if let Some(blend) = &o.reasons.blend {
        let template = match (o.chosen.kind == Blend::KIND, blend.same) {
            (true, true) => said.blend_leads,
            (true, false) => said.blend_chosen,
            (false, _) => said.blend_refused,
        };
        let values: [(&str, &dyn Display); 3] =
            [("by", &short(blend.better_by.mean)), ("metric", &o.metric), ("why", &blend.told(words))];
        lines.push((Reason::Blend, fill(template, &values)));
    }
    if o.chosen.kind == Blend::KIND {
        lines.push((Reason::Taken, fill(said.blend_is, &[("label", &label(&o.chosen))])));
    }
    let passed = o.reasons.passed_over.iter();
    lines.extend(passed.map(|why| (Reason::Taken, fill(said.passed_over, &[("why", &words.reasoned(why))]))));
    lines
}

/// Whether it helped to start from an earlier model.
fn started(words: &Words, o: &Outcome, found: &StartVerdict) -> String {
    let said = &words.story;
    let template = if found.helped { said.start_helped } else { said.start_refused };
    let values: [(&str, &dyn Display); 6] = [
        ("file", &found.file),
        ("metric", &o.metric),
        ("by", &short(found.better_by)),
        ("with", &found.with),
        ("without", &found.without),
        ("p", &found.p_value.map_or_else(|| "p = –".into(), repairs::p_said)),
    ];
    fill(template, &values)
}

/// Whether more rows would help, where the learning curve says so.
pub(crate) fn more_rows(words: &Words, o: &Outcome) -> Option<String> {
    // What always says the same learns nothing from more rows.
    if o.chosen.kind == BASELINE {
        return None;
    }
    let greater = o.test.lines.iter().find(|l| l.name == o.metric).is_some_and(|l| l.greater_is_better);
    let (said, n) = (&words.story, o.learning_curve.last()?.folds);
    let learner = o.gap.as_ref().map_or(&o.chosen.kind, |gap| &gap.label);
    let values: [(&str, &dyn Display); 4] =
        [("metric", &o.metric), ("learner", learner), ("n", &n), ("folds", &o.split.folds)];
    let score = fill(if n < o.split.folds { said.curve_score_on } else { said.curve_score }, &values);
    let simple =
        o.gap.as_ref().filter(|gap| gap.verdict == Verdict::Underfit && is_of(&gap.learner, Family::Linear));
    let simple = simple.map(|gap| &*gap.learner);
    crate::search::curve_sentence(words, &o.learning_curve, greater, &score, simple)
}

/// What was chosen and why, a sentence each.
pub(super) fn chosen(words: &Words, o: &Outcome) -> Vec<String> {
    let said = &words.story;
    let mut lines: Vec<String> = reasons(words, o).into_iter().map(|(_, sentence)| sentence).collect();
    lines.extend(o.gap.iter().map(|gap| gap.told(words)));
    lines.extend(more_rows(words, o));
    if let Some(c) = &o.calibration {
        let method = format!("{:?}", c.method).to_lowercase();
        let values: [(&str, &dyn Display); 3] = [
            ("method", &words.term(&format!("calibration.{method}"), &method)),
            ("after", &short(c.after)),
            ("before", &short(c.before)),
        ];
        lines.push(fill(said.calibrated, &values));
    }
    lines.extend(o.decision.as_ref().map(|d| decided(words, d, o)));
    lines
}

fn decided(words: &Words, decision: &Decided, o: &Outcome) -> String {
    let said = &words.story;
    let positive = o.target.classes.last().map_or("", String::as_str);
    let at = short(decision.threshold);
    let (Some(score), Some(half)) = (decision.score, decision.at_half) else {
        return fill(said.decided_given, &[("class", &positive), ("at", &at)]);
    };
    let metric = if decision.by == "cost" { said.decided_cost } else { &decision.by };
    let values: [(&str, &dyn Display); 5] = [
        ("class", &positive),
        ("at", &at),
        ("metric", &metric),
        ("score", &short(score)),
        ("half", &short(half)),
    ];
    fill(said.decided, &values)
}

/// The score on rows whose key or group is new.
fn on_new_ones(words: &Words, o: &Outcome, unseen: &UnseenScore) -> String {
    let said = &words.story;
    let all = o.test.value(&o.metric).map(|all| fill(said.new_rows_all, &[("all", &short(all))]));
    let values: [(&str, &dyn Display); 4] = [
        ("rows", &unseen.rows),
        ("metric", &o.metric),
        ("value", &short(unseen.value)),
        ("all", &all.unwrap_or_default()),
    ];
    fill(said.new_rows, &values)
}

/// How good the result is against the baseline, in a sentence or two.
pub(super) fn verdict(words: &Words, o: &Outcome) -> String {
    let said = &words.story;
    let caution = if o.says_little() { said.few_rows } else { "" };
    let leak = if o.leaks.iter().any(|leak| is_kept(leak, o)) { said.mind_leak } else { "" };
    let worse = worse_than_baseline(words, o).unwrap_or_default();
    let (sentence, score, useless) = (against_baseline(words, o), score(words, o), useless(words, o));
    format!("{worse}{sentence}{score}{useless}{caution}{leak}")
}

/// How often it is right or how far it is off.
fn against_baseline(words: &Words, o: &Outcome) -> String {
    let said = &words.story;
    let rows = o.split.test_rows;
    let both = |name: &str| Some((o.test.value(name)?, o.baseline.value(name)?));
    match o.target.task {
        Task::Regression => match (both("mae"), o.test.value("r2")) {
            (Some((mae, base)), Some(r2)) => {
                let explains = match r2 > 0.0 {
                    true => fill(said.off_explains, &[("share", &percent(r2))]),
                    false => fill(said.off_explains_none, &[("r2", &short(r2))]),
                };
                let values: [(&str, &dyn Display); 4] =
                    [("rows", &rows), ("mae", &short(mae)), ("base", &short(base)), ("explains", &explains)];
                fill(said.off, &values)
            }
            _ => said.unscored.into(),
        },
        _ => match both("accuracy") {
            Some((right, base)) => {
                let values: [(&str, &dyn Display); 3] =
                    [("rows", &rows), ("share", &percent(right)), ("base", &percent(base))];
                let found = rare::found(words, &o.test).unwrap_or_default();
                fill(said.right, &values) + &found
            }
            None => said.unscored.into(),
        },
    }
}

/// The metric that chose the model, with its interval and the baseline's.
fn score(words: &Words, o: &Outcome) -> String {
    let said = &words.story;
    let Some(ours) = o.test.value(&o.metric) else { return String::new() };
    let base = o.baseline.value(&o.metric);
    let interval = o.test_interval.as_ref();
    let interval =
        interval.map(|i| fill(said.score_interval, &[("low", &short(i.low)), ("high", &short(i.high))]));
    let values: [(&str, &dyn Display); 4] = [
        ("metric", &o.metric),
        ("value", &short(ours)),
        ("interval", &interval.unwrap_or_default()),
        ("base", &base.map(short).unwrap_or_default()),
    ];
    fill(if base.is_some() { said.score_base } else { said.score }, &values)
}

/// Where the baseline ships: that the columns say nothing only where every learner could be fitted.
pub(crate) fn useless(words: &Words, o: &Outcome) -> String {
    let said = &words.story;
    if o.chosen.kind != BASELINE {
        return String::new();
    }
    let tried = |s: &&CandidateScore| s.learner != BASELINE;
    let failed = o.leaderboard.iter().filter(tried).filter(|s| s.problem.is_some()).count();
    let untried = |s: &&CandidateScore| s.problem.is_none() && s.folds.is_empty();
    let late = o.untried + o.leaderboard.iter().filter(tried).filter(untried).count();
    match (failed, late) {
        (0, 0) => match better_than_same(o) {
            Some(learner) => fill(said.same_taken, &[("learner", &learner)]),
            None => said.no_learner.into(),
        },
        (0, late) => fill(said.never_tried, &[("n", &late)]),
        (failed, _) => fill(said.never_fitted, &[("n", &failed)]),
    }
}

/// A learner that did better than the baseline on the folds that both ran on.
fn better_than_same(o: &Outcome) -> Option<String> {
    let base = &o.leaderboard.iter().find(|s| s.learner == BASELINE)?.folds;
    let greater = o.test.lines.iter().find(|l| l.name == o.metric).is_some_and(|l| l.greater_is_better);
    let ahead = |s: &&CandidateScore| {
        let both = s.folds.iter().zip(base).filter(|(ours, base)| ours.is_finite() && base.is_finite());
        let gain: f64 = both.map(|(ours, base)| if greater { ours - base } else { base - ours }).sum();
        s.learner != BASELINE && gain > 1e-9
    };
    let found = o.leaderboard.iter().find(ahead)?;
    Some(label(&Spec { kind: found.learner.clone(), params: found.params.clone() }))
}

/// That a model does worse than the baseline by the metric that chose it, or no better in the figures shown, before anything else is said.
pub(crate) fn worse_than_baseline(words: &Words, o: &Outcome) -> Option<String> {
    let greater = o.test.lines.iter().find(|l| l.name == o.metric)?.greater_is_better;
    let (ours, base) = (o.test.value(&o.metric)?, o.baseline.value(&o.metric)?);
    let worse = o.chosen.kind != BASELINE && if greater { ours < base } else { ours > base };
    let (value, base) = (short(ours), short(base));
    let said = if value == base { words.story.no_better } else { words.story.worse };
    let values: [(&str, &dyn Display); 3] = [("metric", &o.metric), ("value", &value), ("base", &base)];
    worse.then(|| fill(said, &values))
}

fn is_kept(leak: &Leak, o: &Outcome) -> bool {
    leak.columns.iter().all(|name| o.columns.iter().any(|c| c.name == *name && c.role == Role::Feature))
}
