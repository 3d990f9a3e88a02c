//! Issues of a whole row of a forecast: a timestamp beyond the horizon or not after the history, or no value of a column that is known in
//! advance.

use tidemill_core::recipe::Recipe;
use tidemill_core::{Cell, Role, Row, Schema};
use tidemill_data::CellIssue;
use tidemill_kernel::calendar::Step;

use crate::forecast::{HISTORY, reach};

/// The places of a typed row that a forecast looks at.
pub(super) struct Ahead {
    history: usize,
    time: usize,
    time_name: String,
    step: Step,
    horizon: usize,
    known: Vec<(usize, String)>,
}

impl Ahead {
    /// `None` for a model that forecasts nothing.
    pub(super) fn of(recipe: &Recipe, typed: &Schema) -> Option<Self> {
        let (step, horizon) = reach(recipe)?;
        let known = recipe.forecast.iter().flat_map(|asked| &asked.known);
        let time = typed.role(Role::Time)?;
        Some(Ahead {
            history: typed.position(HISTORY)?,
            time,
            time_name: typed.columns()[time].name.clone(),
            step,
            horizon,
            known: known.filter_map(|name| Some((typed.position(name)?, name.clone()))).collect(),
        })
    }

    /// Adds what is odd about a row to `flaws`.
    pub(super) fn judge(&self, row: &Row, flaws: &mut Vec<CellIssue>) {
        let mut say = |column: &str, code, says: String| {
            flaws.push(CellIssue::Unfamiliar { column: column.into(), code, says });
        };
        for (at, name) in &self.known {
            if matches!(row.cells.get(*at), Some(Cell::Missing)) {
                let says = "it is known beforehand, but the row does not say it".to_string();
                say(name, "known_ahead_missing", says);
            }
        }
        let (Some(Cell::Series(points)), Some(Cell::Time(time))) =
            (row.cells.get(self.history), row.cells.get(self.time))
        else {
            return;
        };
        let Some(last) = points.last().map(|point| point.0) else { return };
        let ahead = self.step.between(last, *time);
        if *time <= last {
            say(&self.time_name, "not_ahead", "it is not after the last point of the history".into());
        } else if ahead > self.horizon as i64 {
            let says = format!(
                "it lies {ahead} steps after the history; the model learned to look {} ahead",
                self.horizon
            );
            say(&self.time_name, "beyond_horizon", says);
        }
    }
}
