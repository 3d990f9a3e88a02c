//! Boosting under way: a tree per round and output, each grown to the gradients that those before it left over.

use std::any::Any;

use rayon::prelude::*;
use tidemill_core::{Batch, Context, Error, Fitted, Result, Trees};
use tidemill_kernel::Random;
use tidemill_kernel::reduce::in_chunks;
use tidemill_kernel::trees::{Binned, Grower, Growth, Leaf, QuantizedGradients};

use super::curves::Curves;
use super::features::TreeColumns;
use super::losses::{Loss, weighted_quantile};
use super::stopping::TimeLimit;
use super::{BoostedTrees, FittedTrees, start};
use crate::{LearnError, rows};

/// Rows whose gradients one thread takes at a time.
pub(super) const CHUNK: usize = 8192;
/// Bins that few rows get whatever their number.
const LEAST_BINS: usize = 64;
/// Sums over more rows than this could overflow their words.
const MOST_ROWS: usize = 1 << 27;

/// What every round works on.
pub(super) struct Boost<'a> {
    pub(super) params: &'a BoostedTrees,
    pub(super) loss: &'a dyn Loss,
    pub(super) columns: TreeColumns,
    pub(super) y: Vec<f64>,
    pub(super) weights: Option<Vec<f64>>,
    /// The rows that belong together, so that none is watched while its copy is learned from.
    pub(super) blocks: Option<Vec<u32>>,
    /// What an earlier model of any sort says of each row, as scores.
    pub(super) started: Option<Vec<f64>>,
    /// An earlier model and its scores.
    pub(super) prior: Option<(Trees, Vec<f64>)>,
    pub(super) seed: u64,
    binned: Binned,
    growth: Growth,
}

impl<'a> Boost<'a> {
    pub(super) fn new(
        params: &'a BoostedTrees,
        loss: &'a dyn Loss,
        columns: TreeColumns,
        growth: Growth,
        batch: &Batch,
        y: Vec<f64>,
        context: &Context,
    ) -> Result<Self> {
        if y.len() > MOST_ROWS {
            return Err(LearnError::TooManyRows { found: y.len(), most: MOST_ROWS }.into());
        }
        let values = columns.values(batch)?;
        context.check()?;
        Ok(Boost {
            params,
            loss,
            binned: Binned::new(&values, bins_for(params.max_bins, batch.n_rows())),
            growth,
            columns,
            y,
            weights: rows::weights(batch)?,
            blocks: batch.blocks()?,
            started: None,
            prior: None,
            seed: context.seed_for("boosted_trees"),
        })
    }

    /// Goes on from an earlier fit of the same columns, whose answers for these rows are where it starts.
    pub(super) fn start_from(&mut self, prior: Option<&dyn Fitted>, batch: &Batch) -> Result<()> {
        let Some(prior) = prior else { return Ok(()) };
        let same = (prior as &dyn Any).downcast_ref::<FittedTrees>().filter(|prior| {
            let outputs = prior.trees.n_outputs() == self.loss.n_outputs();
            let link = prior.link == self.loss.link() && prior.kind == "boosted_trees" && !prior.started;
            prior.columns == self.columns && link && outputs
        });
        let Some(same) = same else {
            return Err(Error::data(
                "the earlier model cannot be continued: it is not of boosted trees on the same columns",
                "train anew, or give the model that was fitted on these columns",
            ));
        };
        let bound = self.columns.bind(batch.schema())?;
        let parts = in_chunks(self.y.len(), CHUNK, |rows| {
            let x = bound.gather(batch, rows.clone())?;
            let mut scores = vec![0.0; rows.len() * self.loss.n_outputs()];
            same.trees.rows(&x, &mut scores);
            Ok(scores)
        });
        let scores = parts.into_iter().collect::<Result<Vec<Vec<f64>>>>()?.concat();
        self.prior = Some((same.trees.clone(), scores));
        Ok(())
    }

    /// Adds trees on top of what the column in the role of the start says.
    pub(super) fn begin_at(&mut self, batch: &Batch, context: &Context) -> Result<()> {
        self.started = start::scores(batch, self.loss.link())?;
        if self.started.is_none() {
            context.warn("no_start", "there is no earlier model to start from: trees begin with nothing");
        }
        Ok(())
    }

    pub(super) fn weight(&self, row: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |w| w[row])
    }

    /// So many rounds on all rows.
    pub(super) fn rounds(&self, n: usize, curves: &mut Curves, context: &Context) -> Result<Trees> {
        let mut run = Run::new(self, &[]);
        let time = TimeLimit::of(context);
        for round in 0..n {
            context.check()?;
            if time.is_up(round, context) {
                break;
            }
            run.round();
            curves.train(round + 1, &run)?;
        }
        Ok(run.trees)
    }
}

/// Bins of about three rows are as fine as splits of few rows need, and a tree's cost is its bins where columns are many
/// (LightGBM's `min_data_in_bin`); some dozens there are always.
fn bins_for(asked: usize, n_rows: usize) -> usize {
    asked.min((n_rows / 3).max(LEAST_BINS))
}

/// One model in the making.
pub(super) struct Run<'a> {
    boost: &'a Boost<'a>,
    pub(super) trees: Trees,
    /// The score of every row and output.
    pub(super) scores: Vec<f64>,
    grower: Grower<'a>,
    /// The rows to learn from, and those that only follow.
    learned: Vec<u32>,
    held: Vec<u32>,
    gradients: Vec<f64>,
    hessians: Vec<f64>,
    quantized: QuantizedGradients,
    /// Rounds so far, those of an earlier model included: going on is the same as never having stopped.
    round: usize,
}

impl<'a> Run<'a> {
    /// No round yet. The rows `held` (ascending) are not learned from.
    pub(super) fn new(boost: &'a Boost<'a>, held: &[u32]) -> Self {
        let (n, k) = (boost.y.len(), boost.loss.n_outputs());
        let mut is_held = vec![false; n];
        held.iter().for_each(|&row| is_held[row as usize] = true);
        let counts = |row: u32| !is_held[row as usize] && boost.weight(row as usize) > 0.0;
        let (learned, held): (Vec<u32>, Vec<u32>) = (0..n as u32).partition(|&row| counts(row));
        let (trees, scores) = match (&boost.prior, &boost.started) {
            (Some((trees, scores)), _) => (trees.clone(), scores.clone()),
            (None, Some(scores)) => {
                (Trees::new(boost.columns.n_features(), vec![0.0; k], false), scores.clone())
            }
            (None, None) => {
                let y: Vec<f64> = learned.iter().map(|&row| boost.y[row as usize]).collect();
                let of_learned = |w: &Vec<f64>| learned.iter().map(|&row| w[row as usize]).collect();
                let weights: Option<Vec<f64>> = boost.weights.as_ref().map(of_learned);
                let start = boost.loss.start(&y, weights.as_deref());
                let scores = start.iter().copied().cycle().take(n * k).collect();
                (Trees::new(boost.columns.n_features(), start, false), scores)
            }
        };
        let earlier = trees.n_trees() / k.max(1);
        Run {
            boost,
            trees,
            scores,
            grower: Grower::new(&boost.binned, boost.growth.clone()),
            learned,
            held,
            gradients: vec![0.0; n * k],
            hessians: vec![0.0; n * k],
            quantized: QuantizedGradients::default(),
            round: earlier,
        }
    }

    /// The mean loss of the rows that are learned from.
    pub(super) fn mean_loss(&self) -> f64 {
        let (boost, k) = (self.boost, self.boost.loss.n_outputs());
        let parts = in_chunks(self.learned.len(), CHUNK, |rows| {
            let (mut sum, mut weight) = (0.0, 0.0);
            for &row in &self.learned[rows] {
                let (row, of_row) = (row as usize, boost.weight(row as usize));
                sum += of_row * boost.loss.value(boost.y[row], &self.scores[row * k..(row + 1) * k]);
                weight += of_row;
            }
            (sum, weight)
        });
        let (sum, weight) = parts.iter().fold((0.0, 0.0), |all, part| (all.0 + part.0, all.1 + part.1));
        sum / weight
    }

    /// A tree for each output.
    pub(super) fn round(&mut self) {
        let k = self.boost.loss.n_outputs();
        self.fill();
        let drawn = self.draw();
        let (learned, others) = match &drawn {
            Some((learned, others)) => (learned, others),
            None => (&self.learned, &self.held),
        };
        let used = self.used();
        for output in 0..k {
            let seed = self.boost.seed ^ ((self.round * k + output) as u64) << 33;
            self.quantized.fill(&self.gradients, &self.hessians, output, k, seed);
            let leaves = self.grower.grow(&self.quantized, learned, others, &used, &mut self.trees);
            let left = Left {
                boost: self.boost,
                gradients: &self.gradients,
                hessians: &self.hessians,
                scores: &self.scores,
                output,
            };
            let values: Vec<(f64, f64)> =
                leaves.par_iter().map(|leaf| left.value(leaf, &self.grower)).collect();
            for (leaf, &(value, cover)) in leaves.iter().zip(&values) {
                self.trees.leaf(leaf.node, &[value], cover);
            }
            add(&mut self.scores, (output, k), &leaves, &values, &self.grower);
            self.trees.finish();
        }
        self.round += 1;
    }

    /// The gradients and hessians of all rows.
    fn fill(&mut self) {
        let (boost, scores, k) = (self.boost, &self.scores, self.boost.loss.n_outputs());
        let chunks = self.gradients.par_chunks_mut(CHUNK * k).zip(self.hessians.par_chunks_mut(CHUNK * k));
        chunks.enumerate().for_each(|(c, (gradients, hessians))| {
            let (first, n) = (c * CHUNK, gradients.len() / k);
            let scores = &scores[first * k..(first + n) * k];
            boost.loss.gradients(&boost.y[first..first + n], scores, gradients, hessians);
            let Some(weights) = &boost.weights else { return };
            let rows = gradients.chunks_exact_mut(k).zip(hessians.chunks_exact_mut(k));
            for (weight, (gradients, hessians)) in weights[first..].iter().zip(rows) {
                gradients.iter_mut().chain(hessians).for_each(|x| *x *= weight);
            }
        });
    }

    /// The rows that this round learns from and the others, where not all are taken.
    fn draw(&self) -> Option<(Vec<u32>, Vec<u32>)> {
        let share = self.boost.params.subsample;
        if share >= 1.0 {
            return None;
        }
        let mut random = Random::new(self.boost.seed, 16 + self.round as u64);
        let (learned, mut others): (Vec<u32>, Vec<u32>) =
            self.learned.iter().partition(|_| random.unit() < share);
        others.extend(&self.held);
        // Two ascending runs: this merges them.
        others.sort();
        Some((learned, others))
    }

    /// Which features this round may ask about.
    fn used(&self) -> Vec<bool> {
        let (share, p) = (self.boost.params.max_features, self.boost.binned.n_features());
        if share >= 1.0 {
            return vec![true; p];
        }
        let mut order: Vec<usize> = (0..p).collect();
        Random::new(self.boost.seed, (1 << 40) + self.round as u64).shuffle(&mut order);
        let mut used = vec![false; p];
        let n_used = ((share * p as f64).round() as usize).max(1);
        order.into_iter().take(n_used).for_each(|j| used[j] = true);
        used
    }
}

/// Adds each leaf's value to the score of its rows. The rows of a leaf ascend, so each thread finds those of its own stretch of
/// scores.
fn add(
    scores: &mut [f64],
    (output, k): (usize, usize),
    leaves: &[Leaf],
    values: &[(f64, f64)],
    grower: &Grower<'_>,
) {
    scores.par_chunks_mut(CHUNK * k).enumerate().for_each(|(c, scores)| {
        let first = c * CHUNK;
        let end = first + scores.len() / k;
        for (leaf, (value, _)) in leaves.iter().zip(values) {
            let (rows, others) = (&grower.rows()[leaf.rows.clone()], &grower.others()[leaf.others.clone()]);
            for rows in [rows, others] {
                let start = rows.partition_point(|&row| (row as usize) < first);
                let own = rows[start..].iter().take_while(|&&row| (row as usize) < end);
                own.for_each(|&row| scores[(row as usize - first) * k + output] += value);
            }
        }
    });
}

/// What the trees so far left over.
struct Left<'a> {
    boost: &'a Boost<'a>,
    gradients: &'a [f64],
    hessians: &'a [f64],
    scores: &'a [f64],
    output: usize,
}

impl Left<'_> {
    /// What a leaf adds to the scores of its rows, and the weight of those that it learned from.
    fn value(&self, leaf: &Leaf, grower: &Grower<'_>) -> (f64, f64) {
        let (boost, rows) = (self.boost, &grower.rows()[leaf.rows.clone()]);
        let cover = match &boost.weights {
            None => rows.len() as f64,
            Some(weights) => rows.iter().map(|&row| weights[row as usize]).sum(),
        };
        let best = match boost.loss.quantile() {
            Some(share) => self.quantile(rows, share),
            None => self.newton(rows),
        };
        (boost.params.learning_rate * best.clamp(leaf.low, leaf.high), cover)
    }

    /// A Newton step from exact sums, whatever was rounded while the tree grew.
    fn newton(&self, rows: &[u32]) -> f64 {
        let (mut gradient, mut hessian) = (0.0, 0.0);
        let k = self.boost.loss.n_outputs();
        for &row in rows {
            let at = row as usize * k + self.output;
            gradient += self.gradients[at];
            hessian += self.hessians[at];
        }
        let softened = gradient.signum() * (gradient.abs() - self.boost.params.l1).max(0.0);
        let below = hessian + self.boost.params.l2;
        if below > 0.0 { -softened / below } else { 0.0 }
    }

    fn quantile(&self, rows: &[u32], share: f64) -> f64 {
        let over = |&row: &u32| {
            let row = row as usize;
            (self.boost.y[row] - self.scores[row], self.boost.weight(row))
        };
        weighted_quantile(&mut rows.iter().map(over).collect::<Vec<_>>(), share)
    }
}
