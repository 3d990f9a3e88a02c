//! The worst slice: rows that can be named ("region is 'north' and age from 61 to 80") and that a model serves
//! clearly worse than the others.

use rayon::prelude::*;
use serde::Serialize;
use tidemill_core::{Batch, Context};

use crate::row_loss::{RowLoss, row_loss};
use crate::{Answers, Error, Metric, Result};

mod conditions;
mod sums;

use conditions::{Dealt, dealt};
use sums::{Sums, worse};

/// What slices are looked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slicing {
    /// The fewest rows of a slice; never less than 20.
    pub min_rows: usize,
    /// Into how many bins of equal rows a number or a time is cut.
    pub n_bins: usize,
    /// How likely it may be to report any slice of a model that serves all alike.
    pub level: f64,
    /// The most slices reported.
    pub most: usize,
}

impl Default for Slicing {
    fn default() -> Self {
        Slicing { min_rows: 30, n_bins: 5, level: 0.05, most: 5 }
    }
}

/// The slices that survive, the worst first.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Slices {
    /// The metric that is shown.
    pub metric: &'static str,
    /// What is compared row by row: the metric where it is a mean over rows, else log loss, zero-one loss or absolute error.
    pub loss: &'static str,
    /// The metric of all rows.
    pub value: f64,
    /// How many slices of enough rows were looked at.
    pub n_tested: usize,
    /// Those that are worse beyond chance; none is good news.
    pub slices: Vec<Slice>,
}

/// Rows that a model serves worse.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Slice {
    /// What holds of its rows, one or two conditions.
    pub conditions: Vec<Condition>,
    /// The conditions as words: `region is 'north' and age from 61 to 80`.
    pub name: String,
    /// How many rows it has.
    pub n_rows: usize,
    /// Their share of all rows.
    pub share: f64,
    /// The metric of its rows; `NaN` (null in JSON) where it is undefined there.
    pub value: f64,
    /// The metric of all other rows.
    pub rest: f64,
    /// The mean loss of its rows.
    pub loss: f64,
    /// The mean loss of all other rows.
    pub rest_loss: f64,
    /// How likely so great a difference is by chance, given how many slices were looked at (Bonferroni).
    pub p_value: f64,
}

/// What holds of the rows of a slice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// The column.
    pub column: String,
    /// What its values are: `is 'north'`, `from 61 to 80`, `is missing`.
    pub test: String,
    /// The same in parts.
    #[serde(skip)]
    pub holds: Holds,
}

/// What holds of the values of a column, as people write them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holds {
    /// All are this one; names stand in quotes.
    Is(String),
    /// They lie between these, both included.
    Between([String; 2]),
    /// They are missing.
    Missing,
    /// They are not missing.
    There,
}

impl std::fmt::Display for Holds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Holds::Is(value) => write!(f, "is {value}"),
            Holds::Between([low, high]) => write!(f, "from {low} to {high}"),
            Holds::Missing => f.write_str("is missing"),
            Holds::There => f.write_str("is there"),
        }
    }
}

/// Beyond so many columns, pairs are made of those that matter most alone.
const MOST_PAIRED: usize = 48;
/// Of two slices that share more of their rows than this, the better founded is reported.
const SAME_ROWS: f64 = 0.7;

/// Looks through the features of `rows` (one by one, then in pairs) for slices where the answers about these rows are
/// worse than about all others: categories, flags, bins of numbers and times, missing values. Texts and vectors play a
/// part only by being missing.
///
/// A slice is reported when it has enough rows and its mean loss is above that of the rest by Welch's test, corrected for the
/// number of slices looked at; one of two conditions must also be worse than what either of them leaves, so that the shorter
/// name wins. Slices come by how much worse they are at least, and those of almost the same rows once.
///
/// Errors when rows and answers differ in number, when the metric is not for these answers, and once cancelled.
pub fn slices(
    rows: &Batch,
    answers: &Answers<'_>,
    metric: &Metric,
    how: &Slicing,
    context: &Context,
) -> Result<Slices> {
    if rows.n_rows() != answers.n_rows() {
        let (found, wanted) = (rows.n_rows(), answers.n_rows());
        return Err(Error::Lengths { what: "rows", found, wanted });
    }
    let value = metric.score(answers)?.value;
    let (loss_name, loss) = loss_of(answers, metric)?;
    let search = Search::new(rows, answers, &loss, how, context)?;
    let mut found = Slices { metric: metric.name, loss: loss_name, value, n_tested: 0, slices: Vec::new() };
    if search.all.weight == 0.0 {
        return Ok(found);
    }
    let (ones, pairs) = (search.single(), search.pairs()?);
    let scale = search.unseen_pairs();
    found.n_tested = ones.len() + (pairs.len() as f64 * scale).ceil() as usize;
    let survivors = search.survivors(ones, pairs, found.n_tested, how);
    for slice in search.distinct(survivors, how.most, context)? {
        found.slices.push(search.described(&slice, answers, metric)?);
    }
    Ok(found)
}

/// The loss of single rows that stands for this metric.
fn loss_of<'b>(answers: &'b Answers<'_>, metric: &Metric) -> Result<(&'static str, RowLoss<'b>)> {
    [metric.name, "log_loss", "zero_one_loss", "mae"]
        .into_iter()
        .find_map(|name| Some((name, row_loss(answers, name)?)))
        .ok_or_else(|| tidemill_core::Error::internal("answers without a loss").into())
}

/// One or two conditions, as (column among the dealt, bin), and what their rows sum to.
#[derive(Clone)]
struct Candidate {
    bins: Vec<(usize, u16)>,
    sums: Sums,
    /// The p-value before correction.
    p: f64,
    /// How much worse it is at least.
    least: f64,
}

struct Search {
    columns: Vec<Dealt>,
    /// The sums of each bin of each column.
    bins: Vec<Vec<Sums>>,
    losses: Vec<f64>,
    weights: Option<Vec<f64>>,
    all: Sums,
    min_rows: usize,
    context: Context,
}

impl Search {
    fn new(
        rows: &Batch,
        answers: &Answers<'_>,
        loss: &RowLoss<'_>,
        how: &Slicing,
        context: &Context,
    ) -> Result<Self> {
        let columns = dealt(rows, how.n_bins)?;
        let losses: Vec<f64> = (0..rows.n_rows()).into_par_iter().map(loss).collect();
        let weights = answers.weights().map(<[f64]>::to_vec);
        let mut all = Sums::default();
        for (row, &loss) in losses.iter().enumerate() {
            all.add(loss, weights.as_ref().map_or(1.0, |w| w[row]));
        }
        let min_rows = how.min_rows.max(20);
        let mut search =
            Search { columns, bins: Vec::new(), losses, weights, all, min_rows, context: context.clone() };
        search.bins = search.columns.par_iter().map(|c| search.by_bin(c)).collect();
        Ok(search)
    }

    fn weight(&self, row: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |w| w[row])
    }

    /// The sums of each bin of a column.
    fn by_bin(&self, column: &Dealt) -> Vec<Sums> {
        let mut sums = vec![Sums::default(); column.names.len()];
        for (row, &bin) in column.bins.iter().enumerate() {
            if let Some(sums) = sums.get_mut(usize::from(bin)) {
                sums.add(self.losses[row], self.weight(row));
            }
        }
        sums
    }

    fn enough(&self, sums: &Sums) -> bool {
        sums.n >= self.min_rows && self.all.n - sums.n >= self.min_rows
    }

    fn candidate(&self, bins: Vec<(usize, u16)>, sums: Sums) -> Candidate {
        let (p, least) = worse(&sums, &self.all.less(&sums), &self.all);
        Candidate { bins, sums, p, least }
    }

    fn single(&self) -> Vec<Candidate> {
        let of = |(c, bins): (usize, &Vec<Sums>)| {
            let bins = bins.iter().zip(0u16..).filter(|(sums, _)| self.enough(sums));
            bins.map(|(sums, bin)| self.candidate(vec![(c, bin)], *sums)).collect::<Vec<_>>()
        };
        self.bins.par_iter().enumerate().map(of).collect::<Vec<_>>().concat()
    }

    /// The columns that pairs are made of: all, or those whose bins differ most.
    fn paired(&self) -> Vec<usize> {
        let least = |bins: &Vec<Sums>| {
            let p = bins.iter().filter(|s| self.enough(s)).map(|s| worse(s, &self.all.less(s), &self.all).0);
            p.fold(1.0, f64::min)
        };
        let mut order: Vec<(f64, usize)> = self.bins.iter().map(least).zip(0..).collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut kept: Vec<usize> = order.iter().take(MOST_PAIRED).map(|o| o.1).collect();
        kept.sort_unstable();
        kept
    }

    /// By how much more pairs there would have been of all columns: they were passed over by what the rows said, so they
    /// count as looked at.
    fn unseen_pairs(&self) -> f64 {
        let pairs = |n: usize| (n * n.saturating_sub(1)) as f64;
        let n = self.columns.len();
        if n <= MOST_PAIRED { 1.0 } else { pairs(n) / pairs(MOST_PAIRED) }
    }

    /// All pairs of bins of two columns; the sums of a pair come with those of both its parents.
    fn pairs(&self) -> Result<Vec<(Candidate, Sums, Sums)>> {
        let kept = self.paired();
        let pairs: Vec<(usize, usize)> =
            kept.iter().flat_map(|&a| kept.iter().map(move |&b| (a, b))).filter(|(a, b)| a < b).collect();
        let of = |&(a, b): &(usize, usize)| -> Result<Vec<(Candidate, Sums, Sums)>> {
            self.context.check()?;
            let (x, y) = (&self.columns[a], &self.columns[b]);
            let width = y.names.len();
            let mut sums = vec![Sums::default(); x.names.len() * width];
            for (row, (&i, &j)) in x.bins.iter().zip(&y.bins).enumerate() {
                if usize::from(i) < x.names.len() && usize::from(j) < width {
                    sums[usize::from(i) * width + usize::from(j)].add(self.losses[row], self.weight(row));
                }
            }
            let (first, second) = (&self.bins[a], &self.bins[b]);
            let cells = sums.into_iter().enumerate().filter(|(_, s)| self.enough(s));
            let found = cells.map(|(at, s)| {
                let bins = vec![(a, (at / width) as u16), (b, (at % width) as u16)];
                (self.candidate(bins, s), first[at / width], second[at % width])
            });
            Ok(found.collect())
        };
        Ok(pairs.par_iter().map(of).collect::<Result<Vec<_>>>()?.concat())
    }

    /// Those that are worse beyond chance, the worst at least first.
    fn survivors(
        &self,
        ones: Vec<Candidate>,
        pairs: Vec<(Candidate, Sums, Sums)>,
        n_tested: usize,
        how: &Slicing,
    ) -> Vec<Candidate> {
        let most = how.level / n_tested.max(1) as f64;
        let beyond = |sums: &Sums, parent: &Sums| {
            let rest = parent.less(sums);
            // Where a parent leaves next to nothing, it is the same slice by a shorter name.
            rest.n >= 10 && worse(sums, &rest, &self.all).0 <= most
        };
        let pairs = pairs
            .into_iter()
            .filter(|(c, first, second)| c.p <= most && beyond(&c.sums, first) && beyond(&c.sums, second))
            .map(|(c, _, _)| c);
        let mut found: Vec<Candidate> = ones.into_iter().filter(|c| c.p <= most).chain(pairs).collect();
        found.iter_mut().for_each(|c| c.p = (c.p * n_tested as f64).min(1.0));
        found.sort_by(|a, b| b.least.total_cmp(&a.least).then(a.bins.cmp(&b.bins)));
        found
    }

    fn holds(&self, candidate: &Candidate, row: usize) -> bool {
        candidate.bins.iter().all(|&(c, bin)| self.columns[c].bins[row] == bin)
    }

    /// The first `most` that are not the same rows as one before.
    fn distinct(&self, from: Vec<Candidate>, most: usize, context: &Context) -> Result<Vec<Candidate>> {
        let mut kept: Vec<Candidate> = Vec::new();
        for candidate in from.into_iter().take(200) {
            context.check()?;
            if kept.len() >= most {
                break;
            }
            let again = kept.iter().any(|other| {
                let both = (0..self.losses.len())
                    .filter(|&row| self.holds(&candidate, row) && self.holds(other, row))
                    .count();
                let either = candidate.sums.n + other.sums.n - both.min(candidate.sums.n);
                both as f64 > SAME_ROWS * either as f64
            });
            if !again {
                kept.push(candidate);
            }
        }
        Ok(kept)
    }

    fn described(&self, slice: &Candidate, answers: &Answers<'_>, metric: &Metric) -> Result<Slice> {
        let (inside, outside): (Vec<u32>, Vec<u32>) =
            (0..self.losses.len() as u32).partition(|&row| self.holds(slice, row as usize));
        let conditions: Vec<Condition> = slice
            .bins
            .iter()
            .map(|&(c, bin)| {
                let column = &self.columns[c];
                let holds = column.names[usize::from(bin)].clone();
                Condition { column: column.name.clone(), test: holds.to_string(), holds }
            })
            .collect();
        let words: Vec<String> = conditions.iter().map(|c| format!("{} {}", c.column, c.test)).collect();
        Ok(Slice {
            name: words.join(" and "),
            conditions,
            n_rows: inside.len(),
            share: inside.len() as f64 / self.losses.len() as f64,
            value: metric.score(&answers.take(&inside)?)?.value,
            rest: metric.score(&answers.take(&outside)?)?.value,
            loss: slice.sums.mean(),
            rest_loss: self.all.less(&slice.sums).mean(),
            p_value: slice.p,
        })
    }
}
