//! Supervised fine-tuning: an adapter learns the answers of examples; prompts are masked.

use serde::Serialize;
use tidemill_core::{Context, Error, Event, Result};
use tidemill_kernel::Random;

use super::examples::{Example, PromptPair};
use super::lora::{Adapter, Site};
use super::trainer::Trainer;
use crate::blocks::precision::Precision;
use crate::error::LanguageError;
use crate::model::Model;

/// The settings of supervised fine-tuning: the adapter, and the steps that it learns in.
#[derive(Clone, Debug, PartialEq)]
pub struct Sft {
    /// The width of the small matrices. At least 1.
    pub rank: usize,
    /// The adapter's part is multiplied by `alpha / rank`.
    pub alpha: f64,
    /// The layers that get an adapter.
    pub sites: Vec<Site>,
    /// Passes over the examples. At least 1.
    pub epochs: usize,
    /// Examples of a step. At least 1.
    pub batch: usize,
    /// The first learning rate; it falls to 0 in a straight line.
    pub learning_rate: f64,
    /// The share of the weights that a step of rate 1 takes away.
    pub weight_decay: f64,
    /// The longest gradient of a step; longer ones are shortened to it.
    pub clip_norm: f64,
    /// Tokens of an example beyond this many are left out.
    pub max_length: usize,
}

impl Default for Sft {
    fn default() -> Self {
        Sft {
            rank: 8,
            alpha: 16.0,
            sites: Site::ALL.to_vec(),
            epochs: 3,
            batch: 8,
            learning_rate: 2e-4,
            weight_decay: 0.0,
            clip_norm: 1.0,
            max_length: 1024,
        }
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tuned {
    /// What was learned.
    #[serde(skip)]
    pub adapter: Adapter,
    /// The mean loss per label of each step, before it.
    pub losses: Vec<f64>,
    /// Examples that were learned from.
    pub examples: usize,
    /// Examples without a token to learn from, because nothing of the answer lay within `max_length`.
    pub left_out: usize,
    /// Tokens that were learned, in each epoch.
    pub labels: usize,
}

/// Tunes an adapter, from `start` or a new one. Order and first weights follow from the context's seed.
///
/// # Errors
/// When a setting is out of range, no example has a token to learn from, the loss is not a number, or the user stops it.
pub fn sft(
    model: &Model,
    pairs: &[PromptPair],
    settings: &Sft,
    start: Option<Adapter>,
    context: &Context,
) -> Result<Tuned> {
    check(settings)?;
    let longest = settings.max_length.min(model.config().context);
    let examples = pairs.iter().map(|pair| Example::of(model, pair, longest)).collect::<Result<Vec<_>>>()?;
    let n = examples.len();
    let examples: Vec<Example> = examples.into_iter().filter(|example| example.n_labels() > 0).collect();
    if examples.is_empty() {
        return Err(LanguageError::AllMasked { examples: n }.into());
    }
    let mut trainer = trainer(model, settings, start, context)?;
    let losses = steps(&examples, settings, context, &mut |batch, rate| trainer.step(batch, rate, context))?;
    let labels = examples.iter().map(Example::n_labels).sum();
    let left_out = n - examples.len();
    Ok(Tuned { adapter: trainer.adapter, losses, examples: examples.len(), left_out, labels })
}

/// What learns: the adapter to go on from, or a new one.
pub(super) fn trainer<'a>(
    model: &'a Model,
    settings: &Sft,
    start: Option<Adapter>,
    context: &Context,
) -> Result<Trainer<'a>> {
    if model.precision() != Precision::Float32 {
        return Err(Error::parameter("precision", "is int8: adapters are tuned beside 32-bit weights"));
    }
    let adapter = match start {
        Some(adapter) => adapter,
        None => {
            let seed = context.seed_for("lora");
            Adapter::new(model.config(), settings.rank, settings.alpha, &settings.sites, seed)?
        }
    };
    Ok(Trainer::new(model, adapter, settings.weight_decay, settings.clip_norm))
}

/// All steps on shuffled batches: `step` gets a batch with its learning rate and gives the loss before it.
pub(super) fn steps<T>(
    examples: &[T],
    settings: &Sft,
    context: &Context,
    step: &mut dyn FnMut(&[&T], f64) -> Result<f64>,
) -> Result<Vec<f64>> {
    let per_epoch = examples.len().div_ceil(settings.batch);
    let n_steps = per_epoch * settings.epochs;
    context.tell(&Event::Begin { what: "tuning".into(), steps: Some(n_steps as u64) });
    let mut losses = Vec::with_capacity(n_steps);
    for epoch in 0..settings.epochs {
        let mut order: Vec<&T> = examples.iter().collect();
        Random::new(context.seed_for("order"), epoch as u64).shuffle(&mut order);
        for batch in order.chunks(settings.batch) {
            let left = (n_steps - losses.len()) as f64 / n_steps as f64;
            let loss = step(batch, settings.learning_rate * left)?;
            losses.push(loss);
            if !loss.is_finite() {
                return Err(LanguageError::Diverged { step: losses.len() }.into());
            }
            context.tell(&Event::Step(1));
        }
    }
    context.tell(&Event::End);
    Ok(losses)
}

pub(super) fn check(settings: &Sft) -> Result<()> {
    let positive =
        [("epochs", settings.epochs), ("batch", settings.batch), ("max_length", settings.max_length)];
    if let Some((key, _)) = positive.iter().find(|(_, n)| *n == 0) {
        return Err(Error::parameter(*key, "is 0; at least 1 is needed"));
    }
    let numbers = [
        ("learning_rate", settings.learning_rate, f64::MIN_POSITIVE),
        ("alpha", settings.alpha, f64::MIN_POSITIVE),
        ("clip_norm", settings.clip_norm, f64::MIN_POSITIVE),
        ("weight_decay", settings.weight_decay, 0.0),
    ];
    match numbers.iter().find(|(_, x, least)| !(x.is_finite() && x >= least)) {
        Some((key, x, _)) => Err(Error::parameter(*key, format!("is {x}"))),
        None => Ok(()),
    }
}
