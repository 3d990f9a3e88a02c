//! Steps that read places. What they share: a column of points becomes numbers, and perhaps another point, place by place.

mod geo_features;
mod nearby;
mod nearest_rows;
mod point_coordinates;
mod points_from_xy;
mod project;

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array};
use rayon::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tidemill_core::{
    Batch, Cell, Column, Columns, Error, Fitted, Kind, Layout, Result, Row, Run, Schema, State, TensorData,
    point_column,
};
use tidemill_kernel::geo::{Metric, Place};

pub use geo_features::{GeoFeatures, Layer};
pub use nearest_rows::NearestRows;
pub use point_coordinates::PointCoordinates;
pub use points_from_xy::PointsFromXy;
pub use project::{Project, To};

use crate::mapping::{unique, wrong_cell};

/// The columns of points to work on; it is an error where there is none.
fn points(columns: &Columns, schema: &Schema, step: &str) -> Result<Vec<usize>> {
    let places = columns.places(schema, "a point", |c| c.kind == Kind::Point)?;
    if places.is_empty() {
        let problem = format!("step '{step}' reads places, and no column says where the rows are");
        return Err(Error::data(
            problem,
            "name the columns of longitude and latitude (or x and y): [data] point = [\"lon\", \"lat\"]",
        ));
    }
    Ok(places)
}

/// How the points of a column are measured.
fn metric_of(column: &Column) -> Metric {
    Metric { degrees: !matches!(column.layout, Some(Layout::Point { degrees: false })) }
}

/// What is learned of one column of points.
trait OfPoints: Send + Sync + Sized + 'static {
    /// Everything of it that is not a tensor.
    type Notes: Serialize + DeserializeOwned;

    /// The name of the column.
    fn column(&self) -> &str;

    fn notes(&self) -> Self::Notes;

    /// Its numbers, by name.
    fn tensors(&self) -> Vec<(String, Vec<usize>, Vec<f64>)> {
        Vec::new()
    }

    /// What [`OfPoints::notes`] and [`OfPoints::tensors`] saved; refuses what is not whole.
    fn load(notes: Self::Notes, tensor: &mut dyn FnMut(&str) -> Result<Vec<f64>>) -> Result<Self>;

    /// What the point becomes; `None` where it goes.
    fn point(&self, input: &Column) -> Option<Column>;

    /// The endings of the names of the numbers.
    fn endings(&self) -> Vec<String>;

    /// The point and the numbers of a place; `NaN` for one that is missing.
    fn read(&self, place: Option<Place>) -> (Option<Place>, Vec<f64>);
}

/// A fitted step of columns of points.
struct Reads<L> {
    kind: &'static str,
    version: u32,
    columns: Vec<L>,
}

impl<L: OfPoints> Reads<L> {
    fn load(kind: &'static str, version: u32, state: &State) -> Result<Arc<dyn Fitted>> {
        state.check_version(version)?;
        let notes: Vec<L::Notes> = state.params()?;
        let columns = notes.into_iter().enumerate().map(|(i, notes)| {
            L::load(notes, &mut |name| {
                let name = format!("{i}_{name}");
                match state.tensors.get(&name).map(|tensor| &tensor.data) {
                    Some(TensorData::F64(values)) => Ok(values.clone()),
                    _ => Err(Error::state(kind, format!("no numbers '{name}'"))),
                }
            })
        });
        Ok(Arc::new(Reads { kind, version, columns: columns.collect::<Result<Vec<L>>>()? }))
    }

    /// By place in the input: what is read of the column there.
    fn resolve(&self, input: &Schema) -> Result<Vec<Option<usize>>> {
        let mut resolved = vec![None; input.len()];
        for (i, read) in self.columns.iter().enumerate() {
            let at = input.index(read.column())?;
            let found = input.columns()[at].kind;
            if found != Kind::Point {
                let wanted = "the point it was in training".into();
                return Err(Error::WrongKind { column: read.column().into(), found, wanted });
            }
            resolved[at] = Some(i);
        }
        Ok(resolved)
    }

    /// A batch with what `read` gives for the rows of a column in its place.
    fn replace(
        &self,
        batch: &Batch,
        output: Arc<Schema>,
        read: impl Fn(&L, Vec<Option<Place>>) -> Vec<(Option<Place>, Vec<f64>)>,
    ) -> Result<Batch> {
        let n = batch.n_rows();
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(output.len());
        for (at, found) in self.resolve(batch.schema())?.into_iter().enumerate() {
            let Some(learned) = found.map(|i| &self.columns[i]) else {
                columns.push(batch.column(at).clone());
                continue;
            };
            let points = batch.points(at)?;
            let rows = read(learned, (0..n).map(|row| points.of(row)).collect());
            if learned.point(&batch.schema().columns()[at]).is_some() {
                columns.push(point_column(rows.iter().map(|row| row.0))?);
            }
            for i in 0..learned.endings().len() {
                let values = rows.iter().map(|row| Some(row.1[i]).filter(|x| !x.is_nan()));
                columns.push(Arc::new(values.collect::<Float64Array>()));
            }
        }
        Batch::with_rows(output, columns, n)
    }
}

impl<L: OfPoints> Fitted for Reads<L> {
    fn output(&self, input: &Schema) -> Result<Schema> {
        let mut taken: BTreeSet<String> = input.names().map(String::from).collect();
        let mut columns = Vec::new();
        for (column, found) in input.columns().iter().zip(self.resolve(input)?) {
            let Some(learned) = found.map(|i| &self.columns[i]) else {
                columns.push(column.clone());
                continue;
            };
            columns.extend(learned.point(column).map(|c| c.derived_from(column)));
            for ending in learned.endings() {
                let name = unique(format!("{}_{ending}", column.name), &mut taken);
                columns.push(Column::number(name).derived_from(column).with_role(column.role));
            }
        }
        Schema::new(columns)
    }

    fn state(&self) -> State {
        let notes: Vec<L::Notes> = self.columns.iter().map(L::notes).collect();
        let mut state = State::new(self.kind, self.version, notes);
        for (i, learned) in self.columns.iter().enumerate() {
            for (name, shape, values) in learned.tensors() {
                state = state.tensor(&format!("{i}_{name}"), shape, TensorData::F64(values));
            }
        }
        state
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        let (reads, output) = (self.resolve(input)?, Arc::new(self.output(input)?));
        let keeps = reads.iter().zip(input.columns());
        let keeps = keeps.map(|(i, c)| i.is_some_and(|i| self.columns[i].point(c).is_some())).collect();
        Ok(Box::new(BoundReads { fitted: self, reads, keeps, output }))
    }
}

struct BoundReads<L> {
    fitted: Arc<Reads<L>>,
    reads: Vec<Option<usize>>,
    /// By place in the input: whether a point comes out.
    keeps: Vec<bool>,
    output: Arc<Schema>,
}

impl<L: OfPoints> Run for BoundReads<L> {
    fn apply(&mut self, batch: &Batch) -> Result<Batch> {
        self.fitted.replace(batch, self.output.clone(), |learned, places| {
            places.into_par_iter().map(|place| learned.read(place)).collect()
        })
    }

    fn row(&mut self, row: &mut Row) -> Result<()> {
        let mut cells = Vec::with_capacity(self.output.len());
        for ((cell, read), keeps) in row.cells.drain(..).zip(&self.reads).zip(&self.keeps) {
            let Some(learned) = read.map(|i| &self.fitted.columns[i]) else {
                cells.push(cell);
                continue;
            };
            let place = match cell {
                Cell::Point(place) => Some(place),
                Cell::Missing => None,
                other => return Err(wrong_cell("a point", &other)),
            };
            let (point, numbers) = learned.read(place);
            if *keeps {
                cells.push(point.map_or(Cell::Missing, Cell::Point));
            }
            let number = |x: f64| if x.is_nan() { Cell::Missing } else { Cell::Number(x) };
            cells.extend(numbers.into_iter().map(number));
        }
        row.cells = cells;
        Ok(())
    }
}
