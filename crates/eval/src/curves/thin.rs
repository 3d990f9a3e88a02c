//! Fewer points, the same shape.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// The places of at most `most` points (2 at least) that draw the curve as all of them do, in order. `x` never falls,
/// or never rises.
///
/// First each of many narrow columns of the chart keeps its first, last, lowest and highest point (Jugel et al. 2014,
/// "M4"), which leaves no pixel changed; then the point farthest from the line drawn so far is added until there are
/// enough (Douglas and Peucker 1973, best first).
pub(super) fn thin(x: &[f64], y: &[f64], most: usize) -> Vec<usize> {
    let most = most.max(2);
    if x.len() <= most {
        return (0..x.len()).collect();
    }
    let points = Scaled::new(x, y);
    let kept = points.columns(16 * most);
    points.farthest_first(&kept, most)
}

/// The points with both axes from 0 to 1.
struct Scaled<'a> {
    x: &'a [f64],
    y: &'a [f64],
    from: (f64, f64),
    scale: (f64, f64),
}

impl<'a> Scaled<'a> {
    fn new(x: &'a [f64], y: &'a [f64]) -> Self {
        let ends = |v: &[f64]| {
            let (low, high) =
                v.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), &z| (a.min(z), b.max(z)));
            let scale = 1.0 / (high - low);
            (low, if scale.is_finite() { scale } else { 0.0 })
        };
        let ((x0, sx), (y0, sy)) = (ends(x), ends(y));
        Scaled { x, y, from: (x0, y0), scale: (sx, sy) }
    }

    fn at(&self, i: usize) -> (f64, f64) {
        ((self.x[i] - self.from.0) * self.scale.0, (self.y[i] - self.from.1) * self.scale.1)
    }

    /// First, last, lowest and highest point of each column of the chart.
    fn columns(&self, n: usize) -> Vec<usize> {
        let column = |i: usize| ((self.at(i).0 * n as f64) as usize).min(n - 1);
        let mut kept = Vec::with_capacity(4 * n);
        let mut start = 0;
        while start < self.x.len() {
            let (mut end, mut low, mut high) = (start, start, start);
            while end + 1 < self.x.len() && column(end + 1) == column(start) {
                end += 1;
                if self.y[end] < self.y[low] {
                    low = end;
                }
                if self.y[end] > self.y[high] {
                    high = end;
                }
            }
            kept.extend([start, low.min(high), low.max(high), end]);
            start = end + 1;
        }
        kept.dedup();
        kept
    }

    fn farthest_first(&self, places: &[usize], most: usize) -> Vec<usize> {
        let last = places.len() - 1;
        let mut kept = vec![places[0], places[last]];
        let mut open = BinaryHeap::new();
        open.extend(self.gap(places, 0, last));
        while kept.len() < most {
            let Some(gap) = open.pop() else { break };
            kept.push(places[gap.middle]);
            open.extend(self.gap(places, gap.start, gap.middle));
            open.extend(self.gap(places, gap.middle, gap.end));
        }
        kept.sort_unstable();
        kept
    }

    /// The point between two kept ones that is farthest from their line; `None` where all lie on it.
    fn gap(&self, places: &[usize], start: usize, end: usize) -> Option<Gap> {
        let (a, b) = (self.at(places[start]), self.at(places[end]));
        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
        let length = dx.hypot(dy);
        let far = |i: usize| {
            let p = self.at(places[i]);
            if length == 0.0 {
                return (p.0 - a.0).hypot(p.1 - a.1);
            }
            (dx * (p.1 - a.1) - dy * (p.0 - a.0)).abs() / length
        };
        let middle = (start + 1..end).max_by(|&i, &j| far(i).total_cmp(&far(j)).then(j.cmp(&i)))?;
        let distance = far(middle);
        (distance > 1e-12).then_some(Gap { distance, start, middle, end })
    }
}

struct Gap {
    distance: f64,
    start: usize,
    middle: usize,
    end: usize,
}

impl Ord for Gap {
    fn cmp(&self, other: &Self) -> Ordering {
        self.distance.total_cmp(&other.distance).then(other.start.cmp(&self.start))
    }
}

impl PartialOrd for Gap {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Gap {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Gap {}

#[cfg(test)]
mod tests {
    use super::thin;

    fn drawn(x: &[f64], y: &[f64], kept: &[usize], at: usize) -> f64 {
        let right = kept.partition_point(|&k| k < at);
        let (a, b) = (kept[right.saturating_sub(1)], kept[right]);
        if a == b { y[a] } else { y[a] + (y[b] - y[a]) * (x[at] - x[a]) / (x[b] - x[a]) }
    }

    #[test]
    fn a_smooth_curve_keeps_its_shape() {
        let x: Vec<f64> = (0..100_000).map(|i| f64::from(i) / 99_999.0).collect();
        let y: Vec<f64> = x.iter().map(|x| (9.0 * x).sin() * (-x).exp()).collect();
        let kept = thin(&x, &y, 100);
        assert!(kept.len() <= 100 && kept[0] == 0 && kept[kept.len() - 1] == 99_999);
        let worst = (0..x.len()).map(|i| (drawn(&x, &y, &kept, i) - y[i]).abs()).fold(0.0, f64::max);
        assert!(worst < 0.005, "{worst}");
    }

    #[test]
    fn a_corner_stays_and_a_line_needs_two_points() {
        let x: Vec<f64> = (0..1000).map(|i| f64::from(i).max(700.0)).collect();
        let y: Vec<f64> = (0..1000).map(|i| f64::from(i).min(700.0)).collect();
        assert_eq!(thin(&x, &y, 50), [0, 700, 999]);
        let line: Vec<f64> = (0..1000).map(f64::from).collect();
        assert_eq!(thin(&line, &line, 50), [0, 999]);
        assert_eq!(thin(&[1.0; 9], &[2.0; 9], 3), [0, 8]);
    }
}
