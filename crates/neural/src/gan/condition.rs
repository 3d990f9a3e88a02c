//! What the generator is asked for: a value of one column, as marks beside the noise.

use tidemill_kernel::Random;

use super::columns::{Columns, Span, drawn};

/// The columns of which a value can be asked for.
pub(super) struct Conditions {
    all: Vec<Condition>,
    /// Marks of a row.
    pub(super) width: usize,
}

struct Condition {
    /// Where its shares begin within a row, and where its marks do.
    first: usize,
    marks: usize,
    /// The rows that have each of its values.
    rows: Vec<Vec<u32>>,
    /// How often each value is asked for in training, and when rows are made.
    training: Vec<f64>,
    counts: Vec<f64>,
}

/// What was asked for: where the shares of the column begin, how many they are, and which of them is to be 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Asked {
    pub(super) first: usize,
    pub(super) n: usize,
    pub(super) value: usize,
}

impl Conditions {
    pub(super) fn of(columns: &Columns, rows: &[f32]) -> Self {
        let (mut all, mut width) = (Vec::new(), 0);
        for span in columns.conditions() {
            let Span::Shares(first, n) = span else { continue };
            let mut of_value = vec![Vec::new(); n];
            for (at, row) in rows.chunks_exact(columns.width).enumerate() {
                of_value[super::columns::largest(&row[first..first + n])].push(at as u32);
            }
            let counts: Vec<f64> = of_value.iter().map(|rows| rows.len() as f64).collect();
            let training = counts.iter().map(|n| n.ln_1p()).collect();
            all.push(Condition { first, marks: width, rows: of_value, training, counts });
            width += n;
        }
        Conditions { all, width }
    }

    /// Adds marks as training asks for them, and gives what was asked for with a row that has it; nothing where no column can be asked for.
    pub(super) fn for_training(&self, random: &mut Random, into: &mut Vec<f32>) -> Option<(Asked, u32)> {
        let (condition, value) = self.mark(random, into, |condition| &condition.training)?;
        let rows = &condition.rows[value];
        Some((
            Asked { first: condition.first, n: condition.rows.len(), value },
            rows[random.below(rows.len())],
        ))
    }

    /// Adds marks as often as the values occur.
    pub(super) fn as_they_occur(&self, random: &mut Random, into: &mut Vec<f32>) {
        self.mark(random, into, |condition| &condition.counts);
    }

    fn mark(
        &self,
        random: &mut Random,
        into: &mut Vec<f32>,
        weights: impl Fn(&Condition) -> &Vec<f64>,
    ) -> Option<(&Condition, usize)> {
        let first = into.len();
        into.resize(first + self.width, 0.0);
        let condition = self.all.get(random.below(self.all.len()))?;
        let value = drawn(weights(condition), random)?;
        into[first + condition.marks + value] = 1.0;
        Some((condition, value))
    }
}
