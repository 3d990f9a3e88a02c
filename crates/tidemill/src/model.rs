//! Models: opened, asked, saved.

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

use crate::surroundings::context;

/// A trained model: takes rows as they come from a file or a caller, and answers them.
pub struct Model {
    opened: Opened,
    context: Context,
    serving: OnceLock<Serving>,
}

/// The answer for one row.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The class by its name, or the number.
    pub prediction: Value,
    /// The probability of each class by its name, in their order; empty for numbers.
    pub probabilities: Vec<(String, f64)>,
    /// What is odd about the row: unseen categories, cells that cannot be read.
    pub warnings: Vec<String>,
}

impl Model {
    /// Opens a model file.
    ///
    /// # Errors
    /// A file that cannot be read, is damaged in any way, or comes from a newer version.
    pub fn open(path: &Path) -> Result<Self> {
        let context = context(0);
        Ok(Self::of(model::open(path, &context)?, context))
    }

    /// The model in these bytes, which are those of a model file. Errors as [`Model::open`].
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

    /// Answers rows: the key column where there is one, `prediction`, and `probability_CLASS` for each class.
    ///
    /// # Errors
    /// A column that the model asks for and the rows lack, or of a kind that cannot be read.
    pub fn predict(&self, rows: &dyn Source) -> Result<RecordBatch> {
        let answers = self
            .opened
            .model
            .answer(rows, &[Role::Key, Role::Prediction, Role::Probability, Role::ExpectedReward])?;
        rows::to_arrow(&answers)
    }

    /// Answers one row, given as the values of its columns by name; what is not given is missing. The same answer as
    /// [`Model::predict`] gives, in microseconds.
    ///
    /// # Errors
    /// A name that the model does not know (with the nearest one it does).
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

    /// Explains the answers for rows of a source, by the best method that the model allows: what each of the user's columns adds
    /// to each answer, beside the usual answer. `numbers` chooses rows, counted from 1; without any, all are explained.
    ///
    /// # Errors
    /// No such row; more than 200 rows where the model is explained by sampling.
    pub fn explain(&self, rows: &dyn Source, numbers: &[u64]) -> Result<Explained> {
        let asked = explain::Asked { rows: numbers.to_vec(), ..explain::Asked::default() };
        explain::explain(&self.opened, rows, None, &asked, &self.context)
    }

    /// Searches for what of rows would have to be otherwise for another answer, among the columns that the recipe of the model marks as
    /// changeable, or those that are asked for.
    ///
    /// # Errors
    /// No such row, more than 200 rows, an answer that the model cannot give, a column that cannot change.
    pub fn what_if(&self, rows: &dyn Source, asked: &WhatIf) -> Result<Counterfactuals> {
        let recipe = &self.opened.package.recipe;
        let recipe = recipe::parse(recipe, "the model's recipe", self.context.registry())?;
        explain::counterfactuals(&self.opened, &recipe, rows, None, asked, &self.context)
    }

    /// How the answer depends on each column over rows of a source: partial dependence, single rows, accumulated local effects.
    ///
    /// # Errors
    /// No such row, a column that the model does not read, more than 100 columns where none is named.
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

    /// The classes in their order, the positive one last of two; empty for numbers.
    pub fn classes(&self) -> Result<&[String]> {
        Ok(&self.opened.model.intake()?.plan().classes)
    }

    /// The column that it predicts.
    pub fn target(&self) -> Result<&str> {
        let target = self.opened.model.intake()?.plan().target();
        Ok(target.map_or("", |column| &column.name))
    }

    /// The card: what it is for, how good it is, how it was made.
    pub fn card(&self) -> &str {
        &self.opened.package.card
    }

    /// The bytes of its file.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        Ok(to_bytes(&self.opened.package)?)
    }

    /// Writes its file: whole or not at all.
    pub fn save(&self, path: &Path) -> Result<()> {
        tidemill_engine::files::replace(path, &self.to_bytes()?)
    }

    pub(crate) fn opened(&self) -> &Opened {
        &self.opened
    }

    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    /// The fitted chain itself.
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
