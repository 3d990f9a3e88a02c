//! Why each answer is what it is, in the words of every format.

use tidemill_engine::explain::Explained;

use super::Answered;

/// What the columns of a row add to its answer: of several classes, to the one that was predicted.
pub(super) struct Explanation<'a> {
    /// The method by its word in requests and answers.
    pub(super) method: &'static str,
    /// What base and values sum to.
    pub(super) units: &'static str,
    /// The class, or the target.
    pub(super) of: &'a str,
    /// What is said when nothing of a row is known.
    pub(super) base: f64,
    /// The columns that matter most over all rows first.
    pub(super) columns: &'a [String],
    /// A number per column.
    pub(super) values: &'a [f64],
}

impl<'a> Explanation<'a> {
    /// That of an answer, where explanations were asked for.
    pub(super) fn of(answered: &Answered<'a>, i: usize) -> Option<Self> {
        let explained: &'a Explained = answered.explained?;
        let row = explained.rows.get(i)?;
        let said = row.prediction.as_str().unwrap_or_default();
        let output = explained.outputs.iter().position(|name| name == said).unwrap_or(0);
        Some(Explanation {
            method: explained.method.word(),
            units: explained.units,
            of: &explained.outputs[output],
            base: explained.base[output],
            columns: &explained.columns,
            values: &row.values[output],
        })
    }
}
