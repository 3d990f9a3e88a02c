//! How many of those who came in a month are still active in the months after.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Events;

/// The customers whose first purchase fell into the same month.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cohort {
    /// The month: `2026-11`.
    pub month: String,
    /// How many they are.
    pub customers: usize,
    /// The share that bought in the first, second … month from then on, up to the last month of the events: the first is 1.
    pub active: Vec<f64>,
}

/// The cohorts of the events, the earliest first.
pub fn retention(events: &Events) -> Vec<Cohort> {
    let month = |date: jiff::civil::Date| i32::from(date.year()) * 12 + i32::from(date.month()) - 1;
    let mut active: BTreeMap<&str, BTreeSet<i32>> = BTreeMap::new();
    for event in &events.0 {
        active.entry(&event.customer).or_default().insert(month(event.date));
    }
    let end = events.0.iter().map(|e| month(e.date)).max().unwrap_or_default();
    let mut cohorts: BTreeMap<i32, Vec<usize>> = BTreeMap::new();
    for months in active.values() {
        let Some(first) = months.first().copied() else { continue };
        let counts = cohorts.entry(first).or_insert_with(|| vec![0; (end - first + 1) as usize]);
        months.iter().for_each(|m| counts[(m - first) as usize] += 1);
    }
    let one = |(first, counts): (i32, Vec<usize>)| Cohort {
        month: format!("{:04}-{:02}", first.div_euclid(12), first.rem_euclid(12) + 1),
        customers: counts[0],
        active: counts.iter().map(|n| *n as f64 / counts[0] as f64).collect(),
    };
    cohorts.into_iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Event;
    use super::*;

    #[test]
    fn the_first_month_is_whole_and_gaps_are_no_end() {
        let of = |customer: &str, date: &str| Event {
            customer: customer.into(),
            date: date.parse().unwrap(),
            amount: 1.0,
        };
        let events = Events(vec![
            of("a", "2025-12-03"),
            of("a", "2026-02-01"),
            of("b", "2025-12-31"),
            of("c", "2026-02-02"),
            of("a", "2026-02-20"),
        ]);
        let found = retention(&events);
        assert_eq!((found[0].month.as_str(), found[0].customers), ("2025-12", 2));
        assert_eq!(found[0].active, [1.0, 0.0, 0.5]);
        assert_eq!((found[1].month.as_str(), found[1].active.as_slice()), ("2026-02", &[1.0][..]));
    }
}
