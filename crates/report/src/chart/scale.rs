//! The positions and labels of axis ticks.

use crate::number;

/// What an axis measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    /// Numbers.
    Number,
    /// Shares from 0 to 1, shown as percentages.
    Share,
    /// Timestamps, in microseconds since 1970 (UTC).
    Time,
}

/// An axis: its name with the unit, what it measures, and its ends if they are fixed.
#[derive(Clone, Debug, PartialEq)]
pub struct Scale {
    /// What it measures, with the unit.
    pub name: String,
    /// How its labels are formatted.
    pub axis: Axis,
    /// The ends; those of the data if not set.
    pub range: Option<[f64; 2]>,
}

impl Scale {
    /// An axis of numbers with the range of the data.
    pub fn number(name: impl Into<String>) -> Self {
        Scale { name: name.into(), axis: Axis::Number, range: None }
    }

    /// An axis of timestamps.
    pub fn time(name: impl Into<String>) -> Self {
        Scale { name: name.into(), axis: Axis::Time, range: None }
    }

    /// An axis of shares from 0% to 100%.
    pub fn share(name: impl Into<String>) -> Self {
        Scale { name: name.into(), axis: Axis::Share, range: Some([0.0, 1.0]) }
    }

    /// Sets fixed ends.
    pub fn within(self, low: f64, high: f64) -> Self {
        Scale { range: Some([low, high]), ..self }
    }

    /// The ends: the fixed ones, or those of the values with some space around them.
    pub(crate) fn ends(&self, values: impl Iterator<Item = f64>, air: f64) -> [f64; 2] {
        match self.range {
            Some([low, high]) if low < high && (high - low).is_finite() => [low, high],
            _ => {
                let [low, high] = spread(values);
                let pad = air * (high - low);
                [low - pad, high + pad]
            }
        }
    }
}

/// The smallest and the largest of the finite values, which are never equal.
pub(crate) fn spread(values: impl Iterator<Item = f64>) -> [f64; 2] {
    let [low, high] = values
        .filter(|v| v.is_finite())
        .fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], v| [low.min(v), high.max(v)]);
    let reach = 0.5 * low.abs().max(1.0);
    match low < high && (high - low).is_finite() {
        true => [low, high],
        false if low.is_finite() && (2.0 * reach).is_finite() => [low - reach, low + reach],
        false => [0.0, 1.0],
    }
}

const DAY: f64 = 86_400e6;

/// Round values within a range, about `n` of them, with their labels.
///
/// ```
/// use tidemill_report::{Axis, ticks};
/// let labels: Vec<String> = ticks(0.0, 1.0, 5, Axis::Number).into_iter().map(|(_, label)| label).collect();
/// assert_eq!(labels, ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
/// ```
pub fn ticks(low: f64, high: f64, n: usize, axis: Axis) -> Vec<(f64, String)> {
    let span = high - low;
    if !span.is_finite() || span <= 0.0 {
        return vec![(low, label(low, 1.0, axis))];
    }
    let step = match axis {
        Axis::Number | Axis::Share => round_step(span / n as f64),
        Axis::Time => time_step(span / n as f64),
    };
    if !step.is_normal() {
        return vec![(low, label(low, 1.0, axis))];
    }
    let first = (low / step - 1e-9).ceil() as i64;
    let last = (high / step + 1e-9).floor() as i64;
    (first..=last).take(50).map(|k| k as f64 * step).map(|x| (x, label(x, step, axis))).collect()
}

/// The smallest of 1, 2, 5 times a power of ten that is not far below `raw`.
fn round_step(raw: f64) -> f64 {
    let power = 10f64.powf(raw.log10().floor());
    let factor = [1.0, 2.0, 5.0, 10.0].into_iter().find(|f| f * power >= 0.8 * raw);
    factor.unwrap_or(10.0) * power
}

fn time_step(raw: f64) -> f64 {
    let hours = [1.0, 3.0, 6.0, 12.0].map(|h| h * DAY / 24.0);
    let days = [1.0, 2.0, 7.0, 14.0, 30.0, 61.0, 91.0, 182.0, 365.0].map(|d| d * DAY);
    let known = hours.into_iter().chain(days).find(|step| *step >= raw);
    known.unwrap_or_else(|| 365.0 * DAY * round_step(raw / (365.0 * DAY)))
}

fn label(x: f64, step: f64, axis: Axis) -> String {
    match axis {
        Axis::Number => plain(x, step),
        Axis::Share => {
            let digits = (-(100.0 * step).log10().floor()).clamp(0.0, 6.0) as usize;
            let text = format!("{:.digits$}%", 100.0 * x);
            if text.trim_matches(['-', '0', '.', '%']).is_empty() {
                "0%".into()
            } else {
                text.replace('-', "−")
            }
        }
        Axis::Time => {
            let (year, month, day) = civil(x.div_euclid(DAY) as i64);
            if step >= DAY {
                return format!("{year}-{month:02}-{day:02}");
            }
            let minutes = (x.rem_euclid(DAY) / 60e6) as i64;
            format!("{month:02}-{day:02} {:02}:{:02}", minutes / 60, minutes % 60)
        }
    }
}

/// As many decimals as the step needs; millions and billions in words; powers of ten for numbers that would be long.
fn plain(x: f64, step: f64) -> String {
    let size = x.abs().max(step);
    let (unit, word) = match size {
        s if (1e6..1e9).contains(&s) => (1e6, "M"),
        s if (1e9..1e13).contains(&s) => (1e9, "B"),
        s if !(1e-6..1e13).contains(&s) => return format!("{x:.1e}").replace('-', "−"),
        _ => (1.0, ""),
    };
    let digits = (-(step / unit).log10().floor()).clamp(0.0, 9.0) as usize;
    let text = format!("{:.digits$}", x / unit);
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    match text {
        "-0" | "0" => "0".into(),
        text => number::grouped(text) + word,
    }
}

/// The date of a day counted from 1970 (Hinnant 2013, "chrono-compatible low-level date algorithms").
fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(-1), (1969, 12, 31));
        let labels: Vec<String> = ticks(0.0, 30.0 * DAY, 4, Axis::Time).into_iter().map(|(_, l)| l).collect();
        assert_eq!(labels, ["1970-01-01", "1970-01-15", "1970-01-29"]);
    }

    #[test]
    fn a_range_without_width_has_one_tick() {
        assert_eq!(ticks(3.0, 3.0, 5, Axis::Number).len(), 1);
        assert_eq!(ticks(f64::NAN, 3.0, 5, Axis::Number).len(), 1);
    }
}
