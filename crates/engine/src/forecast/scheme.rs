//! How a forecast is made: how far ahead, by which seasons, from how much of the past.

use tidemill_core::recipe::{Forecast, Recipe, Spec, SplitKind, Task};
use tidemill_core::{Error, Result};
use tidemill_kernel::calendar::Step;

use super::lines::Dated;
use super::season::{DAY, season};
use super::{HISTORY, NEIGHBORS, candidates, rows};

/// The longest week in steps that a forecast looks back at: of half hours.
const LONGEST_WEEK: i64 = 336;
const WEEK: i64 = 7 * DAY;
/// What is looked back at where no season shows.
const NO_SEASON: usize = 24;
/// The least number of values that a series must have.
const LEAST: usize = 8;
/// About so many values are held by all rows together.
const MOST_VALUES: usize = 8_000_000;
/// The longest vector of last values.
const VECTOR: usize = 64;

/// What is found out of a table and said by a recipe.
#[derive(Clone, Debug)]
pub(super) struct Scheme {
    /// Steps.
    pub horizon: usize,
    /// The season that the series shows, and the week.
    pub seasons: Vec<usize>,
    /// Steps of the past that a learner reads.
    pub window: usize,
    /// Steps of the past that a row holds.
    pub past: usize,
}

impl Scheme {
    /// What suits the table.
    pub(super) fn of(dated: &Dated, recipe: &Recipe) -> Result<Self> {
        let asked = recipe.forecast.clone().unwrap_or_default();
        let horizon = horizon(&asked.horizon, dated.step)?;
        let grids: Vec<Vec<f64>> = dated.lines.iter().map(|line| dated.grid(line)).collect();
        let longest = grids.iter().max_by_key(|grid| grid.len());
        let longest =
            longest.ok_or_else(|| Error::data("the data have no rows", "give rows to learn from"))?;
        let season = asked.season.or_else(|| season(longest, dated.step));
        if season.is_some_and(|s| s < 2) {
            return Err(Error::parameter("forecast.season", "must be at least 2 steps"));
        }
        let week = match dated.step {
            Step::Clock(length) => (WEEK % length == 0).then_some(WEEK / length),
            Step::Open(open) => Some(open.n * i64::from(open.days.count_ones())),
            _ => None,
        };
        let week = week.filter(|w| (2..=LONGEST_WEEK).contains(w));
        let week = week.map(|w| w as usize).filter(|w| Some(*w) != season && longest.len() >= 4 * w);
        let seasons: Vec<usize> = season.into_iter().chain(week).collect();
        let window = asked.window.unwrap_or_else(|| {
            let wanted = season.map_or(NO_SEASON, |s| 2 * s).max(week.unwrap_or(0));
            // Of a short series, what the horizon leaves.
            let room = longest.len().saturating_sub(horizon + 2);
            wanted.min(longest.len() / 4).min(room).max(1)
        });
        let (n, needed) = (longest.len(), LEAST.max(window + horizon + 2));
        if n < needed {
            return Err(Error::data(
                format!(
                    "the longest series of '{}' has {n} steps: too short to forecast {horizon} from {window} and to judge it ({needed} \
                     are needed)",
                    dated.target
                ),
                "give a longer series, or a shorter horizon or window",
            ));
        }
        let n_rows = rows::most(&dated.lines, horizon).max(1);
        let past = asked.past.unwrap_or(MOST_VALUES / n_rows).max(window);
        Ok(Scheme { horizon, seasons, window, past })
    }

    /// What a model's recipe says.
    pub(super) fn of_model(dated: &Dated, recipe: &Recipe) -> Result<Self> {
        let asked = recipe.forecast.clone().unwrap_or_default();
        let window =
            asked.window.ok_or_else(|| Error::state("model", "its recipe says no forecast.window"))?;
        let past = asked.past.unwrap_or(window);
        Ok(Scheme { horizon: horizon(&asked.horizon, dated.step)?, seasons: Vec::new(), window, past })
    }

    /// The recipe for the rows of the forecast.
    pub(super) fn recipe(&self, dated: &Dated, asked: &Recipe) -> Result<Recipe> {
        if let Some(kind) = asked.split.kind.filter(|kind| *kind != SplitKind::Time) {
            let problem =
                format!("is {kind:?}, but a forecast is judged on what came later (time)").to_lowercase();
            return Err(Error::parameter("split.kind", problem));
        }
        let mut recipe = asked.clone();
        let data = &mut recipe.data;
        (data.time, data.group, data.key, data.weight) = (Some(dated.time.clone()), None, None, None);
        data.ignore.clear();
        if data.task.replace(Task::Regression).is_none() {
            data.why_task = Some("a forecast is of a number".into());
        }
        let kept: Vec<&String> =
            [&dated.target, &dated.time].into_iter().chain(&dated.group).chain(&dated.known).collect();
        recipe.columns.retain(|name, _| [HISTORY, NEIGHBORS].contains(&&**name) || kept.contains(&name));
        // What has been read once is not to be taken for something else.
        for name in kept {
            let kind = dated.batch.schema().column(name)?.kind;
            let spec = recipe.columns.entry(name.clone()).or_default();
            if spec.kind.replace(kind).is_none() {
                spec.why = Some(dated.why(name).into());
            }
        }
        recipe.columns.values_mut().for_each(|spec| spec.role = None);
        if dated.format.is_some() {
            recipe.columns.entry(dated.time.clone()).or_default().format.clone_from(&dated.format);
        }
        let vector = self.window.min(self.seasons.first().map_or(VECTOR, |s| 2 * s)).min(VECTOR);
        let step = dated.step.to_string();
        let read = Spec::new("series")
            .with("window", vector)
            .with("seasons", self.seasons.clone())
            .with("step", step.clone())
            .with("depth", self.window);
        if let (Some(around), Some(asked)) = (&dated.around, &asked.graph) {
            recipe.columns.entry(NEIGHBORS.into()).or_default().encode.get_or_insert(read.clone());
            recipe.graph = Some(around.said(asked));
        }
        let read = read.with("keep", true);
        recipe.columns.entry(HISTORY.into()).or_default().encode.get_or_insert(read);
        recipe.split.kind = Some(SplitKind::Time);
        recipe.split.gap = Some(format!("{}s", (self.horizon as i64 * dated.step.length()) as f64 / 1e6));
        recipe.forecast = Some(Forecast {
            season: self.seasons.first().copied(),
            window: Some(self.window),
            past: Some(self.past),
            step: Some(step),
            group: dated.group.clone(),
            ..asked.forecast.clone().unwrap_or_default()
        });
        candidates::complete(&mut recipe, self.horizon);
        Ok(recipe)
    }
}

/// A horizon in steps: `24`, or `24h`, `4w` or `6 months` by the length of a step.
pub(super) fn horizon(text: &str, step: Step) -> Result<usize> {
    let wrong = |problem: String| Error::parameter("forecast.horizon", problem);
    let text = text.trim();
    let steps = match text.parse::<usize>() {
        Ok(steps) => steps as f64,
        Err(_) => {
            let weeks = text.strip_suffix('w').map(|n| (n, 604_800.0));
            let secs = match (text.parse::<Step>(), weeks) {
                (Ok(told), _) => Some(told.length() as f64 / 1e6),
                (_, Some((n, unit))) => n.trim().parse::<f64>().ok().map(|n| n * unit),
                _ => crate::recipe::duration(text).ok().map(|d| d.as_secs_f64()),
            };
            let secs = secs.ok_or_else(|| {
                wrong(format!(
                    "'{text}' is neither a number of steps nor a length of time such as 24h, 7d, 4w or 6 months"
                ))
            })?;
            step.steps_in((secs * 1e6) as i64) as f64
        }
    };
    if (1.0..=10_000.0).contains(&steps) {
        return Ok(steps as usize);
    }
    Err(wrong(format!("'{text}' is {steps} steps of {step}, but must be 1 to 10000")))
}

#[cfg(test)]
mod tests {
    use tidemill_kernel::calendar::MonthDay;

    use super::{Step, horizon};

    #[test]
    fn horizons_are_steps_or_lengths_of_time() {
        let hour = Step::Clock(3_600_000_000);
        assert_eq!(horizon("24", hour).unwrap(), 24);
        assert_eq!(horizon("24h", hour).unwrap(), 24);
        assert_eq!(horizon(" 2w ", hour).unwrap(), 336);
        assert_eq!(horizon("90m", Step::Clock(1_800_000_000)).unwrap(), 3);
        let month = Step::Months { n: 1, on: MonthDay::Same };
        assert_eq!((horizon("6 months", month).unwrap(), horizon("2 years", month).unwrap()), (6, 24));
        for wrong in ["", "soon", "0", "1m", "-3", "9999999", "h"] {
            assert_eq!(horizon(wrong, hour).unwrap_err().code(), "parameter", "{wrong}");
        }
    }
}
