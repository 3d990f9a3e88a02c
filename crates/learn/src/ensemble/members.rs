//! Learners that answer side by side, and an answer made of theirs.

use std::sync::Arc;

use tidemill_core::{Batch, Categories, Error, Fitted, Result, Row, Run, Schema};
use tidemill_kernel::Place;
use tidemill_kernel::answer::Answer;

/// Fitted learners bound to one schema.
pub(super) struct Members(Vec<Member>);

struct Member {
    run: Box<dyn Run>,
    place: Place,
    row: Row,
}

impl Members {
    /// Errors where a learner's answer has not `width` numbers.
    pub(super) fn bind(
        kind: &str,
        members: &[Arc<dyn Fitted>],
        width: usize,
        input: &Schema,
    ) -> Result<Self> {
        let bind = |member: &Arc<dyn Fitted>| {
            let place = Place::of(&member.output(input)?)?;
            if place.width() != width {
                return Err(Error::state(kind, "the learners in it do not answer the same question"));
            }
            Ok(Member { run: member.clone().bind(input)?, place, row: Row::default() })
        };
        members.iter().map(bind).collect::<Result<_>>().map(Members)
    }

    /// The answers of each learner to all rows, row after row.
    pub(super) fn of_batch(&mut self, batch: &Batch) -> Result<Vec<Vec<f64>>> {
        self.0.iter_mut().map(|member| member.place.values(&member.run.apply(batch)?)).collect()
    }

    /// The answers of all learners to one row, one after the other, into `out`.
    pub(super) fn of_row(&mut self, row: &Row, out: &mut Vec<f64>) -> Result<()> {
        out.clear();
        for member in &mut self.0 {
            member.row.clone_from(row);
            member.run.row(&mut member.row)?;
            out.extend_from_slice(member.place.of_row(&member.row)?);
        }
        Ok(())
    }
}

/// Something fitted whose answer to a row follows from those of the learners in it.
pub(super) trait Ensemble: Fitted {
    /// The word in saved models.
    fn word(&self) -> &'static str;

    fn members(&self) -> &[Arc<dyn Fitted>];

    fn classes(&self) -> Option<&Arc<Categories>>;

    /// The answer to a row, into `out`, from the answers of all members, one after the other.
    fn join(&self, answers: &[f64], out: &mut [f64]);
}

/// [`Fitted::bind`] of an ensemble.
pub(super) fn bind<E: Ensemble>(ensemble: Arc<E>, input: &Schema) -> Result<Box<dyn Run>> {
    let width = ensemble.classes().map_or(1, |classes| classes.len());
    let members = Members::bind(ensemble.word(), ensemble.members(), width, input)?;
    let answer = Answer::bind(input, ensemble.classes())?;
    Ok(Box::new(Bound { ensemble, members, answer, width, answers: Vec::new() }))
}

struct Bound<E: Ensemble> {
    ensemble: Arc<E>,
    members: Members,
    answer: Answer,
    width: usize,
    answers: Vec<f64>,
}

impl<E: Ensemble> Run for Bound<E> {
    fn apply(&mut self, batch: &Batch) -> Result<Batch> {
        let width = self.width;
        let each = self.members.of_batch(batch)?;
        let mut out = vec![0.0; batch.n_rows() * width];
        for (i, out) in out.chunks_exact_mut(width.max(1)).enumerate() {
            self.answers.clear();
            each.iter().for_each(|of| self.answers.extend_from_slice(&of[i * width..(i + 1) * width]));
            self.ensemble.join(&self.answers, out);
        }
        match self.ensemble.classes() {
            None => self.answer.numbers(batch, out),
            Some(_) => self.answer.probabilities(batch, out),
        }
    }

    fn row(&mut self, row: &mut Row) -> Result<()> {
        self.members.of_row(row, &mut self.answers)?;
        let mut out = vec![0.0; self.width];
        self.ensemble.join(&self.answers, &mut out);
        match self.ensemble.classes() {
            None => self.answer.number(row, out.first().copied().unwrap_or(f64::NAN)),
            Some(_) => self.answer.probability(row, out),
        }
        Ok(())
    }
}
