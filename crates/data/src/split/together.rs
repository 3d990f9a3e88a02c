//! Divisions by chance that keep blocks whole: copies of a row, rows of one key.
//!
//! Blocks of several rows are placed first, the largest before the others, each where it leaves the strata most in
//! proportion (as scikit-learn's `StratifiedGroupKFold`); the rows that stand alone then fill up what is lacking.

use tidemill_core::{Batch, Result};
use tidemill_kernel::Random;
use tidemill_kernel::blocks::members;

use super::strata;

/// The rows to divide.
struct Units {
    /// Blocks of several rows, the largest first, those of one size in random order.
    blocks: Vec<Block>,
    /// By stratum, the rows that stand alone.
    alone: Vec<Vec<u32>>,
    /// By stratum, all rows.
    sizes: Vec<usize>,
}

struct Block {
    rows: Vec<u32>,
    /// How many of the rows are in each stratum that has some.
    counts: Vec<(usize, f64)>,
}

impl Units {
    /// `None` where every row stands alone.
    fn of(batch: &Batch, strata: &[Vec<u32>], random: &mut Random) -> Result<Option<Self>> {
        let Some(blocks) = batch.blocks()? else { return Ok(None) };
        let mut stratum = vec![0u32; batch.n_rows()];
        for (at, rows) in strata.iter().enumerate() {
            rows.iter().for_each(|&row| stratum[row as usize] = at as u32);
        }
        let rows: Vec<u32> = strata.concat();
        let (mut several, mut alone) = (Vec::new(), vec![Vec::new(); strata.len()]);
        for rows in members(&rows, &blocks) {
            match rows.as_slice() {
                [row] => alone[stratum[*row as usize] as usize].push(*row),
                _ => several.push(Block::of(rows, &stratum)),
            }
        }
        if several.is_empty() {
            return Ok(None);
        }
        random.shuffle(&mut several);
        several.sort_by_key(|block| std::cmp::Reverse(block.rows.len()));
        Ok(Some(Units { blocks: several, alone, sizes: strata.iter().map(Vec::len).collect() }))
    }
}

impl Block {
    fn of(rows: Vec<u32>, stratum: &[u32]) -> Self {
        let mut strata: Vec<u32> = rows.iter().map(|&row| stratum[row as usize]).collect();
        strata.sort_unstable();
        let counts =
            strata.chunk_by(|a, b| a == b).map(|same| (same[0] as usize, same.len() as f64)).collect();
        Block { rows, counts }
    }
}

/// About `share` of all rows and of each stratum, whole blocks together. A stratum never goes into the test part as a whole.
pub(super) fn test(
    batch: &Batch,
    strata: Vec<Vec<u32>>,
    share: f64,
    random: &mut Random,
) -> Result<Vec<u32>> {
    let Some(units) = Units::of(batch, &strata, random)? else {
        return Ok(strata::test(strata, share, random));
    };
    let (mut wanted, mut taken) = (vec![0.0; strata.len()], vec![0.0; strata.len()]);
    let mut test = Vec::new();
    for Block { rows, counts } in &units.blocks {
        counts.iter().for_each(|&(s, n)| wanted[s] += share * n);
        // What the squared distance from the wanted shares would gain.
        let nearer = |&(s, n): &(usize, f64)| n * (2.0 * (taken[s] - wanted[s]) + n) / units.sizes[s] as f64;
        let whole = counts.iter().any(|&(s, n)| taken[s] + n >= units.sizes[s] as f64);
        if !whole && counts.iter().map(nearer).sum::<f64>() < 0.0 {
            counts.iter().for_each(|&(s, n)| taken[s] += n);
            test.extend_from_slice(rows);
        }
    }
    let sizes = units.sizes.iter().zip(&units.alone).zip(&taken);
    let (most, exact): (Vec<usize>, Vec<f64>) = sizes
        .map(|((&all, alone), &taken)| {
            let most = alone.len().min((all - taken as usize).saturating_sub(1));
            (most, (share * all as f64 - taken).clamp(0.0, most as f64))
        })
        .unzip();
    let all: usize = units.sizes.iter().sum();
    let lacking = ((share * all as f64).round() as usize).saturating_sub(test.len());
    test.extend(strata::draw(units.alone, &exact, &most, lacking, random));
    if test.is_empty()
        && let Some(smallest) = units.blocks.last()
    {
        test.clone_from(&smallest.rows);
    }
    Ok(test)
}

/// `n` folds of about equal size, each with about the same share of every stratum, whole blocks together.
pub(super) fn folds(
    batch: &Batch,
    strata: Vec<Vec<u32>>,
    n: usize,
    random: &mut Random,
) -> Result<Vec<Vec<u32>>> {
    let Some(units) = Units::of(batch, &strata, random)? else { return Ok(strata::folds(strata, n, random)) };
    let all: f64 = units.sizes.iter().map(|&size| size as f64).sum();
    // By stratum, what each fold has so far.
    let mut held = vec![vec![0.0; n]; strata.len()];
    let mut folds: Vec<Vec<u32>> = vec![Vec::new(); n];
    for Block { rows, counts } in units.blocks {
        let size = rows.len() as f64;
        // What the squares of the shares would grow by, over strata and over all.
        let grows = |fold: usize, had: f64| -> f64 {
            let of = |&(s, n): &(usize, f64)| n * (2.0 * held[s][fold] + n) / (units.sizes[s] as f64).powi(2);
            counts.iter().map(of).sum::<f64>() + size * (2.0 * had + size) / (all * all)
        };
        let each = folds.iter().enumerate().map(|(fold, rows)| grows(fold, rows.len() as f64));
        let least = each.enumerate().min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(fold, _)| fold);
        counts.iter().for_each(|&(s, n)| held[s][least] += n);
        folds[least].extend(rows);
    }
    for (mut rows, held) in units.alone.into_iter().zip(&mut held) {
        random.shuffle(&mut rows);
        for row in rows {
            let order = |&a: &usize, &b: &usize| {
                held[a].total_cmp(&held[b]).then(folds[a].len().cmp(&folds[b].len()))
            };
            let least = (0..n).min_by(order).unwrap_or(0);
            held[least] += 1.0;
            folds[least].push(row);
        }
    }
    Ok(folds)
}
