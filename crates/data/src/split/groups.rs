//! By chance, whole groups together.

use std::collections::BTreeMap;

use tidemill_core::{Batch, Context, Result, Role};
use tidemill_kernel::Random;

use crate::Error;

/// The rows of each group, in the order of the groups' names; a row without a group is a group of its own.
fn groups(batch: &Batch, rows: &[u32], context: &Context) -> Result<(Vec<Vec<u32>>, String)> {
    let column = super::needed(batch, Role::Group, "group", "group")?;
    let name = batch.schema().columns()[column].name.clone();
    let (mut named, mut alone): (BTreeMap<String, Vec<u32>>, Vec<Vec<u32>>) = Default::default();
    for &row in rows {
        match super::text_of(batch, column, row as usize)? {
            Some(group) => named.entry(group).or_default().push(row),
            None => alone.push(vec![row]),
        }
    }
    if !alone.is_empty() {
        let message = format!("{} rows have no '{name}': each counts as a group of its own", alone.len());
        context.warn("split_missing_group", message);
    }
    let groups: Vec<Vec<u32>> = named.into_values().chain(alone).collect();
    if groups.len() < 2 {
        let problem = format!("'{name}' has the same value in every row, so groups cannot be divided");
        return Err(
            Error::split(problem, "name another column as data.group, or choose another split.kind").into()
        );
    }
    Ok((groups, name))
}

/// Groups in random order, each taken when it brings the test part nearer to its share; the smallest group where
/// none does.
pub(super) fn test(
    batch: &Batch,
    rows: &[u32],
    share: f64,
    random: &mut Random,
    context: &Context,
) -> Result<(Vec<u32>, String)> {
    let (mut groups, name) = groups(batch, rows, context)?;
    random.shuffle(&mut groups);
    let wanted = share * rows.len() as f64;
    let mut test: Vec<u32> = Vec::new();
    for group in &groups {
        let (now, then) = (test.len() as f64, (test.len() + group.len()) as f64);
        if (then - wanted).abs() < (now - wanted).abs() && test.len() + group.len() < rows.len() {
            test.extend_from_slice(group);
        }
    }
    if test.is_empty()
        && let Some(smallest) = groups.iter().min_by_key(|g| g.len())
    {
        test.clone_from(smallest);
    }
    Ok((test, format!("by chance, rows of one '{name}' together")))
}

/// The largest groups first, each into the smallest fold (as scikit-learn's `GroupKFold`); groups of one size in
/// random order.
pub(super) fn folds(
    batch: &Batch,
    rows: &[u32],
    n: usize,
    random: &mut Random,
    context: &Context,
) -> Result<Vec<Vec<u32>>> {
    let (mut groups, name) = groups(batch, rows, context)?;
    if groups.len() < n {
        let message = format!("'{name}' has {} values, so there are as many folds, not {n}", groups.len());
        context.warn("folds_few_groups", message);
    }
    let mut folds = vec![Vec::new(); n.min(groups.len())];
    random.shuffle(&mut groups);
    groups.sort_by_key(|g| std::cmp::Reverse(g.len()));
    for group in groups {
        if let Some(smallest) = folds.iter_mut().min_by_key(|fold| fold.len()) {
            smallest.extend(group);
        }
    }
    Ok(folds)
}
