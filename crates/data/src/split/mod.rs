//! The test part that no model is shown, and the folds on which learners are compared.

mod blocks;
mod gap;
mod groups;
mod marked;
mod spatial;
mod strata;
mod time;
mod together;

use tidemill_core::recipe::{Folds, Split, SplitKind};
use tidemill_core::{Batch, Context, Error as CoreError, Kind, Result, Role, Table};
use tidemill_kernel::Random;

use crate::Error;
pub use blocks::{Blocks, mark, unlike, unseen};

/// The rows of a table in two parts, by their numbers, each in the order of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// The rows to learn from.
    pub train: Vec<u32>,
    /// The rows to judge on.
    pub test: Vec<u32>,
    /// Of the rows to judge on, those that have a copy among the rows to learn from: none, but where a column says the part of each
    /// row. A score over them is flattered.
    pub copied: Vec<u32>,
    /// Of the rows to judge on, those whose key or group no row to learn from has, where some are known and some are not: by
    /// time, known ones stay, and the score of these says how well the model does on new ones.
    pub unseen: Vec<u32>,
    /// How and why the rows were divided so, as a sentence without its full stop.
    pub why: String,
}

/// One division of the training rows, each part in the order of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fold {
    /// The rows to learn from.
    pub train: Vec<u32>,
    /// The rows to compare on.
    pub valid: Vec<u32>,
}

/// Sets the test part aside: `split.test` of the rows (a share between 0 and 1).
///
/// Without a kind: the latest rows where a column has the role time, whole groups where one has the role group (each class as nearly
/// in proportion as that allows), else by chance with each class (or tenth of a numeric target) in proportion. The same table, split and
/// `context.seed` give the same parts. `given` reads `train`, `valid` (which trains) and `test` from
/// `split.column`; `hash` needs a key, and puts a row in the test part when the first 8 bytes of the SHA-256 of its
/// key, as a share of their greatest value, are below `split.test`.
///
/// Rows of one block (see [`mark`]) are never divided: by chance they go to one side together, by time and hash those to learn
/// from are left out where one is judged. A given column moves nothing, with a warning.
///
/// # Errors
/// A share outside of (0, 1); a column that the kind needs and that is not there; missing times or keys; marks
/// other than the three words; a part that would be empty.
///
/// ```
/// # fn main() -> tidemill_core::Result<()> {
/// use std::sync::Arc;
/// use arrow_array::Float64Array;
/// use tidemill_core::{Batch, Column, Context, Schema, Table, recipe::Split};
/// let schema = Arc::new(Schema::new(vec![Column::number("x")])?);
/// let numbers = Float64Array::from_iter_values((0..10).map(f64::from));
/// let table = Table::new(Batch::new(schema, vec![Arc::new(numbers)])?);
/// let parts = tidemill_data::split::test_split(&table, &Split::default(), &Context::default())?;
/// assert_eq!((parts.train.len(), parts.test.len()), (8, 2));
/// # Ok(())
/// # }
/// ```
pub fn test_split(table: &Table, split: &Split, context: &Context) -> Result<Parts> {
    if !(split.test > 0.0 && split.test < 1.0) {
        let problem = format!("is {}, but a share between 0 and 1 is needed, such as 0.2", split.test);
        return Err(CoreError::parameter("split.test", problem));
    }
    let batch = table.batch();
    let rows = all(batch)?;
    let mut random = Random::new(context.seed_for("split"), 0);
    let kind = split.kind.unwrap_or_else(|| suited(batch));
    warn_of_groups(batch, kind, context);
    let (is_test, how) = match kind {
        SplitKind::Random => {
            let strata = vec![rows.clone()];
            (together::test(batch, strata, split.test, &mut random)?, "by chance".into())
        }
        SplitKind::Stratified => {
            let (strata, how) = strata::of_target(batch, &rows, context)?;
            (together::test(batch, strata, split.test, &mut random)?, how)
        }
        SplitKind::Group => groups::test(batch, &rows, split.test, &mut random, context)?,
        SplitKind::StratifiedGroup => {
            groups::stratified_test(batch, &rows, split.test, &mut random, context)?
        }
        SplitKind::Time => time::test(batch, &rows, split.test)?,
        SplitKind::Given => marked::given(batch, split)?,
        SplitKind::Hash => marked::hashed(batch, split.test)?,
        SplitKind::Spatial => spatial::test(batch, &rows, split, &mut random)?,
    };
    let mut test = is_test;
    test.sort_unstable();
    let mut train = complement(&rows, &test);
    let n_gap = gap::leave(batch, split.gap.as_deref(), kind, &mut train, &test)?;
    let belt = belt(batch, kind, split.buffer, &mut train, &test)?;
    let n_copies = if kind == SplitKind::Given { 0 } else { blocks::purge(batch, &mut train, &test)? };
    for (part, found) in [("training", &train), ("test", &test)] {
        if found.is_empty() {
            return Err(Error::split(
                format!("the {part} part has no row ({} rows, divided {how})", rows.len()),
                "give more rows, or change [split] in the recipe",
            )
            .into());
        }
    }
    let share = 100.0 * test.len() as f64 / rows.len() as f64;
    let gap =
        if n_gap > 0 { format!("; {n_gap} rows in the gap between are left out") } else { String::new() };
    let together = blocks::sentence(batch, kind, n_copies)?;
    let why = format!(
        "{how}: {} rows to train on, {} to test on ({share:.0}%){gap}{belt}{together}",
        train.len(),
        test.len()
    );
    let copied = blocks::copied(batch, &train, &test, context)?;
    blocks::warn_of_few(batch, &test, context)?;
    let unseen = if kind == SplitKind::Time { unseen(batch, &train, &test)? } else { Vec::new() };
    Ok(Parts { train, test, copied, unseen, why })
}

/// Divides the training rows `rows` into `folds.n` folds, every row in at most one valid part; anew, by another chance, for
/// each of `folds.repeats`.
///
/// Without a kind, as `split` says (with `given`, as if it said nothing). By time, fold `i` trains on what came
/// before its valid part (expanding windows), less `split.gap`, and rows of one time are never divided. Where there are fewer
/// groups or times than folds, there are fewer folds, with a warning.
///
/// # Errors
/// Fewer than 2 folds asked for; fewer rows than folds; a single group or time; repeats of folds that chance has no part in;
/// and those of [`test_split`].
pub fn folds(
    table: &Table,
    rows: &[u32],
    folds: &Folds,
    split: &Split,
    context: &Context,
) -> Result<Vec<Fold>> {
    let kind = folds.kind.or(split.kind.filter(|k| *k != SplitKind::Given));
    let n = folds.count(rows.len());
    let repeats = folds.repeats.unwrap_or(1);
    if repeats == 0 {
        return Err(CoreError::parameter("folds.repeats", "is 0, but at least 1 is needed"));
    }
    let mut all = Vec::with_capacity(n * repeats);
    for repeat in 0..repeats {
        let chance = Random::new(context.seed_for("folds"), repeat as u64);
        let context = if repeat == 0 { context.clone() } else { context.quiet() };
        let (gap, space) = (split.gap.as_deref(), (split.blocks, split.buffer));
        let division = Division { n, kind, gap, space, key: "folds", repeats, chance };
        all.extend(division.of(table, rows, &context)?);
    }
    Ok(all)
}

/// Divides all rows into `n` outer folds (nested cross-validation), each the test part once; the parts name all rows to
/// train on and all that are judged. Kinds and errors as in [`folds`].
pub fn outer(table: &Table, split: &Split, n: usize, context: &Context) -> Result<(Parts, Vec<Fold>)> {
    if split.kind == Some(SplitKind::Given) {
        return Err(CoreError::parameter(
            "split.nested",
            "a given column makes one test part, not outer folds",
        ));
    }
    let batch = table.batch();
    let rows = all(batch)?;
    warn_of_groups(batch, split.kind.unwrap_or_else(|| suited(batch)), context);
    let chance = Random::new(context.seed_for("outer"), 0);
    let gap = split.gap.as_deref();
    let space = (split.blocks, split.buffer);
    let division = Division { n, kind: split.kind, gap, space, key: "split.nested", repeats: 1, chance };
    let folds = division.of(table, &rows, context)?;
    let mut test: Vec<u32> = folds.iter().flat_map(|f| f.valid.iter().copied()).collect();
    test.sort_unstable();
    let why = format!(
        "into {} outer folds, each judged by a search on the others: {} rows judged, {} in the model that ships",
        folds.len(),
        test.len(),
        rows.len()
    );
    Ok((Parts { train: rows, test, copied: Vec::new(), unseen: Vec::new(), why }, folds))
}

/// One way to divide rows into folds.
struct Division<'a> {
    n: usize,
    kind: Option<SplitKind>,
    gap: Option<&'a str>,
    /// Of folds by place.
    space: (Option<usize>, Option<f64>),
    /// The key of the recipe that asks for it.
    key: &'static str,
    repeats: usize,
    chance: Random,
}

impl Division<'_> {
    fn of(mut self, table: &Table, rows: &[u32], context: &Context) -> Result<Vec<Fold>> {
        let (n, random, batch) = (self.n, &mut self.chance, table.batch());
        if n < 2 {
            let key = if self.key == "folds" { "folds.n" } else { self.key };
            return Err(CoreError::parameter(key, format!("is {n}, but at least 2 are needed")));
        }
        let mut rows = rows.to_vec();
        rows.sort_unstable();
        if rows.len() < n {
            return Err(Error::split(
                format!("{} folds cannot be made of {} training rows", n, rows.len()),
                "give more rows, or set folds.n lower",
            )
            .into());
        }
        if let Some(row) = rows.last().filter(|&&row| row as usize >= batch.n_rows()) {
            return Err(CoreError::internal(format!("row {row} of a table of {}", batch.n_rows())));
        }
        let kind = self.kind.unwrap_or_else(|| suited(batch));
        if self.repeats > 1 && matches!(kind, SplitKind::Time | SplitKind::Hash) {
            let problem = "chance has no part in folds by time or hash: they would be the same again";
            return Err(CoreError::parameter("folds.repeats", problem));
        }
        let valid = match kind {
            SplitKind::Time => time::folds(batch, &rows, n, context)?,
            SplitKind::Random => together::folds(batch, vec![rows.clone()], n, random)?,
            SplitKind::Stratified => {
                let (strata, _) = strata::of_target(batch, &rows, &context.quiet())?;
                strata::warn_of_small(batch, &strata, n, context);
                together::folds(batch, strata, n, random)?
            }
            SplitKind::Group => groups::folds(batch, &rows, n, random, context)?,
            SplitKind::StratifiedGroup => groups::stratified_folds(batch, &rows, n, random, context)?,
            SplitKind::Hash => marked::hash_folds(batch, &rows, n)?,
            SplitKind::Spatial => spatial::folds(batch, &rows, n, self.space.0, random)?,
            SplitKind::Given => {
                return Err(CoreError::parameter(
                    "folds.kind",
                    "a given column makes a test part, not folds",
                ));
            }
        };
        let made = valid.into_iter().filter(|valid| !valid.is_empty() && valid.len() < rows.len());
        let mut folds = Vec::with_capacity(n);
        for mut valid in made {
            valid.sort_unstable();
            let mut train = match kind {
                SplitKind::Time => time::before(batch, &rows, &valid)?,
                _ => complement(&rows, &valid),
            };
            gap::leave(batch, self.gap, kind, &mut train, &valid)?;
            belt(batch, kind, self.space.1, &mut train, &valid)?;
            blocks::purge(batch, &mut train, &valid)?;
            folds.push(Fold { train, valid });
        }
        // Two times make one fold.
        let enough = if kind == SplitKind::Time { 1 } else { 2 };
        folds.retain(|fold| !fold.train.is_empty());
        if folds.len() < enough {
            let remedy = "give more rows, a smaller split.gap, or choose another folds.kind";
            return Err(Error::split("the training rows cannot be divided into two folds", remedy).into());
        }
        Ok(folds)
    }
}

/// Leaves the rows around those that are judged out of training where rows are divided by place; says so.
fn belt(
    batch: &Batch,
    kind: SplitKind,
    buffer: Option<f64>,
    train: &mut Vec<u32>,
    judged: &[u32],
) -> Result<String> {
    if kind != SplitKind::Spatial {
        return match buffer {
            None => Ok(String::new()),
            Some(_) => Err(CoreError::parameter(
                "split.buffer",
                "there is a buffer only where rows are divided by place (split.kind = \"spatial\")",
            )),
        };
    }
    let (n, width) = spatial::leave(batch, buffer, train, judged)?;
    Ok(format!("; {n} rows within {width} of them are left out"))
}

/// The kind that suits a table for which none was named.
fn suited(batch: &Batch) -> SplitKind {
    let schema = batch.schema();
    // Masks have no strata.
    let target = schema.role(Role::Target).filter(|at| schema.columns()[*at].kind != Kind::Image);
    match (schema.role(Role::Time), schema.role(Role::Group), target) {
        (Some(_), _, _) => SplitKind::Time,
        (_, Some(_), Some(_)) => SplitKind::StratifiedGroup,
        (_, Some(_), _) => SplitKind::Group,
        (_, _, Some(_)) => SplitKind::Stratified,
        _ => SplitKind::Random,
    }
}

fn warn_of_groups(batch: &Batch, kind: SplitKind, context: &Context) {
    if let Some(group) = batch.schema().role(Role::Group)
        && !matches!(kind, SplitKind::Group | SplitKind::StratifiedGroup)
    {
        let name = &batch.schema().columns()[group].name;
        context
            .warn("split_divides_groups", format!("rows of one '{name}' may be in both parts of the split"));
    }
}

fn all(batch: &Batch) -> Result<Vec<u32>> {
    let n = u32::try_from(batch.n_rows()).map_err(|_| {
        let problem =
            format!("{} rows are more than the {} that can be trained on", batch.n_rows(), u32::MAX);
        CoreError::data(problem, "train on a sample")
    })?;
    Ok((0..n).collect())
}

/// The column in a role that a kind of split needs.
fn needed(batch: &Batch, role: Role, kind: &str, key: &str) -> Result<usize> {
    batch.schema().role(role).ok_or_else(|| {
        CoreError::parameter("split.kind", format!("'{kind}' needs a column named as data.{key}"))
    })
}

/// What of `rows` is not among `taken`; both sorted.
fn complement(rows: &[u32], taken: &[u32]) -> Vec<u32> {
    rows.iter().copied().filter(|row| taken.binary_search(row).is_err()).collect()
}

/// The value of a cell as a text that is the same wherever the row stands; `None` when it is missing.
fn text_of(batch: &Batch, column: usize, row: usize) -> Result<Option<String>> {
    use arrow_array::Array;
    if batch.column(column).is_null(row) {
        return Ok(None);
    }
    let about = &batch.schema().columns()[column];
    Ok(Some(match about.kind {
        Kind::Text => batch.texts(column)?.value(row).to_owned(),
        Kind::Number if batch.numbers(column)?.value(row).is_nan() => return Ok(None),
        Kind::Number => batch.numbers(column)?.value(row).to_string(),
        Kind::Flag => batch.flags(column)?.value(row).to_string(),
        Kind::Category => about.categories()?.name(batch.codes(column)?.value(row)).to_owned(),
        Kind::Time => batch.times(column)?.value(row).to_string(),
        found => {
            let (column, wanted) = (about.name.clone(), "a text, a number or a category".into());
            return Err(CoreError::WrongKind { column, found, wanted });
        }
    }))
}

#[cfg(test)]
mod tests;
