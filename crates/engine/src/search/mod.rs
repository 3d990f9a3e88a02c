//! The search: which learner, with which settings, or which blend of them, by cross-validation on the training part.

mod answered;
mod balance;
mod calibration;
mod choice;
mod curve;
mod decision;
pub mod defaults;
mod design;
mod ensemble;
mod finish;
mod gap;
mod judge;
pub mod preparation;
mod race;
mod study;
mod trial;

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};
use tidemill_core::recipe::{Recipe, Spec, Task};
use tidemill_core::{Batch, Context, Estimator, Fitted, Needs, Result, Search};
use tidemill_kernel::Random;

pub use balance::BalanceFacts;
pub(crate) use balance::{Balanced, Balancer};
pub use calibration::{Calibrated, Reliability};
pub(crate) use choice::choose;
pub use choice::{PairedComparison, Reasons};
pub use curve::Point;
pub(crate) use curve::sentence as curve_sentence;
pub use decision::Decided;
pub use design::Design;
pub(crate) use finish::finish;
pub use gap::{Gap, Verdict};
pub use race::Times;
pub(crate) use race::{SuccessiveHalving, compare};
pub use study::{SearchResult, study};

use crate::builtin::BASELINE;
use crate::forecast;
use defaults::Size;

/// A learner with one setting of its parameters.
pub struct Candidate {
    /// As a recipe would say it.
    pub spec: Spec,
    /// Ready to fit.
    pub estimator: Box<dyn Estimator>,
}

/// How a candidate did over the folds.
#[derive(Clone, Debug, Serialize)]
pub struct CandidateScore {
    /// The learner's kind.
    pub learner: String,
    /// The parameters that were tried.
    pub params: Map<String, Value>,
    /// The mean of the metric over the folds it ran on; absent when no fold could be scored.
    pub mean: Option<f64>,
    /// Its standard deviation over the folds.
    pub spread: Option<f64>,
    /// The mean of the metric on rows it was fitted on.
    pub train: Option<f64>,
    /// The metric on each fold; null where it is undefined.
    pub folds: Vec<f64>,
    /// Bytes of its learned numbers, of the largest fold.
    pub bytes: u64,
    /// Learned numbers that it reads to answer a row, about.
    pub work: u64,
    /// Why it did not run on every fold, where it did not: its mean is then over those it ran on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropped: Option<String>,
    /// Why it has no score, where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Every setting to compare: the baseline, then each learner with up to `trials` settings, best guesses first.
pub fn candidates(recipe: &Recipe, task: Task, size: &Size, context: &Context) -> Result<Vec<Candidate>> {
    let trials = recipe.train.trials;
    let named = match recipe.learners.as_slice() {
        [] => {
            let across = defaults::learners(task, size, trials, context.registry());
            match recipe.forecast {
                Some(_) => forecast::candidates::learners(recipe, size.rows, size.series, across)?,
                None => across,
            }
        }
        own => own.iter().map(|spec| (spec.clone(), trials)).collect(),
    };
    let mut specs = vec![Spec::new(BASELINE)];
    for (spec, trials) in named.into_iter().filter(|(spec, _)| spec.kind != BASELINE) {
        let open = context.build(&spec.kind, Value::Object(spec.params.clone()))?.search();
        let open: Vec<Search> = open.into_iter().filter(|s| !spec.params.contains_key(s.key)).collect();
        for setting in settings(&open).take(trials) {
            let mut tried = spec.clone();
            tried.params.extend(setting);
            if !specs.contains(&tried) {
                specs.push(tried);
            }
        }
    }
    specs
        .into_iter()
        .map(|spec| {
            let estimator = context.build(&spec.kind, Value::Object(spec.params.clone()))?;
            Ok(Candidate { spec, estimator })
        })
        .collect()
}

/// All combinations of the searched values, those nearest to every best guess first.
fn settings(open: &[Search]) -> impl Iterator<Item = Map<String, Value>> {
    let mut all: Vec<(usize, Map<String, Value>)> = vec![(0, Map::new())];
    for search in open {
        let extended = all.iter().flat_map(|(far, setting)| {
            search.values.iter().enumerate().map(move |(i, value)| {
                let mut setting = setting.clone();
                setting.insert(search.key.into(), value.clone());
                (far + i, setting)
            })
        });
        all = extended.collect();
    }
    all.sort_by_key(|(far, _)| *far);
    all.into_iter().map(|(_, setting)| setting)
}

/// Which of a learner's needs call for other preparation.
type Order = [bool; 6];

/// The same for needs that ask for the same preparation.
fn order(needs: Needs) -> Order {
    // Numbers are a table.
    let tabular = needs.tabular || needs.numeric;
    [needs.complete, needs.numeric, needs.scaled, tabular, needs.sparse, needs.tokens]
}

/// Applies fitted steps to rows they were not fitted on.
pub fn apply(steps: &[Arc<dyn Fitted>], rows: Batch) -> Result<Batch> {
    steps.iter().try_fold(rows, |rows, step| step.clone().bind(rows.schema())?.apply(&rows))
}

/// `n` of these rows by chance, in their order; all where there are no more.
fn sampled(rows: &[u32], n: usize, random: &mut Random) -> Vec<u32> {
    let mut rows = rows.to_vec();
    if rows.len() > n {
        random.shuffle(&mut rows);
        rows.truncate(n);
        rows.sort_unstable();
    }
    rows
}
