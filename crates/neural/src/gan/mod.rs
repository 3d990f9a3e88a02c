//! New rows that are distributed like those of a table: a conditional generative adversarial net.

mod columns;
mod condition;
mod critic;
mod generator;
mod mixture;
mod train;

use tidemill_core::{Batch, Context, Error, Result};
use tidemill_kernel::Random;
use tidemill_kernel::reduce::in_chunks;

use crate::parameters::Parameters;
use columns::Columns;
use condition::Conditions;
use generator::{Generator, Plain};

/// Rows that one stream of random numbers makes, and those that are made at a time.
const CHUNK: usize = 512;
const PART: usize = 64 * CHUNK;
/// The fewest rows that two nets can learn from.
const FEWEST: usize = 100;
/// The most numbers of a row.
const WIDEST: usize = 5_000;

/// A generator that learned from a table (Xu et al. 2019, "Modeling tabular data using conditional GAN").
///
/// - A number is the mode of a mixture that it belongs to, and its distance to that mode's mean; the mixture has as many modes as the column
///   asks for. A flag, a category and a number of at most 20 values is one of its values, and missing is one value more.
/// - The generator is asked for a value of one column at a time, chosen evenly among columns and by the logarithm of its count in training,
///   so that rare values are learned too. To make rows, values are asked for as often as they occur.
/// - The critic judges ten rows at a time (Lin et al. 2018), which shows it when they are all alike, and is held to slopes of length 1
///   (Gulrajani et al. 2017). Both nets have two layers; the generator's have a layer norm, so that a row does not depend on those beside it.
///   The generator that makes rows is the moving average of those of all steps (Yazıcı et al. 2019).
pub struct Gan {
    columns: Columns,
    conditions: Conditions,
    generator: Generator,
    parameters: Parameters,
}

impl Gan {
    /// Steps of training where nothing else is said.
    pub const STEPS: usize = 5_000;

    /// Learns from all rows, each counting once, in so many steps. Infinite numbers count as missing.
    ///
    /// # Errors
    /// Fewer than 100 rows; a column that is no number, flag, category or time; more columns than a net of this sort can make; a wish to
    /// stop; a loss that is no number any more.
    pub fn fit(batch: &Batch, steps: usize, context: &Context) -> Result<Self> {
        context.check()?;
        if batch.n_rows() < FEWEST {
            let problem = format!("{} rows are too few for a GAN to learn from", batch.n_rows());
            return Err(Error::data(
                problem,
                format!("give {FEWEST} rows at least, or use the method copula"),
            ));
        }
        let columns = Columns::learn(batch)?;
        if columns.width == 0 {
            return Err(Error::data(
                "every value is missing: there is nothing to learn",
                "give rows with values",
            ));
        }
        if columns.width > WIDEST {
            let problem =
                format!("the columns make {} numbers of a row, and a GAN can learn {WIDEST}", columns.width);
            return Err(Error::data(problem, "leave out columns of many names, or use the method copula"));
        }
        let rows = columns.encode(batch, context.seed_for("gan/encode"))?;
        let conditions = Conditions::of(&columns, &rows);
        let generator = Generator::of(conditions.width, columns.width);
        let task =
            train::Task { columns: &columns, conditions: &conditions, generator: &generator, rows: &rows };
        let parameters = task.train(steps, context)?;
        Ok(Gan { columns, conditions, generator, parameters })
    }

    /// `n` rows. The same for the same seed, whatever the number of threads.
    ///
    /// # Errors
    /// None that a user can cause.
    pub fn sample(&self, n: usize, seed: u64) -> Result<Batch> {
        let plain = self.generator.plain(&self.parameters);
        let parts = (0..n).step_by(PART).map(|first| self.part(&plain, first, PART.min(n - first), seed));
        Batch::concat(self.columns.schema(), &parts.collect::<Result<Vec<_>>>()?)
    }

    /// So many rows, from row `first` on: what is in memory as numbers at a time.
    fn part(&self, plain: &Plain, first: usize, n: usize, seed: u64) -> Result<Batch> {
        let parts = in_chunks(n, CHUNK, |range| {
            let mut random = Random::new(seed, ((first + range.start) / CHUNK) as u64);
            let mut asked = Vec::with_capacity(range.len() * self.generator.inputs());
            for _ in range.clone() {
                self.generator.noise(&mut random, &mut asked);
                self.conditions.as_they_occur(&mut random, &mut asked);
            }
            let mut rows = plain.run(asked, range.len());
            self.generator.choose(&self.columns.spans, &mut rows, &mut random);
            rows
        });
        self.columns.decode(&parts.concat(), n, seed ^ (first as u64 + 1))
    }
}
