//! `reduce_svd`: each sparse vector column becomes a short dense one.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Builtin, BuiltinStep, Cell, Column, Columns, Context, Error, Estimator, Fitted, KeyPath, Kind, Registry,
    Result, Slot, State, Training, dense_vector,
};
use tidemill_kernel::reduce::in_chunks;
use tidemill_kernel::truncated_svd;

use crate::mapping::{self, Bound, ColumnOf, ColumnStep, Learned, Notes, Saved};

/// Rows that one thread takes at a time.
const ROWS: usize = 1024;

/// Replaces each sparse vector column (terms of a text, say) by a dense one of the same name with `n_components` numbers: how far
/// the row lies along each of the directions in which the training rows reach furthest. Of texts this is latent semantic
/// analysis; it lets learners read texts that read only short rows of numbers, such as trees.
///
/// Agrees with scikit-learn's `TruncatedSVD` but for signs: the number of greatest size of each direction is positive here. A missing
/// vector has nothing in it: zeros.
///
/// ```
/// use tidemill_core::Builtin;
/// use tidemill_prep::ReduceSvd;
/// assert!(ReduceSvd { n_components: 0, ..ReduceSvd::default() }.check().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReduceSvd {
    /// The columns to reduce; by default, every sparse vector that is a feature.
    pub columns: Columns,
    /// How many directions, at least 1; fewer where the training rows have no more.
    pub n_components: usize,
}

impl Default for ReduceSvd {
    fn default() -> Self {
        ReduceSvd { columns: Columns::default(), n_components: 50 }
    }
}

impl Estimator for ReduceSvd {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        context.check()?;
        let places = self.places(training.train.schema())?;
        let batch = training.train.collect()?;
        let learn = |from: ColumnOf<'_>, notes: &mut Notes| self.directions(from, notes, context);
        Ok(Arc::new(mapping::learn_columns(Self::KIND, Self::VERSION, &batch, &places, context, learn)?))
    }
}

impl Builtin for ReduceSvd {
    const KIND: &'static str = "reduce_svd";

    fn check(&self) -> Result<(), KeyPath> {
        if self.n_components > 0 {
            return Ok(());
        }
        Err(KeyPath::new("n_components", "must be at least 1; it is 0"))
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        mapping::load::<Self>(&state)
    }
}

impl BuiltinStep for ReduceSvd {
    const SLOT: Slot = Slot::Select;
    const DONE: &'static str = "reduced to its leading directions";
}

impl ReduceSvd {
    fn directions(&self, from: ColumnOf<'_>, notes: &mut Notes, context: &Context) -> Result<Directions> {
        let column = from.column();
        let Kind::Vector { len, .. } = column.kind else {
            return Err(Error::internal("a sparse vector was promised"));
        };
        let stream = context.with_stream(&column.name);
        let (along, k) =
            truncated_svd::directions(from.sparse()?, from.array().len(), len, self.n_components, &stream)?;
        if k == 0 {
            let why = format!("'{}' is empty in every training row: it tells nothing", column.name);
            notes.warn("no_terms", why);
            return Ok(Directions(Arc::new(Along { k: 1, along: vec![0.0; len] })));
        }
        Ok(Directions(Arc::new(Along { k, along })))
    }
}

impl ColumnStep for ReduceSvd {
    type Learned = Directions;
    const WANTED: &'static str = "a sparse vector";

    fn columns(&self) -> &Columns {
        &self.columns
    }

    fn handles(&self, column: &Column) -> bool {
        matches!(column.kind, Kind::Vector { sparse: true, .. })
    }

    fn learn(&self, from: ColumnOf<'_>, notes: &mut Notes) -> Result<Directions> {
        self.directions(from, notes, &Context::default())
    }
}

/// The directions of one column.
pub(crate) struct Directions(Arc<Along>);

struct Along {
    k: usize,
    /// For each number of the vector, its place along each direction.
    along: Vec<f64>,
}

impl Along {
    /// Adds up where a row lies; a place that training did not have adds nothing.
    fn project(&self, places: &[u32], values: &[f32], sums: &mut [f64]) {
        sums.fill(0.0);
        for (&place, &value) in places.iter().zip(values) {
            let at = place as usize * self.k;
            if let Some(along) = self.along.get(at..at + self.k) {
                sums.iter_mut().zip(along).for_each(|(sum, a)| *sum += f64::from(value) * a);
            }
        }
    }
}

impl Learned for Directions {
    fn save(&self) -> Saved {
        Saved::new(self.0.k, self.0.along.clone())
    }

    fn load(saved: Saved) -> Result<Self, String> {
        let k: usize = saved.read()?;
        if k == 0 || saved.floats.is_empty() || !saved.floats.len().is_multiple_of(k) {
            return Err(format!("{} numbers are no {k} directions", saved.floats.len()));
        }
        Ok(Directions(Arc::new(Along { k, along: saved.floats })))
    }

    fn output(&self, input: &Column) -> Result<Vec<Column>> {
        let parts: Vec<String> = (1..=self.0.k).map(|c| format!("{}: direction {c}", input.name)).collect();
        Ok(vec![Column::vector(&input.name, parts).derived_from(input).with_role(input.role)])
    }

    fn bind(&self, input: &Column) -> Result<Box<dyn Bound>> {
        let wanted = self.0.along.len() / self.0.k;
        match input.kind {
            Kind::Vector { len, sparse: true } if len == wanted => {
                Ok(Box::new(BoundDirections(self.0.clone())))
            }
            found => Err(Error::WrongKind {
                column: input.name.clone(),
                found,
                wanted: format!("a sparse vector of {wanted} numbers, as in training"),
            }),
        }
    }
}

struct BoundDirections(Arc<Along>);

impl Bound for BoundDirections {
    fn apply(&self, from: ColumnOf<'_>) -> Result<Vec<ArrayRef>> {
        let (sparse, array, k) = (from.sparse()?, from.array(), self.0.k);
        let parts = in_chunks(array.len(), ROWS, |rows| {
            let (mut sums, mut out) = (vec![0.0; k], Vec::with_capacity(rows.len() * k));
            for i in rows {
                let range = if array.is_valid(i) { sparse.range(i) } else { 0..0 };
                self.0.project(&sparse.indices[range.clone()], &sparse.values[range], &mut sums);
                out.extend(sums.iter().map(|&x| x as f32));
            }
            out
        });
        Ok(vec![dense_vector(parts.concat(), k)?])
    }

    fn row(&self, cell: Cell, out: &mut Vec<Cell>) -> Result<()> {
        let mut sums = vec![0.0; self.0.k];
        match cell {
            Cell::Sparse(places, values) => self.0.project(&places, &values, &mut sums),
            Cell::Missing => {}
            other => return Err(Error::internal(format!("a sparse vector was promised, {other:?} came"))),
        }
        out.push(Cell::Vector(sums.into_iter().map(|x| x as f32).collect()));
        Ok(())
    }
}
