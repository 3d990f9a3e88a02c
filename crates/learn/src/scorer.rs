//! The road of a model whose answer follows from the numbers of one row: from a batch or a row to its answers.

use std::sync::Arc;

use tidemill_core::{Batch, Fitted, Result, Row, Run, Schema};
use tidemill_kernel::reduce::in_chunks;
use tidemill_kernel::{Features, Gather};

use tidemill_kernel::Classes;
use tidemill_kernel::answer::{Answer, output};

/// A fitted model that answers rows of numbers.
pub(crate) trait Scorer: Fitted {
    /// Buffers of one thread.
    type Scratch: Default + Send;

    /// The columns it reads.
    fn features(&self) -> &Features;

    /// The classes; `None` for a model of a number.
    fn classes(&self) -> Option<&Classes>;

    /// How many rows one thread takes at a time.
    fn chunk(&self) -> usize {
        1024
    }

    /// The answers of some rows: a number each, or a probability for each class. `rows` holds the numbers of each
    /// row, `NaN` where one is missing; a row's answer must not depend on the rows beside it.
    fn answer(&self, rows: &[f64], n_rows: usize, scratch: &mut Self::Scratch, out: &mut [f64]);

    /// Numbers of answer a row.
    fn width(&self) -> usize {
        self.classes().map_or(1, |c| c.names.len())
    }
}

/// [`Fitted::output`] of a scorer.
pub(crate) fn output_of(scorer: &impl Scorer, input: &Schema) -> Result<Schema> {
    output(input, scorer.classes().map(|c| &c.names))
}

/// [`Fitted::bind`] of a scorer.
pub(crate) fn bind<S: Scorer>(scorer: Arc<S>, input: &Schema) -> Result<Box<dyn Run>> {
    let gather = Gather::bind(scorer.features(), input)?;
    let answer = Answer::bind(input, scorer.classes().map(|c| &c.names))?;
    let buffer = vec![0.0; gather.n_columns()];
    Ok(Box::new(Bound { scorer, gather, answer, buffer, scratch: S::Scratch::default() }))
}

struct Bound<S: Scorer> {
    scorer: Arc<S>,
    gather: Gather,
    answer: Answer,
    buffer: Vec<f64>,
    scratch: S::Scratch,
}

impl<S: Scorer> Run for Bound<S> {
    fn apply(&mut self, batch: &Batch) -> Result<Batch> {
        let (scorer, gather, width) = (&*self.scorer, &self.gather, self.scorer.width());
        let parts = in_chunks(batch.n_rows(), scorer.chunk(), |range| {
            let n = range.len();
            let rows = gather.rows(batch, range)?;
            let mut out = vec![0.0; n * width];
            scorer.answer(&rows, n, &mut S::Scratch::default(), &mut out);
            Ok(out)
        });
        let answers = parts.into_iter().collect::<Result<Vec<_>>>()?.concat();
        match scorer.classes() {
            None => self.answer.numbers(batch, answers),
            Some(_) => self.answer.probabilities(batch, answers),
        }
    }

    fn row(&mut self, row: &mut Row) -> Result<()> {
        self.gather.row(row, &mut self.buffer)?;
        let mut out = vec![0.0; self.scorer.width()];
        self.scorer.answer(&self.buffer, 1, &mut self.scratch, &mut out);
        match self.scorer.classes() {
            None => self.answer.number(row, out.first().copied().unwrap_or(f64::NAN)),
            Some(_) => self.answer.probability(row, out),
        }
        Ok(())
    }
}
