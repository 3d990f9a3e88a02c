//! Findings about the target: leaks, imbalance, rare classes, conflicting labels, missing answers.

use tidemill_core::Role;
use tidemill_core::recipe::Task;
use tidemill_data::parse::plain_number;
use tidemill_data::profile::ColumnProfile;
use tidemill_data::{InferredSchema, Profile};

use super::finding::{Finding, Severity, ignore, list, names, share};
use super::rows::{about, by_nature, told};

/// A class of fewer rows cannot be in every fold.
const FOLDS: u64 = 10;

/// From fewer rows with a target nothing is learned.
pub(crate) const LEAST_ROWS: u64 = 10;
/// What to do where no column is left to learn from.
pub(crate) const WITHOUT_FEATURES: &str = "give a column the role 'feature' in the recipe's [columns]";

/// Why no column is left to learn from.
pub(crate) fn without_features(plan: &InferredSchema) -> String {
    let left_out = plan.columns.iter().filter(|c| c.role == Role::Ignore);
    let reasons: Vec<String> = left_out.map(|c| format!("'{}': {}", c.name, c.why)).collect();
    match reasons.as_slice() {
        [] => "there is no column but the target: nothing to learn from".into(),
        reasons => format!("no column is left to learn from ({})", reasons.join("; ")),
    }
}

pub(super) fn findings(plan: &InferredSchema, profile: &Profile) -> Vec<Finding> {
    let mut found = leaks(plan);
    if plan.target().is_some() && !plan.columns.iter().any(|c| matches!(c.role, Role::Feature | Role::Time)) {
        let finding = Finding::new(Severity::Severe, "nothing_to_learn", without_features(plan));
        found.push(finding.remedy(WITHOUT_FEATURES));
    }
    let Some(target) = profile.columns.iter().find(|c| c.role == Role::Target) else { return found };
    if target.values < LEAST_ROWS {
        let message =
            format!("{} rows with a target are too few to learn from and to judge by", target.values);
        let finding = Finding::new(Severity::Severe, "too_few_rows", message).of(&[&target.name]);
        found.push(finding.remedy("gather at least 10, better some hundreds"));
    }
    found.extend(unlabelled(target, profile.rows));
    found.extend(conflicts(target, profile));
    if let Some(task) = plan.task.filter(|task| task.is_classes()) {
        found.extend(placeholders(target));
        found.extend(rare_classes(target));
        found.extend(imbalance(target, task));
    }
    found
}

fn leaks(plan: &InferredSchema) -> Vec<Finding> {
    let one = |leak: &tidemill_data::Leak| {
        let columns: Vec<&str> = leak.columns.iter().map(String::as_str).collect();
        let (severity, surely) = match leak.exact {
            true => (Severity::Severe, "in every row looked at"),
            false => (Severity::Warning, "in nearly every row looked at"),
        };
        let message = format!("the target leaks {surely}: {}", leak.how);
        let finding = Finding::new(severity, "leak", message).of(&columns);
        let remedy = format!(
            "if {} not known when predicting, leave out",
            match columns.as_slice() {
                [one] => format!("'{one}' is"),
                all => format!("{} are", names(all)),
            }
        );
        finding.remedy(remedy).recipe(ignore(&columns))
    };
    plan.leaks.iter().map(one).collect()
}

fn unlabelled(target: &ColumnProfile, n_rows: u64) -> Option<Finding> {
    if target.missing.is_empty() {
        return None;
    }
    let part = target.missing.count as f64 / n_rows.max(1) as f64;
    let severity = if part >= 0.05 { Severity::Warning } else { Severity::Note };
    let message = format!(
        "target '{}' is missing in {} rows, which teach nothing",
        target.name,
        share(target.missing.count, n_rows)
    );
    let finding = Finding::new(severity, "unlabelled", message).of(&[&target.name]).at(&target.missing.rows);
    Some(
        finding
            .remedy("nothing: they are left out; if they are not missing by chance, the model will not know"),
    )
}

fn conflicts(target: &ColumnProfile, profile: &Profile) -> Option<Finding> {
    let conflicts = profile.repeats.conflicts.as_ref().filter(|c| c.rows > 0)?;
    let part = conflicts.errors_at_least as f64 / profile.rows.max(1) as f64;
    let severity = match part {
        // Of a few categories, equal rows are no copies, and classes overlap.
        _ if part >= 0.01 && by_nature(profile) => Severity::Warning,
        _ if part >= 0.1 => Severity::Severe,
        _ if part >= 0.01 => Severity::Warning,
        _ => Severity::Note,
    };
    let message = format!(
        "{}{} rows have the same features as another row but another '{}' (rows {}): no model can be right on {} of them",
        about(profile.repeats.exact),
        share(conflicts.rows, profile.rows),
        target.name,
        told(&conflicts.groups),
        conflicts.errors_at_least
    );
    let at: Vec<u64> = conflicts.groups.iter().flat_map(|g| g.rows.iter().copied()).take(5).collect();
    let finding = Finding::new(severity, "conflicting_labels", message).of(&[&target.name]).at(&at);
    let remedy =
        "correct the labels or add what tells these rows apart; choose by probabilities, not by hits";
    Some(finding.remedy(remedy).recipe("[train]\nmetric = \"log_loss\""))
}

/// Words that stand in a column of classes where nobody gave one, and what a spreadsheet writes in place of a value.
const PLACEHOLDERS: &[&str] = &[
    "unknown",
    "unk",
    "undefined",
    "unlabelled",
    "unlabeled",
    "unassigned",
    "not available",
    "not known",
    "not set",
    "tbd",
    "tba",
    "todo",
    "to be determined",
    "unbekannt",
    "inconnu",
    "desconocido",
    "sconosciuto",
    "onbekend",
    "неизвестно",
    "未知",
    "不明",
    "#div/0!",
    "#ref!",
    "#value!",
    "#name?",
    "#num!",
    "#null!",
    "#error!",
];

/// Classes that say that the class is not known.
fn placeholders(target: &ColumnProfile) -> Option<Finding> {
    let is_one = |name: &str| PLACEHOLDERS.contains(&name.trim().to_lowercase().as_str());
    let apart = number_apart(target);
    let found: Vec<_> =
        target.top.iter().filter(|c| is_one(&c.name) || apart.as_ref() == Some(&c.name)).collect();
    // Of two classes, "unknown" may well be the question.
    if found.is_empty() || target.distinct.count <= 2 {
        return None;
    }
    let words: Vec<&str> = found.iter().map(|class| class.name.as_str()).collect();
    let rows: u64 = found.iter().map(|class| class.count).sum();
    let message = format!(
        "target '{}' has the class{} {} ({} rows), which may stand for no answer; the model learns to predict {}",
        target.name,
        if words.len() == 1 { "" } else { "es" },
        names(&words),
        share(rows, target.values),
        if words.len() == 1 { "it" } else { "them" },
    );
    let finding = Finding::new(Severity::Warning, "placeholder_class", message).of(&[&target.name]);
    // `missing` holds of every column, and in most a 9 or a 99 is a value.
    if apart.is_some_and(|code| code.trim_start_matches('-').len() < 3) {
        return Some(
            finding
                .remedy("if so, empty these cells in the file: in other columns the number may be a value"),
        );
    }
    Some(finding.remedy("if so, say it").recipe(format!("[data]\nmissing = {}", list(&words))))
}

/// The class among whole numbers that is written for "no answer" in codes of answers, such as 9, 99 or -8, and lies further from all
/// others than these from each other.
fn number_apart(target: &ColumnProfile) -> Option<String> {
    let number = |name: &str| plain_number(name).filter(|x| x.fract() == 0.0);
    let classes: Vec<(&str, f64)> =
        target.top.iter().map(|c| Some((c.name.as_str(), number(&c.name)?))).collect::<Option<_>>()?;
    let complete = target.distinct.count <= classes.len() as u64;
    let is_code = |name: &str| {
        let digits = name.trim_start_matches('-').as_bytes();
        let least = if name.starts_with('-') || digits.len() > 1 { b'7' } else { b'9' };
        digits.first().is_some_and(|first| *first >= least && digits.iter().all(|d| d == first))
    };
    let is_apart = |(name, x): &(&str, f64)| {
        let others: Vec<f64> = classes.iter().map(|c| c.1).filter(|other| other != x).collect();
        let least = others.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = others.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        is_code(name) && (least - x).max(x - greatest) > greatest - least
    };
    classes.iter().find(|class| complete && is_apart(class)).map(|class| class.0.to_string())
}

/// Classes with fewer rows than there are folds. Of more than ten classes the rarest cannot all be seen.
fn rare_classes(target: &ColumnProfile) -> Option<Finding> {
    let complete = target.distinct.count <= target.top.len() as u64;
    let rare: Vec<_> = target.top.iter().filter(|class| class.count < FOLDS).collect();
    if rare.is_empty() {
        return None;
    }
    if !complete && rare.len() == target.top.len() {
        let message = format!(
            "target '{}' has {} classes, and none of {FOLDS} rows or more: most are too rare to learn from and to judge by",
            target.name, target.distinct.count
        );
        let finding = Finding::new(Severity::Warning, "rare_class", message).of(&[&target.name]);
        return Some(finding.remedy("gather more rows of each class, or put classes together"));
    }
    let shown: Vec<String> = rare.iter().map(|c| format!("{} ({})", c.name, c.count)).collect();
    let message =
        format!("target '{}' has classes of fewer than {FOLDS} rows: {}", target.name, shown.join(", "));
    let finding = Finding::new(Severity::Warning, "rare_class", message).of(&[&target.name]);
    let remedy = "too few to learn from and to judge by: gather more, put them together, or use fewer folds";
    Some(finding.remedy(remedy).recipe("[folds]\nn = 3"))
}

pub(super) fn imbalance(target: &ColumnProfile, task: Task) -> Option<Finding> {
    let n: u64 = target.values;
    let (most, least) = (target.top.first()?, target.top.last()?);
    let known = target.distinct.count <= target.top.len() as u64;
    // Of many classes a tenth is much; what counts is how far the rarest is below its fair share.
    let fair = n as f64 / target.distinct.count.max(1) as f64;
    if !known || least.count as f64 >= 0.2 * fair {
        return None;
    }
    let message = format!(
        "target '{}' is unbalanced: '{}' has {} rows, '{}' only {}; always saying '{}' is right in {:.1}%",
        target.name,
        most.name,
        most.count,
        least.name,
        share(least.count, n),
        most.name,
        100.0 * most.count as f64 / n as f64
    );
    let metric = if task == Task::Binary { "average_precision" } else { "balanced_accuracy" };
    let finding = Finding::new(Severity::Warning, "imbalance", message).of(&[&target.name]);
    let remedy = "do not judge by accuracy; choose by a metric that looks at the rare class";
    Some(finding.remedy(remedy).recipe(format!("[train]\nmetric = \"{metric}\"")))
}
