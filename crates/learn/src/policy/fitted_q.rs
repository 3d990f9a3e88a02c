//! `policy_fitted_q`: a model of the reward for each action, by any learner; the action of the greatest.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tidemill_core::{
    Batch, Builtin, BuiltinLearner, Categories, Cell, Column, Context, Error, Estimator, Family, Fitted,
    KeyPath, Kind, Needs, Registry, Result, Role, Row, Run, Schema, State, Table, TensorData, Training,
    Weights,
};
use tidemill_kernel::episodes::episodes;

use super::answer::{PolicyAnswer, output};
use super::decisions::Logged;
use super::explore::{check_share, explored, greatest};
use crate::Baseline;

/// With fewer rows of an action, its reward is taken for their mean: a learner would follow single rows.
const MIN_ROWS: usize = 10;

/// A model of the reward for each action, fitted on the decisions that took it; the policy takes the action of which the most is expected.
///
/// Any learner of numbers will do: trees, linear models, or a net with the encoders of its columns. Where decisions belong to episodes
/// (`[policy] episode`), a model says what the rest of the episode is worth after the action, by fitted Q iteration (Ernst, Geurts and Wehenkel
/// 2005): in each round it is fitted to the reward and `discount` times the most that the models of the round before expect of
/// the next decision. A share `epsilon` of the decisions is drawn from all actions alike.
///
/// ```
/// use tidemill_core::Estimator;
/// use tidemill_learn::policy::FittedQ;
/// let learner = FittedQ { learner: "ridge".into(), ..FittedQ::default() };
/// assert_eq!(learner.params()["epsilon"], 0.05);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FittedQ {
    /// The learner of each action's reward, any that learns numbers: `boosted_trees`, `ridge`, `neural_net`, …
    pub learner: String,
    /// The learner's own parameters.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub params: Map<String, Value>,
    /// The share of decisions that is drawn from all actions alike, from 0 to 1.
    pub epsilon: f64,
    /// Of episodes: what a reward of the next decision is worth now, from 0 to 1.
    pub discount: f64,
    /// Of episodes: how many rounds, 1 to 1000; each looks one decision further ahead.
    pub iterations: usize,
}

impl Default for FittedQ {
    fn default() -> Self {
        FittedQ {
            learner: "boosted_trees".into(),
            params: Map::new(),
            epsilon: 0.05,
            discount: 0.95,
            iterations: 10,
        }
    }
}

impl Builtin for FittedQ {
    const KIND: &'static str = "policy_fitted_q";

    fn check(&self) -> Result<(), KeyPath> {
        check_share("epsilon", self.epsilon)?;
        check_share("discount", self.discount)?;
        match self.iterations {
            1..=1000 => Ok(()),
            n => Err(KeyPath::new("iterations", format!("must be 1 to 1000; it is {n}"))),
        }
    }

    fn load(registry: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        let wrong = |problem: &str| Error::state(Self::KIND, problem);
        let actions: Vec<String> = state.params()?;
        let [epsilon] = *state.floats_of("epsilon", 1)? else {
            return Err(wrong("tensor 'epsilon' should be one number"));
        };
        let present = match state.tensors.get("present").map(|t| &t.data) {
            Some(TensorData::U32(present)) => present.clone(),
            _ => return Err(wrong("tensor 'present' is missing")),
        };
        let sorted = present.windows(2).all(|w| w[0] < w[1]);
        if !sorted || present.last().is_none_or(|last| *last as usize >= actions.len()) {
            return Err(wrong("'present' does not list actions in order"));
        }
        if state.children.len() != present.len() {
            return Err(wrong("it has not one model for each action"));
        }
        let models = state.children.into_iter().map(|model| registry.load(model));
        let (models, names) = (models.collect::<Result<_>>()?, Categories::new(actions));
        Ok(Arc::new(FittedActions { models, present, names, epsilon }))
    }
}

impl BuiltinLearner for FittedQ {
    const FAMILY: Family = Family::Policy;
    const WEIGHTS: Weights = Weights::Ignored;
    const COLUMN_ORDER_MATTERS: bool = true;
    const LABEL: &'static [&'static str] = &["learner", "epsilon", "discount", "iterations"];
}

impl Estimator for FittedQ {
    tidemill_core::kind_and_params!();

    fn needs_of(&self, registry: &Registry) -> Result<Needs> {
        Ok(registry.build(&self.learner, Value::Object(self.params.clone()))?.needs())
    }

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        let logged = Logged::of(training, context)?;
        let next = successors(&logged.batch)?;
        let rounds = if next.is_some() { self.iterations } else { 1 };
        let mut worth = logged.rewards.clone();
        let mut fitted = self.round(&logged, &worth, &context.with_stream("round 0"))?;
        for round in 1..rounds {
            let most = fitted.most(&logged.batch)?;
            for (row, worth) in worth.iter_mut().enumerate() {
                let later = next.as_ref().and_then(|next| next[row]).map_or(0.0, |next| most[next as usize]);
                *worth = logged.rewards[row] + self.discount * later;
            }
            fitted = self.round(&logged, &worth, &context.with_stream(&format!("round {round}")))?;
        }
        Ok(Arc::new(fitted))
    }
}

impl FittedQ {
    /// A model for each action, of what its decisions were worth.
    fn round(&self, logged: &Logged, worth: &[f64], context: &Context) -> Result<FittedActions> {
        let mut models = Vec::with_capacity(logged.present.len());
        for &action in &logged.present {
            context.check()?;
            let rows: Vec<u32> =
                (0..worth.len() as u32).filter(|row| logged.actions[*row as usize] == action).collect();
            let table = of_worth(&logged.batch, worth, &rows)?;
            let learner = match rows.len() {
                0..MIN_ROWS => Box::new(Baseline::default()) as Box<dyn Estimator>,
                _ => context.build(&self.learner, Value::Object(self.params.clone()))?,
            };
            let stream = context.quiet().with_stream(logged.names.name(action));
            let model = learner.fit(Training::on(&table), &stream).map_err(|e| self.unsuited(e))?;
            models.push(model);
        }
        let (present, names) = (logged.present.clone(), logged.names.clone());
        Ok(FittedActions { models, present, names, epsilon: self.epsilon })
    }

    /// A learner of classes cannot learn rewards.
    fn unsuited(&self, e: Error) -> Error {
        match e {
            Error::WrongKind { column, .. } if column == WORTH => Error::data(
                format!("'{}' learns no numbers, and rewards are numbers", self.learner),
                "take learner = \"boosted_trees\", \"ridge\" or \"neural_net\" for policy_fitted_q",
            ),
            other => other,
        }
    }
}

/// What a learner of rewards calls its target.
const WORTH: &str = "(worth)";

/// These rows with what they were worth as the target, and neither action nor reward.
fn of_worth(batch: &Batch, worth: &[f64], rows: &[u32]) -> Result<Table> {
    let kept = |c: &Column| !matches!(c.role, Role::Target | Role::Reward | Role::Propensity);
    let own = batch.select(&batch.schema().places(kept))?.take(rows)?;
    let mut columns = own.schema().columns().to_vec();
    columns.push(Column::number(WORTH).with_role(Role::Target));
    let mut arrays: Vec<ArrayRef> = own.columns().to_vec();
    arrays.push(Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| worth[*row as usize]))));
    Ok(Table::new(Batch::new(Arc::new(Schema::new(columns)?), arrays)?))
}

/// For each row the one that follows it in its episode; `None` where rows belong to no episodes.
fn successors(batch: &Batch) -> Result<Option<Vec<Option<u32>>>> {
    let Some(episodes) = episodes(batch)? else { return Ok(None) };
    let mut next = vec![None; batch.n_rows()];
    for pair in episodes.iter().flat_map(|rows| rows.windows(2)) {
        next[pair[0] as usize] = Some(pair[1]);
    }
    Ok(Some(next))
}

/// A model of the reward for each action.
pub struct FittedActions {
    /// Of the actions present, in their order.
    models: Vec<Arc<dyn Fitted>>,
    /// The actions that had training rows.
    present: Vec<u32>,
    names: Arc<Categories>,
    epsilon: f64,
}

impl FittedActions {
    /// The most that is expected of any action, by row.
    fn most(&self, batch: &Batch) -> Result<Vec<f64>> {
        let mut most = vec![f64::NEG_INFINITY; batch.n_rows()];
        for model in &self.models {
            let said = model.clone().bind(batch.schema())?.apply(batch)?;
            most.iter_mut().zip(numbers(&said)?).for_each(|(most, x)| *most = f64::max(*most, *x));
        }
        Ok(most)
    }

    /// The probability of each action and what is expected of it, from what the models say of those present. What is expected of an
    /// action without training rows is the mean of the others.
    fn opinion(&self, said: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let mean = said.iter().sum::<f64>() / said.len().max(1) as f64;
        let mut expected = vec![mean; self.names.len()];
        self.present.iter().zip(said).for_each(|(action, x)| expected[*action as usize] = *x);
        let mut probability = vec![0.0; self.names.len()];
        greatest(&expected, &self.present, &mut probability);
        explored(self.epsilon, &self.present, &mut probability);
        (probability, expected)
    }
}

/// The numbers that a model answers.
fn numbers(answered: &Batch) -> Result<&[f64]> {
    let at = answered
        .schema()
        .role(Role::Prediction)
        .filter(|at| answered.schema().columns()[*at].kind == Kind::Number);
    let at = at.ok_or_else(|| Error::internal("a learner of rewards answered no number"))?;
    Ok(answered.numbers(at)?.values())
}

impl Fitted for FittedActions {
    fn parts(&self) -> Vec<&Arc<dyn Fitted>> {
        self.models.iter().collect()
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        for model in &self.models {
            model.output(input)?;
        }
        output(input, &self.names)
    }

    fn state(&self) -> State {
        let actions: Vec<String> = self.names.names().iter().map(|n| n.to_string()).collect();
        let present = TensorData::U32(self.present.clone());
        let state = State::new(FittedQ::KIND, FittedQ::VERSION, actions)
            .floats("epsilon", &[self.epsilon])
            .tensor("present", vec![self.present.len()], present);
        self.models.iter().fold(state, |state, model| state.child(model.state()))
    }

    fn size(&self) -> u64 {
        8 + 4 * self.present.len() as u64 + self.models.iter().map(|model| model.size()).sum::<u64>()
    }

    fn operations(&self) -> u64 {
        self.models.iter().map(|model| model.operations()).sum()
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        let models = self.models.iter().map(|model| model.clone().bind(input)).collect::<Result<_>>()?;
        let answer = PolicyAnswer::bind(input, &self.names)?;
        Ok(Box::new(BoundActions { policy: self, models, answer }))
    }
}

struct BoundActions {
    policy: Arc<FittedActions>,
    models: Vec<Box<dyn Run>>,
    answer: PolicyAnswer,
}

impl Run for BoundActions {
    fn apply(&mut self, batch: &Batch) -> Result<Batch> {
        let said = self.models.iter_mut().map(|model| model.apply(batch)).collect::<Result<Vec<_>>>()?;
        let said = said.iter().map(numbers).collect::<Result<Vec<_>>>()?;
        let k = self.policy.names.len();
        let (mut probability, mut expected) =
            (Vec::with_capacity(batch.n_rows() * k), Vec::with_capacity(batch.n_rows() * k));
        for row in 0..batch.n_rows() {
            let own: Vec<f64> = said.iter().map(|numbers| numbers[row]).collect();
            let (p, q) = self.policy.opinion(&own);
            probability.extend(p);
            expected.extend(q);
        }
        self.answer.batch(batch, probability, expected)
    }

    fn row(&mut self, row: &mut Row) -> Result<()> {
        let mut said = Vec::with_capacity(self.models.len());
        for model in &mut self.models {
            let mut own = row.clone();
            model.row(&mut own)?;
            match own.cells.last() {
                Some(Cell::Number(x)) => said.push(*x),
                other => return Err(Error::internal(format!("a learner of rewards answered {other:?}"))),
            }
        }
        let (probability, expected) = self.policy.opinion(&said);
        self.answer.row(row, probability, expected);
        Ok(())
    }
}
