//! Answering rows for whoever asks: the model, an id for each answer, and the record of it. HTTP and every other protocol only
//! turn requests into rows before this, and answers into bytes after it.

use std::sync::Arc;

use rayon::prelude::*;
use tidemill_core::{Error, Kind, Result, Row};
use tidemill_data::CellIssue;
use tidemill_store::{LoggedRow, NewVersion, Predictions, Store};
use uuid::Uuid;

use crate::format::with_article;
use crate::serve::record::Recorder;
use crate::serve::secrets;
use crate::serve::serving::{Answer, Serving};

/// More rows than these are divided over the threads.
const SMALL: usize = 256;
/// Rows of each part that they are divided into.
const PIECE: usize = 4096;

/// The variant that answers while there is one model of a name.
const CHAMPION: &str = "champion";

/// A model in service: what answers, and what its answers are recorded by.
pub struct Answering {
    /// The model.
    pub serving: Arc<Serving>,
    /// Writes down what is kept.
    pub recorder: Recorder,
    /// Its number in the store.
    pub number: i64,
    /// What the log calls it beside others of its name.
    pub variant: Arc<str>,
}

/// Rows before the model sees them, and what the log keeps of them.
#[derive(Default)]
pub struct Asked {
    /// The rows; answering uses them up.
    pub rows: Vec<Row>,
    logged: Vec<LoggedRow>,
    at: i64,
}

/// Rows with their answers.
pub struct Answered {
    /// The answer of each row.
    pub answers: Vec<Answer>,
    /// The id of each answer; ids grow from row to row, so the log keeps their order.
    pub ids: Vec<Uuid>,
    logged: Vec<LoggedRow>,
    at: i64,
}

/// Why rows are not answered.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// A cell is not what its column holds. A number column with a word in it would be answered as if nothing were known.
    #[error("row {row}: the value of column '{column}' is not {}", with_article(wanted.word()))]
    Unreadable {
        /// The row, counted from 1.
        row: usize,
        /// The column.
        column: String,
        /// What the column holds.
        wanted: Kind,
    },
    /// A key that no database keeps as it is.
    #[error("row {row}: the key in column '{column}' holds a NUL character")]
    BrokenKey {
        /// The row, counted from 1.
        row: usize,
        /// The key column.
        column: String,
    },
    /// The model failed.
    #[error(transparent)]
    Model(#[from] Error),
}

impl AnswerError {
    /// What the caller can do.
    pub fn remedy(&self) -> Option<&'static str> {
        let wanted = match self {
            AnswerError::Unreadable { wanted, .. } => wanted,
            AnswerError::BrokenKey { .. } => return Some("send the key without it"),
            AnswerError::Model(_) => return None,
        };
        Some(match wanted {
            Kind::Image => {
                "send the bytes of a whole PNG, JPEG, GIF, BMP or WebP image as base64, or null where there is none"
            }
            Kind::Series => {
                "send [[timestamp, value], …] with dates or microseconds since 1970, or null where nothing is known"
            }
            _ => "send null where the value is not known",
        })
    }
}

impl Answering {
    /// Puts a model into service: the store gives its version a number.
    ///
    /// # Errors
    /// A store that fails; another secret than the one that rows of this model were hashed with.
    pub fn new(serving: Serving, store: &Store) -> Result<Self> {
        secrets::enlist(&serving, store)?;
        let recorder = Recorder::of(&serving);
        let number = store.version(&NewVersion {
            model: serving.name.clone(),
            hash: serving.hash.clone(),
            recipe_hash: serving.recipe_hash.clone(),
            parent: serving.provenance.parent.clone(),
            columns: recorder.columns().map(String::from).collect(),
            about: serving.provenance.write()?,
        })?;
        Ok(Answering { serving: Arc::new(serving), recorder, number, variant: CHAMPION.into() })
    }

    /// Takes rows of raw cells, in the order of [`Serving::columns`], and notes what the log keeps of them; `at` is in
    /// microseconds since 1970.
    ///
    /// # Errors
    /// A key with a NUL character: one database would refuse it after the answer was made, with what else is written then.
    pub fn ask(&self, rows: Vec<Row>, at: i64) -> Result<Asked, AnswerError> {
        let kept = rows.iter().map(|row| self.recorder.row(row, &self.serving.guard));
        let logged = kept.collect::<Result<Vec<_>>>()?;
        let is_broken = |row: &LoggedRow| row.row_key.as_ref().is_some_and(|key| key.contains('\0'));
        if let Some(at) = logged.iter().position(is_broken) {
            let column = self.recorder.key_column().unwrap_or_default().to_string();
            return Err(AnswerError::BrokenKey { row: at + 1, column });
        }
        Ok(Asked { rows, logged, at })
    }

    /// The model's predictions for the rows.
    pub fn infer(&self, asked: &mut Asked) -> Result<Vec<Answer>> {
        if asked.rows.len() <= SMALL {
            return self.serving.answer(&mut asked.rows);
        }
        let pieces: Vec<_> = asked.rows.par_chunks_mut(PIECE).map(|rows| self.serving.answer(rows)).collect();
        let mut answers = Vec::with_capacity(asked.rows.len());
        for piece in pieces {
            answers.extend(piece?);
        }
        Ok(answers)
    }

    /// Puts what was asked and what was answered together.
    ///
    /// # Errors
    /// A cell that is not what its column holds.
    pub fn complete(&self, asked: Asked, mut answers: Vec<Answer>) -> Result<Answered, AnswerError> {
        refuse_unreadable(&answers)?;
        let Asked { mut logged, at, .. } = asked;
        let ids: Vec<Uuid> = answers.iter().map(|_| Uuid::now_v7()).collect();
        answers.iter_mut().zip(&ids).for_each(|(answer, id)| answer.act(id));
        for ((row, answer), id) in logged.iter_mut().zip(&answers).zip(&ids) {
            self.recorder.answer(row, answer, *id);
        }
        Ok(Answered { answers, ids, logged, at })
    }

    /// All of it: what the log keeps, the model's answers, their ids.
    pub fn answer(&self, rows: Vec<Row>, at: i64) -> Result<Answered, AnswerError> {
        let mut asked = self.ask(rows, at)?;
        let answers = self.infer(&mut asked)?;
        self.complete(asked, answers)
    }

    /// What goes into the log before the answers leave; it is taken out of `answered`.
    pub fn predictions(
        &self,
        answered: &mut Answered,
        latency_us: u32,
        key_id: Option<Arc<str>>,
    ) -> Predictions {
        Predictions {
            at: answered.at,
            version: self.number,
            variant: self.variant.clone(),
            propensity: 1.0,
            latency_us,
            key_id,
            rows: std::mem::take(&mut answered.logged),
        }
    }
}

fn refuse_unreadable(answers: &[Answer]) -> Result<(), AnswerError> {
    for (i, answer) in answers.iter().enumerate() {
        for flaw in &answer.flaws {
            if let CellIssue::Unreadable { column, wanted, .. } = flaw {
                return Err(AnswerError::Unreadable { row: i + 1, column: column.clone(), wanted: *wanted });
            }
        }
    }
    Ok(())
}
