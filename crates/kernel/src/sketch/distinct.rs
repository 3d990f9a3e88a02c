//! How many different values a column has.

use hashbrown::HashTable;

/// So many different values are counted exactly.
const EXACT: usize = 4096;
/// The bits of a hash that choose its register.
const BITS: u32 = 14;
const REGISTERS: usize = 1 << BITS;

/// The number of different values of a column, from their hashes: exact up to 4,096, then estimated by HyperLogLog with
/// 2^14 registers (16 KiB; standard error 0.8%).
///
/// Flajolet, Fusy, Gandouet and Meunier 2007, "HyperLogLog"; the sparse beginning as in Heule, Nunkesser and Hall 2013,
/// "HyperLogLog in practice"; the estimate without tables of corrections by Ertl 2017, "New cardinality estimation
/// algorithms for HyperLogLog sketches", algorithm 6.
///
/// ```
/// use tidemill_kernel::sketch::{Distinct, hash_bytes};
/// let mut distinct = Distinct::default();
/// ["a", "b", "a"].iter().for_each(|word| distinct.add(hash_bytes(word.as_bytes())));
/// assert_eq!(distinct.count(), 2);
/// assert!(distinct.is_exact());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Distinct {
    /// The hashes themselves, while they are few.
    few: HashTable<u64>,
    /// The longest run of zeros of each register; empty while the hashes are few.
    registers: Vec<u8>,
}

impl Distinct {
    /// One more value, by its hash (of [`super::hash_bytes`] or [`super::mix`]).
    #[inline]
    pub fn add(&mut self, hash: u64) {
        if self.registers.is_empty() { self.add_exactly(hash) } else { self.register(hash) }
    }

    /// Many values, by their hashes; those of 0 are passed over.
    pub fn extend(&mut self, hashes: &[u64]) {
        let mut rest = hashes.iter().copied().filter(|&hash| hash != 0);
        while self.registers.is_empty() {
            let Some(hash) = rest.next() else { return };
            self.add_exactly(hash);
        }
        rest.for_each(|hash| self.register(hash));
    }

    fn add_exactly(&mut self, hash: u64) {
        let found = self.few.find(hash, |&h| h == hash).is_some();
        if found {
            return;
        }
        self.few.insert_unique(hash, hash, |&h| h);
        if self.few.len() > EXACT {
            self.registers = vec![0; REGISTERS];
            for hash in std::mem::take(&mut self.few) {
                self.register(hash);
            }
        }
    }

    #[inline]
    fn register(&mut self, hash: u64) {
        let register = &mut self.registers[(hash >> (64 - BITS)) as usize];
        let zeros = ((hash << BITS) | (1 << (BITS - 1))).leading_zeros() as u8 + 1;
        *register = (*register).max(zeros);
    }

    /// Whether [`Distinct::count`] is exact.
    pub fn is_exact(&self) -> bool {
        self.registers.is_empty()
    }

    /// How many different values there were.
    pub fn count(&self) -> u64 {
        if self.is_exact() { self.few.len() as u64 } else { self.estimate().round() as u64 }
    }

    fn estimate(&self) -> f64 {
        let m = REGISTERS as f64;
        let q = (64 - BITS) as usize;
        let mut counts = vec![0.0; q + 2];
        self.registers.iter().for_each(|&r| counts[usize::from(r)] += 1.0);
        let mut z = m * tau(1.0 - counts[q + 1] / m);
        for k in (1..=q).rev() {
            z = 0.5 * (z + counts[k]);
        }
        z += m * sigma(counts[0] / m);
        m * m / (2.0 * std::f64::consts::LN_2 * z)
    }

    /// The same as if the values of `other` had been added here.
    pub fn merge(&mut self, other: &Distinct) {
        other.few.iter().for_each(|&hash| self.add(hash));
        if other.registers.is_empty() {
            return;
        }
        if self.registers.is_empty() {
            self.registers = vec![0; REGISTERS];
            std::mem::take(&mut self.few).into_iter().for_each(|hash| self.register(hash));
        }
        for (mine, &theirs) in self.registers.iter_mut().zip(&other.registers) {
            *mine = (*mine).max(theirs);
        }
    }
}

fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z == before {
            return z / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sketch::mix;

    fn of(values: std::ops::Range<u64>) -> Distinct {
        let mut distinct = Distinct::default();
        values.for_each(|x| distinct.add(mix(x)));
        distinct
    }

    #[test]
    fn within_three_standard_errors_at_every_size() {
        for n in [10, 4096, 4097, 20_000, 50_000, 300_000, 2_000_000] {
            let found = of(0..n).count() as f64;
            let bound = if n <= 4096 { 0.0 } else { 0.0244 * n as f64 };
            assert!((found - n as f64).abs() <= bound, "{found} of {n}");
        }
    }

    #[test]
    fn parts_merge_to_the_whole() {
        for (a, b, n) in [(0..100, 50..200, 200), (0..9000, 5000..20_000, 20_000), (0..20_000, 0..10, 20_000)]
        {
            let mut merged = of(a);
            merged.merge(&of(b));
            assert_eq!(merged.count(), of(0..n).count());
        }
    }
}
