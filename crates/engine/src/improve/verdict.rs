//! Champion against challenger on rows that neither has seen, and what follows.

use std::sync::Arc;

use serde::Serialize;
use tidemill_core::recipe::Spec;
use tidemill_core::{Batch, Cell, Chain, Context, Error, Event, Fitted, Result, Role, State};
use tidemill_data::canonical_rows;
use tidemill_eval::compare::{Draw, Samples, ScoreInterval, paired};
use tidemill_eval::{Answers, Metric, Report};

use super::champion::Champion;
use super::trust::least_gain;
use crate::feedback::{self, Labelled};
use crate::search::Design;

/// Two models whose scores surely differ by less than this share of the champion's are equal.
const EQUAL: f64 = 0.01;
/// With at least this many days, the interval is over whole days, because the rows of one day depend on each other.
const MIN_DAYS: usize = 8;
pub(super) const DAY: i64 = 86_400_000_000;
/// An equal challenger takes over when it holds at most this share of the champion's learned numbers. Not by the clock: the
/// same feedback must lead to the same decision.
const CHEAPER: f64 = 0.8;

/// How champion and challenger compare on the held-out rows.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The metric.
    pub metric: String,
    /// The champion's score.
    pub champion: f64,
    /// The challenger's score.
    pub challenger: f64,
    /// By how much the challenger is better; negative where it is worse.
    pub better_by: ScoreInterval,
    /// What the interval takes for independent of each other.
    pub unit: Unit,
    /// The least that the challenger is better by when the rows of any one user are left out; none where no user gave many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub better_without_any_user: Option<f64>,
    /// The challenger's learned numbers over the champion's: the work of a row follows them.
    pub size_ratio: f64,
    /// The challenger's learner.
    pub learner: Spec,
    /// How the challenger did by every metric.
    pub report: Report,
}

/// What an interval takes for independent of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// So many whole days (UTC): of the rows' own time, where the model knows one, else of the prediction.
    Days(usize),
    /// Runs of this many consecutive rows, if there are too few days.
    Runs(usize),
}

impl Unit {
    /// What a sample draws, where these are the days of the rows.
    pub(super) fn draw(self, days: &[u32]) -> Draw<'_> {
        match self {
            Unit::Days(_) => Draw::Blocks(days),
            Unit::Runs(n) => Draw::Runs(n),
        }
    }
}

impl std::fmt::Display for Unit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unit::Days(n) => write!(f, "over {n} whole days"),
            Unit::Runs(n) => write!(f, "over runs of {n} rows"),
        }
    }
}

pub(super) fn compare(
    champion: &Champion,
    challenger: &Chain,
    design: &Design,
    held_out: &[Labelled],
    context: &Context,
) -> Result<Comparison> {
    context.tell(&Event::Begin { what: "comparing on held-out feedback".into(), steps: None });
    let rows: Vec<Vec<Cell>> = held_out.iter().map(|row| row.cells.clone()).collect();
    let batch = canonical_rows(&champion.plan, &feedback::names(&champion.plan), &rows)?;
    let challenger = Arc::new(challenger.clone());
    let answer = |chain: &Arc<Chain>| chain.clone().bind(batch.schema())?.apply(&batch);
    let (before, after) = (answer(&champion.opened.model.chain)?, answer(&challenger)?);
    let (before, after) = (Answers::of(&before)?, Answers::of(&after)?);
    let metric = champion.metric;
    let (unit, better_by) = {
        let (days, seed) = (days(champion, &batch, held_out)?, champion.recipe.train.seed);
        let unit = unit(&days);
        (unit, paired(&before, &after, metric, unit.draw(&days), Samples::usual(seed))?)
    };
    let (one, other) = (n_numbers(&champion.opened.model.chain.state()), n_numbers(&challenger.state()));
    context.tell(&Event::End);
    Ok(Comparison {
        metric: metric.name.into(),
        champion: metric.score(&before)?.value,
        challenger: metric.score(&after)?.value,
        better_by,
        unit,
        better_without_any_user: least_gain(&before, &after, metric, held_out)?,
        size_ratio: other as f64 / one.max(1) as f64,
        learner: design.spec(context)?,
        report: tidemill_eval::report_by(&after, metric),
    })
}

/// The day of each row, numbered from 0.
fn days(champion: &Champion, batch: &Batch, held_out: &[Labelled]) -> Result<Vec<u32>> {
    use arrow_array::Array;
    let mut moments: Vec<i64> = held_out.iter().map(|row| row.at).collect();
    let intake = champion.opened.model.chain.0.first().cloned();
    let intake = intake.ok_or_else(|| Error::internal("an empty chain"))?;
    let typed = intake.bind(batch.schema())?.apply(batch)?;
    if let Some(at) = typed.schema().role(Role::Time)
        && let Ok(times) = typed.times(at)
    {
        for (i, moment) in moments.iter_mut().enumerate() {
            if times.is_valid(i) {
                *moment = times.value(i);
            }
        }
    }
    Ok(numbered(moments.into_iter().map(|moment| moment.div_euclid(DAY))))
}

/// The days, numbered from 0 in their order.
pub(super) fn numbered(days: impl Iterator<Item = i64>) -> Vec<u32> {
    let days: Vec<i64> = days.collect();
    let mut known = days.clone();
    known.sort_unstable();
    known.dedup();
    days.into_iter().map(|day| known.partition_point(|earlier| *earlier < day) as u32).collect()
}

/// Whole days where there are enough of them; else runs as long as the cube root of the number of rows (Künsch 1989).
pub(super) fn unit(days: &[u32]) -> Unit {
    let n_days = days.iter().max().map_or(0, |last| *last as usize + 1);
    match n_days >= MIN_DAYS {
        true => Unit::Days(n_days),
        false => Unit::Runs((days.len() as f64).cbrt().ceil().max(1.0) as usize),
    }
}

/// How many numbers a fitted thing holds, its parts included.
fn n_numbers(state: &State) -> usize {
    let own: usize = state.tensors.values().map(|tensor| tensor.shape.iter().product::<usize>()).sum();
    own + state.children.iter().map(n_numbers).sum::<usize>()
}

pub(super) fn decide(comparison: &Comparison, metric: &Metric, n: usize) -> (bool, String) {
    let Comparison { champion, challenger, better_by, unit, size_ratio, .. } = comparison;
    let ScoreInterval { value, low, high, .. } = *better_by;
    let figures = format!(
        "{} {challenger:.4} against {champion:.4} on {n} held-out rows, better by {value:.4} (95% CI {low:.4} to {high:.4}, {unit})",
        metric.title
    );
    let margin = EQUAL * champion.abs();
    if low > 0.0 && comparison.better_without_any_user.is_some_and(|gain| gain <= 0.0) {
        let why = "it is better by the labels of one user alone, and no user decides alone (--trust USER vouches for one)";
        return (false, format!("not promoted: {why} ({figures})"));
    }
    if low > 0.0 {
        return (true, format!("promoted: the challenger is better ({figures})"));
    }
    if high < 0.0 {
        return (false, format!("not promoted: the challenger is worse ({figures})"));
    }
    if low >= -margin && high <= margin {
        if *size_ratio <= CHEAPER {
            let share = 100.0 * size_ratio;
            return (
                true,
                format!(
                    "promoted: the two are the same, and the challenger has {share:.0}% of the size ({figures})"
                ),
            );
        }
        return (
            false,
            format!("not promoted: the two are the same, and the challenger is not smaller ({figures})"),
        );
    }
    (false, format!("not promoted: not enough to tell the two apart ({figures})"))
}

/// Why a challenger that is better on all held-out rows is not promoted: it is worse on those whose key or group neither knew.
pub(super) fn worse_on_unseen(comparison: &Comparison, metric: &Metric, n: usize) -> Option<String> {
    let Comparison { champion, challenger, better_by: ScoreInterval { value, low, high, .. }, .. } =
        comparison;
    (*high < 0.0).then(|| {
        format!(
            "not promoted: the challenger is worse on rows of unseen keys ({} {challenger:.4} against {champion:.4} on {n} held-out \
             rows, better by {value:.4}, 95% CI {low:.4} to {high:.4})",
            metric.title
        )
    })
}

#[cfg(test)]
mod tests {
    use super::{Unit, unit};

    #[test]
    fn few_days_are_no_units() {
        let rows = |n_days: u32| (0..120).map(|i| i % n_days).collect::<Vec<u32>>();
        assert_eq!(unit(&rows(8)), Unit::Days(8));
        assert_eq!(unit(&rows(7)), Unit::Runs(5));
        assert_eq!(unit(&rows(8)).to_string(), "over 8 whole days");
    }
}
