//! Rotary positions (Su et al. 2021), in halves as transformers' `rotate_half` pairs them.

use crate::checkpoint::{Config, Family, RopeScaling};

/// The frequencies of a head, one for each pair of its numbers; none where positions are learned.
pub(crate) struct Rope {
    frequencies: Vec<f32>,
    /// Those of long sequences, where these have others.
    long: Vec<f32>,
    /// By what cosines and sines are multiplied.
    size: f64,
}

/// Cosines and sines of positions, `[positions, head_size / 2]` each.
pub(crate) struct Turns {
    half: usize,
    cos: Vec<f32>,
    sin: Vec<f32>,
}

impl Rope {
    pub(crate) fn new(config: &Config) -> Self {
        let half = if config.family == Family::Gpt2 { 0 } else { config.head_size / 2 };
        let base = |i: usize| {
            let power = (2 * i) as f32 / config.head_size as f32;
            1.0 / (config.rope_base as f32).powf(power)
        };
        let frequencies = (0..half).map(|i| stretched(base(i), i, &config.rope_scaling)).collect();
        let size = match config.rope_scaling {
            RopeScaling::Yarn { size, .. } | RopeScaling::LongRope { size, .. } => size,
            _ => 1.0,
        };
        let long = match &config.rope_scaling {
            RopeScaling::LongRope { long, .. } => (0..half).map(|i| base(i) / long[i]).collect(),
            _ => Vec::new(),
        };
        Rope { frequencies, long, size }
    }

    /// For these positions, each with whether its sequence is a long one ([`Config::turned_long`]); angles in 32 bits, as the reference
    /// forms them.
    pub(crate) fn turns(&self, positions: impl Iterator<Item = (usize, bool)>) -> Turns {
        let half = self.frequencies.len();
        let (mut cos, mut sin) = (Vec::new(), Vec::new());
        for (position, long) in positions {
            for frequency in if long { &self.long } else { &self.frequencies } {
                let angle = f64::from(position as f32 * frequency);
                cos.push((angle.cos() * self.size) as f32);
                sin.push((angle.sin() * self.size) as f32);
            }
        }
        Turns { half, cos, sin }
    }
}

fn stretched(frequency: f32, i: usize, scaling: &RopeScaling) -> f32 {
    match scaling {
        RopeScaling::None => frequency,
        RopeScaling::Linear(factor) => frequency / *factor as f32,
        RopeScaling::Factors(factors) | RopeScaling::LongRope { short: factors, .. } => {
            frequency / factors[i]
        }
        RopeScaling::Yarn { factor, from, to, .. } => {
            let own = f64::from(frequency);
            // Where the range is empty, a step.
            let divided = ((i as f64 - from) / (to - from).max(1e-3)).clamp(0.0, 1.0);
            (divided * own / factor + (1.0 - divided) * own) as f32
        }
        RopeScaling::Llama3 { factor, low, high, original } => {
            let own = f64::from(frequency);
            let turns = original * own / std::f64::consts::TAU;
            let kept = ((turns - low) / (high - low)).clamp(0.0, 1.0);
            ((1.0 - kept) * own / factor + kept * own) as f32
        }
    }
}

impl Turns {
    /// Turns the heads of the `i`-th position forwards.
    pub(crate) fn apply(&self, i: usize, heads: &mut [f32]) {
        self.turn(i, heads, 1.0);
    }

    /// Turns gradients back.
    pub(crate) fn undo(&self, i: usize, heads: &mut [f32]) {
        self.turn(i, heads, -1.0);
    }

    fn turn(&self, i: usize, heads: &mut [f32], sign: f32) {
        let half = self.half;
        if half == 0 {
            return;
        }
        let (cos, sin) = (&self.cos[i * half..(i + 1) * half], &self.sin[i * half..(i + 1) * half]);
        for head in heads.chunks_exact_mut(2 * half) {
            let (a, b) = head.split_at_mut(half);
            for j in 0..half {
                let (x, y, s) = (a[j], b[j], sign * sin[j]);
                a[j] = x * cos[j] - y * s;
                b[j] = y * cos[j] + x * s;
            }
        }
    }
}
