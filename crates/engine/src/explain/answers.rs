//! Values of the answer itself, against each usual row, for models that add up: trees, linear functions, naive Bayes, and blends
//! of these with their calibration.
//!
//! A part of such a model has a score that is a sum (of trees, or of what each column says), whose Shapley values against a
//! background are exact. Where answers are scores (numbers, the means of forests) and a blend is their weighted mean, so are the
//! values of the answer. A link or a calibration is gone through pair by pair: what a row differs from a usual row by in the score is
//! scaled to what it differs by in the answer.

use std::sync::Arc;

use tidemill_core::{Batch, Context, Error, Fitted, Linear, Result, Trees};
use tidemill_eval::explain::{
    InterventionalTreeShap, RowsAndBackground, ShapValues, Sources, linear_shap_of_columns, multipliers,
    rescaled,
};
use tidemill_learn::bayes::LogOdds;
use tidemill_learn::trees::FittedTrees;

use super::Method;
use super::answering::{Answering, numbers};
use super::coefficient_errors::Told;
use super::coefficients::Link;
use super::method::as_trees;
use super::row_game::split;
use super::values::Found;
use crate::error::EngineError;
use crate::search::apply;

/// Values against single usual rows that are held at a time, about.
const HELD: usize = 20_000_000;
/// Answers nearer to scores than this are the scores (of the greater of both and 1).
const SAME: f64 = 1e-9;

/// What adds up in a part of a model.
enum Sum<'a> {
    Trees(&'a FittedTrees, &'a Trees),
    Linear(&'a dyn Linear),
    Odds(LogOdds<'a>),
}

impl<'a> Sum<'a> {
    fn of(link: &'a Arc<dyn Fitted>) -> Option<Self> {
        if let Some((fitted, trees)) = as_trees(link).zip(link.as_trees()) {
            return Some(Sum::Trees(fitted, trees));
        }
        link.as_linear().map(Sum::Linear).or_else(|| LogOdds::of(&**link).map(Sum::Odds))
    }

    /// Whether what it answers is the sum itself.
    fn is_answer(&self, link: &Arc<dyn Fitted>) -> bool {
        match self {
            Sum::Trees(fitted, _) => fitted.is_sum(),
            Sum::Linear(_) => Told::of(link).link == Link::Identity,
            Sum::Odds(_) => false,
        }
    }

    fn columns(&self) -> Vec<&str> {
        match self {
            Sum::Trees(fitted, _) => fitted.feature_columns(),
            Sum::Linear(linear) => linear.columns(),
            Sum::Odds(odds) => odds.columns(),
        }
    }
}

/// A part of a model: its share of the answer, what prepares rows for it, what adds up, and the links from there on.
struct Part<'a> {
    weight: f64,
    before: Vec<Arc<dyn Fitted>>,
    sum: Sum<'a>,
    behind: Vec<Arc<dyn Fitted>>,
}

/// What a part makes of some rows.
struct Scored {
    /// The columns that are added up, by the columns of the user.
    sources: Sources,
    /// What is added up: rows as the trees read them, or what each column says.
    inputs: Vec<f64>,
    /// The sums, and the answers that follow from them: row after row, a number per output.
    scores: Vec<f64>,
    answers: Vec<f64>,
}

/// The parts of a model that adds up, and whether a link follows them; `None` of any other model.
fn parts(steps: &[Arc<dyn Fitted>]) -> Option<(Vec<Part<'_>>, bool)> {
    let (_, parts, after) = split(steps);
    let parts = parts.into_iter().map(|(weight, links)| part(weight, &links));
    Some((parts.collect::<Option<_>>()?, !after.is_empty()))
}

fn part<'a>(weight: f64, links: &[&'a Arc<dyn Fitted>]) -> Option<Part<'a>> {
    let (at, sum) = links.iter().copied().enumerate().find_map(|(at, link)| Some((at, Sum::of(link)?)))?;
    let all = |links: &[&Arc<dyn Fitted>]| links.iter().map(|link| Arc::clone(link)).collect();
    Some(Part { weight, before: all(&links[..at]), sum, behind: all(&links[at..]) })
}

/// Whether a model is a blend whose answer is a sum through and through: its values are then exact.
pub(super) fn is_sum(steps: &[Arc<dyn Fitted>]) -> bool {
    let adds_up = |part: &Part<'_>| matches!(part.behind.as_slice(), [link] if part.sum.is_answer(link));
    parts(steps).is_some_and(|(parts, goes_on)| parts.len() > 1 && !goes_on && parts.iter().all(adds_up))
}

/// The values of the answers to rows, against each of the usual rows.
pub(super) fn values(
    steps: &[Arc<dyn Fitted>],
    rows: &Batch,
    usual: &Batch,
    context: &Context,
) -> Result<Found> {
    let (parts, _) = parts(steps).ok_or_else(no_sum)?;
    let whole = Answering::new(steps, rows.schema());
    let (k, units) = (whole.n_outputs(rows)?, whole.units(rows)?);
    let (usual_scored, usual_answers) = (scored_by(&parts, usual, k)?, whole.answers(usual)?);
    let mut columns: Vec<String> = Vec::new();
    for name in usual_scored.iter().flat_map(|scored| &scored.sources.names) {
        if !columns.contains(name) {
            columns.push(name.clone());
        }
    }
    let mut base = vec![0.0; k];
    usual_answers.iter().enumerate().for_each(|(at, x)| base[at % k] += x / usual.n_rows() as f64);
    let mut shap = ShapValues::zeros(rows.n_rows(), base.clone(), columns.len());
    let widest = usual_scored.iter().map(|scored| scored.sources.of_feature.len()).max().unwrap_or(0);
    let together = (HELD / (usual.n_rows() * k * widest.max(columns.len())).max(1)).max(1);
    for start in (0..rows.n_rows()).step_by(together) {
        context.check()?;
        let block = rows.slice(start, together.min(rows.n_rows() - start));
        let of_block = Block {
            rows: scored_by(&parts, &block, k)?,
            answers: whole.answers(&block)?,
            usual: &usual_scored,
            usual_answers: &usual_answers,
        };
        let found = of_block.values(&parts, &columns, &base, context)?;
        for row in 0..block.n_rows() {
            for output in 0..k {
                shap.of_mut(start + row, output).copy_from_slice(found.of(row, output));
            }
        }
    }
    Ok(Found::shap(Method::InterventionalShap, units, columns, shap, None))
}

fn no_sum() -> Error {
    EngineError::usage(
        "this model, or a part of its blend, is no sum of trees or of what each column says",
        "leave --method out, or name permutation_shap, kernel_shap, partition_shap or lime: they explain the same answer",
    )
    .into()
}

/// Some of the rows, beside the usual rows.
struct Block<'a> {
    rows: Vec<Scored>,
    answers: Vec<f64>,
    usual: &'a [Scored],
    usual_answers: &'a [f64],
}

impl Block<'_> {
    fn values(
        &self,
        parts: &[Part<'_>],
        columns: &[String],
        base: &[f64],
        context: &Context,
    ) -> Result<ShapValues> {
        let k = base.len();
        let blended = [self.blended(parts, &self.rows), self.blended(parts, self.usual)];
        let is_blend = is_same(&blended[0], &self.answers) && is_same(&blended[1], self.usual_answers);
        let adds_up = |scored: &Scored| is_same(&scored.scores, &scored.answers);
        let is_sum = is_blend && self.rows.iter().chain(self.usual).all(adds_up);
        if !is_sum && k > 1 {
            return Err(EngineError::usage(
                format!("a probability of {k} classes follows from all their scores at once, and no column's share of that is exact"),
                "name tree_shap or linear_shap for the scores, or permutation_shap for the probabilities",
            )
            .into());
        }
        let pair = |rows, background| RowsAndBackground { rows, background };
        let link = match is_sum {
            true => vec![1.0; self.answers.len()],
            false => {
                let [own, usual] = &blended;
                multipliers(pair(own, usual), pair(&self.answers, self.usual_answers), k)?
            }
        };
        let mut sum = ShapValues::zeros(self.answers.len() / k.max(1), vec![0.0; k], columns.len());
        for ((part, rows), usual) in parts.iter().zip(&self.rows).zip(self.usual) {
            let mut factors = match is_sum {
                true => link.clone(),
                false => {
                    multipliers(pair(&rows.scores, &usual.scores), pair(&rows.answers, &usual.answers), k)?
                }
            };
            if !is_sum {
                factors.iter_mut().zip(&link).for_each(|(factor, link)| *factor *= link);
            }
            let pairs = part.pairs(rows, usual, !is_sum, k, columns, context)?;
            sum.add(part.weight, &rescaled(&pairs, &factors, vec![0.0; k])?);
        }
        Ok(sum)
    }

    /// The weighted mean of the parts' answers.
    fn blended(&self, parts: &[Part<'_>], scored: &[Scored]) -> Vec<f64> {
        let mut sum = vec![0.0; scored.first().map_or(0, |first| first.answers.len())];
        for (part, scored) in parts.iter().zip(scored) {
            sum.iter_mut().zip(&scored.answers).for_each(|(sum, x)| *sum += part.weight * x);
        }
        sum
    }
}

fn is_same(scores: &[f64], answers: &[f64]) -> bool {
    let near = |(a, b): (&f64, &f64)| (a - b).abs() <= SAME * a.abs().max(b.abs()).max(1.0);
    scores.len() == answers.len() && scores.iter().zip(answers).all(near)
}

fn scored_by(parts: &[Part<'_>], rows: &Batch, k: usize) -> Result<Vec<Scored>> {
    parts.iter().map(|part| part.scored(rows, k)).collect()
}

impl Part<'_> {
    fn scored(&self, rows: &Batch, k: usize) -> Result<Scored> {
        let prepared = apply(&self.before, rows.clone())?;
        let sources = Sources::of_columns(self.sum.columns(), prepared.schema());
        let (inputs, scores) = match &self.sum {
            Sum::Trees(fitted, trees) => {
                let inputs = fitted.feature_rows(&prepared)?;
                let mut scores = vec![0.0; rows.n_rows() * trees.n_outputs()];
                trees.rows(&inputs, &mut scores);
                scores.iter_mut().for_each(|score| *score *= fitted.margin_scale());
                (inputs, scores)
            }
            Sum::Linear(linear) => summed(*linear, &prepared)?,
            Sum::Odds(odds) => summed(odds, &prepared)?,
        };
        let answers = numbers(&apply(&self.behind, prepared)?)?;
        let scores = if scores.len() == 2 * answers.len() && k == 1 { second(&scores) } else { scores };
        match scores.len() == answers.len() {
            true => Ok(Scored { sources, inputs, scores, answers }),
            false => Err(no_sum()),
        }
    }

    /// The values of its score against each of the usual rows, or against all of them at once; by the columns of the user.
    fn pairs(
        &self,
        rows: &Scored,
        usual: &Scored,
        each: bool,
        k: usize,
        columns: &[String],
        context: &Context,
    ) -> Result<Vec<ShapValues>> {
        let found = match &self.sum {
            Sum::Trees(fitted, trees) => {
                let explainer = InterventionalTreeShap::new(trees, &usual.inputs)?;
                let found = match each {
                    true => explainer.explain_against_each(&rows.inputs, context)?,
                    false => vec![explainer.explain(&rows.inputs, context)?],
                };
                found.into_iter().map(|shap| shap.scaled(fitted.margin_scale())).collect()
            }
            Sum::Linear(linear) => pairs_of_sum(*linear, rows, usual, each)?,
            Sum::Odds(odds) => pairs_of_sum(odds, rows, usual, each)?,
        };
        let place = |name: &String| columns.iter().position(|column| column == name).unwrap_or(0) as u32;
        let places: Vec<u32> = usual.sources.names.iter().map(place).collect();
        let of_feature = usual.sources.of_feature.iter().map(|at| places[*at as usize]).collect();
        let sources = Sources { names: columns.to_vec(), of_feature };
        let told = |shap: ShapValues| {
            let shap = shap.by_source(&sources);
            if shap.n_outputs() == 2 && k == 1 { of_second(&shap) } else { shap }
        };
        Ok(found.into_iter().map(told).collect())
    }
}

/// What each column says, and the sums of that.
fn summed(linear: &dyn Linear, prepared: &Batch) -> Result<(Vec<f64>, Vec<f64>)> {
    let (parts, starts) = (linear.parts(prepared)?, linear.intercepts());
    let p = linear.columns().len();
    let score = |at: usize| starts[at % starts.len()] + parts[at * p..(at + 1) * p].iter().sum::<f64>();
    let scores = (0..prepared.n_rows() * starts.len()).map(score).collect();
    Ok((parts, scores))
}

fn pairs_of_sum(linear: &dyn Linear, rows: &Scored, usual: &Scored, each: bool) -> Result<Vec<ShapValues>> {
    let (starts, p) = (linear.intercepts(), linear.columns().len());
    let against = |usual: &[f64]| Ok(linear_shap_of_columns(starts, p, &rows.inputs, usual)?);
    match each {
        true => usual.inputs.chunks_exact((starts.len() * p).max(1)).map(against).collect(),
        false => Ok(vec![against(&usual.inputs)?]),
    }
}

/// Of two numbers per row the second.
fn second(both: &[f64]) -> Vec<f64> {
    both.iter().skip(1).step_by(2).copied().collect()
}

/// Of the values of two outputs those of the second.
fn of_second(shap: &ShapValues) -> ShapValues {
    let mut second = ShapValues::zeros(shap.n_rows(), vec![shap.base()[1]], shap.n_features());
    (0..shap.n_rows()).for_each(|row| second.of_mut(row, 0).copy_from_slice(shap.of(row, 1)));
    second
}

#[cfg(test)]
mod tests {
    use arrow_array::{ArrayRef, Float64Array, UInt32Array};
    use serde_json::{Value, json};
    use tidemill_core::{Categories, Chain, Column, Role, Schema, Table, Training};
    use tidemill_kernel::Random;

    use super::*;
    use crate::builtin;
    use crate::explain::sampled;
    use crate::links::blend::Blend;

    /// Three numbers and what depends on them: a number, or which of two classes.
    fn rows(n: usize, classes: bool) -> Batch {
        let mut random = Random::new(8, 0);
        let x: Vec<f64> = (0..3 * n).map(|_| random.normal()).collect();
        let truth = (0..n).map(|i| x[i] * x[n + i] + x[2 * n + i] + 0.2 * random.normal());
        let truth: Vec<f64> = truth.collect();
        let mut columns: Vec<Column> = ["a", "b", "c"].map(Column::number).to_vec();
        let mut arrays: Vec<ArrayRef> = x
            .chunks(n)
            .map(|x| Arc::new(Float64Array::from_iter_values(x.iter().copied())) as ArrayRef)
            .collect();
        let target = match classes {
            false => {
                arrays.push(Arc::new(Float64Array::from(truth)));
                Column::number("y")
            }
            true => {
                let names = Categories::new(["no", "yes"]);
                let codes = UInt32Array::from_iter_values(truth.iter().map(|y| u32::from(*y > 0.0)));
                arrays.push(names.column(codes).unwrap());
                Column::category("y", names)
            }
        };
        columns.push(target.with_role(Role::Target));
        Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap()
    }

    fn fitted(rows: &Batch, kind: &str, params: Value, context: &Context) -> Arc<dyn Fitted> {
        let learner = context.build(kind, params).unwrap();
        let fitted = learner.fit(Training::on(&Table::new(rows.clone())), context).unwrap();
        Arc::new(Chain(vec![fitted]))
    }

    fn context() -> Context {
        Context::new(1, 1, Arc::new(builtin::registry()))
    }

    /// A blend whose parts answer with sums has the Shapley values of its answer, which asking about every coalition gives, too.
    #[test]
    fn a_blend_of_sums_is_explained_exactly() {
        let context = context();
        let trees = json!({ "n_trees": 10, "max_leaves": 8, "early_stopping": 0 });
        for classes in [false, true] {
            let all = rows(300, classes);
            let forest = |seed: u64| json!({ "n_trees": 8 + seed });
            let others = match classes {
                true => vec![fitted(&all, "extra_trees", forest(2), &context)],
                false => vec![
                    fitted(&all, "boosted_trees", trees.clone(), &context),
                    fitted(&all, "ridge", json!({}), &context),
                ],
            };
            let mut parts = vec![fitted(&all, "random_forest", forest(0), &context)];
            parts.extend(others);
            let weights: Vec<f64> = (0..parts.len()).map(|i| 1.0 + i as f64).collect();
            let steps: Vec<Arc<dyn Fitted>> = vec![Arc::new(Blend::new(parts, &weights).unwrap())];
            assert!(is_sum(&steps));
            let (asked, usual) = (all.slice(0, 6), all.slice(100, 15));
            let found = values(&steps, &asked, &usual, &context).unwrap();
            let wanted = sampled::values(Method::PermutationShap, &steps, &asked, &usual, &context).unwrap();
            assert_eq!((&found.units, &found.columns), (&wanted.units, &wanted.columns));
            for (found, wanted) in found.shap.values().iter().zip(wanted.shap.values()) {
                assert!((found - wanted).abs() < 1e-9, "{found} and {wanted}");
            }
        }
    }

    /// Through links, values add up to the probability.
    #[test]
    fn a_blend_behind_links_is_explained_to_its_probability() {
        let context = context();
        let all = rows(300, true);
        let trees = json!({ "n_trees": 10, "max_leaves": 8, "early_stopping": 0 });
        let parts = vec![
            fitted(&all, "boosted_trees", trees, &context),
            fitted(&all, "logistic", json!({}), &context),
            fitted(&all, "gaussian_nb", json!({}), &context),
        ];
        let steps: Vec<Arc<dyn Fitted>> = vec![Arc::new(Blend::new(parts, &[0.5, 0.3, 0.2]).unwrap())];
        assert!(!is_sum(&steps));
        let (asked, usual) = (all.slice(0, 6), all.slice(100, 15));
        let found = values(&steps, &asked, &usual, &context).unwrap();
        let answers = numbers(&apply(&steps, asked.clone()).unwrap()).unwrap();
        let wanted = sampled::values(Method::PermutationShap, &steps, &asked, &usual, &context).unwrap();
        assert!((found.shap.base()[0] - wanted.shap.base()[0]).abs() < 1e-9);
        for (row, answer) in answers.iter().enumerate() {
            assert!((found.shap.total(row, 0) - answer).abs() < 1e-9);
            // Not the Shapley values of the probability, but near them.
            for (found, wanted) in found.shap.of(row, 0).iter().zip(wanted.shap.of(row, 0)) {
                assert!((found - wanted).abs() < 0.1, "row {row}: {found} and {wanted}");
            }
        }
    }
}
