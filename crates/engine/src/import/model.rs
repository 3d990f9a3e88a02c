//! From an imported ensemble to a model: its ingest, its links, its recipe and its provenance.

use std::sync::Arc;

use tidemill_core::recipe::{Recipe, Task};
use tidemill_core::{Categories, Chain, Context, Error, Fitted, Kind, Result, Role, State};
use tidemill_data::{InferredColumn, InferredSchema, Ingest};
use tidemill_learn::trees::{ImportedColumn, ImportedTrees};
use tidemill_package::Package;

use super::ensemble::{Ensemble, Feature, FeatureReads};
use super::{Asked, Import, Imported};
use crate::error::EngineError;
use crate::model::{self, ImportedFrom, Model, Provenance};
use crate::recipe::resolve;

/// What is predicted, where nobody says what it is called.
const TARGET: &str = "target";

pub(super) fn import(
    mut ensemble: Ensemble,
    file: &str,
    sha256: String,
    asked: &Asked,
    context: &Context,
) -> Result<Import> {
    let named = if asked.classes.is_empty() { &ensemble.class_names } else { &asked.classes };
    let classes = classes(ensemble.n_classes, named)?;
    rename(&mut ensemble.features, &asked.columns)?;
    let target = asked.target.clone().unwrap_or_else(|| TARGET.into());
    check_names(&ensemble.features, &target, file)?;
    let task = match classes.len() {
        0 => Task::Regression,
        2 => Task::Binary,
        _ => Task::Multiclass,
    };
    let plan = plan(&ensemble, &target, &classes, task);
    let mut recipe = Recipe::default();
    recipe.data.target = Some(target.clone());
    let mut recipe = resolve::recipe(&recipe, &plan, "");
    recipe.data.source = None;
    let facts = Imported {
        program: ensemble.program,
        version: ensemble.version,
        objective: ensemble.objective,
        file: file.into(),
        sha256,
        task,
        target,
        columns: plan
            .columns
            .iter()
            .filter(|c| c.role == Role::Feature)
            .map(|c| (c.name.clone(), c.kind.word()))
            .collect(),
        trees: ensemble.trees.n_trees(),
        nodes: ensemble.trees.n_nodes(),
        notes: ensemble.notes,
        classes,
    };
    let intake = Ingest::load(context.registry(), State::new(Ingest::KIND, 1, &plan))?;
    let column = |feature: Feature| {
        let reads = match feature.reads {
            FeatureReads::Number | FeatureReads::Flag => ImportedColumn::Number,
            FeatureReads::ZeroIsMissing => ImportedColumn::ZeroIsMissing,
            FeatureReads::Code => ImportedColumn::Code,
            FeatureReads::Names(names) => ImportedColumn::Category(names.len()),
        };
        (feature.name, reads)
    };
    let trees = ImportedTrees {
        origin: serde_json::to_value(origin(&facts))
            .map_err(|e| Error::internal(format!("the origin: {e}")))?,
        columns: ensemble.features.into_iter().map(column).collect(),
        classes: (!facts.classes.is_empty()).then(|| Categories::new(&facts.classes)),
        link: ensemble.link,
        trees: ensemble.trees,
    };
    let model = Model::new(Chain(vec![intake, trees.fitted()? as Arc<dyn Fitted>]), &plan)?;
    Ok(Import { facts, model, recipe: resolve::to_toml(&recipe)? })
}

pub(super) fn package(model: &Model, facts: &Imported, recipe: String, card: String) -> Result<Package> {
    let provenance = Provenance {
        task: Some(facts.task),
        target: facts.target.clone(),
        classes: facts.classes.clone(),
        imported: Some(origin(facts)),
        ..Provenance::default()
    };
    let metrics =
        serde_json::to_string_pretty(facts).map_err(|e| Error::internal(format!("metrics: {e}")))?;
    model::package(model, provenance.write()?, recipe, card, &(metrics + "\n"))
}

fn origin(facts: &Imported) -> ImportedFrom {
    ImportedFrom {
        program: facts.program.into(),
        version: facts.version.clone(),
        objective: facts.objective.clone(),
        file: facts.file.clone(),
        sha256: facts.sha256.clone(),
    }
}

/// The names of the classes, those told or their codes.
fn classes(n: Option<usize>, told: &[String]) -> Result<Vec<String>> {
    let wrong = |problem: String, remedy: &str| Err(EngineError::usage(problem, remedy).into());
    match (n, told) {
        (None, []) => Ok(Vec::new()),
        (None, _) => wrong("this model predicts numbers, not classes".into(), "leave --classes out"),
        (Some(n), []) => Ok((0..n).map(|code| code.to_string()).collect()),
        (Some(n), told) if told.len() != n => {
            let problem = format!("--classes names {} classes, but the model has {n}", told.len());
            wrong(problem, "name all of them in the order of their codes, with commas between")
        }
        (_, told) => {
            let mut sorted = told.to_vec();
            sorted.sort();
            match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
                Some(pair) => {
                    wrong(format!("--classes names '{}' twice", pair[0]), "give each class a name of its own")
                }
                None => Ok(told.to_vec()),
            }
        }
    }
}

/// Gives the columns the names that were told, where any were.
fn rename(features: &mut [Feature], told: &[String]) -> Result<()> {
    if told.is_empty() {
        return Ok(());
    }
    if told.len() != features.len() {
        let problem =
            format!("--columns names {} columns, but the model reads {}", told.len(), features.len());
        return Err(EngineError::usage(
            problem,
            "name all of them in the model's order, with commas between",
        )
        .into());
    }
    features.iter_mut().zip(told).for_each(|(feature, name)| feature.name.clone_from(name));
    Ok(())
}

fn check_names(features: &[Feature], target: &str, file: &str) -> Result<()> {
    let mut names: Vec<&str> = features.iter().map(|f| f.name.as_str()).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(EngineError::usage(
            format!("{file}: two of its columns are named '{}'", tidemill_core::escaped(pair[0])),
            "train it with a name of its own for each column",
        )
        .into());
    }
    if names.binary_search(&target).is_ok() {
        return Err(EngineError::usage(
            format!("'{target}' is one of the columns that the model reads"),
            "name what it predicts with --target",
        )
        .into());
    }
    Ok(())
}

/// What the columns of the model mean: its features, and what it predicts.
fn plan(ensemble: &Ensemble, target: &str, classes: &[String], task: Task) -> InferredSchema {
    let why = format!("a feature of the {} model", ensemble.program);
    let feature = |feature: &Feature| {
        let kind = match feature.reads {
            FeatureReads::Number | FeatureReads::ZeroIsMissing | FeatureReads::Code => Kind::Number,
            FeatureReads::Flag => Kind::Flag,
            FeatureReads::Names(_) => Kind::Category,
        };
        let mut column = InferredColumn::new(&feature.name, kind, Role::Feature, &why);
        column.declared = true;
        column.range = feature.range.filter(|_| feature.reads != FeatureReads::ZeroIsMissing);
        if let FeatureReads::Names(names) = &feature.reads {
            column.categories.clone_from(names);
            // A category may be called `None`.
            column.values.clone_from(names);
        }
        column
    };
    let answer = if classes.is_empty() { Kind::Number } else { Kind::Category };
    let mut predicted = InferredColumn::new(target, answer, Role::Target, "what the model predicts");
    predicted.categories = classes.to_vec();
    InferredSchema {
        columns: ensemble.features.iter().map(feature).chain([predicted]).collect(),
        task: Some(task),
        why_task: format!("the model's objective is '{}'", ensemble.objective),
        classes: classes.to_vec(),
        positive: if task == Task::Binary { classes.last().cloned() } else { None },
        ..InferredSchema::default()
    }
}
