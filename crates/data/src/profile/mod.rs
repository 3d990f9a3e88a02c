//! What the columns and rows of a source look like: the statistics behind `tidemill check`.
//!
//! Two passes. The first is that of [`crate::infer`], which decides what each column means and keeps up to 100,000 rows spread
//! evenly. The second sees every row once, with memory that does not grow with their number:
//!
//! | exact over all rows | by a sketch over all rows | on at most 32,768 rows spread evenly |
//! |---|---|---|
//! | counts, missing values and their patterns, timestamps, correlation of numbers, values beyond the fences, cells that cannot be read, faults of texts | quantiles and histograms beyond 4,096 values (standard error of a rank about 0.1%), different values beyond 4,096 (standard error 0.8%), most frequent names beyond 4,096 of them, repeated rows and conflicting targets beyond 2 million rows | the fences themselves, Cramér's V, correlation ratio, near-duplicates, drift over time |
//!
//! The same source gives the same profile, whatever the number of threads.

mod cells;
mod column;
mod dates;
mod drift;
mod missing;
mod names;
mod near;
mod numbers;
mod pairs;
mod repeats;
mod thin;
mod words;

use rayon::prelude::*;
use serde::Serialize;
use tidemill_core::recipe::Recipe;
use tidemill_core::{Batch, Context, Kind, Result, Role, Source};
use tidemill_kernel::CoMoments;

use crate::infer::infer_sampled;
use crate::plan::{InferredColumn, InferredSchema};

pub use cells::Cells;
pub use column::{ColumnProfile, Distinct, TopName};
pub use dates::DateShape;
pub use drift::{Drift, Moved, kolmogorov_smirnov};
pub use missing::{MissingPattern, MissingTogether, Together};
pub use names::Variants;
pub use near::{NearPair, NearRepeats};
pub use numbers::{Fence, Histogram, Numbers};
pub use pairs::{Correlations, Measure, Pair, correlation_ratio, cramers_v};
pub use repeats::{Conflicts, Repeats, RowGroup};
pub use thin::NONE;
pub use words::Words;

use column::{Gather, Seen};
use missing::Patterns;
use repeats::Rows;
use thin::Thin;

/// Rows that are worked on at a time: few enough that what one gatherer leaves is still near when the next one looks at it.
const UNIT: usize = 4096;
/// The most columns whose correlations are looked at.
const CORRELATED: usize = 256;

/// What a source looks like.
#[derive(Clone, Debug, Serialize)]
pub struct Profile {
    /// How many rows.
    pub rows: u64,
    /// How many rows, spread evenly, the sampled figures rest on.
    pub sampled_rows: u64,
    /// One per column, in the order of the source.
    pub columns: Vec<ColumnProfile>,
    /// Which values are missing together.
    pub missing: MissingTogether,
    /// Rows that come more than once, and equal features with different targets.
    pub repeats: Repeats,
    /// Rows that differ in few columns.
    pub near_repeats: NearRepeats,
    /// Pairs of columns that tell much of each other, the strongest first.
    pub pairs: Vec<Pair>,
    /// The correlations of the numbers, for up to 40 of them.
    pub correlations: Correlations,
    /// What changes over time, where a column says when.
    pub drift: Option<Drift>,
}

/// Looks at every row of `source`; what the recipe says is taken as said. Gives the plan too, by which the columns were read.
///
/// # Errors
/// Those of [`crate::infer`] and of reading the source.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, StringArray};
/// use tidemill_core::{Batch, Column, Context, Kind, Schema, Table};
///
/// let schema = Arc::new(Schema::new(vec![Column::new("price", Kind::Text)])?);
/// let price: ArrayRef = Arc::new(StringArray::from(vec!["1.5", "2.5", "", "3.5"]));
/// let table = Table::new(Batch::new(schema, vec![price])?);
/// let (_, profile) = tidemill_data::profile(&table, &Default::default(), &Context::default())?;
/// assert_eq!(profile.columns[0].missing.count, 1);
/// assert_eq!(profile.columns[0].numbers.as_ref().unwrap().mean, 2.5);
/// # Ok::<(), tidemill_core::Error>(())
/// ```
pub fn profile(source: &dyn Source, recipe: &Recipe, context: &Context) -> Result<(InferredSchema, Profile)> {
    let (plan, sample) = infer_sampled(source, recipe, context)?;
    let thin = Thin::of(&plan, &sample, context)?;
    drop(sample);
    let mut pass = Pass::new(&plan, &thin);
    for batch in source.scan()? {
        let batch = batch?;
        for from in (0..batch.n_rows()).step_by(UNIT) {
            context.check()?;
            pass.see(&batch.slice(from, UNIT.min(batch.n_rows() - from)))?;
        }
    }
    let profile = pass.finish(&plan, &thin, context)?;
    Ok((plan, profile))
}

/// The second pass.
struct Pass {
    gathers: Vec<Gather>,
    patterns: Patterns,
    rows: Rows,
    /// The places of the numbers and flags whose correlations are looked at.
    correlated: Vec<usize>,
    moments: CoMoments,
    n_rows: u64,
}

impl Pass {
    fn new(plan: &InferredSchema, thin: &Thin) -> Self {
        let gathers: Vec<Gather> = (0..plan.columns.len()).map(|at| Gather::new(plan, at, thin)).collect();
        let counts = |c: &InferredColumn| {
            matches!(c.kind, Kind::Number | Kind::Flag) && matches!(c.role, Role::Feature | Role::Target)
        };
        let correlated: Vec<usize> =
            (0..plan.columns.len()).filter(|&at| counts(&plan.columns[at])).take(CORRELATED).collect();
        let centres = correlated.iter().map(|&at| thin.mean(at)).collect();
        Pass {
            patterns: Patterns::new(&thin.missing_counts()),
            rows: Rows::new(plan),
            moments: CoMoments::new(centres),
            gathers,
            correlated,
            n_rows: 0,
        }
    }

    fn see(&mut self, batch: &Batch) -> Result<()> {
        let first = self.n_rows + 1;
        let seen: Vec<Seen<'_>> =
            self.gathers.par_iter_mut().map(|gather| gather.see(batch, first)).collect::<Result<_>>()?;
        let numbers: Vec<&[f64]> = self.correlated.iter().map(|&at| &*seen[at].numbers).collect();
        let Pass { moments, patterns, rows, .. } = self;
        let correlate = || {
            if numbers.len() > 1 {
                moments.add(&numbers);
            }
        };
        let n = batch.n_rows();
        rayon::join(correlate, || rayon::join(|| rows.see(&seen, n, first), || patterns.see(&seen, n)));
        self.n_rows += batch.n_rows() as u64;
        Ok(())
    }

    fn finish(self, plan: &InferredSchema, thin: &Thin, context: &Context) -> Result<Profile> {
        let names: Vec<&str> = plan.columns.iter().map(|c| &*c.name).collect();
        let correlations = Correlations::of(&self.moments, &self.correlated, &names);
        let mut pairs = pairs::of_numbers(&self.moments, &self.correlated, &names);
        pairs.extend(pairs::of_names(plan, thin, context)?);
        pairs::strongest(&mut pairs);
        let columns = self.gathers.into_par_iter().map(|g| g.finish(self.n_rows)).collect();
        Ok(Profile {
            rows: self.n_rows,
            sampled_rows: thin.n_rows() as u64,
            columns,
            missing: self.patterns.finish(&names),
            repeats: self.rows.finish(),
            near_repeats: near::find(plan, thin, context)?,
            pairs,
            correlations,
            drift: drift::find(plan, thin),
        })
    }
}
