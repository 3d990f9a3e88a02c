//! Two models on the same rows.

use rayon::prelude::*;
use tidemill_kernel::Random;

use super::bootstrap::{ScoreInterval, percentiles};
use crate::{Answers, Error, Metric, Result};

/// What a sample of a paired bootstrap draws with replacement.
#[derive(Clone, Copy, Debug)]
pub enum Draw<'a> {
    /// Whole runs of so many neighbouring rows, where rows that follow each other may depend on each other (the moving-block bootstrap,
    /// Künsch 1989); 1 for rows that are independent.
    Runs(usize),
    /// Whole blocks: the number of the block of each row. Rows of one block (of a day, of a user) may depend on each other in any way (the
    /// cluster bootstrap: Davison and Hinkley 1997, "Bootstrap Methods and their Application", 3.8). The interval says how far the
    /// difference might move with other blocks, so it is wide where blocks are few: ten or more are wanted.
    Blocks(&'a [u32]),
}

/// How many samples a bootstrap draws, and what is made of them.
#[derive(Clone, Copy, Debug)]
pub struct Samples {
    /// How many samples, from 1.
    pub n: usize,
    /// The share of samples within the interval, above 0 and below 1.
    pub confidence: f64,
    /// The seed of the draws.
    pub seed: u64,
}

impl Samples {
    /// A thousand samples for a 95% interval.
    pub fn usual(seed: u64) -> Self {
        Samples { n: 1000, confidence: 0.95, seed }
    }
}

/// By how much `b` is better than `a` on the same rows, as the percentile interval of a paired bootstrap: each sample
/// draws rows once and scores both on them, so that what is hard for both cancels out. Positive means that `b` is better,
/// whichever way the metric points. For the rest see [`super::bootstrap`].
///
/// # Errors
/// Another number of rows in `b` or of blocks' numbers than in `a`, no rows, no samples, or a confidence out of range.
///
/// ```
/// use tidemill_eval::compare::{Draw, Samples, paired};
/// use tidemill_eval::{Answers, metric};
/// let truth = vec![0.0; 40];
/// // Ten days of four rows: on odd days `b` is off by 1 and `a` by 2, on even days both by 1.
/// let day: Vec<u32> = (0..40).map(|i| i / 4).collect();
/// let a: Vec<f64> = day.iter().map(|d| f64::from(1 + d % 2)).collect();
/// let (a, b) = (Answers::numbers(truth.clone(), a)?, Answers::numbers(truth, vec![1.0; 40])?);
/// let better = paired(&a, &b, metric("mae")?, Draw::Blocks(&day), Samples::usual(7))?;
/// assert!(better.value == 0.5 && better.low < 0.3 && better.high > 0.7);
/// # Ok::<(), tidemill_eval::Error>(())
/// ```
pub fn paired(
    a: &Answers<'_>,
    b: &Answers<'_>,
    metric: &Metric,
    draw: Draw<'_>,
    samples: Samples,
) -> Result<ScoreInterval> {
    let n = a.n_rows();
    let named = if let Draw::Blocks(blocks) = draw { blocks.len() } else { n };
    let Samples { n: n_samples, confidence, seed } = samples;
    let odd = n_samples == 0 || !(confidence > 0.0 && confidence < 1.0);
    if n != b.n_rows() || n != named || n == 0 || odd {
        let what = format!(
            "{n} rows against {} in blocks of {named}, {n_samples} samples and a confidence of {confidence} give no interval",
            b.n_rows()
        );
        return Err(Error::Compare { what });
    }
    let sign = if metric.greater_is_better { 1.0 } else { -1.0 };
    let difference = |a: &Answers<'_>, b: &Answers<'_>| -> Result<f64> {
        Ok(sign * (metric.score(b)?.value - metric.score(a)?.value))
    };
    let value = difference(a, b)?;
    let members = if let Draw::Blocks(blocks) = draw { members(blocks) } else { Vec::new() };
    let sample = |i: usize| -> Result<f64> {
        let mut random = Random::new(seed, i as u64);
        let rows = match draw {
            Draw::Runs(length) => runs(n, length.clamp(1, n), &mut random),
            Draw::Blocks(_) => {
                let drawn = (0..members.len()).map(|_| &members[random.below(members.len())]);
                drawn.flatten().copied().collect()
            }
        };
        difference(&a.take(&rows)?, &b.take(&rows)?)
    };
    let values = (0..n_samples).into_par_iter().map(sample).collect::<Result<Vec<f64>>>()?;
    Ok(percentiles(value, values, confidence))
}

/// As many rows as there are, in runs of this length from places drawn at random.
fn runs(n: usize, length: usize, random: &mut Random) -> Vec<u32> {
    let mut rows: Vec<u32> = Vec::with_capacity(n + length);
    while rows.len() < n {
        let start = random.below(n - length + 1);
        rows.extend((start..start + length).map(|row| row as u32));
    }
    rows.truncate(n);
    rows
}

/// The rows of each block that has any.
fn members(blocks: &[u32]) -> Vec<Vec<u32>> {
    let mut rows: Vec<u32> = (0..blocks.len() as u32).collect();
    rows.sort_by_key(|&row| blocks[row as usize]);
    rows.chunk_by(|&x, &y| blocks[x as usize] == blocks[y as usize]).map(<[u32]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric;

    fn answers(wrong: impl Fn(u32) -> bool) -> Answers<'static> {
        let truth: Vec<f64> = vec![0.0; 400];
        let predicted: Vec<f64> = (0..400).map(|i| f64::from(u8::from(wrong(i)))).collect();
        Answers::numbers(truth, predicted).unwrap()
    }

    #[test]
    fn the_better_answers_are_better_by_the_difference() {
        let truth: Vec<f64> = (0..200).map(f64::from).collect();
        let off = |by: f64| {
            Answers::numbers(truth.clone(), truth.iter().map(|y| y + by).collect::<Vec<_>>()).unwrap()
        };
        let better =
            paired(&off(2.0), &off(-1.0), metric("mae").unwrap(), Draw::Runs(1), Samples::usual(7)).unwrap();
        assert_eq!((better.value, better.low), (1.0, 1.0));
    }

    #[test]
    fn blocks_of_one_row_are_independent_rows() {
        let (a, b) = (answers(|i| i % 3 == 0), answers(|i| i % 5 == 0));
        let metric = metric("mae").unwrap();
        let each: Vec<u32> = (0..400).collect();
        let samples = Samples { n: 200, ..Samples::usual(3) };
        let one = paired(&a, &b, metric, Draw::Blocks(&each), samples).unwrap();
        assert_eq!(one, paired(&a, &b, metric, Draw::Runs(1), samples).unwrap());
    }

    #[test]
    fn rows_that_move_together_make_the_interval_wider() {
        // Whole blocks of 20 rows are good or bad: there are 20 facts, not 400.
        let (a, b) = (answers(|i| (i / 20) % 2 == 0), answers(|_| false));
        let metric = metric("mae").unwrap();
        let day: Vec<u32> = (0..400).map(|i| i / 20).collect();
        let width = |draw| {
            let interval = paired(&a, &b, metric, draw, Samples::usual(3)).unwrap();
            interval.high - interval.low
        };
        let (together, apart) = (width(Draw::Blocks(&day)), width(Draw::Runs(1)));
        // In theory 2 * 1.96 * 0.5 / sqrt(20) against / sqrt(400).
        assert!((together - 0.438).abs() < 0.06, "{together}");
        assert!((apart - 0.098).abs() < 0.015, "{apart}");
    }

    #[test]
    fn blocks_must_name_every_row() {
        let (a, b) = (answers(|_| true), answers(|_| false));
        assert!(paired(&a, &b, metric("mae").unwrap(), Draw::Blocks(&[0; 3]), Samples::usual(0)).is_err());
    }
}
