//! `ada_boost`: learners one after the other, each on rows weighed by what those before got wrong.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tidemill_core::recipe::Spec;
use tidemill_core::{
    Batch, Builtin, BuiltinLearner, Categories, Context, Error, Estimator, Family, FitCost, Fitted, KeyPath,
    Needs, Registry, Result, Run, Schema, Shape, State, Training,
};
use tidemill_kernel::Classes;
use tidemill_kernel::answer::{most_probable, output};

use super::inner::{self, Truth};
use super::members::{self, Ensemble};
use crate::rows;

/// How an error counts in AdaBoost.R2, as a share `e` of the greatest of its round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RegressionLoss {
    /// `e`.
    #[default]
    Linear,
    /// `e^2`.
    Square,
    /// `1 - exp(-e)`.
    Exponential,
}

/// AdaBoost: learners fitted one after the other, each on rows weighed by what those before got wrong, that vote by how good they
/// are. SAMME for classes (Zhu and others 2009, "Multi-class AdaBoost"), AdaBoost.R2 for numbers (Drucker 1997, "Improving
/// regressors using boosting techniques"), where the weighted median is the answer.
///
/// Agrees with scikit-learn's `AdaBoostClassifier`, its probabilities included, and with `AdaBoostRegressor` but for how weights
/// come to a learner: as they are, where scikit-learn draws rows by them, so that nothing is left to chance. A round that does no
/// better than chance is the last. Without a learner, one decision tree is taken, of depth 1 for classes and 3 for numbers.
///
/// ```
/// use tidemill_core::Builtin;
/// use tidemill_learn::ensemble::AdaBoost;
/// let mut boosted = AdaBoost::default();
/// (boosted.rounds, boosted.learning_rate) = (100, 0.5);
/// assert!(boosted.check().is_ok());
/// boosted.learning_rate = 0.0;
/// assert!(boosted.check().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AdaBoost {
    /// The learner; without one, a small decision tree.
    pub learner: Option<String>,
    /// The learner's own parameters.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub params: Map<String, Value>,
    /// How many rounds at most, 1 to 1000.
    pub rounds: usize,
    /// By how much the votes of each round are shrunk, above 0.
    pub learning_rate: f64,
    /// For numbers, how an error counts.
    pub loss: RegressionLoss,
    #[serde(skip)]
    needs: Needs,
}

impl Default for AdaBoost {
    fn default() -> Self {
        AdaBoost {
            learner: None,
            params: Map::new(),
            rounds: 50,
            learning_rate: 1.0,
            loss: RegressionLoss::Linear,
            needs: Needs::default(),
        }
    }
}

impl Builtin for AdaBoost {
    const KIND: &'static str = "ada_boost";

    fn check(&self) -> Result<(), KeyPath> {
        if !(1..=1000).contains(&self.rounds) {
            return Err(KeyPath::new("rounds", format!("is {}, but must be 1 to 1000", self.rounds)));
        }
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            let problem = format!("is {}, but must be a number above 0", self.learning_rate);
            return Err(KeyPath::new("learning_rate", problem));
        }
        if self.learner.is_none() && !self.params.is_empty() {
            return Err(KeyPath::new("params", "are of no learner: name it, as in learner = \"logistic\""));
        }
        Ok(())
    }

    fn load(registry: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        let names: Option<Vec<String>> = state.params()?;
        let votes = state.floats_of("votes", state.children.len())?.to_vec();
        let classes = names.map(|names| Classes::load(&state, names)).transpose()?;
        let members = state.children.into_iter().map(|c| registry.load(c)).collect::<Result<Vec<_>>>()?;
        if members.is_empty() || votes.iter().any(|vote| !vote.is_finite()) {
            return Err(Error::state(Self::KIND, "it needs learners, each with a vote"));
        }
        Ok(Arc::new(FittedAdaBoost { members, votes, classes }))
    }
}

impl BuiltinLearner for AdaBoost {
    const FAMILY: Family = Family::Ensemble;
    const COLUMN_ORDER_MATTERS: bool = true;
    const MEMORISES: bool = true;
    const LABEL: &'static [&'static str] = &["learner", "rounds", "learning_rate"];

    fn fit_cost(&self, _: &Shape) -> FitCost {
        FitCost::Fits(vec![(self.spec(1), self.rounds as f64)])
    }
}

impl Estimator for AdaBoost {
    tidemill_core::kind_and_params!();

    fn needs(&self) -> Needs {
        self.needs
    }

    fn assemble(&mut self, registry: &Registry) -> Result<(), KeyPath> {
        self.needs = inner::needs(registry, &self.spec(1), "learner", "params")?;
        Ok(())
    }

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        let batch = rows::collect(training, context)?;
        let own = rows::weights(&batch)?;
        let truth = Truth::of(&batch)?;
        let mut weights = own.unwrap_or_else(|| vec![1.0; batch.n_rows()]);
        normalise(&mut weights);
        let rounds = Rounds { params: self, batch: &batch, context };
        match truth {
            Truth::Classes(codes, names) => {
                let (classes, places) = Classes::of(names, codes, Some(&weights));
                classes.warn_if_one(context);
                rounds.of_classes(classes, &places, weights)
            }
            Truth::Numbers(numbers) => rounds.of_numbers(&numbers, weights),
        }
    }
}

impl AdaBoost {
    fn spec(&self, depth: usize) -> Spec {
        match &self.learner {
            Some(kind) => Spec { kind: kind.clone(), params: self.params.clone() },
            None => inner::one_tree(Some(depth)),
        }
    }
}

/// Weights that sum to 1.
fn normalise(weights: &mut [f64]) {
    let total: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|w| *w /= total);
}

/// An error that is so near to that of chance differs from it by rounding alone.
const ROUNDING: f64 = 1e-12;

/// The rounds of one training.
struct Rounds<'a> {
    params: &'a AdaBoost,
    batch: &'a Batch,
    context: &'a Context,
}

impl Rounds<'_> {
    /// The learner of round `t`, and what it says of the rows.
    fn one(&self, t: usize, depth: usize, weights: &[f64]) -> Result<(Arc<dyn Fitted>, Vec<f64>)> {
        let spec = self.params.spec(depth);
        let stream = self.context.with_stream(&format!("round {t}"));
        let stream = if t == 0 { stream } else { stream.quiet() };
        let fitted = inner::fit(&spec, &inner::weighed(self.batch, weights.to_vec())?, &stream)?;
        let answers = inner::answers(&fitted, self.batch)?;
        Ok((fitted, answers))
    }

    /// SAMME; `codes` are places among the classes with training rows.
    fn of_classes(&self, classes: Classes, codes: &[u32], mut weights: Vec<f64>) -> Result<Arc<dyn Fitted>> {
        let (k, width) = (classes.k() as f64, classes.names.len());
        let chance = 1.0 - 1.0 / k - ROUNDING;
        let (mut members, mut votes) = (Vec::new(), Vec::new());
        for t in 0..self.params.rounds {
            let (member, answers) = self.one(t, 1, &weights)?;
            let said = answers.chunks_exact(width.max(1)).map(most_probable);
            let wrong: Vec<bool> =
                said.zip(codes).map(|(said, &code)| said != classes.present[code as usize]).collect();
            let error: f64 = weights.iter().zip(&wrong).filter(|(_, wrong)| **wrong).map(|(w, _)| w).sum();
            if error <= 0.0 || (t == 0 && error >= chance) {
                if error > 0.0 {
                    self.warn_of_chance();
                }
                members.push(member);
                votes.push(1.0);
                break;
            }
            if error >= chance {
                break;
            }
            let vote = self.params.learning_rate * (((1.0 - error) / error).ln() + (k - 1.0).ln());
            members.push(member);
            votes.push(vote);
            weights.iter_mut().zip(&wrong).filter(|(_, wrong)| **wrong).for_each(|(w, _)| *w *= vote.exp());
            if !weights.iter().sum::<f64>().is_finite() {
                break;
            }
            normalise(&mut weights);
        }
        Ok(Arc::new(FittedAdaBoost { members, votes, classes: Some(classes) }))
    }

    /// AdaBoost.R2.
    fn of_numbers(&self, truth: &[f64], mut weights: Vec<f64>) -> Result<Arc<dyn Fitted>> {
        let (mut members, mut votes) = (Vec::new(), Vec::new());
        for t in 0..self.params.rounds {
            let (member, answers) = self.one(t, 3, &weights)?;
            let mut losses: Vec<f64> = answers.iter().zip(truth).map(|(said, y)| (said - y).abs()).collect();
            let counted = losses.iter().zip(&weights).filter(|(_, w)| **w > 0.0);
            let most = counted.fold(0.0, |most, (loss, _)| f64::max(most, *loss));
            losses.iter_mut().for_each(|loss| *loss = self.params.loss.of(*loss, most));
            let error: f64 = losses.iter().zip(&weights).filter(|(_, w)| **w > 0.0).map(|(l, w)| l * w).sum();
            // A learner that answers with no number is no better than chance.
            let chance = error.is_nan() || error >= 0.5 - ROUNDING;
            if error <= 0.0 || (t == 0 && chance) {
                if chance {
                    self.warn_of_chance();
                }
                members.push(member);
                votes.push(1.0);
                break;
            }
            if chance {
                break;
            }
            let (beta, rate) = (error / (1.0 - error), self.params.learning_rate);
            members.push(member);
            votes.push(rate * (1.0 / beta).ln());
            weights.iter_mut().zip(&losses).for_each(|(w, loss)| *w *= beta.powf((1.0 - loss) * rate));
            normalise(&mut weights);
        }
        Ok(Arc::new(FittedAdaBoost { members, votes, classes: None }))
    }

    fn warn_of_chance(&self) {
        let message = "the first round of 'ada_boost' did no better than chance: it stands alone; \
                       take a stronger learner, or parameters that let it learn more";
        self.context.warn("ada_boost_chance", message);
    }
}

impl RegressionLoss {
    /// An error of these rows, of which the greatest is `most`, from 0 to 1.
    fn of(self, error: f64, most: f64) -> f64 {
        let share = if most > 0.0 { error / most } else { error };
        match self {
            RegressionLoss::Linear => share,
            RegressionLoss::Square => share * share,
            RegressionLoss::Exponential => 1.0 - (-share).exp(),
        }
    }
}

/// Learners that vote.
pub struct FittedAdaBoost {
    members: Vec<Arc<dyn Fitted>>,
    votes: Vec<f64>,
    classes: Option<Classes>,
}

impl FittedAdaBoost {
    /// What the vote of each round counts.
    pub fn votes(&self) -> &[f64] {
        &self.votes
    }

    /// For each class with training rows its votes less those of the others, by the softmax of which scikit-learn (1.9) answers.
    fn margins(&self, classes: &Classes, answers: &[f64], width: usize) -> Vec<f64> {
        let total: f64 = self.votes.iter().sum();
        let others = (classes.k() as f64 - 1.0).max(1.0);
        let mut margins = vec![0.0; classes.k()];
        for (answer, vote) in answers.chunks_exact(width.max(1)).zip(&self.votes) {
            let said = most_probable(answer);
            for (margin, class) in margins.iter_mut().zip(&classes.present) {
                *margin += if *class == said { *vote } else { -vote / others };
            }
        }
        margins.iter_mut().for_each(|m| *m /= total * others);
        margins
    }
}

/// The least number that with all below it has half of the votes.
fn median(answers: &[f64], votes: &[f64]) -> f64 {
    let mut order: Vec<usize> = (0..answers.len()).collect();
    order.sort_by(|&a, &b| answers[a].total_cmp(&answers[b]));
    let total: f64 = order.iter().map(|&i| votes[i]).sum();
    let mut sum = 0.0;
    let half = order.iter().find(|&&i| {
        sum += votes[i];
        sum >= 0.5 * total
    });
    half.map_or(f64::NAN, |&i| answers[i])
}

impl Ensemble for FittedAdaBoost {
    fn word(&self) -> &'static str {
        AdaBoost::KIND
    }

    fn members(&self) -> &[Arc<dyn Fitted>] {
        &self.members
    }

    fn classes(&self) -> Option<&Arc<Categories>> {
        self.classes.as_ref().map(|classes| &classes.names)
    }

    fn join(&self, answers: &[f64], out: &mut [f64]) {
        match &self.classes {
            Some(classes) => classes.softmax(&mut self.margins(classes, answers, out.len()), out),
            None => out.fill(median(answers, &self.votes)),
        }
    }
}

impl Fitted for FittedAdaBoost {
    fn parts(&self) -> Vec<&Arc<dyn Fitted>> {
        self.members.iter().collect()
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        for member in &self.members {
            member.output(input)?;
        }
        output(input, self.classes())
    }

    fn state(&self) -> State {
        let words = self.classes.as_ref().map(Classes::words);
        let state = State::new(AdaBoost::KIND, AdaBoost::VERSION, words).floats("votes", &self.votes);
        let state = self.classes.iter().fold(state, |state, classes| classes.save(state));
        self.members.iter().fold(state, |state, member| state.child(member.state()))
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        members::bind(self, input)
    }

    fn size(&self) -> u64 {
        let own = 8 * self.votes.len() as u64 + self.classes.as_ref().map_or(0, Classes::size);
        own + self.members.iter().map(|member| member.size()).sum::<u64>()
    }

    fn operations(&self) -> u64 {
        self.votes.len() as u64 + self.members.iter().map(|member| member.operations()).sum::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weighted_median_is_the_least_that_half_of_the_votes_reach() {
        assert_eq!(median(&[3.0, 1.0, 2.0], &[1.0, 1.0, 1.0]), 2.0);
        assert_eq!(median(&[3.0, 1.0, 2.0], &[5.0, 1.0, 1.0]), 3.0);
        assert_eq!(median(&[7.0], &[0.0]), 7.0);
    }
}
