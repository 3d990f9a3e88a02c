//! Cross-entropy of the next token, and the backward pass from it to the states.

use pulp::NullaryFnOnce;
use rayon::prelude::*;
use tidemill_kernel::vector::wide;

use crate::blocks::attention::softmax;
use crate::blocks::decoder::Decoder;
use crate::blocks::sums::largest;

/// States whose logits lie in memory at once.
const CHUNK: usize = 192;

/// The sum of `-ln p(label)` over states (after the last norm), and its gradient at them times `factor`.
pub(crate) fn cross_entropy(
    decoder: &Decoder,
    states: &[f32],
    labels: &[u32],
    factor: f64,
) -> (f64, Vec<f32>) {
    let head = decoder.head();
    let (mut sum, mut gradient) = (0.0, Vec::with_capacity(states.len()));
    for (states, labels) in states.chunks(CHUNK * head.inputs()).zip(labels.chunks(CHUNK)) {
        let mut logits = decoder.logits(states);
        let rows = logits.par_chunks_mut(head.outputs()).zip(labels);
        let losses: Vec<f64> = rows.map(|(row, label)| one(row, *label as usize, factor)).collect();
        sum += losses.iter().sum::<f64>();
        gradient.extend(head.back(&logits));
    }
    (sum, gradient)
}

/// The sum of `-ln p(label)` over states (as `Model::states` gives them).
pub(crate) fn log_losses(decoder: &Decoder, states: &[f32], labels: &[u32]) -> f64 {
    let head = decoder.head();
    let chunks = states.chunks(CHUNK * head.inputs()).zip(labels.chunks(CHUNK));
    let sums = chunks.map(|(states, labels)| {
        let mut logits = decoder.logits(states);
        let rows = logits.par_chunks_mut(head.outputs()).zip(labels);
        let losses: Vec<f64> = rows.map(|(row, label)| one(row, *label as usize, 0.0)).collect();
        losses.iter().sum::<f64>()
    });
    sums.sum()
}

/// The loss of one row of logits, which become their gradient.
fn one(logits: &mut [f32], label: usize, factor: f64) -> f64 {
    wide(Row { logits, label, factor })
}

struct Row<'a> {
    logits: &'a mut [f32],
    label: usize,
    factor: f64,
}

impl NullaryFnOnce for Row<'_> {
    type Output = f64;

    #[inline(always)]
    fn call(self) -> f64 {
        let Row { logits, label, factor } = self;
        let own = f64::from(logits[label]) - f64::from(largest(logits));
        let total = f64::from(softmax(logits));
        let share = (factor / total) as f32;
        for logit in logits.iter_mut() {
            *logit *= share;
        }
        logits[label] -= factor as f32;
        total.ln() - own
    }
}
