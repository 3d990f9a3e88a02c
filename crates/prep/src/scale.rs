//! What the scalers share: a straight line from old values to new ones.

use crate::mapping::NumberMap;

/// `(x - shift) / scale`, the form of every scaler.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Affine {
    pub(crate) shift: f64,
    pub(crate) scale: f64,
}

impl Affine {
    /// A line with a scale that can be divided by: 1 in place of 0, and never infinite.
    pub(crate) fn new(shift: f64, scale: f64) -> Self {
        let scale = if scale == 0.0 { 1.0 } else { scale.min(f64::MAX) };
        Affine { shift, scale }
    }
}

/// `scale`, or 1 when it is so small that the column counts as constant (scikit-learn's `_handle_zeros_in_scale`).
pub(crate) fn unless_constant(scale: f64) -> f64 {
    if scale < 10.0 * f64::EPSILON { 1.0 } else { scale }
}

impl NumberMap for Affine {
    fn floats(&self) -> Vec<f64> {
        vec![self.shift, self.scale]
    }

    fn from_floats(floats: &[f64]) -> Option<Self> {
        match *floats {
            [shift, scale] => Some(Affine { shift, scale }),
            _ => None,
        }
    }

    fn map(&self, x: f64) -> f64 {
        (x - self.shift) / self.scale
    }
}
