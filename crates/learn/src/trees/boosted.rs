//! Gradient boosting.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tidemill_core::{
    Batch, Builtin, BuiltinLearner, Categories, Context, Continues, Error, Estimator, Family, FitCost,
    Fitted, KeyPath, Kind, Needs, Registry, Result, Role, Search, Shape, State, Training,
};
use tidemill_kernel::trees::{Growth, Order};

use super::FittedTrees;
use super::boosting::Boost;
use super::curves::Curves;
use super::features::TreeColumns;
use super::fitted::VERSION;
use super::focal::Focal;
use super::losses::{Gamma, Huber, Link, LogLoss, Loss, Poisson, Quantile, Softmax, Squared, Tweedie};
use crate::rows;

/// The loss of boosting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LossName {
    /// The squared error: predicts the mean.
    Squared,
    /// The absolute error: predicts the median.
    Absolute,
    /// Squared near the target, absolute beyond `delta`.
    Huber,
    /// The pinball loss: predicts the quantile `quantile`.
    Quantile,
    /// The Poisson deviance: counts.
    Poisson,
    /// The gamma deviance: positive numbers.
    Gamma,
    /// The Tweedie deviance of `power`: numbers with many zeros.
    Tweedie,
    /// For classes: the log loss, but rows count the less the surer they are (Lin et al. 2017; `gamma`). Probabilities are less
    /// sure than they should be: let them be calibrated.
    Focal,
}

/// Which leaf is split next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GrowthOrder {
    /// The one that gains most (leaf-wise).
    #[default]
    BestFirst,
    /// The shallowest (depth-wise).
    LevelByLevel,
}

/// Boosted trees: each tree corrects what those before it left over (Friedman 2001), grown from histograms as in
/// LightGBM (Ke et al. 2017).
///
/// Reads numbers, flags, categories (divided into two sets at a split, without encoding) and vectors; missing values
/// go the way that is best for them. Learns log loss for classes and the squared error for numbers, or the `loss` that is
/// named. Needs no scaling. Good for most tables from some hundreds of rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BoostedTrees {
    /// Trees at most (per class where there are more than two), 1 to 100000.
    pub n_trees: usize,
    /// How much of each tree's correction is taken, above 0 up to 1. Smaller: steadier, and more trees are needed.
    pub learning_rate: f64,
    /// Leaves of a tree at most, 2 to 65536.
    pub max_leaves: usize,
    /// The maximum depth of a tree; by default, as many as `max_leaves` allow.
    pub max_depth: Option<usize>,
    /// Which leaf is split next.
    pub order: GrowthOrder,
    /// Rows of a leaf at least (estimated by their share of the second derivatives).
    pub min_samples_leaf: usize,
    /// Second derivatives of a leaf in sum at least.
    pub min_child_weight: f64,
    /// Taken off the gradients of each leaf.
    pub l1: f64,
    /// Added to the second derivatives of each leaf.
    pub l2: f64,
    /// What a split must gain at least.
    pub min_gain: f64,
    /// The share of rows each tree learns from, above 0 up to 1.
    pub subsample: f64,
    /// The share of features each tree may ask about, above 0 up to 1.
    pub max_features: f64,
    /// Bins per feature at most, 2 to 255.
    pub max_bins: usize,
    /// The loss to minimise; by default, the squared error for numbers and the log loss for classes.
    pub loss: Option<LossName>,
    /// The quantile that the loss `quantile` predicts, between 0 and 1.
    #[schemars(extend("with" = { "key": "loss", "is": ["quantile"], "name": "quantile" }))]
    pub quantile: f64,
    /// Where the loss `huber` turns from squared to absolute, above 0, in units of the target.
    #[schemars(extend("with" = { "key": "loss", "is": ["huber"], "name": "delta" }))]
    pub huber_delta: f64,
    /// The power of the loss `tweedie`, between 1 and 2.
    #[schemars(extend("with" = { "key": "loss", "is": ["tweedie"], "name": "power" }))]
    pub tweedie_power: f64,
    /// With the loss `focal`, how much less sure rows count: 0 or from 1 up.
    #[serde(skip_serializing_if = "is_usual_gamma")]
    #[schemars(extend("with" = { "key": "loss", "is": ["focal"], "name": "gamma" }))]
    pub focal_gamma: f64,
    /// Columns with which the prediction may only rise (1) or only fall (-1).
    pub monotone: BTreeMap<String, i8>,
    /// Stop after so many trees without gain on the validation rows that are given, or on rows held back; 0 for never.
    /// Up to 50,000 rows the best number of trees is then grown anew on all rows; up to 2,500 (over the number of
    /// classes, where there are more than two) five parts are held back in turn.
    pub early_stopping: usize,
    /// The share of rows that early stopping holds back of larger tables, above 0 below 1.
    pub validation_share: f64,
    /// Whether trees are added on top of what the model says that `[train] start` names; without such a model there is nothing to start
    /// from.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub start: bool,
    /// Added to the second derivatives of each category where they are put in order.
    pub category_smooth: f64,
    /// Added to `l2` where categories are divided.
    pub category_l2: f64,
}

impl Default for BoostedTrees {
    fn default() -> Self {
        BoostedTrees {
            n_trees: 1000,
            learning_rate: 0.05,
            max_leaves: 31,
            max_depth: None,
            order: GrowthOrder::BestFirst,
            min_samples_leaf: 20,
            min_child_weight: 1e-3,
            l1: 0.0,
            l2: 1.0,
            min_gain: 0.0,
            subsample: 0.8,
            max_features: 0.8,
            max_bins: 255,
            loss: None,
            quantile: 0.5,
            huber_delta: 1.0,
            tweedie_power: 1.5,
            focal_gamma: USUAL_GAMMA,
            monotone: BTreeMap::new(),
            early_stopping: 30,
            validation_share: 0.15,
            start: false,
            category_smooth: 10.0,
            category_l2: 10.0,
        }
    }
}

/// The gamma of Lin and others 2017.
const USUAL_GAMMA: f64 = 2.0;

/// Models from before there was a gamma are saved as they were.
fn is_usual_gamma(gamma: &f64) -> bool {
    *gamma == USUAL_GAMMA
}

fn within(key: &str, value: f64, allowed: bool, range: &str) -> Result<(), KeyPath> {
    if allowed { Ok(()) } else { Err(KeyPath::new(key, format!("is {value}, but must be {range}"))) }
}

impl Builtin for BoostedTrees {
    const KIND: &'static str = "boosted_trees";
    const VERSION: u32 = VERSION;

    fn check(&self) -> Result<(), KeyPath> {
        let share = |key: &str, x: f64| within(key, x, x > 0.0 && x <= 1.0, "above 0, up to 1");
        let from_zero = |key: &str, x: f64| within(key, x, x >= 0.0 && x.is_finite(), "a number from 0 up");
        let count = |key: &str, x: usize, low: usize, high: usize| {
            within(key, x as f64, (low..=high).contains(&x), &format!("a whole number from {low} to {high}"))
        };
        count("n_trees", self.n_trees, 1, 100_000)?;
        count("max_leaves", self.max_leaves, 2, 65_536)?;
        count("max_bins", self.max_bins, 2, 255)?;
        share("learning_rate", self.learning_rate)?;
        share("subsample", self.subsample)?;
        share("max_features", self.max_features)?;
        let parts = [
            ("min_child_weight", self.min_child_weight),
            ("l1", self.l1),
            ("l2", self.l2),
            ("min_gain", self.min_gain),
            ("category_smooth", self.category_smooth),
            ("category_l2", self.category_l2),
        ];
        parts.into_iter().try_for_each(|(key, x)| from_zero(key, x))?;
        let inside = |x: f64, low: f64, high: f64| x > low && x < high;
        within("quantile", self.quantile, inside(self.quantile, 0.0, 1.0), "between 0 and 1")?;
        within("tweedie_power", self.tweedie_power, inside(self.tweedie_power, 1.0, 2.0), "between 1 and 2")?;
        let gamma = self.focal_gamma;
        let allowed = gamma == 0.0 || (gamma >= 1.0 && gamma.is_finite());
        within("focal_gamma", gamma, allowed, "0, or a number from 1 up")?;
        within("huber_delta", self.huber_delta, inside(self.huber_delta, 0.0, f64::INFINITY), "above 0")?;
        let held = self.validation_share;
        within("validation_share", held, inside(held, 0.0, 1.0), "between 0 and 1")?;
        match self.monotone.iter().find(|(_, d)| !(-1..=1).contains(*d)) {
            Some((name, d)) => {
                Err(KeyPath::new(format!("monotone.{name}"), format!("is {d}, not -1, 0 or 1")))
            }
            None => Ok(()),
        }
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        FittedTrees::load::<Self>(&state)
    }
}

impl BoostedTrees {
    /// Rounds until nothing is gained any more; where parts are held back in turn, trees are grown that often again.
    fn rounds_until_stopped(&self, shape: &Shape) -> f64 {
        let (leaves, most) = (self.max_leaves as f64, self.n_trees as f64);
        if self.early_stopping == 0 {
            return most;
        }
        let rounds = 12.0 / self.learning_rate * (31.0 / leaves).sqrt().max(0.7) + 30.0;
        let grown = match shape.rows * shape.outputs() {
            ..=2_500.0 => 5.0,
            ..=50_000.0 => 1.85,
            _ => 1.0,
        };
        grown * rounds.min(most)
    }

    /// Operations of growing a tree.
    fn tree_operations(&self, shape: &Shape) -> f64 {
        let n = shape.rows;
        let leaves = (self.max_leaves as f64).min(n / self.min_samples_leaf as f64).max(2.0);
        let (learned, asked) = (n * self.subsample, shape.tabular() * self.max_features);
        // A bin holds three rows at least.
        let bins = (n / 3.0).max(64.0).min(shape.bins);
        1e5 + 0.5 * learned * asked * leaves.log2() + 2.5 * leaves * asked * (bins + 20.0)
    }
}

impl BuiltinLearner for BoostedTrees {
    const FAMILY: Family = Family::Boosting;
    const COLUMN_ORDER_MATTERS: bool = true;
    const CONTINUES: Option<Continues> = Some(Continues::FromPredictions);
    const LABEL: &'static [&'static str] = &["loss"];

    fn fit_cost(&self, shape: &Shape) -> FitCost {
        FitCost::Operations(self.rounds_until_stopped(shape) * shape.outputs() * self.tree_operations(shape))
    }
}

impl Estimator for BoostedTrees {
    tidemill_core::kind_and_params!();

    fn needs(&self) -> Needs {
        Needs { tabular: true, ..Needs::default() }
    }

    fn search(&self) -> Vec<Search> {
        vec![
            Search { key: "max_leaves", values: [31, 8].map(Value::from).to_vec() },
            Search { key: "max_features", values: [0.8, 0.4].map(Value::from).to_vec() },
            Search { key: "min_samples_leaf", values: [20, 5].map(Value::from).to_vec() },
        ]
    }

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        let batch = rows::collect(training, context)?;
        let target = Target::of(&batch)?;
        let loss = self.loss_of(target.classes.as_ref())?;
        if let Some(name) = target.only_class() {
            context.warn("one_class", format!("every row is '{name}': the model always answers that"));
        }
        Ok(Arc::new(self.fit_to(&*loss, &batch, target, training, context)?))
    }
}

/// Targets as numbers (classes as their places), and the classes where they have any.
pub(super) struct Target {
    pub(super) y: Vec<f64>,
    pub(super) classes: Option<Arc<Categories>>,
}

impl Target {
    pub(super) fn of(batch: &Batch) -> Result<Self> {
        let kind = batch.schema().role(Role::Target).map(|at| batch.schema().columns()[at].kind);
        if kind == Some(Kind::Category) {
            let (codes, classes) = rows::classes(batch)?;
            return Ok(Target { y: codes.into_iter().map(f64::from).collect(), classes: Some(classes) });
        }
        Ok(Target { y: rows::moderate_numbers(batch)?, classes: None })
    }

    /// The class of all rows, where they have but one.
    fn only_class(&self) -> Option<&str> {
        let first = *self.y.first()?;
        let one = self.y.iter().all(|y| *y == first);
        self.classes.as_ref().filter(|_| one).map(|classes| classes.name(first as u32))
    }
}

fn check_domain(loss: &dyn Loss, target: &[f64], batch: &Batch) -> Result<()> {
    let Some((wanted, good)) = loss.domain() else { return Ok(()) };
    let Some(row) = target.iter().position(|y| !good(*y)) else { return Ok(()) };
    let name = batch.schema().role(Role::Target).map(|at| batch.schema().columns()[at].name.as_str());
    Err(Error::data(
        format!(
            "target '{}' is {} in row {row}, but this loss needs {wanted}",
            name.unwrap_or(""),
            target[row]
        ),
        "correct or remove such rows, or choose the loss 'squared'",
    ))
}

impl BoostedTrees {
    /// Fits a loss of one's own: as [`Estimator::fit`], with `loss` in place of the one that the parameters name.
    ///
    /// A target of classes comes to the loss as their places, 0 and up, and needs a loss whose link gives
    /// probabilities of as many classes.
    pub fn fit_loss(
        &self,
        loss: &dyn Loss,
        training: Training<'_>,
        context: &Context,
    ) -> Result<FittedTrees> {
        let batch = rows::collect(training, context)?;
        let target = Target::of(&batch)?;
        let wanted = match loss.link() {
            Link::Sigmoid => Some(2),
            Link::Softmax => Some(loss.n_outputs()),
            _ => None,
        };
        if wanted != target.classes.as_ref().map(|classes| classes.len()) {
            return Err(Error::parameter("loss", "its link does not suit the target"));
        }
        self.fit_to(loss, &batch, target, training, context)
    }

    fn fit_to(
        &self,
        loss: &dyn Loss,
        batch: &Batch,
        target: Target,
        training: Training<'_>,
        context: &Context,
    ) -> Result<FittedTrees> {
        check_domain(loss, &target.y, batch)?;
        let columns = TreeColumns::of(batch.schema())?;
        let growth = self.growth(&columns)?;
        let Target { y, classes } = target;
        if loss.n_outputs() > 1 && growth.monotone.iter().any(|d| *d != 0) {
            return Err(Error::parameter("monotone", "has no meaning for more than two classes"));
        }
        let mut boost = Boost::new(self, loss, columns, growth, batch, y, context)?;
        boost.start_from(training.prior, batch)?;
        if self.start {
            boost.begin_at(batch, context)?;
        }
        let valid = training.valid.map(|valid| valid.collect()).transpose()?;
        let valid = valid.filter(|valid| valid.n_rows() > 0 && self.early_stopping > 0);
        let mut curves = Curves::of(&boost, context)?;
        let trees = match valid {
            Some(valid) => boost.stopped_by(&valid, &mut curves, context)?,
            None => boost.stopped_by_own(&mut curves, context)?,
        };
        curves.end()?;
        Ok(FittedTrees {
            kind: Self::KIND,
            settings: self.params(),
            notes: json!({ "trees": trees.n_trees() }),
            columns: boost.columns,
            classes,
            link: loss.link(),
            started: boost.started.is_some(),
            trees,
        })
    }

    fn loss_of(&self, classes: Option<&Arc<Categories>>) -> Result<Box<dyn Loss>> {
        if let Some(classes) = classes {
            return match (self.loss, classes.len()) {
                (Some(LossName::Focal), n_classes) => {
                    Ok(Box::new(Focal { gamma: self.focal_gamma, n_classes }))
                }
                (Some(_), _) => Err(Error::parameter("loss", "is for numbers, but the target is classes")),
                (None, 2) => Ok(Box::new(LogLoss)),
                (None, k) => Ok(Box::new(Softmax(k))),
            };
        }
        Ok(match self.loss.unwrap_or(LossName::Squared) {
            LossName::Squared => Box::new(Squared),
            LossName::Absolute => Box::new(Quantile(0.5)),
            LossName::Huber => Box::new(Huber(self.huber_delta)),
            LossName::Quantile => Box::new(Quantile(self.quantile)),
            LossName::Poisson => Box::new(Poisson),
            LossName::Gamma => Box::new(Gamma),
            LossName::Tweedie => Box::new(Tweedie(self.tweedie_power)),
            LossName::Focal => {
                return Err(Error::parameter(
                    "loss",
                    "is \"focal\", for classes, but the target is a number",
                ));
            }
        })
    }

    fn growth(&self, columns: &TreeColumns) -> Result<Growth> {
        let mut monotone = Vec::new();
        for column in &columns.0 {
            let direction = self.monotone.get(&column.name).copied().unwrap_or(0);
            monotone.extend(std::iter::repeat_n(direction, column.width()));
        }
        if let Some(name) = self.monotone.keys().find(|name| columns.0.iter().all(|c| c.name != **name)) {
            let known = columns.0.iter().map(|c| c.name.as_str());
            return Err(Error::missing_column(name, "the features", known));
        }
        Ok(Growth {
            max_leaves: self.max_leaves,
            max_depth: self.max_depth.unwrap_or(usize::MAX),
            order: match self.order {
                GrowthOrder::BestFirst => Order::BestFirst,
                GrowthOrder::LevelByLevel => Order::LevelByLevel,
            },
            min_rows: self.min_samples_leaf as f64,
            min_bend: self.min_child_weight,
            l1: self.l1,
            l2: self.l2,
            min_gain: self.min_gain,
            category_smooth: self.category_smooth,
            category_l2: self.category_l2,
            monotone: if self.monotone.is_empty() { Vec::new() } else { monotone },
        })
    }
}
