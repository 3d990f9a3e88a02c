//! The rows to train a challenger on.

use std::sync::Arc;

use tidemill_core::recipe::{Split, SplitKind};
use tidemill_core::{Batch, Cell, Chain, Context, Fitted, Result, Role, Source, Table, View};
use tidemill_data::{Canonical, Ingest, canonical_rows, split};
use tidemill_eval::Answers;

use super::champion::Champion;
use super::{MIN_ROWS, MOST_ROWS};
use crate::feedback::{self, Labelled};
use crate::forecast;
use crate::model::Reference;
use crate::rows::open_to_learn;
use crate::search::preparation;
use crate::search::{self, Design};

/// The newest labelled rows, on which models are compared.
pub(super) struct HeldOut {
    /// Rows that are copies neither of rows that are learned from nor of each other.
    pub(super) judges: Vec<Labelled>,
    /// Of these, rows whose key or group no row has that is learned from, where some are known and some are not.
    pub(super) unseen: Vec<Labelled>,
}

impl HeldOut {
    /// Among the source's rows and all `labelled` ones, of which the last `n` are held out.
    pub(super) fn of(
        champion: &Champion,
        source: &str,
        labelled: &[Labelled],
        n: usize,
        context: &Context,
    ) -> Result<Self> {
        let all = TrainingRows::read(champion, source, labelled, context)?;
        let batch = all.table.batch();
        let first = (batch.n_rows() - labelled.len().min(batch.n_rows())) as u32;
        let (learned, held_out): (Vec<u32>, Vec<u32>) =
            (0..batch.n_rows() as u32).partition(|row| (*row as usize) < batch.n_rows() - n);
        let judges = split::unlike(batch, &learned, &held_out)?;
        let unseen = split::unseen(batch, &learned, &judges)?;
        let of =
            |rows: Vec<u32>| rows.into_iter().map(|row| labelled[(row - first) as usize].clone()).collect();
        Ok(HeldOut { judges: of(judges), unseen: of(unseen) })
    }
}

/// The table, its copies marked: known keys stay, as they come again in service.
fn together(table: Table, champion: &Champion, context: &Context) -> Result<Table> {
    if champion.recipe.forecast.is_some() {
        return Ok(table);
    }
    let by_time = Split { kind: Some(SplitKind::Time), ..champion.recipe.split.clone() };
    Ok(split::mark(table, &by_time, context)?.0)
}

/// The fewest rows of a part of the training rows that is tried alone.
const MIN_WINDOW: usize = 100;

/// Training rows, oldest first: the source's (by their time, where they have one), then those of feedback.
pub(super) struct TrainingRows {
    pub(super) intake: Arc<Ingest>,
    /// What reads images and series.
    pub(super) media: Vec<Arc<dyn Fitted>>,
    pub(super) table: Arc<Table>,
    pub(super) order: Vec<u32>,
    pub(super) n_source: usize,
    /// What is usual in their columns.
    pub(super) reference: Reference,
}

impl TrainingRows {
    pub(super) fn read(
        champion: &Champion,
        source: &str,
        labelled: &[Labelled],
        context: &Context,
    ) -> Result<Self> {
        let plan = &champion.plan;
        let source = forecast::open(open_to_learn(source, &champion.recipe)?, &champion.recipe, context)?;
        let source = Box::new(Canonical::new(source, plan)?);
        let rows: Vec<Vec<Cell>> = labelled.iter().map(|row| row.cells.clone()).collect();
        let rows = Table::new(canonical_rows(plan, &feedback::names(plan), &rows)?);
        let stacked = tidemill_data::stack(vec![
            ("the source".into(), source),
            ("the feedback".into(), Box::new(rows)),
        ])?;
        let quiet = context.quiet();
        let (intake, table) = Ingest::fit(&*stacked, plan.clone(), &quiet)?;
        let reference = Reference::of(table.batch(), &champion.recipe, &quiet)?;
        let read = preparation::media(table, &champion.recipe, &quiet)?;
        let table = together(read.train, champion, &quiet)?;
        let n = table.batch().n_rows();
        let n_source = n - labelled.len().min(n);
        let mut order: Vec<u32> = (0..n as u32).collect();
        if let Some(at) = table.schema().role(Role::Time)
            && let Ok(times) = table.batch().times(at)
        {
            use arrow_array::Array;
            let time = |row: u32| times.is_valid(row as usize).then(|| times.value(row as usize));
            order[..n_source].sort_by_key(|&row| time(row));
        }
        Ok(TrainingRows { intake, media: read.steps, table: Arc::new(table), order, n_source, reference })
    }

    /// The chain of these steps, behind what reads the rows.
    pub(super) fn chain(&self, steps: Vec<Arc<dyn Fitted>>, links: &[Arc<dyn Fitted>]) -> Chain {
        let links = self.media.iter().cloned().chain(steps).chain(links.iter().cloned());
        Chain(std::iter::once(self.intake.clone() as Arc<dyn Fitted>).chain(links).collect())
    }

    /// The newest `n` rows but for the last `without`.
    pub(super) fn newest(&self, n: usize, without: usize) -> Result<Arc<Table>> {
        let end = self.order.len() - without.min(self.order.len());
        let rows = &self.order[end.saturating_sub(n)..end];
        Ok(Arc::new(View::new(self.table.clone(), rows)?.collect()?.into()))
    }

    /// How many of the newest rows to learn from (`usize::MAX` for all): whichever did best, with the champion's learner, on
    /// the newest of them. `newer` is how many of the rows are newer than the champion.
    pub(super) fn best_window(&self, champion: &Champion, newer: usize, context: &Context) -> Result<usize> {
        let judging = (newer / 2).min(MOST_ROWS);
        let n = self.order.len() - judging;
        if judging < MIN_ROWS / 2 {
            return Ok(usize::MAX);
        }
        let end = self.order.len();
        let (learned, judged) = self.order.split_at(end - judging);
        let judged = split::unlike(self.table.batch(), learned, judged)?;
        if judged.len() < MIN_ROWS / 2 {
            return Ok(usize::MAX);
        }
        let judged = View::new(self.table.clone(), judged)?.collect()?;
        let design = Design::read(&champion.learner()?)?;
        let mut best: Option<(f64, usize)> = None;
        let sizes = std::iter::successors(Some(n), |size| Some(size / 2))
            .take_while(|size| *size >= MIN_WINDOW.min(n));
        for size in sizes.take(10) {
            context.check()?;
            let score = self.score(size, judging, &judged, &design, champion, &context.quiet());
            let Ok(score) = score else { continue };
            let score = if champion.metric.greater_is_better { score } else { -score };
            // Of equals the larger part, which came first.
            if score.is_finite() && best.is_none_or(|(most, _)| score > most) {
                best = Some((score, size));
            }
        }
        Ok(match best {
            Some((_, size)) if size < n => size + judging,
            _ => usize::MAX,
        })
    }

    fn score(
        &self,
        size: usize,
        judging: usize,
        judged: &Batch,
        design: &Design,
        champion: &Champion,
        context: &Context,
    ) -> Result<f64> {
        let rows = self.newest(size, judging)?;
        let fitted = design.fit((*rows).clone(), &champion.recipe, &context.with_stream("window"))?;
        let output = search::apply(&fitted.steps, judged.clone())?;
        Ok(champion.metric.score(&Answers::of(&output)?)?.value)
    }
}
