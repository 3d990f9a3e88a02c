//! How many rows of each class go left, by bytes that vectors take many of at a time: where every row counts once, a sum is a count.

/// Bytes that are added side by side.
const LANES: usize = 16;

/// What of a node's rows lies side by side, so that no cut has to look at more than that.
#[derive(Default)]
pub(super) struct Tally {
    /// The rows.
    pub(super) rows: Vec<u32>,
    /// The class of each; empty where rows do not all count once, or are numbers to learn.
    classes: Vec<u8>,
    /// How many classes there are.
    n_classes: usize,
    /// How many rows of each class there are, then how many go left.
    counts: Vec<u32>,
}

impl Tally {
    /// Of so many classes.
    pub(super) fn new(n_classes: usize) -> Self {
        Tally { n_classes, counts: vec![0; n_classes], ..Tally::default() }
    }

    /// Begins with these rows and the class of each; the rows of each class.
    pub(super) fn begin(
        &mut self,
        rows: impl ExactSizeIterator<Item = u32>,
        classes: impl ExactSizeIterator<Item = u8>,
    ) -> &[u32] {
        self.rows.clear();
        self.rows.extend(rows);
        self.classes.clear();
        self.classes.extend(classes);
        self.count(None)
    }

    /// How many rows of each class go left, given a 1 for each row that does.
    pub(super) fn left(&mut self, left: &[u8]) -> &[u32] {
        self.count(Some(left))
    }

    fn count(&mut self, left: Option<&[u8]>) -> &[u32] {
        let mut others = 0;
        for class in 1..self.n_classes {
            let is = |of: u8| u8::from(usize::from(of) == class);
            let n = match left {
                Some(left) => sum(&self.classes, left, |of, left| is(of) & left),
                None => sum(&self.classes, &self.classes, |of, _| is(of)),
            };
            self.counts[class] = n;
            others += n;
        }
        let all = left.map_or(self.rows.len() as u32, total);
        if let Some(first) = self.counts.first_mut() {
            *first = all - others;
        }
        &self.counts
    }
}

/// The sum of bytes of 0 and 1.
pub(super) fn total(bytes: &[u8]) -> u32 {
    sum(bytes, bytes, |byte, _| byte)
}

/// The sum of what two lists of bytes give together: 0 or 1 for each pair.
#[inline(always)]
fn sum(a: &[u8], b: &[u8], each: impl Fn(u8, u8) -> u8) -> u32 {
    let mut sum = 0;
    if a.len() < 4 * LANES {
        return a.iter().zip(b).map(|(a, b)| u32::from(each(*a, *b))).sum();
    }
    // As many as a byte can hold the sum of.
    for (a, b) in a.chunks(255 * LANES).zip(b.chunks(255 * LANES)) {
        let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
        let mut lanes = [0u8; LANES];
        for (a, b) in a.iter().zip(b) {
            for l in 0..LANES {
                lanes[l] += each(a[l], b[l]);
            }
        }
        sum += lanes.iter().map(|lane| u32::from(*lane)).sum::<u32>();
        sum += a_rest.iter().zip(b_rest).map(|(a, b)| u32::from(each(*a, *b))).sum::<u32>();
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::{Tally, total};

    #[test]
    fn counts_are_those_of_one_row_after_the_other() {
        for n in [0, 1, 15, 16, 300, 9000usize] {
            let class = |i: usize| (i * i % 7 % 3) as u8;
            let left: Vec<u8> = (0..n).map(|i| u8::from(i % 5 < 3)).collect();
            let mut tally = Tally::new(3);
            let counted = |keep: &dyn Fn(usize) -> bool| {
                [0, 1, 2].map(|c| (0..n).filter(|&i| class(i) == c && keep(i)).count() as u32)
            };
            assert_eq!(tally.begin((0..n).map(|i| i as u32), (0..n).map(class)), counted(&|_| true));
            assert_eq!(tally.left(&left), counted(&|i| left[i] == 1), "{n} rows");
            assert_eq!(total(&left), (0..n).filter(|i| i % 5 < 3).count() as u32);
        }
    }
}
