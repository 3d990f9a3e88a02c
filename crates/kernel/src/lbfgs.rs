//! L-BFGS (Liu and Nocedal 1989) with a preconditioner: if it is close to the inverse Hessian, steps are close to Newton's.

use std::collections::VecDeque;

use tidemill_core::{Context, Result};

use crate::descent::{Limits, Outcome};
use crate::vector::{axpy, dot};

/// The number of stored corrections.
const MEMORY: usize = 10;
/// Sufficient decrease, as a share of the decrease predicted by the slope.
const DECREASE: f64 = 1e-4;

/// A smooth function to be minimised.
pub trait Objective {
    /// Its value at `x`; fills `gradient`.
    fn evaluate(&mut self, x: &[f64], gradient: &mut [f64]) -> f64;
    /// Replaces `gradient` with approximately the inverse Hessian times it (positive definite, and always the same matrix).
    fn precondition(&self, gradient: &mut [f64]);
}

struct Correction {
    step: Vec<f64>,
    change: Vec<f64>,
    inverse: f64,
}

/// Moves `x` to where no gradient exceeds the tolerance.
pub fn minimise(
    objective: &mut impl Objective,
    x: &mut Vec<f64>,
    limits: Limits,
    context: &Context,
) -> Result<Outcome> {
    let mut gradient = vec![0.0; x.len()];
    let mut value = objective.evaluate(x, &mut gradient);
    let mut memory: VecDeque<Correction> = VecDeque::with_capacity(MEMORY);
    let mut outcome = Outcome { gap: steepest(&gradient), ..Outcome::default() };
    while outcome.gap > limits.tolerance && outcome.iterations < limits.max_iterations {
        context.check()?;
        outcome.iterations += 1;
        let mut direction = newton_like(objective, &memory, &gradient);
        if dot(&direction, &gradient) >= 0.0 {
            memory.clear();
            direction = newton_like(objective, &memory, &gradient);
        }
        let Some((next, next_value, next_gradient)) = search(objective, x, value, &gradient, &direction)
        else {
            // The value no longer changes in its last digits: this is the best result, unless stale corrections were misleading.
            if memory.is_empty() {
                break;
            }
            memory.clear();
            continue;
        };
        remember(&mut memory, x, &gradient, &next, &next_gradient);
        (*x, value, gradient) = (next, next_value, next_gradient);
        outcome.gap = steepest(&gradient);
    }
    outcome.converged = outcome.gap <= limits.tolerance;
    Ok(outcome)
}

fn steepest(gradient: &[f64]) -> f64 {
    // A gradient that is not a number is never small enough.
    gradient.iter().fold(0.0, |most, g| if g.is_nan() { f64::INFINITY } else { f64::max(most, g.abs()) })
}

fn newton_like(objective: &impl Objective, memory: &VecDeque<Correction>, gradient: &[f64]) -> Vec<f64> {
    let mut q: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let mut shares = Vec::with_capacity(memory.len());
    for pair in memory.iter().rev() {
        let share = pair.inverse * dot(&pair.step, &q);
        axpy(-share, &pair.change, &mut q);
        shares.push(share);
    }
    objective.precondition(&mut q);
    if let Some(last) = memory.back() {
        let mut through = last.change.clone();
        objective.precondition(&mut through);
        let scale = 1.0 / (last.inverse * dot(&last.change, &through));
        if scale.is_finite() && scale > 0.0 {
            q.iter_mut().for_each(|q| *q *= scale);
        }
    }
    for (pair, share) in memory.iter().zip(shares.iter().rev()) {
        let back = pair.inverse * dot(&pair.change, &q);
        axpy(share - back, &pair.step, &mut q);
    }
    q
}

fn remember(memory: &mut VecDeque<Correction>, x: &[f64], g: &[f64], next_x: &[f64], next_g: &[f64]) {
    let difference = |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a - b).collect() };
    let (step, change) = (difference(next_x, x), difference(next_g, g));
    let along = dot(&step, &change);
    if along > f64::EPSILON * dot(&change, &change).sqrt() * dot(&step, &step).sqrt() {
        if memory.len() == MEMORY {
            memory.pop_front();
        }
        memory.push_back(Correction { step, change, inverse: 1.0 / along });
    }
}

type Point = (Vec<f64>, f64, Vec<f64>);

/// Halves the step until the value falls enough, or, where its rounding hides that, until the slope along the step does (Hager and Zhang
/// 2005, the approximate Wolfe condition).
fn search(
    objective: &mut impl Objective,
    x: &[f64],
    value: f64,
    gradient: &[f64],
    direction: &[f64],
) -> Option<Point> {
    let slope = dot(direction, gradient);
    let noise = 1e-13 * value.abs();
    let mut length = 1.0;
    let mut next_gradient = vec![0.0; x.len()];
    for _ in 0..40 {
        let next: Vec<f64> = x.iter().zip(direction).map(|(x, d)| x + length * d).collect();
        let next_value = objective.evaluate(&next, &mut next_gradient);
        let next_slope = dot(direction, &next_gradient);
        let falls = next_value <= value + DECREASE * length * slope;
        let flattens = next_value <= value + noise && next_slope.abs() <= 0.9 * slope.abs();
        if next_value.is_finite() && (falls || flattens) {
            return Some((next, next_value, next_gradient));
        }
        // The minimum of the parabola through both values and the first slope, within bounds.
        let bend = next_value - value - length * slope;
        let least = -0.5 * slope * length * length / bend;
        length = if least.is_finite() { least.clamp(0.1 * length, 0.5 * length) } else { 0.1 * length };
    }
    None
}
