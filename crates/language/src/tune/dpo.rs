//! Direct preference optimisation (Rafailov et al. 2023): an adapter learns which of two answers is the better one.
//!
//! With the margin `z = (ln p(chosen) - ln q(chosen)) - (ln p(rejected) - ln q(rejected))` of the model `p` with its adapter over the
//! reference `q`, the loss of a preference is `-ln sigmoid(beta * z)`. The reference is the model with its adapter switched off:
//! the same weights, read once before the first step, so that nothing is held twice.

use serde::Serialize;
use tidemill_core::{Context, Error, Event, Result};

use super::examples::Example;
use super::judge::loss_of;
use super::lora::Adapter;
use super::preferences::{Preference, examples};
use super::sft::{Sft, Steps, check, steps, trainer};
use super::trainer::Trainer;
use crate::error::LanguageError;
use crate::model::Model;

/// The settings of direct preference optimisation.
#[derive(Clone, Debug, PartialEq)]
pub struct Dpo {
    /// How much a margin counts: smaller lets the model go further from its reference. Above 0.
    pub beta: f64,
    /// The adapter, and the steps that it learns in; an example is a preference.
    pub steps: Sft,
}

impl Default for Dpo {
    /// `beta` 0.1 as in the paper, and a quarter of the learning rate of [`Sft`].
    fn default() -> Self {
        Dpo { beta: 0.1, steps: Sft { learning_rate: 5e-5, ..Sft::default() } }
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Preferred {
    /// What was learned.
    #[serde(skip)]
    pub adapter: Adapter,
    /// The mean loss per preference of each step, before it; `ln 2` where nothing was learned yet.
    pub losses: Vec<f64>,
    /// The mean of `beta * z` of each step, before it.
    pub margins: Vec<f64>,
    /// The share of preferences with a margin above 0, in each epoch, each before its step.
    pub accuracies: Vec<f64>,
    /// Preferences that were learned from.
    pub preferences: usize,
    /// Preferences that teach nothing, because no token of an answer lay within `max_length`, or none that tells the two apart.
    pub left_out: usize,
}

/// A preference in tokens.
struct Couple {
    /// The chosen answer, and the rejected one.
    answers: [Example; 2],
    /// The sum of `-ln q` over the labels of each.
    reference: [f64; 2],
}

/// Tunes an adapter, from `start` or a new one. Order and first weights follow from the context's seed.
///
/// # Errors
/// When a setting is out of range, two answers are the same, no preference has tokens to learn from, the loss is not a number, or
/// the user stops it.
pub fn dpo(
    model: &Model,
    preferences: &[Preference],
    settings: &Dpo,
    start: Option<Adapter>,
    context: &Context,
) -> Result<Preferred> {
    check(&settings.steps)?;
    if !(settings.beta.is_finite() && settings.beta > 0.0) {
        return Err(Error::parameter("beta", format!("is {}; a number above 0 is needed", settings.beta)));
    }
    let couples = couples(model, preferences, settings.steps.max_length, context)?;
    let trainer = trainer(model, &settings.steps, start, context)?;
    let (margins, right) = (Vec::new(), Vec::with_capacity(couples.len()));
    let mut preferring = Preferring { trainer, beta: settings.beta, context, margins, right };
    let losses = steps(&couples, &settings.steps, Vec::new(), context, &mut preferring)?;
    let Preferring { trainer, margins, right, .. } = preferring;
    let accuracies = right.chunks(couples.len()).map(|epoch| epoch.iter().sum::<f64>() / epoch.len() as f64);
    Ok(Preferred {
        accuracies: accuracies.collect(),
        adapter: trainer.adapter,
        losses,
        margins,
        left_out: preferences.len() - couples.len(),
        preferences: couples.len(),
    })
}

/// A tuning by preferences under way.
struct Preferring<'a> {
    trainer: Trainer<'a>,
    beta: f64,
    context: &'a Context,
    /// The mean margin of each step.
    margins: Vec<f64>,
    /// Of each preference, as it came, 1 where its margin was above 0.
    right: Vec<f64>,
}

impl Steps<Couple> for Preferring<'_> {
    fn step(&mut self, batch: &[&Couple], rate: f64) -> Result<f64> {
        let found = step(&mut self.trainer, batch, self.beta, rate, self.context)?;
        let n = found.len() as f64;
        self.margins.push(found.iter().sum::<f64>() / n);
        self.right.extend(found.iter().map(|margin| f64::from(u8::from(*margin > 0.0))));
        Ok(found.iter().map(|margin| loss(*margin)).sum::<f64>() / n)
    }
}

/// The preferences that can teach, with what the reference says of them.
fn couples(
    model: &Model,
    preferences: &[Preference],
    max_length: usize,
    context: &Context,
) -> Result<Vec<Couple>> {
    if let Some(i) = preferences.iter().position(|one| one.chosen == one.rejected) {
        return Err(LanguageError::EqualAnswers { number: i + 1 }.into());
    }
    let longest = max_length.min(model.config().context);
    context.tell(&Event::Note(format!("reading {} preferences by the reference", preferences.len())));
    let mut found = Vec::with_capacity(preferences.len());
    for preference in preferences {
        context.check()?;
        let answers = examples(model, preference, longest)?;
        let teaches = answers.iter().all(|answer| answer.n_labels() > 0) && answers[0] != answers[1];
        if teaches {
            let reference = answers.each_ref().map(|answer| loss_of(model, answer, None));
            found.push(Couple { answers, reference });
        }
    }
    if found.is_empty() {
        return Err(LanguageError::AllMasked { examples: preferences.len() }.into());
    }
    Ok(found)
}

/// One step on a batch; gives `beta * z` of each preference before it.
fn step(
    trainer: &mut Trainer<'_>,
    batch: &[&Couple],
    beta: f64,
    rate: f64,
    context: &Context,
) -> Result<Vec<f64>> {
    trainer.clear();
    let mut margins = Vec::with_capacity(batch.len());
    for couple in batch {
        context.check()?;
        margins.push(backward(trainer, couple, beta, 1.0 / batch.len() as f64));
    }
    trainer.update(rate);
    Ok(margins)
}

/// Adds the gradients of a preference's loss, times `share`, and gives its `beta * z`.
fn backward(trainer: &mut Trainer<'_>, couple: &Couple, beta: f64, share: f64) -> f64 {
    let sums = couple.answers.each_ref().map(|answer| loss_of(trainer.model, answer, Some(&trainer.adapter)));
    let gain = |i: usize| couple.reference[i] - sums[i];
    let margin = beta * (gain(0) - gain(1));
    // The slope of the loss at the sum of -ln p of the chosen answer; at that of the rejected one it is the opposite.
    let slope = share * beta / (1.0 + margin.exp());
    trainer.backward(&couple.answers[0], slope);
    trainer.backward(&couple.answers[1], -slope);
    margin
}

/// `-ln sigmoid(margin)`, without overflow.
fn loss(margin: f64) -> f64 {
    (-margin).max(0.0) + (-margin.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use serde_json::Value;

    use super::*;

    fn fixtures() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
    }

    fn folder(family: &str) -> PathBuf {
        fixtures().join(if family == "llama" { "adapter" } else { "gpt2-adapter" })
    }

    fn adapter(family: &str, model: &Model, tensors: &str) -> Adapter {
        let (folder, from) = (tempfile::tempdir().unwrap(), folder(family));
        std::fs::copy(from.join("adapter_config.json"), folder.path().join("adapter_config.json")).unwrap();
        std::fs::copy(from.join(tensors), folder.path().join("adapter_model.safetensors")).unwrap();
        Adapter::load(folder.path(), model.config()).unwrap()
    }

    fn example(case: &Value) -> Example {
        Example {
            tokens: serde_json::from_value(case["ids"].clone()).unwrap(),
            prompt: case["masked"].as_u64().unwrap() as usize,
        }
    }

    /// What `fixtures/make_dpo.py` and `fixtures/make_gpt2_adapter.py` wrote with peft and torch.
    fn case(family: &str) -> (Model, Value, Vec<Couple>) {
        let model = Model::open(&fixtures().join(format!("{family}.gguf"))).unwrap();
        let read = |name: &str| -> Value {
            serde_json::from_slice(&std::fs::read(fixtures().join(name)).unwrap()).unwrap()
        };
        let case = match family {
            "llama" => read("dpo.json"),
            _ => read("gpt2-adapter.json")["dpo"].clone(),
        };
        let couples = case["preferences"].as_array().unwrap().iter().map(|one| {
            let answers = [example(&one["chosen"]), example(&one["rejected"])];
            let reference = answers.each_ref().map(|answer| loss_of(&model, answer, None));
            Couple { answers, reference }
        });
        let couples = couples.collect();
        (model, case, couples)
    }

    #[test]
    fn losses_margins_and_gradients_are_those_of_torch() {
        for family in ["llama", "gpt2"] {
            let (model, case, couples) = case(family);
            let beta = case["beta"].as_f64().unwrap();
            let start = adapter(family, &model, "adapter_model.safetensors");
            let mut trainer = Trainer::new(&model, start, 0.0, 1.0);
            let share = 1.0 / couples.len() as f64;
            for (couple, wanted) in couples.iter().zip(case["preferences"].as_array().unwrap()) {
                let margin = backward(&mut trainer, couple, beta, share);
                for (found, key) in [(margin, "margin"), (loss(margin), "loss")] {
                    let wanted = wanted[key].as_f64().unwrap();
                    assert!((found - wanted).abs() < 1e-5, "{family}, {key}: {found} is not {wanted}");
                }
            }
            let wanted = adapter(family, &model, "dpo_gradients.safetensors").pairs;
            let ours = trainer.gradients.iter().flatten().flatten();
            let mut n = 0;
            for (ours, wanted) in ours.zip(wanted.iter().flatten().flatten()) {
                for (x, y) in ours.a.iter().chain(&ours.b).zip(wanted.a.iter().chain(&wanted.b)) {
                    assert!((x - y).abs() < 1e-5, "{family}, number {n}: {x} is not {y}");
                    n += 1;
                }
            }
            assert_eq!(n, trainer.adapter.n_parameters());
        }
    }

    #[test]
    fn ten_losses_are_those_of_torch() {
        for family in ["llama", "gpt2"] {
            let (model, case, couples) = case(family);
            let (beta, batch) = (case["beta"].as_f64().unwrap(), couples.iter().collect::<Vec<_>>());
            let start = adapter(family, &model, "adapter_model.safetensors");
            let mut trainer = Trainer::new(&model, start, 0.01, 1.0);
            for (number, wanted) in case["losses"].as_array().unwrap().iter().enumerate() {
                let margins = step(&mut trainer, &batch, beta, 1e-2, &Context::default()).unwrap();
                let found = margins.iter().map(|margin| loss(*margin)).sum::<f64>() / margins.len() as f64;
                let wanted = wanted.as_f64().unwrap();
                assert!((found - wanted).abs() < 1e-3, "{family}, step {number}: {found} is not {wanted}");
            }
        }
    }

    #[test]
    fn the_loss_of_great_margins_stays_a_number() {
        assert_eq!((loss(0.0), loss(1e6), loss(-1e6)), (std::f64::consts::LN_2, 0.0, 1e6));
    }
}
