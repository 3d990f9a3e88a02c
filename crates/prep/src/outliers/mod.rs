//! `outliers`: numbers, or whole rows, far from the others, found and treated.

mod bounds;
mod local_outlier_factor;
mod mahalanobis;
mod one_class_svm;
mod seasonal;
#[cfg(test)]
mod tests;
mod training;
mod treatment;
mod whole_rows;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidemill_core::{
    Batch, Builtin, BuiltinStep, Column, Columns, Context, Estimator, Fitted, KeyPath, Kind, Registry,
    Result, Schema, Slot, State, Table, Training,
};

use crate::joint::{self, Added, Together};
use crate::placing::{self, Place, Placing};
use crate::span::Span;
use crate::weights;
use bounds::{bounds, outside};
use seasonal::Seasons;
use treatment::Treatment;
use whole_rows::WholeRows;

/// Finds numbers, or whole rows, that lie far from the others in training, and clips, marks, removes or plays them down.
///
/// What is far is learned from the training rows, and later rows are held to the same bounds: the treatment of a
/// row never depends on the rows beside it. `zscore`, `modified_zscore`, `iqr`, `percentile` and
/// `seasonal_residual` look at each column by itself:
/// missing values stay missing; infinite ones are outliers; a column that does not vary by the measure taken (a deviation, a
/// median absolute deviation or a distance between quartiles of 0) has none but these. `isolation_forest`,
/// `local_outlier_factor`, `one_class_svm` and `mahalanobis` look at all columns of a row together: a missing number counts as the
/// column's median, a row with an infinite one is an outlier, and for all but the first each column is standardised first. `drop`
/// and `down_weight` touch training rows only: later rows pass as they are.
///
/// Agrees with scikit-learn's `IsolationForest` (the score, not the random cuts), `LocalOutlierFactor`, `OneClassSVM` and
/// `LedoitWolf`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Outliers {
    /// The columns to use; by default, every feature that is a number.
    pub columns: Columns,
    /// How outliers are found.
    pub detect: Detect,
    /// How they are treated; by default they are brought to the nearest bound where columns are looked at one by one, and
    /// marked where rows are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
    /// How far is too far: deviations from the mean (3 by default), median absolute deviations made to agree with those for normal
    /// values (3.5, of `seasonal_residual` too), distances between the quartiles beyond them (1.5), for `percentile` the percentage at each end (1), for
    /// `isolation_forest` the score between 0 and 1 (0.6), for `local_outlier_factor` the factor (1.5), for `one_class_svm` the score
    /// between 0 and 1 (0.5, the edge of the region), and for `mahalanobis` the share of normal rows that lie nearer (0.999).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Instead of a threshold, the share of training rows, up to 0.5, that are outliers; where whole rows are looked at. For
    /// `one_class_svm` the share of rows outside the region as well (its `nu`; 0.05 by default).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("with" = { "key": "detect", "is": ["isolation_forest", "local_outlier_factor", "one_class_svm", "mahalanobis"], "name": "contamination" }))]
    pub contamination: Option<f64>,
    /// How many trees an isolation forest has (100 by default).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("with" = { "key": "detect", "is": ["isolation_forest"], "name": "n_trees" }))]
    pub n_trees: Option<usize>,
    /// With how many neighbours the local outlier factor compares a row (20 by default).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("with" = { "key": "detect", "is": ["local_outlier_factor"], "name": "n_neighbors" }))]
    pub n_neighbors: Option<usize>,
    /// For `seasonal_residual`, the length of a season: such as `24h`, `7d` or `1w` along times, a number along numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("with" = { "key": "detect", "is": ["seasonal_residual"], "name": "period" }))]
    pub period: Option<Span>,
    /// For `seasonal_residual`, the columns that tell groups apart, each with a line of its own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("with" = { "key": "detect", "is": ["seasonal_residual"], "name": "by" }))]
    pub by: Vec<String>,
    /// For `seasonal_residual`, the column of times or numbers along which rows are ordered; by default the column in the role `time`, or
    /// the only one of times.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("with" = { "key": "detect", "is": ["seasonal_residual"], "name": "along" }))]
    pub along: Option<String>,
    /// What an outlier counts with `down_weight`, from 0 to 1 (0.1 by default); a weight column is multiplied by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("with" = { "key": "action", "is": ["down_weight"], "name": "weight" }))]
    pub weight: Option<f64>,
}

/// How outliers are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Detect {
    /// By standard deviations from the mean.
    Zscore,
    /// By median absolute deviations from the median (Iglewicz and Hoaglin 1993).
    ModifiedZscore,
    /// By distances between the quartiles, from these (Tukey 1977).
    #[default]
    Iqr,
    /// The least and the greatest values, by percentage.
    Percentile,
    /// By median absolute deviations from what is usual at the same phase of a season, along time; `period` says how long a season is.
    /// Later rows are held to the season and to the level at the end of training.
    SeasonalResidual,
    /// Rows that few random cuts set apart from all others (Liu, Ting and Zhou 2008).
    IsolationForest,
    /// Rows in emptier places than their nearest neighbours (Breunig and others 2000). With `flag` or `missing` the model keeps
    /// the training rows.
    LocalOutlierFactor,
    /// Rows outside the region that holds most rows (one-class support vector machine; Schölkopf and others 2001). Learned from at most
    /// 4,000 rows, drawn at random. With `flag` or `missing` the model keeps those of them at the edge of the region.
    OneClassSvm,
    /// Rows far from the mean, measured by how the columns vary together (covariance shrunk after Ledoit and Wolf 2004).
    Mahalanobis,
}

impl Detect {
    fn by_row(self) -> bool {
        use Detect::{IsolationForest, LocalOutlierFactor, Mahalanobis, OneClassSvm};
        matches!(self, IsolationForest | LocalOutlierFactor | Mahalanobis | OneClassSvm)
    }

    /// What a threshold must be above and below.
    fn range(self) -> (f64, f64) {
        match self {
            Detect::Percentile => (0.0, 50.0),
            Detect::IsolationForest | Detect::Mahalanobis | Detect::OneClassSvm => (0.0, 1.0),
            _ => (0.0, f64::MAX),
        }
    }
}

/// What becomes of outliers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// They are brought to the nearest bound; where columns are looked at one by one.
    Clip,
    /// They stay, and a flag column marks them: `NAME_outlier`, or `outlier` for whole rows.
    Flag,
    /// They are taken for missing; of a row that is an outlier, all of the columns.
    Missing,
    /// Training rows that hold one are left out.
    Drop,
    /// Training rows that hold one count for less.
    DownWeight,
}

/// What a fit finds.
struct Findings {
    fitted: Arc<Together<Treatment>>,
    batch: Batch,
    places: Vec<usize>,
    /// Which training rows hold an outlier.
    rows: Vec<bool>,
}

impl Outliers {
    fn action(&self) -> Action {
        self.action.unwrap_or(if self.detect.by_row() { Action::Flag } else { Action::Clip })
    }

    fn find(&self, training: Training<'_>, context: &Context) -> Result<Findings> {
        context.check()?;
        let schema = training.train.schema();
        let mut places = self.columns.places(schema, "a number", |c: &Column| c.kind == Kind::Number)?;
        joint::refuse_target(Self::KIND, schema, &places)?;
        let batch = training.train.collect()?;
        if let Some(period) = &self.period {
            let along = placing::along(schema, self.along.as_deref())?;
            let period = period.length(schema.columns()[along].kind, "period")?;
            places.retain(|at| *at != along);
            return self.find_in_season(batch, places, along, period);
        }
        let columns = places.iter().map(|&at| batch.numbers(at)).collect::<Result<Vec<_>>>()?;
        let action = self.action();
        let (treatment, rows) = if self.detect.by_row() && !places.is_empty() {
            let x = joint::matrix(&batch, &places)?;
            let (whole, rows) = WholeRows::fit(self, &columns, x, context)?;
            (Treatment::Rows { action, whole: Box::new(whole) }, rows)
        } else {
            let bounds = columns.iter().filter_map(|values| bounds(self.detect, self.threshold, values));
            let bounds: Vec<[f64; 2]> = bounds.collect();
            let mut rows = vec![false; batch.n_rows()];
            for (values, bounds) in columns.iter().zip(&bounds) {
                let marks = rows.iter_mut().zip(values.iter());
                marks.for_each(|(mark, x)| *mark |= x.is_some_and(|x| outside(x, *bounds)));
            }
            (Treatment::Cells { action, bounds }, rows)
        };
        let fitted = Arc::new(match action {
            Action::Drop | Action::DownWeight => self.of_training(schema),
            _ => self.together(&batch, &places, treatment),
        });
        Ok(Findings { fitted, batch, places, rows })
    }

    /// As [`Outliers::find`], of numbers held against their season.
    fn find_in_season(
        &self,
        batch: Batch,
        places: Vec<usize>,
        along: usize,
        period: f64,
    ) -> Result<Findings> {
        let (placing, of_rows) = Placing::learn(&batch, &self.by, Some(along))?;
        let (x, p) = (joint::matrix(&batch, &places)?, places.len());
        let threshold = self.threshold.unwrap_or(3.5);
        let seasons = Seasons::fit(&x, p, (&of_rows, placing.n_groups()), period, threshold);
        let is_outlier = |(row, place): (&[f64], &Place)| {
            let beyond = |(j, x): (usize, &f64)| {
                outside(*x, seasons.bounds(*place, j, p).unwrap_or([f64::MIN, f64::MAX]))
            };
            row.iter().enumerate().any(beyond)
        };
        let rows = match p {
            0 => vec![false; batch.n_rows()],
            _ => x.chunks_exact(p).zip(&of_rows).map(is_outlier).collect(),
        };
        let action = self.action();
        let fitted = match action {
            Action::Drop | Action::DownWeight => self.of_training(batch.schema()),
            _ => {
                let treatment = Treatment::Seasons { action, seasons: Box::new(seasons) };
                self.together(&batch, &places, treatment).placed(placing)
            }
        };
        Ok(Findings { fitted: Arc::new(fitted), batch, places, rows })
    }

    /// What becomes of later rows where training rows alone are touched: nothing.
    fn of_training(&self, schema: &Schema) -> Together<Treatment> {
        let kind = (Self::KIND, Self::VERSION);
        let treatment = Treatment::Training { action: self.action() };
        Together::new(kind, schema, &[], Vec::new(), Vec::new(), treatment)
    }

    /// The treatment of later rows.
    fn together(&self, batch: &Batch, places: &[usize], treatment: Treatment) -> Together<Treatment> {
        let schema = batch.schema();
        let marked = self.action() == Action::Flag;
        let added: Vec<Added> = match (marked, self.detect.by_row()) {
            (false, _) => Vec::new(),
            (true, true) if places.is_empty() => Vec::new(),
            (true, true) => vec![Added { name: "outlier".into(), flag: true, from: 0 }],
            (true, false) => {
                let name = |at: usize| format!("{}_outlier", schema.columns()[at].name);
                let places = places.iter().enumerate();
                places.map(|(from, &at)| Added { name: name(at), flag: true, from }).collect()
            }
        };
        let changed = vec![!marked; places.len()];
        Together::new((Self::KIND, Self::VERSION), schema, places, changed, added, treatment)
    }
}

impl Estimator for Outliers {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        Ok(self.find(training, context)?.fitted)
    }

    fn fit_apply(&self, training: Training<'_>, context: &Context) -> Result<(Arc<dyn Fitted>, Table)> {
        let Findings { fitted, batch, places, rows } = self.find(training, context)?;
        let output = match self.action() {
            Action::Drop => training::without(&batch, &rows)?,
            Action::DownWeight => {
                let share = self.weight.unwrap_or(0.1);
                weights::scaled(&batch, |row| if rows[row] { share } else { 1.0 })?
            }
            // Among the rows that it was learned from, a row is its own nearest neighbour: they are judged without themselves.
            action if self.detect.by_row() => {
                let schema = Arc::new(fitted.output(batch.schema())?);
                treatment::marked(&batch, schema, &places, &rows, action)?
            }
            _ => fitted.clone().bind(batch.schema())?.apply(&batch)?,
        };
        Ok((fitted, Table::new(output)))
    }
}

impl Builtin for Outliers {
    const KIND: &'static str = "outliers";
    /// Version 2 knows whole rows, and actions on training rows alone; version 3 one-class support vector machines.
    const VERSION: u32 = 3;

    fn check(&self) -> Result<(), KeyPath> {
        let (by_row, action) = (self.detect.by_row(), self.action());
        if by_row && action == Action::Clip {
            let problem = "is \"clip\", which brings one number to a bound, and this detector judges whole rows: \
                           take \"flag\", \"missing\", \"drop\" or \"down_weight\"";
            return Err(KeyPath::new("action", problem));
        }
        let (low, high) = self.detect.range();
        if let Some(x) = self.threshold.filter(|x| !(*x > low && *x < high)) {
            let end = if high < f64::MAX { format!(" and below {high}") } else { String::new() };
            return Err(KeyPath::new("threshold", format!("must be a number above {low}{end}, but is {x}")));
        }
        if let Some(x) = self.contamination.filter(|x| !(*x > 0.0 && *x <= 0.5)) {
            return Err(KeyPath::new(
                "contamination",
                format!("must be above 0 and at most 0.5, but is {x}"),
            ));
        }
        if self.contamination.is_some() && self.threshold.is_some() {
            return Err(KeyPath::new("contamination", "stands beside 'threshold': give one of them"));
        }
        if let Some(x) = self.weight.filter(|x| !(0.0..=1.0).contains(x)) {
            return Err(KeyPath::new("weight", format!("must be from 0 to 1, but is {x}")));
        }
        match &self.period {
            None if self.detect == Detect::SeasonalResidual => {
                let problem =
                    "is missing: \"seasonal_residual\" needs the length of a season, such as \"7d\"";
                return Err(KeyPath::new("period", problem));
            }
            Some(period) => period.check().map_err(|problem| KeyPath::new("period", problem))?,
            None => {}
        }
        let (forest, factor) = (Detect::IsolationForest, Detect::LocalOutlierFactor);
        let seasonal = Detect::SeasonalResidual;
        let given = [
            ("contamination", self.contamination.is_some(), by_row, "a detector that judges whole rows"),
            ("n_trees", self.n_trees.is_some(), self.detect == forest, "detect = \"isolation_forest\""),
            (
                "n_neighbors",
                self.n_neighbors.is_some(),
                self.detect == factor,
                "detect = \"local_outlier_factor\"",
            ),
            ("period", self.period.is_some(), self.detect == seasonal, "detect = \"seasonal_residual\""),
            ("by", !self.by.is_empty(), self.detect == seasonal, "detect = \"seasonal_residual\""),
            ("along", self.along.is_some(), self.detect == seasonal, "detect = \"seasonal_residual\""),
            ("weight", self.weight.is_some(), action == Action::DownWeight, "action = \"down_weight\""),
        ];
        if let Some((key, .., with)) = given.iter().find(|(_, given, fits, _)| *given && !fits) {
            return Err(KeyPath::new(*key, format!("has an effect only with {with}")));
        }
        for (key, n, most) in [("n_trees", self.n_trees, 10_000), ("n_neighbors", self.n_neighbors, 10_000)] {
            if let Some(n) = n.filter(|n| !(1..=most).contains(n)) {
                return Err(KeyPath::new(key, format!("must be 1 to {most}, but is {n}")));
            }
        }
        Ok(())
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        Together::<Treatment>::load((Self::KIND, Self::VERSION), &state)
    }
}

impl BuiltinStep for Outliers {
    const SLOT: Slot = Slot::Outliers;
    const DONE: &'static str = "outliers treated";
    const KEEPS_ROWS: bool = true;

    /// Neighbours and support vectors are rows; bounds, trees, seasons and covariances are not.
    fn holds_rows(state: &State) -> bool {
        let detect = state.params.pointer("/learned/detector/detect").and_then(Value::as_str);
        detect.is_some_and(|detect| ["local_outlier_factor", "one_class_svm"].contains(&detect))
    }
}
