//! Sums over many rows in two stages: on a GPU a thread takes an output, and where outputs are few, few threads would do all the
//! work.

use burn::tensor::Tensor;

/// From so many outputs on a product has work enough for all threads.
const ENOUGH: usize = 65_536;
/// The most parts into which the rows of a product are cut.
const PARTS: usize = 64;

/// Into so many equal parts rows are cut, and how many rows of zeros that takes: about as many parts as a part has rows.
fn parts(n: usize, most: usize) -> (usize, usize) {
    let wanted = n.isqrt().clamp(1, most);
    let divisor = (1..=wanted).rev().find(|k| n.is_multiple_of(*k)).unwrap_or(1);
    if 4 * divisor >= wanted { (divisor, 0) } else { (wanted, n.next_multiple_of(wanted) - n) }
}

/// Rows `[n, width]` as `[parts, n / parts, width]`, zeros after the last.
fn cut(x: Tensor<2>, (parts, zeros): (usize, usize)) -> Tensor<3> {
    let [n, width] = x.dims();
    let x = if zeros > 0 { x.pad([(0, zeros), (0, 0)], 0.0) } else { x };
    x.reshape([parts, (n + zeros) / parts, width])
}

/// The sum of the rows of `[n, width]`, `[width]`.
pub(super) fn sum_of_rows(x: Tensor<2>) -> Tensor<1> {
    let [n, width] = x.dims();
    cut(x, parts(n, usize::MAX)).sum_dim(1).sum_dim(0).reshape([width])
}

/// The sum over rows of the outer product of those of `a` `[n, p]` and `b` `[n, q]`: `[p, q]`.
pub(super) fn product_over_rows(a: Tensor<2>, b: Tensor<2>) -> Tensor<2> {
    let ([n, p], [_, q]) = (a.dims(), b.dims());
    if p * q >= ENOUGH || n < PARTS {
        return a.transpose().matmul(b);
    }
    let by = parts(n, PARTS);
    cut(a, by).swap_dims(1, 2).matmul(cut(b, by)).sum_dim(0).reshape([p, q])
}

#[cfg(test)]
mod tests {
    use super::super::agreement::{agree, inputs};
    use super::*;

    #[test]
    fn two_stages_sum_as_one() {
        for n in [1, 7, 64, 97, 1000, 1021] {
            let rows = |x: &[Tensor<1>]| (x[0].clone().reshape([n, 3]), x[1].clone().reshape([n, 2]));
            let ours = |x: &[Tensor<1>]| {
                let (a, b) = rows(x);
                Tensor::cat(vec![sum_of_rows(a.clone()), product_over_rows(a, b).reshape([6])], 0)
            };
            let theirs = |x: &[Tensor<1>]| {
                let (a, b) = rows(x);
                Tensor::cat(vec![a.clone().sum_dim(0).reshape([3]), a.transpose().matmul(b).reshape([6])], 0)
            };
            agree(&inputs(&[n * 3, n * 2]), &ours, &theirs);
        }
    }
}
