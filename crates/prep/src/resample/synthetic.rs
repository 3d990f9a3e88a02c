//! Rows made between two others of their class.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float64Array, UInt32Array};
use rayon::prelude::*;
use tidemill_core::{Batch, Kind, Result, Role, Table, dense_vector};
use tidemill_kernel::{Random, vector};

use super::space::{Coordinates, Nominal, Space, Values};

/// Which rows new ones are made of.
#[derive(Default)]
pub(super) struct Synthetic {
    /// The row that each starts from.
    base: Vec<u32>,
    /// The row that each goes towards.
    other: Vec<u32>,
    /// How far, from 0 to 1.
    step: Vec<f64>,
    /// By nominal column, the value of each.
    nominal: Vec<Vec<u32>>,
}

impl Synthetic {
    /// Nothing yet.
    pub(super) fn new(space: &Space<'_>) -> Self {
        Synthetic { nominal: vec![Vec::new(); space.nominal.len()], ..Synthetic::default() }
    }

    /// Makes a row for each of `from`, which are places in `pool`, towards one by chance of its `k` nearest in `pool`. Of a pool
    /// of one, the row is repeated.
    pub(super) fn make(
        &mut self,
        space: &Space<'_>,
        pool: &[u32],
        from: &[usize],
        k: usize,
        random: &mut Random,
    ) {
        let found = space.among(pool, k);
        for &at in from {
            let near = if found.k == 0 { &[] } else { found.of(at).0 };
            self.base.push(pool[at]);
            self.other.push(near.get(random.below(near.len())).map_or(pool[at], |o| pool[*o as usize]));
            self.step.push(random.unit());
            for (nominal, values) in space.nominal.iter().zip(&mut self.nominal) {
                values.push(most_frequent(nominal, pool, near, pool[at]));
            }
        }
    }

    /// The rows of `space`, and those made behind them.
    pub(super) fn added_to(&self, space: &Space<'_>) -> Result<Table> {
        let (batch, schema) = (space.batch, space.batch.schema());
        let n = batch.n_rows() + self.base.len();
        let others: Vec<usize> =
            (0..schema.len()).filter(|at| space.columns.iter().all(|column| column.place != *at)).collect();
        let own = batch.select(&others)?;
        let made = self.others(space, &others, own.take(&self.base)?)?;
        let whole = Batch::concat(own.schema(), &[own.clone(), made])?;
        let mut columns = batch.columns().to_vec();
        others.iter().zip(whole.columns()).for_each(|(at, array)| columns[*at] = array.clone());
        let longer: Vec<Result<ArrayRef>> =
            space.columns.par_iter().map(|column| self.longer(column)).collect();
        for (column, array) in space.columns.iter().zip(longer) {
            columns[column.place] = array?;
        }
        Ok(Table::new(Batch::with_rows(schema.clone(), columns, n)?))
    }

    /// The columns at `others` of the new rows, which are those of the rows that they start from but for nominal ones and the weight.
    fn others(&self, space: &Space<'_>, others: &[usize], from: Batch) -> Result<Batch> {
        let schema = space.batch.schema();
        let mut columns = from.columns().to_vec();
        let place = |wanted: usize| others.iter().position(|at| *at == wanted);
        for (nominal, values) in space.nominal.iter().zip(&self.nominal) {
            let Some(at) = place(nominal.place) else { continue };
            let value = |v: &u32, missing: u32| (*v != missing).then_some(*v);
            let missing = nominal.n as u32 - 1;
            columns[at] = if schema.columns()[nominal.place].kind == Kind::Flag {
                let flags = values.iter().map(|v| value(v, missing).map(|v| v == 1));
                Arc::new(flags.collect::<BooleanArray>())
            } else {
                let codes = values.iter().map(|v| value(v, missing));
                schema.columns()[nominal.place].categories()?.column(codes.collect::<UInt32Array>())?
            };
        }
        let between = |x: &[f64]| -> ArrayRef {
            let mut all = Vec::with_capacity(self.base.len());
            vector::between(x, [&self.base, &self.other], &self.step, &mut all);
            Arc::new(Float64Array::from(all))
        };
        let weight = schema.role(Role::Weight).and_then(place);
        if let (Some(at), Some(weights)) = (weight, space.batch.weights()?) {
            columns[at] = between(&weights);
        }
        let number = |at: &usize| schema.columns()[*at].kind == Kind::Number;
        if let Some(target) = schema.role(Role::Target).filter(number)
            && let Some(at) = place(target)
        {
            columns[at] = between(space.batch.numbers(target)?.values());
        }
        Batch::with_rows(from.schema().clone(), columns, self.base.len())
    }

    /// Of each new row: the two rows that it lies between, and how far it is on the way.
    fn pairs(&self) -> impl Iterator<Item = (usize, usize, f64)> + '_ {
        let rows = self.base.iter().zip(&self.other).zip(&self.step);
        rows.map(|((a, b), t)| (*a as usize, *b as usize, *t))
    }

    /// A column and what it is in the new rows.
    fn longer(&self, column: &Coordinates<'_>) -> Result<ArrayRef> {
        match column.values {
            Values::Numbers(x) => {
                let mut all = Vec::with_capacity(x.len() + self.base.len());
                all.extend_from_slice(x);
                vector::between(x, [&self.base, &self.other], &self.step, &mut all);
                Ok(Arc::new(Float64Array::from(all)))
            }
            Values::Vectors(x, width) => {
                let mut all = Vec::with_capacity(x.len() + self.base.len() * width);
                all.extend_from_slice(x);
                for (a, b, t) in self.pairs() {
                    let both = x[a * width..][..width].iter().zip(&x[b * width..][..width]);
                    let both = both.map(|(a, b)| (f64::from(*a), f64::from(*b)));
                    all.extend(both.map(|(a, b)| (a + t * (b - a)) as f32));
                }
                dense_vector(all, width)
            }
        }
    }
}

/// The value that most neighbours have, the first of equals; without neighbours that of the row itself.
fn most_frequent(nominal: &Nominal, pool: &[u32], near: &[u32], own: u32) -> u32 {
    let value = |at: &u32| nominal.values[pool[*at as usize] as usize];
    let times = |wanted: u32| near.iter().filter(|at| value(at) == wanted).count();
    let best = near.iter().map(value).max_by_key(|v| (times(*v), std::cmp::Reverse(*v)));
    best.unwrap_or(nominal.values[own as usize])
}
