//! The kind of one column, and whether its name and values say what it is for.

use arrow_array::StringArray;
use tidemill_core::{Kind, Role};
use tidemill_kernel::words::count;

use super::facts::Facts;
use super::formats::Doubt;
use super::hints::Hints;
use super::identity::{self, Identity};
use super::locale::Locale;
use super::{composite, dates, numbers, words};
use crate::cell::clip;
use crate::parse::{EXACT, FlagFormat, Format, Missing, NumberFormat, TimeFormat, plain_number, write_iso};
use crate::plan::Weight;

/// What a column seems to be.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    pub(crate) kind: Kind,
    pub(crate) format: Format,
    pub(crate) why: String,
    pub(crate) missing: Vec<String>,
    /// Words that usually mean "no value" and are names here.
    pub(crate) values: Vec<String>,
    pub(crate) identity: Identity,
    /// What a user should know.
    pub(crate) doubts: Vec<Doubt>,
}

impl Verdict {
    fn new(kind: Kind, why: impl Into<String>) -> Self {
        Verdict {
            kind,
            format: Format::Plain,
            why: why.into(),
            missing: Vec::new(),
            values: Vec::new(),
            identity: Identity::None,
            doubts: Vec::new(),
        }
    }

    fn in_format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    pub(crate) fn identified(mut self, identity: Identity, why: impl Into<String>) -> Self {
        self.identity = identity;
        self.why = why.into();
        self
    }
}

/// Looks at the values of a column as text; `raw` is the type that its source gave it.
pub(crate) fn judge(
    name: &str,
    raw: Kind,
    texts: &StringArray,
    missing: &Missing,
    locale: &Locale,
) -> Verdict {
    let facts = Facts::of(texts, missing);
    let hints = Hints::of(name);
    if facts.values.is_empty() {
        return Verdict::new(Kind::Text, "").identified(Identity::Useless, "no value in any row");
    }
    let mut verdict = match raw {
        Kind::Flag | Kind::Time => of_type(raw),
        _ => by_values(&facts, &hints, locale),
    };
    if verdict.kind == Kind::Category && raw == Kind::Text {
        let names = words::names(&facts, missing);
        if !names.is_empty() {
            let doubts = words::doubt(&facts, &names).into_iter().collect();
            let facts = Facts::of(texts, &missing.clone().but(&names));
            return Verdict { values: names, doubts, ..textual(&facts, &hints) };
        }
    }
    match verdict.kind {
        Kind::Category | Kind::Text => {
            verdict.doubts.extend(words::like_missing(&facts));
            verdict.doubts.extend(words::taken(&facts, missing));
            let units = numbers::mixed_units(&facts);
            verdict.doubts.extend(units.or_else(|| composite::worded(&facts)));
            verdict.doubts.extend(composite::several(&facts));
        }
        _ => verdict.doubts.extend(words::beside(&facts, missing, &verdict.missing)),
    }
    if facts.n_distinct() == 1 && facts.n_missing() == 0 {
        let why = format!("constant: every row says '{}'", clip(facts.values[0].0));
        return verdict.identified(Identity::Useless, why);
    }
    verdict
}

fn by_values(facts: &Facts<'_>, hints: &Hints, locale: &Locale) -> Verdict {
    if let Some(flag) = flag(facts) {
        return flag;
    }
    if let Some(found) = numbers::number(facts, locale) {
        let mut verdict = numeric(facts, hints, &found.format, &found.missing);
        if found.bad > 0 && verdict.kind == Kind::Number {
            verdict.why += &format!("; {} values cannot be read and count as missing", found.bad);
        }
        if verdict.kind == Kind::Number {
            verdict.missing = found.missing;
            verdict.doubts.extend(found.doubt);
        }
        return verdict;
    }
    if let Some(found) = dates::time(facts, locale) {
        let why = format!("dates or times{}", time_words(&found.format));
        let plain = found.format == TimeFormat::Iso;
        let format = if plain { Format::Plain } else { Format::Time(found.format) };
        let verdict = Verdict::new(Kind::Time, why).in_format(format);
        return Verdict { missing: found.missing, doubts: found.doubt.into_iter().collect(), ..verdict };
    }
    if (hints.month() || hints.time() || hints.period())
        && facts.n_distinct() >= SURE
        && let Some(format) = dates::period(facts)
    {
        let why = match &format {
            TimeFormat::Pattern(_) => "days of a year, as the name says",
            _ => "periods of the calendar, as the name says, each as its first day",
        };
        return Verdict::new(Kind::Time, why).in_format(Format::Time(format));
    }
    if let Some(doubt) = numbers::mixed_decimals(facts) {
        let verdict =
            Verdict::new(Kind::Category, "numbers, some with a decimal point and some with a comma");
        return Verdict { doubts: vec![doubt], ..verdict };
    }
    textual(facts, hints)
}

/// Words of yes and no. Digits are none: what holds only 0 and 1 is a number that may be 2 tomorrow.
fn flag(facts: &Facts<'_>) -> Option<Verdict> {
    if facts.n_distinct() > 8 || facts.values.iter().all(|v| plain_number(v.0).is_some()) {
        return None;
    }
    let format = FlagFormat::of_words(facts.values.iter().map(|v| v.0))?;
    let (yes, no) = (format.yes.join(", "), format.no.join(", "));
    let why = format!("yes ({yes}) or no ({no})");
    Some(Verdict::new(Kind::Flag, why).in_format(Format::Flag(format)))
}

/// What a source that has types says: flags, or else times.
pub(crate) fn of_type(kind: Kind) -> Verdict {
    let flag = kind == Kind::Flag;
    Verdict::new(kind, if flag { "true or false in the source" } else { "a time in the source" })
}

/// Plain numbers with decimals.
pub(crate) fn decimals() -> Verdict {
    Verdict::new(Kind::Number, "numbers with decimals: a number")
}

/// A column of numbers: number, code, identifier, or timestamp.
fn numeric(facts: &Facts<'_>, hints: &Hints, format: &NumberFormat, missing: &[String]) -> Verdict {
    let numbers: Vec<f64> = facts.values.iter().filter_map(|v| format.parse(v.0)).collect();
    let whole = numbers.iter().all(|x| x.fract() == 0.0);
    let written = Format::Number(format.clone());
    let format = if format.is_plain() { Format::Plain } else { written };
    let number = |why: String| Verdict::new(Kind::Number, why).in_format(format.clone());
    if !format.is_plain() {
        return number(format!("numbers{}", number_words(&format)));
    }
    if hints.date()
        && let Some((format, why)) = excel_days(&numbers)
    {
        let doubt = Doubt {
            code: "time_from_numbers",
            weight: Weight::Remark,
            message: format!("read as a time: {why}"),
            remedy: "kind = \"number\"".into(),
        };
        let verdict = Verdict::new(Kind::Time, why).in_format(Format::Time(format));
        return Verdict { missing: missing.to_vec(), doubts: vec![doubt], ..verdict };
    }
    if !whole
        && hints.time()
        && let Some((format, why)) = seconds_or_millis(&numbers)
    {
        let verdict = Verdict::new(Kind::Time, why).in_format(Format::Time(format));
        return Verdict { missing: missing.to_vec(), ..verdict };
    }
    if !whole && hints.version() && facts.values.iter().all(|v| v.0.contains('.')) {
        return Verdict::new(Kind::Category, "the name says that they are versions: names, not numbers");
    }
    if !whole {
        return decimals();
    }
    let digits = |t: &str| t.len() > 1 && t.starts_with('0') && t.bytes().all(|b| b.is_ascii_digit());
    let padded = facts.values.iter().any(|v| digits(v.0));
    let time = |(format, why): (TimeFormat, String)| Verdict {
        missing: missing.to_vec(),
        ..Verdict::new(Kind::Time, why).in_format(Format::Time(format))
    };
    // Digits that are a whole date with a clock name no rows, unless the column says that they do.
    if !hints.identifier()
        && let Some(found) = with_clock(facts)
    {
        return time(found);
    }
    if let Some((identity, why)) = identity::of_numbers(facts, hints, &numbers, padded) {
        return Verdict::new(Kind::Text, "").identified(identity, why);
    }
    if facts.n_distinct() == 2 && numbers.iter().all(|x| *x == 0.0 || *x == 1.0) && !padded {
        return number("only 0 and 1: a number of two values".into());
    }
    if let Some(found) = moment(facts, hints.time(), &numbers) {
        return time(found);
    }
    if hints.month()
        && let Some(found) = months(facts)
    {
        return time(found);
    }
    // With an exponent a number is a measurement, and not exact anyway.
    let long =
        |text: &str| !text.contains(['e', 'E']) && plain_number(text).is_some_and(|x| x.abs() >= EXACT);
    if facts.values.iter().any(|v| long(v.0)) {
        let why = "whole numbers longer than a number holds exactly: names, not numbers";
        return Verdict::new(Kind::Category, why);
    }
    if padded {
        return Verdict::new(Kind::Category, "digits with leading zeros: a code, not a number");
    }
    let few = facts.n_distinct() <= 30.max((facts.n_values as f64).sqrt() as usize / 4);
    if hints.code() {
        return Verdict::new(Kind::Category, "whole numbers, and the name says that they are a code");
    }
    if few && hints.identifier() && facts.distinct_ratio() < 0.5 {
        return Verdict::new(
            Kind::Category,
            "few whole numbers, and the name says that they identify something: a code",
        );
    }
    if facts.n_distinct() <= 30 && hints.group() && !hints.count() && facts.distinct_ratio() < 0.5 {
        return Verdict::new(
            Kind::Category,
            "few whole numbers, and the name says that they are groups: coded classes",
        );
    }
    if hints.year() && numbers.iter().all(|x| (1000.0..=2500.0).contains(x)) {
        return number("years, kept as a number".into());
    }
    number("whole numbers: a number".into())
}

/// Times in digits alone, where the column is known to be one.
const WRITTEN_TOGETHER: [(&str, &str); 2] = [("%d%m%Y", "DDMMYYYY"), ("%m%d%Y", "MMDDYYYY")];
/// As above, with a clock behind the date: no other whole numbers are written so.
const WITH_CLOCK: [(&str, &str); 2] = [("%Y%m%d%H%M%S", "YYYYMMDDhhmmss"), ("%Y%m%d%H%M", "YYYYMMDDhhmm")];
/// So many different ones are no chance.
const SURE: usize = 5;

/// Digits that are all a date with a clock, of 1900 to 2099.
fn with_clock(facts: &Facts<'_>) -> Option<(TimeFormat, String)> {
    let found = WITH_CLOCK.into_iter().find(|(pattern, order)| {
        let format = TimeFormat::Pattern((*pattern).into());
        let reads = |t: &str| {
            t.len() == order.len()
                && (t.starts_with("19") || t.starts_with("20"))
                && format.parse(t).is_some()
        };
        facts.n_distinct() >= SURE && facts.values.iter().all(|v| reads(v.0))
    });
    found.map(|(pattern, order)| {
        (TimeFormat::Pattern(pattern.into()), format!("digits that are times ({order})"))
    })
}

/// Six digits that are all a year and a month.
fn months(facts: &Facts<'_>) -> Option<(TimeFormat, String)> {
    let reads = |t: &str| {
        t.len() == 6
            && ["18", "19", "20", "21"].iter().any(|century| t.starts_with(century))
            && TimeFormat::Period.parse(t).is_some()
    };
    let all = facts.n_distinct() > 1 && facts.values.iter().all(|v| reads(v.0));
    all.then(|| (TimeFormat::Period, "digits that are months (YYYYMM)".into()))
}

/// Whole numbers that are timestamps: eight digits that are all dates, or seconds or milliseconds since 1970 where the column is a time
/// by its name or its role.
pub(crate) fn moment(facts: &Facts<'_>, is_time: bool, numbers: &[f64]) -> Option<(TimeFormat, String)> {
    let compact = TimeFormat::Pattern("%Y%m%d".into());
    let within = |low: f64, high: f64| numbers.iter().all(|x| (low..high).contains(x));
    let is_date = |t: &str| t.len() == 8 && compact.parse(t).is_some();
    if within(19_000_101.0, 21_000_000.0)
        && (is_time || facts.n_distinct() >= 5)
        && facts.values.iter().all(|v| is_date(v.0))
    {
        return Some((compact, "eight digits that are dates (year, month, day)".into()));
    }
    if !is_time {
        return None;
    }
    if let Some(found) = with_clock(facts).or_else(|| months(facts)) {
        return Some(found);
    }
    // The day of a year, as NASA and mainframes write it.
    let of_year = TimeFormat::Pattern("%Y%j".into());
    let is_day = |t: &str| t.len() == 7 && of_year.parse(t).is_some();
    if within(1_900_001.0, 2_100_000.0)
        && facts.n_distinct() >= SURE
        && facts.values.iter().all(|v| is_day(v.0))
    {
        return Some((of_year, "seven digits that are dates (year, day of the year)".into()));
    }
    // Written without dividers; a day and a month that both fit are read day first.
    for (pattern, order) in WRITTEN_TOGETHER {
        let format = TimeFormat::Pattern(pattern.into());
        if facts.n_distinct() >= SURE
            && facts.values.iter().all(|v| v.0.len() == order.len() && format.parse(v.0).is_some())
        {
            return Some((format, format!("digits that are times ({order})")));
        }
    }
    if let Some(found) = seconds_or_millis(numbers) {
        return Some(found);
    }
    if within(1e14, 4.2e15) {
        return Some((TimeFormat::UnixMicros, format!("microseconds since 1970{}", range(numbers, 1.0))));
    }
    if within(1e17, 4.2e18) {
        return Some((TimeFormat::UnixNanos, format!("nanoseconds since 1970{}", range(numbers, 1e-3))));
    }
    None
}

/// Numbers that are moments from 1973 to 2103, as Python and JavaScript count them.
fn seconds_or_millis(numbers: &[f64]) -> Option<(TimeFormat, String)> {
    let within = |low: f64, high: f64| !numbers.is_empty() && numbers.iter().all(|x| (low..high).contains(x));
    if within(1e8, 4.2e9) {
        return Some((TimeFormat::UnixSeconds, format!("seconds since 1970{}", range(numbers, 1e6))));
    }
    let millis = || (TimeFormat::UnixMillis, format!("milliseconds since 1970{}", range(numbers, 1e3)));
    within(1e11, 4.2e12).then(millis)
}

/// Numbers that Excel would show as days from 1954 to 2064, with or without a time of day.
pub(crate) fn excel_days(numbers: &[f64]) -> Option<(TimeFormat, String)> {
    let (low, high) = bounds(numbers);
    let shown = |x: f64| TimeFormat::ExcelDays.of_number(x).map(write_iso);
    let within = numbers.len() >= SURE && low >= 20_000.0 && high < 60_001.0;
    let (first, last) = (shown(low)?, shown(high).filter(|_| within)?);
    Some((TimeFormat::ExcelDays, format!("days as Excel counts them (from {first} to {last})")))
}

fn bounds(numbers: &[f64]) -> (f64, f64) {
    let least = numbers.iter().copied().fold(f64::INFINITY, f64::min);
    (least, numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max))
}

fn range(numbers: &[f64], scale: f64) -> String {
    let (low, high) = bounds(numbers);
    format!(" (from {} to {})", write_iso((low * scale) as i64), write_iso((high * scale) as i64))
}

/// Words: an identifier, one of a set of names, or free text.
fn textual(facts: &Facts<'_>, hints: &Hints) -> Verdict {
    if !composite::holds_numbers(facts)
        && let Some((identity, why)) = identity::of_texts(facts, hints)
    {
        return Verdict::new(Kind::Text, "").identified(identity, why);
    }
    let words = facts.mean(count);
    let (d, ratio) = (facts.n_distinct(), facts.distinct_ratio());
    let long = facts.mean(|t| t.chars().count() as f64);
    // Sentences that rarely repeat are text; so is anything with several words that hardly ever repeats.
    let sentences = words >= 4.0 && d > 20 && ratio > 0.3;
    let titles = words >= 2.0 && d > 20 && ratio > 0.8;
    let essays = long >= 60.0 && words >= 8.0 && ratio > 0.2 && d > 5;
    if sentences || titles || essays {
        return Verdict::new(
            Kind::Text,
            format!("free text: {words:.1} words on average, {:.0}% of the values differ", ratio * 100.0),
        );
    }
    if d > 20 && ratio > 0.8 && facts.share(identity::is_path) > 0.5 {
        return Verdict::new(
            Kind::Text,
            "addresses or paths that rarely repeat: their parts are read as words",
        );
    }
    // Codes have digits, and say nothing in their parts.
    let coded = facts.share(|t| t.bytes().any(|b| b.is_ascii_digit())) > 0.5;
    let parts = facts.mean(|t| identity::parts(t) as f64);
    if d > 20 && ratio > 0.8 && parts >= 2.0 && !coded {
        let why = format!(
            "several words in one, {parts:.1} on average, that rarely repeat: each is read as a word"
        );
        return Verdict::new(Kind::Text, why);
    }
    if d == 1 {
        return Verdict::new(Kind::Category, format!("a category: '{}' or nothing", clip(facts.values[0].0)));
    }
    Verdict::new(Kind::Category, format!("a category: {d} different names in {} values", facts.n_values))
}

fn number_words(format: &Format) -> String {
    let Format::Number(format) = format else { return String::new() };
    let (mut words, unit_words): (Vec<&str>, String);
    words = Vec::new();
    if format.currency {
        words.push("a currency");
    }
    if format.percent {
        words.push("a percent sign");
    }
    if format.magnitude {
        words.push("a magnitude (K, M, bn)");
    }
    if format.clock || format.stopwatch {
        words.push("colons: lengths of time, in seconds");
    }
    if format.censored {
        words.push("signs of bounds");
    }
    if format.about {
        words.push("signs of what is not exact");
    }
    if format.degrees {
        words.push("degree signs, minutes and hemispheres: degrees, south and west negative");
    }
    if let Some(unit) = &format.unit {
        unit_words = format!("the unit {unit}");
        words.push(&unit_words);
    } else if let Some(unit) = &format.units {
        unit_words = format!("units, converted to {unit}");
        words.push(&unit_words);
    }
    match format.thousands {
        Some(crate::parse::Thousands::Comma) => words.push("a comma between thousands"),
        Some(crate::parse::Thousands::Point) => words.push("a point between thousands"),
        Some(crate::parse::Thousands::Space) => words.push("a space between thousands"),
        Some(crate::parse::Thousands::Apostrophe) => words.push("an apostrophe between thousands"),
        Some(crate::parse::Thousands::Lakh) => words.push("commas between thousands and lakhs"),
        None => {}
    }
    if format.decimal_comma {
        words.push("a comma before the decimals");
    }
    format!(" written with {}", words.join(" and "))
}

fn time_words(format: &TimeFormat) -> &'static str {
    match format {
        TimeFormat::Iso => "",
        TimeFormat::YearFirst => ", year first",
        TimeFormat::DayFirst => ", day first",
        TimeFormat::MonthFirst => ", month first",
        _ => " in a format of their own",
    }
}

/// The role that an identity suggests, unless a column is the first clear identifier.
pub(crate) fn role_of(identity: &Identity) -> Role {
    match identity {
        Identity::None => Role::Feature,
        _ => Role::Ignore,
    }
}
