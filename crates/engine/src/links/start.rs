//! `start`: the predictions of an earlier model, for learners that continue from it.

use std::any::Any;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, UInt32Array, new_null_array};
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Batch, Cell, Chain, Column, Error, Fitted, Kind, Registry, Result, Role, Row, Run, START, Schema, State,
    probability_vector,
};
use tidemill_data::Ingest;

use crate::links::answer::Place;

/// A probability that is less says no more than this of how a learner should begin: forests answer 0 where they saw nothing.
const LEAST: f64 = 1e-6;

/// An earlier model, asked about rows of another table: it adds a column in the role [`Role::Start`], of the logarithm of the
/// probability of each class, or of a number.
///
/// Columns are found by their names, and categories by theirs: what the earlier model does not know is unseen to it, and what it asks for
/// and is not there is missing.
pub struct Start {
    chain: Arc<dyn Fitted>,
    /// The links behind the intake.
    rest: Arc<Chain>,
    /// The columns that they take.
    typed: Schema,
    /// The classes in the order of the new table; `None` for a number.
    classes: Option<Vec<String>>,
}

/// The parameters of a saved one.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    classes: Option<Vec<String>>,
}

impl Start {
    /// The kind under which it is saved.
    pub const KIND: &'static str = "start";

    /// Of a model's chain, whose first link is its intake; `classes` are those of the new table.
    ///
    /// # Errors
    /// A chain that does not begin with an intake.
    pub fn new(chain: &Arc<Chain>, classes: Option<Vec<String>>) -> Result<Self> {
        let first: Option<&(dyn Any + Send + Sync)> = chain.0.first().map(|link| &**link as _);
        let intake = first.and_then(|link| link.downcast_ref::<Ingest>());
        let intake = intake.ok_or_else(|| Error::state(Self::KIND, "its first link is not an intake"))?;
        let later = |role| {
            matches!(role, Role::Ignore | Role::Target | Role::Split | Role::Reward | Role::Propensity)
        };
        let asked = intake.plan().columns.iter().filter(|c| !later(c.role));
        let raw = Schema::new(asked.map(|c| Column::new(&c.name, Kind::Text)).collect())?;
        let rest = Arc::new(Chain(chain.0.get(1..).unwrap_or_default().to_vec()));
        Ok(Start { chain: chain.clone(), rest, typed: intake.output(&raw)?, classes })
    }

    /// Builds what [`Fitted::state`] saved.
    pub fn load(registry: &Registry, mut state: State) -> Result<Arc<dyn Fitted>> {
        state.check_version(1)?;
        let Saved { classes } = state.params()?;
        let (Some(child), true) = (state.children.pop(), state.children.is_empty()) else {
            return Err(Error::state(Self::KIND, "it needs one model"));
        };
        let chain: Arc<dyn Any + Send + Sync> = registry.load(child)?;
        let chain =
            chain.downcast::<Chain>().map_err(|_| Error::state(Self::KIND, "its model is not a chain"))?;
        Ok(Arc::new(Start::new(&chain, classes)?))
    }

    /// Numbers of a row.
    fn width(&self) -> usize {
        self.classes.as_ref().map_or(1, Vec::len)
    }

    /// Where each column of the earlier model is among these.
    fn places(&self, input: &Schema) -> Result<Vec<Found>> {
        self.typed.columns().iter().map(|column| Found::of(column, input)).collect()
    }

    /// Where its answers stand, and the place of each class of the new table among its own.
    fn answer(&self) -> Result<(Place, Vec<usize>)> {
        let output = self.rest.output(&self.typed)?;
        let place = Place::of(&output)?;
        let order = match &self.classes {
            None => vec![0],
            Some(classes) => {
                let own = output.columns()[place.prediction].categories()?;
                let known = own.len() == classes.len() && place.probability.is_some();
                let found =
                    classes.iter().map(|name| Some(own.code(name) as usize).filter(|at| *at < own.len()));
                let found = found.collect::<Option<Vec<usize>>>().filter(|_| known);
                found.ok_or_else(|| Error::state(Self::KIND, "its model tells other classes apart"))?
            }
        };
        Ok((place, order))
    }
}

/// A column of the earlier model among those of a new table.
struct Found {
    /// Its place; `None` where it is not there.
    place: Option<usize>,
    /// Of a category, the earlier code of each new one, the last for any that is unseen.
    codes: Option<Vec<u32>>,
}

impl Found {
    fn of(wanted: &Column, input: &Schema) -> Result<Self> {
        let Some(place) = input.position(&wanted.name) else { return Ok(Found { place: None, codes: None }) };
        let column = &input.columns()[place];
        if column.kind != wanted.kind {
            // Of what is no feature a model knows nothing.
            if wanted.role != Role::Feature {
                return Ok(Found { place: None, codes: None });
            }
            let wanted = format!("the {} that it is in the model to start from", wanted.kind.word());
            return Err(Error::WrongKind { column: column.name.clone(), found: column.kind, wanted });
        }
        let codes = match wanted.kind {
            Kind::Category => {
                let (old, new) = (wanted.categories()?, column.categories()?);
                Some(new.names().iter().map(|name| old.code(name)).chain([old.unseen()]).collect())
            }
            _ => None,
        };
        Ok(Found { place: Some(place), codes })
    }

    fn code(&self, code: u32) -> u32 {
        let codes = self.codes.as_deref().unwrap_or_default();
        codes.get(code as usize).or(codes.last()).copied().unwrap_or(code)
    }

    /// The column as the earlier model takes it.
    fn column(&self, wanted: &Column, batch: &Batch, none: &ArrayRef) -> Result<ArrayRef> {
        let Some(place) = self.place else { return Ok(new_null_array(none.data_type(), batch.n_rows())) };
        if self.codes.is_none() {
            return Ok(batch.column(place).clone());
        }
        let codes = batch.codes(place)?.iter().map(|code| code.map(|code| self.code(code)));
        wanted.categories()?.column(codes.collect::<UInt32Array>())
    }

    fn cell(&self, row: &Row) -> Cell {
        match self.place.and_then(|place| row.cells.get(place)) {
            None => Cell::Missing,
            Some(Cell::Code(code)) => Cell::Code(self.code(*code)),
            Some(cell) => cell.clone(),
        }
    }
}

impl Fitted for Start {
    fn output(&self, input: &Schema) -> Result<Schema> {
        self.places(input)?;
        let kind = Kind::Vector { len: self.width(), sparse: false };
        let mut columns = input.columns().to_vec();
        columns.push(Column::new(START, kind).with_role(Role::Start));
        Schema::new(columns)
    }

    fn state(&self) -> State {
        State::new(Self::KIND, 1, Saved { classes: self.classes.clone() }).child(self.chain.state())
    }

    fn parts(&self) -> Vec<&Arc<dyn Fitted>> {
        vec![&self.chain]
    }

    fn size(&self) -> u64 {
        self.chain.size()
    }

    fn operations(&self) -> u64 {
        self.chain.operations()
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        let (place, order) = self.answer()?;
        let typed = Arc::new(self.typed.clone());
        Ok(Box::new(BoundStart {
            found: self.places(input)?,
            run: self.rest.clone().bind(&typed)?,
            empty: Batch::concat(&typed, &[])?,
            schema: Arc::new(self.output(input)?),
            classes: self.classes.is_some(),
            place,
            order,
        }))
    }
}

struct BoundStart {
    found: Vec<Found>,
    run: Box<dyn Run>,
    /// No row of what the earlier model takes.
    empty: Batch,
    schema: Arc<Schema>,
    classes: bool,
    place: Place,
    order: Vec<usize>,
}

impl BoundStart {
    /// What a learner begins with, of an earlier answer.
    fn start(&self, said: &[f64]) -> Vec<f64> {
        let of = |&at: &usize| said.get(at).copied().unwrap_or(f64::NAN);
        let numbers = self.order.iter().map(of);
        if self.classes { numbers.map(|p| p.max(LEAST).ln()).collect() } else { numbers.collect() }
    }
}

impl Run for BoundStart {
    fn apply(&mut self, batch: &Batch) -> Result<Batch> {
        let typed = self.empty.schema().clone();
        let columns = self.found.iter().zip(typed.columns()).enumerate();
        let columns = columns.map(|(i, (found, wanted))| found.column(wanted, batch, self.empty.column(i)));
        let asked = Batch::with_rows(typed.clone(), columns.collect::<Result<_>>()?, batch.n_rows())?;
        let said = self.place.values(&self.run.apply(&asked)?)?;
        let width = self.place.width().max(1);
        let numbers = said.chunks_exact(width).flat_map(|said| self.start(said)).collect();
        let mut columns = batch.columns().to_vec();
        columns.push(probability_vector(numbers, self.order.len())?);
        Batch::with_rows(self.schema.clone(), columns, batch.n_rows())
    }

    fn row(&mut self, row: &mut Row) -> Result<()> {
        let mut asked = Row { cells: self.found.iter().map(|found| found.cell(row)).collect() };
        self.run.row(&mut asked)?;
        let start = self.start(self.place.of_row(&asked)?);
        row.cells.push(Cell::Probability(start));
        Ok(())
    }
}
