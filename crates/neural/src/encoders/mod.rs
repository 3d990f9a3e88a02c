//! The ways of columns into a net: one file each, and a line in [`SORTS`].

mod augment;
mod blocks;
mod categories;
mod channels;
mod image;
pub(crate) mod neighbors;
pub(crate) mod noise;
mod numbers;
mod recurrent;
pub(crate) mod spacetime;
mod sparse;
mod steps;
mod tokens;
mod transformer;
mod vectors;

pub use augment::Augment;
pub use image::Images;
pub use noise::Noise;
pub use steps::{Series, SeriesNet};
pub use tokens::Tokens;

use std::any::Any;
use std::ops::Range;

use burn::tensor::Tensor;
use tidemill_core::{Batch, Column, Context, Error, Result, Role, Row, Schema, Source, State};
use tidemill_kernel::Random;

use crate::NeuralNet;
use crate::graph::{Chance, Pass};
use crate::parameters::{Declared, Part};

/// Every sort of encoder. A column goes to the first that takes it; one that nobody takes is not read.
pub(crate) const SORTS: &[Sort] = &[
    numbers::SORT,
    categories::SORT,
    image::SORT,
    steps::SORT,
    tokens::SORT,
    vectors::SORT,
    sparse::SORT,
    neighbors::SORT,
    spacetime::SORT,
];

/// One line of the list.
pub(crate) struct Sort {
    /// The kind under which it is saved.
    pub kind: &'static str,
    /// Whether a feature column is for it.
    pub takes: fn(&Column) -> bool,
    /// Whether one encoder reads all such columns, or each has its own.
    pub together: bool,
    /// Learns from the training rows.
    pub learn: fn(&Lesson<'_>) -> Result<Box<dyn Encoder>>,
    /// Reads what [`Encoder::state`] saved; must refuse anything that is not whole.
    pub load: fn(&State) -> Result<Box<dyn Encoder>>,
}

/// What an encoder learns from.
pub(crate) struct Lesson<'a> {
    /// The training rows.
    pub source: &'a dyn Source,
    /// The places of its columns in the schema; one unless its sort takes them together.
    pub places: &'a [usize],
    /// The learner's parameters.
    pub options: &'a NeuralNet,
    /// The encoders of a net to go on from.
    pub earlier: &'a [Box<dyn Encoder>],
    /// For cancellation and warnings.
    pub context: &'a Context,
}

impl<'a> Lesson<'a> {
    /// What an earlier net reads this column by, where it does so by an `E`.
    pub(crate) fn earlier<E: Encoder>(&self, column: &str) -> Option<&'a E> {
        let own = |e: &'a dyn Encoder| (e as &dyn Any).downcast_ref::<E>();
        self.earlier.iter().filter_map(|e| own(&**e)).find(|e| e.columns().contains(&column))
    }

    /// The columns to learn.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &Column> {
        self.places.iter().map(|&at| &self.source.schema().columns()[at])
    }

    /// Its only column. Errors when there is none.
    pub(crate) fn column(&self) -> Result<&Column> {
        self.columns().next().ok_or_else(|| Error::internal("an encoder without a column"))
    }

    /// Calls `see` with every batch of the training rows and the weight of each of its rows.
    pub(crate) fn scan(&self, mut see: impl FnMut(&Batch, &[f64]) -> Result<()>) -> Result<()> {
        for batch in self.source.scan()? {
            self.context.check()?;
            let batch = batch?;
            let weights = batch.weights()?.unwrap_or_else(|| vec![1.0; batch.n_rows()]);
            see(&batch, &weights)?;
        }
        Ok(())
    }
}

/// What an encoder has read of some rows, one row after the other: numbers, places in a table, or both.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Read {
    /// How many rows.
    pub n_rows: usize,
    /// Numbers, ready for the net (standardised, missing ones filled in).
    pub numbers: Vec<f32>,
    /// Places in a table of parameters: codes, tokens, columns of a sparse row.
    pub codes: Vec<u32>,
    /// Where rows have different lengths: the end of each row within `codes`.
    pub ends: Vec<usize>,
}

impl Read {
    /// No row any more; keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.n_rows = 0;
        self.numbers.clear();
        self.codes.clear();
        self.ends.clear();
    }
}

/// The way of one column (or of all columns of one sort) into a net.
///
/// `forward` is the way in training, with gradients; [`Encoder::plain`] the same function without burn, to within
/// 1e-5. Neither may look at another row of the batch (no batch statistics): rows come in shards of any size.
pub(crate) trait Encoder: Any + Send + Sync {
    /// The names of the columns it reads.
    fn columns(&self) -> Vec<&str>;

    /// The column that number `at` of a row comes from, as read: for errors.
    fn column_of(&self, _at: usize) -> &str {
        self.columns().first().copied().unwrap_or_default()
    }

    /// Errors unless `column` (the `i`-th of [`Encoder::columns`]) holds what it held in training.
    fn check(&self, i: usize, column: &Column) -> Result<()>;

    /// The places of its columns in a schema. Errors name the one that is missing or holds something else.
    fn bind(&self, schema: &Schema) -> Result<Vec<usize>> {
        let place = |(i, name): (usize, &str)| {
            let at = schema.index(name)?;
            self.check(i, &schema.columns()[at])?;
            Ok(at)
        };
        self.columns().into_iter().enumerate().map(place).collect()
    }

    /// How many numbers a row becomes.
    fn width(&self) -> usize;

    /// A name for each of them, by which a net that goes on from this one finds it; none where they mean nothing beside another table.
    fn parts(&self) -> Option<Vec<String>> {
        let (kind, column) = (self.state().kind, self.column_of(0).to_string());
        Some((0..self.width()).map(|at| format!("{kind}/{column}/{at}")).collect())
    }

    /// Where the rows of its first array stand for something that other tables may not have, what they stand for.
    fn rows(&self) -> Option<Vec<String>> {
        None
    }

    /// The parameters it learns, in an order of its own; their names start with what tells it from other encoders.
    fn declare(&self) -> Vec<Declared>;

    /// Multiplications that a row takes, of the longest where rows differ; by default each parameter counts once.
    fn operations(&self) -> usize {
        self.declare().iter().map(Declared::len).sum()
    }

    /// Adds `rows` of a batch to `into`; `places` are those of its columns. The caller counts `n_rows`.
    fn read(&self, batch: &Batch, places: &[usize], rows: Range<usize>, into: &mut Read) -> Result<()>;

    /// Adds one row to `into`, the same numbers as [`Encoder::read`]. The caller counts `n_rows`.
    fn read_row(&self, row: &Row, places: &[usize], into: &mut Read) -> Result<()>;

    /// Makes what was read of some training rows a little wrong; the default leaves it as it is.
    fn corrupt(&self, _read: &mut Read, _noise: &Noise, _random: &mut Random) {}

    /// What the rows become: `[rows, width]`. `pass` gives its parameters, by their place in [`Encoder::declare`].
    fn forward(&self, read: &Read, pass: &Pass<'_>) -> Result<Tensor<2>>;

    /// The same in training without a graph, where the backward pass is simple enough to be written down.
    fn by_hand(&self) -> Option<&dyn ByHand> {
        None
    }

    /// The same without burn, parameters laid out for speed.
    fn plain(&self, parameters: Part<'_>) -> Box<dyn Plain>;

    /// What was learned besides the parameters; its kind is that of the sort.
    fn state(&self) -> State;
}

/// An encoder that goes forwards and back without a graph: beside products of few rows, a graph costs most of the time.
pub(crate) trait ByHand: Sync {
    /// As [`Plain::run`] in training, with the parameters as they lie; what is left to chance follows from `chance`. Gives what the way
    /// back needs.
    fn run(&self, read: &Read, parameters: Part<'_>, chance: &Chance, out: &mut [f32]) -> Kept;

    /// From the gradients of a loss in what came out, row after row, to those in the parameters: added to `gradient`, all of the
    /// encoder's arrays one after the other.
    fn back(&self, read: &Read, parameters: Part<'_>, kept: Kept, slopes: &[f32], gradient: &mut [f32]);
}

/// What an encoder of layers keeps on its way there; one that only looks up keeps nothing.
pub(crate) type Kept = Option<Box<neighbors::Trace>>;

/// An encoder that has learned all it will, in plain Rust.
pub(crate) trait Plain: Send + Sync {
    /// What the rows become, row after row, into `out`: `read.n_rows * width` numbers. A row gives the same bits
    /// whichever rows are beside it.
    fn run(&self, read: &Read, out: &mut [f32]);

    /// Of each row, the share of each of its tokens in what it becomes; `None` where nothing attends to anything.
    fn attention(&self, _read: &Read) -> Option<Vec<Vec<f32>>> {
        None
    }

    /// What it says of each place of the images of which it gives the mean; `None` for one that gives none.
    fn places(&self, _read: &Read) -> Option<Places> {
        None
    }
}

/// What an encoder says of the places of images.
pub(crate) struct Places {
    /// Rows and columns of places.
    pub grid: [usize; 2],
    /// Of each image, as many numbers for each place as it becomes.
    pub rows: Vec<Vec<f32>>,
}

/// Encoders that give their numbers as they are read.
pub(crate) struct AsRead;

impl Plain for AsRead {
    fn run(&self, read: &Read, out: &mut [f32]) {
        out.copy_from_slice(&read.numbers);
    }
}

/// The encoders of a table's features, in the order of the list; what those of an earlier net have learned of a column stays.
pub(crate) fn learn(
    source: &dyn Source,
    options: &NeuralNet,
    earlier: &[Box<dyn Encoder>],
    context: &Context,
) -> Result<Vec<Box<dyn Encoder>>> {
    let mut encoders = Vec::new();
    for (s, sort) in SORTS.iter().enumerate() {
        let first = |column: &Column| SORTS.iter().position(|sort| (sort.takes)(column));
        let places = source.schema().places(|c| c.role == Role::Feature && first(c) == Some(s));
        let lots: Vec<&[usize]> = match sort.together {
            true if places.is_empty() => Vec::new(),
            true => vec![places.as_slice()],
            false => places.chunks(1).collect(),
        };
        for places in lots {
            encoders.push((sort.learn)(&Lesson { source, places, options, earlier, context })?);
        }
    }
    Ok(encoders)
}

/// The encoder that was saved as `state`.
pub(crate) fn load(state: &State) -> Result<Box<dyn Encoder>> {
    match SORTS.iter().find(|sort| sort.kind == state.kind) {
        Some(sort) => {
            state.check_version(1)?;
            (sort.load)(state)
        }
        None => Err(Error::state(&state.kind, "this build knows no such encoder")),
    }
}
