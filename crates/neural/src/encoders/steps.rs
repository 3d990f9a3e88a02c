//! A series of moments: LSTM, GRU, or convolution along time.

use std::ops::Range;

use arrow_array::Array;
use burn::tensor::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{Batch, Column, Error, KeyPath, Layout, Result, Row, State};

use super::blocks::{Blocks, PlainBlocks};
use super::channels::{self, Channels};
use super::recurrent::PlainRecurrent;
use super::{Encoder, Lesson, Plain, Read, Sort};
use crate::graph::Pass;
use crate::ops::recurrent::Weights;
use crate::ops::{gru, lstm};
use crate::parameters::{Declared, Part, Start};

pub(super) const SORT: Sort = Sort { kind: KIND, takes, together: false, learn, load };
const KIND: &str = "series";
/// Moments under the kernel of a convolution.
const KERNEL: [usize; 2] = [1, 5];

/// What reads a series.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SeriesNet {
    /// Long short-term memory (Hochreiter and Schmidhuber 1997); its last state.
    #[default]
    Lstm,
    /// Gated recurrent units (Cho et al. 2014); their last state.
    Gru,
    /// Blocks of convolution over 5 moments, group norm, rectifier and pooling, which halves the series; averaged at the end.
    Cnn,
}

/// How series come into a net.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Series {
    /// What reads them.
    pub net: SeriesNet,
    /// Numbers of a state, or filters of a block; from 1 to 4096.
    pub width: usize,
    /// Layers or blocks, one above the other; from 1 to 16.
    pub layers: usize,
}

impl Default for Series {
    fn default() -> Self {
        Series { net: SeriesNet::Lstm, width: 64, layers: 1 }
    }
}

impl Series {
    pub(crate) fn check(&self) -> Result<(), KeyPath> {
        for (key, value, most) in [("width", self.width, 4096), ("layers", self.layers, 16)] {
            if !(1..=most).contains(&value) {
                return Err(KeyPath::new(key, format!("is {value}, but must be from 1 to {most}")));
            }
        }
        Ok(())
    }
}

fn takes(column: &Column) -> bool {
    channels::takes(column, |layout| matches!(layout, Layout::Steps { .. }))
}

struct Steps {
    channels: Channels,
    steps: usize,
    n_channels: usize,
    options: Series,
}

#[derive(Serialize, Deserialize)]
struct Saved {
    column: String,
    layout: Layout,
    options: Series,
}

fn learn(lesson: &Lesson<'_>) -> Result<Box<dyn Encoder>> {
    Ok(Box::new(Steps::new(Channels::learn(lesson, known(lesson)?)?, lesson.options.series.clone())?))
}

fn known<'a>(lesson: &Lesson<'a>) -> Result<Option<&'a Channels>> {
    Ok(lesson.earlier::<Steps>(&lesson.column()?.name).map(|earlier| &earlier.channels))
}

fn load(state: &State) -> Result<Box<dyn Encoder>> {
    let Saved { column, layout, options } = state.params()?;
    options.check().map_err(|e| Error::state(&state.kind, format!("{}: {}", e.path, e.problem)))?;
    Ok(Box::new(Steps::new(Channels::load(column, layout, state)?, options)?))
}

impl Steps {
    fn new(channels: Channels, options: Series) -> Result<Self> {
        let Layout::Steps { steps, channels: n_channels } = channels.layout() else {
            return Err(Error::internal(format!("'{}' is not a series", channels.column())));
        };
        Ok(Steps { channels, steps, n_channels, options })
    }

    fn blocks(&self) -> Blocks {
        Blocks::new([1, self.steps, self.n_channels], &vec![self.options.width; self.options.layers], KERNEL)
    }

    /// Gates of a recurrent layer; none of a convolution.
    fn gates(&self) -> usize {
        match self.options.net {
            SeriesNet::Lstm => 4,
            SeriesNet::Gru => 3,
            SeriesNet::Cnn => 0,
        }
    }

    /// The name of the net, and for each layer the numbers that come in.
    fn layers(&self) -> impl Iterator<Item = usize> + '_ {
        std::iter::once(self.n_channels)
            .chain(std::iter::repeat(self.options.width))
            .take(self.options.layers)
    }

    fn declare_recurrent(&self, prefix: &str) -> Vec<Declared> {
        let (gates, width) = (self.gates() * self.options.width, self.options.width);
        let start = Start::Uniform(1.0 / (width as f32).sqrt());
        let layer = |(k, channels)| {
            [
                Declared::new(format!("{prefix}.weight_ih_l{k}"), &[gates, channels], start),
                Declared::new(format!("{prefix}.weight_hh_l{k}"), &[gates, width], start),
                Declared::new(format!("{prefix}.bias_ih_l{k}"), &[gates], Start::Zeros),
                Declared::new(format!("{prefix}.bias_hh_l{k}"), &[gates], Start::Zeros),
            ]
        };
        self.layers().enumerate().flat_map(layer).collect()
    }

    fn forward_recurrent(&self, mut series: Tensor<3>, pass: &Pass<'_>) -> Result<Tensor<2>> {
        for k in 0..self.options.layers {
            let weights = Weights {
                input: pass.parameter(4 * k)?,
                hidden: pass.parameter(4 * k + 1)?,
                input_bias: pass.parameter(4 * k + 2)?,
                hidden_bias: pass.parameter(4 * k + 3)?,
            };
            let last = k + 1 == self.options.layers;
            series = match self.options.net {
                SeriesNet::Gru => gru::gru(series, weights, last),
                _ => lstm::lstm(series, weights, last),
            };
        }
        let [rows, ..] = series.dims();
        Ok(series.reshape([rows, self.options.width]))
    }
}

impl Encoder for Steps {
    fn columns(&self) -> Vec<&str> {
        vec![self.channels.column()]
    }

    fn check(&self, _: usize, column: &Column) -> Result<()> {
        self.channels.check(column)
    }

    fn width(&self) -> usize {
        self.options.width
    }

    fn declare(&self) -> Vec<Declared> {
        let prefix = format!("{KIND}.{}", self.channels.column());
        match self.options.net {
            SeriesNet::Lstm => self.declare_recurrent(&format!("{prefix}.lstm")),
            SeriesNet::Gru => self.declare_recurrent(&format!("{prefix}.gru")),
            SeriesNet::Cnn => self.blocks().declare(&prefix),
        }
    }

    fn operations(&self) -> usize {
        let width = self.options.width;
        match self.options.net {
            SeriesNet::Cnn => self.blocks().operations(),
            _ => self.layers().map(|inputs| self.steps * self.gates() * width * (inputs + width)).sum(),
        }
    }

    fn read(&self, batch: &Batch, places: &[usize], rows: Range<usize>, into: &mut Read) -> Result<()> {
        let (values, array, len) = (batch.vector(places[0])?, batch.column(places[0]), self.channels.len());
        for i in rows {
            self.channels.put(array.is_valid(i).then(|| &values[i * len..(i + 1) * len]), &mut into.numbers);
        }
        Ok(())
    }

    fn read_row(&self, row: &Row, places: &[usize], into: &mut Read) -> Result<()> {
        self.channels.put_cell(row, places[0], &mut into.numbers)
    }

    fn forward(&self, read: &Read, pass: &Pass<'_>) -> Result<Tensor<2>> {
        let (rows, numbers) = (read.n_rows, read.numbers.clone());
        match self.options.net {
            SeriesNet::Cnn => {
                self.blocks().forward(pass.numbers(numbers, [rows, 1, self.steps, self.n_channels]), pass)
            }
            _ => self.forward_recurrent(pass.numbers(numbers, [rows, self.steps, self.n_channels]), pass),
        }
    }

    fn plain(&self, parameters: Part<'_>) -> Box<dyn Plain> {
        match self.options.net {
            SeriesNet::Cnn => Box::new(PlainCnn(self.channels.len(), self.blocks().plain(parameters))),
            _ => {
                let layers: Vec<usize> = self.layers().collect();
                Box::new(PlainRecurrent::new(
                    self.gates(),
                    self.steps,
                    &layers,
                    self.options.width,
                    parameters,
                ))
            }
        }
    }

    fn state(&self) -> State {
        let (column, layout) = (self.channels.column().to_owned(), self.channels.layout());
        self.channels.save(State::new(KIND, 1, Saved { column, layout, options: self.options.clone() }))
    }
}

struct PlainCnn(usize, PlainBlocks);

impl Plain for PlainCnn {
    fn run(&self, read: &Read, out: &mut [f32]) {
        let width = out.len() / read.n_rows.max(1);
        let rows = read.numbers.chunks_exact(self.0).zip(out.chunks_exact_mut(width.max(1)));
        rows.for_each(|(series, out)| self.1.row(series, out));
    }
}
