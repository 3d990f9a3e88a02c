//! The results of a training as facts, and as the package that becomes the model file.

use serde::Serialize;
use tidemill_core::recipe::{Recipe, Repair, Spec};
use tidemill_core::{Context, Error, Result};
use tidemill_data::split::Parts;
use tidemill_data::{InferredColumn, InferredSchema, Note};
use tidemill_eval::Metric;
use tidemill_package::Package;

use super::Named;
use crate::audit::Finding;
use crate::facts::{ColumnFacts, DataFacts, Outcome, Shipped, SplitFacts, TargetFacts};
use crate::files::source_name;
use crate::forecast::ForecastFacts;
use crate::judge::Judged;
use crate::model::{self, Model, Provenance, Reference, StartedFrom};
use crate::recipe::{self, resolve};
use crate::report::text::card;
use crate::search::SearchResult;

/// Everything known once the search is over.
pub(super) struct Facts<'a> {
    pub(super) named: &'a Named,
    pub(super) plan: &'a InferredSchema,
    pub(super) findings: Vec<Finding>,
    pub(super) repairs: Vec<Repair>,
    pub(super) parts: &'a Parts,
    pub(super) nested: Option<usize>,
    pub(super) n_rows: usize,
    pub(super) metric: &'a Metric,
    pub(super) forecast: Option<ForecastFacts>,
}

impl Facts<'_> {
    pub(super) fn outcome(
        &self,
        study: SearchResult,
        preparation: Vec<Spec>,
        judged: Judged,
        shipped: Shipped,
        context: &Context,
    ) -> Result<Outcome> {
        let chosen = study.spec(context)?;
        Ok(Outcome {
            tidemill: env!("CARGO_PKG_VERSION"),
            data: data(self.named, self.n_rows),
            target: TargetFacts {
                column: resolve::target(self.plan)?.name.clone(),
                task: resolve::task(self.plan)?,
                why: self.plan.why_task.clone(),
                classes: self.plan.classes.clone(),
            },
            columns: columns(self.plan),
            leaks: self.plan.leaks.clone(),
            findings: self.findings.clone(),
            repairs: self.repairs.clone(),
            split: SplitFacts {
                compared_rows: study.n_rows,
                nested: self.nested.unwrap_or(0),
                ..split(self.parts, study.n_folds)
            },
            unseen: judged.unseen,
            forecast: self.forecast.clone(),
            metric: self.metric.name.to_string(),
            leaderboard: study.standings,
            untried: study.untried,
            chosen,
            reasons: study.reasons,
            gap: study.gap,
            learning_curve: study.curve,
            calibration: study.calibration,
            decision: study.decision,
            operating_points: study.points,
            preparation,
            test: judged.test,
            test_interval: judged.interval,
            baseline: judged.baseline,
            shipped,
            warnings: context.warnings(),
        })
    }
}

/// What was learned from.
pub(super) fn data(named: &Named, rows: usize) -> DataFacts {
    DataFacts {
        source: source_name(&named.name),
        rows,
        sha256: named.sha256.clone(),
        snapshot: named.snapshot.clone(),
    }
}

/// What each column is, with the reason.
pub(super) fn columns(plan: &InferredSchema) -> Vec<ColumnFacts> {
    let of = |c: &InferredColumn| ColumnFacts {
        name: c.name.clone(),
        kind: c.kind.word(),
        role: c.role,
        why: c.why.clone(),
    };
    plan.columns.iter().map(of).collect()
}

/// How rows were divided where learners were compared on `folds` of all training rows.
pub(super) fn split(parts: &Parts, folds: usize) -> SplitFacts {
    SplitFacts {
        why: parts.why.clone(),
        train_rows: parts.train.len(),
        test_rows: parts.test.len(),
        folds,
        compared_rows: parts.train.len(),
        nested: 0,
        copied_rows: parts.copied.len(),
    }
}

/// What the model file says of the training: all but how the cells could also have been read. The resolved recipe settles that, and must
/// lead to the same bytes.
fn lasting(facts: &Outcome, plan: &InferredSchema) -> Outcome {
    let settled: Vec<String> = plan.notes.iter().map(Note::text).collect();
    let mut facts = facts.clone();
    facts.warnings.retain(|warning| !settled.contains(&warning.message));
    facts
}

/// The model as its file will hold it.
pub(super) fn packed(
    model: &Model,
    reference: &Reference,
    (facts, plan): (&Outcome, &InferredSchema),
    recipe: &Recipe,
    started: Option<StartedFrom>,
) -> Result<Package> {
    let facts = &lasting(facts, plan);
    let (recipe, metrics) = (recipe::in_model(recipe)?, pretty(facts)?);
    let provenance = Provenance {
        task: Some(facts.target.task),
        target: facts.target.column.clone(),
        classes: facts.target.classes.clone(),
        learner: Some(facts.chosen.clone()),
        data: Some(model::part(&facts.data)?),
        test: Some(model::part(&facts.test)?),
        test_interval: facts.test_interval.as_ref().map(model::part).transpose()?,
        shipped: model::part(&facts.shipped)?,
        started,
        ..Provenance::default()
    };
    reference.put_into(model::package(model, provenance.write()?, recipe, card(facts), &metrics)?)
}

/// A document of `metrics.json`.
pub(super) fn pretty(outcome: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string_pretty(outcome).map_err(|e| Error::internal(format!("metrics: {e}")))?;
    Ok(text + "\n")
}
