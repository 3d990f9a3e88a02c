//! Trees that another program grew.

use std::sync::Arc;

use serde_json::{Value, json};
use tidemill_core::{Categories, Error, Fitted, Registry, Result, State, Trees};

use super::FittedTrees;
use super::features::{Reads, TreeColumn, TreeColumns};
use super::fitted::VERSION;
use super::losses::Link;

/// What the trees of another program read from one column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportedColumn {
    /// A number or a flag.
    Number,
    /// A number of which zero means missing.
    ZeroIsMissing,
    /// A whole number that is the code of a category.
    Code,
    /// A category of so many names, in the order of their codes.
    Category(usize),
}

/// Trees that another program grew: they answer, explain themselves and are saved as ours are.
#[derive(Clone, Debug)]
pub struct ImportedTrees {
    /// Where they come from: saved with them, and otherwise not looked at.
    pub origin: Value,
    /// The columns by name, in the order of the trees' features.
    pub columns: Vec<(String, ImportedColumn)>,
    /// The classes, in the order of their codes; `None` for numbers.
    pub classes: Option<Arc<Categories>>,
    /// How scores become answers; [`Link::Mean`] for the shares of classes in whole leaves.
    pub link: Link,
    /// The trees.
    pub trees: Trees,
}

impl ImportedTrees {
    /// The kind under which they are saved.
    pub const KIND: &'static str = "imported_trees";
    const VERSION: u32 = VERSION;

    /// As the link of a model.
    ///
    /// # Errors
    /// Columns, classes, link and trees that do not fit together.
    pub fn fitted(self) -> Result<Arc<FittedTrees>> {
        let n_classes = self.classes.as_ref().map(|classes| classes.len());
        let n_outputs = match (self.link, n_classes) {
            (Link::Identity | Link::Exp | Link::Logistic, None) | (Link::Sigmoid, Some(2)) => 1,
            (Link::Softmax, Some(n)) => n,
            (Link::Mean, Some(n)) if self.trees.is_whole() => n,
            _ => return Err(Error::internal("the link of imported trees does not suit their answer")),
        };
        if self.trees.n_outputs() != n_outputs || self.trees.n_features() != self.columns.len() {
            return Err(Error::internal("imported trees have other columns or outputs than they say"));
        }
        let column = |(name, reads): (String, ImportedColumn)| TreeColumn {
            name,
            reads: match reads {
                ImportedColumn::Number => Reads::Number,
                ImportedColumn::ZeroIsMissing => Reads::ZeroIsMissing,
                ImportedColumn::Code => Reads::Code,
                ImportedColumn::Category(n) => Reads::Category(n),
            },
        };
        Ok(Arc::new(FittedTrees {
            kind: Self::KIND,
            notes: json!({ "trees": self.trees.n_trees() }),
            settings: self.origin,
            columns: TreeColumns(self.columns.into_iter().map(column).collect()),
            classes: self.classes,
            link: self.link,
            started: false,
            trees: self.trees,
        }))
    }

    /// Builds what [`Fitted::state`] saved.
    ///
    /// # Errors
    /// A state that is not whole.
    pub fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        state.check_version(Self::VERSION)?;
        FittedTrees::restored(&state, Self::KIND, Value::clone)
    }
}
