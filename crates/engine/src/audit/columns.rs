//! Findings about single columns: missing, constant, naming rows, unreadable, mixed, far out.

use tidemill_core::{Kind, Role};
use tidemill_data::profile::ColumnProfile;
use tidemill_data::{InferredSchema, Profile};

use super::finding::{Finding, Severity, column_line, ignore, list, names, quoted, rows, share, step};
use crate::format::plain;

/// Missing more often than this is worth a finding of its own.
const MUCH: f64 = 0.2;
/// Missing more often than this hardly leaves anything to learn from.
const MOST: f64 = 0.5;

type Rule = fn(&ColumnProfile, u64) -> Option<Finding>;

/// The rules for one column, each with the number of rows.
const RULES: &[Rule] = &[unreadable, much_missing, constant, identifier, many_names, stand_in, far_out];

pub(super) fn findings(plan: &InferredSchema, profile: &Profile) -> Vec<Finding> {
    let each =
        profile.columns.iter().flat_map(|column| RULES.iter().filter_map(|rule| rule(column, profile.rows)));
    let mut found: Vec<Finding> = each.collect();
    found.extend(some_missing(profile));
    found.extend(outliers(profile));
    found.extend(together(profile));
    if plan.target().is_none() {
        let note = "no target was named, so nothing was said of imbalance, conflicting labels and leaks";
        found.push(Finding::new(Severity::Note, "no_target", note).remedy("name it with --target COL"));
    }
    found
}

fn is_feature(column: &ColumnProfile) -> bool {
    matches!(column.role, Role::Feature | Role::Time | Role::Group | Role::Weight)
}

/// Steps that fill the missing values of these columns.
fn fill_all(columns: &[&ColumnProfile]) -> String {
    let of = |number: bool| {
        columns
            .iter()
            .filter(|c| (c.kind == Kind::Number) == number)
            .map(|c| c.name.as_str())
            .collect::<Vec<_>>()
    };
    let (numbers, others) = (of(true), of(false));
    let mut steps = Vec::new();
    if !numbers.is_empty() {
        steps.push(format!("{}\nflag = true", step("impute_median", &numbers)));
    }
    if !others.is_empty() {
        steps.push(step("impute_mode", &others));
    }
    steps.join("\n")
}

/// The line that fills missing values of a column.
fn fill(column: &ColumnProfile) -> String {
    let step = match column.kind {
        // The only value would stand in every row.
        _ if column.distinct.count == 1 => "{ kind = \"constant\" }",
        Kind::Number => "{ kind = \"median\", flag = true }",
        _ => "{ kind = \"mode\" }",
    };
    column_line(&column.name, &format!("missing = {step}"))
}

fn unreadable(column: &ColumnProfile, n_rows: u64) -> Option<Finding> {
    let bad = &column.unreadable;
    if bad.is_empty() || !(is_feature(column) || column.role == Role::Target) {
        return None;
    }
    let severity = if bad.count * 20 > n_rows { Severity::Severe } else { Severity::Warning };
    let message = format!(
        "column '{}': {} cells are not a {}, such as {} in {}; they would count as missing",
        column.name,
        share(bad.count, n_rows),
        column.kind.word(),
        names(&bad.examples[..1]),
        rows(&bad.rows, bad.count)
    );
    let mut words: Vec<&str> = bad.examples.iter().map(|e| e.trim()).collect();
    words.sort_unstable();
    words.dedup();
    let finding = Finding::new(severity, "unreadable", message).of(&[&column.name]).at(&bad.rows);
    // A word that stands for "no value" is best named; a list of them is no more a word.
    Some(if words.len() <= 2 {
        let remedy = "correct them, or say that they stand for no value";
        finding.remedy(remedy).recipe(format!("[data]\nmissing = {}", list(&words)))
    } else {
        finding.remedy("correct them, or fill them as missing values").recipe(fill(column))
    })
}

fn much_missing(column: &ColumnProfile, n_rows: u64) -> Option<Finding> {
    let gone = column.missing.count as f64 / n_rows.max(1) as f64;
    if gone < MUCH || column.values == 0 || !is_feature(column) {
        return None;
    }
    let message =
        format!("column '{}': {} values are missing", column.name, share(column.missing.count, n_rows));
    let severity = if gone >= MOST { Severity::Warning } else { Severity::Note };
    let finding =
        Finding::new(severity, "much_missing", message).of(&[&column.name]).at(&column.missing.rows);
    Some(if gone >= 0.95 {
        finding.remedy("find out why, or leave it out").recipe(ignore(&[&column.name]))
    } else {
        let remedy =
            "find out why; fill it, and keep a mark of what was missing, which may itself mean something";
        finding.remedy(remedy).recipe(fill(column))
    })
}

/// The columns that miss some values, in one finding.
fn some_missing(profile: &Profile) -> Option<Finding> {
    let few = |c: &&ColumnProfile| {
        let gone = c.missing.count as f64 / profile.rows.max(1) as f64;
        is_feature(c) && c.missing.count > 0 && gone < MUCH
    };
    let columns: Vec<&ColumnProfile> = profile.columns.iter().filter(few).collect();
    let most = columns.iter().max_by_key(|c| c.missing.count)?;
    let named: Vec<&str> = columns.iter().map(|c| c.name.as_str()).collect();
    let message = format!(
        "{} of {} columns miss{} some values: {}; most in '{}', {}",
        columns.len(),
        profile.columns.len(),
        if columns.len() == 1 { "es" } else { "" },
        names(&named),
        most.name,
        share(most.missing.count, profile.rows)
    );
    let finding = Finding::new(Severity::Note, "some_missing", message).of(&named).at(&most.missing.rows);
    Some(finding.remedy("tidemill fills them by itself; to choose how").recipe(fill_all(&columns)))
}

fn constant(column: &ColumnProfile, _: u64) -> Option<Finding> {
    let told = if column.values == 0 {
        format!("column '{}' is empty", column.name)
    } else if column.distinct.count == 1 && column.missing.is_empty() && column.role != Role::Target {
        format!("column '{}' is constant: every row says the same", column.name)
    } else {
        return None;
    };
    let severity = if column.role == Role::Ignore { Severity::Note } else { Severity::Warning };
    let finding = Finding::new(severity, "constant", told).of(&[&column.name]);
    Some(finding.remedy("it teaches nothing; leave it out").recipe(ignore(&[&column.name])))
}

fn identifier(column: &ColumnProfile, _: u64) -> Option<Finding> {
    let named = matches!(column.role, Role::Neighbors | Role::Time);
    if !column.why.contains("an identifier") || column.values == 0 || named {
        return None;
    }
    let name = &column.name;
    let message = format!("column '{name}' names rows: {}", column.why);
    let finding = Finding::new(Severity::Note, "identifier", message).of(&[name]);
    Some(match column.role {
        Role::Key => finding
            .remedy("no feature; it ties feedback to rows. If that is right, say so")
            .recipe(format!("[data]\nkey = {}", quoted(name))),
        _ if column.why.contains("repeats") => finding
            .remedy("if rows of one value belong together, keep them in one part")
            .recipe(format!("[data]\ngroup = {}", quoted(name))),
        _ => finding.remedy("it teaches nothing; leave it out").recipe(ignore(&[name])),
    })
}

fn many_names(column: &ColumnProfile, _: u64) -> Option<Finding> {
    let (count, n) = (column.distinct.count, column.values);
    let many = column.kind == Kind::Category && is_feature(column) && n >= 50;
    if !many || !(count * 2 > n || count > 1000) {
        return None;
    }
    let about = if column.distinct.exact { "" } else { "about " };
    let message = format!(
        "column '{}' has {about}{count} different names in {n} values, {:.1} rows each",
        column.name,
        n as f64 / count as f64
    );
    let finding = Finding::new(Severity::Warning, "many_names", message).of(&[&column.name]);
    let remedy = "most names are too rare to learn from one by one; encode them by the target, or leave the column out";
    Some(finding.remedy(remedy).recipe(column_line(&column.name, "encode = { kind = \"target\" }")))
}

fn stand_in(column: &ColumnProfile, n_rows: u64) -> Option<Finding> {
    let judged = is_feature(column) || column.role == Role::Target;
    let cells = column.numbers.as_ref()?.stand_in.as_ref().filter(|_| judged)?;
    let value = cells.examples.first()?;
    // Nothing else is negative, or near 0.
    let alone = ["0", "-1"].contains(&value.as_str());
    let lies = match value.as_str() {
        "0" => "and no other value is near it: it may mean",
        "-1" => "and no other value is negative: it may mean",
        _ => "and lies far from all other values: it probably means",
    };
    let message = format!(
        "column '{}': {value} stands in {} rows {lies} 'no value'",
        column.name,
        share(cells.count, n_rows)
    );
    // A target of stand-ins is learned and judged by: every score would be about them.
    let severity = if column.role == Role::Target && !alone { Severity::Severe } else { Severity::Warning };
    let finding = Finding::new(severity, "stand_in", message).of(&[&column.name]).at(&cells.rows);
    // `missing` holds of every column, and a 0 is a value in most.
    Some(match value.as_str() {
        "0" => finding.remedy("if so, empty these cells in the file: in other columns 0 is a value"),
        _ => finding.remedy("if so, say it").recipe(format!("[data]\nmissing = {}", list(&[value]))),
    })
}

/// The distance of a number from the median, in MADs scaled to standard deviations.
pub(super) fn robust_z(column: &ColumnProfile) -> Option<(f64, f64)> {
    let numbers = column.numbers.as_ref().filter(|n| n.mad > 0.0)?;
    let median = numbers.quantiles[3][1];
    let far = if numbers.max - median > median - numbers.min { numbers.max } else { numbers.min };
    Some((far, 0.6745 * (far - median).abs() / numbers.mad))
}

/// A few values so far out that they are probably wrong.
fn far_out(column: &ColumnProfile, _: u64) -> Option<Finding> {
    let (value, z) = robust_z(column).filter(|(_, z)| *z >= 30.0 && is_feature(column))?;
    let numbers = column.numbers.as_ref()?;
    let outside = &numbers.fences.iter().find(|f| f.rule == "robust_z")?.outside;
    let rare = outside.count > 0 && outside.count * 100 <= column.values && numbers.stand_in.is_none();
    if !rare {
        return None;
    }
    let message = format!(
        "column '{}': {} lies {} robust deviations from the median {}; {} values lie beyond 3.5 ({})",
        column.name,
        plain(value),
        if z < 1e6 { format!("{z:.0}") } else { "over a million".into() },
        plain(numbers.quantiles[3][1]),
        share(outside.count, column.values),
        rows(&outside.rows, outside.count)
    );
    let finding = Finding::new(Severity::Warning, "far_out", message).of(&[&column.name]).at(&outside.rows);
    let remedy = "check these rows; if they are right, scale by median and quartiles, which they do not move";
    Some(finding.remedy(remedy).recipe(column_line(&column.name, "scale = { kind = \"robust\" }")))
}

/// The columns with values beyond the fences, in one finding.
fn outliers(profile: &Profile) -> Option<Finding> {
    let beyond = |c: &ColumnProfile| {
        let fences = &c.numbers.as_ref()?.fences;
        let count = |rule| fences.iter().find(|f| f.rule == rule).map_or(0, |f| f.outside.count);
        let (iqr, robust) = (count("iqr"), count("robust_z"));
        (is_feature(c) && c.distinct.count > 10 && iqr > 0 && robust > 0).then_some((iqr, robust, count("z")))
    };
    let found: Vec<(&ColumnProfile, (u64, u64, u64))> =
        profile.columns.iter().filter_map(|c| Some((c, beyond(c)?))).collect();
    let (most, (iqr, robust, z)) = found.iter().max_by_key(|f| f.1.1)?;
    let named: Vec<&str> = found.iter().map(|f| f.0.name.as_str()).collect();
    let fences = &most.numbers.as_ref()?.fences;
    let at = fences.iter().find(|f| f.rule == "robust_z").map_or(&[][..], |f| &f.outside.rows);
    let message = format!(
        "{} far from the rest: {}; most in '{}', {iqr} by quartiles, {robust} by the median's deviation, {z} by standard \
         deviations",
        if found.len() == 1 {
            "1 column has values".into()
        } else {
            format!("{} columns have values", found.len())
        },
        names(&named),
        most.name
    );
    let finding = Finding::new(Severity::Note, "outliers", message).of(&named).at(at);
    let remedy = "long tails are not a fault; for learners that take distances seriously, scale by median and quartiles";
    Some(finding.remedy(remedy).recipe(step("scale_robust", &named)))
}

/// Columns that miss values in the same rows.
fn together(profile: &Profile) -> Option<Finding> {
    let pair = profile.missing.pairs.first()?;
    let mut columns: Vec<&str> = Vec::new();
    for name in profile.missing.pairs.iter().flat_map(|pair| &pair.columns) {
        if !columns.contains(&name.as_str()) {
            columns.push(name);
        }
    }
    let [a, b] = &pair.columns;
    let message = format!(
        "{} are missing in the same rows: '{a}' and '{b}' together in {} rows, {:.0}% of those that miss either",
        names(&columns),
        pair.both,
        100.0 * pair.share
    );
    let finding = Finding::new(Severity::Note, "missing_together", message).of(&columns);
    let of = |name: &str| profile.columns.iter().find(|c| c.name == name);
    let line = of(a).map(fill).unwrap_or_default();
    Some(
        finding
            .remedy("one cause probably empties them all: look for it; one mark of it is enough")
            .recipe(line),
    )
}
