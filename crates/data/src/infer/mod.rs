//! What the columns of a source mean, decided by stated rules and never in silence: every decision carries its reason.
//!
//! 1. A column is looked at through up to 100,000 rows spread evenly over the source.
//! 2. Its kind: words of yes and no are a flag; what reads as numbers in one way of writing is a number, unless it has leading
//!    zeros or a name that says code (then a category); what reads as dates is a time; paths of pictures that are there are
//!    images; words are categories, or free text when they are many and rarely repeat.
//! 3. Its role: what the recipe says; else columns that name rows are recognised by values that all differ, together with the
//!    name, their sequence or their shape. The first clear one becomes the key, others are ignored, as are constant and empty columns.
//! 4. The task follows from the target: see [`tidemill_core::recipe::Data::task`].
//! 5. Columns that give the target away are looked for, alone and in sums, differences, means, products and ratios.
//!
//! A value that cannot be read is tolerated in up to 1% of a column's values (in small tables: 1 of 20, 2 of 40 and more).

mod column;
mod facts;
mod formats;
mod hints;
mod identity;
mod leaks;
mod pictures;
mod sample;
mod target;

use std::path::Path;

use arrow_array::StringArray;
use rayon::prelude::*;
use tidemill_core::recipe::Recipe;
use tidemill_core::{Batch, Column, Context, Error, Kind, Result, Role, Source};

use crate::cell::{Raw, RawColumn, written_number};
use crate::parse::{FlagFormat, Format, Missing, plain_number};
use crate::plan::{ColumnPlan, Plan, is_readable};
use column::{Verdict, judge, role_of};
use facts::Facts;
use identity::Identity;
use sample::SAMPLE_ROWS;
pub(crate) use sample::Sample;

/// Decides what every column of `source` means. What the recipe says is taken as said; the rest is inferred.
///
/// Errors when the recipe names a column that is not there (with the nearest name), when the target says nothing (missing or the
/// same in every row) or does not suit the task, and when two columns are given the same single role.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, StringArray};
/// use tidemill_core::recipe::{Recipe, Task};
/// use tidemill_core::{Batch, Column, Context, Kind, Schema, Table};
///
/// let schema = Arc::new(Schema::new(vec![Column::new("price", Kind::Text), Column::new("sold", Kind::Text)])?);
/// let price: ArrayRef = Arc::new(StringArray::from(vec!["$1,200", "$950", "$1,100", "$999"]));
/// let sold: ArrayRef = Arc::new(StringArray::from(vec!["yes", "no", "yes", "no"]));
/// let table = Table::new(Batch::new(schema, vec![price, sold])?);
/// let mut recipe = Recipe::default();
/// recipe.data.target = Some("sold".into());
/// let plan = tidemill_data::infer(&table, &recipe, &Context::default())?;
/// assert_eq!(plan.columns[0].kind, Kind::Number);
/// assert_eq!(plan.columns[0].format.to_string(), "thousands_comma+currency");
/// assert_eq!((plan.task, plan.classes), (Some(Task::Binary), vec!["no".to_string(), "yes".to_string()]));
/// # Ok::<(), tidemill_core::Error>(())
/// ```
pub fn infer(source: &dyn Source, recipe: &Recipe, context: &Context) -> Result<Plan> {
    Ok(infer_sampled(source, recipe, context)?.0)
}

/// As [`infer`], with the rows that were looked at.
pub(crate) fn infer_sampled(
    source: &dyn Source,
    recipe: &Recipe,
    context: &Context,
) -> Result<(Plan, Sample)> {
    check_names(recipe, source)?;
    let sample = Sample::of(source, SAMPLE_ROWS, context)?;
    if sample.n_rows == 0 {
        return Err(Error::data("the data have no rows", "give rows to learn from"));
    }
    let missing = Missing::new(recipe.data.missing.iter().map(|m| m.trim()));
    let columns: Vec<(ColumnPlan, Identity)> = (0..source.schema().len())
        .into_par_iter()
        .map(|place| {
            context.check()?;
            decide(&sample.rows, place, source.folder(), recipe, &missing)
        })
        .collect::<Result<_>>()?;
    let mut plan = Plan { missing: recipe.data.missing.clone(), n_rows: sample.n_rows, ..Plan::default() };
    plan.columns = assign_key(columns);
    check_roles(&plan)?;
    target::decide(&mut plan, &sample.rows, recipe, &missing)?;
    plan.leaks = leaks::find(&plan, &sample.rows, context)?;
    if recipe.data.drop_leaks {
        drop_leaks(&mut plan);
    }
    Ok((plan, sample))
}

/// Every column that the recipe names must be there.
fn check_names(recipe: &Recipe, source: &dyn Source) -> Result<()> {
    let data = &recipe.data;
    let single = [&data.target, &data.key, &data.time, &data.group, &data.weight, &recipe.split.column];
    let named = single.into_iter().flatten().chain(&data.ignore).chain(recipe.columns.keys());
    for name in named {
        source.schema().index(name)?;
    }
    Ok(())
}

/// The role that the recipe gives a column.
fn declared_role(name: &str, recipe: &Recipe) -> Option<(Role, &'static str)> {
    let data = &recipe.data;
    let is = |named: &Option<String>| named.as_deref() == Some(name);
    if is(&data.target) {
        Some((Role::Target, "named as the target"))
    } else if is(&data.key) {
        Some((Role::Key, "named as the key"))
    } else if is(&data.time) {
        Some((Role::Time, "named as the time"))
    } else if is(&data.group) {
        Some((Role::Group, "named as the group"))
    } else if is(&data.weight) {
        Some((Role::Weight, "named as the weight"))
    } else if data.ignore.iter().any(|i| i == name) {
        Some((Role::Ignore, "ignored as told"))
    } else if is(&recipe.split.column) {
        Some((Role::Split, "names the part of each row"))
    } else {
        recipe.columns.get(name).and_then(|spec| spec.role).map(|role| (role, "role as told"))
    }
}

fn decide(
    rows: &Batch,
    place: usize,
    folder: Option<&Path>,
    recipe: &Recipe,
    missing: &Missing,
) -> Result<(ColumnPlan, Identity)> {
    let raw = &rows.schema().columns()[place];
    let spec = recipe.columns.get(&raw.name);
    let role = declared_role(&raw.name, recipe);
    let told = spec.and_then(|s| s.kind);
    if let Some(plan) = pictures::decide(rows, place, folder, (told, role), missing)? {
        return Ok((plan, Identity::None));
    }
    if raw.kind == Kind::Series || told == Some(Kind::Series) {
        return Ok((series(raw, told, role)?, Identity::None));
    }
    if !is_readable(raw.kind) {
        if let Some((role, _)) = role.filter(|(role, _)| *role != Role::Ignore) {
            let problem =
                format!("column '{}' is a {} and cannot be the {role:?}", raw.name, raw.kind.word());
            return Err(Error::data(problem.to_lowercase(), "name another column"));
        }
        let why = format!("a {} is not read yet", raw.kind.word());
        return Ok((ColumnPlan::new(&raw.name, raw.kind, Role::Ignore, why), Identity::Useless));
    }
    if role.is_none()
        && spec.is_none()
        && recipe.data.missing.is_empty()
        && let Some(verdict) = settled(rows, place)?
    {
        return Ok((ColumnPlan::new(&raw.name, verdict.kind, Role::Feature, verdict.why), Identity::None));
    }
    let texts = as_text(rows, place)?;
    let verdict = judge(&raw.name, raw.kind, &texts, missing);
    let identity = if role.is_some() { Identity::None } else { verdict.identity };
    let mut plan = ColumnPlan::new(&raw.name, verdict.kind, role_of(&identity), &verdict.why);
    plan.format = verdict.format.clone();
    plan.missing = verdict.missing.clone();
    if let Some((role, why)) = role {
        plan.role = role;
        plan.why = format!("{why}; {}", verdict.why);
        in_role(&mut plan, &verdict, &texts, missing, raw.kind);
    }
    if let Some(kind) = told {
        declare_kind(&mut plan, kind, &verdict, &texts, missing)?;
        if role.is_none() {
            plan.role = Role::Feature;
        }
    }
    if let Some(format) = spec.and_then(|s| s.format.as_deref()) {
        plan.format = Format::of_recipe(&raw.name, plan.kind, format)?;
        plan.declared = true;
    }
    let identity = if plan.role == Role::Ignore { identity } else { Identity::None };
    Ok((plan, identity))
}

/// The plan of a column of series.
fn series(raw: &Column, told: Option<Kind>, role: Option<(Role, &'static str)>) -> Result<ColumnPlan> {
    let role = match role {
        None => Role::Feature,
        Some((role @ (Role::Feature | Role::Ignore), _)) => role,
        Some((role, _)) => {
            let problem = format!("column '{}' is a series and cannot be the {role:?}", raw.name);
            return Err(Error::data(problem.to_lowercase(), "name another column"));
        }
    };
    if !matches!(raw.kind, Kind::Series | Kind::Text) {
        let wanted = "a series, as [[moment, value], …]".into();
        return Err(Error::WrongKind { column: raw.name.clone(), found: raw.kind, wanted });
    }
    let why = if told.is_some() { "kind as told" } else { "values over time in the source" };
    let plan = ColumnPlan::new(&raw.name, Kind::Series, role, why);
    Ok(ColumnPlan { declared: told.is_some(), ..plan })
}

/// The verdict on a column whose type in the source settles it: what [`judge`] would find too, after writing all values out. Such
/// are finite numbers, one at least with decimals; flags; and times; not all the same.
fn settled(rows: &Batch, place: usize) -> Result<Option<Verdict>> {
    Ok(match RawColumn::of(rows, place)? {
        RawColumn::Number(numbers) => {
            let present = || numbers.iter().flatten().filter(|x| !x.is_nan());
            let varies = present().next().is_some_and(|first| present().any(|x| x != first));
            let settled = varies && present().any(|x| x.fract() != 0.0) && present().all(f64::is_finite);
            settled.then(column::decimals)
        }
        RawColumn::Flag(flags) => {
            (flags.has_true() && flags.has_false()).then(|| column::of_type(Kind::Flag))
        }
        RawColumn::Time(times) => {
            let mut present = times.iter().flatten();
            let varies = present.next().is_some_and(|first| present.any(|x| x != first));
            varies.then(|| column::of_type(Kind::Time))
        }
        RawColumn::Text(_) | RawColumn::Category(..) | RawColumn::Image(_) | RawColumn::Series(..) => None,
    })
}

/// The kind that a role asks for, whatever the values look like.
fn in_role(plan: &mut ColumnPlan, verdict: &Verdict, texts: &StringArray, missing: &Missing, raw: Kind) {
    let plain = |plan: &mut ColumnPlan, kind| {
        (plan.kind, plan.format, plan.declared) = (kind, Format::Plain, true);
        plan.missing.clear();
    };
    match plan.role {
        // A key is a name, also where it is written in digits.
        Role::Key => plain(plan, Kind::Text),
        Role::Group | Role::Split => plain(plan, Kind::Category),
        Role::Time | Role::Weight => plan.declared = true,
        // Digits that all differ were taken for an identifier; a feature or a target by order is what it is written as.
        Role::Feature | Role::Target if verdict.identity != Identity::None && raw != Kind::Flag => {
            let facts = Facts::of(texts, missing);
            let numeric = facts.values.iter().all(|v| plain_number(v.0).is_some());
            if numeric && !facts.values.is_empty() && plan.kind == Kind::Text {
                plan.kind = Kind::Number;
            }
        }
        _ => {}
    }
}

/// Takes the kind that the recipe says, with the format that its values suggest.
fn declare_kind(
    plan: &mut ColumnPlan,
    kind: Kind,
    verdict: &Verdict,
    texts: &StringArray,
    missing: &Missing,
) -> Result<()> {
    if !is_readable(kind) {
        let problem = format!(
            "a {} cannot be read from a column; use number, flag, category, text, time, image or series",
            kind.word()
        );
        return Err(Error::parameter(format!("columns.{}.kind", plan.name), problem));
    }
    plan.declared = true;
    plan.why = format!("kind as told ({})", verdict.why);
    if plan.kind == kind {
        return Ok(());
    }
    let facts = Facts::of(texts, missing);
    plan.kind = kind;
    plan.missing.clear();
    plan.format = match kind {
        Kind::Number => formats::number(&facts).map_or(Format::Plain, |f| {
            if f.format.is_plain() { Format::Plain } else { Format::Number(f.format) }
        }),
        Kind::Time => formats::time(&facts).map_or(Format::Plain, |f| Format::Time(f.format)),
        Kind::Flag => {
            FlagFormat::of_words(facts.values.iter().map(|v| v.0)).map_or(Format::Plain, Format::Flag)
        }
        _ => Format::Plain,
    };
    Ok(())
}

/// The first clear identifier becomes the key, where the recipe names none.
fn assign_key(columns: Vec<(ColumnPlan, Identity)>) -> Vec<ColumnPlan> {
    let mut has_key = columns.iter().any(|(c, _)| c.role == Role::Key);
    let assign = |(mut column, identity): (ColumnPlan, Identity)| {
        match identity {
            Identity::Clear if !has_key => {
                has_key = true;
                column.role = Role::Key;
                column.why += "; the key";
            }
            Identity::Clear => column.why += "; ignored, as there is a key already",
            Identity::Blurred => column.why += "; ignored",
            Identity::Useless if column.role == Role::Ignore => column.why += "; ignored",
            _ => {}
        }
        column
    };
    columns.into_iter().map(assign).collect()
}

fn check_roles(plan: &Plan) -> Result<()> {
    for (role, word) in [
        (Role::Target, "target"),
        (Role::Key, "key"),
        (Role::Time, "time"),
        (Role::Group, "group"),
        (Role::Weight, "weight"),
    ] {
        let names: Vec<&str> =
            plan.columns.iter().filter(|c| c.role == role).map(|c| c.name.as_str()).collect();
        if names.len() > 1 {
            let problem = format!("'{}' and '{}' are both the {word}", names[0], names[1]);
            return Err(Error::parameter(format!("columns.{}.role", names[1]), problem));
        }
    }
    let told =
        plan.columns.iter().find(|c| matches!(c.role, Role::Prediction | Role::Probability | Role::Flag));
    if let Some(column) = told {
        let problem =
            "this role is for what models add; use feature, target, key, time, group, weight or ignore";
        return Err(Error::parameter(format!("columns.{}.role", column.name), problem));
    }
    if let Some(weight) = plan.role(Role::Weight).filter(|c| !matches!(c.kind, Kind::Number | Kind::Flag)) {
        return Err(Error::WrongKind {
            column: weight.name.clone(),
            found: weight.kind,
            wanted: "a number as weight".into(),
        });
    }
    if let Some(time) = plan.role(Role::Time).filter(|c| !matches!(c.kind, Kind::Number | Kind::Time)) {
        return Err(Error::WrongKind {
            column: time.name.clone(),
            found: time.kind,
            wanted: "a time or a number".into(),
        });
    }
    Ok(())
}

fn drop_leaks(plan: &mut Plan) {
    for leak in &plan.leaks {
        for column in plan.columns.iter_mut().filter(|c| leak.columns.contains(&c.name)) {
            column.role = Role::Ignore;
            column.why = format!("dropped, as it gives the target away: {}", leak.how);
        }
    }
}

/// A column of the sample as text, however the source typed it.
fn as_text(rows: &Batch, place: usize) -> Result<StringArray> {
    let raw = RawColumn::of(rows, place)?;
    if let RawColumn::Text(texts) = raw {
        return Ok(texts.clone());
    }
    let shown = |row| match raw.cell(row) {
        Raw::Missing => None,
        Raw::Number(x) if x.is_nan() => None,
        Raw::Number(x) => Some(written_number(x)),
        cell => Some(cell.shown()),
    };
    Ok((0..rows.n_rows()).map(shown).collect())
}
