//! chrF (Popović 2015) as sacreBLEU counts it by default: signature `nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no`.

use super::{counts, shared};

/// Runs of up to so many characters count.
const ORDER: usize = 6;
/// How much more recall weighs than precision.
const BETA: f64 = 2.0;

/// chrF of pairs of what was written and its reference, 0 to 100, all texts together.
pub fn chrf(pairs: &[(&str, &str)]) -> f64 {
    let mut sums = [[0usize; 3]; ORDER];
    for (said, wanted) in pairs {
        let plain = |text: &str| text.split_whitespace().flat_map(str::chars).collect::<Vec<char>>();
        let (said, wanted) = (plain(said), plain(wanted));
        for (n, [in_said, in_wanted, in_both]) in (1..).zip(&mut sums) {
            let (a, b) = (counts(&said, n), counts(&wanted, n));
            // A text counts where its reference has runs of this length.
            *in_said += if b.is_empty() { 0 } else { a.values().sum::<usize>() };
            *in_wanted += b.values().sum::<usize>();
            *in_both += shared(&a, &b);
        }
    }
    let known = sums.iter().filter(|[said, wanted, _]| *said > 0 && *wanted > 0);
    let (mut precision, mut recall, mut orders) = (0.0, 0.0, 0.0);
    for [said, wanted, both] in known {
        precision += *both as f64 / *said as f64;
        recall += *both as f64 / *wanted as f64;
        orders += 1.0;
    }
    if precision + recall == 0.0 {
        return 0.0;
    }
    let (precision, recall) = (precision / orders, recall / orders);
    let factor = BETA * BETA;
    100.0 * (1.0 + factor) * precision * recall / (factor * precision + recall)
}
