//! One list of all methods, and what each learns of a series.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::arima::{self, Arima};
use super::ets::{self, Ets};
use super::theta::{self, Theta};
use super::{Season, naive, smoothing, stl};

/// A way to forecast a series from its own past.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// The last value.
    LastValue,
    /// The value one season before.
    #[default]
    SeasonalNaive,
    /// The last value and the mean change from there on.
    Drift,
    /// Each place of the season smoothed by itself.
    SeasonalSmoothing,
    /// Exponential smoothing; error, trend and season by AICc.
    Ets,
    /// The best of four Theta models.
    Theta,
    /// ARIMA; orders by stepwise search.
    Arima,
    /// Trend and season by STL; exponential smoothing of what is left without the season, and the last season again.
    StlEts,
    /// The same with ARIMA.
    StlArima,
    /// Trend, season and the longer season around it (the week around the day, the year around the week) by MSTL; exponential smoothing of
    /// what is left without the seasons, and the last of each season again.
    MstlEts,
    /// The same with ARIMA.
    MstlArima,
    /// Each place of the longer season smoothed by itself: an hour of the week, a day of the year.
    LongSeasonSmoothing,
}

/// Of fewer values, nothing but the last is said.
const LEAST: usize = 4;
/// The longest season of exponential smoothing and ARIMA.
const LONGEST: usize = 24;

/// A method and what it learned of a series.
#[derive(Clone, Debug, PartialEq)]
pub enum Model {
    /// The last value.
    LastValue,
    /// The value one season before.
    SeasonalNaive,
    /// The last value and the mean change.
    Drift,
    /// Each place of the season smoothed by itself: the weight of the latest season.
    SeasonalSmoothing(f64),
    /// Exponential smoothing.
    Ets(Ets),
    /// A Theta model.
    Theta(Theta),
    /// ARIMA.
    Arima(Arima),
    /// Exponential smoothing of the series without its season.
    StlEts(Ets),
    /// ARIMA of the series without its season.
    StlArima(Arima),
    /// Exponential smoothing of the series without its two seasons.
    MstlEts(Ets),
    /// ARIMA of the series without its two seasons.
    MstlArima(Arima),
    /// Each place of the longer season smoothed by itself: the weight of the latest one.
    LongSeasonSmoothing(f64),
}

/// Steps of a day that are themselves minutes or hours: a week is around such a day.
const DAYS: [usize; 6] = [24, 48, 96, 144, 288, 1440];

/// A season and the one around it in the calendar, in steps; `None` where none is known.
fn nested(season: usize) -> Option<[usize; 2]> {
    match season {
        7 => Some([7, 365]),
        day if DAYS.contains(&day) => Some([day, 7 * day]),
        week if week.is_multiple_of(7) && DAYS.contains(&(week / 7)) => Some([week / 7, week]),
        _ => None,
    }
}

/// How many of the latest steps are looked at: what is older says little of what comes, and costs as much.
pub(super) fn recent(season: usize) -> usize {
    const STEPS: usize = 2_500;
    let longest = nested(season).map_or(season, |[_, longer]| longer);
    STEPS.max(4 * longest)
}

/// A series without its seasons, and each season with its length.
struct Flat {
    values: Vec<f64>,
    seasons: Vec<(usize, Vec<f64>)>,
}

impl Flat {
    /// Without its one season; `None` where there is none to be found.
    fn of_one(y: &[f64], season: usize) -> Option<Flat> {
        let parts = stl::stl(y, season)?;
        let values = y.iter().zip(&parts.season).map(|(y, s)| y - s).collect();
        Some(Flat { values, seasons: vec![(season, parts.season)] })
    }

    /// Without its season and the one around it.
    fn of_two(y: &[f64], season: usize) -> Option<Flat> {
        let both = nested(season)?;
        let parts = stl::mstl(y, &both)?;
        let values = parts.trend.iter().zip(&parts.rest).map(|(t, r)| t + r).collect();
        Some(Flat { values, seasons: both.into_iter().zip(parts.seasons).collect() })
    }

    /// Without as many of its two seasons as it is long enough for.
    fn of_most(y: &[f64], season: usize) -> Option<Flat> {
        Flat::of_two(y, season).or_else(|| Flat::of_one(y, season))
    }

    /// What is said of the series without its seasons, with the last of each season again.
    fn with_seasons(&self, mut ahead: Vec<f64>) -> Vec<f64> {
        for (season, places) in &self.seasons {
            let again = naive::seasonal_naive(places, *season, ahead.len());
            ahead.iter_mut().zip(again).for_each(|(a, s)| *a += s);
        }
        ahead
    }
}

impl Method {
    /// All of them, the naive ones first.
    pub const ALL: [Method; 12] = [
        Method::LastValue,
        Method::SeasonalNaive,
        Method::Drift,
        Method::SeasonalSmoothing,
        Method::Ets,
        Method::Theta,
        Method::Arima,
        Method::StlEts,
        Method::StlArima,
        Method::MstlEts,
        Method::MstlArima,
        Method::LongSeasonSmoothing,
    ];

    /// What is combined: all but the naive ones. These are others' limits (no trend, no season, all of one), and take weight from better
    /// methods where few origins flatter them.
    pub const COMBINED: [Method; 9] = [
        Method::SeasonalSmoothing,
        Method::Ets,
        Method::Theta,
        Method::Arima,
        Method::StlEts,
        Method::StlArima,
        Method::MstlEts,
        Method::MstlArima,
        Method::LongSeasonSmoothing,
    ];

    /// Whether it says of a series only what anybody would.
    pub fn is_naive(self) -> bool {
        matches!(self, Method::LastValue | Method::SeasonalNaive | Method::Drift)
    }

    /// Whether it searches for an ARIMA model, which costs several times all others.
    pub fn is_arima(self) -> bool {
        matches!(self, Method::Arima | Method::StlArima | Method::MstlArima)
    }

    /// What it learns of a series whose season has so many steps (1 for none); `None` where the series is too short for it, constant, or of
    /// another sort.
    pub fn fit(self, y: &[f64], season: usize) -> Option<Model> {
        let (&first, rest) = y.split_first()?;
        let constant = rest.iter().all(|x| *x == first);
        if constant && !self.is_naive() {
            return None;
        }
        Some(match self {
            Method::LastValue => Model::LastValue,
            Method::SeasonalNaive => {
                Some(Model::SeasonalNaive).filter(|_| season > 1 && y.len() >= season)?
            }
            Method::Drift => Model::Drift,
            Method::SeasonalSmoothing => Model::SeasonalSmoothing(smoothing::automatic(y, season)?),
            // Their seasons are of at most 24 steps: without a longer one they would be other models.
            Method::Ets | Method::Arima if season > LONGEST => return None,
            Method::Ets => Model::Ets(ets::automatic(y, season)?),
            Method::Theta => Model::Theta(theta::automatic(y, season)?),
            Method::Arima => Model::Arima(arima::automatic(y, season)?),
            Method::StlEts => Model::StlEts(ets::automatic(&Flat::of_one(y, season)?.values, 1)?),
            Method::StlArima => Model::StlArima(arima::automatic(&Flat::of_one(y, season)?.values, 1)?),
            Method::MstlEts => Model::MstlEts(ets::automatic(&Flat::of_two(y, season)?.values, 1)?),
            Method::LongSeasonSmoothing => {
                Model::LongSeasonSmoothing(smoothing::automatic(y, nested(season)?[1])?)
            }
            Method::MstlArima => Model::MstlArima(arima::automatic(&Flat::of_two(y, season)?.values, 1)?),
        })
    }
}

impl Model {
    /// The method that learned it.
    pub fn method(&self) -> Method {
        match self {
            Model::LastValue => Method::LastValue,
            Model::SeasonalNaive => Method::SeasonalNaive,
            Model::Drift => Method::Drift,
            Model::SeasonalSmoothing(_) => Method::SeasonalSmoothing,
            Model::Ets(_) => Method::Ets,
            Model::Theta(_) => Method::Theta,
            Model::Arima(_) => Method::Arima,
            Model::StlEts(_) => Method::StlEts,
            Model::StlArima(_) => Method::StlArima,
            Model::MstlEts(_) => Method::MstlEts,
            Model::MstlArima(_) => Method::MstlArima,
            Model::LongSeasonSmoothing(_) => Method::LongSeasonSmoothing,
        }
    }

    /// The same form with the parameters that an earlier part of the series gives it; `None` where the part is too short for it.
    pub(super) fn again(&self, y: &[f64], season: usize) -> Option<Model> {
        let varies = y.len() >= LEAST && y.iter().any(|x| *x != y[0]);
        if !varies {
            return self.method().fit(y, season);
        }
        Some(match self {
            Model::Ets(ets) => Model::Ets(ets.again(y)?),
            Model::Theta(theta) => Model::Theta(theta.refit(y)),
            Model::Arima(arima) => Model::Arima(arima.again(y)?),
            Model::StlEts(ets) => Model::StlEts(ets.again(&Flat::of_one(y, season)?.values)?),
            Model::StlArima(arima) => Model::StlArima(arima.again(&Flat::of_one(y, season)?.values)?),
            Model::MstlEts(ets) => Model::MstlEts(ets.again(&Flat::of_two(y, season)?.values)?),
            Model::MstlArima(arima) => Model::MstlArima(arima.again(&Flat::of_two(y, season)?.values)?),
            other => other.method().fit(y, season)?,
        })
    }

    /// Whether its answers come round with the season.
    pub fn has_season(&self) -> bool {
        match self {
            Model::LastValue | Model::Drift => false,
            Model::SeasonalNaive
            | Model::SeasonalSmoothing(_)
            | Model::StlEts(_)
            | Model::StlArima(_)
            | Model::MstlEts(_)
            | Model::MstlArima(_)
            | Model::LongSeasonSmoothing(_) => true,
            Model::Ets(ets) => ets.form.season != Season::None,
            Model::Theta(theta) => theta.season != Season::None,
            Model::Arima(arima) => arima.order.season != [0; 3],
        }
    }

    /// The `horizon` steps after `y`. With `same_start`, `y` begins where the series of the fit began, and is followed from there;
    /// else what depends on the start is found again, the form and how fast it follows kept as far as they can be.
    pub fn forecast(&self, y: &[f64], season: usize, horizon: usize, same_start: bool) -> Vec<f64> {
        let smoothed = |model: &Ets, y: &[f64]| {
            if same_start { model.forecast(y, horizon) } else { model.refit(y).forecast(y, horizon) }
        };
        // Where the series ends changes the seasons found for all of it, so there is no state to follow on.
        let seasoned = |flat: Option<Flat>, of: &dyn Fn(&[f64]) -> Vec<f64>| match flat {
            Some(flat) => flat.with_seasons(of(&flat.values)),
            None => naive::seasonal_naive(y, season, horizon),
        };
        let too_short = y.len() < LEAST || !y.iter().any(|x| *x != y[0]);
        match self {
            _ if too_short => naive::last_value(y, horizon),
            Model::LastValue => naive::last_value(y, horizon),
            Model::SeasonalNaive => naive::seasonal_naive(y, season, horizon),
            Model::Drift => naive::drift(y, horizon),
            Model::SeasonalSmoothing(weight) => smoothing::forecast(y, season, *weight, horizon),
            Model::LongSeasonSmoothing(weight) => match nested(season) {
                Some([_, longer]) if y.len() >= longer => smoothing::forecast(y, longer, *weight, horizon),
                _ => naive::seasonal_naive(y, season, horizon),
            },
            Model::Ets(model) => smoothed(model, y),
            Model::Theta(model) => {
                if same_start {
                    model.forecast(y, horizon)
                } else {
                    model.refit(y).forecast(y, horizon)
                }
            }
            Model::Arima(model) => model.forecast(y, horizon),
            Model::StlEts(model) => seasoned(Flat::of_one(y, season), &|flat| smoothed(model, flat)),
            Model::StlArima(model) => {
                seasoned(Flat::of_one(y, season), &|flat| model.forecast(flat, horizon))
            }
            Model::MstlEts(model) => seasoned(Flat::of_most(y, season), &|flat| smoothed(model, flat)),
            Model::MstlArima(model) => {
                seasoned(Flat::of_most(y, season), &|flat| model.forecast(flat, horizon))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_but_the_naive_ones_are_combined() {
        let combined: Vec<Method> = Method::ALL.into_iter().filter(|m| !m.is_naive()).collect();
        let listed = |m: &Method| Method::COMBINED.contains(m);
        assert!(combined.iter().all(listed) && combined.len() == Method::COMBINED.len());
    }

    #[test]
    fn a_form_fitted_again_to_the_same_series_is_the_same_model() {
        let y: Vec<f64> = (0..60).map(|i| 50.0 + f64::from(i % 4) * 6.0 + f64::from(i * i % 11)).collect();
        for method in [Method::Ets, Method::StlEts, Method::SeasonalSmoothing] {
            let model = method.fit(&y, 4).unwrap_or(Model::LastValue);
            assert_eq!(model.again(&y, 4), Some(model.clone()), "{method:?}");
        }
        // A season of which there are not two in what came before says nothing there.
        let model = Method::SeasonalSmoothing.fit(&y, 12).unwrap_or(Model::LastValue);
        assert_eq!(model.again(&y[..20], 12), None);
    }
}
