//! What a policy would have earned, from decisions that another one took and logged: importance sampling, its self-normalised form
//! and the doubly robust estimate, each with its interval.
//!
//! A decision is a context, an action, the probability `p` with which it was taken (its propensity) and a reward. With
//! `w = pi(action | context) / p`, the probability under the policy that is judged over that under the logged one:
//!
//! | estimate | of decisions that stand alone | source |
//! |---|---|---|
//! | IPS | mean of `w r` | Horvitz and Thompson 1952 |
//! | SNIPS | sum of `w r` / sum of `w` | Swaminathan and Joachims 2015 |
//! | doubly robust | mean of `v + w (r - q)` | Dudík, Langford and Li 2011 |
//!
//! `q` is the reward that a model expects of the action that was taken, `v` the mean of what it expects under the policy. Where decisions
//! follow each other in an episode, the value is the sum of its rewards, and each reward is weighed by the product of the weights up to
//! it: per-decision importance sampling (Precup, Sutton and Singh 2000), its weighted form, and the doubly robust
//! estimate of Jiang and Li (2016). An episode of one decision gives the table above.

use serde::Serialize;

use crate::compare::normal_reach;
use crate::sum::sum;
use crate::{Error, Result};

/// The confidence of the interval of the mean weight: it is a check, not a figure, and should rarely cry wolf.
const CHECKED: f64 = 0.999;

/// Logged decisions, checked.
#[derive(Clone, Debug)]
pub struct Decisions<'a> {
    actions: &'a [u32],
    rewards: &'a [f64],
    propensities: &'a [f64],
    n_actions: usize,
    /// The rows of each episode, in their order.
    episodes: Vec<Vec<u32>>,
}

impl<'a> Decisions<'a> {
    /// Decisions that stand alone: an action below `n_actions`, a finite reward and a propensity above 0 and up to 1 for each row.
    ///
    /// # Errors
    /// No row, other lengths, or a value out of its range, with its row.
    pub fn new(
        actions: &'a [u32],
        rewards: &'a [f64],
        propensities: &'a [f64],
        n_actions: usize,
    ) -> Result<Self> {
        let n = actions.len();
        if n == 0 {
            return Err(Error::Compare { what: "there are no decisions to judge by".into() });
        }
        lengths("rewards", rewards.len(), n)?;
        lengths("propensities", propensities.len(), n)?;
        let known = |row: usize| (actions[row] as usize) < n_actions;
        every(n, "action", actions, known, "one that the policy knows")?;
        every(n, "reward", rewards, |row| rewards[row].is_finite(), "a finite number")?;
        let sound = |row: usize| propensities[row] > 0.0 && propensities[row] <= 1.0;
        every(n, "propensity", propensities, sound, "a number above 0 and up to 1")?;
        let episodes = (0..n as u32).map(|row| vec![row]).collect();
        Ok(Decisions { actions, rewards, propensities, n_actions, episodes })
    }

    /// The same with rows that follow each other: `episodes` names the rows of each in the order of their decisions.
    ///
    /// # Errors
    /// A row that is in no episode, or in two.
    pub fn in_episodes(self, episodes: Vec<Vec<u32>>) -> Result<Self> {
        let mut times = vec![0usize; self.actions.len()];
        for row in episodes.iter().flatten() {
            match times.get_mut(*row as usize) {
                Some(n) => *n += 1,
                None => return Err(Error::Compare { what: format!("an episode names row {row}") }),
            }
        }
        match times.iter().position(|n| *n != 1) {
            None => Ok(Decisions { episodes, ..self }),
            Some(row) => {
                Err(Error::Compare { what: format!("row {} is in {} episodes", row + 1, times[row]) })
            }
        }
    }

    /// How many decisions.
    pub fn n_rows(&self) -> usize {
        self.actions.len()
    }

    /// How many episodes: of decisions that stand alone as many as decisions.
    pub fn n_episodes(&self) -> usize {
        self.episodes.len()
    }

    /// What each episode earned under the logged policy.
    pub fn earned(&self) -> Vec<f64> {
        let of = |rows: &Vec<u32>| rows.iter().map(|row| self.rewards[*row as usize]).sum();
        self.episodes.iter().map(of).collect()
    }
}

/// What a policy says of the contexts of decisions, checked.
#[derive(Clone, Copy, Debug)]
pub struct Choices<'a> {
    probability: &'a [f64],
    expected: &'a [f64],
    n_actions: usize,
}

impl<'a> Choices<'a> {
    /// For each row and action, row after row, the probability of taking it and the reward that is expected of it.
    ///
    /// # Errors
    /// Other lengths, a probability out of its range or rows of them that do not sum to 1, a reward that is not finite.
    pub fn new(probability: &'a [f64], expected: &'a [f64], n_rows: usize, n_actions: usize) -> Result<Self> {
        lengths("probabilities of actions", probability.len(), n_rows * n_actions)?;
        lengths("expected rewards", expected.len(), n_rows * n_actions)?;
        let total = |row: usize| probability[row * n_actions..(row + 1) * n_actions].iter().sum::<f64>();
        let share = |p: &f64| (0.0..=1.0 + 1e-9).contains(p);
        let sound = |row: usize| {
            let own = &probability[row * n_actions..(row + 1) * n_actions];
            own.iter().all(share) && (total(row) - 1.0).abs() < 1e-6
        };
        if let Some(row) = (0..n_rows).find(|row| !sound(*row)) {
            return Err(value("sum of the probabilities of actions", row, total(row), "1, each from 0 to 1"));
        }
        if let Some(at) = expected.iter().position(|q| !q.is_finite()) {
            return Err(value("expected reward", at / n_actions.max(1), expected[at], "a finite number"));
        }
        Ok(Choices { probability, expected, n_actions })
    }

    fn at(&self, row: usize, action: u32) -> (f64, f64) {
        let at = row * self.n_actions + action as usize;
        (self.probability[at], self.expected[at])
    }

    /// The mean of what is expected under the policy.
    fn value(&self, row: usize) -> f64 {
        let own = row * self.n_actions..(row + 1) * self.n_actions;
        self.probability[own.clone()].iter().zip(&self.expected[own]).map(|(p, q)| p * q).sum()
    }
}

/// A figure with the range in which it lies with the confidence of its estimates; `NaN` where there is too little to tell.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ValueInterval {
    /// The figure.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl ValueInterval {
    /// The mean of values that are independent of each other, with the normal interval of a mean.
    ///
    /// ```
    /// let mean = tidemill_eval::policy::ValueInterval::of_mean(&[1.0, 2.0, 3.0], 0.95);
    /// assert_eq!(mean.value, 2.0);
    /// assert!((mean.high - 2.0 - 1.959964 / 3f64.sqrt()).abs() < 1e-6);
    /// ```
    pub fn of_mean(values: &[f64], confidence: f64) -> Self {
        let n = values.len();
        let value = sum(n, |i| values[i]) / n as f64;
        let squares = sum(n, |i| (values[i] - value) * (values[i] - value));
        // Of one value nothing is known of how much it varies.
        let spread = if n > 1 { (squares / (n as f64 - 1.0) / n as f64).sqrt() } else { f64::NAN };
        let reach = normal_reach(confidence) * spread;
        ValueInterval { value, low: value - reach, high: value + reach }
    }
}

/// What a policy would have earned per episode, by each estimate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PolicyValue {
    /// How many decisions.
    pub decisions: usize,
    /// How many episodes; as many as decisions where these stand alone.
    pub episodes: usize,
    /// The confidence of the intervals.
    pub confidence: f64,
    /// What the logged policy earned.
    pub logged: ValueInterval,
    /// By importance sampling.
    pub ips: ValueInterval,
    /// By self-normalised importance sampling.
    pub snips: ValueInterval,
    /// By the doubly robust estimate.
    pub doubly_robust: ValueInterval,
    /// By how much the doubly robust estimate exceeds what the logged policy earned in the same episodes.
    pub gain: ValueInterval,
    /// To how many episodes of the policy's own the weighted ones are worth (Kish 1965).
    pub effective_episodes: f64,
    /// The mean of the episodes' weights, with its 99.9% interval: 1 in expectation where the propensities are right and every action
    /// that the policy takes could have been logged.
    pub mean_weight: ValueInterval,
    /// The greatest weight of an episode.
    pub greatest_weight: f64,
}

impl PolicyValue {
    /// Judges a policy by logged decisions.
    ///
    /// # Errors
    /// Choices of another number of actions or rows, a confidence that is not between 0 and 1.
    ///
    /// ```
    /// use tidemill_eval::policy::{Choices, Decisions, PolicyValue};
    /// // Two actions, taken by a coin; the first earns 1, the second nothing. A policy that always takes the first earns 1.
    /// let decisions = Decisions::new(&[0, 1, 0, 1], &[1.0, 0.0, 1.0, 0.0], &[0.5; 4], 2)?;
    /// let (always, expected) = ([1.0, 0.0].repeat(4), [0.9, 0.1].repeat(4));
    /// let value = PolicyValue::of(&decisions, &Choices::new(&always, &expected, 4, 2)?, 0.95)?;
    /// assert_eq!((value.logged.value, value.ips.value, value.snips.value), (0.5, 1.0, 1.0));
    /// assert!((value.doubly_robust.value - 1.0).abs() < 1e-12);
    /// # Ok::<(), tidemill_eval::Error>(())
    /// ```
    pub fn of(decisions: &Decisions<'_>, choices: &Choices<'_>, confidence: f64) -> Result<Self> {
        if !(confidence > 0.0 && confidence < 1.0) {
            return Err(Error::Compare { what: format!("a confidence of {confidence} gives no interval") });
        }
        let robust = doubly_robust(decisions, choices)?;
        let earned = decisions.earned();
        let weights = weights(decisions, choices);
        let of_episodes: Vec<f64> = weights.iter().map(|own| own.last().copied().unwrap_or(1.0)).collect();
        let n = of_episodes.len();
        let (total, squares) = (sum(n, |i| of_episodes[i]), sum(n, |i| of_episodes[i] * of_episodes[i]));
        Ok(PolicyValue {
            decisions: decisions.n_rows(),
            episodes: n,
            confidence,
            logged: ValueInterval::of_mean(&earned, confidence),
            ips: ValueInterval::of_mean(&recursed(decisions, choices, false), confidence),
            snips: self_normalised(decisions, &weights, confidence),
            gain: difference(&robust, &earned, confidence)?,
            doubly_robust: ValueInterval::of_mean(&robust, confidence),
            effective_episodes: if squares > 0.0 { total * total / squares } else { 0.0 },
            mean_weight: ValueInterval::of_mean(&of_episodes, CHECKED),
            greatest_weight: of_episodes.iter().copied().fold(0.0, f64::max),
        })
    }
}

/// The doubly robust estimate of each episode; their mean is that of the policy.
///
/// # Errors
/// Choices of another number of actions or rows.
pub fn doubly_robust(decisions: &Decisions<'_>, choices: &Choices<'_>) -> Result<Vec<f64>> {
    let cells = decisions.n_rows() * decisions.n_actions;
    lengths("probabilities of actions", choices.probability.len(), cells)?;
    Ok(recursed(decisions, choices, true))
}

/// By how much one policy earns more than another in the same episodes, by a figure for each episode (see [`doubly_robust`]).
///
/// # Errors
/// Figures of other episodes.
pub fn difference(one: &[f64], other: &[f64], confidence: f64) -> Result<ValueInterval> {
    lengths("episodes", other.len(), one.len())?;
    let gains: Vec<f64> = one.iter().zip(other).map(|(a, b)| a - b).collect();
    Ok(ValueInterval::of_mean(&gains, confidence))
}

/// The estimate of each episode, from its last decision to its first (Jiang and Li 2016, equation 10); without what a model
/// expects it is per-decision importance sampling.
fn recursed(decisions: &Decisions<'_>, choices: &Choices<'_>, with_model: bool) -> Vec<f64> {
    let of = |rows: &Vec<u32>| {
        rows.iter().rev().fold(0.0, |later, &row| {
            let row = row as usize;
            let (p, q) = choices.at(row, decisions.actions[row]);
            let weight = p / decisions.propensities[row];
            let (q, v) = if with_model { (q, choices.value(row)) } else { (0.0, 0.0) };
            v + weight * (decisions.rewards[row] + later - q)
        })
    };
    decisions.episodes.iter().map(of).collect()
}

/// Of each episode, the product of the weights up to each decision.
fn weights(decisions: &Decisions<'_>, choices: &Choices<'_>) -> Vec<Vec<f64>> {
    let of = |rows: &Vec<u32>| {
        let one = |so_far: &mut f64, &row: &u32| {
            let row = row as usize;
            *so_far *= choices.at(row, decisions.actions[row]).0 / decisions.propensities[row];
            Some(*so_far)
        };
        rows.iter().scan(1.0, one).collect()
    };
    decisions.episodes.iter().map(of).collect()
}

/// Decision by decision, the rewards of the episodes in proportion to their weights; an episode that is over keeps its last weight.
/// The interval is that of the linearised figure (the delta method).
fn self_normalised(decisions: &Decisions<'_>, weights: &[Vec<f64>], confidence: f64) -> ValueInterval {
    let n = weights.len();
    let longest = weights.iter().map(Vec::len).max().unwrap_or(0);
    let (mut total, mut influence) = (0.0, vec![0.0; n]);
    for step in 0..longest {
        let weight = |i: usize| weights[i].get(step).or(weights[i].last()).copied().unwrap_or(1.0);
        let reward = |i: usize| {
            let row = decisions.episodes[i].get(step);
            row.map_or(0.0, |row| weights[i][step] * decisions.rewards[*row as usize])
        };
        let mean_weight = sum(n, weight) / n as f64;
        let value = sum(n, reward) / n as f64 / mean_weight;
        total += value;
        for (i, influence) in influence.iter_mut().enumerate() {
            *influence += (reward(i) - value * weight(i)) / mean_weight;
        }
    }
    influence.iter_mut().for_each(|x| *x += total);
    ValueInterval { value: total, ..ValueInterval::of_mean(&influence, confidence) }
}

fn lengths(what: &'static str, found: usize, wanted: usize) -> Result<()> {
    if found == wanted { Ok(()) } else { Err(Error::Lengths { what, found, wanted }) }
}

fn value(what: &str, row: usize, found: impl ToString, wanted: &str) -> Error {
    Error::Value { what: what.into(), row: row + 1, found: found.to_string(), wanted: wanted.into() }
}

fn every<T: ToString>(
    n: usize,
    what: &str,
    values: &[T],
    sound: impl Fn(usize) -> bool,
    wanted: &str,
) -> Result<()> {
    match (0..n).find(|row| !sound(*row)) {
        None => Ok(()),
        Some(row) => Err(value(what, row, values[row].to_string(), wanted)),
    }
}
