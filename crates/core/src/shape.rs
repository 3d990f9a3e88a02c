//! What training a learner costs, and the sizes of a table that this depends on.

use crate::recipe::Spec;

/// The sizes of the rows that a learner is fitted on: what [`crate::BuiltinLearner::fit_cost`] depends on.
///
/// ```
/// use tidemill_core::Shape;
/// let shape = Shape { rows: 1e3, numbers: 8.0, columns: 4.0, classes: 3.0, ..Shape::default() };
/// let read = shape.read_sparse(false);
/// assert_eq!((read.width, read.tabular(), read.outputs()), (8.0, 4.0, 3.0));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shape {
    /// Rows to fit on.
    pub rows: f64,
    /// Numbers of a row for learners that read only numbers (names of categories one by one).
    pub numbers: f64,
    /// Columns for learners that read categories as they are.
    pub columns: f64,
    /// Bins that boosted trees make of a column, on average.
    pub bins: f64,
    /// Words of a row, over all of its texts.
    pub words: f64,
    /// Texts.
    pub texts: f64,
    /// Numbers of its images, and height, width and channels of the largest.
    pub pixels: f64,
    /// Height, width and channels of the largest image.
    pub image: [usize; 3],
    /// Classes; 1 for a number.
    pub classes: f64,
    /// Numbers of a row that the learner reads; set by [`Shape::read_sparse`].
    pub width: f64,
}

impl Shape {
    /// Directions that the terms of a text are brought down to, for learners that read no sparse vectors.
    pub const DIRECTIONS: f64 = 50.0;

    /// The same, as a learner reads it that takes sparse vectors, or takes none ([`crate::Needs::sparse`]).
    pub fn read_sparse(self, sparse: bool) -> Self {
        // Texts are words and pairs of them where sparse vectors are read, and directions elsewhere.
        let width = match sparse && self.texts > 0.0 {
            true => self.numbers + 2.0 * self.words,
            false => self.numbers + Self::DIRECTIONS * self.texts,
        };
        Shape { width: width.max(1.0), ..self }
    }

    /// The same columns with so many rows.
    pub fn with_rows(self, rows: usize) -> Self {
        Shape { rows: rows as f64, ..self }
    }

    /// Numbers, terms and pixels of all rows.
    pub fn cells(&self) -> f64 {
        self.rows * (self.columns + self.words).max(1.0)
    }

    /// Numbers of a row for learners that read categories as they are.
    pub fn tabular(&self) -> f64 {
        (self.columns + Self::DIRECTIONS * self.texts).max(1.0)
    }

    /// How many functions are learned: one for a number or two classes, else one per class.
    pub fn outputs(&self) -> f64 {
        if self.classes > 2.0 { self.classes } else { 1.0 }
    }
}

/// What fitting a learner costs.
#[derive(Clone, Debug, PartialEq)]
pub enum FitCost {
    /// Operations of its own, right within a factor of two: one core does about 1e9 of them in a second.
    Operations(f64),
    /// Fits of other learners: how many of each.
    Fits(Vec<(Spec, f64)>),
}
