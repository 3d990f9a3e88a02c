//! Which columns trees read: numbers, flags, categories by code, and each number of a vector.

use std::ops::Range;

use arrow_array::Array;
use serde::{Deserialize, Serialize};
use tidemill_core::{Batch, Cell, Column, Error, Kind, Result, Role, Row, Schema};
use tidemill_kernel::trees::Values;

/// One feature column of trees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct TreeColumn {
    pub name: String,
    pub reads: Reads,
}

/// What a column holds for trees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reads {
    /// A number or a flag.
    Number,
    /// A category of so many names.
    Category(usize),
    /// A dense vector of so many numbers.
    Vector(usize),
    /// A number of which zero means missing, as in LightGBM with `zero_as_missing`.
    ZeroIsMissing,
    /// A whole number that is the code of a category: models of other programs divide such codes without knowing their names.
    Code,
}

/// Up to this LightGBM takes a number for zero: its `kZeroThreshold`, 1e-35 as a 32-bit float.
const ZERO: f64 = 1e-35_f32 as f64;
/// Beyond every set of codes.
const NO_CODE: f64 = u32::MAX as f64;

impl Reads {
    /// A number as the trees take it.
    fn number(&self, x: f64) -> f64 {
        match self {
            Reads::ZeroIsMissing if x.abs() <= ZERO => f64::NAN,
            Reads::Code if x <= -1.0 => NO_CODE,
            _ => x,
        }
    }

    /// Whether what a column holds is what the trees want.
    fn takes(&self, found: &Reads) -> bool {
        self == found || (matches!(self, Reads::ZeroIsMissing | Reads::Code) && *found == Reads::Number)
    }
}

impl TreeColumn {
    pub(crate) fn width(&self) -> usize {
        if let Reads::Vector(len) = self.reads { len } else { 1 }
    }

    /// Whether it holds one number of a row.
    pub(crate) fn is_cell(&self) -> bool {
        !matches!(self.reads, Reads::Vector(_))
    }

    /// The number of a row as the trees take it.
    pub(crate) fn cell(&self, x: f64) -> f64 {
        match self.reads {
            Reads::Category(n) if x >= n as f64 => f64::NAN,
            _ => self.reads.number(x),
        }
    }

    fn reads(column: &Column) -> Result<Reads> {
        match column.kind {
            Kind::Number | Kind::Flag => Ok(Reads::Number),
            Kind::Category => Ok(Reads::Category(column.categories()?.len())),
            Kind::Vector { len, sparse: false } => Ok(Reads::Vector(len)),
            found => Err(Error::WrongKind {
                column: column.name.clone(),
                found,
                wanted: "a number, a flag, a category or a dense vector".into(),
            }),
        }
    }
}

/// The feature columns, in the order of the trees' features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct TreeColumns(pub Vec<TreeColumn>);

impl TreeColumns {
    pub(crate) fn of(schema: &Schema) -> Result<Self> {
        let features = schema.columns().iter().filter(|c| c.role == Role::Feature);
        let column = |c: &Column| Ok(TreeColumn { name: c.name.clone(), reads: TreeColumn::reads(c)? });
        Ok(TreeColumns(features.map(column).collect::<Result<_>>()?))
    }

    /// How many numbers a row has.
    pub(crate) fn n_features(&self) -> usize {
        self.0.iter().map(TreeColumn::width).sum()
    }

    pub(crate) fn bind(&self, schema: &Schema) -> Result<BoundColumns> {
        let mut at = 0;
        let mut inputs = Vec::with_capacity(self.0.len());
        for column in &self.0 {
            let place = schema.index(&column.name)?;
            let found = &schema.columns()[place];
            if !column.reads.takes(&TreeColumn::reads(found)?) {
                return Err(Error::data(
                    format!("'{}' does not hold what it held in training", column.name),
                    "prepare the column as it was prepared for training",
                ));
            }
            inputs.push(Input { place, at, reads: column.reads.clone(), name: column.name.clone() });
            at += column.width();
        }
        Ok(BoundColumns { inputs, n_features: at })
    }

    /// The training values of each feature; columns of numbers without gaps are lent, not copied.
    pub(crate) fn values<'a>(&self, batch: &'a Batch) -> Result<Vec<Values<'a>>> {
        let bound = self.bind(batch.schema())?;
        let mut features = Vec::with_capacity(self.n_features());
        for input in &bound.inputs {
            if batch.schema().columns()[input.place].kind == Kind::Number {
                let numbers = batch.numbers(input.place)?;
                if numbers.null_count() == 0 {
                    features.push(Values::Numbers(numbers.values()[..].into()));
                    continue;
                }
            }
            let width = if let Reads::Vector(len) = input.reads { len } else { 1 };
            for part in 0..width {
                let mut values = vec![0.0; batch.n_rows()];
                input.read(batch, part, 0..batch.n_rows(), |i, x| values[i] = x)?;
                features.push(match input.reads {
                    Reads::Category(n) => Values::Codes(values.into(), n),
                    _ => Values::Numbers(values.into()),
                });
            }
        }
        Ok(features)
    }
}

struct Input {
    place: usize,
    at: usize,
    reads: Reads,
    name: String,
}

impl Input {
    /// Gives one number of each row to `put`; `NaN` where it is missing or of an unseen category.
    fn read(
        &self,
        batch: &Batch,
        part: usize,
        rows: Range<usize>,
        mut put: impl FnMut(usize, f64),
    ) -> Result<()> {
        let column = batch.column(self.place);
        let start = rows.start;
        match (batch.schema().columns()[self.place].kind, &self.reads) {
            (Kind::Flag, _) => {
                let flags = batch.flags(self.place)?;
                for i in rows {
                    let missing = flags.is_null(i);
                    put(i - start, if missing { f64::NAN } else { f64::from(u8::from(flags.value(i))) });
                }
            }
            (_, Reads::Category(n)) => {
                let codes = batch.codes(self.place)?;
                for i in rows {
                    let known = codes.is_valid(i) && (codes.value(i) as usize) < *n;
                    put(i - start, if known { f64::from(codes.value(i)) } else { f64::NAN });
                }
            }
            (_, Reads::Vector(len)) => {
                let values = batch.vector(self.place)?;
                for i in rows {
                    let missing = column.is_null(i);
                    put(i - start, if missing { f64::NAN } else { f64::from(values[i * len + part]) });
                }
            }
            _ => {
                let numbers = batch.numbers(self.place)?;
                let values = &numbers.values()[rows.clone()];
                if numbers.null_count() == 0 {
                    values.iter().enumerate().for_each(|(i, x)| put(i, self.reads.number(*x)));
                    return Ok(());
                }
                for (i, x) in values.iter().enumerate() {
                    put(i, if numbers.is_null(start + i) { f64::NAN } else { self.reads.number(*x) });
                }
            }
        }
        Ok(())
    }
}

/// [`TreeColumns`] found in one schema.
pub(crate) struct BoundColumns {
    inputs: Vec<Input>,
    n_features: usize,
}

impl BoundColumns {
    pub(crate) fn n_features(&self) -> usize {
        self.n_features
    }

    /// Some rows of a batch as numbers, row after row.
    pub(crate) fn gather(&self, batch: &Batch, rows: Range<usize>) -> Result<Vec<f64>> {
        let p = self.n_features;
        let mut out = vec![0.0; rows.len() * p];
        for input in &self.inputs {
            let width = if let Reads::Vector(len) = input.reads { len } else { 1 };
            for part in 0..width {
                input.read(batch, part, rows.clone(), |i, x| out[i * p + input.at + part] = x)?;
            }
        }
        Ok(out)
    }

    /// One row as numbers.
    pub(crate) fn row(&self, row: &Row, out: &mut [f64]) -> Result<()> {
        for input in &self.inputs {
            out[input.at] = match (row.cells.get(input.place), &input.reads) {
                (Some(Cell::Missing), Reads::Vector(len)) => {
                    out[input.at..input.at + len].fill(f64::NAN);
                    continue;
                }
                (Some(Cell::Vector(values)), Reads::Vector(len)) if values.len() == *len => {
                    let to = &mut out[input.at..input.at + len];
                    to.iter_mut().zip(values).for_each(|(to, x)| *to = f64::from(*x));
                    continue;
                }
                (Some(Cell::Number(x)), reads) => reads.number(*x),
                (Some(Cell::Flag(flag)), _) => f64::from(u8::from(*flag)),
                (Some(Cell::Code(code)), Reads::Category(n)) if (*code as usize) < *n => f64::from(*code),
                (Some(Cell::Code(_) | Cell::Missing), _) => f64::NAN,
                (other, _) => return Err(Error::internal(format!("'{}' came as {other:?}", input.name))),
            };
        }
        Ok(())
    }
}
