//! Gradient-free minimisation of a function of a few numbers.

/// The result of a search.
#[derive(Clone, Debug, PartialEq)]
pub struct Minimum {
    /// The minimum found.
    pub point: Vec<f64>,
    /// The value there.
    pub value: f64,
}

/// Stopping criteria.
#[derive(Clone, Copy, Debug)]
pub struct Stop {
    /// The maximum number of evaluations of the function.
    pub evaluations: usize,
    /// The search stops when the values of the simplex differ by less than this, relative to their size.
    pub tolerance: f64,
}

/// The simplex method of Nelder and Mead (1965), with the coefficients of Gao and Han (2012), which depend on the number of dimensions and
/// are the usual ones (1, 2, 1/2, 1/2) in two. The first simplex is `start` and that point with one coordinate at a time moved by `step`. A
/// value that is not a number counts as infinite, so `f` can reject points.
///
/// ```
/// use tidemill_kernel::nelder_mead::{Stop, minimise};
/// let bowl = |x: &[f64]| (x[0] - 3.0).powi(2) + (x[1] + 1.0).powi(2);
/// let found = minimise(bowl, &[0.0, 0.0], &[0.5, 0.5], Stop { evaluations: 500, tolerance: 1e-12 });
/// assert!((found.point[0] - 3.0).abs() < 1e-4 && (found.point[1] + 1.0).abs() < 1e-4);
/// ```
pub fn minimise(f: impl Fn(&[f64]) -> f64, start: &[f64], step: &[f64], stop: Stop) -> Minimum {
    let n = start.len();
    let value = |x: &[f64]| Some(f(x)).filter(|y| !y.is_nan()).unwrap_or(f64::INFINITY);
    let mut simplex = vec![Minimum { point: start.to_vec(), value: value(start) }];
    for i in 0..n {
        let mut point = start.to_vec();
        point[i] += step[i];
        let value = value(&point);
        simplex.push(Minimum { point, value });
    }
    let wide = n.max(2) as f64;
    let (expand, contract, shrink) = (1.0 + 2.0 / wide, 0.75 - 0.5 / wide, 1.0 - 1.0 / wide);
    let mut evaluations = n + 1;
    while evaluations < stop.evaluations && n > 0 {
        simplex.sort_by(|a, b| a.value.total_cmp(&b.value));
        let (best, worst) = (simplex[0].value, simplex[n].value);
        if worst - best <= stop.tolerance * (best.abs() + stop.tolerance) {
            break;
        }
        let centre: Vec<f64> =
            (0..n).map(|i| simplex[..n].iter().map(|s| s.point[i]).sum::<f64>() / n as f64).collect();
        let along = |by: f64| {
            let point: Vec<f64> =
                centre.iter().zip(&simplex[n].point).map(|(c, w)| c + by * (w - c)).collect();
            let value = value(&point);
            Minimum { point, value }
        };
        let reflected = along(-1.0);
        evaluations += 1;
        let next = if reflected.value < best {
            evaluations += 1;
            let expanded = along(-expand);
            Some(if expanded.value < reflected.value { expanded } else { reflected })
        } else if reflected.value < simplex[n - 1].value {
            Some(reflected)
        } else {
            evaluations += 1;
            let contracted = along(if reflected.value < worst { -contract } else { contract });
            Some(contracted).filter(|c| c.value < worst.min(reflected.value))
        };
        match next {
            Some(next) => simplex[n] = next,
            None => {
                let best = simplex[0].point.clone();
                for corner in &mut simplex[1..] {
                    corner.point.iter_mut().zip(&best).for_each(|(x, b)| *x = b + shrink * (*x - b));
                    corner.value = value(&corner.point);
                }
                evaluations += n;
            }
        }
    }
    simplex
        .into_iter()
        .min_by(|a, b| a.value.total_cmp(&b.value))
        .unwrap_or(Minimum { point: Vec::new(), value: f64::INFINITY })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curved_valley_is_followed_to_its_end() {
        let valley = |x: &[f64]| (1.0 - x[0]).powi(2) + 100.0 * (x[1] - x[0] * x[0]).powi(2);
        let stop = Stop { evaluations: 2000, tolerance: 1e-14 };
        let found = minimise(valley, &[-1.2, 1.0], &[0.5, 0.5], stop);
        assert!(found.point.iter().all(|x| (x - 1.0).abs() < 1e-4), "{found:?}");
    }

    #[test]
    fn refused_points_are_left_alone() {
        let edge = |x: &[f64]| if x[0] < 2.0 { f64::NAN } else { x[0] };
        let found = minimise(edge, &[5.0], &[1.0], Stop { evaluations: 200, tolerance: 1e-12 });
        assert!((2.0..2.001).contains(&found.point[0]), "{found:?}");
    }
}
