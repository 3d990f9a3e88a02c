//! A model: the fitted chain from raw rows to predictions, and its file.

mod inspect;
pub mod language;
mod provenance;
mod reference;
pub mod several;
pub mod versions;

use std::any::Any;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use tidemill_core::recipe::Task;
use tidemill_core::{
    Batch, Chain, Column, Context, Error, Fitted, Kind, Registry, Result, Role, Schema, Source, State,
};
use tidemill_data::{InferredSchema, Ingest};
use tidemill_package::{Info, Manifest, Package};

use crate::error::EngineError;
pub use inspect::{Inspected, inspect};
pub(crate) use provenance::part;
pub use provenance::{
    CompressedFrom, DistilledFrom, ImportedFrom, Learned, Promotion, Provenance, ScoreRange, StartedFrom,
    TestScores, TrainedOn,
};
pub use reference::Reference;

/// What a package says of itself that holds a preparation without a learner: the list of its steps.
pub const PREPARATION: &str = "preparation";

/// A chain whose first link is the intake: it takes rows as they come from a file or a request.
pub struct Model {
    /// The chain.
    pub chain: Arc<Chain>,
    /// The raw columns it asks for, the target left out.
    pub input: Schema,
    /// What comes out for them.
    pub output: Schema,
}

impl Model {
    /// The model of this chain.
    pub fn new(chain: Chain, plan: &InferredSchema) -> Result<Self> {
        let known_later = |role| {
            matches!(role, Role::Ignore | Role::Target | Role::Split | Role::Reward | Role::Propensity)
        };
        let asked = plan.columns.iter().filter(|c| !known_later(c.role));
        let input = Schema::new(asked.map(|c| Column::new(&c.name, Kind::Text)).collect())?;
        let output = chain.output(&input)?;
        Ok(Model { chain: Arc::new(chain), input, output })
    }

    /// Builds what a package holds.
    pub fn load(state: State, registry: &Registry) -> Result<Self> {
        let loaded: Arc<dyn Any + Send + Sync> = registry.load(state)?;
        let chain = loaded.downcast::<Chain>().map_err(|_| Error::state("model", "it is not a chain"))?;
        let plan = intake(&chain)?.plan().clone();
        Model::new(Chain(chain.0.clone()), &plan)
    }

    /// Warns of the cells that could not be read since this was last asked.
    pub fn warn_of_cells(&self, context: &Context) -> Result<()> {
        for warning in self.intake()?.warnings() {
            context.warn(&warning.code, warning.message);
        }
        Ok(())
    }

    /// The first link, to be bound to a source or to callers' rows.
    pub fn reader(&self) -> Result<Arc<Ingest>> {
        let first: Option<Arc<dyn Any + Send + Sync>> = self.chain.0.first().cloned().map(|link| link as _);
        first
            .and_then(|link| link.downcast::<Ingest>().ok())
            .ok_or_else(|| Error::state("model", "its first link is not an intake"))
    }

    /// Answers all rows: the columns in these roles.
    pub fn answer(&self, rows: &dyn Source, roles: &[Role]) -> Result<Batch> {
        let (first, rest) = self.chain.0.split_first().ok_or_else(|| Error::internal("an empty chain"))?;
        let typed = first.output(rows.schema())?;
        let mut read = self.reader()?.bind_to(rows)?;
        let rest = Arc::new(Chain(rest.to_vec()));
        let output = rest.output(&typed)?;
        let mut run = rest.bind(&typed)?;
        let places: Vec<usize> = roles.iter().flat_map(|role| output.with_role(*role)).collect();
        let batches = self.intake()?.batches(rows)?;
        let answers = batches.map(|batch| run.apply(&read.apply(&batch?)?)?.select(&places));
        let answers = answers.collect::<Result<Vec<_>>>()?;
        match answers.first() {
            Some(first) => Batch::concat(first.schema(), &answers),
            None => Err(Error::data("there are no rows", "give rows to answer")),
        }
    }

    /// What the model knows of the raw columns.
    pub fn intake(&self) -> Result<&Ingest> {
        intake(&self.chain)
    }
}

fn intake(chain: &Chain) -> Result<&Ingest> {
    let first: Option<&(dyn Any + Send + Sync)> = chain.0.first().map(|link| &**link as _);
    first
        .and_then(|link| link.downcast_ref::<Ingest>())
        .ok_or_else(|| Error::state("model", "its first link is not an intake"))
}

/// A model file and the model in it.
pub struct Opened {
    /// The file's parts.
    pub package: Package,
    /// What names it.
    pub info: Info,
    /// Where the model comes from.
    pub provenance: Provenance,
    /// The model.
    pub model: Model,
}

impl Opened {
    /// Refuses masks where a number or a class for each row is needed; `verb` is what cannot work on them.
    ///
    /// # Errors
    /// The model answers with masks.
    pub fn refuse_masks(&self, verb: &str) -> Result<()> {
        if self.provenance.task != Some(Task::Masks) {
            return Ok(());
        }
        let problem = format!(
            "the model answers with masks, and `{verb}` works on answers that are a number or a class"
        );
        Err(EngineError::usage(problem, "judge it with `tidemill evaluate MODEL DATA`").into())
    }
}

/// Opens and checks a model file of one target.
///
/// # Errors
/// A file that cannot be read or is damaged, one that holds no model of tables, or one of several targets.
pub fn open(path: &Path, context: &Context) -> Result<Opened> {
    match open_any(path, context)? {
        AnyModel::One(opened) => Ok(*opened),
        AnyModel::Several(several) => Err(several.not_one(path).into()),
    }
}

/// The model of one target in a file: that of its only one, or of the one named.
///
/// # Errors
/// As [`open`]; a name that is no target of the model; no name where there are several.
pub fn open_target(path: &Path, target: Option<&str>, context: &Context) -> Result<Opened> {
    match (open_any(path, context)?, target) {
        (AnyModel::One(opened), None) => Ok(*opened),
        (AnyModel::One(opened), Some(name)) if opened.provenance.target == name => Ok(*opened),
        (AnyModel::One(opened), Some(name)) => {
            Err(several::no_target(name, [opened.provenance.target.as_str()]))
        }
        (AnyModel::Several(several), None) => Err(several.not_one(path).into()),
        (AnyModel::Several(several), Some(name)) => several.take(name),
    }
}

/// A model file by how many targets it has.
pub enum AnyModel {
    /// One.
    One(Box<Opened>),
    /// Two or more.
    Several(Box<several::Several>),
}

/// Opens and checks a model file, whatever it predicts.
///
/// # Errors
/// As [`open`], but for several targets.
pub fn open_any(path: &Path, context: &Context) -> Result<AnyModel> {
    let data = ["csv", "tsv", "toml", "json", "jsonl", "parquet", "arrow"];
    if path.extension().is_some_and(|e| data.iter().any(|d| e == *d)) {
        return Err(EngineError::usage(
            format!("{} is not a model file", path.display()),
            "name the model first, as in `tidemill predict model.tidemill data.csv`",
        )
        .into());
    }
    if let Some(folder) = path.parent() {
        tidemill_language::look_beside(folder);
    }
    let (package, info) = tidemill_package::open(path)?;
    if package.state.kind == language::KIND {
        return Err(EngineError::usage(
            format!("{} holds an adapter of a language model, not a model of tables", path.display()),
            "serve it, improve it, or roll it back",
        )
        .into());
    }
    if package.manifest.about.get(PREPARATION).is_some() {
        return Err(EngineError::usage(
            format!("{} holds a preparation, which predicts nothing", path.display()),
            "apply it with `tidemill prepare NEW --with FILE -o OUT`",
        )
        .into());
    }
    if package.state.kind == several::KIND {
        return Ok(AnyModel::Several(Box::new(several::Several::of(package, info, context)?)));
    }
    Ok(AnyModel::One(Box::new(loaded(package, info, context)?)))
}

/// The model of a package that is in memory.
pub fn of_package(package: Package, context: &Context) -> Result<Opened> {
    let info = tidemill_package::info(&package)?;
    loaded(package, info, context)
}

fn loaded(package: Package, info: Info, context: &Context) -> Result<Opened> {
    let provenance = Provenance::read(&package.manifest.about)?;
    let model = Model::load(package.state.clone(), context.registry())?;
    Ok(Opened { package, info, provenance, model })
}

/// The model's file, in memory; `about` is what [`Provenance::write`] makes, or of a preparation the list of its steps.
pub fn package(model: &Model, about: Value, recipe: String, card: String, metrics: &str) -> Result<Package> {
    let typed = model.intake()?.output(&model.input)?;
    let manifest = Manifest::new(about, &typed, &model.output);
    Ok(Package::new(manifest, recipe, model.chain.state(), card).with_extra("metrics.json", metrics))
}
