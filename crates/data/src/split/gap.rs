//! The gap between the rows that are learned from and those that judge.

use tidemill_core::recipe::SplitKind;
use tidemill_core::{Batch, Error, Kind, Result, Role};

/// Takes the rows out of `train` that are less than the gap before the first of `judged`; says how many.
pub(super) fn leave(
    batch: &Batch,
    gap: Option<&str>,
    kind: SplitKind,
    train: &mut Vec<u32>,
    judged: &[u32],
) -> Result<usize> {
    let Some(text) = gap else { return Ok(0) };
    if kind != SplitKind::Time {
        let problem = "there is a gap only where rows are divided by time (split.kind = \"time\")";
        return Err(Error::parameter("split.gap", problem));
    }
    let column = super::needed(batch, Role::Time, "time", "time")?;
    let gap = width(text, batch.schema().columns()[column].kind)?;
    let place = |row: u32| -> Result<f64> {
        Ok(match batch.schema().columns()[column].kind {
            Kind::Number => batch.numbers(column)?.value(row as usize),
            // Microseconds: exact as a float for 285 years around 1970.
            _ => batch.times(column)?.value(row as usize) as f64,
        })
    };
    let mut first = f64::INFINITY;
    for &row in judged {
        first = first.min(place(row)?);
    }
    let before = train.len();
    let mut kept = Vec::with_capacity(before);
    for &row in train.iter() {
        if first - place(row)? >= gap {
            kept.push(row);
        }
    }
    *train = kept;
    Ok(before - train.len())
}

/// The gap in microseconds, or of a numeric time in its unit.
fn width(text: &str, kind: Kind) -> Result<f64> {
    let text = text.trim();
    let is_number = kind == Kind::Number;
    let wanted = if is_number { "a number from 0 up" } else { "a length of time such as 12h, 7d or 4w" };
    let wrong = || Error::parameter("split.gap", format!("is '{text}', but must be {wanted}"));
    let unit = match text.chars().last() {
        _ if is_number => 1.0,
        Some('s') => 1e6,
        Some('m') => 60e6,
        Some('h') => 3_600e6,
        Some('d') => 86_400e6,
        Some('w') => 604_800e6,
        _ => return Err(wrong()),
    };
    let digits = if is_number { text } else { &text[..text.len() - 1] };
    let number: f64 = digits.trim().parse().map_err(|_| wrong())?;
    if number >= 0.0 && number.is_finite() { Ok(number * unit) } else { Err(wrong()) }
}
