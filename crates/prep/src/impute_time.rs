//! `impute_time`: missing numbers follow from those before and after them.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidemill_core::{
    Builtin, BuiltinStep, Column, Columns, Context, Estimator, Fitted, KeyPath, Kind, Registry, Result, Slot,
    State, Training,
};

use crate::joint::{self, Added, Joint, Together};
use crate::mapping::Saved;
use crate::ordered::Ordered;
use crate::placing::{self, Place, Placing};
use crate::span::Span;
use crate::spline;

/// Fills missing numbers from the known ones of the same group before and after them in time.
///
/// The model keeps the known training numbers and their times, so that a row alone is filled as within a batch: from the training
/// rows of its group, never from the rows beside it. A row before them or after them all, as most rows to come are, takes the nearest of
/// them, with `seasonal` that of the latest season. Later numbers than those of training are not known to the model: train it
/// anew when they should count. Where training has no number of the group (or, with `forward`, none before the row), and where a row
/// has no time, the mean of the group or of all rows is filled in. `backward`, `linear`, `nearest`, `spline` and `polynomial` look ahead
/// within the training rows: where the future must not show, take `forward` or `seasonal`. Infinite numbers are missing. Of several
/// rows at one time the last counts.
///
/// Agrees with pandas' `ffill`, `bfill` and `interpolate` (`values`), and with SciPy's `CubicSpline` and
/// `BarycentricInterpolator` (over the same numbers).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ImputeTime {
    /// The columns to fill; by default, every feature that is a number.
    pub columns: Columns,
    /// How a number follows from the others.
    pub method: Along,
    /// The columns that tell groups apart, each with a line of its own, such as the key of a shop.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<String>,
    /// The column of times or numbers along which rows are ordered; by default the column in the role `time`, or the only one of times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub along: Option<String>,
    /// The length of a season, for `seasonal`: such as `24h`, `7d` or `1w` along times, a number along numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("with" = { "key": "method", "is": ["seasonal"], "name": "period" }))]
    pub period: Option<Span>,
    /// The degree of the polynomial, for `polynomial`: 2 to 5, 3 by default. Of fewer numbers than it takes, one through all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("with" = { "key": "method", "is": ["polynomial"], "name": "degree" }))]
    pub degree: Option<usize>,
    /// Whether to add a flag column `NAME_missing` for each column that misses values in training.
    pub flag: bool,
}

/// How a missing number follows from others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Along {
    /// The last one before it.
    #[default]
    Forward,
    /// The first one after it.
    Backward,
    /// On the line between both.
    Linear,
    /// The nearer of both, the earlier of two as near.
    Nearest,
    /// On a cubic spline through all.
    Spline,
    /// On a polynomial of the given `degree` through the nearest of them, as many before as after it where there are.
    Polynomial,
    /// The last one that is a whole number of seasons earlier; without one, as `forward`.
    Seasonal,
}

impl Estimator for ImputeTime {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        context.check()?;
        let schema = training.train.schema();
        let along = placing::along(schema, self.along.as_deref())?;
        let number = |c: &Column| c.kind == Kind::Number;
        let mut columns = self.columns.places(schema, "a number", number)?;
        columns.retain(|at| *at != along);
        joint::refuse_target(Self::KIND, schema, &columns)?;
        let season = match &self.period {
            Some(period) => period.length(schema.columns()[along].kind, "period")?,
            None => 0.0,
        };
        let batch = training.train.collect()?;
        let (placing, places) = Placing::learn(&batch, &self.by, Some(along))?;
        let x = joint::matrix(&batch, &columns)?;
        let p = columns.len();
        let known = Ordered::learn(&x, p, &places, placing.n_groups());
        context.check()?;
        let mut marks = Vec::new();
        let mut means = Vec::with_capacity(p);
        for (j, &at) in columns.iter().enumerate() {
            let name = &schema.columns()[at].name;
            let values = || x.iter().skip(j).step_by(p).filter(|x| x.is_finite());
            let n = values().count();
            if n == 0 {
                context.warn("no_value", format!("column '{name}' has no value in training: filled with 0"));
            }
            if self.flag && n < places.len() {
                marks.push(Added { name: format!("{name}_missing"), flag: true, from: j });
            }
            means.push(mean(values(), n));
        }
        let degree = if self.method == Along::Polynomial { self.degree.unwrap_or(3) } else { 0 };
        let learned =
            Lines::new((self.method, degree), season, marks.iter().map(|m| m.from).collect(), means, known);
        let kind = (Self::KIND, Self::VERSION);
        let fitted = Together::new(kind, schema, &columns, vec![true; p], marks, learned);
        Ok(Arc::new(fitted.placed(placing)))
    }
}

/// The mean of `n` finite numbers; 0 of none.
fn mean<'a>(values: impl Iterator<Item = &'a f64>, n: usize) -> f64 {
    values.map(|x| x / n as f64).sum()
}

impl Builtin for ImputeTime {
    const KIND: &'static str = "impute_time";
    /// Version 2 knows polynomials.
    const VERSION: u32 = 2;

    fn check(&self) -> Result<(), KeyPath> {
        match (self.degree, self.method) {
            (Some(degree), Along::Polynomial) if !(2..=5).contains(&degree) => {
                return Err(KeyPath::new("degree", format!("must be 2 to 5, but is {degree}")));
            }
            (Some(_), other) if other != Along::Polynomial => {
                return Err(KeyPath::new("degree", "has an effect only with method = \"polynomial\""));
            }
            _ => {}
        }
        match (&self.period, self.method) {
            (None, Along::Seasonal) => Err(KeyPath::new(
                "period",
                "is missing: \"seasonal\" needs the length of a season, such as \"7d\"",
            )),
            (Some(_), other) if other != Along::Seasonal => {
                Err(KeyPath::new("period", "has an effect only with method = \"seasonal\""))
            }
            (Some(period), _) => period.check().map_err(|problem| KeyPath::new("period", problem)),
            _ => Ok(()),
        }
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        Together::<Lines>::load((Self::KIND, Self::VERSION), &state)
    }
}

impl BuiltinStep for ImputeTime {
    const SLOT: Slot = Slot::Missing;
    const DONE: &'static str = "missing values filled along time";
    const KEEPS_ROWS: bool = true;

    /// The known numbers of training with their times, where there are any.
    fn holds_rows(state: &State) -> bool {
        let ends = state.params.pointer("/learned/ends").and_then(Value::as_array);
        ends.and_then(|ends| ends.last()).and_then(Value::as_u64).is_some_and(|n| n > 0)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Notes {
    method: Along,
    #[serde(default, skip_serializing_if = "is_zero")]
    degree: usize,
    marks: Vec<usize>,
    ends: Vec<usize>,
}

fn is_zero(n: &usize) -> bool {
    *n == 0
}

/// How a missing number follows from others, with the degree of a polynomial (else 0).
type Method = (Along, usize);

/// The known numbers of training.
struct Lines {
    method: Along,
    /// Of a polynomial, else 0.
    degree: usize,
    /// The length of a season, 0 where there is none.
    season: f64,
    /// The inputs that are marked.
    marks: Vec<usize>,
    /// By input: the mean of all.
    means: Vec<f64>,
    known: Ordered,
    /// Of a spline: the slope at each known number. Follows from these.
    slopes: Vec<f64>,
    /// By group and input: the mean of its known numbers, or of all.
    group_means: Vec<f64>,
}

impl Lines {
    fn new(
        (method, degree): Method,
        season: f64,
        marks: Vec<usize>,
        means: Vec<f64>,
        known: Ordered,
    ) -> Self {
        let p = means.len();
        let mut slopes = Vec::new();
        let mut group_means = Vec::new();
        for (group, j) in (0..known.n_groups()).flat_map(|group| (0..p).map(move |j| (group, j))) {
            let (at, values) = known.of(group, j);
            if method == Along::Spline {
                slopes.extend(spline::slopes(at, values));
            }
            let own = mean(values.iter(), values.len());
            group_means.push(if values.is_empty() { means[j] } else { own });
        }
        Lines { method, degree, season, marks, means, known, slopes, group_means }
    }

    fn filled(&self, Place { group, at: x }: Place, j: usize) -> f64 {
        let Some(group) = group.map(|g| g as usize).filter(|g| *g < self.known.n_groups()) else {
            return self.means[j];
        };
        let mean = self.group_means[group * self.means.len() + j];
        let (at, values) = self.known.of(group, j);
        let (Some(first), Some(last)) = (values.first(), values.last()) else { return mean };
        if x.is_nan() {
            return mean;
        }
        // How many stand at `x` or before it. One that stands at `x` is that of another row at the same time.
        let n = at.partition_point(|at| *at <= x);
        let before = n.checked_sub(1);
        let forward = before.map_or(mean, |i| values[i]);
        let between = before.filter(|_| n < at.len());
        let outside = if n == 0 { *first } else { *last };
        match (self.method, between) {
            (Along::Forward, _) => forward,
            (Along::Seasonal, _) => self.a_season_ago(at, values, x).unwrap_or(forward),
            (_, Some(i)) if at[i] == x => values[i],
            (_, None) => outside,
            (Along::Backward, Some(i)) => values[i + 1],
            (Along::Nearest, Some(i)) => values[if x - at[i] <= at[i + 1] - x { i } else { i + 1 }],
            (Along::Linear, Some(i)) => {
                let t = (x - at[i]) / (at[i + 1] - at[i]);
                (1.0 - t) * values[i] + t * values[i + 1]
            }
            (Along::Spline, Some(i)) => {
                let slopes = &self.slopes[self.known.range(group, j)];
                let y = spline::between(
                    x,
                    [at[i], at[i + 1]],
                    [values[i], values[i + 1]],
                    [slopes[i], slopes[i + 1]],
                );
                if y.is_finite() { y } else { values[i] }
            }
            (Along::Polynomial, Some(i)) => {
                // Of an odd number of neighbours, the odd one is on the nearer side.
                let before = match self.degree % 2 {
                    0 if x - at[i] > at[i + 1] - x => self.degree / 2 - 1,
                    _ => self.degree / 2,
                };
                let wanted = (self.degree + 1).min(at.len());
                let start = i.saturating_sub(before).min(at.len() - wanted);
                let y = spline::through(x, &at[start..start + wanted], &values[start..start + wanted]);
                if y.is_finite() { y } else { values[i] }
            }
        }
    }

    /// The number at the latest known place that lies whole seasons before `x`.
    fn a_season_ago(&self, at: &[f64], values: &[f64], x: f64) -> Option<f64> {
        let (first, last) = (*at.first()?, *at.last()?);
        // Seasons without any known number are leapt over.
        let mut seasons = ((x - last) / self.season).ceil().max(1.0);
        loop {
            let wanted = x - seasons * self.season;
            if wanted.is_nan() || wanted < first {
                return None;
            }
            let i = at.partition_point(|at| *at < wanted);
            match at.get(i) {
                Some(found) if *found == wanted => return Some(values[i]),
                // The place before is the next that could be met.
                _ => {
                    let next = ((x - at[i.checked_sub(1)?]) / self.season).ceil();
                    seasons = next.max(seasons + 1.0);
                }
            }
        }
    }
}

impl Joint for Lines {
    fn save(&self) -> Saved {
        let (ends, known) = self.known.save();
        let floats = [self.season].into_iter().chain(self.means.iter().copied()).chain(known);
        Saved::new(
            Notes { method: self.method, degree: self.degree, marks: self.marks.clone(), ends },
            floats.collect(),
        )
    }

    fn load(saved: Saved, p: usize) -> Result<Self, String> {
        let Notes { method, degree, marks, ends } = saved.read()?;
        let (head, known) = saved.floats.split_at_checked(1 + p).ok_or("a mean is missing")?;
        let season = head[0];
        if marks.iter().any(|j| *j >= p) || (method == Along::Seasonal && (season.is_nan() || season <= 0.0))
        {
            return Err("its marks or its season do not fit".into());
        }
        if (method == Along::Polynomial) != (2..=5).contains(&degree) {
            return Err("its degree does not fit".into());
        }
        Ok(Lines::new((method, degree), season, marks, head[1..].to_vec(), Ordered::load(ends, known, p)?))
    }

    fn work(&self, row: &mut [f64], added: &mut [f64]) {
        self.work_at(Place { group: None, at: f64::NAN }, row, added);
    }

    fn work_at(&self, place: Place, row: &mut [f64], added: &mut [f64]) {
        let marks = added.iter_mut().zip(&self.marks);
        marks.for_each(|(mark, j)| *mark = f64::from(u8::from(!row[*j].is_finite())));
        for (j, x) in row.iter_mut().enumerate().filter(|(_, x)| !x.is_finite()) {
            *x = self.filled(place, j);
        }
    }
}
