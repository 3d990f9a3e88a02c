//! What is to be predicted: the task, the classes in their order, and which of them counts as positive.

use tidemill_core::recipe::{Recipe, Task};
use tidemill_core::{Batch, Error, Kind, Result, Role, nearest};

use super::as_text;
use super::facts::Facts;
use super::hints::Hints;
use super::locale::Locale;
use crate::cell::clip;
use crate::parse::{Format, Missing, plain_number, spelling, yes_or_no};
use crate::plan::{InferredSchema, Note, Weight, class_order};

/// Whole numbers up to so many different ones may be classes.
const FEW: usize = 20;

/// Names of what one looks for: where one class has such a name and the other has not, it is the positive one.
const POSITIVE: &[&str] = &[
    "positive",
    "pos",
    "malignant",
    "spam",
    "fraud",
    "fraudulent",
    "churn",
    "churned",
    "success",
    "successful",
    "won",
    "win",
    "default",
    "defaulted",
    "sick",
    "ill",
    "disease",
    "diseased",
    "died",
    "dead",
    "failed",
    "failure",
    "fail",
    "attack",
    "anomaly",
    "abnormal",
    "clicked",
    "click",
    "bought",
    "converted",
    "approved",
    "accepted",
    "pass",
    "passed",
    ">50k",
    "high",
    "case",
    "event",
    "present",
];

/// Sets kind and format of the target's column, and the plan's task and classes.
pub(super) fn decide(
    plan: &mut InferredSchema,
    rows: &Batch,
    recipe: &Recipe,
    missing: &Missing,
    locale: &Locale,
) -> Result<()> {
    let Some(at) = plan.columns.iter().position(|c| c.role == Role::Target) else {
        plan.why_task = "no target was named".into();
        return Ok(());
    };
    let name = plan.columns[at].name.clone();
    if are_masks(plan, at, recipe)? {
        return Ok(());
    }
    let texts = as_text(rows, at)?;
    let missing = missing.clone().but(&plan.columns[at].values);
    let facts = Facts::of(&texts, &missing).without(&plan.columns[at].missing);
    let respelled = !plan.columns[at].merged && spelling::repeats(&facts.values);
    let written: Vec<&str> = facts.values.iter().map(|v| v.0).collect();
    let read = spelling::merged(&facts.values, &[]);
    let facts = if plan.columns[at].merged || respelled { facts.merged() } else { facts };
    check_varies(&name, &facts)?;
    let column = &plan.columns[at];
    let (task, why) = match recipe.data.task {
        Some(task) => asked(task, &name, &facts)?,
        None => task(&name, column.kind, column.declared, &facts)?,
    };
    (plan.task, plan.why_task) = (Some(task), why);
    if let Some(positive) = recipe.data.positive.as_deref().filter(|_| task == Task::Regression) {
        return Err(positive_of_number(positive, &name, &plan.why_task));
    }
    if task == Task::Regression {
        return regression(plan, at, &facts, locale);
    }
    let classes = classes(plan, task, &name, &facts, recipe.data.positive.as_deref())?;
    if respelled {
        plan.notes.push(one_spelling(&name, &written, &read));
    }
    let column = &mut plan.columns[at];
    column.merged |= respelled;
    (column.kind, column.format, column.declared) = (Kind::Category, Format::Plain, true);
    column.categories = classes.clone();
    plan.classes = classes;
    Ok(())
}

/// Whether the target's column names pictures, which are then masks.
fn are_masks(plan: &mut InferredSchema, at: usize, recipe: &Recipe) -> Result<bool> {
    let column = &mut plan.columns[at];
    let name = &column.name;
    if column.kind == Kind::Image {
        column.declared = true;
        (plan.task, plan.why_task) = (Some(Task::Masks), format!("target '{name}' names pictures: masks"));
        return Ok(true);
    }
    if recipe.data.task == Some(Task::Masks) {
        return Err(Error::data(
            format!("the task is masks, but target '{name}' does not name pictures that are there"),
            "name the files of the masks by paths below the table's folder, such as masks/1.png, or leave the task out",
        ));
    }
    Ok(false)
}

/// Refuses a target with fewer than two values.
fn check_varies(name: &str, facts: &Facts<'_>) -> Result<()> {
    match facts.n_distinct() {
        0 => Err(Error::data(
            format!("target '{name}' is missing in every row"),
            "name another column with --target",
        )),
        1 => Err(Error::data(
            format!("target '{name}' is constant: every row says '{}'", clip(facts.values[0].0)),
            "name another column with --target, or give rows of more than one outcome",
        )),
        _ => Ok(()),
    }
}

/// The task that the recipe names, unless nearly every value is a class of its own.
fn asked(task: Task, name: &str, facts: &Facts<'_>) -> Result<(Task, String)> {
    if task == Task::Multiclass && facts.n_values > 20 && facts.distinct_ratio() > 0.9 {
        return Err(Error::data(
            format!(
                "the task is multiclass, but target '{name}' has {} different values in {} rows: nothing repeats that could be learned",
                facts.n_distinct(),
                facts.n_values
            ),
            "leave the task out or set it to regression, or name a target whose values repeat",
        ));
    }
    Ok((task, "the recipe or --task says so".to_string()))
}

/// A positive class was named, and the target is a number.
fn positive_of_number(positive: &str, name: &str, why: &str) -> Error {
    Error::data(
        format!(
            "'{}' is named as the positive class (--positive), and target '{name}' is a number: {why}",
            clip(positive)
        ),
        "leave --positive (data.positive) out, or say task = \"binary\" (--task binary)",
    )
}

/// What is said of a target whose classes are numbers or words of yes and no, written in several ways.
fn one_spelling(name: &str, written: &[&str], read: &[&str]) -> Note {
    let differ = written.iter().zip(read).filter(|(text, class)| text != class);
    let pairs: Vec<String> =
        differ.map(|(text, class)| format!("'{}' as '{}'", clip(text), clip(class))).collect();
    let message = format!("other ways of writing a class are read as that class: {}", pairs.join(", "));
    Note::of(name, "spellings_merged", Weight::Warning, message, "write the classes in one way")
}

/// The task that the values suggest: two of them are binary; words, or few whole numbers that repeat, are classes; else a number.
fn task(name: &str, kind: Kind, declared: bool, facts: &Facts<'_>) -> Result<(Task, String)> {
    let d = facts.n_distinct();
    let quantity = |why: &str| Ok((Task::Regression, format!("target '{name}' {why}")));
    if declared && kind == Kind::Number {
        return quantity("is a number, as its kind in the recipe says");
    }
    if d == 2 {
        let (a, b) = (facts.values[0].0, facts.values[1].0);
        return Ok((
            Task::Binary,
            format!("target '{name}' has two values, '{}' and '{}'", clip(a), clip(b)),
        ));
    }
    match kind {
        Kind::Number => {}
        Kind::Time => {
            return Err(Error::data(
                format!("target '{name}' is a time, and timestamps cannot be predicted"),
                "predict a number, such as the days until then, or set its kind to category",
            ));
        }
        _ if facts.distinct_ratio() > 0.9 && facts.n_values > 20 => {
            return Err(Error::data(
                format!(
                    "target '{name}' has {d} different values in {} rows: there is nothing to learn from",
                    facts.n_values
                ),
                "name a target whose values repeat; for numbers written in an unusual way set its kind and format",
            ));
        }
        _ => return Ok((Task::Multiclass, format!("target '{name}' has {d} different names"))),
    }
    let numbers: Option<Vec<f64>> = facts.values.iter().map(|v| plain_number(v.0)).collect();
    let whole = numbers.is_some_and(|numbers| numbers.iter().all(|x| x.fract() == 0.0));
    if !whole {
        return quantity("has numbers with decimals or decorations");
    }
    if d > FEW {
        return quantity(&format!("has {d} different whole numbers"));
    }
    if facts.n_values < 5 * d as u64 {
        return quantity(&format!("has {d} whole numbers that hardly repeat"));
    }
    if Hints::of(name).count() {
        return quantity("has few whole numbers, but its name says a count or an amount");
    }
    Ok((Task::Multiclass, format!("target '{name}' has only {d} different whole numbers")))
}

fn regression(plan: &mut InferredSchema, at: usize, facts: &Facts<'_>, locale: &Locale) -> Result<()> {
    let column = &mut plan.columns[at];
    let was_number = column.kind == Kind::Number;
    column.kind = Kind::Number;
    column.declared = true;
    if was_number {
        return Ok(());
    }
    match super::numbers::number(facts, locale) {
        Some(found) => {
            column.format =
                if found.format.is_plain() { Format::Plain } else { Format::Number(found.format) };
            column.missing = found.missing;
            Ok(())
        }
        None => Err(Error::data(
            format!(
                "the task is regression, but target '{}' holds '{}', which is not a number",
                column.name,
                clip(facts.values[0].0)
            ),
            "leave the task out or set it to binary or multiclass; for an unusual way of writing set the column's format",
        )),
    }
}

fn classes(
    plan: &mut InferredSchema,
    task: Task,
    name: &str,
    facts: &Facts<'_>,
    positive: Option<&str>,
) -> Result<Vec<String>> {
    let names: Vec<String> = facts.values.iter().map(|v| v.0.to_string()).collect();
    let mut classes = class_order(&names);
    if task != Task::Binary {
        return match positive {
            Some(_) => Err(Error::parameter(
                "data.positive",
                format!(
                    "only a binary task has a positive class, and target '{name}' has {} classes",
                    classes.len()
                ),
            )),
            None => Ok(classes),
        };
    }
    if classes.len() != 2 {
        return Err(Error::data(
            format!(
                "the task is binary, but target '{name}' has {} values: '{}', '{}', '{}', …",
                classes.len(),
                classes[0],
                classes[1],
                classes[2]
            ),
            "set the task to multiclass, or name the values to leave out in [data] missing",
        ));
    }
    let count = |class: &str| facts.values.iter().find(|v| v.0 == class).map_or(0, |v| v.1);
    let (index, why) = match positive {
        Some(told) => (told_positive(told, &classes, name)?, "as told"),
        None => positive_of(&classes, &count),
    };
    if index == 0 {
        classes.swap(0, 1);
    }
    plan.why_task += &format!("; '{}' counts as positive: {why}", clip(&classes[1]));
    plan.positive = Some(classes[1].clone());
    Ok(classes)
}

fn told_positive(told: &str, classes: &[String], name: &str) -> Result<usize> {
    let same = |class: &String| {
        class == told.trim() || plain_number(class).is_some_and(|x| plain_number(told) == Some(x))
    };
    classes.iter().position(same).ok_or_else(|| {
        let near = nearest(told, classes.iter().map(String::as_str)).unwrap_or(&classes[1]);
        Error::parameter(
            "data.positive",
            format!(
                "target '{name}' has no value '{told}', only '{}' and '{}'; did you mean '{near}'?",
                classes[0], classes[1]
            ),
        )
    })
}

/// Which of two classes, each with its rows, `train` takes as positive: its place.
///
/// ```
/// assert_eq!(tidemill_data::positive_class([("ja", 10), ("nein", 20)]), 0);
/// assert_eq!(tidemill_data::positive_class([("legit", 90), ("fraud", 10)]), 1);
/// ```
pub fn positive_class(classes: [(&str, u64); 2]) -> usize {
    let count = |class: &str| classes.iter().find(|known| known.0 == class).map_or(0, |known| known.1);
    positive_of(&classes.map(|known| known.0.to_string()), &count).0
}

/// Which of two classes counts as positive, and why.
fn positive_of(classes: &[String], count: &dyn Fn(&str) -> u64) -> (usize, &'static str) {
    let only = |holds: &dyn Fn(&str) -> bool| match (holds(&classes[0]), holds(&classes[1])) {
        (true, false) => Some(0),
        (false, true) => Some(1),
        _ => None,
    };
    if classes.iter().all(|c| plain_number(c).is_some()) {
        return (1, "the greater number");
    }
    if let Some(at) = only(&|c| yes_or_no(c) == Some(true)) {
        return (at, "it means yes");
    }
    if let Some(at) = only(&|c| POSITIVE.contains(&c.to_lowercase().trim_end_matches('.'))) {
        return (at, "its name says so");
    }
    // Of `smoker` and `non-smoker` the positive one is the plain word.
    let folded: Vec<String> = classes.iter().map(|c| c.to_lowercase()).collect();
    for (at, other) in [(0, 1), (1, 0)] {
        let denied =
            ["not ", "not_", "not-", "no ", "no_", "no-", "non", "non-", "non ", "non_", "un", "in", "un-"];
        if denied.iter().any(|no| folded[other] == format!("{no}{}", folded[at])) {
            return (at, "the other denies it");
        }
    }
    let (a, b) = (count(&classes[0]), count(&classes[1]));
    if a == b {
        (1, "the later of two equally frequent names")
    } else {
        (usize::from(b < a), "the rarer of the two")
    }
}
