//! The places of up to three bytes in a text, 64 bytes at a time.

const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
const ONES: u64 = 0x0101_0101_0101_0101;

/// Finds the places of delimiters, line breaks and quotes, in order.
///
/// Each block of 64 bytes becomes a mask of 64 bits, eight bytes per step of plain 64-bit arithmetic: exact
/// detection of zero bytes (Warren, "Hacker's Delight", section 6-1), gathered by one multiplication.
pub(super) struct Scanner<'a> {
    bytes: &'a [u8],
    needles: [u64; 3],
    /// Where the block of the mask begins, and where the next one does.
    base: usize,
    next: usize,
    mask: u64,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(bytes: &'a [u8], needles: [u8; 3]) -> Self {
        Scanner { bytes, needles: needles.map(|n| ONES * u64::from(n)), base: 0, next: 0, mask: 0 }
    }

    /// Goes on from `at`, which is not before the last place found.
    pub(super) fn skip_to(&mut self, at: usize) {
        if at < self.next {
            self.mask &= u64::MAX.checked_shl((at - self.base) as u32).unwrap_or(0);
        } else {
            (self.mask, self.next) = (0, at);
        }
    }

    fn block(&mut self) -> bool {
        let rest = &self.bytes[self.next.min(self.bytes.len())..];
        if rest.is_empty() {
            return false;
        }
        self.base = self.next;
        if let Some(block) = rest.first_chunk::<64>() {
            self.mask = mask(block, self.needles);
            self.next += 64;
        } else {
            let mut block = [0; 64];
            block[..rest.len()].copy_from_slice(rest);
            self.mask = mask(&block, self.needles) & ((1 << rest.len()) - 1);
            self.next = self.bytes.len();
        }
        true
    }
}

impl Iterator for Scanner<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.mask == 0 {
            if !self.block() {
                return None;
            }
        }
        let bit = self.mask.trailing_zeros() as usize;
        self.mask &= self.mask - 1;
        Some(self.base + bit)
    }
}

#[inline]
fn mask(block: &[u8; 64], needles: [u64; 3]) -> u64 {
    let mut mask = 0;
    for (i, word) in block.as_chunks::<8>().0.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        // The high bit of each byte stays clear where the byte equals the needle.
        let differs = needles.map(|needle| {
            let x = word ^ needle;
            ((x & LOW) + LOW) | x
        });
        let hits = !(differs[0] & differs[1] & differs[2]) & !LOW;
        mask |= ((hits >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * i);
    }
    mask
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn finds_what_a_plain_loop_finds(bytes in proptest::collection::vec(prop_oneof![0u8..3, any::<u8>()], 0..300)) {
            let found: Vec<usize> = Scanner::new(&bytes, [0, 1, 2]).collect();
            let wanted: Vec<usize> = (0..bytes.len()).filter(|&i| bytes[i] < 3).collect();
            prop_assert_eq!(found, wanted);
        }

        #[test]
        fn skips(bytes in proptest::collection::vec(0u8..4, 1..300), at in 0usize..300) {
            let at = at.min(bytes.len());
            let mut scanner = Scanner::new(&bytes, [0, 1, 2]);
            scanner.next();
            let first = (0..bytes.len()).find(|&i| bytes[i] < 3).map_or(0, |i| i + 1);
            let at = at.max(first);
            scanner.skip_to(at);
            let wanted: Vec<usize> = (at..bytes.len()).filter(|&i| bytes[i] < 3).collect();
            prop_assert_eq!(scanner.collect::<Vec<_>>(), wanted);
        }
    }
}
