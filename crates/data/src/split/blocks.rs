//! Which rows belong together: copies, and rows of one key or group.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array};
use tidemill_core::recipe::{Copies, Split, SplitKind};
use tidemill_core::{BLOCK, Batch, Column, Context, Result, Role, Schema, Table};
use tidemill_kernel::blocks::{Unions, members};
use tidemill_kernel::sketch::hash_bytes;

use crate::duplicates;

/// With fewer blocks to judge on, a score says next to nothing.
const FEW: usize = 10;

/// What belongs together in a table, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blocks {
    /// Rows that equal an earlier row in every feature, where that cannot be chance.
    pub equal: usize,
    /// Rows that are nearly equal to an earlier one, and equal to none.
    pub near: usize,
    /// The key that repeats, and how many rows have that of an earlier row.
    pub keyed: Option<(String, usize)>,
    /// What was found, as a sentence without its full stop; `None` where nothing belongs together but groups.
    pub why: Option<String>,
}

/// Marks the rows that belong together by a column in the role [`Role::Block`], which every division of the rows keeps to: the
/// splits and folds of this module, and the early stopping, calibration and target encoding of learners and steps. A table without
/// such rows comes back as it is. To be called once, before the test part is set aside.
///
/// These are: copies (see [`duplicates`]), unless `split.copies` ignores them; where rows are divided by chance, rows of one key;
/// and where they are divided by group, groups.
///
/// # Errors
/// A group or key of a kind that names nothing.
pub fn mark(table: Table, split: &Split, context: &Context) -> Result<(Table, Blocks)> {
    let batch = table.batch();
    let kind = split.kind.unwrap_or_else(|| super::suited(batch));
    let by_group = matches!(kind, SplitKind::Group | SplitKind::StratifiedGroup);
    let by_chance = by_group || matches!(kind, SplitKind::Random | SplitKind::Stratified);
    let mut unions = Unions::new(batch.n_rows());
    let mut found = Blocks::default();
    if split.copies == Copies::Together {
        let copies = duplicates::find(batch, context)?;
        (found.equal, found.near) = (copies.equal, copies.near);
        copies.first.iter().zip(0..).for_each(|(&first, row)| {
            unions.join(first, row);
        });
        if let Some(key) = batch.schema().role(Role::Key).filter(|_| by_chance) {
            found.keyed = by_key(batch, key, &mut unions, context)?;
        }
    }
    if let Some(group) = batch.schema().role(Role::Group).filter(|_| by_group) {
        join_equal(batch, group, &mut unions)?;
    }
    found.why = found.sentence();
    let labels = unions.labels();
    if labels.iter().zip(0..).all(|(&first, row)| first == row) {
        return Ok((table, found));
    }
    Ok((with_column(batch, &labels)?, found))
}

/// The rows of `judged` that are unlike all of `learned`, and of rows that belong together the last alone: those on which models that
/// learned from `learned` can be compared, each new to them and each counted once.
pub fn unlike(batch: &Batch, learned: &[u32], judged: &[u32]) -> Result<Vec<u32>> {
    let Some(blocks) = batch.blocks()? else { return Ok(judged.to_vec()) };
    let mut taken = marked(learned, &blocks);
    let mut left = Vec::new();
    for &row in judged.iter().rev() {
        if !std::mem::replace(&mut taken[blocks[row as usize] as usize], true) {
            left.push(row);
        }
    }
    left.reverse();
    Ok(left)
}

impl Blocks {
    fn sentence(&self) -> Option<String> {
        let mut parts = Vec::new();
        let mut say = |n: usize, one: &str, many: &str| match n {
            0 => {}
            1 => parts.push(format!("1 row {one}")),
            n => parts.push(format!("{n} rows {many}")),
        };
        say(self.equal, "repeats an earlier row", "repeat an earlier row");
        say(self.near, "is nearly equal to an earlier one", "are nearly equal to an earlier one");
        if let Some((name, n)) = &self.keyed {
            let of = format!("the '{name}' of an earlier one");
            say(*n, &format!("has {of}"), &format!("have {of}"));
        }
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

fn rows(n: usize) -> String {
    if n == 1 { "1 row".into() } else { format!("{n} rows") }
}

/// Joins the rows of one key. A key that more than half of the rows have is none, with a warning.
fn by_key(
    batch: &Batch,
    at: usize,
    unions: &mut Unions,
    context: &Context,
) -> Result<Option<(String, usize)>> {
    let name = &batch.schema().columns()[at].name;
    let mut own = Unions::new(batch.n_rows());
    let repeated = join_equal(batch, at, &mut own)?;
    if repeated == 0 {
        return Ok(None);
    }
    let labels = own.labels();
    let all: Vec<u32> = (0..labels.len() as u32).collect();
    if members(&all, &labels).iter().any(|same| 2 * same.len() > all.len()) {
        let message =
            format!("more than half of the rows have one and the same '{name}': rows of one key are divided");
        context.warn("split_key_says_nothing", message);
        return Ok(None);
    }
    labels.iter().zip(0..).for_each(|(&first, row)| {
        unions.join(first, row);
    });
    Ok(Some((name.clone(), repeated)))
}

/// Joins the rows whose cells in a column are the same; how many have that of an earlier row.
fn join_equal(batch: &Batch, at: usize, unions: &mut Unions) -> Result<usize> {
    let mut hashed = Vec::with_capacity(batch.n_rows());
    for row in super::all(batch)? {
        if let Some(text) = super::text_of(batch, at, row as usize)? {
            hashed.push((hash_bytes(text.as_bytes()), row));
        }
    }
    hashed.sort_unstable();
    let mut repeated = 0;
    for pair in hashed.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
        unions.join(pair[0].1, pair[1].1);
        repeated += 1;
    }
    Ok(repeated)
}

fn with_column(batch: &Batch, labels: &[u32]) -> Result<Table> {
    let schema = batch.schema();
    let mut name = BLOCK.to_string();
    while schema.position(&name).is_some() {
        name.push('_');
    }
    let mut columns = schema.columns().to_vec();
    columns.push(Column::number(name).with_role(Role::Block));
    let mut arrays = batch.columns().to_vec();
    let labels: ArrayRef =
        Arc::new(Float64Array::from_iter_values(labels.iter().map(|&label| f64::from(label))));
    arrays.push(labels);
    Ok(Table::new(Batch::new(Arc::new(Schema::new(columns)?), arrays)?))
}

/// For each block whether one of these rows is in it.
fn marked(rows: &[u32], blocks: &[u32]) -> Vec<bool> {
    let mut marked = vec![false; blocks.iter().max().map_or(0, |last| *last as usize + 1)];
    rows.iter().for_each(|&row| marked[blocks[row as usize] as usize] = true);
    marked
}

/// Takes the rows out of `train` that belong together with one of `judged` (as López de Prado 2018 purges what overlaps with the
/// judged rows); says how many.
pub(super) fn purge(batch: &Batch, train: &mut Vec<u32>, judged: &[u32]) -> Result<usize> {
    let Some(blocks) = batch.blocks()? else { return Ok(0) };
    let judged = marked(judged, &blocks);
    let before = train.len();
    train.retain(|&row| !judged[blocks[row as usize] as usize]);
    Ok(before - train.len())
}

/// The rows of `test` that belong together with one of `train`, with a warning.
pub(super) fn copied(batch: &Batch, train: &[u32], test: &[u32], context: &Context) -> Result<Vec<u32>> {
    let Some(blocks) = batch.blocks()? else { return Ok(Vec::new()) };
    let learned = marked(train, &blocks);
    let copied: Vec<u32> =
        test.iter().copied().filter(|&row| learned[blocks[row as usize] as usize]).collect();
    if !copied.is_empty() {
        let message = format!(
            "{} of {} test rows are copies of training rows, as the given split has it: the score is better than it would be \
             on new rows",
            copied.len(),
            test.len()
        );
        context.warn("split_copies_judge", message);
    }
    Ok(copied)
}

/// The rows of `test` whose key or group is that of no row of `train`, where some are known and some are not; else none.
pub fn unseen(batch: &Batch, train: &[u32], test: &[u32]) -> Result<Vec<u32>> {
    let mut unions = Unions::new(batch.n_rows());
    let names = [Role::Group, Role::Key].into_iter().filter_map(|role| batch.schema().role(role));
    for at in names {
        join_equal(batch, at, &mut unions)?;
    }
    let labels = unions.labels();
    let known = marked(train, &labels);
    let unseen: Vec<u32> =
        test.iter().copied().filter(|&row| !known[labels[row as usize] as usize]).collect();
    Ok(if unseen.len() < test.len() { unseen } else { Vec::new() })
}

/// What is said of rows that belong together, after how the rows were divided.
pub(super) fn sentence(batch: &Batch, kind: SplitKind, purged: usize) -> Result<String> {
    let Some(blocks) = batch.blocks()? else { return Ok(String::new()) };
    if purged > 0 {
        return Ok(format!("; {} with a copy among those to test on are left out of training", rows(purged)));
    }
    if matches!(kind, SplitKind::Given | SplitKind::Time | SplitKind::Hash) {
        return Ok(String::new());
    }
    let all = super::all(batch)?;
    let sizes = members(&all, &blocks).into_iter().map(|same| same.len()).filter(|n| *n > 1);
    let (n_blocks, n_rows) = sizes.fold((0, 0), |(blocks, rows), size| (blocks + 1, rows + size));
    let of_group = matches!(kind, SplitKind::Group | SplitKind::StratifiedGroup);
    Ok(match of_group {
        true => "; copies of a row stay on one side, too".into(),
        false => format!(
            "; {n_rows} rows that are copies of each other, nearly so, or share their key stay together, in {n_blocks} {}",
            if n_blocks == 1 { "block" } else { "blocks" }
        ),
    })
}

/// Warns where the rows to judge on are few but for repetition.
pub(super) fn warn_of_few(batch: &Batch, test: &[u32], context: &Context) -> Result<()> {
    let Some(blocks) = batch.blocks()? else { return Ok(()) };
    let n = members(test, &blocks).len();
    if n < FEW && n < test.len() {
        let message = format!(
            "not enough to tell: the {} test rows are only {n} different ones, each with its copies or the rows of its key or group",
            test.len()
        );
        context.warn("split_few_blocks", message);
    }
    Ok(())
}
