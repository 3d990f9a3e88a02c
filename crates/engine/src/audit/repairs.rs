//! Repairs that the profile of a table suggests; `train` keeps those that help.

use tidemill_core::recipe::Task;
use tidemill_core::{Kind, Role};
use tidemill_data::profile::{ColumnProfile, Variants};
use tidemill_data::{InferredSchema, Profile};

use super::columns::robust_z;
use super::finding::{names, share};

/// Values so many robust deviations from the median are worth a trial.
const FAR: f64 = 8.0;
/// Where more than this share lies outside the fence, that is how the column is distributed.
const OUTSIDE: f64 = 0.1;
/// The share of a column's values that is missing, from which another imputer is worth a trial.
const MISSING: f64 = 0.02;
/// How lopsided a column is, by its 5%, 50% and 95% quantiles (Kelley's skewness), that is worth a trial; an exponential one has 0.57.
const SKEWED: f64 = 0.5;

/// A repair that is worth a trial.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggested {
    /// What is wrong.
    pub fault: Fault,
    /// The columns that it is about; none where it is about the target.
    pub columns: Vec<String>,
    /// What was found, as a sentence without its end.
    pub why: String,
}

/// What may be wrong with the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Names written in several ways.
    Spellings,
    /// Numbers far from the others.
    Outliers,
    /// Numbers that are missing.
    Missing,
    /// Numbers with one long tail.
    Skewed,
    /// A class of few rows.
    RareClass,
}

/// What is worth a trial, in the order of preparation.
pub fn repairs(plan: &InferredSchema, profile: &Profile) -> Vec<Suggested> {
    let rules = [spellings, outliers, missing, skewed];
    let mut found: Vec<Suggested> = rules.iter().filter_map(|rule| rule(profile)).collect();
    let target = profile.columns.iter().find(|c| c.role == Role::Target);
    let task = plan.task.filter(|task| task.is_classes());
    found.extend(target.zip(task).and_then(|(target, task)| rare_class(target, task)));
    found
}

fn of_kind(profile: &Profile, kind: Kind) -> impl Iterator<Item = &ColumnProfile> {
    profile.columns.iter().filter(move |c| c.role == Role::Feature && c.kind == kind)
}

fn named(columns: &[&ColumnProfile]) -> Vec<String> {
    columns.iter().map(|c| c.name.clone()).collect()
}

fn spellings(profile: &Profile) -> Option<Suggested> {
    let columns: Vec<&ColumnProfile> =
        of_kind(profile, Kind::Category).filter(|c| written(c).is_some()).collect();
    let first = columns.first()?;
    let why = format!("{} seem to be one name in column '{}'", names(&written(first)?), first.name);
    Some(Suggested { fault: Fault::Spellings, columns: named(&columns), why })
}

/// The first ways of writing one name; spaces around a name alone are taken off by the intake.
fn written(column: &ColumnProfile) -> Option<Vec<String>> {
    let real = |v: &&Variants| v.names.iter().any(|n| n.name.trim() != v.names[0].name.trim());
    column.variants.iter().find(real).map(|v| v.names.iter().map(|n| n.name.clone()).collect())
}

fn outliers(profile: &Profile) -> Option<Suggested> {
    let far = |c| {
        let column: &ColumnProfile = c;
        let (_, z) = robust_z(column).filter(|(_, z)| *z >= FAR)?;
        let fences = &column.numbers.as_ref()?.fences;
        let outside = fences.iter().find(|f| f.rule == "robust_z")?.outside.count;
        let few = outside as f64 <= OUTSIDE * column.values as f64;
        (column.distinct.count > 10 && few).then_some((column, z, outside))
    };
    let found: Vec<(&ColumnProfile, f64, u64)> = of_kind(profile, Kind::Number).filter_map(far).collect();
    let (farthest, z, outside) = found.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let why = format!(
        "values of column '{}' lie up to {z:.0} robust deviations from the median, {} beyond 3.5",
        farthest.name,
        share(*outside, farthest.values)
    );
    let columns = found.iter().map(|(c, ..)| c.name.clone()).collect();
    Some(Suggested { fault: Fault::Outliers, columns, why })
}

fn missing(profile: &Profile) -> Option<Suggested> {
    let numbers: Vec<&ColumnProfile> = of_kind(profile, Kind::Number).filter(|c| c.values > 0).collect();
    let most = numbers.iter().max_by_key(|c| c.missing.count)?;
    // One column alone cannot be predicted from others.
    if numbers.len() < 2 || (most.missing.count as f64) < MISSING * profile.rows as f64 {
        return None;
    }
    let why = format!("column '{}' misses {} values", most.name, share(most.missing.count, profile.rows));
    Some(Suggested { fault: Fault::Missing, columns: named(&numbers), why })
}

fn skewed(profile: &Profile) -> Option<Suggested> {
    let kelley = |c| {
        let column: &ColumnProfile = c;
        let quantiles = &column.numbers.as_ref()?.quantiles;
        let at = |q: f64| quantiles.iter().find(|known| known[0] == q).map(|known| known[1]);
        let (low, mid, high) = (at(0.05)?, at(0.5)?, at(0.95)?);
        let skewness = ((high - mid) - (mid - low)) / (high - low);
        (column.distinct.count > 20 && skewness.abs() >= SKEWED).then_some((column, skewness))
    };
    let found: Vec<(&ColumnProfile, f64)> = of_kind(profile, Kind::Number).filter_map(kelley).collect();
    let (first, skewness) = found.first()?;
    let why = format!("column '{}' has one long tail (Kelley's skewness {skewness:.2})", first.name);
    let columns = found.iter().map(|(c, _)| c.name.clone()).collect();
    Some(Suggested { fault: Fault::Skewed, columns, why })
}

fn rare_class(target: &ColumnProfile, task: Task) -> Option<Suggested> {
    super::target::imbalance(target, task)?;
    let least = target.top.last()?;
    let why = format!("class '{}' has only {} rows", least.name, share(least.count, target.values));
    Some(Suggested { fault: Fault::RareClass, columns: Vec::new(), why })
}
