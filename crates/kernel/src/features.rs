//! The columns that a numeric model reads, by name, so that it finds them again in any table.

use serde::{Deserialize, Serialize};
use tidemill_core::{Column, Error, Kind, Result, Role, Schema};

/// One feature column of a numeric model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feature {
    /// The column's name.
    pub name: String,
    /// For a vector column, the name of each of its numbers; `None` for a number or a flag.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub parts: Option<Vec<String>>,
    /// Whether it is a sparse vector column.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub sparse: bool,
}

impl Feature {
    /// The number of values per row in this column.
    pub fn width(&self) -> usize {
        self.parts.as_ref().map_or(1, Vec::len)
    }

    fn of(column: &Column, with_sparse: bool) -> Result<Self> {
        let parts = match column.kind {
            Kind::Number | Kind::Flag => None,
            Kind::Vector { len, sparse } if with_sparse || !sparse => Some(match &column.parts {
                Some(parts) if parts.len() == len => parts.to_vec(),
                _ => (0..len).map(|i| i.to_string()).collect(),
            }),
            found => return Err(wrong(&column.name, found)),
        };
        let sparse = matches!(column.kind, Kind::Vector { sparse: true, .. });
        Ok(Feature { name: column.name.clone(), parts, sparse })
    }

    /// Errors unless `column` has the same kind as this feature in training.
    fn check(&self, column: &Column) -> Result<()> {
        match (&self.parts, column.kind) {
            (None, Kind::Number | Kind::Flag) => Ok(()),
            (Some(parts), Kind::Vector { len, sparse }) if sparse == self.sparse && len == parts.len() => {
                Ok(())
            }
            (Some(parts), Kind::Vector { len, sparse }) if sparse == self.sparse => Err(Error::data(
                format!("'{}' has {len} numbers a row, the model was fitted on {}", self.name, parts.len()),
                "prepare the column as it was prepared for training",
            )),
            (Some(_), found) => {
                let wanted = if self.sparse { "a sparse vector" } else { "a dense vector" };
                Err(Error::WrongKind { column: self.name.clone(), found, wanted: wanted.into() })
            }
            (None, found) => Err(wrong(&self.name, found)),
        }
    }
}

fn wrong(name: &str, found: Kind) -> Error {
    Error::WrongKind { column: name.into(), found, wanted: "a number, a flag or a dense vector".into() }
}

/// The feature columns of a numeric model, in the order of its coefficients.
///
/// ```
/// use tidemill_core::{Column, Schema};
/// use tidemill_kernel::Features;
/// let schema = Schema::new(vec![Column::number("age")]).unwrap();
/// let features = Features::of(&schema).unwrap();
/// assert_eq!(features.n_columns(), 1);
/// assert_eq!(features.resolve(&schema).unwrap(), [0]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Features(pub Vec<Feature>);

impl Features {
    /// Every feature of a schema. Errors if one is not a number, a flag or a dense vector.
    pub fn of(schema: &Schema) -> Result<Self> {
        let features = schema.columns().iter().filter(|c| c.role == Role::Feature);
        Ok(Features(features.map(|column| Feature::of(column, false)).collect::<Result<_>>()?))
    }

    /// Like [`Features::of`], for learners that also read sparse vectors.
    pub fn with_sparse(schema: &Schema) -> Result<Self> {
        let features = schema.columns().iter().filter(|c| c.role == Role::Feature);
        Ok(Features(features.map(|column| Feature::of(column, true)).collect::<Result<_>>()?))
    }

    /// The total number of values per row.
    pub fn n_columns(&self) -> usize {
        self.0.iter().map(Feature::width).sum()
    }

    /// The index of each feature in a schema. Errors name the feature that is missing or has another kind.
    pub fn resolve(&self, schema: &Schema) -> Result<Vec<usize>> {
        self.0
            .iter()
            .map(|feature| {
                let at = schema.index(&feature.name)?;
                feature.check(&schema.columns()[at])?;
                Ok(at)
            })
            .collect()
    }

    /// For each number of a row: its column, and its part within a vector.
    pub fn names(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.iter().flat_map(|feature| {
            (0..feature.width())
                .map(move |i| (&*feature.name, feature.parts.as_ref().map(|parts| parts[i].as_str())))
        })
    }
}
