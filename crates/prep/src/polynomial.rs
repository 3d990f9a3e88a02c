//! `polynomial`: products and squares of number columns as new columns.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Builtin, BuiltinStep, Columns, Context, Error, Estimator, Fitted, KeyPath, Registry, Result, Slot, State,
    Training,
};

use crate::joint::{self, Added, Joint, Together};
use crate::mapping::Saved;

/// The most new columns.
const MOST: usize = 1000;

/// Adds the products of two number columns, and the square of each, as columns named `a*b` and `a^2`.
///
/// Agrees with scikit-learn's `PolynomialFeatures(degree=2)`. A product with a missing value is missing. The columns themselves stay.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Polynomial {
    /// The columns to multiply; by default, every number that is a feature. At most 1,000 products may come of them.
    pub columns: Columns,
    /// Whether squares are left out.
    pub interaction_only: bool,
}

impl Estimator for Polynomial {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        context.check()?;
        let schema = training.train.schema();
        let places = joint::number_places(Self::KIND, &self.columns, schema)?;
        let first = usize::from(self.interaction_only);
        let pairs = (0..places.len()).flat_map(|i| (i + first..places.len()).map(move |j| (i, j)));
        let pairs: Vec<(usize, usize)> = pairs.collect();
        if pairs.len() > MOST {
            return Err(Error::data(
                format!("{} columns have {} products, more than {MOST}", places.len(), pairs.len()),
                "name fewer 'columns'",
            ));
        }
        let name = |at: usize| &schema.columns()[places[at]].name;
        let product = |&(i, j): &(usize, usize)| {
            let name = if i == j { format!("{}^2", name(i)) } else { format!("{}*{}", name(i), name(j)) };
            Added { name, flag: false, from: i }
        };
        let added = pairs.iter().map(product).collect();
        let changed = vec![false; places.len()];
        let kind = (Self::KIND, Self::VERSION);
        Ok(Arc::new(Together::new(kind, schema, &places, changed, added, Products(pairs))))
    }
}

impl Builtin for Polynomial {
    const KIND: &'static str = "polynomial";

    fn check(&self) -> Result<(), KeyPath> {
        match self.interaction_only && self.columns.0.len() == 1 {
            true => Err(KeyPath::new("columns", "names one column, which has no product with another")),
            false => Ok(()),
        }
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        Together::<Products>::load((Self::KIND, Self::VERSION), &state)
    }
}

impl BuiltinStep for Polynomial {
    const SLOT: Slot = Slot::Derived;
    const DONE: &'static str = "multiplied with others";
}

/// Which inputs are multiplied.
struct Products(Vec<(usize, usize)>);

impl Joint for Products {
    fn save(&self) -> Saved {
        Saved::new(&self.0, Vec::new())
    }

    fn load(saved: Saved, p: usize) -> Result<Self, String> {
        let pairs: Vec<(usize, usize)> = saved.read()?;
        match pairs.iter().all(|(i, j)| *i < p && *j < p) {
            true => Ok(Products(pairs)),
            false => Err("a product of a column that is not there".into()),
        }
    }

    fn work(&self, row: &mut [f64], added: &mut [f64]) {
        added.iter_mut().zip(&self.0).for_each(|(to, (i, j))| *to = row[*i] * row[*j]);
    }
}
