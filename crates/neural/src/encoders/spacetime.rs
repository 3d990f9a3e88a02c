//! The recent past of a place and of those around it: a graph convolution at each moment, and gated convolutions along time behind it.

use std::ops::Range;

use arrow_array::Array;
use burn::tensor::{Tensor, activation};
use serde::{Deserialize, Serialize};
use tidemill_core::{Batch, Cell, Column, Error, Layout, Result, Row, State};

use super::{Encoder, Lesson, Plain, Read, Sort, channels};
use crate::body::Activation;
use crate::dense::Dense;
use crate::graph::Pass;
use crate::math::sigmoid;
use crate::ops::linear::linear;
use crate::parameters::{Declared, Part, Start};

/// It takes no column by itself: the learner that forecasts panels makes it.
pub(super) const SORT: Sort = Sort { kind: KIND, takes: |_| false, together: true, learn, load };
const KIND: &str = "spacetime";

fn learn(_: &Lesson<'_>) -> Result<Box<dyn Encoder>> {
    Err(Error::internal("an encoder of space and time is made by its learner"))
}

/// The sizes of the blocks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Blocks {
    /// Moments of a series.
    pub(crate) steps: usize,
    /// Numbers of a moment behind the graph convolution and each convolution along time.
    pub(crate) width: usize,
    /// Convolutions along time; each reaches twice as far back as the one before.
    pub(crate) layers: usize,
    /// Moments under a kernel.
    pub(crate) kernel: usize,
    /// The share of what comes out that training drops.
    pub(crate) dropout: f64,
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
        self.blocks.steps * self.columns.len()
    }

    /// Adds the moments of a row, its series side by side, in units of the changes of the first. A series that is missing stands at the
    /// level of the first.
    fn put(&self, series: &[Option<&[f32]>], into: &mut Vec<f32>) {
        let (mean, size) = level(series.first().copied().flatten().unwrap_or_default());
        for t in 0..self.blocks.steps {
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
        let Blocks { steps, width, layers, kernel, .. } = self.blocks;
        steps * width * (self.columns.len() + layers * kernel * 2 * width)
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
        let Blocks { steps, width, layers, kernel, dropout } = self.blocks;
        let rows = read.n_rows;
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
        Ok(pass.dropout(last.reshape([rows, width]), dropout as f32))
    }

    fn plain(&self, parameters: Part<'_>) -> Box<dyn Plain> {
        let Blocks { width, layers, kernel, .. } = self.blocks;
        let convolution = |k: usize| {
            let weight = parameters.array(PER_LAYER * (k + 1));
            // From `[outputs, channels, taps]` to taps before channels, as moments lie.
            let mut by_tap = vec![0.0; weight.len()];
            for (o, filter) in weight.chunks_exact(width * kernel).enumerate() {
                for (i, x) in filter.iter().enumerate() {
                    by_tap[o * width * kernel + (i % kernel) * width + i / kernel] = *x;
                }
            }
            Dense::new(&by_tap, parameters.array(PER_LAYER * (k + 1) + 1), kernel * width)
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

struct PlainSpaceTime {
    blocks: Blocks,
    numbers: usize,
    graph: Dense,
    convolutions: Vec<Dense>,
}

impl PlainSpaceTime {
    fn row(&self, moments: &[f32], out: &mut [f32]) {
        let Blocks { steps, width, kernel, .. } = self.blocks;
        let mut h = vec![0.0; steps * width];
        self.graph.apply(moments, &mut h);
        h.iter_mut().for_each(|x| *x = x.max(0.0));
        let (mut under, mut sums) = (vec![0.0; steps * kernel * width], vec![0.0; steps * 2 * width]);
        for (k, convolution) in self.convolutions.iter().enumerate() {
            for (t, under) in under.chunks_exact_mut(kernel * width).enumerate() {
                for (tap, part) in under.chunks_exact_mut(width).enumerate() {
                    match t.checked_sub((kernel - 1 - tap) << k) {
                        Some(then) => part.copy_from_slice(&h[then * width..(then + 1) * width]),
                        None => part.fill(0.0),
                    }
                }
            }
            convolution.apply(&under, &mut sums);
            for (h, sums) in h.chunks_exact_mut(width).zip(sums.chunks_exact(2 * width)) {
                let (values, gates) = sums.split_at(width);
                h.iter_mut()
                    .zip(values.iter().zip(gates))
                    .for_each(|(h, (x, gate))| *h += x * sigmoid(*gate));
            }
        }
        out.copy_from_slice(&h[(steps - 1) * width..]);
    }
}

impl Plain for PlainSpaceTime {
    fn run(&self, read: &Read, out: &mut [f32]) {
        let rows = read.numbers.chunks_exact(self.numbers).zip(out.chunks_exact_mut(self.blocks.width));
        rows.for_each(|(moments, out)| self.row(moments, out));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::device::Arithmetic;
    use crate::graph::{Leaves, numbers_of};
    use crate::parameters::Parameters;

    fn floats(value: &Value) -> Vec<f32> {
        value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect()
    }

    fn near(found: &[f32], wanted: &[f32], what: &str) {
        assert_eq!(found.len(), wanted.len(), "{what}");
        for (i, (f, w)) in found.iter().zip(wanted).enumerate() {
            assert!((f - w).abs() <= 1e-5 * w.abs().max(1.0), "{what}, number {i}: {f} and {w}");
        }
    }

    #[test]
    fn blocks_and_their_gradients_are_those_of_pytorch() {
        let all: Value = serde_json::from_str(include_str!("../../tests/reference/stcn.json")).unwrap();
        let size = |name: &str| all[name].as_u64().unwrap() as usize;
        let blocks = Blocks {
            steps: size("steps"),
            width: size("width"),
            layers: size("layers"),
            kernel: size("kernel"),
            dropout: 0.0,
        };
        let columns = (0..size("channels")).map(|c| format!("series {c}")).collect();
        let encoder = SpaceTime::new(columns, blocks);
        let mut parameters = Parameters::start(encoder.declare(), 0);
        let read_all = |key: &str| all[key].as_array().unwrap().iter().flat_map(floats).collect::<Vec<f32>>();
        let stored = read_all("parameters");
        assert_eq!(stored.len(), parameters.values.len());
        parameters.values = stored;
        let read = Read { n_rows: size("rows"), numbers: floats(&all["x"]), ..Read::default() };
        let wanted = floats(&all["outputs"]);
        let mut plain = vec![0.0; wanted.len()];
        encoder.plain(parameters.part(0)).run(&read, &mut plain);
        near(&plain, &wanted, "row by row");
        let leaves = Leaves::of(&parameters, parameters.declared().len(), &Arithmetic::plain());
        let composed = numbers_of(encoder.forward(&read, &leaves.pass()).unwrap()).unwrap();
        near(&composed, &wanted, "together");
        let tracked = leaves.tracked();
        let pass = tracked.pass();
        let weights = pass.numbers(floats(&all["slopes"]), [size("rows"), size("width")]);
        let loss = (encoder.forward(&read, &pass).unwrap() * weights).sum();
        near(&tracked.gradient(&loss).unwrap(), &read_all("gradients"), "gradient");
    }

    #[test]
    fn a_window_is_measured_by_its_own_level_and_changes() {
        let blocks = Blocks { steps: 4, width: 2, layers: 1, kernel: 2, dropout: 0.0 };
        let encoder = SpaceTime::new(vec!["own".into(), "others".into()], blocks);
        let (own, others) = ([10.0, 12.0, 8.0, 10.0], [20.0, 22.0, 18.0, 20.0]);
        let put = |factor: f32, others: Option<&[f32]>| {
            let (mut into, own) = (Vec::new(), own.map(|x| factor * x));
            encoder.put(&[Some(&own), others], &mut into);
            into
        };
        // The unit does not matter.
        near(&put(5.0, Some(&others.map(|x| 5.0 * x))), &put(1.0, Some(&others)), "five times");
        let alone = put(1.0, None);
        assert!(alone.iter().skip(1).step_by(2).all(|x| *x == 0.0), "{alone:?}");
        assert_eq!(level(&[]), (0.0, 1.0));
        assert_eq!(level(&[3.0, 3.0]), (3.0, 0.03));
    }
}
