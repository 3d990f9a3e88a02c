//! Which model versions made predictions, and what `improve` decided.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::database::{Database, Datum, Value, first};
use crate::{Result, now, tally};

/// A version of a model, when it is first served.
#[derive(Clone, Debug, PartialEq)]
pub struct NewVersion {
    /// The name of the model.
    pub model: String,
    /// The hash of the model file's manifest.
    pub hash: String,
    /// SHA-256 of its recipe.
    pub recipe_hash: String,
    /// The hash of the version from which it was improved.
    pub parent: Option<String>,
    /// The columns whose values are logged, in order.
    pub columns: Vec<String>,
    /// What the model file contains about itself.
    pub about: Json,
}

/// A recorded version.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// Its number in this store.
    pub id: i64,
    /// When it was first served, in microseconds since 1970.
    pub created_at: i64,
    /// The version itself.
    pub version: NewVersion,
}

pub(crate) fn record(database: &mut dyn Database, new: &NewVersion) -> Result<i64> {
    let known = "SELECT id FROM versions WHERE model = ? AND hash = ?";
    let name = [Value::Text(&new.model), Value::Text(&new.hash)];
    if let Some(id) = first(database, known, &name)? {
        return Ok(id.int());
    }
    tally::begin(database, &new.model)?;
    let columns = serde_json::to_string(&new.columns)?;
    database.execute(
        "INSERT INTO versions (id, model, hash, recipe_hash, parent, columns, about, created_at) \
         SELECT COALESCE(MAX(id), 0) + 1, ?, ?, ?, ?, ?, ?, ? FROM versions",
        &[
            Value::Text(&new.model),
            Value::Text(&new.hash),
            Value::Text(&new.recipe_hash),
            new.parent.as_deref().into(),
            Value::Text(&columns),
            Value::Text(&new.about.to_string()),
            Value::Int(now()),
        ],
    )?;
    Ok(first(database, known, &name)?.map_or(0, |id| id.int()))
}

pub(crate) fn all(database: &mut dyn Database, model: &str) -> Result<Vec<Version>> {
    let sql = "SELECT id, created_at, hash, recipe_hash, parent, columns, about FROM versions \
               WHERE model = ? ORDER BY id";
    let mut versions = Vec::new();
    database.query(sql, &[Value::Text(model)], &mut |row| {
        let mut row = row.into_iter();
        let mut next = || row.next().unwrap_or(Datum::Null);
        versions.push(Version {
            id: next().int(),
            created_at: next().int(),
            version: NewVersion {
                model: model.into(),
                hash: next().text().unwrap_or_default(),
                recipe_hash: next().text().unwrap_or_default(),
                parent: next().text(),
                columns: serde_json::from_str(&next().text().unwrap_or_default())?,
                about: serde_json::from_str(&next().text().unwrap_or_default())?,
            },
        });
        Ok(())
    })?;
    Ok(versions)
}

/// The names of the models that were served, in their order.
pub(crate) fn models(database: &mut dyn Database) -> Result<Vec<String>> {
    let mut models = Vec::new();
    database.query("SELECT DISTINCT model FROM versions ORDER BY model", &[], &mut |row| {
        models.extend(row.into_iter().next().and_then(Datum::text));
        Ok(())
    })?;
    Ok(models)
}

/// A decision of `improve`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Improvement {
    /// The name of the model.
    pub model: String,
    /// When, in microseconds since 1970.
    pub at: i64,
    /// Whether the challenger was promoted.
    pub promoted: bool,
    /// The decision in a sentence.
    pub verdict: String,
    /// Everything on which it is based.
    pub document: Json,
}

pub(crate) fn note(database: &mut dyn Database, improvement: &Improvement) -> Result<()> {
    database
        .execute(
            "INSERT INTO improvements (id, model, at, promoted, verdict, document) VALUES (?, ?, ?, ?, ?, ?)",
            &[
                Value::Bytes(Uuid::now_v7().as_bytes()),
                Value::Text(&improvement.model),
                Value::Int(improvement.at),
                Value::Int(improvement.promoted.into()),
                Value::Text(&improvement.verdict),
                Value::Text(&improvement.document.to_string()),
            ],
        )
        .map(drop)
}

pub(crate) fn improvements(
    database: &mut dyn Database,
    model: &str,
    most: usize,
) -> Result<Vec<Improvement>> {
    let sql =
        "SELECT at, promoted, verdict, document FROM improvements WHERE model = ? ORDER BY id DESC LIMIT ?";
    let mut found = Vec::new();
    database.query(sql, &[Value::Text(model), Value::Int(most as i64)], &mut |row| {
        let mut row = row.into_iter();
        let mut next = || row.next().unwrap_or(Datum::Null);
        found.push(Improvement {
            model: model.into(),
            at: next().int(),
            promoted: next().int() != 0,
            verdict: next().text().unwrap_or_default(),
            document: serde_json::from_str(&next().text().unwrap_or_default())?,
        });
        Ok(())
    })?;
    Ok(found)
}
