//! word2vec with negative sampling: skip-gram and CBOW.
//!
//! After Mikolov, Sutskever, Chen, Corrado and Dean, "Distributed Representations of Words and Phrases and their Compositionality" (2013), with
//! the choices of their program: windows of random width, frequent words left out at random, negatives drawn by the 3/4th power of their
//! counts, a rate that falls to a ten-thousandth. As gensim does, skip-gram predicts the word in the middle from each word around it.
//!
//! Quick, and the same bytes on any number of threads: [`LANES`] pieces of text are learned from side by side, each on copies of the
//! rows that it touches, and what each changed is then added, piece after piece. Pieces and their random streams depend on the texts alone.

use hashbrown::HashMap;
use rayon::prelude::*;
use tidemill_core::{Context, Result};
use tidemill_kernel::Random;

use super::{Corpus, axpy, dot, start};

/// How the vectors of words are learned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Word2Vec {
    /// Whether the word in the middle is predicted from the mean of those around it, instead of from each.
    pub cbow: bool,
    /// Numbers per word.
    pub dimensions: usize,
    /// How far around a word is looked, in words.
    pub window: usize,
    /// Words drawn at random for each word that is right.
    pub negative: usize,
    /// Passes over the texts.
    pub epochs: usize,
    /// By how much is moved at first.
    pub rate: f32,
    /// Words of more than this share of the texts are left out at random; 0 leaves none out.
    pub sample: f64,
}

/// Pieces that are learned from side by side.
const LANES: usize = 4;
/// Words of a piece, but for the end of its last text.
const PIECE: usize = 512;
/// The power of counts by which negatives are drawn.
const POWER: f64 = 0.75;

/// The two rows of each word: as one that predicts, and as one that is predicted.
struct Rows {
    dimensions: usize,
    input: Vec<f32>,
    output: Vec<f32>,
}

/// Copies of the rows that a piece touches.
struct Copies<'a> {
    from: &'a [f32],
    dimensions: usize,
    places: HashMap<u32, usize>,
    /// The words in the order in which they were first touched.
    words: Vec<u32>,
    rows: Vec<f32>,
}

impl<'a> Copies<'a> {
    fn new(from: &'a [f32], dimensions: usize) -> Self {
        Copies { from, dimensions, places: HashMap::new(), words: Vec::new(), rows: Vec::new() }
    }

    /// Where the copy of a word's row begins.
    fn at(&mut self, word: u32) -> usize {
        if let Some(&at) = self.places.get(&word) {
            return at;
        }
        let (from, at) = (word as usize * self.dimensions, self.rows.len());
        self.rows.extend_from_slice(&self.from[from..from + self.dimensions]);
        self.words.push(word);
        self.places.insert(word, at);
        at
    }

    /// The words, and by how much the row of each was changed.
    fn changes(mut self) -> (Vec<u32>, Vec<f32>) {
        for (word, row) in self.words.iter().zip(self.rows.chunks_exact_mut(self.dimensions)) {
            let from = *word as usize * self.dimensions;
            row.iter_mut().zip(&self.from[from..]).for_each(|(changed, was)| *changed -= was);
        }
        (self.words, self.rows)
    }
}

fn add((words, changes): &(Vec<u32>, Vec<f32>), to: &mut [f32], dimensions: usize) {
    for (word, change) in words.iter().zip(changes.chunks_exact(dimensions)) {
        let at = *word as usize * dimensions;
        axpy(1.0, change, &mut to[at..at + dimensions]);
    }
}

/// One word of a step of negative sampling: moves the row of a word that is `right` or drawn at random, and adds to `error` by how much `hidden`
/// should move, both down the slope of `-ln s(u·h)`, or of `-ln s(-u·h)` for a drawn one. How probable `s(u·h)` the word was held.
#[inline]
pub fn update(hidden: &[f32], row: &mut [f32], right: bool, rate: f32, error: &mut [f32]) -> f32 {
    let said = 1.0 / (1.0 + (-dot(hidden, row)).exp());
    let step = (f32::from(u8::from(right)) - said) * rate;
    axpy(step, row, error);
    axpy(step, hidden, row);
    said
}

/// Where the negatives of all words lie between 0 and 1.
struct Negatives(Vec<f64>);

impl Negatives {
    fn of(times: &[u64]) -> Self {
        let mut sum = 0.0;
        let sums = times.iter().map(|&n| {
            sum += (n as f64).powf(POWER);
            sum
        });
        Negatives(sums.collect())
    }

    fn draw(&self, random: &mut Random) -> u32 {
        let total = self.0.last().copied().unwrap_or_default();
        let at = random.unit() * total;
        (self.0.partition_point(|&sum| sum <= at).min(self.0.len().saturating_sub(1))) as u32
    }
}

/// A piece at work.
struct Piece<'a> {
    settings: &'a Word2Vec,
    negatives: &'a Negatives,
    kept: &'a [f64],
    input: Copies<'a>,
    output: Copies<'a>,
    random: Random,
    rate: f32,
}

impl Piece<'_> {
    fn learn(&mut self, text: &[u32]) {
        let random = &mut self.random;
        let words: Vec<u32> =
            text.iter().copied().filter(|&word| self.kept[word as usize] >= random.unit()).collect();
        for (middle, &word) in words.iter().enumerate() {
            let width = 1 + self.random.below(self.settings.window);
            let from = middle.saturating_sub(width);
            let to = (middle + width + 1).min(words.len());
            let around: Vec<u32> = (from..to).filter(|&at| at != middle).map(|at| words[at]).collect();
            if around.is_empty() {
                continue;
            }
            match self.settings.cbow {
                true => self.predict_from_mean(word, &around),
                false => around.iter().for_each(|&other| self.predict_from(word, other)),
            }
        }
    }

    /// The places of the output rows: that of the word, then those of negatives.
    fn drawn(&mut self, word: u32) -> Vec<usize> {
        let mut places = vec![self.output.at(word)];
        for _ in 0..self.settings.negative {
            let other = self.negatives.draw(&mut self.random);
            let at = self.output.at(other);
            // Drawn twice it would have to be moved twice at once: once does.
            if !places.contains(&at) {
                places.push(at);
            }
        }
        places
    }

    fn step(&mut self, word: u32, hidden: &[f32], error: &mut [f32]) {
        let places = self.drawn(word);
        let dimensions = self.settings.dimensions;
        for (place, at) in places.into_iter().enumerate() {
            update(hidden, &mut self.output.rows[at..at + dimensions], place == 0, self.rate, error);
        }
    }

    fn predict_from(&mut self, word: u32, other: u32) {
        let dimensions = self.settings.dimensions;
        let at = self.input.at(other);
        let hidden = self.input.rows[at..at + dimensions].to_vec();
        let mut error = vec![0.0; dimensions];
        self.step(word, &hidden, &mut error);
        axpy(1.0, &error, &mut self.input.rows[at..at + dimensions]);
    }

    fn predict_from_mean(&mut self, word: u32, around: &[u32]) {
        let dimensions = self.settings.dimensions;
        let places: Vec<usize> = around.iter().map(|&other| self.input.at(other)).collect();
        let (mut hidden, mut error) = (vec![0.0; dimensions], vec![0.0; dimensions]);
        for &at in &places {
            axpy(1.0 / places.len() as f32, &self.input.rows[at..at + dimensions], &mut hidden);
        }
        self.step(word, &hidden, &mut error);
        for at in places {
            axpy(1.0, &error, &mut self.input.rows[at..at + dimensions]);
        }
    }
}

/// Learns a vector of `dimensions` numbers for each word, one after the other.
///
/// # Errors
/// The work is cancelled.
pub fn learn(corpus: &Corpus, settings: &Word2Vec, context: &Context) -> Result<Vec<f32>> {
    let dimensions = settings.dimensions;
    let mut random = Random::new(context.seed, 0);
    let n = corpus.words.len();
    let mut rows = Rows {
        dimensions,
        input: (0..n * dimensions).map(|_| start(&mut random, dimensions)).collect(),
        output: vec![0.0; n * dimensions],
    };
    let negatives = Negatives::of(&corpus.times);
    let kept = kept(corpus, settings.sample);
    let pieces = pieces(corpus);
    let all = (pieces.len() * settings.epochs) as f32;
    for epoch in 0..settings.epochs {
        for (round, side_by_side) in pieces.chunks(LANES).enumerate() {
            context.check()?;
            let of_piece = |(lane, texts): (usize, &std::ops::Range<usize>)| {
                let number = epoch * pieces.len() + round * LANES + lane;
                let rate = settings.rate * (1.0 - number as f32 / all).max(1e-4);
                let mut piece = Piece {
                    settings,
                    negatives: &negatives,
                    kept: &kept,
                    input: Copies::new(&rows.input, rows.dimensions),
                    output: Copies::new(&rows.output, rows.dimensions),
                    random: Random::new(context.seed, 1 + number as u64),
                    rate,
                };
                for text in texts.clone() {
                    piece.learn(&corpus.tokens[corpus.starts[text]..corpus.starts[text + 1]]);
                }
                (piece.input.changes(), piece.output.changes())
            };
            let changes: Vec<_> = side_by_side.par_iter().enumerate().map(of_piece).collect();
            for (input, output) in &changes {
                add(input, &mut rows.input, dimensions);
                add(output, &mut rows.output, dimensions);
            }
        }
    }
    Ok(rows.input)
}

/// How probably a word stays: `(sqrt(f / t) + 1) t / f` where it is the share `f` of all words and `t` is `sample`.
fn kept(corpus: &Corpus, sample: f64) -> Vec<f64> {
    let total: u64 = corpus.times.iter().sum();
    let of_word = |&times: &u64| {
        let share = times as f64 / (sample * total as f64);
        if sample > 0.0 { (share.sqrt() + 1.0) / share } else { 1.0 }
    };
    corpus.times.iter().map(of_word).collect()
}

/// The texts of each piece.
fn pieces(corpus: &Corpus) -> Vec<std::ops::Range<usize>> {
    let (mut pieces, mut first) = (Vec::new(), 0);
    let n = corpus.starts.len() - 1;
    for text in 0..n {
        if corpus.starts[text + 1] - corpus.starts[first] >= PIECE || text + 1 == n {
            pieces.push(first..text + 1);
            first = text + 1;
        }
    }
    pieces
}
