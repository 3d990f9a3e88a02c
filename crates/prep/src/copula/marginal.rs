//! The distribution of one column alone: from a normal number to a value.

use arrow_array::ArrayRef;
use tidemill_core::{Batch, Column, Kind, Result};
use tidemill_kernel::cells::{self, Grid};
use tidemill_kernel::normal;

use super::latent::Latents;

/// Quantiles of a column at most.
const KNOTS: usize = 1000;

/// How a column is distributed.
#[derive(Clone, Debug)]
pub(super) struct Marginal {
    values: Values,
    /// The number behind its values; none where there is one value alone.
    latent: Option<usize>,
    /// The number behind whether it is missing, and the point below which it is; none where it never or always is.
    missing: Option<(usize, f64)>,
}

#[derive(Clone, Debug)]
enum Values {
    /// Always missing.
    Nothing,
    /// Numbers or times.
    Ordered(Quantiles, Grid),
    /// The point above which it is true.
    Flags(f64),
    /// Codes in the order of their intervals, and where each but the last ends.
    Names(Vec<u32>, Vec<f64>),
}

/// What the values of a column are by row; `None` where there is none.
type Known = Vec<Option<f64>>;

impl Marginal {
    /// Of all columns; the numbers behind them are added to `latents`.
    pub(super) fn all(batch: &Batch, latents: &mut Latents) -> Result<Vec<Marginal>> {
        let columns = batch.schema().columns();
        let known: Vec<Known> =
            (0..columns.len()).map(|at| cells::values(batch, at)).collect::<Result<_>>()?;
        let ordered = |column: &Column| matches!(column.kind, Kind::Number | Kind::Time | Kind::Flag);
        let numbers: Vec<&Known> =
            columns.iter().zip(&known).filter(|(c, _)| ordered(c)).map(|(_, known)| known).collect();
        let marginal = |(column, own): (&Column, &Known)| -> Result<Marginal> {
            match column.kind {
                Kind::Category => Ok(Marginal::of_names(own, column.categories()?.len(), &numbers, latents)),
                kind => Ok(Marginal::of_values(own, kind, latents)),
            }
        };
        columns.iter().zip(&known).map(marginal).collect()
    }

    fn of_values(known: &Known, kind: Kind, latents: &mut Latents) -> Self {
        let mut sorted: Vec<f64> = known.iter().flatten().copied().collect();
        sorted.sort_by(f64::total_cmp);
        let mut distinct = sorted.clone();
        distinct.dedup();
        let level = |x: f64| distinct.partition_point(|other| *other < x);
        let levels: Vec<Option<usize>> = known.iter().map(|x| x.map(level)).collect();
        let latent = latents.add(&levels, distinct.len());
        let share = sorted.iter().filter(|x| **x == 0.0).count() as f64 / sorted.len().max(1) as f64;
        let values = match kind {
            _ if sorted.is_empty() => Values::Nothing,
            Kind::Flag => Values::Flags(normal::quantile(share)),
            _ => Values::Ordered(Quantiles::of(&sorted), Grid::of(kind, &sorted)),
        };
        Marginal { values, latent, missing: missing(known, latents) }
    }

    fn of_names(known: &Known, n_names: usize, numbers: &[&Known], latents: &mut Latents) -> Self {
        let mut counts = vec![0usize; n_names];
        known.iter().flatten().for_each(|code| counts[*code as usize] += 1);
        let mut order: Vec<u32> = (0..n_names as u32).filter(|&code| counts[code as usize] > 0).collect();
        if let Some(means) = most_told(known, n_names, numbers) {
            order.sort_by(|&a, &b| means[a as usize].total_cmp(&means[b as usize]));
        }
        let mut places = vec![None; n_names];
        order.iter().enumerate().for_each(|(place, &code)| places[code as usize] = Some(place));
        let levels: Vec<Option<usize>> =
            known.iter().map(|code| code.and_then(|code| places[code as usize])).collect();
        let latent = latents.add(&levels, order.len());
        let total: usize = counts.iter().sum();
        let mut below = 0;
        let mut ends: Vec<f64> = order
            .iter()
            .map(|&code| {
                below += counts[code as usize];
                normal::quantile(below as f64 / total as f64)
            })
            .collect();
        ends.pop();
        let values = if order.is_empty() { Values::Nothing } else { Values::Names(order, ends) };
        Marginal { values, latent, missing: missing(known, latents) }
    }

    /// The number behind its values.
    pub(super) fn latent(&self) -> Option<usize> {
        self.latent
    }

    /// `n` values, from the numbers behind all columns.
    pub(super) fn column(&self, column: &Column, behind: &[Vec<f64>], n: usize) -> Result<ArrayRef> {
        let is_there = |row: usize| self.missing.is_none_or(|(at, below)| behind[at][row] >= below);
        // Where there is one value, any number leads to it.
        let z = |row: usize| self.latent.map_or(0.0, |at| behind[at][row]);
        let rows = || (0..n).map(|row| is_there(row).then(|| z(row)));
        let value = |z: f64| match &self.values {
            Values::Nothing => None,
            Values::Ordered(quantiles, grid) => Some(grid.nearest(quantiles.at(z))),
            Values::Flags(above) => Some(f64::from(u8::from(z > *above))),
            Values::Names(order, ends) => Some(f64::from(order[ends.partition_point(|end| *end < z)])),
        };
        cells::array(column, rows().map(|z| z.and_then(value)))
    }
}

/// The number behind whether a column is missing, where some rows miss it and some do not.
fn missing(known: &Known, latents: &mut Latents) -> Option<(usize, f64)> {
    let levels: Vec<Option<usize>> = known.iter().map(|x| Some(usize::from(x.is_some()))).collect();
    let at = latents.add(&levels, 2)?;
    let share = known.iter().filter(|x| x.is_none()).count() as f64 / known.len() as f64;
    Some((at, normal::quantile(share)))
}

/// By code, the mean of the number column that the names tell most of: that of the greatest correlation ratio.
fn most_told(codes: &Known, n_names: usize, numbers: &[&Known]) -> Option<Vec<f64>> {
    let told = |x: &&Known| -> Option<(f64, Vec<f64>)> {
        let both: Vec<(usize, f64)> =
            codes.iter().zip(x.iter()).filter_map(|(c, x)| Some(((*c)? as usize, (*x)?))).collect();
        let mean = both.iter().map(|(_, x)| x).sum::<f64>() / both.len().max(1) as f64;
        let mut groups = vec![(0.0, 0.0); n_names];
        let mut total = 0.0;
        for (code, x) in &both {
            let group = &mut groups[*code];
            *group = (group.0 + 1.0, group.1 + (x - mean));
            total += (x - mean) * (x - mean);
        }
        let between: f64 = groups.iter().filter(|g| g.0 > 0.0).map(|(n, sum)| sum * sum / n).sum();
        let means = groups.iter().map(|(n, sum)| if *n > 0.0 { sum / n } else { 0.0 }).collect();
        (total > 0.0).then(|| (between / total, means))
    };
    // The first of equals.
    let mut best: Option<(f64, Vec<f64>)> = None;
    for found in numbers.iter().filter_map(told) {
        if best.as_ref().is_none_or(|best| found.0 > best.0) {
            best = Some(found);
        }
    }
    best.map(|(_, means)| means)
}

/// Quantiles by the normal number of their share.
#[derive(Clone, Debug)]
struct Quantiles {
    places: Vec<f64>,
    values: Vec<f64>,
}

impl Quantiles {
    /// Of at least one value, ascending.
    fn of(sorted: &[f64]) -> Self {
        let n = sorted.len() as f64;
        let at = |share: f64| {
            let place = (share * n - 0.5).clamp(0.0, n - 1.0);
            let (low, part) = (place.floor() as usize, place.fract());
            let high = (low + 1).min(sorted.len() - 1);
            if part == 0.0 { sorted[low] } else { sorted[low] + part * (sorted[high] - sorted[low]) }
        };
        let ends = [0.5 / n, 1.0 - 0.5 / n];
        let shares: Vec<f64> = match sorted.len() {
            few @ ..=KNOTS => (0..few).map(|i| (i as f64 + 0.5) / n).collect(),
            _ => {
                let inner = (0..KNOTS).map(|i| (i as f64 + 0.5) / KNOTS as f64);
                std::iter::once(ends[0]).chain(inner).chain([ends[1]]).collect()
            }
        };
        Quantiles {
            places: shares.iter().map(|share| normal::quantile(*share)).collect(),
            values: shares.iter().map(|share| at(*share)).collect(),
        }
    }

    fn at(&self, z: f64) -> f64 {
        let high = self.places.partition_point(|place| *place < z);
        let last = self.values.len() - 1;
        if high == 0 || high > last {
            return self.values[high.min(last)];
        }
        let (a, b) = (self.values[high - 1], self.values[high]);
        let part = (z - self.places[high - 1]) / (self.places[high] - self.places[high - 1]);
        (a + part * (b - a)).clamp(a, b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_few_values_are_these_values() {
        let quantiles = Quantiles::of(&[1.0, 2.0, 4.0, 8.0]);
        assert_eq!(quantiles.at(normal::quantile(0.375)), 2.0);
        assert_eq!([quantiles.at(-9.0), quantiles.at(9.0)], [1.0, 8.0]);
        assert_eq!(quantiles.at(0.0), 3.0);
        assert_eq!(Quantiles::of(&[5.0]).at(1.0), 5.0);
    }
}
