//! `blend`: the weighted mean of several models.

use std::sync::Arc;

use tidemill_core::{Batch, Error, Fitted, Registry, Result, Row, Run, Schema, State};

use crate::links::answer::Place;

/// The weighted mean of several models' answers: of their probabilities, or of their numbers.
///
/// Each part is a chain of its own from the same columns, with the preparation it needs. The weights are those of
/// greedy ensemble selection (Caruana et al. 2004); the predicted class is the most probable one.
pub struct Blend {
    parts: Vec<Arc<dyn Fitted>>,
    weights: Vec<f64>,
}

impl Blend {
    /// The kind under which it is saved.
    pub const KIND: &'static str = "blend";

    /// A blend of at least one part; the weights, from 0 up, are divided by their sum.
    ///
    /// # Errors
    /// No part, not a weight for each, or weights that are not finite, negative or all zero.
    pub fn new(parts: Vec<Arc<dyn Fitted>>, weights: &[f64]) -> Result<Self> {
        let total: f64 = weights.iter().sum();
        let sound = weights.iter().all(|w| *w >= 0.0) && total > 0.0 && total.is_finite();
        if parts.is_empty() || parts.len() != weights.len() || !sound {
            return Err(Error::state(
                Self::KIND,
                "it needs parts, and a weight from 0 up for each, not all 0",
            ));
        }
        Ok(Blend { parts, weights: weights.iter().map(|w| w / total).collect() })
    }

    /// Builds what [`Fitted::state`] saved.
    pub fn load(registry: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        state.check_version(1)?;
        let weights = state.floats_of("weights", state.children.len())?.to_vec();
        let parts = state.children.into_iter().map(|part| registry.load(part)).collect::<Result<_>>()?;
        // Not divided again: the saved bits are the ones to answer by.
        Blend::new(parts, &weights).map(|blend| Arc::new(Blend { weights, ..blend }) as Arc<dyn Fitted>)
    }

    /// The parts and their shares, which sum to 1.
    pub fn shares(&self) -> impl Iterator<Item = (&Arc<dyn Fitted>, f64)> {
        self.parts.iter().zip(self.weights.iter().copied())
    }
}

impl Fitted for Blend {
    fn parts(&self) -> Vec<&Arc<dyn Fitted>> {
        self.parts.iter().collect()
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        self.parts[0].output(input)
    }

    fn state(&self) -> State {
        let state = State::new(Self::KIND, 1, serde_json::json!({})).floats("weights", &self.weights);
        self.parts.iter().fold(state, |state, part| state.child(part.state()))
    }

    fn size(&self) -> u64 {
        8 * self.weights.len() as u64 + self.parts.iter().map(|part| part.size()).sum::<u64>()
    }

    fn operations(&self) -> u64 {
        self.parts.iter().map(|part| part.operations()).sum()
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        let mut parts = Vec::with_capacity(self.parts.len());
        for (part, &weight) in self.parts.iter().zip(&self.weights) {
            let place = Place::of(&part.output(input)?)?;
            parts.push(BoundPart { run: part.clone().bind(input)?, place, weight, row: Row::default() });
        }
        if parts.iter().any(|part| part.place.width() != parts[0].place.width()) {
            return Err(Error::state(Self::KIND, "its parts do not answer the same question"));
        }
        let width = parts[0].place.width();
        Ok(Box::new(BoundBlend { parts, sum: vec![0.0; width] }))
    }
}

struct BoundPart {
    run: Box<dyn Run>,
    place: Place,
    weight: f64,
    row: Row,
}

struct BoundBlend {
    parts: Vec<BoundPart>,
    sum: Vec<f64>,
}

impl Run for BoundBlend {
    fn apply(&mut self, batch: &Batch) -> Result<Batch> {
        let mut answered: Option<(Batch, Place, Vec<f64>)> = None;
        for part in &mut self.parts {
            let output = part.run.apply(batch)?;
            let values = part.place.values(&output)?;
            match &mut answered {
                None => {
                    let sum = values.iter().map(|x| part.weight * x).collect();
                    answered = Some((output, part.place, sum));
                }
                Some((.., sum)) => {
                    sum.iter_mut().zip(values).for_each(|(sum, x)| *sum += part.weight * x);
                }
            }
        }
        let (output, place, mut sum) = answered.ok_or_else(|| Error::internal("a blend of nothing"))?;
        if place.probability.is_some() {
            sum.iter_mut().for_each(|p| *p = p.min(1.0));
        }
        place.put(&output, sum)
    }

    fn row(&mut self, row: &mut Row) -> Result<()> {
        let (first, others) =
            self.parts.split_first_mut().ok_or_else(|| Error::internal("a blend of nothing"))?;
        self.sum.fill(0.0);
        for part in others.iter_mut() {
            part.row.clone_from(row);
            part.run.row(&mut part.row)?;
        }
        first.run.row(row)?;
        let weighted = first.place.of_row(row)?.iter().map(|x| first.weight * x);
        self.sum.iter_mut().zip(weighted).for_each(|(sum, x)| *sum = x);
        for part in others.iter() {
            let values = part.place.of_row(&part.row)?;
            self.sum.iter_mut().zip(values).for_each(|(sum, x)| *sum += part.weight * x);
        }
        let of_classes = first.place.probability.is_some();
        let sum = &self.sum;
        first.place.change(row, |values| {
            values
                .iter_mut()
                .zip(sum)
                .for_each(|(value, x)| *value = if of_classes { x.min(1.0) } else { *x });
        })
    }
}
