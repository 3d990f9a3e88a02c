//! Present values.

use jiff::civil::Date;

/// The net present value of flows a period apart, the first of which is now: Σ flowᵢ / (1 + rate)ⁱ. `rate` is above −1.
///
/// ```
/// let flows = [-15000.0, 1500.0, 2500.0, 3500.0, 4500.0, 6000.0];
/// assert!((tidemill_value::worth::npv(0.05, &flows) - 122.894855).abs() < 1e-6);
/// ```
pub fn npv(rate: f64, flows: &[f64]) -> f64 {
    let by = 1.0 / (1.0 + rate);
    flows.iter().rev().fold(0.0, |sum, flow| sum * by + flow)
}

/// The net present value on the day of the first flow, with `rate` a year of 365 days (a spreadsheet's XNPV).
pub fn xnpv(rate: f64, flows: &[(Date, f64)]) -> f64 {
    let Some((first, _)) = flows.first() else { return 0.0 };
    flows.iter().map(|(date, flow)| flow / (1.0 + rate).powf(years(*first, *date))).sum()
}

/// Years of 365 days between two days.
pub(crate) fn years(from: Date, to: Date) -> f64 {
    from.until(to).map_or(0.0, |span| f64::from(span.get_days())) / 365.0
}
