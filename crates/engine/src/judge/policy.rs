//! Off-policy evaluation of a policy on logged decisions, and whether it may act.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::Array;
use serde::Serialize;
use tidemill_core::recipe::{Recipe, Spec, Task};
use tidemill_core::{Batch, Context, Error, Fitted, Kind, Result, Role, Source, Training};
use tidemill_data::Ingest;
use tidemill_eval::policy::{Choices, Decisions, PolicyValue, ValueInterval};
use tidemill_kernel::episodes::episodes;

use super::AnsweredRows;
use crate::error::EngineError;
use crate::model::Opened;
use crate::recipe;
use crate::search::{apply, preparation};

/// The confidence of every interval.
pub(crate) const CONFIDENCE: f64 = 0.95;
/// With fewer effective episodes the normal interval of a weighted mean means little.
pub(crate) const MIN_EFFECTIVE: f64 = 30.0;
/// Estimated propensities are not taken for less: the weight of one row would outweigh hundreds.
const LEAST: f64 = 0.01;
/// The most actions of a policy.
const MOST_ACTIONS: usize = 200;
/// The fewest rows of an action.
const MIN_ROWS: usize = 10;

/// Whether a policy may act, by what it would have earned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MayAct {
    /// It earns more than the logged policy: the whole interval of the gain is above 0.
    Yes,
    /// The interval of the gain holds 0.
    NotShown,
    /// It earns less.
    Worse,
    /// The log has too few decisions that are like its own.
    TooUnlike,
    /// The weights do not average 1, as right propensities make them.
    WrongPropensities,
}

impl MayAct {
    /// The verdict that follows from a judgement.
    pub(crate) fn of(value: &PolicyValue) -> Self {
        let weight = value.mean_weight;
        if value.effective_episodes < MIN_EFFECTIVE {
            return MayAct::TooUnlike;
        }
        if weight.low > 1.0 || weight.high < 1.0 {
            return MayAct::WrongPropensities;
        }
        match (value.gain.low > 0.0, value.gain.high < 0.0) {
            (true, _) => MayAct::Yes,
            (_, true) => MayAct::Worse,
            _ => MayAct::NotShown,
        }
    }
}

/// What logged decisions say of a policy.
#[derive(Clone, Debug, Serialize)]
pub struct PolicyJudged {
    /// What it is worth.
    #[serde(flatten)]
    pub value: PolicyValue,
    /// Whether it may act.
    pub may_act: MayAct,
    /// Whether its value is that of an episode; otherwise that of a decision.
    pub by_episode: bool,
    /// Whether the propensities were estimated from the contexts.
    pub estimated_propensities: bool,
    /// What is known of each action.
    pub actions: Vec<ActionFacts>,
}

/// What is known of an action.
#[derive(Clone, Debug, Serialize)]
pub struct ActionFacts {
    /// Its name.
    pub name: String,
    /// The share of the logged decisions that took it.
    pub logged: f64,
    /// The share that the policy gives it in the same contexts.
    pub policy: f64,
    /// What always taking it would be worth.
    pub always: ValueInterval,
}

impl PolicyJudged {
    pub(crate) fn of(answered: &Answered) -> Result<Self> {
        let value = answered.value()?;
        let shares = answered.shares();
        let of = |(at, name): (usize, &String)| {
            let [logged, policy] = shares[at];
            let always = answered.always(at)?.doubly_robust;
            Ok(ActionFacts { name: name.clone(), logged, policy, always })
        };
        Ok(PolicyJudged {
            may_act: MayAct::of(&value),
            value,
            by_episode: answered.episodes.is_some(),
            estimated_propensities: answered.estimated,
            actions: answered.names.iter().enumerate().map(of).collect::<Result<_>>()?,
        })
    }
}

/// Decisions with what a policy says of their contexts.
pub(crate) struct Answered {
    pub(crate) actions: Vec<u32>,
    pub(crate) rewards: Vec<f64>,
    pub(crate) propensities: Vec<f64>,
    /// Whether these were estimated.
    pub(crate) estimated: bool,
    pub(crate) episodes: Option<Vec<Vec<u32>>>,
    /// The names of the actions.
    pub(crate) names: Vec<String>,
    pub(crate) probability: Vec<f64>,
    pub(crate) expected: Vec<f64>,
}

impl Answered {
    /// Of rows that a policy has answered; `propensities` where no column of theirs says them.
    pub(crate) fn of(answered: &Batch, propensities: Option<Vec<f64>>) -> Result<Self> {
        let place = |role: Role| {
            let word = format!("{role:?}").to_lowercase();
            let schema = answered.schema();
            schema.role(role).ok_or_else(|| Error::internal(format!("no {word} in a policy's answers")))
        };
        let action = place(Role::Target)?;
        let names = answered.schema().columns()[action].categories()?;
        let estimated = propensities.is_some();
        let propensities = match propensities {
            Some(known) => known,
            None => numbers(answered, place(Role::Propensity)?)?,
        };
        let actions = answered.codes(action)?.values().to_vec();
        if let Some(row) = actions.iter().position(|code| *code as usize >= names.len()) {
            let known: Vec<&str> = names.names().iter().map(|name| &**name).collect();
            return Err(Error::data(
                format!(
                    "row {} has an action that the policy has never seen logged; it knows {}",
                    row + 1,
                    known.join(", ")
                ),
                "train again on a log that has it, or leave its rows out",
            ));
        }
        Ok(Answered {
            actions,
            rewards: numbers(answered, place(Role::Reward)?)?,
            propensities,
            estimated,
            episodes: episodes(answered)?,
            names: names.names().iter().map(|name| name.to_string()).collect(),
            probability: answered.probabilities(place(Role::Probability)?)?.to_vec(),
            expected: answered.probabilities(place(Role::ExpectedReward)?)?.to_vec(),
        })
    }

    fn decisions(&self) -> Result<Decisions<'_>> {
        let k = self.names.len();
        let decisions = Decisions::new(&self.actions, &self.rewards, &self.propensities, k)?;
        Ok(match &self.episodes {
            Some(episodes) => decisions.in_episodes(episodes.clone())?,
            None => decisions,
        })
    }

    /// What the policy is worth by these decisions.
    pub(crate) fn value(&self) -> Result<PolicyValue> {
        self.value_of(&self.probability)
    }

    /// What always taking one action is worth.
    pub(crate) fn always(&self, action: usize) -> Result<PolicyValue> {
        let k = self.names.len();
        let mut one = vec![0.0; k];
        one[action] = 1.0;
        self.value_of(&one.repeat(self.actions.len()))
    }

    fn value_of(&self, probability: &[f64]) -> Result<PolicyValue> {
        let choices = Choices::new(probability, &self.expected, self.actions.len(), self.names.len())?;
        Ok(PolicyValue::of(&self.decisions()?, &choices, CONFIDENCE)?)
    }

    /// The doubly robust estimate of each episode.
    pub(crate) fn robust(&self) -> Result<Vec<f64>> {
        let choices = Choices::new(&self.probability, &self.expected, self.actions.len(), self.names.len())?;
        Ok(tidemill_eval::policy::doubly_robust(&self.decisions()?, &choices)?)
    }

    /// What each episode earned.
    pub(crate) fn earned(&self) -> Result<Vec<f64>> {
        Ok(self.decisions()?.earned())
    }

    /// Of each action, the share of decisions that took it, and the share that the policy gives it.
    pub(crate) fn shares(&self) -> Vec<[f64; 2]> {
        let (n, k) = (self.actions.len().max(1) as f64, self.names.len());
        let mut shares = vec![[0.0; 2]; k];
        self.actions.iter().for_each(|action| shares[*action as usize][0] += 1.0 / n);
        for row in self.probability.chunks_exact(k.max(1)) {
            shares.iter_mut().zip(row).for_each(|(share, p)| share[1] += p / n);
        }
        shares
    }
}

/// Refuses a policy where answers are compared with right ones: a logged action is not the right one.
pub(crate) fn refuse(opened: &Opened) -> Result<()> {
    if opened.provenance.task != Some(Task::Policy) {
        return Ok(());
    }
    let problem = "the model is a policy: there is no right action to compare its answers with, only what came of others";
    Err(EngineError::usage(problem, "judge it with `tidemill evaluate MODEL LOG`").into())
}

/// Judges an open policy by a log that has its action, the reward and, unless it is to be estimated, the propensity.
///
/// # Errors
/// Those of [`check_log`]; an action that the policy has never seen.
pub(crate) fn judged(opened: &Opened, source: &dyn Source, context: &Context) -> Result<PolicyJudged> {
    let recipe = recipe::parse(&opened.package.recipe, "the model's recipe", context.registry())?;
    check_log(source, &recipe, false, context)?;
    let estimates = recipe.policy.as_ref().is_some_and(|policy| policy.propensity.is_none());
    let AnsweredRows { rows, answered, .. } = AnsweredRows::of_rows(opened, source, estimates, context)?;
    let propensities = match rows {
        None => None,
        Some(rows) => {
            let read = preparation::media(rows.into(), &recipe, context)?;
            let rows = read.train.batch();
            Some(estimated(rows, rows, &recipe, context)?)
        }
    };
    PolicyJudged::of(&Answered::of(&answered, propensities)?)
}

fn numbers(batch: &Batch, at: usize) -> Result<Vec<f64>> {
    Ok(match batch.schema().columns()[at].kind {
        Kind::Flag => batch.flags(at)?.iter().map(|flag| f64::from(u8::from(flag == Some(true)))).collect(),
        _ => batch.numbers(at)?.iter().map(|x| x.unwrap_or(f64::NAN)).collect(),
    })
}

/// The links of a model, and the steps among them as a recipe would say them.
pub(crate) type Links = (Vec<Arc<dyn Fitted>>, Vec<Spec>);

/// A learner with its preparation, fitted on these rows; its links, and the steps as a recipe would say them.
pub(crate) fn learned(spec: &Spec, train: Batch, recipe: &Recipe, context: &Context) -> Result<Links> {
    let learner = context.build(&spec.kind, serde_json::Value::Object(spec.params.clone()))?;
    let needs = learner.needs_of(context.registry())?;
    let mut prepared = preparation::fit(train.into(), recipe, needs, context)?;
    let fitted = learner.fit(Training::on(&prepared.train), &context.with_stream(&spec.kind))?;
    prepared.steps.push(fitted);
    Ok((prepared.steps, prepared.specs))
}

/// The rows of `judged` as these links answer them, with their propensities: those of their column, or estimated on `train`.
pub(crate) fn answered(
    links: &[Arc<dyn Fitted>],
    (train, judged): (&Batch, Batch),
    recipe: &Recipe,
    context: &Context,
) -> Result<Answered> {
    let estimated = match judged.schema().role(Role::Propensity) {
        Some(_) => None,
        None => Some(estimated(train, &judged, recipe, context)?),
    };
    Answered::of(&apply(links, judged)?, estimated)
}

/// The probability of each row's action by its context: multinomial logistic regression, fitted on other rows.
fn estimated(train: &Batch, judged: &Batch, recipe: &Recipe, context: &Context) -> Result<Vec<f64>> {
    let stream = context.quiet().with_stream("propensities");
    let (links, _) = learned(&Spec::new("logistic"), train.clone(), recipe, &stream)?;
    let said = apply(&links, judged.clone())?;
    let at = said.schema().role(Role::Probability);
    let action = said.schema().role(Role::Target);
    let (Some(at), Some(action)) = (at, action) else { return Err(Error::internal("no propensities")) };
    let (probability, codes) = (said.probabilities(at)?, said.codes(action)?);
    let k = probability.len() / said.n_rows().max(1);
    let of = |row: usize| probability[row * k + codes.value(row) as usize].clamp(LEAST, 1.0);
    Ok((0..said.n_rows()).map(of).collect())
}

/// Refuses logged decisions that say nothing, by the row and, of a text, its line; and where they are to be learned from
/// (`learning`), actions that nothing can be learned of.
///
/// # Errors
/// A column that is not there; an action or a reward that is missing; a propensity that is not above 0 and up to 1; one action only, too many of
/// them, or one that was hardly ever taken.
pub(crate) fn check_log(
    source: &dyn Source,
    recipe: &Recipe,
    learning: bool,
    context: &Context,
) -> Result<()> {
    let Some(policy) = &recipe.policy else { return Ok(()) };
    let names: Vec<&str> = [Some(&policy.action), Some(&policy.reward), policy.propensity.as_ref()]
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect();
    let table = Ingest::read_columns(source, &names, &context.quiet())?;
    let (batch, schema) = (table.batch(), table.batch().schema());
    let fault = |name: &str, row: usize, what: String, remedy: &str| -> Error {
        Error::data(format!("'{name}' {what} in {}", place(source, row)), remedy)
    };
    for (name, what, remedy) in [
        (&policy.action, "(the action)", "every decision needs its action: say it, or remove the row"),
        (
            &policy.reward,
            "(the reward)",
            "a reward that is not known yet is no reward of 0: remove the rows, or say what came of them",
        ),
    ] {
        let at = schema.index(name)?;
        let column = batch.column(at);
        if let Some(row) = (0..batch.n_rows()).find(|row| column.is_null(*row)) {
            return Err(fault(name, row, format!("{what} is missing"), remedy));
        }
    }
    if let Some(name) = &policy.propensity {
        let at = schema.index(name)?;
        if schema.columns()[at].kind != Kind::Number {
            let found = schema.columns()[at].kind;
            return Err(Error::WrongKind { column: name.clone(), found, wanted: "a probability".into() });
        }
        let propensities = batch.numbers(at)?;
        let sound = |row: &usize| {
            propensities.is_valid(*row) && propensities.value(*row) > 0.0 && propensities.value(*row) <= 1.0
        };
        if let Some(row) = (0..batch.n_rows()).find(|row| !sound(row)) {
            let found = match propensities.is_valid(row) {
                true => format!("(the propensity) is {}", propensities.value(row)),
                false => "(the propensity) is missing or no number".into(),
            };
            let remedy = "the probability with which the action was taken lies above 0 and up to 1: correct or remove the row";
            return Err(fault(name, row, found, remedy));
        }
    }
    if learning { check_actions(&policy.action, batch, schema.index(&policy.action)?) } else { Ok(()) }
}

fn check_actions(name: &str, batch: &Batch, at: usize) -> Result<()> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for row in 0..batch.n_rows() {
        let said = crate::rows::value(batch, at, row)?;
        *counts.entry(said.as_str().map_or_else(|| said.to_string(), String::from)).or_default() += 1;
    }
    if let (1, Some((only, _))) = (counts.len(), counts.iter().next()) {
        return Err(EngineError::usage(
            format!(
                "every decision of '{name}' is '{only}': where there is nothing to choose, there is no policy"
            ),
            "log decisions of at least two actions, each taken now and then by chance",
        )
        .into());
    }
    if counts.len() > MOST_ACTIONS {
        return Err(EngineError::usage(
            format!(
                "'{name}' has {} different actions, and a policy has at most {MOST_ACTIONS}",
                counts.len()
            ),
            "group actions that are alike, or name the column that says the action",
        )
        .into());
    }
    match counts.iter().find(|(_, n)| **n < MIN_ROWS) {
        None => Ok(()),
        Some((action, n)) => Err(EngineError::usage(
            format!("action '{action}' of '{name}' was taken in {n} rows, and {MIN_ROWS} are needed to learn and to judge"),
            "log more of it, group it with another action, or leave its rows out",
        )
        .into()),
    }
}

/// A row of the user's table, from 1; of a text its line too, as long as no cell holds a line break.
fn place(source: &dyn Source, row: usize) -> String {
    let lines = source.reading().filter(|reading| reading.delimiter.is_some());
    match lines {
        None => format!("row {}", row + 1),
        Some(reading) => {
            let above = reading.skip.unwrap_or(0) + usize::from(reading.header.unwrap_or(true));
            format!("row {} (line {})", row + 1, row + 1 + above)
        }
    }
}
