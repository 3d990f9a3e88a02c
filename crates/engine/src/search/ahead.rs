//! Extrapolates a learning curve: the score with twice the rows, with a band.

use super::curve::Point;

/// Fewer points show no shape.
const LEAST: usize = 4;
/// How fast errors fall with the rows: exponents of the power law `score = best - b / rows^c`, which learning curves mostly follow (Hestness
/// et al. 2017; Viering and Loog 2023).
const EXPONENTS: [f64; 7] = [0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0];
/// Exponents whose squared error is within this many times the least are as likely.
const AS_LIKELY: f64 = 3.0;

/// What twice the rows would come to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ahead {
    /// The score.
    pub valid: f64,
    /// Between these it lies as far as the curve tells.
    pub band: [f64; 2],
}

/// The curve drawn on to twice its rows; `None` of fewer than four points, and where it would pass what is perfect.
pub(super) fn ahead(points: &[Point], greater_is_better: bool) -> Option<Ahead> {
    let sign = if greater_is_better { 1.0 } else { -1.0 };
    let known: Vec<(f64, f64)> =
        points.iter().filter_map(|p| Some((p.rows as f64, sign * p.valid?))).collect();
    let &(rows, last) = known.last().filter(|_| known.len() >= LEAST)?;
    let fits: Vec<Fit> = EXPONENTS.into_iter().map(|c| Fit::of(&known, c, 2.0 * rows)).collect();
    let best = fits.iter().min_by(|a, b| a.error.total_cmp(&b.error))?;
    // No score is better than 1 where more is better, or than 0 where less is: a curve that leads there is no guess of anything.
    let perfect = if greater_is_better { 1.0 } else { 0.0 };
    if last + best.gain >= perfect {
        return None;
    }
    let most_off = AS_LIKELY * best.error + f64::EPSILON;
    let mut likely: Vec<f64> = fits.iter().filter(|fit| fit.error <= most_off).map(|fit| fit.gain).collect();
    // How far the points lie off the curve is how far off its end may be.
    let off = (best.error / (known.len() - 2) as f64).sqrt();
    let chance = points.last().and_then(|p| p.band).unwrap_or(0.0);
    let off = off.max(chance / 2.0);
    // A curve that still gets steeper follows no power law yet: it may go on at the pace of its last stretch.
    let [before, latest] = paces(&known);
    let mut gain = best.gain;
    if latest > before.max(gain) {
        likely.push(latest);
        if latest - before > 2.0 * chance && last + latest < perfect {
            gain = (gain + latest) / 2.0;
        }
    }
    let least = likely.iter().copied().fold(f64::INFINITY, f64::min);
    let most = likely.iter().copied().fold(0.0, f64::max);
    // (Adding 0 takes the sign off a loss of 0.)
    let at = |gain: f64| sign * (last + gain).min(f64::max(perfect, last)) + 0.0;
    let mut band = [at(least - 2.0 * off), at(most + 2.0 * off)];
    band.sort_by(f64::total_cmp);
    Some(Ahead { valid: at(gain), band })
}

/// What each of the last two stretches gained for twice the rows.
fn paces(points: &[(f64, f64)]) -> [f64; 2] {
    let pace = |from: (f64, f64), to: (f64, f64)| (to.1 - from.1) / (to.0 / from.0).log2();
    match points {
        [.., a, b, c] => [pace(*a, *b), pace(*b, *c)],
        _ => [0.0; 2],
    }
}

/// A power law through the points.
struct Fit {
    /// The weighted sum of squares that is left.
    error: f64,
    /// What it gains from the last point's rows to those asked for; never less than nothing.
    gain: f64,
}

impl Fit {
    /// By least squares with this exponent, points of more rows counting for more: what a few rows teach says least of what many will.
    fn of(points: &[(f64, f64)], c: f64, rows: f64) -> Fit {
        let end = points.last().map_or(1.0, |p| p.0);
        let x = |n: f64| (n / end).powf(-c);
        let weight = |n: f64| (n / end).sqrt();
        let sum = |f: &dyn Fn(f64, f64) -> f64| points.iter().map(|&(n, y)| weight(n) * f(n, y)).sum::<f64>();
        let all = sum(&|_, _| 1.0);
        let (x_mean, y_mean) = (sum(&|n, _| x(n)) / all, sum(&|_, y| y) / all);
        let along = sum(&|n, y| (x(n) - x_mean) * (y - y_mean));
        let slope = (along / sum(&|n, _| (x(n) - x_mean).powi(2))).min(0.0);
        let error = sum(&|n, y| (y - y_mean - slope * (x(n) - x_mean)).powi(2));
        Fit { error, gain: slope * (x(rows) - 1.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(of: impl Fn(f64) -> f64) -> Vec<Point> {
        let rows = [100, 200, 400, 700, 1000];
        rows.map(|rows| Point { rows, folds: 3, train: None, valid: Some(of(rows as f64)), band: None })
            .to_vec()
    }

    #[test]
    fn a_power_law_is_drawn_on() {
        // 0.9 - 2 / sqrt(n) at 2,000 rows, and an error that falls as 1 / n.
        let up = ahead(&points(|n| 0.9 - 2.0 / n.sqrt()), true).unwrap();
        assert!((up.valid - 0.855_278_640_45).abs() < 1e-9, "{up:?}");
        let down = ahead(&points(|n| 0.2 + 50.0 / n), false).unwrap();
        assert!((down.valid - 0.225).abs() < 1e-9, "{down:?}");
    }

    #[test]
    fn the_band_is_as_wide_as_the_curve_is_rough_and_ends_at_what_is_perfect() {
        let rough = |n: f64| 0.8 - 1.0 / n.sqrt() + if (n as u64).is_multiple_of(400) { 0.02 } else { -0.02 };
        let found = ahead(&points(rough), true).unwrap();
        assert!(found.band[1] - found.band[0] > 0.04, "{found:?}");
        assert!(found.band[0] <= found.valid && found.valid <= found.band[1], "{found:?}");
        // A loss that would pass 0 is not said to reach it.
        assert_eq!(ahead(&points(|n| 0.52 - n / 2_000.0), false), None);
        let near = ahead(&points(|n| 1.0 - 1.0 / n), true).unwrap();
        assert!(near.band[1] <= 1.0, "{near:?}");
        // What falls with more rows is not said to fall further.
        let falls = ahead(&points(|n| 0.8 - n / 1e5), true).unwrap();
        assert_eq!(falls.valid, 0.8 - 1_000.0 / 1e5);
    }

    #[test]
    fn a_curve_that_still_gets_steeper_may_go_on_at_its_pace() {
        // Half of what there is to learn is learned at 900 rows: at 2,000 it is 0.7691.
        let steep = |n: f64| 0.3 + 0.6 / (1.0 + (-1.6 * (n / 900.0).ln()).exp());
        let found = ahead(&points(steep), true).unwrap();
        let truth = steep(2_000.0);
        assert!(found.band[0] < truth && truth < found.band[1], "{found:?} {truth}");
        assert!((found.valid - truth).abs() < 0.06, "{found:?} {truth}");
    }

    #[test]
    fn few_points_show_nothing() {
        assert_eq!(ahead(&points(|n| 0.9 - 2.0 / n.sqrt())[..3], true), None);
    }
}
