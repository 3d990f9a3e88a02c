//! `label_propagation`: what the neighbours of a row are is what it is.

use std::sync::Arc;

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidemill_core::{
    Batch, Builtin, BuiltinLearner, Context, Error, Estimator, Family, FitCost, Fitted, KeyPath, Registry,
    Result, Role, Row, Run, Schema, Search, Shape, State, Training, Weights,
};
use tidemill_kernel::Classes;
use tidemill_kernel::answer::{Answer, output};
use tidemill_kernel::graph::{Graph, Names, Said};

use crate::{LearnError, rows};

/// The mean target of the rows that a row is tied to or, for classes, the share of each (Zhu and Ghahramani 2002): what every learner of
/// graphs is held against. Reads no feature.
///
/// The rows of training keep their labels, and a row's own is never asked. A neighbour that was not among them says what its own
/// neighbours are, which agrees with scikit-learn's `LabelPropagation` on the same ties where `prior` is 0. A row without neighbours gets
/// the mean or the shares of all rows. Needs `[graph]`. The model holds the keys, ties and labels of the training rows.
///
/// ```
/// use tidemill_core::Builtin;
/// use tidemill_learn::neighbors::LabelPropagation;
/// assert!(LabelPropagation { prior: -1.0 }.check().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LabelPropagation {
    /// How much the mean or the shares of all rows count beside the neighbours: as one more of this weight, from 0.
    pub prior: f64,
}

impl Default for LabelPropagation {
    fn default() -> Self {
        LabelPropagation { prior: 1.0 }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    settings: LabelPropagation,
    /// `None` for a model of a number.
    classes: Option<Vec<String>>,
    keys: Vec<String>,
    n_rows: usize,
}

impl Builtin for LabelPropagation {
    const KIND: &'static str = "label_propagation";

    fn check(&self) -> Result<(), KeyPath> {
        if self.prior >= 0.0 && self.prior.is_finite() {
            return Ok(());
        }
        Err(KeyPath::new("prior", format!("is {}, but must be a number from 0 up", self.prior)))
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        let Saved { settings, classes, keys, n_rows } = state.params()?;
        if let Err(wrong) = settings.check() {
            return Err(Error::state(Self::KIND, format!("'{}' {}", wrong.path, wrong.problem)));
        }
        let classes = classes.map(|names| Classes::load(&state, names)).transpose()?;
        let width = classes.as_ref().map_or(1, Classes::k);
        let graph = Graph::load(&state, keys, n_rows)?;
        let too_many = || Error::state(Self::KIND, "more numbers than memory can hold");
        let labels = state.floats_of("labels", n_rows.checked_mul(width).ok_or_else(too_many)?)?.to_vec();
        let weights = state.floats_of("weights", n_rows)?.to_vec();
        let usual = state.floats_of("usual", width)?.to_vec();
        Ok(Arc::new(FittedLabelPropagation { settings, graph, classes, labels, weights, usual }))
    }
}

impl BuiltinLearner for LabelPropagation {
    const FAMILY: Family = Family::Neighbors;
    const WEIGHTS: Weights = Weights::Equivalent;
    const KEEPS_ROWS: bool = true;
    const TIED_ROWS: bool = true;

    fn fit_cost(&self, shape: &Shape) -> FitCost {
        FitCost::Operations(100.0 * shape.rows)
    }
}

impl Estimator for LabelPropagation {
    tidemill_core::kind_and_params!();

    fn search(&self) -> Vec<Search> {
        vec![Search { key: "prior", values: [1.0, 0.25, 4.0].map(Value::from).to_vec() }]
    }

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        let batch = rows::collect(training, context)?;
        let names = Names::of(batch.schema())?;
        if names.neighbors.is_none() || names.key.is_none() {
            return Err(LearnError::NoGraph { learner: Self::KIND }.into());
        }
        let of_row = rows::weights(&batch)?.unwrap_or_else(|| vec![1.0; batch.n_rows()]);
        let said = (0..batch.n_rows()).map(|i| names.of_batch(&batch, i)).collect::<Result<Vec<_>>>()?;
        let (graph, places) = Graph::of(said);
        let at = batch.schema().role(Role::Target).unwrap_or_default();
        let is_class = batch.schema().columns().get(at).is_some_and(|c| c.categories.is_some());
        let (classes, row_labels): (_, Vec<f64>) = if is_class {
            let (codes, names) = rows::classes(&batch)?;
            let (classes, codes) = Classes::of(names, codes, Some(&of_row));
            classes.warn_if_one(context);
            let k = classes.k();
            let one = |&code: &u32| (0..k).map(move |c| f64::from(u8::from(c == code as usize)));
            let labels = codes.iter().flat_map(one).collect();
            (Some(classes), labels)
        } else {
            (None, rows::moderate_numbers(&batch)?)
        };
        let width = classes.as_ref().map_or(1, Classes::k);
        let n = graph.n_rows();
        let (mut labels, mut weights, mut usual) = (vec![0.0; n * width], vec![0.0; n], vec![0.0; width]);
        let mut total = 0.0;
        for ((&place, &weight), label) in places.iter().zip(&of_row).zip(row_labels.chunks_exact(width)) {
            add(&mut labels[place as usize * width..][..width], label, weight);
            add(&mut usual, label, weight);
            weights[place as usize] += weight;
            total += weight;
        }
        // Rows of one key say together what they are on average.
        for (label, &weight) in labels.chunks_exact_mut(width).zip(&weights).filter(|(_, w)| **w > 0.0) {
            label.iter_mut().for_each(|x| *x /= weight);
        }
        usual.iter_mut().for_each(|x| *x /= total);
        let settings = self.clone();
        Ok(Arc::new(FittedLabelPropagation { settings, graph, classes, labels, weights, usual }))
    }
}

fn add(sums: &mut [f64], values: &[f64], weight: f64) {
    sums.iter_mut().zip(values).for_each(|(sum, x)| *sum += weight * x);
}

/// The labels of the training rows and who is tied to whom.
pub struct FittedLabelPropagation {
    settings: LabelPropagation,
    graph: Graph,
    classes: Option<Classes>,
    /// Of each row, its number or what share it is of each class.
    labels: Vec<f64>,
    /// How much each row counts.
    weights: Vec<f64>,
    /// The mean of all labels.
    usual: Vec<f64>,
}

impl FittedLabelPropagation {
    /// What the neighbours say of a row that says this of itself.
    ///
    /// Its own label `f` is open, and so is that `g` of each neighbour outside: `f` is the weighted mean of all neighbours, and `g` that of
    /// its rows and of `f`. What is left is one equation for `f`.
    fn label(&self, said: &Said<'_>) -> Vec<f64> {
        let width = self.usual.len();
        let (own, ties) = self.graph.around(said);
        let mut sum: Vec<f64> = self.usual.iter().map(|x| self.settings.prior * x).collect();
        let mut total = self.settings.prior;
        for (to, weight) in ties {
            let weight = f64::from(weight);
            if self.graph.is_row(to) {
                self.count(to, weight, &mut sum, &mut total);
                continue;
            }
            let (mut inner, mut inner_total) = (vec![0.0; width], 0.0);
            let (rows, weights) = self.graph.ties(to);
            for (&row, &tie) in rows.iter().zip(weights).filter(|(row, _)| Some(**row) != own) {
                self.count(row, f64::from(tie), &mut inner, &mut inner_total);
            }
            // What comes back to the row itself is taken out of its own share.
            let share = weight / (inner_total + weight);
            add(&mut sum, &inner, share);
            total += weight - weight * share;
        }
        if total > 0.0 {
            sum.iter_mut().for_each(|x| *x /= total);
            sum
        } else {
            self.usual.clone()
        }
    }

    fn count(&self, row: u32, tie: f64, sum: &mut [f64], total: &mut f64) {
        let (at, width) = (row as usize, self.usual.len());
        let weight = tie * self.weights[at];
        add(sum, &self.labels[at * width..][..width], weight);
        *total += weight;
    }

    /// The answer that a label means.
    fn spread(&self, label: &[f64]) -> Vec<f64> {
        let Some(classes) = &self.classes else { return label.to_vec() };
        let mut all = vec![0.0; classes.names.len()];
        classes.spread(label, &mut all);
        all
    }
}

impl Fitted for FittedLabelPropagation {
    fn output(&self, input: &Schema) -> Result<Schema> {
        Names::of(input)?;
        output(input, self.classes.as_ref().map(|c| &c.names))
    }

    fn state(&self) -> State {
        let saved = Saved {
            settings: self.settings.clone(),
            classes: self.classes.as_ref().map(Classes::words),
            keys: self.graph.keys().to_vec(),
            n_rows: self.graph.n_rows(),
        };
        let state = State::new(LabelPropagation::KIND, LabelPropagation::VERSION, saved)
            .floats("labels", &self.labels)
            .floats("weights", &self.weights)
            .floats("usual", &self.usual);
        let state = self.graph.save(state);
        match &self.classes {
            Some(classes) => classes.save(state),
            None => state,
        }
    }

    fn size(&self) -> u64 {
        let floats = self.labels.len() + self.weights.len() + self.usual.len();
        8 * floats as u64 + self.graph.size() + self.classes.as_ref().map_or(0, Classes::size)
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        let answer = Answer::bind(input, self.classes.as_ref().map(|c| &c.names))?;
        Ok(Box::new(Bound { names: Names::of(input)?, fitted: self, answer }))
    }
}

struct Bound {
    fitted: Arc<FittedLabelPropagation>,
    names: Names,
    answer: Answer,
}

impl Run for Bound {
    fn apply(&mut self, batch: &Batch) -> Result<Batch> {
        let of_row = |i: usize| {
            let label = self.fitted.label(&self.names.of_batch(batch, i)?);
            Ok(self.fitted.spread(&label))
        };
        let answers = (0..batch.n_rows()).into_par_iter().map(of_row).collect::<Result<Vec<_>>>()?.concat();
        match self.fitted.classes {
            None => self.answer.numbers(batch, answers),
            Some(_) => self.answer.probabilities(batch, answers),
        }
    }

    fn row(&mut self, row: &mut Row) -> Result<()> {
        let label = self.fitted.label(&self.names.of_row(row)?);
        let answer = self.fitted.spread(&label);
        match self.fitted.classes {
            None => self.answer.number(row, answer[0]),
            Some(_) => self.answer.probability(row, answer),
        }
        Ok(())
    }
}
