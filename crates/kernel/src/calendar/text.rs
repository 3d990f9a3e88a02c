//! Steps as people write them.

use std::fmt;
use std::str::FromStr;

use super::open::EVERY_DAY;
use super::{DAY, HOUR, MINUTE, MonthDay, Open, SECOND, Step};

const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const UNITS: [(&str, i64); 6] = [
    ("week", 7 * DAY),
    ("day", DAY),
    ("hour", HOUR),
    ("minute", 60 * SECOND),
    ("second", SECOND),
    ("microsecond", 1),
];

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = |f: &mut fmt::Formatter<'_>, n: i64, unit: &str| {
            write!(f, "{n} {unit}{}", if n == 1 { "" } else { "s" })
        };
        match *self {
            Step::Clock(length) => {
                let (unit, size) = UNITS.into_iter().find(|(_, size)| length % size == 0).unwrap_or(UNITS[5]);
                counted(f, length / size, unit)
            }
            Step::Weekdays(mask) => {
                f.write_str("weekdays")?;
                (0..7).filter(|d| mask >> d & 1 == 1).try_for_each(|d| write!(f, " {}", NAMES[d]))
            }
            Step::Open(Open { length, first, n, days }) => {
                write!(f, "{} ", Step::Clock(length))?;
                let clock = |at: i64| format!("{:02}:{:02}", at / HOUR % 24, at % HOUR / MINUTE);
                write!(f, "{}-{}", clock(first), clock(first + (n - 1) * length))?;
                let named = (0..7).filter(|d| days != EVERY_DAY && days >> d & 1 == 1);
                named.into_iter().try_for_each(|d| write!(f, " {}", NAMES[d]))
            }
            Step::Months { n, on } => {
                if n % 12 == 0 { counted(f, n / 12, "year") } else { counted(f, n, "month") }?;
                f.write_str(match on {
                    MonthDay::Same => "",
                    MonthDay::Last => " end",
                    MonthDay::FirstWeekday => " first weekday",
                    MonthDay::LastWeekday => " last weekday",
                })
            }
        }
    }
}

impl FromStr for Step {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parsed(text).ok_or_else(|| {
            format!(
                "'{text}' is not a step; write '1 day', '30 minutes', '30 minutes 09:00-17:00 mon tue wed thu fri', '1 month', '3 months \
                 end', '1 month first weekday' or 'weekdays mon tue wed thu fri'"
            )
        })
    }
}

fn parsed(text: &str) -> Option<Step> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (first, rest) = words.split_first()?;
    if *first == "weekdays" {
        return named_days(rest).map(Step::Weekdays);
    }
    let n: i64 = first.parse().ok().filter(|n| *n > 0)?;
    let (unit, rest) = rest.split_first()?;
    let unit = unit.trim_end_matches('s');
    let months = match unit {
        "month" => Some(n),
        "quarter" => n.checked_mul(3),
        "year" => n.checked_mul(12),
        _ => None,
    };
    if let Some(n) = months.filter(|n| *n <= 12_000) {
        let on = match rest {
            [] => MonthDay::Same,
            ["end"] => MonthDay::Last,
            ["first", "weekday"] => MonthDay::FirstWeekday,
            ["last", "weekday"] => MonthDay::LastWeekday,
            _ => return None,
        };
        return Some(Step::Months { n, on });
    }
    let (_, size) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
    let length = n.checked_mul(size)?;
    match rest {
        [] => Some(Step::Clock(length)),
        [hours, days @ ..] => opened(length, hours, days),
    }
}

/// The days that are named, each by its first three letters; at least one.
fn named_days(words: &[&str]) -> Option<u8> {
    let bit = |word: &&str| NAMES.iter().position(|n| n == word).map(|d| 1u8 << d);
    let mask = words.iter().try_fold(0u8, |mask, word| Some(mask | bit(word)?))?;
    (mask != 0).then_some(mask)
}

/// Steps between two times of the day.
fn opened(length: i64, hours: &str, days: &[&str]) -> Option<Step> {
    let clock = |text: &str| -> Option<i64> {
        let (hour, minute) = text.split_once(':')?;
        let (hour, minute): (i64, i64) = (hour.parse().ok()?, minute.parse().ok()?);
        let sound = (0..24).contains(&hour) && (0..60).contains(&minute);
        sound.then_some(hour * HOUR + minute * MINUTE)
    };
    let (from, to) = hours.split_once('-')?;
    let (first, last) = (clock(from)?, clock(to)?);
    let open = (last - first).rem_euclid(DAY);
    if length % MINUTE != 0 || DAY % length != 0 || open % length != 0 {
        return None;
    }
    let days = if days.is_empty() { EVERY_DAY } else { named_days(days)? };
    Some(Step::Open(Open { length, first, n: open / length + 1, days }))
}

impl From<Step> for String {
    fn from(step: Step) -> String {
        step.to_string()
    }
}

impl TryFrom<String> for Step {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}
