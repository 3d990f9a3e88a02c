//! `bagged`: copies of one learner, each on rows drawn with replacement, answer together.

use std::sync::Arc;

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tidemill_core::recipe::Spec;
use tidemill_core::{
    Batch, Builtin, BuiltinLearner, Categories, Context, Error, Estimator, Family, FitCost, Fitted, KeyPath,
    Needs, Registry, Result, Run, Schema, Shape, State, Table, Training,
};
use tidemill_kernel::Random;
use tidemill_kernel::answer::{most_probable, output};

use super::inner::{self, Truth};
use super::members::{self, Ensemble};
use crate::rows;

/// Bootstrap aggregation (Breiman 1996, "Bagging predictors"): copies of one learner, each fitted on as many rows as there are,
/// drawn with replacement; the mean of their probabilities, or of their numbers, is the answer. As scikit-learn's
/// `BaggingClassifier` and `BaggingRegressor`.
///
/// Helps learners whose answers change much with the rows, such as deep trees. The rows that a copy did not draw judge it: the
/// out-of-bag score stands in the model. A row drawn twice is a row of twice the weight. Without a learner, one decision tree is taken, grown until its leaves are pure.
///
/// ```
/// use tidemill_core::Builtin;
/// use tidemill_learn::ensemble::Bagged;
/// let mut bagged = Bagged::default();
/// (bagged.learner, bagged.copies) = (Some("logistic".into()), 20);
/// assert!(bagged.check().is_ok());
/// bagged.copies = 0;
/// assert!(bagged.check().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Bagged {
    /// The learner that is copied; without one, a decision tree.
    pub learner: Option<String>,
    /// The learner's own parameters.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub params: Map<String, Value>,
    /// How many copies, 1 to 1000.
    pub copies: usize,
    /// How many rows a copy draws, as a share of those there are, above 0 up to 1.
    pub max_samples: f64,
    /// Whether rows are drawn with replacement.
    pub bootstrap: bool,
    #[serde(skip)]
    needs: Needs,
}

impl Default for Bagged {
    fn default() -> Self {
        Bagged {
            learner: None,
            params: Map::new(),
            copies: 10,
            max_samples: 1.0,
            bootstrap: true,
            needs: Needs::default(),
        }
    }
}

impl Bagged {
    fn spec(&self) -> Spec {
        match &self.learner {
            Some(kind) => Spec { kind: kind.clone(), params: self.params.clone() },
            None => inner::one_tree(None),
        }
    }

    /// How often each row is drawn.
    fn draw(&self, n: usize, random: &mut Random) -> Vec<u32> {
        let many = ((self.max_samples * n as f64).round() as usize).clamp(1, n);
        let mut times = vec![0; n];
        if self.bootstrap {
            (0..many).for_each(|_| times[random.below(n)] += 1);
            return times;
        }
        let mut order: Vec<usize> = (0..n).collect();
        random.shuffle(&mut order);
        order[..many].iter().for_each(|&row| times[row] = 1);
        times
    }
}

impl Builtin for Bagged {
    const KIND: &'static str = "bagged";

    fn check(&self) -> Result<(), KeyPath> {
        if !(1..=1000).contains(&self.copies) {
            return Err(KeyPath::new("copies", format!("is {}, but must be 1 to 1000", self.copies)));
        }
        if !(self.max_samples > 0.0 && self.max_samples <= 1.0) {
            let problem = format!("is {}, but must be above 0, up to 1", self.max_samples);
            return Err(KeyPath::new("max_samples", problem));
        }
        if self.learner.is_none() && !self.params.is_empty() {
            return Err(KeyPath::new("params", "are of no learner: name it, as in learner = \"logistic\""));
        }
        Ok(())
    }

    fn load(registry: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        let Saved { classes, notes } = state.params()?;
        let copies = state.children.into_iter().map(|c| registry.load(c)).collect::<Result<Vec<_>>>()?;
        if copies.is_empty() {
            return Err(Error::state(Self::KIND, "there is no learner in it"));
        }
        Ok(Arc::new(FittedBagged { copies, classes: classes.map(Categories::new), notes }))
    }
}

impl BuiltinLearner for Bagged {
    const FAMILY: Family = Family::Ensemble;
    const COLUMN_ORDER_MATTERS: bool = true;
    const MEMORISES: bool = true;
    const LABEL: &'static [&'static str] = &["learner", "copies"];

    fn fit_cost(&self, _: &Shape) -> FitCost {
        FitCost::Fits(vec![(self.spec(), self.copies as f64)])
    }
}

impl Estimator for Bagged {
    tidemill_core::kind_and_params!();

    fn needs(&self) -> Needs {
        self.needs
    }

    fn assemble(&mut self, registry: &Registry) -> Result<(), KeyPath> {
        self.needs = inner::needs(registry, &self.spec(), "learner", "params")?;
        Ok(())
    }

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        let batch = rows::collect(training, context)?;
        let (own, blocks, truth) = (rows::weights(&batch)?, batch.blocks()?, Truth::of(&batch)?);
        let spec = self.spec();
        let seed = context.seed_for(Self::KIND);
        let one = |t: usize| -> Result<Copy> {
            let mut times = self.draw(batch.n_rows(), &mut Random::new(seed, t as u64));
            let weight = |row: usize| own.as_ref().map_or(1.0, |w| w[row]);
            if !times.iter().enumerate().any(|(row, &times)| times > 0 && weight(row) > 0.0) {
                // Only rows of no weight were drawn: all stand in.
                times.fill(1);
            }
            let stream = context.with_stream(&format!("copy {t}"));
            // All copies have the same to say.
            let stream = if t == 0 { stream } else { stream.quiet() };
            let fitted = inner::fit(&spec, &sample(&batch, &times, own.as_deref())?, &stream)?;
            let unseen = unseen(&times, blocks.as_deref());
            let answers = match unseen.is_empty() {
                true => Vec::new(),
                false => inner::answers(&fitted, &batch.take(&unseen)?)?,
            };
            Ok(Copy { fitted, unseen, answers })
        };
        let copies = (0..self.copies).into_par_iter().map(one).collect::<Result<Vec<_>>>()?;
        let notes = out_of_bag(&copies, &truth, own.as_deref());
        let copies = copies.into_iter().map(|copy| copy.fitted).collect();
        Ok(Arc::new(FittedBagged { copies, classes: truth.classes().cloned(), notes }))
    }
}

/// One copy, and what it says of rows that it did not draw.
struct Copy {
    fitted: Arc<dyn Fitted>,
    unseen: Vec<u32>,
    answers: Vec<f64>,
}

/// The rows that were drawn, each by its weight as often as it was.
fn sample(batch: &Batch, times: &[u32], own: Option<&[f64]>) -> Result<Table> {
    let rows: Vec<u32> = (0..times.len() as u32).filter(|&row| times[row as usize] > 0).collect();
    let weight = |&row: &u32| f64::from(times[row as usize]) * own.map_or(1.0, |own| own[row as usize]);
    inner::weighed(&batch.take(&rows)?, rows.iter().map(weight).collect())
}

/// The rows that were not drawn, nor any that belongs with them.
fn unseen(times: &[u32], blocks: Option<&[u32]>) -> Vec<u32> {
    let rows = 0..times.len() as u32;
    let Some(blocks) = blocks else { return rows.filter(|&row| times[row as usize] == 0).collect() };
    let drawn = times.iter().zip(blocks).filter(|(times, _)| **times > 0).map(|(_, &block)| block);
    let drawn: std::collections::BTreeSet<u32> = drawn.collect();
    rows.filter(|&row| !drawn.contains(&blocks[row as usize])).collect()
}

/// How well rows are answered by the copies that did not draw them: accuracy, or the coefficient of determination.
fn out_of_bag(copies: &[Copy], truth: &Truth, own: Option<&[f64]>) -> Value {
    let width = truth.width();
    let n = match truth {
        Truth::Numbers(numbers) => numbers.len(),
        Truth::Classes(codes, _) => codes.len(),
    };
    let (mut sums, mut counts) = (vec![0.0; n * width], vec![0.0; n]);
    for copy in copies {
        for (&row, answer) in copy.unseen.iter().zip(copy.answers.chunks_exact(width.max(1))) {
            let row = row as usize;
            sums[row * width..(row + 1) * width].iter_mut().zip(answer).for_each(|(sum, x)| *sum += x);
            counts[row] += 1.0;
        }
    }
    let weight = |row: usize| own.map_or(1.0, |own| own[row]);
    let judged: Vec<usize> = (0..n).filter(|&row| counts[row] > 0.0 && weight(row) > 0.0).collect();
    if judged.is_empty() {
        return json!({});
    }
    let total: f64 = judged.iter().map(|&row| weight(row)).sum();
    let mean = |of: &dyn Fn(usize) -> f64| judged.iter().map(|&i| weight(i) * of(i)).sum::<f64>() / total;
    let (metric, score) = match truth {
        Truth::Classes(codes, _) => {
            let said = |row: usize| most_probable(&sums[row * width..(row + 1) * width]);
            ("accuracy", mean(&|row| f64::from(u8::from(said(row) == codes[row]))))
        }
        Truth::Numbers(numbers) => {
            let middle = mean(&|row| numbers[row]);
            let off = mean(&|row| (numbers[row] - sums[row] / counts[row]).powi(2));
            ("r2", 1.0 - off / mean(&|row| (numbers[row] - middle).powi(2)))
        }
    };
    json!({ "metric": metric, "out_of_bag": score, "rows": judged.len() })
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    classes: Option<Vec<String>>,
    notes: Value,
}

/// Copies of a learner that answer by the mean.
pub struct FittedBagged {
    copies: Vec<Arc<dyn Fitted>>,
    classes: Option<Arc<Categories>>,
    notes: Value,
}

impl FittedBagged {
    /// The out-of-bag score: `metric`, `out_of_bag` and how many `rows` it rests on; empty where every copy saw every row.
    pub fn notes(&self) -> &Value {
        &self.notes
    }
}

impl Ensemble for FittedBagged {
    fn word(&self) -> &'static str {
        Bagged::KIND
    }

    fn members(&self) -> &[Arc<dyn Fitted>] {
        &self.copies
    }

    fn classes(&self) -> Option<&Arc<Categories>> {
        self.classes.as_ref()
    }

    fn join(&self, answers: &[f64], out: &mut [f64]) {
        out.fill(0.0);
        for answer in answers.chunks_exact(out.len().max(1)) {
            out.iter_mut().zip(answer).for_each(|(sum, x)| *sum += x);
        }
        out.iter_mut().for_each(|sum| *sum /= self.copies.len() as f64);
    }
}

impl Fitted for FittedBagged {
    fn parts(&self) -> Vec<&Arc<dyn Fitted>> {
        self.copies.iter().collect()
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        for copy in &self.copies {
            copy.output(input)?;
        }
        output(input, self.classes.as_ref())
    }

    fn state(&self) -> State {
        let classes = self.classes.as_ref().map(|c| c.names().iter().map(|n| n.to_string()).collect());
        let state = State::new(Bagged::KIND, Bagged::VERSION, Saved { classes, notes: self.notes.clone() });
        self.copies.iter().fold(state, |state, copy| state.child(copy.state()))
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        members::bind(self, input)
    }

    fn size(&self) -> u64 {
        self.copies.iter().map(|copy| copy.size()).sum()
    }

    fn operations(&self) -> u64 {
        self.copies.iter().map(|copy| copy.operations()).sum()
    }
}
