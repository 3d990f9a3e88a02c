//! Dot products of rows, a few side by side: vectors of products summed in order, then the lanes in a fixed tree. Which
//! rows are computed beside one changes no bit of it.

use pulp::Simd;

/// The dot product of two slices of one length, as [`tile`] forms it.
#[inline(always)]
pub(crate) fn dot<S: Simd>(simd: S, a: &[f32], b: &[f32]) -> f32 {
    tile::<S, 1, 1>(simd, [a], [b])[0][0]
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
