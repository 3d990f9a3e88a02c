//! Findings that need the rows themselves: copies by content (near-equal texts, rounded numbers, equal pixels), and images that
//! cannot be read. The rows are read as `train` reads them, so that both see the same copies.

use arrow_array::Array;
use tidemill_core::{Batch, Context, Kind, Result, Role, Source};
use tidemill_data::duplicates::{self, Copies};
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
    let copies = duplicates::find(table.batch(), context)?;
    found.extend(copied(&copies, profile, pictures));
    if let Some(target) = plan.target().filter(|_| plan.task.is_some_and(|task| task.is_classes())) {
        found.extend(conflicts(&copies, table.batch(), &target.name, profile)?);
    }
    Ok(found)
}

/// Rows that copy an earlier one in a way that a hash of the row does not show.
fn copied(copies: &Copies, profile: &Profile, pictures: bool) -> Option<Finding> {
    let equal = if pictures { copies.equal } else { 0 };
    if equal + copies.near == 0 {
        return None;
    }
    let count = (equal + copies.near) as u64;
    let severity = match count as f64 / profile.rows.max(1) as f64 {
        part if part >= 0.5 => Severity::Severe,
        part if part >= 0.01 => Severity::Warning,
        _ => Severity::Note,
    };
    let how = match (equal, copies.near) {
        (_, 0) => "are copies of an earlier one (of images, the pixels count)".to_string(),
        (0, _) => "are nearly equal to an earlier one".to_string(),
        (equal, near) => format!("are copies of an earlier one ({equal} equal, {near} nearly equal)"),
    };
    let groups = groups(copies);
    let message = format!("{} rows {how}: rows {}", share(count, profile.rows), shown(&groups));
    let at: Vec<u64> = groups.iter().flat_map(|g| g[1..].iter().copied()).take(5).collect();
    let remedy = "`train` keeps copies on one side of every split; take them out unless each truly happened on its own";
    Some(Finding::new(severity, "near_copies", message).at(&at).remedy(remedy))
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
