//! A picture: a small convolutional net.

use std::ops::Range;

use arrow_array::Array;
use burn::tensor::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{Batch, Column, Error, KeyPath, Layout, Result, Row, State};

use super::augment::Augment;
use super::blocks::{Blocks, PlainBlocks};
use super::channels::{self, Channels};
use super::{Encoder, Lesson, Places, Plain, Read, Sort};
use crate::graph::Pass;
use crate::parameters::{Declared, Part};

pub(super) const SORT: Sort = Sort { kind: KIND, takes, together: false, learn, load };
const KIND: &str = "images";
/// Rows and columns of every kernel.
const KERNEL: [usize; 2] = [3, 3];

/// How images come into a net.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Images {
    /// The filters of each block of convolution (3 by 3), group norm, rectifier and pooling, which halves the image. What the
    /// last says of all places is averaged.
    pub filters: Vec<usize>,
    /// How images are varied in training.
    pub augment: Augment,
}

impl Default for Images {
    fn default() -> Self {
        Images { filters: vec![32, 64, 128], augment: Augment::default() }
    }
}

impl Images {
    pub(crate) fn check(&self) -> Result<(), KeyPath> {
        if self.filters.is_empty() || self.filters.iter().any(|f| !(1..=4096).contains(f)) {
            let problem = format!("are {:?}, but must be one or more, each from 1 to 4096", self.filters);
            return Err(KeyPath::new("filters", problem));
        }
        self.augment.check().map_err(|e| KeyPath::new(format!("augment.{}", e.path), e.problem))
    }
}

fn takes(column: &Column) -> bool {
    channels::takes(column, |layout| matches!(layout, Layout::Image { .. }))
}

struct Image {
    channels: Channels,
    size: [usize; 3],
    options: Images,
    blocks: Blocks,
}

#[derive(Serialize, Deserialize)]
struct Saved {
    column: String,
    layout: Layout,
    options: Images,
}

fn learn(lesson: &Lesson<'_>) -> Result<Box<dyn Encoder>> {
    Ok(Box::new(Image::new(Channels::learn(lesson, known(lesson)?)?, lesson.options.images.clone())?))
}

fn known<'a>(lesson: &Lesson<'a>) -> Result<Option<&'a Channels>> {
    Ok(lesson.earlier::<Image>(&lesson.column()?.name).map(|earlier| &earlier.channels))
}

fn load(state: &State) -> Result<Box<dyn Encoder>> {
    let Saved { column, layout, options } = state.params()?;
    options.check().map_err(|e| Error::state(&state.kind, format!("{}: {}", e.path, e.problem)))?;
    Ok(Box::new(Image::new(Channels::load(column, layout, state)?, options)?))
}

impl Image {
    fn new(channels: Channels, options: Images) -> Result<Self> {
        let Layout::Image { channels: planes, height, width } = channels.layout() else {
            return Err(Error::internal(format!("'{}' is not an image", channels.column())));
        };
        let size = [height, width, planes];
        Ok(Image { channels, size, blocks: Blocks::new(size, &options.filters, KERNEL), options })
    }
}

impl Encoder for Image {
    fn columns(&self) -> Vec<&str> {
        vec![self.channels.column()]
    }

    fn check(&self, _: usize, column: &Column) -> Result<()> {
        self.channels.check(column)
    }

    fn width(&self) -> usize {
        self.blocks.width()
    }

    fn declare(&self) -> Vec<Declared> {
        self.blocks.declare(&format!("{KIND}.{}", self.channels.column()))
    }

    fn operations(&self) -> usize {
        self.blocks.operations()
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
        let pictures = match pass.random() {
            Some(mut random) => self.options.augment.apply(&read.numbers, self.size, &mut random),
            None => read.numbers.clone(),
        };
        let [height, width, channels] = self.size;
        self.blocks.forward(pass.numbers(pictures, [read.n_rows, height, width, channels]), pass)
    }

    fn plain(&self, parameters: Part<'_>) -> Box<dyn Plain> {
        Box::new(PlainImage { per_row: self.channels.len(), blocks: self.blocks.plain(parameters) })
    }

    fn state(&self) -> State {
        let (column, layout) = (self.channels.column().to_owned(), self.channels.layout());
        self.channels.save(State::new(KIND, 1, Saved { column, layout, options: self.options.clone() }))
    }
}

struct PlainImage {
    per_row: usize,
    blocks: PlainBlocks,
}

impl Plain for PlainImage {
    fn run(&self, read: &Read, out: &mut [f32]) {
        let width = out.len() / read.n_rows.max(1);
        let rows = read.numbers.chunks_exact(self.per_row).zip(out.chunks_exact_mut(width.max(1)));
        rows.for_each(|(picture, out)| self.blocks.row(picture, out));
    }

    fn places(&self, read: &Read) -> Option<Places> {
        let rows = read.numbers.chunks_exact(self.per_row).map(|picture| self.blocks.places(picture));
        Some(Places { grid: self.blocks.grid(), rows: rows.collect() })
    }
}
