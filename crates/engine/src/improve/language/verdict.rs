//! The adapter in service against the challenger, on answers that neither was tuned on.

use serde::Serialize;
use tidemill_core::{Context, Error, Event, Result};
use tidemill_eval::compare::{Samples, ScoreInterval, paired, wilson};
use tidemill_eval::{Answers, metric};
use tidemill_language::{Adapter, PromptPair, Sft, losses};

use crate::feedback::Labelled;
use crate::improve::trust::least_gain;
use crate::improve::verdict::{DAY, Unit, numbered, unit};
use crate::model::language::Opened;

/// How the two compare on the held-out answers. Losses are the mean of `-ln p` over the tokens of a right answer, in nats a token;
/// each answer counts once.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The mean loss of what is in service.
    pub champion: f64,
    /// The mean loss of the challenger.
    pub challenger: f64,
    /// By how much the challenger's is lower.
    pub better_by: ScoreInterval,
    /// What the interval takes for independent of each other.
    pub unit: Unit,
    /// The share of answers of which the challenger's loss is lower, a tie counted as half, with its interval (Wilson 1927).
    pub won: [f64; 3],
    /// The least that the challenger is better by when the answers of any one user are left out; none where no user gave many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub better_without_any_user: Option<f64>,
    /// By how much the challenger's loss of the right answer to a question is lower than that of the right answer to another one;
    /// none where all right answers are the same text. What has nothing to do with its question is no feedback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relevance: Option<ScoreInterval>,
}

pub(super) fn compare(
    champion: &Opened,
    challenger: &Adapter,
    held_out: &[PromptPair],
    judges: &[Labelled],
    context: &Context,
) -> Result<Comparison> {
    context.tell(&Event::Note(format!("comparing on {} answers", held_out.len())));
    let longest = Sft::default().max_length;
    let loss = |pairs: &[PromptPair], adapter: Option<&Adapter>| {
        let found = losses(&champion.model, pairs, adapter, longest, context)?;
        // A question that fills all of the length says nothing of either: both lose nothing.
        Ok::<_, Error>(found.into_iter().map(|loss| loss.unwrap_or(0.0)).collect::<Vec<f64>>())
    };
    let before = loss(held_out, champion.adapter.as_ref())?;
    let after = loss(held_out, Some(challenger))?;
    let others = exchanged(held_out).map(|others| loss(&others, Some(challenger))).transpose()?;
    weighed([&before, &after], others.as_deref(), judges, context.seed)
}

/// How two lists of losses compare; `others` are the challenger's of the right answers to other questions.
pub(super) fn weighed(
    [before, after]: [&[f64]; 2],
    others: Option<&[f64]>,
    judges: &[Labelled],
    seed: u64,
) -> Result<Comparison> {
    let days = numbered(judges.iter().map(|row| row.at.div_euclid(DAY)));
    let unit = unit(&days);
    let better = |a: &[f64], b: &[f64]| interval(a, b, unit, &days, seed);
    let halves: u64 = before.iter().zip(after).map(|(a, b)| u64::from(b < a) + u64::from(b <= a)).sum();
    let n = before.len() as u64;
    let won = wilson(halves / 2, n).unwrap_or([0.0, 1.0]);
    let mae = metric("mae")?;
    Ok(Comparison {
        champion: mean(before),
        challenger: mean(after),
        better_by: better(before, after)?,
        unit,
        won: [halves as f64 / (2 * n) as f64, won[0], won[1]],
        better_without_any_user: least_gain(&as_errors(before)?, &as_errors(after)?, mae, judges)?,
        relevance: others.map(|others| better(others, after)).transpose()?,
    })
}

fn mean(losses: &[f64]) -> f64 {
    losses.iter().sum::<f64>() / losses.len().max(1) as f64
}

/// Losses as errors against 0: their mean absolute error is their mean.
fn as_errors(losses: &[f64]) -> Result<Answers<'static>> {
    Ok(Answers::numbers(vec![0.0; losses.len()], losses.to_vec())?)
}

fn interval(a: &[f64], b: &[f64], unit: Unit, days: &[u32], seed: u64) -> Result<ScoreInterval> {
    let (a, b, mae) = (as_errors(a)?, as_errors(b)?, metric("mae")?);
    Ok(paired(&a, &b, mae, unit.draw(days), Samples::usual(seed))?)
}

/// Each question with the right answer to another one, about half of all away, whose text differs; none where no text does.
fn exchanged(pairs: &[PromptPair]) -> Option<Vec<PromptPair>> {
    let n = pairs.len();
    let other = |i: usize| {
        let others = (0..n).map(|step| &pairs[(i + n / 2 + step) % n].response);
        others.into_iter().find(|response| **response != pairs[i].response)
    };
    (0..n)
        .map(|i| Some(PromptPair { prompt: pairs[i].prompt.clone(), response: other(i)?.clone() }))
        .collect()
}

/// Decides on `n` held-out answers; preferences need no relevance, since the answer to another question is none of the two.
pub(super) fn decide(comparison: &Comparison, n: usize, preferences: bool) -> (bool, String) {
    let Comparison { champion, challenger, better_by, unit, won, .. } = comparison;
    let ScoreInterval { value, low, high, .. } = *better_by;
    let figures = format!(
        "loss {challenger:.4} against {champion:.4} on {n} held-out answers, better by {value:.4} (95% CI {low:.4} to {high:.4}, \
         {unit}); it is better on {:.0}% of them ({:.0}% to {:.0}%)",
        100.0 * won[0],
        100.0 * won[1],
        100.0 * won[2]
    );
    let no = |why: &str| (false, format!("not promoted: {why} ({figures})"));
    if high < 0.0 {
        return no("the challenger is worse");
    }
    if low <= 0.0 || won[1] <= 0.5 {
        return no("not enough to tell the two apart");
    }
    let relevant = comparison.relevance.as_ref().is_some_and(|relevance| relevance.low > 0.0);
    if !preferences && !relevant {
        return no(
            "the right answers say nothing about their own questions, so there is nothing to learn from them",
        );
    }
    if comparison.better_without_any_user.is_some_and(|gain| gain <= 0.0) {
        return no(
            "it is better by the words of one user alone, and no user decides alone (--trust USER vouches for one)",
        );
    }
    (true, format!("promoted: the challenger is better ({figures})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(prompt: &str, response: &str) -> PromptPair {
        PromptPair { prompt: prompt.into(), response: response.into() }
    }

    #[test]
    fn every_question_gets_the_answer_to_another_one() {
        let pairs = [pair("a", "1"), pair("b", "2"), pair("c", "1"), pair("d", "3")];
        let others = exchanged(&pairs).unwrap();
        for (own, other) in pairs.iter().zip(&others) {
            assert_eq!(own.prompt, other.prompt);
            assert_ne!(own.response, other.response);
        }
        assert_eq!(exchanged(&[pair("a", "1"), pair("b", "1")]), None);
    }

    #[test]
    fn a_challenger_must_be_clearly_better_for_the_right_reason() {
        let interval = |low: f64, high: f64| ScoreInterval {
            value: f64::midpoint(low, high),
            low,
            high,
            confidence: 0.95,
            n_undefined: 0,
        };
        let better = Comparison {
            champion: 2.0,
            challenger: 1.5,
            better_by: interval(0.4, 0.6),
            unit: Unit::Runs(3),
            won: [0.9, 0.8, 0.95],
            better_without_any_user: None,
            relevance: Some(interval(0.2, 0.3)),
        };
        assert!(decide(&better, 40, false).0);
        assert!(decide(&Comparison { relevance: None, ..better.clone() }, 40, true).0);
        for (worse, why) in [
            (Comparison { better_by: interval(-0.1, 0.6), ..better.clone() }, "not enough"),
            (Comparison { better_by: interval(-0.6, -0.1), ..better.clone() }, "worse"),
            (Comparison { won: [0.55, 0.45, 0.65], ..better.clone() }, "not enough"),
            (Comparison { relevance: Some(interval(-0.1, 0.1)), ..better.clone() }, "say nothing"),
            (Comparison { relevance: None, ..better.clone() }, "say nothing"),
            (Comparison { better_without_any_user: Some(-0.1), ..better.clone() }, "one user"),
        ] {
            let (promoted, verdict) = decide(&worse, 40, false);
            assert!(!promoted && verdict.contains(why), "{verdict}");
        }
    }
}
