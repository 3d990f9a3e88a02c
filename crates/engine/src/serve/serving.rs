//! A model ready to answer callers' rows: bound once per thread, told what is odd about each row.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use tidemill_core::recipe::{Recipe, Task};
use tidemill_core::{Batch, Categories, Context, Fitted, Kind, Result, Role, Row, Schema};
use tidemill_data::CellIssue;
use tidemill_kernel::Random;
use uuid::Uuid;

use crate::error::EngineError;
use crate::explain::{Explained, Explainer, Method, Ready};
use crate::files::sha256;
use crate::links::answer::drawn;
use crate::model::several::Several;
use crate::model::{self, AnyModel, Model, Opened, Provenance, Reference};
use crate::recipe;
use crate::serve::bound::Bound;
use crate::serve::privacy::Redactor;

/// A column that callers send.
#[derive(Clone, Debug, PartialEq)]
pub struct InputColumn {
    /// Its name.
    pub name: String,
    /// What its values are.
    pub kind: Kind,
    /// What it is for.
    pub role: Role,
    /// Whether a row must have it.
    pub required: bool,
    /// Of a category: the names known from training.
    pub categories: Vec<String>,
    /// Of a number: the least and the greatest of training.
    pub range: Option<[f64; 2]>,
}

/// A loaded model, ready to answer.
pub struct Serving {
    /// What people call it.
    pub name: String,
    /// The file it came from.
    pub path: PathBuf,
    /// SHA-256 of its manifest.
    pub hash: String,
    /// SHA-256 of its recipe.
    pub recipe_hash: String,
    /// Where it comes from.
    pub provenance: Provenance,
    /// The card, for people.
    pub card: String,
    /// The columns that callers send, in the order of a row's cells.
    pub columns: Vec<InputColumn>,
    /// The classes in their order; empty for regression.
    pub classes: Vec<String>,
    /// Columns the model knows and does not use; sending them is not a mistake.
    pub passed_over: Vec<String>,
    /// What may be kept of a row.
    pub guard: Redactor,
    /// The recipe.
    pub recipe: Recipe,
    /// What is usual in its columns; files of earlier versions do not say it.
    pub reference: Option<Reference>,
    /// Of several targets: what answers each, in their order; empty of one.
    pub parts: Vec<Part>,
    /// Of one target.
    model: Option<Model>,
    pool: Mutex<Vec<Bound>>,
    pace: Pace,
    /// What explains its answers, from the first question on.
    explaining: OnceLock<Ready>,
}

/// What answers one of several targets.
pub struct Part {
    /// Its model, as if it were served alone.
    pub serving: Serving,
    /// The places of its columns among those of a caller's row.
    places: Vec<usize>,
}

impl Part {
    /// Its own cells of a caller's row.
    fn row(&self, row: &Row) -> Row {
        Row { cells: self.places.iter().map(|&place| row.cells[place].clone()).collect() }
    }
}

/// How quick a model is, measured when it is loaded.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// So many rows or more are answered as a batch, fewer one by one.
    bulk_from: usize,
    /// What a row in a batch of [`MICRO`] costs less than one alone, in seconds.
    saved: f64,
}

/// Rows of a micro-batch.
const MICRO: usize = 16;
/// What it costs to hand a request to another thread and back, in seconds: batches must save more.
const HAND_OVER: f64 = 50e-6;

/// The most rows that are tried to learn where batches begin to pay.
const TRIED: usize = 256;

/// The answer for one row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The number, or the code of the class.
    pub prediction: Prediction,
    /// A probability per class; empty for regression.
    pub probabilities: Vec<f64>,
    /// Of a policy: the reward that is expected of each action; empty of anything else.
    pub expected_rewards: Vec<f64>,
    /// Of masks: the runs of the mask, as JSON; empty of anything else.
    pub mask: Option<Arc<str>>,
    /// What is odd about the row.
    pub flaws: Vec<CellIssue>,
    /// Of several targets: the answer to each, in the order of [`Serving::parts`]; there is then no other.
    pub parts: Vec<Answer>,
}

/// The code of the warning that an answer is not a finite number.
pub const NOT_FINITE: &str = "not_finite";

impl Answer {
    /// Whether the model gave no usable number: nothing was known, or its arithmetic left the numbers.
    pub fn is_not_finite(&self) -> bool {
        if !self.parts.is_empty() {
            return self.parts.iter().any(Answer::is_not_finite);
        }
        let number = matches!(self.prediction, Prediction::Number(x) if !x.is_finite());
        number || self.probabilities.iter().any(|p| !p.is_finite())
    }

    /// Of a policy, draws the action by its probabilities: which one, the answer's id alone says, so that the log holds the probability of
    /// just what was done.
    pub(crate) fn act(&mut self, id: &Uuid) {
        if !self.expected_rewards.is_empty() {
            let (high, low) = id.as_u64_pair();
            self.prediction = Prediction::Class(drawn(&self.probabilities, Random::new(low, high).unit()));
        }
    }

    /// Of a policy, the probability with which the action was drawn.
    pub fn propensity(&self) -> Option<f64> {
        match self.prediction {
            Prediction::Class(action) if !self.expected_rewards.is_empty() => {
                self.probabilities.get(action as usize).copied()
            }
            _ => None,
        }
    }
}

/// What a model says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Prediction {
    /// A number.
    Number(f64),
    /// The place of a class among [`Serving::classes`].
    Class(u32),
    /// A mask: that of [`Answer::mask`].
    Mask,
}

impl Default for Prediction {
    fn default() -> Self {
        Prediction::Number(f64::NAN)
    }
}

/// The name of a model by its file: the file's stem, or for `churn-model/model.tidemill` the folder's `churn`.
pub fn name_of(path: &Path) -> String {
    let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    if stem != "model" {
        return stem;
    }
    let folder =
        path.canonicalize().ok().and_then(|p| Some(p.parent()?.file_name()?.to_string_lossy().into_owned()));
    match folder {
        Some(folder) => folder.strip_suffix("-model").unwrap_or(&folder).to_string(),
        None => stem,
    }
}

impl Serving {
    /// Loads a model file and tries it on an empty row, so that a file that cannot answer never goes into service.
    /// `secret` is for hashed columns (see [`Redactor::new`]).
    pub fn open(path: &Path, name: Option<&str>, secret: Option<&str>, context: &Context) -> Result<Self> {
        match model::open_any(path, context)? {
            AnyModel::One(opened) => Self::of(*opened, path, name, secret, context),
            AnyModel::Several(several) => Self::of_several(*several, path, name, secret, context),
        }
    }

    /// As [`Serving::of`], of several targets.
    fn of_several(
        several: Several,
        path: &Path,
        name: Option<&str>,
        secret: Option<&str>,
        context: &Context,
    ) -> Result<Self> {
        let card = several.card();
        let Several { package, info, provenance, parts } = several;
        let recipe = recipe::parse(&package.recipe, "the model's recipe", context.registry())?;
        let servings = parts.into_iter().map(|part| Self::of(part, path, name, secret, context));
        let servings = servings.collect::<Result<Vec<_>>>()?;
        let mut columns: Vec<InputColumn> = Vec::new();
        for column in servings.iter().flat_map(|serving| &serving.columns) {
            match columns.iter_mut().find(|known| known.name == column.name) {
                Some(known) => known.required |= column.required,
                None => columns.push(column.clone()),
            }
        }
        let mut passed_over: Vec<String> = Vec::new();
        for column in servings.iter().flat_map(|serving| &serving.passed_over) {
            if !passed_over.contains(column) && columns.iter().all(|known| known.name != *column) {
                passed_over.push(column.clone());
            }
        }
        let place = |column: &InputColumn| columns.iter().position(|known| known.name == column.name);
        let parts = servings.into_iter().map(|serving| {
            let places = serving.columns.iter().filter_map(place).collect();
            Part { serving, places }
        });
        Ok(Serving {
            name: name.map_or_else(|| name_of(path), String::from),
            path: path.into(),
            hash: info.sha256,
            recipe_hash: sha256(package.recipe.as_bytes()),
            provenance,
            card,
            parts: parts.collect(),
            columns,
            classes: Vec::new(),
            passed_over,
            guard: Redactor::new(&recipe, secret)?,
            recipe,
            reference: None,
            model: None,
            pool: Mutex::default(),
            pace: Pace { bulk_from: usize::MAX, saved: 0.0 },
            explaining: OnceLock::new(),
        })
    }

    /// As [`Serving::open`], of a model that is open already; `path` is where a newer one would appear.
    pub fn of(
        opened: Opened,
        path: &Path,
        name: Option<&str>,
        secret: Option<&str>,
        context: &Context,
    ) -> Result<Self> {
        let recipe = recipe::parse(&opened.package.recipe, "the model's recipe", context.registry())?;
        let plan = opened.model.intake()?.plan();
        let known = plan.by_name();
        let read = opened.model.input.names().filter_map(|name| known.get(name));
        let columns = read.map(|c| InputColumn {
            name: c.name.clone(),
            kind: c.kind,
            role: c.role,
            required: c.role == Role::Feature,
            categories: c.categories.clone(),
            range: c.range,
        });
        let serving = Serving {
            name: name.map_or_else(|| name_of(path), String::from),
            path: path.into(),
            hash: opened.info.sha256,
            recipe_hash: sha256(opened.package.recipe.as_bytes()),
            provenance: opened.provenance,
            card: opened.package.card.clone(),
            columns: columns.collect(),
            classes: plan.classes.clone(),
            passed_over: unused(plan, &opened.model.input),
            guard: Redactor::new(&recipe, secret)?,
            recipe,
            reference: Reference::in_package(&opened.package)?,
            parts: Vec::new(),
            model: Some(opened.model),
            pool: Mutex::default(),
            pace: Pace { bulk_from: usize::MAX, saved: 0.0 },
            explaining: OnceLock::new(),
        };
        let pace = serving.measured()?;
        Ok(Serving { pace, ..serving })
    }

    /// Measures whether single rows or batches are faster, on rows with all cells missing.
    fn measured(&self) -> Result<Pace> {
        let mut bound = self.bind()?;
        let mut pace = Pace { bulk_from: usize::MAX, saved: 0.0 };
        let mut n = 1;
        while n <= TRIED {
            let [single, bulk] =
                [self.least_secs(&mut bound, n, false)?, self.least_secs(&mut bound, n, true)?];
            if n == MICRO {
                pace.saved = (single - bulk) / n as f64;
            }
            // By a clear margin: one row at a time has no other costs.
            if bulk < 0.7 * single && pace.bulk_from == usize::MAX {
                pace.bulk_from = n;
            }
            n *= 4;
        }
        Ok(pace)
    }

    /// The least time of three tries to answer `n` rows.
    fn least_secs(&self, bound: &mut Bound, n: usize, bulk: bool) -> Result<f64> {
        let mut least = f64::INFINITY;
        for _ in 0..3 {
            let mut rows = vec![Row::missing(self.columns.len()); n];
            let start = Instant::now();
            bound.answers(&mut rows, bulk)?;
            least = least.min(start.elapsed().as_secs_f64());
        }
        Ok(least)
    }

    /// Whether requests that come at once are better answered together: a model that takes microseconds for a row never
    /// gains, a net may.
    pub fn gains_by_batches(&self) -> bool {
        self.pace.saved > HAND_OVER || self.parts.iter().any(|part| part.serving.gains_by_batches())
    }

    /// The model itself.
    ///
    /// # Errors
    /// There is one for each of several targets.
    pub fn model(&self) -> Result<&Model> {
        self.model.as_ref().ok_or_else(|| {
            EngineError::usage(
                format!("the model predicts several targets ({}), and this looks at one", self.target()),
                "train a model of one target for it",
            )
            .into()
        })
    }

    /// Answers rows of raw cells, in the order of [`Serving::columns`]; the rows are used up.
    pub fn answer(&self, rows: &mut [Row]) -> Result<Vec<Answer>> {
        if !self.parts.is_empty() {
            return self.answer_each(rows);
        }
        let mut bound = match self.pool.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            Some(bound) => bound,
            None => self.bind()?,
        };
        let answers = bound.answers(rows, rows.len() >= self.pace.bulk_from);
        self.pool.lock().unwrap_or_else(PoisonError::into_inner).push(bound);
        answers
    }

    /// Explains the model's prediction for a caller's raw cells, with this method or the best that the model supports, against the background
    /// stored in its file. The first call prepares what all later ones need.
    ///
    /// # Errors
    /// A method that the model does not allow. A model that is explained by sampling: a file of an earlier version, or more than 200 rows.
    pub fn explain(
        &self,
        mut rows: Vec<Row>,
        method: Option<Method>,
        context: &Context,
    ) -> Result<Explained> {
        let model = self.model()?;
        let ready = match self.explaining.get() {
            Some(ready) => ready,
            // Two first questions at a time make it twice, and keep one.
            None => {
                let made = Ready::new(model, self.reference.as_ref())?;
                self.explaining.get_or_init(|| made)
            }
        };
        let typed = Arc::new(model.intake()?.output(&model.input)?);
        let mut reader = model.reader()?.rows(&model.input)?;
        for row in &mut rows {
            // What is odd about a cell is said beside the answer.
            reader.read(row, &mut Vec::new())?;
        }
        let numbers = (1..=rows.len() as u64).collect();
        let rows = Batch::of_rows(&typed, &rows)?;
        Explainer::of_ready(model, ready)?.explain(&rows, numbers, method, context)
    }

    /// The answers to each of several targets, put together; what is odd about a cell is said once.
    fn answer_each(&self, rows: &[Row]) -> Result<Vec<Answer>> {
        let mut answers = vec![Answer::default(); rows.len()];
        for part in &self.parts {
            let mut own: Vec<Row> = rows.iter().map(|row| part.row(row)).collect();
            for (answer, mut said) in answers.iter_mut().zip(part.serving.answer(&mut own)?) {
                for flaw in std::mem::take(&mut said.flaws) {
                    // The models may have seen other ranges, since their rows differ: one word about a cell is enough.
                    let same =
                        |known: &CellIssue| (known.column(), known.code()) == (flaw.column(), flaw.code());
                    if !answer.flaws.iter().any(same) {
                        answer.flaws.push(flaw);
                    }
                }
                answer.parts.push(said);
            }
        }
        Ok(answers)
    }

    fn bind(&self) -> Result<Bound> {
        Bound::of(self.model()?, &self.recipe)
    }

    /// The names of the classes as the output has them.
    pub fn class_names(&self) -> Option<&Arc<Categories>> {
        let output = &self.model.as_ref()?.output;
        output.columns()[output.role(Role::Prediction)?].categories.as_ref()
    }

    /// The task in a word.
    pub fn task(&self) -> &str {
        let several = if self.parts.is_empty() { "unknown" } else { "several" };
        self.provenance.task.map_or(several, Task::word)
    }

    /// Whether its answers are actions.
    pub fn is_policy(&self) -> bool {
        self.provenance.task == Some(Task::Policy)
    }

    /// Whether its answers are masks.
    pub fn is_masks(&self) -> bool {
        self.provenance.task == Some(Task::Masks)
    }

    /// The name of the target; of several all of them, with commas between.
    pub fn target(&self) -> &str {
        &self.provenance.target
    }
}

fn unused(plan: &tidemill_data::InferredSchema, input: &Schema) -> Vec<String> {
    let names = plan.columns.iter().map(|c| &c.name);
    names.filter(|name| input.position(name).is_none()).cloned().collect()
}
