//! Weights in 32 bits, laid out so that neighbouring outputs lie side by side.
//!
//! A panel holds up to [`WIDTH`] outputs: for each input in order, the weights of all of them. An output is a chain of fused
//! multiply-adds over the inputs in their order, from 0, in stretches of [`STRETCH`] inputs whose sums are added up. Both ways
//! to compute it (below for few rows, faer's kernels for many) form that same chain, so which rows and outputs are
//! computed beside it, and on which thread, changes no bit: a token alone (decoding) and a token among others (reading a
//! prompt) get the same state.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

/// Outputs of a panel: as many as faer's kernel of 512 bits keeps in registers.
const WIDTH: usize = 96;
/// Inputs whose products are summed before they are added to those before: faer's kernels do so as well.
const STRETCH: usize = 512;
/// From so many rows on faer's kernels are faster. Of 16 rows, a token of SmolLM2 takes them 1.7 times the time of the way below.
const MANY: usize = 32;
/// Products below this many terms go other ways through faer.
const SMALL: usize = 32 * 32 * 32;
/// Inputs whose gradients a task computes.
const BACK: usize = 192;

/// A matrix of `[outputs, inputs]` in panels.
pub(crate) struct Panels {
    outputs: usize,
    inputs: usize,
    values: Vec<f32>,
}

impl Panels {
    /// From `weights`, `[outputs, inputs]`, row-major.
    pub(crate) fn new(weights: &[f32], inputs: usize) -> Self {
        let mut values = vec![0.0; weights.len()];
        let panel = WIDTH * inputs.max(1);
        values.par_chunks_mut(panel).zip(weights.par_chunks(panel)).for_each(|(to, from)| {
            let width = from.len() / inputs;
            // Few inputs at a time, so that what is written stays near.
            for start in (0..inputs).step_by(16) {
                let end = (start + 16).min(inputs);
                for (output, row) in from.chunks_exact(inputs).enumerate() {
                    for (input, weight) in row[start..end].iter().enumerate() {
                        to[(start + input) * width + output] = *weight;
                    }
                }
            }
        });
        Panels { outputs: weights.len() / inputs.max(1), inputs, values }
    }

    /// The bytes that it takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.values.len() * size_of::<f32>()
    }

    /// Copies the weights of an output.
    pub(crate) fn row(&self, output: usize, to: &mut [f32]) {
        let first = output / WIDTH * WIDTH;
        let width = WIDTH.min(self.outputs - first);
        let panel = self.values[first * self.inputs..].chunks_exact(width);
        to.iter_mut().zip(panel).for_each(|(to, weights)| *to = weights[output - first]);
    }

    /// `out = x weights^T`: `x` holds rows of `inputs`, `out` as many rows of `outputs`.
    pub(crate) fn times(&self, x: &[f32], out: &mut [f32]) {
        let rows = x.len() / self.inputs;
        let out = MatMut::from_column_major_slice_mut(out, self.outputs, rows);
        let panels = self.outputs.div_ceil(WIDTH);
        let share = panels.div_ceil(2 * rayon::current_num_threads());
        split(out, &self.values, self.inputs, share, &|weights, out| {
            panel_times(weights, self.inputs, x, out)
        });
    }

    /// `dy weights`: rows of `inputs` gradients from rows of `outputs`.
    pub(crate) fn back(&self, dy: &[f32]) -> Vec<f32> {
        let rows = dy.len() / self.outputs;
        let dy = MatRef::from_column_major_slice(dy, self.outputs, rows);
        let mut dx = vec![0.0; rows * self.inputs];
        split_back(MatMut::from_column_major_slice_mut(&mut dx, self.inputs, rows), 0, &|from, mut dx| {
            let mut accum = Accum::Replace;
            for (i, panel) in self.values.chunks(WIDTH * self.inputs).enumerate() {
                let width = panel.len() / self.inputs;
                let weights = MatRef::from_column_major_slice(panel, width, self.inputs);
                let weights = weights.subcols(from, dx.nrows()).transpose();
                matmul(dx.as_mut(), accum, weights, dy.subrows(i * WIDTH, width), 1.0, Par::Seq);
                accum = Accum::Add;
            }
        });
        dx
    }
}

/// `out = x weights^T` for weights that are laid out for this once, `[outputs, inputs]`, row-major.
pub(crate) fn product(weights: &[f32], x: &[f32], inputs: usize, out: &mut [f32]) {
    Panels::new(weights, inputs).times(x, out);
}

/// Gives each panel with its part of `out` to `work`; `share` panels go one after the other on one thread.
fn split<'a>(
    out: MatMut<'a, f32>,
    values: &[f32],
    inputs: usize,
    share: usize,
    work: &(impl Fn(&[f32], MatMut<'_, f32>) + Sync),
) {
    let panels = out.nrows().div_ceil(WIDTH);
    if panels <= share.max(1) {
        let mut rest = out;
        for panel in values.chunks(WIDTH * inputs) {
            let (first, others) = rest.split_at_row_mut(panel.len() / inputs);
            work(panel, first);
            rest = others;
        }
        return;
    }
    let half = panels / 2 * WIDTH;
    let (left, right) = out.split_at_row_mut(half);
    let (first, second) = values.split_at(half * inputs);
    rayon::join(|| split(left, first, inputs, share, work), || split(right, second, inputs, share, work));
}

/// Gives parts of [`BACK`] rows of `dx` to `work`, each with its first row.
fn split_back(dx: MatMut<'_, f32>, from: usize, work: &(impl Fn(usize, MatMut<'_, f32>) + Sync)) {
    let parts = dx.nrows().div_ceil(BACK);
    if parts <= 1 {
        return work(from, dx);
    }
    let half = parts / 2 * BACK;
    let (left, right) = dx.split_at_row_mut(half);
    rayon::join(|| split_back(left, from, work), || split_back(right, from + half, work));
}

/// The outputs of one panel for all rows of `x`; `out` holds a column for each.
fn panel_times(weights: &[f32], inputs: usize, x: &[f32], mut out: MatMut<'_, f32>) {
    let (width, rows) = (out.nrows(), out.ncols());
    if rows < MANY || !faer_forms_chains() {
        return Arch::new().dispatch(Chains { weights, x, inputs, from: 0, to: inputs, out });
    }
    let matrix = MatRef::from_column_major_slice(weights, width, inputs);
    let by_row = MatRef::from_column_major_slice(x, inputs, rows);
    for from in (0..inputs).step_by(STRETCH) {
        let n = STRETCH.min(inputs - from);
        if width == 1 || width * n * rows <= SMALL {
            let out = out.as_mut();
            Arch::new().dispatch(Chains { weights, x, inputs, from, to: from + n, out });
        } else {
            let accum = if from == 0 { Accum::Replace } else { Accum::Add };
            matmul(out.as_mut(), accum, matrix.subcols(from, n), by_row.subrows(from, n), 1.0, Par::Seq);
        }
    }
}

/// Whether faer's products are chains as described above: on other processors than these it takes other ways.
fn faer_forms_chains() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma")
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        false
    }
}

/// The chains over inputs `from..to` for all outputs of a panel; `from` is a multiple of [`STRETCH`].
struct Chains<'a> {
    weights: &'a [f32],
    x: &'a [f32],
    inputs: usize,
    from: usize,
    to: usize,
    out: MatMut<'a, f32>,
}

impl WithSimd for Chains<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Chains { weights, x, inputs, from, to, mut out } = self;
        let (width, rows) = (out.nrows(), out.ncols());
        let row = |r: usize| &x[r * inputs..(r + 1) * inputs];
        for start in (from..to).step_by(STRETCH) {
            let stretch = start..(start + STRETCH).min(to);
            let weights = &weights[stretch.start * width..stretch.end * width];
            let add = start > 0;
            let mut r = 0;
            while r < rows {
                // Twelve sums in registers, however many rows share the weights; no row is left alone.
                let n = if rows - r == 5 { 3 } else { (rows - r).min(4) };
                let x = |i: usize| &row(r + i)[stretch.clone()];
                let out = out.as_mut().subcols_mut(r, n);
                match n {
                    4 => rows_of::<S, 4, 3>(simd, weights, width, std::array::from_fn(x), add, out),
                    3 => rows_of::<S, 3, 4>(simd, weights, width, std::array::from_fn(x), add, out),
                    2 => rows_of::<S, 2, 6>(simd, weights, width, std::array::from_fn(x), add, out),
                    _ => rows_of::<S, 1, 12>(simd, weights, width, std::array::from_fn(x), add, out),
                }
                r += n;
            }
        }
    }
}

/// `R` rows: outputs in runs of `V` vectors, then of one, then what is left.
#[inline(always)]
fn rows_of<S: Simd, const R: usize, const V: usize>(
    simd: S,
    weights: &[f32],
    width: usize,
    x: [&[f32]; R],
    add: bool,
    mut out: MatMut<'_, f32>,
) {
    let mut at = 0;
    while at + V * S::F32_LANES <= width {
        let sums = run::<S, R, V>(simd, weights, width, at, x);
        for (r, sums) in sums.iter().enumerate() {
            store(simd, sums, add, column(&mut out, r, at, V * S::F32_LANES));
        }
        at += V * S::F32_LANES;
    }
    while at < width {
        let n = S::F32_LANES.min(width - at);
        let sums = rest::<S, R>(simd, weights, width, at, n, x);
        for (r, sum) in sums.into_iter().enumerate() {
            let out = column(&mut out, r, at, n);
            let before = if add { simd.partial_load_f32s(out) } else { simd.splat_f32s(0.0) };
            let sum = if add { simd.add_f32s(before, sum) } else { sum };
            simd.partial_store_f32s(out, sum);
        }
        at += n;
    }
}

/// A part of a column of `out`, whose columns are contiguous.
#[inline(always)]
fn column<'a>(out: &'a mut MatMut<'_, f32>, r: usize, at: usize, n: usize) -> &'a mut [f32] {
    let column = out.as_mut().col_mut(r).try_as_col_major_mut();
    column.map_or(&mut [], |column| &mut column.as_slice_mut()[at..at + n])
}

#[inline(always)]
fn run<S: Simd, const R: usize, const V: usize>(
    simd: S,
    weights: &[f32],
    width: usize,
    at: usize,
    x: [&[f32]; R],
) -> [[S::f32s; V]; R] {
    let mut sums = [[simd.splat_f32s(0.0); V]; R];
    let n = weights.len() / width;
    let x = x.map(|x| &x[..n]);
    for (i, weights) in weights.chunks_exact(width).enumerate() {
        let (vectors, _) = S::as_simd_f32s(&weights[at..at + V * S::F32_LANES]);
        let vectors = &vectors[..V];
        for r in 0..R {
            let x = simd.splat_f32s(x[r][i]);
            for v in 0..V {
                sums[r][v] = simd.mul_add_f32s(x, vectors[v], sums[r][v]);
            }
        }
    }
    sums
}

#[inline(always)]
fn rest<S: Simd, const R: usize>(
    simd: S,
    weights: &[f32],
    width: usize,
    at: usize,
    n: usize,
    x: [&[f32]; R],
) -> [S::f32s; R] {
    let mut sums = [simd.splat_f32s(0.0); R];
    for (i, weights) in weights.chunks_exact(width).enumerate() {
        let vector = simd.partial_load_f32s(&weights[at..at + n]);
        for r in 0..R {
            sums[r] = simd.mul_add_f32s(simd.splat_f32s(x[r][i]), vector, sums[r]);
        }
    }
    sums
}

#[inline(always)]
fn store<S: Simd, const V: usize>(simd: S, sums: &[S::f32s; V], add: bool, out: &mut [f32]) {
    let (out, _) = S::as_mut_simd_f32s(out);
    for (out, sum) in out.iter_mut().zip(sums) {
        *out = if add { simd.add_f32s(*out, *sum) } else { *sum };
    }
}
