//! Rows that belong together (copies of each other, rows of one group), and splits that respect them.

/// A union-find of rows: a forest in which each row points towards the first row of its set (Tarjan 1975, with path halving).
///
/// ```
/// let mut unions = tidemill_kernel::blocks::Unions::new(4);
/// unions.join(3, 1);
/// assert_eq!(unions.labels(), [0, 1, 2, 1]);
/// ```
#[derive(Clone, Debug)]
pub struct Unions {
    parents: Vec<u32>,
}

impl Unions {
    /// `n` rows, each in its own set.
    pub fn new(n: usize) -> Self {
        Unions { parents: (0..n as u32).collect() }
    }

    /// The first row in the set of `row`.
    pub fn first(&mut self, mut row: u32) -> u32 {
        while self.parents[row as usize] != row {
            let above = self.parents[self.parents[row as usize] as usize];
            self.parents[row as usize] = above;
            row = above;
        }
        row
    }

    /// Merges the sets of these rows; returns whether they were different.
    pub fn join(&mut self, a: u32, b: u32) -> bool {
        let (a, b) = (self.first(a), self.first(b));
        self.parents[a.max(b) as usize] = a.min(b);
        a != b
    }

    /// The first row of each row's set. Independent of the order of the joins.
    pub fn labels(mut self) -> Vec<u32> {
        (0..self.parents.len() as u32).map(|row| self.first(row)).collect()
    }
}

/// The members of each block, in the order of the labels, in ascending order.
pub fn members(rows: &[u32], blocks: &[u32]) -> Vec<Vec<u32>> {
    let mut sorted: Vec<(u32, u32)> = rows.iter().map(|&row| (blocks[row as usize], row)).collect();
    sorted.sort_unstable();
    let rows = |same: &[(u32, u32)]| same.iter().map(|&(_, row)| row).collect();
    sorted.chunk_by(|a, b| a.0 == b.0).map(rows).collect()
}

/// The fold of each row when the rows (`0..order.len()`, in this order) are assigned in turn to `n` folds. With blocks, a whole block is
/// assigned to the fold with the fewest rows when its first row comes.
///
/// ```
/// use tidemill_kernel::blocks::deal;
/// assert_eq!(deal(&[0, 1, 2, 3], None, 2), [0, 1, 0, 1]);
/// assert_eq!(deal(&[0, 1, 2, 3], Some(&[7, 7, 8, 9]), 2), [0, 0, 1, 1]);
/// ```
pub fn deal(order: &[u32], blocks: Option<&[u32]>, n: usize) -> Vec<u32> {
    let mut folds = vec![0; order.len()];
    let Some(blocks) = blocks else {
        order.iter().enumerate().for_each(|(at, &row)| folds[row as usize] = (at % n) as u32);
        return folds;
    };
    let mut held = vec![0usize; n];
    for block in in_order(order, blocks) {
        let least = (0..n).min_by_key(|&fold| held[fold]).unwrap_or(0);
        held[least] += block.len();
        block.iter().for_each(|&row| folds[row as usize] = least as u32);
    }
    folds
}

/// Whole blocks with about `share` of the rows, spread evenly over `order`; the rows are in ascending order.
///
/// ```
/// let held = tidemill_kernel::blocks::held_out(&[0, 1, 2, 3, 4, 5], &[0, 0, 2, 2, 4, 4], 1.0 / 3.0);
/// assert_eq!(held, [2, 3]);
/// ```
pub fn held_out(order: &[u32], blocks: &[u32], share: f64) -> Vec<u32> {
    let (mut wanted, mut held) = (0.0, Vec::new());
    for block in in_order(order, blocks) {
        let size = block.len() as f64;
        wanted += share * size;
        if held.len() as f64 + size / 2.0 <= wanted {
            held.extend_from_slice(&block);
        }
    }
    held.sort_unstable();
    held
}

/// The members of each block, in the order of their first rows.
fn in_order(order: &[u32], blocks: &[u32]) -> Vec<Vec<u32>> {
    let mut places = vec![0u32; order.len()];
    order.iter().enumerate().for_each(|(at, &row)| places[row as usize] = at as u32);
    let rows: Vec<u32> = (0..order.len() as u32).collect();
    let mut found = members(&rows, blocks);
    found.sort_by_key(|block| block.iter().map(|&row| places[row as usize]).min());
    found
}

#[cfg(test)]
mod tests {
    use super::{Unions, deal, held_out};

    #[test]
    fn labels_do_not_depend_on_the_order_of_joins() {
        let pairs = [(5, 2), (2, 9), (7, 8), (9, 1), (3, 3)];
        let labels = |pairs: &[(u32, u32)]| {
            let mut unions = Unions::new(10);
            pairs.iter().for_each(|&(a, b)| {
                unions.join(a, b);
            });
            unions.labels()
        };
        let backwards: Vec<(u32, u32)> = pairs.iter().rev().map(|&(a, b)| (b, a)).collect();
        assert_eq!(labels(&pairs), [0, 1, 1, 3, 4, 1, 6, 7, 7, 1]);
        assert_eq!(labels(&backwards), labels(&pairs));
    }

    #[test]
    fn blocks_stay_whole_and_folds_even() {
        let order: Vec<u32> = (0..600).map(|i| (i * 7) % 600).collect();
        let blocks: Vec<u32> = (0..600).map(|i| if i % 3 == 0 { i } else { i / 6 }).collect();
        let folds = deal(&order, Some(&blocks), 5);
        let counts: Vec<usize> = (0..5).map(|f| folds.iter().filter(|x| **x == f).count()).collect();
        assert!(counts.iter().all(|n| (115..=125).contains(n)), "{counts:?}");
        let held = held_out(&order, &blocks, 0.1);
        assert!((55..=65).contains(&held.len()), "{}", held.len());
        for (a, b) in
            (0..600).flat_map(|a| (0..600).map(move |b| (a, b))).filter(|&(a, b)| blocks[a] == blocks[b])
        {
            assert_eq!(folds[a], folds[b]);
            assert_eq!(held.binary_search(&(a as u32)).is_ok(), held.binary_search(&(b as u32)).is_ok());
        }
    }
}
