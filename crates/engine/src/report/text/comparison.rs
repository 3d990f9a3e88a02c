//! Two models on the same rows, as text for people.

use std::fmt::Display;

use tidemill_eval::compare::{Comparison, Test};
use tidemill_report::words::{Words, fill};

use super::align::{left, width};
use crate::format::lower;

/// What is compared, and what came of it.
#[derive(Clone, Copy, Debug)]
pub struct Two<'a> {
    /// What each is called.
    pub names: [&'a str; 2],
    /// How many rows they answered.
    pub rows: usize,
    /// Figures, interval and test.
    pub found: &'a Comparison,
}

/// The figures of both, then which is better.
pub fn story(words: &Words, two: &Two<'_>) -> String {
    let [first, second] = two.names;
    let wide = width(first).max(width(second));
    let line = |name: &str, value: f64| format!("{}  {} {value:.6}\n", left(name, wide), two.found.metric);
    line(first, two.found.a) + &line(second, two.found.b) + &sentence(words, two) + "\n"
}

fn sentence(words: &Words, two: &Two<'_>) -> String {
    let (said, found) = (&words.story, two.found);
    let title = tidemill_eval::metric(found.metric).map_or(found.metric, |metric| metric.title);
    let title = words.metric(found.metric, title);
    let title = if title.starts_with("Matthews") { title.to_string() } else { lower(title) };
    let second = found.better_by >= 0.0;
    let way = if (found.b > found.a) == second { said.two_higher } else { said.two_lower };
    let template = match (found.same, found.better_by == 0.0, second) {
        (true, true, _) => said.two_equal,
        (true, false, true) => said.two_same_second,
        (true, false, false) => said.two_same_first,
        (false, _, true) => said.two_second,
        (false, _, false) => said.two_first,
    };
    let values: [(&str, &dyn Display); 5] = [
        ("n", &two.rows),
        ("title", &title),
        ("way", &way),
        ("by", &digits(found.better_by.abs())),
        ("evidence", &evidence(words, found)),
    ];
    fill(template, &values)
}

fn evidence(words: &Words, found: &Comparison) -> String {
    let said = &words.story;
    let test = match found.test {
        Test::Delong => said.test_delong,
        Test::Mcnemar => said.test_mcnemar,
        Test::PairedT => said.test_paired_t,
        Test::Bootstrap => said.test_bootstrap,
    };
    let chance = match found.p_value {
        Some(p) if p < 0.001 => said.two_p_small.to_string(),
        Some(p) => fill(said.two_p, &[("p", &format!("{p:.3}"))]),
        None => String::new(),
    };
    let (low, high) = match found.better_by >= 0.0 {
        true => (found.low, found.high),
        false => (-found.high, -found.low),
    };
    let values: [(&str, &dyn Display); 4] =
        [("low", &digits(low)), ("high", &digits(high)), ("test", &test), ("chance", &chance)];
    fill(said.two_evidence, &values)
}

/// Four digits that matter.
fn digits(x: f64) -> String {
    match x.abs() {
        0.0 => "0".into(),
        a if (1e-3..1e6).contains(&a) => format!("{x:.4}"),
        _ => format!("{x:.2e}"),
    }
}

#[cfg(test)]
mod tests {
    use tidemill_eval::compare::two;
    use tidemill_eval::{Answers, metric};
    use tidemill_report::words::{EN, ZH};

    use super::{Two, sentence};

    #[test]
    fn in_english_it_is_the_sentence_of_the_comparison() {
        let truth: Vec<f64> = (0..200).map(f64::from).collect();
        let off = |by: f64| {
            let rows = truth.iter().zip(0..).map(|(y, i)| y + by * f64::from(i % 3 - 1));
            Answers::numbers(truth.clone(), rows.collect::<Vec<_>>()).unwrap()
        };
        for (a, b) in [(2.0, 1.0), (1.0, 2.0), (1.0, 1.0), (1.0, 1.0001), (1e-5, 2e-5)] {
            for name in ["mae", "rmse", "r2"] {
                let found = two(&off(a), &off(b), metric(name).unwrap(), 7).unwrap();
                let both = Two { names: ["a", "b"], rows: 200, found: &found };
                assert_eq!(sentence(&EN, &both), found.sentence, "{name} {a} {b}");
            }
        }
        let found = two(&off(2.0), &off(1.0), metric("mae").unwrap(), 7).unwrap();
        let said = sentence(&ZH, &Two { names: ["a", "b"], rows: 200, found: &found });
        assert!(said.starts_with("第二个更好：它的平均绝对误差低了 0.66"), "{said}");
    }
}
