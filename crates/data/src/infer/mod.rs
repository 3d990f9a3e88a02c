//! What the columns of a source mean, decided by stated rules and never in silence: every decision carries its reason.
//!
//! 1. A column is looked at through up to 100,000 rows spread evenly over the source.
//! 2. Its kind: words of yes and no are a flag, only 0 and 1 a number of two values; what reads as numbers in one way of writing is a number, unless it has leading
//!    zeros or a name that says code (then a category); what reads as dates is a time; paths of images that are there are
//!    images; words are categories, or free text when they are many and rarely repeat.
//! 3. Its role: what the recipe says; else columns that name rows are recognised by values that all differ, together with the
//!    name, their sequence or their shape. The first clear one becomes the key, others are ignored, as are constant and empty columns.
//! 4. The task follows from the target: see [`tidemill_core::recipe::Data::task`].
//! 5. Where the rows are: two numbers named as coordinates are, or a column of points.
//! 6. Columns that give the target away are looked for, alone and in sums, differences, means, products and ratios.
//!
//! Where something else was possible too, the plan says so: see [`crate::Note`].
//!
//! A value that cannot be read is tolerated in up to 1% of a column's values (in small tables: 1 of 20, 2 of 40 and more).

mod column;
mod composite;
mod dates;
mod decide;
mod facts;
mod formats;
mod hints;
mod identity;
mod leaks;
mod locale;
mod numbers;
mod pictures;
mod roles;
mod sample;
mod shared;
mod space;
mod target;
mod words;

pub use target::positive_class;

use arrow_array::StringArray;
use rayon::prelude::*;
use tidemill_core::recipe::{Recipe, Task};
use tidemill_core::{Batch, Context, Error, Kind, Result, Role, Source, escaped};

use crate::cell::{Raw, RawColumn, clip, written_number};
use crate::parse::{Missing, NumberFormat, plain_number};
use crate::plan::{InferredColumn, InferredSchema, Note, Weight};
use decide::{Decided, Decider};
use hints::Hints;
use locale::Locale;
pub use pictures::names_pictures;
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
pub fn infer(source: &dyn Source, recipe: &Recipe, context: &Context) -> Result<InferredSchema> {
    Ok(infer_sampled(source, recipe, context)?.0)
}

/// How the numbers of a column are written whose file gives it no kind, as [`infer`] finds it out; `None` where its texts are no numbers.
///
/// ```
/// use tidemill_data::infer::number_format;
/// let german = number_format(["1.234,5", "958", "7,25"], Some(';')).unwrap();
/// assert_eq!(german.parse("1.234"), Some(1234.0));
/// assert_eq!(number_format(["yes", "no"], None), None);
/// ```
pub fn number_format<'a>(
    texts: impl IntoIterator<Item = &'a str>,
    delimiter: Option<char>,
) -> Option<NumberFormat> {
    let texts = StringArray::from_iter_values(texts);
    let facts = facts::Facts::of(&texts, &Missing::default());
    numbers::number(&facts, &Locale::of_column(&facts, delimiter)).map(|found| found.format)
}

/// As [`infer`], with the rows that were looked at.
pub(crate) fn infer_sampled(
    source: &dyn Source,
    recipe: &Recipe,
    context: &Context,
) -> Result<(InferredSchema, Sample)> {
    check_single(recipe)?;
    check_names(recipe, source)?;
    let sample = Sample::of(source, SAMPLE_ROWS, context)?;
    if sample.n_rows == 0 {
        return Err(Error::data("the data have no rows", "give rows to learn from"));
    }
    let missing = Missing::new(recipe.data.missing.iter().map(|m| m.trim()));
    let missing = match &recipe.data.missing_only {
        Some(only) => Missing::new(recipe.data.missing.iter().chain(only).map(|m| m.trim())).only(),
        None => missing,
    };
    let reading = source.reading().cloned();
    let delimiter = reading.as_ref().and_then(|r| r.delimiter);
    let locale = Locale::of(&sample.rows, delimiter, &missing)?;
    let decider =
        Decider { rows: &sample.rows, folder: source.folder(), recipe, missing: &missing, locale: &locale };
    let decided: Vec<Decided> = (0..source.schema().len())
        .into_par_iter()
        .map(|place| {
            context.check()?;
            decider.decide(place)
        })
        .collect::<Result<_>>()?;
    let mut plan = InferredSchema {
        missing: recipe.data.missing.clone(),
        missing_only: recipe.data.missing_only.clone(),
        n_rows: sample.n_rows,
        notes: notes_of_reading(recipe, source),
        reading,
        ..InferredSchema::default()
    };
    let columns = decided.into_iter().map(|d| {
        plan.notes.extend(d.notes);
        (d.plan, d.identity)
    });
    let columns: Vec<_> = columns.collect();
    let repeating = shared::candidates(&columns, recipe);
    plan.columns = roles::assign_key(columns);
    // What is passed over needs no answer.
    let used: Vec<&str> = plan.columns.iter().filter(|c| c.is_used()).map(|c| c.name.as_str()).collect();
    plan.notes.retain(|note| note.column.as_deref().is_none_or(|name| used.contains(&name)));
    join_missing(&mut plan);
    roles::check(&plan)?;
    space::decide(&mut plan, &sample, recipe, &missing)?;
    target::decide(&mut plan, &sample.rows, recipe, &missing, &locale)?;
    check_spellings(&plan)?;
    shared::group(&mut plan, &repeating, &sample.rows, recipe, &missing)?;
    // That the context tells the action is what a policy is; no other column tells a mask.
    if !matches!(plan.task, Some(Task::Policy | Task::Masks)) {
        plan.leaks = leaks::find(&plan, &sample.rows, context)?;
    }
    if recipe.data.drop_leaks {
        drop_leaks(&mut plan);
    }
    keep_reasons(&mut plan, recipe);
    for note in plan.notes.iter().filter(|note| note.weight <= Weight::Warning) {
        context.warn(&note.code, note.text());
    }
    Ok((plan, sample))
}

/// Whether the name of a column says that it holds years, months or times.
///
/// ```
/// assert!(tidemill_data::names_period("Year") && tidemill_data::names_period("month") && !tidemill_data::names_period("price"));
/// ```
pub fn names_period(column: &str) -> bool {
    let hints = Hints::of(column);
    hints.year() || hints.month() || hints.time()
}

/// Whether a recipe names the column for what it is.
fn is_named(recipe: &Recipe, column: &str) -> bool {
    let data = &recipe.data;
    let named = [&data.key, &data.time, &data.group, &data.weight, &recipe.split.column];
    let lists = recipe.graph.as_ref().is_some_and(|graph| graph.lists() && graph.column() == column);
    lists || named.into_iter().flatten().chain(of_decisions(recipe)).any(|name| name == column)
}

/// The columns beside the action that say something of logged decisions.
fn of_decisions(recipe: &Recipe) -> impl Iterator<Item = &String> {
    let policy = recipe.policy.iter();
    policy.flat_map(|p| std::iter::once(&p.reward).chain(&p.propensity).chain(&p.episode))
}

/// A resolved recipe gives the reasons that were found when it was made: its model is then the same, byte for byte.
fn keep_reasons(plan: &mut InferredSchema, recipe: &Recipe) {
    for column in &mut plan.columns {
        if let Some(why) = recipe.columns.get(&column.name).and_then(|spec| spec.why.clone()) {
            column.why = why;
            // Of a forecast, only its history was not said.
            let of_forecast = recipe.forecast.is_some() && column.kind != Kind::Series;
            // What has a reason was inferred, not said by the user: it may still be widened, but for the target and what is named.
            column.declared &= column.role == Role::Target || of_forecast || is_named(recipe, &column.name);
        }
    }
    if let Some(why) = &recipe.data.why_task {
        plan.why_task.clone_from(why);
    }
}

/// What the source says of its reading, and the columns that it could not read.
fn notes_of_reading(recipe: &Recipe, source: &dyn Source) -> Vec<Note> {
    let Some(reading) = source.reading() else { return Vec::new() };
    let of_text = |message: &String| Note {
        code: "reading".into(),
        weight: Weight::Remark,
        column: None,
        message: message.clone(),
        remedy: match message {
            m if m.contains("below the table") => "[data] footer = 0",
            m if m.contains("above the table") => "[data] skip = 0",
            m if m.starts_with("the sheet ") => "[data] source = \"FILE?sheet=NAME\"",
            _ => "[data] header, skip, delimiter or encoding where it should be read in another way",
        }
        .into(),
    };
    let left_out = |(name, found): &(String, String)| Note {
        code: "left_out".into(),
        weight: Weight::Warning,
        column: None,
        message: format!(
            "column '{}' holds {}, which is not read; it is left out",
            escaped(name),
            clip(found)
        ),
        remedy: format!("[data] ignore = [{:?}]", name),
    };
    // What the user ignores anyway needs no word.
    let told = |name: &String| {
        recipe.data.ignore.contains(name)
            || recipe.columns.get(name).is_some_and(|c| c.role == Some(Role::Ignore))
    };
    let open = reading.left_out.iter().filter(|(name, _)| !told(name));
    let warning = |message: &String| Note {
        code: "graph".into(),
        weight: Weight::Warning,
        column: None,
        message: message.clone(),
        remedy: String::new(),
    };
    let warnings = reading.warnings.iter().map(warning);
    reading.notes.iter().map(of_text).chain(warnings).chain(open.map(left_out)).collect()
}

/// A plan has one target: a training of several makes one for each.
fn check_single(recipe: &Recipe) -> Result<()> {
    if recipe.data.targets.is_empty() {
        return Ok(());
    }
    let problem =
        "this looks at one target at a time: name it with --target, or as target instead of targets";
    Err(Error::parameter("data.targets", problem))
}

/// Every column that the recipe names must be there.
fn check_names(recipe: &Recipe, source: &dyn Source) -> Result<()> {
    let data = &recipe.data;
    let single = [&data.target, &data.key, &data.time, &data.group, &data.weight, &recipe.split.column];
    let schema = source.schema();
    let left_out = source.reading().map_or(&[][..], |r| &r.left_out);
    let ignored = |name: &String| {
        data.ignore.contains(name) || recipe.columns.get(name).is_some_and(|c| c.role == Some(Role::Ignore))
    };
    for name in single
        .into_iter()
        .flatten()
        .chain(of_decisions(recipe))
        .chain(data.point.iter().flatten())
        .chain(recipe.graph.iter().filter_map(|graph| graph.neighbors_column.as_ref()))
        .chain(&data.ignore)
        .chain(recipe.columns.keys())
    {
        // Of a struct, its fields are columns: they are ignored together.
        let within = format!("{name}.");
        if schema.position(name).is_some()
            || (ignored(name) && schema.names().any(|n| n.starts_with(&within)))
        {
            continue;
        }
        match left_out.iter().find(|(n, _)| n == name) {
            Some(_) if ignored(name) => {}
            Some((column, found)) => {
                let file = "the data".into();
                return Err(crate::Error::Nested { file, column: column.clone(), found: clip(found) }.into());
            }
            None => return Err(absent(name, source)),
        }
    }
    Ok(())
}

/// So many columns are named in one note.
const COLUMNS_SHOWN: usize = 6;

const REMEDY_SKIP: &str =
    "check the name; where the names stand further down, say how many lines to skip: [data] skip = 3";

/// Whether the names of the columns look like a line of something else: skipping lines is no remedy where they do not, nor in a
/// source that brings its names with it.
fn may_stand_lower(source: &dyn Source) -> bool {
    let odd = |name: &str| name.trim().is_empty() || plain_number(name).is_some() || is_numbered(name);
    let lines = source.reading().is_some_and(|r| !r.first_line.is_empty());
    lines && (source.schema().len() == 1 || source.schema().names().any(odd))
}

/// Whether a name was given to a column that had none: `column_3`.
fn is_numbered(name: &str) -> bool {
    name.strip_prefix("column_").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// The error of a column that is not there: with the nearest name, else with the names that are, and the line they were read from.
fn absent(name: &str, source: &dyn Source) -> Error {
    let names = source.schema().names();
    if let near @ Error::MissingColumn { nearest: Some(_), .. } =
        Error::missing_column(name, "the data", names)
    {
        return near;
    }
    let mut found: Vec<String> =
        source.schema().names().take(20).map(|n| format!("'{}'", escaped(n))).collect();
    if source.schema().len() > found.len() {
        found.push("…".into());
    }
    let mut problem =
        format!("column '{}' is missing from the data; the columns are {}", escaped(name), found.join(", "));
    if let Some(reading) = source.reading().filter(|r| !r.first_line.is_empty()) {
        problem += &format!("; line 1 of the file is '{}'", reading.first_line);
    }
    Error::data(problem, if may_stand_lower(source) { REMEDY_SKIP } else { "check the name" })
}

/// Says of all columns at once which words count as missing among their numbers and times, where none of them is the target.
fn join_missing(plan: &mut InferredSchema) {
    let columns = &plan.columns;
    let plain = |note: &Note| {
        let column = note.column.as_ref().and_then(|name| columns.iter().find(|c| c.name == *name));
        note.code == "missing_words"
            && note.weight == Weight::Remark
            && column.is_some_and(|c| !matches!(c.kind, Kind::Category | Kind::Text))
    };
    let (found, mut notes): (Vec<Note>, Vec<Note>) = plan.notes.drain(..).partition(plain);
    let told: Vec<String> = found
        .iter()
        .take(COLUMNS_SHOWN)
        .map(|n| {
            let words = n.message.strip_suffix(" counts as missing").unwrap_or(&n.message);
            format!("{words} in '{}'", escaped(n.column.as_deref().unwrap_or_default()))
        })
        .collect();
    match found.as_slice() {
        [first, _, ..] => {
            let more = found.len().saturating_sub(COLUMNS_SHOWN);
            let more = if more > 0 { format!("; and in {more} more columns") } else { String::new() };
            notes.push(Note {
                column: None,
                message: format!(
                    "words that count as missing among numbers and times: {}{more}",
                    told.join("; ")
                ),
                remedy: "where such a word is a value, say kind = \"category\" of its column".into(),
                ..first.clone()
            });
        }
        _ => notes.extend(found),
    }
    plan.notes = notes;
}

/// Only names have spellings; the words of a flag are read in all of theirs as it is.
fn check_spellings(plan: &InferredSchema) -> Result<()> {
    let names = |c: &InferredColumn| matches!(c.kind, Kind::Category | Kind::Flag) || !c.is_used();
    match plan.columns.iter().find(|c| c.merged && !names(c)) {
        None => Ok(()),
        Some(column) => Err(Error::parameter(
            format!("columns.{}.spellings", column.name),
            format!(
                "only names have spellings to merge, and column '{}' is a {}; take the line out, or say kind = \"category\"",
                escaped(&column.name),
                column.kind.word()
            ),
        )),
    }
}

fn drop_leaks(plan: &mut InferredSchema) {
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
