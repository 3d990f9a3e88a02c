//! The most frequent values of a column.

use hashbrown::HashTable;

/// The most frequent values, their counts and where each first came, with a bounded number of counters.
///
/// While there are no more different values than counters, everything is exact. Beyond, a count is too low by at most
/// [`Frequent::error`], and every value that came more often than that is there: Misra and Gries 1982, "Finding repeated
/// elements", which holds the same values as the space-saving algorithm (Agarwal et al. 2012, "Mergeable summaries"); the
/// counters are cut in bulk as in Anderson et al. 2017, "A high-performance algorithm for identifying frequent items".
///
/// ```
/// use tidemill_kernel::sketch::{Frequent, hash_bytes};
/// let mut frequent = Frequent::new(100);
/// for (row, word) in ["b", "a", "b"].iter().enumerate() {
///     frequent.add(word, hash_bytes(word.as_bytes()), row as u64);
/// }
/// let top = frequent.top();
/// assert_eq!((&*top[0].name, top[0].count, top[0].row), ("b", 2, 0));
/// ```
#[derive(Clone, Debug)]
pub struct Frequent {
    counters: Vec<Counted>,
    places: HashTable<u32>,
    limit: usize,
    error: u64,
}

/// A value, how often it came (at least), and where it came first (since it was last forgotten).
#[derive(Clone, Debug, PartialEq)]
pub struct Counted {
    /// The value.
    pub name: Box<str>,
    hash: u64,
    /// How often.
    pub count: u64,
    /// Its first row.
    pub row: u64,
}

impl Frequent {
    /// Keeps at least `limit` counters and at most twice as many.
    pub fn new(limit: usize) -> Self {
        Frequent { counters: Vec::new(), places: HashTable::new(), limit: limit.max(1), error: 0 }
    }

    /// Whether so many different values can come before any is forgotten.
    pub fn has_room_for(&self, n: usize) -> bool {
        self.counters.len() + n <= 2 * self.limit
    }

    /// One more value, with its hash ([`super::hash_bytes`]) and its row; whether it had no counter yet.
    #[inline]
    pub fn add(&mut self, name: &str, hash: u64, row: u64) -> bool {
        self.add_times(name, hash, row, 1)
    }

    /// A value that comes so many times, first in `row`.
    pub fn add_times(&mut self, name: &str, hash: u64, row: u64, times: u64) -> bool {
        let counters = &self.counters;
        let same = |&at: &u32| counters[at as usize].hash == hash && &*counters[at as usize].name == name;
        if let Some(&at) = self.places.find(hash, same) {
            self.counters[at as usize].count += times;
            return false;
        }
        let at = self.counters.len() as u32;
        self.counters.push(Counted { name: name.into(), hash, count: times, row });
        let counters = &self.counters;
        self.places.insert_unique(hash, at, |&at| counters[at as usize].hash);
        if self.counters.len() > 2 * self.limit {
            self.cut();
        }
        true
    }

    /// Takes from every counter what the first of the least has, and forgets those with nothing left.
    fn cut(&mut self) {
        let mut counts: Vec<u64> = self.counters.iter().map(|c| c.count).collect();
        let (_, &mut least, _) = counts.select_nth_unstable_by(self.limit, |a, b| b.cmp(a));
        self.error += least;
        self.counters.retain_mut(|c| {
            c.count = c.count.saturating_sub(least);
            c.count > 0
        });
        self.places.clear();
        let counters = &self.counters;
        for (at, counter) in counters.iter().enumerate() {
            self.places.insert_unique(counter.hash, at as u32, |&at| counters[at as usize].hash);
        }
    }

    /// By how much a count may be too low; 0 when all counts are exact.
    pub fn error(&self) -> u64 {
        self.error
    }

    /// The counters, in the order in which their values first came.
    pub fn counters(&self) -> &[Counted] {
        &self.counters
    }

    /// The values by falling count, those of equal count by their first row.
    pub fn top(&self) -> Vec<&Counted> {
        let mut top: Vec<&Counted> = self.counters.iter().collect();
        top.sort_by(|a, b| b.count.cmp(&a.count).then(a.row.cmp(&b.row)).then(a.name.cmp(&b.name)));
        top
    }

    /// As if the values of `other`, whose rows come later, had been added here; the errors add up.
    pub fn merge(&mut self, other: &Frequent) {
        self.error += other.error;
        for c in &other.counters {
            self.add_times(&c.name, c.hash, c.row, c.count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sketch::hash_bytes;

    fn add(to: &mut Frequent, name: &str, row: u64) {
        to.add(name, hash_bytes(name.as_bytes()), row);
    }

    #[test]
    fn frequent_values_survive_a_flood_of_rare_ones() {
        let (mut whole, mut first, mut second) = (Frequent::new(50), Frequent::new(50), Frequent::new(50));
        for i in 0..30_000u64 {
            let name = if i % 3 == 0 { format!("common {}", i % 2) } else { format!("rare {i}") };
            add(&mut whole, &name, i);
            add(if i < 10_000 { &mut first } else { &mut second }, &name, i);
        }
        first.merge(&second);
        for sketch in [whole, first] {
            let top = sketch.top();
            for c in &top[..2] {
                assert!(c.name.starts_with("common"), "{}", c.name);
                assert!(
                    c.count <= 5000 && c.count + sketch.error() >= 5000,
                    "{} {}",
                    c.count,
                    sketch.error()
                );
            }
            assert!(sketch.counters().len() <= 100);
        }
    }
}
