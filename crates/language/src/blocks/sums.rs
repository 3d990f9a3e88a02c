//! Sums in 64 bits over eight lanes, in the same order on every machine.

const LANES: usize = 8;

/// The sum of a function of each number; to be inlined into a loop for wide vectors.
#[inline(always)]
pub(crate) fn sum(x: &[f32], term: impl Fn(f64) -> f64) -> f64 {
    let mut lanes = [0.0; LANES];
    let (runs, rest) = x.as_chunks::<LANES>();
    for run in runs {
        for l in 0..LANES {
            lanes[l] += term(f64::from(run[l]));
        }
    }
    for (lane, x) in lanes.iter_mut().zip(rest) {
        *lane += term(f64::from(*x));
    }
    tree(lanes)
}

/// The sum of a function of each pair of numbers of two slices of one length.
#[inline(always)]
pub(crate) fn sum_of_pairs(x: &[f32], y: &[f32], term: impl Fn(f64, f64) -> f64) -> f64 {
    let mut lanes = [0.0; LANES];
    let ((x, x_rest), (y, y_rest)) = (x.as_chunks::<LANES>(), y.as_chunks::<LANES>());
    for (x, y) in x.iter().zip(y) {
        for l in 0..LANES {
            lanes[l] += term(f64::from(x[l]), f64::from(y[l]));
        }
    }
    for (lane, (x, y)) in lanes.iter_mut().zip(x_rest.iter().zip(y_rest)) {
        *lane += term(f64::from(*x), f64::from(*y));
    }
    tree(lanes)
}

/// The largest number; what is not a number is passed over.
#[inline(always)]
pub(crate) fn largest(x: &[f32]) -> f32 {
    let greater = |a: f32, b: f32| if b > a { b } else { a };
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (runs, rest) = x.as_chunks::<LANES>();
    for run in runs {
        for l in 0..LANES {
            lanes[l] = greater(lanes[l], run[l]);
        }
    }
    rest.iter().chain(&lanes).copied().fold(f32::NEG_INFINITY, greater)
}

#[inline(always)]
fn tree(s: [f64; LANES]) -> f64 {
    ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]))
}
