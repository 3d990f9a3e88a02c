//! What becomes of outliers in rows to come, and in the training rows where these keep their number.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BooleanArray, Float64Array};
use serde::{Deserialize, Serialize};
use tidemill_core::{Batch, Result, Schema};

use super::Action;
use super::bounds::outside;
use super::seasonal::{self, Seasons};
use super::whole_rows::{Notes, WholeRows};
use crate::joint::Joint;
use crate::mapping::Saved;
use crate::placing::Place;

/// What was learned, and what is done with it.
pub(super) enum Treatment {
    /// Between which values each column's numbers are no outliers.
    Cells { action: Action, bounds: Vec<[f64; 2]> },
    /// Between which values each column's numbers are no outliers, place by place.
    Seasons { action: Action, seasons: Box<Seasons> },
    /// Which rows are outliers.
    Rows { action: Action, whole: Box<WholeRows> },
    /// Only training rows were touched.
    Training { action: Action },
}

/// The notes of whole rows; those of bounds are the action alone, as version 1 wrote them.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RowNotes {
    action: Action,
    detector: Notes,
}

/// The notes of seasons.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SeasonNotes {
    action: Action,
    seasons: seasonal::Notes,
}

impl Joint for Treatment {
    fn save(&self) -> Saved {
        match self {
            Treatment::Cells { action, bounds } => Saved::new(action, bounds.concat()),
            Treatment::Rows { action, whole } => {
                let (detector, floats) = whole.save();
                Saved::new(RowNotes { action: *action, detector }, floats)
            }
            Treatment::Seasons { action, seasons } => {
                let (notes, floats) = seasons.save();
                Saved::new(SeasonNotes { action: *action, seasons: notes }, floats)
            }
            Treatment::Training { action } => Saved::new(action, Vec::new()),
        }
    }

    fn load(saved: Saved, p: usize) -> Result<Self, String> {
        if saved.notes.get("seasons").is_some() {
            let notes: SeasonNotes = saved.read()?;
            let seasons = Box::new(Seasons::load(notes.seasons, &saved, p)?);
            return Ok(Treatment::Seasons { action: notes.action, seasons });
        }
        if saved.notes.is_object() {
            let notes: RowNotes = saved.read()?;
            let whole = Box::new(WholeRows::load(&notes.detector, &saved, p)?);
            return Ok(Treatment::Rows { action: notes.action, whole });
        }
        let action: Action = saved.read()?;
        if matches!(action, Action::Drop | Action::DownWeight) {
            return match (p, saved.floats.len()) {
                (0, 0) => Ok(Treatment::Training { action }),
                _ => Err("what was for training rows alone has columns".into()),
            };
        }
        let (bounds, rest) = saved.floats.as_chunks::<2>();
        if bounds.len() != p
            || !rest.is_empty()
            || bounds.iter().any(|[low, high]| low > high || low.is_nan() || high.is_nan())
        {
            return Err("there are not two bounds for each column".into());
        }
        Ok(Treatment::Cells { action, bounds: bounds.to_vec() })
    }

    fn work(&self, row: &mut [f64], added: &mut [f64]) {
        let (action, bounds) = match self {
            Treatment::Cells { action, bounds } => (action, bounds),
            Treatment::Rows { .. } => return self.work_rows(row, added, (row.len(), added.len())),
            Treatment::Training { .. } | Treatment::Seasons { .. } => return,
        };
        for (j, (x, bounds)) in row.iter_mut().zip(bounds).enumerate() {
            treat(*action, x, *bounds, added, j);
        }
    }

    fn work_at(&self, place: Place, row: &mut [f64], added: &mut [f64]) {
        let Treatment::Seasons { action, seasons } = self else { return self.work(row, added) };
        let p = row.len();
        for (j, x) in row.iter_mut().enumerate() {
            // Where nothing is known of a place, only an infinite number is an outlier.
            let bounds = seasons.bounds(place, j, p).unwrap_or([f64::MIN, f64::MAX]);
            treat(*action, x, bounds, added, j);
        }
    }

    fn work_rows(&self, rows: &mut [f64], added: &mut [f64], (p, a): (usize, usize)) {
        let Treatment::Rows { action, whole } = self else {
            return rows.chunks_exact_mut(p).enumerate().for_each(|(i, row)| {
                self.work(row, &mut added[i * a..(i + 1) * a]);
            });
        };
        let outliers = whole.outliers(rows);
        if *action == Action::Flag {
            added.iter_mut().zip(&outliers).for_each(|(mark, outlier)| *mark = f64::from(u8::from(*outlier)));
            return;
        }
        let rows = rows.chunks_exact_mut(p).zip(&outliers);
        rows.filter(|(_, outlier)| **outlier).for_each(|(row, _)| row.fill(f64::NAN));
    }
}

fn treat(action: Action, x: &mut f64, bounds: [f64; 2], added: &mut [f64], j: usize) {
    let outside = outside(*x, bounds);
    match action {
        Action::Clip if outside => *x = if *x < bounds[0] { bounds[0] } else { bounds[1] },
        Action::Missing if outside => *x = f64::NAN,
        Action::Flag => added[j] = f64::from(u8::from(outside)),
        _ => {}
    }
}

/// Training rows with the outliers among them marked in a column behind the others, or their cells taken for missing.
pub(super) fn marked(
    batch: &Batch,
    schema: Arc<Schema>,
    places: &[usize],
    outliers: &[bool],
    action: Action,
) -> Result<Batch> {
    let mut columns = batch.columns().to_vec();
    if places.is_empty() {
        return Batch::with_rows(schema, columns, batch.n_rows());
    }
    if action == Action::Flag {
        columns.push(Arc::new(BooleanArray::from(outliers.to_vec())));
        return Batch::with_rows(schema, columns, batch.n_rows());
    }
    for &at in places {
        let numbers = batch.numbers(at)?;
        let known = |i: usize| numbers.is_valid(i) && !outliers[i] && !numbers.value(i).is_nan();
        let kept = (0..numbers.len()).map(|i| known(i).then(|| numbers.value(i)));
        columns[at] = Arc::new(kept.collect::<Float64Array>()) as ArrayRef;
    }
    Batch::with_rows(schema, columns, batch.n_rows())
}
