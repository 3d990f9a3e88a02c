//! `prior`: corrects probabilities for the class proportions that were changed by balancing.

use std::sync::Arc;

use tidemill_core::{Batch, Error, Fitted, Registry, Result, Row, Run, Schema, State};

use crate::links::answer::Place;

/// Multiplies the probability of each class by the share it truly has over the share it had in training, and divides by their sum
/// (Saerens et al. 2002, equation 2.4): what Bayes' rule makes of a classifier of balanced rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Prior {
    factors: Vec<f64>,
}

impl Prior {
    /// The kind under which it is saved.
    pub const KIND: &'static str = "prior";

    /// From the weight of each class in truth and in training; a class that was not trained on keeps its probability.
    pub(crate) fn new(truly: &[f64], trained: &[f64]) -> Self {
        let (all, balanced) = (truly.iter().sum::<f64>(), trained.iter().sum::<f64>());
        let factor = |(truly, trained): (&f64, &f64)| {
            if *trained > 0.0 && *truly > 0.0 { (truly / all) / (trained / balanced) } else { 1.0 }
        };
        Prior { factors: truly.iter().zip(trained).map(factor).collect() }
    }

    /// Changes the probabilities of one row in place.
    fn change(&self, p: &mut [f64]) {
        p.iter_mut().zip(&self.factors).for_each(|(p, factor)| *p *= factor);
        let total: f64 = p.iter().sum();
        if total > 0.0 {
            p.iter_mut().for_each(|p| *p /= total);
        }
    }

    /// Builds what [`Fitted::state`] saved.
    pub fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        state.check_version(1)?;
        let n: usize = state.params()?;
        let factors = state.floats_of("factors", n)?.to_vec();
        if n < 2 || factors.iter().any(|f| !(f.is_finite() && *f > 0.0)) {
            return Err(Error::state(Self::KIND, "'factors' are not a positive number for each class"));
        }
        Ok(Arc::new(Prior { factors }))
    }
}

impl Fitted for Prior {
    fn output(&self, input: &Schema) -> Result<Schema> {
        Place::of_classes(input)?;
        Ok(input.clone())
    }

    fn state(&self) -> State {
        State::new(Self::KIND, 1, self.factors.len()).floats("factors", &self.factors)
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        let place = Place::of_classes(input)?;
        if place.width() != self.factors.len() {
            return Err(Error::state(Self::KIND, "it was made for other classes"));
        }
        Ok(Box::new(Bound { fitted: self, place }))
    }
}

struct Bound {
    fitted: Arc<Prior>,
    place: Place,
}

impl Run for Bound {
    fn apply(&mut self, batch: &Batch) -> Result<Batch> {
        let mut values = self.place.values(batch)?;
        values.chunks_exact_mut(self.fitted.factors.len()).for_each(|p| self.fitted.change(p));
        self.place.put(batch, values)
    }

    fn row(&mut self, row: &mut Row) -> Result<()> {
        self.place.change(row, |p| self.fitted.change(p))
    }
}

#[cfg(test)]
mod tests {
    use super::Prior;

    #[test]
    fn a_balanced_classifier_is_brought_back_to_the_true_shares() {
        // 90 and 10 rows, balanced to 90 and 90: odds of 1 become odds of 1 to 9.
        let prior = Prior::new(&[90.0, 10.0], &[90.0, 90.0]);
        let mut p = [0.5, 0.5];
        prior.change(&mut p);
        assert!((p[1] - 0.1).abs() < 1e-15 && (p[0] + p[1] - 1.0).abs() < 1e-15);
        // Where nothing was changed, nothing changes.
        let mut p = [0.25, 0.75];
        Prior::new(&[30.0, 70.0], &[30.0, 70.0]).change(&mut p);
        assert_eq!(p, [0.25, 0.75]);
    }
}
