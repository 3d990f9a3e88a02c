//! Amounts of money as whole cents: sums are exact, whatever their order.

use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub};

use serde::{Serialize, Serializer};

/// An amount in cents of the plan's currency. Sums are exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Money(i64);

/// The largest amount of one entry, in whole units: a hundred billion. A plan of 600 months with a thousand entries each
/// stays within 64 bits.
const MOST: f64 = 1e11;

impl Money {
    /// Nothing.
    pub const ZERO: Money = Money(0);

    /// So many cents.
    pub const fn cents(cents: i64) -> Self {
        Money(cents)
    }

    /// An amount in whole units, rounded to the nearest cent (halves away from zero); `None` where it is not a number or
    /// beyond a hundred billion.
    ///
    /// ```
    /// use tidemill_value::Money;
    /// assert_eq!(Money::of(12.345), Some(Money::cents(1235)));
    /// assert_eq!(Money::of(f64::NAN), None);
    /// ```
    pub fn of(units: f64) -> Option<Self> {
        (units.abs() <= MOST).then(|| Money((units * 100.0).round() as i64))
    }

    /// In whole units, as a number to draw or to print.
    pub fn units(self) -> f64 {
        self.0 as f64 / 100.0
    }

    /// In cents.
    pub fn in_cents(self) -> i64 {
        self.0
    }

    /// The amount in `n` parts that add up to it and differ by at most a cent.
    ///
    /// ```
    /// use tidemill_value::Money;
    /// let parts: Vec<Money> = Money::cents(100).split(3).collect();
    /// assert_eq!(parts, [33, 33, 34].map(Money::cents));
    /// ```
    pub fn split(self, n: usize) -> impl Iterator<Item = Money> {
        let upto = move |i: usize| (i128::from(self.0) * i as i128).div_euclid(n.max(1) as i128) as i64;
        (0..n).map(move |i| Money(upto(i + 1) - upto(i)))
    }
}

impl Add for Money {
    type Output = Money;
    fn add(self, other: Money) -> Money {
        Money(self.0 + other.0)
    }
}

impl Sub for Money {
    type Output = Money;
    fn sub(self, other: Money) -> Money {
        Money(self.0 - other.0)
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Money) {
        self.0 += other.0;
    }
}

impl Neg for Money {
    type Output = Money;
    fn neg(self) -> Money {
        Money(-self.0)
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Money>>(amounts: I) -> Money {
        amounts.fold(Money::ZERO, Add::add)
    }
}

/// With both decimals and commas between thousands: `-1,234.50`.
impl std::fmt::Display for Money {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (whole, cents) = (self.0.unsigned_abs() / 100, self.0.unsigned_abs() % 100);
        let sign = if self.0 < 0 { "-" } else { "" };
        f.pad(&format!("{sign}{}.{cents:02}", thousands(whole)))
    }
}

/// Commas between each three digits.
pub(crate) fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(self.units())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up() {
        for cents in [-7, -1, 0, 1, 99, 1001] {
            for n in 1..14 {
                let parts: Vec<Money> = Money(cents).split(n).collect();
                assert_eq!(parts.iter().copied().sum::<Money>(), Money(cents));
                let (least, most) = (parts.iter().min().unwrap(), parts.iter().max().unwrap());
                assert!(most.0 - least.0 <= 1, "{parts:?}");
            }
        }
    }

    #[test]
    fn written_with_both_decimals() {
        assert_eq!(Money(-123_450).to_string(), "-1,234.50");
        assert_eq!(Money(5).to_string(), "0.05");
    }
}
