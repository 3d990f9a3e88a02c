//! How likely it is that a row equals another one by chance.
//!
//! Each column says how often its value would be met again in another row: how many of the other rows have it, but not less than its
//! precision allows (a number of two decimals that range over a thousand has 100,000 possible values; a character of a text tells
//! about one bit, Shannon 1951). Of categories all rows count; of the rest each class of equal rows counts once, or copies would
//! make themselves look usual. Columns depend on each other, so the columns after the most telling one count half (in logarithms), or
//! less: how much more the number of columns in which two rows agree varies than if columns were independent says how many
//! independent ones they are worth (the overdispersion of quasi-likelihood, Wedderburn 1974).

use hashbrown::HashMap;
use rayon::prelude::*;
use tidemill_core::Kind;
use tidemill_kernel::Random;

use super::cells::{Cells, Values};

/// The most rows that are counted.
const COUNTED: usize = 10_000;
/// So many rows of a class do not make its values look usual: more of them are met because the values are.
const MOST_OWN: usize = 4;
/// No value is less likely than this.
const LEAST: f64 = 1e-18;
/// The share of values that must be whole multiples of a column's resolution; the others are exceptions.
const REGULAR: f64 = 0.9;
/// The share of values left out at each end when the spread is measured.
const TAIL: f64 = 0.05;

/// Pairs of rows by which the dependence of columns is measured, and the fewest, where there are many columns.
const PAIRS: usize = 10_000;
const FEWEST_PAIRS: usize = 500;
/// So many pairs of cells are compared at most, as long as the pairs of rows suffice.
const COMPARED: usize = 20_000_000;
/// The share of the spread within which two quantities agree, where dependence is measured.
const AGREE: f64 = 0.05;

/// What the columns say about chance.
pub(super) struct Evidence<'a> {
    cells: &'a [Cells<'a>],
    pub(super) columns: Vec<Usual>,
    /// The rows counted, each the first of its class; ascending.
    counted: Vec<u32>,
    /// How much the columns after the most telling one count.
    weight: f64,
}

/// What is usual in a column.
pub(super) enum Usual {
    /// Of numbers and times.
    Quantity(Quantity),
    /// How many of so many rows have a value, by its hash.
    Named { counts: HashMap<u64, u32>, of: f64 },
}

/// What is usual among quantities.
pub(super) struct Quantity {
    sorted: Vec<f64>,
    /// The step of which the values are multiples.
    pub(super) resolution: f64,
    /// The width of the range that nine tenths of the different values are in.
    pub(super) spread: f64,
    missing: f64,
}

impl<'a> Evidence<'a> {
    pub(super) fn of(cells: &'a [Cells<'a>], n: usize, firsts: &[u32]) -> Self {
        let counted: Vec<u32> =
            firsts.iter().copied().step_by(firsts.len().div_ceil(COUNTED).max(1)).collect();
        let all: Vec<u32> = (0..n as u32).step_by(n.div_ceil(COUNTED).max(1)).collect();
        let usual = |column: &Cells<'_>| match &column.values {
            Values::Numbers(_) | Values::Times(_) => Usual::Quantity(Quantity::of(column, &counted)),
            Values::Flags(_) | Values::Codes(_) => named(column, &all),
            Values::Texts(_) | Values::Hashed(_) => named(column, &counted),
        };
        let columns: Vec<Usual> = cells.par_iter().map(usual).collect();
        let weight = 1.0 / overdispersion(cells, &columns, &counted).max(2.0);
        Evidence { cells, columns, counted, weight }
    }

    /// The chance, as a logarithm, that one other row equals this one as nearly as rows `a` and `b` equal each other.
    pub(super) fn chance(&self, a: u32, b: u32) -> f64 {
        let own = |row: u32| u32::from(self.counted.binary_search(&row).is_ok());
        let own = own(a) + if a == b { 0 } else { own(b) };
        let each = self.cells.iter().zip(&self.columns);
        self.joint(each.map(|(cells, usual)| usual.chance(cells, (a as usize, b as usize), own)))
    }

    /// The same for a class of rows that are equal in all columns but those left out.
    pub(super) fn of_class(&self, first: u32, others: &[u32], left_out: &[usize]) -> f64 {
        let counted = std::iter::once(&first).chain(others);
        let own = counted.filter(|row| self.counted.binary_search(row).is_ok()).count().min(MOST_OWN) as u32;
        let row = first as usize;
        self.joint(self.but(left_out).map(|(cells, usual)| usual.chance(cells, (row, row), own)))
    }

    /// The least chance that any two rows could have in all columns but those left out, by the precision of quantities.
    pub(super) fn least(&self, left_out: &[usize]) -> f64 {
        self.joint(self.but(left_out).map(|(cells, usual)| match usual {
            Usual::Quantity(quantity) => quantity.precision(0.0),
            Usual::Named { of, .. } if matches!(cells.column.kind, Kind::Flag | Kind::Category) => {
                1.0 / of.max(1.0)
            }
            Usual::Named { .. } => LEAST,
        }))
    }

    /// Whether a column may hold numbers or names of rows: no measurements, and different in nearly every row.
    pub(super) fn may_name_rows(&self, at: usize) -> bool {
        match &self.columns[at] {
            Usual::Quantity(quantity) => {
                let mut different = quantity.sorted.clone();
                different.dedup();
                quantity.resolution >= 1.0 && different.len() * 10 > self.counted.len() * 9
            }
            Usual::Named { counts, of } => counts.len() as f64 > 0.9 * of,
        }
    }

    fn but(&self, left_out: &[usize]) -> impl Iterator<Item = (&Cells<'a>, &Usual)> {
        let all = self.cells.iter().zip(&self.columns).enumerate();
        all.filter(move |(at, _)| !left_out.contains(at)).map(|(_, column)| column)
    }

    /// The product of these chances as a logarithm, where all but the least count less.
    fn joint(&self, chances: impl Iterator<Item = f64>) -> f64 {
        let (mut sum, mut least) = (0.0, 0.0f64);
        for chance in chances {
            let chance = chance.clamp(LEAST, 1.0).ln();
            sum += chance;
            least = least.min(chance);
        }
        least + (sum - least) * self.weight
    }
}

/// The variance of the number of columns in which two different rows agree over what it would be if columns were independent.
fn overdispersion(cells: &[Cells<'_>], columns: &[Usual], rows: &[u32]) -> f64 {
    if rows.len() < 3 {
        return 1.0;
    }
    let mut random = Random::new(0, 0);
    let n_pairs = (COMPARED / cells.len().max(1)).clamp(FEWEST_PAIRS, PAIRS);
    let (mut by_column, mut sum, mut squares) = (vec![0u64; cells.len()], 0u64, 0u64);
    for _ in 0..n_pairs {
        let a = random.below(rows.len());
        let b = (a + 1 + random.below(rows.len() - 1)) % rows.len();
        let (a, b) = (rows[a] as usize, rows[b] as usize);
        let mut n = 0;
        for ((cells, usual), total) in cells.iter().zip(columns).zip(&mut by_column) {
            let agree = u64::from(usual.agree(cells, a, b));
            *total += agree;
            n += agree;
        }
        sum += n;
        squares += n * n;
    }
    let of = |n: u64| n as f64 / n_pairs as f64;
    let independent: f64 = by_column.iter().map(|&n| of(n) * (1.0 - of(n))).sum();
    if independent > 0.0 { (of(squares) - of(sum).powi(2)) / independent } else { 1.0 }
}

fn named(column: &Cells<'_>, rows: &[u32]) -> Usual {
    let mut counts = HashMap::new();
    rows.iter().for_each(|&row| *counts.entry(column.hash(row as usize)).or_insert(0) += 1);
    Usual::Named { counts, of: rows.len() as f64 }
}

impl Usual {
    fn agree(&self, cells: &Cells<'_>, a: usize, b: usize) -> bool {
        match self {
            Usual::Named { .. } => cells.hash(a) == cells.hash(b),
            Usual::Quantity(usual) => match (cells.quantity(a), cells.quantity(b)) {
                (Some(x), Some(y)) => (x - y).abs() <= AGREE * usual.spread,
                (x, y) => x.is_none() && y.is_none(),
            },
        }
    }

    /// The chance of one other row; `own` of the rows counted are the two themselves.
    fn chance(&self, cells: &Cells<'_>, (a, b): (usize, usize), own: u32) -> f64 {
        match self {
            Usual::Quantity(usual) => match (cells.quantity(a), cells.quantity(b)) {
                (Some(x), Some(y)) => usual.chance(x.min(y), x.max(y), own),
                _ => usual.missing,
            },
            Usual::Named { counts, of } => {
                let count = counts.get(&cells.hash(a)).copied().unwrap_or(0);
                if matches!(cells.column.kind, Kind::Flag | Kind::Category) || cells.is_missing(a) {
                    return f64::from(count.max(1)) / of;
                }
                let precision = match &cells.values {
                    Values::Texts(x) => 0.5f64.powi(x.value(a).chars().take(64).count() as i32),
                    Values::Hashed(x) if x[a].1 => LEAST,
                    _ => 1.0 / of,
                };
                (f64::from(count.saturating_sub(own)) / of).max(precision)
            }
        }
    }
}

impl Quantity {
    fn of(column: &Cells<'_>, rows: &[u32]) -> Self {
        let mut sorted: Vec<f64> = rows.iter().filter_map(|&row| column.quantity(row as usize)).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let mut different = sorted.clone();
        different.dedup();
        let at = |share: f64| different[((different.len() - 1) as f64 * share).round() as usize];
        let mut spread = if different.is_empty() { 0.0 } else { at(1.0 - TAIL) - at(TAIL) };
        if spread <= 0.0 && !different.is_empty() {
            spread = at(1.0) - at(0.0);
        }
        let resolution = match column.values {
            Values::Times(_) => of_times(&different),
            _ => of_numbers(&different).unwrap_or(spread * 1e-9),
        };
        let missing = (rows.len() - sorted.len()) as f64 / rows.len().max(1) as f64;
        Quantity { sorted, resolution, spread, missing }
    }

    /// The chance of a value as near as this, if all values within the spread are equally likely; doubled, as some are likelier.
    fn precision(&self, apart: f64) -> f64 {
        if self.spread > 0.0 { 2.0 * (2.0 * apart + self.resolution) / self.spread } else { 1.0 }
    }

    fn chance(&self, low: f64, high: f64, own: u32) -> f64 {
        let apart = high - low;
        let from = self.sorted.partition_point(|x| *x < low - apart);
        let to = self.sorted.partition_point(|x| *x <= high + apart);
        // One other may be there by chance: it takes two to make a value usual.
        let others = (to - from).saturating_sub(own as usize + 1) as f64;
        let crowd = (2.0 * apart + self.resolution) * self.density(low, high);
        (others / self.sorted.len().max(1) as f64).max(self.precision(apart)).max(crowd)
    }

    /// The share of values for each unit around these two, by the root of n values that lie nearest: in a long tail most values crowd
    /// into a small part of the spread (the k-nearest-neighbour density of Loftsgaarden and Quesenberry 1965).
    fn density(&self, low: f64, high: f64) -> f64 {
        let n = self.sorted.len();
        let half = ((n as f64).sqrt() / 2.0).ceil() as usize;
        let from = self.sorted.partition_point(|x| *x < low).saturating_sub(half);
        let to = (self.sorted.partition_point(|x| *x <= high) + half).min(n);
        let Some(around) = self.sorted.get(from..to).filter(|around| around.len() > 1) else { return 0.0 };
        let width = around[around.len() - 1] - around[0];
        if width > 0.0 { (around.len() - 1) as f64 / n as f64 / width } else { 0.0 }
    }
}

/// The greatest power of ten, from a billionth to a million, that most values are multiples of.
fn of_numbers(values: &[f64]) -> Option<f64> {
    let regular = |step: i32| {
        let factor = 10f64.powi(-step);
        let is_multiple = |x: &&f64| {
            let x = **x * factor;
            (x - x.round()).abs() <= 1e-9 * x.abs().max(1.0)
        };
        values.iter().filter(is_multiple).count() as f64 >= REGULAR * values.len() as f64
    };
    (-9..=6).rev().find(|step| regular(*step)).map(|step| 10f64.powi(step))
}

/// A day, an hour, a minute, a second or a microsecond.
fn of_times(values: &[f64]) -> f64 {
    let regular = |step: f64| {
        values.iter().filter(|x| **x % step == 0.0).count() as f64 >= REGULAR * values.len() as f64
    };
    [86_400e6, 3_600e6, 60e6, 1e6].into_iter().find(|step| regular(*step)).unwrap_or(1.0)
}
