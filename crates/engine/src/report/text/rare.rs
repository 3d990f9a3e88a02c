//! Rare positives: how many are found, and with how many false alarms.

use std::fmt::Display;

use tidemill_eval::Report;
use tidemill_report::words::{Words, fill};

use crate::facts::Outcome;
use crate::format::short;
use crate::search::{Purpose, is_rare};

/// Fewer positives than this say little.
const FEW: f64 = 20.0;

/// How many positives are found among held-out rows of training, and what else one might choose.
pub(super) fn operating_points(words: &Words, o: &Outcome) -> Vec<String> {
    let said = &words.story;
    let Some(first) = o.operating_points.first() else { return Vec::new() };
    let positive = o.target.classes.last().map_or("", String::as_str);
    let mut lines = vec![fill(said.rare, &[("class", &positive), ("n", &short_count(first.positives))])];
    for point in &o.operating_points {
        let flag = if point.flag.is_empty() { String::new() } else { format!("   {}", point.flag) };
        let values: [(&str, &dyn Display); 5] = [
            ("at", &short(point.threshold)),
            ("found", &short_count(point.found)),
            ("alarms", &short_count(point.false_alarms)),
            ("what", &purpose(words, point.what)),
            ("flag", &flag),
        ];
        lines.push(fill(said.rare_point, &values));
    }
    lines
}

/// Why one would choose a threshold.
pub(crate) fn purpose(words: &Words, purpose: Purpose) -> &'static str {
    let said = &words.story;
    match purpose {
        Purpose::InForce => said.rare_in_force,
        Purpose::F1 => said.rare_f1,
        Purpose::Cost => said.rare_cost,
    }
}

/// How many of the judged positives are found, and at what price: the share of right answers says nothing of them. `None` where they are not
/// rare.
pub(crate) fn found(words: &Words, judged: &Report) -> Option<String> {
    let positive = judged.positive.as_deref()?;
    let counts = &judged.confusion.as_ref()?.counts;
    let [[negatives, alarms], [missed, found]] = [counts.first()?, counts.get(1)?].map(|row| {
        let at = |i: usize| row.get(i).copied().unwrap_or_default();
        [at(0), at(1)]
    });
    let positives = missed + found;
    let values: [(&str, &dyn Display); 4] = [
        ("class", &positive),
        ("n", &short_count(positives)),
        ("found", &short_count(found)),
        ("alarms", &short_count(alarms)),
    ];
    let few = if positives < FEW { words.story.rare_few } else { "" };
    is_rare(positives, positives + negatives + alarms).then(|| fill(words.story.rare_found, &values) + few)
}

/// A count; with a fraction only where rows have weights.
pub(crate) fn short_count(n: f64) -> String {
    if n.fract() == 0.0 { format!("{n:.0}") } else { short(n) }
}

#[cfg(test)]
mod tests {
    use tidemill_eval::{Answers, report};
    use tidemill_report::words::EN;

    use super::*;

    /// So many rows of each: true, and predicted as.
    fn judged(counts: [(u32, u32, usize); 4]) -> Report {
        let rows = counts.into_iter().flat_map(|(truth, said, n)| std::iter::repeat_n((truth, said), n));
        let (truth, said): (Vec<u32>, Vec<u32>) = rows.unzip();
        report(&Answers::classes(truth, said, ["no", "yes"]).unwrap())
    }

    #[test]
    fn the_verdict_says_how_many_positives_are_found_and_at_what_price() {
        let said = found(&EN, &judged([(0, 0, 556), (0, 1, 27), (1, 0, 19), (1, 1, 1)])).unwrap();
        assert_eq!(said, " It finds 1 of the 20 rows that are 'yes', with 27 false alarms.");
        let said = found(&EN, &judged([(0, 0, 100), (0, 1, 1), (1, 0, 0), (1, 1, 1)])).unwrap();
        assert_eq!(
            said,
            " It finds 1 of the 1 row that is 'yes', with 1 false alarm. So few of them say little."
        );
        // Where they are not rare, the share of right answers says enough.
        assert_eq!(found(&EN, &judged([(0, 0, 40), (0, 1, 20), (1, 0, 10), (1, 1, 30)])), None);
    }
}
