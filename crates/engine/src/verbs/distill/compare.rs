//! Compares a student with its teacher: predictions and cost.

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use tidemill_core::recipe::Task;
use tidemill_core::{Batch, Chain, Error, Fitted, Result, Schema, Table};
use tidemill_eval::Answers;
use tidemill_kernel::answer::most_probable;

use super::student::Lesson;
use crate::facts::{AgainstTruth, Change};
use crate::links::answer::Place;
use crate::links::threshold::{self, Threshold};
use crate::model::{Model, Opened};
use crate::search::apply;

/// Rows by which time is taken, and how often.
const TIMED: usize = 10_000;
const TIMES: usize = 5;

/// From which probability on a teacher predicts the second of two classes, and the link that says so.
pub(super) struct Decision {
    at: f64,
    pub link: Option<Arc<dyn Fitted>>,
}

/// That of a teacher.
pub(super) fn threshold(teacher: &Opened) -> Decision {
    let is_threshold = |link: &&Arc<dyn Fitted>| {
        let link: &(dyn Any + Send + Sync) = &***link;
        link.is::<Threshold>()
    };
    let link = teacher.model.chain.0.iter().find(is_threshold).cloned();
    Decision { at: threshold::of(&teacher.model.chain), link }
}

impl Decision {
    /// The class that is predicted.
    fn of(&self, probabilities: &[f64]) -> u32 {
        match (&self.link, probabilities) {
            (Some(_), [_, second]) => u32::from(*second >= self.at),
            _ => most_probable(probabilities),
        }
    }
}

/// What a student says of prepared rows.
fn said(links: &[Arc<dyn Fitted>], rows: &Table) -> Result<Vec<f64>> {
    let answered = apply(links, rows.batch().clone())?;
    Place::of(answered.schema())?.values(&answered)
}

/// How far the answers are apart on held-out rows.
pub(super) fn change(
    student: &[Arc<dyn Fitted>],
    held: &Table,
    lesson: &Lesson,
    rows: &[u32],
    decision: &Decision,
) -> Result<Change> {
    let said = said(student, held)?;
    let width = lesson.width();
    let pairs = || rows.iter().map(|&row| lesson.of_row(row)).zip(said.chunks_exact(width.max(1)));
    let n = rows.len() as f64;
    if lesson.classes.is_some() {
        let same = pairs().filter(|(teacher, student)| decision.of(teacher) == decision.of(student)).count();
        let divergence = pairs().map(|(teacher, student)| divergence(teacher, student)).sum::<f64>() / n;
        return Ok(Change::Classes { rows: rows.len(), agreement: same as f64 / n, divergence });
    }
    let mean = pairs().map(|(teacher, _)| teacher[0]).sum::<f64>() / n;
    let off = pairs().map(|(teacher, student)| (teacher[0] - student[0]).powi(2)).sum::<f64>() / n;
    let spread = pairs().map(|(teacher, _)| (teacher[0] - mean).powi(2)).sum::<f64>() / n;
    let r2 = if spread > 0.0 { 1.0 - off / spread } else { f64::NAN };
    Ok(Change::Numbers { rows: rows.len(), rmse: off.sqrt(), r2 })
}

/// The Kullback-Leibler divergence of the second distribution from the first, in nats.
fn divergence(p: &[f64], q: &[f64]) -> f64 {
    let term = |(p, q): (&f64, &f64)| if *p > 0.0 { p * (p / q.max(1e-15)).ln() } else { 0.0 };
    p.iter().zip(q).map(term).sum::<f64>().max(0.0)
}

/// The usual metric of both against what is true of held-out rows; `None` where the rows do not say it.
pub(super) fn truth(
    student: &[Arc<dyn Fitted>],
    held: &Table,
    lesson: &Lesson,
    rows: &[u32],
) -> Result<Option<AgainstTruth>> {
    let Some((column, values)) = &lesson.truth else { return Ok(None) };
    let known: Vec<usize> = (0..rows.len()).filter(|&i| values.is_valid(rows[i] as usize)).collect();
    if known.is_empty() {
        return Ok(None);
    }
    let said = said(student, held)?;
    let width = lesson.width();
    let truths: Vec<u32> = known.iter().map(|&i| rows[i]).collect();
    let schema = Arc::new(Schema::new(vec![column.clone()])?);
    let truth = Batch::new(schema, vec![values.clone()])?.take(&truths)?;
    let of_student = known.iter().flat_map(|&i| &said[i * width..(i + 1) * width]).copied().collect();
    let of_teacher = truths.iter().flat_map(|&row| lesson.of_row(row)).copied().collect();
    let task = match &lesson.classes {
        Some(classes) if classes.len() == 2 => Task::Binary,
        Some(_) => Task::Multiclass,
        None => Task::Regression,
    };
    let metric = tidemill_eval::default_metric(task);
    let score = |said: Vec<f64>| -> Result<Option<f64>> {
        Ok(metric.score(&answers(&truth, said, lesson)?)?.defined())
    };
    let (teacher, student) = (score(of_teacher)?, score(of_student)?);
    Ok(Some(AgainstTruth { metric: metric.name, title: metric.title, rows: known.len(), teacher, student }))
}

/// What was said beside what is true.
fn answers(truth: &Batch, said: Vec<f64>, lesson: &Lesson) -> Result<Answers<'static>> {
    let Some(classes) = &lesson.classes else {
        return Ok(Answers::numbers(truth.numbers(0)?.values().to_vec(), said)?);
    };
    let codes = truth.codes(0)?.values().to_vec();
    if let Some(row) = codes.iter().position(|code| *code as usize >= classes.len()) {
        let problem = format!("held-out row {} has a class that the teacher does not know", row + 1);
        return Err(Error::data(problem, "remove rows of that class, or the column of the truth"));
    }
    let predicted: Vec<u32> = said.chunks_exact(classes.len().max(1)).map(most_probable).collect();
    Ok(Answers::classes(codes, predicted, classes.names())?.with_probability(said)?)
}

/// Microseconds that a row takes in a batch, the least of some times.
pub(in crate::verbs) fn micros(model: &Model, typed: &Batch) -> Result<f64> {
    let rows = typed.slice(0, typed.n_rows().min(TIMED));
    let chain = Arc::new(Chain(model.chain.0.get(1..).unwrap_or_default().to_vec()));
    let mut run = chain.bind(rows.schema())?;
    let mut least = f64::INFINITY;
    for _ in 0..TIMES {
        let began = Instant::now();
        run.apply(&rows)?;
        least = least.min(began.elapsed().as_secs_f64());
    }
    Ok(least * 1e6 / rows.n_rows().max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::divergence;

    /// scipy.stats.entropy([0.2, 0.8], [0.5, 0.5]) and of [1, 0] from [0.25, 0.75].
    #[test]
    fn divergence_agrees_with_scipy() {
        assert!((divergence(&[0.2, 0.8], &[0.5, 0.5]) - 0.192_744_757_021_757_43).abs() < 1e-12);
        assert!((divergence(&[1.0, 0.0], &[0.25, 0.75]) - 1.386_294_361_119_890_6).abs() < 1e-12);
        assert_eq!(divergence(&[0.3, 0.7], &[0.3, 0.7]), 0.0);
    }
}
