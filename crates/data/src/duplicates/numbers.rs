//! Rows whose numbers differ by rounding only, or by a little noise, all else being equal.
//!
//! Numbers are put into cells of grids whose origins differ from band to band, so that two numbers that lie near each other share a
//! cell in most of them (Indyk and Motwani 1998); rows that share the cells of a few columns and all that is not a number are
//! compared in every column.

use rayon::prelude::*;
use tidemill_core::{Context, Result};
use tidemill_kernel::sketch::mix;

use super::cells::Cells;
use super::chance::{Evidence, Quantity, Usual};
use super::{FALSE_SHARE, repeated};

/// How near numbers are, and by which cells they are found.
#[derive(Clone, Copy)]
pub(super) struct Reach {
    /// The share of a column's spread that near numbers may be apart.
    apart: f64,
    bands: usize,
    /// Columns of a band: the wider the cells, the more are needed to tell rows apart.
    band: usize,
    /// The fewest columns whose steps are finer than what near numbers may be apart.
    least: usize,
    /// After so many bands that find no pair the others are not looked at: each finds most pairs that there are.
    first: usize,
}

/// What rounding leaves.
pub(super) const ROUNDED: Reach = Reach { apart: 0.001, bands: 8, band: 3, least: 1, first: 8 };
/// What noise of 1% leaves, as it is added to make more rows out of a few.
pub(super) const NOISY: Reach = Reach { apart: 0.02, bands: 12, band: 6, least: 4, first: 4 };
/// The width of a cell, in greatest distances.
const CELL: f64 = 4.0;
/// The most rows of one cell that a row is compared with.
const COMPARED: usize = 8;

/// A column of quantities.
struct Near<'a> {
    cells: &'a Cells<'a>,
    usual: &'a Quantity,
}

/// Pairs of rows that are nearly equal; with the pairs of their neighbours they join all that are.
pub(super) fn pairs(
    cells: &[Cells<'_>],
    evidence: &Evidence<'_>,
    rows: &[u32],
    reach: Reach,
    context: &Context,
) -> Result<Vec<(u32, u32)>> {
    let mut near = Vec::new();
    let mut others = Vec::new();
    for (cells, usual) in cells.iter().zip(&evidence.columns) {
        match usual {
            Usual::Quantity(usual) => near.push(Near { cells, usual }),
            Usual::Named { .. } => others.push(cells),
        }
    }
    let can_be = evidence.least(&[]) + (rows.len() as f64).ln() <= FALSE_SHARE.ln();
    // The most telling columns divide rows best.
    near.sort_by(|a, b| fineness(a.usual).total_cmp(&fineness(b.usual)));
    let fine = near.iter().filter(|column| fineness(column.usual) < reach.apart).count();
    if !can_be || fine < reach.least {
        return Ok(Vec::new());
    }
    let missing = |row: usize, hash: u64| {
        near.iter().fold(hash, |hash, n| hash << 1 ^ u64::from(n.cells.is_missing(row)))
    };
    let rest = |&row: &u32| {
        let hash = others.iter().fold(0, |hash, cells| mix(hash ^ cells.hash(row as usize)));
        missing(row as usize, mix(hash))
    };
    let rest: Vec<u64> = rows.par_iter().map(rest).collect();
    let mut pairs = Vec::new();
    for band in 0..reach.bands {
        context.check()?;
        if band >= reach.first && pairs.is_empty() {
            break;
        }
        let columns: Vec<&Near<'_>> =
            (0..reach.band.min(fine)).map(|at| &near[(band * reach.band + at) % fine]).collect();
        in_band(&near, &columns, (reach, band), rows, &rest, &mut pairs);
    }
    pairs.sort_unstable();
    pairs.dedup();
    Ok(pairs)
}

/// How much of the spread one step of the values is: quantities of a few values say little.
fn fineness(usual: &Quantity) -> f64 {
    if usual.spread > 0.0 { usual.resolution / usual.spread } else { f64::INFINITY }
}

fn in_band(
    near: &[Near<'_>],
    columns: &[&Near<'_>],
    (reach, band): (Reach, usize),
    rows: &[u32],
    rest: &[u64],
    pairs: &mut Vec<(u32, u32)>,
) {
    let key = |(&row, &rest): (&u32, &u64)| {
        let key = columns.iter().enumerate().fold(rest, |hash, (at, column)| {
            let shift = (mix((band * reach.band + at) as u64) >> 11) as f64 / (1u64 << 53) as f64;
            let width = CELL * reach.apart * column.usual.spread;
            let cell = column.cells.quantity(row as usize).map_or(f64::NAN, |x| (x / width + shift).floor());
            mix(hash ^ cell.to_bits())
        });
        (key, row)
    };
    let keys: Vec<(u64, u32)> = rows.par_iter().zip(rest).map(key).collect();
    let again = repeated(&keys.iter().map(|key| key.0).collect::<Vec<_>>());
    let mut keys: Vec<(u64, u32)> = again.into_iter().map(|place| keys[place]).collect();
    keys.par_sort_unstable();
    let compared = |same: &[(u64, u32)]| -> Vec<(u32, u32)> {
        let mut found = Vec::new();
        let mut shown: Vec<u32> = Vec::with_capacity(COMPARED);
        for &(_, row) in same {
            match shown.iter().find(|&&other| are_near(near, reach, other as usize, row as usize)) {
                Some(&other) => found.push((other, row)),
                None if shown.len() < COMPARED => shown.push(row),
                None => {}
            }
        }
        found
    };
    let found = keys.par_chunk_by(|a, b| a.0 == b.0).filter(|same| same.len() > 1).flat_map_iter(compared);
    pairs.par_extend(found);
}

fn are_near(near: &[Near<'_>], reach: Reach, a: usize, b: usize) -> bool {
    near.iter().all(|column| match (column.cells.quantity(a), column.cells.quantity(b)) {
        (Some(x), Some(y)) => (x - y).abs() <= reach.apart * column.usual.spread,
        (x, y) => x.is_none() && y.is_none(),
    })
}
