//! `select_shadow`: columns that tell no more of the target than shuffled copies of columns are dropped.

use std::sync::Arc;

use arrow_array::ArrayRef;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tidemill_core::{
    Batch, Builtin, BuiltinStep, Column, Columns, Context, Error, Estimator, Fitted, KeyPath, Registry,
    Result, Role, Schema, Slot, State, Table, Target, Training, Trees,
};
use tidemill_kernel::Random;

use crate::selection::{self, dropped, load_dropped};

/// Shadows at least: the best of few is easily beaten by chance.
const SHADOWS: usize = 5;
/// Questions on the way to a leaf at most.
const DEPTH: usize = 7;

/// Drops number, flag and category columns that help a random forest no more than shadows do: copies of the columns whose values
/// are shuffled among the rows, so that they cannot tell anything of the target.
///
/// The method is Boruta (Kursa and Rudnicki 2010, "Feature selection with the Boruta package"): in each round a forest learns from
/// the columns and fresh shadows, and a column scores where its importance (mean decrease of impurity) exceeds that of the best
/// shadow. A column is dropped when it scores less often than by chance, by a binomial test at `alpha`, corrected for the number of
/// columns; what is undecided after all rounds stays. Unlike `select_l1` and `select_mutual_information` it sees columns that tell
/// something only together with others, and keeps all of several that say the same. Looks at 10,000 training rows at most, drawn by
/// chance. The weight column is not used. Rows to predict may lack the dropped columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SelectShadow {
    /// The columns to choose from; by default, every feature that is a number, a flag or a category.
    pub columns: Columns,
    /// The most rounds, 5 to 1000. With fewer than about 10 hardly anything can be dropped.
    pub rounds: usize,
    /// How many trees the forest of a round has, 1 to 10,000.
    pub n_trees: usize,
    /// The probability of deciding wrongly on any of the columns, above 0 and below 0.5.
    pub alpha: f64,
}

impl Default for SelectShadow {
    fn default() -> Self {
        SelectShadow { columns: Columns::default(), rounds: 20, n_trees: 100, alpha: 0.05 }
    }
}

/// What is known of a column so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Open,
    Kept,
    Dropped,
}

impl SelectShadow {
    /// What becomes of each of the columns.
    fn judge(&self, batch: &Batch, places: &[usize], context: &Context) -> Result<Vec<Verdict>> {
        let mut verdicts = vec![Verdict::Open; places.len()];
        let mut hits = vec![0usize; places.len()];
        let seed = context.seed_for(Self::KIND);
        for round in 0..self.rounds {
            if !verdicts.contains(&Verdict::Open) {
                break;
            }
            context.check()?;
            let left: Vec<usize> = (0..places.len()).filter(|j| verdicts[*j] != Verdict::Dropped).collect();
            let columns: Vec<usize> = left.iter().map(|j| places[*j]).collect();
            let table = with_shadows(batch, &columns, &mut Random::new(seed, round as u64))?;
            let stream = context.with_stream(&format!("{} {round}", Self::KIND));
            let params = json!({ "n_trees": self.n_trees, "max_depth": DEPTH });
            let fitted = context.build("random_forest", params)?.fit(Training::on(&table), &stream)?;
            let trees = fitted.as_trees().ok_or_else(|| Error::internal("a forest without trees"))?;
            let importances = importances(trees);
            let best = importances[left.len()..].iter().fold(0.0, |best: f64, x| best.max(*x));
            left.iter().zip(&importances).filter(|(_, x)| **x > best).for_each(|(j, _)| hits[*j] += 1);
            let level = self.alpha / places.len() as f64;
            for (verdict, hits) in verdicts.iter_mut().zip(&hits).filter(|(v, _)| **v == Verdict::Open) {
                *verdict = match (at_most(*hits, round + 1), at_most(round + 1 - hits, round + 1)) {
                    (few, _) if few < level => Verdict::Dropped,
                    (_, many) if many < level => Verdict::Kept,
                    _ => Verdict::Open,
                };
            }
        }
        Ok(verdicts)
    }
}

/// The columns, their shadows, and the target.
fn with_shadows(batch: &Batch, places: &[usize], random: &mut Random) -> Result<Table> {
    let n = batch.n_rows();
    let mut columns: Vec<Column> = Vec::new();
    let mut arrays: Vec<ArrayRef> = Vec::new();
    let mut add = |column: &Column, array: ArrayRef| {
        let named = Column { name: columns.len().to_string(), ..column.clone() };
        columns.push(named.with_role(if column.role == Role::Target { Role::Target } else { Role::Feature }));
        arrays.push(array);
    };
    let schema = batch.schema().columns();
    for &at in places {
        add(&schema[at], batch.column(at).clone());
    }
    let mut order: Vec<u32> = (0..n as u32).collect();
    let n_shadows = places.len() * SHADOWS.div_ceil(places.len().max(1));
    for &at in places.iter().cycle().take(n_shadows) {
        random.shuffle(&mut order);
        add(&schema[at], batch.select(&[at])?.take(&order)?.column(0).clone());
    }
    let target =
        batch.schema().role(Role::Target).ok_or_else(|| Error::internal("a target without a column"))?;
    add(&schema[target], batch.column(target).clone());
    Ok(Table::new(Batch::with_rows(Arc::new(Schema::new(columns)?), arrays, n)?))
}

/// By feature, by how much its questions lower the impurity of the target, summed over all trees: the variance, or for classes
/// Gini's. It follows from what the leaves answer and the weight of the rows that came there.
fn importances(trees: &Trees) -> Vec<f64> {
    let mut of = vec![0.0; trees.n_features()];
    let n = trees.n_nodes();
    let width = if n == 0 { 0 } else { trees.values(0).len() };
    let mut means = vec![0.0; n * width];
    // Children stand behind their parents.
    for node in (0..n).rev() {
        let Some((feature, left)) = trees.question(node) else {
            means[node * width..][..width].copy_from_slice(trees.values(node));
            continue;
        };
        let (a, b) = (trees.cover(left), trees.cover(left + 1));
        for k in 0..width {
            let (x, y) = (means[left * width + k], means[(left + 1) * width + k]);
            means[node * width + k] = x + (y - x) * (b / (a + b));
            of[feature] += a * b / (a + b) * (x - y) * (x - y);
        }
    }
    of
}

/// The probability of at most `hits` hits in so many rounds when each is as likely as not.
fn at_most(hits: usize, rounds: usize) -> f64 {
    // In logarithms: of 1000 rounds the counts alone exceed the largest number.
    let mut log = -(rounds as f64) * std::f64::consts::LN_2;
    let mut sum = log.exp();
    for k in 1..=hits.min(rounds) {
        log += ((rounds - k + 1) as f64 / k as f64).ln();
        sum += log.exp();
    }
    sum
}

impl Estimator for SelectShadow {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        context.check()?;
        let schema = training.train.schema();
        let places = selection::candidates(Self::KIND, &self.columns, schema)?;
        let batch = training.train.collect()?;
        Target::of(&batch)?;
        let batch = selection::sample(batch, "select_shadow sample", context)?;
        let verdicts = match batch.n_rows() {
            0 => Vec::new(),
            _ => self.judge(&batch, &places, context)?,
        };
        let gone = places.iter().zip(verdicts).filter(|(_, verdict)| *verdict == Verdict::Dropped);
        let names = gone.map(|(at, _)| schema.columns()[*at].name.clone());
        Ok(dropped((Self::KIND, Self::VERSION), names))
    }
}

impl Builtin for SelectShadow {
    const KIND: &'static str = "select_shadow";

    fn check(&self) -> Result<(), KeyPath> {
        if !(5..=1000).contains(&self.rounds) {
            return Err(KeyPath::new("rounds", format!("must be 5 to 1000, but is {}", self.rounds)));
        }
        if !(1..=10_000).contains(&self.n_trees) {
            return Err(KeyPath::new("n_trees", format!("must be 1 to 10000, but is {}", self.n_trees)));
        }
        match self.alpha {
            x if x > 0.0 && x < 0.5 => Ok(()),
            x => Err(KeyPath::new("alpha", format!("must be above 0 and below 0.5, but is {x}"))),
        }
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        load_dropped((Self::KIND, Self::VERSION), &state)
    }
}

impl BuiltinStep for SelectShadow {
    const SLOT: Slot = Slot::Select;
    const DONE: &'static str = "dropped where it helps no more than a shuffled copy";
}

#[cfg(test)]
mod tests {
    use tidemill_core::{Question, Trees};

    use super::{at_most, importances};

    /// scipy.stats.binom.cdf(k, n, 0.5), SciPy 1.17.
    #[test]
    fn tails_of_the_binomial_are_those_of_scipy() {
        let known =
            [(0, 10, 0.0009765625), (3, 10, 0.171875), (20, 20, 1.0), (430, 1000, 5.354_868_832_479_756e-6)];
        for (hits, rounds, wanted) in known {
            let found = at_most(hits, rounds);
            assert!((found / wanted - 1.0).abs() < 1e-9, "{hits} of {rounds}: {found}");
        }
    }

    /// Worked out by hand: ten rows at 1 and ten at 4 have a variance of 2.25, 45 in sum, and the second question takes what is left.
    #[test]
    fn importance_is_the_decrease_of_impurity() {
        let mut trees = Trees::new(2, vec![0.0], true);
        let root = trees.plant();
        let left = trees.split(root, 0, &Question::Number { threshold: 0.0 }, true);
        trees.leaf(left, &[1.0], 10.0);
        let below = trees.split(left + 1, 1, &Question::Number { threshold: 0.0 }, true);
        trees.leaf(below, &[3.0], 5.0);
        trees.leaf(below + 1, &[5.0], 5.0);
        trees.finish();
        assert_eq!(importances(&trees), [45.0, 10.0]);
    }
}
