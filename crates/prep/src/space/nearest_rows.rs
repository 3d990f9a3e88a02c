//! `nearest_rows`: ties each row to those nearest by place, for learners of graphs.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::{ArrayRef, StringArray};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Batch, Builtin, BuiltinStep, Cell, Column, Columns, Context, Error, Estimator, Fitted, KeyPath, Kind,
    Registry, Result, Role, Row, Run, Schema, Slot, State, TensorData, Training,
};
use tidemill_kernel::geo::{Metric, Place, Places};
use tidemill_kernel::graph::{Names, list};

use super::{metric_of, points};
use crate::mapping::{unique, wrong_cell};

/// Adds a column that lists the keys of the training rows nearest by place, without the row itself: the ties that `graph_net` and
/// `label_propagation` read. `[graph] neighbors` puts it there.
///
/// Distances are great circles where points are degrees, else straight lines; of rows equally near the first in the table is taken. A row
/// without a place lists nobody. The model keeps the keys and places of the training rows; `[privacy] rows_in_model = false` refuses it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NearestRows {
    /// The column of points; by default the first that is a feature.
    pub columns: Columns,
    /// How many rows each is tied to, from 1.
    pub neighbors: usize,
    /// The name of the column that lists them.
    pub name: String,
}

impl Default for NearestRows {
    fn default() -> Self {
        NearestRows { columns: Columns::default(), neighbors: 8, name: "neighbors".into() }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    column: String,
    degrees: bool,
    neighbors: usize,
    name: String,
    keys: Vec<String>,
}

impl Builtin for NearestRows {
    const KIND: &'static str = "nearest_rows";

    fn check(&self) -> Result<(), KeyPath> {
        match self.neighbors {
            0 => Err(KeyPath::new("neighbors", "is 0, but must be at least 1")),
            _ => Ok(()),
        }
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        let Saved { column, degrees, neighbors, name, keys } = state.params()?;
        let metric = Metric { degrees };
        let wrong = || Error::state(Self::KIND, "'places' should hold a place for each key");
        let flat = match state.tensors.get("places").map(|t| &t.data) {
            Some(TensorData::F64(flat)) => flat.as_chunks::<2>(),
            _ => return Err(wrong()),
        };
        let sound = flat.1.is_empty() && flat.0.len() == keys.len();
        if !sound || flat.0.iter().any(|&place| metric.fault(place).is_some()) {
            return Err(wrong());
        }
        let places = Places::new(flat.0.to_vec(), metric);
        Ok(Arc::new(FittedNearestRows { column, neighbors, name, keys, places }))
    }
}

impl BuiltinStep for NearestRows {
    const SLOT: Slot = Slot::Derived;
    const DONE: &'static str = "read as who is nearest";
    const KEEPS_ROWS: bool = true;
    const READS_POINTS: bool = true;
}

impl Estimator for NearestRows {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        context.check()?;
        let batch = training.train.collect()?;
        let at = points(&self.columns, batch.schema(), Self::KIND)?[0];
        let names = Names::of(batch.schema())?;
        if names.key.is_none() {
            let problem = "step 'nearest_rows' lists rows by their keys, and no column names them";
            return Err(Error::data(problem, "name it: [data] key = \"…\""));
        }
        let column = &batch.schema().columns()[at];
        let (metric, located) = (metric_of(column), batch.points(at)?);
        let (mut keys, mut places) = (Vec::new(), Vec::new());
        for i in 0..batch.n_rows() {
            let place = located.of(i).filter(|&place| metric.fault(place).is_none());
            if let (Some(place), Some(key)) = (place, names.of_batch(&batch, i)?.key) {
                keys.push(key.into_owned());
                places.push(place);
            }
        }
        Ok(Arc::new(FittedNearestRows {
            column: column.name.clone(),
            neighbors: self.neighbors,
            name: self.name.clone(),
            keys,
            places: Places::new(places, metric),
        }))
    }
}

/// The keys and places of the training rows.
struct FittedNearestRows {
    column: String,
    neighbors: usize,
    name: String,
    keys: Vec<String>,
    places: Places,
}

impl FittedNearestRows {
    /// The list of those nearest to a row at `place`; `None` where it has no place.
    fn list(&self, place: Option<Place>, own: Option<Cow<'_, str>>) -> Option<String> {
        let place = place.filter(|&place| self.places.metric().fault(place).is_none())?;
        let found = self.places.nearest(&[place], self.neighbors + usize::from(own.is_some()), None);
        let keys = found.indices.iter().map(|&i| self.keys[i as usize].as_str());
        let others = keys.filter(|key| own.as_deref() != Some(*key)).take(self.neighbors);
        Some(list(others.map(|key| (key, 1.0))))
    }

    fn point(&self, input: &Schema) -> Result<usize> {
        let at = input.index(&self.column)?;
        match input.columns()[at].kind {
            Kind::Point => Ok(at),
            found => {
                let wanted = "the point it was in training".into();
                Err(Error::WrongKind { column: self.column.clone(), found, wanted })
            }
        }
    }
}

impl Fitted for FittedNearestRows {
    fn output(&self, input: &Schema) -> Result<Schema> {
        let point = &input.columns()[self.point(input)?];
        let mut taken: BTreeSet<String> = input.names().map(String::from).collect();
        let name = unique(self.name.clone(), &mut taken);
        let listed = Column::new(name, Kind::Text).derived_from(point).with_role(Role::Neighbors);
        Schema::new(input.columns().iter().cloned().chain([listed]).collect())
    }

    fn state(&self) -> State {
        let saved = Saved {
            column: self.column.clone(),
            degrees: self.places.metric().degrees,
            neighbors: self.neighbors,
            name: self.name.clone(),
            keys: self.keys.clone(),
        };
        let flat = TensorData::F64(self.places.places().concat());
        State::new(NearestRows::KIND, NearestRows::VERSION, saved).tensor(
            "places",
            vec![self.keys.len(), 2],
            flat,
        )
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        let (point, names) = (self.point(input)?, Names::of(input)?);
        let output = Arc::new(self.output(input)?);
        Ok(Box::new(Bound { fitted: self, point, names, output }))
    }
}

struct Bound {
    fitted: Arc<FittedNearestRows>,
    point: usize,
    names: Names,
    output: Arc<Schema>,
}

impl Run for Bound {
    fn apply(&mut self, batch: &Batch) -> Result<Batch> {
        let points = batch.points(self.point)?;
        let row = |i: usize| Ok(self.fitted.list(points.of(i), self.names.of_batch(batch, i)?.key));
        let lists = (0..batch.n_rows()).into_par_iter().map(row).collect::<Result<Vec<_>>>()?;
        let lists: ArrayRef = Arc::new(StringArray::from(lists));
        let columns = batch.columns().iter().cloned().chain([lists]).collect();
        Batch::with_rows(self.output.clone(), columns, batch.n_rows())
    }

    fn row(&mut self, row: &mut Row) -> Result<()> {
        let place = match row.cells.get(self.point) {
            Some(Cell::Point(place)) => Some(*place),
            Some(Cell::Missing) | None => None,
            Some(other) => return Err(wrong_cell("a point", other)),
        };
        let list = self.fitted.list(place, self.names.of_row(row)?.key);
        row.cells.push(list.map_or(Cell::Missing, Cell::Text));
        Ok(())
    }
}
