//! `manifest.json`: what the file is, its input and output columns, and the hash of everything else.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidemill_core::{Categories, Column, Kind, Role, Schema};

use crate::{FORMAT, limits};

/// What a model file contains about itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of the file's layout. Writing always uses [`FORMAT`].
    pub format: u32,
    /// The program that trained the model, with its version.
    pub written_by: String,
    /// The engine's information: task, target, classes, scores, origin.
    pub about: Value,
    /// The input columns.
    pub input: Vec<ColumnInfo>,
    /// The output columns.
    pub output: Vec<ColumnInfo>,
    /// Every other entry of the file. Filled in when writing.
    pub entries: BTreeMap<String, EntryInfo>,
}

impl Manifest {
    /// The manifest of a model that this build writes.
    pub fn new(about: Value, input: &Schema, output: &Schema) -> Self {
        let columns = |schema: &Schema| schema.columns().iter().map(ColumnInfo::of).collect();
        Manifest {
            format: FORMAT,
            written_by: crate::WRITER.into(),
            about,
            input: columns(input),
            output: columns(output),
            entries: BTreeMap::new(),
        }
    }

    /// The input columns as a schema. Errors if two have the same name (this cannot happen for a file that was read).
    pub fn input_schema(&self) -> tidemill_core::Result<Schema> {
        Schema::new(self.input.iter().map(ColumnInfo::column).collect())
    }

    /// The output columns as a schema. Errors if two have the same name (this cannot happen for a file that was read).
    pub fn output_schema(&self) -> tidemill_core::Result<Schema> {
        Schema::new(self.output.iter().map(ColumnInfo::column).collect())
    }
}

/// The length and hash of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryInfo {
    /// SHA-256 of its bytes, in lower-case hexadecimal.
    pub sha256: String,
    /// The number of bytes.
    pub bytes: u64,
}

/// The saved form of a [`Column`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnInfo {
    /// Its name.
    pub name: String,
    /// What its values are.
    pub kind: Kind,
    /// What it is for.
    pub role: Role,
    /// The source column from which it was derived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The names behind the codes, in the order of the codes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub categories: Option<Vec<String>>,
    /// The name of each number of a vector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<Vec<String>>,
}

impl ColumnInfo {
    /// The saved form of a column; [`ColumnInfo::column`] is its inverse.
    pub fn of(column: &Column) -> Self {
        ColumnInfo {
            name: column.name.clone(),
            kind: column.kind,
            role: column.role,
            origin: column.origin.clone(),
            categories: column
                .categories
                .as_ref()
                .map(|c| c.names().iter().map(|name| name.to_string()).collect()),
            parts: column.parts.as_ref().map(|parts| parts.to_vec()),
        }
    }

    /// The column.
    pub fn column(&self) -> Column {
        Column {
            role: self.role,
            origin: self.origin.clone(),
            categories: self.categories.as_ref().map(Categories::new),
            parts: self.parts.as_ref().map(|parts| Arc::from(parts.as_slice())),
            // Input and output columns of a model have no layout: layouts only occur in between.
            ..Column::new(&self.name, self.kind)
        }
    }

    /// A property of this column that no column saved by [`ColumnInfo::of`] has, if there is one.
    fn fault(&self) -> Option<String> {
        let repeated = |names: &[String]| {
            let mut sorted: Vec<&str> = names.iter().map(String::as_str).collect();
            sorted.sort_unstable();
            sorted.windows(2).any(|pair| pair[0] == pair[1])
        };
        let len = match self.kind {
            Kind::Vector { len, .. } => Some(len),
            _ => None,
        };
        if self.categories.as_deref().is_some_and(repeated) {
            return Some("has one category twice".into());
        }
        if self.kind == Kind::Category && self.categories.is_none() {
            return Some("is a category without names".into());
        }
        if self.parts.as_ref().is_some_and(|parts| len != Some(parts.len())) {
            return Some("does not have one name for each number".into());
        }
        len.filter(|len| *len > limits::VECTOR_LEN)
            .map(|len| format!("is a vector of {len} numbers; at most {} fit", limits::VECTOR_LEN))
    }
}

/// What is wrong with the columns of a manifest, if anything is.
pub(crate) fn column_fault(manifest: &Manifest) -> Option<String> {
    for (place, columns) in [("input", &manifest.input), ("output", &manifest.output)] {
        for column in columns {
            if let Some(fault) = column.fault() {
                return Some(format!("{place} column '{}' {fault}", column.name));
            }
        }
        if let Err(e) = Schema::new(columns.iter().map(ColumnInfo::column).collect()) {
            return Some(format!("{place}: {e}"));
        }
    }
    None
}
