//! How well answers that are known are said: the mean loss of each.

use tidemill_core::{Context, Result};

use super::examples::{Example, PromptPair};
use super::lora::Adapter;
use super::loss::log_losses;
use crate::decode::cache::Cache;
use crate::model::Model;

/// The mean of `-ln p` over the tokens of each response, in nats a token; `None` where nothing of a response lies within
/// `longest` tokens.
///
/// # Errors
/// When a prompt has no tokens, the chat template refuses one, or the user stops it.
pub fn losses(
    model: &Model,
    pairs: &[PromptPair],
    adapter: Option<&Adapter>,
    longest: usize,
    context: &Context,
) -> Result<Vec<Option<f64>>> {
    let sums = log_losses_of(model, pairs, adapter, longest, context)?;
    Ok(sums.into_iter().map(|found| found.map(|(sum, n)| sum / n as f64)).collect())
}

/// The sum of `-ln p` over the tokens of each response, in nats, and how many tokens these are. The perplexity of all is `e` to the
/// sum of sums by the sum of tokens.
///
/// # Errors
/// As [`losses`].
pub fn log_losses_of(
    model: &Model,
    pairs: &[PromptPair],
    adapter: Option<&Adapter>,
    longest: usize,
    context: &Context,
) -> Result<Vec<Option<(f64, usize)>>> {
    let longest = longest.min(model.config().context);
    let loss = |pair: &PromptPair| -> Result<Option<(f64, usize)>> {
        context.check()?;
        let example = Example::of(model, pair, longest)?;
        if example.n_labels() == 0 {
            return Ok(None);
        }
        Ok(Some((loss_of(model, &example, adapter), example.n_labels())))
    };
    pairs.iter().map(loss).collect()
}

/// The sum of `-ln p` over the labels of an example, which has some.
pub(crate) fn loss_of(model: &Model, example: &Example, adapter: Option<&Adapter>) -> f64 {
    let first = example.first_label();
    let before = &example.tokens[..example.tokens.len() - 1];
    let mut cache = Cache::of_length(model.config(), example.tokens.len());
    let states = model.states(before, &mut cache, adapter);
    // The state of a token says the next one: labels begin one token after their states.
    let states = &states[(first - 1) * model.config().hidden..];
    log_losses(&model.decoder, states, &example.tokens[first..])
}
