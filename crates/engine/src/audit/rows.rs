//! Findings about whole rows and pairs of columns: repeated rows, near-duplicates, columns that say the same, change over time.

use tidemill_core::Role;
use tidemill_data::Profile;
use tidemill_data::profile::{ColumnProfile, Measure, Pair, RowGroup};

use super::finding::{Finding, Severity, ignore, names, quoted, share};

/// Rows are equal by nature where at least so many are expected to equal one by chance.
const EXPECTED: f64 = 0.1;

pub(super) fn findings(profile: &Profile) -> Vec<Finding> {
    let rules = [repeated, near_repeats, redundant, drift];
    rules.iter().filter_map(|rule| rule(profile)).collect()
}

pub(super) fn told(groups: &[RowGroup]) -> String {
    let one = |g: &RowGroup| {
        let rows: Vec<String> = g.rows.iter().map(u64::to_string).collect();
        let more = if g.count > g.rows.len() as u64 { " = …" } else { "" };
        rows.join(" = ") + more
    };
    groups.iter().take(3).map(one).collect::<Vec<_>>().join("; ")
}

pub(super) fn about(exact: bool) -> &'static str {
    if exact { "" } else { "about " }
}

fn repeated(profile: &Profile) -> Option<Finding> {
    let repeats = &profile.repeats;
    let about = about(repeats.exact);
    let (count, groups, what) = if repeats.rows > 0 {
        (repeats.rows, &repeats.groups, "in every column")
    } else if repeats.but_identifiers > 0 && repeats.identifiers {
        (
            repeats.but_identifiers,
            &repeats.groups_but_identifiers,
            "in every column but those left out and the key",
        )
    } else {
        return None;
    };
    let part = count as f64 / profile.rows.max(1) as f64;
    let natural = by_nature(profile);
    let severity = match part {
        _ if natural => Severity::Note,
        _ if part >= 0.5 => Severity::Severe,
        _ if part >= 0.01 => Severity::Warning,
        _ => Severity::Note,
    };
    let message = format!(
        "{about}{} rows {} an earlier row {what}: rows {}",
        share(count, profile.rows),
        if count == 1 { "repeats" } else { "repeat" },
        told(groups)
    );
    let at: Vec<u64> = groups.iter().flat_map(|g| g.rows[1..].iter().copied()).take(5).collect();
    let remedy = match natural {
        true => "nothing, unless they are copies of one record: so few different values repeat by chance",
        false => {
            "a copy in the test part is not a test: take copies out, unless each row truly happened on its own"
        }
    };
    Some(Finding::new(severity, "repeated_rows", message).at(&at).remedy(remedy))
}

/// Whether rows may well be equal by chance: so many rows are expected to equal one, if each column took its values on its own. A table of a
/// few categories repeats by nature.
pub(super) fn by_nature(profile: &Profile) -> bool {
    let used = profile.columns.iter().filter(|c| c.role == Role::Feature || c.role == Role::Target);
    let chance: f64 = used.map(same_by_chance).product();
    profile.rows as f64 * chance >= EXPECTED
}

/// How likely it is that two rows say the same in a column: at least that of values that are equally frequent.
fn same_by_chance(column: &ColumnProfile) -> f64 {
    let n = (column.values + column.missing.count).max(1) as f64;
    let told: f64 = column.top.iter().map(|name| (name.count as f64 / n).powi(2)).sum();
    let missing = (column.missing.count as f64 / n).powi(2);
    (told + missing).max(1.0 / column.distinct.count.max(1) as f64).min(1.0)
}

fn near_repeats(profile: &Profile) -> Option<Finding> {
    let near = &profile.near_repeats;
    let first = near.pairs.first()?;
    let message = format!(
        "{} equal but for one or two of {} columns, such as rows {} and {} (all but {}), among {} rows looked at",
        if near.count == 1 {
            "1 pair of rows is".into()
        } else {
            format!("{} pairs of rows are", near.count)
        },
        near.columns,
        first.rows[0],
        first.rows[1],
        names(&first.differ),
        profile.sampled_rows
    );
    let at: Vec<u64> = near.pairs.iter().take(5).map(|pair| pair.rows[1]).collect();
    let remedy = "if they are versions of one thing, keep one, or name what they belong to as the group";
    Some(Finding::new(Severity::Note, "near_repeats", message).at(&at).remedy(remedy))
}

/// Features that nearly say the same.
fn redundant(profile: &Profile) -> Option<Finding> {
    let feature = |name: &str| profile.columns.iter().any(|c| c.name == name && c.role == Role::Feature);
    let strong = |p: &&Pair| {
        let limit = if p.measure == Measure::CorrelationRatio { 0.99 } else { 0.95 };
        p.value.abs() >= limit && p.columns.iter().all(|name| feature(name))
    };
    let pairs: Vec<&Pair> = profile.pairs.iter().filter(strong).collect();
    let first = pairs.first()?;
    let shown: Vec<String> = pairs
        .iter()
        .take(4)
        .map(|p| format!("'{}' and '{}' ({} {:.3})", p.columns[0], p.columns[1], word(p.measure), p.value))
        .collect();
    let more = if pairs.len() > 4 { format!(" and {} more", pairs.len() - 4) } else { String::new() };
    let severity = if first.value.abs() >= 0.999 { Severity::Warning } else { Severity::Note };
    let message = format!("features nearly say the same: {}{more}", shown.join(", "));
    let finding = Finding::new(severity, "redundant", message).of(&[&first.columns[0], &first.columns[1]]);
    let remedy =
        "one of each pair is enough; weights and importances are otherwise shared out between them by chance";
    Some(finding.remedy(remedy).recipe(ignore(&[&first.columns[1]])))
}

fn word(measure: Measure) -> &'static str {
    match measure {
        Measure::Pearson => "correlation",
        Measure::CramersV => "Cramér's V",
        Measure::CorrelationRatio => "correlation ratio",
    }
}

fn drift(profile: &Profile) -> Option<Finding> {
    let drift = profile.drift.as_ref()?;
    let first = drift.moved.first()?;
    let of = |name: &str| profile.columns.iter().find(|c| c.name == name);
    let target = drift.moved.iter().any(|m| of(&m.column).is_some_and(|c| c.role == Role::Target));
    let columns: Vec<&str> = drift.moved.iter().map(|m| m.column.as_str()).collect();
    let severity = if target || first.value >= 0.3 { Severity::Warning } else { Severity::Note };
    let (change, also) = match columns.len() {
        1 if target => ("changes", "; it is the target"),
        1 => ("changes", ""),
        _ if target => ("change", "; the target is among them"),
        _ => ("change", ""),
    };
    let message = format!(
        "over '{}', {} {change}: before {} and after, '{}' differs by {:.2} ({}){also}",
        drift.time,
        names(&columns),
        drift.from,
        first.column,
        first.value,
        if first.measure == "ks" { "Kolmogorov-Smirnov" } else { "total variation" }
    );
    let finding = Finding::new(severity, "drift", message).of(&columns);
    let remedy = "judge on the latest rows, as the model will be used: split by time";
    let line = match of(&drift.time) {
        Some(time) if time.role == Role::Time => "[split]\nkind = \"time\"".to_string(),
        _ => format!("[data]\ntime = {}", quoted(&drift.time)),
    };
    Some(finding.remedy(remedy).recipe(line))
}
