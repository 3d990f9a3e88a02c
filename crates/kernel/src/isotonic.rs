//! Isotonic regression: the non-decreasing curve nearest to some points, by pooling adjacent violators (Ayer et al. 1955; in one pass as in
//! Best and Chakravarti 1990).

/// A non-decreasing curve: linear between its knots, constant before the first and after the last.
///
/// Agrees with scikit-learn's `IsotonicRegression` (`out_of_bounds="clip"`).
///
/// ```
/// use tidemill_kernel::isotonic::Isotonic;
/// let curve = Isotonic::fit(&[1.0, 2.0, 3.0], &[0.0, 2.0, 1.0], None);
/// assert_eq!((curve.at(0.0), curve.at(1.5), curve.at(9.0)), (0.0, 0.75, 1.5));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Isotonic {
    /// The positions of the knots, increasing.
    pub x: Vec<f64>,
    /// The heights of the knots, non-decreasing.
    pub y: Vec<f64>,
}

/// Points that share a height.
struct Pool {
    first: f64,
    last: f64,
    height: f64,
    weight: f64,
}

impl Isotonic {
    /// The non-decreasing curve with the smallest (weighted) sum of squares to the points. Points with the same `x` count as one, at their
    /// mean; those with weight 0 do not count. Without points, the curve is 0 everywhere. All numbers must be finite.
    pub fn fit(x: &[f64], y: &[f64], weights: Option<&[f64]>) -> Self {
        let weight = |i: usize| weights.map_or(1.0, |w| w[i]);
        let mut order: Vec<usize> = (0..x.len().min(y.len())).filter(|&i| weight(i) > 0.0).collect();
        order.sort_by(|&a, &b| x[a].total_cmp(&x[b]).then(a.cmp(&b)));
        let mut pools: Vec<Pool> = Vec::new();
        let mut next = 0;
        while next < order.len() {
            let place = x[order[next]];
            let (mut sum, mut total) = (0.0, 0.0);
            while next < order.len() && x[order[next]] == place {
                sum += weight(order[next]) * y[order[next]];
                total += weight(order[next]);
                next += 1;
            }
            let mut pool = Pool { first: place, last: place, height: sum / total, weight: total };
            // Pools of the same height need not be merged: the curve is the same.
            while let Some(before) = pools.pop_if(|before| before.height > pool.height) {
                let weight = before.weight + pool.weight;
                let height = (before.weight * before.height + pool.weight * pool.height) / weight;
                pool = Pool { first: before.first, last: pool.last, height, weight };
            }
            pools.push(pool);
        }
        let mut curve = Isotonic { x: Vec::new(), y: Vec::new() };
        for pool in pools {
            curve.knot(pool.first, pool.height);
            if pool.last > pool.first {
                curve.knot(pool.last, pool.height);
            }
        }
        curve
    }

    /// Appends a knot; one in the middle of a constant part is not needed.
    fn knot(&mut self, x: f64, y: f64) {
        let n = self.y.len();
        if n >= 2 && self.y[n - 1] == y && self.y[n - 2] == y {
            self.x[n - 1] = x;
            return;
        }
        self.x.push(x);
        self.y.push(y);
    }

    /// The height of the curve at a position; `NaN` gives the lowest height.
    pub fn at(&self, x: f64) -> f64 {
        let after = self.x.partition_point(|knot| *knot <= x);
        match (after, self.y.get(after)) {
            (0, first) => first.copied().unwrap_or(0.0),
            (_, None) => self.y[after - 1],
            (_, Some(&high)) => {
                let (low, from, to) = (self.y[after - 1], self.x[after - 1], self.x[after]);
                low + (high - low) * ((x - from) / (to - from))
            }
        }
    }
}
