//! `point_coordinates`: a point becomes two numbers.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Builtin, BuiltinStep, Column, Columns, Context, Estimator, Fitted, Registry, Result, Slot, State,
    Training,
};
use tidemill_kernel::geo::Place;

use super::{OfPoints, Reads};

/// Replaces each column of points by its two coordinates as numbers: of `place` come `place_lon` and `place_lat` in degrees, or
/// `place_x` and `place_y` where it lies in a plane. A missing point has missing coordinates. The engine adds this step for learners
/// that read numbers, where nothing else was made of a point.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PointCoordinates {
    /// The columns to divide; by default, every point that is a feature.
    pub columns: Columns,
}

impl Estimator for PointCoordinates {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        context.check()?;
        let schema = training.train.schema();
        let columns = super::points(&self.columns, schema, Self::KIND)?.into_iter().map(|at| {
            let column = &schema.columns()[at];
            Divided { column: column.name.clone(), degrees: super::metric_of(column).degrees }
        });
        Ok(Arc::new(Reads { kind: Self::KIND, version: Self::VERSION, columns: columns.collect() }))
    }
}

impl Builtin for PointCoordinates {
    const KIND: &'static str = "point_coordinates";

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        Reads::<Divided>::load(Self::KIND, Self::VERSION, &state)
    }
}

impl BuiltinStep for PointCoordinates {
    const SLOT: Slot = Slot::Types;
    const DONE: &'static str = "divided into its coordinates";
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Divided {
    column: String,
    degrees: bool,
}

impl OfPoints for Divided {
    type Notes = Divided;

    fn column(&self) -> &str {
        &self.column
    }

    fn notes(&self) -> Divided {
        self.clone()
    }

    fn load(notes: Divided, _: &mut dyn FnMut(&str) -> Result<Vec<f64>>) -> Result<Self> {
        Ok(notes)
    }

    fn point(&self, _: &Column) -> Option<Column> {
        None
    }

    fn endings(&self) -> Vec<String> {
        if self.degrees { ["lon", "lat"] } else { ["x", "y"] }.map(String::from).to_vec()
    }

    fn read(&self, place: Option<Place>) -> (Option<Place>, Vec<f64>) {
        (None, place.unwrap_or([f64::NAN; 2]).to_vec())
    }
}
