//! What judges rows: two layers of leaky rectifiers, several rows at a time (Lin et al. 2018, "PacGAN"), held to slopes of length 1
//! (Gulrajani et al. 2017, "Improved training of Wasserstein GANs").
//!
//! The layers are linear in pieces. The slopes of an answer in what comes in are then a product of the weights, with the rows of each
//! layer switched on or off, and their derivative in the weights follows from that product without a second pass of gradients.

use crate::dense::{Dense, column_sums, transpose};
use crate::graph::Chance;
use crate::parameters::{Declared, Parameters, Start};

/// The slope of a rectifier below 0.
const LEAK: f32 = 0.2;
/// The share of each layer's numbers that training drops.
const DROPOUT: f32 = 0.5;

/// The shape of the critic.
#[derive(Clone, Copy, Debug)]
pub(super) struct Critic {
    /// Numbers of a pack of rows.
    pub(super) inputs: usize,
    /// The width of both layers.
    pub(super) width: usize,
}

/// The places of its arrays.
const FIRST: usize = 0;
const FIRST_BIAS: usize = 1;
const SECOND: usize = 2;
const SECOND_BIAS: usize = 3;
const LAST: usize = 4;
const LAST_BIAS: usize = 5;

/// What packs led to.
pub(super) struct Trace {
    /// What comes out of each layer, and the slope of each of its numbers.
    out: [Vec<f32>; 2],
    slopes: [Vec<f32>; 2],
}

impl Critic {
    pub(super) fn declare(&self) -> Vec<Declared> {
        let Critic { inputs, width } = *self;
        vec![
            Declared::he("critic.0.weight", &[width, inputs]),
            Declared::new("critic.0.bias", &[width], Start::Zeros),
            Declared::he("critic.1.weight", &[width, width]),
            Declared::new("critic.1.bias", &[width], Start::Zeros),
            Declared::glorot("critic.2.weight", &[1, width]),
            Declared::new("critic.2.bias", &[1], Start::Zeros),
        ]
    }

    /// What packs lead to in each layer; the answers themselves nobody needs to learn from them.
    pub(super) fn run(&self, parameters: &Parameters, x: &[f32], chance: &Chance) -> Trace {
        let n = x.len() / self.inputs.max(1);
        let layer = |x: &[f32], weight: usize, inputs: usize| {
            let mut out = vec![0.0; n * self.width];
            Dense::new(parameters.array(weight), parameters.array(weight + 1), inputs).apply(x, &mut out);
            let mut slopes: Vec<f32> = out.iter().map(|x| if *x > 0.0 { 1.0 } else { LEAK }).collect();
            slopes
                .iter_mut()
                .zip(chance.mask(n * self.width, DROPOUT))
                .for_each(|(slope, kept)| *slope *= kept);
            out.iter_mut().zip(&slopes).for_each(|(out, slope)| *out *= slope);
            (out, slopes)
        };
        let (first, first_slopes) = layer(x, FIRST, self.inputs);
        let (second, second_slopes) = layer(&first, SECOND, self.width);
        Trace { out: [first, second], slopes: [first_slopes, second_slopes] }
    }

    /// The way back: from the gradients in the answers to those in the parameters, added to `gradient`, and to those in the packs.
    pub(super) fn back(
        &self,
        parameters: &Parameters,
        (x, trace): (&[f32], &Trace),
        answers: &[f32],
        gradient: &mut [f32],
    ) -> Vec<f32> {
        let (n, Critic { inputs, width }) = (answers.len(), *self);
        let mut put = |array: usize, own: &[f32]| add(&mut gradient[parameters.range(array)], own);
        put(LAST, &outer(answers, 1, &trace.out[1], width));
        put(LAST_BIAS, &column_sums(answers, 1));
        let mut slopes = product(answers, n, parameters.array(LAST), 1, width);
        times(&mut slopes, &trace.slopes[1]);
        put(SECOND, &outer(&slopes, width, &trace.out[0], width));
        put(SECOND_BIAS, &column_sums(&slopes, width));
        let mut slopes = product(&slopes, n, parameters.array(SECOND), width, width);
        times(&mut slopes, &trace.slopes[0]);
        put(FIRST, &outer(&slopes, width, x, inputs));
        put(FIRST_BIAS, &column_sums(&slopes, width));
        product(&slopes, n, parameters.array(FIRST), width, inputs)
    }

    /// The mean of `(length - 1)^2` over the lengths of the slopes of the answers in the packs; `weight` times its gradient is added.
    pub(super) fn penalty(
        &self,
        parameters: &Parameters,
        x: &[f32],
        chance: &Chance,
        weight: f32,
        gradient: &mut [f32],
    ) -> f64 {
        let (n, Critic { inputs, width }) = (x.len() / self.inputs.max(1), *self);
        let trace = self.run(parameters, x, chance);
        // Down: what each layer's numbers count for in the answer, and at the end the packs' own.
        let mut upper = parameters.array(LAST).repeat(n);
        times(&mut upper, &trace.slopes[1]);
        let mut lower = product(&upper, n, parameters.array(SECOND), width, width);
        times(&mut lower, &trace.slopes[0]);
        let found = product(&lower, n, parameters.array(FIRST), width, inputs);
        let lengths: Vec<f32> =
            found.chunks_exact(inputs).map(|g| g.iter().map(|x| x * x).sum::<f32>().sqrt()).collect();
        let per_row = 2.0 * weight / n as f32;
        let mut wanted = found.clone();
        for (g, length) in wanted.chunks_exact_mut(inputs).zip(&lengths) {
            let factor = if *length > 0.0 { per_row * (length - 1.0) / length } else { 0.0 };
            g.iter_mut().for_each(|g| *g *= factor);
        }
        // Up again: the product in each of its factors.
        let mut put = |array: usize, own: &[f32]| add(&mut gradient[parameters.range(array)], own);
        put(FIRST, &outer(&lower, width, &wanted, inputs));
        let mut along = vec![0.0; n * width];
        Dense::new(parameters.array(FIRST), &vec![0.0; width], inputs).apply(&wanted, &mut along);
        times(&mut along, &trace.slopes[0]);
        put(SECOND, &outer(&upper, width, &along, width));
        let mut above = vec![0.0; n * width];
        Dense::new(parameters.array(SECOND), &vec![0.0; width], width).apply(&along, &mut above);
        times(&mut above, &trace.slopes[1]);
        put(LAST, &column_sums(&above, width));
        lengths.iter().map(|length| f64::from((length - 1.0) * (length - 1.0))).sum::<f64>() / n as f64
    }
}

/// `n` rows of `p` numbers times a matrix of `p` rows of `q`.
pub(super) fn product(rows: &[f32], n: usize, matrix: &[f32], p: usize, q: usize) -> Vec<f32> {
    let mut out = vec![0.0; n * q];
    Dense::times(matrix, p, q).apply(rows, &mut out);
    out
}

/// The sum over rows of the products of each of `q` numbers with each of `p`: a matrix of `q` rows.
pub(super) fn outer(a: &[f32], q: usize, b: &[f32], p: usize) -> Vec<f32> {
    let n = b.len() / p.max(1);
    let mut out = vec![0.0; q * p];
    Dense::times(b, n, p).apply(&transpose(a, q), &mut out);
    out
}

fn times(a: &mut [f32], b: &[f32]) {
    a.iter_mut().zip(b).for_each(|(a, b)| *a *= b);
}

fn add(a: &mut [f32], b: &[f32]) {
    a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
}

#[cfg(test)]
mod tests {
    use tidemill_kernel::Random;

    use super::*;

    const CRITIC: Critic = Critic { inputs: 7, width: 5 };
    const PACKS: usize = 6;

    fn drawn() -> (Parameters, Vec<f32>) {
        let mut random = Random::new(4, 0);
        let mut parameters = Parameters::start(CRITIC.declare(), 3);
        parameters.values.iter_mut().for_each(|w| *w = random.normal() as f32);
        let x = (0..PACKS * CRITIC.inputs).map(|_| random.normal() as f32).collect();
        (parameters, x)
    }

    /// The same in 64 bits, one pack after the other, from the formulas.
    struct Plain<'a>(&'a [f64], &'a [Vec<f64>; 2]);

    impl Plain<'_> {
        /// The answers with the slopes that they had, so that differences do not step over a rectifier's corner.
        fn answer(&self, pack: usize, x: &[f64]) -> f64 {
            let Critic { inputs, width } = CRITIC;
            let (w, mut at, mut now) = (self.0, 0, x.to_vec());
            for (layer, p) in [(0, inputs), (1, width)] {
                let own = |o: usize| {
                    w[at + width * p + o] + (0..p).map(|i| w[at + o * p + i] * now[i]).sum::<f64>()
                };
                let next: Vec<f64> = (0..width).map(|o| own(o) * self.1[layer][pack * width + o]).collect();
                (now, at) = (next, at + width * p + width);
            }
            w[at + width] + (0..width).map(|i| w[at + i] * now[i]).sum::<f64>()
        }

        fn penalty(&self, x: &[f64]) -> f64 {
            let p = CRITIC.inputs;
            let of = |pack: usize| {
                let x = &x[pack * p..(pack + 1) * p];
                // Linear: the difference of a whole unit is the slope.
                let slope = |i: usize| {
                    let mut moved = x.to_vec();
                    moved[i] += 1.0;
                    self.answer(pack, &moved) - self.answer(pack, x)
                };
                let length = (0..p).map(|i| slope(i).powi(2)).sum::<f64>().sqrt();
                (length - 1.0).powi(2)
            };
            (0..PACKS).map(of).sum::<f64>() / PACKS as f64
        }
    }

    fn wide(values: &[f32]) -> Vec<f64> {
        values.iter().map(|x| f64::from(*x)).collect()
    }

    /// The gradient of `function` at `values`, by central differences.
    fn differences(values: &[f64], function: impl Fn(&[f64]) -> f64) -> Vec<f64> {
        let step = 1e-5;
        let at = |i: usize, by: f64| {
            let mut moved = values.to_vec();
            moved[i] += by;
            function(&moved)
        };
        (0..values.len()).map(|i| (at(i, step) - at(i, -step)) / (2.0 * step)).collect()
    }

    fn assert_near(found: &[f32], wanted: &[f64]) {
        let scale = wanted.iter().fold(1.0, |most, x| f64::max(most, x.abs()));
        for (at, (found, wanted)) in found.iter().zip(wanted).enumerate() {
            assert!((f64::from(*found) - wanted).abs() < 1e-4 * scale, "{at}: {found} {wanted}");
        }
    }

    #[test]
    fn gradients_are_those_of_differences() {
        let (parameters, x) = drawn();
        let trace = CRITIC.run(&parameters, &x, &Chance::new(8));
        let slopes = [wide(&trace.slopes[0]), wide(&trace.slopes[1])];
        let weights: Vec<f32> = (0..PACKS).map(|i| 0.3 + i as f32).collect();
        let p = CRITIC.inputs;
        let sum = |w: &[f64], x: &[f64]| -> f64 {
            let plain = Plain(w, &slopes);
            (0..PACKS).map(|i| f64::from(weights[i]) * plain.answer(i, &x[i * p..(i + 1) * p])).sum()
        };
        let (w, x64) = (wide(&parameters.values), wide(&x));
        let mut gradient = vec![0.0; parameters.values.len()];
        let inputs = CRITIC.back(&parameters, (&x, &trace), &weights, &mut gradient);
        assert_near(&gradient, &differences(&w, |w| sum(w, &x64)));
        assert_near(&inputs, &differences(&x64, |x| sum(&w, x)));
    }

    #[test]
    fn the_penalty_and_its_gradient_are_those_of_differences() {
        let (parameters, x) = drawn();
        let trace = CRITIC.run(&parameters, &x, &Chance::new(8));
        let slopes = [wide(&trace.slopes[0]), wide(&trace.slopes[1])];
        let (w, x64) = (wide(&parameters.values), wide(&x));
        let mut gradient = vec![0.0; parameters.values.len()];
        let found = CRITIC.penalty(&parameters, &x, &Chance::new(8), 3.0, &mut gradient);
        let wanted = Plain(&w, &slopes).penalty(&x64);
        assert!((found - wanted).abs() < 1e-4 * wanted, "{found} {wanted}");
        assert_near(&gradient, &differences(&w, |w| 3.0 * Plain(w, &slopes).penalty(&x64)));
    }
}
