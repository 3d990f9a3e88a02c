//! What keeps gradients of 16 bits from vanishing.

use serde::{Deserialize, Serialize};

/// What the loss is multiplied by before the backward pass, and its gradient divided by after it: as large as fits
/// (Micikevicius et al. 2018; the rule and its numbers as PyTorch's `GradScaler`).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scale {
    /// A power of 2, at least 1.
    pub factor: f32,
    /// Steps since it changed.
    steps: u32,
}

/// Where it starts, and the most it becomes.
const START: f32 = 65_536.0;
const MOST: f32 = 16_777_216.0;
/// After so many steps without a gradient that left the numbers it is doubled.
const DOUBLE_EVERY: u32 = 2000;

impl Scale {
    pub(crate) fn start() -> Self {
        Scale { factor: START, steps: 0 }
    }

    /// A gradient fitted.
    pub(crate) fn fitted(&mut self) {
        self.steps += 1;
        if self.steps == DOUBLE_EVERY {
            *self = Scale { factor: (2.0 * self.factor).min(MOST), steps: 0 };
        }
    }

    /// A gradient left the numbers; gives whether the next may fit.
    pub(crate) fn left(&mut self) -> bool {
        let smaller = self.factor > 1.0;
        *self = Scale { factor: (0.5 * self.factor).max(1.0), steps: 0 };
        smaller
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_as_large_as_fits() {
        let mut scale = Scale::start();
        (0..DOUBLE_EVERY).for_each(|_| scale.fitted());
        assert_eq!(scale.factor, 2.0 * START);
        assert!((0..17).all(|_| scale.left()) && !scale.left());
        assert_eq!(scale.factor, 1.0);
    }
}
