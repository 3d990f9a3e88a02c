//! The different texts of a few rows, each looked at once.

use arrow_array::{Array, StringArray};

use super::hash_bytes;

/// The place of a missing text, and of nothing.
const NONE: u32 = u32::MAX;

/// Which rows hold equal texts: what is costly is then done once for each text, not once for each row.
///
/// ```
/// use arrow_array::StringArray;
/// use tidemill_kernel::sketch::Tally;
/// let tally = Tally::of(&StringArray::from(vec![Some("b"), None, Some("a"), Some("b")]));
/// assert_eq!((tally.first, tally.times), (vec![0, 2], vec![2, 1]));
/// assert_eq!(tally.places, [Some(0), None, Some(1), Some(0)]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The first row of each text, in the order in which they first come.
    pub first: Vec<u32>,
    /// How many rows hold it.
    pub times: Vec<u64>,
    /// By row: the place of its text; `None` where it is missing.
    pub places: Vec<Option<u32>>,
}

impl Tally {
    /// Of at most `u32::MAX - 1` rows.
    pub fn of(texts: &StringArray) -> Self {
        let n_slots = (2 * texts.len()).next_power_of_two().max(16);
        let (mut slots, shift) = (vec![NONE; n_slots], 64 - n_slots.trailing_zeros());
        let mut hashes: Vec<u64> = Vec::new();
        let mut tally = Tally { places: Vec::with_capacity(texts.len()), ..Tally::default() };
        for row in 0..texts.len() {
            if texts.is_null(row) {
                tally.places.push(None);
                continue;
            }
            let text = texts.value(row);
            let hash = hash_bytes(text.as_bytes());
            let mut slot = (hash >> shift) as usize;
            // Half of the slots stay free, so the search ends.
            let place = loop {
                let place = slots[slot];
                if place == NONE {
                    slots[slot] = hashes.len() as u32;
                    hashes.push(hash);
                    tally.first.push(row as u32);
                    tally.times.push(0);
                    break slots[slot];
                }
                let at = place as usize;
                if hashes[at] == hash && texts.value(tally.first[at] as usize) == text {
                    break place;
                }
                slot = (slot + 1) % n_slots;
            };
            tally.times[place as usize] += 1;
            tally.places.push(Some(place));
        }
        tally
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::Random;

    #[test]
    fn texts_are_counted_and_found_again() {
        let mut random = Random::new(8, 0);
        for (n, names) in [(0, 1), (1, 1), (4000, 3), (4096, 5000)] {
            let texts: Vec<Option<String>> = (0..n)
                .map(|_| (random.below(9) > 0).then(|| format!("name {}", random.below(names))))
                .collect();
            let tally = Tally::of(&StringArray::from(texts.clone()));
            let mut counts: BTreeMap<&str, (u64, u32)> = BTreeMap::new();
            for (row, text) in texts.iter().enumerate() {
                let Some(text) = text else {
                    assert_eq!(tally.places[row], None);
                    continue;
                };
                counts.entry(text).or_insert((0, row as u32)).0 += 1;
                let first = tally.first[tally.places[row].unwrap() as usize];
                assert_eq!(texts[first as usize].as_deref(), Some(&**text));
            }
            let mut wanted: Vec<(u32, u64)> = counts.into_values().map(|(times, row)| (row, times)).collect();
            wanted.sort_unstable();
            let found: Vec<(u32, u64)> = tally.first.into_iter().zip(tally.times).collect();
            assert_eq!(found, wanted);
        }
    }
}
