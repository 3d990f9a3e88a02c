//! The search: chooses a learner, its settings or a blend by cross-validation on the training part.

mod ahead;
mod answered;
mod balance;
mod calibration;
mod choice;
mod cost;
mod curve;
mod decision;
pub mod defaults;
mod design;
mod ensemble;
mod finish;
mod gap;
mod judge;
pub mod labels;
mod layers;
mod plan;
pub mod preparation;
mod race;
mod repairs;
mod scouts;
mod start;
mod study;
pub(crate) mod synthetic;
mod threshold;
mod trial;

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};
use tidemill_core::recipe::Spec;
use tidemill_core::{Batch, Context, Estimator, Fitted, Needs, Result};
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
pub use gap::{Gap, KeptPart, Verdict};
pub use race::Times;
pub(crate) use race::{LATE, SuccessiveHalving, compare, latest_first, warn_of_cut};
pub(crate) use repairs::repaired;
pub use start::StartVerdict;
pub(crate) use start::{asks_earlier, continues, is_started, needs_net, net_shape, starters, training};
pub use study::{SearchResult, study};
pub use synthetic::Method;
pub(crate) use threshold::is_rare;
pub use threshold::{OperatingPoint, Purpose};

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

impl Candidate {
    fn new(spec: Spec, context: &Context) -> Result<Self> {
        let estimator = context.build(&spec.kind, Value::Object(spec.params.clone()))?;
        Ok(Candidate { spec, estimator })
    }
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
