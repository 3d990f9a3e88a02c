//! Logged decisions as policies learn from them.

use std::sync::Arc;

use arrow_array::Array;
use tidemill_core::{Batch, Categories, Context, Error, Kind, Result, Role, Training};

use crate::rows;

/// The rows with their actions and rewards.
pub(super) struct Logged {
    pub(super) batch: Batch,
    /// The place of the action of each row among `names`.
    pub(super) actions: Vec<u32>,
    /// The actions, in the engine's order.
    pub(super) names: Arc<Categories>,
    pub(super) rewards: Vec<f64>,
    /// The actions of which there is a row, in their order.
    pub(super) present: Vec<u32>,
}

impl Logged {
    /// Errors where there is no action or no reward, or where a row lacks its reward.
    pub(super) fn of(training: Training<'_>, context: &Context) -> Result<Self> {
        let batch = rows::collect(training, context)?;
        let (actions, names) = rows::classes(&batch)?;
        let rewards = rewards(&batch)?;
        let mut present = actions.clone();
        present.sort_unstable();
        present.dedup();
        Ok(Logged { batch, actions, names, rewards, present })
    }
}

/// The reward of each row; a flag counts as 1 and 0.
fn rewards(batch: &Batch) -> Result<Vec<f64>> {
    let at = batch.schema().role(Role::Reward).ok_or_else(|| {
        Error::data(
            "a policy is learned from rewards, and no column has the role 'reward'",
            "name the action and its reward: [policy] action = \"…\", reward = \"…\"",
        )
    })?;
    let column = batch.column(at);
    let rewards: Vec<f64> = match batch.schema().columns()[at].kind {
        Kind::Flag => batch.flags(at)?.iter().map(|flag| f64::from(u8::from(flag == Some(true)))).collect(),
        _ => batch.numbers(at)?.values().to_vec(),
    };
    match (0..rewards.len()).find(|row| column.is_null(*row) || !rewards[*row].is_finite()) {
        None => Ok(rewards),
        Some(row) => {
            let name = &batch.schema().columns()[at].name;
            let problem = format!("reward '{name}' is missing or not a finite number in row {row}");
            Err(Error::data(problem, "learn from decisions whose reward is known"))
        }
    }
}
