//! The log odds of naive Bayes as a sum with a term for each column.

use std::any::Any;

use tidemill_core::{Batch, Fitted, Linear, Result};
use tidemill_kernel::Classes;

use super::{FittedCategoricalNb, FittedCounts, FittedGaussianNb};

/// Scores of classes that are sums with a term for each column, given the class.
pub(super) trait Terms {
    fn classes(&self) -> &Classes;

    /// The columns that are read; a vector column counts as one.
    fn columns(&self) -> Vec<&str>;

    /// What the score of each class present is before any column is looked at.
    fn starts(&self) -> &[f64];

    /// What each column adds to the score of each class present: row after row, column after column, a number per class.
    fn terms(&self, batch: &Batch) -> Result<Vec<f64>>;
}

/// What each column adds to what naive Bayes says, in units that its probabilities determine: of two classes the log odds of
/// the second, `ln p2 - ln p1`; of more, for each class its log probability less the mean of those of all classes, so that the
/// softmax of what is summed gives the probabilities.
///
/// Scores themselves (the joint logarithms) have a part that all classes share: a rare value lowers each of them and changes no
/// probability. It cancels here. As a term depends on its own column alone, Shapley values against a background are exact: the
/// term less its mean over the background.
///
/// ```
/// # use std::sync::Arc;
/// # use tidemill_core::{Categories, Column, Context, Estimator, Linear, Role, Schema, Table, Training, Batch};
/// # use arrow_array::{ArrayRef, Float64Array, UInt32Array};
/// use tidemill_learn::bayes::{GaussianNb, LogOdds};
/// # let names = Categories::new(["no", "yes"]);
/// # let target = Column::category("y", names.clone()).with_role(Role::Target);
/// # let schema = Arc::new(Schema::new(vec![Column::number("x"), target])?);
/// # let x = Arc::new(Float64Array::from(vec![0.0, 1.0, 3.0, 4.0]));
/// # let y = names.column(UInt32Array::from(vec![0, 0, 1, 1]))?;
/// # let rows = Batch::new(schema, vec![x as ArrayRef, y])?;
/// # let table = Table::new(rows.clone());
/// let fitted = GaussianNb::default().fit(Training::on(&table), &Context::default())?;
/// let odds = LogOdds::of(&*fitted).unwrap();
/// // Equal shares and variances: x speaks for yes above the middle between the means 0.5 and 3.5.
/// assert_eq!((odds.columns(), odds.intercepts()), (vec!["x"], &[0.0][..]));
/// let terms = odds.parts(&rows)?;
/// assert!(terms[1] < 0.0 && terms[2] > 0.0 && (terms[1] + terms[2]).abs() < 1e-6);
/// # Ok::<(), tidemill_core::Error>(())
/// ```
pub struct LogOdds<'a> {
    model: &'a dyn Terms,
    starts: Vec<f64>,
}

impl<'a> LogOdds<'a> {
    /// Of what naive Bayes learned; `None` of anything else, and where not every class had training rows (such a class has the
    /// probability 0, whose logarithm is no number).
    pub fn of(fitted: &'a (dyn Fitted + 'static)) -> Option<Self> {
        let any: &dyn Any = fitted;
        let gaussian = any.downcast_ref::<FittedGaussianNb>().map(|model| model as &dyn Terms);
        let model = gaussian
            .or_else(|| any.downcast_ref::<FittedCategoricalNb>().map(|model| model as &dyn Terms))
            .or_else(|| any.downcast_ref::<FittedCounts>().map(|model| model as &dyn Terms))?;
        let classes = model.classes();
        if classes.k() < 2 || classes.k() < classes.names.len() {
            return None;
        }
        let mut starts = Vec::new();
        contrast(model.starts(), |x| starts.push(x));
        Some(LogOdds { model, starts })
    }
}

/// Of two scores the second less the first; of more each less their mean.
fn contrast(scores: &[f64], mut put: impl FnMut(f64)) {
    if let [first, second] = scores {
        return put(second - first);
    }
    let mean = scores.iter().sum::<f64>() / scores.len().max(1) as f64;
    scores.iter().for_each(|score| put(score - mean));
}

impl Linear for LogOdds<'_> {
    fn columns(&self) -> Vec<&str> {
        self.model.columns()
    }

    fn intercepts(&self) -> &[f64] {
        &self.starts
    }

    fn parts(&self, batch: &Batch) -> Result<Vec<f64>> {
        let (terms, n_classes) = (self.model.terms(batch)?, self.model.classes().k());
        let (p, k) = (self.model.columns().len(), self.starts.len());
        let mut parts = vec![0.0; batch.n_rows() * k * p];
        for (at, terms) in terms.chunks_exact(n_classes).enumerate() {
            let (row, column) = (at / p, at % p);
            let mut output = 0;
            contrast(terms, |x| {
                parts[(row * k + output) * p + column] = x;
                output += 1;
            });
        }
        Ok(parts)
    }
}
