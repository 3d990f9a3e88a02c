//! How far apart rows are, for resamplers.

use arrow_array::Array;
use tidemill_core::{Batch, Column, Error, Kind, Layout, Result, Role};
use tidemill_kernel::neighbors::{Distance, Found, Neighbors};
use tidemill_kernel::{Features, Gather};

/// Rows as points.
pub(super) struct Space<'a> {
    pub batch: &'a Batch,
    /// The numbers of each row, one row after the other.
    pub numbers: Vec<f64>,
    /// Numbers per row.
    pub p: usize,
    /// The columns that the numbers come from: place, first number, how many.
    pub columns: Vec<(usize, usize, usize)>,
    /// Categories and flags.
    pub nominal: Vec<Nominal>,
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
        let own = batch.select(&places)?;
        let features = Features::of(own.schema())?;
        let gather = Gather::bind(&features, own.schema())?;
        let (p, mut at) = (gather.n_columns(), 0);
        let columns = places.iter().zip(&features.0).map(|(place, feature)| {
            at += feature.width();
            (*place, at - feature.width(), feature.width())
        });
        let columns = columns.collect();
        let numbers = if p == 0 { Vec::new() } else { gather.finite(&own)? };
        Ok(Space { batch, numbers, p, columns, nominal })
    }

    /// The numbers of a row.
    pub(super) fn row(&self, row: u32) -> &[f64] {
        &self.numbers[row as usize * self.p..(row as usize + 1) * self.p]
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
        let width = self.p + self.nominal.iter().map(|n| n.n).sum::<usize>();
        let unit = if self.nominal.is_empty() { 1.0 } else { self.unit(rows) };
        let mut points = Vec::with_capacity(rows.len() * width);
        for &row in rows {
            points.extend_from_slice(self.row(row));
            for nominal in &self.nominal {
                let start = points.len();
                points.resize(start + nominal.n, 0.0);
                points[start + nominal.values[row as usize] as usize] = unit;
            }
        }
        (points, width)
    }

    /// Half the median deviation of the numbers among these rows; 1 where there are no numbers or none that vary.
    fn unit(&self, rows: &[u32]) -> f64 {
        let n = rows.len().max(1) as f64;
        let deviation = |j: usize| {
            let mean = rows.iter().map(|r| self.row(*r)[j]).sum::<f64>() / n;
            (rows.iter().map(|r| (self.row(*r)[j] - mean).powi(2)).sum::<f64>() / n).sqrt()
        };
        let mut all: Vec<f64> = (0..self.p).map(deviation).collect();
        match crate::numbers::median(&mut all) {
            Some(median) if median > 1e-8 => median / 2.0,
            _ => 1.0,
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
