//! Root mean square normalisation (Zhang and Sennrich 2019), as the `RmsNorm` of transformers' Llama.

/// `1 / sqrt(mean(x^2) + epsilon)` of a row, its sum in 64 bits.
pub(crate) fn scale(row: &[f32], epsilon: f32) -> f32 {
    let square: f64 = row.iter().map(|x| f64::from(*x) * f64::from(*x)).sum();
    (1.0 / (square / row.len() as f64 + f64::from(epsilon)).sqrt()) as f32
}

/// Each row of `x` (as wide as `weight`), divided by its root mean square and times `weight`.
pub(crate) fn rms_norm(x: &[f32], weight: &[f32], epsilon: f32) -> Vec<f32> {
    let mut out = x.to_vec();
    rms_norm_in_place(&mut out, weight, epsilon);
    out
}

/// The same in place.
pub(crate) fn rms_norm_in_place(x: &mut [f32], weight: &[f32], epsilon: f32) {
    for row in x.chunks_exact_mut(weight.len()) {
        let scale = scale(row, epsilon);
        for (x, w) in row.iter_mut().zip(weight) {
            *x = w * (*x * scale);
        }
    }
}

/// The gradient at the input of [`rms_norm`], from that at its output, added to `dx`. The weight is frozen.
pub(crate) fn backward(x: &[f32], weight: &[f32], epsilon: f32, dy: &[f32], dx: &mut [f32]) {
    let width = weight.len();
    let rows = x.chunks_exact(width).zip(dy.chunks_exact(width)).zip(dx.chunks_exact_mut(width));
    for ((x, dy), dx) in rows {
        let scale = f64::from(scale(x, epsilon));
        let along: f64 = (0..width).map(|j| f64::from(dy[j]) * f64::from(weight[j]) * f64::from(x[j])).sum();
        let pull = along * scale * scale * scale / width as f64;
        for j in 0..width {
            dx[j] += (f64::from(dy[j]) * f64::from(weight[j]) * scale - pull * f64::from(x[j])) as f32;
        }
    }
}
