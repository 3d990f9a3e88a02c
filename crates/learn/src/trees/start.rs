//! Scores that trees add to: those that lead to what an earlier model says.

use tidemill_core::{Batch, Result, Row};

use super::losses::Link;
use crate::start;

/// What is not above 0 has no logarithm to start from.
const LEAST: f64 = 1e-9;

/// The scores of all rows, output after output; `None` where there is no earlier model.
pub(super) fn scores(batch: &Batch, link: Link) -> Result<Option<Vec<f64>>> {
    let said = start::said(batch)?;
    Ok(said.map(|(said, width)| said.chunks_exact(width).flat_map(|said| linked(said, link)).collect()))
}

/// Adds them to scores that begin with nothing.
pub(super) fn add(batch: &Batch, link: Link, scores: &mut [f64]) -> Result<()> {
    let started = self::scores(batch, link)?.unwrap_or_default();
    scores.iter_mut().zip(started).for_each(|(score, start)| *score += start);
    Ok(())
}

/// Adds those of one row.
pub(super) fn add_to_row(row: &Row, at: usize, link: Link, scores: &mut [f64]) -> Result<()> {
    let started = linked(start::of_row(row, at)?, link);
    scores.iter_mut().zip(started).for_each(|(score, start)| *score += start);
    Ok(())
}

fn linked(said: &[f64], link: Link) -> Vec<f64> {
    match (link, said) {
        (Link::Sigmoid, [first, second]) => vec![second - first],
        (Link::Exp, said) => said.iter().map(|x| x.max(LEAST).ln()).collect(),
        (_, said) => said.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Link, linked};

    #[test]
    fn scores_lead_to_what_was_said() {
        let logit = linked(&[0.2f64.ln(), 0.8f64.ln()], Link::Sigmoid);
        assert!((1.0 / (1.0 + (-logit[0]).exp()) - 0.8).abs() < 1e-12);
        assert_eq!(linked(&[3.0], Link::Identity), [3.0]);
        assert!((linked(&[3.0], Link::Exp)[0].exp() - 3.0).abs() < 1e-12);
    }
}
