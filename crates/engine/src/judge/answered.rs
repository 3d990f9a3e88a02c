//! Predictions for rows with a known target.

use std::path::Path;
use std::sync::Arc;

use arrow_array::Array;
use tidemill_core::{Batch, Chain, Context, Error, Event, Fitted, Result, Role, Source};

use super::policy;
use crate::forecast;
use crate::model::{self, Opened};
use crate::recipe::{self, resolve};
use crate::rows::open_to_answer;

/// A model, and what it says of rows whose right answer is known.
pub(crate) struct AnsweredRows {
    pub target: String,
    /// The rows, typed but not prepared, where they were asked for.
    pub rows: Option<Batch>,
    /// Target, weight, prediction and probability of these rows.
    pub answered: Batch,
}

impl AnsweredRows {
    /// Rows without a target are left out, with a warning.
    pub(crate) fn of(
        path: &Path,
        source: &str,
        keep_rows: bool,
        context: &Context,
    ) -> Result<(Opened, Self)> {
        let opened = model::open(path, context)?;
        policy::refuse(&opened)?;
        opened.refuse_masks("compare")?;
        let rows = Self::of_opened(&opened, source, keep_rows, context)?;
        Ok((opened, rows))
    }

    /// As [`AnsweredRows::of`], of an open model.
    pub(crate) fn of_opened(
        opened: &Opened,
        source: &str,
        keep_rows: bool,
        context: &Context,
    ) -> Result<Self> {
        let recipe = recipe::parse(&opened.package.recipe, "the model's recipe", context.registry())?;
        let source = forecast::open(open_to_answer(source, &recipe)?, &recipe, context)?;
        Self::of_rows(opened, &*source, keep_rows, context)
    }

    /// As [`AnsweredRows::of`], of an open model and open rows.
    pub(crate) fn of_rows(
        opened: &Opened,
        source: &dyn Source,
        keep_rows: bool,
        context: &Context,
    ) -> Result<Self> {
        let intake = opened.model.intake()?;
        let target = resolve::target(intake.plan())?.name.clone();
        source.schema().index(&target).map_err(|_| {
            tidemill_data::absent(&target, "the data to judge on (it is the target)", source.schema())
        })?;
        let (first, steps) = opened.model.chain.0.split_first().ok_or_else(no_rows)?;
        let mut read = opened.model.reader()?.bind_to(source)?;
        let mut say = Arc::new(Chain(steps.to_vec())).bind(&Arc::new(first.output(source.schema())?))?;
        let (mut kept, mut rows, mut without) = (Vec::new(), Vec::new(), 0);
        context.tell(&Event::Begin { what: "judging".into(), steps: None });
        for batch in intake.batches(source)? {
            context.check()?;
            let typed = read.apply(&batch?)?;
            let answered = say.apply(&typed)?;
            let judged = [Role::Target, Role::Weight, Role::Prediction, Role::Probability];
            // A policy is judged by what came of the decisions, too.
            let decided = [Role::Reward, Role::Propensity, Role::Group, Role::Time, Role::ExpectedReward];
            let acts = answered.schema().role(Role::ExpectedReward).is_some();
            let is_kept = |role: &Role| judged.contains(role) || (acts && decided.contains(role));
            let places = answered.schema().places(|c| is_kept(&c.role));
            let answered = answered.select(&places)?;
            let known = known(&answered)?;
            without += answered.n_rows() - known.as_ref().map_or(answered.n_rows(), Vec::len);
            let only = |batch: Batch| known.as_deref().map_or(Ok(batch.clone()), |rows| batch.take(rows));
            if keep_rows {
                rows.push(only(typed)?);
            }
            kept.push(only(answered)?);
        }
        context.tell(&Event::End);
        if without > 0 {
            context.warn("no_target", format!("{without} rows without '{target}' were left out"));
        }
        opened.model.warn_of_cells(context)?;
        let joined = |batches: &[Batch]| match batches.first() {
            Some(first) => Batch::concat(first.schema(), batches),
            None => Err(no_rows()),
        };
        let answered = joined(&kept)?;
        if answered.n_rows() == 0 {
            return Err(no_rows());
        }
        let rows = keep_rows.then(|| joined(&rows)).transpose()?;
        Ok(AnsweredRows { target, rows, answered })
    }
}

/// The rows whose target is known; `None` where that is all of them.
fn known(batch: &Batch) -> Result<Option<Vec<u32>>> {
    let Some(at) = batch.schema().role(Role::Target) else { return Err(no_rows()) };
    let target = batch.column(at);
    if target.null_count() == 0 {
        return Ok(None);
    }
    Ok(Some((0..batch.n_rows() as u32).filter(|&i| target.is_valid(i as usize)).collect()))
}

pub(super) fn no_rows() -> Error {
    Error::data("there is no row with a known target", "judge on rows whose right answer is known")
}
