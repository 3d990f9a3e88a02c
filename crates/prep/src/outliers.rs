//! `outliers`: numbers far from the others, found and treated.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidemill_core::{
    Builtin, BuiltinStep, Column, Columns, Context, Estimator, Fitted, KeyPath, Kind, Registry, Result, Slot,
    State, Training,
};

use crate::joint::{self, Added, Joint, Together};
use crate::mapping::{self, Saved};
use crate::numbers::{finite, median, quantile, summary, variance};

/// The standard deviation of a normal distribution over its median absolute deviation (scikit-learn and statsmodels round alike
/// to 1.4826).
const MAD_TO_DEVIATION: f64 = 1.482_602_218_505_602;

/// Finds numbers that lie far from the others of their column in training, and clips, marks or removes them.
///
/// What is far is learned from the finite training values, and later values are held to the same bounds: the treatment of a
/// row never depends on the rows beside it. Missing values stay missing; infinite ones are outliers. A column that does not vary by
/// the measure taken (a deviation, a median absolute deviation or a distance between quartiles of 0) has none but these.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Outliers {
    /// The columns to look at; without any, every feature that is a number.
    pub columns: Columns,
    /// How outliers are found.
    pub detect: Detect,
    /// What becomes of them.
    pub action: Action,
    /// How far is too far: deviations from the mean (3 without it), median absolute deviations made to agree with those for normal
    /// values (3.5), distances between the quartiles beyond them (1.5), or for `percentile` the percentage at each end (1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
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
}

/// What becomes of outliers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// They are brought to the nearest bound.
    #[default]
    Clip,
    /// They stay, and a flag column `NAME_outlier` marks them.
    Flag,
    /// They are taken for missing.
    Missing,
}

impl Default for Outliers {
    fn default() -> Self {
        let (detect, action) = (Detect::default(), Action::default());
        Outliers { columns: Columns::default(), detect, action, threshold: None }
    }
}

impl Outliers {
    /// The least and the greatest value that are no outliers.
    fn bounds(&self, values: &arrow_array::Float64Array) -> [f64; 2] {
        let found = summary(values);
        let around = |middle: f64, spread: f64, times: f64| {
            if spread > 0.0 { [middle - times * spread, middle + times * spread] } else { OPEN }
        };
        if found.n == 0 {
            return OPEN;
        }
        let mut all = finite(values);
        match self.detect {
            Detect::Zscore => {
                let deviation = variance(values, found.n, found.mean).sqrt();
                around(found.mean, deviation, self.threshold.unwrap_or(3.0))
            }
            Detect::ModifiedZscore => {
                let middle = median(&mut all).unwrap_or(0.0);
                all.iter_mut().for_each(|x| *x = (*x - middle).abs());
                let mad = median(&mut all).unwrap_or(0.0);
                around(middle, MAD_TO_DEVIATION * mad, self.threshold.unwrap_or(3.5))
            }
            Detect::Iqr => {
                let (low, high) = (quantile(&mut all, 0.25), quantile(&mut all, 0.75));
                let beyond = self.threshold.unwrap_or(1.5) * (high - low);
                if high > low { [low - beyond, high + beyond] } else { OPEN }
            }
            Detect::Percentile => {
                let share = self.threshold.unwrap_or(1.0) / 100.0;
                [quantile(&mut all, share), quantile(&mut all, 1.0 - share)]
            }
        }
    }
}

/// Nothing finite lies outside.
const OPEN: [f64; 2] = [f64::MIN, f64::MAX];

impl Estimator for Outliers {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn params(&self) -> Value {
        mapping::params(self)
    }

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        context.check()?;
        let schema = training.train.schema();
        let places = self.columns.places(schema, "a number", |c: &Column| c.kind == Kind::Number)?;
        joint::refuse_target(Self::KIND, schema, &places)?;
        let batch = training.train.collect()?;
        let bounds = places.iter().map(|&at| Ok(self.bounds(batch.numbers(at)?)));
        let learned = Bounds { action: self.action, bounds: bounds.collect::<Result<_>>()? };
        let marked = self.action == Action::Flag;
        let mark = |(j, at): (usize, &usize)| {
            let name = format!("{}_outlier", schema.columns()[*at].name);
            Added { name, flag: true, from: j }
        };
        let added = places.iter().enumerate().filter(|_| marked).map(mark).collect();
        let changed = vec![!marked; places.len()];
        let kind = (Self::KIND, Self::VERSION);
        Ok(Arc::new(Together::new(kind, schema, &places, changed, added, learned)))
    }
}

impl Builtin for Outliers {
    const KIND: &'static str = "outliers";

    fn check(&self) -> Result<(), KeyPath> {
        let most = if self.detect == Detect::Percentile { 50.0 } else { f64::MAX };
        match self.threshold {
            Some(x) if !(x > 0.0 && x < most) => {
                let end = if most < f64::MAX { " and below 50" } else { "" };
                Err(KeyPath::new("threshold", format!("must be a number above 0{end}, but is {x}")))
            }
            _ => Ok(()),
        }
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        Together::<Bounds>::load((Self::KIND, Self::VERSION), &state)
    }
}

impl BuiltinStep for Outliers {
    const SLOT: Slot = Slot::Outliers;
    const DONE: &'static str = "outliers treated";
}

/// Between which values each column's numbers are no outliers.
struct Bounds {
    action: Action,
    bounds: Vec<[f64; 2]>,
}

impl Joint for Bounds {
    fn save(&self) -> Saved {
        Saved::new(self.action, self.bounds.concat())
    }

    fn load(saved: Saved, p: usize) -> Result<Self, String> {
        let (bounds, rest) = saved.floats.as_chunks::<2>();
        if bounds.len() != p
            || !rest.is_empty()
            || bounds.iter().any(|[low, high]| low > high || low.is_nan() || high.is_nan())
        {
            return Err("there are not two bounds for each column".into());
        }
        Ok(Bounds { action: saved.read()?, bounds: bounds.to_vec() })
    }

    fn work(&self, row: &mut [f64], added: &mut [f64]) {
        for (j, (x, [low, high])) in row.iter_mut().zip(&self.bounds).enumerate() {
            let outside = *x < *low || *x > *high;
            match self.action {
                Action::Clip if outside => *x = if *x < *low { *low } else { *high },
                Action::Missing if outside => *x = f64::NAN,
                Action::Flag => added[j] = f64::from(u8::from(outside)),
                _ => {}
            }
        }
    }
}
