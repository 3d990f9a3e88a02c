//! A model as the game of the columns of a row, prepared so that a coalition costs as little as it can.
//!
//! - Steps that prepare each column by itself are applied to the row and to the background once: columns are mixed behind them.
//! - Trees behind such steps are not followed for each coalition ([`TreeGame`]).
//! - The parts of a blend are asked one by one, each in its own way.
//! - All other links are bound once for each thread and answer many coalitions at a time.

use std::any::Any;
use std::sync::Arc;

use rayon::prelude::*;
use tidemill_core::{Batch, Chain, Error, Fitted, Result, Role, Trees};
use tidemill_eval::explain::{BatchGame, Game, TreeGame, means};
use tidemill_kernel::Place;
use tidemill_learn::trees::FittedTrees;

use super::answering::{Answering, numbers, positive};
use super::features;
use super::method::as_trees;
use crate::links::blend::Blend;
use crate::links::threshold::Threshold;
use crate::search::apply;

/// Steps that make of each column others by itself, or drop columns: what they make of a row with cells of two others is what they make
/// of those, mixed in the same way.
const BY_COLUMN: [&str; 25] = [
    "bin",
    "date_parts",
    "drop_columns",
    "encode_one_hot",
    "encode_ordinal",
    "encode_pixels",
    "encode_target",
    "encode_tfidf",
    "impute_constant",
    "impute_max",
    "impute_mean",
    "impute_median",
    "impute_min",
    "impute_mode",
    "impute_trimmed_mean",
    "merge_spellings",
    "power",
    "quantile",
    "rare_categories",
    "scale_min_max",
    "scale_robust",
    "scale_standard",
    "select_correlation",
    "select_mutual_information",
    "select_variance",
];

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
fn split<'a>(
    steps: &'a [Arc<dyn Fitted>],
) -> (usize, Vec<(f64, Vec<&'a Arc<dyn Fitted>>)>, &'a [Arc<dyn Fitted>]) {
    let blend = |step: &'a Arc<dyn Fitted>| (&**step as &dyn Any).downcast_ref::<Blend>();
    let threshold = |step: &Arc<dyn Fitted>| (&**step as &dyn Any).is::<Threshold>();
    let of_blend = steps.iter().enumerate().find_map(|(at, step)| Some((at, blend(step)?)));
    let of_trees = steps.iter().position(|step| as_trees(step).is_some() && step.as_trees().is_some());
    let core = of_blend.map(|(at, _)| at).or(of_trees).map_or(steps.len(), |at| at + 1);
    let mut after = &steps[core..];
    while let [before @ .., last] = after
        && threshold(last)
    {
        after = before;
    }
    let parts = match of_blend {
        Some((at, blend)) => blend
            .shares()
            .map(|(part, weight)| {
                let mut links: Vec<_> = steps[..at].iter().collect();
                flatten(part, &mut links);
                (weight, links)
            })
            .collect(),
        None => vec![(1.0, steps[..core].iter().collect())],
    };
    (core, parts, after)
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
        let (mut rows, mut background) = (rows.clone(), background.clone());
        let mut n_before = 0;
        while let Some(link) = links.get(n_before)
            // A learner's state may be large: it is not looked at.
            && link.output(rows.schema())?.role(Role::Prediction).is_none()
            && BY_COLUMN.contains(&link.state().kind.as_str())
        {
            let step = std::slice::from_ref(*link);
            (rows, background) = (apply(step, rows)?, apply(step, background)?);
            n_before += 1;
        }
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
