//! How far apart rows are, for resamplers.

use arrow_array::Array;
use rayon::prelude::*;
use tidemill_core::{Batch, Column, Error, Kind, Layout, Result, Role};
use tidemill_kernel::neighbors::{Distance, Found, Neighbors};
use tidemill_kernel::reduce::in_chunks;
use tidemill_kernel::{Features, Gather, vector};

/// Rows that one thread reads at a time.
const ROWS: usize = 1024;

/// Rows as points.
pub(super) struct Space<'a> {
    pub batch: &'a Batch,
    /// Numbers per row.
    p: usize,
    /// The columns that the numbers come from.
    pub columns: Vec<Coordinates<'a>>,
    /// Categories and flags.
    pub nominal: Vec<Nominal>,
}

/// A column that is interpolated: its place, and its numbers.
pub(super) struct Coordinates<'a> {
    pub place: usize,
    pub values: Values<'a>,
}

/// The numbers of a column, all of them finite.
pub(super) enum Values<'a> {
    /// One for each row.
    Numbers(&'a [f64]),
    /// So many for each row.
    Vectors(&'a [f32], usize),
}

/// A column of values that are equal or not.
pub(super) struct Nominal {
    pub place: usize,
    /// The value of each row: a category's code, 0 or 1 of a flag; one more than the last where it is missing.
    pub values: Vec<u32>,
    /// How many values there are.
    pub n: usize,
}

/// Whether a column's numbers are interpolated.
fn is_numbers(column: &Column) -> bool {
    let dense = matches!(column.kind, Kind::Number | Kind::Vector { sparse: false, .. });
    dense && column.role == Role::Feature && !matches!(column.layout, Some(Layout::Tokens { .. }))
}

impl<'a> Space<'a> {
    /// Errors name the column and row of a number that is missing or infinite, or say that there is nothing to measure.
    pub(super) fn of(batch: &'a Batch) -> Result<Self> {
        let places = batch.schema().places(is_numbers);
        let nominal = batch
            .schema()
            .places(|c| c.role == Role::Feature && matches!(c.kind, Kind::Category | Kind::Flag));
        let nominal = nominal.into_iter().map(|at| Nominal::of(batch, at)).collect::<Result<Vec<_>>>()?;
        if places.is_empty() && nominal.is_empty() {
            return Err(Error::data(
                "no feature says how far apart two rows are",
                "balance by 'random_over' or 'random_under', which measure nothing",
            ));
        }
        let columns: Vec<Coordinates<'_>> =
            places.iter().map(|at| Coordinates::of(batch, *at)).collect::<Result<_>>()?;
        if !columns.par_iter().all(|column| column.is_finite(batch)) {
            // Says which.
            let own = batch.select(&places)?;
            Gather::bind(&Features::of(own.schema())?, own.schema())?.finite(&own)?;
        }
        let p = columns.iter().map(|column| column.values.width()).sum();
        Ok(Space { batch, p, columns, nominal })
    }

    /// The numbers of these rows, one row after the other.
    fn numbers(&self, rows: &[u32]) -> Vec<f64> {
        let p = self.p;
        let parts = in_chunks(rows.len(), ROWS, |part| {
            let rows = &rows[part];
            let mut numbers = vec![0.0; rows.len() * p];
            let mut at = 0;
            for column in &self.columns {
                column.values.read(rows, numbers.chunks_exact_mut(p).map(|row| &mut row[at..]));
                at += column.values.width();
            }
            numbers
        });
        parts.concat()
    }

    /// The `k` nearest to each of `rows` among them, as places among `rows`. No row is its own neighbour.
    pub(super) fn among(&self, rows: &[u32], k: usize) -> Found {
        let (points, width) = self.points(rows);
        let found = Neighbors::new(points, width, Distance::Euclidean);
        found.nearest(found.points(), k, Some(0))
    }

    /// The `k` nearest to each of all rows.
    pub(super) fn of_all(&self, k: usize) -> Found {
        let all: Vec<u32> = (0..self.batch.n_rows() as u32).collect();
        self.among(&all, k)
    }

    /// These rows as points, and how many numbers a point has. Two rows of different values of a nominal column are as far
    /// apart as by the median of the deviations of the numbers, as imbalanced-learn has it: half of it at the place of each value.
    fn points(&self, rows: &[u32]) -> (Vec<f64>, usize) {
        let (p, numbers) = (self.p, self.numbers(rows));
        if self.nominal.is_empty() {
            return (numbers, p);
        }
        let width = p + self.nominal.iter().map(|n| n.n).sum::<usize>();
        let unit = unit(&numbers, p);
        let mut points = Vec::with_capacity(rows.len() * width);
        for (i, &row) in rows.iter().enumerate() {
            points.extend_from_slice(&numbers[i * p..(i + 1) * p]);
            for nominal in &self.nominal {
                let start = points.len();
                points.resize(start + nominal.n, 0.0);
                points[start + nominal.values[row as usize] as usize] = unit;
            }
        }
        (points, width)
    }
}

/// Half the median deviation of the numbers of some rows of `p`; 1 where there are no numbers or none that vary.
fn unit(numbers: &[f64], p: usize) -> f64 {
    let column = |j: usize| numbers.iter().skip(j).step_by(p);
    let n = numbers.len().checked_div(p).unwrap_or(0).max(1) as f64;
    let deviation = |j: usize| {
        let mean = column(j).sum::<f64>() / n;
        (column(j).map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt()
    };
    let mut all: Vec<f64> = (0..p).map(deviation).collect();
    match crate::numbers::median(&mut all) {
        Some(median) if median > 1e-8 => median / 2.0,
        _ => 1.0,
    }
}

impl<'a> Coordinates<'a> {
    fn of(batch: &'a Batch, place: usize) -> Result<Self> {
        let values = match batch.schema().columns()[place].kind {
            Kind::Vector { len, .. } => Values::Vectors(batch.vector(place)?, len),
            _ => Values::Numbers(batch.numbers(place)?.values()),
        };
        Ok(Coordinates { place, values })
    }

    /// Whether there is a finite number everywhere.
    fn is_finite(&self, batch: &Batch) -> bool {
        let finite = match self.values {
            Values::Numbers(x) => vector::all_finite(x),
            Values::Vectors(x, _) => x.iter().fold(true, |all, x| all & x.is_finite()),
        };
        finite && batch.column(self.place).null_count() == 0
    }
}

impl Values<'_> {
    /// How many numbers a row has.
    fn width(&self) -> usize {
        match self {
            Values::Numbers(_) => 1,
            Values::Vectors(_, width) => *width,
        }
    }

    /// Writes the numbers of each of these rows to the beginning of one of `to`.
    fn read<'b>(&self, rows: &[u32], to: impl Iterator<Item = &'b mut [f64]>) {
        match *self {
            Values::Numbers(x) => rows.iter().zip(to).for_each(|(row, to)| to[0] = x[*row as usize]),
            Values::Vectors(x, width) => rows.iter().zip(to).for_each(|(row, to)| {
                let from = &x[*row as usize * width..][..width];
                to.iter_mut().zip(from).for_each(|(to, x)| *to = f64::from(*x));
            }),
        }
    }
}

impl Nominal {
    fn of(batch: &Batch, place: usize) -> Result<Self> {
        if batch.schema().columns()[place].kind == Kind::Flag {
            let flags = batch.flags(place)?;
            let values = flags.iter().map(|flag| flag.map_or(2, u32::from)).collect();
            return Ok(Nominal { place, values, n: 3 });
        }
        // One past the last name is a value not seen at fit.
        let names = batch.schema().columns()[place].categories()?.len() as u32;
        let codes = batch.codes(place)?;
        let value = |i: usize| if codes.is_null(i) { names + 1 } else { codes.value(i).min(names) };
        let values = (0..codes.len()).map(value).collect();
        Ok(Nominal { place, values, n: names as usize + 2 })
    }
}
