//! Applies a saved preparation to any number of rows in bounded memory.

use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;
use tidemill_core::{Batch, Context, Event, Fitted, Result, Run, Schema};

use super::learn::left_out;
use super::shape::Shapes;
use super::{changes, open, stories, unwritable, written};
use crate::facts::{PreparedFacts, StepFacts};
use crate::files::clean;
use crate::model::Model;
use crate::recipe;
use crate::rows::{check_out, open_to_answer};
use crate::verbs::predict::for_each_group;

/// Prepares the rows of `source` with what was saved in `saved`, in their order, and writes them to `out`. Every row that comes in
/// goes out: what drops or makes rows does so only where a preparation is fitted. Holds a few batches at a time.
///
/// # Errors
/// A file that is no preparation, a column that is missing, cells that no file can hold.
pub fn apply(saved: &Path, source: &str, out: Option<&str>, context: &Context) -> Result<PreparedFacts> {
    if let Some(out) = out {
        check_out(out, source)?;
    }
    let (package, model, specs) = open(saved, context)?;
    let recipe = recipe::parse(&package.recipe, "the preparation's recipe", context.registry())?;
    let rows = open_to_answer(source, &recipe)?;
    let intake = model.intake()?;
    let mut stages = Stages::new(&model, rows.schema(), context.threads)?;
    let mut read = model.reader()?.bind_to(&*rows)?;
    let last = stages.last();
    let places = written(last);
    let target = Schema::new(places.iter().map(|&i| last.columns()[i].clone()).collect())?;
    let sink = out.map(|out| tidemill_data::create(out, &target).map_err(|e| unwritable(out, e)));
    let mut sink = sink.transpose()?;
    let (mut before, mut after) = (Shapes::new(stages.first()), Shapes::new(last));
    let mut steps: Vec<StepFacts> = specs.into_iter().map(changes::of).collect();
    let (mut n_rows, mut rows_touched) = (0, 0);
    context.tell(&Event::Begin { what: "preparing".into(), steps: rows.n_rows().map(|n| n as u64) });
    for_each_group(intake.batches(&*rows)?, context.threads, |group| {
        context.check()?;
        let typed = group.iter().map(|batch| read.apply(batch)).collect::<Result<Vec<_>>>()?;
        for stages in stages.apply(typed)? {
            let (Some(first), Some(done)) = (stages.first(), stages.last()) else { continue };
            let mut touched = vec![false; first.n_rows()];
            for (step, pair) in steps.iter_mut().zip(stages.windows(2)) {
                changes::note(step, &pair[0], &pair[1], &mut touched)?;
            }
            before.add(first)?;
            after.add(done)?;
            n_rows += first.n_rows() as u64;
            rows_touched += touched.into_iter().filter(|row| *row).count() as u64;
            context.tell(&Event::Step(first.n_rows() as u64));
            if let Some(sink) = &mut sink {
                sink.write(&done.select(&places)?)?;
            }
        }
        Ok(())
    })?;
    sink.map_or(Ok(()), |sink| sink.finish())?;
    context.tell(&Event::End);
    model.warn_of_cells(context)?;
    Ok(PreparedFacts {
        source: clean(source),
        fitted: false,
        rows_before: n_rows,
        rows_after: n_rows,
        rows_touched,
        columns: stories(before, after, &steps),
        steps,
        left_out: left_out(intake.plan()),
        balance: None,
        balance_skipped: recipe.balance.map(|b| b.kind),
        out: out.map(String::from),
        saved: None,
        warnings: context.warnings(),
    })
}

/// The steps, bound once per thread, with the columns before and after each.
struct Stages {
    schemas: Vec<Schema>,
    runs: Vec<Vec<Box<dyn Run>>>,
}

impl Stages {
    fn new(model: &Model, raw: &Schema, threads: usize) -> Result<Self> {
        let mut schemas: Vec<Schema> = Vec::with_capacity(model.chain.0.len());
        let mut links: Vec<(Arc<dyn Fitted>, Schema)> = Vec::new();
        for (at, link) in model.chain.0.iter().enumerate() {
            let next = link.output(schemas.last().unwrap_or(raw))?;
            if at > 0 {
                let input = schemas.last().cloned().unwrap_or_default();
                links.push((link.clone(), input));
            }
            schemas.push(next);
        }
        let bound = |_| links.iter().map(|(link, input)| link.clone().bind(input)).collect();
        let runs = (0..threads.max(1)).map(bound).collect::<Result<_>>()?;
        Ok(Stages { schemas, runs })
    }

    fn first(&self) -> &Schema {
        &self.schemas[0]
    }

    fn last(&self) -> &Schema {
        &self.schemas[self.schemas.len() - 1]
    }

    /// Each batch, at most as many as there are threads, with what each step made of it.
    fn apply(&mut self, group: Vec<Batch>) -> Result<Vec<Vec<Batch>>> {
        let through = |(runs, batch): (&mut Vec<Box<dyn Run>>, Batch)| -> Result<Vec<Batch>> {
            let mut stages = vec![batch];
            for run in runs {
                let next = run.apply(&stages[stages.len() - 1])?;
                stages.push(next);
            }
            Ok(stages)
        };
        self.runs.par_iter_mut().zip(group).map(through).collect()
    }
}
