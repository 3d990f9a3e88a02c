//! Steps of an adapter: loss and gradients of a batch, and AdamW.

use tidemill_core::{Context, Result};

use super::adamw::AdamW;
use super::backward::BlockGradients;
use super::examples::Example;
use super::lora::{Adapter, Pair};
use super::loss::cross_entropy;
use crate::blocks::attention::{Memory, Place};
use crate::blocks::decoder::{Decoder, Pass, Trace};
use crate::model::Model;

/// Bytes of traces that are kept; beyond, layers are computed a second time on the backward pass.
const KEPT: usize = 256 << 20;

/// Tokens of examples that go through the model together, but for a longer one alone.
const PACK: usize = 512;

/// An adapter while it learns.
pub(crate) struct Trainer<'a> {
    pub(crate) model: &'a Model,
    pub(crate) adapter: Adapter,
    pub(super) gradients: Vec<BlockGradients>,
    pub(super) means: Vec<BlockGradients>,
    pub(super) squares: Vec<BlockGradients>,
    optimizer: AdamW,
    /// Bytes of traces that are kept.
    kept: usize,
    /// The longest gradient of a step; longer ones are shortened to it.
    clip_norm: f64,
    pub(super) n_steps: usize,
}

impl<'a> Trainer<'a> {
    pub(crate) fn new(model: &'a Model, adapter: Adapter, weight_decay: f64, clip_norm: f64) -> Self {
        let zeros: Vec<BlockGradients> =
            adapter.pairs.iter().map(|pairs| pairs.each_ref().map(zero)).collect();
        Trainer {
            model,
            adapter,
            gradients: zeros.clone(),
            means: zeros.clone(),
            squares: zeros,
            optimizer: AdamW::new(weight_decay),
            kept: KEPT,
            clip_norm,
            n_steps: 0,
        }
    }

    /// One step on a batch; gives its mean loss per label before the step. Every example has a label.
    pub(crate) fn step(&mut self, batch: &[&Example], rate: f64, context: &Context) -> Result<f64> {
        self.clear();
        let n_labels: usize = batch.iter().map(|example| example.n_labels()).sum();
        let mut sum = 0.0;
        for pack in packs(batch) {
            context.check()?;
            sum += self.backward_all(pack, 1.0 / n_labels as f64);
        }
        self.update(rate);
        Ok(sum / n_labels as f64)
    }

    /// Forgets the gradients.
    pub(crate) fn clear(&mut self) {
        self.gradients.iter_mut().flatten().flatten().for_each(|pair| {
            pair.a.fill(0.0);
            pair.b.fill(0.0);
        });
    }

    /// Adds the gradients of an example's loss, times `factor`, and gives that loss, summed over its labels.
    pub(crate) fn backward(&mut self, example: &Example, factor: f64) -> f64 {
        self.backward_all(&[example], factor)
    }

    /// The same of several examples, which go through the model side by side: larger products, and weights that are read once. Each
    /// has positions and attention of its own, and its prompt stays masked.
    pub(crate) fn backward_all(&mut self, examples: &[&Example], factor: f64) -> f64 {
        let Trainer { model, adapter, gradients, kept, .. } = self;
        let (config, decoder) = (model.config(), &model.decoder);
        let positions = |example: &&Example| 0..example.tokens.len();
        let turned = |example: &&Example| {
            let long = config.turned_long(example.tokens.len());
            positions(example).map(move |position| (position, long))
        };
        let turns = decoder.rope.turns(examples.iter().flat_map(turned));
        let of_example = |(i, example): (usize, &&Example)| Place::run(i, positions(example));
        let places: Vec<Place> = examples.iter().enumerate().flat_map(of_example).collect();
        let pass = |layer: usize| {
            let block = &decoder.blocks[layer];
            Pass { config, block, layer, adapter: Some(adapter), turns: &turns, places: &places }
        };
        let keep = Trace::bytes(config, places.len()) <= *kept;
        let trace = |layer: usize, state: Vec<f32>| {
            let mut trace = Trace::default();
            let mut memories: Vec<Memory> = examples.iter().map(|_| Memory::default()).collect();
            let state =
                pass(layer).forward(state, &mut memories.iter_mut().collect::<Vec<_>>(), Some(&mut trace));
            trace.memories = memories;
            (state, trace)
        };
        let tokens: Vec<u32> = examples.iter().flat_map(|example| &example.tokens).copied().collect();
        let mut state = decoder.embed(&tokens, examples.iter().flat_map(positions));
        let mut traces = Vec::with_capacity(config.layers);
        for layer in 0..config.layers {
            let (after, whole) = trace(layer, state);
            state = after;
            traces.push(if keep { whole } else { Trace { before: whole.before, ..Trace::default() } });
        }
        let (sum, mut d_state) = last(decoder, config.hidden, examples, &state, factor);
        for layer in (0..config.layers).rev() {
            // Each trace is freed once it was used.
            let found = traces.pop().unwrap_or_default();
            let found = if keep { found } else { trace(layer, found.before).1 };
            pass(layer).backward(&found, &mut d_state, &mut gradients[layer]);
        }
        sum
    }

    /// A step of AdamW by the gradients, shortened where they are too long.
    pub(crate) fn update(&mut self, rate: f64) {
        self.n_steps += 1;
        let numbers = |pair: &Pair| pair.a.iter().chain(&pair.b).map(|x| f64::from(*x).powi(2)).sum::<f64>();
        let norm = self.gradients.iter().flatten().flatten().map(numbers).sum::<f64>().sqrt();
        let shrink = (self.clip_norm / (norm + 1e-6)).min(1.0) as f32;
        let all = self.adapter.pairs.iter_mut().flatten().flatten();
        let moments =
            self.means.iter_mut().flatten().flatten().zip(self.squares.iter_mut().flatten().flatten());
        for ((pair, gradient), (mean, square)) in
            all.zip(self.gradients.iter_mut().flatten().flatten()).zip(moments)
        {
            let Pair { a, b } = gradient;
            a.iter_mut().chain(b.iter_mut()).for_each(|g| *g *= shrink);
            self.optimizer.step(self.n_steps, rate, &mut pair.a, a, &mut mean.a, &mut square.a);
            self.optimizer.step(self.n_steps, rate, &mut pair.b, b, &mut mean.b, &mut square.b);
        }
    }
}

/// Runs of examples that go through the model together.
fn packs<'a, 'b>(batch: &'a [&'b Example]) -> Vec<&'a [&'b Example]> {
    let (mut packs, mut from, mut tokens) = (Vec::new(), 0, 0);
    for (i, example) in batch.iter().enumerate() {
        if i > from && tokens + example.tokens.len() > PACK {
            packs.push(&batch[from..i]);
            (from, tokens) = (i, 0);
        }
        tokens += example.tokens.len();
    }
    packs.push(&batch[from..]);
    packs
}

/// The loss of all labels, summed, and its gradient, times `factor`, at the states of all tokens.
fn last(
    decoder: &Decoder,
    hidden: usize,
    examples: &[&Example],
    state: &[f32],
    factor: f64,
) -> (f64, Vec<f32>) {
    let (mut rows, mut labels, mut start) = (Vec::new(), Vec::new(), 0);
    for example in examples {
        // The state of a token says the next one: labels begin one token after their states.
        let first = example.first_label();
        rows.push((start + first - 1) * hidden..(start + example.tokens.len() - 1) * hidden);
        labels.extend_from_slice(&example.tokens[first..]);
        start += example.tokens.len();
    }
    let states: Vec<f32> = rows.iter().flat_map(|rows| &state[rows.clone()]).copied().collect();
    let normed = decoder.norm.of(&states);
    let (sum, d_normed) = cross_entropy(decoder, &normed, &labels, factor);
    let mut d_states = vec![0.0; states.len()];
    decoder.norm.backward(&states, &d_normed, &mut d_states);
    let (mut d_state, mut left) = (vec![0.0; state.len()], d_states.as_slice());
    for rows in rows {
        let (own, others) = left.split_at(rows.len());
        d_state[rows].copy_from_slice(own);
        left = others;
    }
    (sum, d_state)
}

fn zero(pair: &Option<Pair>) -> Option<Pair> {
    pair.as_ref().map(|pair| Pair { a: vec![0.0; pair.a.len()], b: vec![0.0; pair.b.len()] })
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use serde_json::Value;

    use super::*;

    fn fixtures() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
    }

    /// What `fixtures/make.py` and `fixtures/make_gpt2_adapter.py` wrote with peft and torch, with the folder of the adapter.
    fn case(family: &str) -> (Model, Adapter, Value, Vec<Example>) {
        let read = |name: &str| -> Value {
            serde_json::from_slice(&std::fs::read(fixtures().join(name)).unwrap()).unwrap()
        };
        let case = match family {
            "llama" => read("reference.json")["adapter"].clone(),
            _ => read("gpt2-adapter.json"),
        };
        let model = Model::open(&fixtures().join(format!("{family}.gguf"))).unwrap();
        let adapter = Adapter::load(&folder(family), model.config()).unwrap();
        let sequences = case["sequences"].as_array().unwrap().iter();
        let examples = sequences
            .map(|sequence| Example {
                tokens: serde_json::from_value(sequence["ids"].clone()).unwrap(),
                prompt: sequence["masked"].as_u64().unwrap() as usize,
            })
            .collect();
        (model, adapter, case, examples)
    }

    fn folder(family: &str) -> PathBuf {
        fixtures().join(if family == "llama" { "adapter" } else { "gpt2-adapter" })
    }

    /// The gradients of peft, read as if they were an adapter.
    fn wanted(family: &str, model: &Model) -> Adapter {
        let (folder, adapter) = (tempfile::tempdir().unwrap(), folder(family));
        std::fs::copy(adapter.join("adapter_config.json"), folder.path().join("adapter_config.json"))
            .unwrap();
        let tensors = folder.path().join("adapter_model.safetensors");
        std::fs::copy(adapter.join("gradients.safetensors"), tensors).unwrap();
        Adapter::load(folder.path(), model.config()).unwrap()
    }

    #[test]
    fn loss_and_gradients_are_those_of_peft() {
        for family in ["llama", "gpt2"] {
            let (model, adapter, case, examples) = case(family);
            let n_labels: usize = examples.iter().map(Example::n_labels).sum();
            let share = 1.0 / n_labels as f64;
            let mut trainer = Trainer::new(&model, adapter, 0.0, 1.0);
            let sums: f64 = examples.iter().map(|example| trainer.backward(example, share)).sum();
            let loss = case["loss"].as_f64().unwrap();
            assert!((sums * share - loss).abs() < 1e-4, "{family}: {sums} {loss}");
            let pairs = wanted(family, &model).pairs;
            let both = trainer.gradients.iter().flatten().flatten().zip(pairs.iter().flatten().flatten());
            let mut n = 0;
            for (ours, wanted) in both {
                let (ours, wanted) = (ours.a.iter().chain(&ours.b), wanted.a.iter().chain(&wanted.b));
                for (x, y) in ours.zip(wanted) {
                    assert!((x - y).abs() < 1e-4 * y.abs().max(1.0), "{family}, number {n}: {x} is not {y}");
                    n += 1;
                }
            }
            assert_eq!(n, trainer.adapter.n_parameters());
        }
    }

    #[test]
    fn examples_side_by_side_have_the_gradients_of_each_alone() {
        for family in ["llama", "gpt2"] {
            let (model, adapter, _, examples) = case(family);
            // Twice as many, so that lengths differ and come again.
            let examples: Vec<&Example> = examples.iter().chain(&examples).collect();
            let mut alone = Trainer::new(&model, adapter.clone(), 0.0, 1.0);
            let sum: f64 = examples.iter().map(|example| alone.backward(example, 0.1)).sum();
            let mut together = Trainer::new(&model, adapter, 0.0, 1.0);
            assert!((together.backward_all(&examples, 0.1) - sum).abs() < 1e-9 * sum.abs(), "{family}");
            let of = |trainer: &Trainer<'_>| -> Vec<f32> {
                let pairs = trainer.gradients.iter().flatten().flatten();
                pairs.flat_map(|pair| pair.a.iter().chain(&pair.b).copied().collect::<Vec<_>>()).collect()
            };
            for (x, y) in of(&together).iter().zip(of(&alone)) {
                assert!((x - y).abs() < 1e-5 * y.abs().max(1.0), "{family}: {x} is not {y}");
            }
        }
    }

    #[test]
    fn layers_computed_twice_give_the_same_bits() {
        for family in ["llama", "gpt2"] {
            let (model, adapter, _, examples) = case(family);
            let gradients = |kept: usize| {
                let mut trainer = Trainer::new(&model, adapter.clone(), 0.0, 1.0);
                trainer.kept = kept;
                let sums: Vec<f64> = examples.iter().map(|example| trainer.backward(example, 0.1)).collect();
                (sums, trainer.gradients)
            };
            assert!(gradients(0) == gradients(KEPT));
        }
    }

    #[test]
    fn twenty_losses_are_those_of_torch() {
        for family in ["llama", "gpt2"] {
            let (model, adapter, case, examples) = case(family);
            let examples: Vec<&Example> = examples.iter().collect();
            let mut trainer = Trainer::new(&model, adapter, 0.01, 1.0);
            for (step, wanted) in case["losses"].as_array().unwrap().iter().enumerate() {
                let loss = trainer.step(&examples, 1e-2, &Context::default()).unwrap();
                let wanted = wanted.as_f64().unwrap();
                assert!((loss - wanted).abs() < 1e-3, "{family}, step {step}: {loss} is not {wanted}");
            }
        }
    }
}
