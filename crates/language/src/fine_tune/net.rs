//! An encoder of the BERT family with a head, all of whose weights can learn.

use std::ops::Range;

use rayon::prelude::*;
use tidemill_core::Result;

use super::ops::{attend, attend_back, linear, linear_back, norm, norm_back, softmax};
use crate::blocks::gelu::{gelu, gelu_backward};
use crate::checkpoint::{EncoderConfig, Pooling, Tensors};

/// Tensors before those of the layers: words, positions, segments, and the norm's two.
const BEFORE: usize = 5;
/// The names of a layer's tensors, two for each part.
const PARTS: [&str; 8] = [
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "attention.output.LayerNorm",
    "intermediate.dense",
    "output.dense",
    "output.LayerNorm",
];
/// Their places.
const Q: usize = 0;
const K: usize = 1;
const V: usize = 2;
const OUT: usize = 3;
const MIDDLE: usize = 4;
const UP: usize = 5;
const DOWN: usize = 6;
const END: usize = 7;

/// The target of a text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Goal {
    /// Which class.
    Class(usize),
    /// Which number, standardised.
    Number(f32),
}

/// The weights, and what they are called in a checkpoint.
pub(super) struct Net {
    pub(super) config: EncoderConfig,
    pub(super) pooling: Pooling,
    pub(super) names: Vec<String>,
    pub(super) shapes: Vec<Vec<usize>>,
    /// In the order of the names; the head's two are the last.
    pub(super) tensors: Vec<Vec<f32>>,
}

/// What the way back needs of one layer.
struct Trace {
    before: Vec<f32>,
    qkv: [Vec<f32>; 3],
    attended: Vec<f32>,
    /// What goes into the first norm, and what comes out.
    sum: Vec<f32>,
    middle: Vec<f32>,
    /// The inner numbers before they are bent, and after.
    inner: Vec<f32>,
    bent: Vec<f32>,
    /// What goes into the last norm.
    end: Vec<f32>,
}

/// The names and shapes of an encoder's tensors, without the prefix of a larger model.
pub(super) fn layout(config: &EncoderConfig) -> Vec<(String, Vec<usize>)> {
    let (d, inner) = (config.hidden, config.inner);
    let mut all = vec![
        ("embeddings.word_embeddings.weight".to_string(), vec![config.vocabulary, d]),
        ("embeddings.position_embeddings.weight".to_string(), vec![config.positions, d]),
        ("embeddings.token_type_embeddings.weight".to_string(), vec![config.segments, d]),
        ("embeddings.LayerNorm.weight".to_string(), vec![d]),
        ("embeddings.LayerNorm.bias".to_string(), vec![d]),
    ];
    for i in 0..config.layers {
        for (at, part) in PARTS.iter().enumerate() {
            let (shape, width) = match at {
                MIDDLE | END => (vec![d], d),
                UP => (vec![inner, d], inner),
                DOWN => (vec![d, inner], d),
                _ => (vec![d, d], d),
            };
            all.push((format!("encoder.layer.{i}.{part}.weight"), shape));
            all.push((format!("encoder.layer.{i}.{part}.bias"), vec![width]));
        }
    }
    all
}

impl Net {
    /// Takes the weights of an encoder; the head begins at 0, so that every answer is its bias at first.
    pub(super) fn load(
        config: EncoderConfig,
        pooling: Pooling,
        from: &mut dyn Tensors,
        outputs: usize,
    ) -> Result<Self> {
        let left = from.left();
        let inside = |prefix: &&str| left.iter().any(|name| name.starts_with(prefix));
        let prefix = ["bert.", "roberta."].into_iter().find(inside).unwrap_or_default();
        let (mut names, mut shapes): (Vec<String>, Vec<Vec<usize>>) = layout(&config).into_iter().unzip();
        let taken =
            names.iter().zip(&shapes).map(|(name, shape)| from.take(&format!("{prefix}{name}"), shape));
        let mut tensors = taken.collect::<Result<Vec<_>>>()?;
        for (name, shape) in [("head.weight", vec![outputs, config.hidden]), ("head.bias", vec![outputs])] {
            tensors.push(vec![0.0; shape.iter().product()]);
            names.push(name.into());
            shapes.push(shape);
        }
        Ok(Net { config, pooling, names, shapes, tensors })
    }

    /// The place of a part's weight in a layer; its bias is the next.
    pub(super) fn place(layer: usize, part: usize) -> usize {
        BEFORE + 2 * (PARTS.len() * layer + part)
    }

    /// The places of all matrices that a low-rank adapter can stand beside.
    pub(super) fn matrices(&self) -> Vec<usize> {
        let parts = [Q, K, V, OUT, UP, DOWN];
        (0..self.config.layers).flat_map(|layer| parts.map(|part| Net::place(layer, part))).collect()
    }

    fn head(&self) -> usize {
        self.tensors.len() - 2
    }

    fn pair(&self, at: usize) -> (&[f32], &[f32]) {
        (&self.tensors[at], &self.tensors[at + 1])
    }

    /// The sum of the losses of texts, each times its weight, and its gradients at all tensors, which are added to `gradients`.
    pub(super) fn learn(
        &self,
        texts: &[&[u32]],
        goals: &[Goal],
        weights: &[f64],
        gradients: &mut [Vec<f32>],
    ) -> f64 {
        let d = self.config.hidden;
        let (raw, mut state) = self.embed(texts);
        let mut traces = Vec::with_capacity(self.config.layers);
        for layer in 0..self.config.layers {
            let (after, trace) = self.forward(layer, texts, state);
            state = after;
            traces.push(trace);
        }
        let pooled = self.pool(texts, &state);
        let at = self.head();
        let (w, b) = self.pair(at);
        let mut outputs = linear(&pooled, d, w, b);
        let sum = losses(&mut outputs, goals, weights, b.len());
        let [dw, db] = two(gradients, at);
        let d_pooled = linear_back(&pooled, d, w, &outputs, dw, db);
        let mut d_state = self.pool_back(texts, &d_pooled, state.len());
        for layer in (0..self.config.layers).rev() {
            if let Some(trace) = traces.pop() {
                d_state = self.backward(layer, texts, &trace, d_state, gradients);
            }
        }
        self.embed_back(texts, &raw, &d_state, gradients);
        sum
    }

    /// The sums of embeddings, and these normalised.
    fn embed(&self, texts: &[&[u32]]) -> (Vec<f32>, Vec<f32>) {
        let d = self.config.hidden;
        let [words, positions, segments, ..] = &self.tensors[..] else { return Default::default() };
        let mut raw = Vec::with_capacity(texts.iter().map(|text| text.len()).sum::<usize>() * d);
        for (i, token) in texts.iter().flat_map(|text| text.iter().enumerate()) {
            let word = &words[*token as usize * d..][..d];
            let position = &positions[(self.config.first_position + i) * d..][..d];
            raw.extend((0..d).map(|j| word[j] + (segments[j] + position[j])));
        }
        let state = norm(&raw, &self.tensors[3], &self.tensors[4], self.config.norm_epsilon);
        (raw, state)
    }

    fn embed_back(&self, texts: &[&[u32]], raw: &[f32], d_state: &[f32], gradients: &mut [Vec<f32>]) {
        let d = self.config.hidden;
        let [dw, db] = two(gradients, 3);
        let d_raw = norm_back(raw, &self.tensors[3], self.config.norm_epsilon, d_state, dw, db);
        let [words, positions, segments, ..] = gradients else { return };
        let places = texts.iter().flat_map(|text| text.iter().enumerate());
        for (row, (i, token)) in d_raw.chunks_exact(d).zip(places) {
            let add = |to: &mut [f32]| to.iter_mut().zip(row).for_each(|(to, x)| *to += x);
            add(&mut words[*token as usize * d..][..d]);
            add(&mut positions[(self.config.first_position + i) * d..][..d]);
            add(&mut segments[..d]);
        }
    }

    fn forward(&self, layer: usize, texts: &[&[u32]], before: Vec<f32>) -> (Vec<f32>, Trace) {
        let EncoderConfig { hidden: d, inner, heads, norm_epsilon, .. } = self.config;
        let of = |part: usize| self.pair(Net::place(layer, part));
        let through = |part: usize, x: &[f32], inputs: usize| {
            let (w, b) = of(part);
            linear(x, inputs, w, b)
        };
        let qkv = [Q, K, V].map(|part| through(part, &before, d));
        let each: Vec<Vec<f32>> = spans(texts, d)
            .into_par_iter()
            .map(|span| attend(qkv.each_ref().map(|x| &x[span.clone()]), d, heads))
            .collect();
        let attended = each.concat();
        let mut sum = through(OUT, &attended, d);
        add(&mut sum, &before);
        let middle = norm(&sum, of(MIDDLE).0, of(MIDDLE).1, norm_epsilon);
        let inner_numbers = through(UP, &middle, d);
        let mut bent = inner_numbers.clone();
        gelu(&mut bent);
        let mut end = through(DOWN, &bent, inner);
        add(&mut end, &middle);
        let after = norm(&end, of(END).0, of(END).1, norm_epsilon);
        (after, Trace { before, qkv, attended, sum, middle, inner: inner_numbers, bent, end })
    }

    /// The gradient at the state before a layer from that after it.
    fn backward(
        &self,
        layer: usize,
        texts: &[&[u32]],
        trace: &Trace,
        d_after: Vec<f32>,
        gradients: &mut [Vec<f32>],
    ) -> Vec<f32> {
        let EncoderConfig { hidden: d, inner, heads, norm_epsilon, .. } = self.config;
        let of = |part: usize| self.pair(Net::place(layer, part));
        let norm_of = |part: usize, x: &[f32], dy: &[f32], gradients: &mut [Vec<f32>]| {
            let [dw, db] = two(gradients, Net::place(layer, part));
            norm_back(x, of(part).0, norm_epsilon, dy, dw, db)
        };
        let through = |part: usize, x: &[f32], inputs: usize, dy: &[f32], gradients: &mut [Vec<f32>]| {
            let [dw, db] = two(gradients, Net::place(layer, part));
            linear_back(x, inputs, of(part).0, dy, dw, db)
        };
        let d_end = norm_of(END, &trace.end, &d_after, gradients);
        let mut d_inner = through(DOWN, &trace.bent, inner, &d_end, gradients);
        gelu_backward(&trace.inner, &mut d_inner);
        let mut d_middle = through(UP, &trace.middle, d, &d_inner, gradients);
        add(&mut d_middle, &d_end);
        let d_sum = norm_of(MIDDLE, &trace.sum, &d_middle, gradients);
        let d_attended = through(OUT, &trace.attended, d, &d_sum, gradients);
        let each: Vec<[Vec<f32>; 3]> = spans(texts, d)
            .into_par_iter()
            .map(|span| {
                let three = trace.qkv.each_ref().map(|x| &x[span.clone()]);
                attend_back(three, &d_attended[span], d, heads)
            })
            .collect();
        let mut d_before = d_sum;
        for (i, part) in [Q, K, V].into_iter().enumerate() {
            let dy: Vec<f32> = each.iter().flat_map(|three| &three[i]).copied().collect();
            add(&mut d_before, &through(part, &trace.before, d, &dy, gradients));
        }
        d_before
    }

    /// The vector of each text.
    fn pool(&self, texts: &[&[u32]], state: &[f32]) -> Vec<f32> {
        let d = self.config.hidden;
        let mut pooled = Vec::with_capacity(texts.len() * d);
        for span in spans(texts, d) {
            let rows: Vec<&[f32]> = state[span].chunks_exact(d).collect();
            let kept = self.kept(rows.len());
            let n = kept.len() as f64;
            let mean = |j: usize| rows[kept.clone()].iter().map(|row| f64::from(row[j])).sum::<f64>() / n;
            pooled.extend((0..d).map(|j| mean(j) as f32));
        }
        pooled
    }

    fn pool_back(&self, texts: &[&[u32]], d_pooled: &[f32], length: usize) -> Vec<f32> {
        let d = self.config.hidden;
        let mut d_state = vec![0.0; length];
        for (span, d_pooled) in spans(texts, d).into_iter().zip(d_pooled.chunks_exact(d)) {
            let kept = self.kept(span.len() / d);
            let n = kept.len() as f32;
            for row in d_state[span].chunks_exact_mut(d).skip(kept.start).take(kept.len()) {
                row.iter_mut().zip(d_pooled).for_each(|(to, x)| *to = x / n);
            }
        }
        d_state
    }

    /// Which tokens of a text make its vector.
    fn kept(&self, n: usize) -> Range<usize> {
        match self.pooling {
            Pooling::Mean => 0..n,
            Pooling::Cls => 0..n.min(1),
            Pooling::Last => n.saturating_sub(1)..n,
        }
    }
}

/// Where the numbers of each text lie.
fn spans(texts: &[&[u32]], width: usize) -> Vec<Range<usize>> {
    let mut from = 0;
    let span = |text: &&[u32]| {
        let span = from..from + text.len() * width;
        from = span.end;
        span
    };
    texts.iter().map(span).collect()
}

/// Outputs become gradients; gives the sum of losses.
fn losses(outputs: &mut [f32], goals: &[Goal], weights: &[f64], width: usize) -> f64 {
    let mut sum = 0.0;
    for ((row, goal), weight) in outputs.chunks_exact_mut(width).zip(goals).zip(weights) {
        match goal {
            Goal::Class(class) => {
                softmax(row);
                sum -= weight * f64::from(row[*class].max(f32::MIN_POSITIVE)).ln();
                row[*class] -= 1.0;
                row.iter_mut().for_each(|x| *x *= *weight as f32);
            }
            Goal::Number(wanted) => {
                let off = row[0] - wanted;
                sum += weight * f64::from(off).powi(2);
                row[0] = (2.0 * weight * f64::from(off)) as f32;
            }
        }
    }
    sum
}

fn add(to: &mut [f32], by: &[f32]) {
    to.iter_mut().zip(by).for_each(|(to, by)| *to += by);
}

/// The gradients of a weight and of the bias behind it.
fn two(gradients: &mut [Vec<f32>], at: usize) -> [&mut [f32]; 2] {
    let (before, after) = gradients.split_at_mut(at + 1);
    [&mut before[at][..], &mut after[0][..]]
}
