//! GloVe: vectors whose products tell how often words stand near each other.
//!
//! After Pennington, Socher and Manning, "GloVe: Global Vectors for Word Representation" (2014), with the choices of their program: counts fall
//! with the distance, `min(1, (x / 100)^(3/4)) (w·v + b + c - ln x)²` is made small by AdaGrad, and a word's vector is the sum of its two.
//!
//! Quick, and the same bytes on any number of threads: words are dealt into [`LANES`] groups, and pairs of groups that share neither a first nor a second
//! word are learned from side by side, as Gemulla, Nijkamp, Haas and Sismanis (2011) do it for matrices. No two threads ever touch the same row.

use hashbrown::HashMap;
use rayon::prelude::*;
use tidemill_core::{Context, Result};
use tidemill_kernel::Random;

use super::{Corpus, dot, start};

/// How the vectors of words are learned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Glove {
    /// Numbers per word.
    pub dimensions: usize,
    /// How far around a word is looked, in words.
    pub window: usize,
    /// Passes over the counts.
    pub epochs: usize,
    /// By how much is moved.
    pub rate: f32,
}

/// Groups of words.
const LANES: usize = 4;
/// Counts from here on weigh 1.
const X_MAX: f64 = 100.0;
/// The power by which lower counts weigh less.
const ALPHA: f64 = 0.75;
/// Texts that are counted at a time.
const TEXTS: usize = 4096;

/// The rows of a group of words: the numbers of each and its bias, then the sums of squares that AdaGrad divides by.
struct Group {
    width: usize,
    rows: Vec<f32>,
    squares: Vec<f32>,
}

impl Group {
    fn new(words: usize, dimensions: usize, random: &mut Random) -> Self {
        let width = dimensions + 1;
        let rows = (0..words * width).map(|_| start(random, dimensions)).collect();
        Group { width, rows, squares: vec![1.0; words * width] }
    }

    fn row(&mut self, word: u32) -> Row<'_> {
        let at = word as usize / LANES * self.width;
        let range = at..at + self.width;
        Row { numbers: &mut self.rows[range.clone()], squares: &mut self.squares[range] }
    }
}

/// A word's numbers, its bias last, and their sums of squares.
pub struct Row<'a> {
    /// The numbers, the bias last.
    pub numbers: &'a mut [f32],
    /// The sums of squares of past gradients, the first 1.
    pub squares: &'a mut [f32],
}

/// One step of AdaGrad for two words that were counted `x` times together; the weighted cost before it, `f(x) (w·v + b + c - ln x)² / 2`.
pub fn update(word: &mut Row<'_>, other: &mut Row<'_>, x: f64, rate: f32) -> f64 {
    let bias = word.numbers.len() - 1;
    let score = dot(&word.numbers[..bias], &other.numbers[..bias]) + word.numbers[bias] + other.numbers[bias];
    let off = f64::from(score) - x.ln();
    let weight = if x < X_MAX { (x / X_MAX).powf(ALPHA) } else { 1.0 };
    let step = (weight * off) as f32 * rate;
    let moved = |number: &mut f32, square: &mut f32, gradient: f32| {
        *number -= gradient / square.sqrt();
        *square += gradient * gradient;
    };
    for at in 0..bias {
        let (a, b) = (step * other.numbers[at], step * word.numbers[at]);
        moved(&mut word.numbers[at], &mut word.squares[at], a);
        moved(&mut other.numbers[at], &mut other.squares[at], b);
    }
    moved(&mut word.numbers[bias], &mut word.squares[bias], step);
    moved(&mut other.numbers[bias], &mut other.squares[bias], step);
    0.5 * weight * off * off
}

/// How often two words stand within `window` words of each other, each time by one over their distance: both ways, in the order of the words.
pub fn cooccurrences(corpus: &Corpus, window: usize) -> Vec<(u32, u32, f64)> {
    let texts: Vec<&[u32]> = corpus.texts().collect();
    let of_chunk = |texts: &[&[u32]]| {
        let mut counts: HashMap<(u32, u32), f64> = HashMap::new();
        for text in texts {
            for (at, &word) in text.iter().enumerate() {
                for (before, &other) in text[at.saturating_sub(window)..at].iter().rev().enumerate() {
                    let near = 1.0 / (before + 1) as f64;
                    *counts.entry((word, other)).or_default() += near;
                    *counts.entry((other, word)).or_default() += near;
                }
            }
        }
        counts
    };
    // Chunk after chunk: each pair is summed in the same order whatever the threads.
    let parts: Vec<HashMap<(u32, u32), f64>> = texts.par_chunks(TEXTS).map(of_chunk).collect();
    let mut all: HashMap<(u32, u32), f64> = HashMap::new();
    for part in parts {
        for (pair, x) in part {
            *all.entry(pair).or_default() += x;
        }
    }
    let mut counts: Vec<(u32, u32, f64)> = all.into_iter().map(|((a, b), x)| (a, b, x)).collect();
    counts.sort_unstable_by_key(|&(a, b, _)| (a, b));
    counts
}

/// Learns a vector of `dimensions` numbers for each word, one after the other.
///
/// # Errors
/// The work is cancelled.
pub fn learn(corpus: &Corpus, settings: &Glove, context: &Context) -> Result<Vec<f32>> {
    let n = corpus.words.len();
    let mut random = Random::new(context.seed, 0);
    let sizes: Vec<usize> = (0..LANES).map(|lane| (n + LANES - 1 - lane) / LANES).collect();
    let mut groups = || sizes.iter().map(|&n| Group::new(n, settings.dimensions, &mut random)).collect();
    let (mut words, mut others): (Vec<Group>, Vec<Group>) = (groups(), groups());
    let mut blocks: Vec<Vec<(u32, u32, f64)>> = vec![Vec::new(); LANES * LANES];
    for pair in cooccurrences(corpus, settings.window) {
        blocks[pair.0 as usize % LANES * LANES + pair.1 as usize % LANES].push(pair);
    }
    for epoch in 0..settings.epochs {
        for (b, block) in blocks.iter_mut().enumerate() {
            Random::new(context.seed, 1 + (epoch * LANES * LANES + b) as u64).shuffle(block);
        }
        for shift in 0..LANES {
            context.check()?;
            // The second group of lane `l` is `l + shift`.
            let block = |lane: usize| &blocks[lane * LANES + (lane + shift) % LANES];
            others.rotate_left(shift);
            words.par_iter_mut().zip(others.par_iter_mut()).enumerate().for_each(|(lane, (word, other))| {
                for &(a, b, x) in block(lane) {
                    update(&mut word.row(a), &mut other.row(b), x, settings.rate);
                }
            });
            others.rotate_right(shift);
        }
    }
    let mut vectors = Vec::with_capacity(n * settings.dimensions);
    for word in 0..n as u32 {
        let lane = word as usize % LANES;
        let (own, other) = (words[lane].row(word), others[lane].row(word));
        let sums = own.numbers.iter().zip(other.numbers.iter()).map(|(a, b)| a + b);
        vectors.extend(sums.take(settings.dimensions));
    }
    Ok(vectors)
}
