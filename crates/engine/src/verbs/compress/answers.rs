//! Compares the predictions of a model and of its compressed copy.

use std::sync::Arc;

use arrow_array::Array;
use tidemill_core::recipe::Task;
use tidemill_core::{Batch, Categories, Chain, Context, Error, Fitted, Result, Role, Source};
use tidemill_eval::Answers;
use tidemill_kernel::Place;

use crate::facts::{AnswerChange, BeforeAndAfter};
use crate::model::Model;

/// Rows as a model's chain takes them behind its first link.
pub(super) struct Asked {
    pub typed: Batch,
}

/// What a model says of them.
pub(super) struct Said {
    /// A probability for each class, or a number, row after row.
    values: Vec<f64>,
    /// The classes and the predicted ones; `None` for numbers.
    classes: Option<(Arc<Categories>, Vec<u32>)>,
}

impl Asked {
    /// Reads the rows.
    pub(super) fn of(model: &Model, rows: &dyn Source, context: &Context) -> Result<Self> {
        let mut read = model.reader()?.bind_to(rows)?;
        let schema = Arc::new(model.intake()?.output(rows.schema())?);
        let mut typed = Vec::new();
        for batch in model.intake()?.batches(rows)? {
            context.check()?;
            typed.push(read.apply(&batch?)?);
        }
        model.warn_of_cells(context)?;
        let typed = Batch::concat(&schema, &typed)?;
        match typed.n_rows() {
            0 => Err(Error::data("there are no rows to show the change of answers on", "give some hundreds")),
            _ => Ok(Asked { typed }),
        }
    }

    /// Asks a model.
    pub(super) fn say(&self, model: &Model) -> Result<Said> {
        let chain = Arc::new(Chain(model.chain.0.get(1..).unwrap_or_default().to_vec()));
        let answered = chain.bind(self.typed.schema())?.apply(&self.typed)?;
        let place = Place::of(answered.schema())?;
        let values = place.values(&answered)?;
        if let Some(at) = values.iter().position(|x| !x.is_finite()) {
            let problem = format!("the model answers row {} with no number", at / place.width().max(1) + 1);
            return Err(Error::data(problem, "leave the row out, or fill what it misses"));
        }
        let classes = match place.probability {
            Some(_) => {
                let names = answered.schema().columns()[place.prediction].categories()?.clone();
                Some((names, answered.codes(place.prediction)?.values().to_vec()))
            }
            None => None,
        };
        Ok(Said { values, classes })
    }

    /// The usual metric of both where rows have the truth.
    pub(super) fn truth(&self, before: &Said, after: &Said) -> Result<Option<BeforeAndAfter>> {
        let Some(at) = self.typed.schema().role(Role::Target) else { return Ok(None) };
        let column = self.typed.column(at);
        let known: Vec<u32> =
            (0..self.typed.n_rows() as u32).filter(|&row| column.is_valid(row as usize)).collect();
        if known.is_empty() {
            return Ok(None);
        }
        let truth = self.typed.select(&[at])?.take(&known)?;
        let task = match &before.classes {
            Some((names, _)) if names.len() == 2 => Task::Binary,
            Some(_) => Task::Multiclass,
            None => Task::Regression,
        };
        let metric = tidemill_eval::default_metric(task);
        let mut scores = [None; 2];
        for (score, said) in scores.iter_mut().zip([before, after]) {
            let Some(answers) = said.against(&truth, &known)? else { return Ok(None) };
            *score = metric.score(&answers)?.defined();
        }
        let [before, after] = scores;
        Ok(Some(BeforeAndAfter {
            metric: metric.name,
            title: metric.title,
            rows: known.len(),
            before,
            after,
        }))
    }
}

impl Said {
    fn width(&self) -> usize {
        self.classes.as_ref().map_or(1, |(names, _)| names.len().max(1))
    }

    /// What was said of some rows beside what is true; `None` where a true class is none that the model knows.
    fn against(&self, truth: &Batch, rows: &[u32]) -> Result<Option<Answers<'static>>> {
        let of =
            |row: &u32| self.values.iter().skip(*row as usize * self.width()).take(self.width()).copied();
        let values: Vec<f64> = rows.iter().flat_map(of).collect();
        let Some((names, predicted)) = &self.classes else {
            return Ok(Some(Answers::numbers(truth.numbers(0)?.values().to_vec(), values)?));
        };
        let codes = truth.codes(0)?.values().to_vec();
        if codes.iter().any(|code| *code as usize >= names.len()) {
            return Ok(None);
        }
        let predicted: Vec<u32> =
            rows.iter().filter_map(|&row| predicted.get(row as usize).copied()).collect();
        Ok(Some(Answers::classes(codes, predicted, names.names())?.with_probability(values)?))
    }
}

/// By how much answers changed.
pub(super) fn change(before: &Said, after: &Said) -> AnswerChange {
    let width = before.width();
    let rows = before.values.len() / width;
    let apart = before.values.iter().zip(&after.values).map(|(a, b)| (a - b).abs());
    let (mut sum, mut greatest) = (0.0, 0.0f64);
    for x in apart {
        sum += x;
        greatest = greatest.max(x);
    }
    let n = before.values.len().max(1) as f64;
    let (same, spread) = match (&before.classes, &after.classes) {
        (Some((_, a)), Some((_, b))) => {
            let same = a.iter().zip(b).filter(|(a, b)| a == b).count();
            (Some(same as f64 / rows.max(1) as f64), None)
        }
        _ => (None, Some(deviation(&before.values))),
    };
    AnswerChange { rows, greatest, mean: sum / n, same, spread }
}

/// The standard deviation of numbers.
fn deviation(values: &[f64]) -> f64 {
    let n = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / n;
    (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt()
}
