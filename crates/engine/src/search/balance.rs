//! `[balance]`: resampled rows to fit a learner on, and the correction of its probabilities for the true class proportions.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use tidemill_core::recipe::Recipe;
use tidemill_core::{Chain, Context, Fitted, Needs, Resampler, Result, Table, Target};

use crate::links::prior::Prior;

/// What balancing did to the rows that a model was fitted on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BalanceFacts {
    /// The resampler.
    pub kind: String,
    /// Rows of each class before, in the order of the classes; of a number to predict, all rows.
    pub before: Vec<usize>,
    /// And after; where rows were weighed, the sum of their weights.
    pub after: Vec<usize>,
    /// Whether rows were weighed, and their number left as it is.
    pub weighed: bool,
    /// Whether probabilities are brought back to the shares before.
    pub corrected: bool,
}

/// The resampler of a recipe.
pub(crate) struct Balancer {
    kind: String,
    resampler: Box<dyn Resampler>,
    correct: bool,
}

/// Rows to fit on.
pub(crate) struct Balanced {
    pub(crate) rows: Table,
    pub(crate) facts: BalanceFacts,
    prior: Option<Arc<dyn Fitted>>,
}

impl Balancer {
    /// `None` where the recipe asks for no balance.
    pub(crate) fn of(recipe: &Recipe, context: &Context) -> Result<Option<Self>> {
        let Some(balance) = &recipe.balance else { return Ok(None) };
        let params = Value::Object(balance.params.clone());
        let resampler = context.registry().resampler(&balance.kind, params)?;
        Ok(Some(Balancer { kind: balance.kind.clone(), resampler, correct: balance.correct }))
    }

    /// What a learner with these needs asks of its rows together with the resampler.
    pub(crate) fn needs(this: Option<&Self>, needs: Needs) -> Needs {
        let own = this.map(|balancer| balancer.resampler.needs()).unwrap_or_default();
        Needs {
            complete: needs.complete || own.complete,
            // What is complete and scaled must be numbers and categories.
            tabular: needs.tabular || own != Needs::default(),
            scaled: needs.scaled || own.scaled,
            ..needs
        }
    }

    /// Balances prepared training rows.
    pub(crate) fn balance(&self, train: &Table, context: &Context) -> Result<Balanced> {
        let rows = self.resampler.resample(train, &context.with_stream("balance"))?;
        let (before, after) = (classes(train)?, classes(&rows)?);
        let weights = |classes: &[(usize, f64)]| classes.iter().map(|c| c.1).collect::<Vec<f64>>();
        if before.is_empty() {
            let rows_of = |table: &Table| vec![table.batch().n_rows()];
            let (before, after) = (rows_of(train), rows_of(&rows));
            let weighed = before == after;
            let facts = BalanceFacts { kind: self.kind.clone(), before, after, weighed, corrected: false };
            return Ok(Balanced { rows, facts, prior: None });
        }
        let prior = self.correct.then(|| Arc::new(Prior::new(&weights(&before), &weights(&after))) as _);
        let same = before.iter().zip(&after).all(|(a, b)| a.0 == b.0);
        let weighed = same && before != after;
        let count = |(rows, weight): (usize, f64)| if weighed { weight.round() as usize } else { rows };
        let counts = |classes: Vec<(usize, f64)>| classes.into_iter().map(count).collect();
        let (before, after) = (counts(before), counts(after));
        let facts = BalanceFacts { kind: self.kind.clone(), before, after, weighed, corrected: self.correct };
        Ok(Balanced { rows, facts, prior })
    }
}

impl Balanced {
    /// A learner that was fitted on these rows, and what brings its probabilities back.
    pub(crate) fn links(&self, learner: Arc<dyn Fitted>) -> Vec<Arc<dyn Fitted>> {
        std::iter::once(learner).chain(self.prior.clone()).collect()
    }

    /// The same as one link.
    pub(crate) fn link(&self, learner: Arc<dyn Fitted>) -> Arc<dyn Fitted> {
        match self.prior {
            Some(_) => Arc::new(Chain(self.links(learner))),
            None => learner,
        }
    }
}

/// Rows and weight of each class.
fn classes(table: &Table) -> Result<Vec<(usize, f64)>> {
    let Target::Class { codes, n_classes } = Target::of(table.batch())? else { return Ok(Vec::new()) };
    let weights = table.batch().weights()?;
    let mut classes = vec![(0, 0.0); n_classes];
    for (row, code) in codes.iter().enumerate() {
        let class = &mut classes[*code as usize];
        *class = (class.0 + 1, class.1 + weights.as_ref().map_or(1.0, |w| w[row]));
    }
    Ok(classes)
}
