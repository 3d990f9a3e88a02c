//! Findings about what is written: mixed types, dates in several formats, damaged text, one name in several spellings.

use tidemill_core::{Kind, Role};
use tidemill_data::Profile;
use tidemill_data::profile::{Cells, ColumnProfile, Variants};

use super::finding::{Finding, Severity, column_line, names, rows, share};

type Rule = fn(&ColumnProfile) -> Option<Finding>;

const RULES: &[Rule] = &[mixed, dates, broken, mojibake, variants, misspelt, spaces, totals];

pub(super) fn findings(profile: &Profile) -> Vec<Finding> {
    profile.columns.iter().flat_map(|column| RULES.iter().filter_map(|rule| rule(column))).collect()
}

/// Numbers and words in one column, which is therefore read as names.
fn mixed(column: &ColumnProfile) -> Option<Finding> {
    let words = column.words.as_ref()?;
    let (numbers, texts) = (&words.numbers, &words.texts);
    let all = numbers.count + texts.count;
    if texts.is_empty() || numbers.count * 20 < all || column.why.contains("an identifier") {
        return None;
    }
    let severity = match column.role {
        Role::Ignore | Role::Key | Role::Neighbors => Severity::Note,
        _ if numbers.count * 5 >= all * 4 => Severity::Severe,
        _ if numbers.count * 2 >= all => Severity::Warning,
        _ => Severity::Note,
    };
    let message = format!(
        "column '{}' mixes numbers and words: {} values are numbers, {} are not, such as {} in {}; it is read as a {}",
        column.name,
        share(numbers.count, all),
        texts.count,
        names(&texts.examples[..1]),
        rows(&texts.rows, texts.count),
        column.kind.word()
    );
    let finding = Finding::new(severity, "mixed_types", message).of(&[&column.name]).at(&texts.rows);
    let remedy = "correct the words; or read it as a number, and the words as missing";
    Some(finding.remedy(remedy).recipe(column_line(&column.name, "kind = \"number\"")))
}

/// Dates that are written in more than one way.
fn dates(column: &ColumnProfile) -> Option<Finding> {
    let total: u64 = column.dates.iter().map(|s| s.count).sum();
    let (day, month) = column.dates.iter().fold((0, 0), |(d, m), s| (d + s.day_first, m + s.month_first));
    let contradict = column.dates.iter().any(|s| s.day_first > 0 && s.month_first > 0);
    if total == 0 || total * 2 < column.values || (column.dates.len() < 2 && !contradict) {
        return None;
    }
    let shapes: Vec<String> = column
        .dates
        .iter()
        .take(4)
        .map(|s| format!("{} like '{}' (first in row {})", s.count, s.example, s.row))
        .collect();
    let order = if contradict { "; some put the day first, some the month" } else { "" };
    let lost = if column.kind == Kind::Time { "" } else { "; it is not read as a time" };
    let message =
        format!("column '{}' writes dates in several ways: {}{order}{lost}", column.name, shapes.join(", "));
    let severity = match column.kind {
        Kind::Time if !contradict => Severity::Note,
        Kind::Time => Severity::Warning,
        _ => Severity::Severe,
    };
    let at: Vec<u64> = column.dates.iter().map(|s| s.row).take(5).collect();
    let finding = Finding::new(severity, "date_formats", message).of(&[&column.name]).at(&at);
    let format = if month > day { "month_first" } else { "day_first" };
    let line = column_line(&column.name, &format!("kind = \"time\"\nformat = \"{format}\""));
    Some(finding.remedy("write all in one way, best as 2024-05-31; or say how most are meant").recipe(line))
}

/// Rows that sum up others.
fn totals(column: &ColumnProfile) -> Option<Finding> {
    let cells = &column.words.as_ref().filter(|words| !words.totals.is_empty())?.totals;
    let message = format!(
        "column '{}': {} names say that they are totals, such as {} in {}; sums of other rows are no rows of their own",
        column.name,
        share(cells.count, column.values),
        cells.examples.first()?,
        rows(&cells.rows, cells.count)
    );
    let finding = Finding::new(Severity::Warning, "total_rows", message).of(&[&column.name]).at(&cells.rows);
    Some(finding.remedy("leave these rows out of the file, unless they are names like any other"))
}

fn damaged(
    column: &ColumnProfile,
    cells: &Cells,
    code: &'static str,
    what: &str,
    remedy: &str,
) -> Option<Finding> {
    if cells.is_empty() {
        return None;
    }
    let used = !matches!(column.role, Role::Ignore | Role::Key | Role::Neighbors);
    let severity =
        if used && cells.count * 100 >= column.values { Severity::Severe } else { Severity::Warning };
    let message = format!(
        "column '{}': {} values {what}, such as {} in {}",
        column.name,
        share(cells.count, column.values),
        names(&cells.examples[..1]),
        rows(&cells.rows, cells.count)
    );
    let finding = Finding::new(severity, code, message).of(&[&column.name]).at(&cells.rows);
    Some(finding.remedy(remedy).recipe(column_line(&column.name, "role = \"ignore\"")))
}

fn broken(column: &ColumnProfile) -> Option<Finding> {
    let remedy = "letters were lost when the file was written: export it anew as UTF-8; until then, leave the column out";
    damaged(column, &column.words.as_ref()?.broken, "broken_text", "hold the replacement character", remedy)
}

fn mojibake(column: &ColumnProfile) -> Option<Finding> {
    let remedy = "UTF-8 was read as Windows-1252 on the way: export it anew as UTF-8; until then, leave the column out";
    damaged(column, &column.words.as_ref()?.mojibake, "misencoded_text", "are mis-encoded", remedy)
}

fn told(variants: &[&Variants]) -> String {
    let group = |v: &&Variants| {
        let names: Vec<String> =
            v.names.iter().take(4).map(|n| format!("'{}' ({})", n.name, n.count)).collect();
        format!("{} (first in row {})", names.join(", "), v.rows.last().copied().unwrap_or(0))
    };
    let shown: Vec<String> = variants.iter().take(3).map(group).collect();
    let more = if variants.len() > 3 { format!("; and {} more", variants.len() - 3) } else { String::new() };
    format!("{}{more}", shown.join("; "))
}

/// The first rows of all ways of writing but the most frequent one.
fn odd_rows(variants: &[&Variants]) -> Vec<u64> {
    let mut rows: Vec<u64> = variants.iter().flat_map(|v| v.rows[1..].iter().copied()).collect();
    rows.sort_unstable();
    rows.truncate(5);
    rows
}

/// One name, written with other cases, spaces or accents.
fn variants(column: &ColumnProfile) -> Option<Finding> {
    let same: Vec<&Variants> = column.variants.iter().filter(|v| v.differ != ["spelling"]).collect();
    // Spaces around a name alone are taken off by the intake.
    let only_around = |v: &&Variants| v.names.iter().all(|n| n.name.trim() == v.names[0].name.trim());
    let real: Vec<&Variants> = same.into_iter().filter(|v| !only_around(v)).collect();
    if real.is_empty() {
        return None;
    }
    let mut differ: Vec<&str> = real.iter().flat_map(|v| v.differ.iter().copied()).collect();
    differ.sort_unstable();
    differ.dedup();
    let message = format!(
        "column '{}' writes one name in several ways ({}): {}",
        column.name,
        differ.join(", "),
        told(&real)
    );
    let severity = match column.role {
        Role::Ignore => Severity::Note,
        // The model would choose among spellings, and be judged by them.
        Role::Target => Severity::Severe,
        _ => Severity::Warning,
    };
    let finding = Finding::new(severity, "name_variants", message).of(&[&column.name]).at(&odd_rows(&real));
    let remedy = match column.kind {
        Kind::Category => "read them as one name; each is otherwise learned as a name of its own",
        _ => return Some(finding.remedy("write each name in one way")),
    };
    Some(finding.remedy(remedy).recipe(column_line(&column.name, "spellings = \"merge\"")))
}

fn misspelt(column: &ColumnProfile) -> Option<Finding> {
    let near: Vec<&Variants> = column.variants.iter().filter(|v| v.differ == ["spelling"]).collect();
    if near.is_empty() {
        return None;
    }
    let message = format!("column '{}' has rare names very like common ones: {}", column.name, told(&near));
    let finding = Finding::new(Severity::Note, "misspelt", message).of(&[&column.name]).at(&odd_rows(&near));
    // A target is not encoded.
    if column.role == Role::Target {
        return Some(finding.remedy("correct them if they are misspelt"));
    }
    Some(finding.remedy("correct them if they are misspelt. To put rare names together").recipe(rare(column)))
}

fn rare(column: &ColumnProfile) -> String {
    column_line(&column.name, "encode = { kind = \"one_hot\", min_count = 5 }")
}

fn spaces(column: &ColumnProfile) -> Option<Finding> {
    let cells = column.words.as_ref().map(|w| &w.spaces).filter(|cells| !cells.is_empty())?;
    let message = format!(
        "column '{}': {} values have spaces around them, such as {} in {}",
        column.name,
        share(cells.count, column.values),
        cells.examples[0],
        rows(&cells.rows, cells.count)
    );
    let finding = Finding::new(Severity::Note, "spaces", message).of(&[&column.name]).at(&cells.rows);
    Some(finding.remedy("nothing: tidemill takes them off names and numbers; other programs may not"))
}
