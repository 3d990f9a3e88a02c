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
    if let Some(blocks) = batch.blocks()? {
        // They hold the groups, and what copies and keys join.
        let groups = tidemill_kernel::blocks::members(rows, &blocks);
        if groups.len() < 2 && several(batch, column, rows)? {
            let problem = format!(
                "copies of rows stand in so many '{name}' that rows of one '{name}' and copies of a row cannot both stay together"
            );
            let remedy = "take the copies out (`tidemill check` names them), or let them be divided: split.copies = \"ignore\"";
            return Err(Error::split(problem, remedy).into());
        }
        return enough(groups, name);
    }
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
    enough(named.into_values().chain(alone).collect(), name)
}

/// Whether these rows have more than one group.
fn several(batch: &Batch, column: usize, rows: &[u32]) -> Result<bool> {
    let Some((&first, others)) = rows.split_first() else { return Ok(false) };
    let first = super::text_of(batch, column, first as usize)?;
    for &row in others {
        if super::text_of(batch, column, row as usize)? != first {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Errors where there is only one group.
fn enough(groups: Vec<Vec<u32>>, name: String) -> Result<(Vec<Vec<u32>>, String)> {
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
    let (groups, name) = groups(batch, rows, context)?;
    let test = self::share(groups, share, rows.len(), random);
    Ok((test, format!("by chance, rows of one '{name}' together")))
}

/// Groups in random order, each taken when it brings what is taken nearer to a share of `n_rows`.
pub(super) fn share(mut groups: Vec<Vec<u32>>, share: f64, n_rows: usize, random: &mut Random) -> Vec<u32> {
    random.shuffle(&mut groups);
    let wanted = share * n_rows as f64;
    let mut test: Vec<u32> = Vec::new();
    for group in &groups {
        let (now, then) = (test.len() as f64, (test.len() + group.len()) as f64);
        if (then - wanted).abs() < (now - wanted).abs() && test.len() + group.len() < n_rows {
            test.extend_from_slice(group);
        }
    }
    if test.is_empty()
        && let Some(smallest) = groups.iter().min_by_key(|g| g.len())
    {
        test.clone_from(smallest);
    }
    test
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
    let (groups, name) = groups(batch, rows, context)?;
    if groups.len() < n {
        let message = format!("'{name}' has {} values, so there are as many folds, not {n}", groups.len());
        context.warn("folds_few_groups", message);
    }
    Ok(deal(groups, n, random))
}

/// At most `n` folds: the largest groups first, each into the smallest fold; groups of one size in random order.
pub(super) fn deal(mut groups: Vec<Vec<u32>>, n: usize, random: &mut Random) -> Vec<Vec<u32>> {
    let mut folds = vec![Vec::new(); n.min(groups.len())];
    random.shuffle(&mut groups);
    groups.sort_by_key(|g| std::cmp::Reverse(g.len()));
    for group in groups {
        if let Some(smallest) = folds.iter_mut().min_by_key(|fold| fold.len()) {
            smallest.extend(group);
        }
    }
    folds
}

/// The rows of each group counted by stratum of the target.
fn counts(batch: &Batch, rows: &[u32], groups: &[Vec<u32>], context: &Context) -> Result<Vec<Vec<f64>>> {
    let (strata, _) = super::strata::of_target(batch, rows, &context.quiet())?;
    let mut stratum = vec![0; batch.n_rows()];
    for (at, rows) in strata.iter().enumerate() {
        rows.iter().for_each(|&row| stratum[row as usize] = at);
    }
    let count = |group: &Vec<u32>| {
        let mut counts = vec![0.0; strata.len()];
        group.iter().for_each(|&row| counts[stratum[row as usize]] += 1.0);
        counts
    };
    Ok(groups.iter().map(count).collect())
}

/// Groups whose rows are the most of one stratum first, each into the fold that leaves the strata most even over the folds (as
/// scikit-learn's `StratifiedGroupKFold`); of equals, into the smallest.
pub(super) fn stratified_folds(
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
    let n = n.min(groups.len());
    random.shuffle(&mut groups);
    let counts = counts(batch, rows, &groups, context)?;
    let mut order: Vec<usize> = (0..groups.len()).collect();
    order.sort_by(|&a, &b| deviation(&counts[b]).total_cmp(&deviation(&counts[a])));
    let n_strata = counts.first().map_or(0, Vec::len);
    let total: Vec<f64> = (0..n_strata).map(|s| counts.iter().map(|c| c[s]).sum::<f64>().max(1.0)).collect();
    // By stratum, what each fold has so far.
    let mut held = vec![vec![0.0; n]; n_strata];
    let mut folds: Vec<Vec<u32>> = vec![Vec::new(); n];
    for group in order {
        let uneven = |fold: usize, held: &mut [Vec<f64>]| -> f64 {
            let with = held.iter_mut().zip(&counts[group]).zip(&total).map(|((held, count), total)| {
                held[fold] += count;
                let uneven = deviation(held) / total;
                held[fold] -= count;
                uneven
            });
            with.sum()
        };
        let mut best = (f64::INFINITY, usize::MAX, 0);
        for (fold, rows) in folds.iter().enumerate() {
            let now = (uneven(fold, &mut held), rows.len(), fold);
            if now.0 < best.0 || (now.0 == best.0 && now.1 < best.1) {
                best = now;
            }
        }
        held.iter_mut().zip(&counts[group]).for_each(|(held, count)| held[best.2] += count);
        folds[best.2].extend_from_slice(&groups[group]);
    }
    Ok(folds)
}

/// Of so many stratified folds that one is about the share, the one nearest to it.
pub(super) fn stratified_test(
    batch: &Batch,
    rows: &[u32],
    share: f64,
    random: &mut Random,
    context: &Context,
) -> Result<(Vec<u32>, String)> {
    let n = ((1.0 / share).round() as usize).clamp(2, rows.len().max(2));
    let folds = stratified_folds(batch, rows, n, random, &context.quiet())?;
    let wanted = share * rows.len() as f64;
    let far = |fold: &Vec<u32>| (fold.len() as f64 - wanted).abs();
    let test = folds.into_iter().filter(|f| f.len() < rows.len()).min_by(|a, b| far(a).total_cmp(&far(b)));
    let column = super::needed(batch, Role::Group, "stratified_group", "group")?;
    let name = &batch.schema().columns()[column].name;
    let how = format!(
        "by chance, rows of one '{name}' together, the target's classes as nearly in proportion as that allows"
    );
    Ok((test.unwrap_or_default(), how))
}

fn deviation(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>().sqrt()
}
