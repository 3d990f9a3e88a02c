//! The prediction log joined with what users said: rows that can judge a model and train the next one.

pub mod json;
pub mod judge;
pub mod parse;
mod several;
pub mod table;
mod truth;

use std::collections::BTreeMap;

use serde_json::Value;
use tidemill_core::recipe::Task;
use tidemill_core::{Cell, Kind, Result, Role};
use tidemill_data::InferredSchema;
use tidemill_store::{Store, Version};
use uuid::Uuid;

use crate::rows::cell;
use crate::serve::privacy::Revealer;
use crate::serve::record::is_hash_of_picture;
pub use several::of_target;
pub use truth::{Target, Truth, Uncounted, class_of, mask_of, number_of, reward_of, truth};

/// A logged prediction whose right answer is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Labelled {
    /// The prediction's name.
    pub id: Uuid,
    /// When it was made, in microseconds since 1970.
    pub at: i64,
    /// The number of the version that made it.
    pub version: i64,
    /// When its right answer first came in, in microseconds since 1970.
    pub known_since: i64,
    /// Whose word the right answer is: the user's, else that of the API key; unknown without either.
    pub by: Option<String>,
    /// What anyone else said before, which counts where this user's word does not.
    pub otherwise: Option<Word>,
    /// The values of the plan's columns that were logged, in the order of [`names`], then the right answer.
    pub cells: Vec<Cell>,
}

/// What someone said the right answer is.
#[derive(Clone, Debug, PartialEq)]
pub struct Word {
    /// Whose word it is; unknown without a user and an API key.
    pub by: Option<String>,
    /// The right answer.
    pub cell: Cell,
}

/// The names of the cells of [`Labelled`] rows: every column that the plan uses but the target, then the target.
pub fn names(plan: &InferredSchema) -> Vec<String> {
    let used = plan.columns.iter().filter(|c| c.is_used() && c.role != Role::Target);
    used.map(|c| c.name.clone()).chain(plan.target().map(|c| c.name.clone())).collect()
}

/// All labelled predictions of a model, oldest first. What cannot teach is left out and counted: a label that the target cannot
/// hold (a third class of a binary task, a word for a number), an image of which only the hash was kept.
///
/// Of a model of several targets, `target` names the one that `plan` is about.
pub fn labelled(
    store: &Store,
    model: &str,
    plan: &InferredSchema,
    target: Option<&str>,
    opener: &Revealer,
) -> Result<(Vec<Labelled>, usize)> {
    let named = target;
    let versions: BTreeMap<i64, Version> =
        store.versions(model)?.into_iter().map(|version| (version.id, version)).collect();
    let names = names(plan);
    let key = plan.role(Role::Key).map(|c| c.name.as_str());
    // More than two classes may become more still: a new one is learned.
    let classes = if plan.task == Some(Task::Multiclass) { &[] } else { plan.classes.as_slice() };
    let target = Target { task: plan.task, classes };
    let mut rows = Vec::new();
    let mut unusable = 0;
    store.each_logged(model, i64::MIN, i64::MAX, true, &mut |logged| {
        let logged = match named {
            None => logged,
            Some(name) => match of_target(logged, name) {
                Some(logged) => logged,
                None => return Ok(()),
            },
        };
        let truth = truth(&logged, target);
        let Some(said) = truth.value else {
            unusable += usize::from(!truth.uncounted.is_empty());
            return Ok(());
        };
        let Some(version) = versions.get(&logged.version) else { return Ok(()) };
        let values: Vec<Value> = serde_json::from_str(&logged.features)?;
        let mut by_name: BTreeMap<&str, Value> =
            version.version.columns.iter().map(String::as_str).zip(values).collect();
        if let (Some(key), Some(value)) = (key, &logged.row_key) {
            by_name.insert(key, Value::String(value.clone()));
        }
        let mut cells: Vec<Cell> = names[..names.len() - 1]
            .iter()
            .map(|name| by_name.remove(name.as_str()).map_or(Cell::Missing, |v| cell(&opener.open(name, v))))
            .collect();
        if names.iter().zip(&cells).any(|(name, cell)| is_left_out(name, cell, plan)) {
            unusable += 1;
            return Ok(());
        }
        cells.push(cell(&said));
        let known_since = truth.known_since.unwrap_or(logged.at);
        let (id, at, version) = (logged.id, logged.at, logged.version);
        let otherwise = truth.otherwise.map(|(value, by)| Word { by, cell: cell(&value) });
        rows.push(Labelled { id, at, version, known_since, by: truth.by, otherwise, cells });
        Ok(())
    })?;
    Ok((rows, unusable))
}

/// Whether the log kept only the hash of a picture: a row without it would teach that images mean nothing.
fn is_left_out(name: &str, cell: &Cell, plan: &InferredSchema) -> bool {
    let hashed = matches!(cell, Cell::Text(text) if is_hash_of_picture(text));
    hashed && plan.column(name).is_some_and(|c| c.kind == Kind::Image)
}
