//! Trees in a compressed state: each distinct number is stored once, and each node stores an index among them.

use std::borrow::Cow;

use super::state::Parts;
use super::{LEAF, Trees};
use crate::{Error, Result, State, Tensor, TensorData};

/// The words of the nodes' questions: the tensor that only a compressed state has.
pub(super) const ASKED: &str = "asked";

/// How trees are saved.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Layout {
    /// Every number as it was learned.
    #[default]
    Plain,
    /// Each distinct number once; leaf values in 32 bits.
    Coded,
    /// Like `Coded`, with leaf values in 8 bits: for each tree the smallest value, and the size of one step of its codes.
    Bytes(Vec<[f32; 2]>),
}

/// Significant bits of a cover: within 0.4% of the original, which explanations and later pruning need.
const COVER_BITS: u32 = 8;

impl Trees {
    /// Whether these trees were made by [`Trees::compressed`], and are saved in that form.
    pub fn is_compressed(&self) -> bool {
        self.layout != Layout::Plain
    }

    /// The smallest value of each tree, and a 255th of the range of its values; for class shares, the range from 0 to 1.
    pub(super) fn in_bytes(&self) -> Layout {
        let range = |(t, &root): (usize, &u32)| {
            if self.width > 1 {
                return [0.0, step(0.0, 1.0)];
            }
            let end = self.roots.get(t + 1).map_or(self.nodes.len(), |&root| root as usize);
            let leaves = (root as usize..end).filter(|&node| self.is_leaf(node));
            let of = leaves.flat_map(|node| self.values(node));
            let (low, high) =
                of.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &v| (low.min(v), high.max(v)));
            [low as f32, step(low as f32, high)]
        };
        Layout::Bytes(self.roots.iter().enumerate().map(range).collect())
    }

    /// Rounds leaf values and covers to what the layout can represent.
    pub(super) fn round_values(&mut self) {
        let layout = std::mem::take(&mut self.layout);
        let mut tree = 0;
        for node in 0..self.nodes.len() {
            tree += usize::from(self.roots.get(tree + 1).is_some_and(|&next| next as usize == node));
            self.cover[node] = short(self.cover[node]);
            let is_leaf = self.nodes[node].left as usize == node;
            let values = &mut self.values[node * self.width..(node + 1) * self.width];
            match &layout {
                Layout::Bytes(ranges) if is_leaf => {
                    let codes = coded(values, ranges[tree]);
                    values.iter_mut().zip(codes).for_each(|(v, code)| *v = decoded(code, ranges[tree]));
                }
                _ => values.iter_mut().for_each(|v| *v = f64::from(*v as f32)),
            }
        }
        for t in 0..self.roots.len() {
            let end = self.roots.get(t + 1).map_or(self.nodes.len(), |&root| root as usize);
            self.sum_cover(self.roots[t] as usize, end);
        }
        self.layout = layout;
    }

    /// Adds these trees to a state, in the layout that [`parts`] reads.
    pub(super) fn save_coded(&self, state: State) -> State {
        let (mut words, mut thresholds, mut covers) = (Vec::new(), Vec::new(), Vec::new());
        let (mut values, mut codes) = (Vec::new(), Vec::new());
        let mut tree = 0;
        for (at, node) in self.nodes.iter().enumerate() {
            tree += usize::from(self.roots.get(tree + 1).is_some_and(|&next| next as usize == at));
            if !self.is_leaf(at) {
                words.push(node.feature);
                thresholds.push(node.threshold);
                continue;
            }
            words.push(LEAF);
            covers.push(self.cover[at]);
            match &self.layout {
                Layout::Bytes(ranges) => codes.extend(coded(self.values(at), ranges[tree])),
                _ => values.extend(self.values(at).iter().map(|&v| v as f32)),
            }
        }
        let asked = distinct(words.clone(), |word| *word);
        let state = state.tensor(ASKED, vec![asked.len()], TensorData::U32(asked.clone()));
        let places: Vec<usize> =
            words.iter().map(|word| asked.binary_search(word).unwrap_or_default()).collect();
        let state = with_codes(state, "asked_codes", &places, asked.len());
        let state = with_floats(with_floats(state, "thresholds", &thresholds), "covers", &covers);
        let state = match &self.layout {
            Layout::Bytes(ranges) => {
                let flat: Vec<f32> = ranges.iter().flatten().copied().collect();
                let state = state.tensor("value_codes", vec![codes.len()], TensorData::U8(codes));
                state.tensor("value_ranges", vec![ranges.len(), 2], TensorData::F32(flat))
            }
            _ => state.tensor("leaf_values", vec![values.len()], TensorData::F32(values)),
        };
        let sets: Vec<i64> = self.sets.iter().map(|&word| word as i64).collect();
        state
            .tensor("roots", vec![self.roots.len()], TensorData::U32(self.roots.clone()))
            .floats("start", &self.start)
            .tensor("sets", vec![sets.len()], TensorData::I64(sets))
    }
}

/// The nodes of trees that [`Trees::save_coded`] wrote, and how they were saved.
pub(super) fn parts(state: &State, width: usize) -> Result<(Parts<'_>, Layout)> {
    let wrong = |problem: &str| Error::state(&state.kind, format!("the trees are not whole: {problem}"));
    let (Some(TensorData::U32(roots)), Some(TensorData::U32(asked))) =
        (data(state, "roots"), data(state, ASKED))
    else {
        return Err(wrong("'roots' or 'asked' is missing"));
    };
    let places = codes(state, "asked_codes", asked.len())?;
    let features: Vec<u32> = places.into_iter().map(|place| asked[place]).collect();
    let n_leaves = features.iter().filter(|word| **word == LEAF).count();
    let thresholds = floats(state, "thresholds", features.len() - n_leaves)?;
    let cover = floats(state, "covers", n_leaves)?;
    let n_values = n_leaves.checked_mul(width).ok_or_else(|| wrong("too many values"))?;
    // Children come level by level after their root.
    let (mut left, mut trees, mut tree, mut inner) = (Vec::new(), Vec::new(), 0usize, 0u32);
    for (at, &word) in features.iter().enumerate() {
        if roots.get(tree + 1).is_some_and(|&next| next as usize == at) {
            (tree, inner) = (tree + 1, 0);
        }
        match word {
            LEAF => trees.push(tree),
            _ => {
                let root = roots.get(tree).copied().unwrap_or_default();
                left.push(root.saturating_add(inner.saturating_mul(2)).saturating_add(1));
                inner += 1;
            }
        }
    }
    let (values, layout) = match (data(state, "value_codes"), data(state, "value_ranges")) {
        (Some(TensorData::U8(codes)), Some(TensorData::F32(flat)))
            if codes.len() == n_values && flat.len() == 2 * roots.len() && tree < roots.len().max(1) =>
        {
            let ranges: Vec<[f32; 2]> = flat.as_chunks::<2>().0.to_vec();
            let leaves = codes.chunks_exact(width.max(1)).zip(&trees);
            let of = |(codes, &tree): (&[u8], &usize)| {
                let range = ranges.get(tree).copied().unwrap_or_default();
                codes.iter().map(|&code| decoded(code, range)).collect::<Vec<f64>>()
            };
            (leaves.flat_map(of).collect(), Layout::Bytes(ranges))
        }
        (None, None) => match data(state, "leaf_values") {
            Some(TensorData::F32(values)) if values.len() == n_values => {
                (values.iter().map(|&v| f64::from(v)).collect::<Vec<f64>>(), Layout::Coded)
            }
            _ => return Err(wrong("'leaf_values' is missing or of another length")),
        },
        _ => return Err(wrong("'value_codes' or 'value_ranges' is missing or of another length")),
    };
    let parts = Parts {
        roots: roots.clone(),
        features: Cow::Owned(features),
        left: Cow::Owned(left),
        thresholds: Cow::Owned(thresholds),
        values: Cow::Owned(values),
        cover: Cow::Owned(cover),
    };
    Ok((parts, layout))
}

fn data<'a>(state: &'a State, name: &str) -> Option<&'a TensorData> {
    state.tensors.get(name).map(|tensor| &tensor.data)
}

/// A 255th of the way from `low` to `high`, or slightly less, so that no value exceeds the largest original one.
fn step(low: f32, high: f64) -> f32 {
    let mut step = (((high - f64::from(low)) / 255.0) as f32).max(0.0);
    while step > 0.0 && f64::from(low) + 255.0 * f64::from(step) > high {
        step = step.next_down();
    }
    step
}

/// The values of a leaf as the nearest steps of its tree's range. Class shares keep their sum: what rounding removes goes to those that
/// lost most.
fn coded(values: &[f64], [low, step]: [f32; 2]) -> Vec<u8> {
    // An empty range has one step for all of its values.
    if step <= 0.0 {
        return vec![0; values.len()];
    }
    let steps = |v: &f64| ((v - f64::from(low)) / f64::from(step)).clamp(0.0, 255.0);
    if values.len() < 2 {
        return values.iter().map(|v| steps(v).round() as u8).collect();
    }
    let mut codes: Vec<u8> = values.iter().map(|v| steps(v).floor() as u8).collect();
    let whole: f64 = values.iter().map(steps).sum();
    let missing = (whole.round() as usize).saturating_sub(codes.iter().map(|code| usize::from(*code)).sum());
    let mut order: Vec<usize> = (0..values.len()).collect();
    let rest = |i: usize| steps(&values[i]).fract();
    order.sort_by(|&a, &b| rest(b).total_cmp(&rest(a)));
    order.into_iter().take(missing).for_each(|i| codes[i] = codes[i].saturating_add(1));
    codes
}

fn decoded(code: u8, [low, step]: [f32; 2]) -> f64 {
    f64::from(low) + f64::from(step) * f64::from(code)
}

/// A number with [`COVER_BITS`] significant bits.
fn short(x: f64) -> f64 {
    let dropped = 1u64 << (52 - (COVER_BITS - 1));
    let rounded = f64::from_bits((x.to_bits() + dropped / 2) & !(dropped - 1));
    if x.is_finite() && rounded.is_finite() { rounded } else { x }
}

/// The distinct values, in the order of a key.
fn distinct<T: Copy, K: Ord>(mut all: Vec<T>, key: impl Fn(&T) -> K) -> Vec<T> {
    all.sort_unstable_by_key(&key);
    all.dedup_by_key(|x| key(x));
    all
}

/// Adds indices among `n` items, in as few bytes each as can hold all of them.
fn with_codes(state: State, name: &str, places: &[usize], n: usize) -> State {
    let width = if n <= 1 << 8 {
        1
    } else if n <= 1 << 16 {
        2
    } else {
        4
    };
    let bytes = places.iter().flat_map(|place| (*place as u32).to_le_bytes().into_iter().take(width));
    state.tensor(name, vec![places.len(), width], TensorData::U8(bytes.collect()))
}

/// The indices that [`with_codes`] added; each is below `n`.
fn codes(state: &State, name: &str, n: usize) -> Result<Vec<usize>> {
    let wrong =
        || Error::state(&state.kind, format!("the trees are not whole: '{name}' is missing or broken"));
    let Some(Tensor { shape, data: TensorData::U8(bytes) }) = state.tensors.get(name) else {
        return Err(wrong());
    };
    let &[rows, width @ 1..=4] = shape.as_slice() else { return Err(wrong()) };
    if rows.checked_mul(width) != Some(bytes.len()) {
        return Err(wrong());
    }
    let place = |bytes: &[u8]| bytes.iter().rev().fold(0usize, |place, byte| place << 8 | usize::from(*byte));
    let places: Vec<usize> = bytes.chunks_exact(width).map(place).collect();
    if places.iter().all(|place| *place < n) { Ok(places) } else { Err(wrong()) }
}

/// Adds floats: the distinct values, and the index of each among them.
fn with_floats(state: State, name: &str, values: &[f64]) -> State {
    let table = distinct(values.to_vec(), |x| x.to_bits());
    let place = |x: &f64| table.binary_search_by_key(&x.to_bits(), |y| y.to_bits()).unwrap_or_default();
    let places: Vec<usize> = values.iter().map(place).collect();
    with_codes(state.floats(name, &table), &format!("{name}_codes"), &places, table.len())
}

/// The floats that [`with_floats`] added.
fn floats(state: &State, name: &str, n: usize) -> Result<Vec<f64>> {
    let wrong =
        || Error::state(&state.kind, format!("the trees are not whole: '{name}' is missing or broken"));
    let Some(TensorData::F64(table)) = data(state, name) else { return Err(wrong()) };
    let places = codes(state, &format!("{name}_codes"), table.len())?;
    if places.len() == n { Ok(places.into_iter().map(|place| table[place]).collect()) } else { Err(wrong()) }
}
