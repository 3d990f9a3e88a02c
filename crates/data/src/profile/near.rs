//! Rows that differ in one or two columns only.
//!
//! The used columns are divided into three bands; rows that differ in at most two columns are equal in at least one band.
//! Rows with the same hash of a band are compared column by column, but only where at most eight rows share it: what many
//! rows share is not a sign of a copy. (Banding as in Indyk and Motwani 1998, with equality in place of random hashes.)

use rayon::prelude::*;
use serde::Serialize;
use tidemill_core::{Context, Result, Role};
use tidemill_kernel::sketch::mix;

use super::thin::{Thin, Values};
use crate::plan::InferredSchema;

/// Fewer columns are too few for agreement to mean anything.
const COLUMNS: usize = 6;
/// The most rows that share a band.
const CROWD: usize = 8;
/// The most pairs that are told.
const TOLD: usize = 10;

/// Rows that are equal but for one or two columns, among the sampled rows. Columns left out and keys do not count.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NearRepeats {
    /// How many columns were compared; none are where there are fewer than 6.
    pub columns: usize,
    /// How many pairs of rows.
    pub count: u64,
    /// The first of them.
    pub pairs: Vec<NearPair>,
}

/// Two rows and where they differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NearPair {
    /// The rows, counted from 1.
    pub rows: [u64; 2],
    /// The columns in which they differ.
    pub differ: Vec<String>,
}

pub(super) fn find(plan: &InferredSchema, thin: &Thin, context: &Context) -> Result<NearRepeats> {
    let used: Vec<usize> = (0..plan.columns.len())
        .filter(|&at| !matches!(plan.columns[at].role, Role::Key | Role::Neighbors | Role::Ignore))
        .filter(|&at| !matches!(thin.columns[at], Values::Unread))
        .collect();
    if used.len() < COLUMNS {
        return Ok(NearRepeats::default());
    }
    let cells: Vec<Vec<u64>> = used.par_iter().map(|&at| hashes(&thin.columns[at])).collect();
    let allowed = if used.len() < 12 { 1 } else { 2 };
    let bands: Vec<Vec<usize>> = (0..3).map(|band| (band..used.len()).step_by(3).collect()).collect();
    let mut pairs: Vec<(u32, u32)> = Vec::new();
    for band in &bands {
        context.check()?;
        pairs.extend(candidates(&cells, band, thin.n_rows()));
    }
    pairs.sort_unstable();
    pairs.dedup();
    let differ = |&(a, b): &(u32, u32)| {
        let differ: Vec<usize> = (0..used.len())
            .filter(|&at| cells[at][a as usize] != cells[at][b as usize])
            .take(allowed + 1)
            .collect();
        (!differ.is_empty() && differ.len() <= allowed).then_some((a, b, differ))
    };
    let found: Vec<(u32, u32, Vec<usize>)> = pairs.par_iter().filter_map(differ).collect();
    let told = found.iter().take(TOLD).map(|(a, b, differ)| NearPair {
        rows: [thin.rows[*a as usize], thin.rows[*b as usize]],
        differ: differ.iter().map(|&at| plan.columns[used[at]].name.clone()).collect(),
    });
    Ok(NearRepeats { columns: used.len(), count: found.len() as u64, pairs: told.collect() })
}

/// Pairs of rows that share the hash of a band with few others.
fn candidates(cells: &[Vec<u64>], band: &[usize], n: usize) -> Vec<(u32, u32)> {
    let hash = |row: usize| band.iter().fold(0u64, |hash, &at| mix(hash ^ cells[at][row]));
    let mut hashed: Vec<(u64, u32)> = (0..n).into_par_iter().map(|row| (hash(row), row as u32)).collect();
    hashed.par_sort_unstable();
    let mut pairs = Vec::new();
    for same in hashed.chunk_by(|a, b| a.0 == b.0).filter(|same| (2..=CROWD).contains(&same.len())) {
        for (i, a) in same.iter().enumerate() {
            pairs.extend(same[i + 1..].iter().map(|b| (a.1, b.1)));
        }
    }
    pairs
}

fn hashes(values: &Values) -> Vec<u64> {
    match values {
        Values::Numbers(x) => {
            x.iter().map(|x| if x.is_nan() { 0 } else { mix((x + 0.0).to_bits()) }).collect()
        }
        Values::Codes { codes, .. } => codes.iter().map(|&c| mix(u64::from(c))).collect(),
        Values::Texts(hashes) => hashes.clone(),
        Values::Unread => Vec::new(),
    }
}
