//! A single column from which the target can be read off.

use super::{Answer, ENOUGH, Feature, NONE, Values};
use crate::plan::Leak;

/// A correlation beyond this is not an accident.
const COPY: f64 = 0.9999;
/// The share of held-out rows that a rule on one column must get right.
const SURE: f64 = 0.999;
/// The fewest rows of each class.
const OF_EACH: usize = 10;

pub(super) fn leak(feature: &Feature<'_>, answer: &Answer, target: &str) -> Option<Leak> {
    let name = feature.name;
    let found = |how: String, exact: bool| Some(Leak { columns: vec![name.to_string()], how, exact });
    if let Some((classes, k)) = &answer.classes {
        if let Values::Numbers(x) = &feature.values
            && let Some(exact) = by_nearest(x, classes, *k)
        {
            return found(format!("the value of '{name}' alone tells the class of '{target}'"), exact);
        }
        if let Some(codes) = small_codes(&feature.values)
            && let Some(exact) = by_name(&codes, classes, *k)
        {
            return found(format!("each value of '{name}' goes with one class of '{target}'"), exact);
        }
        let presence = presence(&feature.values);
        if let Some(exact) = by_name(&presence, classes, *k) {
            return found(format!("whether '{name}' is there at all tells the class of '{target}'"), exact);
        }
    }
    if let (Values::Numbers(x), Some(y)) = (&feature.values, &answer.numbers) {
        let (x, y): (Vec<f64>, Vec<f64>) = x.iter().zip(y).filter(|(x, _)| !x.is_nan()).unzip();
        if x.len() >= ENOUGH && x.len() * 2 >= y.len() {
            return copy(name, &x, &y, target);
        }
    }
    None
}

/// The target in other words: equal, in another unit, or on another scale that keeps the order.
fn copy(name: &str, x: &[f64], y: &[f64], target: &str) -> Option<Leak> {
    let found = |how: String, exact: bool| Some(Leak { columns: vec![name.to_string()], how, exact });
    if x == y {
        return found(format!("'{name}' is '{target}' itself"), true);
    }
    if distinct(x) < 3 || distinct(y) < 3 {
        return None;
    }
    let (slope, offset, r) = line(x, y);
    if r.abs() > COPY {
        let scale = y.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
        let worst = x.iter().zip(y).map(|(x, y)| (y - slope * x - offset).abs()).fold(0.0, f64::max);
        let how = format!("{target} = {}", super::formula::shown(&[(slope, name)], offset, scale));
        return found(how, worst <= 1e-6 * scale);
    }
    if x.len() < 50 || distinct(x) < 20 || distinct(y) < 20 {
        return None;
    }
    let (_, _, rho) = line(&ranks(x), &ranks(y));
    let word = if rho > 0.0 { "rises" } else { "falls" };
    (rho.abs() > COPY).then(|| Leak {
        columns: vec![name.to_string()],
        how: format!("'{target}' {word} whenever '{name}' rises: the same thing on another scale"),
        exact: rho.abs() > 1.0 - 1e-12,
    })
}

/// Slope, offset and correlation of `y` on `x`.
fn line(x: &[f64], y: &[f64]) -> (f64, f64, f64) {
    let n = x.len() as f64;
    let (mx, my) = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for (x, y) in x.iter().zip(y) {
        xx += (x - mx) * (x - mx);
        xy += (x - mx) * (y - my);
        yy += (y - my) * (y - my);
    }
    if xx <= 0.0 || yy <= 0.0 {
        return (0.0, my, 0.0);
    }
    (xy / xx, my - xy / xx * mx, xy / (xx * yy).sqrt())
}

/// Ranks from 0, equal values sharing their mean rank.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut from = 0;
    while from < order.len() {
        let mut to = from;
        while to + 1 < order.len() && values[order[to + 1]] == values[order[from]] {
            to += 1;
        }
        for &i in &order[from..=to] {
            ranks[i] = (from + to) as f64 / 2.0;
        }
        from = to + 1;
    }
    ranks
}

fn distinct(values: &[f64]) -> usize {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.dedup();
    sorted.len()
}

fn presence(values: &Values) -> Vec<u32> {
    match values {
        Values::Numbers(x) => x.iter().map(|x| u32::from(x.is_nan())).collect(),
        Values::Codes(x) => x.iter().map(|&c| u32::from(c == NONE)).collect(),
        Values::Presence(there) => there.iter().map(|&t| u32::from(!t)).collect(),
    }
}

/// The codes of a category, where they are few enough that a rule on them could be more than learning rows by heart.
fn small_codes(values: &Values) -> Option<Vec<u32>> {
    let Values::Codes(codes) = values else { return None };
    let mut seen = codes.clone();
    seen.sort_unstable();
    seen.dedup();
    (seen.len() * 4 <= codes.len()).then(|| codes.clone())
}

/// Whether there are rows enough of every class in both halves of the rows.
fn enough(classes: &[u32], k: usize) -> bool {
    let mut counts = vec![0usize; k];
    classes.iter().for_each(|&c| counts[c as usize] += 1);
    k >= 2 && counts.iter().all(|&n| n >= OF_EACH)
}

/// Learns the most frequent class of each code from every second row and judges it on the others; `Some(exact)` when it is right.
fn by_name(codes: &[u32], classes: &[u32], k: usize) -> Option<bool> {
    if !enough(classes, k) {
        return None;
    }
    let mut counts: std::collections::BTreeMap<u32, Vec<u32>> = Default::default();
    for (&code, &class) in codes.iter().zip(classes).step_by(2) {
        counts.entry(code).or_insert_with(|| vec![0; k])[class as usize] += 1;
    }
    let rule = |code: u32| {
        let counts = counts.get(&code)?;
        counts.iter().enumerate().max_by_key(|(i, n)| (**n, std::cmp::Reverse(*i))).map(|(i, _)| i as u32)
    };
    judged(codes.iter().zip(classes).skip(1).step_by(2).map(|(&code, &class)| rule(code) == Some(class)))
}

/// Gives each of every second row the class of the nearest value among the others; missing values stand for themselves.
fn by_nearest(x: &[f64], classes: &[u32], k: usize) -> Option<bool> {
    let there = x.iter().filter(|x| !x.is_nan()).count();
    if !enough(classes, k) || x.len() < 50 || there * 2 < x.len() {
        return None;
    }
    if apart(x, classes, k) {
        return Some(true);
    }
    let mut known: Vec<(f64, u32)> =
        x.iter().copied().zip(classes.iter().copied()).step_by(2).filter(|(x, _)| !x.is_nan()).collect();
    known.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    // A column that leaks is cut into few stretches, one class each; one that changes class often was learned by heart.
    let changes = known.windows(2).filter(|w| w[0].1 != w[1].1).count();
    if changes > 2 * k {
        return None;
    }
    let nearest = |x: f64| {
        let at = known.partition_point(|(v, _)| *v < x);
        let (below, above) = (at.checked_sub(1).and_then(|i| known.get(i)), known.get(at));
        match (below, above) {
            (Some(b), Some(a)) => Some(if x - b.0 < a.0 - x { b.1 } else { a.1 }),
            (one, other) => one.or(other).map(|v| v.1),
        }
    };
    judged(
        x.iter().zip(classes).skip(1).step_by(2).map(|(&x, &class)| !x.is_nan() && nearest(x) == Some(class)),
    )
}

/// Whether each class has a stretch of the values to itself.
fn apart(x: &[f64], classes: &[u32], k: usize) -> bool {
    let mut ends = vec![(f64::INFINITY, f64::NEG_INFINITY); k];
    for (&x, &class) in x.iter().zip(classes) {
        // A missing value tells nothing here.
        if x.is_nan() {
            return false;
        }
        let end = &mut ends[class as usize];
        *end = (end.0.min(x), end.1.max(x));
    }
    ends.sort_by(|a, b| a.0.total_cmp(&b.0));
    ends.windows(2).all(|w| w[0].1 < w[1].0)
}

/// `None` unless nearly all are right; `Some(true)` when all are.
fn judged(right: impl Iterator<Item = bool>) -> Option<bool> {
    let (mut n, mut n_right) = (0u64, 0u64);
    right.for_each(|r| {
        n += 1;
        n_right += u64::from(r);
    });
    (n > 0 && n_right as f64 >= SURE * n as f64).then_some(n == n_right)
}
