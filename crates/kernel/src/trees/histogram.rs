//! Histograms of gradients: for each feature and bin, the sum of its rows' words.

use std::ops::Range;

use rayon::prelude::*;

use super::bins::{Binned, GROUP};

/// Cells per feature.
pub(super) const CELLS: usize = 256;
/// Rows that one task takes.
const CHUNK: usize = 32_768;
/// Rows times groups from which threads share the work.
const WORTH_SHARING: usize = 30_000;

pub(super) type Group = [[u64; CELLS]; GROUP];

/// The cells of all features, those of a group side by side.
pub(super) type Histogram = Vec<Group>;

/// The histogram of some rows, whose words lie in the same order.
pub(super) fn fill(binned: &Binned, used: &[bool], rows: &[u32], words: &[u64], out: &mut Histogram) {
    let n_groups = binned.groups.len();
    out.resize(n_groups, [[0; CELLS]; GROUP]);
    let wanted = |g: usize| used[g * GROUP..used.len().min((g + 1) * GROUP)].iter().any(|u| *u);
    let one = |g: usize, out: &mut Group, range: Range<usize>| {
        clear(out, binned.widths[g]);
        if wanted(g) {
            add(&binned.groups[g], &rows[range.clone()], &words[range], out);
        }
    };
    let n = rows.len();
    if n * n_groups < WORTH_SHARING || rayon::current_num_threads() == 1 {
        out.iter_mut().enumerate().for_each(|(g, out)| one(g, out, 0..n));
        return;
    }
    if n <= CHUNK || n_groups >= 4 * rayon::current_num_threads() {
        out.par_iter_mut().enumerate().for_each(|(g, out)| one(g, out, 0..n));
        return;
    }
    out.par_iter_mut().enumerate().for_each(|(g, out)| {
        let chunks: Vec<usize> = (0..n).step_by(CHUNK).collect();
        let parts: Vec<Box<Group>> = chunks
            .into_par_iter()
            .map(|start| {
                let mut part = Box::new([[0; CELLS]; GROUP]);
                one(g, &mut part, start..n.min(start + CHUNK));
                part
            })
            .collect();
        let width = binned.widths[g];
        clear(out, width);
        parts.iter().for_each(|part| merge(out, part, width, u64::wrapping_add));
    });
}

fn add(group: &[u64], rows: &[u32], words: &[u64], out: &mut Group) {
    // Eight additions to eight different tables: no one waits for another.
    for (&row, &word) in rows.iter().zip(words) {
        let bins = group[row as usize];
        for (k, cells) in out.iter_mut().enumerate() {
            let cell = &mut cells[usize::from((bins >> (8 * k)) as u8)];
            *cell = cell.wrapping_add(word);
        }
    }
}

fn clear(out: &mut Group, width: usize) {
    out.iter_mut().for_each(|cells| cells[..width].fill(0));
}

fn merge(out: &mut Group, other: &Group, width: usize, with: impl Fn(u64, u64) -> u64) {
    for (out, other) in out.iter_mut().zip(other) {
        out[..width].iter_mut().zip(&other[..width]).for_each(|(o, x)| *o = with(*o, *x));
    }
}

/// What is left of a parent's histogram without that of one child: the other child's.
pub(super) fn subtract(binned: &Binned, parent: &mut Histogram, child: &Histogram) {
    for ((parent, child), &width) in parent.iter_mut().zip(child).zip(&binned.widths) {
        merge(parent, child, width, u64::wrapping_sub);
    }
}
