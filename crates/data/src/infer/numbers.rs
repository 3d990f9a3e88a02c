//! Which way of writing numbers explains the values of a column.

use super::facts::Facts;
use super::formats::{Doubt, Found, accept, explain_within};
use super::locale::{Locale, may_group};
use crate::parse::currency::currency_of;
use crate::parse::{
    NumberFormat, Thousands, exact, factor, half_of_day, has_digit, has_fraction, has_minutes_or_hemisphere,
    has_parts, hemisphere_of, least_part, magnitude, unmarked, without_oclock,
};
use crate::plan::{Weight, tolerated};

/// The longest unit, in characters.
const UNIT: usize = 12;

pub(crate) fn number(facts: &Facts<'_>, locale: &Locale) -> Option<Found<NumberFormat>> {
    let first = facts.values.iter().take(200);
    let with_digit = first.clone().filter(|(t, _)| has_digit(t)).count();
    if with_digit * 10 < first.len() * 7 {
        return None;
    }
    if let Some(plain) = explain_within(facts, &|t| NumberFormat::default().parse(t).is_some(), 0) {
        let (format, doubt) = grouped(facts, locale, &NumberFormat::default());
        return Some(Found { doubt, ..accept(facts, format, plain)? });
    }
    let base = dress(facts);
    let style = |decimal_comma, thousands| NumberFormat { decimal_comma, thousands, ..base.clone() };
    // Tried in this order, the strict ones first; of those that explain equally many rows the first is taken.
    let candidates = [
        (style(false, None), false),
        (style(false, Some(Thousands::Comma)), true),
        (style(true, Some(Thousands::Point)), true),
        (style(false, Some(Thousands::Space)), true),
        (style(true, Some(Thousands::Space)), true),
        (style(true, None), false),
        (style(false, Some(Thousands::Comma)), false),
        (style(true, Some(Thousands::Point)), false),
        (style(false, Some(Thousands::Space)), false),
        (style(true, Some(Thousands::Space)), false),
        (style(false, Some(Thousands::Apostrophe)), false),
        (style(true, Some(Thousands::Apostrophe)), false),
        (style(false, Some(Thousands::Lakh)), false),
    ];
    // What leaves more rows unexplained is not accepted, so it need not be counted to the end.
    let most = tolerated(facts.values.iter().map(|v| v.1).sum());
    let explained = candidates.into_iter().filter_map(|(format, strict)| {
        let reads = |t: &str| if strict { format.parse_strictly(t) } else { format.parse(t) }.is_some();
        let found = explain_within(facts, &reads, most)?;
        Some((format, found))
    });
    let (format, found) = explained.reduce(|best, next| if next.1.1 < best.1.1 { next } else { best })?;
    let (format, doubt) = match format == base {
        true => grouped(facts, locale, &base),
        false => commas(facts, locale, format),
    };
    let doubt = doubt
        .or_else(|| converted(facts, &format))
        .or_else(|| censored(facts, &format))
        .or_else(|| inexact(facts, &format))
        .or_else(|| marked(facts, &format))
        .or_else(|| clocks(facts, &format))
        .or_else(|| currencies(facts, &format))
        .or_else(|| partly_dressed(facts, &format));
    Some(Found { doubt, ..accept(facts, format, found)? })
}

/// What stands around the numbers: percent signs, currencies, signs of censoring, magnitudes, units, colons of lengths of time.
fn dress(facts: &Facts<'_>) -> NumberFormat {
    let bare = NumberFormat::default();
    let unread: Vec<&str> = facts.values.iter().map(|v| v.0).filter(|t| bare.parse(t).is_none()).collect();
    let marks = unread.iter().any(|t| unmarked(t).len() < t.len());
    let odd = || unread.iter().map(|t| unmarked(t));
    let takes_off = |probe: NumberFormat| odd().any(|t| probe.undressed(t));
    let mut dress = NumberFormat {
        percent: takes_off(NumberFormat { percent: true, ..Default::default() }),
        currency: takes_off(NumberFormat { currency: true, ..Default::default() }),
        censored: odd().any(is_bound),
        about: odd().any(|t| exact(t).len() < t.len() && has_digit(t)),
        fraction: odd().any(has_fraction),
        marks,
        ..Default::default()
    };
    let odd = || odd().map(exact);
    if odd().any(has_parts) || odd().any(|t| without_oclock(t).is_some()) {
        return NumberFormat { clock: true, ..dress };
    }
    if odd().any(has_minutes_or_hemisphere) || has_opposite_hemispheres(facts) {
        return NumberFormat { degrees: true, ..dress };
    }
    if let Some(unit) = odd().find_map(least_part) {
        return NumberFormat { units: Some(unit), ..dress };
    }
    let is_length =
        |t: &str| colons(t) > 0 && NumberFormat { clock: true, ..Default::default() }.parse(t).is_some();
    if odd().any(is_length) {
        // Beside `1:20:47`, `35:30` has no hours; `1:30 PM` has.
        let of_day = odd().any(|t| half_of_day(t).is_some());
        dress.stopwatch = !of_day && odd().any(|t| colons(t) == 2) && odd().any(|t| colons(t) == 1);
        dress.clock = !dress.stopwatch;
    }
    // The code of a currency is taken off as such.
    let is_code = |word: &String| dress.currency && currency_of(&format!("1 {word}")).is_some();
    let mut suffixes: Vec<String> = odd().filter_map(suffix).map(str::to_lowercase).collect();
    suffixes.retain(|word| !is_code(word));
    let n = suffixes.len();
    suffixes.sort_unstable();
    suffixes.dedup();
    if let [one, more] = suffixes.as_slice()
        && one.len() > 2
        && *more == format!("{one}s")
    {
        suffixes.pop();
    }
    // A few words that happen to end otherwise must not hide the unit of all others.
    // A fraction of one character, as in `2½`, is no word.
    let wordy = odd().filter(|t| !has_fraction(t) && !t.ends_with(|c: char| c.is_ascii_digit())).count();
    if n * 10 < wordy * 8 || dress.percent || suffixes.is_empty() {
        return dress;
    }
    let all = facts.values.iter().filter(|v| v.0.bytes().any(|b| b.is_ascii_digit())).count();
    let magnitudes = suffixes.iter().all(|word| magnitude(word).is_some());
    let scale = ["k", "bn", "mn", "mio", "mrd", "crore", "lakh", "million", "billion", "thousand"];
    let sure = suffixes.len() > 1 || n < all || scale.contains(&suffixes[0].trim_end_matches('.'));
    if magnitudes && sure {
        dress.magnitude = true;
    } else if let [unit] = suffixes.as_slice()
        // What stands behind a few numbers is a mark (a check digit, a footnote), no unit of the column.
        && 2 * n > all
        && !["am", "pm", "st", "nd", "rd", "th"].contains(&unit.as_str())
    {
        dress.unit = Some(unit.clone());
    } else if let Some(base) = commonest(facts)
        && 2 * n > all
        && suffixes.len() > 1
        && suffixes.iter().all(|unit| factor(unit, &base).is_some())
    {
        dress.units = Some(base);
    }
    dress
}

/// Whether decimals are north and south, or east and west, by a letter alone: `13.4E` beside `2.1W`.
fn has_opposite_hemispheres(facts: &Facts<'_>) -> bool {
    let letters: Vec<char> = facts.values.iter().filter_map(|v| hemisphere_of(v.0)).collect();
    let opposite = |a: char, b: char| letters.contains(&a) && letters.contains(&b);
    let decimals = facts.values.iter().filter(|v| v.0.contains('.')).count();
    letters.len() * 10 >= facts.n_distinct() * 9
        && decimals * 2 > facts.n_distinct()
        && (opposite('N', 'S') || opposite('E', 'W'))
}

/// The unit behind most numbers, the first of several.
fn commonest(facts: &Facts<'_>) -> Option<String> {
    let mut counts: Vec<(String, u64)> = Vec::new();
    for (text, n) in &facts.values {
        let Some(unit) = suffix(exact(text)).map(str::to_lowercase) else { continue };
        match counts.iter_mut().find(|(known, _)| *known == unit) {
            Some((_, count)) => *count += n,
            None => counts.push((unit, *n)),
        }
    }
    counts.into_iter().rev().max_by_key(|(_, n)| *n).map(|(unit, _)| unit)
}

/// Numbers in several units that nothing converts: the column is read as names.
pub(super) fn mixed_units(facts: &Facts<'_>) -> Option<Doubt> {
    let units = |t: &str| suffix(exact(t)).map(str::to_lowercase).filter(|unit| factor(unit, unit).is_some());
    let with: Vec<(&str, String)> = facts.values.iter().filter_map(|v| Some((v.0, units(v.0)?))).collect();
    let (first, other) = (with.first()?, with.iter().find(|(_, unit)| *unit != with[0].1)?);
    (with.len() * 10 >= facts.values.len() * 8).then(|| Doubt {
        code: "mixed_units",
        weight: Weight::Warning,
        message: format!(
            "numbers are in units that do not convert into each other, such as '{}' and '{}'; they are read as names",
            first.0, other.0
        ),
        remedy: "put each quantity into a column of its own".into(),
    })
}

/// Numbers of which some have a decimal point and some a decimal comma, as where files of two countries stand below each other: no reading
/// holds for all of them.
pub(super) fn mixed_decimals(facts: &Facts<'_>) -> Option<Doubt> {
    let read = |format: &NumberFormat, sign: char| -> (Option<&str>, u64) {
        let found = || facts.values.iter().filter(|v| v.0.contains(sign) && format.parse(v.0).is_some());
        (found().next().map(|v| v.0), found().map(|v| v.1).sum())
    };
    let (point, with_point) = read(&NumberFormat::default(), '.');
    let (comma, with_comma) = read(&NumberFormat { decimal_comma: true, ..Default::default() }, ',');
    let (point, comma) = (point?, comma?);
    let whole: u64 =
        facts.values.iter().filter(|v| v.0.bytes().all(|b| b.is_ascii_digit())).map(|v| v.1).sum();
    let enough = (with_point + with_comma + whole) * 10 >= facts.n_values * 9;
    (enough && with_point.min(with_comma) > 1).then(|| Doubt {
        code: "mixed_decimals",
        weight: Weight::Severe,
        message: format!(
            "{with_point} numbers have a decimal point, such as '{point}', and {with_comma} a decimal comma, such as '{comma}'; they are read as names"
        ),
        remedy: "write all in one way; where files of several countries are joined, correct them first".into(),
    })
}

/// What stands behind the digits of a text that begins with a number.
pub(super) fn suffix(text: &str) -> Option<&str> {
    let begins = |c: char| c.is_ascii_digit() || "+-−.,<>≤≥$€£¥₹(".contains(c);
    let end = text.rfind(|c: char| c.is_ascii_digit())? + 1;
    let unit = text[end..].trim_start_matches(['.', ',']).trim();
    let sound = text.starts_with(begins)
        && !unit.is_empty()
        && unit.chars().count() <= UNIT
        && unit.chars().all(|c| c.is_alphabetic() || "°µ/²³·.% '\"′″".contains(c))
        && (unit.chars().any(char::is_alphabetic) || ["°", "\"", "″", "'", "′"].contains(&unit))
        && text[..end].chars().all(|c| !c.is_alphabetic() || "eE".contains(c));
    sound.then_some(unit)
}

/// Numbers, plain but for what stands around them, whose points may stand between thousands: `1.234` beside `958`.
///
/// They do where the rest of the file has decimal commas; and where a number without a point stands beside one that ends with a zero
/// behind its point: neither decimals cut to their need nor decimals of fixed length are written so.
fn grouped(facts: &Facts<'_>, locale: &Locale, base: &NumberFormat) -> (NumberFormat, Option<Doubt>) {
    let plain = base.clone();
    let texts = || facts.values.iter().map(|v| base.bare(v.0));
    let pointed = || texts().filter(|t| t.contains('.'));
    let n = pointed().count();
    let short = |t: &str| t.trim_start_matches(['-', '+']).len() <= 3;
    if n == 0 || !pointed().all(|t| may_group(t, '.')) || !texts().all(|t| t.contains('.') || short(t)) {
        return (plain, None);
    }
    let mixed = texts().any(|t| !t.contains('.'));
    let proof = mixed && n >= 3 && pointed().any(|t| t.ends_with('0'));
    let is_grouped =
        !locale.is_anglo() && (proof || (n >= 2 && (locale.has_commas() || (locale.is_european() && mixed))));
    let german = NumberFormat { decimal_comma: true, thousands: Some(Thousands::Point), ..plain.clone() };
    let (taken, why) = match is_grouped {
        true if proof => ("points between thousands", "numbers below 1,000 have none"),
        true => ("points between thousands", "the file has decimal commas"),
        false => ("points before decimals", "nothing in the file says otherwise"),
    };
    let weight = if mixed || is_grouped { Weight::Warning } else { Weight::Remark };
    let other = if is_grouped { &plain } else { &german };
    let doubt = ambiguous(pointed().next().unwrap_or_default(), taken, why, weight, other);
    (if is_grouped { german } else { plain }, Some(doubt))
}

/// Numbers whose commas may stand between thousands or before decimals: `1,234` alone.
fn commas(facts: &Facts<'_>, locale: &Locale, format: NumberFormat) -> (NumberFormat, Option<Doubt>) {
    let texts = || facts.values.iter().map(|v| format.bare(v.0));
    let with = || texts().filter(|t| t.contains(','));
    let both = format.thousands == Some(Thousands::Comma)
        && with().all(|t| may_group(t, ','))
        && !texts().any(|t| t.contains('.'));
    if !both || with().next().is_none() {
        return (format, None);
    }
    let decimals = locale.is_european();
    let comma = NumberFormat { decimal_comma: true, thousands: None, ..format.clone() };
    let (taken, why) = match decimals {
        true => ("commas before decimals", "the rest of the file is written so"),
        false => ("commas between thousands", "nothing in the file says otherwise"),
    };
    let sure = !decimals && (locale.is_anglo() || texts().any(|t| t.len() <= 3));
    let weight = if sure { Weight::Remark } else { Weight::Warning };
    let other = if decimals { &format } else { &comma };
    let doubt = ambiguous(with().next().unwrap_or_default(), taken, why, weight, other);
    (if decimals { comma } else { format }, Some(doubt))
}

/// What is to be said where every number reads in two ways.
fn ambiguous(example: &str, taken: &str, why: &str, weight: Weight, other: &NumberFormat) -> Doubt {
    let other = if other.is_plain() { "plain".to_string() } else { other.to_string() };
    Doubt {
        code: "ambiguous_numbers",
        weight,
        message: format!(
            "every number, such as '{example}', can be read in two ways; read with {taken}, since {why}"
        ),
        remedy: format!("format = \"{other}\""),
    }
}

/// Whether a number is given as a bound: `<0.5`, `90+`.
fn is_bound(text: &str) -> bool {
    let ends = |t: &str| t.ends_with(|c: char| c.is_ascii_digit());
    let begins = |t: &str| t.starts_with(|c: char| c.is_ascii_digit());
    (text.starts_with(['<', '>', '≤', '≥']) && ends(text))
        || (begins(text) && text.strip_suffix('+').is_some_and(|rest| ends(rest.trim_end())))
}

/// Numbers in several units of one dimension.
fn converted(facts: &Facts<'_>, format: &NumberFormat) -> Option<Doubt> {
    let base = format.units.as_ref()?;
    let other = |t: &str| suffix(exact(t)).is_some_and(|unit| !unit.eq_ignore_ascii_case(base));
    let n: u64 = facts.values.iter().filter(|v| other(v.0)).map(|v| v.1).sum();
    let example = facts.values.iter().find(|v| other(v.0))?.0;
    Some(Doubt {
        code: "converted_units",
        weight: Weight::Warning,
        message: format!(
            "{n} of {} values, such as '{example}', are in another unit than {base}; they are converted to it",
            facts.n_values
        ),
        remedy: "kind = \"category\"".into(),
    })
}

/// Numbers that are said not to be exact.
fn inexact(facts: &Facts<'_>, format: &NumberFormat) -> Option<Doubt> {
    let is_one = |t: &str| exact(t).len() < t.len();
    let n: u64 = facts.values.iter().filter(|v| is_one(v.0)).map(|v| v.1).sum();
    let example = facts.values.iter().find(|v| is_one(v.0))?.0;
    format.about.then(|| Doubt {
        code: "inexact",
        weight: Weight::Remark,
        message: format!(
            "{n} of {} values, such as '{example}', are not exact; each is read as its number",
            facts.n_values
        ),
        remedy: "kind = \"category\"".into(),
    })
}

/// Numbers with marks of footnotes behind them.
fn marked(facts: &Facts<'_>, format: &NumberFormat) -> Option<Doubt> {
    let is_one = |t: &str| unmarked(t).len() < t.len();
    let n: u64 = facts.values.iter().filter(|v| is_one(v.0)).map(|v| v.1).sum();
    let example = facts.values.iter().find(|v| is_one(v.0))?.0;
    format.marks.then(|| Doubt {
        code: "footnote_marks",
        weight: Weight::Warning,
        message: format!(
            "{n} of {} values, such as '{example}', have a mark behind the number; each is read as its number, without the mark",
            facts.n_values
        ),
        remedy: "kind = \"category\"".into(),
    })
}

fn colons(text: &str) -> usize {
    text.bytes().filter(|b| *b == b':').count()
}

fn censored(facts: &Facts<'_>, format: &NumberFormat) -> Option<Doubt> {
    let n: u64 = facts.values.iter().filter(|v| is_bound(v.0)).map(|v| v.1).sum();
    let example = facts.values.iter().find(|v| is_bound(v.0))?.0;
    format.censored.then(|| Doubt {
        code: "censored",
        weight: Weight::Warning,
        message: format!(
            "{n} of {} values, such as '{example}', are bounds, not measurements; each is read as its bound",
            facts.n_values
        ),
        remedy: "role = \"ignore\"".into(),
    })
}

fn clocks(facts: &Facts<'_>, format: &NumberFormat) -> Option<Doubt> {
    let example = facts.values.iter().find(|v| colons(v.0) == 1 && half_of_day(v.0).is_none())?.0;
    let (taken, weight, other) = match format {
        NumberFormat { clock: true, .. } => ("hours and minutes", Weight::Remark, "stopwatch"),
        NumberFormat { stopwatch: true, .. } => {
            ("minutes and seconds, since longer ones have three parts", Weight::Warning, "clock")
        }
        _ => return None,
    };
    Some(Doubt {
        code: "ambiguous_lengths",
        weight,
        message: format!("'{example}' may be hours and minutes or minutes and seconds; read as {taken}"),
        remedy: format!("format = \"{other}\""),
    })
}

/// Percent signs or units behind a part of the numbers: what the others are is not said.
fn partly_dressed(facts: &Facts<'_>, format: &NumberFormat) -> Option<Doubt> {
    let sign = match format.unit.as_ref().or(format.units.as_ref()) {
        _ if format.percent => "%".to_string(),
        Some(unit) => unit.to_lowercase(),
        None => return None,
    };
    let has = |t: &str| {
        let text = t.to_lowercase();
        let text = text.trim_end_matches([')', ' ']);
        least_part(text).is_some()
            || text.ends_with(&sign)
            || (sign.len() > 2 && text.strip_suffix('s').is_some_and(|t| t.ends_with(&sign)))
    };
    let with: u64 = facts.values.iter().filter(|v| has(v.0)).map(|v| v.1).sum();
    let bare = facts.values.iter().find(|v| !has(v.0) && has_digit(v.0))?.0;
    (with > 0).then(|| Doubt {
        code: "partly_marked",
        weight: Weight::Warning,
        message: format!(
            "{with} of {} values have the sign '{sign}', others, such as '{bare}', have none; all are read as numbers of one kind",
            facts.n_values
        ),
        remedy: "write all values in one way".into(),
    })
}

/// Amounts in several currencies: nothing converts them.
fn currencies(facts: &Facts<'_>, format: &NumberFormat) -> Option<Doubt> {
    if !format.currency {
        return None;
    }
    let mut found: Vec<&str> = facts.values.iter().filter_map(|v| currency_of(v.0)).collect();
    found.sort_unstable();
    found.dedup();
    (found.len() > 1).then(|| Doubt {
        code: "mixed_currencies",
        weight: Weight::Warning,
        message: format!(
            "the amounts are in several currencies ({}); they are read as they stand, without conversion",
            found.join(", ")
        ),
        remedy: "convert them beforehand, or put the currency into a column of its own".into(),
    })
}
