//! What one column means: the recipe first, then its type in the source, then its values.

use std::path::Path;

use arrow_array::StringArray;
use serde_json::Value;
use tidemill_core::recipe::{ColumnSpec, Recipe, Spellings, Task};
use tidemill_core::{Batch, Column, Error, Kind, Result, Role, escaped};

use super::column::{self, Verdict, excel_days, judge, moment, role_of};
use super::facts::Facts;
use super::formats::Doubt;
use super::identity::Identity;
use super::locale::Locale;
use super::{as_text, dates, numbers, pictures, space, words};
use crate::cell::{self, RawColumn};
use crate::parse::{FlagFormat, Format, Missing, TimeFormat, plain_number};
use crate::plan::{InferredColumn, Note, Weight, is_readable, is_vector};
use crate::seen::Seen;

/// What is asked of every column.
pub(super) struct Decider<'a> {
    pub(super) rows: &'a Batch,
    pub(super) folder: Option<&'a Path>,
    pub(super) recipe: &'a Recipe,
    pub(super) missing: &'a Missing,
    pub(super) locale: &'a Locale,
}

/// What was decided about a column.
pub(super) struct Decided {
    pub(super) plan: InferredColumn,
    pub(super) identity: Identity,
    pub(super) notes: Vec<Note>,
}

impl Decided {
    fn plainly(plan: InferredColumn, identity: Identity) -> Self {
        Decided { plan, identity, notes: Vec::new() }
    }
}

impl Decider<'_> {
    pub(super) fn decide(&self, place: usize) -> Result<Decided> {
        let (rows, recipe) = (self.rows, self.recipe);
        let raw = &rows.schema().columns()[place];
        let spec = recipe.columns.get(&raw.name);
        let role = declared_role(&raw.name, recipe);
        let told = spec.and_then(|s| s.kind);
        let masks = matches!(recipe.data.task, None | Some(Task::Masks)) && recipe.policy.is_none();
        if let Some(plan) = pictures::decide(rows, place, self.folder, (told, role), self.missing, masks)? {
            return Ok(Decided::plainly(plan, Identity::None));
        }
        if raw.kind == Kind::Series || told == Some(Kind::Series) {
            return Ok(Decided::plainly(series(raw, told, role)?, Identity::None));
        }
        if let Some(plan) = space::point(rows, place, (told, role), recipe, self.missing)? {
            return Ok(Decided::plainly(plan, Identity::None));
        }
        if let Some(decided) = self.listed(place, told, role)? {
            return Ok(decided);
        }
        if role.is_none()
            && spec.is_none()
            && recipe.data.missing.is_empty()
            && let Some(verdict) = settled(rows, place)?
        {
            let plan = InferredColumn::new(&raw.name, verdict.kind, Role::Feature, verdict.why);
            return Ok(Decided::plainly(plan, Identity::None));
        }
        let texts = as_text(rows, place)?;
        let verdict = judge(&raw.name, raw.kind, &texts, self.missing, self.locale);
        let needed = verdict.identity == Identity::Useless && is_named(&raw.name, recipe);
        let identity = if role.is_some() || needed { Identity::None } else { verdict.identity };
        let mut plan = InferredColumn {
            format: verdict.format.clone(),
            missing: verdict.missing.clone(),
            values: verdict.values.clone(),
            ..InferredColumn::new(&raw.name, verdict.kind, role_of(&identity), &verdict.why)
        };
        let mut notes = Vec::new();
        if let Some((role, why)) = role {
            plan.role = role;
            plan.why = format!("{why}; {}", verdict.why);
            notes.extend(self.in_role(&mut plan, &verdict, &texts, raw.kind));
        }
        if let Some(kind) = told {
            declare_kind(&mut plan, kind, &verdict, &texts, self.missing, self.locale)?;
            if role.is_none() {
                plan.role = Role::Feature;
            }
        }
        plan.merged = spec.is_some_and(|s| s.spellings == Some(Spellings::Merge));
        let format = spec.and_then(|s| s.format.as_deref());
        if let Some(format) = format {
            plan.format = Format::of_recipe(&raw.name, plan.kind, format)?;
            plan.declared = true;
        }
        if plan.kind == Kind::Time && raw.kind == Kind::Text && plan.is_used() {
            plan.seen = Seen::of_dates(|| texts.iter().flatten());
        }
        notes.extend(open_notes(&plan, &verdict, format.is_some()));
        if told == Some(Kind::Number) && matches!(raw.kind, Kind::Text | Kind::Category) {
            notes.extend(told_unread(&plan, &Facts::of(&texts, self.missing))?);
        }
        let identity = if plan.role == Role::Ignore { identity } else { Identity::None };
        Ok(Decided { plan, identity, notes })
    }

    /// Lists of numbers are vectors, by their type or, as text, where all are of one length; other kinds of cells are not read.
    fn listed(
        &self,
        place: usize,
        told: Option<Kind>,
        role: Option<(Role, &'static str)>,
    ) -> Result<Option<Decided>> {
        let raw = &self.rows.schema().columns()[place];
        let kind = match raw.kind {
            Kind::Text if told.is_none() => {
                self.list_length(place)?.map(|len| Kind::Vector { len, sparse: false })
            }
            kind if is_vector(kind) || !is_readable(kind) => Some(kind),
            _ => None,
        };
        let Some(kind) = kind else { return Ok(None) };
        if let Some((role, _)) = role.filter(|(role, _)| !matches!(role, Role::Ignore | Role::Feature)) {
            if raw.kind == Kind::Text {
                return Ok(None);
            }
            let problem =
                format!("column '{}' is a {} and cannot be the {role:?}", escaped(&raw.name), kind.word());
            return Err(Error::data(problem.to_lowercase(), "name another column"));
        }
        if !is_readable(kind) {
            let why = format!("a {} is not read yet", kind.word());
            let plan = InferredColumn::new(&raw.name, kind, Role::Ignore, why);
            return Ok(Some(Decided::plainly(plan, Identity::Useless)));
        }
        let Kind::Vector { len, .. } = kind else { return Ok(None) };
        let role = role.map_or(Role::Feature, |(role, _)| role);
        let plan = InferredColumn::new(&raw.name, kind, role, format!("lists of {len} numbers: a vector"));
        Ok(Some(Decided::plainly(plan, Identity::None)))
    }

    /// The length of the lists that all texts of a column are; `None` where they are anything else.
    fn list_length(&self, place: usize) -> Result<Option<usize>> {
        let texts = self.rows.texts(place)?;
        let mut lengths =
            texts.iter().flatten().filter(|t| !self.missing.is(t)).map(|t| cell::numbers(t).map(|n| n.len()));
        let Some(Some(first)) = lengths.next() else { return Ok(None) };
        Ok((first > 1 && lengths.all(|len| len == Some(first))).then_some(first))
    }

    /// The kind that a role asks for, whatever the values look like.
    fn in_role(
        &self,
        plan: &mut InferredColumn,
        verdict: &Verdict,
        texts: &StringArray,
        raw: Kind,
    ) -> Option<Note> {
        let plain = |plan: &mut InferredColumn, kind| {
            (plan.kind, plan.format, plan.declared) = (kind, Format::Plain, true);
            plan.missing.clear();
        };
        match plan.role {
            // A key is a name, also where it is written in digits.
            // So are those of its neighbours.
            Role::Key | Role::Neighbors => plain(plan, Kind::Text),
            // Later decisions belong to other episodes than those of training: their names are not a set.
            Role::Group if self.recipe.policy.is_some() => plain(plan, Kind::Text),
            Role::Group | Role::Split => plain(plan, Kind::Category),
            Role::Weight => plan.declared = true,
            Role::Time => {
                plan.declared = true;
                return self.as_time(plan, verdict, texts);
            }
            // Digits that all differ were taken for an identifier; a feature or a target by order is what it is written as.
            Role::Reward | Role::Propensity => {
                plan.declared = true;
                if let Some(found) = numbers::number(&Facts::of(texts, self.missing), self.locale)
                    && plan.kind != Kind::Flag
                {
                    plan.format =
                        if found.format.is_plain() { Format::Plain } else { Format::Number(found.format) };
                    (plan.kind, plan.missing) = (Kind::Number, found.missing);
                }
            }
            Role::Feature | Role::Target if verdict.identity != Identity::None && raw != Kind::Flag => {
                let facts = Facts::of(texts, self.missing);
                let numeric = facts.values.iter().all(|v| plain_number(v.0).is_some());
                if numeric && !facts.values.is_empty() && plan.kind == Kind::Text {
                    plan.kind = Kind::Number;
                }
            }
            _ => {}
        }
        None
    }

    /// What is named as the time is read as one: dates, or seconds or milliseconds since 1970; else as numbers.
    fn as_time(&self, plan: &mut InferredColumn, verdict: &Verdict, texts: &StringArray) -> Option<Note> {
        if plan.kind == Kind::Time {
            return None;
        }
        let facts = Facts::of(texts, self.missing);
        if let Some((format, why)) = unix(&facts) {
            (plan.kind, plan.format) = (Kind::Time, Format::Time(format.clone()));
            plan.why = format!("named as the time; {why}");
            let remedy = "kind = \"number\"";
            return Some(Note::of(
                &plan.name,
                "time_from_numbers",
                Weight::Remark,
                format!("read as a time: {why}"),
                remedy,
            ));
        }
        if plan.kind == Kind::Number && verdict.identity == Identity::None {
            return None;
        }
        if let Some(found) = dates::time(&facts, self.locale) {
            let plain = found.format == TimeFormat::Iso;
            plan.format = if plain { Format::Plain } else { Format::Time(found.format) };
            (plan.kind, plan.missing) = (Kind::Time, found.missing);
        } else if let Some(format) = dates::period(&facts) {
            (plan.kind, plan.format) = (Kind::Time, Format::Time(format));
        } else if let Some(found) = numbers::number(&facts, self.locale) {
            plan.format = if found.format.is_plain() { Format::Plain } else { Format::Number(found.format) };
            (plan.kind, plan.missing) = (Kind::Number, found.missing);
        }
        None
    }
}

/// What is said of a column that the recipe calls a number, where values are none: they count as missing. None may be left over.
fn told_unread(plan: &InferredColumn, facts: &Facts<'_>) -> Result<Option<Note>> {
    let is_number = |text: &str| match &plan.format {
        Format::Number(format) => format.parse(text).is_some(),
        _ => plain_number(text).is_some(),
    };
    let words = |text: &str| plan.missing.iter().any(|word| word == text);
    let unread = || facts.values.iter().filter(|(text, _)| !is_number(text) && !words(text));
    let Some((example, _)) = unread().next().filter(|_| plan.is_used()) else { return Ok(None) };
    let n: u64 = unread().map(|value| value.1).sum();
    if n == facts.n_values {
        let problem = format!("none of the {n} values is a number, the first says '{}'", cell::clip(example));
        return Err(Error::parameter(
            format!("columns.{}.kind", plan.name),
            format!("{problem}; take the line out, or say with format how the numbers are written"),
        ));
    }
    let weight = if n * 2 > facts.n_values { Weight::Severe } else { Weight::Warning };
    let message = format!(
        "{n} of {} values, such as '{}', are no numbers; kind = \"number\" takes them as missing",
        facts.n_values,
        cell::clip(example)
    );
    Ok(Some(Note::of(&plan.name, "told_unread", weight, message, "kind = \"category\"")))
}

/// What is open about the values of a column; who says how to read them (`told`) has answered most of it.
fn open_notes(plan: &InferredColumn, verdict: &Verdict, told: bool) -> Vec<Note> {
    if plan.kind != verdict.kind {
        return Vec::new();
    }
    let open = verdict.doubts.iter().filter(|d| !told || d.code == "missing_words");
    let note = |doubt: &Doubt| {
        let weight = match (plan.role, doubt.code) {
            // Among numbers a word is no value, but for those of infinite numbers.
            (Role::Target, "missing_words")
                if !matches!(plan.kind, Kind::Category | Kind::Text) && !has_endless(&plan.missing) =>
            {
                Weight::Warning
            }
            (Role::Target, "missing_words") => Weight::Severe,
            (Role::Target, "word_is_name") => Weight::Warning,
            _ => doubt.weight,
        };
        Note::of(&plan.name, doubt.code, weight, &doubt.message, &doubt.remedy)
    };
    open.map(note).collect()
}

fn has_endless(words: &[String]) -> bool {
    words.iter().any(|word| words::is_endless(word))
}

/// The timestamps that whole numbers of a column of times say.
fn unix(facts: &Facts<'_>) -> Option<(TimeFormat, String)> {
    let numbers: Option<Vec<f64>> = facts.values.iter().map(|v| plain_number(v.0)).collect();
    let numbers = numbers.filter(|numbers| !numbers.is_empty())?;
    moment(facts, true, &numbers).or_else(|| excel_days(&numbers))
}

/// The role that the recipe gives a column.
fn declared_role(name: &str, recipe: &Recipe) -> Option<(Role, &'static str)> {
    let data = &recipe.data;
    let is = |named: &Option<String>| named.as_deref() == Some(name);
    if let Some(policy) = &recipe.policy {
        if policy.reward == name {
            return Some((Role::Reward, "named as the reward"));
        } else if is(&policy.propensity) {
            return Some((Role::Propensity, "named as the propensity"));
        } else if is(&policy.episode) {
            return Some((Role::Group, "named as the episode"));
        }
    }
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
    } else if data.ignore.iter().any(|ignored| is_within(name, ignored)) {
        Some((Role::Ignore, "not to be used"))
    } else if recipe.graph.as_ref().is_some_and(|graph| graph.lists() && graph.column() == name) {
        Some((Role::Neighbors, "lists the row's neighbours"))
    } else if is(&recipe.split.column) {
        Some((Role::Split, "names the part of each row"))
    } else {
        let told = recipe.columns.get(name).and_then(|spec| spec.role).map(|role| (role, "role as told"));
        let outer = || {
            let ignored =
                |(n, spec): (&String, &ColumnSpec)| spec.role == Some(Role::Ignore) && is_within(name, n);
            recipe.columns.iter().any(ignored).then_some((Role::Ignore, "not to be used"))
        };
        told.or_else(outer)
    }
}

/// Whether a step names a column: as one of its columns, or by a parameter such as `pose`. It may then be constant.
fn is_named(name: &str, recipe: &Recipe) -> bool {
    fn says(value: &Value, name: &str) -> bool {
        match value {
            Value::String(text) => text == name,
            Value::Array(items) => items.iter().any(|item| says(item, name)),
            _ => false,
        }
    }
    recipe.steps.iter().any(|step| step.params.values().any(|value| says(value, name)))
}

/// Whether a column is this one, or a field within it.
fn is_within(name: &str, outer: &str) -> bool {
    name.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The plan of a column of series.
fn series(raw: &Column, told: Option<Kind>, role: Option<(Role, &'static str)>) -> Result<InferredColumn> {
    let role = match role {
        None => Role::Feature,
        Some((role @ (Role::Feature | Role::Ignore), _)) => role,
        Some((role, _)) => {
            let problem = format!("column '{}' is a series and cannot be the {role:?}", raw.name);
            return Err(Error::data(problem.to_lowercase(), "name another column"));
        }
    };
    if !matches!(raw.kind, Kind::Series | Kind::Text) {
        let wanted = "a series, as [[timestamp, value], …]".into();
        return Err(Error::WrongKind { column: raw.name.clone(), found: raw.kind, wanted });
    }
    let why = if told.is_some() { "kind as told" } else { "values over time in the source" };
    let plan = InferredColumn::new(&raw.name, Kind::Series, role, why);
    Ok(InferredColumn { declared: told.is_some(), ..plan })
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
        _ => None,
    })
}

/// Takes the kind that the recipe says, with the format that its values suggest.
fn declare_kind(
    plan: &mut InferredColumn,
    kind: Kind,
    verdict: &Verdict,
    texts: &StringArray,
    missing: &Missing,
    locale: &Locale,
) -> Result<()> {
    if !is_readable(kind) {
        let problem = format!(
            "a {} cannot be read from a column; use number, flag, category, text, time, image, point or series",
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
    plan.values.clear();
    plan.format = match kind {
        // Words beside the numbers say nothing of how these are written.
        Kind::Number => numbers::number(&facts, locale)
            .or_else(|| numbers::number(&facts.with(crate::parse::has_digit), locale))
            .map_or(Format::Plain, |f| {
                if f.format.is_plain() { Format::Plain } else { Format::Number(f.format) }
            }),
        Kind::Time if unix(&facts).is_some() => {
            unix(&facts).map_or(Format::Plain, |(format, _)| Format::Time(format))
        }
        Kind::Time => dates::time(&facts, locale).map_or(Format::Plain, |f| Format::Time(f.format)),
        Kind::Flag => {
            FlagFormat::of_words(facts.values.iter().map(|v| v.0)).map_or(Format::Plain, Format::Flag)
        }
        _ => Format::Plain,
    };
    Ok(())
}
