//! Training a policy on logged decisions: learners compared by the estimated rewards of their policies on folds, the best evaluated on the
//! test part next to the logged policy, and refitted on all rows.

use std::sync::Arc;

use serde_json::json;
use tidemill_core::recipe::{Recipe, Spec, SplitKind};
use tidemill_core::{
    Batch, Chain, Context, EXPECTED_REWARD, Error, Event, Family, Fitted, Result, Role, Source, Table, View,
};
use tidemill_data::split::{self, Fold, Parts};
use tidemill_data::{InferredSchema, Ingest};
use tidemill_eval::policy::difference;
use tidemill_package::Package;
use tidemill_report::words::Words;

use super::{Named, Origin, checks, fittest, in_full, on_threads, outcome, page, pretty, shipped, start};
use crate::builtin;
use crate::error::EngineError;
use crate::facts::{PolicyOutcome, PolicyStanding};
use crate::judge::policy::{Answered, CONFIDENCE, answered, check_log, learned};
use crate::judge::{PolicyJudged, ValueInterval};
use crate::model::{self, Model, Provenance, Reference};
use crate::recipe::{self, resolve};
use crate::report::text::policy_card;
use crate::search::{LATE, preparation, warn_of_cut};

/// A finished training of a policy, in memory.
pub struct FitOfPolicy {
    /// The model, fitted on all rows.
    pub model: Model,
    /// The results.
    pub facts: PolicyOutcome,
    /// The resolved recipe, which leads to the same model again, as TOML.
    pub recipe: String,
    /// The content of the model file.
    pub package: Package,
    /// The content of `metrics.json`.
    pub metrics: String,
    seed: u64,
}

impl FitOfPolicy {
    /// The report as a page of HTML, as [`super::Fit::report`].
    pub fn report(&self, words: &'static Words, recipe_name: &str, hash: &str) -> Result<String> {
        let origin = Origin { recipe: (&self.recipe, recipe_name), seed: self.seed, model: hash };
        Ok(page::policy(words, &self.facts, &origin).html())
    }
}

/// The share of the time limit for comparing learners. The rest is for evaluating the chosen one and refitting it.
const COMPARING: f64 = 0.5;
/// The learners that are compared if the recipe names none.
const LEARNERS: [&str; 3] = ["policy_linucb", "policy_thompson", "policy_fitted_q"];

/// Fits the best policy for these decisions.
///
/// # Errors
/// A recipe without `[policy]`, or that says what no policy can have; decisions that say nothing (see `docs/policy.md`).
pub fn fit_policy(
    source: &dyn Source,
    named: &Named,
    asked: &Recipe,
    context: &Context,
) -> Result<FitOfPolicy> {
    let recipe = recipe::policy::settled(asked)?;
    start::refuse(&recipe, "a policy")?;
    on_threads(context, || run(source, named, &recipe, context))
}

fn run(source: &dyn Source, named: &Named, asked: &Recipe, context: &Context) -> Result<FitOfPolicy> {
    context.tell(&Event::Begin { what: "reading".into(), steps: None });
    let learners = learners(asked)?;
    let reading = context.strict();
    check_log(source, asked, true, &reading)?;
    let plan = tidemill_data::infer(source, asked, &reading)?;
    let (intake, table) = Ingest::fit(source, plan, &reading)?;
    context.tell(&Event::End);
    let plan = intake.plan().clone();
    checks::own_names(&plan)?;
    crate::serve::privacy::check_hashed(asked, &plan)?;
    check_value_names(&plan)?;
    checks::rows(&named.name, &plan, &table)?;
    let recipe = resolved(asked, &plan, &named.source);
    checks::privacy(&recipe)?;
    let typed = table.batch().clone();
    let read = preparation::media(table, &recipe, &reading)?;
    let rows = Rows { table: Arc::new(read.train), recipe: &recipe, context };

    let parts = split::test_split(&rows.table, &recipe.split, context)?;
    let timed = context.within(COMPARING);
    let compared = Rows { table: rows.table.clone(), context: &timed, ..rows }.compared(&parts, &learners)?;
    let chosen = compared.best()?;
    context.tell(&Event::Begin { what: "judging on the test part".into(), steps: None });
    let (_, judged) = rows.judged(&chosen, &parts.train, &parts.test, "judge")?;
    let test = PolicyJudged::of(&judged)?;
    context.tell(&Event::End);
    context.tell(&Event::Begin { what: "fitting on all rows".into(), steps: None });
    let all = rows.table.batch().clone();
    let (links, specs) = learned(&chosen, all, &recipe, &context.with_stream("ship"))?;
    context.tell(&Event::End);

    let n_rows = rows.table.batch().n_rows();
    let preparation = read.specs.into_iter().chain(specs).collect();
    let links = read.steps.into_iter().chain(links);
    let chain = Chain(std::iter::once(intake as Arc<dyn Fitted>).chain(links).collect());
    let shipped = shipped(&chain, n_rows, &recipe)?;
    let facts = PolicyOutcome {
        tidemill: env!("CARGO_PKG_VERSION"),
        data: outcome::data(named, n_rows),
        policy: recipe.policy.clone().unwrap_or_default(),
        columns: outcome::columns(&plan),
        split: outcome::split(&parts, compared.n_folds),
        leaderboard: compared.standings,
        chosen,
        preparation,
        test,
        shipped,
        warnings: context.warnings(),
    };
    let model = Model::new(chain, &plan)?;
    let (resolved, metrics) = (resolve::to_toml(&recipe)?, pretty(&facts)?);
    let reference = Reference::of(&typed, &recipe, context)?;
    let about = provenance(&facts, &plan)?.write()?;
    let package = model::package(&model, about, recipe::in_model(&recipe)?, policy_card(&facts), &metrics)?;
    let package = reference.put_into(package)?;
    Ok(FitOfPolicy { model, facts, recipe: resolved, package, metrics, seed: recipe.train.seed })
}

/// The learners of the recipe, or the usual ones.
fn learners(recipe: &Recipe) -> Result<Vec<Spec>> {
    if recipe.learners.is_empty() {
        return Ok(LEARNERS.map(Spec::new).to_vec());
    }
    match recipe.learners.iter().find(|spec| !builtin::is_of(&spec.kind, Family::Policy)) {
        None => Ok(recipe.learners.clone()),
        Some(other) => Err(EngineError::usage(
            format!("'{}' predicts, and a policy acts", other.kind),
            format!(
                "name one of {} under [[learners]]; the last takes any learner of numbers: learner = \"{}\"",
                LEARNERS.join(", "),
                other.kind
            ),
        )
        .into()),
    }
}

/// The resolved recipe; episodes are never divided unless it says so.
fn resolved(asked: &Recipe, plan: &InferredSchema, source: &str) -> Recipe {
    let mut recipe = asked.clone();
    if plan.columns.iter().any(|c| c.role == Role::Group) {
        recipe.split.kind.get_or_insert(SplitKind::Group);
    }
    resolve::recipe(&recipe, plan, source)
}

/// The rows that are learned from and judged by.
struct Rows<'a> {
    table: Arc<Table>,
    recipe: &'a Recipe,
    context: &'a Context,
}

/// What came of the comparison.
struct Compared {
    standings: Vec<PolicyStanding>,
    n_folds: usize,
}

impl Compared {
    /// The best; where the time was up before any could be compared, the first.
    fn best(&self) -> Result<Spec> {
        let scored = self.standings.iter().any(|s| s.gain.is_some());
        let late = self.standings.iter().find(|s| !scored && s.problem.as_deref() == Some(LATE));
        if let Some(late) = late {
            return Ok(late.learner.clone());
        }
        fittest(self.standings.first().map(|s| (&s.learner, s.problem.as_deref())))
    }
}

impl Rows<'_> {
    fn batch(&self, rows: &[u32]) -> Result<Batch> {
        View::new(self.table.clone(), rows)?.collect()
    }

    /// A learner fitted on some rows, and others as it answers them.
    fn judged(
        &self,
        spec: &Spec,
        train: &[u32],
        judged: &[u32],
        stream: &str,
    ) -> Result<(Vec<Arc<dyn Fitted>>, Answered)> {
        let context = self.context.with_stream(stream);
        let train = self.batch(train)?;
        let (links, _) = learned(spec, train.clone(), self.recipe, &context)?;
        let judged = answered(&links, (&train, self.batch(judged)?), self.recipe, &context)?;
        Ok((links, judged))
    }

    /// The learners by how much more their policies earn than the logged one, over the folds of the training part; a single one
    /// needs no comparison.
    fn compared(&self, parts: &Parts, learners: &[Spec]) -> Result<Compared> {
        let learners = learners.iter().map(|spec| in_full(spec, self.context)).collect::<Result<Vec<_>>>()?;
        if let [only] = learners.as_slice() {
            let standing = PolicyStanding { learner: only.clone(), gain: None, problem: None };
            return Ok(Compared { standings: vec![standing], n_folds: 0 });
        }
        let (recipe, quiet) = (self.recipe, self.context.quiet());
        let folds = split::folds(&self.table, &parts.train, &recipe.folds, &recipe.split, &quiet)?;
        let steps = Some((folds.len() * learners.len()) as u64);
        self.context.tell(&Event::Begin { what: "comparing policies".into(), steps });
        let mut standings = Vec::with_capacity(learners.len());
        for learner in learners {
            let (gain, problem) = match self.gain(&learner, &folds) {
                Err(Error::Cancelled) => return Err(Error::Cancelled),
                Err(e) => (None, Some(e.to_string())),
                Ok(None) => (None, Some(LATE.into())),
                Ok(value) => (value, None),
            };
            standings.push(PolicyStanding { learner, gain, problem });
        }
        let late = standings.iter().filter(|s: &&PolicyStanding| s.problem.as_deref() == Some(LATE)).count();
        if late > 0 {
            let what = format!("{late} of {} learners were not compared", standings.len());
            warn_of_cut(self.context, &what);
        }
        self.context.tell(&Event::End);
        let worth = |s: &PolicyStanding| s.gain.map_or(f64::NEG_INFINITY, |gain| gain.value);
        standings.sort_by(|a, b| worth(b).total_cmp(&worth(a)));
        Ok(Compared { standings, n_folds: folds.len() })
    }

    /// By how much a learner's policies earn more than the logged one, over all rows that the folds judge; `None` where the time is up
    /// before.
    fn gain(&self, learner: &Spec, folds: &[Fold]) -> Result<Option<ValueInterval>> {
        // A fit that is under way ends with the time as well.
        let quiet = Rows { context: &self.context.quiet().strict(), table: self.table.clone(), ..*self };
        let (mut robust, mut earned) = (Vec::new(), Vec::new());
        for (at, fold) in folds.iter().enumerate() {
            self.context.check()?;
            if self.context.out_of_time() {
                return Ok(None);
            }
            let judged = quiet.judged(learner, &fold.train, &fold.valid, &format!("fold {at}"));
            if judged.is_err() && self.context.out_of_time() {
                self.context.check()?;
                return Ok(None);
            }
            let (_, judged) = judged?;
            robust.extend(judged.robust()?);
            earned.extend(judged.earned()?);
            self.context.tell(&Event::Step(1));
        }
        Ok(Some(difference(&robust, &earned, CONFIDENCE)?))
    }
}

/// Where the model comes from, as its file keeps it.
fn provenance(facts: &PolicyOutcome, plan: &InferredSchema) -> Result<Provenance> {
    let doubly_robust = &facts.test.value.doubly_robust;
    let rows = facts.test.value.decisions;
    let test = json!({ "metrics": facts.metrics(), "rows": rows, "may_act": facts.test.may_act });
    let interval = json!({ "value": doubly_robust.value, "low": doubly_robust.low, "high": doubly_robust.high,
                           "confidence": CONFIDENCE, "n_undefined": 0 });
    Ok(Provenance {
        task: plan.task,
        target: facts.policy.action.clone(),
        classes: plan.classes.clone(),
        learner: Some(facts.chosen.clone()),
        data: Some(model::part(&facts.data)?),
        test: Some(model::part(&test)?),
        test_interval: Some(model::part(&interval)?),
        shipped: model::part(&facts.shipped)?,
        ..Provenance::default()
    })
}

/// A column that stays beside the answers cannot bear the name of one of them.
fn check_value_names(plan: &InferredSchema) -> Result<()> {
    let own = [EXPECTED_REWARD.to_string(), "propensity".to_string()];
    let named = |name: &str| {
        own.iter().any(|own| own == name)
            || plan.classes.iter().any(|class| name == format!("{EXPECTED_REWARD}_{class}"))
    };
    match plan.columns.iter().find(|c| c.role == Role::Key && named(&c.name)) {
        None => Ok(()),
        Some(column) => Err(Error::data(
            format!("column '{}' has the name of a column that a policy answers with", column.name),
            "rename it in the table",
        )),
    }
}
