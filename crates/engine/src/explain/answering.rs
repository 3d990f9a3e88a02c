//! A model's links that answer many batches: bound once for each thread, not for each batch.

use std::sync::{Arc, Mutex, PoisonError};

use tidemill_core::{Batch, Chain, Error, Fitted, Result, Role, Run, Schema};

/// Links that answer batches of one schema, on any number of threads.
pub(super) struct Answering {
    chain: Arc<Chain>,
    schema: Arc<Schema>,
    /// Those that no thread uses right now.
    idle: Mutex<Vec<Box<dyn Run>>>,
}

impl Answering {
    pub(super) fn new(steps: &[Arc<dyn Fitted>], schema: &Arc<Schema>) -> Self {
        Answering { chain: Arc::new(Chain(steps.to_vec())), schema: schema.clone(), idle: Mutex::default() }
    }

    /// What the last link makes of these rows.
    pub(super) fn apply(&self, rows: &Batch) -> Result<Batch> {
        // A guard that lived on would make the others wait for this answer.
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut run = match idle {
            Some(run) => run,
            None => self.chain.clone().bind(&self.schema)?,
        };
        let answered = run.apply(rows)?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(run);
        Ok(answered)
    }

    /// A number per output and row: the probabilities (of two classes that of the positive one), or the number.
    pub(super) fn answers(&self, rows: &Batch) -> Result<Vec<f64>> {
        numbers(&self.apply(rows)?)
    }

    /// How many outputs there are, by the answer to the first of these rows.
    pub(super) fn n_outputs(&self, rows: &Batch) -> Result<usize> {
        Ok(self.answers(&rows.slice(0, 1))?.len())
    }

    /// What answers are: probabilities of classes, or predictions.
    pub(super) fn units(&self, rows: &Batch) -> Result<&'static str> {
        let answered = self.apply(&rows.slice(0, rows.n_rows().min(1)))?;
        Ok(if answered.schema().role(Role::Probability).is_some() { "probability" } else { "prediction" })
    }
}

/// The answers in what the last link gave.
pub(super) fn numbers(answered: &Batch) -> Result<Vec<f64>> {
    if let Some(at) = answered.schema().role(Role::Probability) {
        let all = answered.probabilities(at)?;
        let k = all.len() / answered.n_rows().max(1);
        return Ok(if k == 2 { positive(all) } else { all.to_vec() });
    }
    let at = answered.schema().role(Role::Prediction);
    let at = at.ok_or_else(|| Error::state("model", "it predicts nothing"))?;
    Ok(answered.numbers(at)?.values().to_vec())
}

/// Of the probabilities of two classes those of the second.
pub(super) fn positive(probabilities: &[f64]) -> Vec<f64> {
    probabilities.iter().skip(1).step_by(2).copied().collect()
}
