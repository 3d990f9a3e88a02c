//! The second part of a training: the rows divided, the search on the training part, and what was chosen judged on the rest.

use std::sync::Arc;

use tidemill_core::recipe::{Recipe, Task};
use tidemill_core::{Chain, Context, Fitted, Result, Source, Table, View};
use tidemill_data::split::{self, Parts};
use tidemill_eval::Metric;

use crate::audit::Suggested;
use crate::forecast::{self, ForecastFacts};
use crate::judge::{BestNaive, Evidence, Judged, held_against};
use crate::search::{self, SearchResult};

/// A finished search.
pub(super) struct Searched {
    /// The recipe with the repairs that helped.
    pub(super) recipe: Recipe,
    pub(super) parts: Parts,
    pub(super) study: SearchResult,
    pub(super) judged: Judged,
    pub(super) evidence: Evidence,
    /// The best naive forecast, where a forecast was made.
    naive: Option<BestNaive>,
}

/// Searches on the training part of these rows and judges what was chosen on the test part, or on nested folds.
pub(super) fn run(
    table: &Arc<Table>,
    mut recipe: Recipe,
    suggested: &[Suggested],
    (task, metric): (Task, &Metric),
    context: &Context,
) -> Result<Searched> {
    if let Some(n) = recipe.split.nested {
        let (parts, outer) = split::outer(table, &recipe.split, n, context)?;
        let (judged, evidence) = Judged::nested(table, &outer, task, metric, &recipe, context)?;
        let study = search::study(table, &parts.train, &recipe, task, metric, context)?;
        return Ok(Searched { recipe, parts, study, judged, evidence, naive: None });
    }
    let parts = match recipe.forecast {
        Some(_) => forecast::origins::parts(table.batch(), &recipe)?,
        None => split::test_split(table, &recipe.split, context)?,
    };
    recipe = search::repaired(table, &parts.train, recipe, suggested, (task, metric), context)?;
    let mut study = search::study(table, &parts.train, &recipe, task, metric, context)?;
    let mut judged = Judged::on_test(table, &parts, &study, metric, &recipe, context)?;
    let mut naive = None;
    if recipe.forecast.is_some() {
        let (held, best) = held_against(table, &parts, &mut study, judged, metric, &recipe, context)?;
        (judged, naive) = (held, Some(best));
    }
    let (judged, evidence) = judged;
    Ok(Searched { recipe, parts, study, judged, evidence, naive })
}

impl Searched {
    /// The links that answer: these, fitted on all rows, then those that the search added, and the interval of a forecast.
    pub(super) fn answering(&self, steps: Vec<Arc<dyn Fitted>>, table: &Arc<Table>) -> Result<Chain> {
        let links = Chain(steps.into_iter().chain(self.study.links.iter().cloned()).collect());
        if self.recipe.forecast.is_none() || self.recipe.split.nested.is_some() {
            return Ok(links);
        }
        let test = View::new(table.clone(), &self.parts.test[..])?.collect()?;
        forecast::with_interval(links, table, &test, self.evidence.answered(), &self.recipe)
    }

    /// The results of a forecast; `learned_from` is the number of rows and columns of the user's table.
    pub(super) fn forecast(
        &mut self,
        table: &Arc<Table>,
        learned_from: [usize; 2],
    ) -> Result<Option<ForecastFacts>> {
        let Some(asked) = &self.recipe.forecast else { return Ok(None) };
        let backtest = self.naive.take().map(|BestNaive { about, said }| {
            let answered = self.evidence.answered();
            forecast::backtest(table, &self.parts, answered, &self.recipe, (about, &said))
        });
        Ok(Some(ForecastFacts {
            table: learned_from,
            horizon: asked.horizon.clone(),
            season: asked.season,
            window: asked.window.unwrap_or_default(),
            backtest: backtest.transpose()?,
        }))
    }
}
