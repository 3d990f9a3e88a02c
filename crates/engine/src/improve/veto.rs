//! The veto: a challenger that is far worse on the recipe's own test rows is not promoted without a person's word, however well it does
//! on feedback. Whoever gives the feedback may be wrong, or mean harm. The same holds for one that answers differently about a class that
//! these rows lack: they cannot speak for it.

use std::sync::Arc;

use arrow_array::Array;
use tidemill_core::{Batch, Cell, Chain, Context, Error, Fitted, Result, Role, Table};
use tidemill_data::{Canonical, canonical_rows, split};
use tidemill_eval::{Answers, ClassAnswers, metric};

use super::champion::Champion;
use crate::feedback::{self, Labelled};
use crate::forecast;
use crate::rows::open_to_learn;

/// The most test rows that are looked at.
const MOST_ROWS: usize = 20_000;
/// The fewest that say anything.
const MIN_ROWS: usize = 20;
/// A champion with less skill has nothing to lose.
const SOME_SKILL: f64 = 0.1;
/// A challenger that keeps less than this share of the champion's skill is far worse.
const KEPT: f64 = 0.5;
/// So is one whose errors are this many times those of always predicting the mean.
const BEYOND_MEAN: f64 = 2.0;
/// A class with fewer test rows is not judged by them.
const MIN_OF_CLASS: usize = 5;

/// Why the challenger is not promoted: it is far worse on the test rows, or they cannot judge what it would change, as the labelled rows
/// that the two were compared on show.
pub(super) fn veto(
    champion: &Champion,
    challenger: &Chain,
    source: &str,
    compared_on: &[Labelled],
    context: &Context,
) -> Result<Option<String>> {
    let challenger = Arc::new(challenger.clone());
    let tests = answered(champion, &challenger, &test_rows(champion, source, context)?)?;
    if let Some(verdict) = far_worse(&tests)? {
        return Ok(Some(verdict));
    }
    let cells: Vec<Vec<Cell>> = compared_on.iter().map(|row| row.cells.clone()).collect();
    let rows = canonical_rows(&champion.plan, &feedback::names(&champion.plan), &cells)?;
    let live = answered(champion, &challenger, &rows)?;
    let (Answers::Classes(tests), [Answers::Classes(before), Answers::Classes(after)]) = (&tests[0], &live)
    else {
        return Ok(None);
    };
    Ok(unjudged(tests, before, after).map(|class| {
        format!(
            "not promoted: the challenger answers differently about class '{class}', and the recipe's own test rows, of which fewer than \
             {MIN_OF_CLASS} are of this class, cannot judge that; name a source with rows of every class, or promote it with \
             --despite-tests"
        )
    }))
}

/// The answers of both, the champion's first.
fn answered(champion: &Champion, challenger: &Arc<Chain>, rows: &Batch) -> Result<[Answers<'static>; 2]> {
    let answer = |chain: &Arc<Chain>| -> Result<Batch> { chain.clone().bind(rows.schema())?.apply(rows) };
    let (before, after) = (answer(&champion.opened.model.chain)?, answer(challenger)?);
    Ok([Answers::of(&before)?, Answers::of(&after)?])
}

/// A class that the test rows hardly have, where champion and challenger seldom mean the same rows by it; none where there are too few
/// test rows or answers to tell.
fn unjudged<'a>(
    tests: &ClassAnswers<'_>,
    before: &'a ClassAnswers<'_>,
    after: &ClassAnswers<'_>,
) -> Option<&'a str> {
    if tests.truth().len() < MIN_ROWS {
        return None;
    }
    let means =
        |answers: &ClassAnswers<'_>, place: u32, class: &str| &*answers.names()[place as usize] == class;
    let found = before.names().iter().find(|class| {
        let n_tests = tests.truth().iter().filter(|place| means(tests, **place, class)).count();
        let said = before.predicted().iter().zip(after.predicted());
        let said = said.map(|(one, other)| (means(before, *one, class), means(after, *other, class)));
        let (mut either, mut both) = (0, 0);
        for (one, other) in said {
            either += usize::from(one || other);
            both += usize::from(one && other);
        }
        n_tests < MIN_OF_CLASS && either >= MIN_ROWS && (both as f64) < KEPT * either as f64
    });
    found.map(|class| &**class)
}

/// Why the challenger is far worse, where it is.
fn far_worse([before, after]: &[Answers<'static>; 2]) -> Result<Option<String>> {
    let (Some(before), Some(after)) = (skill(before)?, skill(after)?) else { return Ok(None) };
    let lost = before.value >= SOME_SKILL && after.value < KEPT * before.value;
    let wild =
        after.error.is_some_and(|error| error > BEYOND_MEAN) && before.error.is_some_and(|error| error < 1.0);
    if !(lost || wild) || before.rows < MIN_ROWS {
        return Ok(None);
    }
    Ok(Some(format!(
        "not promoted: on the recipe's own {} test rows the challenger is far worse ({} {:.4} against {:.4}{}), though it is better on \
         feedback; if the world has changed and the feedback is right, promote it with --despite-tests",
        before.rows,
        before.name,
        after.value,
        before.value,
        match (after.error, before.error) {
            (Some(after), Some(before)) =>
                format!("; error {after:.2} against {before:.2} times that of the mean"),
            _ => String::new(),
        }
    )))
}

/// The raw rows of the recipe's test part, as training set it aside.
fn test_rows(champion: &Champion, source: &str, context: &Context) -> Result<Batch> {
    let mut context = context.quiet();
    context.seed = champion.recipe.train.seed;
    let source = forecast::open(open_to_learn(source, &champion.recipe)?, &champion.recipe, &context)?;
    let source = Canonical::new(source, &champion.plan)?;
    let batches = tidemill_core::Source::scan(&source)?.collect::<Result<Vec<_>>>()?;
    let Some(first) = batches.first() else {
        return Err(Error::data("the source has no rows", "name it with --source"));
    };
    let raw = Batch::concat(first.schema(), &batches)?;
    let intake =
        champion.opened.model.chain.0.first().cloned().ok_or_else(|| Error::internal("an empty chain"))?;
    let typed = intake.bind(raw.schema())?.apply(&raw)?;
    let target = typed.schema().role(Role::Target).ok_or_else(|| Error::internal("no target was read"))?;
    let known: Vec<u32> =
        (0..typed.n_rows() as u32).filter(|row| !typed.column(target).is_null(*row as usize)).collect();
    let table = Table::new(typed.take(&known)?);
    let parts = split::test_split(&table, &champion.recipe.split, &context)?;
    let step = parts.test.len().div_ceil(MOST_ROWS).max(1);
    let rows: Vec<u32> = parts.test.iter().step_by(step).map(|row| known[*row as usize]).collect();
    raw.take(&rows)
}

/// How much a model knows about the target, from 0 (nothing) to 1 (all); below 0 it knows the opposite.
struct Skill {
    name: &'static str,
    value: f64,
    /// Of numbers: the root mean squared error over that of the mean of the truth.
    error: Option<f64>,
    rows: usize,
}

/// Skill does not change where only the level of the answers does: ranking for classes, correlation for numbers.
fn skill(answers: &Answers<'_>) -> Result<Option<Skill>> {
    let rows = answers.n_rows();
    match answers {
        Answers::Numbers(numbers) => {
            let (value, error) = correlation(numbers.truth(), numbers.predicted());
            Ok(value.map(|value| Skill { name: "correlation", value, error, rows }))
        }
        Answers::Classes(classes) => {
            let n = classes.names().len();
            let ranked = if n == 2 { "roc_auc" } else { "roc_auc_ovr" };
            if let Some(auc) = defined(ranked, answers)? {
                return Ok(Some(Skill {
                    name: "Gini coefficient",
                    value: 2.0 * auc - 1.0,
                    error: None,
                    rows,
                }));
            }
            let chance = 1.0 / n.max(2) as f64;
            let recall = defined("balanced_accuracy", answers)?;
            Ok(recall.map(|recall| {
                let value = (recall - chance) / (1.0 - chance);
                Skill { name: "balanced accuracy beyond chance", value, error: None, rows }
            }))
        }
    }
}

fn defined(name: &str, answers: &Answers<'_>) -> Result<Option<f64>> {
    let metric = metric(name)?;
    if !metric.applies(answers) {
        return Ok(None);
    }
    Ok(metric.score(answers)?.defined().filter(|value| value.is_finite()))
}

/// Pearson's correlation (none where the truth does not vary; 0 where the answers do not), and the root mean squared error over the
/// truth's standard deviation.
fn correlation(truth: &[f64], predicted: &[f64]) -> (Option<f64>, Option<f64>) {
    let n = truth.len().max(1) as f64;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / n;
    let (mt, mp) = (mean(truth), mean(predicted));
    let (mut tt, mut pp, mut tp, mut ee) = (0.0, 0.0, 0.0, 0.0);
    for (t, p) in truth.iter().zip(predicted) {
        tt += (t - mt) * (t - mt);
        pp += (p - mp) * (p - mp);
        tp += (t - mt) * (p - mp);
        ee += (t - p) * (t - p);
    }
    if tt <= 0.0 || !(tt + pp + ee).is_finite() {
        return (None, None);
    }
    let correlation = if pp > 0.0 { tp / (tt * pp).sqrt() } else { 0.0 };
    (Some(correlation), Some((ee / tt).sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_test_rows_lack_is_not_changed_without_a_word() {
        let names = ["blue", "green", "red"];
        let classes = |truth: &[u32], predicted: &[u32]| {
            let answers = Answers::classes(truth.to_vec(), predicted.to_vec(), names).unwrap();
            let Answers::Classes(answers) = answers else { panic!("classes are no numbers") };
            answers
        };
        // Sixty test rows without red, or with five of it; the challenger calls red blue, and blue red.
        let without: Vec<u32> = (0..60).map(|i| i % 2).collect();
        let with: Vec<u32> = (0..60).map(|i| if i < 5 { 2 } else { i % 2 }).collect();
        let truth: Vec<u32> = (0..90).map(|i| i % 3).collect();
        let flipped: Vec<u32> = truth.iter().map(|class| [2, 1, 0][*class as usize]).collect();
        let (lacking, whole) = (classes(&without, &without), classes(&with, &with));
        let (honest, flips) = (classes(&truth, &truth), classes(&truth, &flipped));
        assert_eq!(unjudged(&lacking, &honest, &flips), Some("red"));
        assert_eq!(unjudged(&whole, &honest, &flips), None, "these are judged by the rows themselves");
        assert_eq!(unjudged(&lacking, &honest, &honest), None, "nothing changes");
        // A third of red goes to green: most of it is meant by both.
        let some: Vec<u32> =
            truth.iter().enumerate().map(|(i, class)| if i % 9 == 2 { 1 } else { *class }).collect();
        assert_eq!(unjudged(&lacking, &honest, &classes(&truth, &some)), None);
        let few = classes(&without[..19], &without[..19]);
        assert_eq!(unjudged(&few, &honest, &flips), None, "nineteen rows say nothing at all");
    }

    /// Values by numpy 2: `np.corrcoef`, and `sqrt(mean((t - p) ** 2)) / std(t)`.
    #[test]
    fn correlation_and_error_are_those_of_numpy() {
        let truth = [1.0, 2.0, 4.0, 7.0, 11.0];
        let close = |found: Option<f64>, wanted: f64| (found.unwrap() - wanted).abs() < 1e-12;
        let (r, e) = correlation(&truth, &truth.map(|t| t + 0.5));
        assert!(close(r, 1.0) && close(e, 0.5 / 13.2_f64.sqrt()));
        let (r, _) = correlation(&truth, &truth.map(|t| -t));
        assert!(close(r, -1.0));
        let (r, e) = correlation(&truth, &[5.0; 5]);
        assert!(close(r, 0.0) && close(e, 1.0), "the mean itself");
        assert_eq!(correlation(&[3.0; 4], &[1.0, 2.0, 3.0, 4.0]).0, None);
    }
}
