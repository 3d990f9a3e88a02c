//! Values of a score carried through what is made of the score: a link, a calibration.

use super::ShapValues;
use crate::{Error, Result};

/// Closer scores are taken for equal, of the greater of the score and 1.
const EQUAL: f64 = 1e-9;

/// Numbers of the rows that are explained and of the background: row after row, a number per output.
#[derive(Clone, Copy, Debug)]
pub struct RowsAndBackground<'a> {
    /// Of the rows.
    pub rows: &'a [f64],
    /// Of the background rows.
    pub background: &'a [f64],
}

/// The change of an answer from each background row to each row, divided by that of the score that it follows from (a multiplier, in the
/// terms of DeepLIFT): background row after background row, within one row after row, a number per output.
///
/// Each output of the answer must follow from the same output of the score alone. Where a row and a background row have the same
/// score, the mean multiplier of the row's other background rows stands for theirs (1 without any): their values sum to 0 either way.
///
/// ```
/// use tidemill_eval::explain::{RowsAndBackground, multipliers};
/// let score = RowsAndBackground { rows: &[2.0], background: &[0.0, 1.0, 2.0] };
/// let squared = RowsAndBackground { rows: &[4.0], background: &[0.0, 1.0, 4.0] };
/// assert_eq!(multipliers(score, squared, 1)?, [2.0, 3.0, 2.5]);
/// # Ok::<(), tidemill_eval::Error>(())
/// ```
///
/// Errors when the lengths do not fit.
pub fn multipliers(
    score: RowsAndBackground<'_>,
    answer: RowsAndBackground<'_>,
    n_outputs: usize,
) -> Result<Vec<f64>> {
    check(answer.rows.len(), score.rows.len())?;
    check(answer.background.len(), score.background.len())?;
    let k = n_outputs.max(1);
    let (n, m) = (score.rows.len() / k, score.background.len() / k);
    let mut multipliers = vec![f64::NAN; n * m * k];
    for at in 0..n * k {
        let (x, y) = (score.rows[at], answer.rows[at]);
        let others = (0..m).map(|other| other * k + at % k);
        let (mut sum, mut known) = (0.0, 0usize);
        for (other, from) in others.enumerate() {
            let apart = x - score.background[from];
            if apart.abs() > EQUAL * x.abs().max(1.0) {
                let multiplier = (y - answer.background[from]) / apart;
                multipliers[other * n * k + at] = multiplier;
                (sum, known) = (sum + multiplier, known + 1);
            }
        }
        let mean = if known > 0 { sum / known as f64 } else { 1.0 };
        for multiplier in multipliers[at..].iter_mut().step_by(n * k).filter(|multiplier| multiplier.is_nan())
        {
            *multiplier = mean;
        }
    }
    Ok(multipliers)
}

/// The values of an answer from those of the score that it follows from, against each background row alone (`pairs`), each
/// scaled by the multiplier of its pair (as [`multipliers`] gives them) and averaged. `base` is the mean answer to the background.
///
/// Base and values sum to the answer. Where the answer is the score itself, these are its Shapley values; through a curve they
/// are the values that the rescale rule of DeepLIFT carries on (Chen, Lundberg and Lee 2022, "Explaining a series of models by
/// propagating Shapley values"; the `shap` package's `model_output="probability"`).
///
/// Errors when the lengths do not fit, and without a background row.
pub fn rescaled(pairs: &[ShapValues], multipliers: &[f64], base: Vec<f64>) -> Result<ShapValues> {
    let first = pairs.first().ok_or(Error::EmptyBackground)?;
    let (p, m) = (first.n_features(), pairs.len());
    let n = first.values().len() / p.max(1);
    check(multipliers.len(), n * m)?;
    check(base.len(), first.n_outputs())?;
    let mut values = vec![0.0; n * p];
    for (pair, multipliers) in pairs.iter().zip(multipliers.chunks_exact(n.max(1))) {
        check(pair.values().len(), values.len())?;
        let cells = values.chunks_exact_mut(p.max(1)).zip(pair.values().chunks_exact(p.max(1)));
        for ((to, from), multiplier) in cells.zip(multipliers) {
            let weight = multiplier / m as f64;
            to.iter_mut().zip(from).for_each(|(to, x)| *to += weight * x);
        }
    }
    Ok(ShapValues::new(base, p, values))
}

fn check(found: usize, wanted: usize) -> Result<()> {
    match found == wanted {
        true => Ok(()),
        false => Err(Error::Lengths { what: "values to be carried through a link", found, wanted }),
    }
}
