//! Training on images with masks: learners compared on the training part, the best evaluated on the test part next to naive methods, and
//! refitted on all rows.

use std::sync::Arc;

use serde_json::json;
use tidemill_core::recipe::{Recipe, Spec, Task};
use tidemill_core::{Batch, Chain, Context, Error, Event, Family, Fitted, Result, Source, Table, View};
use tidemill_data::split::{self, Parts};
use tidemill_data::{InferredSchema, Ingest, check_masks, names_pictures};
use tidemill_package::Package;
use tidemill_report::words::Words;

use super::{
    Named, Origin, checks, fittest, in_full, keep_together, on_threads, outcome, page, pretty, start,
};
use crate::builtin;
use crate::error::EngineError;
use crate::facts::{MasksOutcome, MasksStanding, SHIPPED, Shipped};
use crate::judge::masks::{AnsweredMasks, NAIVE, answered, learned};
use crate::judge::{NaiveMasks, Overlay};
use crate::model::{self, Model, Provenance, Reference};
use crate::recipe::{self, resolve};
use crate::report::text::masks_card;
use crate::search::{LATE, warn_of_cut};

/// A finished training on masks, in memory.
pub struct FitOfMasks {
    /// The model, fitted on all rows.
    pub model: Model,
    /// The results.
    pub facts: MasksOutcome,
    /// The resolved recipe, which leads to the same model again, as TOML.
    pub recipe: String,
    /// The content of the model file.
    pub package: Package,
    /// The content of `metrics.json`.
    pub metrics: String,
    seed: u64,
    overlays: Vec<Overlay>,
}

impl FitOfMasks {
    /// The report as a page of HTML, as [`super::Fit::report`].
    pub fn report(&self, words: &'static Words, recipe_name: &str, hash: &str) -> Result<String> {
        let origin = Origin { recipe: (&self.recipe, recipe_name), seed: self.seed, model: hash };
        Ok(page::masks(words, &self.facts, &self.overlays, &origin).html())
    }
}

/// Whether the target of these rows are masks.
///
/// # Errors
/// Those of reading the rows and of inference, where the target seems to name pictures.
pub fn are_masks(source: &dyn Source, recipe: &Recipe, context: &Context) -> Result<bool> {
    let (data, other) = (&recipe.data, recipe.policy.is_some() || recipe.forecast.is_some());
    match (&data.target, data.task) {
        (_, Some(Task::Masks)) => Ok(true),
        (Some(target), None) if !other && names_pictures(source, target)? => {
            let plan = tidemill_data::infer(source, recipe, &context.quiet())?;
            Ok(plan.task == Some(Task::Masks))
        }
        _ => Ok(false),
    }
}

/// Fits the best learner of masks for these rows.
///
/// # Errors
/// A recipe that says what masks cannot have; pictures and masks that do not belong together (see `docs/masks.md`).
pub fn fit_masks(
    source: &dyn Source,
    named: &Named,
    recipe: &Recipe,
    context: &Context,
) -> Result<FitOfMasks> {
    recipe::masks::check(recipe)?;
    start::refuse(recipe, "a net of masks")?;
    on_threads(context, || run(source, named, recipe, context))
}

fn run(source: &dyn Source, named: &Named, asked: &Recipe, context: &Context) -> Result<FitOfMasks> {
    context.tell(&Event::Begin { what: "reading".into(), steps: None });
    let learners = learners(asked)?;
    let reading = context.strict();
    let plan = tidemill_data::infer(source, asked, &reading)?;
    if plan.task != Some(Task::Masks) {
        return Err(EngineError::usage(
            "the target is no column of masks",
            "train it without task = \"masks\"",
        )
        .into());
    }
    let classes = check_masks(source, &plan, None, &reading)?;
    let (intake, table) = Ingest::fit(source, plan, &reading)?;
    context.tell(&Event::End);
    let plan = intake.plan().clone();
    checks::own_names(&plan)?;
    crate::serve::privacy::check_hashed(asked, &plan)?;
    checks::rows(&named.name, &plan, &table)?;
    let recipe = resolve::recipe(asked, &plan, &named.source);
    checks::privacy(&recipe)?;
    let typed = table.batch().clone();
    let table = Arc::new(keep_together(table, &recipe, context)?);
    let rows = Rows { table, classes: &classes, context };

    let parts = split::test_split(&rows.table, &recipe.split, context)?;
    let compared = rows.compared(&parts, &learners, &recipe)?;
    let first = compared.standings.first();
    let chosen = fittest(first.map(|s| (&s.learner, s.problem.as_deref())))?;
    let (train, test) = (rows.batch(&parts.train)?, rows.batch(&parts.test)?);
    context.tell(&Event::Begin { what: "judging on the test part".into(), steps: None });
    let found = rows.judged(&chosen, &train, &test, "judge")?;
    let naive = rows.naive(&chosen, &found, (&train, &test))?;
    let overlays = found.overlays(&test)?;
    context.tell(&Event::End);
    context.tell(&Event::Begin { what: "fitting on all rows".into(), steps: None });
    let all = rows.table.batch().clone();
    let fitted = learned(&chosen, all, &context.with_stream("ship"))?;
    context.tell(&Event::End);

    let n_rows = rows.table.batch().n_rows();
    let chain = Chain(vec![intake as Arc<dyn Fitted>, fitted]);
    let shipped = Shipped::new(&chain, n_rows, SHIPPED);
    let facts = MasksOutcome {
        tidemill: env!("CARGO_PKG_VERSION"),
        data: outcome::data(named, n_rows),
        target: resolve::target(&plan)?.name.clone(),
        columns: outcome::columns(&plan),
        split: outcome::split(&parts, compared.n_folds),
        leaderboard: compared.standings,
        chosen,
        test: found.judged(),
        naive,
        shipped,
        warnings: context.warnings(),
        classes,
    };
    let model = Model::new(chain, &plan)?;
    let (resolved, metrics) = (resolve::to_toml(&recipe)?, pretty(&facts)?);
    let reference = Reference::of(&typed, &recipe, context)?;
    let about = provenance(&facts, &plan)?.write()?;
    let package = model::package(&model, about, recipe::in_model(&recipe)?, masks_card(&facts), &metrics)?;
    let package = reference.put_into(package)?;
    Ok(FitOfMasks { model, facts, recipe: resolved, package, metrics, seed: recipe.train.seed, overlays })
}

/// The learners of the recipe, or a U-Net.
fn learners(recipe: &Recipe) -> Result<Vec<Spec>> {
    if recipe.learners.is_empty() {
        let usual = if builtin::entry("u_net").is_some() { "u_net" } else { "k_means" };
        return Ok(vec![Spec::new(usual)]);
    }
    match recipe.learners.iter().find(|spec| !builtin::is_of(&spec.kind, Family::Masks)) {
        None => Ok(recipe.learners.clone()),
        Some(other) => Err(EngineError::usage(
            format!("'{}' answers a row, and a mask is an answer for each pixel", other.kind),
            "name u_net, otsu or k_means under [[learners]]",
        )
        .into()),
    }
}

/// The rows that are learned from and judged by.
struct Rows<'a> {
    table: Arc<Table>,
    classes: &'a [u8],
    context: &'a Context,
}

/// What came of the comparison.
struct Compared {
    standings: Vec<MasksStanding>,
    n_folds: usize,
}

impl Rows<'_> {
    fn batch(&self, rows: &[u32]) -> Result<Batch> {
        View::new(self.table.clone(), rows)?.collect()
    }

    /// The test rows as a learner answers them that was fitted on others.
    fn judged(&self, spec: &Spec, train: &Batch, test: &Batch, stream: &str) -> Result<AnsweredMasks> {
        let fitted = learned(spec, train.clone(), &self.context.with_stream(stream))?;
        answered(&fitted, test.clone(), self.classes)
    }

    /// The learners by their mean IoU on a part of the training rows that is set aside for it; a single one needs no comparison.
    fn compared(&self, parts: &Parts, learners: &[Spec], recipe: &Recipe) -> Result<Compared> {
        let learners = learners.iter().map(|spec| in_full(spec, self.context)).collect::<Result<Vec<_>>>()?;
        if let [only] = learners.as_slice() {
            let standing = MasksStanding { learner: only.clone(), mean_iou: None, problem: None };
            return Ok(Compared { standings: vec![standing], n_folds: 0 });
        }
        let quiet = Rows { context: &self.context.quiet(), table: self.table.clone(), ..*self };
        let folds = split::folds(&self.table, &parts.train, &recipe.folds, &recipe.split, quiet.context)?;
        let fold = folds.first().ok_or_else(|| Error::internal("no fold"))?;
        let (train, valid) = (self.batch(&fold.train)?, self.batch(&fold.valid)?);
        let steps = Some(learners.len() as u64);
        self.context.tell(&Event::Begin { what: "comparing learners".into(), steps });
        let mut standings = Vec::with_capacity(learners.len());
        for learner in learners {
            self.context.check()?;
            if self.context.out_of_time() && standings.iter().any(|s: &MasksStanding| s.mean_iou.is_some()) {
                standings.push(MasksStanding { learner, mean_iou: None, problem: Some(LATE.into()) });
                continue;
            }
            let (mean_iou, problem) = match quiet.judged(&learner, &train, &valid, "compare") {
                Err(Error::Cancelled) => return Err(Error::Cancelled),
                Err(e) => (None, Some(e.to_string())),
                Ok(found) => (Some(found.judged().mean_iou), None),
            };
            standings.push(MasksStanding { learner, mean_iou, problem });
            self.context.tell(&Event::Step(1));
        }
        let late = standings.iter().filter(|s| s.problem.as_deref() == Some(LATE)).count();
        if late > 0 {
            warn_of_cut(self.context, &format!("{late} of {} learners were not compared", standings.len()));
        }
        self.context.tell(&Event::End);
        let worth = |s: &MasksStanding| s.mean_iou.unwrap_or(f64::NEG_INFINITY);
        standings.sort_by(|a, b| worth(b).total_cmp(&worth(a)));
        Ok(Compared { standings, n_folds: 1 })
    }

    /// The naive learners on the same rows, the best first, and how much better the chosen one is.
    fn naive(
        &self,
        chosen: &Spec,
        found: &AnsweredMasks,
        (train, test): (&Batch, &Batch),
    ) -> Result<Vec<NaiveMasks>> {
        let mut all = Vec::new();
        for kind in NAIVE.into_iter().filter(|kind| *kind != chosen.kind) {
            let spec = Spec::new(kind);
            all.push(found.against(&self.judged(&spec, train, test, kind)?, spec)?);
        }
        all.sort_by(|a, b| b.mean_iou.total_cmp(&a.mean_iou));
        Ok(all)
    }
}

/// Where the model comes from, as its file keeps it.
fn provenance(facts: &MasksOutcome, plan: &InferredSchema) -> Result<Provenance> {
    let test = json!({ "metrics": facts.metrics(), "rows": facts.test.pictures });
    Ok(Provenance {
        task: plan.task,
        target: facts.target.clone(),
        classes: facts.classes.iter().map(u8::to_string).collect(),
        learner: Some(facts.chosen.clone()),
        data: Some(model::part(&facts.data)?),
        test: Some(model::part(&test)?),
        shipped: model::part(&facts.shipped)?,
        ..Provenance::default()
    })
}
