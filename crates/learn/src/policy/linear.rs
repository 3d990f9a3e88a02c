//! A ridge regression of the reward for each action, with what it does not know: what LinUCB and linear Thompson sampling rest on.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tidemill_core::{
    Batch, Builtin, Categories, Context, Error, Fitted, Result, Row, Run, Schema, State, TensorData, Training,
};
use tidemill_kernel::cholesky::Cholesky;
use tidemill_kernel::reduce::{in_chunks, sum_parts};
use tidemill_kernel::{Features, Gather};

use super::answer::{PolicyAnswer, output};
use super::decisions::Logged;
use super::explore::{explored, greatest, most_probable_best};
use crate::LearnError;

/// Rows that one thread takes at a time.
const CHUNK: usize = 1024;
/// Training rows are summed up in at most so many parts: each holds a matrix for every action.
const PARTS: usize = 16;
/// The most numbers of all covariances together (200 MB).
const MOST: usize = 25_000_000;

/// How actions are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Rule {
    /// By the greatest upper bound of the expected reward.
    UpperBound,
    /// In proportion to how probable it is that an action is the best.
    Posterior,
}

/// What both learners ask for.
pub(super) struct Settings {
    pub(super) rule: Rule,
    /// How many standard errors an upper bound lies above, or what deviations are multiplied by.
    pub(super) width: f64,
    /// The penalty on the square of the coefficients.
    pub(super) ridge: f64,
    /// The share of all decisions that is left to chance.
    pub(super) epsilon: f64,
}

/// For each action a linear function of the context that says what reward to expect, and how sure that is.
///
/// With contexts `x` (a 1 before the features) and rewards less their mean, of action `a`: `A = ridge I + sum x x'`, coefficients
/// `A^-1 sum r x`, and the standard error `noise sqrt(x' A^-1 x)`, where `noise` is the deviation of rewards from what is expected, over
/// all actions (its degrees of freedom are those of the ridge).
pub struct FittedLinearPolicy {
    kind: &'static str,
    rule: Rule,
    width: f64,
    epsilon: f64,
    features: Features,
    names: Arc<Categories>,
    /// The actions that had training rows.
    present: Vec<u32>,
    /// The mean of all rewards.
    mean: f64,
    noise: f64,
    /// For each action present, a coefficient for the 1 and each number of the context.
    coefficients: Vec<f64>,
    /// For each action present, `A^-1`, row after row.
    covariances: Vec<f64>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    rule: Rule,
    features: Features,
    actions: Vec<String>,
}

pub(super) fn fit<T: Builtin>(
    settings: &Settings,
    training: Training<'_>,
    context: &Context,
) -> Result<Arc<dyn Fitted>> {
    let logged = Logged::of(training, context)?;
    let features = Features::of(logged.batch.schema())?;
    let d = features.n_columns() + 1;
    if logged.present.len().saturating_mul(d * d) > MOST {
        let k = logged.present.len();
        return Err(Error::data(
            format!("{k} actions and {d} numbers of context are too many: each action holds their square"),
            "use fewer columns, or the learner policy_fitted_q",
        ));
    }
    let contexts = Gather::bind(&features, logged.batch.schema())?.finite(&logged.batch)?;
    context.check()?;
    let mut fitted = FittedLinearPolicy {
        kind: T::KIND,
        rule: settings.rule,
        width: settings.width,
        epsilon: settings.epsilon,
        names: logged.names.clone(),
        mean: logged.rewards.iter().sum::<f64>() / logged.rewards.len() as f64,
        noise: 0.0,
        coefficients: Vec::with_capacity(logged.present.len() * d),
        covariances: Vec::with_capacity(logged.present.len() * d * d),
        present: logged.present.clone(),
        features,
    };
    let places = fitted.places(&logged.actions);
    let sums = fitted.sums(&logged, &places, &contexts);
    let too_large = || LearnError::TooLarge {
        columns: fitted.features.0.iter().map(|f| format!("'{}'", f.name)).collect::<Vec<_>>().join(", "),
    };
    if sums.iter().any(|x| !x.is_finite()) {
        return Err(too_large().into());
    }
    let (mut coefficients, mut covariances, mut freedom) = (Vec::new(), Vec::new(), 0.0);
    for own in sums.chunks_exact(d * d + d) {
        context.check()?;
        let (theta, inverse) = posterior(own, d, settings.ridge).ok_or_else(too_large)?;
        // The degrees of freedom of a ridge: the trace of A^-1 (A - ridge I).
        freedom += d as f64 - settings.ridge * (0..d).map(|i| inverse[i * d + i]).sum::<f64>();
        coefficients.extend(theta);
        covariances.extend(inverse);
    }
    (fitted.coefficients, fitted.covariances) = (coefficients, covariances);
    let squares = fitted.squares(&logged, &places, &contexts);
    fitted.noise = (squares / (logged.rewards.len() as f64 - freedom).max(1.0)).sqrt();
    if !fitted.noise.is_finite() {
        return Err(LearnError::TooLarge { columns: "the rewards".into() }.into());
    }
    Ok(Arc::new(fitted))
}

/// The coefficients and `A^-1`, of the sums of an action; `None` where the numbers are too large.
fn posterior(sums: &[f64], d: usize, ridge: f64) -> Option<(Vec<f64>, Vec<f64>)> {
    let (products, rewards) = sums.split_at(d * d);
    let mut matrix = products.to_vec();
    (0..d).for_each(|i| matrix[i * d + i] += ridge);
    let factor = Cholesky::new(&matrix, d, 0.0)?;
    let mut theta = rewards.to_vec();
    factor.solve(&mut theta);
    let mut inverse = Vec::with_capacity(d * d);
    for j in 0..d {
        let mut column = vec![0.0; d];
        column[j] = 1.0;
        factor.solve(&mut column);
        inverse.extend(column);
    }
    theta.iter().chain(&inverse).all(|x| x.is_finite()).then_some((theta, inverse))
}

impl FittedLinearPolicy {
    pub(super) fn load<T: Builtin>(state: &State) -> Result<Arc<dyn Fitted>> {
        let wrong = |problem: &str| Error::state(T::KIND, problem);
        let Saved { rule, features, actions } = state.params()?;
        let present = match state.tensors.get("present").map(|t| &t.data) {
            Some(TensorData::U32(present)) => present.clone(),
            _ => return Err(wrong("tensor 'present' is missing")),
        };
        let sorted = present.windows(2).all(|w| w[0] < w[1]);
        if !sorted || present.last().is_none_or(|last| *last as usize >= actions.len()) {
            return Err(wrong("'present' does not list actions in order"));
        }
        let [width, epsilon, mean, noise] = *state.floats_of("settings", 4)? else {
            return Err(wrong("tensor 'settings' should be four numbers"));
        };
        let (k, d) = (present.len(), features.n_columns().saturating_add(1));
        let cells = k.checked_mul(d).and_then(|kd| kd.checked_mul(d)).filter(|cells| *cells <= MOST);
        let cells = cells.ok_or_else(|| wrong("it holds more than any policy"))?;
        Ok(Arc::new(FittedLinearPolicy {
            kind: T::KIND,
            rule,
            width,
            epsilon,
            names: Categories::new(actions),
            mean,
            noise,
            coefficients: state.floats_of("coefficients", k * d)?.to_vec(),
            covariances: state.floats_of("covariances", cells)?.to_vec(),
            present,
            features,
        }))
    }

    /// The reward expected of each action, by the context's numbers; of one without training rows the mean of all.
    pub fn expected(&self, context: &[f64]) -> Vec<f64> {
        self.opinion(context).1
    }

    /// For each action of the list, its place among those present.
    fn places(&self, actions: &[u32]) -> Vec<usize> {
        actions.iter().map(|a| self.present.partition_point(|other| other < a)).collect()
    }

    fn context<'a>(&self, contexts: &'a [f64], row: usize) -> &'a [f64] {
        let p = self.features.n_columns();
        &contexts[row * p..(row + 1) * p]
    }

    /// For each action present, the sum of `x x'` and that of `r x`.
    fn sums(&self, logged: &Logged, places: &[usize], contexts: &[f64]) -> Vec<f64> {
        let (n, d) = (logged.rewards.len(), self.features.n_columns() + 1);
        let width = d * d + d;
        let len = self.present.len() * width;
        let parts = in_chunks(n, n.div_ceil(PARTS).max(CHUNK), |rows| {
            let mut sums = vec![0.0; len];
            for row in rows {
                let own = &mut sums[places[row] * width..(places[row] + 1) * width];
                let x = self.context(contexts, row);
                let at = |i: usize| if i == 0 { 1.0 } else { x[i - 1] };
                for i in 0..d {
                    for j in 0..d {
                        own[i * d + j] += at(i) * at(j);
                    }
                    own[d * d + i] += (logged.rewards[row] - self.mean) * at(i);
                }
            }
            sums
        });
        sum_parts(parts, len)
    }

    /// The sum of the squares of what rewards differ from what was expected of their actions.
    fn squares(&self, logged: &Logged, places: &[usize], contexts: &[f64]) -> f64 {
        let n = logged.rewards.len();
        let parts = in_chunks(n, CHUNK, |rows| {
            rows.map(|row| {
                let off = logged.rewards[row] - self.linear(places[row], self.context(contexts, row));
                off * off
            })
            .sum::<f64>()
        });
        parts.into_iter().sum()
    }

    /// The reward expected of the action at a place among those present.
    fn linear(&self, place: usize, x: &[f64]) -> f64 {
        let d = x.len() + 1;
        let own = &self.coefficients[place * d..(place + 1) * d];
        own[1..].iter().zip(x).fold(self.mean + own[0], |sum, (c, x)| sum + c * x)
    }

    /// The standard error of the same.
    fn error(&self, place: usize, x: &[f64]) -> f64 {
        let d = x.len() + 1;
        let own = &self.covariances[place * d * d..(place + 1) * d * d];
        let at = |i: usize| if i == 0 { 1.0 } else { x[i - 1] };
        let mut variance = 0.0;
        for i in 0..d {
            let row = &own[i * d..(i + 1) * d];
            let inner = row[1..].iter().zip(x).fold(row[0], |sum, (c, x)| sum + c * x);
            variance += at(i) * inner;
        }
        self.noise * variance.max(0.0).sqrt()
    }

    /// The probability of each action, and what is expected of it.
    fn opinion(&self, x: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let k = self.names.len();
        let (mut expected, mut errors) = (vec![self.mean; k], vec![0.0; k]);
        for (place, &action) in self.present.iter().enumerate() {
            expected[action as usize] = self.linear(place, x);
            errors[action as usize] = self.width * self.error(place, x);
        }
        let mut probability = vec![0.0; k];
        match self.rule {
            Rule::UpperBound => {
                let bounds: Vec<f64> = expected.iter().zip(&errors).map(|(m, e)| m + e).collect();
                greatest(&bounds, &self.present, &mut probability);
            }
            Rule::Posterior => most_probable_best(&expected, &errors, &self.present, &mut probability),
        }
        explored(self.epsilon, &self.present, &mut probability);
        (probability, expected)
    }
}

impl Fitted for FittedLinearPolicy {
    fn output(&self, input: &Schema) -> Result<Schema> {
        self.features.resolve(input)?;
        output(input, &self.names)
    }

    fn state(&self) -> State {
        let actions = self.names.names().iter().map(|n| n.to_string()).collect();
        let saved = Saved { rule: self.rule, features: self.features.clone(), actions };
        let present = TensorData::U32(self.present.clone());
        State::new(self.kind, 1, saved)
            .tensor("present", vec![self.present.len()], present)
            .floats("settings", &[self.width, self.epsilon, self.mean, self.noise])
            .floats("coefficients", &self.coefficients)
            .floats("covariances", &self.covariances)
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        let gather = Gather::bind(&self.features, input)?;
        let answer = PolicyAnswer::bind(input, &self.names)?;
        let buffer = vec![0.0; gather.n_columns()];
        Ok(Box::new(BoundLinearPolicy { policy: self, gather, answer, buffer }))
    }
}

struct BoundLinearPolicy {
    policy: Arc<FittedLinearPolicy>,
    gather: Gather,
    answer: PolicyAnswer,
    buffer: Vec<f64>,
}

impl Run for BoundLinearPolicy {
    fn apply(&mut self, batch: &Batch) -> Result<Batch> {
        let (policy, gather) = (&*self.policy, &self.gather);
        let parts = in_chunks(batch.n_rows(), CHUNK, |rows| {
            let n = rows.len();
            let contexts = gather.rows(batch, rows)?;
            let opinions = (0..n).map(|row| policy.opinion(policy.context(&contexts, row)));
            let (probability, expected): (Vec<_>, Vec<_>) = opinions.unzip();
            Ok((probability.concat(), expected.concat()))
        });
        let parts = parts.into_iter().collect::<Result<Vec<(Vec<f64>, Vec<f64>)>>>()?;
        let (probability, expected): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        self.answer.batch(batch, probability.concat(), expected.concat())
    }

    fn row(&mut self, row: &mut Row) -> Result<()> {
        self.gather.row(row, &mut self.buffer)?;
        let (probability, expected) = self.policy.opinion(&self.buffer);
        self.answer.row(row, probability, expected);
        Ok(())
    }
}
