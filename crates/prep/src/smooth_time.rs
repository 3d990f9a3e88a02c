//! `smooth_time`: numbers ordered by time, freed of noise.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Float64Array};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidemill_core::{
    Batch, Builtin, BuiltinStep, Column, Columns, Context, Estimator, Fitted, KeyPath, Kind, Registry,
    Result, Slot, State, Table, Training,
};

use crate::joint::{self, Joint, Together};
use crate::mapping::Saved;
use crate::numbers::median;
use crate::ordered::Ordered;
use crate::placing::{self, Place, Placing};

/// Smooths numbers along time, group by group.
///
/// By default a number follows from itself and those before it: the model keeps the last training numbers of each group, so a
/// served row is smoothed like a training row, from what training knew before it. Later numbers than those of training are not known to
/// the model. With `centered = true` a filter looks ahead as well: that is for training rows alone, later rows stay as they are, and a
/// warning says so. Missing numbers stay missing and are leapt over: a window counts known numbers, not time. Of several rows at one
/// time each counts itself, and for others the last of them.
///
/// Agrees with pandas' `rolling(window, min_periods=1)` and `ewm(alpha, adjust=False)`, and with SciPy's `savgol_filter` and
/// `gaussian_filter1d` where the window is full.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SmoothTime {
    /// The columns to smooth; by default, every feature that is a number.
    pub columns: Columns,
    /// How a number follows from its neighbours.
    pub filter: Filter,
    /// How many known numbers a window holds, its own included: 2 to 1,001; odd where it is centered, and greater than `degree` for
    /// `savitzky_golay`.
    pub window: usize,
    /// For `exponential`, how much the number itself counts, above 0 and at most 1.
    #[schemars(extend("with" = { "key": "filter", "is": ["exponential"], "name": "alpha" }))]
    pub alpha: f64,
    /// For `savitzky_golay`, the degree of the polynomial, 0 to 5.
    #[schemars(extend("with" = { "key": "filter", "is": ["savitzky_golay"], "name": "degree" }))]
    pub degree: usize,
    /// For `gaussian`, the standard deviation of the curve in known numbers, above 0; by default a quarter of the window.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("with" = { "key": "filter", "is": ["gaussian"], "name": "sigma" }))]
    pub sigma: Option<f64>,
    /// Whether windows reach as far ahead as back, in training alone.
    pub centered: bool,
    /// The columns that tell groups apart, each with a line of its own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<String>,
    /// The column of times or numbers along which rows are ordered; by default the column in the role `time`, or the only one of times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub along: Option<String>,
}

/// How a number follows from its neighbours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// Their mean.
    #[default]
    MovingAverage,
    /// Their median.
    Median,
    /// The number itself and, in a falling degree, all before it.
    Exponential,
    /// Their mean, weighed by a normal curve around the number itself.
    Gaussian,
    /// A polynomial through them by least squares (Savitzky and Golay 1964): at the end of a window, or in its middle where it is
    /// centered.
    SavitzkyGolay,
}

impl Default for SmoothTime {
    fn default() -> Self {
        SmoothTime {
            columns: Columns::default(),
            filter: Filter::default(),
            window: 5,
            alpha: 0.5,
            degree: 2,
            sigma: None,
            centered: false,
            by: Vec::new(),
            along: None,
        }
    }
}

/// What a fit finds.
struct Findings {
    fitted: Arc<Together<Lines>>,
    batch: Batch,
    columns: Vec<usize>,
    places: Vec<Place>,
}

impl SmoothTime {
    fn find(&self, training: Training<'_>, context: &Context) -> Result<Findings> {
        context.check()?;
        let schema = training.train.schema();
        let along = placing::along(schema, self.along.as_deref())?;
        let mut columns = self.columns.places(schema, "a number", |c: &Column| c.kind == Kind::Number)?;
        columns.retain(|at| *at != along);
        joint::refuse_target(Self::KIND, schema, &columns)?;
        let batch = training.train.collect()?;
        let (placing, places) = Placing::learn(&batch, &self.by, Some(along))?;
        let kind = (Self::KIND, Self::VERSION);
        if self.centered {
            let warning = "centered filters look ahead: training rows are smoothed, and rows to predict stay as they are";
            context.warn("smooth_looks_ahead", format!("step 'smooth_time': {warning}"));
            let nothing = Lines { kernel: Kernel::of(self), known: Ordered::default(), smoothed: Vec::new() };
            let fitted = Arc::new(Together::new(kind, schema, &[], Vec::new(), Vec::new(), nothing));
            return Ok(Findings { fitted, batch, columns, places });
        }
        let known =
            Ordered::learn(&joint::matrix(&batch, &columns)?, columns.len(), &places, placing.n_groups());
        context.check()?;
        let learned = Lines::new(Kernel::of(self), known, columns.len());
        let changed = vec![true; columns.len()];
        let fitted = Together::new(kind, schema, &columns, changed, Vec::new(), learned);
        Ok(Findings { fitted: Arc::new(fitted.placed(placing)), batch, columns, places })
    }

    /// Training rows, each from both sides.
    fn centered(&self, found: &Findings) -> Result<Batch> {
        let Findings { batch, columns, places, .. } = found;
        let kernel = Kernel::of(self);
        let half = self.window / 2;
        let mut out = batch.columns().to_vec();
        for &at in columns {
            let numbers = batch.numbers(at)?;
            let mut lines: BTreeMap<u32, Vec<(f64, u32)>> = BTreeMap::new();
            for (i, place) in
                places.iter().enumerate().filter(|(i, p)| numbers.is_valid(*i) && !p.at.is_nan())
            {
                let line = lines.entry(place.group.unwrap_or(0)).or_default();
                line.push((place.at, i as u32));
            }
            let mut values: Vec<f64> = numbers.iter().map(|x| x.unwrap_or(f64::NAN)).collect();
            for line in lines.values_mut() {
                line.retain(|(_, i)| numbers.value(*i as usize).is_finite());
                line.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                let own: Vec<f64> = line.iter().map(|(_, i)| numbers.value(*i as usize)).collect();
                for (j, (_, i)) in line.iter().enumerate() {
                    let window = j.saturating_sub(half)..(j + half + 1).min(own.len());
                    values[*i as usize] = kernel.middle(&own[window.clone()], j - window.start);
                }
            }
            let shown = values.into_iter().map(|x| (!x.is_nan()).then_some(x));
            out[at] = Arc::new(shown.collect::<Float64Array>()) as ArrayRef;
        }
        Batch::with_rows(batch.schema().clone(), out, batch.n_rows())
    }
}

impl Estimator for SmoothTime {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        Ok(self.find(training, context)?.fitted)
    }

    fn fit_apply(&self, training: Training<'_>, context: &Context) -> Result<(Arc<dyn Fitted>, Table)> {
        let found = self.find(training, context)?;
        let output = match self.centered {
            true => self.centered(&found)?,
            false => found.fitted.clone().bind(found.batch.schema())?.apply(&found.batch)?,
        };
        Ok((found.fitted, Table::new(output)))
    }
}

impl Builtin for SmoothTime {
    const KIND: &'static str = "smooth_time";
    /// Version 2 knows Gaussian filters.
    const VERSION: u32 = 2;

    fn check(&self) -> Result<(), KeyPath> {
        if !(2..=1001).contains(&self.window) {
            return Err(KeyPath::new("window", format!("must be 2 to 1001, but is {}", self.window)));
        }
        if !(self.alpha > 0.0 && self.alpha <= 1.0) {
            return Err(KeyPath::new(
                "alpha",
                format!("must be above 0 and at most 1, but is {}", self.alpha),
            ));
        }
        match (self.sigma, self.filter) {
            (Some(x), Filter::Gaussian) if !(x > 0.0 && x.is_finite()) => {
                return Err(KeyPath::new("sigma", format!("must be a number above 0, but is {x}")));
            }
            (Some(_), other) if other != Filter::Gaussian => {
                return Err(KeyPath::new("sigma", "has an effect only with filter = \"gaussian\""));
            }
            _ => {}
        }
        if self.degree > 5 {
            return Err(KeyPath::new("degree", format!("must be 0 to 5, but is {}", self.degree)));
        }
        if self.filter == Filter::SavitzkyGolay && self.window <= self.degree {
            let problem = format!("is {}, no more than the degree {}", self.window, self.degree);
            return Err(KeyPath::new("window", problem));
        }
        match (self.centered, self.filter) {
            (true, Filter::Exponential) => {
                Err(KeyPath::new("centered", "is true, but an exponential filter looks back alone"))
            }
            (true, _) if self.window.is_multiple_of(2) => Err(KeyPath::new(
                "window",
                format!("must be odd where it is centered, but is {}", self.window),
            )),
            _ => Ok(()),
        }
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        Together::<Lines>::load((Self::KIND, Self::VERSION), &state)
    }
}

impl BuiltinStep for SmoothTime {
    const SLOT: Slot = Slot::Derived;
    const DONE: &'static str = "smoothed along time";
    const KEEPS_ROWS: bool = true;

    /// The known numbers of training with their times, where there are any.
    fn holds_rows(state: &State) -> bool {
        let ends = state.params.pointer("/learned/ends").and_then(Value::as_array);
        ends.and_then(|ends| ends.last()).and_then(Value::as_u64).is_some_and(|n| n > 0)
    }
}

/// What makes one number of a window.
#[derive(Clone, Debug)]
struct Kernel {
    filter: Filter,
    window: usize,
    /// Of an exponential filter its alpha, of a Gaussian one its standard deviation.
    strength: f64,
    degree: usize,
    /// Of Savitzky and Golay: by length of a window that is not full, and place in it, what each number counts.
    weights: Vec<Vec<f64>>,
}

impl Kernel {
    fn of(step: &SmoothTime) -> Self {
        let strength = match step.filter {
            Filter::Gaussian => step.sigma.unwrap_or(step.window as f64 / 4.0),
            _ => step.alpha,
        };
        Kernel::new(step.filter, step.window, strength, step.degree)
    }

    fn new(filter: Filter, window: usize, strength: f64, degree: usize) -> Self {
        let polynomial = filter == Filter::SavitzkyGolay;
        // The last place of a window of each length.
        let most = if polynomial { window } else { 0 };
        let weights = (1..=most).map(|n| polynomial_weights(n, n - 1, degree)).collect();
        Kernel { filter, window, strength, degree, weights }
    }

    /// The smoothed last number of a window, the oldest first; `before` is the smoothed number before it.
    fn last(&self, window: &[f64], before: Option<f64>) -> f64 {
        let own = window.last().copied().unwrap_or(f64::NAN);
        match self.filter {
            Filter::Exponential => before.map_or(own, |before| before + self.strength * (own - before)),
            Filter::SavitzkyGolay => weighed(window, &self.weights[window.len() - 1]),
            _ => self.middle(window, window.len() - 1),
        }
    }

    /// The smoothed number at a place of a window.
    fn middle(&self, window: &[f64], at: usize) -> f64 {
        match self.filter {
            Filter::MovingAverage => window.iter().sum::<f64>() / window.len() as f64,
            Filter::Median => median(&mut window.to_vec()).unwrap_or(f64::NAN),
            Filter::SavitzkyGolay => weighed(window, &polynomial_weights(window.len(), at, self.degree)),
            Filter::Gaussian => {
                let far = |i: usize| i.abs_diff(at) as f64 / self.strength;
                let weights: Vec<f64> = (0..window.len()).map(|i| (-0.5 * far(i) * far(i)).exp()).collect();
                weighed(window, &weights) / weights.iter().sum::<f64>()
            }
            Filter::Exponential => window[at],
        }
    }
}

fn weighed(window: &[f64], weights: &[f64]) -> f64 {
    window.iter().zip(weights).map(|(x, w)| x * w).sum()
}

/// What each of `n` numbers at equal steps counts for the value at place `at` of the polynomial fitted to them: by polynomials that
/// are orthogonal over these places (Gram 1883), which need no system to be solved.
fn polynomial_weights(n: usize, at: usize, degree: usize) -> Vec<f64> {
    let place = |i: usize| 2.0 * i as f64 - (n as f64 - 1.0);
    let mut weights = vec![0.0; n];
    let (mut before, mut now) = (vec![0.0; n], vec![1.0; n]);
    let mut size_before = 1.0;
    for d in 0..=degree.min(n - 1) {
        let size: f64 = now.iter().map(|x| x * x).sum();
        let own = now[at] / size;
        weights.iter_mut().zip(&now).for_each(|(w, x)| *w += own * x);
        let back = if d == 0 { 0.0 } else { size / size_before };
        let next = (0..n).map(|i| place(i) * now[i] - back * before[i]).collect();
        before = std::mem::replace(&mut now, next);
        size_before = size;
    }
    weights
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Notes {
    filter: Filter,
    window: usize,
    degree: usize,
    ends: Vec<usize>,
}

/// The known numbers of training.
struct Lines {
    kernel: Kernel,
    known: Ordered,
    /// Of an exponential filter: each known number, smoothed. Follows from these.
    smoothed: Vec<f64>,
}

impl Lines {
    fn new(kernel: Kernel, known: Ordered, p: usize) -> Self {
        let mut smoothed = Vec::new();
        if kernel.filter == Filter::Exponential {
            for (group, j) in (0..known.n_groups()).flat_map(|group| (0..p).map(move |j| (group, j))) {
                let mut before = None;
                for x in known.of(group, j).1 {
                    before = Some(kernel.last(&[*x], before));
                    smoothed.extend(before);
                }
            }
        }
        Lines { kernel, known, smoothed }
    }
}

impl Joint for Lines {
    fn save(&self) -> Saved {
        let (ends, known) = self.known.save();
        let Kernel { filter, window, strength, degree, .. } = self.kernel;
        let floats = [strength].into_iter().chain(known).collect();
        Saved::new(Notes { filter, window, degree, ends }, floats)
    }

    fn load(saved: Saved, p: usize) -> Result<Self, String> {
        let Notes { filter, window, degree, ends } = saved.read()?;
        let (strength, known) = saved.floats.split_first().ok_or("its strength is missing")?;
        if !(1..=1001).contains(&window) || degree > 5 || strength.is_nan() || *strength <= 0.0 {
            return Err("its window is out of range".into());
        }
        let known = Ordered::load(ends, known, p)?;
        Ok(Lines::new(Kernel::new(filter, window, *strength, degree), known, p))
    }

    fn work(&self, _: &mut [f64], _: &mut [f64]) {}

    fn work_at(&self, Place { group, at: x }: Place, row: &mut [f64], _: &mut [f64]) {
        let Some(group) = group.map(|g| g as usize).filter(|g| *g < self.known.n_groups()) else { return };
        if x.is_nan() {
            return;
        }
        // One window for all columns: numbers before the row's own place, then its own.
        let mut window = Vec::with_capacity(self.kernel.window);
        for (j, own) in row.iter_mut().enumerate().filter(|(_, own)| own.is_finite()) {
            let (at, values) = self.known.of(group, j);
            let n = at.partition_point(|at| *at < x);
            let before =
                n.checked_sub(1).and_then(|i| self.smoothed.get(self.known.range(group, j).start + i));
            let start = if before.is_some() { n } else { n.saturating_sub(self.kernel.window - 1) };
            window.clear();
            window.extend_from_slice(&values[start..n]);
            window.push(*own);
            *own = self.kernel.last(&window, before.copied());
        }
    }
}
