//! The recent past of a place and of those around it: a graph convolution at each moment, and gated convolutions along time behind it.

mod blocks;
#[cfg(test)]
mod tests;

use std::ops::Range;

use arrow_array::Array;
use burn::tensor::{Tensor, activation};
use serde::{Deserialize, Serialize};
use tidemill_core::{Batch, Cell, Column, Error, Layout, Result, Row, State};

use super::{ByHand, Encoder, Kept, Lesson, Plain, Read, Sort, channels};
use crate::body::Activation;
use crate::dense::Dense;
use crate::graph::{Chance, Pass};
use crate::ops::linear::{self, linear};
use crate::ops::product::{add_rows, by_rows, product};
use crate::parameters::{Declared, Part, Start};
pub(crate) use blocks::Blocks;
use blocks::{add_gated, back_gated};

/// It takes no column by itself: the learner that forecasts panels makes it.
pub(super) const SORT: Sort = Sort { kind: KIND, takes: |_| false, together: true, learn, load };
const KIND: &str = "spacetime";

fn learn(_: &Lesson<'_>) -> Result<Box<dyn Encoder>> {
    Err(Error::internal("an encoder of space and time is made by its learner"))
}

/// The level of a window and the size of its changes: what its numbers, and what follows them, are measured by.
pub(crate) fn level(window: &[f32]) -> (f64, f64) {
    let known = || window.iter().map(|x| f64::from(*x)).filter(|x| x.is_finite());
    let n = known().count().max(1) as f64;
    let mean = known().sum::<f64>() / n;
    let spread = (known().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();
    // A series that stood still may move yet.
    let size = spread + 0.01 * mean.abs();
    (mean, if size > 0.0 { size } else { 1.0 })
}

/// The encoder: the first column is the past of the place, the others those of its neighbours.
pub(crate) struct SpaceTime {
    columns: Vec<String>,
    blocks: Blocks,
}

/// Arrays of the graph convolution, and of each convolution along time: weight and bias.
const PER_LAYER: usize = 2;

impl SpaceTime {
    pub(crate) fn new(columns: Vec<String>, blocks: Blocks) -> Self {
        SpaceTime { columns, blocks }
    }

    fn numbers(&self) -> usize {
        self.blocks.moments() * self.columns.len()
    }

    /// Adds the moments of a row, its series side by side, in units of the changes of the first. A series that is missing stands at the
    /// level of the first.
    fn put(&self, series: &[Option<&[f32]>], into: &mut Vec<f32>) {
        let (mean, size) = level(series.first().copied().flatten().unwrap_or_default());
        for t in self.blocks.steps - self.blocks.moments()..self.blocks.steps {
            for series in series {
                let x = series.and_then(|series| series.get(t)).map_or(mean, |x| f64::from(*x));
                let x = ((x - mean) / size) as f32;
                into.push(if x.is_finite() { x } else { 0.0 });
            }
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    columns: Vec<String>,
    blocks: Blocks,
}

fn load(state: &State) -> Result<Box<dyn Encoder>> {
    let Saved { columns, blocks } = state.params()?;
    let Blocks { steps, width, layers, kernel, .. } = blocks;
    let sizes = [(steps, 4096), (width, 4096), (layers, 16), (kernel, 64), (columns.len(), 64)];
    if sizes.iter().any(|(size, most)| !(1..=*most).contains(size)) {
        return Err(Error::state(&state.kind, "a size of its blocks cannot be"));
    }
    Ok(Box::new(SpaceTime { columns, blocks }))
}

impl Encoder for SpaceTime {
    fn columns(&self) -> Vec<&str> {
        self.columns.iter().map(String::as_str).collect()
    }

    fn column_of(&self, at: usize) -> &str {
        &self.columns[at % self.columns.len()]
    }

    fn check(&self, _: usize, column: &Column) -> Result<()> {
        channels::check(column, Layout::Steps { steps: self.blocks.steps, channels: 1 })
    }

    fn width(&self) -> usize {
        self.blocks.width
    }

    fn declare(&self) -> Vec<Declared> {
        let Blocks { width, layers, kernel, .. } = self.blocks;
        let graph = [
            Declared::he(format!("{KIND}.graph.weight"), &[width, self.columns.len()]),
            Declared::new(format!("{KIND}.graph.bias"), &[width], Start::Zeros),
        ];
        let layer = |k: usize| {
            [
                Declared::glorot(format!("{KIND}.conv{}.weight", k + 1), &[2 * width, width, kernel]),
                Declared::new(format!("{KIND}.conv{}.bias", k + 1), &[2 * width], Start::Zeros),
            ]
        };
        graph.into_iter().chain((0..layers).flat_map(layer)).collect()
    }

    fn operations(&self) -> usize {
        let Blocks { width, layers, kernel, .. } = self.blocks;
        self.blocks.moments() * width * (self.columns.len() + layers * kernel * 2 * width)
    }

    fn read(&self, batch: &Batch, places: &[usize], rows: Range<usize>, into: &mut Read) -> Result<()> {
        let steps = self.blocks.steps;
        let vectors = places.iter().map(|&at| Ok((batch.vector(at)?, batch.column(at))));
        let vectors = vectors.collect::<Result<Vec<_>>>()?;
        for i in rows {
            let series: Vec<Option<&[f32]>> = vectors
                .iter()
                .map(|(values, array)| array.is_valid(i).then(|| &values[i * steps..(i + 1) * steps]))
                .collect();
            self.put(&series, &mut into.numbers);
        }
        Ok(())
    }

    fn read_row(&self, row: &Row, places: &[usize], into: &mut Read) -> Result<()> {
        let series = places.iter().map(|&at| match row.cells.get(at) {
            Some(Cell::Vector(values)) if values.len() == self.blocks.steps => Ok(Some(values.as_slice())),
            Some(Cell::Missing) => Ok(None),
            other => Err(Error::internal(format!("a series came as {other:?}"))),
        });
        self.put(&series.collect::<Result<Vec<_>>>()?, &mut into.numbers);
        Ok(())
    }

    fn forward(&self, read: &Read, pass: &Pass<'_>) -> Result<Tensor<2>> {
        let Blocks { width, layers, kernel, .. } = self.blocks;
        let (rows, steps) = (read.n_rows, self.blocks.moments());
        let x = pass.numbers(read.numbers.clone(), [rows * steps, self.columns.len()]);
        let mut h = linear(x, pass.parameter(0)?, pass.parameter(1)?, Some(Activation::Relu));
        for k in 0..layers {
            let (at, apart) = (PER_LAYER * (k + 1), 1 << k);
            // Nothing looks ahead: before the first moment there is nothing, and behind the last none is needed.
            let series: Tensor<3> = h.clone().reshape([rows, steps, width]);
            let padded = series.pad([(0, 0), ((kernel - 1) * apart, 0), (0, 0)], 0.0);
            let taps = (0..kernel).map(|tap| padded.clone().narrow(1, tap * apart, steps));
            let under: Tensor<3> = Tensor::cat(taps.collect(), 2);
            let weight = pass.parameter::<3>(at)?.permute([0, 2, 1]).reshape([2 * width, kernel * width]);
            let under = under.reshape([rows * steps, kernel * width]);
            let sums = linear(under, weight, pass.parameter(at + 1)?, None);
            let gate = activation::sigmoid(sums.clone().narrow(1, width, width));
            h = h + sums.narrow(1, 0, width) * gate;
        }
        let last: Tensor<3> = h.reshape([rows, steps, width]).narrow(1, steps - 1, 1);
        Ok(last.reshape([rows, width]))
    }

    fn by_hand(&self) -> Option<&dyn ByHand> {
        Some(self)
    }

    fn plain(&self, parameters: Part<'_>) -> Box<dyn Plain> {
        let Blocks { width, layers, kernel, .. } = self.blocks;
        let convolution = |k: usize| {
            let at = PER_LAYER * (k + 1);
            let weight = self.blocks.by_tap(parameters.array(at));
            Dense::new(&weight, parameters.array(at + 1), kernel * width)
        };
        Box::new(PlainSpaceTime {
            blocks: self.blocks.clone(),
            numbers: self.numbers(),
            graph: Dense::new(parameters.array(0), parameters.array(1), self.columns.len()),
            convolutions: (0..layers).map(convolution).collect(),
        })
    }

    fn state(&self) -> State {
        State::new(KIND, 1, Saved { columns: self.columns.clone(), blocks: self.blocks.clone() })
    }
}

/// What the way back needs: what the graph convolution gave, and of each convolution along time what came under its kernels, and its sums.
struct Trace {
    first: Vec<f32>,
    layers: Vec<[Vec<f32>; 2]>,
    last: Vec<f32>,
}

impl SpaceTime {
    fn trace(&self, read: &Read, parameters: Part<'_>) -> Trace {
        let n = read.n_rows * self.blocks.moments();
        let rows = |x: &[f32], weight: &[f32], at: usize, activation| {
            linear::rows(x, n, weight, parameters.array(at + 1), activation, None)
        };
        let first = rows(&read.numbers, parameters.array(0), 0, Some(Activation::Relu));
        let (mut last, mut layers) = (first.clone(), Vec::with_capacity(self.blocks.layers));
        for k in 0..self.blocks.layers {
            let at = PER_LAYER * (k + 1);
            let under = self.blocks.under(&last, k);
            let sums = rows(&under, &self.blocks.by_tap(parameters.array(at)), at, None);
            add_gated(&mut last, &sums, self.blocks.width);
            layers.push([under, sums]);
        }
        Trace { first, layers, last }
    }
}

/// The way there again costs less than to keep all of it from there to the way back.
impl ByHand for SpaceTime {
    fn run(&self, read: &Read, parameters: Part<'_>, _: &Chance, out: &mut [f32]) -> Kept {
        let (width, size) = (self.blocks.width, self.blocks.moments() * self.blocks.width);
        let rows = self.trace(read, parameters).last;
        let last = rows.chunks_exact(size).map(|row| &row[size - width..]);
        out.chunks_exact_mut(width).zip(last).for_each(|(out, last)| out.copy_from_slice(last));
        None
    }

    fn back(&self, read: &Read, parameters: Part<'_>, _: Kept, slopes: &[f32], gradient: &mut [f32]) {
        let Blocks { width, kernel, .. } = self.blocks;
        let (n, size) = (read.n_rows * self.blocks.moments(), self.blocks.moments() * width);
        let Trace { first, layers, .. } = self.trace(read, parameters);
        let mut back = vec![0.0; n * width];
        let last = back.chunks_exact_mut(size).map(|row| &mut row[size - width..]);
        last.zip(slopes.chunks_exact(width)).for_each(|(back, slopes)| back.copy_from_slice(slopes));
        let (of_graph, of_layers) = gradient.split_at_mut(width * (self.columns.len() + 1));
        let each = 2 * width * (width * kernel + 1);
        for (k, ([under, sums], gradient)) in
            layers.iter().zip(of_layers.chunks_exact_mut(each)).enumerate().rev()
        {
            let of_sums = back_gated(&back, sums, width);
            let rows = by_rows(&of_sums, n, 2 * width);
            let (weight, bias) = gradient.split_at_mut(each - 2 * width);
            let of_weight = product(rows.transpose(), by_rows(under, n, kernel * width));
            self.blocks.add_by_channel(&of_weight, weight);
            add_rows(bias, &of_sums);
            let own = self.blocks.by_tap(parameters.array(PER_LAYER * (k + 1)));
            self.blocks.back_under(&product(rows, by_rows(&own, 2 * width, kernel * width)), k, &mut back);
        }
        back.iter_mut().zip(&first).filter(|(_, x)| **x <= 0.0).for_each(|(slope, _)| *slope = 0.0);
        let (weight, bias) = of_graph.split_at_mut(width * self.columns.len());
        let of_weight =
            product(by_rows(&back, n, width).transpose(), by_rows(&read.numbers, n, self.columns.len()));
        weight.iter_mut().zip(of_weight).for_each(|(sum, x)| *sum += x);
        add_rows(bias, &back);
    }
}

struct PlainSpaceTime {
    blocks: Blocks,
    numbers: usize,
    graph: Dense,
    convolutions: Vec<Dense>,
}

impl PlainSpaceTime {
    fn row(&self, moments: &[f32], out: &mut [f32]) {
        let width = self.blocks.width;
        let mut h = vec![0.0; self.blocks.moments() * width];
        self.graph.apply(moments, &mut h);
        h.iter_mut().for_each(|x| *x = x.max(0.0));
        let mut sums = vec![0.0; 2 * h.len()];
        for (k, convolution) in self.convolutions.iter().enumerate() {
            convolution.apply(&self.blocks.under(&h, k), &mut sums);
            add_gated(&mut h, &sums, width);
        }
        out.copy_from_slice(&h[h.len() - width..]);
    }
}

impl Plain for PlainSpaceTime {
    fn run(&self, read: &Read, out: &mut [f32]) {
        let rows = read.numbers.chunks_exact(self.numbers).zip(out.chunks_exact_mut(self.blocks.width));
        rows.for_each(|(moments, out)| self.row(moments, out));
    }
}
