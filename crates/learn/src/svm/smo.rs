//! Sequential minimal optimisation: the least of `a'Ka / 2 + linear'a + kink |a|_1` where `sum(a) = 0` and each `a` is
//! within its bounds, two of them at a time.
//!
//! Two classes are `kink = 0`, `linear = -y` and bounds `0..C` (for `y = 1`) or `-C..0`; a number is
//! `linear = -target`, bounds `-C..C` and the width of the tube as kink. (LIBSVM has the same problems with twice the variables
//! for a number and a sign for each class; in this form one step serves both.)
//!
//! Sources: Platt 1998; Fan, Chen and Lin 2005, "Working set selection using second order information for training
//! support vector machines"; Chang and Lin 2011, "LIBSVM: a library for support vector machines" (shrinking, stopping,
//! the intercept).

use pulp::NullaryFnOnce;
use tidemill_core::{Context, Result};
use tidemill_kernel::vector::wide;

use super::cache::{Cache, reorder};
use super::points::Kernel;

/// Variables compared at once.
const LANES: usize = 8;
/// Curvature of a direction that has none.
const TAU: f64 = 1e-12;
/// Steps between two looks at the user's wish to stop.
const STEPS: usize = 256;

/// One problem; see the module.
pub(super) struct Problem {
    pub kernel: Kernel,
    /// `n` rows of `p` numbers, row after row.
    pub x: Vec<f64>,
    pub p: usize,
    pub linear: Vec<f64>,
    pub low: Vec<f64>,
    pub high: Vec<f64>,
    pub kink: f64,
}

/// When to stop, and how much memory to use.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// The greatest violation of optimality left.
    pub tol: f64,
    pub max_iter: usize,
    pub cache_bytes: usize,
}

/// The answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Solution {
    pub alpha: Vec<f64>,
    pub intercept: f64,
    pub converged: bool,
}

struct Solver {
    cache: Cache,
    /// The variable (as the problem counts them) at each place. Those at work come first.
    order: Vec<usize>,
    active: usize,
    alpha: Vec<f64>,
    linear: Vec<f64>,
    low: Vec<f64>,
    high: Vec<f64>,
    kink: f64,
    diagonal: Vec<f64>,
    /// The gradient without the kink.
    gradient: Vec<f64>,
    /// What the kink adds to it on the way up; infinite at the upper bound.
    up: Vec<f64>,
    /// What it adds on the way down; minus infinity at the lower bound.
    down: Vec<f64>,
}

/// The variable that gains most by going up, by how much, and the least that a variable loses by going down.
#[derive(Clone, Copy)]
struct Ends {
    i: usize,
    most: f64,
    least: f64,
}

impl Problem {
    /// Solves it. Errors when the user asked to stop.
    pub(super) fn solve(self, limits: Limits, context: &Context) -> Result<Solution> {
        let n = self.linear.len();
        let cache = Cache::new(self.kernel, self.x, n, self.p, limits.cache_bytes);
        let diagonal = cache.diagonal();
        let mut solver = Solver {
            cache,
            order: (0..n).collect(),
            active: n,
            alpha: vec![0.0; n],
            gradient: self.linear.clone(),
            linear: self.linear,
            low: self.low,
            high: self.high,
            kink: self.kink,
            diagonal,
            up: vec![0.0; n],
            down: vec![0.0; n],
        };
        (0..n).for_each(|t| solver.see_bounds(t));
        let converged = solver.run(limits, context)?;
        Ok(solver.solution(converged))
    }
}

impl Solver {
    fn see_bounds(&mut self, t: usize) {
        let (a, kink) = (self.alpha[t], self.kink);
        let side = |positive: bool| if positive { kink } else { -kink };
        self.up[t] = if a < self.high[t] { side(a >= 0.0) } else { f64::INFINITY };
        self.down[t] = if a > self.low[t] { side(a > 0.0) } else { f64::NEG_INFINITY };
    }

    /// Whether it came within the tolerance.
    fn run(&mut self, limits: Limits, context: &Context) -> Result<bool> {
        let n = self.order.len();
        let every = n.clamp(1, 1000);
        let (mut until_shrink, mut whole_again) = (every, false);
        let mut ends = self.ends();
        for step in 0..limits.max_iter {
            if step % STEPS == 0 {
                context.check()?;
            }
            let gap = ends.most - ends.least;
            let nothing = gap.is_nan() || gap < limits.tol;
            if nothing && self.active == n {
                return Ok(true);
            }
            until_shrink -= 1;
            if nothing || (until_shrink == 0 && !whole_again && gap <= 10.0 * limits.tol) {
                whole_again = true;
                self.bring_back();
                ends = self.ends();
                until_shrink = every;
                continue;
            }
            if until_shrink == 0 {
                until_shrink = every;
                if self.shrink(ends) {
                    ends = self.ends();
                }
            }
            ends = match self.second(ends) {
                Some((j, gain, curvature)) => self.step(ends.i, j, gain, curvature),
                // Nothing that may go down gains: rounding, at the optimum.
                None if self.active == n => return Ok(true),
                None => {
                    self.bring_back();
                    self.ends()
                }
            };
        }
        self.bring_back();
        let Ends { most, least, .. } = self.ends();
        Ok(most - least < limits.tol)
    }

    fn ends(&mut self) -> Ends {
        let n = self.active;
        // No step: rare enough that two rows of zeros cost nothing.
        let zeros = vec![0.0; n];
        let (gradient, up, down) = (&mut self.gradient[..n], &self.up[..n], &self.down[..n]);
        wide(Update { delta: 0.0, rows: (&zeros, &zeros), gradient, up, down })
    }

    /// The variable to go down, by the gain in the second order; how steep the pair is, and how curved.
    fn second(&mut self, ends: Ends) -> Option<(usize, f64, f64)> {
        let n = self.active;
        let own = self.diagonal[ends.i];
        let row = &self.cache.row(ends.i, n)[..n];
        let (gradient, down, diagonal) = (&self.gradient[..n], &self.down[..n], &self.diagonal[..n]);
        let j = wide(Second { most: ends.most, own, row, gradient, down, diagonal })?;
        let steep = ends.most + self.gradient[j] + self.down[j];
        let curvature = own + self.diagonal[j] - 2.0 * f64::from(row[j]);
        Some((j, steep, if curvature > 0.0 { curvature } else { TAU }))
    }

    fn step(&mut self, i: usize, j: usize, steep: f64, curvature: f64) -> Ends {
        let n = self.active;
        // No farther than the bound, or than zero, where the gradient has its kink.
        let top = if self.alpha[i] < 0.0 { self.high[i].min(0.0) } else { self.high[i] };
        let bottom = if self.alpha[j] > 0.0 { self.low[j].max(0.0) } else { self.low[j] };
        let (room_up, room_down) = (top - self.alpha[i], self.alpha[j] - bottom);
        let delta = (steep / curvature).min(room_up).min(room_down);
        self.alpha[i] = if delta == room_up { top } else { self.alpha[i] + delta };
        self.alpha[j] = if delta == room_down { bottom } else { self.alpha[j] - delta };
        self.see_bounds(i);
        self.see_bounds(j);
        self.cache.row(i, n);
        self.cache.row(j, n);
        let (a, b) = self.cache.pair(i, j);
        let (gradient, up, down) = (&mut self.gradient[..n], &self.up[..n], &self.down[..n]);
        wide(Update { delta, rows: (&a[..n], &b[..n]), gradient, up, down })
    }

    /// Sets variables aside that stand at a bound and will likely stay there, if there are enough of them.
    fn shrink(&mut self, ends: Ends) -> bool {
        let n = self.active;
        let stays = |t: usize| {
            -(self.gradient[t] + self.up[t]) < ends.least && -(self.gradient[t] + self.down[t]) > ends.most
        };
        let (aside, mut order): (Vec<usize>, Vec<usize>) = (0..n).partition(|&t| stays(t));
        if aside.len() * 6 < n {
            return false;
        }
        self.active = order.len();
        order.extend(aside);
        self.cache.reorder(&order);
        reorder(&mut self.order, &order);
        for values in [
            &mut self.alpha,
            &mut self.linear,
            &mut self.low,
            &mut self.high,
            &mut self.diagonal,
            &mut self.gradient,
            &mut self.up,
            &mut self.down,
        ] {
            reorder(values, &order);
        }
        true
    }

    /// All variables at work again: the gradients of those set aside are summed anew.
    fn bring_back(&mut self) {
        let (n, from) = (self.order.len(), self.active);
        if from == n {
            return;
        }
        self.gradient[from..].copy_from_slice(&self.linear[from..]);
        for s in 0..n {
            let a = self.alpha[s];
            if a != 0.0 {
                let gradient = &mut self.gradient;
                self.cache.rest(s, from, |first, row| {
                    let to = &mut gradient[first..first + row.len()];
                    to.iter_mut().zip(row).for_each(|(g, k)| *g += a * f64::from(*k));
                });
            }
        }
        self.active = n;
    }

    fn solution(self, converged: bool) -> Solution {
        let n = self.order.len();
        let (mut sum, mut free) = (0.0, 0usize);
        let (mut most, mut least) = (f64::NEG_INFINITY, f64::INFINITY);
        let mut alpha = vec![0.0; n];
        for t in 0..n {
            alpha[self.order[t]] = self.alpha[t];
            let (up, down) = (-(self.gradient[t] + self.up[t]), -(self.gradient[t] + self.down[t]));
            if up == down {
                sum += up;
                free += 1;
            }
            most = most.max(up);
            least = least.min(down);
        }
        let intercept = match (free, most.is_finite(), least.is_finite()) {
            (0, true, true) => (most + least) / 2.0,
            (0, true, false) => most,
            (0, false, true) => least,
            (0, false, false) => 0.0,
            _ => sum / free as f64,
        };
        Solution { alpha, intercept, converged }
    }
}

/// `gradient += delta (a - b)`, and its new ends.
struct Update<'a> {
    delta: f64,
    rows: (&'a [f32], &'a [f32]),
    gradient: &'a mut [f64],
    up: &'a [f64],
    down: &'a [f64],
}

impl NullaryFnOnce for Update<'_> {
    type Output = Ends;
    #[inline(always)]
    fn call(self) -> Ends {
        let Update { delta, rows: (a, b), gradient, up, down } = self;
        let whole = gradient.len() / LANES * LANES;
        let mut best = [f64::NEG_INFINITY; LANES];
        let mut at = [0u64; LANES];
        let mut lowest = [f64::NEG_INFINITY; LANES];
        let mut place: [u64; LANES] = std::array::from_fn(|l| l as u64);
        let (runs, rest) = gradient.as_chunks_mut::<LANES>();
        let (up_runs, up_rest) = up.as_chunks::<LANES>();
        let (down_runs, down_rest) = down.as_chunks::<LANES>();
        let (a_runs, a_rest) = a.as_chunks::<LANES>();
        let (b_runs, b_rest) = b.as_chunks::<LANES>();
        let bounds = up_runs.iter().zip(down_runs);
        for ((g, (up, down)), (a, b)) in runs.iter_mut().zip(bounds).zip(a_runs.iter().zip(b_runs)) {
            for l in 0..LANES {
                g[l] += delta * (f64::from(a[l]) - f64::from(b[l]));
                let gain = -(g[l] + up[l]);
                let better = gain > best[l];
                best[l] = if better { gain } else { best[l] };
                at[l] = if better { place[l] } else { at[l] };
                let loss = g[l] + down[l];
                lowest[l] = if loss > lowest[l] { loss } else { lowest[l] };
                place[l] += LANES as u64;
            }
        }
        for (l, g) in rest.iter_mut().enumerate() {
            *g += delta * (f64::from(a_rest[l]) - f64::from(b_rest[l]));
            if -(*g + up_rest[l]) > best[l] {
                (best[l], at[l]) = (-(*g + up_rest[l]), (whole + l) as u64);
            }
            lowest[l] = lowest[l].max(*g + down_rest[l]);
        }
        let mut first = 0;
        for l in 1..LANES {
            if best[l] > best[first] || (best[l] == best[first] && at[l] < at[first]) {
                first = l;
            }
        }
        let least = -lowest.iter().fold(f64::NEG_INFINITY, |most, x| most.max(*x));
        Ends { i: at[first] as usize, most: best[first], least }
    }
}

/// The partner with which a step gains most, `steep^2 / curvature`; quotients are compared crosswise.
struct Second<'a> {
    most: f64,
    own: f64,
    row: &'a [f32],
    gradient: &'a [f64],
    down: &'a [f64],
    diagonal: &'a [f64],
}

impl NullaryFnOnce for Second<'_> {
    type Output = Option<usize>;
    #[inline(always)]
    fn call(self) -> Option<usize> {
        let Second { most, own, row, gradient, down, diagonal } = self;
        let n = gradient.len();
        let (row, down, diagonal) = (&row[..n], &down[..n], &diagonal[..n]);
        let measure = |t: usize| {
            let steep = most + gradient[t] + down[t];
            let curvature = own + diagonal[t] - 2.0 * f64::from(row[t]);
            let curvature = if curvature > 0.0 { curvature } else { TAU };
            (if steep > 0.0 { steep * steep } else { 0.0 }, curvature)
        };
        let mut best = [0.0; LANES];
        let mut over = [1.0; LANES];
        let mut at = [u64::MAX; LANES];
        let whole = n / LANES * LANES;
        let mut t = 0;
        while t < whole {
            for l in 0..LANES {
                let (square, curvature) = measure(t + l);
                let better = square * over[l] > best[l] * curvature;
                best[l] = if better { square } else { best[l] };
                over[l] = if better { curvature } else { over[l] };
                at[l] = if better { (t + l) as u64 } else { at[l] };
            }
            t += LANES;
        }
        for l in 0..n - whole {
            let (square, curvature) = measure(whole + l);
            if square * over[l] > best[l] * curvature {
                (best[l], over[l], at[l]) = (square, curvature, (whole + l) as u64);
            }
        }
        let mut first = 0;
        for l in 1..LANES {
            let (a, b) = (best[l] * over[first], best[first] * over[l]);
            if a > b || (a == b && at[l] < at[first]) {
                first = l;
            }
        }
        (at[first] != u64::MAX).then_some(at[first] as usize)
    }
}
