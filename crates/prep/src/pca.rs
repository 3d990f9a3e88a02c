//! `pca`: number columns to their principal components.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidemill_core::{
    Builtin, BuiltinStep, Chain, Columns, Context, Error, Estimator, Fitted, KeyPath, Registry, Result, Slot,
    State, Training,
};
use tidemill_kernel::reduce::{in_chunks, sum_parts};
use tidemill_kernel::symmetric;

use crate::drop_columns::DropColumns;
use crate::joint::{self, Added, Joint, Together};
use crate::mapping::Saved;
use crate::numbers::{summary, variance};
use crate::selection::dropped;

/// Rows whose products one thread sums at a time.
const ROWS: usize = 2048;
/// The most columns: their products are kept in memory, pair by pair.
const MOST: usize = 4096;

/// Replaces number columns by their principal components `pca_1`, `pca_2` and so on: the directions in which the training rows vary
/// most, each at right angles to the others.
///
/// Agrees with scikit-learn's `PCA`, signs included: of each direction the number of greatest size is positive. Columns are
/// standardised first unless `standardize = false`. A missing or infinite number counts as the column's mean, so fill missing values first
/// where they matter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Pca {
    /// The columns to replace; by default, every feature that is a number. At most 4,096.
    pub columns: Columns,
    /// How many components; by default as many as explain `variance`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n_components: Option<usize>,
    /// The share of the variance that the components explain at least, above 0 and at most 1.
    pub variance: f64,
    /// Whether columns are divided by their deviation first, so that their units do not matter.
    pub standardize: bool,
    /// Whether the columns stay beside their components.
    pub keep: bool,
}

impl Default for Pca {
    fn default() -> Self {
        let columns = Columns::default();
        Pca { columns, n_components: None, variance: 0.95, standardize: true, keep: false }
    }
}

impl Estimator for Pca {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        context.check()?;
        let schema = training.train.schema();
        let places = joint::number_places(Self::KIND, &self.columns, schema)?;
        let p = places.len();
        if p > MOST {
            return Err(Error::data(
                format!("{p} columns are more than the {MOST} that 'pca' takes"),
                "name fewer 'columns'",
            ));
        }
        let batch = training.train.collect()?;
        let mut ready = Vec::with_capacity(p);
        for &at in &places {
            let values = batch.numbers(at)?;
            let found = summary(values);
            let deviation = variance(values, found.n, found.mean).sqrt();
            let sound = self.standardize && deviation > 0.0 && deviation.is_finite();
            ready.push([found.mean, if sound { deviation } else { 1.0 }]);
        }
        let x = joint::matrix(&batch, &places)?;
        context.check()?;
        let (values, mut axes) = symmetric::eigen(&covariance(&x, p, &ready), p).ok_or_else(|| {
            Error::data("the columns are too large to multiply", "scale them, or leave standardize = true")
        })?;
        let k = self.n_chosen(&values);
        axes.truncate(k * p);
        let name = |c: usize| Added { name: format!("pca_{c}"), flag: false, from: 0 };
        let added = (1..=k).map(name).collect();
        let kind = (Self::KIND, Self::VERSION);
        let together = Together::new(kind, schema, &places, vec![false; p], added, Axes { ready, axes });
        if self.keep || k == 0 {
            return Ok(Arc::new(together));
        }
        let names = places.iter().map(|&at| schema.columns()[at].name.clone());
        let gone = dropped((DropColumns::KIND, DropColumns::VERSION), names);
        Ok(Arc::new(Chain(vec![Arc::new(together) as Arc<dyn Fitted>, gone])))
    }
}

impl Pca {
    /// How many of the directions with these variances, falling, are taken.
    fn n_chosen(&self, values: &[f64]) -> usize {
        if let Some(n) = self.n_components {
            return n.min(values.len());
        }
        let total: f64 = values.iter().map(|v| v.max(0.0)).sum();
        let mut sum = 0.0;
        for (k, value) in values.iter().enumerate() {
            sum += value.max(0.0);
            // The last digits of a sum must not ask for directions that hold nothing.
            if sum >= self.variance * total * (1.0 - 1e-12) {
                return k + 1;
            }
        }
        values.len()
    }
}

/// The covariance of rows of `p` numbers, each made ready.
fn covariance(x: &[f64], p: usize, ready: &[[f64; 2]]) -> Vec<f64> {
    let n = x.len().checked_div(p).unwrap_or(0);
    let parts = in_chunks(n, ROWS, |rows| {
        let mut sums = vec![0.0; p * p];
        let mut row = vec![0.0; p];
        for one in x[rows.start * p..rows.end * p].chunks_exact(p) {
            make_ready(one, ready, &mut row);
            for a in 0..p {
                let products = sums[a * p..=a * p + a].iter_mut().zip(&row);
                products.for_each(|(sum, x)| *sum += row[a] * x);
            }
        }
        sums
    });
    let mut sums = sum_parts(parts, p * p);
    sums.iter_mut().for_each(|sum| *sum /= n.max(1) as f64);
    sums
}

fn make_ready(row: &[f64], ready: &[[f64; 2]], out: &mut [f64]) {
    for (to, (x, [mean, deviation])) in out.iter_mut().zip(row.iter().zip(ready)) {
        *to = if x.is_finite() { (x - mean) / deviation } else { 0.0 };
    }
}

impl Builtin for Pca {
    const KIND: &'static str = "pca";

    fn check(&self) -> Result<(), KeyPath> {
        if self.n_components == Some(0) {
            return Err(KeyPath::new("n_components", "must be at least 1; it is 0"));
        }
        match self.variance {
            x if x > 0.0 && x <= 1.0 => Ok(()),
            x => Err(KeyPath::new("variance", format!("must be above 0 and at most 1, but is {x}"))),
        }
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        Together::<Axes>::load((Self::KIND, Self::VERSION), &state)
    }
}

impl BuiltinStep for Pca {
    const SLOT: Slot = Slot::Select;
    const DONE: &'static str = "replaced by principal components";
}

/// The directions.
struct Axes {
    /// By input: the mean, and by what the distance from it is divided.
    ready: Vec<[f64; 2]>,
    /// Direction after direction, a number for each input.
    axes: Vec<f64>,
}

impl Joint for Axes {
    fn save(&self) -> Saved {
        Saved::new(Value::Null, [self.ready.concat().as_slice(), &self.axes].concat())
    }

    fn load(saved: Saved, p: usize) -> Result<Self, String> {
        let (ready, axes) = saved.floats.split_at_checked(2 * p).ok_or("a mean is missing")?;
        let ready = ready.as_chunks::<2>().0.to_vec();
        let whole = if p == 0 { axes.is_empty() } else { axes.len().is_multiple_of(p) };
        if !whole || ready.iter().any(|[_, deviation]| *deviation == 0.0) {
            return Err("its directions are not whole".into());
        }
        Ok(Axes { ready, axes: axes.to_vec() })
    }

    fn work(&self, row: &mut [f64], added: &mut [f64]) {
        let mut off = vec![0.0; row.len()];
        self.project(row, &mut off, added);
    }

    fn work_rows(&self, rows: &mut [f64], added: &mut [f64], (p, a): (usize, usize)) {
        let mut off = vec![0.0; p];
        let rows = rows.chunks_exact(p).zip(added.chunks_exact_mut(a.max(1)));
        rows.for_each(|(row, added)| self.project(row, &mut off, added));
    }
}

impl Axes {
    fn project(&self, row: &[f64], off: &mut [f64], added: &mut [f64]) {
        make_ready(row, &self.ready, off);
        for (to, axis) in added.iter_mut().zip(self.axes.chunks_exact(row.len())) {
            *to = axis.iter().zip(&*off).map(|(w, x)| w * x).sum();
        }
    }
}
