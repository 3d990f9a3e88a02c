//! `impute_iterative`: each column with missing numbers is predicted from all others, in turns.

use std::sync::Arc;

use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, MatMut, MatRef, Par};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Builtin, BuiltinStep, Columns, Context, Estimator, Fitted, KeyPath, Registry, Result, Slot, State,
    Training,
};
use tidemill_kernel::bayesian_ridge::{self, Products};
use tidemill_kernel::reduce::{in_chunks, sum_parts};

use crate::joint::{self, Joint, Together};
use crate::mapping::Saved;

/// Rows whose products one thread sums at a time.
const ROWS: usize = 2048;

/// Fills missing numbers by predicting each column from the others with Bayesian ridge regression, round after round (chained
/// equations, van Buuren and Groothuis-Oudshoorn 2011).
///
/// Agrees with scikit-learn's `IterativeImputer` with its defaults, but for the last digits: missing numbers begin as the column's
/// mean, columns with fewest missing come first, and rounds end when none of the filled numbers moves much. Infinite numbers are missing. A
/// column without any value in training is filled with 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ImputeIterative {
    /// The columns to fill, which are predicted from each other; by default, every feature that is a number.
    pub columns: Columns,
    /// The most rounds, from 1.
    pub max_iter: usize,
    /// Rounds end when the filled numbers of no row move by more than this share of the greatest number.
    pub tol: f64,
}

impl Default for ImputeIterative {
    fn default() -> Self {
        ImputeIterative { columns: Columns::default(), max_iter: 10, tol: 1e-3 }
    }
}

impl Estimator for ImputeIterative {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        let schema = training.train.schema();
        let places = joint::number_places(Self::KIND, &self.columns, schema)?;
        let batch = training.train.collect()?;
        let learned = self.chain(joint::matrix(&batch, &places)?, places.len(), context)?;
        for (at, _) in places.iter().zip(&learned.means).filter(|(_, mean)| mean.is_nan()) {
            let name = &schema.columns()[*at].name;
            context.warn("no_value", format!("column '{name}' has no value in training: filled with 0"));
        }
        let changed = vec![true; places.len()];
        let kind = (Self::KIND, Self::VERSION);
        Ok(Arc::new(Together::new(kind, schema, &places, changed, Vec::new(), learned)))
    }
}

impl Builtin for ImputeIterative {
    const KIND: &'static str = "impute_iterative";

    fn check(&self) -> Result<(), KeyPath> {
        if !(1..=1000).contains(&self.max_iter) {
            return Err(KeyPath::new("max_iter", format!("must be 1 to 1000, but is {}", self.max_iter)));
        }
        match self.tol {
            tol if tol >= 0.0 && tol.is_finite() => Ok(()),
            tol => Err(KeyPath::new("tol", format!("must be a number from 0 up, but is {tol}"))),
        }
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        Together::<Rounds>::load((Self::KIND, Self::VERSION), &state)
    }
}

impl BuiltinStep for ImputeIterative {
    const SLOT: Slot = Slot::Missing;
    const DONE: &'static str = "missing values predicted from other columns";
}

impl ImputeIterative {
    /// Learns from rows of `p` numbers.
    fn chain(&self, mut x: Vec<f64>, p: usize, context: &Context) -> Result<Rounds> {
        x.iter_mut().filter(|x| !x.is_finite()).for_each(|x| *x = f64::NAN);
        let missing: Vec<bool> = x.iter().map(|x| x.is_nan()).collect();
        let greatest = x.iter().filter(|x| !x.is_nan()).fold(0.0f64, |most, x| most.max(x.abs()));
        let mean = |j: usize| {
            let known = x.iter().skip(j).step_by(p).filter(|x| !x.is_nan());
            let (sum, n) = known.fold((0.0, 0.0), |(sum, n), x| (sum + x, n + 1.0));
            // A sum beyond the largest number says nothing.
            Some(sum / n).filter(|mean: &f64| mean.is_finite()).unwrap_or(f64::NAN)
        };
        let means: Vec<f64> = (0..p).map(mean).collect();
        let mut rounds = Rounds { means, order: Vec::new(), equations: Vec::new() };
        fill(&mut x, &rounds.means);
        let count = |j: &usize| missing.iter().skip(*j).step_by(p).filter(|m| **m).count();
        rounds.order = (0..p).filter(|j| !rounds.means[*j].is_nan()).collect();
        rounds.order.sort_by_key(count);
        if p < 2 || x.is_empty() {
            rounds.order.clear();
        }
        let holes: Vec<Vec<u32>> = (0..p).map(|j| holes(&missing, p, j)).collect();
        for _ in 0..self.max_iter {
            if rounds.order.is_empty() {
                break;
            }
            let before = x.clone();
            for at in 0..rounds.order.len() {
                context.check()?;
                let j = rounds.order[at];
                let equation = regress(&x, &missing, p, j, &rounds.means);
                predict_all(&mut x, &holes[j], &equation, p, j);
                rounds.equations.extend(equation);
            }
            if moved(&x, &before, p) < self.tol * greatest {
                break;
            }
        }
        Ok(rounds)
    }
}

/// The rows that miss column `j`.
fn holes(missing: &[bool], p: usize, j: usize) -> Vec<u32> {
    let rows = missing.iter().skip(j).step_by(p).enumerate();
    rows.filter(|(_, missing)| **missing).map(|(row, _)| row as u32).collect()
}

/// Fills column `j` in these rows.
fn predict_all(x: &mut [f64], rows: &[u32], equation: &[f64], p: usize, j: usize) {
    let row = |i: usize| &x[rows[i] as usize * p..][..p];
    let parts =
        in_chunks(rows.len(), ROWS, |part| part.map(|i| predict(equation, row(i), j)).collect::<Vec<f64>>());
    rows.iter().zip(parts.iter().flatten()).for_each(|(row, value)| x[*row as usize * p + j] = *value);
}

/// By how much the numbers of a row moved in all, at most.
fn moved(x: &[f64], before: &[f64], p: usize) -> f64 {
    let parts = in_chunks(x.len() / p, ROWS, |rows| {
        let range = rows.start * p..rows.end * p;
        let pairs = x[range.clone()].chunks_exact(p).zip(before[range].chunks_exact(p));
        let sums = pairs.map(|(a, b)| a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f64>());
        sums.fold(0.0, f64::max)
    });
    parts.into_iter().fold(0.0, f64::max)
}

fn fill(x: &mut [f64], means: &[f64]) {
    for row in x.chunks_exact_mut(means.len().max(1)) {
        let holes = row.iter_mut().zip(means).filter(|(x, _)| x.is_nan());
        holes.for_each(|(x, mean)| *x = if mean.is_nan() { 0.0 } else { *mean });
    }
}

/// The intercept and a coefficient for each column, 0 for `j` itself: of column `j` on the others, over the rows that have it.
fn regress(x: &[f64], missing: &[bool], p: usize, j: usize, means: &[f64]) -> Vec<f64> {
    let centres: Vec<f64> = means.iter().map(|mean| if mean.is_nan() { 0.0 } else { *mean }).collect();
    // A column of ones behind the others gives the sums and the count.
    let width = p + 1;
    let parts = in_chunks(x.len() / p, ROWS, |rows| {
        let mut known = Vec::with_capacity(rows.len() * width);
        for i in rows.filter(|i| !missing[i * p + j]) {
            known.extend(x[i * p..(i + 1) * p].iter().zip(&centres).map(|(x, centre)| x - centre));
            known.push(1.0);
        }
        let mut sums = vec![0.0; width * width];
        let z = MatRef::from_row_major_slice(&known, known.len() / width, width);
        let out = MatMut::from_column_major_slice_mut(&mut sums, width, width);
        let (lower, whole) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
        triangular::matmul(out, lower, Accum::Add, z.transpose(), whole, z, whole, 1.0, Par::Seq);
        sums
    });
    let sums = sum_parts(parts, width * width);
    let at = |a: usize, b: usize| sums[a.min(b) * width + a.max(b)];
    let n = at(p, p);
    let first = |k: usize| at(k, p);
    let product = |a: usize, b: usize| at(a, b) - first(a) * first(b) / n;
    let others: Vec<usize> = (0..p).filter(|k| *k != j).collect();
    let xx: Vec<f64> = others
        .iter()
        .flat_map(|a| others.iter().map(move |b| (*a, *b)))
        .map(|(a, b)| product(a, b))
        .collect();
    let xy: Vec<f64> = others.iter().map(|a| product(*a, j)).collect();
    let found = Products { n: n as usize, xx: &xx, xy: &xy, yy: product(j, j) };
    let coefficients = bayesian_ridge::coefficients(found).unwrap_or_else(|| vec![0.0; p - 1]);
    let mean = |k: usize| centres[k] + first(k) / n;
    let mut equation = vec![0.0; p + 1];
    others.iter().zip(&coefficients).for_each(|(k, w)| equation[1 + k] = *w);
    equation[0] = mean(j) - others.iter().map(|k| equation[1 + k] * mean(*k)).sum::<f64>();
    equation
}

fn predict(equation: &[f64], row: &[f64], j: usize) -> f64 {
    let (intercept, coefficients) = (equation[0], &equation[1..]);
    let terms = |sum: f64, (w, x): (&f64, &f64)| sum + w * x;
    let before = coefficients[..j].iter().zip(&row[..j]).fold(intercept, terms);
    let value = coefficients[j + 1..].iter().zip(&row[j + 1..]).fold(before, terms);
    // Numbers near the largest there are may overflow on the way.
    if value.is_nan() { row[j] } else { value }
}

/// The equations of all rounds, one after the other.
struct Rounds {
    /// `NaN` for a column that had no value.
    means: Vec<f64>,
    /// The columns in the order in which a round predicts them.
    order: Vec<usize>,
    /// An intercept and `p` coefficients each.
    equations: Vec<f64>,
}

impl Joint for Rounds {
    fn save(&self) -> Saved {
        // NaN would be saved and read, but never equal itself.
        let means = self.means.iter().map(|mean| if mean.is_nan() { f64::INFINITY } else { *mean });
        Saved::new(&self.order, means.chain(self.equations.iter().copied()).collect())
    }

    fn load(saved: Saved, p: usize) -> Result<Self, String> {
        let order: Vec<usize> = saved.read()?;
        let Some((means, equations)) = saved.floats.split_at_checked(p) else {
            return Err("there is not a mean for each column".into());
        };
        let round = order.len().checked_mul(p + 1).ok_or("more equations than there can be")?;
        let whole = if round == 0 { equations.is_empty() } else { equations.len() % round == 0 };
        if !whole || order.iter().any(|j| *j >= p) {
            return Err("its equations are not whole".into());
        }
        let means = means.iter().map(|mean| if mean.is_finite() { *mean } else { f64::NAN }).collect();
        Ok(Rounds { means, order, equations: equations.to_vec() })
    }

    fn work(&self, row: &mut [f64], _: &mut [f64]) {
        row.iter_mut().filter(|x| !x.is_finite()).for_each(|x| *x = f64::NAN);
        let open: Vec<bool> = row.iter().map(|x| x.is_nan()).collect();
        if !open.contains(&true) {
            return;
        }
        fill(row, &self.means);
        let equations = self.equations.chunks_exact(row.len() + 1);
        for (&j, equation) in self.order.iter().cycle().zip(equations).filter(|(j, _)| open[**j]) {
            row[j] = predict(equation, row, j);
        }
    }
}
