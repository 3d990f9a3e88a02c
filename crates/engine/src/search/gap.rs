//! The gap between training and validation, in words.

use serde::Serialize;

use super::CandidateScore;
use super::judge::Judge;
use crate::builtin;
use crate::format::short;

/// A larger share of what was learned than this holds on its own rows only.
const OVERFIT: f64 = 0.5;
/// A learner that gains less than this share of what could be gained, alike on its own rows, is too simple (or the columns do not
/// say more).
const UNDERFIT: f64 = 0.3;

/// How a learner does on its own rows against those left out.
#[derive(Clone, Debug, Serialize)]
pub struct Gap {
    /// The learner.
    pub learner: String,
    /// The metric on rows it was fitted on.
    pub train: f64,
    /// The metric on held-out rows.
    pub valid: f64,
    /// What follows.
    pub verdict: Verdict,
    /// The same in a sentence.
    pub sentence: String,
}

/// What a gap says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Much of what was learned holds on the training rows only.
    Overfit,
    /// Little was learned, on the training rows too.
    Underfit,
    /// Neither.
    Fine,
}

/// The gap of a standing, measured by the way from the baseline to a perfect score.
pub(super) fn gap(
    standing: &CandidateScore,
    baseline: Option<&CandidateScore>,
    judge: &Judge<'_>,
) -> Option<Gap> {
    let (train, valid) = (standing.train?, standing.mean?);
    let start = judge.gain(baseline?.mean?);
    // Metrics of which more is better end at 1, the others at 0.
    let perfect = judge.gain(if judge.metric.greater_is_better { 1.0 } else { 0.0 });
    let learned = judge.gain(train) - start;
    let kept = judge.gain(valid) - start;
    let memorises = builtin::entry(&standing.learner).is_some_and(|entry| entry.memorises);
    let name = judge.metric.name;
    let scores =
        format!("{name} {} on rows it was fitted on, {} on held-out rows", short(train), short(valid));
    let (verdict, what) = if learned > 0.0 && learned - kept > OVERFIT * learned && !memorises {
        let advice = "it overfits. More rows, fewer columns or a stricter setting would narrow the gap";
        (Verdict::Overfit, format!("{advice}; judge it by the latter"))
    } else if perfect > start && learned < UNDERFIT * (perfect - start) && kept > 0.5 * learned {
        let what = "alike and far from perfect: it underfits, or these columns say no more about the target";
        (Verdict::Underfit, what.into())
    } else if memorises {
        (Verdict::Fine, "which is usual of a learner that remembers its rows: the latter counts".into())
    } else {
        (Verdict::Fine, kept_part(learned, kept))
    };
    let sentence = format!("{}: {scores}: {what}.", standing.learner);
    Some(Gap { learner: standing.learner.clone(), train, valid, verdict, sentence })
}

/// How much of the way from the baseline that a learner goes on its own rows it goes on others.
fn kept_part(learned: f64, kept: f64) -> String {
    if learned <= 0.0 {
        return "no better than the baseline".into();
    }
    match (100.0 * kept / learned).floor() {
        percent if percent >= 100.0 => "as good on rows it has not seen".into(),
        percent => format!("{percent:.0}% of its gain over the baseline holds on rows it has not seen"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gap_is_said_in_figures() {
        assert_eq!(kept_part(2.651, 2.66), "as good on rows it has not seen");
        // RMSE 10.9 on its own rows and 52.9 on others, where the baseline has 80.
        assert_eq!(kept_part(69.1, 27.1), "39% of its gain over the baseline holds on rows it has not seen");
        assert_eq!(kept_part(1.0, 0.999), "99% of its gain over the baseline holds on rows it has not seen");
        assert_eq!(kept_part(-0.1, -0.2), "no better than the baseline");
    }
}
