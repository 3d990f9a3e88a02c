//! `impute_knn`: missing numbers become the mean of those of the nearest training rows.

use std::cmp::Ordering;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidemill_core::{
    Builtin, BuiltinStep, Column, Columns, Context, Estimator, Fitted, KeyPath, Kind, Registry, Result, Role,
    Slot, State, Training,
};

use crate::joint::{self, Added, Joint, Together};
use crate::mapping::{self, Saved};

/// Training rows whose distances are kept at a time; small enough to stay in the first-level cache.
const BLOCK: usize = 512;

/// Fills missing numbers with the mean of the nearest training rows that have one.
///
/// How far apart two rows are is told by the numbers that both have, scaled up to all (Euclidean, as scikit-learn's
/// `nan_euclidean_distances`), so scale columns of different sizes first. Agrees with scikit-learn's `KNNImputer`: where
/// no training row shares a number with a row, the column's mean is taken. Of equally far rows the first counts. Infinite numbers are
/// missing. A column without any value in training is filled with 0, with a warning. The model keeps the training rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ImputeKnn {
    /// The columns to fill; without any, every feature that is a number. Distances are measured by every feature that is a number.
    pub columns: Columns,
    /// How many nearest rows are averaged.
    pub n_neighbors: usize,
    /// How much each of them counts.
    pub weights: NeighborWeights,
    /// Whether to add a flag column `NAME_missing` for each column that misses values in training.
    pub flag: bool,
}

/// How much a neighbour counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NeighborWeights {
    /// All alike.
    #[default]
    Uniform,
    /// As one over its distance; rows at distance 0 alone where there are any.
    Distance,
}

impl Default for ImputeKnn {
    fn default() -> Self {
        let (columns, weights) = (Columns::default(), NeighborWeights::Uniform);
        ImputeKnn { columns, n_neighbors: 5, weights, flag: false }
    }
}

impl Estimator for ImputeKnn {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn params(&self) -> Value {
        mapping::params(self)
    }

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        context.check()?;
        let schema = training.train.schema();
        let is_number = |c: &Column| c.kind == Kind::Number;
        let filled = self.columns.places(schema, "a number", is_number)?;
        joint::refuse_target(Self::KIND, schema, &filled)?;
        let mut places = filled.clone();
        places.extend(schema.places(|c| is_number(c) && c.role == Role::Feature));
        places.sort_unstable();
        places.dedup();
        let batch = training.train.collect()?;
        let x = joint::matrix(&batch, &places)?;
        let learned = Donors::new(x, places.len(), self);
        let changed: Vec<bool> = places.iter().map(|at| filled.contains(at)).collect();
        let name = |j: usize| schema.columns()[places[j]].name.clone();
        for j in (0..places.len()).filter(|&j| changed[j] && learned.n_known(j) == 0) {
            let message = format!("column '{}' has no value in training: filled with 0", name(j));
            context.warn("no_value", message);
        }
        let marked = |j: &usize| self.flag && changed[*j] && learned.n_known(*j) < learned.n;
        let added: Vec<Added> = (0..places.len())
            .filter(marked)
            .map(|j| Added { name: format!("{}_missing", name(j)), flag: true, from: j })
            .collect();
        let learned =
            Donors { fills: changed.clone(), marks: added.iter().map(|a| a.from).collect(), ..learned };
        let kind = (Self::KIND, Self::VERSION);
        Ok(Arc::new(Together::new(kind, schema, &places, changed, added, learned)))
    }
}

impl Builtin for ImputeKnn {
    const KIND: &'static str = "impute_knn";

    fn check(&self) -> Result<(), KeyPath> {
        match self.n_neighbors {
            0 => Err(KeyPath::new("n_neighbors", "is 0, but must be at least 1")),
            _ => Ok(()),
        }
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        Together::<Donors>::load((Self::KIND, Self::VERSION), &state)
    }
}

impl BuiltinStep for ImputeKnn {
    const SLOT: Slot = Slot::Missing;
    const DONE: &'static str = "missing values filled from the nearest rows";
    const KEEPS_ROWS: bool = true;
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Notes {
    k: usize,
    weights: NeighborWeights,
    n: usize,
    fills: Vec<bool>,
    marks: Vec<usize>,
}

/// The training rows, column by column.
struct Donors {
    n: usize,
    p: usize,
    k: usize,
    weights: NeighborWeights,
    /// By input: whether it is filled.
    fills: Vec<bool>,
    /// The inputs that are marked.
    marks: Vec<usize>,
    /// Column after column, 0 where there is no number.
    values: Vec<f64>,
    /// 1 where there is a number, else 0.
    known: Vec<f64>,
    means: Vec<f64>,
}

impl Donors {
    /// From rows of `p` numbers.
    fn new(x: Vec<f64>, p: usize, step: &ImputeKnn) -> Self {
        let n = x.len().checked_div(p).unwrap_or(0);
        let columns = (0..p).flat_map(|j| x.iter().skip(j).step_by(p));
        let columns: Vec<f64> = columns.map(|x| if x.is_finite() { *x } else { f64::NAN }).collect();
        let notes =
            Notes { k: step.n_neighbors, weights: step.weights, n, fills: vec![false; p], marks: Vec::new() };
        Donors::of(notes, p, columns)
    }

    fn of(Notes { k, weights, n, fills, marks }: Notes, p: usize, columns: Vec<f64>) -> Self {
        let known: Vec<f64> = columns.iter().map(|x| f64::from(u8::from(!x.is_nan()))).collect();
        let values: Vec<f64> = columns.into_iter().map(|x| if x.is_nan() { 0.0 } else { x }).collect();
        let mean = |j: usize| {
            let own = j * n..(j + 1) * n;
            let count: f64 = known[own.clone()].iter().sum();
            if count > 0.0 { values[own].iter().sum::<f64>() / count } else { 0.0 }
        };
        let means = (0..p).map(mean).collect();
        Donors { n, p, k, weights, fills, marks, values, known, means }
    }

    fn n_known(&self, j: usize) -> usize {
        self.known[j * self.n..(j + 1) * self.n].iter().sum::<f64>() as usize
    }

    /// The `k` nearest rows that have a number in each of `wanted`: distance and row.
    fn nearest(&self, row: &[f64], wanted: &[usize]) -> Vec<Vec<(f64, u32)>> {
        let mut best: Vec<Vec<(f64, u32)>> = wanted.iter().map(|_| Vec::with_capacity(self.k + 1)).collect();
        let (mut sums, mut counts) = ([0.0; BLOCK], [0.0; BLOCK]);
        for start in (0..self.n).step_by(BLOCK) {
            let len = BLOCK.min(self.n - start);
            sums[..len].fill(0.0);
            counts[..len].fill(0.0);
            for j in (0..self.p).filter(|j| !row[*j].is_nan()) {
                let own = j * self.n + start..j * self.n + start + len;
                let (values, known, q) = (&self.values[own.clone()], &self.known[own], row[j]);
                for i in 0..len {
                    let d = (q - values[i]) * known[i];
                    sums[i] += d * d;
                    counts[i] += known[i];
                }
            }
            for (&j, best) in wanted.iter().zip(&mut best) {
                let known = &self.known[j * self.n + start..][..len];
                for i in (0..len).filter(|i| known[*i] > 0.0 && counts[*i] > 0.0) {
                    offer(best, self.k, (sums[i] / counts[i], (start + i) as u32));
                }
            }
        }
        best
    }

    fn mean(&self, j: usize, near: &[(f64, u32)]) -> f64 {
        if near.is_empty() {
            return self.means[j];
        }
        let value = |i: u32| self.values[j * self.n + i as usize];
        let exact = near[0].0 == 0.0;
        let weight = |distance: f64| match self.weights {
            NeighborWeights::Uniform => 1.0,
            // Distances are ordered by what they are the root of, but for a factor that all have.
            NeighborWeights::Distance if exact => f64::from(u8::from(distance == 0.0)),
            NeighborWeights::Distance => 1.0 / distance.sqrt(),
        };
        let sums = near.iter().fold((0.0, 0.0), |(sum, all), (distance, i)| {
            let w = weight(*distance);
            (sum + w * value(*i), all + w)
        });
        sums.0 / sums.1
    }
}

/// Keeps the `k` least, the first of equals.
fn offer(best: &mut Vec<(f64, u32)>, k: usize, item: (f64, u32)) {
    let before = |a: &(f64, u32), b: &(f64, u32)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)) == Ordering::Less;
    if best.len() == k && best.last().is_some_and(|last| !before(&item, last)) {
        return;
    }
    let at = best.partition_point(|known| before(known, &item));
    best.insert(at, item);
    best.truncate(k);
}

impl Joint for Donors {
    fn save(&self) -> Saved {
        let Donors { n, k, weights, fills, marks, .. } = self;
        let columns = self.values.iter().zip(&self.known);
        // Of numbers that are there none is infinite; NaN would be saved and read, but never equal itself.
        let columns = columns.map(|(x, known)| if *known > 0.0 { *x } else { f64::INFINITY }).collect();
        let (fills, marks) = (fills.clone(), marks.clone());
        Saved::new(Notes { k: *k, weights: *weights, n: *n, fills, marks }, columns)
    }

    fn load(saved: Saved, p: usize) -> Result<Self, String> {
        let notes: Notes = saved.read()?;
        let whole = notes.n.checked_mul(p) == Some(saved.floats.len()) && notes.fills.len() == p;
        if !whole || notes.k == 0 || notes.marks.iter().any(|j| *j >= p) {
            return Err("its training rows are not whole".into());
        }
        let number = |x: f64| if x.is_finite() { x } else { f64::NAN };
        Ok(Donors::of(notes, p, saved.floats.into_iter().map(number).collect()))
    }

    fn work(&self, row: &mut [f64], added: &mut [f64]) {
        row.iter_mut().filter(|x| !x.is_finite()).for_each(|x| *x = f64::NAN);
        added.iter_mut().zip(&self.marks).for_each(|(mark, j)| *mark = f64::from(u8::from(row[*j].is_nan())));
        let wanted: Vec<usize> = (0..self.p).filter(|j| self.fills[*j] && row[*j].is_nan()).collect();
        if wanted.is_empty() {
            return;
        }
        let near = self.nearest(row, &wanted);
        wanted.iter().zip(near).for_each(|(j, near)| row[*j] = self.mean(*j, &near));
    }
}
