//! Shapley values of rows: what each feature adds to an answer.

use serde::Serialize;
use tidemill_core::Schema;

/// What each feature adds to each output of each row. `base` and a row's values sum to what the model says of the row.
///
/// ```
/// use tidemill_eval::explain::{ShapValues, Sources};
/// let mut shap = ShapValues::zeros(1, vec![10.0], 3);
/// shap.of_mut(0, 0).copy_from_slice(&[1.0, 2.0, -4.0]);
/// assert_eq!(shap.total(0, 0), 9.0);
/// let sources = Sources::of([("colour", 0), ("colour", 1), ("size", 0)].map(|(name, _)| name));
/// let by_source = shap.by_source(&sources);
/// assert_eq!(by_source.of(0, 0), [3.0, -4.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShapValues {
    n_features: usize,
    /// By output: what is answered when nothing of a row is known.
    base: Vec<f64>,
    /// Row after row, and within a row output after output, a number per feature.
    values: Vec<f64>,
}

impl ShapValues {
    /// Values of zero for `n_rows` rows.
    pub fn zeros(n_rows: usize, base: Vec<f64>, n_features: usize) -> Self {
        let values = vec![0.0; n_rows * base.len() * n_features];
        ShapValues { n_features, base, values }
    }

    /// Values that are there already, laid out as [`ShapValues::values`] gives them.
    pub(crate) fn new(base: Vec<f64>, n_features: usize, values: Vec<f64>) -> Self {
        ShapValues { n_features, base, values }
    }

    /// How many rows; 0 without features.
    pub fn n_rows(&self) -> usize {
        self.values.len() / (self.n_features * self.base.len()).max(1)
    }

    /// How many outputs: 1 for a number and for two classes, else one per class.
    pub fn n_outputs(&self) -> usize {
        self.base.len()
    }

    /// How many features.
    pub fn n_features(&self) -> usize {
        self.n_features
    }

    /// The answer when nothing of a row is known, by output.
    pub fn base(&self) -> &[f64] {
        &self.base
    }

    /// All values: row after row, within a row output after output, within an output a number per feature.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// What each feature adds to one output of one row.
    pub fn of(&self, row: usize, output: usize) -> &[f64] {
        let start = (row * self.base.len() + output) * self.n_features;
        &self.values[start..start + self.n_features]
    }

    /// The same, to be written.
    pub fn of_mut(&mut self, row: usize, output: usize) -> &mut [f64] {
        let start = (row * self.base.len() + output) * self.n_features;
        &mut self.values[start..start + self.n_features]
    }

    /// What the values explain: the base and everything that is added to it.
    pub fn total(&self, row: usize, output: usize) -> f64 {
        self.base[output] + self.of(row, output).iter().sum::<f64>()
    }

    /// Multiplies base and values: a forest of `n` trees whose answer is their mean is explained by the sum, times `1 / n`.
    pub fn scaled(mut self, factor: f64) -> Self {
        self.base.iter_mut().chain(&mut self.values).for_each(|x| *x *= factor);
        self
    }

    /// Adds `weight` times the values of another member of a blend. Both must be of the same rows, outputs and features.
    pub fn add(&mut self, weight: f64, other: &ShapValues) {
        let from = other.base.iter().chain(&other.values);
        self.base.iter_mut().chain(&mut self.values).zip(from).for_each(|(to, x)| *to += weight * x);
    }

    /// The values of derived features summed to those of the columns that they were derived from. A sum of Shapley values
    /// keeps what makes them up: they still sum to the answer.
    pub fn by_source(&self, sources: &Sources) -> ShapValues {
        let k = sources.names.len();
        let mut summed = vec![0.0; self.n_rows() * self.base.len() * k];
        let each = summed.chunks_exact_mut(k.max(1)).zip(self.values.chunks_exact(self.n_features.max(1)));
        for (to, from) in each {
            from.iter().zip(&sources.of_feature).for_each(|(x, &source)| to[source as usize] += x);
        }
        ShapValues { n_features: k, base: self.base.clone(), values: summed }
    }

    /// The mean absolute value of each feature over all rows and outputs: how much the answers go by it.
    pub fn mean_absolute(&self) -> Vec<f64> {
        let n = (self.values.len() / self.n_features.max(1)).max(1) as f64;
        let mut means = vec![0.0; self.n_features];
        for values in self.values.chunks_exact(self.n_features.max(1)) {
            means.iter_mut().zip(values).for_each(|(mean, x)| *mean += x.abs());
        }
        means.iter_mut().for_each(|mean| *mean /= n);
        means
    }
}

/// Which source column each derived feature belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sources {
    /// The source columns, in the order in which they are first met.
    pub names: Vec<String>,
    /// For each feature, its place in `names`.
    pub of_feature: Vec<u32>,
}

impl Sources {
    /// From the name of the source column of each feature.
    pub fn of<'a>(source_of_feature: impl IntoIterator<Item = &'a str>) -> Self {
        let mut sources = Sources { names: Vec::new(), of_feature: Vec::new() };
        let mut place = std::collections::BTreeMap::new();
        for name in source_of_feature {
            let next = sources.names.len() as u32;
            let at = *place.entry(name).or_insert(next);
            if at == next {
                sources.names.push(name.into());
            }
            sources.of_feature.push(at);
        }
        sources
    }

    /// From the columns that the features are read from (a vector column gives a feature per number) and the schema in
    /// which each of them says what it was derived from. A column that the schema lacks counts as a source itself.
    pub fn of_columns<'a>(columns: impl IntoIterator<Item = &'a str>, schema: &'a Schema) -> Self {
        Self::of(columns.into_iter().map(|name| schema.column(name).map_or(name, |column| column.source())))
    }
}
