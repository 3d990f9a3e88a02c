//! What answers of a tuned encoder mean, and what it learns from.

use std::sync::Arc;

use tidemill_core::{Batch, Categories, Error, Result, Role, Target};

use super::net::Goal;

/// What answers mean.
#[derive(Clone, Debug)]
pub(super) enum Meaning {
    Classes(Arc<Categories>),
    /// Times the second, plus the first.
    Number([f64; 2]),
}

impl Meaning {
    pub(super) fn outputs(&self) -> usize {
        match self {
            Meaning::Classes(classes) => classes.len(),
            Meaning::Number(_) => 1,
        }
    }

    pub(super) fn classes(&self) -> Option<&Arc<Categories>> {
        match self {
            Meaning::Classes(classes) => Some(classes),
            Meaning::Number(_) => None,
        }
    }
}

/// The targets of training.
pub(super) struct Learned {
    pub(super) meaning: Meaning,
    pub(super) goals: Vec<Goal>,
    /// Shares of classes, or the mean.
    pub(super) constants: Vec<f64>,
}

impl Learned {
    pub(super) fn of(batch: &Batch, weights: &[f64]) -> Result<Self> {
        let total: f64 = weights.iter().sum();
        if total <= 0.0 {
            return Err(Error::data("all rows have the weight 0", "give a row some weight"));
        }
        Ok(match Target::of(batch)? {
            Target::Class { codes, n_classes } => {
                let at = batch.schema().role(Role::Target).ok_or_else(|| Error::internal("no target"))?;
                let mut constants = vec![0.0; n_classes];
                codes.iter().zip(weights).for_each(|(code, w)| constants[*code as usize] += w / total);
                let meaning = Meaning::Classes(batch.schema().columns()[at].categories()?.clone());
                Learned {
                    meaning,
                    goals: codes.iter().map(|code| Goal::Class(*code as usize)).collect(),
                    constants,
                }
            }
            Target::Number(values) => {
                let mean = values[0]
                    + values.iter().zip(weights).map(|(y, w)| w * (y - values[0])).sum::<f64>() / total;
                let square =
                    values.iter().zip(weights).map(|(y, w)| w * (y - mean).powi(2)).sum::<f64>() / total;
                let spread = if square > 0.0 { square.sqrt() } else { 1.0 };
                let goals = values.iter().map(|y| Goal::Number(((y - mean) / spread) as f32)).collect();
                Learned { meaning: Meaning::Number([mean, spread]), goals, constants: vec![mean] }
            }
        })
    }
}
