//! Linear support vector machines by coordinate descent on the dual: one row at a time, its weight changed as far as
//! the row alone demands.
//!
//! Sources: Hsieh, Chang, Lin, Keerthi and Sundararajan 2008, "A dual coordinate descent method for large-scale linear
//! SVM"; Ho and Lin 2012, "Large-scale linear support vector regression".

use pulp::NullaryFnOnce;
use tidemill_core::{Context, Result};
use tidemill_kernel::Random;
use tidemill_kernel::vector::wide;

use super::lines::Lines;

/// One problem: the least of `|w|^2 / 2 + sum(c * loss)`. A row's numbers end with the constant for the intercept.
#[derive(Clone, Copy)]
pub(super) struct Problem<'a> {
    pub x: &'a Lines,
    /// 1 or -1 for two classes, else the number.
    pub y: &'a [f64],
    /// How much each row counts, above 0.
    pub c: &'a [f64],
    /// The loss is squared.
    pub squared: bool,
    /// `None` for classes; the half width of the tube for a number.
    pub epsilon: Option<f64>,
}

/// When to stop.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub tol: f64,
    pub max_iter: usize,
}

/// The coefficients, the intercept's last.
pub(super) struct Solution {
    pub w: Vec<f64>,
    pub converged: bool,
}

impl Problem<'_> {
    pub(super) fn solve(self, limits: Limits, seed: u64, context: &Context) -> Result<Solution> {
        let n = self.y.len();
        let squares = self.x.squares(n);
        let mut state = State {
            w: vec![0.0; self.x.p],
            alpha: vec![0.0; n],
            order: (0..n).collect(),
            active: n,
            high: f64::INFINITY,
            low: f64::NEG_INFINITY,
        };
        let mut random = Random::new(seed, 0);
        let mut first = None;
        for _ in 0..limits.max_iter {
            context.check()?;
            random.shuffle(&mut state.order[..state.active]);
            let left = wide(Epoch { problem: self, squares: &squares, state: &mut state });
            // A number's gradients have a size of their own: what is left is held against the first epoch's.
            let unit = if self.epsilon.is_some() { *first.get_or_insert(left.sum) } else { 1.0 };
            let small = if self.epsilon.is_some() { left.sum } else { left.high - left.low };
            if small <= limits.tol * unit {
                if state.active == n {
                    return Ok(Solution { w: state.w, converged: true });
                }
                (state.active, state.high, state.low) = (n, f64::INFINITY, f64::NEG_INFINITY);
                continue;
            }
            (state.high, state.low) = left.limits(self.epsilon.is_some(), n);
        }
        Ok(Solution { w: state.w, converged: false })
    }
}

struct State {
    w: Vec<f64>,
    alpha: Vec<f64>,
    /// The rows; those at work come first.
    order: Vec<usize>,
    active: usize,
    /// Beyond these gradients of the last epoch, a row at its bound is set aside.
    high: f64,
    low: f64,
}

/// The projected gradients of an epoch.
struct Left {
    high: f64,
    low: f64,
    sum: f64,
}

impl Left {
    fn limits(&self, quantity: bool, n: usize) -> (f64, f64) {
        if quantity {
            // The bound of Ho and Lin: the greatest violation, per row.
            return (self.high / n.max(1) as f64, 0.0);
        }
        let high = if self.high <= 0.0 { f64::INFINITY } else { self.high };
        let low = if self.low >= 0.0 { f64::NEG_INFINITY } else { self.low };
        (high, low)
    }
}

/// One pass over the rows at work.
struct Epoch<'a> {
    problem: Problem<'a>,
    squares: &'a [f64],
    state: &'a mut State,
}

impl NullaryFnOnce for Epoch<'_> {
    type Output = Left;
    #[inline(always)]
    fn call(self) -> Left {
        let Epoch { problem, squares, state } = self;
        let mut left = Left { high: f64::NEG_INFINITY, low: f64::INFINITY, sum: 0.0 };
        let mut s = 0;
        while s < state.active {
            let i = state.order[s];
            let (ridge, most) = match problem.squared {
                true => (0.5 / problem.c[i], f64::INFINITY),
                false => (0.0, problem.c[i]),
            };
            let side = if problem.epsilon.is_some() { 1.0 } else { problem.y[i] };
            let a = state.alpha[i];
            let aim = problem.y[i] * side;
            let gradient = side * problem.x.dot_inline(i, &state.w) - aim + ridge * a;
            let curvature = squares[i] + ridge;
            let (violation, aside) = match problem.epsilon {
                None => class_violation(gradient, a, most, state),
                Some(epsilon) => tube_violation(gradient, a, most, epsilon, state),
            };
            if aside {
                state.active -= 1;
                state.order.swap(s, state.active);
                continue;
            }
            left.high = left.high.max(violation);
            left.low = left.low.min(violation);
            left.sum += violation.abs();
            if violation.abs() > 1e-12 && curvature > 0.0 {
                let next = match problem.epsilon {
                    None => (a - gradient / curvature).clamp(0.0, most),
                    Some(epsilon) => tube_step(gradient, a, curvature, epsilon).clamp(-most, most),
                };
                state.alpha[i] = next;
                problem.x.add_inline(i, side * (next - a), &mut state.w);
            }
            s += 1;
        }
        left
    }
}

/// The projected gradient of a row of a class, and whether it is set aside.
#[inline(always)]
fn class_violation(gradient: f64, a: f64, most: f64, state: &State) -> (f64, bool) {
    if a <= 0.0 {
        (gradient.min(0.0), gradient > state.high)
    } else if a >= most {
        (gradient.max(0.0), gradient < state.low)
    } else {
        (gradient, false)
    }
}

/// The violation of a row of a number (from 0 up), and whether it is set aside.
#[inline(always)]
fn tube_violation(gradient: f64, a: f64, most: f64, epsilon: f64, state: &State) -> (f64, bool) {
    let (over, under) = (gradient + epsilon, gradient - epsilon);
    let room = state.high;
    if a == 0.0 {
        let violation = if over < 0.0 {
            -over
        } else if under > 0.0 {
            under
        } else {
            0.0
        };
        (violation, over > room && under < -room)
    } else if a >= most {
        (over.max(0.0), over < -room)
    } else if a <= -most {
        ((-under).max(0.0), under > room)
    } else if a > 0.0 {
        (over.abs(), false)
    } else {
        (under.abs(), false)
    }
}

/// Where the row's own problem, a parabola with a kink at 0, is least.
#[inline(always)]
fn tube_step(gradient: f64, a: f64, curvature: f64, epsilon: f64) -> f64 {
    let (over, under) = (gradient + epsilon, gradient - epsilon);
    if over < curvature * a {
        a - over / curvature
    } else if under > curvature * a {
        a - under / curvature
    } else {
        0.0
    }
}
