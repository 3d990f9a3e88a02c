//! A model as a game whose players are what is known of a row: what every sampled explanation plays.

use std::sync::Arc;

use arrow_array::Array;
use rayon::prelude::*;
use tidemill_core::{Batch, Role};

use super::check_rows;
use crate::{Error, Result};

/// Rows that a model is asked about at a time, and about how many bytes they may take.
const ASKED: usize = 16_384;
const BYTES: usize = 64 << 20;

/// What a model answers when only some players (columns, words, patches of an image) are known.
pub trait Game: Sync {
    /// What can go wrong when the model is asked.
    type Error: From<Error> + Send;

    /// How many players.
    fn n_players(&self) -> usize;

    /// How many outputs the model has.
    fn n_outputs(&self) -> usize;

    /// The answers for coalitions, each a flag per player, one after the other: a number per output for each.
    fn values(&self, coalitions: &[bool]) -> Result<Vec<f64>, Self::Error>;
}

/// The game of one row of a table: columns that are not known are those of a background row, and answers are averaged over
/// the background.
pub struct BatchGame<F> {
    /// The row, then the background.
    rows: Batch,
    /// The places of the columns of each player, and these columns.
    players: Vec<(Vec<usize>, Batch)>,
    /// Coalitions that are asked about at a time.
    together: usize,
    n_outputs: usize,
    predict: F,
}

impl<F> BatchGame<F> {
    /// Every feature column is a player. `predict` gives `n_outputs` numbers per row, row after row.
    ///
    /// Errors when `row` is not one row, and when the background is empty or has other columns.
    pub fn new(row: &Batch, background: &Batch, n_outputs: usize, predict: F) -> Result<Self> {
        let features = row.schema().with_role(Role::Feature).into_iter().map(|place| vec![place]).collect();
        Self::with_players(row, background, features, n_outputs, predict)
    }

    /// The same with columns that are known together or not at all, by their places; columns of no player stay those of the row.
    pub fn with_players(
        row: &Batch,
        background: &Batch,
        players: Vec<Vec<usize>>,
        n_outputs: usize,
        predict: F,
    ) -> Result<Self> {
        if row.n_rows() != 1 {
            return Err(Error::Lengths { what: "rows of one game", found: row.n_rows(), wanted: 1 });
        }
        if background.n_rows() == 0 {
            return Err(Error::EmptyBackground);
        }
        if background.schema() != row.schema() {
            return Err(Error::Explain {
                what: "the background has other columns than the row to explain".into(),
                remedy: "prepare both in the same way".into(),
            });
        }
        let rows = Batch::concat(row.schema(), &[row.clone(), background.clone()])?;
        let bytes: usize = rows.columns().iter().map(|column| column.get_array_memory_size()).sum();
        let most = (BYTES / (bytes / rows.n_rows()).max(1)).clamp(1, ASKED);
        let columns = |places: Vec<usize>| Ok((places.clone(), rows.select(&places)?));
        let players = players.into_iter().map(columns).collect::<Result<_>>()?;
        Ok(BatchGame { together: (most / background.n_rows()).max(1), rows, players, n_outputs, predict })
    }

    /// How many coalitions are best asked about at a time, so that memory is bounded.
    pub fn together(&self) -> usize {
        self.together
    }

    /// The answers for coalitions without averaging: of each, `n_outputs` numbers per background row. All at a time.
    pub fn answers<E: From<Error>>(&self, coalitions: &[bool]) -> Result<Vec<f64>, E>
    where
        F: Fn(&Batch) -> Result<Vec<f64>, E>,
    {
        let (p, m) = (self.players.len().max(1), self.rows.n_rows() - 1);
        let answers = (self.predict)(&self.mixed(coalitions)?)?;
        let wanted = coalitions.len() / p * m * self.n_outputs;
        match answers.len() == wanted {
            true => Ok(answers),
            false => Err(answers_missing(answers.len(), wanted).into()),
        }
    }

    /// The rows of some coalitions: for each, one per background row.
    fn mixed(&self, coalitions: &[bool]) -> Result<Batch> {
        let (p, m) = (self.players.len(), self.rows.n_rows() - 1);
        let n_rows = coalitions.len() / p.max(1) * m;
        let mut columns = vec![None; self.rows.schema().len()];
        let mut from: Vec<u32> = Vec::with_capacity(n_rows);
        for (player, (places, own)) in self.players.iter().enumerate() {
            from.clear();
            for coalition in coalitions.chunks_exact(p) {
                match coalition[player] {
                    true => from.extend(std::iter::repeat_n(0, m)),
                    false => from.extend(1..=m as u32),
                }
            }
            let moved = own.take(&from)?;
            places
                .iter()
                .zip(moved.columns())
                .for_each(|(&place, column)| columns[place] = Some(column.clone()));
        }
        let held: Vec<usize> = (0..columns.len()).filter(|place| columns[*place].is_none()).collect();
        let own = self.rows.select(&held)?.take(&vec![0; n_rows])?;
        held.iter().zip(own.columns()).for_each(|(&place, column)| columns[place] = Some(column.clone()));
        let columns = columns.into_iter().flatten().collect();
        Ok(Batch::with_rows(Arc::clone(self.rows.schema()), columns, n_rows)?)
    }
}

impl<F, E> Game for BatchGame<F>
where
    F: Fn(&Batch) -> Result<Vec<f64>, E> + Sync,
    E: From<Error> + Send,
{
    type Error = E;

    fn n_players(&self) -> usize {
        self.players.len()
    }

    fn n_outputs(&self) -> usize {
        self.n_outputs
    }

    fn values(&self, coalitions: &[bool]) -> Result<Vec<f64>, E> {
        let (p, m) = (self.players.len().max(1), self.rows.n_rows() - 1);
        let parts = coalitions.par_chunks(p * self.together);
        let parts = parts.map(|part| Ok(means(&self.answers(part)?, m, self.n_outputs)));
        Ok(parts.collect::<Result<Vec<_>, E>>()?.concat())
    }
}

/// The game of one row of numbers, such as the encoded features of a model.
pub struct MatrixGame<'a, F> {
    row: &'a [f64],
    background: &'a [f64],
    n_outputs: usize,
    predict: F,
}

impl<'a, F> MatrixGame<'a, F> {
    /// `background` holds rows as long as `row`, row after row; `predict` gives `n_outputs` numbers per row of such a matrix.
    /// Errors when there is no whole number of background rows, or none.
    pub fn new(row: &'a [f64], background: &'a [f64], n_outputs: usize, predict: F) -> Result<Self> {
        match check_rows(background, row.len())? {
            0 => Err(Error::EmptyBackground),
            _ => Ok(MatrixGame { row, background, n_outputs, predict }),
        }
    }
}

impl<F, E> Game for MatrixGame<'_, F>
where
    F: Fn(&[f64]) -> Result<Vec<f64>, E> + Sync,
    E: From<Error> + Send,
{
    type Error = E;

    fn n_players(&self) -> usize {
        self.row.len()
    }

    fn n_outputs(&self) -> usize {
        self.n_outputs
    }

    fn values(&self, coalitions: &[bool]) -> Result<Vec<f64>, E> {
        let p = self.row.len().max(1);
        let m = self.background.len() / p;
        let values = |coalitions: &[bool]| {
            let mut rows = Vec::with_capacity(coalitions.len() * m);
            for coalition in coalitions.chunks_exact(p) {
                for background in self.background.chunks_exact(p) {
                    let cells = self.row.iter().zip(background).zip(coalition);
                    rows.extend(cells.map(|((&own, &other), &known)| if known { own } else { other }));
                }
            }
            let answers = (self.predict)(&rows)?;
            let wanted = rows.len() / p * self.n_outputs;
            match answers.len() == wanted {
                true => Ok(means(&answers, m, self.n_outputs)),
                false => Err(answers_missing(answers.len(), wanted).into()),
            }
        };
        let parts = coalitions.par_chunks(p * (ASKED / m).max(1)).map(values);
        Ok(parts.collect::<Result<Vec<_>, E>>()?.concat())
    }
}

fn answers_missing(found: usize, wanted: usize) -> Error {
    Error::Lengths { what: "answers of the model", found, wanted }
}

/// The mean of the answers for every `m` rows of `k` numbers.
///
/// ```
/// assert_eq!(tidemill_eval::explain::means(&[1.0, 5.0, 3.0, 7.0], 2, 2), [2.0, 6.0]);
/// ```
pub fn means(answers: &[f64], m: usize, k: usize) -> Vec<f64> {
    let of_each = answers.chunks_exact((m * k).max(1));
    let mean = |answers: &[f64], output: usize| answers[output..].iter().step_by(k).sum::<f64>() / m as f64;
    of_each.flat_map(|answers| (0..k).map(move |output| mean(answers, output))).collect()
}
