//! Products of rows with a matrix of weights.
//!
//! An output is a dot product: vectors of products summed in order, then the lanes in a fixed tree. Which rows and
//! outputs are computed beside it, and on which thread, changes no bit, so a token alone (decoding) and a token among
//! others (reading a prompt) get the same state.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

/// Rows of inputs that are kept close to the core while outputs pass.
const ROW_BLOCK: usize = 96;
/// Outputs that a task computes, at least.
const TASK: usize = 64;

/// A matrix of weights, `[outputs, inputs]`, row-major.
pub(crate) struct Matrix {
    outputs: usize,
    inputs: usize,
    store: Store,
}

/// How the weights lie in memory.
enum Store {
    /// 32 bits each.
    F32(Vec<f32>),
}

impl Matrix {
    /// From `values`, `[outputs, inputs]`, row-major.
    pub(crate) fn new(values: Vec<f32>, inputs: usize) -> Self {
        Matrix { outputs: values.len() / inputs.max(1), inputs, store: Store::F32(values) }
    }

    /// How many numbers a row becomes.
    pub(crate) fn outputs(&self) -> usize {
        self.outputs
    }

    /// How many numbers a row has.
    pub(crate) fn inputs(&self) -> usize {
        self.inputs
    }

    /// The bytes that it takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        match &self.store {
            Store::F32(values) => values.len() * size_of::<f32>(),
        }
    }

    /// Copies the row of an output.
    pub(crate) fn row(&self, output: usize, to: &mut [f32]) {
        let Store::F32(values) = &self.store;
        to.copy_from_slice(&values[output * self.inputs..(output + 1) * self.inputs]);
    }

    /// The weights, row-major.
    pub(crate) fn values(&self) -> &[f32] {
        let Store::F32(values) = &self.store;
        values
    }

    /// `out = x weights^T`: `x` holds rows of `inputs`, `out` as many rows of `outputs`.
    pub(crate) fn times(&self, x: &[f32], out: &mut [f32]) {
        product(self.values(), x, self.inputs, out);
    }
}

/// `out = x weights^T` for `x` of rows of `inputs` numbers and `weights` of `[outputs, inputs]`.
pub(crate) fn product(weights: &[f32], x: &[f32], inputs: usize, out: &mut [f32]) {
    let (outputs, n) = (weights.len() / inputs.max(1), x.len() / inputs.max(1));
    let share = outputs.div_ceil(4 * rayon::current_num_threads());
    let task = share.next_multiple_of(8).max(TASK);
    if n == 1 {
        out.par_chunks_mut(task).zip(weights.par_chunks(task * inputs)).for_each(|(out, weights)| {
            Arch::new().dispatch(Tiles { weights, x, inputs, out });
        });
        return;
    }
    let task = task.min(256);
    let parts: Vec<Vec<f32>> = weights
        .par_chunks(task * inputs)
        .map(|weights| {
            let mut part = vec![0.0; weights.len() / inputs * n];
            Arch::new().dispatch(Tiles { weights, x, inputs, out: &mut part });
            part
        })
        .collect();
    out.par_chunks_mut(outputs).take(n).enumerate().for_each(|(i, row)| {
        for (part, to) in parts.iter().zip(row.chunks_mut(task)) {
            to.copy_from_slice(&part[i * to.len()..(i + 1) * to.len()]);
        }
    });
}

/// The dot product of two slices of one length, as [`product`] forms it.
#[inline(always)]
pub(crate) fn dot<S: Simd>(simd: S, a: &[f32], b: &[f32]) -> f32 {
    tile::<S, 1, 1>(simd, [a], [b])[0][0]
}

/// The products of all rows of `x` with all of `weights`, row of `x` by row.
pub(crate) struct Tiles<'a> {
    pub(crate) weights: &'a [f32],
    pub(crate) x: &'a [f32],
    pub(crate) inputs: usize,
    pub(crate) out: &'a mut [f32],
}

impl WithSimd for Tiles<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Tiles { weights, x, inputs, out } = self;
        let outputs = weights.len() / inputs.max(1);
        let blocks = x.chunks(ROW_BLOCK * inputs).zip(out.chunks_mut(ROW_BLOCK * outputs));
        for (x, out) in blocks {
            let n = x.len() / inputs;
            if n == 1 {
                strip::<S, 1, 8>(simd, weights, x, inputs, outputs, out);
            } else {
                strip::<S, 3, 4>(simd, weights, x, inputs, outputs, out);
            }
        }
    }
}

/// Tiles of `R` rows and `C` outputs, and single ones where they do not fill a tile.
#[inline(always)]
fn strip<S: Simd, const R: usize, const C: usize>(
    simd: S,
    weights: &[f32],
    x: &[f32],
    inputs: usize,
    outputs: usize,
    out: &mut [f32],
) {
    let n = x.len() / inputs;
    let row = |i: usize| &x[i * inputs..(i + 1) * inputs];
    let weight = |o: usize| &weights[o * inputs..(o + 1) * inputs];
    let mut o = 0;
    while o + C <= outputs {
        let w: [&[f32]; C] = std::array::from_fn(|c| weight(o + c));
        let mut i = 0;
        while i + R <= n {
            let sums = tile::<S, R, C>(simd, std::array::from_fn(|r| row(i + r)), w);
            for (r, sums) in sums.iter().enumerate() {
                out[(i + r) * outputs + o..(i + r) * outputs + o + C].copy_from_slice(sums);
            }
            i += R;
        }
        for i in i..n {
            let [sums] = tile::<S, 1, C>(simd, [row(i)], w);
            out[i * outputs + o..i * outputs + o + C].copy_from_slice(&sums);
        }
        o += C;
    }
    for o in o..outputs {
        for i in 0..n {
            out[i * outputs + o] = dot(simd, row(i), weight(o));
        }
    }
}

/// `R` times `C` dot products, their sums in registers.
#[inline(always)]
pub(crate) fn tile<S: Simd, const R: usize, const C: usize>(
    simd: S,
    x: [&[f32]; R],
    w: [&[f32]; C],
) -> [[f32; C]; R] {
    let xs = x.map(|x| S::as_simd_f32s(x));
    let ws = w.map(|w| S::as_simd_f32s(w));
    let n = ws[0].0.len();
    let xv: [&[S::f32s]; R] = std::array::from_fn(|r| &xs[r].0[..n]);
    let wv: [&[S::f32s]; C] = std::array::from_fn(|c| &ws[c].0[..n]);
    let mut sums = [[simd.splat_f32s(0.0); C]; R];
    for i in 0..n {
        for r in 0..R {
            for c in 0..C {
                sums[r][c] = simd.mul_add_f32s(xv[r][i], wv[c][i], sums[r][c]);
            }
        }
    }
    if !ws[0].1.is_empty() {
        for r in 0..R {
            let x = simd.partial_load_f32s(xs[r].1);
            for c in 0..C {
                sums[r][c] = simd.mul_add_f32s(x, simd.partial_load_f32s(ws[c].1), sums[r][c]);
            }
        }
    }
    sums.map(|sums| sums.map(|sum| simd.reduce_sum_f32s(sum)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidemill_kernel::Random;

    #[test]
    fn a_row_alone_and_among_others_has_the_sums_of_64_bits() {
        let mut random = Random::new(3, 0);
        let mut draw = |n: usize| (0..n).map(|_| random.normal() as f32).collect::<Vec<_>>();
        for (inputs, outputs, n) in [(37, 141, 110), (64, 9, 2), (5, 3, 7), (256, 600, 4)] {
            let (weights, x) = (draw(inputs * outputs), draw(inputs * n));
            let matrix = Matrix::new(weights.clone(), inputs);
            let mut out = vec![0.0; n * outputs];
            matrix.times(&x, &mut out);
            for i in 0..n {
                let x = &x[i * inputs..(i + 1) * inputs];
                let mut alone = vec![0.0; outputs];
                matrix.times(x, &mut alone);
                assert_eq!(alone, out[i * outputs..(i + 1) * outputs]);
                for (o, got) in alone.iter().enumerate() {
                    let weights = &weights[o * inputs..(o + 1) * inputs];
                    let wanted: f64 = x.iter().zip(weights).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
                    assert!((f64::from(*got) - wanted).abs() < 1e-4);
                }
            }
        }
    }
}
