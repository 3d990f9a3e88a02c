//! The choice of a learner or a blend after the race, with its reasons.

use std::fmt::Display;
use std::time::Duration;

use serde::Serialize;
use tidemill_core::recipe::{OptimizeFor, Recipe};
use tidemill_core::{Context, Family, Result};
use tidemill_eval::compare::{Interval, corrected_resampled_t};
use tidemill_report::words::{EN, Words, fill};

use super::ensemble::{LIBRARY, Library, mix};
use super::judge::{Judge, Truth, mean, spread};
use super::race::{Finisher, SuccessiveHalving};
use super::{Candidate, Design, StartVerdict};
use crate::builtin;
use crate::forecast;
use crate::format::short;
use crate::recipe::{label, named};

/// What was chosen.
pub(crate) struct Choice {
    /// How the model is made.
    pub design: Design,
    /// What led there.
    pub reasons: Reasons,
    /// The design's answers to rows its learners were not fitted on, fold by fold; empty where no learner ran on a fold.
    pub(crate) answers: Vec<Vec<f64>>,
    /// What is true of these rows.
    pub(crate) truths: Vec<Truth>,
    pub(crate) test_share: f64,
}

/// What led to a choice.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Reasons {
    /// The best learner against the best of another kind, on the same folds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rival: Option<PairedComparison>,
    /// The blend against the best learner alone, on folds that had no say in its shares.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blend: Option<PairedComparison>,
    /// Why the best was passed over for another, where it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passed_over: Option<String>,
    /// Starting from an earlier model against starting from nothing, where the recipe names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<StartVerdict>,
}

/// Two models on the same folds.
#[derive(Clone, Debug, Serialize)]
pub struct PairedComparison {
    /// The one that is ahead.
    pub first: String,
    /// The other.
    pub second: String,
    /// By how much the first is better (by the corrected resampled t-test, 95%).
    pub better_by: Interval,
    /// Whether the folds cannot tell them apart.
    pub same: bool,
    /// All of this in a sentence.
    pub sentence: String,
    /// Of a blend, the learner that it is compared with alone.
    #[serde(skip)]
    pub alone: Option<String>,
    /// How many folds they were compared on.
    #[serde(skip)]
    pub folds: usize,
    /// The metric.
    #[serde(skip)]
    pub metric: &'static str,
}

impl PairedComparison {
    /// What the two are called.
    pub(crate) fn names(&self, words: &Words) -> [String; 2] {
        let said = &words.story;
        match &self.alone {
            Some(learner) => [said.duel_blend.into(), fill(said.duel_alone, &[("learner", learner)])],
            None => [self.first.clone(), self.second.clone()],
        }
    }

    /// All of this in a sentence without its end.
    pub(crate) fn told(&self, words: &Words) -> String {
        let said = &words.story;
        let p_value = self.better_by.p_value;
        let [first, second] = self.names(words);
        if self.same {
            let values: [(&str, &dyn Display); 4] =
                [("first", &first), ("second", &second), ("n", &self.folds), ("p", &format!("{p_value:.2}"))];
            return fill(said.duel_same, &values);
        }
        let by = self.better_by.mean;
        let (ahead, behind) = if by >= 0.0 { (&first, &second) } else { (&second, &first) };
        let p = match p_value {
            ..0.001 => "p < 0.001".to_string(),
            p => format!("p = {p:.3}"),
        };
        let values: [(&str, &dyn Display); 5] = [
            ("ahead", ahead),
            ("behind", behind),
            ("by", &short(by.abs())),
            ("metric", &self.metric),
            ("p", &p),
        ];
        fill(said.duel_better, &values)
    }
}

/// With more rows that judge, a blend is taken whole or not at all: it costs every prediction more.
const FEW_ROWS: usize = 5_000;
/// A smaller part of a blend is none.
const LEAST_PART: f64 = 0.2;
/// A member of a smaller share is left out.
const LEAST_SHARE: f64 = 0.03;

/// Chooses: the best learner, or one nearly as good that costs less, or a blend that is better by more than chance.
pub(crate) fn choose(
    race: SuccessiveHalving,
    candidates: &[Candidate],
    judge: &Judge<'_>,
    recipe: &Recipe,
    context: &Context,
) -> Result<Choice> {
    let best = race.best(candidates)?;
    let SuccessiveHalving { mut finishers, truths, test_share, .. } = race;
    let single = Design::of(candidates[best].spec.clone());
    // The baseline is not a finisher: where it is the best, there is nothing to blend or compare.
    // (A mean of all that was is no forecast: there the finishers are all there is to choose from.)
    let is_forecast = recipe.forecast.is_some();
    if finishers.first().is_none_or(|f| f.candidate != best && !is_forecast) {
        let reasons = Reasons::default();
        return Ok(Choice { design: single, reasons, answers: Vec::new(), truths, test_share });
    }
    let mut reasons =
        Reasons { rival: rival(&finishers, candidates, judge, test_share), ..Reasons::default() };
    let quality = recipe.train.optimize_for == OptimizeFor::Quality;
    let hurried = in_time(&finishers, context);
    let taken = if let Some(taken) = hurried {
        taken
    } else if quality && is_forecast {
        let taken = combination(&finishers, candidates, judge, test_share);
        without_parts(taken, &mut finishers, candidates)
    } else if quality {
        simplest(&finishers, candidates, judge, test_share)
    } else {
        cheapest(&finishers, recipe.train.optimize_for, judge)
    };
    if quality
        && hurried.is_none()
        && taken < LIBRARY
        && recipe.train.blend.unwrap_or(true)
        && finishers.len() > 1
        && truths.len() > 1
    {
        let library = Library::of(&finishers, &truths, judge, context);
        let library = if is_forecast { library } else { library.drawn_in() };
        let shares = library.select(&(0..truths.len()).collect::<Vec<_>>(), context)?;
        if shares.iter().filter(|s| **s > 0.0).count() > 1 {
            let differences = differences(&library.honest(context)?, &library.alone(taken)?, judge);
            let name = named(&candidates[finishers[taken].candidate].spec);
            reasons.blend = duel(Pair::Blend(&name), &differences, judge, test_share);
            // A blend costs every prediction more, so it is taken on evidence, by the rule of `simplest`; but that forecasts gain by
            // it is known beforehand (Bates and Granger 1969; Makridakis et al. 2020), and their few folds could not show it.
            let known = is_forecast
                && !forecast::candidates::is_combination(&candidates[finishers[taken].candidate].spec);
            let n_rows: usize = truths.iter().map(|truth| truth.target.len()).sum();
            let part = match evidence(&differences, test_share) {
                gain if gain > 0.0 && known => 1.0,
                gain if is_forecast || n_rows > FEW_ROWS => f64::from(u8::from(gain > 1.0)),
                gain => gain.clamp(0.0, 1.0),
            };
            let shares = partly(shares, taken, part);
            if reasons.blend.is_some() && part >= LEAST_PART && affordable(&finishers, &shares, context) {
                let design = blended(&finishers, candidates, &shares);
                let answers = (0..truths.len()).map(|f| mixed(&finishers, &shares, f, judge)).collect();
                return Ok(Choice { design, reasons, answers, truths, test_share });
            }
        }
    }
    let spec = &candidates[finishers[taken].candidate].spec;
    if taken > 0 {
        let name = label(&candidates[best].spec);
        let why = if quality { "is the simpler of the two" } else { "costs less" };
        reasons.passed_over = Some(match hurried {
            Some(_) => format!("{}: the time left does not suffice to fit {name} on all rows", label(spec)),
            None => format!("{} scores within one standard error of {name} and {why}", label(spec)),
        });
    }
    let design = Design::of(spec.clone());
    let answers = finishers.into_iter().nth(taken).map(|f| f.answers).unwrap_or_default();
    Ok(Choice { design, reasons, answers, truths, test_share })
}

/// Fits that follow the choice, in fits on a fold, with some room.
const FITS_AFTER: f64 = 3.0;

/// Where the time left does not suffice to fit the best twice more: the best that can be, or the best of the quick ones.
fn in_time(finishers: &[Finisher], context: &Context) -> Option<usize> {
    let left = context.time_left()?.as_secs_f64();
    let fits = |f: &Finisher| FITS_AFTER * f.fit.as_secs_f64() <= left;
    if finishers.first().is_none_or(fits) {
        return None;
    }
    // A fit's time is measured: differences of milliseconds are none.
    let quickest = finishers.iter().map(|f| f.fit).min()?;
    let quick = |f: &Finisher| f.fit <= 2 * quickest + Duration::from_millis(100);
    finishers.iter().position(fits).or_else(|| finishers.iter().position(quick))
}

/// Whether the time left suffices for all members of a blend.
fn affordable(finishers: &[Finisher], shares: &[f64], context: &Context) -> bool {
    let members = finishers.iter().zip(shares).filter(|(_, share)| **share > 0.0);
    let fits: f64 = members.map(|(f, _)| f.fit.as_secs_f64()).sum();
    context.time_left().is_none_or(|left| FITS_AFTER * fits <= left.as_secs_f64())
}

/// By how much `a` is better than `b`, fold by fold, where both are defined.
pub(super) fn differences(a: &[f64], b: &[f64], judge: &Judge<'_>) -> Vec<f64> {
    let all = a.iter().zip(b).map(|(a, b)| judge.gain(*a) - judge.gain(*b));
    all.filter(|d| d.is_finite()).collect()
}

/// Whether a mean gain exceeds its standard error, corrected for training parts that overlap.
pub(super) fn beyond_noise(gains: &[f64], test_share: f64) -> bool {
    exceeds(gains, test_share, 1.0)
}

/// Whether a mean gain exceeds so many of its standard errors.
fn exceeds(gains: &[f64], test_share: f64, errors: f64) -> bool {
    evidence(gains, test_share) > errors
}

/// A mean gain in corrected standard errors; 0 where nothing is known of these.
fn evidence(gains: &[f64], test_share: f64) -> f64 {
    let Some(spread) = spread(gains) else { return 0.0 };
    let error = spread * (1.0 / gains.len() as f64 + test_share / (1.0 - test_share)).sqrt();
    let gain = mean(gains);
    if gain == 0.0 { 0.0 } else { gain / error }
}

/// So much of a blend and the rest of one member alone. Where rows are few, neither is known to be better: as much of the blend is taken as
/// there is evidence for it, all at one standard error.
fn partly(mut shares: Vec<f64>, taken: usize, part: f64) -> Vec<f64> {
    shares.iter_mut().for_each(|share| *share *= part);
    if let Some(share) = shares.get_mut(taken) {
        *share += 1.0 - part;
    }
    shares.iter_mut().filter(|share| **share < LEAST_SHARE).for_each(|share| *share = 0.0);
    let total: f64 = shares.iter().sum();
    shares.iter_mut().for_each(|share| *share /= total);
    shares
}

/// The best against the best of another kind.
fn rival(
    finishers: &[Finisher],
    candidates: &[Candidate],
    judge: &Judge<'_>,
    test_share: f64,
) -> Option<PairedComparison> {
    let first = finishers.first()?;
    let spec = |f: &Finisher| &candidates[f.candidate].spec;
    let other = finishers.iter().find(|f| spec(f).kind != spec(first).kind)?;
    let differences = differences(&first.scores, &other.scores, judge);
    let name = |f: &Finisher| named(spec(f));
    duel(Pair::Learners([&name(first), &name(other)]), &differences, judge, test_share)
}

/// Which two are compared.
#[derive(Clone, Copy)]
enum Pair<'a> {
    /// Two learners.
    Learners([&'a str; 2]),
    /// The blend, and its best learner alone.
    Blend(&'a str),
}

fn duel(pair: Pair<'_>, gains: &[f64], judge: &Judge<'_>, test_share: f64) -> Option<PairedComparison> {
    let better_by = corrected_resampled_t(gains, test_share, 0.95).ok()?;
    let ([first, second], alone) = match pair {
        Pair::Learners(names) => (names.map(String::from), None),
        Pair::Blend(learner) => (Default::default(), Some(learner.to_string())),
    };
    let mut found = PairedComparison {
        first,
        second,
        alone,
        same: better_by.p_value > 0.05,
        better_by,
        sentence: String::new(),
        folds: gains.len(),
        metric: judge.metric.name,
    };
    [found.first, found.second] = found.names(&EN);
    found.sentence = found.told(&EN);
    Some(found)
}

/// The best, or the best linear learner where the best is not ahead of it by more than chance: on few rows the more that a
/// learner can follow, the more often it leads by luck (the rule of one standard error, Breiman et al. 1984).
fn simplest(finishers: &[Finisher], candidates: &[Candidate], judge: &Judge<'_>, test_share: f64) -> usize {
    let linear = |f: &Finisher| builtin::is_of(&candidates[f.candidate].spec.kind, Family::Linear);
    let ahead = |f: &Finisher| differences(&finishers[0].scores, &f.scores, judge);
    let by_chance = |gains: Vec<f64>| gains.len() > 1 && !beyond_noise(&gains, test_share);
    let found = finishers.iter().position(linear);
    // One fold, after a short time limit, says nothing of chance: then the best it is.
    found.filter(|&i| by_chance(ahead(&finishers[i]))).unwrap_or(0)
}

/// The best of a forecast, or the combination of all methods for single series where the best is not ahead of it by more than chance: few
/// origins tell little, and a combination is the choice that is least often far off (Makridakis et al. 2020). A single method is a part
/// of the combination, weighed by its own past errors, so it must be ahead by twice as much.
fn combination(
    finishers: &[Finisher],
    candidates: &[Candidate],
    judge: &Judge<'_>,
    test_share: f64,
) -> usize {
    let found =
        finishers.iter().position(|f| forecast::candidates::is_combination(&candidates[f.candidate].spec));
    let ahead = |f: &Finisher| differences(&finishers[0].scores, &f.scores, judge);
    let is_part = candidates[finishers[0].candidate].spec.kind == forecast::candidates::LOCAL;
    let errors = if is_part { 2.0 } else { 1.0 };
    found.filter(|&i| !exceeds(&ahead(&finishers[i]), test_share, errors)).unwrap_or(0)
}

/// Where the combination of all methods is taken, single methods leave: each is a part of it, and its own past forecasts say with
/// which share. Gives the place of what is taken among those left.
fn without_parts(taken: usize, finishers: &mut Vec<Finisher>, candidates: &[Candidate]) -> usize {
    let spec = |f: &Finisher| &candidates[f.candidate].spec;
    if !forecast::candidates::is_combination(spec(&finishers[taken])) {
        return taken;
    }
    let combined = finishers[taken].candidate;
    finishers.retain(|f| f.candidate == combined || spec(f).kind != forecast::candidates::LOCAL);
    finishers.iter().position(|f| f.candidate == combined).unwrap_or(0)
}

/// The cheapest of those within one standard error of the best.
fn cheapest(finishers: &[Finisher], optimize_for: OptimizeFor, judge: &Judge<'_>) -> usize {
    let best = &finishers[0];
    let n = best.scores.iter().filter(|s| !s.is_nan()).count() as f64;
    let error = spread(&best.scores).unwrap_or(0.0) / n.sqrt();
    let enough = judge.gain(mean(&best.scores)) - error;
    let cost = |f: &Finisher| match optimize_for {
        OptimizeFor::Size => (f.cost.bytes, f.cost.work),
        _ => (f.cost.work, f.cost.bytes),
    };
    let near = (0..finishers.len()).filter(|&i| judge.gain(mean(&finishers[i].scores)) >= enough);
    near.min_by_key(|&i| (cost(&finishers[i]), i)).unwrap_or(0)
}

fn blended(finishers: &[Finisher], candidates: &[Candidate], shares: &[f64]) -> Design {
    let members = finishers.iter().zip(shares).filter(|(_, share)| **share > 0.0);
    let mut members: Vec<_> =
        members.map(|(f, share)| (candidates[f.candidate].spec.clone(), *share)).collect();
    members.sort_by(|a, b| b.1.total_cmp(&a.1));
    Design { members }
}

fn mixed(finishers: &[Finisher], shares: &[f64], fold: usize, judge: &Judge<'_>) -> Vec<f64> {
    let parts: Vec<&[f64]> = finishers.iter().take(LIBRARY).map(|f| &f.answers[fold][..]).collect();
    let mut sum = mix(&parts, shares);
    if judge.classes.is_some() {
        sum.iter_mut().for_each(|p| *p = p.clamp(0.0, 1.0));
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blend_is_taken_as_far_as_there_is_evidence() {
        // Means and corrected standard errors of the gains: of the same gains there is no doubt.
        assert_eq!(evidence(&[0.0, 0.0, 0.0], 0.2), 0.0);
        assert!(evidence(&[0.1, 0.1, 0.1], 0.2) > 1e9);
        // 0.02 / (0.01 * sqrt(1 / 3 + 0.25)).
        assert!((evidence(&[0.01, 0.02, 0.03], 0.2) - 2.618_614_682_831_909).abs() < 1e-9);
        assert_eq!(partly(vec![0.5, 0.3, 0.2], 1, 1.0), [0.5, 0.3, 0.2]);
        let half = partly(vec![0.5, 0.3, 0.2], 1, 0.5);
        assert!(half.iter().zip([0.25, 0.65, 0.1]).all(|(a, b)| (a - b).abs() < 1e-12), "{half:?}");
        assert_eq!(partly(vec![0.9, 0.0, 0.1], 0, 0.25), [1.0, 0.0, 0.0]);
    }
}
