//! Profiles columns batch by batch, in bounded memory.

use arrow_array::Array;
use rayon::prelude::*;
use tidemill_core::{Batch, Column, Kind, Result, Schema};
use tidemill_kernel::sketch::{Distinct, Frequent, Quantiles, hash_bytes, mix};

use super::changes::missing;
use crate::facts::{ColumnShape, Numbers, TimeRange};

/// How many bins a histogram has.
const BINS: usize = 16;
/// How many frequent values are told.
const TOP: usize = 5;

/// Gathers what the columns of batches of one schema hold.
pub(in crate::verbs) struct Shapes {
    columns: Vec<Gathered>,
}

struct Gathered {
    about: Column,
    rows: u64,
    missing: u64,
    infinite: u64,
    distinct: Distinct,
    quantiles: Quantiles,
    frequent: Frequent,
    /// The number of finite values, their mean, and the sum of squares around it (Welford 1962).
    moments: (f64, f64, f64),
}

impl Shapes {
    pub(in crate::verbs) fn new(schema: &Schema) -> Self {
        Shapes { columns: schema.columns().iter().map(Gathered::new).collect() }
    }

    /// Adds rows.
    pub(in crate::verbs) fn add(&mut self, batch: &Batch) -> Result<()> {
        self.columns.par_iter_mut().enumerate().try_for_each(|(at, column)| column.add(batch, at))
    }

    /// Each column with what it holds.
    pub(in crate::verbs) fn finish(self) -> Vec<(Column, ColumnShape)> {
        self.columns.into_par_iter().map(Gathered::finish).collect()
    }
}

impl Gathered {
    fn new(about: &Column) -> Self {
        Gathered {
            about: about.clone(),
            rows: 0,
            missing: 0,
            infinite: 0,
            distinct: Distinct::default(),
            quantiles: Quantiles::default(),
            frequent: Frequent::new(1024),
            moments: (0.0, 0.0, 0.0),
        }
    }

    fn add(&mut self, batch: &Batch, at: usize) -> Result<()> {
        let present = |row: &usize| !missing(batch, at, *row);
        let rows = (0..batch.n_rows()).filter(present);
        let n_present = match self.about.kind {
            Kind::Number => {
                let numbers = batch.numbers(at)?;
                self.numbers(rows.map(|row| numbers.value(row)).collect())
            }
            Kind::Time => {
                let times = batch.times(at)?;
                self.numbers(rows.map(|row| times.value(row) as f64).collect())
            }
            Kind::Category => {
                let (codes, names) = (batch.codes(at)?, self.about.categories()?.clone());
                self.names(rows.map(|row| names.name(codes.value(row))))
            }
            Kind::Flag => {
                let flags = batch.flags(at)?;
                self.names(rows.map(|row| if flags.value(row) { "true" } else { "false" }))
            }
            Kind::Text => {
                let texts = batch.texts(at)?;
                self.names(rows.map(|row| texts.value(row)))
            }
            _ => batch.n_rows() - batch.column(at).null_count(),
        };
        self.rows += batch.n_rows() as u64;
        self.missing += (batch.n_rows() - n_present) as u64;
        Ok(())
    }

    fn numbers(&mut self, values: Vec<f64>) -> usize {
        for x in &values {
            // Minus zero is zero.
            self.distinct.add(mix((x + 0.0).to_bits()));
        }
        let finite: Vec<f64> = values.iter().copied().filter(|x| x.is_finite()).collect();
        self.infinite += (values.len() - finite.len()) as u64;
        for x in &finite {
            let (n, mean, squares) = &mut self.moments;
            *n += 1.0;
            let away = x - *mean;
            *mean += away / *n;
            *squares += away * (x - *mean);
        }
        self.quantiles.extend(&finite);
        values.len()
    }

    fn names<'a>(&mut self, names: impl Iterator<Item = &'a str>) -> usize {
        let mut n = 0;
        for (row, name) in names.enumerate() {
            let hash = hash_bytes(name.as_bytes());
            self.distinct.add(hash);
            if self.about.kind != Kind::Text {
                self.frequent.add(name, hash, self.rows + row as u64);
            }
            n += 1;
        }
        n
    }

    fn finish(self) -> (Column, ColumnShape) {
        let plain = self.about.kind.is_plain() || self.about.kind == Kind::Text;
        let numbers = (self.about.kind == Kind::Number && self.moments.0 > 0.0).then(|| self.distribution());
        let [first, last] = self.quantiles.ends();
        let times = (self.about.kind == Kind::Time && first <= last)
            .then(|| TimeRange { first: moment(first), last: moment(last) });
        let top = self.frequent.top().into_iter().take(TOP).map(|c| (c.name.to_string(), c.count)).collect();
        let shape = ColumnShape {
            kind: self.about.kind.word(),
            rows: self.rows,
            missing: self.missing,
            distinct: plain.then(|| self.distinct.count()),
            exact: self.distinct.is_exact(),
            numbers,
            times,
            top,
        };
        (self.about, shape)
    }

    fn distribution(&self) -> Numbers {
        let (n, mean, squares) = self.moments;
        let ranked = self.quantiles.ranked();
        let quantiles = [0.0, 0.25, 0.5, 0.75, 1.0].map(|q| ranked.quantile(q));
        let (low, high) = (quantiles[0], quantiles[4]);
        let edge = |i: usize| if i == BINS { high } else { low + (high - low) * (i as f64 / BINS as f64) };
        let histogram = match low < high {
            true => ranked.histogram(&(0..=BINS).map(edge).collect::<Vec<_>>(), n as u64),
            false => vec![n as u64],
        };
        let std = (n > 1.0).then(|| (squares / (n - 1.0)).sqrt());
        Numbers { mean, std, quantiles, infinite: self.infinite, histogram }
    }
}

fn moment(micros: f64) -> String {
    jiff::Timestamp::from_microsecond(micros as i64)
        .map_or_else(|_| format!("{micros} us"), |time| time.to_string())
}
