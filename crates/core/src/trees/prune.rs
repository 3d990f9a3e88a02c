//! Smaller trees: sibling leaves are merged where that changes the outputs for the training rows least.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use super::coded::Layout;
use super::{CATEGORY, Compression, Node, Trees};

/// Trees with some of their inner nodes turned into leaves.
struct Merged {
    values: Vec<f64>,
    is_leaf: Vec<bool>,
}

impl Trees {
    /// Smaller trees: a share of the leaves is removed, each distinct number is stored once, and leaf values have 32 or 8 bits.
    ///
    /// Sibling leaves are merged, the cheapest first over all trees, into the mean of their values weighted by cover. The cost of a merge
    /// is the increase of the squared error on the training rows of its tree, `(a b / (a + b)) |v - w|^2` for covers `a` and `b` (the
    /// weakest-link pruning of Breiman et al. 1984, by number of leaves). At least one leaf of each tree remains. Thresholds and sets are
    /// kept bit for bit, so what is not merged asks the same questions and sends every row the same way.
    pub fn compressed(&self, how: &Compression) -> Trees {
        let mut trees = self.rebuilt(&self.merged(how.prune));
        trees.layout = if how.eight_bits { trees.in_bytes() } else { Layout::Coded };
        trees.round_values();
        trees
    }

    /// The number of leaves in all trees.
    pub fn n_leaves(&self) -> usize {
        (0..self.nodes.len()).filter(|&node| self.is_leaf(node)).count()
    }

    /// Merges sibling leaves until a share of all leaves has been removed.
    fn merged(&self, share: f64) -> Merged {
        let n = self.nodes.len();
        let mut merged =
            Merged { values: self.values.clone(), is_leaf: (0..n).map(|node| self.is_leaf(node)).collect() };
        let inner: Vec<usize> = (0..n).filter(|&node| !merged.is_leaf[node]).collect();
        let mut parents = vec![None; n];
        for &node in &inner {
            let left = self.nodes[node].left as usize;
            (parents[left], parents[left + 1]) = (Some(node), Some(node));
        }
        let leaves = n - inner.len();
        let most = (share * leaves as f64).round() as usize;
        let mut heap: BinaryHeap<Reverse<(u64, usize)>> = BinaryHeap::new();
        let ripe = |merged: &Merged, node: usize| {
            let left = self.nodes[node].left as usize;
            merged.is_leaf[left] && merged.is_leaf[left + 1]
        };
        for &node in inner.iter().filter(|&&node| ripe(&merged, node)) {
            heap.push(Reverse((self.cost(&merged, node), node)));
        }
        for _ in 0..most {
            let Some(Reverse((_, node))) = heap.pop() else { break };
            self.merge(&mut merged, node);
            if let Some(parent) = parents[node].filter(|&parent| ripe(&merged, parent)) {
                heap.push(Reverse((self.cost(&merged, parent), parent)));
            }
        }
        merged
    }

    /// The cost of merging the two leaves below a node, as bits that sort like the numbers (none is negative).
    fn cost(&self, merged: &Merged, node: usize) -> u64 {
        let left = self.nodes[node].left as usize;
        let (a, b) = (self.cover[left], self.cover[left + 1]);
        let (v, w) = (merged.of(left, self.width), merged.of(left + 1, self.width));
        let apart: f64 = v.iter().zip(w).map(|(v, w)| (v - w).powi(2)).sum();
        let weight = if a + b > 0.0 { a * b / (a + b) } else { 0.0 };
        (weight * apart).max(0.0).to_bits()
    }

    fn merge(&self, merged: &mut Merged, node: usize) {
        let left = self.nodes[node].left as usize;
        let (a, b) = (self.cover[left], self.cover[left + 1]);
        let share = if a + b > 0.0 { a / (a + b) } else { 0.5 };
        for i in 0..self.width {
            let [v, w] = [left, left + 1].map(|child| merged.values[child * self.width + i]);
            merged.values[node * self.width + i] = share * v + (1.0 - share) * w;
        }
        merged.is_leaf[node] = true;
    }

    /// The remaining trees, level by level, so that the index of each child follows from that of its parent; equal sets of categories are
    /// stored once.
    fn rebuilt(&self, merged: &Merged) -> Trees {
        let mut trees = Trees {
            n_features: self.n_features,
            start: self.start.clone(),
            width: self.width,
            ..Trees::default()
        };
        let mut sets = BTreeMap::new();
        for &root in &self.roots {
            let planted = trees.plant();
            let mut line = VecDeque::from([(root as usize, planted)]);
            while let Some((from, to)) = line.pop_front() {
                if merged.is_leaf[from] {
                    trees.leaf(to, merged.of(from, self.width), self.cover[from]);
                    continue;
                }
                let asked = self.nodes[from];
                let left = trees.push();
                trees.push();
                let threshold = match asked.feature & CATEGORY {
                    0 => asked.threshold,
                    _ => trees.place_of(self.set(&asked), &mut sets) as f64,
                };
                trees.nodes[to] = Node { threshold, feature: asked.feature, left: left as u32 };
                let old = asked.left as usize;
                line.extend([(old, left), (old + 1, left + 1)]);
            }
            trees.finish();
        }
        trees
    }

    /// The words of the set in a node's question.
    fn set(&self, asked: &Node) -> &[u64] {
        let at = asked.threshold as usize;
        let words = self.sets.get(at).map_or(0, |&n| n as usize);
        self.sets.get(at + 1..at + 1 + words).unwrap_or_default()
    }

    fn place_of<'a>(&mut self, set: &'a [u64], known: &mut BTreeMap<&'a [u64], usize>) -> usize {
        *known.entry(set).or_insert_with(|| {
            let at = self.sets.len();
            self.sets.push(set.len() as u64);
            self.sets.extend(set);
            at
        })
    }
}

impl Merged {
    fn of(&self, node: usize, width: usize) -> &[f64] {
        &self.values[node * width..(node + 1) * width]
    }
}

#[cfg(test)]
mod tests {
    use crate::{Compression, Question, State, Trees};

    /// A tree with four leaves over one number: 1, 2 (cover 1 and 3), 10, 14 (cover 2 and 2).
    fn four() -> Trees {
        let mut trees = Trees::new(1, vec![0.5], false);
        let root = trees.plant();
        let ask = |at: f64| Question::Number { threshold: at };
        let left = trees.split(root, 0, &ask(2.0), true);
        let right = trees.split(left + 1, 0, &ask(3.0), false);
        let below = trees.split(left, 0, &ask(1.0), false);
        for (leaf, value, cover) in
            [(below, 1.0, 1.0), (below + 1, 2.0, 3.0), (right, 10.0, 2.0), (right + 1, 14.0, 2.0)]
        {
            trees.leaf(leaf, &[value], cover);
        }
        trees.finish();
        trees
    }

    fn answers(trees: &Trees) -> Vec<f64> {
        let mut out = vec![0.0; 5];
        trees.rows(&[1.0, 2.0, 3.0, 4.0, f64::NAN], &mut out);
        out
    }

    fn how(prune: f64, eight_bits: bool) -> Compression {
        Compression { prune, eight_bits }
    }

    #[test]
    fn the_siblings_that_change_least_are_merged_by_their_cover() {
        assert_eq!(answers(&four()), [1.5, 2.5, 10.5, 14.5, 2.5]);
        // 3/4 * 1 versus 1 * 16: the left pair is merged first, to (1 + 3 * 2) / 4.
        let three = four().compressed(&how(0.25, false));
        assert_eq!((three.n_leaves(), answers(&three)), (3, vec![2.25, 2.25, 10.5, 14.5, 2.25]));
        let two = four().compressed(&how(0.5, false));
        assert_eq!((two.n_leaves(), answers(&two)), (2, vec![2.25, 2.25, 12.5, 12.5, 2.25]));
        // One leaf remains, whatever the share: (1.75 * 4 + 12 * 4) / 8.
        assert_eq!(answers(&four().compressed(&how(1.0, false))), [7.375; 5]);
        assert_eq!(four().compressed(&how(1.0, false)).cover(0), 8.0);
    }

    #[test]
    fn eight_bits_are_within_half_a_step_and_send_rows_the_same_way() {
        let (whole, small) = (four(), four().compressed(&how(0.0, true)));
        let step = 13.0 / 255.0;
        for (a, b) in answers(&whole).into_iter().zip(answers(&small)) {
            assert!((a - b).abs() <= step / 2.0 + 1e-6, "{a} {b}");
        }
        let bytes = |trees: &Trees| trees.save(State::default()).bytes();
        assert!(bytes(&small) < bytes(&whole));
        assert_eq!(small.size(), bytes(&small));
    }

    #[test]
    fn shares_of_classes_in_eight_bits_sum_to_one_and_none_is_greater() {
        let mut trees = Trees::new(1, vec![0.0; 3], true);
        let root = trees.plant();
        let left = trees.split(root, 0, &Question::Number { threshold: 1.0 }, true);
        trees.leaf(left, &[1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0], 1.0);
        trees.leaf(left + 1, &[1.0, 0.0, 0.0], 1.0);
        trees.finish();
        let small = trees.compressed(&how(0.0, true));
        let mut out = [0.0; 6];
        small.rows(&[0.0, 2.0], &mut out);
        assert!(out.iter().all(|p| (0.0..=1.0).contains(p)), "{out:?}");
        for (shares, first) in out.chunks(3).zip([1.0 / 3.0, 1.0]) {
            assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-6, "{shares:?}");
            assert!((shares[0] - first).abs() < 1.0 / 255.0, "{shares:?}");
        }
    }

    #[test]
    fn compressed_trees_come_back_as_they_were_and_broken_ones_do_not() {
        let mut trees = Trees::new(2, vec![0.0, 0.0], true);
        for shift in [0.0, 0.25] {
            let root = trees.plant();
            let left = trees.split(root, 1, &Question::Category { left: vec![0b101] }, true);
            trees.leaf(left, &[shift, 1.0 - shift], 4.0);
            let deeper = trees.split(left + 1, 0, &Question::Number { threshold: 0.1 }, false);
            trees.leaf(deeper, &[1.0, 0.0], 1.5);
            trees.leaf(deeper + 1, &[0.3, 0.7], 2.0);
            trees.finish();
        }
        for eight_bits in [false, true] {
            let small = trees.compressed(&how(0.0, eight_bits));
            let state = small.save(State::new("t", 1, ()));
            let back = Trees::load(&state, 2, 2, true).unwrap();
            assert_eq!(back, small);
            assert_eq!(back.save(State::new("t", 1, ())), state);
            // The two equal sets are stored once.
            assert_eq!(state.tensors["sets"].data.len(), 2);
            assert!(Trees::load(&state, 1, 2, true).is_err());
            for name in state.tensors.keys() {
                let mut broken = state.clone();
                broken.tensors.remove(name);
                assert!(Trees::load(&broken, 2, 2, true).is_err(), "without {name}");
                let mut broken = state.clone();
                if let Some(crate::Tensor { shape, data: crate::TensorData::U8(codes) }) =
                    broken.tensors.get_mut(name)
                {
                    codes.pop();
                    shape[0] = codes.len();
                    assert!(Trees::load(&broken, 2, 2, true).is_err(), "{name} cut short");
                }
            }
        }
        // Trees that continue to grow are saved in full again.
        let mut grown = trees.compressed(&how(0.0, true));
        grown.append(&trees);
        let state = grown.save(State::new("t", 1, ()));
        assert_eq!(Trees::load(&state, 2, 2, true).unwrap(), grown);
        assert!(!grown.is_compressed());
    }
}
