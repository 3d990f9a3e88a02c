//! `tidemill check`: the problems of a table, before anything is learned from it.
//!
//! [`tidemill_data::profile`] counts; this room judges. Each rule is a function from the profile to findings, in the file of what
//! it is about ([`columns`], [`texts`], [`rows`], [`target`]); a new one is a function and a line in its file's list.

mod columns;
mod copies;
mod finding;
mod repairs;
mod rows;
mod target;
mod texts;
mod times;

use serde::Serialize;
use tidemill_core::recipe::{Recipe, Task};
use tidemill_core::{Context, Error, Event, Result, Source, Warning};
use tidemill_data::{InferredSchema, Note, Profile, Weight};
use tidemill_report::words::{EN, Words, counted, fill};

use crate::rows::open_to_learn;

pub(crate) use copies::of_training as of_copies;
pub use finding::{Finding, Severity};
pub use repairs::{Fault, Suggested, repairs};
pub(crate) use target::{LEAST_ROWS, WITHOUT_FEATURES, without_features};

/// What `check` has to say of a table: plain data, from which text, JSON and reports are made.
#[derive(Clone, Debug, Serialize)]
pub struct Audit {
    /// The program that wrote it.
    pub tidemill: &'static str,
    /// Where the rows came from, as the user named it.
    pub source: String,
    /// The verdict in a sentence.
    pub verdict: String,
    /// How many findings are severe.
    pub severe: usize,
    /// How many are warnings.
    pub warnings: usize,
    /// How many are notes.
    pub notes: usize,
    /// What would be predicted.
    pub target: Option<Target>,
    /// What was found, the worst first.
    pub findings: Vec<Finding>,
    /// The figures behind the findings.
    pub profile: Profile,
    /// What else the user should know.
    pub remarks: Vec<Warning>,
}

/// What would be predicted.
#[derive(Clone, Debug, Serialize)]
pub struct Target {
    /// The column.
    pub column: String,
    /// What kind of prediction.
    pub task: Task,
    /// Why it was taken for that.
    pub why: String,
}

/// Audits `source`. What the recipe says of the data is taken as said.
///
/// # Errors
/// Those of reading the source and of [`tidemill_data::infer`].
pub fn check(source: &str, recipe: &Recipe, context: &Context) -> Result<Audit> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(context.threads).build();
    let pool = pool.map_err(|e| Error::internal(format!("starting {} threads: {e}", context.threads)))?;
    pool.install(|| {
        context.tell(&Event::Begin { what: "looking at every row".into(), steps: None });
        let rows = open_to_learn(source, recipe)?;
        check_rows(source, &*rows, recipe, context)
    })
}

/// As [`check`], of rows that are open already.
pub fn check_rows(name: &str, rows: &dyn Source, recipe: &Recipe, context: &Context) -> Result<Audit> {
    context.tell(&Event::Begin { what: "looking at every row".into(), steps: None });
    let (plan, profile) = tidemill_data::profile(rows, recipe, context)?;
    let copied = copies::findings(rows, &plan, &profile, context)?;
    context.tell(&Event::End);
    Ok(audit(name, &plan, profile, copied, context))
}

/// What is wrong with a table of which `profile` was made by `plan`, the worst first.
pub fn findings(plan: &InferredSchema, profile: &Profile) -> Vec<Finding> {
    let mut findings = columns::findings(plan, profile);
    findings.extend(texts::findings(profile));
    findings.extend(times::findings(profile));
    findings.extend(rows::findings(profile));
    findings.extend(target::findings(plan, profile));
    // Within a severity the order of the rules stays.
    findings.sort_by_key(|f| f.severity);
    findings
}

/// What would be wrong of rows with a right answer: a log repeats contexts, and takes one action here and another there.
const OF_LABELS: [&str; 6] =
    ["conflicting_labels", "imbalance", "near_copies", "near_repeats", "rare_class", "repeated_rows"];

/// What was decided in reading where something else was possible, too.
pub fn notes(plan: &InferredSchema) -> Vec<Finding> {
    let finding = |note: &Note| {
        let severity = match note.weight {
            Weight::Severe => Severity::Severe,
            Weight::Warning => Severity::Warning,
            Weight::Remark => Severity::Note,
        };
        let columns: Vec<String> = note.column.iter().cloned().collect();
        let about = note.column.as_ref().map(|name| format!("column '{name}': ")).unwrap_or_default();
        let recipe = lines_of(note);
        let remedy = if recipe.is_some() { "if that is wrong, say so".into() } else { note.remedy.clone() };
        Finding {
            severity,
            code: note.code.clone().into(),
            columns,
            message: about + &note.message,
            rows: Vec::new(),
            remedy,
            recipe,
        }
    };
    plan.notes.iter().map(finding).collect()
}

/// What a note says to write, as lines to paste into a recipe; `None` where it is more or less than that: a setting of its column, or one
/// of `[data]`.
fn lines_of(note: &Note) -> Option<String> {
    let of_data = note.remedy.strip_prefix("[data] ");
    let line = of_data.unwrap_or(&note.remedy);
    let setting = toml::from_str::<toml::Table>(line).is_ok_and(|table| table.len() == 1);
    match of_data {
        _ if !setting => None,
        Some(_) => Some(format!("[data]\n{line}")),
        None => Some(finding::column_line(note.column.as_ref()?, line)),
    }
}

/// Judges a profile that was made by `plan`; `copied` is what the rows themselves show.
fn audit(
    source: &str,
    plan: &InferredSchema,
    profile: Profile,
    copied: Vec<Finding>,
    context: &Context,
) -> Audit {
    let mut findings = findings(plan, &profile);
    findings.extend(copied);
    findings.extend(notes(plan));
    if plan.task == Some(Task::Policy) {
        findings.retain(|finding| !OF_LABELS.contains(&&*finding.code));
    }
    findings.sort_by_key(|f| f.severity);
    let count = |severity| findings.iter().filter(|f| f.severity == severity).count();
    let (severe, warnings, notes) =
        (count(Severity::Severe), count(Severity::Warning), count(Severity::Note));
    let target = plan.target().zip(plan.task).map(|(column, task)| Target {
        column: column.name.clone(),
        task,
        why: plan.why_task.clone(),
    });
    Audit {
        tidemill: env!("CARGO_PKG_VERSION"),
        source: source.to_string(),
        verdict: verdict(&EN, severe, warnings, notes),
        severe,
        warnings,
        notes,
        target,
        findings,
        profile,
        remarks: context.warnings(),
    }
}

/// What so many findings come to, in a sentence.
pub(crate) fn verdict(words: &Words, severe: usize, warnings: usize, notes: usize) -> String {
    let said = &words.story;
    let count = |n: usize, none: &str, forms: [&str; 2]| if n == 0 { none.into() } else { counted(forms, n) };
    let warned = count(warnings, said.audit_warnings_none, [said.audit_warnings_one, said.audit_warnings]);
    let noted = count(notes, said.audit_notes_none, [said.audit_notes_one, said.audit_notes]);
    let faults = counted([said.audit_severe_one, said.audit_severe], severe);
    let template = match severe {
        0 if warnings == 0 => said.audit_sound,
        0 => said.audit_usable,
        _ => said.audit_not_ready,
    };
    fill(template, &[("severe", &faults), ("warnings", &warned), ("notes", &noted)])
}
