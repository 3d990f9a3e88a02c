//! Trees as a game of coalitions: no tree is followed again for each of them.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;
use tidemill_core::Trees;

use super::check_rows;
use super::flat_tree::outputs;
use crate::{Error, Result};

/// Players are bits of a word.
const MOST_PLAYERS: usize = 64;
/// Terms that one row may need, so that memory is bounded (24 bytes each).
const MOST_TERMS: usize = 1 << 20;
/// Coalitions that are looked at together, and vectors of them whose sums stay in registers.
const BLOCK: usize = 64;
const VECTORS: usize = 4;
/// Coalitions that one thread answers at a time.
const CHUNK: usize = 1024;

/// What trees answer when some columns are those of a row and all others those of a background row.
///
/// Of two rows, a leaf is reached for some choices of columns only: some must be the first row's, some the second's, and the others do
/// not matter. Both rows go through each tree together once, which gives such a pair of sets for each leaf that either can come to
/// (usually a few). The answer for a coalition is then the sum of the leaves whose sets fit it: the exact answer of the trees,
/// though none of them is followed again.
pub struct TreeGame {
    n_outputs: usize,
    start: Vec<f64>,
    /// By background row (one alone where they are averaged) and output.
    terms: Vec<Vec<Terms>>,
}

/// Leaves of one output: the players that must be known, those that matter at all, and what is added.
#[derive(Default)]
struct Terms {
    known: Vec<u64>,
    asked: Vec<u64>,
    values: Vec<f64>,
}

/// A leaf while it is collected.
type Term = ((u64, u64), f64);

impl TreeGame {
    /// Of a row and a background of `n_features` numbers each. `players` says for each feature which player it belongs to; those of
    /// none are always the row's own. With `averaged`, answers are averaged over the background, else there is one for each of
    /// its rows. `None` where there are more than 64 players, or more leaves than fit into bounded memory.
    ///
    /// Errors when lengths do not fit, or there is no background.
    pub fn new(
        trees: &Trees,
        players: &[Option<usize>],
        row: &[f64],
        background: &[f64],
        averaged: bool,
    ) -> Result<Option<Self>> {
        let (p, k) = (trees.n_features(), trees.n_outputs());
        let m = check_rows(background, p)?;
        if m == 0 {
            return Err(Error::EmptyBackground);
        }
        if row.len() != p || players.len() != p {
            let found = if row.len() == p { players.len() } else { row.len() };
            return Err(Error::Lengths { what: "features of the trees", found, wanted: p });
        }
        if players.iter().flatten().any(|player| *player >= MOST_PLAYERS) {
            return Ok(None);
        }
        let mut found: Vec<Vec<Term>> = vec![Vec::new(); k];
        let mut terms = Vec::new();
        let mut n_terms = 0;
        for other in background.chunks_exact(p.max(1)) {
            collect(trees, players, row, other, &mut found);
            n_terms += found.iter().map(Vec::len).sum::<usize>();
            if !averaged {
                terms.push(found.iter_mut().map(|found| Terms::of(found, 1.0)).collect());
                n_terms = terms.iter().flatten().map(|of: &Terms| of.values.len()).sum();
            }
            if n_terms > MOST_TERMS {
                return Ok(None);
            }
        }
        if averaged {
            terms.push(found.iter_mut().map(|found| Terms::of(found, 1.0 / m as f64)).collect());
        }
        Ok(Some(TreeGame { n_outputs: k, start: trees.start().to_vec(), terms }))
    }

    /// The outputs of the trees for coalitions, each a flag per player: coalition after coalition, of each a number per background row
    /// (one alone where they are averaged) and output.
    pub fn outputs(&self, coalitions: &[bool], n_players: usize) -> Vec<f64> {
        let masks: Vec<u64> = coalitions.chunks_exact(n_players.max(1)).map(mask).collect();
        let width = self.terms.len() * self.n_outputs;
        let mut out = vec![0.0; masks.len() * width];
        out.par_chunks_mut((CHUNK * width).max(1)).zip(masks.par_chunks(CHUNK)).for_each(|(out, masks)| {
            for (out, masks) in out.chunks_mut((BLOCK * width).max(1)).zip(masks.chunks(BLOCK)) {
                self.answer(masks, out);
            }
        });
        out
    }

    /// Answers at most [`BLOCK`] coalitions.
    fn answer(&self, masks: &[u64], out: &mut [f64]) {
        let (arch, width) = (Arch::new(), self.terms.len() * self.n_outputs);
        let mut block = [0; BLOCK];
        block[..masks.len()].copy_from_slice(masks);
        for (row, terms) in self.terms.iter().enumerate() {
            for (output, (terms, start)) in terms.iter().zip(&self.start).enumerate() {
                let mut sums = [*start; BLOCK];
                arch.dispatch(Add { terms, masks: &block, sums: &mut sums });
                let to = out[row * self.n_outputs + output..].iter_mut().step_by(width);
                to.zip(&sums[..masks.len()]).for_each(|(to, sum)| *to = *sum);
            }
        }
    }
}

fn mask(coalition: &[bool]) -> u64 {
    coalition.iter().enumerate().fold(0, |mask, (player, &known)| mask | u64::from(known) << player)
}

impl Terms {
    /// Leaves that ask for the same are one. What was collected is used up.
    fn of(found: &mut Vec<Term>, share: f64) -> Self {
        // Stable, so that sums are taken in the order of the trees.
        found.sort_by_key(|(sets, _)| *sets);
        let mut terms = Terms::default();
        for same in found.chunk_by(|a, b| a.0 == b.0) {
            let (known, asked) = same[0].0;
            terms.known.push(known);
            terms.asked.push(asked);
            terms.values.push(share * same.iter().map(|(_, value)| value).sum::<f64>());
        }
        found.clear();
        terms
    }
}

/// Sends a row and a background row through every tree together.
fn collect(trees: &Trees, players: &[Option<usize>], row: &[f64], other: &[f64], found: &mut [Vec<Term>]) {
    let mut open: Vec<(usize, u64, u64)> = Vec::new();
    for (tree, root) in trees.roots().enumerate() {
        open.push((root, 0, 0));
        while let Some((node, known, asked)) = open.pop() {
            let Some((feature, _)) = trees.question(node) else {
                for (output, &value) in outputs(trees, tree).zip(trees.values(node)) {
                    if value != 0.0 {
                        found[output].push(((known, asked), value));
                    }
                }
                continue;
            };
            let own = trees.child(node, row[feature]);
            let Some(player) = players[feature] else {
                open.push((own, known, asked));
                continue;
            };
            let (bit, others) = (1 << player, trees.child(node, other[feature]));
            match (own == others, asked & bit != 0, known & bit != 0) {
                (true, ..) | (_, true, true) => open.push((own, known, asked)),
                (_, true, false) => open.push((others, known, asked)),
                _ => open.extend([(others, known, asked | bit), (own, known | bit, asked | bit)]),
            }
        }
    }
}

/// Adds the leaves that fit each coalition of a block.
struct Add<'a> {
    terms: &'a Terms,
    masks: &'a [u64; BLOCK],
    sums: &'a mut [f64; BLOCK],
}

impl WithSimd for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Terms { known, asked, values } = self.terms;
        let zero = simd.splat_f64s(0.0);
        let (masks, _) = S::as_simd_u64s(self.masks);
        let (sums, _) = S::as_mut_simd_f64s(self.sums);
        let groups = masks.as_chunks::<VECTORS>().0.iter().zip(sums.as_chunks_mut::<VECTORS>().0);
        for (masks, to) in groups {
            let mut sums = *to;
            for ((&known, &asked), &value) in known.iter().zip(asked).zip(values) {
                let (known, asked, value) =
                    (simd.splat_u64s(known), simd.splat_u64s(asked), simd.splat_f64s(value));
                for (sum, &mask) in sums.iter_mut().zip(masks) {
                    let fits = simd.equal_u64s(simd.and_u64s(mask, asked), known);
                    *sum = simd.add_f64s(*sum, simd.select_f64s(fits, value, zero));
                }
            }
            *to = sums;
        }
    }
}
