//! Rows that are equal but for one column, or but for their times, where what is left cannot be chance: one thing that was recorded
//! several times, under another number, at another time, or with a cell missing. Texts are equal here where their words are,
//! whatever their case and punctuation.
//!
//! Such rows may also be one thing under different conditions, each with a result of its own. So they are copies only where they agree
//! in the target as well.

use std::collections::BTreeMap;

use rayon::prelude::*;
use tidemill_core::{Context, Kind, Result};
use tidemill_kernel::sketch::mix;

use super::cells::{Cells, Values};
use super::chance::Evidence;
use super::{FALSE_SHARE, repeated, sure, texts};

/// How much of what chance leaves open two of these rows must agree in the target: Cohen's kappa.
pub(super) const AGREE: f64 = 0.5;
/// In tables of more cells or columns only the times are left out: all rows are looked at once for each column.
const MOST_CELLS: usize = 50_000_000;
const MOST_COLUMNS: usize = 1_000;
/// The most pairs of columns that are left out.
const MOST_PAIRS: usize = 100;

/// A class of rows that are equal in what is not left out: its first row and the others.
pub(super) type Class = (u32, Vec<u32>);

/// Pairs of such rows; `rows` are the first of each class of equal rows.
pub(super) fn pairs(
    cells: &[Cells<'_>],
    target: &Cells<'_>,
    evidence: &Evidence<'_>,
    rows: &[u32],
    context: &Context,
) -> Result<Vec<(u32, u32)>> {
    let hashed = Hashed::of(cells, rows);
    let without = |left_out: &Vec<usize>| -> Result<Vec<(u32, u32)>> {
        context.check()?;
        let least = evidence.least(left_out) + (rows.len().max(1) as f64).ln();
        if least > FALSE_SHARE.ln() {
            return Ok(Vec::new());
        }
        let classes = hashed.classes(left_out);
        let chance = |(first, others): &Class| (evidence.of_class(*first, others, left_out), others.len());
        let found: Vec<&Class> = sure(&classes, rows.len(), chance).collect();
        if kappa(target, &found) < AGREE {
            return Ok(Vec::new());
        }
        Ok(found.iter().flat_map(|(first, others)| others.iter().map(|&other| (*first, other))).collect())
    };
    let pairs = left_out(cells, evidence, rows.len()).par_iter().map(without).collect::<Result<Vec<_>>>()?;
    Ok(pairs.into_iter().flatten().collect())
}

/// What is left out in turn: nothing, where texts are compared by their words; each column; all times; all times and one column more, as
/// of a record that was written again under a new number; two columns that may be such numbers.
fn left_out(cells: &[Cells<'_>], evidence: &Evidence<'_>, n_rows: usize) -> Vec<Vec<usize>> {
    let places = |is: &dyn Fn(&Cells<'_>) -> bool| -> Vec<usize> {
        (0..cells.len()).filter(|&at| is(&cells[at])).collect()
    };
    let times = places(&|column| matches!(column.values, Values::Times(_)));
    let small = cells.len() <= MOST_COLUMNS && n_rows.saturating_mul(cells.len()) <= MOST_CELLS;
    let each: Vec<usize> = if small { (0..cells.len()).collect() } else { times.clone() };
    let mut sets: Vec<Vec<usize>> = each.iter().map(|&at| vec![at]).collect();
    if !times.is_empty() {
        let others = each.iter().filter(|at| !times.contains(at));
        sets.extend(others.map(|&at| [times.as_slice(), &[at]].concat()));
    }
    let named: Vec<usize> = each.iter().copied().filter(|&at| evidence.may_name_rows(at)).collect();
    let pairs = (1..named.len()).flat_map(|b| (0..b).map(move |a| (a, b)));
    sets.extend(pairs.take(MOST_PAIRS).map(|(a, b)| vec![named[a], named[b]]));
    if times.len() > 1 {
        sets.push(times);
    }
    if !places(&|column| matches!(column.values, Values::Texts(_))).is_empty() {
        sets.push(Vec::new());
    }
    // What is left must be something.
    sets.retain(|set| set.len() < cells.len());
    sets
}

/// The rows by what they say, in a way that a column can be taken out of.
struct Hashed<'a> {
    cells: &'a [Cells<'a>],
    rows: &'a [u32],
    /// Of a column of texts, the hash of the words of each row.
    words: Vec<Option<Vec<u64>>>,
    /// The sum over all columns.
    whole: Vec<u64>,
}

impl<'a> Hashed<'a> {
    fn of(cells: &'a [Cells<'a>], rows: &'a [u32]) -> Self {
        let words = cells.iter().map(|column| words(column, rows)).collect();
        let mut hashed = Hashed { cells, rows, words, whole: Vec::new() };
        let sum = |place| (0..cells.len()).fold(0u64, |sum, at| sum.wrapping_add(hashed.cell(at, place)));
        let whole = (0..rows.len()).into_par_iter().map(sum).collect();
        hashed.whole = whole;
        hashed
    }

    fn cell(&self, at: usize, place: usize) -> u64 {
        let hash = match &self.words[at] {
            Some(words) => words[place],
            None => self.cells[at].hash(self.rows[place] as usize),
        };
        mix(hash ^ mix(at as u64 + 1))
    }

    /// The classes of more than one row, in the order of their first rows.
    fn classes(&self, left_out: &[usize]) -> Vec<Class> {
        let rest = |place: usize| {
            left_out.iter().fold(self.whole[place], |sum, &at| sum.wrapping_sub(self.cell(at, place)))
        };
        let keys: Vec<u64> = (0..self.rows.len()).map(rest).collect();
        let mut keys: Vec<(u64, u32)> =
            repeated(&keys).into_iter().map(|place| (keys[place], self.rows[place])).collect();
        keys.sort_unstable();
        let several = keys.chunk_by(|a, b| a.0 == b.0).filter(|same| same.len() > 1);
        let mut classes: Vec<Class> =
            several.map(|same| (same[0].1, same[1..].iter().map(|key| key.1).collect())).collect();
        classes.sort_unstable();
        classes
    }
}

fn words(column: &Cells<'_>, rows: &[u32]) -> Option<Vec<u64>> {
    let Values::Texts(texts) = &column.values else { return None };
    let of = |&row: &u32| match column.is_missing(row as usize) {
        true => column.hash(row as usize),
        false => texts::hash_of_words(texts.value(row as usize)),
    };
    Some(rows.par_iter().map(of).collect())
}

/// Cohen's kappa over all pairs of rows of one class: how much more they agree in the target than rows of different classes would.
pub(super) fn kappa(target: &Cells<'_>, classes: &[&Class]) -> f64 {
    // Whole numbers in a fixed order, so that the sums are always the same.
    let (mut pairs, mut equal, mut totals) = (0u64, 0u64, BTreeMap::<u64, u64>::new());
    for (first, others) in classes {
        let mut counts = BTreeMap::<u64, u64>::new();
        for &row in std::iter::once(first).chain(others) {
            if !target.is_missing(row as usize) {
                *counts.entry(target.hash(row as usize)).or_default() += 1;
            }
        }
        let all: u64 = counts.values().sum();
        pairs += all * all.saturating_sub(1);
        equal += counts.values().map(|n| n * (n - 1)).sum::<u64>();
        if all > 1 {
            counts.keys().for_each(|&value| *totals.entry(value).or_default() += 1);
        }
    }
    let all: u64 = totals.values().sum();
    if pairs == 0 || all == 0 {
        return 0.0;
    }
    let chance: f64 = totals.values().map(|&n| (n as f64 / all as f64).powi(2)).sum();
    let agree = equal as f64 / pairs as f64;
    if chance < 1.0 { (agree - chance) / (1.0 - chance) } else { 0.0 }
}

/// Whether a target can be compared at all: of masks, each is one of its own.
pub(super) fn is_comparable(kind: Kind) -> bool {
    matches!(kind, Kind::Number | Kind::Flag | Kind::Category | Kind::Time | Kind::Text)
}
