//! The veto: a challenger that is far worse on the recipe's own test rows is not promoted without a person's word, however well it does
//! on feedback. Whoever gives the feedback may be wrong, or mean harm.

use std::sync::Arc;

use arrow_array::Array;
use tidemill_core::{Batch, Chain, Context, Error, Fitted, Result, Role, Table};
use tidemill_data::{Canonical, split};
use tidemill_eval::{Answers, metric};

use super::champion::Champion;
use crate::forecast;

/// The most test rows that are looked at.
const MOST_ROWS: usize = 20_000;
/// The fewest that say anything.
const MIN_ROWS: usize = 20;
/// A champion with less skill has nothing to lose.
const SOME_SKILL: f64 = 0.1;
/// A challenger that keeps less than this share of the champion's skill is far worse.
const KEPT: f64 = 0.5;
/// So is one whose errors are so many times those of the mean of the truth.
const BEYOND_MEAN: f64 = 2.0;

/// Why the challenger is not promoted, where it is far worse.
pub(super) fn veto(
    champion: &Champion,
    challenger: &Chain,
    source: &str,
    context: &Context,
) -> Result<Option<String>> {
    let rows = test_rows(champion, source, context)?;
    let answer = |chain: Arc<Chain>| -> Result<Batch> { chain.bind(rows.schema())?.apply(&rows) };
    let before = answer(champion.opened.model.chain.clone())?;
    let after = answer(Arc::new(challenger.clone()))?;
    let (before, after) = (skill(&Answers::of(&before)?)?, skill(&Answers::of(&after)?)?);
    let (Some(before), Some(after)) = (before, after) else { return Ok(None) };
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
    let source = forecast::open(source, &champion.recipe, &context)?;
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
