//! When an explanation is not to be trusted: said before anything else.

use serde::Serialize;
use tidemill_core::{Batch, Kind, Result};
use tidemill_eval::explain::{Cells, rank_correlations};

use super::{Explained, Method, features};

/// A background of fewer rows is small.
const FEW: usize = 20;
/// From this rank correlation on, columns count as correlated.
const TOGETHER: f64 = 0.8;
/// The most pairs of such columns that are named.
const PAIRS: usize = 3;
/// A sampled value is unsure where its standard error is above this share of the row's greatest value.
const UNSURE: f64 = 0.25;
/// The most columns that are compared with each other.
const MOST_COLUMNS: usize = 200;

/// A reason to trust an explanation less.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "about", rename_all = "snake_case")]
pub enum Reservation {
    /// Correlated columns: the method asks about combinations of them that do not occur.
    Together {
        /// The columns.
        columns: [String; 2],
        /// Spearman's rank correlation in the usual rows.
        correlation: f64,
        /// How many more pairs there are.
        more: usize,
    },
    /// The background has few rows.
    FewUsual {
        /// How many.
        n: usize,
    },
    /// Values of some rows that sampling left unsure.
    Unsure {
        /// How many rows.
        n: usize,
    },
}

/// What there is to say about an explanation of rows against usual ones.
pub(super) fn of(explained: &Explained, usual: &Batch) -> Result<Vec<Reservation>> {
    let mut found = Vec::new();
    let compares = !matches!(explained.method, Method::TreeShap | Method::Lime);
    if compares && usual.n_rows() < FEW {
        found.push(Reservation::FewUsual { n: usual.n_rows() });
    }
    let mixes = !matches!(
        explained.method,
        Method::TreeShap | Method::PartitionShap | Method::Gradients | Method::CorrelatedLinearShap
    );
    if mixes {
        found.extend(together(explained, usual)?);
    }
    let sampled = explained.method != Method::Lime;
    let unsure = explained.rows.iter().filter(|row| {
        row.values.iter().zip(&row.errors).any(|(values, errors)| {
            let greatest = |of: &[f64]| of.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
            greatest(errors) > UNSURE * greatest(values)
        })
    });
    let n = unsure.count();
    if n > 0 && sampled {
        found.push(Reservation::Unsure { n });
    }
    Ok(found)
}

/// The most correlated pairs of numbers and flags, those first that matter most.
fn together(explained: &Explained, usual: &Batch) -> Result<Vec<Reservation>> {
    let cells = Cells::of(usual);
    let columns = usual.schema().columns();
    let is_number = |name: &str| {
        let is =
            |at: usize| columns[at].name == name && matches!(columns[at].kind, Kind::Number | Kind::Flag);
        features(usual).into_iter().any(is)
    };
    let of_cell = |name: &String| cells.names().iter().position(|other| other == name);
    let asked: Vec<(&String, usize)> = explained
        .columns
        .iter()
        .filter(|name| is_number(name))
        .filter_map(|name| Some((name, of_cell(name)?)))
        .take(MOST_COLUMNS)
        .collect();
    if usual.n_rows() < FEW || asked.len() < 2 {
        return Ok(Vec::new());
    }
    let (read, known, p) = (cells.read(usual)?, cells.names().len(), asked.len());
    let values: Vec<f64> =
        read.chunks_exact(known).flat_map(|row| asked.iter().map(|(_, at)| row[*at])).collect();
    let correlations = rank_correlations(&values, p);
    let pairs = (0..p).flat_map(|i| (i + 1..p).map(move |j| (i, j)));
    let strong: Vec<(usize, usize)> =
        pairs.filter(|(i, j)| correlations[i * p + j].abs() >= TOGETHER).collect();
    let told = strong.iter().take(PAIRS).enumerate().map(|(k, &(i, j))| Reservation::Together {
        columns: [i, j].map(|at| asked[at].0.clone()),
        correlation: correlations[i * p + j],
        more: if k + 1 == strong.len().min(PAIRS) { strong.len() - (k + 1) } else { 0 },
    });
    Ok(told.collect())
}
