//! `k_neighbors`: the answer of the rows nearest in training.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidemill_core::{
    Builtin, BuiltinLearner, Context, Error, Estimator, Family, FitCost, Fitted, KeyPath, Needs, Registry,
    Result, Run, Schema, Search, Shape, State, TensorData, Training,
};
use tidemill_kernel::Features;
use tidemill_kernel::neighbors::{Distance, Neighbors};

use crate::sample::Sample;
use crate::scorer::{self, Scorer};
use tidemill_kernel::Classes;

/// How far apart two rows are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// The root of the sum of squared differences.
    #[default]
    Euclidean,
    /// The sum of absolute differences.
    Manhattan,
    /// One less the cosine of the angle between them.
    Cosine,
}

/// How much each neighbour counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Votes {
    /// All alike.
    #[default]
    Uniform,
    /// By one over its distance; neighbours at distance 0, where there are any, count alone.
    Distance,
}

/// The mean target of the `n_neighbors` nearest training rows or, for classes, each class's share among them; as
/// scikit-learn's `KNeighborsRegressor` and `KNeighborsClassifier`. The search is exact; of rows equally far the first in the
/// table is taken. A row's weight multiplies its vote, and rows of weight 0 are not neighbours.
///
/// The model holds all training rows: its file is as large as they are, and contains them.
///
/// A row with a missing or infinite feature gets the mean or the shares of the training rows.
///
/// ```
/// use tidemill_core::Builtin;
/// use tidemill_learn::neighbors::KNeighbors;
/// assert!(KNeighbors { n_neighbors: 0, ..KNeighbors::default() }.check().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KNeighbors {
    /// How many neighbours answer, from 1.
    pub n_neighbors: usize,
    /// How much each neighbour counts.
    pub weights: Votes,
    /// How far apart two rows are.
    pub metric: Metric,
}

impl Default for KNeighbors {
    fn default() -> Self {
        KNeighbors { n_neighbors: 5, weights: Votes::Uniform, metric: Metric::Euclidean }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    settings: KNeighbors,
    features: Features,
    /// `None` for a model of a number.
    classes: Option<Vec<String>>,
    n_rows: usize,
    weighted: bool,
}

impl Builtin for KNeighbors {
    const KIND: &'static str = "k_neighbors";

    fn check(&self) -> Result<(), KeyPath> {
        match self.n_neighbors {
            0 => Err(KeyPath::new("n_neighbors", "is 0, but must be at least 1")),
            _ => Ok(()),
        }
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        let Saved { settings, features, classes, n_rows, weighted } = state.params()?;
        let p = features.n_columns();
        let too_many = || Error::state(Self::KIND, "more numbers than memory can hold");
        let points = state.floats_of("points", n_rows.checked_mul(p).ok_or_else(too_many)?)?.to_vec();
        if points.iter().any(|x| !x.is_finite()) {
            return Err(Error::state(Self::KIND, "'points' holds a number that is not finite"));
        }
        let weights = weighted.then(|| state.floats_of("weights", n_rows)).transpose()?.map(<[f64]>::to_vec);
        let truth = match classes {
            None => {
                let numbers = state.floats_of("targets", n_rows)?.to_vec();
                Truth::Numbers { numbers, mean: state.floats_of("mean", 1)?[0] }
            }
            Some(names) => {
                let classes = Classes::load(&state, names)?;
                let codes = match state.tensors.get("targets").map(|t| &t.data) {
                    Some(TensorData::U32(codes)) if codes.len() == n_rows => codes.clone(),
                    _ => return Err(Error::state(Self::KIND, "tensor 'targets' is not a class per row")),
                };
                if codes.iter().any(|&c| c as usize >= classes.k()) {
                    return Err(Error::state(Self::KIND, "'targets' names a class that is not there"));
                }
                Truth::Classes { classes, codes }
            }
        };
        Ok(Arc::new(FittedKNeighbors::new(settings, features, points, truth, weights)))
    }
}

impl BuiltinLearner for KNeighbors {
    const FAMILY: Family = Family::Neighbors;
    const MEMORISES: bool = true;
    const KEEPS_ROWS: bool = true;

    fn fit_cost(&self, shape: &Shape) -> FitCost {
        FitCost::Operations(0.3 * shape.rows * shape.rows * shape.width)
    }
}

impl Estimator for KNeighbors {
    tidemill_core::kind_and_params!();

    fn needs(&self) -> Needs {
        Needs { complete: true, numeric: true, scaled: true, tabular: true, ..Needs::default() }
    }

    fn search(&self) -> Vec<Search> {
        vec![
            Search { key: "n_neighbors", values: [5, 15, 30, 9, 3, 60].map(Value::from).to_vec() },
            Search { key: "weights", values: ["uniform", "distance"].map(Value::from).to_vec() },
        ]
    }

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        let sample = Sample::of(training, context)?;
        sample.check_sizes()?;
        let truth = if sample.has_classes() {
            let (classes, codes) = sample.classes()?;
            classes.warn_if_one(context);
            Truth::Classes { classes, codes }
        } else {
            let numbers = sample.numbers()?;
            let total: f64 = (0..sample.n).map(|i| sample.weight(i)).sum();
            let off: f64 = numbers.iter().enumerate().map(|(i, y)| sample.weight(i) * (y - numbers[0])).sum();
            let mean = numbers[0] + off / total;
            Truth::Numbers { numbers, mean }
        };
        if sample.n < self.n_neighbors {
            context.warn(
                "few_rows",
                format!("k_neighbors has {} rows for {} neighbours: all answer", sample.n, self.n_neighbors),
            );
        }
        let Sample { features, x, weights, .. } = sample;
        Ok(Arc::new(FittedKNeighbors::new(self.clone(), features, x, truth, weights)))
    }
}

/// The targets of the training rows.
#[derive(Debug)]
enum Truth {
    Numbers {
        numbers: Vec<f64>,
        mean: f64,
    },
    /// The class of each row as its place among those present.
    Classes {
        classes: Classes,
        codes: Vec<u32>,
    },
}

/// What [`KNeighbors`] learned: the rows themselves.
#[derive(Debug)]
pub struct FittedKNeighbors {
    settings: KNeighbors,
    features: Features,
    /// The rows as they came, where the search holds them changed (for the cosine).
    raw: Option<Vec<f64>>,
    truth: Truth,
    weights: Option<Vec<f64>>,
    search: Neighbors,
}

impl FittedKNeighbors {
    fn new(
        settings: KNeighbors,
        features: Features,
        points: Vec<f64>,
        truth: Truth,
        weights: Option<Vec<f64>>,
    ) -> Self {
        let distance = match settings.metric {
            Metric::Euclidean => Distance::Euclidean,
            Metric::Manhattan => Distance::Manhattan,
            Metric::Cosine => Distance::Cosine,
        };
        let raw = (distance == Distance::Cosine).then(|| points.clone());
        let search = Neighbors::new(points, features.n_columns(), distance);
        FittedKNeighbors { settings, features, raw, truth, weights, search }
    }

    /// The training rows, ready to be searched.
    pub fn neighbors(&self) -> &Neighbors {
        &self.search
    }

    /// How much each of the neighbours found counts.
    fn votes(&self, indices: &[u32], distances: &[f64], votes: &mut Vec<f64>) {
        votes.clear();
        match self.settings.weights {
            Votes::Uniform => votes.resize(indices.len(), 1.0),
            Votes::Distance if distances.first() == Some(&0.0) => {
                votes.extend(distances.iter().map(|d| if *d == 0.0 { 1.0 } else { 0.0 }));
            }
            Votes::Distance => votes.extend(distances.iter().map(|d| 1.0 / d)),
        }
        if let Some(weights) = &self.weights {
            votes.iter_mut().zip(indices).for_each(|(vote, &i)| *vote *= weights[i as usize]);
        }
        let total: f64 = votes.iter().sum();
        // Neighbours infinitely far, or so near that one over the distance is infinite, all count alike.
        if !(total > 0.0 && total.is_finite()) {
            votes.fill(1.0);
        }
    }

    fn tally(&self, indices: &[u32], votes: &[f64], scores: &mut Vec<f64>, out: &mut [f64]) {
        let total: f64 = votes.iter().sum();
        match &self.truth {
            Truth::Numbers { numbers, .. } => {
                let sum: f64 = indices.iter().zip(votes).map(|(&i, vote)| vote * numbers[i as usize]).sum();
                out[0] = sum / total;
            }
            Truth::Classes { classes, codes } => {
                scores.clear();
                scores.resize(classes.k(), 0.0);
                indices.iter().zip(votes).for_each(|(&i, vote)| scores[codes[i as usize] as usize] += vote);
                scores.iter_mut().for_each(|s| *s /= total);
                classes.spread(scores, out);
            }
        }
    }

    /// The answer where nothing is known of a row.
    fn fallback(&self, out: &mut [f64]) {
        match &self.truth {
            Truth::Numbers { mean, .. } => out.fill(*mean),
            Truth::Classes { classes, .. } => out.copy_from_slice(&classes.shares),
        }
    }
}

/// Buffers of one thread.
#[derive(Default)]
pub(crate) struct Scratch {
    votes: Vec<f64>,
    scores: Vec<f64>,
    queries: Vec<f64>,
}

impl Scorer for FittedKNeighbors {
    type Scratch = Scratch;

    fn features(&self) -> &Features {
        &self.features
    }

    fn classes(&self) -> Option<&Classes> {
        match &self.truth {
            Truth::Numbers { .. } => None,
            Truth::Classes { classes, .. } => Some(classes),
        }
    }

    fn chunk(&self) -> usize {
        // The search cuts them up further, for all threads.
        8192
    }

    fn answer(&self, rows: &[f64], n_rows: usize, scratch: &mut Scratch, out: &mut [f64]) {
        let (p, width) = (self.features.n_columns(), self.width());
        let row = |i: usize| &rows[i * p..(i + 1) * p];
        let known: Vec<bool> = (0..n_rows).map(|i| p > 0 && row(i).iter().all(|x| x.is_finite())).collect();
        let queries = match known.iter().all(|k| *k) {
            true => rows,
            false => {
                scratch.queries.clear();
                (0..n_rows).filter(|&i| known[i]).for_each(|i| scratch.queries.extend_from_slice(row(i)));
                &scratch.queries
            }
        };
        let found = self.search.nearest(queries, self.settings.n_neighbors, None);
        let mut query = 0;
        for (out, known) in out.chunks_exact_mut(width).zip(known) {
            if !known || found.k == 0 {
                self.fallback(out);
                continue;
            }
            let (indices, distances) = found.of(query);
            self.votes(indices, distances, &mut scratch.votes);
            self.tally(indices, &scratch.votes, &mut scratch.scores, out);
            query += 1;
        }
    }
}

impl Fitted for FittedKNeighbors {
    fn output(&self, input: &Schema) -> Result<Schema> {
        scorer::output_of(self, input)
    }

    fn state(&self) -> State {
        let p = self.features.n_columns();
        let n_rows = match &self.truth {
            Truth::Numbers { numbers, .. } => numbers.len(),
            Truth::Classes { codes, .. } => codes.len(),
        };
        let saved = Saved {
            settings: self.settings.clone(),
            features: self.features.clone(),
            classes: self.classes().map(Classes::words),
            n_rows,
            weighted: self.weights.is_some(),
        };
        let points = TensorData::F64(self.raw.as_deref().unwrap_or(self.search.points()).to_vec());
        let state = State::new(KNeighbors::KIND, KNeighbors::VERSION, saved).tensor(
            "points",
            vec![n_rows, p],
            points,
        );
        let state = match &self.truth {
            Truth::Numbers { numbers, mean } => state.floats("targets", numbers).floats("mean", &[*mean]),
            Truth::Classes { classes, codes } => {
                classes.save(state).tensor("targets", vec![n_rows], TensorData::U32(codes.clone()))
            }
        };
        match &self.weights {
            Some(weights) => state.floats("weights", weights),
            None => state,
        }
    }

    fn size(&self) -> u64 {
        let truth = match &self.truth {
            Truth::Numbers { numbers, .. } => 8 * (numbers.len() as u64 + 1),
            Truth::Classes { classes, codes } => classes.size() + 4 * codes.len() as u64,
        };
        let weights = self.weights.as_ref().map_or(0, Vec::len);
        8 * (self.search.points().len() + weights) as u64 + truth
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        scorer::bind(self, input)
    }
}
