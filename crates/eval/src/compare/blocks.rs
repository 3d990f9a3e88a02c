//! Two models on the same rows, where rows that belong together (those of one day) are drawn together.

use rayon::prelude::*;
use tidemill_kernel::Random;

use super::bootstrap::{ScoreInterval, percentiles};
use crate::{Answers, Error, Metric, Result};

/// As [`super::paired`], but draws whole blocks with replacement: `blocks[i]` is the number of the block of row `i`, from 0,
/// and rows of one block may depend on each other in any way (the cluster bootstrap: Davison and Hinkley 1997,
/// "Bootstrap Methods and their Application", 3.8).
///
/// The interval says how far the difference might move with other blocks, so it is wide where blocks are few: ten or more are
/// wanted. Errors as [`super::paired`] does, and for another number of blocks' names than of rows.
///
/// ```
/// use tidemill_eval::{Answers, compare::paired_blocks, metric};
/// let truth = vec![0.0; 40];
/// // Ten days of four rows: on odd days `b` is off by 1 and `a` by 2, on even days both by 1.
/// let day: Vec<u32> = (0..40).map(|i| i / 4).collect();
/// let a: Vec<f64> = day.iter().map(|d| f64::from(1 + d % 2)).collect();
/// let (a, b) = (Answers::numbers(truth.clone(), a)?, Answers::numbers(truth, vec![1.0; 40])?);
/// let better = paired_blocks(&a, &b, metric("mae")?, &day, 500, 0.95, 7)?;
/// assert!(better.value == 0.5 && better.low < 0.3 && better.high > 0.7);
/// # Ok::<(), tidemill_eval::Error>(())
/// ```
pub fn paired_blocks(
    a: &Answers<'_>,
    b: &Answers<'_>,
    metric: &Metric,
    blocks: &[u32],
    n_samples: usize,
    confidence: f64,
    seed: u64,
) -> Result<ScoreInterval> {
    let n = a.n_rows();
    let odd = n_samples == 0 || !(confidence > 0.0 && confidence < 1.0);
    if n != b.n_rows() || n != blocks.len() || n == 0 || odd {
        let what = format!(
            "{n} rows against {} in blocks of {}, {n_samples} samples and a confidence of {confidence} give no interval",
            b.n_rows(),
            blocks.len()
        );
        return Err(Error::Compare { what });
    }
    let sign = if metric.greater_is_better { 1.0 } else { -1.0 };
    let difference = |a: &Answers<'_>, b: &Answers<'_>| -> Result<f64> {
        Ok(sign * (metric.score(b)?.value - metric.score(a)?.value))
    };
    let value = difference(a, b)?;
    let members = members(blocks);
    let sample = |i: usize| -> Result<f64> {
        let mut random = Random::new(seed, i as u64);
        let drawn = (0..members.len()).map(|_| &members[random.below(members.len())]);
        let rows: Vec<u32> = drawn.flatten().copied().collect();
        difference(&a.take(&rows)?, &b.take(&rows)?)
    };
    let values = (0..n_samples).into_par_iter().map(sample).collect::<Result<Vec<f64>>>()?;
    Ok(percentiles(value, values, confidence))
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
    use crate::{compare::paired, metric};

    fn answers(wrong: impl Fn(u32) -> bool) -> Answers<'static> {
        let truth: Vec<f64> = vec![0.0; 400];
        let predicted: Vec<f64> = (0..400).map(|i| f64::from(u8::from(wrong(i)))).collect();
        Answers::numbers(truth, predicted).unwrap()
    }

    #[test]
    fn blocks_of_one_row_are_independent_rows() {
        let (a, b) = (answers(|i| i % 3 == 0), answers(|i| i % 5 == 0));
        let metric = metric("mae").unwrap();
        let each: Vec<u32> = (0..400).collect();
        let one = paired_blocks(&a, &b, metric, &each, 200, 0.95, 3).unwrap();
        assert_eq!(one, paired(&a, &b, metric, 1, 200, 0.95, 3).unwrap());
    }

    #[test]
    fn rows_that_move_together_make_the_interval_wider() {
        // Whole blocks of 20 rows are good or bad: there are 20 facts, not 400.
        let (a, b) = (answers(|i| (i / 20) % 2 == 0), answers(|_| false));
        let metric = metric("mae").unwrap();
        let day: Vec<u32> = (0..400).map(|i| i / 20).collect();
        let width = |interval: ScoreInterval| interval.high - interval.low;
        let together = width(paired_blocks(&a, &b, metric, &day, 1000, 0.95, 3).unwrap());
        let apart = width(paired(&a, &b, metric, 1, 1000, 0.95, 3).unwrap());
        // In theory 2 * 1.96 * 0.5 / sqrt(20) against / sqrt(400).
        assert!((together - 0.438).abs() < 0.06, "{together}");
        assert!((apart - 0.098).abs() < 0.015, "{apart}");
    }

    #[test]
    fn blocks_must_name_every_row() {
        let (a, b) = (answers(|_| true), answers(|_| false));
        assert!(paired_blocks(&a, &b, metric("mae").unwrap(), &[0; 3], 10, 0.95, 0).is_err());
    }
}
