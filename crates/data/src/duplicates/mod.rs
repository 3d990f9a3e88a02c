//! Copies: rows that are equal, or nearly equal, where that cannot be chance.
//!
//! 1. Rows whose features are all equal are found by a hash of each row (64 bits, columns one after the other).
//! 2. Whether equality can be chance is estimated from the columns ([`chance`]): how many rows of the table would equal this
//!    one if each column took its values on its own? A table of a few categories repeats by nature; numbers with decimals, long
//!    texts and pixels do not.
//! 3. Rows are nearly equal where a long text has at least 0.8 of its terms in common ([`texts`]: MinHash, Broder 1997), where all
//!    columns agree and the numbers differ by rounding ([`numbers`]), or where the target agrees, too, and all columns do but one, or but
//!    the times ([`but_one`]), or but for noise of about 1% in the numbers. Pictures of equal pixels are equal rows, however encoded.
//! 4. Copies of copies are copies. Where that would join more than 5% of the rows (and more than 10), as texts made from one
//!    template do, only equal rows count among these.
//!
//! Time and memory grow linearly with the table, up to the sorting of hashes; the same rows give the same copies
//! whatever the number of threads.

mod but_one;
mod cells;
mod chance;
mod numbers;
mod texts;

use rayon::prelude::*;
use tidemill_core::{Batch, Context, Result, Role};
use tidemill_kernel::blocks::Unions;

use cells::Cells;
use chance::Evidence;

/// The greatest share of the rows that near copies may join.
const MOST_JOINED: f64 = 0.05;
/// So many rows may always be joined: in a small table 5% are next to none.
const ALWAYS_JOINED: usize = 10;
/// Rows hashed at a time.
const CHUNK: usize = 4096;
/// An equal row is rare where fewer than this are expected by chance.
const RARE: f64 = 0.1;
/// The share of the rows taken for copies that may be so by chance.
const FALSE_SHARE: f64 = 0.01;

/// Which rows are copies of each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copies {
    /// For each row the first row that it is a copy of, itself where there is none.
    pub first: Vec<u32>,
    /// Rows that equal an earlier row in every feature.
    pub equal: usize,
    /// Rows that are nearly equal to an earlier one, and equal to none.
    pub near: usize,
}

impl Copies {
    /// Whether no row is a copy.
    pub fn is_empty(&self) -> bool {
        self.equal + self.near == 0
    }
}

/// Finds the copies among these rows, by their features: groups, times that order the rows and weights are not looked at, of keys only
/// that equal rows of one key are copies even where equal rows are usual, and of the target only whether rows that are equal but for
/// one column share it.
///
/// ```
/// # fn main() -> tidemill_core::Result<()> {
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, Float64Array};
/// use tidemill_core::{Batch, Column, Context, Schema};
/// let columns = vec![Column::number("height"), Column::number("weight")];
/// let numbers = |f: fn(u32) -> f64| -> ArrayRef {
///     Arc::new(Float64Array::from_iter_values((0..100).map(|i| f(i % 99))))
/// };
/// let columns_of = vec![numbers(|i| f64::from(i * 37 % 97) + 0.123), numbers(|i| f64::from(i * 41 % 89) * 1.017)];
/// let batch = Batch::new(Arc::new(Schema::new(columns)?), columns_of)?;
/// let copies = tidemill_data::duplicates::find(&batch, &Context::default())?;
/// assert_eq!((copies.equal, copies.first[99]), (1, 0));
/// # Ok(())
/// # }
/// ```
pub fn find(batch: &Batch, context: &Context) -> Result<Copies> {
    find_beside(batch, batch.schema().role(Role::Target), context)
}

/// As [`find`], where the target is the column at this place, whatever its role.
pub fn find_beside(batch: &Batch, target: Option<usize>, context: &Context) -> Result<Copies> {
    let n = batch.n_rows();
    let places = batch.schema().places(|c| c.role == Role::Feature);
    let cells = places.into_par_iter().map(|at| Cells::of(batch, at)).collect::<Result<Vec<_>>>()?;
    let none = || Copies { first: (0..n as u32).collect(), equal: 0, near: 0 };
    if cells.is_empty() || n < 2 {
        return Ok(none());
    }
    let classes = Classes::of(&cells, n);
    // Rows that all say the same are no copies of a row: these columns say nothing.
    if classes.firsts.len() < 2 {
        return Ok(none());
    }
    context.check()?;
    let evidence = Evidence::of(&cells, n, &classes.firsts);
    let mut equal = Unions::new(n);
    for (first, others) in sure(classes.repeated(), classes.firsts.len(), |(first, others)| {
        (evidence.chance(*first, *first), others.len())
    }) {
        others.iter().for_each(|&other| {
            equal.join(*first, other);
        });
    }
    if let Some(key) = batch.schema().role(Role::Key) {
        let key = Cells::of(batch, key)?;
        classes.repeated.iter().for_each(|class| join_same(class, &key, &mut equal));
    }
    context.check()?;
    let mut near = equal.clone();
    let pairs = texts::pairs(&cells, &classes.firsts, context)?;
    for (a, b) in pairs {
        near.join(a, b);
    }
    let n_firsts = classes.firsts.len();
    let chance = |&(a, b): &(u32, u32)| (evidence.chance(a, b), 1);
    let pairs = numbers::pairs(&cells, &evidence, &classes.firsts, numbers::ROUNDED, context)?;
    for &(a, b) in sure(&pairs, n_firsts, chance) {
        near.join(a, b);
    }
    let target = target.filter(|&at| but_one::is_comparable(batch.schema().columns()[at].kind));
    if let Some(target) = target.map(|at| Cells::of(batch, at)).transpose()? {
        for (a, b) in but_one::pairs(&cells, &target, &evidence, &classes.firsts, context)? {
            near.join(a, b);
        }
        let pairs = numbers::pairs(&cells, &evidence, &classes.firsts, numbers::NOISY, context)?;
        let found: Vec<_> = sure(&pairs, n_firsts, chance).map(|&(a, b)| (a, vec![b])).collect();
        if but_one::kappa(&target, &found.iter().collect::<Vec<_>>()) >= but_one::AGREE {
            found.iter().for_each(|(a, others)| {
                near.join(*a, others[0]);
            });
        }
    }
    Ok(counted(&equal.labels(), near.labels()))
}

/// Those of the pairs whose equality is not chance: `chance` is that of a row to equal another one, as a logarithm, and how many others
/// equal it. Of those taken at most one in a hundred is expected to be wrong (Benjamini and Hochberg 1995).
fn sure<T: Sync>(
    pairs: &[T],
    n_rows: usize,
    chance: impl Fn(&T) -> (f64, usize) + Sync,
) -> impl Iterator<Item = &T> {
    let n = n_rows.max(1) as f64;
    let by_chance = |pair: &T| {
        let (chance, others) = chance(pair);
        of_several((chance + n.ln()).exp(), others)
    };
    let each: Vec<f64> = pairs.par_iter().map(by_chance).collect();
    let mut sorted = each.clone();
    sorted.par_sort_unstable_by(f64::total_cmp);
    let passes = |&k: &usize| sorted[k] <= FALSE_SHARE * ((k + 1) as f64 / n).min(1.0);
    let most = (0..sorted.len()).rev().find(passes).map_or(f64::NEG_INFINITY, |k| sorted[k]);
    pairs.iter().zip(each).filter(move |(_, p)| *p <= most).map(|(pair, _)| pair)
}

/// How likely it is that so many rows equal one, of which `expected` do by chance: the tail of Poisson's distribution, bounded from
/// above by its first term. Where one such row is nothing rare, columns that depend on each other explain many, and it stays at one.
fn of_several(expected: f64, others: usize) -> f64 {
    if expected >= RARE {
        return expected;
    }
    (1..=others.min(20)).map(|k| expected / k as f64).product()
}

/// The places of all keys that are there more than once, and of a few others. A table of at least eight bits a key tells most keys
/// apart, so that only the rest needs sorting.
fn repeated(keys: &[u64]) -> Vec<usize> {
    let n_bits = (keys.len() * 8).next_power_of_two().max(64);
    let (mut once, mut again) = (vec![0u64; n_bits / 64], vec![0u64; n_bits / 64]);
    // The keys are sums of mixed hashes, so any of their bits will do.
    let bit = |key: u64| ((key as usize % n_bits) / 64, 1u64 << (key % 64));
    for &key in keys {
        let (word, bit) = bit(key);
        again[word] |= once[word] & bit;
        once[word] |= bit;
    }
    let is_repeated = |key: u64| {
        let (word, bit) = bit(key);
        again[word] & bit != 0
    };
    (0..keys.len()).filter(|&place| is_repeated(keys[place])).collect()
}

/// Joins the rows of a class that have the same key.
fn join_same((first, others): &(u32, Vec<u32>), key: &Cells<'_>, equal: &mut Unions) {
    let rows = std::iter::once(first).chain(others).filter(|&&row| !key.is_missing(row as usize));
    let mut keyed: Vec<(u64, u32)> = rows.map(|&row| (key.hash(row as usize), row)).collect();
    keyed.sort_unstable();
    for pair in keyed.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
        equal.join(pair[0].1, pair[1].1);
    }
}

/// The copies, where near ones count only within sets that are small enough.
fn counted(equal: &[u32], near: Vec<u32>) -> Copies {
    let most = (MOST_JOINED * equal.len() as f64).max(ALWAYS_JOINED as f64) as usize;
    let mut sizes = vec![0usize; equal.len()];
    near.iter().for_each(|&first| sizes[first as usize] += 1);
    let first: Vec<u32> = near
        .iter()
        .zip(equal)
        .map(|(&near, &equal)| if sizes[near as usize] > most { equal } else { near })
        .collect();
    let own = |labels: &[u32]| labels.iter().zip(0..).filter(|&(&first, row)| first == row).count();
    let (n_equal, n_first) = (own(equal), own(&first));
    Copies { equal: equal.len() - n_equal, near: n_equal - n_first, first }
}

/// The rows by what they say.
struct Classes {
    /// The first row of each class of equal rows, ascending.
    firsts: Vec<u32>,
    /// Of each class of more than one row, its first and the others.
    repeated: Vec<(u32, Vec<u32>)>,
}

impl Classes {
    fn of(cells: &[Cells<'_>], n: usize) -> Self {
        let mut hashes = vec![(0u64, 0u32); n];
        hashes.par_chunks_mut(CHUNK).enumerate().for_each(|(at, chunk)| {
            for (row, hash) in (at * CHUNK..).zip(chunk.iter_mut()) {
                hash.1 = row as u32;
            }
            cells.iter().for_each(|column| column.add_to(chunk));
        });
        hashes.par_sort_unstable();
        let (mut firsts, mut repeated) = (Vec::new(), Vec::new());
        for same in hashes.chunk_by(|a, b| a.0 == b.0) {
            firsts.push(same[0].1);
            if same.len() > 1 {
                repeated.push((same[0].1, same[1..].iter().map(|&(_, row)| row).collect::<Vec<u32>>()));
            }
        }
        firsts.par_sort_unstable();
        repeated.par_sort_unstable();
        Classes { firsts, repeated }
    }

    fn repeated(&self) -> &[(u32, Vec<u32>)] {
        &self.repeated
    }
}

#[cfg(test)]
mod tests;
