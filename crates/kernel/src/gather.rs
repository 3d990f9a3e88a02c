//! Rows as contiguous numbers, for models that use whole rows (neighbours, kernels, naive Bayes).

use std::ops::Range;

use arrow_array::Array;
use tidemill_core::{Batch, Cell, Error, Kind, Result, Row, Schema};

use crate::reduce::in_chunks;
use crate::{Feature, Features};

/// The number of rows that one thread processes at a time.
const CHUNK: usize = 4096;

struct Input {
    place: usize,
    at: usize,
    feature: Feature,
}

/// [`Features`] resolved for one schema: reads the numbers of a row from a batch or from a single row, with identical bits.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::Float64Array;
/// use tidemill_core::{Batch, Column, Schema};
/// use tidemill_kernel::{Features, Gather};
/// let schema = Arc::new(Schema::new(vec![Column::number("a"), Column::number("b")]).unwrap());
/// let column = |x: f64, y: f64| Arc::new(Float64Array::from(vec![x, y]));
/// let batch = Batch::new(schema.clone(), vec![column(1.0, 2.0), column(3.0, 4.0)]).unwrap();
/// let gather = Gather::bind(&Features::of(&schema).unwrap(), &schema).unwrap();
/// assert_eq!(gather.rows(&batch, 0..2).unwrap(), [1.0, 3.0, 2.0, 4.0]);
/// ```
pub struct Gather {
    inputs: Vec<Input>,
    n_columns: usize,
}

impl Gather {
    /// Resolves the features for a schema. Errors name the feature that is missing or has another kind.
    pub fn bind(features: &Features, schema: &Schema) -> Result<Self> {
        let places = features.resolve(schema)?;
        let mut at = 0;
        let mut inputs = Vec::with_capacity(places.len());
        for (feature, place) in features.0.iter().zip(places) {
            inputs.push(Input { place, at, feature: feature.clone() });
            at += feature.width();
        }
        Ok(Gather { inputs, n_columns: at })
    }

    /// The number of values per row.
    pub fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// Some rows of a batch, row after row: `rows.len() * n_columns` numbers, `NaN` if missing.
    pub fn rows(&self, batch: &Batch, rows: Range<usize>) -> Result<Vec<f64>> {
        let p = self.n_columns;
        let mut out = vec![0.0; rows.len() * p];
        for input in &self.inputs {
            input.read(batch, rows.clone(), p, &mut out)?;
        }
        Ok(out)
    }

    /// All rows of a batch, row after row. Errors name the column and the row of a value that is missing or infinite.
    pub fn finite(&self, batch: &Batch) -> Result<Vec<f64>> {
        let p = self.n_columns;
        let parts = in_chunks(batch.n_rows(), CHUNK, |rows| {
            let start = rows.start;
            let values = self.rows(batch, rows)?;
            match values.iter().position(|x| !x.is_finite()) {
                None => Ok(values),
                Some(at) => Err(self.not_finite(values[at], at % p.max(1), start + at / p.max(1))),
            }
        });
        Ok(parts.into_iter().collect::<Result<Vec<_>>>()?.concat())
    }

    /// The error for a feature that is missing or infinite in a row.
    pub fn not_finite(&self, value: f64, column: usize, row: usize) -> Error {
        let input = self.inputs.iter().rfind(|input| input.at <= column);
        let name = input.map_or("", |input| input.feature.name.as_str());
        let what = if value.is_nan() { "missing" } else { "not a finite number" };
        Error::data(
            format!("feature '{name}' is {what} in row {row}"),
            "impute missing values and correct infinite ones before this learner",
        )
    }

    /// Writes the numbers of one row into `out`, which has [`Gather::n_columns`] of them; `NaN` if missing.
    pub fn row(&self, row: &Row, out: &mut [f64]) -> Result<()> {
        for Input { place, at, feature } in &self.inputs {
            let to = &mut out[*at..*at + feature.width()];
            match row.cells.get(*place) {
                Some(Cell::Missing) => to.fill(f64::NAN),
                Some(Cell::Number(x)) if feature.parts.is_none() => to[0] = *x,
                Some(Cell::Flag(flag)) if feature.parts.is_none() => to[0] = f64::from(u8::from(*flag)),
                Some(Cell::Vector(values)) if feature.parts.is_some() && values.len() == to.len() => {
                    to.iter_mut().zip(values).for_each(|(to, x)| *to = f64::from(*x));
                }
                other => return Err(Error::internal(format!("'{}' came as {other:?}", feature.name))),
            }
        }
        Ok(())
    }
}

impl Gather {
    /// Calls `put` with the index within `rows`, the column and the value of every stored number: all those of dense columns (`NaN` if
    /// missing), and the stored ones of sparse vectors. Within a row, they come in the order of the columns.
    pub fn entries(
        &self,
        batch: &Batch,
        rows: Range<usize>,
        mut put: impl FnMut(usize, usize, f64),
    ) -> Result<()> {
        for input in &self.inputs {
            let width = input.feature.width();
            if input.feature.sparse {
                let (sparse, column) = (batch.sparse(input.place)?, batch.column(input.place));
                for (r, i) in rows.clone().enumerate().filter(|&(_, i)| column.is_valid(i)) {
                    let range = sparse.range(i);
                    let kept = sparse.indices[range.clone()].iter().zip(&sparse.values[range]);
                    kept.for_each(|(&j, &x)| put(r, input.at + j as usize, f64::from(x)));
                }
                continue;
            }
            let mut values = vec![0.0; rows.len() * width];
            let alone = Input { place: input.place, at: 0, feature: input.feature.clone() };
            alone.read(batch, rows.clone(), width, &mut values)?;
            for (at, x) in values.into_iter().enumerate() {
                put(at / width, input.at + at % width, x);
            }
        }
        Ok(())
    }

    /// [`Gather::entries`] for one row.
    pub fn row_entries(&self, row: &Row, mut put: impl FnMut(usize, f64)) -> Result<()> {
        for Input { place, at, feature } in &self.inputs {
            match row.cells.get(*place) {
                Some(Cell::Missing) if feature.sparse => {}
                Some(Cell::Missing) => (0..feature.width()).for_each(|j| put(at + j, f64::NAN)),
                Some(Cell::Number(x)) if feature.parts.is_none() => put(*at, *x),
                Some(Cell::Flag(flag)) if feature.parts.is_none() => put(*at, f64::from(u8::from(*flag))),
                Some(Cell::Sparse(places, values)) if feature.sparse => {
                    places.iter().zip(values).for_each(|(&j, &x)| put(at + j as usize, f64::from(x)));
                }
                Some(Cell::Vector(values)) if !feature.sparse && values.len() == feature.width() => {
                    values.iter().enumerate().for_each(|(j, &x)| put(at + j, f64::from(x)));
                }
                other => return Err(Error::internal(format!("'{}' came as {other:?}", feature.name))),
            }
        }
        Ok(())
    }

    /// The name of column `column` in errors: the feature, and the part within a vector.
    pub fn name(&self, column: usize) -> String {
        match self.inputs.iter().rfind(|input| input.at <= column) {
            Some(Input { at, feature: Feature { name, parts: Some(parts), .. }, .. }) => {
                format!("{name}.{}", parts[column - at])
            }
            Some(input) => input.feature.name.clone(),
            None => String::new(),
        }
    }
}

impl Input {
    fn read(&self, batch: &Batch, rows: Range<usize>, p: usize, out: &mut [f64]) -> Result<()> {
        let column = batch.column(self.place);
        let slots = rows.clone().zip(out.chunks_exact_mut(p.max(1)));
        match batch.schema().columns()[self.place].kind {
            Kind::Flag => {
                let flags = batch.flags(self.place)?;
                for (i, to) in slots {
                    to[self.at] =
                        if flags.is_null(i) { f64::NAN } else { f64::from(u8::from(flags.value(i))) };
                }
            }
            Kind::Vector { len, .. } => {
                let values = batch.vector(self.place)?;
                for (i, to) in slots {
                    let to = &mut to[self.at..self.at + len];
                    if column.is_null(i) {
                        to.fill(f64::NAN);
                        continue;
                    }
                    let from = &values[i * len..(i + 1) * len];
                    to.iter_mut().zip(from).for_each(|(to, x)| *to = f64::from(*x));
                }
            }
            _ => {
                let numbers = batch.numbers(self.place)?;
                let values = numbers.values();
                let complete = numbers.null_count() == 0;
                for (i, to) in slots {
                    to[self.at] = if complete || numbers.is_valid(i) { values[i] } else { f64::NAN };
                }
            }
        }
        Ok(())
    }
}
