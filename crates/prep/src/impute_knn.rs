//! `impute_knn`: missing numbers become the mean of those of the nearest training rows.

use std::cmp::Ordering;
use std::sync::Arc;

use pulp::NullaryFnOnce;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Builtin, BuiltinStep, Column, Columns, Context, Estimator, Fitted, KeyPath, Kind, Registry, Result, Role,
    Slot, State, Training,
};
use tidemill_kernel::vector::wide;

use crate::joint::{self, Added, Joint, Together};
use crate::mapping::Saved;

/// Training rows whose distances one pass measures: as many as fit the registers.
const WIDTH: usize = 16;
/// Blocks of so many training rows that are looked at for one row after the other while they are in the first-level cache.
const BLOCKS: usize = 12;
/// Rows that are filled side by side.
const ROWS: usize = 64;

/// Fills missing numbers with the mean of the nearest training rows that have one.
///
/// How far apart two rows are is told by the numbers that both have, scaled up to all (Euclidean, as scikit-learn's
/// `nan_euclidean_distances`), so scale columns of different sizes first. Agrees with scikit-learn's `KNNImputer`: where
/// no training row shares a number with a row, the column's mean is taken. Of equally far rows the first counts. Infinite numbers are
/// missing. A column without any value in training is filled with 0, with a warning. The model keeps the training rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ImputeKnn {
    /// The columns to fill; by default, every feature that is a number. Distances are measured by every feature that is a number.
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
    tidemill_core::kind_and_params!();

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
        let learned = Donors::new(&x, places.len(), self);
        let changed: Vec<bool> = places.iter().map(|at| filled.contains(at)).collect();
        let name = |j: usize| schema.columns()[places[j]].name.clone();
        for j in (0..places.len()).filter(|&j| changed[j] && learned.n_known[j] == 0) {
            let message = format!("column '{}' has no value in training: filled with 0", name(j));
            context.warn("no_value", message);
        }
        let marked = |j: &usize| self.flag && changed[*j] && learned.n_known[*j] < learned.n;
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

/// The training rows, in blocks of [`WIDTH`] rows, each column after column.
struct Donors {
    n: usize,
    p: usize,
    k: usize,
    weights: NeighborWeights,
    /// By input: whether it is filled.
    fills: Vec<bool>,
    /// The inputs that are marked.
    marks: Vec<usize>,
    /// `p` for each block; `NaN` where there is no number, or no row.
    values: Vec<[f64; WIDTH]>,
    /// 1 where there is a number, else 0.
    known: Vec<[i32; WIDTH]>,
    /// By input: in how many rows there is a number, and the mean of these.
    n_known: Vec<usize>,
    means: Vec<f64>,
}

impl Donors {
    /// From rows of `p` numbers.
    fn new(x: &[f64], p: usize, step: &ImputeKnn) -> Self {
        let n = x.len().checked_div(p).unwrap_or(0);
        let notes =
            Notes { k: step.n_neighbors, weights: step.weights, n, fills: vec![false; p], marks: Vec::new() };
        Donors::of(notes, p, |i, j| x[i * p + j])
    }

    /// From the number of each row and column.
    fn of(
        Notes { k, weights, n, fills, marks }: Notes,
        p: usize,
        number: impl Fn(usize, usize) -> f64,
    ) -> Self {
        let mut values = vec![[f64::NAN; WIDTH]; n.div_ceil(WIDTH) * p];
        let mut known = vec![[0; WIDTH]; values.len()];
        let (mut n_known, mut sums) = (vec![0; p], vec![0.0; p]);
        for i in 0..n {
            for j in 0..p {
                let (x, at, lane) = (number(i, j), i / WIDTH * p + j, i % WIDTH);
                if x.is_finite() {
                    (values[at][lane], known[at][lane]) = (x, 1);
                    n_known[j] += 1;
                    sums[j] += x;
                }
            }
        }
        let means = n_known.iter().zip(&sums).map(|(n, sum)| if *n > 0 { sum / *n as f64 } else { 0.0 });
        let means = means.collect();
        Donors { n, p, k, weights, fills, marks, values, known, n_known, means }
    }

    /// `NaN` where there is none.
    fn value(&self, i: usize, j: usize) -> f64 {
        self.values[i / WIDTH * self.p + j][i % WIDTH]
    }

    /// Looks for the nearest rows of each of some.
    fn search(&self, wants: &mut [Want]) {
        let (p, per_tile) = (self.p, BLOCKS * self.p);
        let tiles = self.values.chunks(per_tile).zip(self.known.chunks(per_tile)).enumerate();
        for (tile, (values, known)) in tiles {
            let first = tile * BLOCKS * WIDTH;
            wants.iter_mut().for_each(|want| wide(Pass { values, known, p, first, k: self.k, want }));
        }
    }

    fn mean(&self, j: usize, near: &[(f64, u32)]) -> f64 {
        if near.is_empty() {
            return self.means[j];
        }
        let exact = near[0].0 == 0.0;
        let weight = |distance: f64| match self.weights {
            NeighborWeights::Uniform => 1.0,
            // Distances are ordered by what they are the root of, but for a factor that all have.
            NeighborWeights::Distance if exact => f64::from(u8::from(distance == 0.0)),
            NeighborWeights::Distance => 1.0 / distance.sqrt(),
        };
        let sums = near.iter().fold((0.0, 0.0), |(sum, all), (distance, i)| {
            let w = weight(*distance);
            (sum + w * self.value(*i as usize, j), all + w)
        });
        sums.0 / sums.1
    }
}

/// A row with something to fill, and what was found for it.
struct Want {
    /// Its place among the rows.
    row: usize,
    /// Its numbers: column and value.
    numbers: Vec<(usize, f64)>,
    /// The columns to fill, each with the nearest rows so far that have a number there.
    nearest: Vec<(usize, Vec<(f64, u32)>)>,
    /// No row that is farther can be among the nearest.
    limit: f64,
}

impl Want {
    /// `None` where nothing is to be filled.
    fn of(row: usize, x: &[f64], fills: &[bool], k: usize) -> Option<Self> {
        let open = x.iter().zip(fills).enumerate().filter(|(_, (x, fills))| x.is_nan() && **fills);
        let nearest: Vec<_> = open.map(|(j, _)| (j, Vec::with_capacity(k + 1))).collect();
        let numbers = x.iter().enumerate().filter(|(_, x)| !x.is_nan()).map(|(j, x)| (j, *x)).collect();
        (!nearest.is_empty()).then_some(Want { row, numbers, nearest, limit: f64::INFINITY })
    }

    /// Offers the rows of a block.
    #[inline(never)]
    fn take(&mut self, known: &[[i32; WIDTH]], first: usize, keys: &[f64; WIDTH], k: usize) {
        self.limit = 0.0;
        for (j, best) in &mut self.nearest {
            // No row shares a number with this one where a key is `NaN`.
            for (i, key) in keys.iter().enumerate().filter(|(i, key)| known[*j][*i] == 1 && !key.is_nan()) {
                offer(best, k, (*key, (first + i) as u32));
            }
            let last = best.last().filter(|_| best.len() == k).map_or(f64::INFINITY, |last| last.0);
            self.limit = self.limit.max(last);
        }
    }
}

/// Measures how far some blocks of training rows are from one row, and offers those that are near enough.
struct Pass<'a> {
    values: &'a [[f64; WIDTH]],
    known: &'a [[i32; WIDTH]],
    p: usize,
    /// The first of these training rows.
    first: usize,
    k: usize,
    want: &'a mut Want,
}

impl NullaryFnOnce for Pass<'_> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        let Pass { values, known, p, first, k, want } = self;
        for (b, (values, known)) in values.chunks_exact(p).zip(known.chunks_exact(p)).enumerate() {
            let (mut sums, mut counts) = ([0.0; WIDTH], [0i32; WIDTH]);
            for &(j, x) in &want.numbers {
                let (column, known) = (&values[j], &known[j]);
                for l in 0..WIDTH {
                    let d = x - column[l];
                    let square = d * d;
                    // Of `NaN` this is 0.
                    sums[l] += if square > 0.0 { square } else { 0.0 };
                    // At most one for each column.
                    counts[l] = counts[l].wrapping_add(known[l]);
                }
            }
            let (mut keys, mut any, limit) = ([0.0; WIDTH], false, want.limit);
            for l in 0..WIDTH {
                keys[l] = sums[l] / f64::from(counts[l]);
                any |= keys[l] <= limit;
            }
            if any {
                want.take(known, first + b * WIDTH, &keys, k);
            }
        }
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
        // Of numbers that are there none is infinite; NaN would be saved and read, but never equal itself.
        let saved = |x: f64| if x.is_nan() { f64::INFINITY } else { x };
        let columns = (0..self.p).flat_map(|j| (0..*n).map(move |i| saved(self.value(i, j)))).collect();
        let (fills, marks) = (fills.clone(), marks.clone());
        Saved::new(Notes { k: *k, weights: *weights, n: *n, fills, marks }, columns)
    }

    fn load(saved: Saved, p: usize) -> Result<Self, String> {
        let notes: Notes = saved.read()?;
        let n = notes.n;
        let whole = n.checked_mul(p) == Some(saved.floats.len()) && notes.fills.len() == p;
        if !whole || notes.k == 0 || notes.marks.iter().any(|j| *j >= p) {
            return Err("its training rows are not whole".into());
        }
        Ok(Donors::of(notes, p, |i, j| saved.floats[j * n + i]))
    }

    fn work(&self, row: &mut [f64], added: &mut [f64]) {
        self.work_rows(row, added, (row.len(), added.len()));
    }

    fn work_rows(&self, rows: &mut [f64], added: &mut [f64], (p, a): (usize, usize)) {
        rows.iter_mut().filter(|x| !x.is_finite()).for_each(|x| *x = f64::NAN);
        let marks = added.chunks_exact_mut(a.max(1)).zip(rows.chunks_exact(p));
        for (marks, row) in marks {
            marks.iter_mut().zip(&self.marks).for_each(|(m, j)| *m = f64::from(u8::from(row[*j].is_nan())));
        }
        for part in rows.chunks_mut(ROWS * p) {
            let wants = part.chunks_exact(p).enumerate();
            let mut wants: Vec<Want> =
                wants.filter_map(|(i, x)| Want::of(i, x, &self.fills, self.k)).collect();
            self.search(&mut wants);
            for Want { row, nearest, .. } in wants {
                nearest.iter().for_each(|(j, near)| part[row * p + j] = self.mean(*j, near));
            }
        }
    }
}
