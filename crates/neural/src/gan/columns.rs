//! Columns of mixed kinds as the numbers that a net makes, and back (Xu et al. 2019, "Modeling tabular data using conditional GAN").
//!
//! A number is which of its modes it belongs to, and how far from that mode's mean it is (mode-specific normalisation). A flag, a category
//! and a number of few values is which of its values it is. Missing is one value or mode more.

use std::sync::Arc;

use arrow_array::ArrayRef;
use tidemill_core::{Batch, Kind, Result, Schema};
use tidemill_kernel::Random;
use tidemill_kernel::cells::{self, Grid};

use super::mixture::{Mode, modes};

/// Numbers of no more different values than this are one of them.
const FEW: usize = 20;
/// Values of a column that have a place of their own; rarer ones share one.
const PLACES: usize = 200;
/// Standard deviations of a mode that its unit covers.
const REACH: f64 = 4.0;
/// The end of what the hyperbolic tangent reaches in practice.
const END: f32 = 0.99;

/// Some of a row's numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Span {
    /// One number from -1 to 1.
    Unit(usize),
    /// Shares that sum to 1: the first place and how many.
    Shares(usize, usize),
}

/// How the columns of a table become numbers of a row.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    schema: Arc<Schema>,
    all: Vec<Column>,
    pub(super) spans: Vec<Span>,
    pub(super) width: usize,
}

#[derive(Clone, Debug)]
struct Column {
    coding: Coding,
    /// Whether the last place stands for a missing value.
    gaps: bool,
    /// Where its numbers begin within a row.
    first: usize,
}

#[derive(Clone, Debug)]
enum Coding {
    /// Always missing: nothing to make.
    Nothing,
    /// One of these modes, within these ends.
    Modes(Vec<Mode>, [f64; 2], Grid),
    /// One of these ascending values; behind them, where there are rarer ones, a place for all of those with their counts.
    Values(Vec<f64>, Vec<(f64, usize)>),
}

impl Coding {
    fn of(known: &[Option<f64>], kind: Kind) -> Self {
        let mut sorted: Vec<f64> = known.iter().flatten().copied().collect();
        sorted.sort_by(f64::total_cmp);
        let mut counts: Vec<(f64, usize)> = Vec::new();
        for x in &sorted {
            match counts.last_mut() {
                Some((value, n)) if *value == *x => *n += 1,
                _ => counts.push((*x, 1)),
            }
        }
        let named = matches!(kind, Kind::Category | Kind::Flag);
        match counts.len() {
            0 => Coding::Nothing,
            n if !named && n > FEW => {
                let ends = [sorted[0], sorted[sorted.len() - 1]];
                Coding::Modes(modes(&sorted), ends, Grid::of(kind, &sorted))
            }
            _ => Coding::of_values(counts),
        }
    }

    fn of_values(mut counts: Vec<(f64, usize)>) -> Self {
        counts.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.total_cmp(&b.0)));
        let rare = if counts.len() > PLACES { counts.split_off(PLACES - 1) } else { Vec::new() };
        let mut values: Vec<f64> = counts.into_iter().map(|(value, _)| value).collect();
        values.sort_by(f64::total_cmp);
        Coding::Values(values, rare)
    }

    /// Places of the shares, without that of missing values.
    fn places(&self) -> usize {
        match self {
            Coding::Nothing => 0,
            Coding::Modes(modes, ..) => modes.len(),
            Coding::Values(values, rare) => values.len() + usize::from(!rare.is_empty()),
        }
    }
}

impl Column {
    fn spans(&self) -> Vec<Span> {
        let n = self.coding.places() + usize::from(self.gaps);
        match self.coding {
            Coding::Nothing => Vec::new(),
            Coding::Modes(..) => vec![Span::Unit(self.first), Span::Shares(self.first + 1, n)],
            Coding::Values(..) => vec![Span::Shares(self.first, n)],
        }
    }

    fn put(&self, x: Option<f64>, random: &mut Random, row: &mut [f32]) {
        let n = self.coding.places();
        match (&self.coding, x) {
            (Coding::Nothing, _) => {}
            (Coding::Modes(..), None) => row[self.first + 1 + n] = 1.0,
            (Coding::Values(..), None) => row[self.first + n] = 1.0,
            (Coding::Modes(modes, ..), Some(x)) => {
                let densities: Vec<f64> = modes.iter().map(|mode| mode.density(x)).collect();
                let at = drawn(&densities, random).unwrap_or_else(|| nearest(modes, x));
                let mode = modes[at];
                row[self.first] = (((x - mode.mean) / (REACH * mode.std)) as f32).clamp(-END, END);
                row[self.first + 1 + at] = 1.0;
            }
            (Coding::Values(values, _), Some(x)) => {
                let at = values.binary_search_by(|value| value.total_cmp(&x)).unwrap_or(values.len());
                row[self.first + at] = 1.0;
            }
        }
    }

    /// The value that a row's numbers stand for, the largest share being the one that holds.
    fn value(&self, row: &[f32], random: &mut Random) -> Option<f64> {
        let n = self.coding.places();
        let (unit, first) = match self.coding {
            Coding::Nothing => return None,
            Coding::Modes(..) => (row[self.first], self.first + 1),
            Coding::Values(..) => (0.0, self.first),
        };
        let at = largest(&row[first..first + n + usize::from(self.gaps)]);
        match &self.coding {
            Coding::Modes(modes, [least, most], grid) if at < n => {
                let mode = modes[at];
                let x = mode.mean + REACH * mode.std * f64::from(unit);
                Some(grid.nearest(x.clamp(*least, *most)).clamp(*least, *most))
            }
            Coding::Values(values, _) if at < values.len() => Some(values[at]),
            Coding::Values(_, rare) if at < n => {
                let counts: Vec<f64> = rare.iter().map(|(_, n)| *n as f64).collect();
                drawn(&counts, random).map(|at| rare[at].0)
            }
            _ => None,
        }
    }
}

/// A place by chance, each as likely as it weighs; `None` where nothing weighs anything.
pub(super) fn drawn(weights: &[f64], random: &mut Random) -> Option<usize> {
    let total: f64 = weights.iter().sum();
    if !(total > 0.0 && total.is_finite()) {
        return None;
    }
    let mut left = random.unit() * total;
    for (at, weight) in weights.iter().enumerate() {
        left -= weight;
        if left < 0.0 {
            return Some(at);
        }
    }
    weights.iter().rposition(|weight| *weight > 0.0)
}

fn nearest(modes: &[Mode], x: f64) -> usize {
    let away = |mode: &Mode| ((x - mode.mean) / mode.std).abs();
    (0..modes.len()).min_by(|&a, &b| away(&modes[a]).total_cmp(&away(&modes[b]))).unwrap_or(0)
}

pub(super) fn largest(shares: &[f32]) -> usize {
    let mut best = 0;
    for (at, share) in shares.iter().enumerate() {
        if *share > shares[best] {
            best = at;
        }
    }
    best
}

impl Columns {
    /// Learns from all rows.
    pub(super) fn learn(batch: &Batch) -> Result<Self> {
        let (mut all, mut spans, mut width) = (Vec::new(), Vec::new(), 0);
        for (at, column) in batch.schema().columns().iter().enumerate() {
            let known = cells::values(batch, at)?;
            let coding = Coding::of(&known, column.kind);
            let one = Column { coding, gaps: known.iter().any(Option::is_none), first: width };
            let own = one.spans();
            width += own.iter().map(|span| if let Span::Shares(_, n) = span { *n } else { 1 }).sum::<usize>();
            spans.extend(own);
            all.push(one);
        }
        Ok(Columns { schema: batch.schema().clone(), all, spans, width })
    }

    pub(super) fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// The spans of the columns that a row can be asked to have a value of: flags, categories and numbers of few values.
    pub(super) fn conditions(&self) -> Vec<Span> {
        let asked = self.all.iter().filter(|column| matches!(column.coding, Coding::Values(..)));
        asked.flat_map(Column::spans).filter(|span| matches!(span, Span::Shares(_, n) if *n > 1)).collect()
    }

    /// All rows as numbers, row after row.
    pub(super) fn encode(&self, batch: &Batch, seed: u64) -> Result<Vec<f32>> {
        let mut out = vec![0.0; batch.n_rows() * self.width];
        for (at, column) in self.all.iter().enumerate() {
            let mut random = Random::new(seed, at as u64);
            let rows = out.chunks_exact_mut(self.width.max(1));
            cells::values(batch, at)?
                .into_iter()
                .zip(rows)
                .for_each(|(x, row)| column.put(x, &mut random, row));
        }
        Ok(out)
    }

    /// The rows that such numbers stand for; `seed` chooses among rare values.
    pub(super) fn decode(&self, rows: &[f32], n: usize, seed: u64) -> Result<Batch> {
        let arrays = self.all.iter().zip(self.schema.columns()).enumerate().map(|(at, (column, about))| {
            let mut random = Random::new(seed, at as u64);
            let rows = rows.chunks_exact(self.width.max(1));
            cells::array(
                about,
                rows.map(|row| column.value(row, &mut random)).chain(std::iter::repeat(None)).take(n),
            )
        });
        let arrays: Vec<ArrayRef> = arrays.collect::<Result<_>>()?;
        Batch::with_rows(self.schema.clone(), arrays, n)
    }
}
