//! Internal rates of return: all of them, since flows that change their sign more than once may have several.

use jiff::civil::Date;

use super::present::years;

/// The rates above −100% at which the flows, a period apart, are worth nothing, in ascending order; empty where there is none.
///
/// With v = 1 / (1 + rate) they are the positive roots of a polynomial. Those of its derivatives part those of the polynomial, so
/// they are found from a derivative with one root at most down, each by bisection between its neighbours: none is missed.
///
/// ```
/// use tidemill_value::worth::irr;
/// assert!((irr(&[-150000.0, 15000.0, 25000.0, 35000.0, 45000.0, 60000.0])[0] - 0.0524328889).abs() < 1e-9);
/// let twice = irr(&[-100.0, 230.0, -132.0]);
/// assert!((twice[0] - 0.1).abs() < 1e-9 && (twice[1] - 0.2).abs() < 1e-9);
/// assert!(irr(&[100.0, 10.0]).is_empty());
/// ```
pub fn irr(flows: &[f64]) -> Vec<f64> {
    let terms: Vec<(f64, f64)> = flows.iter().enumerate().map(|(i, f)| (i as f64, *f)).collect();
    rates(&terms)
}

/// Flows by day.
pub type Dated = (Date, f64);

/// As [`irr`], by year of 365 days, of flows on any days (a spreadsheet's XIRR finds one of these rates).
pub fn xirr(flows: &[Dated]) -> Vec<f64> {
    let Some(first) = flows.iter().map(|(date, _)| *date).min() else { return Vec::new() };
    let mut terms: Vec<(f64, f64)> = flows.iter().map(|(date, f)| (years(first, *date), *f)).collect();
    terms.sort_by(|a, b| a.0.total_cmp(&b.0));
    rates(&terms)
}

/// Rates of −99.99999% and 10¹¹% a period: what lies beyond them is no answer that anybody wants.
const WIDEST: f64 = 21.0;

/// In x = ln v a sum of flow · e^(power · x): between two roots of its derivative (after the lowest power is taken out) lies at
/// most one of its own, as Rolle says of polynomials; powers need not be whole.
fn rates(terms: &[(f64, f64)]) -> Vec<f64> {
    let mut merged: Vec<(f64, f64)> = Vec::with_capacity(terms.len());
    for (power, flow) in terms.iter().filter(|(_, flow)| *flow != 0.0) {
        match merged.last_mut() {
            Some((last, sum)) if last == power => *sum += flow,
            _ => merged.push((*power, *flow)),
        }
    }
    merged.retain(|(_, flow)| *flow != 0.0);
    if merged.len() < 2 {
        return Vec::new();
    }
    let unit = (merged[merged.len() - 1].0 - merged[0].0) / (merged.len() - 1) as f64;
    let ends = [-WIDEST.min(600.0 * unit), WIDEST];
    let mut found: Vec<f64> = roots(&merged, ends).into_iter().map(|x| (-x).exp_m1()).collect();
    found.sort_by(f64::total_cmp);
    found
}

/// The roots between the ends, ascending.
fn roots(terms: &[(f64, f64)], [low, high]: [f64; 2]) -> Vec<f64> {
    // Each derivative has one term fewer; each is scaled by its greatest coefficient, which moves no root.
    let mut ladder = vec![terms.to_vec()];
    while let Some(last) = ladder.last().filter(|last| changes(last) > 1) {
        let lowest = last[0].0;
        let mut next: Vec<(f64, f64)> =
            last[1..].iter().map(|(power, flow)| (power - lowest, flow * (power - lowest))).collect();
        let most = next.iter().map(|(_, flow)| flow.abs()).fold(0.0, f64::max);
        next.iter_mut().for_each(|(_, flow)| *flow /= most);
        ladder.push(next);
    }
    let mut parting: Vec<f64> = Vec::new();
    for terms in ladder.iter().rev() {
        let mut edges = vec![low];
        edges.extend(&parting);
        edges.push(high);
        let mut next = Vec::new();
        for pair in edges.windows(2) {
            let root = between(terms, pair[0], pair[1]);
            next.extend(root.filter(|root| next.last().is_none_or(|last: &f64| (root - last).abs() > 1e-9)));
        }
        parting = next;
    }
    parting
}

/// How often the sign changes: more positive roots than that there are not (Descartes).
fn changes(terms: &[(f64, f64)]) -> usize {
    terms.windows(2).filter(|pair| pair[0].1.signum() != pair[1].1.signum()).count()
}

fn between(terms: &[(f64, f64)], low: f64, high: f64) -> Option<f64> {
    let (at_low, at_high) = (sign(terms, low), sign(terms, high));
    if at_low == 0.0 || at_high == 0.0 {
        return Some(if at_low == 0.0 { low } else { high });
    }
    if at_low == at_high {
        return None;
    }
    let (mut low, mut high) = (low, high);
    while high - low > 1e-15 * (1.0 + low.abs().max(high.abs())) {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        match sign(terms, middle) {
            0.0 => return Some(middle),
            s if s == at_low => low = middle,
            _ => high = middle,
        }
    }
    Some(0.5 * (low + high))
}

/// The sign of the sum at `x`: 0 where it is nothing but rounding. The greatest term is taken out first, so that none overflows.
fn sign(terms: &[(f64, f64)], x: f64) -> f64 {
    let size = |(power, flow): &(f64, f64)| power * x + flow.abs().ln();
    let most = terms.iter().map(size).fold(f64::NEG_INFINITY, f64::max);
    let (mut sum, mut whole) = (0.0, 0.0);
    for term in terms {
        let part = (size(term) - most).exp();
        whole += part;
        sum += part * term.1.signum();
    }
    if sum.abs() <= 4.0 * f64::EPSILON * whole { 0.0 } else { sum.signum() }
}

#[cfg(test)]
mod tests {
    use super::super::present::{npv, xnpv};
    use super::*;

    #[test]
    fn those_of_the_manuals() {
        let found = irr(&[-150_000.0, 15_000.0, 25_000.0, 35_000.0, 45_000.0, 60_000.0]);
        assert!(found.len() == 1 && (found[0] - 0.052_432_888_9).abs() < 1e-10, "{found:?}");
        let day = |text: &str| text.parse::<Date>().unwrap();
        let flows = [
            (day("2008-01-01"), -10_000.0),
            (day("2008-03-01"), 2750.0),
            (day("2008-10-30"), 4250.0),
            (day("2009-02-15"), 3250.0),
            (day("2009-04-01"), 2750.0),
        ];
        let found = xirr(&flows);
        assert!(found.len() == 1 && (found[0] - 0.373_362_533_5).abs() < 1e-9, "{found:?}");
        assert!((xnpv(0.09, &flows) - 2_086.647_602).abs() < 1e-6, "{}", xnpv(0.09, &flows));
    }

    #[test]
    fn every_root_is_found() {
        // (v − 1/1.1)(v − 1/1.2)(v − 1/1.5)(v − 1/3): rates of 10%, 20%, 50%, 200%.
        let mut flows = vec![1.0];
        for rate in [0.1, 0.2, 0.5, 2.0] {
            let root = 1.0 / (1.0 + rate);
            let mut next = vec![0.0; flows.len() + 1];
            for (i, f) in flows.iter().enumerate() {
                next[i + 1] += f;
                next[i] -= f * root;
            }
            flows = next;
        }
        let found = irr(&flows);
        assert_eq!(found.len(), 4, "{found:?}");
        for (found, rate) in found.iter().zip([0.1, 0.2, 0.5, 2.0]) {
            assert!((found - rate).abs() < 1e-8, "{found} {rate}");
        }
    }

    #[test]
    fn a_rate_makes_long_flows_worth_nothing() {
        let flows: Vec<f64> = (0..360).map(|i| if i < 24 { -1000.0 } else { 90.0 + f64::from(i) }).collect();
        let found = irr(&flows);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(npv(found[0], &flows).abs() < 1e-6, "{}", npv(found[0], &flows));
        assert!(irr(&[0.0, 0.0]).is_empty() && irr(&[]).is_empty() && irr(&[1.0, 2.0]).is_empty());
    }
}
