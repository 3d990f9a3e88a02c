//! AdamW (Loshchilov and Hutter 2019), as `torch.optim.AdamW` steps.

/// Its settings, but for the learning rate, which a schedule gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct AdamW {
    pub(crate) beta1: f32,
    pub(crate) beta2: f32,
    pub(crate) epsilon: f32,
    pub(crate) weight_decay: f32,
}

impl AdamW {
    pub(crate) fn new(weight_decay: f64) -> Self {
        AdamW { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: weight_decay as f32 }
    }

    /// One step, number `t` from 1, of parameters with their running means and squares.
    pub(crate) fn step(&self, t: usize, rate: f64, p: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32]) {
        let power = |beta: f32| 1.0 - f64::from(beta).powi(t.min(i32::MAX as usize) as i32);
        let (first, second) = (power(self.beta1), power(self.beta2));
        let (size, root) = ((rate / first) as f32, second.sqrt() as f32);
        let shrink = (1.0 - rate * f64::from(self.weight_decay)) as f32;
        for i in 0..p.len() {
            m[i] += (g[i] - m[i]) * (1.0 - self.beta1);
            v[i] = v[i] * self.beta2 + (1.0 - self.beta2) * g[i] * g[i];
            p[i] = p[i] * shrink - size * m[i] / (v[i].sqrt() / root + self.epsilon);
        }
    }
}
