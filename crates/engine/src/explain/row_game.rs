//! A model as the game of the columns of a row, prepared so that a coalition costs as little as it can.
//!
//! - Steps that prepare each column by itself are applied to the row and to the background once: columns are mixed behind them.
//! - Trees behind such steps are not followed for each coalition ([`TreeGame`]).
//! - The parts of a blend are asked one by one, each in its own way.
//! - All other links are bound once for each thread and answer many coalitions at a time.

use std::any::Any;
use std::sync::Arc;

use rayon::prelude::*;
use tidemill_core::{Batch, Chain, Error, Fitted, Result, Trees};
use tidemill_eval::explain::{BatchGame, Game, TreeGame, means};
use tidemill_kernel::Place;
use tidemill_learn::trees::FittedTrees;

use super::answering::{Answering, numbers, positive};
use super::features;
use super::method::as_trees;
use crate::links::blend::Blend;
use crate::links::threshold::Threshold;
use crate::search::apply;

/// What all rows share.
pub(super) struct RowGames<'a> {
    /// The places of the columns that are players.
    pub(super) places: Vec<usize>,
    pub(super) n_outputs: usize,
    pub(super) units: &'static str,
    parts: Vec<Part<'a>>,
    /// What is done with the answers of the parts before they are averaged over the background.
    after: Option<After>,
    n_background: usize,
    /// Numbers per answer of a part.
    width: usize,
}

/// Links after those that answer, and what they read besides the answer.
struct After {
    place: Place,
    answered: Batch,
    links: Answering,
}

/// A model, or a part of a blend: what was prepared once, and what answers behind it.
struct Part<'a> {
    weight: f64,
    rows: Batch,
    background: Batch,
    /// The prepared columns of each player.
    players: Vec<Vec<usize>>,
    answering: Answering,
    trees: Option<Leaves<'a>>,
}

/// Trees that answer, and the rows as they read them.
struct Leaves<'a> {
    fitted: &'a FittedTrees,
    trees: &'a Trees,
    rows: Vec<f64>,
    background: Vec<f64>,
    players: Vec<Option<usize>>,
}

impl<'a> RowGames<'a> {
    /// Of a model's links, for these rows, with a background of others.
    pub(super) fn new(steps: &'a [Arc<dyn Fitted>], rows: &Batch, background: &Batch) -> Result<Self> {
        let whole = Answering::new(steps, rows.schema());
        let (n_outputs, units) = (whole.n_outputs(rows)?, whole.units(rows)?);
        let (core, parts, after) = split(steps);
        let first = apply(&steps[..core], rows.slice(0, 1))?;
        let place = Place::of(first.schema())?;
        let links = Answering::new(after, first.schema());
        let after = (!after.is_empty()).then_some(After { place, answered: first, links });
        let places = features(rows);
        let names: Vec<&str> =
            places.iter().map(|&place| rows.schema().columns()[place].name.as_str()).collect();
        let part = |(weight, steps): (f64, Vec<&'a Arc<dyn Fitted>>)| {
            Part::new(weight, &steps, rows, background, &names)
        };
        Ok(RowGames {
            n_outputs,
            units,
            parts: parts.into_iter().map(part).collect::<Result<_>>()?,
            after,
            n_background: background.n_rows(),
            width: place.width(),
            places,
        })
    }

    /// The game of one of the rows.
    pub(super) fn of_row(&self, row: usize) -> Result<RowGame<'_>> {
        let parts = self.parts.iter().map(|part| part.of_row(row, self.width, self.after.is_none()));
        Ok(RowGame { games: self, parts: parts.collect::<Result<_>>()? })
    }
}

/// The links up to those that answer, the parts that answer side by side with their weights, and what follows but for a threshold, which
/// changes no number.
#[expect(clippy::type_complexity, reason = "read in one place")]
pub(super) fn split(
    steps: &[Arc<dyn Fitted>],
) -> (usize, Vec<(f64, Vec<&Arc<dyn Fitted>>)>, &[Arc<dyn Fitted>]) {
    let threshold = |step: &Arc<dyn Fitted>| (&**step as &dyn Any).is::<Threshold>();
    let answers = |step: &Arc<dyn Fitted>| {
        let any: &dyn Any = &**step;
        any.is::<Blend>() || (as_trees(step).is_some() && step.as_trees().is_some())
    };
    let core = steps.iter().position(answers).map_or(steps.len(), |at| at + 1);
    let mut after = &steps[core..];
    while let [before @ .., last] = after
        && threshold(last)
    {
        after = before;
    }
    let mut parts = Vec::new();
    divide(1.0, steps[..core].iter().collect(), &mut parts);
    (core, parts, after)
}

/// A chain as one part, or where it ends in a blend the parts of that, with their weights.
fn divide<'a>(
    weight: f64,
    links: Vec<&'a Arc<dyn Fitted>>,
    parts: &mut Vec<(f64, Vec<&'a Arc<dyn Fitted>>)>,
) {
    let blend = links.last().and_then(|link| (&***link as &dyn Any).downcast_ref::<Blend>());
    let Some(blend) = blend else { return parts.push((weight, links)) };
    for (part, share) in blend.shares() {
        let mut links = links[..links.len() - 1].to_vec();
        flatten(part, &mut links);
        divide(weight * share, links, parts);
    }
}

/// The links of a chain, of a chain in it, and so on.
fn flatten<'a>(part: &'a Arc<dyn Fitted>, links: &mut Vec<&'a Arc<dyn Fitted>>) {
    match (&**part as &dyn Any).downcast_ref::<Chain>() {
        Some(chain) => chain.0.iter().for_each(|link| flatten(link, links)),
        None => links.push(part),
    }
}

impl<'a> Part<'a> {
    fn new(
        weight: f64,
        links: &[&'a Arc<dyn Fitted>],
        rows: &Batch,
        background: &Batch,
        names: &[&str],
    ) -> Result<Self> {
        // Prepared in one go: categories then share their names.
        let n_rows = rows.n_rows();
        let mut all = Batch::concat(rows.schema(), &[rows.clone(), background.clone()])?;
        let mut n_before = 0;
        while let Some(link) = links.get(n_before).filter(|link| link.by_column()) {
            all = apply(std::slice::from_ref(*link), all)?;
            n_before += 1;
        }
        let (rows, background) = (all.slice(0, n_rows), all.slice(n_rows, all.n_rows() - n_rows));
        let behind: Vec<_> = links[n_before..].iter().map(|link| Arc::clone(link)).collect();
        let columns = rows.schema().columns();
        let players = names
            .iter()
            .map(|name| (0..columns.len()).filter(|at| columns[*at].source() == *name).collect())
            .collect();
        let trees = match links[n_before..] {
            [link] => Leaves::new(link, &rows, &background, names)?,
            _ => None,
        };
        let answering = Answering::new(&behind, rows.schema());
        Ok(Part { weight, rows, background, players, answering, trees })
    }

    fn of_row(&self, row: usize, width: usize, averaged: bool) -> Result<PartGame<'_>> {
        if let Some(leaves) = &self.trees
            && let Some(game) = leaves.of_row(row, averaged)?
        {
            return Ok(PartGame::Trees { part: self, leaves, game });
        }
        let predict: Box<Predict<'_>> = Box::new(move |batch: &Batch| {
            let answered = self.answering.apply(batch)?;
            Place::of(answered.schema())?.values(&answered)
        });
        let (own, players) = (self.rows.slice(row, 1), self.players.clone());
        let game = BatchGame::with_players(&own, &self.background, players, width, predict)?;
        Ok(PartGame::Rows { part: self, game })
    }
}

impl<'a> Leaves<'a> {
    fn new(
        link: &'a Arc<dyn Fitted>,
        rows: &Batch,
        background: &Batch,
        names: &[&str],
    ) -> Result<Option<Self>> {
        let Some((fitted, trees)) = as_trees(link).zip(link.as_trees()) else { return Ok(None) };
        let player = |column: &str| {
            let at = rows.schema().index(column)?;
            let source = rows.schema().columns()[at].source();
            Ok(names.iter().position(|name| *name == source))
        };
        Ok(Some(Leaves {
            rows: fitted.feature_rows(rows)?,
            background: fitted.feature_rows(background)?,
            players: fitted.feature_columns().into_iter().map(player).collect::<Result<_>>()?,
            fitted,
            trees,
        }))
    }

    fn of_row(&self, row: usize, averaged: bool) -> Result<Option<TreeGame>> {
        let p = self.trees.n_features();
        let own = &self.rows[row * p..(row + 1) * p];
        let averaged = averaged && self.fitted.is_sum();
        Ok(TreeGame::new(self.trees, &self.players, own, &self.background, averaged)?)
    }
}

type Predict<'a> = dyn Fn(&Batch) -> Result<Vec<f64>> + Sync + 'a;

/// The game of one row in one part.
enum PartGame<'a> {
    Trees { part: &'a Part<'a>, leaves: &'a Leaves<'a>, game: TreeGame },
    Rows { part: &'a Part<'a>, game: BatchGame<Box<Predict<'a>>> },
}

impl PartGame<'_> {
    fn weight(&self) -> f64 {
        let (PartGame::Trees { part, .. } | PartGame::Rows { part, .. }) = self;
        part.weight
    }

    /// Answers to coalitions: for each background row, or averaged over them.
    fn answers(&self, coalitions: &[bool], n_players: usize) -> Result<Vec<f64>> {
        match self {
            PartGame::Trees { leaves, game, .. } => {
                Ok(leaves.fitted.answers(&game.outputs(coalitions, n_players)))
            }
            PartGame::Rows { game, .. } => game.answers(coalitions),
        }
    }
}

/// The game of one row.
pub(super) struct RowGame<'a> {
    games: &'a RowGames<'a>,
    parts: Vec<PartGame<'a>>,
}

impl RowGame<'_> {
    /// How many coalitions are asked about at a time.
    fn together(&self) -> usize {
        let of_part = |part: &PartGame<'_>| match part {
            PartGame::Rows { game, .. } => game.together(),
            PartGame::Trees { .. } => (65_536 / self.games.n_background).max(1),
        };
        self.parts.iter().map(of_part).min().unwrap_or(1)
    }

    fn some_values(&self, coalitions: &[bool]) -> Result<Vec<f64>> {
        let RowGames { n_background: m, width, n_outputs, .. } = *self.games;
        let n = coalitions.len() / self.n_players().max(1);
        let Some(after) = &self.games.after else {
            let mut sum = vec![0.0; n * width];
            for part in &self.parts {
                let mut answers = part.answers(coalitions, self.n_players())?;
                if answers.len() == n * m * width && m > 1 {
                    answers = means(&answers, m, width);
                }
                let weight = part.weight();
                sum.iter_mut().zip(answers).for_each(|(sum, x)| *sum += weight * x);
            }
            return Ok(if width == 2 && n_outputs == 1 { positive(&sum) } else { sum });
        };
        let mut sum = vec![0.0; n * m * width];
        for part in &self.parts {
            let (answers, weight) = (part.answers(coalitions, self.n_players())?, part.weight());
            sum.iter_mut().zip(answers).for_each(|(sum, x)| *sum += weight * x);
        }
        if after.place.probability.is_some() {
            // As a blend does: a sum of shares may be a rounding above 1.
            sum.iter_mut().for_each(|p| *p = p.min(1.0));
        }
        let answered = after.place.put(&after.answered.take(&vec![0; n * m])?, sum)?;
        Ok(means(&numbers(&after.links.apply(&answered)?)?, m, n_outputs))
    }
}

impl Game for RowGame<'_> {
    type Error = Error;

    fn n_players(&self) -> usize {
        self.games.places.len()
    }

    fn n_outputs(&self) -> usize {
        self.games.n_outputs
    }

    fn values(&self, coalitions: &[bool]) -> Result<Vec<f64>> {
        let parts = coalitions.par_chunks((self.n_players() * self.together()).max(1));
        Ok(parts.map(|part| self.some_values(part)).collect::<Result<Vec<_>>>()?.concat())
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::{Array, ArrayRef, Float64Array, TimestampMicrosecondArray, UInt32Array};
    use serde_json::{Value, json};
    use tidemill_core::{Categories, Column, Context, Kind, Role, Schema, Table, Training};
    use tidemill_kernel::Random;

    use super::*;
    use crate::builtin;

    const HOUR: i64 = 3_600_000_000;

    /// Numbers with gaps, a category and a time, and what depends on all of them.
    fn rows(n: usize) -> Batch {
        let mut random = Random::new(3, 0);
        let x: Vec<f64> = (0..2 * n).map(|_| random.normal()).collect();
        let names = Categories::new(["a", "b", "c"].map(String::from).to_vec());
        let codes: Vec<u32> = (0..n).map(|_| random.below(3) as u32).collect();
        let times: Vec<i64> = (0..n).map(|_| HOUR * random.below(20_000) as i64).collect();
        let truth = (0..n).map(|i| {
            x[i] * x[n + i]
                + f64::from(codes[i])
                + (times[i] / HOUR % 24) as f64 / 6.0
                + 0.1 * random.normal()
        });
        let truth = Float64Array::from_iter_values(truth.collect::<Vec<_>>());
        let gaps = x[..n].iter().map(|x| (*x > -1.2).then_some(*x)).collect::<Float64Array>();
        let arrays: Vec<ArrayRef> = vec![
            Arc::new(gaps),
            Arc::new(Float64Array::from_iter_values(x[n..].to_vec())),
            names.column(UInt32Array::from(codes)).unwrap(),
            Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC")),
            Arc::new(truth),
        ];
        let columns = vec![
            Column::number("x"),
            Column::number("z"),
            Column::category("c", names),
            Column::new("at", Kind::Time),
            Column::number("y").with_role(Role::Target),
        ];
        Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap()
    }

    /// These steps, each fitted on what those before it made of the rows.
    fn links(rows: &Batch, steps: &[(&str, Value)], context: &Context) -> Vec<Arc<dyn Fitted>> {
        let (mut rows, mut links) = (rows.clone(), Vec::new());
        for (kind, params) in steps {
            let step = context.build(kind, params.clone()).unwrap();
            let fitted = step.fit(Training::on(&Table::new(rows.clone())), context).unwrap();
            rows = apply(std::slice::from_ref(&fitted), rows).unwrap();
            links.push(fitted);
        }
        links
    }

    fn chain(rows: &Batch, steps: &[(&str, Value)], context: &Context) -> Arc<dyn Fitted> {
        Arc::new(Chain(links(rows, steps, context)))
    }

    /// What is prepared once and what trees answer without being followed is what the whole model answers to rows mixed as they are.
    #[test]
    fn a_model_is_played_as_it_answers() {
        let context = Context::new(1, 1, Arc::new(builtin::registry()));
        let all = rows(300);
        let trees = |seed: u64| json!({ "n_trees": 12, "max_leaves": 8, "early_stopping": 0, "subsample": 0.5 + 0.1 * seed as f64 });
        let dates = ("date_parts", json!({}));
        let boosted = [dates.clone(), ("boosted_trees", trees(1))];
        let forest =
            [dates.clone(), ("impute_median", json!({})), ("random_forest", json!({ "n_trees": 10 }))];
        let line = [
            dates,
            ("impute_mean", json!({})),
            ("encode_one_hot", json!({})),
            ("scale_standard", json!({})),
            ("ridge", json!({})),
        ];
        let inner =
            Blend::new(vec![chain(&all, &boosted, &context), chain(&all, &forest, &context)], &[0.3, 0.7]);
        let blend = Blend::new(vec![Arc::new(inner.unwrap()), chain(&all, &line, &context)], &[0.6, 0.4]);
        let steps: Vec<Arc<dyn Fitted>> = vec![Arc::new(blend.unwrap())];
        let games = games_that_answer_as(&steps, &all);
        assert_eq!(games, [true, true, false]);
    }

    /// A mean within groups reads the group as well, so it is applied to mixed rows.
    #[test]
    fn a_step_that_reads_another_column_sees_mixed_rows() {
        let context = Context::new(1, 1, Arc::new(builtin::registry()));
        let all = rows(300);
        let steps = [
            ("date_parts", json!({})),
            ("impute_mean", json!({ "columns": ["x"], "by": ["c"] })),
            ("impute_mean", json!({})),
            ("encode_one_hot", json!({})),
            ("ridge", json!({})),
        ];
        assert!(all.column(0).slice(100, 11).null_count() > 0, "the background has a missing number");
        assert_eq!(games_that_answer_as(&links(&all, &steps, &context), &all), [false]);
    }

    /// Plays rows with these links and compares every coalition with the answers of the links to the mixed rows themselves. Returns which
    /// parts are played by their trees.
    fn games_that_answer_as(steps: &[Arc<dyn Fitted>], all: &Batch) -> Vec<bool> {
        let (explained, usual) = (all.slice(0, 5), all.slice(100, 11));
        let games = RowGames::new(steps, &explained, &usual).unwrap();
        assert_eq!(games.places.len(), 4);
        let coalitions: Vec<bool> = (0..16).flat_map(|set| (0..4).map(move |j| set >> j & 1 == 1)).collect();
        let players: Vec<Vec<usize>> = (0..4).map(|place| vec![place]).collect();
        for row in 0..5 {
            let predict = |rows: &Batch| numbers(&apply(steps, rows.clone())?);
            let own = explained.slice(row, 1);
            let plain = BatchGame::with_players(&own, &usual, players.clone(), 1, predict).unwrap();
            let (found, wanted) =
                (games.of_row(row).unwrap().values(&coalitions).unwrap(), plain.values(&coalitions));
            for (found, wanted) in found.iter().zip(wanted.unwrap()) {
                assert!((found - wanted).abs() < 1e-9, "row {row}: {found} and {wanted}");
            }
        }
        games.parts.iter().map(|part| part.trees.is_some()).collect()
    }
}
