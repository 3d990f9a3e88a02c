//! Weights and activations in 8 bits: runs of [`RUN`] numbers share a scale, which is the largest of them over 127.
//!
//! The products of a run are summed exactly, in eight lanes of 32-bit integers; the lanes of all runs are then summed in
//! 32-bit floats, in their order, and at last in a fixed tree. Which rows and outputs are computed beside one, and whether by
//! vectors or not, changes no bit.

use rayon::prelude::*;

/// Numbers that share a scale.
const RUN: usize = 32;
/// Lanes of a sum.
const LANES: usize = 8;
/// Outputs that a task computes, at least.
const TASK: usize = 32;

/// Rows of numbers in 8 bits. Rows are filled up with zeros to whole runs.
struct Rows {
    values: Vec<i8>,
    scales: Vec<f32>,
}

/// A matrix of `[outputs, inputs]` in 8 bits.
pub(crate) struct Int8 {
    outputs: usize,
    inputs: usize,
    rows: Rows,
}

impl Rows {
    fn new(x: &[f32], width: usize) -> Self {
        let runs = width.div_ceil(RUN);
        let n = x.len() / width;
        let mut rows = Rows { values: vec![0; n * runs * RUN], scales: vec![0.0; n * runs] };
        let to = rows.values.par_chunks_mut(runs * RUN).zip(rows.scales.par_chunks_mut(runs));
        to.zip(x.par_chunks(width)).with_min_len(16).for_each(|((values, scales), row)| {
            for ((values, scale), run) in values.chunks_exact_mut(RUN).zip(scales).zip(row.chunks(RUN)) {
                *scale = rounded(run, values);
            }
        });
        rows
    }
}

/// Writes a run in 8 bits, and gives its scale.
fn rounded(run: &[f32], to: &mut [i8]) -> f32 {
    let largest = run.iter().fold(0.0f32, |most, x| most.max(x.abs()));
    let scale = largest / 127.0;
    let by = if largest > 0.0 { 127.0 / largest } else { 0.0 };
    for (to, x) in to.iter_mut().zip(run) {
        // Within -127 to 127, whatever rounding does.
        *to = (x * by).round_ties_even() as i8;
    }
    scale
}

impl Int8 {
    /// From `weights`, `[outputs, inputs]`, row-major.
    pub(crate) fn new(weights: &[f32], inputs: usize) -> Self {
        Int8 { outputs: weights.len() / inputs.max(1), inputs, rows: Rows::new(weights, inputs) }
    }

    /// The bytes that it takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.rows.values.len() + self.rows.scales.len() * size_of::<f32>()
    }

    /// The weights of an output.
    pub(crate) fn row(&self, output: usize, to: &mut [f32]) {
        let runs = self.inputs.div_ceil(RUN);
        let values = self.rows.values[output * runs * RUN..].chunks_exact(RUN);
        let scales = &self.rows.scales[output * runs..];
        for ((to, values), scale) in to.chunks_mut(RUN).zip(values).zip(scales) {
            to.iter_mut().zip(values).for_each(|(to, value)| *to = f32::from(*value) * scale);
        }
    }

    /// `out = x weights^T`, with `x` rounded to 8 bits.
    pub(crate) fn times(&self, x: &[f32], out: &mut [f32]) {
        let x = Rows::new(x, self.inputs);
        let runs = self.inputs.div_ceil(RUN);
        let n = x.scales.len() / runs;
        let task = self.outputs.div_ceil(2 * rayon::current_num_threads()).next_multiple_of(TASK);
        let weights =
            self.rows.values.par_chunks(task * runs * RUN).zip(self.rows.scales.par_chunks(task * runs));
        if n == 1 {
            weights.zip(out.par_chunks_mut(task)).for_each(|((values, scales), out)| {
                dispatch(Products { values, scales, x: &x, runs, out });
            });
            return;
        }
        let task = task.min(8 * TASK);
        let weights =
            self.rows.values.par_chunks(task * runs * RUN).zip(self.rows.scales.par_chunks(task * runs));
        let parts: Vec<Vec<f32>> = weights
            .map(|(values, scales)| {
                let mut part = vec![0.0; scales.len() / runs * n];
                dispatch(Products { values, scales, x: &x, runs, out: &mut part });
                part
            })
            .collect();
        out.par_chunks_mut(self.outputs).with_min_len(16).enumerate().for_each(|(i, row)| {
            for (part, to) in parts.iter().zip(row.chunks_mut(task)) {
                to.copy_from_slice(&part[i * to.len()..(i + 1) * to.len()]);
            }
        });
    }
}

/// The products of some outputs with all rows of `x`.
struct Products<'a> {
    values: &'a [i8],
    scales: &'a [f32],
    x: &'a Rows,
    runs: usize,
    out: &'a mut [f32],
}

fn dispatch(work: Products<'_>) {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = pulp::x86::V3::try_new() {
        return pulp::Simd::vectorize(simd, wide::Wide(work));
    }
    work.narrow();
}

impl Products<'_> {
    /// Without vectors of bytes.
    fn narrow(self) {
        let (bytes, runs) = (self.runs * RUN, self.runs);
        let outputs = self.scales.len() / runs;
        for (i, x) in self.x.values.chunks_exact(bytes).enumerate() {
            let x_scales = &self.x.scales[i * runs..(i + 1) * runs];
            for (o, weights) in self.values.chunks_exact(bytes).enumerate() {
                let scales = &self.scales[o * runs..(o + 1) * runs];
                let mut sums = [0.0f32; LANES];
                for (run, (a, b)) in x.chunks_exact(RUN).zip(weights.chunks_exact(RUN)).enumerate() {
                    let scale = x_scales[run] * scales[run];
                    let lanes = a.chunks_exact(RUN / LANES).zip(b.chunks_exact(RUN / LANES));
                    for (sum, (a, b)) in sums.iter_mut().zip(lanes) {
                        let products = a.iter().zip(b).map(|(a, b)| i32::from(*a) * i32::from(*b));
                        *sum = scale.mul_add(products.sum::<i32>() as f32, *sum);
                    }
                }
                self.out[i * outputs + o] = tree(sums);
            }
        }
    }
}

/// The sum of eight lanes.
#[inline(always)]
fn tree(s: [f32; LANES]) -> f32 {
    ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]))
}

#[cfg(target_arch = "x86_64")]
mod wide {
    //! By AVX2: 32 products at once.

    use std::arch::x86_64::{__m256, __m256i};

    use pulp::NullaryFnOnce;
    use pulp::x86::V3;

    use super::{Products, RUN, tree};

    /// Outputs that meet a row side by side.
    const OUTPUTS: usize = 4;

    pub(super) struct Wide<'a>(pub(super) Products<'a>);

    impl NullaryFnOnce for Wide<'_> {
        type Output = ();

        #[inline(always)]
        fn call(self) {
            // The caller has one already; this is how its features are reached within.
            if let Some(simd) = V3::try_new() {
                all(simd, self.0);
            }
        }
    }

    #[inline(always)]
    fn all(simd: V3, work: Products<'_>) {
        let (bytes, runs) = (work.runs * RUN, work.runs);
        let outputs = work.scales.len() / runs;
        let rows = work.x.scales.len() / runs;
        let mut o = 0;
        while o < outputs {
            let n = OUTPUTS.min(outputs - o);
            // Where fewer are left, the last ones are computed again.
            let at: [usize; OUTPUTS] = std::array::from_fn(|c| o + c.min(n - 1));
            let values = at.map(|at| &work.values[at * bytes..(at + 1) * bytes]);
            let scales = at.map(|at| &work.scales[at * runs..(at + 1) * runs]);
            for i in 0..rows {
                let x = &work.x.values[i * bytes..(i + 1) * bytes];
                let x_scales = &work.x.scales[i * runs..(i + 1) * runs];
                let sums = dots(simd, x, x_scales, values, scales);
                work.out[i * outputs + o..i * outputs + o + n].copy_from_slice(&sums[..n]);
            }
            o += n;
        }
    }

    #[inline(always)]
    fn dots(
        simd: V3,
        x: &[i8],
        x_scales: &[f32],
        values: [&[i8]; OUTPUTS],
        scales: [&[f32]; OUTPUTS],
    ) -> [f32; OUTPUTS] {
        let runs = x_scales.len();
        let x: &[[i8; RUN]] = &x.as_chunks().0[..runs];
        let values: [&[[i8; RUN]]; OUTPUTS] = values.map(|values| &values.as_chunks().0[..runs]);
        let scales = scales.map(|scales| &scales[..runs]);
        let ones = simd.avx._mm256_set1_epi16(1);
        let mut sums = [simd.avx._mm256_setzero_ps(); OUTPUTS];
        for run in 0..runs {
            let x: __m256i = pulp::bytemuck::cast(x[run]);
            let size = simd.avx2._mm256_abs_epi8(x);
            for c in 0..OUTPUTS {
                // |x| times the weight with the sign of x: at most 2 * 127^2, which 16 bits hold.
                let signed = simd.avx2._mm256_sign_epi8(pulp::bytemuck::cast(values[c][run]), x);
                let pairs = simd.avx2._mm256_maddubs_epi16(size, signed);
                let fours = simd.avx._mm256_cvtepi32_ps(simd.avx2._mm256_madd_epi16(pairs, ones));
                let scale = simd.avx._mm256_set1_ps(x_scales[run] * scales[c][run]);
                sums[c] = simd.fma._mm256_fmadd_ps(scale, fours, sums[c]);
            }
        }
        sums.map(|sum: __m256| tree(pulp::bytemuck::cast(sum)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidemill_kernel::Random;

    #[test]
    fn products_are_near_those_in_64_bits_and_the_same_by_any_way() {
        let mut random = Random::new(4, 0);
        let mut draw = |n: usize| (0..n).map(|_| random.normal() as f32).collect::<Vec<_>>();
        for (inputs, outputs, n) in [(64, 9, 3), (37, 141, 11), (576, 70, 2), (96, 4, 1)] {
            let (weights, x) = (draw(inputs * outputs), draw(inputs * n));
            let matrix = Int8::new(&weights, inputs);
            let mut out = vec![0.0; n * outputs];
            matrix.times(&x, &mut out);
            let mut narrow = vec![0.0; n * outputs];
            let (rows, runs) = (Rows::new(&x, inputs), inputs.div_ceil(RUN));
            let Rows { values, scales } = &matrix.rows;
            Products { values, scales, x: &rows, runs, out: &mut narrow }.narrow();
            assert_eq!(out, narrow);
            for (at, got) in out.iter().enumerate() {
                let (x, weights) = (&x[at / outputs * inputs..], &weights[at % outputs * inputs..]);
                let terms = x[..inputs].iter().zip(weights).map(|(a, b)| f64::from(*a) * f64::from(*b));
                // Two rounding errors of up to 1/254 of the largest (about 3) for each term, of any sign.
                assert!((f64::from(*got) - terms.sum::<f64>()).abs() < 0.06 * (inputs as f64).sqrt());
            }
            let mut alone = vec![0.0; outputs];
            matrix.times(&x[..inputs], &mut alone);
            assert_eq!(alone, out[..outputs]);
        }
    }

    #[test]
    fn a_row_of_zeros_and_the_largest_numbers_stay_what_they_are() {
        let mut weights = vec![0.0; 64];
        (weights[40], weights[41]) = (3.0, -3.0);
        let matrix = Int8::new(&weights, 32);
        let mut row = vec![1.0; 32];
        matrix.row(0, &mut row);
        assert_eq!(row, vec![0.0; 32]);
        matrix.row(1, &mut row);
        assert!((row[8] - 3.0).abs() < 1e-6 && (row[9] + 3.0).abs() < 1e-6);
        let mut out = [0.0; 2];
        matrix.times(&[f32::MAX / 4.0; 32], &mut out);
        assert_eq!(out, [0.0, 0.0]);
    }
}
