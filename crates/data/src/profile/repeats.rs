//! Rows that come more than once, and rows with equal features but different targets.

use std::ops::Range;

use rayon::prelude::*;
use serde::Serialize;
use tidemill_core::Role;
use tidemill_kernel::sketch::mix;

use super::column::Seen;
use crate::plan::InferredSchema;

/// So many rows are remembered; beyond, those whose hash ends in a zero, in two zeros, …: a sample of the different rows.
const REMEMBERED: usize = 1 << 21;
/// Rows whose hashes are summed at a time: their sums stay near.
const CHUNK: usize = 1024;
/// The most groups that are named.
const NAMED: usize = 5;

/// Rows that come more than once, as the columns are read (`1.0` equals `1`), by 64-bit hashes of their features.
#[derive(Clone, Debug, Serialize)]
pub struct Repeats {
    /// Whether all rows were compared. If not, every 2nd, 4th, … different row was followed, and counts are scaled up.
    pub exact: bool,
    /// Rows that repeat an earlier row in every column.
    pub rows: u64,
    /// Rows that repeat an earlier row in every column but keys and columns left out.
    pub but_identifiers: u64,
    /// Whether there are such columns, so that the two counts are of different things.
    pub identifiers: bool,
    /// The first groups of rows that are equal in every column.
    pub groups: Vec<RowGroup>,
    /// The first groups of rows that are equal but for identifiers.
    pub groups_but_identifiers: Vec<RowGroup>,
    /// Equal features with different targets; absent without a target that is a class.
    pub conflicts: Option<Conflicts>,
}

/// Rows that are equal, counted from 1; at most the first five.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RowGroup {
    /// Their numbers.
    pub rows: Vec<u64>,
    /// How many there are.
    pub count: u64,
}

/// Rows with equal features but different targets: no model can be right on all of them.
#[derive(Clone, Debug, Serialize)]
pub struct Conflicts {
    /// Rows in such groups.
    pub rows: u64,
    /// Rows that cannot be right even if each group gets its most frequent class.
    pub errors_at_least: u64,
    /// The first groups.
    pub groups: Vec<RowGroup>,
}

#[derive(Clone, Copy)]
struct Entry {
    features: u64,
    target: u32,
    /// Keys and columns left out.
    rest: u32,
    row: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Feature,
    Target,
    Rest,
}

pub(super) struct Rows {
    parts: Vec<Part>,
    /// An odd factor per column.
    factors: Vec<u64>,
    entries: Vec<Entry>,
    /// Rows are remembered when so many of the last bits of their hash are zero.
    zeros: u32,
    classes: bool,
}

impl Rows {
    pub(super) fn new(plan: &InferredSchema) -> Self {
        let part = |role: Role| match role {
            Role::Target => Part::Target,
            Role::Key | Role::Neighbors | Role::Ignore => Part::Rest,
            _ => Part::Feature,
        };
        Rows {
            parts: plan.columns.iter().map(|c| part(c.role)).collect(),
            factors: (0..plan.columns.len() as u64).map(|at| mix(at) | 1).collect(),
            entries: Vec::new(),
            zeros: 0,
            classes: plan.task.is_some_and(tidemill_core::recipe::Task::is_classes),
        }
    }

    pub(super) fn see(&mut self, seen: &[Seen<'_>], n: usize, first: u64) {
        let chunks: Vec<usize> = (0..n).step_by(CHUNK).collect();
        let found: Vec<Vec<Entry>> = chunks
            .into_par_iter()
            .map(|from| self.entries_of(seen, from..n.min(from + CHUNK), first + from as u64))
            .collect();
        found.into_iter().for_each(|entries| self.entries.extend(entries));
        while self.entries.len() > REMEMBERED {
            self.zeros += 1;
            let zeros = self.zeros;
            self.entries.retain(|e| e.features.trailing_zeros() >= zeros);
            // Rows that are all equal cannot be thinned by their hash.
            if self.zeros >= 32 {
                self.entries.truncate(REMEMBERED);
            }
        }
    }

    /// Those of these rows of a unit that are remembered; `first` is the number of the first of them.
    fn entries_of(&self, seen: &[Seen<'_>], rows: Range<usize>, first: u64) -> Vec<Entry> {
        let (mut features, mut targets, mut rest) = ([0u64; CHUNK], [0u64; CHUNK], [0u64; CHUNK]);
        for (at, column) in seen.iter().enumerate() {
            let sums = match self.parts[at] {
                Part::Feature => &mut features,
                Part::Target => &mut targets,
                Part::Rest => &mut rest,
            };
            // A missing value must not weigh nothing, or it would equal any other missing one two columns on.
            let (factor, missing) = (self.factors[at], mix(!(at as u64)));
            for (sum, &hash) in sums.iter_mut().zip(&column.hashes[rows.clone()]) {
                let hash = if hash == 0 { missing } else { hash };
                *sum = sum.wrapping_add(hash.wrapping_mul(factor));
            }
        }
        let short = |hash: u64| (mix(hash) >> 32) as u32;
        let entry = |at: usize| Entry {
            features: mix(features[at]),
            target: short(targets[at]),
            rest: short(rest[at]),
            row: first + at as u64,
        };
        (0..rows.len()).map(entry).filter(|e| e.features.trailing_zeros() >= self.zeros).collect()
    }

    pub(super) fn finish(mut self) -> Repeats {
        self.entries.par_sort_unstable_by_key(|e| (e.features, e.row));
        let scale = 1u64 << self.zeros.min(32);
        let mut out = Tally::default();
        for same in self.entries.chunk_by(|a, b| a.features == b.features).filter(|same| same.len() > 1) {
            out.group(same, self.classes);
        }
        let has = |part| self.parts.contains(&part);
        let named = |mut groups: Vec<RowGroup>| {
            groups.sort_by_key(|g| g.rows[0]);
            groups.truncate(NAMED);
            groups
        };
        let identifiers = has(Part::Rest);
        let sound = has(Part::Feature);
        Repeats {
            exact: self.zeros == 0,
            rows: if sound { out.all * scale } else { 0 },
            but_identifiers: if sound { out.but_identifiers * scale } else { 0 },
            identifiers,
            groups: named(out.groups),
            groups_but_identifiers: named(out.groups_but_identifiers),
            conflicts: (sound && self.classes && has(Part::Target)).then(|| Conflicts {
                rows: out.conflicting * scale,
                errors_at_least: out.errors * scale,
                groups: named(out.conflicts),
            }),
        }
    }
}

#[derive(Default)]
struct Tally {
    all: u64,
    but_identifiers: u64,
    conflicting: u64,
    errors: u64,
    groups: Vec<RowGroup>,
    groups_but_identifiers: Vec<RowGroup>,
    conflicts: Vec<RowGroup>,
}

impl Tally {
    /// Rows of equal features, in order.
    fn group(&mut self, same: &[Entry], classes: bool) {
        let mut sorted: Vec<&Entry> = same.iter().collect();
        sorted.sort_by_key(|e| (e.target, e.rest, e.row));
        let mut most = 0;
        let mut targets = 0;
        for with_target in sorted.chunk_by(|a, b| a.target == b.target) {
            targets += 1;
            most = most.max(with_target.len());
            if with_target.len() > 1 {
                self.but_identifiers += with_target.len() as u64 - 1;
                keep(&mut self.groups_but_identifiers, with_target);
            }
            for equal in with_target.chunk_by(|a, b| a.rest == b.rest).filter(|equal| equal.len() > 1) {
                self.all += equal.len() as u64 - 1;
                keep(&mut self.groups, equal);
            }
        }
        if classes && targets > 1 {
            self.conflicting += same.len() as u64;
            self.errors += (same.len() - most) as u64;
            keep(&mut self.conflicts, &same.iter().collect::<Vec<_>>());
        }
    }
}

/// Keeps the groups that begin first, with some slack so that they are seldom sorted.
fn keep(groups: &mut Vec<RowGroup>, same: &[&Entry]) {
    let mut rows: Vec<u64> = same.iter().map(|e| e.row).collect();
    rows.sort_unstable();
    rows.truncate(NAMED);
    groups.push(RowGroup { rows, count: same.len() as u64 });
    if groups.len() >= 64 {
        groups.sort_by_key(|g| g.rows[0]);
        groups.truncate(NAMED);
    }
}
