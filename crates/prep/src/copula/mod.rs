//! New rows that are distributed like those of a table: a Gaussian copula over columns of mixed kinds.

mod latent;
mod marginal;

use std::sync::Arc;

use tidemill_core::{Batch, Context, Error, Result, Schema};
use tidemill_kernel::Random;
use tidemill_kernel::reduce::in_chunks;

use latent::Latents;
use marginal::Marginal;

/// Rows that one stream of random numbers makes.
const CHUNK: usize = 1024;
/// The fewest rows whose distribution says anything.
const FEWEST: usize = 10;

/// What was learned of a table: the distribution of each column alone, and how they depend on each other as normal numbers behind
/// the columns that are correlated (a Gaussian copula; Nelsen 2006, "An introduction to copulas", and for mixed columns Patki, Wedge
/// and Veeramachaneni 2016, "The synthetic data vault").
///
/// - A number or a time follows its quantiles (at most 1000 of them, linear between), never goes beyond the values seen, and has as
///   many decimals as they have.
/// - A flag or a name is an interval of the normal number behind it, as wide as its share. Names stand in the order of their means in
///   the number they tell most of, so that one number behind them can carry that.
/// - Whether a value is missing is a flag of its own, so that what is missing together stays missing together.
///
/// Correlations behind columns of intervals are those under which the intervals are as correlated as they are in the table
/// (Pearson's tetrachoric series), each pair by the rows that have both; together they are brought to the nearest that can be, by
/// setting negative eigenvalues to 0. What no correlation of pairs says (interactions of three columns, forms that do not rise or
/// fall) is not kept.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::Float64Array;
/// use tidemill_core::{Batch, Column, Context, Schema};
/// use tidemill_prep::Copula;
/// let schema = Arc::new(Schema::new(vec![Column::number("age")]).unwrap());
/// let ages = Float64Array::from_iter_values((0..50).map(|i| f64::from(20 + i)));
/// let table = Batch::new(schema, vec![Arc::new(ages)]).unwrap();
/// let made = Copula::fit(&table, &Context::default()).unwrap().sample(200, 1).unwrap();
/// assert_eq!(made.n_rows(), 200);
/// assert!(made.numbers(0).unwrap().values().iter().all(|age| age.fract() == 0.0 && (20.0..=69.0).contains(age)));
/// ```
#[derive(Clone, Debug)]
pub struct Copula {
    schema: Arc<Schema>,
    marginals: Vec<Marginal>,
    /// A row for each number behind the columns: what it is made of as many independent ones by.
    factor: Vec<f64>,
    n_latents: usize,
}

impl Copula {
    /// Learns from all rows, each counting once. Infinite numbers count as missing.
    ///
    /// # Errors
    /// Fewer than 10 rows; a column that is no number, flag, category or time.
    pub fn fit(batch: &Batch, context: &Context) -> Result<Self> {
        context.check()?;
        if batch.n_rows() < FEWEST {
            let problem = format!("{} rows are too few to learn a distribution from", batch.n_rows());
            return Err(Error::data(problem, format!("give {FEWEST} rows at least, better hundreds")));
        }
        let mut latents = Latents::new(batch.n_rows());
        let marginals = Marginal::all(batch, &mut latents)?;
        context.check()?;
        let factor = latents.factor(context)?;
        let n_latents = latents.len();
        Ok(Copula { schema: batch.schema().clone(), marginals, factor, n_latents })
    }

    /// `n` rows. The same for the same seed, whatever the number of threads; the first rows of more are those of fewer.
    ///
    /// # Errors
    /// None that a user can cause.
    pub fn sample(&self, n: usize, seed: u64) -> Result<Batch> {
        let m = self.n_latents;
        let parts = in_chunks(n, CHUNK, |range| {
            let mut random = Random::new(seed, (range.start / CHUNK) as u64);
            let mut behind = vec![Vec::with_capacity(range.len()); m];
            let mut free = vec![0.0; m];
            for _ in range {
                free.iter_mut().for_each(|x| *x = random.normal());
                for (column, row) in behind.iter_mut().zip(self.factor.chunks_exact(m.max(1))) {
                    column.push(row.iter().zip(&free).map(|(a, b)| a * b).sum::<f64>());
                }
            }
            behind
        });
        let behind: Vec<Vec<f64>> =
            (0..m).map(|j| parts.iter().flat_map(|part| &part[j]).copied().collect()).collect();
        let column = |(marginal, column): (&Marginal, _)| marginal.column(column, &behind, n);
        let columns = self.marginals.iter().zip(self.schema.columns()).map(column).collect::<Result<_>>()?;
        Batch::with_rows(self.schema.clone(), columns, n)
    }

    /// The correlation of the normal numbers behind two columns; `None` where one of them never changes, or is not there.
    pub fn correlation(&self, a: &str, b: &str) -> Option<f64> {
        let row = |name: &str| {
            let at = self.marginals[self.schema.position(name)?].latent()?;
            Some(&self.factor[at * self.n_latents..(at + 1) * self.n_latents])
        };
        Some(row(a)?.iter().zip(row(b)?).map(|(a, b)| a * b).sum())
    }
}
