//! Gradient boosting.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tidemill_core::{
    Batch, Builtin, Categories, Context, Error, Estimator, Fitted, KeyPath, Kind, Registry, Result, Role,
    Search, State, Training, Trees,
};
use tidemill_kernel::Random;
use tidemill_kernel::reduce::in_chunks;
use tidemill_kernel::trees::{Binned, Gradients, Grower, Growth, Leaf, Order, Values};

use super::FittedTrees;
use super::features::TreeColumns;
use super::losses::{
    Gamma, Huber, LogLoss, Loss, Poisson, Quantile, Softmax, Squared, Tweedie, weighted_quantile,
};
use crate::rows;

/// Rows whose slopes one thread takes at a time.
const CHUNK: usize = 8192;
/// Fewer rows than this are not divided for early stopping: the part to watch would say nothing.
const WATCHED_ROWS: usize = 100;

/// What boosting makes small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LossName {
    /// The squared error: predicts the mean.
    Squared,
    /// The absolute error: predicts the median.
    Absolute,
    /// Squared near the target, absolute beyond `huber_delta`.
    Huber,
    /// The pinball loss: predicts the quantile `quantile`.
    Quantile,
    /// The Poisson deviance: counts.
    Poisson,
    /// The gamma deviance: positive quantities.
    Gamma,
    /// The Tweedie deviance of `tweedie_power`: quantities with many zeros.
    Tweedie,
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
/// go the way that is best for them. Learns log loss for classes, and for numbers the `loss` that is named. Needs no
/// scaling. Good for most tables from some hundreds of rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BoostedTrees {
    /// Trees at most (per class where there are more than two), 1 to 100000.
    pub n_trees: usize,
    /// How much of each tree's correction is taken, above 0 up to 1. Smaller: steadier, and more trees are needed.
    pub learning_rate: f64,
    /// Leaves of a tree at most, 2 to 65536.
    pub max_leaves: usize,
    /// Questions on the way to a leaf at most; without it, as many as `max_leaves` allow.
    pub max_depth: Option<usize>,
    /// Which leaf is split next.
    pub order: GrowthOrder,
    /// Rows of a leaf at least (estimated by their share of the second derivatives).
    pub min_samples_leaf: usize,
    /// Second derivatives of a leaf in sum at least.
    pub min_child_weight: f64,
    /// Taken off the slopes of each leaf.
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
    /// What is made small, for numbers; without it, the squared error.
    pub loss: Option<LossName>,
    /// The quantile that the loss `quantile` predicts, between 0 and 1.
    pub quantile: f64,
    /// Where the loss `huber` turns from squared to absolute, above 0, in units of the target.
    pub huber_delta: f64,
    /// The power of the loss `tweedie`, between 1 and 2.
    pub tweedie_power: f64,
    /// Columns with which the prediction may only rise (1) or only fall (-1).
    pub monotone: BTreeMap<String, i8>,
    /// Stop after so many trees without gain on rows held back (or on the validation rows that are given), then grow
    /// the best number of trees on all rows; 0 for never.
    pub early_stopping: usize,
    /// The share of rows that early stopping holds back, above 0 below 1.
    pub validation_share: f64,
    /// Added to the second derivatives of each category where they are put in order.
    pub category_smooth: f64,
    /// Added to `l2` where categories are divided.
    pub category_l2: f64,
}

impl Default for BoostedTrees {
    fn default() -> Self {
        BoostedTrees {
            n_trees: 500,
            learning_rate: 0.1,
            max_leaves: 31,
            max_depth: None,
            order: GrowthOrder::BestFirst,
            min_samples_leaf: 20,
            min_child_weight: 1e-3,
            l1: 0.0,
            l2: 1.0,
            min_gain: 0.0,
            subsample: 1.0,
            max_features: 1.0,
            max_bins: 255,
            loss: None,
            quantile: 0.5,
            huber_delta: 1.0,
            tweedie_power: 1.5,
            monotone: BTreeMap::new(),
            early_stopping: 30,
            validation_share: 0.15,
            category_smooth: 10.0,
            category_l2: 10.0,
        }
    }
}

fn within(key: &str, value: f64, allowed: bool, range: &str) -> Result<(), KeyPath> {
    if allowed { Ok(()) } else { Err(KeyPath::new(key, format!("is {value}, but must be {range}"))) }
}

impl Builtin for BoostedTrees {
    const KIND: &'static str = "boosted_trees";

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

impl Estimator for BoostedTrees {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn params(&self) -> Value {
        json!(self)
    }

    fn needs(&self) -> tidemill_core::Needs {
        tidemill_core::Needs { tabular: true, ..Default::default() }
    }

    fn search(&self) -> Vec<Search> {
        vec![
            Search { key: "learning_rate", values: [0.1, 0.05].map(Value::from).to_vec() },
            Search { key: "max_leaves", values: [31, 8, 15, 63].map(Value::from).to_vec() },
            Search { key: "min_samples_leaf", values: [20, 5].map(Value::from).to_vec() },
            Search { key: "max_features", values: [1.0, 0.6].map(Value::from).to_vec() },
        ]
    }

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        let batch = rows::collect(training, context)?;
        let (target, classes) = target(&batch)?;
        let loss = self.loss(classes.as_ref());
        check_domain(&*loss, &target, &batch)?;
        let mut boost = Boost::new(self, &*loss, &batch, target, context)?;
        boost.start_from(training.prior)?;
        let watched = match training.valid {
            Some(valid) => Some(Watched::given(&boost.columns, &valid.collect()?)?),
            None => boost.held_back(),
        };
        let trees = match watched {
            Some(watched) if self.early_stopping > 0 => {
                let n = boost.best_length(&watched, context)?;
                boost.run(self.n_trees.min(n), None, context)?
            }
            _ => boost.run(self.n_trees, None, context)?,
        };
        Ok(Arc::new(FittedTrees {
            kind: Self::KIND,
            version: Self::VERSION,
            settings: self.params(),
            notes: json!({ "trees": trees.n_trees() }),
            columns: boost.columns,
            classes,
            link: loss.link(),
            trees,
        }))
    }
}

/// Targets as numbers, and their classes where they have any.
fn target(batch: &Batch) -> Result<(Vec<f64>, Option<Arc<Categories>>)> {
    let kind = batch.schema().role(Role::Target).map(|at| batch.schema().columns()[at].kind);
    if kind == Some(Kind::Category) {
        let (codes, classes) = rows::classes(batch)?;
        return Ok((codes.into_iter().map(f64::from).collect(), Some(classes)));
    }
    Ok((rows::numbers(batch)?, None))
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
    fn loss(&self, classes: Option<&Arc<Categories>>) -> Box<dyn Loss> {
        match (classes.map(|c| c.len()), self.loss.unwrap_or(LossName::Squared)) {
            (Some(k), _) if k > 2 => Box::new(Softmax(k)),
            (Some(_), _) => Box::new(LogLoss),
            (None, LossName::Squared) => Box::new(Squared),
            (None, LossName::Absolute) => Box::new(Quantile(0.5)),
            (None, LossName::Huber) => Box::new(Huber(self.huber_delta)),
            (None, LossName::Quantile) => Box::new(Quantile(self.quantile)),
            (None, LossName::Poisson) => Box::new(Poisson),
            (None, LossName::Gamma) => Box::new(Gamma),
            (None, LossName::Tweedie) => Box::new(Tweedie(self.tweedie_power)),
        }
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

/// Rows whose loss says when to stop.
enum Watched {
    /// Of the training rows, those where this is true: they count for nothing while it is found out.
    Held(Vec<bool>),
    /// Rows of their own.
    Given { x: Vec<f64>, y: Vec<f64>, weights: Option<Vec<f64>> },
}

impl Watched {
    fn given(columns: &TreeColumns, batch: &Batch) -> Result<Self> {
        let (y, _) = target(batch)?;
        let x = columns.bind(batch.schema())?.gather(batch, 0..batch.n_rows())?;
        Ok(Watched::Given { x, y, weights: rows::weights(batch)? })
    }
}

/// One training under way.
struct Boost<'a> {
    params: &'a BoostedTrees,
    loss: &'a dyn Loss,
    columns: TreeColumns,
    binned: Binned,
    growth: Growth,
    y: Vec<f64>,
    weights: Option<Vec<f64>>,
    /// An earlier model and its scores.
    prior: Option<(Trees, Vec<f64>)>,
    batch: &'a Batch,
    seed: u64,
}

impl<'a> Boost<'a> {
    fn new(
        params: &'a BoostedTrees,
        loss: &'a dyn Loss,
        batch: &'a Batch,
        y: Vec<f64>,
        context: &Context,
    ) -> Result<Self> {
        let columns = TreeColumns::of(batch.schema())?;
        let values: Vec<Values> = columns.values(batch)?;
        context.check()?;
        Ok(Boost {
            params,
            loss,
            binned: Binned::new(&values, params.max_bins),
            growth: params.growth(&columns)?,
            columns,
            y,
            weights: rows::weights(batch)?,
            prior: None,
            batch,
            seed: context.seed_for("boosted_trees"),
        })
    }

    /// Goes on from an earlier fit of the same columns.
    fn start_from(&mut self, prior: Option<&dyn Fitted>) -> Result<()> {
        let Some(prior) = prior else { return Ok(()) };
        let same = (prior as &dyn Any).downcast_ref::<FittedTrees>().filter(|prior| {
            prior.columns == self.columns
                && prior.link == self.loss.link()
                && prior.kind == BoostedTrees::KIND
        });
        let Some(same) = same else {
            return Err(Error::data(
                "the earlier model cannot be continued: it is not of boosted trees on the same columns",
                "train anew, or give the model that was fitted on these columns",
            ));
        };
        let bound = self.columns.bind(self.batch.schema())?;
        let parts = in_chunks(self.y.len(), CHUNK, |rows| {
            let x = bound.gather(self.batch, rows.clone())?;
            let mut scores = vec![0.0; rows.len() * self.loss.n_outputs()];
            same.trees.rows(&x, &mut scores);
            Ok(scores)
        });
        let scores = parts.into_iter().collect::<Result<Vec<Vec<f64>>>>()?.concat();
        self.prior = Some((same.trees.clone(), scores));
        Ok(())
    }

    /// The rows that early stopping watches, where there are enough.
    fn held_back(&self) -> Option<Watched> {
        let n = self.y.len();
        if self.params.early_stopping == 0 || n < WATCHED_ROWS {
            return None;
        }
        let mut order: Vec<usize> = (0..n).collect();
        let mut random = Random::new(self.seed, 1);
        random.shuffle(&mut order);
        if self.loss.n_outputs() > 1 || self.loss.link() == super::losses::Link::Sigmoid {
            // The same share of every class.
            order.sort_by_key(|&i| self.y[i] as u64);
        }
        let every = 1.0 / self.params.validation_share;
        let mut held = vec![false; n];
        let mut next = every / 2.0;
        while (next as usize) < n {
            held[order[next as usize]] = true;
            next += every;
        }
        Some(Watched::Held(held))
    }

    /// How many rounds are best by the watched rows, in trees of one output.
    fn best_length(&self, watched: &Watched, context: &Context) -> Result<usize> {
        let mut course = Course { best: f64::INFINITY, at: 0, now: 0, patience: self.params.early_stopping };
        self.run(self.params.n_trees, Some((watched, &mut course)), context)?;
        Ok(course.at.max(1))
    }

    /// Grows the trees; with rows to watch, until they no longer gain.
    fn run(
        &self,
        n_rounds: usize,
        mut watch: Option<(&Watched, &mut Course)>,
        context: &Context,
    ) -> Result<Trees> {
        let (n, k) = (self.y.len(), self.loss.n_outputs());
        let weights = self.fit_weights(watch.as_ref().map(|w| w.0));
        let (mut trees, mut scores) = match &self.prior {
            Some((trees, scores)) => (trees.clone(), scores.clone()),
            None => {
                let start = self.loss.start(&self.y, weights.as_deref());
                let scores = start.iter().copied().cycle().take(n * k).collect();
                (Trees::new(self.columns.n_features(), start, false), scores)
            }
        };
        let mut given_scores = self.given_scores(watch.as_ref().map(|w| w.0), &trees);
        let mut random = Random::new(self.seed, 2);
        let mut grower = Grower::new(&self.binned, self.growth.clone());
        let (mut slopes, mut bends) = (vec![0.0; n * k], vec![0.0; n * k]);
        let mut gradients = Gradients::default();
        for round in 0..n_rounds {
            context.check()?;
            let taken = self.taken(round);
            self.fill(&scores, weights.as_deref(), taken.as_deref(), &mut slopes, &mut bends);
            let used = self.used(&mut random);
            let before = trees.n_trees();
            for output in 0..k {
                let seed = self.seed ^ ((round * k + output) as u64) << 33;
                gradients.fill(&slopes, &bends, output, k, seed);
                let share = self.params.subsample;
                let leaves = grower.grow(&gradients, &used, share, &mut trees);
                let left = Left { slopes: &slopes, bends: &bends, weights: weights.as_deref(), output, k };
                self.settle(&grower, &leaves, &left, &mut scores, &mut trees);
                trees.finish();
            }
            if let Some((watched, course)) = &mut watch {
                let loss = self.watched_loss(watched, &scores, &mut given_scores, &trees, before);
                if course.ended(loss) {
                    break;
                }
            }
        }
        Ok(trees)
    }

    /// The weight of each row; 0 for those held back.
    fn fit_weights(&self, watched: Option<&Watched>) -> Option<Vec<f64>> {
        let Some(Watched::Held(held)) = watched else { return self.weights.clone() };
        let own = |i: usize| self.weights.as_ref().map_or(1.0, |w| w[i]);
        Some(held.iter().enumerate().map(|(i, &held)| if held { 0.0 } else { own(i) }).collect())
    }

    /// Which rows a round's trees learn from, where not all do.
    fn taken(&self, round: usize) -> Option<Vec<bool>> {
        let share = self.params.subsample;
        (share < 1.0).then(|| {
            let mut random = Random::new(self.seed, 16 + round as u64);
            (0..self.y.len()).map(|_| random.unit() < share).collect()
        })
    }

    fn used(&self, random: &mut Random) -> Vec<bool> {
        let p = self.binned.n_features();
        if self.params.max_features >= 1.0 {
            return vec![true; p];
        }
        let n_used = ((self.params.max_features * p as f64).round() as usize).max(1);
        let mut order: Vec<usize> = (0..p).collect();
        random.shuffle(&mut order);
        let mut used = vec![false; p];
        order.into_iter().take(n_used).for_each(|j| used[j] = true);
        used
    }

    fn fill(
        &self,
        scores: &[f64],
        weights: Option<&[f64]>,
        taken: Option<&[bool]>,
        slopes: &mut [f64],
        bends: &mut [f64],
    ) {
        let k = self.loss.n_outputs();
        slopes.par_chunks_mut(CHUNK * k).zip(bends.par_chunks_mut(CHUNK * k)).enumerate().for_each(
            |(c, (slopes, bends))| {
                let (first, n) = (c * CHUNK, slopes.len() / k);
                let rows = first..first + n;
                self.loss.slopes(&self.y[rows.clone()], &scores[first * k..(first + n) * k], slopes, bends);
                if weights.is_none() && taken.is_none() {
                    return;
                }
                let factor = |i: usize| {
                    let counted = taken.is_none_or(|taken| taken[i]);
                    if counted { weights.map_or(1.0, |w| w[i]) } else { 0.0 }
                };
                for (i, (slopes, bends)) in
                    rows.zip(slopes.chunks_exact_mut(k).zip(bends.chunks_exact_mut(k)))
                {
                    let factor = factor(i);
                    slopes.iter_mut().chain(bends).for_each(|x| *x *= factor);
                }
            },
        );
    }

    /// Gives the leaves their values, and the scores these values.
    fn settle(
        &self,
        grower: &Grower<'_>,
        leaves: &[Leaf],
        left: &Left<'_>,
        scores: &mut [f64],
        trees: &mut Trees,
    ) {
        let rate = self.params.learning_rate;
        let scores_now = &*scores;
        let values: Vec<(f64, f64)> = leaves
            .par_iter()
            .map(|leaf| {
                let rows = &grower.rows()[leaf.rows.clone()];
                let (value, cover) = self.value(rows, left, scores_now);
                (rate * value.clamp(leaf.low, leaf.high), cover)
            })
            .collect();
        for (leaf, &(value, cover)) in leaves.iter().zip(&values) {
            trees.leaf(leaf.node, &[value], cover);
            for &row in &grower.rows()[leaf.rows.clone()] {
                scores[row as usize * left.k + left.output] += value;
            }
        }
    }

    /// The best constant for a leaf's rows, and their weight.
    fn value(&self, rows: &[u32], left: &Left<'_>, scores: &[f64]) -> (f64, f64) {
        let (mut slope, mut bend) = (0.0, 0.0);
        for &row in rows {
            let at = row as usize * left.k + left.output;
            slope += left.slopes[at];
            bend += left.bends[at];
        }
        let cover = match left.weights {
            None => rows.len() as f64,
            Some(weights) => rows.iter().map(|&row| weights[row as usize]).sum(),
        };
        if let Some(share) = self.loss.quantile() {
            let mut over: Vec<(f64, f64)> = rows
                .iter()
                .map(|&row| row as usize)
                .filter(|&i| left.bends[i] > 0.0)
                .map(|i| (self.y[i] - scores[i], left.bends[i]))
                .collect();
            return (weighted_quantile(&mut over, share), cover);
        }
        let softened = slope.signum() * (slope.abs() - self.params.l1).max(0.0);
        let below = bend + self.params.l2;
        (if below > 0.0 { -softened / below } else { 0.0 }, cover)
    }

    fn given_scores(&self, watched: Option<&Watched>, trees: &Trees) -> Vec<f64> {
        let Some(Watched::Given { x, y, .. }) = watched else { return Vec::new() };
        let mut scores = vec![0.0; y.len() * self.loss.n_outputs()];
        trees.rows(x, &mut scores);
        scores
    }

    /// The mean loss of the watched rows, with the trees from `before` on added to their scores.
    fn watched_loss(
        &self,
        watched: &Watched,
        scores: &[f64],
        given: &mut [f64],
        trees: &Trees,
        before: usize,
    ) -> f64 {
        let k = self.loss.n_outputs();
        let (mut total, mut weight) = (0.0, 0.0);
        match watched {
            Watched::Held(held) => {
                for i in (0..self.y.len()).filter(|&i| held[i]) {
                    let w = self.weights.as_ref().map_or(1.0, |w| w[i]);
                    total += w * self.loss.value(self.y[i], &scores[i * k..(i + 1) * k]);
                    weight += w;
                }
            }
            Watched::Given { x, y, weights } => {
                let p = self.columns.n_features();
                for (i, given) in given.chunks_exact_mut(k).enumerate() {
                    trees.add_from(before, &x[i * p..(i + 1) * p], given);
                    let w = weights.as_ref().map_or(1.0, |w| w[i]);
                    total += w * self.loss.value(y[i], given);
                    weight += w;
                }
            }
        }
        if weight > 0.0 { total / weight } else { 0.0 }
    }
}

/// What is left over by the trees so far.
struct Left<'a> {
    slopes: &'a [f64],
    bends: &'a [f64],
    weights: Option<&'a [f64]>,
    output: usize,
    k: usize,
}

/// How the watched loss went.
struct Course {
    best: f64,
    at: usize,
    now: usize,
    patience: usize,
}

impl Course {
    fn ended(&mut self, loss: f64) -> bool {
        self.now += 1;
        if loss < self.best {
            (self.best, self.at) = (loss, self.now);
        }
        self.now - self.at >= self.patience
    }
}
