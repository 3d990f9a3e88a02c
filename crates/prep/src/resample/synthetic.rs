//! Rows made between two others of their class.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float64Array, UInt32Array};
use rayon::prelude::*;
use tidemill_core::{Batch, Kind, Result, Role, Table, dense_vector};
use tidemill_kernel::Random;

use super::space::{Nominal, Space};

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
        let mut columns: Vec<ArrayRef> = batch.take(&self.base)?.columns().to_vec();
        for &(place, at, width) in &space.columns {
            columns[place] = match schema.columns()[place].kind {
                Kind::Number => Arc::new(Float64Array::from(self.between(space, at, width))),
                _ => {
                    let values = self.between(space, at, width);
                    dense_vector(values.into_iter().map(|x| x as f32).collect(), width)?
                }
            };
        }
        for (nominal, values) in space.nominal.iter().zip(&self.nominal) {
            let value = |v: &u32, missing: u32| (*v != missing).then_some(*v);
            let missing = nominal.n as u32 - 1;
            columns[nominal.place] = if schema.columns()[nominal.place].kind == Kind::Flag {
                let flags = values.iter().map(|v| value(v, missing).map(|v| v == 1));
                Arc::new(flags.collect::<BooleanArray>())
            } else {
                let codes = values.iter().map(|v| value(v, missing));
                schema.columns()[nominal.place].categories()?.column(codes.collect::<UInt32Array>())?
            };
        }
        if let (Some(at), Some(weights)) = (schema.role(Role::Weight), batch.weights()?) {
            let rows = self.base.iter().zip(&self.other).zip(&self.step);
            let weight = rows
                .map(|((a, b), t)| weights[*a as usize] + t * (weights[*b as usize] - weights[*a as usize]));
            columns[at] = Arc::new(Float64Array::from_iter_values(weight));
        }
        let made = Batch::with_rows(schema.clone(), columns, self.base.len())?;
        Ok(Table::new(Batch::concat(schema, &[batch.clone(), made])?))
    }

    /// Numbers `at..at + width` of the new rows, one row after the other.
    fn between(&self, space: &Space<'_>, at: usize, width: usize) -> Vec<f64> {
        let rows = (0..self.base.len()).into_par_iter().with_min_len(4096);
        rows.flat_map_iter(|i| {
            let (a, b, t) = (space.row(self.base[i]), space.row(self.other[i]), self.step[i]);
            (at..at + width).map(move |j| a[j] + t * (b[j] - a[j]))
        })
        .collect()
    }
}

/// The value that most neighbours have, the first of equals; without neighbours that of the row itself.
fn most_frequent(nominal: &Nominal, pool: &[u32], near: &[u32], own: u32) -> u32 {
    let value = |at: &u32| nominal.values[pool[*at as usize] as usize];
    let times = |wanted: u32| near.iter().filter(|at| value(at) == wanted).count();
    let best = near.iter().map(value).max_by_key(|v| (times(*v), std::cmp::Reverse(*v)));
    best.unwrap_or(nominal.values[own as usize])
}
