//! `drop_columns`: columns that go no further.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Builtin, BuiltinStep, Columns, Context, Estimator, Fitted, Registry, Result, Role, Slot, State, Training,
};

use crate::PrepError;
use crate::selection::{dropped, load_dropped};

/// Takes columns away. Data to predict on may lack them: what is dropped is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DropColumns {
    /// The columns to drop, which must be there in training; by default, none.
    pub columns: Columns,
}

impl Estimator for DropColumns {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        context.check()?;
        for name in &self.columns.0 {
            if training.train.schema().column(name)?.role == Role::Target {
                return Err(PrepError::TargetNamed { step: Self::KIND, column: name.clone() }.into());
            }
        }
        Ok(dropped((Self::KIND, Self::VERSION), self.columns.0.iter().cloned()))
    }
}

impl Builtin for DropColumns {
    const KIND: &'static str = "drop_columns";

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        load_dropped((Self::KIND, Self::VERSION), &state)
    }
}

impl BuiltinStep for DropColumns {
    const SLOT: Slot = Slot::Select;
    const DONE: &'static str = "dropped";
}
