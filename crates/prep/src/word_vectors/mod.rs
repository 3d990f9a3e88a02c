//! Vectors of words: learned from texts ([`word2vec`], [`glove`]), read from files and written to them ([`file`]).
//!
//! Both methods give the same bytes on any number of threads, without hogwild, which lets threads overwrite each other. See each for how.

pub(crate) mod corpus;
pub mod file;
pub mod glove;
pub mod word2vec;

pub use corpus::Corpus;

/// So many products are summed side by side, in a fixed order, so that the CPU's vectors can be used.
const LANES: usize = 8;

/// `sum(a * b)`, in a fixed order.
#[inline]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; LANES];
    let (a_whole, a_rest) = a.as_chunks::<LANES>();
    let (b_whole, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a_whole.iter().zip(b_whole) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    let [a, b, c, d, e, f, g, h] = sums;
    ((a + e) + (c + g)) + ((b + f) + (d + h)) + rest
}

/// `y += factor * x`.
#[inline]
pub(crate) fn axpy(factor: f32, x: &[f32], y: &mut [f32]) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y += factor * x);
}

/// A number in `[-0.5, 0.5)` over the dimensions: how both methods begin.
fn start(random: &mut tidemill_kernel::Random, dimensions: usize) -> f32 {
    ((random.unit() - 0.5) / dimensions as f64) as f32
}
