//! Models: open, predict, explain, save.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use arrow_array::RecordBatch;
use serde_json::{Map, Value};
use tidemill_core::{Context, Error, Result, Role, Row, Source, nearest};
use tidemill_engine::explain::{self, AskedEffects, Counterfactuals, Effects, Explained, WhatIf};
use tidemill_engine::model::{self, Opened};
use tidemill_engine::package::{Package, from_bytes, to_bytes};
use tidemill_engine::recipe;
use tidemill_engine::rows::{self, cell};
use tidemill_engine::serve::serving::{Prediction, Serving};

use crate::context::context;

/// A trained model. It takes rows as they come from a file or a client, and predicts them.
pub struct Model {
    opened: Opened,
    context: Context,
    serving: OnceLock<Serving>,
}

/// The prediction for one row.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The name of the class, or the number.
    pub prediction: Value,
    /// The probability of each class with its name, in the order of the classes; empty for regression.
    pub probabilities: Vec<(String, f64)>,
    /// What is unusual about the row: unseen categories, cells that cannot be read.
    pub warnings: Vec<String>,
}

impl Model {
    /// Opens a model file.
    ///
    /// # Errors
    /// The file cannot be read, is damaged in any way, or was written by a newer version.
    pub fn open(path: &Path) -> Result<Self> {
        let context = context(0);
        Ok(Self::of(model::open(path, &context)?, context))
    }

    /// Opens a model from the bytes of a model file. Errors are those of [`Model::open`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::of_package(from_bytes(bytes)?)
    }

    pub(crate) fn of_package(package: Package) -> Result<Self> {
        let context = context(0);
        Ok(Self::of(model::of_package(package, &context)?, context))
    }

    fn of(opened: Opened, context: Context) -> Self {
        Model { opened, context, serving: OnceLock::new() }
    }

    /// Predicts rows: the key column, if there is one, `prediction`, and `probability_CLASS` for each class.
    ///
    /// # Errors
    /// The rows lack a column that the model needs, or have one of a kind that cannot be read.
    pub fn predict(&self, rows: &dyn Source) -> Result<RecordBatch> {
        let answers = self
            .opened
            .model
            .answer(rows, &[Role::Key, Role::Prediction, Role::Probability, Role::ExpectedReward])?;
        rows::to_arrow(&answers)
    }

    /// Predicts one row, given as the values of its columns by name; values that are not given are missing. Returns the same prediction as
    /// [`Model::predict`], in microseconds.
    ///
    /// # Errors
    /// The model does not know a name (the error suggests the nearest known name).
    pub fn predict_row(&self, row: &Map<String, Value>) -> Result<Answer> {
        let serving = self.serving()?;
        let mut cells = Row::missing(serving.columns.len());
        for (name, value) in row {
            match serving.columns.iter().position(|column| column.name == *name) {
                Some(at) => cells.cells[at] = cell(value),
                None if serving.passed_over.contains(name) => {}
                None => return Err(unknown(name, serving)),
            }
        }
        let mut answers = serving.answer(&mut [cells])?;
        let answer = answers.pop().ok_or_else(|| Error::internal("no answer for a row"))?;
        let class = |code: u32| serving.classes.get(code as usize).cloned().unwrap_or_default();
        Ok(Answer {
            prediction: match answer.prediction {
                Prediction::Number(x) => Value::from(x),
                Prediction::Class(code) => Value::from(class(code)),
                Prediction::Mask => Value::from(answer.mask.as_deref().unwrap_or_default()),
            },
            probabilities: serving.classes.iter().cloned().zip(answer.probabilities).collect(),
            warnings: answer.flaws.iter().map(ToString::to_string).collect(),
        })
    }

    /// Explains the predictions for rows of a source by the best method that the model supports: how much each of the user's columns adds
    /// to each prediction, relative to the base value. `numbers` selects rows, counted from 1; if it is empty, all rows are explained.
    ///
    /// # Errors
    /// There is no such row, or there are more than 200 rows for a model that is explained by sampling.
    pub fn explain(&self, rows: &dyn Source, numbers: &[u64]) -> Result<Explained> {
        let asked = explain::Asked { rows: numbers.to_vec(), ..explain::Asked::default() };
        explain::explain(&self.opened, rows, None, &asked, &self.context)
    }

    /// Searches for the smallest changes to rows that lead to another prediction, among the columns that the model's recipe marks as
    /// changeable, or those given.
    ///
    /// # Errors
    /// There is no such row, there are more than 200 rows, the model cannot make the wanted prediction, or a column cannot change.
    pub fn what_if(&self, rows: &dyn Source, asked: &WhatIf) -> Result<Counterfactuals> {
        let recipe = &self.opened.package.recipe;
        let recipe = recipe::parse(recipe, "the model's recipe", self.context.registry())?;
        explain::counterfactuals(&self.opened, &recipe, rows, None, asked, &self.context)
    }

    /// How the prediction depends on each column over the rows of a source: partial dependence, individual curves, accumulated local
    /// effects.
    ///
    /// # Errors
    /// There is no such row, the model does not read a column, or there are more than 100 columns and none is named.
    pub fn effects(&self, rows: &dyn Source, asked: &AskedEffects) -> Result<Effects> {
        explain::effects(&self.opened, rows, asked, &self.context)
    }

    fn serving(&self) -> Result<&Serving> {
        if let Some(serving) = self.serving.get() {
            return Ok(serving);
        }
        let again = model::of_package(self.opened.package.clone(), &self.context)?;
        let serving = Serving::of(again, Path::new("memory"), Some("memory"), None, &self.context)?;
        Ok(self.serving.get_or_init(|| serving))
    }

    /// The classes in their order, with the positive one last if there are two; empty for regression.
    pub fn classes(&self) -> Result<&[String]> {
        Ok(&self.opened.model.intake()?.plan().classes)
    }

    /// The column that the model predicts.
    pub fn target(&self) -> Result<&str> {
        let target = self.opened.model.intake()?.plan().target();
        Ok(target.map_or("", |column| &column.name))
    }

    /// The model card: what the model is for, how good it is, how it was made.
    pub fn card(&self) -> &str {
        &self.opened.package.card
    }

    /// The bytes of the model file.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        Ok(to_bytes(&self.opened.package)?)
    }

    /// Writes the model file atomically.
    pub fn save(&self, path: &Path) -> Result<()> {
        tidemill_engine::files::replace(path, &self.to_bytes()?)
    }

    pub(crate) fn opened(&self) -> &Opened {
        &self.opened
    }

    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    /// The fitted chain.
    pub fn chain(&self) -> &Arc<tidemill_core::Chain> {
        &self.opened.model.chain
    }
}

fn unknown(name: &str, serving: &Serving) -> Error {
    let near = nearest(name, serving.columns.iter().map(|column| column.name.as_str()));
    let hint = near.map(|near| format!("did you mean '{near}'?"));
    let names = || serving.columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ");
    Error::data(
        format!("the model knows no column '{name}'"),
        hint.unwrap_or_else(|| format!("it takes {}", names())),
    )
}
