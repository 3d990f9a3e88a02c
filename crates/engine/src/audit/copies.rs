//! Findings that need the rows themselves: copies by content (near-equal texts, rounded numbers, equal pixels), and images that
//! cannot be read. The rows are read as `train` reads them, so that both see the same copies.

use arrow_array::Array;
use tidemill_core::{Batch, Context, Kind, Result, Role, Source};
use tidemill_data::duplicates::{self, Copies};
use tidemill_data::split::{Blocks, Parts};
use tidemill_data::{InferredSchema, Ingest, Profile};

use super::finding::{Finding, Severity, share};

/// Larger tables are not held in memory for this.
const MOST_ROWS: u64 = 200_000;
/// So many groups of copies are shown.
const SHOWN: usize = 3;

/// What is found; nothing in tables of more than [`MOST_ROWS`] rows.
///
/// # Errors
/// Those of reading the source.
pub(super) fn findings(
    rows: &dyn Source,
    plan: &InferredSchema,
    profile: &Profile,
    context: &Context,
) -> Result<Vec<Finding>> {
    let pictures = plan.columns.iter().any(|c| c.role == Role::Feature && c.kind == Kind::Image);
    let any = plan.columns.iter().any(|c| c.role == Role::Feature);
    if !any || profile.rows > MOST_ROWS {
        return Ok(Vec::new());
    }
    // A target is no feature, and yet no row is to be left out: rows keep their numbers.
    let mut plain = plan.clone();
    for column in plain.columns.iter_mut().filter(|c| c.role == Role::Target) {
        column.role = Role::Group;
    }
    let quiet = context.quiet();
    let table = match Ingest::fit(rows, plain, &quiet) {
        Ok((_, table)) => table,
        // Profiles pass over images: that most are unreadable shows only here.
        Err(e) if pictures && e.code() == "data" => {
            let finding = Finding::new(Severity::Severe, "unreadable_pictures", e.to_string());
            return Ok(vec![finding.remedy(e.remedy().unwrap_or_default())]);
        }
        Err(e) => return Err(e),
    };
    let unread = quiet.warnings().into_iter().filter(|w| pictures && w.code == "unparsable");
    let mut found: Vec<Finding> = unread
        .map(|w| {
            Finding::new(Severity::Warning, "unreadable_pictures", w.message).remedy("give these images anew")
        })
        .collect();
    let target = plan.target().and_then(|target| table.schema().position(&target.name));
    let copies = duplicates::find_beside(table.batch(), target, context)?;
    found.extend(copied(&copies, profile, pictures));
    if let Some(target) = plan.target().filter(|_| plan.task.is_some_and(|task| task.is_classes())) {
        found.extend(conflicts(&copies, table.batch(), &target.name, profile)?);
    }
    Ok(found)
}

/// What copies mean for a training: the rows that nothing divides, and those that a given split divides all the same. Rows have no
/// number here, as those without a target are left out already.
pub(crate) fn of_training(
    blocks: &Blocks,
    parts: &Parts,
    n_rows: usize,
    plan: &InferredSchema,
) -> Vec<Finding> {
    let pictures = plan.columns.iter().any(|c| c.role == Role::Feature && c.kind == Kind::Image);
    let counts = Counts { equal: if pictures { blocks.equal } else { 0 }, near: blocks.near };
    let mut found: Vec<Finding> =
        counts.finding(n_rows as u64, "").filter(|f| f.severity != Severity::Note).into_iter().collect();
    if !parts.copied.is_empty() {
        let message = format!(
            "{} test rows are copies of training rows, as the given split has it: the score is better than it would be on new rows",
            share(parts.copied.len() as u64, parts.test.len() as u64)
        );
        let remedy =
            "give copies of a row the same part, or let the program divide the rows: leave [split] kind out";
        found.push(Finding::new(Severity::Severe, "copies_judge", message).remedy(remedy));
    }
    found
}

/// Rows that copy an earlier one in a way that a hash of the row does not show.
struct Counts {
    equal: usize,
    near: usize,
}

impl Counts {
    fn finding(&self, n_rows: u64, shown: &str) -> Option<Finding> {
        let count = (self.equal + self.near) as u64;
        if count == 0 {
            return None;
        }
        let severity = match count as f64 / n_rows.max(1) as f64 {
            part if part >= 0.5 => Severity::Severe,
            part if part >= 0.01 => Severity::Warning,
            _ => Severity::Note,
        };
        let (is, equals) = if count == 1 { ("is", "is a copy") } else { ("are", "are copies") };
        let how = match (self.equal, self.near) {
            (_, 0) => format!("{equals} of an earlier one (of images, the pixels count)"),
            (0, _) => format!("{is} nearly equal to an earlier one"),
            (equal, near) => format!("{equals} of an earlier one ({equal} equal, {near} nearly equal)"),
        };
        let message = format!("{} rows {how}{shown}", share(count, n_rows));
        let remedy = "`train` keeps copies on one side of every split; take them out unless each truly happened on its own";
        Some(Finding::new(severity, "near_copies", message).remedy(remedy))
    }
}

fn copied(copies: &Copies, profile: &Profile, pictures: bool) -> Option<Finding> {
    let counts = Counts { equal: if pictures { copies.equal } else { 0 }, near: copies.near };
    let groups = groups(copies);
    let at: Vec<u64> = groups.iter().flat_map(|g| g[1..].iter().copied()).take(5).collect();
    Some(counts.finding(profile.rows, &format!(": rows {}", shown(&groups)))?.at(&at))
}

/// Copies of different classes, where the profile has not found them as equal rows.
fn conflicts(copies: &Copies, batch: &Batch, target: &str, profile: &Profile) -> Result<Option<Finding>> {
    if profile.repeats.conflicts.as_ref().is_some_and(|c| c.rows > 0) {
        return Ok(None);
    }
    let at = batch.schema().index(target)?;
    if batch.schema().columns()[at].kind != Kind::Category {
        return Ok(None);
    }
    let codes = batch.codes(at)?;
    let class = |row: &u64| (!codes.is_null(*row as usize - 1)).then(|| codes.value(*row as usize - 1));
    let mut differ = groups(copies);
    differ.retain(|rows| {
        let mut classes = rows.iter().filter_map(class);
        classes.next().is_some_and(|first| classes.any(|other| other != first))
    });
    let count = differ.iter().map(|rows| rows.len() as u64).sum();
    if differ.is_empty() {
        return Ok(None);
    }
    let part = count as f64 / profile.rows.max(1) as f64;
    let severity = if part >= 0.1 { Severity::Severe } else { Severity::Warning };
    let message = format!(
        "{} rows are copies of one another but differ in '{target}': rows {}; no model can be right on all of them",
        share(count, profile.rows),
        shown(&differ)
    );
    let rows: Vec<u64> = differ.iter().flatten().copied().take(5).collect();
    let finding = Finding::new(severity, "conflicting_labels", message).of(&[target]).at(&rows);
    Ok(Some(finding.remedy("correct the labels, or take these rows out")))
}

/// The rows of each set of copies, counted from 1.
fn groups(copies: &Copies) -> Vec<Vec<u64>> {
    let mut rows: Vec<Vec<u64>> = vec![Vec::new(); copies.first.len()];
    for (row, first) in copies.first.iter().enumerate() {
        rows[*first as usize].push(row as u64 + 1);
    }
    rows.retain(|rows| rows.len() > 1);
    rows
}

fn shown(groups: &[Vec<u64>]) -> String {
    let one = |rows: &Vec<u64>| {
        let told: Vec<String> = rows.iter().take(4).map(u64::to_string).collect();
        told.join(" = ") + if rows.len() > 4 { " = …" } else { "" }
    };
    let told: Vec<String> = groups.iter().take(SHOWN).map(one).collect();
    let more = groups.len().saturating_sub(SHOWN);
    told.join("; ") + &if more > 0 { format!("; and {more} more sets") } else { String::new() }
}
