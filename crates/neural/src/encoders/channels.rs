//! Numbers of images and series, standardised channel by channel.

use arrow_array::Array;
use tidemill_core::{Cell, Column, Error, Kind, Layout, Result, Row, State};

use super::Lesson;
use crate::standard::{Standard, Sums};

/// What brings each channel of a column to mean 0 and spread 1. A row that is missing is one of means.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Channels {
    column: String,
    layout: Layout,
    standards: Vec<Standard>,
}

/// `(channels, numbers of a channel, whether the channel runs fastest)`
fn order(layout: Layout) -> (usize, usize, bool) {
    match layout {
        Layout::Image { channels, height, width } => (channels, height * width, false),
        Layout::Steps { steps, channels } => (channels, steps, true),
        Layout::Tokens { .. } | Layout::Point { .. } | Layout::Coordinate { .. } => (0, 0, true),
    }
}

impl Channels {
    /// Learns them from the training rows, or keeps those of an earlier net of as many channels.
    pub(super) fn learn(lesson: &Lesson<'_>, earlier: Option<&Channels>) -> Result<Self> {
        let column = lesson.column()?;
        let layout =
            column.layout.ok_or_else(|| Error::internal(format!("'{}' has no layout", column.name)))?;
        let (channels, each, fastest) = order(layout);
        let mut sums = vec![Sums::default(); channels];
        lesson.scan(|batch, weights| {
            let (values, array) = (batch.vector(lesson.places[0])?, batch.column(lesson.places[0]));
            for (i, (row, &weight)) in values.chunks_exact((channels * each).max(1)).zip(weights).enumerate()
            {
                if array.is_valid(i) {
                    let channel = |at: usize| if fastest { at % channels } else { at / each };
                    row.iter().enumerate().for_each(|(at, &x)| sums[channel(at)].add(f64::from(x), weight));
                }
            }
            Ok(())
        })?;
        let known = earlier.filter(|earlier| earlier.standards.len() == channels);
        let own = || sums.iter().map(Sums::standard).collect();
        let standards = known.map_or_else(own, |known| known.standards.clone());
        Ok(Channels { column: column.name.clone(), layout, standards })
    }

    /// The column's name.
    pub(super) fn column(&self) -> &str {
        &self.column
    }

    /// How a row's numbers lie in the column.
    pub(super) fn layout(&self) -> Layout {
        self.layout
    }

    /// Numbers of a row.
    pub(super) fn len(&self) -> usize {
        let (channels, each, _) = order(self.layout);
        channels * each
    }

    /// Adds a row to `into`, its channels running fastest.
    pub(super) fn put(&self, row: Option<&[f32]>, into: &mut Vec<f32>) {
        let Some(row) = row else { return into.resize(into.len() + self.len(), 0.0) };
        let (channels, each, fastest) = order(self.layout);
        for place in 0..each {
            for (c, standard) in self.standards.iter().enumerate() {
                let x = row[if fastest { place * channels + c } else { c * each + place }];
                let x = standard.apply(f64::from(x));
                into.push(if x.is_nan() { 0.0 } else { x });
            }
        }
    }

    /// Adds the row's cell to `into`, as [`Channels::put`].
    pub(super) fn put_cell(&self, row: &Row, place: usize, into: &mut Vec<f32>) -> Result<()> {
        match row.cells.get(place) {
            Some(Cell::Vector(values)) if values.len() == self.len() => self.put(Some(values), into),
            Some(Cell::Missing) => self.put(None, into),
            other => return Err(Error::internal(format!("'{}' came as {other:?}", self.column))),
        }
        Ok(())
    }

    /// Errors unless the column holds what it held in training.
    pub(super) fn check(&self, column: &Column) -> Result<()> {
        check(column, self.layout)
    }

    /// Adds them to a state.
    pub(super) fn save(&self, state: State) -> State {
        let centres: Vec<f64> = self.standards.iter().map(|s| s.centre).collect();
        let factors: Vec<f64> = self.standards.iter().map(|s| s.factor).collect();
        state.floats("centres", &centres).floats("factors", &factors)
    }

    /// Those of a state.
    pub(super) fn load(column: String, layout: Layout, state: &State) -> Result<Self> {
        let (channels, ..) = order(layout);
        let (centres, factors) =
            (state.floats_of("centres", channels)?, state.floats_of("factors", channels)?);
        let standards = centres.iter().zip(factors).map(|(&centre, &factor)| Standard { centre, factor });
        Ok(Channels { column, layout, standards: standards.collect() })
    }
}

/// Errors unless `column` is a dense vector of this layout.
pub(super) fn check(column: &Column, layout: Layout) -> Result<()> {
    match (column.kind, column.layout) {
        (Kind::Vector { sparse: false, .. }, Some(found)) if found == layout => Ok(()),
        (Kind::Vector { sparse: false, .. }, found) => Err(Error::data(
            format!("the numbers of '{}' lie as {found:?}, the model was fitted on {layout:?}", column.name),
            "prepare the column as it was prepared for training",
        )),
        (found, _) => {
            let wanted = "a dense vector".into();
            Err(Error::WrongKind { column: column.name.clone(), found, wanted })
        }
    }
}

/// Whether `column` is a dense vector with a layout that `fits`, and holds at least one number.
pub(super) fn takes(column: &Column, fits: fn(Layout) -> bool) -> bool {
    matches!(column.kind, Kind::Vector { sparse: false, len } if len > 0) && column.layout.is_some_and(fits)
}
