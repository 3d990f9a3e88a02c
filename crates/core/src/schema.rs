//! The columns of a table: names, kinds, roles, and the source of derived columns.

use std::sync::Arc;

use crate::{Categories, Error, Kind, Layout, Result, Role};

/// The name of the prediction column that a learner adds.
pub const PREDICTION: &str = "prediction";
/// The name of the vector column in which a classifier adds one probability per class.
pub const PROBABILITY: &str = "probability";
/// The name of the vector column in which a policy adds the expected reward of each action.
pub const EXPECTED_REWARD: &str = "expected_reward";

/// The name of the vector column with the role [`Role::Start`].
pub const START: &str = "(start)";

/// The name of the number column with the role [`Role::Block`], if the table has no other column of that name.
pub const BLOCK: &str = "(block)";

/// One column.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name, unique within the schema.
    pub name: String,
    /// What its values are.
    pub kind: Kind,
    /// What it is for.
    pub role: Role,
    /// The source column from which it was derived; `None` if it is a source column itself.
    pub origin: Option<String>,
    /// The names behind the codes, for a category (and the classes, for a probability).
    pub categories: Option<Arc<Categories>>,
    /// The name of each number of a vector.
    pub parts: Option<Arc<[String]>>,
    /// What the numbers of a dense vector mean together, if they are more than a list.
    pub layout: Option<Layout>,
}

impl Column {
    /// A feature of this kind.
    pub fn new(name: impl Into<String>, kind: Kind) -> Self {
        Column {
            name: name.into(),
            kind,
            role: Role::Feature,
            origin: None,
            categories: None,
            parts: None,
            layout: None,
        }
    }

    /// A number.
    pub fn number(name: impl Into<String>) -> Self {
        Column::new(name, Kind::Number)
    }

    /// A category with these names.
    pub fn category(name: impl Into<String>, categories: Arc<Categories>) -> Self {
        Column { categories: Some(categories), ..Column::new(name, Kind::Category) }
    }

    /// A dense vector with these parts.
    pub fn vector(name: impl Into<String>, parts: impl Into<Arc<[String]>>) -> Self {
        let parts = parts.into();
        Column {
            parts: Some(parts.clone()),
            ..Column::new(name, Kind::Vector { len: parts.len(), sparse: false })
        }
    }

    /// A sparse vector with these parts.
    pub fn sparse_vector(name: impl Into<String>, parts: impl Into<Arc<[String]>>) -> Self {
        let parts = parts.into();
        Column {
            parts: Some(parts.clone()),
            ..Column::new(name, Kind::Vector { len: parts.len(), sparse: true })
        }
    }

    /// The same column with another role.
    pub fn with_role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    /// The same vector with this layout.
    pub fn with_layout(mut self, layout: Layout) -> Self {
        self.layout = Some(layout);
        self
    }

    /// The same column, derived from `source` (or from what `source` itself was derived from).
    pub fn derived_from(mut self, source: &Column) -> Self {
        self.origin = Some(source.origin.clone().unwrap_or_else(|| source.name.clone()));
        self
    }

    /// The source column from which this one originates.
    pub fn source(&self) -> &str {
        self.origin.as_deref().unwrap_or(&self.name)
    }

    /// The names behind the codes of a category column.
    pub fn categories(&self) -> Result<&Arc<Categories>> {
        self.categories
            .as_ref()
            .ok_or_else(|| Error::internal(format!("category '{}' has no names", self.name)))
    }
}

/// The columns of a table, in order. Cheap to clone behind an [`Arc`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schema {
    columns: Vec<Column>,
    /// The indices in the order of the names: tables may have thousands of columns, and each step looks up all of its own.
    by_name: Vec<u32>,
}

impl Schema {
    /// A schema of these columns, in this order; a repeated name is an error.
    pub fn new(columns: Vec<Column>) -> Result<Self> {
        let name = |place: u32| columns[place as usize].name.as_str();
        let mut by_name: Vec<u32> = (0..columns.len() as u32).collect();
        by_name.sort_unstable_by(|a, b| name(*a).cmp(name(*b)));
        if let Some(twice) = by_name.windows(2).find(|w| name(w[0]) == name(w[1])) {
            let problem = format!("two columns are named '{}'", name(twice[0]));
            return Err(Error::data(problem, "rename one of them"));
        }
        Ok(Schema { columns, by_name })
    }

    /// The columns in order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The number of columns.
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Whether there are no columns.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// The names in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|c| c.name.as_str())
    }

    /// The index of a column, if it exists.
    pub fn position(&self, name: &str) -> Option<usize> {
        let found =
            self.by_name.binary_search_by(|place| self.columns[*place as usize].name.as_str().cmp(name));
        found.ok().map(|at| self.by_name[at] as usize)
    }

    /// The index of a column that must exist; the error suggests the nearest name.
    pub fn index(&self, name: &str) -> Result<usize> {
        self.position(name).ok_or_else(|| Error::missing_column(name, "the data", self.names()))
    }

    /// The column with this name.
    pub fn column(&self, name: &str) -> Result<&Column> {
        Ok(&self.columns[self.index(name)?])
    }

    /// The indices of the columns with this role.
    pub fn with_role(&self, role: Role) -> Vec<usize> {
        self.places(|c| c.role == role)
    }

    /// The index of the first column with this role.
    pub fn role(&self, role: Role) -> Option<usize> {
        self.columns.iter().position(|c| c.role == role)
    }

    /// The indices of the columns for which `wanted` is true.
    pub fn places(&self, wanted: impl Fn(&Column) -> bool) -> Vec<usize> {
        self.columns.iter().enumerate().filter(|(_, c)| wanted(c)).map(|(i, _)| i).collect()
    }
}
