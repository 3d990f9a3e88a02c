//! All that a row says of itself and what its neighbours say of themselves, as far as the layers of a graph look.
//!
//! The stored rows are those of training, with their numbers and ties. A row that is asked about is answered as if it was one of them:
//! its neighbours see it too. Where it is one of them, what it says now takes the place of what is stored.

mod layers;
mod plan;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::Arc;

use burn::tensor::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{Batch, Column, Error, Result, Row, Schema, Source, State, TensorData};
use tidemill_kernel::graph::{Graph, Names, Said};

use super::{ByHand, Encoder, Kept, Lesson, Plain, Read, Sort};
use crate::dense::Dense;
use crate::graph::{Chance, Pass};
use crate::parameters::{Declared, Part};
pub(crate) use layers::Trace;
use plan::{Plan, UNKNOWN};

/// It takes no column by itself: the learner that has a graph makes it.
pub(super) const SORT: Sort = Sort { kind: KIND, takes: |_| false, together: true, learn, load };
const KIND: &str = "neighbors";

fn learn(_: &Lesson<'_>) -> Result<Box<dyn Encoder>> {
    Err(Error::internal("an encoder of neighbours is made of a graph"))
}

/// How a layer brings together what the neighbours of a row say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GraphLayer {
    /// The mean of the neighbours beside the row itself, each with weights of its own (GraphSAGE; Hamilton, Ying and Leskovec 2017).
    /// The weights of ties do not count.
    #[default]
    Sage,
    /// The sum of the neighbours and the row, each divided by the root of both degrees (GCN; Kipf and Welling 2017, equation 2).
    Gcn,
}

/// The layers, as far as their shape goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Layers {
    pub(crate) layer: GraphLayer,
    /// Numbers that a row says of itself.
    pub(crate) inputs: usize,
    pub(crate) widths: Vec<usize>,
    /// At most so many neighbours of a row in training; 0 for all.
    pub(crate) sample: usize,
    /// The share of the numbers behind each layer that training drops.
    pub(crate) dropout: f64,
}

/// The rows of training.
pub(super) struct Stored {
    layers: Layers,
    graph: Graph,
    /// What each says of itself.
    numbers: Vec<f32>,
    /// One and the weights of its ties to other rows.
    degrees: Vec<f32>,
}

impl Stored {
    fn new(layers: Layers, graph: Graph, numbers: Vec<f32>) -> Self {
        let inner = |place: u32| {
            let (ends, weights) = graph.ties(place);
            ends.iter().zip(weights).filter(|(to, _)| graph.is_row(**to)).fold(1.0, |sum, (_, w)| sum + w)
        };
        let degrees = (0..graph.n_rows() as u32).map(inner).collect();
        Stored { layers, graph, numbers, degrees }
    }
}

/// The encoder: how a row is read, and the stored rows.
pub(crate) struct Neighborhood {
    /// What a row says of itself: encoders without parameters.
    own: Vec<Box<dyn Encoder>>,
    stored: Arc<Stored>,
}

/// The place of a column that a table does not have.
const NOWHERE: usize = usize::MAX;

impl Neighborhood {
    /// Of the training rows; `layers` counts its inputs anew.
    pub(crate) fn learn(source: &dyn Source, own: Vec<Box<dyn Encoder>>, layers: Layers) -> Result<Self> {
        let batch = source.collect()?;
        let names = Names::of(batch.schema())?;
        let said = (0..batch.n_rows()).map(|i| names.of_batch(&batch, i)).collect::<Result<Vec<_>>>()?;
        let (graph, places) = Graph::of(said);
        let inputs = own.iter().map(|e| e.width()).sum();
        let mut read = Read::default();
        let bound = bind_own(&own, batch.schema())?;
        read_own(
            &own,
            |e, into| own[e].read(&batch, &bound[e], 0..batch.n_rows(), into),
            batch.n_rows(),
            &mut read,
        )?;
        let mut numbers = Vec::with_capacity(graph.n_rows() * inputs);
        for (i, &place) in places.iter().enumerate() {
            // Of rows of one key, the first stands for it.
            if numbers.len() == place as usize * inputs {
                numbers.extend_from_slice(&read.numbers[i * inputs..(i + 1) * inputs]);
            }
        }
        let layers = Layers { inputs, ..layers };
        Ok(Neighborhood { own, stored: Arc::new(Stored::new(layers, graph, numbers)) })
    }

    /// The places of the own encoders' columns, and those of the key and the neighbours.
    fn divided<'a>(&self, places: &'a [usize]) -> (Vec<&'a [usize]>, Names) {
        let mut rest = places;
        let own = self.own.iter().map(|e| {
            let (own, others) = rest.split_at(e.columns().len());
            rest = others;
            own
        });
        let own = own.collect();
        let there = |at: usize| rest.get(at).copied().filter(|&place| place != NOWHERE);
        (own, Names { key: there(0), neighbors: there(1) })
    }

    fn put(&self, said: &Said<'_>, into: &mut Read) {
        let graph = &self.stored.graph;
        let (own, ties) = graph.around(said);
        into.codes.push(own.filter(|&own| graph.is_row(own)).unwrap_or(UNKNOWN));
        for (to, weight) in ties.into_iter().filter(|(to, _)| graph.is_row(*to)) {
            into.codes.extend([to, weight.to_bits()]);
        }
        into.ends.push(into.codes.len());
    }
}

fn bind_own(own: &[Box<dyn Encoder>], schema: &Schema) -> Result<Vec<Vec<usize>>> {
    own.iter().map(|e| e.bind(schema)).collect()
}

/// Adds the numbers of `n` rows to `into`, those of each encoder side by side.
fn read_own(
    own: &[Box<dyn Encoder>],
    read: impl Fn(usize, &mut Read) -> Result<()>,
    n: usize,
    into: &mut Read,
) -> Result<()> {
    let mut reads = vec![Read::default(); own.len()];
    reads.iter_mut().enumerate().try_for_each(|(e, into)| read(e, into))?;
    for i in 0..n {
        for (read, encoder) in reads.iter().zip(own) {
            let width = encoder.width();
            into.numbers.extend_from_slice(&read.numbers[i * width..(i + 1) * width]);
        }
    }
    Ok(())
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    layers: Layers,
    keys: Vec<String>,
    n_rows: usize,
}

fn load(state: &State) -> Result<Box<dyn Encoder>> {
    let Saved { layers, keys, n_rows } = state.params()?;
    let wrong = |what: &str| Error::state(&state.kind, what);
    let own = state.children.iter().map(super::load).collect::<Result<Vec<_>>>()?;
    if own.iter().any(|e| !e.declare().is_empty())
        || own.iter().map(|e| e.width()).sum::<usize>() != layers.inputs
    {
        return Err(wrong("what a row says of itself does not fit the layers"));
    }
    if layers.widths.is_empty() || layers.widths.contains(&0) || !(0.0..1.0).contains(&layers.dropout) {
        return Err(wrong("layers that cannot be"));
    }
    let graph = Graph::load(state, keys, n_rows)?;
    let numbers = match state.tensors.get("numbers").map(|t| &t.data) {
        Some(TensorData::F32(numbers)) if Some(numbers.len()) == n_rows.checked_mul(layers.inputs) => {
            numbers.clone()
        }
        _ => return Err(wrong("tensor 'numbers' should have those of each row")),
    };
    Ok(Box::new(Neighborhood { own, stored: Arc::new(Stored::new(layers, graph, numbers)) }))
}

impl Encoder for Neighborhood {
    fn columns(&self) -> Vec<&str> {
        self.own.iter().flat_map(|e| e.columns()).collect()
    }

    fn column_of(&self, mut at: usize) -> &str {
        for encoder in &self.own {
            if at < encoder.width() {
                return encoder.column_of(at);
            }
            at -= encoder.width();
        }
        ""
    }

    fn check(&self, mut i: usize, column: &Column) -> Result<()> {
        for encoder in &self.own {
            let n = encoder.columns().len();
            if i < n {
                return encoder.check(i, column);
            }
            i -= n;
        }
        Ok(())
    }

    fn bind(&self, schema: &Schema) -> Result<Vec<usize>> {
        let names = Names::of(schema)?;
        let ends = [names.key, names.neighbors].map(|place| place.unwrap_or(NOWHERE));
        let mut places = bind_own(&self.own, schema)?.concat();
        places.extend(ends);
        Ok(places)
    }

    fn width(&self) -> usize {
        self.stored.layers.widths.last().copied().unwrap_or_default()
    }

    fn declare(&self) -> Vec<Declared> {
        self.stored.layers.declare()
    }

    fn read(&self, batch: &Batch, places: &[usize], rows: Range<usize>, into: &mut Read) -> Result<()> {
        let (own, names) = self.divided(places);
        let of_own = |e: usize, into: &mut Read| self.own[e].read(batch, own[e], rows.clone(), into);
        read_own(&self.own, of_own, rows.len(), into)?;
        rows.clone().try_for_each(|i| {
            self.put(&names.of_batch(batch, i)?, into);
            Ok(())
        })
    }

    fn read_row(&self, row: &Row, places: &[usize], into: &mut Read) -> Result<()> {
        let (own, names) = self.divided(places);
        read_own(&self.own, |e, into| self.own[e].read_row(row, own[e], into), 1, into)?;
        self.put(&names.of_row(row)?, into);
        Ok(())
    }

    fn forward(&self, read: &Read, pass: &Pass<'_>) -> Result<Tensor<2>> {
        let plan = Plan::together(&self.stored, read, pass.random());
        layers::composed(&self.stored, &plan, read, pass)
    }

    fn by_hand(&self) -> Option<&dyn ByHand> {
        Some(self)
    }

    fn plain(&self, parameters: Part<'_>) -> Box<dyn Plain> {
        Box::new(PlainNeighborhood { maps: self.stored.layers.maps(parameters), stored: self.stored.clone() })
    }

    fn state(&self) -> State {
        let Stored { layers, graph, numbers, .. } = &*self.stored;
        let saved = Saved { layers: layers.clone(), keys: graph.keys().to_vec(), n_rows: graph.n_rows() };
        let shape = vec![graph.n_rows(), layers.inputs];
        let state =
            graph.save(State::new(KIND, 1, saved)).tensor("numbers", shape, TensorData::F32(numbers.clone()));
        self.own.iter().fold(state, |state, encoder| state.child(encoder.state()))
    }
}

impl ByHand for Neighborhood {
    fn run(&self, read: &Read, parameters: Part<'_>, chance: &Chance, out: &mut [f32]) -> Kept {
        let random = (self.stored.layers.sample > 0).then(|| chance.next());
        let plan = Plan::together(&self.stored, read, random);
        let (h, trace) = layers::trace(&self.stored, parameters, plan, read, chance);
        out.copy_from_slice(&h);
        Some(Box::new(trace))
    }

    fn back(&self, _: &Read, parameters: Part<'_>, kept: Kept, slopes: &[f32], gradient: &mut [f32]) {
        if let Some(trace) = kept {
            layers::back(&self.stored, parameters, *trace, slopes, gradient);
        }
    }
}

struct PlainNeighborhood {
    stored: Arc<Stored>,
    maps: Vec<(Dense, Option<Dense>)>,
}

impl Plain for PlainNeighborhood {
    fn run(&self, read: &Read, out: &mut [f32]) {
        let width = out.len() / read.n_rows.max(1);
        for (i, out) in out.chunks_exact_mut(width.max(1)).enumerate() {
            let plan = Plan::alone(&self.stored, read, i);
            out.copy_from_slice(&layers::run(&self.stored, &self.maps, &plan, read));
        }
    }
}
