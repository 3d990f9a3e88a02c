//! The training rows of a learner that looks at whole rows: their numbers, targets and weights, without the rows
//! that weigh nothing.

use tidemill_core::{Batch, Column, Context, Error, Kind, Result, Role, Schema, Training};
use tidemill_kernel::{Features, Gather};

use crate::rows;
use tidemill_kernel::Classes;

/// Rows of numbers to learn from.
pub(crate) struct Sample {
    pub features: Features,
    /// How many rows.
    pub n: usize,
    /// How many numbers a row has.
    pub p: usize,
    /// The numbers, row after row, all finite; none where a feature is a sparse vector ([`Sample::entries`]).
    pub x: Vec<f64>,
    /// The weight of each row, above 0; `None` where there is no weight column.
    pub weights: Option<Vec<f64>>,
    /// The rows of the batch that weigh something, where not all do.
    kept: Option<Vec<usize>>,
    batch: Batch,
}

impl Sample {
    /// Errors when there is no row (of any weight), and on a feature that is missing, infinite or not a number.
    pub(crate) fn of(training: Training<'_>, context: &Context) -> Result<Self> {
        Self::of_columns(training, context, |_| true)
    }

    /// As [`Sample::of`], of sparse vectors too.
    pub(crate) fn with_sparse(training: Training<'_>, context: &Context) -> Result<Self> {
        let batch = rows::collect(training, context)?;
        let features = Features::with_sparse(batch.schema())?;
        Self::gathered(batch, features, context)
    }

    /// As [`Sample::of`], of those features alone for which `reads` holds.
    pub(crate) fn of_columns(
        training: Training<'_>,
        context: &Context,
        reads: impl Fn(&Column) -> bool,
    ) -> Result<Self> {
        let batch = rows::collect(training, context)?;
        let columns = batch.schema().columns().iter().filter(|c| c.role == Role::Feature && reads(c));
        let features = Features::of(&Schema::new(columns.cloned().collect())?)?;
        Self::gathered(batch, features, context)
    }

    fn gathered(batch: Batch, features: Features, context: &Context) -> Result<Self> {
        let weights = rows::weights(&batch)?;
        let gather = Gather::bind(&features, batch.schema())?;
        let (n, p) = (batch.n_rows(), gather.n_columns());
        let sparse = features.0.iter().any(|f| f.sparse);
        let x = if sparse { Vec::new() } else { gather.finite(&batch)? };
        context.check()?;
        let mut sample = Sample { features, n, p, x, weights: None, kept: None, batch };
        if let Some(weights) = weights {
            if weights.contains(&0.0) {
                let kept: Vec<usize> = (0..n).filter(|&i| weights[i] > 0.0).collect();
                if !sparse {
                    sample.x = kept.iter().flat_map(|&i| &sample.x[i * p..(i + 1) * p]).copied().collect();
                }
                sample.n = kept.len();
                sample.kept = Some(kept);
            }
            sample.weights = Some(sample.of_kept(weights));
        }
        Ok(sample)
    }

    fn of_kept<T: Clone>(&self, values: Vec<T>) -> Vec<T> {
        match &self.kept {
            None => values,
            Some(kept) => kept.iter().map(|&i| values[i].clone()).collect(),
        }
    }

    /// The whole table, rows that weigh nothing included.
    pub(crate) fn batch(&self) -> &Batch {
        &self.batch
    }

    /// The weight of row `i`.
    pub(crate) fn weight(&self, i: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |w| w[i])
    }

    /// The block of each row, where some belong together.
    pub(crate) fn blocks(&self) -> Result<Option<Vec<u32>>> {
        Ok(self.batch.blocks()?.map(|blocks| self.of_kept(blocks)))
    }

    /// Whether the target is a class.
    pub(crate) fn has_classes(&self) -> bool {
        let schema = self.batch.schema();
        schema.role(Role::Target).is_some_and(|at| schema.columns()[at].kind == Kind::Category)
    }

    /// The number of each row.
    pub(crate) fn numbers(&self) -> Result<Vec<f64>> {
        Ok(self.of_kept(rows::moderate_numbers(&self.batch)?))
    }

    /// The classes, and that of each row as its place among those present.
    pub(crate) fn classes(&self) -> Result<(Classes, Vec<u32>)> {
        let (codes, names) = rows::classes(&self.batch)?;
        Ok(Classes::of(names, self.of_kept(codes), self.weights.as_deref()))
    }

    /// Whether a feature is a sparse vector.
    pub(crate) fn is_sparse(&self) -> bool {
        self.features.0.iter().any(|f| f.sparse)
    }

    /// The numbers of each row that are there, with their places, ascending. Errors name a feature that is missing or infinite.
    pub(crate) fn entries(&self) -> Result<Vec<Vec<(u32, f64)>>> {
        let gather = Gather::bind(&self.features, self.batch.schema())?;
        let mut rows = vec![Vec::new(); self.batch.n_rows()];
        gather.entries(&self.batch, 0..self.batch.n_rows(), |i, j, x| rows[i].push((j as u32, x)))?;
        for (i, row) in rows.iter().enumerate() {
            if let Some((j, x)) = row.iter().find(|(_, x)| !x.is_finite()) {
                return Err(gather.not_finite(*x, *j as usize, i));
            }
        }
        Ok(self.of_kept(rows))
    }

    /// Row `i`.
    pub(crate) fn row(&self, i: usize) -> &[f64] {
        &self.x[i * self.p..(i + 1) * self.p]
    }

    /// The name of number `j` of a row, for people.
    pub(crate) fn name(&self, j: usize) -> String {
        match self.features.names().nth(j) {
            Some((column, Some(part))) => format!("{column}.{part}"),
            Some((column, None)) => column.into(),
            None => String::new(),
        }
    }

    /// The row of the table that row `i` of the sample is.
    pub(crate) fn table_row(&self, i: usize) -> usize {
        self.kept.as_ref().map_or(i, |kept| kept[i])
    }

    /// Errors when a feature has spread or size whose square is not a number.
    pub(crate) fn check_sizes(&self) -> Result<()> {
        let large = self.x.iter().position(|x| x.abs() > 1e150);
        match large {
            None => Ok(()),
            Some(at) => {
                let columns = format!("'{}'", self.name(at % self.p.max(1)));
                Err(Error::from(crate::LearnError::TooLarge { columns }))
            }
        }
    }
}
