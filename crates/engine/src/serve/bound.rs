//! A model bound to one thread: rows of cells in, answers out, one by one or as a batch.

use std::sync::Arc;

use tidemill_core::recipe::Recipe;
use tidemill_core::{Batch, Cell, Chain, Error, Fitted, Kind, Result, Role, Row, Run, Schema};
use tidemill_data::{CellIssue, RowReader};
use tidemill_prep::UNUSABLE_PICTURE;

use crate::model::Model;
use crate::serve::ahead::Ahead;
use crate::serve::serving::{Answer, Prediction};

/// What a thread answers with.
pub(super) struct Bound {
    reader: RowReader,
    run: Box<dyn Run>,
    typed: Arc<Schema>,
    prediction: usize,
    probability: Option<usize>,
    expected: Option<usize>,
    ahead: Option<Ahead>,
}

impl Bound {
    /// Binds a model.
    pub(super) fn of(model: &Model, recipe: &Recipe) -> Result<Self> {
        let input = &model.input;
        let (_, rest) = model.chain.0.split_first().ok_or_else(|| Error::internal("an empty chain"))?;
        let typed = model.intake()?.output(input)?;
        let place = |role| model.output.role(role);
        Ok(Bound {
            ahead: Ahead::of(recipe, &typed),
            reader: model.reader()?.rows(input)?,
            run: Arc::new(Chain(rest.to_vec())).bind(&typed)?,
            typed: Arc::new(typed),
            prediction: place(Role::Prediction)
                .ok_or_else(|| Error::state("model", "it predicts nothing"))?,
            probability: place(Role::Probability),
            expected: place(Role::ExpectedReward),
        })
    }

    /// Answers rows as a batch or one by one; the rows are used up.
    pub(super) fn answers(&mut self, rows: &mut [Row], bulk: bool) -> Result<Vec<Answer>> {
        if !bulk {
            return rows.iter_mut().map(|row| self.answer(row)).collect();
        }
        let mut answers = vec![Answer::default(); rows.len()];
        for (row, answer) in rows.iter_mut().zip(&mut answers) {
            self.read(row, answer)?;
        }
        let output = match self.run.apply(&Batch::of_rows(&self.typed, rows)?) {
            // One caller's image must not spoil the answers of the others.
            Err(e) if e.code() == UNUSABLE_PICTURE => {
                for (row, answer) in rows.iter_mut().zip(&mut answers) {
                    self.say(row, answer)?;
                }
                return Ok(answers);
            }
            output => output?,
        };
        for (i, answer) in answers.iter_mut().enumerate() {
            let row = Row::of(&output, i)?;
            self.take(row, answer)?;
        }
        Ok(answers)
    }

    fn answer(&mut self, row: &mut Row) -> Result<Answer> {
        let mut answer = Answer::default();
        self.read(row, &mut answer)?;
        self.say(row, &mut answer)?;
        Ok(answer)
    }

    fn read(&mut self, row: &mut Row, answer: &mut Answer) -> Result<()> {
        self.reader.read(row, &mut answer.flaws)?;
        if let Some(ahead) = &self.ahead {
            ahead.judge(row, &mut answer.flaws);
        }
        Ok(())
    }

    /// Runs a row that has been read through the model. That an image is damaged shows only here.
    fn say(&mut self, row: &mut Row, answer: &mut Answer) -> Result<()> {
        match self.run.row(row) {
            Err(e) if e.code() == UNUSABLE_PICTURE => {
                let column = self.typed.columns().iter().find(|c| c.kind == Kind::Image);
                answer.flaws.push(CellIssue::Unreadable {
                    column: column.map(|c| c.name.clone()).unwrap_or_default(),
                    wanted: Kind::Image,
                    value: e.to_string(),
                });
                Ok(())
            }
            done => {
                done?;
                self.take(std::mem::take(row), answer)
            }
        }
    }

    /// Takes what the model says out of its row.
    fn take(&self, mut row: Row, answer: &mut Answer) -> Result<()> {
        answer.prediction = match row.cells.get(self.prediction) {
            Some(Cell::Number(x)) => Prediction::Number(*x),
            Some(Cell::Code(code)) => Prediction::Class(*code),
            Some(Cell::Text(runs)) => {
                answer.mask = Some(runs.as_str().into());
                Prediction::Mask
            }
            Some(Cell::Missing) => Prediction::Number(f64::NAN),
            other => return Err(Error::internal(format!("a prediction came as {other:?}"))),
        };
        if let Some(at) = self.probability
            && let Some(Cell::Probability(probabilities)) = row.cells.get_mut(at)
        {
            answer.probabilities = std::mem::take(probabilities);
        }
        if let Some(at) = self.expected
            && let Some(Cell::Probability(expected)) = row.cells.get_mut(at)
        {
            answer.expected_rewards = std::mem::take(expected);
        }
        Ok(())
    }
}
