//! In how many ways the dates of a column are written.

use serde::Serialize;

use crate::cell::clip;
use crate::parse::{TimeFormat, bare, plain_number};

/// The most shapes that are told apart.
const SHAPES: usize = 24;

/// One way of writing dates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DateShape {
    /// `n` for one or two digits, `yyyy` for four, `Mon` for a word; time of day left out: `n/n/yyyy`.
    pub shape: String,
    /// How many values.
    pub count: u64,
    /// The first row.
    pub row: u64,
    /// What stands there.
    pub example: String,
    /// Values that only make sense with the day before the month.
    pub day_first: u64,
    /// Values that only make sense with the month before the day.
    pub month_first: u64,
}

#[derive(Default)]
pub(super) struct Dates {
    /// Shapes met so far; `None` for those that are not dates.
    met: Vec<(Vec<u8>, Option<DateShape>)>,
    buffer: Vec<u8>,
    others: u64,
}

impl Dates {
    pub(super) fn see(&mut self, text: &str, times: u64, row: u64) {
        let text = bare(text);
        let bytes = text.as_bytes();
        let digits = bytes.iter().take(34).filter(|b| b.is_ascii_digit()).count();
        if bytes.len() > 33 || digits < 3 || digits == bytes.len() {
            return;
        }
        let date = without_time(text);
        shape(date, &mut self.buffer);
        let at = match self.met.iter().position(|m| m.0 == self.buffer) {
            Some(at) => at,
            None if self.met.len() == SHAPES => {
                self.others += times;
                return;
            }
            None => {
                let known = is_date(text).then(|| DateShape {
                    shape: String::from_utf8_lossy(&self.buffer).into_owned(),
                    count: 0,
                    row,
                    example: clip(text),
                    day_first: 0,
                    month_first: 0,
                });
                self.met.push((self.buffer.clone(), known));
                self.met.len() - 1
            }
        };
        if let Some(known) = &mut self.met[at].1 {
            known.count += times;
            known.row = known.row.min(row);
            // A month in letters leaves no doubt which number is the day.
            if self.buffer.starts_with(b"n") && !self.buffer.windows(3).any(|part| part == b"Mon") {
                let (first, second) = first_numbers(date);
                known.day_first += if first > 12 && second <= 12 { times } else { 0 };
                known.month_first += if first <= 12 && second > 12 && second <= 31 { times } else { 0 };
            }
        }
    }

    /// The shapes by falling count.
    pub(super) fn finish(self) -> Vec<DateShape> {
        let mut shapes: Vec<DateShape> = self.met.into_iter().filter_map(|m| m.1).collect();
        shapes.sort_by(|a, b| b.count.cmp(&a.count).then(a.row.cmp(&b.row)));
        shapes
    }
}

fn is_date(text: &str) -> bool {
    let formats = [TimeFormat::Iso, TimeFormat::YearFirst, TimeFormat::DayFirst, TimeFormat::MonthFirst];
    plain_number(text).is_none() && formats.iter().any(|format| format.parse(text).is_some())
}

/// What stands before a time of day.
fn without_time(text: &str) -> &str {
    let Some(colon) = text.find(':') else { return text };
    let hours = text[..colon].trim_end_matches(|c: char| c.is_ascii_digit());
    hours.trim_end_matches(['T', 't', ' ', ','])
}

fn shape(date: &str, out: &mut Vec<u8>) {
    out.clear();
    let bytes = date.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let class = |b: u8| {
            if b.is_ascii_digit() {
                0
            } else if b.is_ascii_alphabetic() || b >= 128 {
                1
            } else {
                2
            }
        };
        let same = class(bytes[at]);
        let run = bytes[at..].iter().take_while(|&&b| same < 2 && class(b) == same).count().max(1);
        match (same, run) {
            (0, 1 | 2) => out.push(b'n'),
            (0, _) => out.extend(std::iter::repeat_n(b'y', run)),
            (1, _) => out.extend(b"Mon"),
            _ => out.push(bytes[at]),
        }
        at += run;
        // Of months cut short, some have a point behind them: `21 déc. 2023`, `12 mai 2023`.
        if same == 1 && bytes.get(at) == Some(&b'.') {
            at += 1;
        }
    }
}

/// The first two whole numbers of a text; 0 where there is none.
fn first_numbers(date: &str) -> (u32, u32) {
    let mut numbers = date.split(|c: char| !c.is_ascii_digit()).filter(|s| !s.is_empty());
    let mut next = || numbers.next().and_then(|s| s.parse().ok()).unwrap_or(0);
    (next(), next())
}

#[cfg(test)]
mod tests {
    use super::Dates;

    #[test]
    fn shapes_and_orders_are_told_apart() {
        let mut dates = Dates::default();
        let texts = [
            "2024-05-31",
            "2024-06-01T10:00:00Z",
            "31/05/2024",
            "05/31/2024 7:30",
            "1/2/2024",
            "May 3, 2024",
            "n/a",
            "12-34",
            "1:2",
        ];
        for (row, text) in texts.iter().enumerate() {
            dates.see(text, 1, row as u64 + 1);
        }
        let found = dates.finish();
        let told: Vec<(&str, u64, u64)> = found.iter().map(|s| (&*s.shape, s.count, s.row)).collect();
        assert_eq!(told, [("n/n/yyyy", 3, 3), ("yyyy-n-n", 2, 1), ("Mon n, yyyy", 1, 6)]);
        assert_eq!((found[0].day_first, found[0].month_first), (1, 1));
    }

    #[test]
    fn months_in_letters_are_one_shape_and_leave_no_doubt() {
        let mut dates = Dates::default();
        for (row, text) in ["03-JAN-17", "26-JAN-46", "12-Feb-20"].iter().enumerate() {
            dates.see(text, 1, row as u64 + 1);
        }
        let mut french = Dates::default();
        for (row, text) in ["21 déc. 2023", "12 mai 2023", "9 avr. 2023"].iter().enumerate() {
            french.see(text, 1, row as u64 + 1);
        }
        for found in [dates.finish(), french.finish()] {
            assert_eq!((found.len(), found[0].day_first, found[0].month_first), (1, 0, 0));
        }
    }
}
