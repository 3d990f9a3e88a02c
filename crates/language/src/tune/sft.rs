//! Supervised fine-tuning: an adapter learns the answers of examples; prompts are masked.

use std::path::Path;

use serde::Serialize;
use tidemill_core::{Context, Error, Event, Result};
use tidemill_kernel::Random;

use super::examples::{Example, PromptPair};
use super::judge::log_losses_of;
use super::lora::{Adapter, Site};
use super::progress::{Progress, hash_of, named};
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

/// What is watched while a model is tuned, and kept.
#[derive(Clone, Copy, Debug, Default)]
pub struct Watch<'a> {
    /// Answers that are not learned from: after each epoch their loss is measured, and the adapter of the lowest is what comes
    /// of it, be it the one to begin with.
    pub held_out: &'a [PromptPair],
    /// Epochs without a lower loss of these after which no more are taken; 0 takes all.
    pub patience: usize,
    /// A file that says after each epoch how far it came. Where it is there, the tuning goes on from it, and gives the same bytes as if
    /// it had not been stopped.
    pub progress: Option<&'a Path>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tuned {
    /// What was learned.
    #[serde(skip)]
    pub adapter: Adapter,
    /// The mean loss per label of each step, before it.
    pub losses: Vec<f64>,
    /// The mean loss per label of withheld answers, before the first epoch and after each that was taken; empty without any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub held_out: Vec<f64>,
    /// The epoch of the lowest of these, from which the adapter is: 0 for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub best_epoch: Option<usize>,
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
    sft_watched(model, pairs, settings, start, &Watch::default(), context)
}

/// The same while withheld answers are watched, or with a file to go on from.
///
/// # Errors
/// As [`sft`]; when no withheld answer has a token, or the file is damaged, of another tuning, or cannot be written.
pub fn sft_watched(
    model: &Model,
    pairs: &[PromptPair],
    settings: &Sft,
    start: Option<Adapter>,
    watch: &Watch<'_>,
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
    let trainer = trainer(model, settings, start, context)?;
    let mut tuning = Tuning::begin(trainer, &examples, settings, watch, context)?;
    let done = std::mem::take(&mut tuning.progress.losses);
    let losses =
        if tuning.progress.over { done } else { steps(&examples, settings, done, context, &mut tuning)? };
    let labels = examples.iter().map(Example::n_labels).sum();
    let (left_out, watched) = (n - examples.len(), !watch.held_out.is_empty());
    let Tuning { trainer, progress, best, .. } = tuning;
    Ok(Tuned {
        adapter: if watched { best } else { trainer.adapter },
        losses,
        best_epoch: watched.then_some(progress.best),
        held_out: progress.held_out,
        examples: examples.len(),
        left_out,
        labels,
    })
}

/// A supervised tuning under way.
struct Tuning<'a> {
    trainer: Trainer<'a>,
    watch: &'a Watch<'a>,
    longest: usize,
    context: &'a Context,
    progress: Progress,
    /// The adapter of the lowest loss of withheld answers.
    best: Adapter,
}

impl<'a> Tuning<'a> {
    /// At the beginning, or where a file says it was.
    fn begin(
        mut trainer: Trainer<'a>,
        examples: &[Example],
        settings: &Sft,
        watch: &'a Watch<'a>,
        context: &'a Context,
    ) -> Result<Self> {
        let longest = settings.max_length;
        let mut progress = Progress::default();
        if let Some(file) = watch.progress {
            progress.of = named(&[
                format!("{settings:?} {} {:?}", watch.patience, watch.held_out),
                format!("{examples:?} {}", context.seed_for("order")),
                hash_of(&trainer.adapter),
                format!("{:?}", trainer.model.config()),
            ]);
            if file.exists() {
                let (progress, best) = Progress::load(&mut trainer, &progress.of, file)?;
                return Ok(Tuning { trainer, watch, longest, context, progress, best });
            }
        }
        let best = trainer.adapter.clone();
        let mut tuning = Tuning { trainer, watch, longest, context, progress, best };
        tuning.look()?;
        Ok(tuning)
    }

    /// Measures withheld answers, where there are some, and keeps the adapter if they are likelier than ever. Says whether to go on.
    fn look(&mut self) -> Result<bool> {
        let Watch { held_out, patience, .. } = *self.watch;
        if held_out.is_empty() {
            return Ok(true);
        }
        let Trainer { model, adapter, .. } = &self.trainer;
        let found = log_losses_of(model, held_out, Some(adapter), self.longest, self.context)?;
        let (sum, n) = found.iter().flatten().fold((0.0, 0), |(sum, n), (loss, m)| (sum + loss, n + m));
        if n == 0 {
            return Err(LanguageError::AllMasked { examples: held_out.len() }.into());
        }
        let (loss, losses) = (sum / n as f64, &mut self.progress.held_out);
        let lowest = losses.get(self.progress.best).is_none_or(|lowest| loss < *lowest);
        losses.push(loss);
        if lowest {
            self.progress.best = losses.len() - 1;
            self.best = adapter.clone();
        }
        Ok(patience == 0 || losses.len() - 1 - self.progress.best < patience)
    }
}

impl Steps<Example> for Tuning<'_> {
    fn step(&mut self, batch: &[&Example], rate: f64) -> Result<f64> {
        self.trainer.step(batch, rate, self.context)
    }

    fn epoch(&mut self, losses: &[f64]) -> Result<bool> {
        let go_on = self.look()?;
        if let Some(file) = self.watch.progress {
            let progress = Progress { losses: losses.to_vec(), over: !go_on, ..self.progress.clone() };
            progress.save(&self.trainer, &self.best, file)?;
        }
        Ok(go_on)
    }
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

/// What is done at each step.
pub(super) trait Steps<T> {
    /// Learns from a batch at this rate; gives the loss before it.
    fn step(&mut self, batch: &[&T], rate: f64) -> Result<f64>;

    /// After each epoch, with the losses of all steps; says whether to go on.
    fn epoch(&mut self, _losses: &[f64]) -> Result<bool> {
        Ok(true)
    }
}

/// All steps on shuffled batches, but for those of whole epochs that were `done` before.
pub(super) fn steps<T>(
    examples: &[T],
    settings: &Sft,
    done: Vec<f64>,
    context: &Context,
    learner: &mut dyn Steps<T>,
) -> Result<Vec<f64>> {
    let per_epoch = examples.len().div_ceil(settings.batch);
    let n_steps = per_epoch * settings.epochs;
    context.tell(&Event::Begin { what: "tuning".into(), steps: Some((n_steps - done.len()) as u64) });
    let first = done.len() / per_epoch;
    let mut losses = done;
    for epoch in first..settings.epochs {
        let mut order: Vec<&T> = examples.iter().collect();
        Random::new(context.seed_for("order"), epoch as u64).shuffle(&mut order);
        for batch in order.chunks(settings.batch) {
            let left = (n_steps - losses.len()) as f64 / n_steps as f64;
            let loss = learner.step(batch, settings.learning_rate * left)?;
            losses.push(loss);
            if !loss.is_finite() {
                return Err(LanguageError::Diverged { step: losses.len() }.into());
            }
            context.tell(&Event::Step(1));
        }
        if !learner.epoch(&losses)? {
            break;
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
