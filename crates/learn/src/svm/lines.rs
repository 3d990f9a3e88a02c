//! The rows of a linear machine, each with a constant at its end: all numbers of each, or where a feature is a sparse vector
//! those that are there.

use tidemill_core::{Error, Result};
use tidemill_kernel::vector::{axpy_inline, dot, dot_inline};

use crate::LearnError;
use crate::sample::Sample;

/// Beyond this size, squares are not numbers.
const LARGE: f64 = 1e150;

/// Rows of `p` numbers.
pub(super) struct Lines {
    pub p: usize,
    numbers: Numbers,
}

enum Numbers {
    Dense(Vec<f64>),
    Sparse {
        /// Where each row starts; one more than there are rows.
        starts: Vec<usize>,
        places: Vec<u32>,
        values: Vec<f64>,
    },
}

impl Lines {
    /// The rows of a sample. Errors on a feature that is too large to be squared, or is missing or infinite.
    pub(super) fn of(sample: &Sample, constant: f64) -> Result<Self> {
        let p = sample.p + 1;
        if !sample.is_sparse() {
            sample.check_sizes()?;
            let mut x = Vec::with_capacity(sample.n * p);
            for i in 0..sample.n {
                x.extend_from_slice(sample.row(i));
                x.push(constant);
            }
            return Ok(Lines { p, numbers: Numbers::Dense(x) });
        }
        let (mut starts, mut places, mut values) = (vec![0], Vec::new(), Vec::new());
        for row in sample.entries()? {
            for (j, x) in row {
                if x.abs() > LARGE {
                    let columns = format!("'{}'", sample.name(j as usize));
                    return Err(Error::from(LearnError::TooLarge { columns }));
                }
                places.push(j);
                values.push(x);
            }
            places.push(sample.p as u32);
            values.push(constant);
            starts.push(places.len());
        }
        Ok(Lines { p, numbers: Numbers::Sparse { starts, places, values } })
    }

    /// Some of the rows.
    pub(super) fn take(&self, rows: &[usize]) -> Self {
        let numbers = match &self.numbers {
            Numbers::Dense(x) => {
                let p = self.p;
                Numbers::Dense(rows.iter().flat_map(|&i| &x[i * p..(i + 1) * p]).copied().collect())
            }
            Numbers::Sparse { starts, places, values } => {
                let ranges = || rows.iter().map(|&i| starts[i]..starts[i + 1]);
                let mut taken = vec![0];
                ranges().for_each(|range| taken.push(taken[taken.len() - 1] + range.len()));
                Numbers::Sparse {
                    starts: taken,
                    places: ranges().flat_map(|range| &places[range]).copied().collect(),
                    values: ranges().flat_map(|range| &values[range]).copied().collect(),
                }
            }
        };
        Lines { p: self.p, numbers }
    }

    /// The square of each row's length.
    pub(super) fn squares(&self, n: usize) -> Vec<f64> {
        (0..n).map(|i| self.numbers_of(i).iter().map(|x| x * x).sum()).collect()
    }

    fn numbers_of(&self, i: usize) -> &[f64] {
        match &self.numbers {
            Numbers::Dense(x) => &x[i * self.p..(i + 1) * self.p],
            Numbers::Sparse { starts, values, .. } => &values[starts[i]..starts[i + 1]],
        }
    }

    /// The product of `w` with row `i`.
    pub(super) fn dot(&self, i: usize, w: &[f64]) -> f64 {
        match &self.numbers {
            Numbers::Dense(_) => dot(w, self.numbers_of(i)),
            Numbers::Sparse { .. } => self.dot_inline(i, w),
        }
    }

    /// [`Lines::dot`], to be inlined into a loop for this CPU's vectors.
    #[inline(always)]
    pub(super) fn dot_inline(&self, i: usize, w: &[f64]) -> f64 {
        match &self.numbers {
            Numbers::Dense(x) => dot_inline(w, &x[i * self.p..(i + 1) * self.p]),
            Numbers::Sparse { starts, places, values } => {
                let range = starts[i]..starts[i + 1];
                let terms = places[range.clone()].iter().zip(&values[range]);
                terms.fold(0.0, |sum, (&j, x)| sum + w[j as usize] * x)
            }
        }
    }

    /// Adds `factor` times row `i` to `w`, to be inlined likewise.
    #[inline(always)]
    pub(super) fn add_inline(&self, i: usize, factor: f64, w: &mut [f64]) {
        match &self.numbers {
            Numbers::Dense(x) => axpy_inline(factor, &x[i * self.p..(i + 1) * self.p], w),
            Numbers::Sparse { starts, places, values } => {
                let range = starts[i]..starts[i + 1];
                for (&j, x) in places[range.clone()].iter().zip(&values[range]) {
                    w[j as usize] += factor * x;
                }
            }
        }
    }
}
