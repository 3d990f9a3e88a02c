//! Numbers brought to mean 0 and spread 1, as nets want them.

/// What brings one column of numbers to mean 0 and spread 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Standard {
    /// The mean.
    pub centre: f64,
    /// One over the standard deviation; 0 for a constant column.
    pub factor: f64,
}

/// Standardised numbers further out than this are brought back to it: no column can carry a net out of the numbers.
const FURTHEST: f64 = 1e6;

impl Standard {
    /// The standardised number. Infinite ones are as far out as any can be; `NaN` stays.
    pub(crate) fn apply(&self, x: f64) -> f32 {
        if self.factor == 0.0 && !x.is_nan() {
            return 0.0;
        }
        ((x - self.centre) * self.factor).clamp(-FURTHEST, FURTHEST) as f32
    }
}

/// The weighted sums from which a [`Standard`] follows, of the finite numbers of a column in the order of its rows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sums {
    weight: f64,
    mean: f64,
    squares: f64,
    largest: f64,
    /// Whether a number was missing (or infinite) in a row that weighs something.
    pub gaps: bool,
}

impl Sums {
    /// One number more (West 1979, "Updating mean and variance estimates").
    pub(crate) fn add(&mut self, x: f64, weight: f64) {
        if weight <= 0.0 {
            return;
        }
        if !x.is_finite() {
            self.gaps = true;
            return;
        }
        self.weight += weight;
        self.largest = self.largest.max(x.abs());
        let distance = x - self.mean;
        self.mean += distance * (weight / self.weight);
        self.squares += weight * distance * (x - self.mean);
    }

    /// Where the squares of the numbers exceed the largest there is, their size takes the place of the spread.
    pub(crate) fn standard(&self) -> Standard {
        let spread = (self.squares / self.weight).sqrt();
        let rounding = 1e-13 * self.largest;
        match spread {
            _ if self.weight == 0.0 => Standard { centre: 0.0, factor: 0.0 },
            s if !s.is_finite() || !self.mean.is_finite() => {
                Standard { centre: 0.0, factor: 1.0 / self.largest }
            }
            s if s <= rounding => Standard { centre: self.mean, factor: 0.0 },
            s => Standard { centre: self.mean, factor: 1.0 / s },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[(f64, f64)]) -> Standard {
        let mut sums = Sums::default();
        values.iter().for_each(|&(x, w)| sums.add(x, w));
        sums.standard()
    }

    #[test]
    fn weights_count_as_repeats() {
        let (a, b) = (of(&[(1.0, 2.0), (4.0, 1.0)]), of(&[(1.0, 1.0), (1.0, 1.0), (4.0, 1.0)]));
        assert_eq!(a.centre, b.centre);
        assert!((a.factor - b.factor).abs() < 1e-12 && (a.centre - 2.0).abs() < 1e-12);
        assert!((a.factor - 1.0 / 2f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn hard_columns_stay_within_the_numbers() {
        assert_eq!(of(&[(3.0, 1.0), (3.0, 1.0)]).apply(5.0), 0.0);
        assert_eq!(of(&[]).apply(5.0), 0.0);
        let huge = of(&[(1e300, 1.0), (-1e300, 1.0), (f64::INFINITY, 1.0)]);
        assert!(huge.apply(1e300).abs() <= 1.0);
        assert_eq!(of(&[(0.0, 1.0), (1.0, 1.0)]).apply(f64::INFINITY), 1e6);
        assert!(of(&[(0.0, 1.0), (1.0, 1.0)]).apply(f64::NAN).is_nan());
    }
}
