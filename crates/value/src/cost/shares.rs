//! A bill divided among those who used what it is for.

use serde::Serialize;

use super::bill::{Bill, CPU, cents};
use crate::money::Money;

/// What one of them used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// How many predictions.
    pub predictions: u64,
    /// CPU time, in microseconds.
    pub cpu_us: u64,
}

/// What one of them has to pay.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Share {
    /// In billionths of the currency's unit.
    pub nano: i128,
    /// To the cent.
    pub amount: Money,
    /// What 1,000 of the predictions come to, in units.
    pub per_1000: Option<f64>,
}

/// The shares of a bill, in the order of `used`: CPU time is divided by its use, everything else by the number of predictions. The shares
/// add up to the bill, in billionths and in cents.
pub fn shares(bill: &Bill, used: &[Used]) -> Vec<Share> {
    let mut nano = vec![0; used.len()];
    for line in &bill.lines {
        let weight = |of: &Used| if line.name == CPU { of.cpu_us } else { of.predictions };
        let parts = divided(line.nano, used.iter().map(weight));
        nano.iter_mut().zip(parts).for_each(|(sum, part)| *sum += part);
    }
    let mut before = 0;
    let share = |(nano, of): (i128, &Used)| {
        let amount = Money::cents(cents(before + nano)) - Money::cents(cents(before));
        before += nano;
        let per_1000 = (of.predictions > 0).then(|| nano as f64 / 1e9 * 1000.0 / of.predictions as f64);
        Share { nano, amount, per_1000 }
    };
    nano.into_iter().zip(used).map(share).collect()
}

/// An amount divided by weights: each part is the exact one but for the rounding of sums from the first part on, so that they add up.
fn divided(amount: i128, weights: impl Iterator<Item = u64> + Clone) -> Vec<i128> {
    let all = weights.clone().map(i128::from).sum::<i128>().max(1);
    let (mut sum, mut given) = (0, 0);
    let part = |weight: u64| {
        sum += i128::from(weight);
        let upto = amount.saturating_mul(sum) / all;
        let part = upto - given;
        given = upto;
        part
    };
    weights.map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::{Used, divided, shares};
    use crate::Money;
    use crate::cost::{Prices, Usage, bill};

    #[test]
    fn parts_add_up_whatever_the_weights() {
        assert_eq!(divided(100, [1, 1, 1].into_iter()), [33, 33, 34]);
        assert_eq!(divided(7, [0, 5, 0].into_iter()), [0, 7, 0]);
        assert_eq!(divided(7, [0, 0].into_iter()), [0, 0]);
    }

    /// By hand: 3 and 1 core hours at 0.04 are 0.12 and 0.04; 4 GB for 1,000 hours at 0.005 are 20.00, which 100 and 300 predictions share.
    #[test]
    fn shares_are_the_bill_to_the_cent() {
        let hours = 3_600_000_000;
        let used = [Used { predictions: 100, cpu_us: 3 * hours }, Used { predictions: 300, cpu_us: hours }];
        let all = Usage {
            predictions: 400,
            cpu_us: 4 * hours,
            memory: (4_000_000_000, 1000 * 3600),
            ..Usage::default()
        };
        let prices = "as_of = \"2026-11-30\"\ncurrency = \"EUR\"\ncpu_hour = 0.04\nmemory_gb_hour = 0.005\nstorage_gb_month = 0.1\n";
        let bill = bill(&all, &Prices::parse(prices, "prices.toml").unwrap());
        let found = shares(&bill, &used);
        assert_eq!([found[0].amount, found[1].amount], [512, 1504].map(Money::cents));
        assert!((found[0].per_1000.unwrap() - 51.2).abs() < 1e-9);
        assert_eq!(found.iter().map(|share| share.nano).sum::<i128>(), bill.nano);
        // Thirds of a bill: no cent is lost.
        let thirds = shares(&bill, &[Used { predictions: 1, cpu_us: 1 }; 3]);
        assert_eq!(thirds.iter().map(|share| share.amount).sum::<Money>(), bill.total);
    }
}
