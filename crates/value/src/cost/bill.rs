//! A bill: exact, line by line.

use serde::Serialize;

use super::prices::Prices;
use crate::money::Money;

/// What a number of predictions used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// How many predictions.
    pub predictions: u64,
    /// CPU time, in microseconds.
    pub cpu_us: u64,
    /// Memory held, in bytes, and for how many seconds.
    pub memory: (u64, u64),
    /// Storage held, in bytes, and for how many seconds.
    pub storage: (u64, u64),
    /// Bytes sent to callers.
    pub sent: u64,
}

/// A line of a bill.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BillLine {
    /// What was used.
    pub name: &'static str,
    /// How much, in the unit of its price.
    pub quantity: f64,
    /// The unit.
    pub unit: &'static str,
    /// The price of a unit.
    pub price: f64,
    /// In billionths of the currency's unit.
    pub nano: i128,
}

/// What it comes to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bill {
    /// The currency.
    pub currency: String,
    /// The lines.
    pub lines: Vec<BillLine>,
    /// Their sum, in billionths of the currency's unit.
    pub nano: i128,
    /// Their sum, rounded once to the cent.
    pub total: Money,
    /// What 1,000 predictions come to, in units.
    pub per_1000: Option<f64>,
}

/// The line of CPU time.
pub(super) const CPU: &str = "CPU";

/// A month has 730 hours.
const MONTH: u128 = 730 * 3600;
const HOUR: u128 = 3600;
const GB: u128 = 1_000_000_000;

/// The bill of what was used. Each line is exact to a billionth (halves upwards), so that their sum is the total whatever their
/// order, and bills of parts add up.
pub fn bill(used: &Usage, prices: &Prices) -> Bill {
    let line = |name, amount: u128, per: u128, unit, price: f64| {
        let nano = u128::from((price * 1e9).round() as u64);
        let cost = (amount.saturating_mul(nano * 2).saturating_add(per) / (2 * per)) as i128;
        BillLine { name, quantity: amount as f64 / per as f64, unit, price, nano: cost }
    };
    let held = |(bytes, seconds): (u64, u64)| u128::from(bytes) * u128::from(seconds);
    let lines = vec![
        line(CPU, u128::from(used.cpu_us), HOUR * 1_000_000, "core hours", prices.cpu_hour),
        line("Memory", held(used.memory), GB * HOUR, "GB hours", prices.memory_gb_hour),
        line("Storage", held(used.storage), GB * MONTH, "GB months", prices.storage_gb_month),
        line("Sent", u128::from(used.sent), GB, "GB", prices.egress_gb),
    ];
    let nano: i128 = lines.iter().map(|line| line.nano).sum();
    Bill {
        currency: prices.currency.clone(),
        lines,
        nano,
        total: Money::cents(cents(nano)),
        per_1000: (used.predictions > 0).then(|| nano as f64 / 1e9 * 1000.0 / used.predictions as f64),
    }
}

/// Billionths of a unit as cents, halves upwards.
pub(super) fn cents(nano: i128) -> i64 {
    i64::try_from((nano + 5_000_000).div_euclid(10_000_000)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prices() -> Prices {
        let text = "as_of = \"2026-11-30\"\ncurrency = \"EUR\"\ncpu_hour = 0.04\nmemory_gb_hour = 0.005\nstorage_gb_month = 0.1\n";
        Prices::parse(text, "prices.toml").unwrap()
    }

    /// By hand: 90 core hours at 0.04 are 3.60; 2 GB for 730 hours at 0.005 are 7.30; 5 GB for a month at 0.10 are 0.50.
    #[test]
    fn a_month_to_the_cent() {
        let used = Usage {
            predictions: 2_000_000,
            cpu_us: 90 * 3_600_000_000,
            memory: (2_000_000_000, 730 * 3600),
            storage: (5_000_000_000, 730 * 3600),
            sent: 0,
        };
        let bill = bill(&used, &prices());
        assert_eq!(
            bill.lines.iter().map(|l| l.nano).collect::<Vec<_>>(),
            [3_600_000_000, 7_300_000_000, 500_000_000, 0]
        );
        assert_eq!((bill.total, bill.nano), (Money::cents(1140), 11_400_000_000));
        assert!((bill.per_1000.unwrap() - 0.0057).abs() < 1e-12);
    }

    #[test]
    fn a_price_of_zero_is_refused_with_its_line() {
        let text = Prices::sample_text().replace("cpu_hour = 0.04 ", "cpu_hour = 0 ");
        let error = Prices::parse(&text, "prices.toml").unwrap_err();
        let said = format!("{error} | {}", error.remedy().unwrap_or_default());
        assert!(
            said.starts_with("prices.toml, line 6: 'cpu_hour' is 0")
                && said.contains("the line is: cpu_hour = 0"),
            "{said}"
        );
        assert!(Prices::sample().is_ok());
    }
}
