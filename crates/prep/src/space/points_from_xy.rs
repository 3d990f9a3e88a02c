//! `points_from_xy`: two columns of coordinates become one of points.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::Array;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Axis, Batch, Builtin, BuiltinStep, Cell, Column, Context, Error, Estimator, Fitted, KeyPath, Kind,
    Layout, Registry, Result, Role, Row, Run, Schema, Slot, State, Training, point_column,
};
use tidemill_kernel::geo::{Metric, Place};

use crate::mapping::unique;

/// Adds a column of points made of two columns of coordinates, which stay. A point is missing where a coordinate is, and where the two
/// cannot be a place (a latitude beyond 90 degrees). The engine adds this step before steps that read points where the table has none.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::Float64Array;
/// use tidemill_core::{Batch, Column, Context, Estimator, Schema, Table, Training};
/// let schema = Arc::new(Schema::new(vec![Column::number("lng"), Column::number("lat")])?);
/// let numbers = |x| Arc::new(Float64Array::from(vec![x])) as arrow_array::ArrayRef;
/// let table = Table::new(Batch::new(schema, vec![numbers(13.4), numbers(52.5)])?);
/// let step = tidemill_prep::PointsFromXy { x: Some("lng".into()), y: Some("lat".into()), ..Default::default() };
/// let (_, made) = step.fit_apply(Training::on(&table), &Context::default())?;
/// assert_eq!(made.batch().points(2)?.of(0), Some([13.4, 52.5]));
/// # Ok::<(), tidemill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PointsFromXy {
    /// The column of longitude or x; by default the one that `[data] point` names, or that was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    /// The column of latitude or y.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
    /// Whether they are degrees on the earth, else lengths in a plane; by default as `[data] coordinates` says, or as was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub degrees: Option<bool>,
    /// What the new column is called.
    pub name: String,
}

impl Default for PointsFromXy {
    fn default() -> Self {
        PointsFromXy { x: None, y: None, degrees: None, name: "point".into() }
    }
}

impl PointsFromXy {
    /// The place of the column of an axis, and whether it is known to be degrees.
    fn axis(&self, schema: &Schema, axis: Axis) -> Result<(usize, Option<bool>)> {
        let told = if axis == Axis::X { &self.x } else { &self.y };
        let layout = |c: &Column| match c.layout {
            Some(Layout::Coordinate { axis, degrees }) => Some((axis, degrees)),
            _ => None,
        };
        let Some(name) = told else {
            let found = schema.columns().iter().enumerate().find_map(|(at, c)| {
                layout(c).filter(|(of, _)| *of == axis && c.role == Role::Feature).map(|(_, d)| (at, Some(d)))
            });
            return found.ok_or_else(|| {
                let problem = "no columns of coordinates were found to make points of";
                Error::data(problem, "name them: [data] point = [\"lon\", \"lat\"]")
            });
        };
        let at = schema.index(name)?;
        let column = &schema.columns()[at];
        match column.kind {
            Kind::Number => Ok((at, layout(column).map(|(_, degrees)| degrees))),
            found => {
                Err(Error::WrongKind { column: name.clone(), found, wanted: "a coordinate, a number".into() })
            }
        }
    }
}

impl Estimator for PointsFromXy {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        context.check()?;
        let schema = training.train.schema();
        let ((x, known), (y, _)) = (self.axis(schema, Axis::X)?, self.axis(schema, Axis::Y)?);
        let mut taken: BTreeSet<String> = schema.names().map(String::from).collect();
        let name = |at: usize| schema.columns()[at].name.clone();
        Ok(Arc::new(Joined {
            x: name(x),
            y: name(y),
            degrees: self.degrees.or(known).unwrap_or(true),
            name: unique(self.name.clone(), &mut taken),
        }))
    }
}

impl Builtin for PointsFromXy {
    const KIND: &'static str = "points_from_xy";

    fn check(&self) -> Result<(), KeyPath> {
        match (&self.x, &self.y) {
            (Some(_), None) => Err(KeyPath::new("y", "is missing beside 'x'")),
            (None, Some(_)) => Err(KeyPath::new("x", "is missing beside 'y'")),
            _ => Ok(()),
        }
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        state.check_version(Self::VERSION)?;
        Ok(Arc::new(state.params::<Joined>()?))
    }
}

impl BuiltinStep for PointsFromXy {
    const SLOT: Slot = Slot::Types;
    const DONE: &'static str = "joined with its other coordinate to a point";
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Joined {
    x: String,
    y: String,
    degrees: bool,
    name: String,
}

impl Joined {
    fn place(&self, x: f64, y: f64) -> Option<Place> {
        let metric = Metric { degrees: self.degrees };
        metric.fault([x, y]).is_none().then_some([x, y])
    }
}

impl Fitted for Joined {
    fn output(&self, input: &Schema) -> Result<Schema> {
        let from = input.column(&self.x)?;
        input.index(&self.y)?;
        let point = Column::new(&self.name, Kind::Point).with_layout(Layout::Point { degrees: self.degrees });
        let columns = input.columns().iter().cloned().chain([point.derived_from(from).with_role(from.role)]);
        Schema::new(columns.collect())
    }

    fn state(&self) -> State {
        State::new(PointsFromXy::KIND, PointsFromXy::VERSION, self)
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        let (x, y) = (input.index(&self.x)?, input.index(&self.y)?);
        for at in [x, y] {
            let column = &input.columns()[at];
            if column.kind != Kind::Number {
                let wanted = "the number it was in training".into();
                return Err(Error::WrongKind { column: column.name.clone(), found: column.kind, wanted });
            }
        }
        Ok(Box::new(BoundJoined { x, y, output: Arc::new(self.output(input)?), joined: self }))
    }
}

struct BoundJoined {
    joined: Arc<Joined>,
    x: usize,
    y: usize,
    output: Arc<Schema>,
}

impl Run for BoundJoined {
    fn apply(&mut self, batch: &Batch) -> Result<Batch> {
        let (x, y) = (batch.numbers(self.x)?, batch.numbers(self.y)?);
        let place = |row: usize| {
            let both = x.is_valid(row) && y.is_valid(row);
            if both { self.joined.place(x.value(row), y.value(row)) } else { None }
        };
        let mut columns = batch.columns().to_vec();
        columns.push(point_column((0..batch.n_rows()).map(place))?);
        Batch::with_rows(self.output.clone(), columns, batch.n_rows())
    }

    fn row(&mut self, row: &mut Row) -> Result<()> {
        let cell = |at: usize| row.cells.get(at).unwrap_or(&Cell::Missing).number();
        let place = self.joined.place(cell(self.x)?, cell(self.y)?);
        row.cells.push(place.map_or(Cell::Missing, Cell::Point));
        Ok(())
    }
}
