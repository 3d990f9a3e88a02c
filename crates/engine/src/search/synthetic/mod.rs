//! Synthetic rows: what makes them, and `[augment]`, which adds them to the rows that a learner is fitted on.

mod classes;

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Float64Array, new_null_array};
use tidemill_core::recipe::{Augment, AugmentKind, Recipe};
use tidemill_core::{Batch, Column, Context, Error, Kind, Result, Role, Source, Table};

use crate::error::EngineError;

/// Steps of a GAN at most.
pub(crate) const STEPS: usize = 1_000_000;
/// Synthetic rows for each training row at most.
const MOST: f64 = 10.0;

/// What makes new rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// A Gaussian copula: quick, and faithful to each column and each pair.
    #[default]
    Copula,
    /// A conditional GAN, trained in so many steps: slow, and not bound to correlations.
    Gan {
        /// The number of steps; `None` for the usual one.
        steps: Option<usize>,
    },
}

impl Method {
    /// That of a recipe.
    pub(crate) fn of(augment: &Augment) -> Self {
        match augment.kind {
            AugmentKind::Copula => Method::Copula,
            AugmentKind::Gan => Method::Gan { steps: augment.steps },
        }
    }

    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Method::Copula => "copula",
            Method::Gan { .. } => "gan",
        }
    }

    /// `n` new rows that are distributed like these.
    ///
    /// # Errors
    /// Too few rows, or others than this method can learn from; a build without nets.
    pub(crate) fn sample(self, real: &Batch, n: usize, context: &Context) -> Result<Batch> {
        match self {
            Method::Copula => classes::sample(real, n, context),
            #[cfg(feature = "neural")]
            Method::Gan { steps } => {
                let steps = steps.unwrap_or(tidemill_neural::Gan::STEPS);
                let gan = tidemill_neural::Gan::fit(real, steps, context)?;
                gan.sample(n, context.seed_for("synthesize"))
            }
            #[cfg(not(feature = "neural"))]
            Method::Gan { .. } => {
                let problem = "this build has no nets, which the method gan needs";
                Err(EngineError::usage(problem, "use the method copula, or a build with nets").into())
            }
        }
    }
}

/// Whether rows of such a column can be made: keys name real rows, and texts, images and series are no numbers.
pub(crate) fn is_made(column: &Column) -> bool {
    let kind = matches!(column.kind, Kind::Number | Kind::Flag | Kind::Category | Kind::Time);
    kind && !matches!(column.role, Role::Key | Role::Block | Role::Ignore)
}

/// Refuses an `[augment]` that cannot be, before any work.
///
/// # Errors
/// Each says what is in the way.
pub(crate) fn check(recipe: &Recipe, table: &Table) -> Result<()> {
    let Some(augment) = &recipe.augment else { return Ok(()) };
    if !(augment.rows > 0.0 && augment.rows <= MOST) {
        let problem = format!("is {}, but must be above 0 and up to {MOST}", augment.rows);
        return Err(Error::parameter("augment.rows", problem));
    }
    match augment.steps {
        Some(_) if augment.kind == AugmentKind::Copula => {
            return Err(Error::parameter("augment.steps", "is for kind = \"gan\", and the kind is copula"));
        }
        Some(steps) if !(1..=STEPS).contains(&steps) => {
            return Err(Error::parameter(
                "augment.steps",
                format!("is {steps}, but must be from 1 to {STEPS}"),
            ));
        }
        _ => {}
    }
    let others = [
        (recipe.forecast.is_some(), "a forecast, whose rows follow each other"),
        (recipe.graph.is_some(), "[graph]: a synthetic row has no neighbours"),
        (recipe.train.start.is_some(), "[train] start: the earlier model has no answer for synthetic rows"),
        (recipe.split.nested.is_some(), "[split] nested: whether they help is not judged there"),
    ];
    if let Some((_, other)) = others.into_iter().find(|(said, _)| *said) {
        let problem = format!("[augment] adds synthetic rows, and does not go with {other}");
        return Err(EngineError::usage(problem, "leave one of them out of the recipe").into());
    }
    let unmade = |c: &&Column| matches!(c.role, Role::Feature | Role::Target) && !is_made(c);
    match table.schema().columns().iter().find(unmade) {
        None => Ok(()),
        Some(column) => {
            let (name, kind) = (&column.name, column.kind.word());
            let problem = format!("[augment] cannot generate column '{name}': it is a {kind}");
            let remedy = format!("leave the column out (data.ignore = [\"{name}\"]), or leave out [augment]");
            Err(EngineError::usage(problem, remedy).into())
        }
    }
}

/// The rows, and behind them synthetic ones where the recipe asks for some. To be called on training rows alone.
pub(crate) fn added(table: Table, recipe: &Recipe, context: &Context) -> Result<Table> {
    let Some(augment) = &recipe.augment else { return Ok(table) };
    let batch = table.batch();
    let n = (augment.rows * batch.n_rows() as f64).round() as usize;
    if n == 0 {
        return Ok(table);
    }
    let places = table.schema().places(is_made);
    let made = Method::of(augment).sample(&batch.select(&places)?, n, &context.with_stream("augment"))?;
    let column = |(at, column): (usize, &Column)| match places.iter().position(|place| *place == at) {
        Some(place) => Ok(made.column(place).clone()),
        None if column.role == Role::Block => blocks(batch, at, n),
        None => Ok(new_null_array(batch.column(at).data_type(), n)),
    };
    let columns = batch.schema().columns().iter().enumerate().map(column).collect::<Result<Vec<_>>>()?;
    let made = Batch::with_rows(batch.schema().clone(), columns, n)?;
    Ok(Table::new(Batch::concat(batch.schema(), &[batch.clone(), made])?))
}

/// Blocks of their own for new rows: none is the copy of another.
fn blocks(batch: &Batch, at: usize, n: usize) -> Result<ArrayRef> {
    let most = batch.numbers(at)?.iter().flatten().fold(0.0, f64::max);
    Ok(Arc::new(Float64Array::from_iter_values((1..=n).map(|i| most + i as f64))))
}
