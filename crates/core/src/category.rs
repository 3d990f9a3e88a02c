//! The names behind the codes of a category column.

use std::sync::Arc;

use arrow_array::types::UInt32Type;
use arrow_array::{Array, ArrayRef, DictionaryArray, StringArray, UInt32Array};
use hashbrown::HashMap;

use crate::{Error, Result};

/// The name of values that were not seen when the model was fitted.
pub const UNSEEN: &str = "(unseen)";

/// The names of a category column in the order of their codes: code `i` is `names()[i]`.
///
/// The code [`Categories::unseen`] (one past the last name) stands for any value that is not among the names; a missing value is null.
/// Codes are fixed once, so all batches of a column share one dictionary.
///
/// ```
/// let colours = tidemill_core::Categories::new(["blue", "red"]);
/// assert_eq!(colours.code("red"), 1);
/// assert_eq!(colours.code("green"), colours.unseen());
/// ```
#[derive(Debug)]
pub struct Categories {
    names: Vec<Arc<str>>,
    codes: HashMap<Arc<str>, u32>,
    /// The names, followed by [`UNSEEN`].
    dictionary: ArrayRef,
}

impl Categories {
    /// Creates categories from names in the order of their codes; a repeated name keeps its first code.
    pub fn new<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Arc<Self> {
        let mut unique: Vec<Arc<str>> = Vec::new();
        let mut codes = HashMap::new();
        for name in names {
            let name: Arc<str> = Arc::from(name.as_ref());
            if !codes.contains_key(&name) {
                codes.insert(name.clone(), unique.len() as u32);
                unique.push(name);
            }
        }
        let dictionary =
            StringArray::from_iter_values(unique.iter().map(|n| &**n).chain(std::iter::once(UNSEEN)));
        Arc::new(Categories { names: unique, codes, dictionary: Arc::new(dictionary) })
    }

    /// The names, in the order of their codes.
    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// The number of names, not counting values unseen at fit.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are no names (an all-missing column).
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The code of a name, or [`Categories::unseen`].
    pub fn code(&self, name: &str) -> u32 {
        self.codes.get(name).copied().unwrap_or(self.unseen())
    }

    /// The code of every value that is not among the names.
    pub fn unseen(&self) -> u32 {
        self.names.len() as u32
    }

    /// The name of a code; [`UNSEEN`] for any code past the last name.
    pub fn name(&self, code: u32) -> &str {
        self.names.get(code as usize).map_or(UNSEEN, |n| n)
    }

    /// A column with these codes (null = missing).
    ///
    /// Errors if a code is greater than [`Categories::unseen`].
    pub fn column(&self, codes: UInt32Array) -> Result<ArrayRef> {
        let array = DictionaryArray::<UInt32Type>::try_new(codes, self.dictionary.clone())
            .map_err(|e| Error::internal(format!("category codes: {e}")))?;
        Ok(Arc::new(array))
    }
}

impl PartialEq for Categories {
    fn eq(&self, other: &Self) -> bool {
        self.names == other.names
    }
}

/// The codes of a category column.
pub(crate) fn codes(array: &dyn Array) -> Option<&UInt32Array> {
    array.as_any().downcast_ref::<DictionaryArray<UInt32Type>>().map(DictionaryArray::keys)
}
