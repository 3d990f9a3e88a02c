//! Products of rows with a matrix of weights: each output sums over the inputs in their order, whichever rows and
//! outputs are beside it, so a row gives the same bits alone and in any batch.

use pulp::NullaryFnOnce;
use tidemill_kernel::vector::wide;

/// Outputs that are computed side by side.
const LANES: usize = 16;
/// Rows that are computed side by side: with the lanes, what the registers of a CPU hold.
const ROWS: usize = 4;

/// A linear layer, its weights in panels of [`LANES`] outputs.
pub(crate) struct Dense {
    inputs: usize,
    outputs: usize,
    /// For each panel, input after input, the weights of its outputs (0 beyond the last).
    weights: Vec<[f32; LANES]>,
    bias: Vec<[f32; LANES]>,
}

impl Dense {
    /// From `weight` (`[outputs, inputs]`, row-major) and `bias` (one for each output).
    pub(crate) fn new(weight: &[f32], bias: &[f32], inputs: usize) -> Self {
        let outputs = bias.len();
        let n_panels = outputs.div_ceil(LANES);
        let mut weights = vec![[0.0; LANES]; n_panels * inputs];
        let mut padded = vec![[0.0; LANES]; n_panels];
        for (o, &own) in bias.iter().enumerate() {
            padded[o / LANES][o % LANES] = own;
            for (i, &w) in weight[o * inputs..(o + 1) * inputs].iter().enumerate() {
                weights[(o / LANES) * inputs + i][o % LANES] = w;
            }
        }
        Dense { inputs, outputs, weights, bias: padded }
    }

    /// The product with `matrix` (`[inputs, outputs]`, row-major), without a bias.
    pub(crate) fn times(matrix: &[f32], inputs: usize, outputs: usize) -> Self {
        let n_panels = outputs.div_ceil(LANES);
        let mut weights = vec![[0.0; LANES]; n_panels * inputs];
        for (i, row) in matrix.chunks_exact(outputs.max(1)).enumerate() {
            for (panel, part) in row.chunks(LANES).enumerate() {
                weights[panel * inputs + i][..part.len()].copy_from_slice(part);
            }
        }
        Dense { inputs, outputs, weights, bias: vec![[0.0; LANES]; n_panels] }
    }

    /// How many numbers a row becomes.
    pub(crate) fn outputs(&self) -> usize {
        self.outputs
    }

    /// `out = x * weight^T + bias`, of `x.len() / inputs` rows; `out` holds `outputs` numbers for each.
    pub(crate) fn apply(&self, x: &[f32], out: &mut [f32]) {
        wide(Apply(self, x, out));
    }

    #[inline(always)]
    fn four_rows(&self, [a, b, c, d]: [&[f32]; ROWS], out: &mut [f32]) {
        for (panel, bias) in self.bias.iter().enumerate() {
            let weights = &self.weights[panel * self.inputs..(panel + 1) * self.inputs];
            let (mut sum_a, mut sum_b, mut sum_c, mut sum_d) = (*bias, *bias, *bias, *bias);
            let n = weights.len();
            let (a, b, c, d) = (&a[..n], &b[..n], &c[..n], &d[..n]);
            for i in 0..n {
                add(&mut sum_a, a[i], &weights[i]);
                add(&mut sum_b, b[i], &weights[i]);
                add(&mut sum_c, c[i], &weights[i]);
                add(&mut sum_d, d[i], &weights[i]);
            }
            for (r, sums) in [sum_a, sum_b, sum_c, sum_d].iter().enumerate() {
                self.put(panel, sums, &mut out[r * self.outputs..(r + 1) * self.outputs]);
            }
        }
    }

    #[inline(always)]
    fn one_row(&self, x: &[f32], out: &mut [f32]) {
        for (panel, bias) in self.bias.iter().enumerate() {
            let weights = &self.weights[panel * self.inputs..(panel + 1) * self.inputs];
            let (mut sum, x) = (*bias, &x[..weights.len()]);
            for i in 0..weights.len() {
                add(&mut sum, x[i], &weights[i]);
            }
            self.put(panel, &sum, out);
        }
    }

    #[inline(always)]
    fn put(&self, panel: usize, sums: &[f32; LANES], out: &mut [f32]) {
        let (from, n) = (panel * LANES, LANES.min(self.outputs - panel * LANES));
        out[from..from + n].copy_from_slice(&sums[..n]);
    }
}

/// One array for each row, by index: arrays of arrays and adapters of iterators were left in memory and as calls, for ten times the
/// time.
#[inline(always)]
fn add(sums: &mut [f32; LANES], x: f32, weights: &[f32; LANES]) {
    for l in 0..LANES {
        sums[l] += x * weights[l];
    }
}

struct Apply<'a>(&'a Dense, &'a [f32], &'a mut [f32]);

impl NullaryFnOnce for Apply<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Apply(dense, x, out) = self;
        let (p, q) = (dense.inputs, dense.outputs);
        if q == 0 {
            return;
        }
        let n = out.len() / q;
        let row = |i: usize| &x[i * p..(i + 1) * p];
        let mut i = 0;
        while i + ROWS <= n {
            let rows: [&[f32]; ROWS] = [row(i), row(i + 1), row(i + 2), row(i + 3)];
            dense.four_rows(rows, &mut out[i * q..(i + ROWS) * q]);
            i += ROWS;
        }
        for i in i..n {
            dense.one_row(row(i), &mut out[i * q..(i + 1) * q]);
        }
    }
}

/// Rows of `k` numbers as columns.
pub(crate) fn transpose(a: &[f32], k: usize) -> Vec<f32> {
    let n = a.len() / k.max(1);
    let mut out = vec![0.0; a.len()];
    for (i, row) in a.chunks_exact(k.max(1)).enumerate() {
        row.iter().enumerate().for_each(|(j, x)| out[j * n + i] = *x);
    }
    out
}

/// The sum of rows of `k` numbers, in their order.
pub(crate) fn column_sums(a: &[f32], k: usize) -> Vec<f32> {
    let mut sums = vec![0.0; k];
    for row in a.chunks_exact(k.max(1)) {
        sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidemill_kernel::Random;

    #[test]
    fn sums_are_those_of_64_bits_and_of_a_row_alone() {
        let (p, q, n) = (37, 21, 11);
        let mut random = Random::new(3, 0);
        let mut draw = |n: usize| (0..n).map(|_| random.normal() as f32).collect::<Vec<_>>();
        let (weight, bias, x) = (draw(p * q), draw(q), draw(n * p));
        let dense = Dense::new(&weight, &bias, p);
        let mut out = vec![0.0; n * q];
        dense.apply(&x, &mut out);
        for i in 0..n {
            let mut alone = vec![0.0; q];
            dense.apply(&x[i * p..(i + 1) * p], &mut alone);
            assert_eq!(alone, out[i * q..(i + 1) * q]);
            for o in 0..q {
                let product = |j: usize| f64::from(x[i * p + j]) * f64::from(weight[o * p + j]);
                let wanted = f64::from(bias[o]) + (0..p).map(product).sum::<f64>();
                assert!((f64::from(alone[o]) - wanted).abs() < 1e-5);
            }
        }
    }

    #[test]
    fn a_product_is_that_with_the_transpose() {
        let matrix: Vec<f32> = (0..5 * 19).map(|i| (i as f32 * 0.7).sin()).collect();
        let x: Vec<f32> = (0..3 * 5).map(|i| (i as f32 * 0.3).cos()).collect();
        let (mut a, mut b) = (vec![0.0; 3 * 19], vec![0.0; 3 * 19]);
        Dense::times(&matrix, 5, 19).apply(&x, &mut a);
        Dense::new(&transpose(&matrix, 19), &[0.0; 19], 5).apply(&x, &mut b);
        assert_eq!(a, b);
        assert_eq!(column_sums(&[1.0, 2.0, 3.0, 4.0], 2), [4.0, 6.0]);
    }

    #[test]
    fn no_inputs_leave_the_bias() {
        let mut out = [0.0; 2];
        Dense::new(&[], &[5.0], 0).apply(&[], &mut out);
        assert_eq!(out, [5.0, 5.0]);
    }
}
