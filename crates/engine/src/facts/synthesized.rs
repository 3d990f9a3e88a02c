//! Synthetic rows: their fidelity, utility and privacy.

use serde::Serialize;
use tidemill_core::Warning;

use super::{ColumnShape, LeftOut};

/// What `synthesize` made, and how it did.
#[derive(Clone, Debug, Serialize)]
pub struct SynthesizedFacts {
    /// The rows, as the user named them.
    pub source: String,
    /// What made the new ones: `copula` or `gan`.
    pub method: &'static str,
    /// Real rows that were learned from.
    pub learned: usize,
    /// Real rows that were held out, to judge by.
    pub held_out: usize,
    /// Rows that were made.
    pub made: usize,
    /// Each column, in the order of the table.
    pub columns: Vec<ColumnLikeness>,
    /// Columns of the source that the new rows do not have.
    pub left_out: Vec<LeftOut>,
    /// How columns hang together.
    pub pairs: PairLikeness,
    /// How well a classifier tells new rows from real ones.
    pub told: Option<Told>,
    /// What a model is worth that learned from the new rows, where there is a target.
    pub use_of: Option<Usefulness>,
    /// How near the new rows come to single real ones.
    pub privacy: Privacy,
    /// The file of rows that was written.
    pub out: Option<String>,
    /// What the user should know.
    pub warnings: Vec<Warning>,
}

/// A column of real rows and of new ones.
#[derive(Clone, Debug, Serialize)]
pub struct ColumnLikeness {
    /// Its name.
    pub name: String,
    /// `ks`: of numbers and times, the greatest difference of the two distribution functions (Kolmogorov and Smirnov). `tvd`: of names
    /// and flags, half the sum of the differences of their shares (total variation distance). Both from 0 to 1, over rows that
    /// have a value.
    pub measure: &'static str,
    /// Its value.
    pub apart: f64,
    /// The share of rows without a value, real and new.
    pub missing: [f64; 2],
    /// How varied new rows are, against as many real ones: of numbers and times the distance of their 5% and 95% quantiles, of names and
    /// flags the exponential of their entropy, each over that of real rows. Absent where real rows do not vary, and of few rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variety: Option<f64>,
    /// What real rows hold.
    pub real: ColumnShape,
    /// What new rows hold.
    pub made: ColumnShape,
}

/// How columns hang together in real rows and in new ones.
#[derive(Clone, Debug, Serialize)]
pub struct PairLikeness {
    /// How many pairs were compared.
    pub n: usize,
    /// The mean difference of their association; absent without a pair.
    pub mean: Option<f64>,
    /// The pairs that differ most, at most ten.
    pub most: Vec<PairFacts>,
}

/// The association of two columns: Pearson's correlation of numbers, Cramér's V of names, the correlation ratio of a name and a
/// number.
#[derive(Clone, Debug, Serialize)]
pub struct PairFacts {
    /// The columns.
    pub columns: [String; 2],
    /// By which measure: `pearson`, `cramers_v` or `correlation_ratio`.
    pub measure: &'static str,
    /// In real rows.
    pub real: f64,
    /// In new rows.
    pub made: f64,
}

/// A classifier that is to tell new rows from real ones.
#[derive(Clone, Debug, Serialize)]
pub struct Told {
    /// The learner.
    pub learner: &'static str,
    /// The area under its ROC curve, by cross-validation: 0.5 where it cannot tell them, 1 where it always can.
    pub roc_auc: f64,
    /// Rows of each sort that it was given.
    pub rows: usize,
}

/// Models that learned from real rows and from new ones, judged on the same held-out real rows.
#[derive(Clone, Debug, Serialize)]
pub struct Usefulness {
    /// The target.
    pub target: String,
    /// The learner.
    pub learner: &'static str,
    /// The metric, by name.
    pub metric: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// Whether more of it is better.
    pub greater_is_better: bool,
    /// Of the constant answer that knows no feature.
    pub baseline: Option<f64>,
    /// Of the model that learned from real rows.
    pub real: Option<f64>,
    /// Of the model that learned from new rows.
    pub made: Option<f64>,
    /// Held-out rows that judged.
    pub rows: usize,
}

/// How near rows come to the real rows that were learned from.
#[derive(Clone, Debug, Serialize)]
pub struct Privacy {
    /// The share of new rows that equal one of these in every column.
    pub copies: f64,
    /// The same of held-out real rows, which were not learned from: what chance alone gives.
    pub copies_held_out: f64,
    /// The distance of a new row to the closest of these: the 5% quantile and the median.
    pub nearest: [f64; 2],
    /// The same of held-out real rows.
    pub nearest_held_out: [f64; 2],
    /// How often a new row is closer than a held-out one, of all pairs of them: 0.5 where new rows are as far as real ones
    /// that were not learned from; clearly more where they sit on those that were.
    pub closer: f64,
    /// Rows that the distances rest on: new ones, held-out ones, and those that were learned from.
    pub rows: [usize; 3],
}
