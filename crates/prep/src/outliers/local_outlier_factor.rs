//! Local outlier factor: rows that lie in emptier places than their neighbours do.

use tidemill_kernel::neighbors::{Distance, Neighbors};

/// How much emptier the place of a row is than those of its nearest neighbours (Breunig, Kriegel, Ng and Sander 2000): about 1 is usual.
///
/// Agrees with scikit-learn's `LocalOutlierFactor`: for training rows with its answer for them (no row is its own neighbour), for
/// later rows with that of `novelty=True`.
#[derive(Debug)]
pub(super) struct LocalOutlierFactor {
    k: usize,
    neighbors: Neighbors,
    /// By training row: how far its `k`-th neighbour is.
    reach: Vec<f64>,
    /// By training row: one over the mean distance at which it is reached.
    density: Vec<f64>,
}

impl LocalOutlierFactor {
    /// From rows of `p` finite numbers: what was learned, and the factor of each of these rows.
    pub(super) fn fit(z: Vec<f64>, p: usize, k: usize) -> (Self, Vec<f64>) {
        let mut this = LocalOutlierFactor::new(z, p, k);
        let n = this.neighbors.len();
        // All at once: two rows then need their distance once only.
        let found = this.neighbors.nearest(this.neighbors.points(), this.k, Some(0));
        this.reach = (0..n).map(|i| found.of(i).1.last().copied().unwrap_or(0.0)).collect();
        this.density = (0..n).map(|i| this.density_at(found.of(i))).collect();
        let factors = (0..n).map(|i| this.factor(found.of(i), this.density[i])).collect();
        (this, factors)
    }

    fn new(z: Vec<f64>, p: usize, k: usize) -> Self {
        let neighbors = Neighbors::new(z, p, Distance::Euclidean);
        let k = k.min(neighbors.len().saturating_sub(1));
        LocalOutlierFactor { k, neighbors, reach: Vec::new(), density: Vec::new() }
    }

    /// A row is reached at no less than its neighbour's own distance to its `k`-th.
    fn density_at(&self, (near, distances): (&[u32], &[f64])) -> f64 {
        let reached = near.iter().zip(distances).map(|(i, d)| d.max(self.reach[*i as usize]));
        // Copies of one row lie at distance 0; the reference adds as much.
        1.0 / (reached.sum::<f64>() / near.len().max(1) as f64 + 1e-10)
    }

    fn factor(&self, (near, _): (&[u32], &[f64]), own: f64) -> f64 {
        match near.len() {
            0 => 1.0,
            k => near.iter().map(|i| self.density[*i as usize]).sum::<f64>() / k as f64 / own,
        }
    }

    /// The factor of each of some later rows.
    pub(super) fn scores(&self, z: &[f64], out: &mut [f64]) {
        let found = self.neighbors.nearest(z, self.k, None);
        let each = |q: usize| self.factor(found.of(q), self.density_at(found.of(q)));
        out.iter_mut().enumerate().for_each(|(q, to)| *to = each(q));
    }

    pub(super) fn k(&self) -> usize {
        self.k
    }

    /// The training rows, then the reach and the density of each.
    pub(super) fn floats(&self) -> Vec<f64> {
        [self.neighbors.points(), &self.reach, &self.density].concat()
    }

    /// The inverse of [`LocalOutlierFactor::k`] and [`LocalOutlierFactor::floats`].
    pub(super) fn load(k: usize, floats: &[f64], p: usize) -> Result<Self, String> {
        let n = floats.len() / (p + 2);
        let whole = n > k && n * (p + 2) == floats.len() && floats.iter().all(|x| x.is_finite());
        if !whole {
            return Err("its training rows are not whole".into());
        }
        let (points, rest) = floats.split_at(n * p);
        let (reach, density) = rest.split_at(n);
        let this = LocalOutlierFactor::new(points.to_vec(), p, k);
        Ok(LocalOutlierFactor { reach: reach.to_vec(), density: density.to_vec(), ..this })
    }
}
