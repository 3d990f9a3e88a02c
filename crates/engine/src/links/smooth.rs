//! `smooth`: keeps probabilities that are proportions of counted rows away from 0 and 1.

use std::sync::Arc;

use tidemill_core::{Batch, Error, Fitted, Registry, Result, Row, Run, Schema, State};

use crate::links::answer::Place;

/// What was never seen among `n` rows is not impossible: each probability becomes `(n p + 1 / k) / (n + 1)` for `k` classes, as if one
/// row more had been seen that could have been of any class. The order of the rows and of the classes stays.
pub struct Smooth {
    n_rows: f64,
}

impl Smooth {
    /// The kind under which it is saved.
    pub const KIND: &'static str = "smooth";

    /// For probabilities that so many rows stand behind, at least 1.
    pub fn new(n_rows: f64) -> Result<Self> {
        if n_rows >= 1.0 && n_rows.is_finite() {
            Ok(Smooth { n_rows })
        } else {
            Err(Error::state(Self::KIND, format!("{n_rows} is not a number of rows")))
        }
    }

    /// Builds what [`Fitted::state`] saved.
    pub fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        state.check_version(1)?;
        Ok(Arc::new(Smooth::new(state.floats_of("n_rows", 1)?[0])?))
    }

    /// Changes the probabilities of a row.
    pub(crate) fn change(&self, probabilities: &mut [f64]) {
        let share = 1.0 / probabilities.len() as f64;
        probabilities.iter_mut().for_each(|p| *p = (self.n_rows * *p + share) / (self.n_rows + 1.0));
    }
}

impl Fitted for Smooth {
    fn output(&self, input: &Schema) -> Result<Schema> {
        Place::of_classes(input)?;
        Ok(input.clone())
    }

    fn state(&self) -> State {
        State::new(Self::KIND, 1, serde_json::json!({})).floats("n_rows", &[self.n_rows])
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        Ok(Box::new(Bound { place: Place::of_classes(input)?, fitted: self }))
    }
}

struct Bound {
    fitted: Arc<Smooth>,
    place: Place,
}

impl Run for Bound {
    fn apply(&mut self, batch: &Batch) -> Result<Batch> {
        let mut values = self.place.values(batch)?;
        values.chunks_exact_mut(self.place.width().max(1)).for_each(|p| self.fitted.change(p));
        self.place.put(batch, values)
    }

    fn row(&mut self, row: &mut Row) -> Result<()> {
        self.place.change(row, |p| self.fitted.change(p))
    }
}

#[cfg(test)]
mod tests {
    use super::Smooth;

    #[test]
    fn nothing_is_certain_and_all_sums_to_one() {
        let smooth = Smooth::new(99.0).unwrap();
        let mut p = [1.0, 0.0];
        smooth.change(&mut p);
        assert_eq!(p, [0.995, 0.005]);
        let mut p = [0.7, 0.3, 0.0, 0.0];
        smooth.change(&mut p);
        assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-15 && p[0] > p[1] && p[1] > p[2] && p[2] > 0.0);
        assert!(Smooth::new(0.0).is_err() && Smooth::new(f64::NAN).is_err());
    }
}
