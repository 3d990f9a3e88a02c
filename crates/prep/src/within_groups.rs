//! What imputers share that fill a number with a statistic of the rows of its own group.

use std::sync::Arc;

use arrow_array::Float64Array;
use serde::{Deserialize, Serialize};
use tidemill_core::{Context, Fitted, Result, State, Training};

use crate::impute::{Choices, Fill, Imputed, Infinite};
use crate::joint::{self, Added, Joint, Together};
use crate::mapping::{self, ColumnOf, ColumnStep, Saved};
use crate::numbers::finite;
use crate::placing::{Place, Placing};

/// A number that stands for others.
pub(crate) trait Location {
    /// That of some finite values, which may be reordered; never asked of none.
    fn of(&self, values: &mut [f64]) -> f64;

    /// That of the finite values of a column.
    fn of_all(&self, values: &Float64Array) -> Option<f64> {
        let mut values = finite(values);
        (!values.is_empty()).then(|| self.of(&mut values))
    }
}

/// A step that fills each column with a statistic of its finite training values.
pub(crate) trait Statistic: ColumnStep + Location {
    /// The columns that tell groups apart; none for one statistic for all rows.
    fn by(&self) -> &[String];
    /// Whether filled values are marked.
    fn flag(&self) -> bool;
    /// How infinite numbers are treated.
    fn infinite(&self) -> Infinite;
}

/// Makes a [`Builtin`](tidemill_core::Builtin) that is a [`Location`] and has the parameters `columns`, `by`, `flag` and `infinite` a
/// [`Statistic`].
macro_rules! statistic_step {
    ($name:ident) => {
        impl tidemill_core::Estimator for $name {
            tidemill_core::kind_and_params!();

            fn fit(
                &self,
                training: tidemill_core::Training<'_>,
                context: &tidemill_core::Context,
            ) -> tidemill_core::Result<std::sync::Arc<dyn tidemill_core::Fitted>> {
                $crate::within_groups::fit_step(self, training, context)
            }
        }

        impl $crate::mapping::ColumnStep for $name {
            type Learned = $crate::impute::Imputed;
            const WANTED: &'static str = "a number";

            fn columns(&self) -> &tidemill_core::Columns {
                &self.columns
            }

            fn handles(&self, column: &tidemill_core::Column) -> bool {
                column.kind == tidemill_core::Kind::Number
            }

            fn learn(
                &self,
                from: $crate::mapping::ColumnOf<'_>,
                notes: &mut $crate::mapping::Notes,
            ) -> tidemill_core::Result<$crate::impute::Imputed> {
                $crate::within_groups::learn_column(self, from, notes)
            }
        }

        impl $crate::within_groups::Statistic for $name {
            fn by(&self) -> &[String] {
                &self.by
            }

            fn flag(&self) -> bool {
                self.flag
            }

            fn infinite(&self) -> $crate::impute::Infinite {
                self.infinite
            }
        }
    };
}
pub(crate) use statistic_step;

/// Learns what one column is filled with in all rows.
pub(crate) fn learn_column<S: Statistic>(
    step: &S,
    from: ColumnOf<'_>,
    notes: &mut mapping::Notes,
) -> Result<Imputed> {
    let fill = step.of_all(from.numbers()?).map(Fill::Number);
    Imputed::learn(from, fill, Choices { flag: step.flag(), infinite: step.infinite() }, notes)
}

/// Fits a step: column by column, or within groups where it names some.
pub(crate) fn fit_step<S: Statistic>(
    step: &S,
    training: Training<'_>,
    context: &Context,
) -> Result<Arc<dyn Fitted>> {
    if step.by().is_empty() { mapping::fit(step, training, context) } else { fit(step, training, context) }
}

/// Builds what either of them saved: of groups an object, of columns a list.
pub(crate) fn load_step<S: Statistic>(state: &State) -> Result<Arc<dyn Fitted>> {
    match state.params.is_object() {
        true => Together::<OfGroups>::load((S::KIND, S::VERSION), state),
        false => mapping::load::<S>(state),
    }
}

/// Learns the statistic of each group and, for groups that training did not have or that have no value, that of all rows.
fn fit<S: Statistic>(step: &S, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
    context.check()?;
    let schema = training.train.schema();
    let places = step.places(schema)?;
    joint::refuse_target(S::KIND, schema, &places)?;
    let batch = training.train.collect()?;
    let x = joint::matrix(&batch, &places)?;
    let (placing, rows) = Placing::learn(&batch, step.by(), None)?;
    let (p, n_groups) = (places.len(), placing.n_groups());
    let mut fills = vec![f64::NAN; (n_groups + 1) * p];
    let mut marks = Vec::new();
    for (j, &at) in places.iter().enumerate() {
        context.check()?;
        let mut of_groups: Vec<Vec<f64>> = vec![Vec::new(); n_groups];
        let values = x.iter().skip(j).step_by(p);
        for (row, x) in rows.iter().zip(values).filter(|(_, x)| x.is_finite()) {
            of_groups[row.group.unwrap_or(0) as usize].push(*x);
        }
        let mut all = of_groups.concat();
        let name = &schema.columns()[at].name;
        if all.is_empty() {
            let message =
                format!("column '{name}' has no value in the training rows: 0 is filled in throughout");
            context.warn("impute_all_missing", message);
        }
        if all.len() < rows.len() && step.flag() {
            marks.push(Added { name: format!("{name}_missing"), flag: true, from: j });
        }
        fills[j] = if all.is_empty() { 0.0 } else { step.of(&mut all) };
        for (g, values) in of_groups.iter_mut().enumerate().filter(|(_, values)| !values.is_empty()) {
            fills[(g + 1) * p + j] = step.of(values);
        }
    }
    let learned =
        OfGroups { infinite: step.infinite(), marks: marks.iter().map(|m| m.from).collect(), fills };
    let kind = (S::KIND, S::VERSION);
    let fitted = Together::new(kind, schema, &places, vec![true; p], marks, learned);
    Ok(Arc::new(fitted.placed(placing)))
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Notes {
    infinite: Infinite,
    marks: Vec<usize>,
}

/// What is filled in.
pub(crate) struct OfGroups {
    infinite: Infinite,
    /// The inputs that are marked.
    marks: Vec<usize>,
    /// By column for all rows, then for each group; `NaN` for a group without a value.
    fills: Vec<f64>,
}

impl Joint for OfGroups {
    fn save(&self) -> Saved {
        // NaN would be saved and read, but never equal itself.
        let floats = self.fills.iter().map(|x| if x.is_nan() { f64::INFINITY } else { *x });
        Saved::new(Notes { infinite: self.infinite, marks: self.marks.clone() }, floats.collect())
    }

    fn load(saved: Saved, p: usize) -> Result<Self, String> {
        let Notes { infinite, marks } = saved.read()?;
        let whole = saved.floats.len() >= p && (p == 0 || saved.floats.len().is_multiple_of(p));
        if !whole || marks.iter().any(|j| *j >= p) || saved.floats.iter().take(p).any(|x| !x.is_finite()) {
            return Err("its groups are not whole".into());
        }
        let fills = saved.floats.iter().map(|x| if x.is_finite() { *x } else { f64::NAN }).collect();
        Ok(OfGroups { infinite, marks, fills })
    }

    fn work(&self, row: &mut [f64], added: &mut [f64]) {
        self.work_at(Place { group: None, at: f64::NAN }, row, added);
    }

    fn work_at(&self, place: Place, row: &mut [f64], added: &mut [f64]) {
        let missing = |x: f64| x.is_nan() || (self.infinite == Infinite::Missing && x.is_infinite());
        added.iter_mut().zip(&self.marks).for_each(|(mark, j)| *mark = f64::from(u8::from(missing(row[*j]))));
        let p = row.len();
        let own = place.group.and_then(|g| self.fills.get((g as usize + 1) * p..(g as usize + 2) * p));
        for (j, x) in row.iter_mut().enumerate().filter(|(_, x)| missing(**x)) {
            let own = own.map_or(f64::NAN, |own| own[j]);
            *x = if own.is_nan() { self.fills[j] } else { own };
        }
    }
}
