//! The gap between training and validation scores.

use std::fmt::Display;

use serde::Serialize;
use tidemill_core::recipe::Spec;
use tidemill_report::words::{EN, Words, fill};

use super::CandidateScore;
use super::judge::Judge;
use crate::builtin;
use crate::format::short;
use crate::recipe::label;

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
    /// The learner and its settings, as the leaderboard says them.
    #[serde(skip)]
    pub label: String,
    /// The metric on rows it was fitted on.
    pub train: f64,
    /// The metric on held-out rows.
    pub valid: f64,
    /// What follows.
    pub verdict: Verdict,
    /// The same in a sentence.
    pub sentence: String,
    /// The metric.
    #[serde(skip)]
    pub metric: &'static str,
    /// How much of what was learned holds on held-out rows.
    #[serde(skip)]
    pub kept: KeptPart,
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
    let verdict = verdict(learned, kept, perfect - start, error(standing), memorises);
    let held = match verdict {
        Verdict::Fine if memorises => KeptPart::Memorised,
        _ => KeptPart::of(learned, kept),
    };
    let learner = standing.learner.clone();
    let mut gap = Gap {
        label: label(&Spec { kind: learner.clone(), params: standing.params.clone() }),
        learner,
        metric: judge.metric.name,
        train,
        valid,
        verdict,
        kept: held,
        sentence: String::new(),
    };
    gap.sentence = gap.told(&EN);
    Some(gap)
}

/// What follows from the gains over the baseline on a learner's own rows and on others, of which so much is possible and so much chance.
fn verdict(learned: f64, kept: f64, possible: f64, chance: f64, memorises: bool) -> Verdict {
    let by_chance = learned - kept <= chance;
    let little = possible > 0.0 && learned.max(kept) < UNDERFIT * possible;
    if learned > 0.0 && learned - kept > OVERFIT * learned && !by_chance && !memorises {
        Verdict::Overfit
    } else if little && (kept > 0.5 * learned || learned > 0.0 && by_chance) {
        Verdict::Underfit
    } else {
        Verdict::Fine
    }
}

/// The standard error of the held-out score, over the folds: a gap that is no larger may be chance.
fn error(standing: &CandidateScore) -> f64 {
    let n = standing.folds.iter().filter(|score| score.is_finite()).count() as f64;
    standing.spread.map_or(0.0, |spread| spread / n.sqrt())
}

impl Gap {
    /// All of this in a sentence.
    pub(crate) fn told(&self, words: &Words) -> String {
        let said = &words.story;
        let what = match self.verdict {
            Verdict::Overfit => said.gap_overfit.into(),
            Verdict::Underfit => said.gap_underfit.into(),
            Verdict::Fine => self.kept.told(words),
        };
        let values: [(&str, &dyn Display); 5] = [
            ("learner", &self.label),
            ("metric", &self.metric),
            ("train", &short(self.train)),
            ("valid", &short(self.valid)),
            ("what", &what),
        ];
        fill(said.gap, &values)
    }
}

/// How much of the way from the baseline that a learner goes on its own rows it goes on others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum KeptPart {
    /// It goes no way at all.
    Nothing,
    /// All of it.
    All,
    /// So many percent of it.
    Percent(f64),
    /// It remembers its rows: how far it goes on them says nothing.
    Memorised,
}

impl KeptPart {
    fn of(learned: f64, kept: f64) -> Self {
        if learned <= 0.0 {
            return KeptPart::Nothing;
        }
        match (100.0 * kept / learned).floor() {
            percent if percent >= 100.0 => KeptPart::All,
            percent => KeptPart::Percent(percent),
        }
    }

    fn told(self, words: &Words) -> String {
        let said = &words.story;
        match self {
            KeptPart::Nothing => said.gap_nothing.into(),
            KeptPart::All => said.gap_alike.into(),
            KeptPart::Percent(percent) => fill(said.gap_kept, &[("percent", &format!("{percent:.0}"))]),
            KeptPart::Memorised => said.gap_memorises.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gap_is_said_in_figures() {
        let kept_part = |learned: f64, kept: f64| KeptPart::of(learned, kept).told(&EN);
        assert_eq!(kept_part(2.651, 2.66), "as good on rows it has not seen");
        // RMSE 10.9 on its own rows and 52.9 on others, where the baseline has 80.
        assert_eq!(kept_part(69.1, 27.1), "39% of its gain over the baseline holds on rows it has not seen");
        assert_eq!(kept_part(1.0, 0.999), "99% of its gain over the baseline holds on rows it has not seen");
        assert_eq!(kept_part(-0.1, -0.2), "no better than the baseline");
    }

    /// The little that is learned by chance does not hold on other rows: that is no overfitting, there is nothing to be learned.
    #[test]
    fn a_gap_within_the_error_of_the_folds_is_no_overfitting() {
        let of = |learned, kept| verdict(learned, kept, 0.7, 0.04, false);
        assert_eq!(of(0.01, 0.0), Verdict::Underfit);
        assert_eq!(of(0.15, 0.13), Verdict::Underfit);
        assert_eq!(of(0.15, 0.05), Verdict::Overfit);
        assert_eq!(of(0.60, 0.10), Verdict::Overfit);
        assert_eq!(of(0.60, 0.58), Verdict::Fine);
        assert_eq!(verdict(0.60, 0.10, 0.7, 0.04, true), Verdict::Fine);
    }
}
