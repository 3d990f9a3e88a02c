//! `threshold`: the probability from which the positive class is predicted.

use std::any::Any;
use std::sync::Arc;

use arrow_array::UInt32Array;
use tidemill_core::{Batch, Cell, Chain, Error, Fitted, Registry, Result, Row, Run, Schema, State};

use crate::links::answer::Place;

/// From which probability on a chain of two classes predicts the positive one: one half where no link says otherwise.
pub(crate) fn of(chain: &Chain) -> f64 {
    let link = |link: &Arc<dyn Fitted>| {
        let link: &(dyn Any + Send + Sync) = &**link;
        link.downcast_ref::<Threshold>().map(|threshold| threshold.at)
    };
    chain.0.iter().find_map(link).unwrap_or(0.5)
}

/// Predicts the second of two classes, the positive one, from a probability of `at` on, and else the first; the
/// probabilities stay as they are.
pub struct Threshold {
    at: f64,
}

impl Threshold {
    /// The kind under which it is saved.
    pub const KIND: &'static str = "threshold";

    /// A threshold at this probability, 0 to 1.
    pub fn new(at: f64) -> Result<Self> {
        if (0.0..=1.0).contains(&at) {
            Ok(Threshold { at })
        } else {
            Err(Error::state(Self::KIND, format!("{at} is not a probability")))
        }
    }

    /// Builds what [`Fitted::state`] saved.
    pub fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        state.check_version(1)?;
        Ok(Arc::new(Threshold::new(state.floats_of("threshold", 1)?[0])?))
    }

    /// Whether a positive probability leads to the positive class.
    fn code(&self, probabilities: &[f64]) -> u32 {
        u32::from(probabilities.get(1).is_some_and(|p| *p >= self.at))
    }
}

impl Fitted for Threshold {
    fn output(&self, input: &Schema) -> Result<Schema> {
        Place::of_classes(input)?;
        Ok(input.clone())
    }

    fn state(&self) -> State {
        State::new(Self::KIND, 1, serde_json::json!({})).floats("threshold", &[self.at])
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        let place = Place::of_classes(input)?;
        if place.width() != 2 {
            return Err(Error::state(Self::KIND, "there are not two classes"));
        }
        Ok(Box::new(Bound { fitted: self, place }))
    }
}

struct Bound {
    fitted: Arc<Threshold>,
    place: Place,
}

impl Run for Bound {
    fn apply(&mut self, batch: &Batch) -> Result<Batch> {
        let values = self.place.values(batch)?;
        let codes = values.chunks_exact(2).map(|p| self.fitted.code(p));
        self.place.put_codes(batch, UInt32Array::from_iter_values(codes))
    }

    fn row(&mut self, row: &mut Row) -> Result<()> {
        let code = self.fitted.code(self.place.of_row(row)?);
        row.cells[self.place.prediction] = Cell::Code(code);
        Ok(())
    }
}
