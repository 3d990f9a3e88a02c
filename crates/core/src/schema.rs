//! The columns of a table: names, kinds, roles and where derived ones came from.

use std::sync::Arc;

use crate::{Categories, Error, Kind, Layout, Result, Role};

/// The name of the column a learner adds for what it predicts.
pub const PREDICTION: &str = "prediction";
/// The name of the vector column a classifier adds with one probability per class.
pub const PROBABILITY: &str = "probability";
/// The name of the vector column a policy adds with the reward to be expected of each action.
pub const EXPECTED_REWARD: &str = "expected_reward";

/// The name of the vector column in the role [`Role::Start`].
pub const START: &str = "(start)";

/// The name of the number column in the role [`Role::Block`], where the table has no other column of that name.
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
    /// The source column it was derived from; `None` when it is a source column itself.
    pub origin: Option<String>,
    /// The names behind the codes, for a category (and for a probability: the classes).
    pub categories: Option<Arc<Categories>>,
    /// What each number of a vector is called.
    pub parts: Option<Arc<[String]>>,
    /// How the numbers of a dense vector lie, where they are more than a list.
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

    /// The same column in another role.
    pub fn with_role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    /// The same vector, its numbers laid out so.
    pub fn with_layout(mut self, layout: Layout) -> Self {
        self.layout = Some(layout);
        self
    }

    /// The same column, derived from `source` (or from what `source` itself was derived from).
    pub fn derived_from(mut self, source: &Column) -> Self {
        self.origin = Some(source.origin.clone().unwrap_or_else(|| source.name.clone()));
        self
    }

    /// The source column this one goes back to.
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
    /// The places in the order of the names: tables may be thousands of columns wide, and each step looks all of its own up.
    by_name: Vec<u32>,
}

impl Schema {
    /// These columns in this order; a repeated name is an error.
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

    /// How many columns there are.
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Whether there is no column.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// The names in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|c| c.name.as_str())
    }

    /// The place of a column, if it is there.
    pub fn position(&self, name: &str) -> Option<usize> {
        let found =
            self.by_name.binary_search_by(|place| self.columns[*place as usize].name.as_str().cmp(name));
        found.ok().map(|at| self.by_name[at] as usize)
    }

    /// The place of a column that must be there; the error offers the nearest name.
    pub fn index(&self, name: &str) -> Result<usize> {
        self.position(name).ok_or_else(|| Error::missing_column(name, "the data", self.names()))
    }

    /// The column of this name.
    pub fn column(&self, name: &str) -> Result<&Column> {
        Ok(&self.columns[self.index(name)?])
    }

    /// The places of the columns in this role.
    pub fn with_role(&self, role: Role) -> Vec<usize> {
        self.places(|c| c.role == role)
    }

    /// The place of the first column in this role.
    pub fn role(&self, role: Role) -> Option<usize> {
        self.columns.iter().position(|c| c.role == role)
    }

    /// The places of the columns for which `wanted` holds.
    pub fn places(&self, wanted: impl Fn(&Column) -> bool) -> Vec<usize> {
        self.columns.iter().enumerate().filter(|(_, c)| wanted(c)).map(|(i, _)| i).collect()
    }
}
