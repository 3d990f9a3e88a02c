//! What is not known exactly: `8 to 12`.

use serde::Serialize;
use tidemill_kernel::Random;

/// The 95% quantile of the standard normal distribution.
const Z95: f64 = 1.644_853_626_951_472_2;

/// A range that holds the value with a probability of 90%.
///
/// Where both ends are above zero the value is lognormal (it cannot be negative, and twice as much is as likely as half as
/// much); elsewhere it is normal. The ends are the 5% and the 95% quantiles.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Range {
    /// The 5% quantile.
    pub low: f64,
    /// The 95% quantile.
    pub high: f64,
    /// Whether it is a share: no draw leaves 0 to 1.
    pub share: bool,
}

impl Range {
    /// A range between two finite ends; the problem in words where they are upside down.
    pub fn new(low: f64, high: f64, share: bool) -> Result<Self, String> {
        if !(low.is_finite() && high.is_finite()) {
            return Err("the ends of a range must be finite numbers".into());
        }
        if low > high {
            return Err(format!("the range {low} to {high} is upside down: write {high} to {low}"));
        }
        Ok(Range { low, high, share: share && low >= 0.0 && high <= 1.0 })
    }

    /// The median: the geometric mean of positive ends, the mean of others.
    pub fn median(&self) -> f64 {
        self.at(0.0)
    }

    /// The value at `z` standard deviations of its distribution.
    fn at(&self, z: f64) -> f64 {
        let z = z / Z95;
        let value = if self.low > 0.0 {
            let (low, high) = (self.low.ln(), self.high.ln());
            (0.5 * (low + high) + 0.5 * (high - low) * z).exp()
        } else {
            0.5 * (self.low + self.high) + 0.5 * (self.high - self.low) * z
        };
        if self.share { value.clamp(0.0, 1.0) } else { value }
    }

    /// A random value.
    pub fn draw(&self, random: &mut Random) -> f64 {
        self.at(random.normal())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_of_the_draws_lies_outside() {
        for range in [Range::new(8.0, 12.0, false).unwrap(), Range::new(-5.0, 20.0, false).unwrap()] {
            let mut random = Random::new(1, 0);
            let draws: Vec<f64> = (0..40_000).map(|_| range.draw(&mut random)).collect();
            let below = draws.iter().filter(|x| **x < range.low).count() as f64 / 40_000.0;
            let above = draws.iter().filter(|x| **x > range.high).count() as f64 / 40_000.0;
            assert!((below - 0.05).abs() < 0.005 && (above - 0.05).abs() < 0.005, "{below} {above}");
        }
    }

    #[test]
    fn a_share_stays_one_and_upside_down_is_refused() {
        let share = Range::new(0.5, 1.0, true).unwrap();
        let mut random = Random::new(1, 0);
        assert!((0..1000).all(|_| share.draw(&mut random) <= 1.0));
        assert!(Range::new(12.0, 8.0, false).unwrap_err().contains("write 8 to 12"));
    }
}
