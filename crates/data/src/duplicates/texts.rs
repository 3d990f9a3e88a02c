//! Texts that are nearly equal: MinHash over their terms (Broder 1997), banded as locality sensitive hashing (Indyk and Motwani
//! 1998), each candidate checked by its true similarity.

use rayon::prelude::*;
use tidemill_core::{Context, Result};
use tidemill_kernel::blocks::Unions;
use tidemill_kernel::sketch::{hash_bytes, mix};

use super::cells::{Cells, Values};

/// Terms in common over terms in all (Jaccard), from which texts are copies.
const SIMILAR: f64 = 0.8;
/// With fewer different terms a text is too short: one more or less says too much.
const FEWEST_TERMS: usize = 8;
/// Bytes of a text that are read.
const MOST_BYTES: usize = 1 << 16;
/// Ten bands of three: a pair of similarity 0.8 shares a band with a probability of 0.999.
const BANDS: usize = 10;
const BAND: usize = 3;
const SLOTS: usize = BANDS * BAND;
/// The most texts of one band that a text is compared with.
const COMPARED: usize = 8;

type Signature = [u32; SLOTS];

/// Pairs of rows one of whose texts is nearly the same; with the pairs of their neighbours they join all that are.
pub(super) fn pairs(cells: &[Cells<'_>], rows: &[u32], context: &Context) -> Result<Vec<(u32, u32)>> {
    let mut pairs = Vec::new();
    for column in cells {
        if let Values::Texts(texts) = &column.values {
            let text = |row: u32| -> &str {
                if column.is_missing(row as usize) { "" } else { texts.value(row as usize) }
            };
            of_column(&text, rows, &mut pairs, context)?;
        }
    }
    Ok(pairs)
}

fn of_column<'t>(
    text: &(impl Fn(u32) -> &'t str + Sync),
    rows: &[u32],
    pairs: &mut Vec<(u32, u32)>,
    context: &Context,
) -> Result<()> {
    let mut hashed: Vec<(u64, u32)> =
        rows.par_iter().map(|&row| (hash_bytes(text(row).as_bytes()), row)).collect();
    hashed.par_sort_unstable();
    // Long texts that are the same, and of each the first row with its signature.
    let signed: Vec<(Signature, &[(u64, u32)])> = hashed
        .par_chunk_by(|a, b| a.0 == b.0)
        .filter_map(|same| signature(text(same[0].1)).map(|signature| (signature, same)))
        .collect();
    pairs.extend(signed.iter().flat_map(|(_, same)| same[1..].iter().map(|other| (same[0].1, other.1))));
    let signed: Vec<(Signature, u32)> =
        signed.into_iter().map(|(signature, same)| (signature, same[0].1)).collect();
    let mut unions = Unions::new(signed.len());
    for band in 0..BANDS {
        context.check()?;
        let known = unions.clone().labels();
        let found = in_band(text, &signed, band, &known);
        for (a, b) in found {
            if unions.join(a, b) {
                pairs.push((signed[a as usize].1, signed[b as usize].1));
            }
        }
    }
    Ok(())
}

/// Pairs of places in `signed` that agree in a band and are similar, but for those that are `known` to belong together.
fn in_band<'t>(
    text: &(impl Fn(u32) -> &'t str + Sync),
    signed: &[(Signature, u32)],
    band: usize,
    known: &[u32],
) -> Vec<(u32, u32)> {
    let key = |signature: &Signature| {
        signature[band * BAND..(band + 1) * BAND].iter().fold(0, |hash, &slot| mix(hash ^ u64::from(slot)))
    };
    let keyed = |(at, (signature, _)): (usize, &(Signature, u32))| (key(signature), at as u32);
    let mut keys: Vec<(u64, u32)> = signed.par_iter().enumerate().map(keyed).collect();
    keys.par_sort_unstable();
    let compared = |same: &[(u64, u32)]| -> Vec<(u32, u32)> {
        let mut found = Vec::new();
        let mut shown: Vec<(u32, Vec<u32>)> = Vec::with_capacity(COMPARED);
        for &(_, at) in same {
            if shown.iter().any(|(other, _)| known[*other as usize] == known[at as usize]) {
                continue;
            }
            let own = terms(text(signed[at as usize].1));
            match shown.iter().find(|(_, terms)| similarity(terms, &own) >= SIMILAR) {
                Some((other, _)) => found.push((*other, at)),
                None if shown.len() < COMPARED => shown.push((at, own)),
                None => {}
            }
        }
        found
    };
    keys.par_chunk_by(|a, b| a.0 == b.0).filter(|same| same.len() > 1).flat_map_iter(compared).collect()
}

/// The least hash of any term by each of the hash functions; `None` for a text of few terms.
fn signature(text: &str) -> Option<Signature> {
    let terms = terms(text);
    if terms.len() < FEWEST_TERMS {
        return None;
    }
    let factors: [u32; SLOTS] = std::array::from_fn(|slot| mix(slot as u64) as u32 | 1);
    let offsets: [u32; SLOTS] = std::array::from_fn(|slot| (mix(slot as u64) >> 32) as u32);
    let mut least = [u32::MAX; SLOTS];
    for term in terms {
        for ((least, factor), offset) in least.iter_mut().zip(&factors).zip(&offsets) {
            let hash = (term ^ offset).wrapping_mul(*factor);
            *least = (*least).min(hash ^ (hash >> 15));
        }
    }
    Some(least)
}

/// The hashes of the different terms of a text, ascending.
fn terms(text: &str) -> Vec<u32> {
    let mut terms = in_order(text);
    terms.sort_unstable();
    terms.dedup();
    terms
}

/// A hash of what a text says, whatever its case, punctuation and spaces; of one without words, of its characters.
pub(super) fn hash_of_words(text: &str) -> u64 {
    let terms = in_order(text);
    match terms.is_empty() || text.len() > MOST_BYTES {
        true => hash_bytes(text.as_bytes()),
        false => terms.into_iter().fold(0, |hash, term| mix(hash ^ u64::from(term))),
    }
}

/// The hashes of the terms of a text as they come: words in lower case, or pairs of characters where words are not divided by
/// spaces.
fn in_order(text: &str) -> Vec<u32> {
    let mut end = text.len().min(MOST_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let (mut terms, mut word, mut before) = (Vec::new(), String::new(), None);
    let flush = |word: &mut String, terms: &mut Vec<u32>| {
        if !word.is_empty() {
            terms.push(hash_bytes(word.as_bytes()) as u32);
            word.clear();
        }
    };
    for c in text[..end].chars() {
        if is_unspaced(c) {
            flush(&mut word, &mut terms);
            let pair = u64::from(before.unwrap_or('\0')) << 32 | u64::from(c);
            terms.push(mix(pair) as u32);
            before = Some(c);
            continue;
        }
        before = None;
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        } else {
            flush(&mut word, &mut terms);
        }
    }
    flush(&mut word, &mut terms);
    terms
}

/// Whether the script of a character has no spaces between words: Thai, Lao, Burmese, Khmer, Chinese, Japanese.
fn is_unspaced(c: char) -> bool {
    matches!(c as u32, 0x0e00..=0x0eff | 0x1000..=0x109f | 0x1780..=0x17ff | 0x3040..=0x30ff | 0x3400..=0x9fff | 0xf900..=0xfaff
        | 0x20000..=0x3ffff)
}

/// Terms in common over terms in all; both ascend.
fn similarity(a: &[u32], b: &[u32]) -> f64 {
    let (mut i, mut j, mut common) = (0, 0, 0usize);
    while i < a.len() && j < b.len() {
        common += usize::from(a[i] == b[j]);
        let (x, y) = (a[i], b[j]);
        i += usize::from(x <= y);
        j += usize::from(y <= x);
    }
    common as f64 / (a.len() + b.len() - common).max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::{SLOTS, hash_of_words, signature, similarity, terms};

    #[test]
    fn the_share_of_equal_slots_estimates_the_similarity() {
        let text = |from: usize| (from..from + 40).map(|i| format!("word{} ", i * i)).collect::<String>();
        let (mut off, mut n) = (0.0, 0.0);
        for shift in 0..8 {
            let (a, b) = (text(0), text(shift));
            let equal =
                signature(&a).unwrap().iter().zip(signature(&b).unwrap()).filter(|(x, y)| **x == *y).count();
            let true_one = similarity(&terms(&a), &terms(&b));
            assert!((true_one - (40.0 - shift as f64) / (40.0 + shift as f64)).abs() < 1e-12);
            off += equal as f64 / SLOTS as f64 - true_one;
            n += 1.0;
        }
        assert!((off / n).abs() < 0.1, "biased by {}", off / n);
    }

    #[test]
    fn case_order_and_punctuation_do_not_count() {
        assert_eq!(terms("One, two; THREE"), terms("three two one!"));
        assert_eq!(terms("深度学习很有趣").len(), 7);
        assert!(signature("only a few words here").is_none());
        let same = [hash_of_words("Only a few, words"), hash_of_words("ONLY a few words!")];
        assert_eq!(same[0], same[1]);
        let other = ["a few words only", ":)", ":(", "深度学习", "深度习学"].map(hash_of_words);
        let different: std::collections::BTreeSet<u64> = same.into_iter().chain(other).collect();
        assert_eq!(different.len(), 6);
    }
}
