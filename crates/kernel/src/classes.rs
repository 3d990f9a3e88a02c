//! The classes of a classifier: which of them had training rows, and how scores become probabilities for all of them.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{Categories, Context, Error, Result, State, TensorData};

/// Whether rare classes count more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClassWeight {
    /// Every row counts by its own weight only.
    #[default]
    None,
    /// Every class counts the same: the weight of a row is divided by the share of its class.
    Balanced,
}

/// The classes in the engine's order, those that had training rows, and their weighted shares.
#[derive(Clone, Debug, PartialEq)]
pub struct Classes {
    /// All classes, in the engine's order.
    pub names: Arc<Categories>,
    /// The classes with training rows, in order.
    pub present: Vec<u32>,
    /// The weighted share of each class; the shares sum to 1.
    pub shares: Vec<f64>,
}

impl Classes {
    /// Also returns the class of each row as an index among those present.
    pub fn of(names: Arc<Categories>, mut codes: Vec<u32>, weights: Option<&[f64]>) -> (Self, Vec<u32>) {
        let mut shares = vec![0.0; names.len()];
        for (i, &c) in codes.iter().enumerate() {
            shares[c as usize] += weights.map_or(1.0, |w| w[i]);
        }
        let present: Vec<u32> = (0..names.len() as u32).filter(|&c| shares[c as usize] > 0.0).collect();
        let total: f64 = shares.iter().sum();
        shares.iter_mut().for_each(|s| *s /= total);
        codes.iter_mut().for_each(|c| *c = present.partition_point(|other| *other < *c) as u32);
        (Classes { names, present, shares }, codes)
    }

    /// The number of classes with training rows.
    pub fn k(&self) -> usize {
        self.present.len()
    }

    /// The share of each class that had rows.
    pub fn present_shares(&self) -> Vec<f64> {
        self.present.iter().map(|&c| self.shares[c as usize]).collect()
    }

    /// Warns if there is only one class.
    pub fn warn_if_one(&self, context: &Context) {
        if let [only] = self.present.as_slice() {
            let name = self.names.name(*only);
            context.warn("one_class", format!("every row is '{name}': the model always answers that"));
        }
    }

    /// Adds the classes to a state: tensors `present` and `shares`.
    pub fn save(&self, state: State) -> State {
        let present = TensorData::U32(self.present.clone());
        state.tensor("present", vec![self.present.len()], present).floats("shares", &self.shares)
    }

    /// The size in bytes of the numbers that [`Classes::save`] adds.
    pub fn size(&self) -> u64 {
        (4 * self.present.len() + 8 * self.shares.len()) as u64
    }

    /// Loads what [`Classes::save`] wrote. Errors if it is incomplete or invalid.
    pub fn load(state: &State, names: Vec<String>) -> Result<Self> {
        let names = Categories::new(names);
        let shares = state.floats_of("shares", names.len())?.to_vec();
        let present = match state.tensors.get("present").map(|t| &t.data) {
            Some(TensorData::U32(present)) => present.clone(),
            _ => return Err(Error::state(&state.kind, "tensor 'present' is missing")),
        };
        let sorted = present.windows(2).all(|w| w[0] < w[1]);
        if !sorted || present.last().is_none_or(|&c| c as usize >= names.len()) {
            return Err(Error::state(&state.kind, "'present' does not list classes in order"));
        }
        Ok(Classes { names, present, shares })
    }

    /// The names, for the parameters of a state.
    pub fn words(&self) -> Vec<String> {
        self.names.names().iter().map(|n| n.to_string()).collect()
    }

    /// The probabilities of all classes (into `out`) from those of the classes present.
    pub fn spread(&self, probabilities: &[f64], out: &mut [f64]) {
        out.fill(0.0);
        for (&class, p) in self.present.iter().zip(probabilities) {
            out[class as usize] = *p;
        }
    }

    /// Converts scores (one for each class present; modified) to probabilities by softmax. Infinite scores give the limit; if a score is
    /// not a number, the result is the training shares.
    pub fn softmax(&self, scores: &mut [f64], out: &mut [f64]) {
        let most = scores.iter().fold(f64::NEG_INFINITY, |most, &s| f64::max(most, s));
        if scores.iter().any(|s| s.is_nan()) || most == f64::NEG_INFINITY {
            out.copy_from_slice(&self.shares);
            return;
        }
        // Infinite scores: the largest ones share the whole probability.
        scores.iter_mut().for_each(|s| *s = if *s == most { 1.0 } else { (*s - most).exp() });
        let total: f64 = scores.iter().sum();
        scores.iter_mut().for_each(|s| *s /= total);
        self.spread(scores, out);
    }
}
