//! Counterfactuals: the nearest few changes to a row that lead a model to another answer.

use std::collections::{BTreeMap, BTreeSet};

use tidemill_core::Context;

use crate::{Error, Result};

/// A column that may change, in one row.
#[derive(Clone, Debug, PartialEq)]
pub struct Changeable {
    /// The row's own value; `NaN` where it has none.
    pub own: f64,
    /// The values to try, which need not be in order. Its own is passed over.
    pub values: Vec<f64>,
    /// What a change of a number is measured in, such as the median absolute deviation; without it any change counts 1, as that of
    /// a category does.
    pub scale: Option<f64>,
    /// To how many decimals numbers between the values to try are rounded; below 0 to tens, hundreds, ….
    pub digits: i32,
}

impl Changeable {
    /// What it counts to have this value instead of its own.
    pub fn distance(&self, value: f64) -> f64 {
        match self.scale {
            Some(scale) if self.own.is_finite() => ((value - self.own) / scale).abs(),
            _ => 1.0,
        }
    }

    fn is_own(&self, value: f64) -> bool {
        value == self.own || (value.is_nan() && self.own.is_nan())
    }

    /// Numbers evenly spaced from `near` (left out) to `far`, rounded, those nearest to the row's own first.
    fn between(&self, near: f64, far: f64) -> Vec<f64> {
        let power = 10f64.powi(self.digits.abs());
        let rounded = |x: f64| match self.digits {
            0.. => (x * power).round() / power,
            _ => (x / power).round() * power,
        };
        let inside = |x: &f64| near.min(far) < *x && *x < near.max(far) && !self.is_own(*x);
        let step = (far - near) / f64::from(CUTS);
        let mut found: Vec<f64> =
            (1..CUTS).map(|i| rounded(near + step * f64::from(i))).filter(inside).collect();
        found.dedup();
        found
    }
}

/// Into how many parts the way to a number is cut when it is shortened, and how often.
const CUTS: u32 = 12;
const ZOOMS: usize = 3;

/// How a search goes about it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CounterfactualSettings {
    /// How many counterfactuals are wanted.
    pub n_wanted: usize,
    /// How many columns may change together.
    pub max_columns: usize,
    /// About how many changed rows the model may be asked about.
    pub max_evaluations: usize,
}

impl Default for CounterfactualSettings {
    fn default() -> Self {
        CounterfactualSettings { n_wanted: 3, max_columns: 4, max_evaluations: 20_000 }
    }
}

/// What a row would have to be for another answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Counterfactual {
    /// The columns that change, ascending, and their new values.
    pub changes: Vec<(usize, f64)>,
    /// How far that is from the row: the sum of [`Changeable::distance`] over the changes.
    pub distance: f64,
}

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counterfactuals {
    /// The fewest columns first, among equally many the nearest; no two change the same columns, and none changes all the columns of
    /// another and more.
    pub found: Vec<Counterfactual>,
    /// How many changed rows the model was asked about.
    pub n_evaluations: usize,
    /// How many columns were changed together at most.
    pub n_columns: usize,
    /// Whether all ways of changing so many columns to the values to try were asked about.
    pub complete: bool,
}

type Changes = Vec<(usize, f64)>;

/// Searches for the nearest changes that lead to another answer (Wachter, Mittelstadt and Russell 2017), in the fewest columns and in
/// different ones (after Mothilal, Sharma and Tan 2020, DiCE): first every column by itself, then pairs, and so on, from the most
/// promising changes of one size to the next (a beam search, which tries all pairs where they are not too many). What was found
/// is shortened: columns that are not needed go back, and numbers move towards the row as far as the answer allows.
///
/// `gap` says of changed rows how far each is from the wanted answer: 0 where the answer is the wanted one, above 0 elsewhere. It
/// is given the changes of many rows at a time. No chance enters. Errors when `gap` does, and once cancelled.
///
/// ```
/// use tidemill_core::Context;
/// use tidemill_eval::explain::{Changeable, CounterfactualSettings, counterfactuals};
/// // Yes, where the sum of both is at least 6; the row has 1 and 2.
/// let column = |own: f64| Changeable { own, values: (0..=5).map(f64::from).collect(), scale: Some(1.0), digits: 0 };
/// let gap = |rows: &[Vec<(usize, f64)>]| {
///     let sum = |changes: &Vec<(usize, f64)>| 3.0 + changes.iter().map(|(at, to)| to - [1.0, 2.0][*at]).sum::<f64>();
///     Ok::<_, tidemill_eval::Error>(rows.iter().map(|changes| (6.0 - sum(changes)).max(0.0)).collect())
/// };
/// let columns = [column(1.0), column(2.0)];
/// let found = counterfactuals(&columns, CounterfactualSettings::default(), &Context::default(), gap).unwrap();
/// assert_eq!(found.found[0].changes, [(0, 4.0)]);
/// assert_eq!(found.found[1].changes, [(1, 5.0)]);
/// ```
pub fn counterfactuals<E: From<Error>>(
    columns: &[Changeable],
    settings: CounterfactualSettings,
    context: &Context,
    gap: impl Fn(&[Changes]) -> Result<Vec<f64>, E>,
) -> Result<Counterfactuals, E> {
    let mut search = Search { columns, context, gap, n_evaluations: 0 };
    let n_moves = columns.iter().map(|c| c.values.len()).sum::<usize>().max(1);
    let deepest = settings.max_columns.min(columns.len());
    let mut out = Counterfactuals { complete: true, ..Counterfactuals::default() };
    let mut beam: Vec<Changes> = vec![Vec::new()];
    for size in 1..=deepest {
        let left = settings.max_evaluations.saturating_sub(search.n_evaluations);
        // Half of what is left, so that something remains for more columns.
        let share = if size < deepest { left.div_ceil(2) } else { left };
        let width = if size == 1 { 1 } else { (share / n_moves).max(1) };
        out.complete &= beam.len() <= width;
        beam.truncate(width);
        let mut next = search.larger(&beam, &out.found);
        if left == 0 || next.is_empty() {
            break;
        }
        out.complete &= next.len() <= left;
        next.truncate(left);
        let gaps = search.ask(&next)?;
        out.n_columns = size;
        search.take_reached(&next, &gaps, settings.n_wanted, &mut out.found)?;
        if out.found.len() >= settings.n_wanted {
            break;
        }
        beam = promising(next, gaps);
    }
    out.found.truncate(settings.n_wanted);
    out.n_evaluations = search.n_evaluations;
    Ok(out)
}

struct Search<'a, F> {
    columns: &'a [Changeable],
    context: &'a Context,
    gap: F,
    n_evaluations: usize,
}

impl<E: From<Error>, F: Fn(&[Changes]) -> Result<Vec<f64>, E>> Search<'_, F> {
    fn ask(&mut self, rows: &[Changes]) -> Result<Vec<f64>, E> {
        self.context.check().map_err(Error::from)?;
        self.n_evaluations += rows.len();
        let gaps = (self.gap)(rows)?;
        match gaps.len() == rows.len() {
            true => Ok(gaps),
            false => {
                let (what, found, wanted) = ("answers of the model", gaps.len(), rows.len());
                Err(Error::Lengths { what, found, wanted }.into())
            }
        }
    }

    fn distance(&self, changes: &[(usize, f64)]) -> f64 {
        changes.iter().map(|&(at, to)| self.columns[at].distance(to)).sum()
    }

    /// The changes of the beam with one column more, each once, but for those that would do more than something found.
    fn larger(&self, beam: &[Changes], found: &[Counterfactual]) -> Vec<Changes> {
        let (mut seen, mut out) = (BTreeSet::new(), Vec::new());
        for changes in beam {
            for (at, column) in self.columns.iter().enumerate() {
                if changes.iter().any(|(other, _)| *other == at) {
                    continue;
                }
                for &value in column.values.iter().filter(|value| !column.is_own(**value)) {
                    let mut more = changes.clone();
                    more.push((at, value));
                    more.sort_by_key(|(at, _)| *at);
                    let key: Vec<(usize, u64)> = more.iter().map(|(at, to)| (*at, to.to_bits())).collect();
                    if seen.insert(key) && !found.iter().any(|f| is_within(&f.changes, &more)) {
                        out.push(more);
                    }
                }
            }
        }
        out
    }

    /// Of what reached the wanted answer the nearest of each set of columns, shortened.
    fn take_reached(
        &mut self,
        asked: &[Changes],
        gaps: &[f64],
        n_wanted: usize,
        found: &mut Vec<Counterfactual>,
    ) -> Result<(), E> {
        let mut nearest: BTreeMap<Vec<usize>, (f64, &Changes)> = BTreeMap::new();
        for (changes, _) in asked.iter().zip(gaps).filter(|(_, gap)| **gap == 0.0) {
            let distance = self.distance(changes);
            let entry = nearest.entry(places(changes)).or_insert((distance, changes));
            if distance < entry.0 {
                *entry = (distance, changes);
            }
        }
        let mut reached: Vec<(f64, &Changes)> = nearest.into_values().collect();
        reached.sort_by(|a, b| a.0.total_cmp(&b.0));
        // Shortening may change the order, so more are shortened than are wanted.
        for (_, changes) in reached.into_iter().take(2 * n_wanted) {
            let changes = self.shortened(changes.clone())?;
            let distance = self.distance(&changes);
            found.push(Counterfactual { changes, distance });
        }
        let order = |a: &Counterfactual, b: &Counterfactual| {
            a.changes.len().cmp(&b.changes.len()).then(a.distance.total_cmp(&b.distance))
        };
        found.sort_by(|a, b| order(a, b).then(places(&a.changes).cmp(&places(&b.changes))));
        let all = std::mem::take(found);
        for one in all {
            if !found.iter().any(|known| is_within(&known.changes, &one.changes)) {
                found.push(one);
            }
        }
        Ok(())
    }

    /// The same answer with less: without columns that it does not need, and with numbers as near as it allows.
    fn shortened(&mut self, mut changes: Changes) -> Result<Changes, E> {
        if changes.len() > 1 {
            let without = |i: usize| {
                let mut fewer = changes.clone();
                fewer.remove(i);
                fewer
            };
            let fewer: Vec<Changes> = (0..changes.len()).map(without).collect();
            let gaps = self.ask(&fewer)?;
            let best = fewer.into_iter().zip(gaps).filter(|(_, gap)| *gap == 0.0).map(|(changes, _)| changes);
            if let Some(best) = best.min_by(|a, b| self.distance(a).total_cmp(&self.distance(b))) {
                return self.shortened(best);
            }
        }
        // The farthest first: there is most to gain.
        let far = |(at, to): (usize, f64)| self.columns[at].distance(to);
        let mut order: Vec<usize> = (0..changes.len()).collect();
        order.sort_by(|a, b| far(changes[*b]).total_cmp(&far(changes[*a])));
        for i in order {
            self.shorten(&mut changes, i)?;
        }
        Ok(changes)
    }

    /// Moves the number of one change towards the row's own.
    fn shorten(&mut self, changes: &mut Changes, i: usize) -> Result<(), E> {
        let (at, mut far) = changes[i];
        let column = &self.columns[at];
        if column.scale.is_none() || !column.own.is_finite() {
            return Ok(());
        }
        let mut near = column.own;
        for _ in 0..ZOOMS {
            let values = column.between(near, far);
            if values.is_empty() {
                break;
            }
            let with = |value: &f64| {
                let mut other = changes.clone();
                other[i].1 = *value;
                other
            };
            let rows: Vec<Changes> = values.iter().map(with).collect();
            let gaps = self.ask(&rows)?;
            match gaps.iter().position(|gap| *gap == 0.0) {
                Some(first) => {
                    far = values[first];
                    near = if first > 0 { values[first - 1] } else { near };
                }
                None => near = values[values.len() - 1],
            }
        }
        changes[i].1 = far;
        Ok(())
    }
}

fn places(changes: &[(usize, f64)]) -> Vec<usize> {
    changes.iter().map(|(at, _)| *at).collect()
}

/// Whether all columns of the first change in the second, too.
fn is_within(few: &[(usize, f64)], many: &[(usize, f64)]) -> bool {
    few.iter().all(|(at, _)| many.iter().any(|(other, _)| other == at))
}

/// What did not reach the wanted answer, the most promising first: the nearest to it of each set of columns, then the second nearest
/// of each, and so on, so that no column fills the beam.
fn promising(asked: Vec<Changes>, gaps: Vec<f64>) -> Vec<Changes> {
    let mut missed: Vec<(f64, Changes)> = gaps.into_iter().zip(asked).filter(|(gap, _)| *gap > 0.0).collect();
    missed.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut ranks: BTreeMap<Vec<usize>, usize> = BTreeMap::new();
    let mut ranked: Vec<(usize, f64, Changes)> = Vec::with_capacity(missed.len());
    for (gap, changes) in missed {
        let rank = ranks.entry(places(&changes)).or_insert(0);
        ranked.push((*rank, gap, changes));
        *rank += 1;
    }
    ranked.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    ranked.into_iter().map(|(.., changes)| changes).collect()
}
