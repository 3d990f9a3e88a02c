//! One hash for every sketch: 64 bits, the same on every machine and in every run (unlike those of hash tables, which are
//! seeded by chance). Not for secrets: whoever chooses the values can make them collide.

/// The fractional digits of the golden ratio.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Spreads the bits of a number over all 64: a bijection (the finaliser of SplitMix64, Steele et al. 2014, "Fast
/// splittable pseudorandom number generators").
///
/// ```
/// use tidemill_kernel::sketch::mix;
/// assert_ne!(mix(1), mix(2));
/// ```
#[inline]
pub fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(GOLDEN);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// The hash of some bytes, eight at a time; the length counts, so that no value is the beginning of another.
#[inline]
pub fn hash_bytes(bytes: &[u8]) -> u64 {
    let mut hash = (bytes.len() as u64).wrapping_mul(GOLDEN);
    let mut words = bytes.chunks_exact(8);
    for word in &mut words {
        hash = step(hash, word.try_into().map_or(0, u64::from_le_bytes));
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        let mut word = [0; 8];
        word[..rest.len()].copy_from_slice(rest);
        hash = step(hash, u64::from_le_bytes(word));
    }
    mix(hash)
}

/// Takes in one word: the two halves of a product of 128 bits.
#[inline]
fn step(hash: u64, word: u64) -> u64 {
    let product = u128::from(hash ^ word ^ GOLDEN) * 0xd6e8_feb8_6659_fd93;
    (product as u64) ^ ((product >> 64) as u64) ^ word.rotate_left(32)
}

#[cfg(test)]
mod tests {
    use super::hash_bytes;

    #[test]
    fn a_hundred_thousand_words_do_not_collide() {
        let mut hashes: Vec<u64> = (0..100_000).map(|i| hash_bytes(format!("word {i}").as_bytes())).collect();
        hashes.extend((1..200).map(|n| hash_bytes(&vec![0; n])));
        let n = hashes.len();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), n);
    }
}
