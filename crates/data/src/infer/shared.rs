//! Names that repeat and whose rows share their target: the rows of a patient, a customer, a device. A model that has seen one of
//! them knows the others, so they become the group, and no split divides them.

use hashbrown::HashMap;
use tidemill_core::recipe::{Copies, Recipe};
use tidemill_core::{Batch, Kind, Result, Role};

use super::as_text;
use super::hints::Hints;
use super::identity::Identity;
use crate::parse::{Format, Missing, plain_number};
use crate::plan::{InferredColumn, InferredSchema};

/// How much of what chance leaves open the name must say: Cohen's kappa of two rows of one name, or for numbers the share of the
/// variance between names.
const SHARED: f64 = 0.8;
/// What it must say where the values repeat so often that the column could be a feature.
const ALL: f64 = 0.999;
/// Fewer names than this that repeat are too few to tell.
const FEWEST: usize = 10;
/// Classes of a target that is read as classes, at most.
const CLASSES: usize = 50;

/// The columns that may name what rows belong to: those that were set aside as identifiers that repeat, and columns that nothing was
/// said about whose own name says so. In each case how much they must say.
pub(super) fn candidates(columns: &[(InferredColumn, Identity)], recipe: &Recipe) -> Vec<(usize, f64)> {
    let told = |name: &str| recipe.columns.get(name).is_some_and(|c| c.role.is_some() || c.kind.is_some());
    let needed = |(at, (column, identity)): (usize, &(InferredColumn, Identity))| {
        let named = Hints::of(&column.name);
        let is_name =
            named.person() || (named.identifier() && matches!(column.kind, Kind::Category | Kind::Text));
        match identity {
            Identity::Blurred => Some((at, SHARED)),
            Identity::None if column.role == Role::Feature && is_name && !told(&column.name) => {
                Some((at, ALL))
            }
            _ => None,
        }
    };
    columns.iter().enumerate().filter_map(needed).collect()
}

/// Makes the column of the fewest names among those that say enough the group, where the recipe names none and does not ignore
/// copies.
pub(super) fn group(
    plan: &mut InferredSchema,
    candidates: &[(usize, f64)],
    rows: &Batch,
    recipe: &Recipe,
    missing: &Missing,
) -> Result<()> {
    let target = plan.columns.iter().position(|c| c.role == Role::Target);
    let (Some(target), None) = (target, plan.role(Role::Group)) else { return Ok(()) };
    if recipe.split.copies == Copies::Ignore || recipe.forecast.is_some() {
        return Ok(());
    }
    let truth = Truth::of(&as_text(rows, target)?, missing);
    let mut best: Option<(usize, usize)> = None;
    for &(at, needed) in candidates {
        let texts = as_text(rows, at)?;
        let names = texts.iter().map(|text| text.map(str::trim).filter(|text| !missing.is(text)));
        let groups = groups(names);
        let repeated = groups.values().filter(|rows| rows.len() > 1).count();
        if repeated < FEWEST || (needed == ALL && 2 * repeated < groups.len()) {
            continue;
        }
        if truth.shared(&groups) >= needed && best.is_none_or(|(_, fewest)| groups.len() < fewest) {
            best = Some((at, groups.len()));
        }
    }
    if let Some((at, _)) = best {
        let column = &mut plan.columns[at];
        (column.role, column.kind, column.format) = (Role::Group, Kind::Category, Format::Plain);
        column.declared = true;
        column.missing.clear();
        column.why = "names what several rows belong to, and these share their target: they stay on one side of every split".into();
    }
    Ok(())
}

/// The rows of each name, in the order of the table.
fn groups<'a>(names: impl Iterator<Item = Option<&'a str>>) -> HashMap<&'a str, Vec<usize>> {
    let mut groups: HashMap<&str, Vec<usize>> = HashMap::new();
    for (row, name) in names.enumerate() {
        if let Some(name) = name {
            groups.entry(name).or_default().push(row);
        }
    }
    groups
}

/// What is to be predicted, row by row.
enum Truth {
    Classes { codes: Vec<Option<usize>>, n: usize },
    Numbers(Vec<Option<f64>>),
}

impl Truth {
    fn of(texts: &arrow_array::StringArray, missing: &Missing) -> Self {
        let texts: Vec<Option<&str>> =
            texts.iter().map(|text| text.map(str::trim).filter(|text| !missing.is(text))).collect();
        let mut names: HashMap<&str, usize> = HashMap::new();
        let codes = texts.iter().map(|text| {
            let next = names.len();
            text.map(|text| *names.entry(text).or_insert(next))
        });
        let codes: Vec<Option<usize>> = codes.collect();
        let numbers: Vec<Option<f64>> = texts.iter().map(|text| text.and_then(plain_number)).collect();
        let all = texts.iter().zip(&numbers).all(|(text, number)| text.is_none() == number.is_none());
        match all && names.len() > CLASSES {
            true => Truth::Numbers(numbers),
            false => Truth::Classes { codes, n: names.len() },
        }
    }

    /// How much two rows of one name agree beyond chance: 1 where they always do, 0 where the name says nothing.
    fn shared(&self, groups: &HashMap<&str, Vec<usize>>) -> f64 {
        match self {
            Truth::Classes { codes, n } => kappa(codes, *n, groups),
            Truth::Numbers(numbers) => between(numbers, groups),
        }
    }
}

/// Cohen's kappa over all pairs of rows of one name.
fn kappa(codes: &[Option<usize>], n: usize, groups: &HashMap<&str, Vec<usize>>) -> f64 {
    // Whole numbers, so that the order of the names does not tell.
    let (mut pairs, mut equal, mut totals) = (0u64, 0u64, vec![0u64; n]);
    for rows in groups.values() {
        let mut counts: HashMap<usize, u64> = HashMap::new();
        rows.iter().filter_map(|&row| codes[row]).for_each(|code| *counts.entry(code).or_default() += 1);
        let all: u64 = counts.values().sum();
        pairs += all * all.saturating_sub(1);
        equal += counts.values().map(|n| n * (n - 1)).sum::<u64>();
        if all > 1 {
            // Each name says its class once, or large ones would make chance look certain.
            counts.keys().for_each(|&code| totals[code] += 1);
        }
    }
    let all: u64 = totals.iter().sum();
    if pairs == 0 || all == 0 {
        return 0.0;
    }
    let chance: f64 = totals.iter().map(|&n| (n as f64 / all as f64).powi(2)).sum();
    let agree = equal as f64 / pairs as f64;
    if chance < 1.0 { (agree - chance) / (1.0 - chance) } else { 0.0 }
}

/// The intraclass correlation of a one-way analysis of variance (Shrout and Fleiss 1979), over names of several rows.
fn between(numbers: &[Option<f64>], groups: &HashMap<&str, Vec<usize>>) -> f64 {
    let mut several: Vec<Vec<f64>> = Vec::new();
    let mut ordered: Vec<&Vec<usize>> = groups.values().collect();
    ordered.sort_unstable();
    for rows in ordered {
        let values: Vec<f64> = rows.iter().filter_map(|&row| numbers[row]).collect();
        if values.len() > 1 {
            several.push(values);
        }
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (k, n) = (several.len() as f64, several.iter().map(Vec::len).sum::<usize>() as f64);
    if k < 2.0 {
        return 0.0;
    }
    let grand = several.iter().flatten().sum::<f64>() / n;
    let (mut among, mut within) = (0.0, 0.0);
    for values in &several {
        let own = mean(values);
        among += values.len() as f64 * (own - grand).powi(2);
        within += values.iter().map(|x| (x - own).powi(2)).sum::<f64>();
    }
    let squares: f64 = several.iter().map(|values| (values.len() as f64).powi(2)).sum();
    let size = (n - squares / n) / (k - 1.0);
    let (among, within) = (among / (k - 1.0), within / (n - k));
    let total = among + (size - 1.0) * within;
    if total > 0.0 { (among - within) / total } else { 0.0 }
}
