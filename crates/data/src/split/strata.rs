//! By chance, each stratum in proportion.

use arrow_array::Array;
use tidemill_core::{Batch, Context, Kind, Result, Role};
use tidemill_kernel::Random;

/// Into how many strata by rank a numeric target is divided.
const TENTHS: usize = 10;

/// The rows of each class of the target (or tenth by rank of a numeric one); rows without a target are the last
/// stratum. Warns of classes of one row: they stay in the training part.
pub(super) fn of_target(batch: &Batch, rows: &[u32], context: &Context) -> Result<(Vec<Vec<u32>>, String)> {
    let target = super::needed(batch, Role::Target, "stratified", "target")?;
    let column = &batch.schema().columns()[target];
    if column.kind == Kind::Number {
        let how = format!("by chance, each tenth of '{}' in proportion", column.name);
        return Ok((tenths(batch, target, rows)?, how));
    }
    let strata = classes(batch, target, rows)?;
    let single = named(batch, target, strata.iter().filter(|s| s.len() == 1))?;
    if !single.is_empty() {
        let message =
            format!("of '{}' there is one row of {single}: it is trained on, not tested", column.name);
        context.warn("split_single_row_class", message);
    }
    Ok((strata, format!("by chance, each class of '{}' in proportion", column.name)))
}

fn classes(batch: &Batch, target: usize, rows: &[u32]) -> Result<Vec<Vec<u32>>> {
    let mut strata: std::collections::BTreeMap<(bool, String), Vec<u32>> = Default::default();
    for &row in rows {
        let name = super::text_of(batch, target, row as usize)?;
        strata.entry((name.is_none(), name.unwrap_or_default())).or_default().push(row);
    }
    Ok(strata.into_values().collect())
}

fn tenths(batch: &Batch, target: usize, rows: &[u32]) -> Result<Vec<Vec<u32>>> {
    let numbers = batch.numbers(target)?;
    let known = |row: &u32| numbers.is_valid(*row as usize) && !numbers.value(*row as usize).is_nan();
    let (mut ranked, missing): (Vec<u32>, Vec<u32>) = rows.iter().copied().partition(known);
    ranked.sort_by(|&a, &b| numbers.value(a as usize).total_cmp(&numbers.value(b as usize)));
    let n = ranked.len();
    let mut strata: Vec<Vec<u32>> =
        (0..TENTHS).map(|i| ranked[n * i / TENTHS..n * (i + 1) / TENTHS].to_vec()).collect();
    strata.push(missing);
    strata.retain(|s| !s.is_empty());
    Ok(strata)
}

/// Of each stratum `share` (to within one row), and `share` of all rows (rounded).
pub(super) fn test(strata: Vec<Vec<u32>>, share: f64, random: &mut Random) -> Vec<u32> {
    let n: usize = strata.iter().map(Vec::len).sum();
    let exact: Vec<f64> = strata.iter().map(|s| share * s.len() as f64).collect();
    let most: Vec<usize> = strata.iter().map(|s| s.len().saturating_sub(1)).collect();
    draw(strata, &exact, &most, (share * n as f64).round() as usize, random)
}

/// Of each stratum about so many rows, `wanted` in all: what is left after rounding down goes to the strata that lost most by
/// it, but never more than `most` of one.
pub(super) fn draw(
    mut strata: Vec<Vec<u32>>,
    exact: &[f64],
    most: &[usize],
    wanted: usize,
    random: &mut Random,
) -> Vec<u32> {
    let mut counts: Vec<usize> = exact.iter().map(|x| x.floor() as usize).collect();
    let mut order: Vec<usize> = (0..strata.len()).collect();
    // Strata of the same remainder (many classes of one row) take turns by chance, not by name.
    random.shuffle(&mut order);
    order.sort_by(|&a, &b| exact[b].fract().total_cmp(&exact[a].fract()));
    let mut lacking = wanted.saturating_sub(counts.iter().sum());
    for i in order {
        if lacking > 0 && counts[i] < most[i] {
            counts[i] += 1;
            lacking -= 1;
        }
    }
    let mut drawn = Vec::with_capacity(wanted);
    for (rows, count) in strata.iter_mut().zip(counts) {
        random.shuffle(rows);
        drawn.extend_from_slice(&rows[..count]);
    }
    drawn
}

/// The rows of each stratum dealt out like cards: folds differ by at most one row, within a stratum and over all.
pub(super) fn folds(strata: Vec<Vec<u32>>, n: usize, random: &mut Random) -> Vec<Vec<u32>> {
    let mut folds = vec![Vec::new(); n];
    let mut next = 0;
    for mut rows in strata {
        random.shuffle(&mut rows);
        for row in rows {
            folds[next % n].push(row);
            next += 1;
        }
    }
    folds
}

/// The names of the classes of these strata, the first few of many.
fn named<'a>(batch: &Batch, target: usize, strata: impl Iterator<Item = &'a Vec<u32>>) -> Result<String> {
    const SHOWN: usize = 5;
    let column = &batch.schema().columns()[target];
    let rows: Vec<usize> = strata.filter_map(|s| s.first().map(|&row| row as usize)).collect();
    let name = |&row: &usize| -> Result<String> {
        Ok(match column.kind {
            Kind::Flag => format!("'{}'", batch.flags(target)?.value(row)),
            _ => format!("'{}'", column.categories()?.name(batch.codes(target)?.value(row))),
        })
    };
    let shown = rows.iter().take(SHOWN).map(name).collect::<Result<Vec<_>>>()?.join(", ");
    let more = rows.len().saturating_sub(SHOWN);
    Ok(if more > 0 { format!("{shown} and {more} more classes") } else { shown })
}

/// Warns of classes with fewer rows than folds: some folds are judged without them.
pub(super) fn warn_of_small(batch: &Batch, strata: &[Vec<u32>], n: usize, context: &Context) {
    let Some(target) = batch.schema().role(Role::Target) else { return };
    let column = &batch.schema().columns()[target];
    if column.kind == Kind::Number {
        return;
    }
    let small = named(batch, target, strata.iter().filter(|s| s.len() < n)).unwrap_or_default();
    if !small.is_empty() {
        let message = format!("of '{}' there are fewer rows of {small} than the {n} folds", column.name);
        context.warn("folds_small_class", message);
    }
}
