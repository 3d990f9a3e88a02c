//! Kernels between one row and many, several rows at a time in the CPU's vectors.

use pulp::NullaryFnOnce;
use tidemill_kernel::vector::{exp, wide};

/// Rows per block: its values for one row stay in the first cache.
pub(super) const BLOCK: usize = 256;

/// How alike two rows are, as numbers: what [`super::Svm`] says in words.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kernel {
    Linear,
    Rbf { gamma: f64 },
    Polynomial { gamma: f64, coef0: f64, degree: u32 },
    Sigmoid { gamma: f64, coef0: f64 },
}

/// Rows in blocks, each block column after column.
#[derive(Clone, Debug, Default)]
pub(super) struct Points {
    n: usize,
    p: usize,
    values: Vec<f64>,
}

impl Points {
    /// `rows` holds `n` rows of `p` numbers.
    pub(super) fn new(rows: &[f64], n: usize, p: usize) -> Self {
        let mut values = Vec::with_capacity(n * p);
        for block in rows[..n * p].chunks((BLOCK * p).max(1)) {
            (0..p).for_each(|j| values.extend(block.iter().skip(j).step_by(p)));
        }
        Points { n, p, values }
    }

    /// Calls `put` with the kernel of `x` and each block's rows that are in `from..to`, and the first of them.
    pub(super) fn each(
        &self,
        kernel: Kernel,
        x: &[f64],
        (from, to): (usize, usize),
        mut put: impl FnMut(usize, &[f64]),
    ) {
        let mut out = [0.0; BLOCK];
        let mut start = from / BLOCK * BLOCK;
        while start < to {
            let n = BLOCK.min(self.n - start);
            let block = &self.values[start * self.p..(start + n) * self.p];
            wide(Values { kernel, block, x, out: &mut out[..n] });
            let (first, end) = (from.max(start), to.min(start + n));
            put(first, &out[first - start..end - start]);
            start += BLOCK;
        }
    }

    /// The kernel of `x` and every row.
    pub(super) fn all(&self, kernel: Kernel, x: &[f64], out: &mut Vec<f64>) {
        out.clear();
        self.each(kernel, x, (0, self.n), |_, values| out.extend_from_slice(values));
    }
}

struct Values<'a> {
    kernel: Kernel,
    block: &'a [f64],
    x: &'a [f64],
    out: &'a mut [f64],
}

impl NullaryFnOnce for Values<'_> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        let Values { kernel, block, x, out } = self;
        out.fill(0.0);
        match kernel {
            Kernel::Rbf { gamma } => {
                sums(block, x, out, |x, y| (x - y) * (x - y));
                out.iter_mut().for_each(|d| *d = exp(-gamma * *d));
            }
            Kernel::Linear => sums(block, x, out, |x, y| x * y),
            Kernel::Polynomial { gamma, coef0, degree } => {
                sums(block, x, out, |x, y| x * y);
                out.iter_mut().for_each(|d| *d = power(gamma * *d + coef0, degree));
            }
            Kernel::Sigmoid { gamma, coef0 } => {
                sums(block, x, out, |x, y| x * y);
                out.iter_mut().for_each(|d| *d = (gamma * *d + coef0).tanh());
            }
        }
    }
}

/// `out[i] += sum(term(x[j], column j of block [i]))`, in the order of the columns, four of them at a time.
#[inline(always)]
fn sums(block: &[f64], x: &[f64], out: &mut [f64], term: impl Fn(f64, f64) -> f64) {
    let n = out.len();
    let mut j = 0;
    while j + 4 <= x.len() {
        let [a, b, c, d] = [0, 1, 2, 3].map(|k| &block[(j + k) * n..(j + k + 1) * n]);
        let [p, q, r, s] = [x[j], x[j + 1], x[j + 2], x[j + 3]];
        for i in 0..n {
            out[i] = (((out[i] + term(p, a[i])) + term(q, b[i])) + term(r, c[i])) + term(s, d[i]);
        }
        j += 4;
    }
    for (k, &x) in x.iter().enumerate().skip(j) {
        let column = &block[k * n..(k + 1) * n];
        out.iter_mut().zip(column).for_each(|(out, y)| *out += term(x, *y));
    }
}

/// `base` to a whole power, by squaring.
#[inline(always)]
fn power(mut base: f64, mut degree: u32) -> f64 {
    let mut answer = 1.0;
    while degree > 0 {
        if degree & 1 == 1 {
            answer *= base;
        }
        base *= base;
        degree >>= 1;
    }
    answer
}
