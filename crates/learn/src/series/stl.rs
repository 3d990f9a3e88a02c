//! STL: trend and season by local regressions (Cleveland et al. 1990).

/// A series as the sum of three.
#[derive(Clone, Debug, PartialEq)]
pub struct Parts {
    /// What changes slowly.
    pub trend: Vec<f64>,
    /// What comes round.
    pub season: Vec<f64>,
    /// The rest.
    pub rest: Vec<f64>,
}

/// The loess window of a season, in seasons (R's `mstl`: `7 + 4`).
const SEASON_WINDOW: usize = 11;
/// Of fewer seasons, a line through a place follows chance, and ends in it: their mean is taken, as R's `mstl` always does. (Of six and more,
/// lines forecast better: a season that grows with the level does so in lines.)
const FEW_SEASONS: usize = 6;
/// Rounds of the inner loop, as statsmodels without robustness.
const ROUNDS: usize = 5;

/// Decomposes a series of at least two seasons, with the windows of R's `mstl` and lines as local regressions (means of few seasons); agrees with
/// statsmodels' `STL(y, period, seasonal=11).fit()`, with `seasonal_deg=0` of few seasons. `None` for a shorter series or a season below 2.
pub fn stl(y: &[f64], season: usize) -> Option<Parts> {
    if season < 2 || y.len() < 2 * season {
        return None;
    }
    Some(Smoother { season, window: SEASON_WINDOW, jumps: false }.parts(y))
}

/// A series of several seasons as a sum.
#[derive(Clone, Debug, PartialEq)]
pub struct ManyParts {
    /// What changes slowly.
    pub trend: Vec<f64>,
    /// What comes round, for each season.
    pub seasons: Vec<Vec<f64>>,
    /// The rest.
    pub rest: Vec<f64>,
}

/// Decomposes a series with several seasons, the shortest first: MSTL (Bandara, Hyndman and Bergmeir 2021). Each season is found by
/// STL in what the others leave, twice, with the windows of R's `mstl` (11, 15, …); long windows are moved by a tenth of their length
/// and lines drawn between, as in R. Needs two of the longest season; `None` otherwise.
///
/// ```
/// use tidemill_learn::series::stl::mstl;
/// let y: Vec<f64> = (0..96).map(|t| f64::from(t % 4) + 10.0 * f64::from(t % 12 / 6)).collect();
/// let parts = mstl(&y, &[4, 12]).unwrap();
/// assert!(parts.rest.iter().all(|r| r.abs() < 0.5));
/// assert!(mstl(&y[..20], &[4, 12]).is_none());
/// ```
pub fn mstl(y: &[f64], seasons: &[usize]) -> Option<ManyParts> {
    let longest = seasons.iter().max()?;
    if seasons.contains(&0) || seasons.contains(&1) || y.len() < 2 * longest {
        return None;
    }
    let mut found = vec![vec![0.0; y.len()]; seasons.len()];
    let mut left = y.to_vec();
    let mut trend = Vec::new();
    for _ in 0..2 {
        for (at, &season) in seasons.iter().enumerate() {
            left.iter_mut().zip(&found[at]).for_each(|(l, s)| *l += s);
            let parts = Smoother { season, window: 11 + 4 * at, jumps: true }.parts(&left);
            left.iter_mut().zip(&parts.season).for_each(|(l, s)| *l -= s);
            found[at] = parts.season;
            trend = parts.trend;
        }
    }
    let rest = left.iter().zip(&trend).map(|(l, t)| l - t).collect();
    Some(ManyParts { trend, seasons: found, rest })
}

/// How a season and the trend beside it are found.
struct Smoother {
    season: usize,
    /// The loess window of a season, in seasons.
    window: usize,
    /// Whether long windows are moved by a tenth of their length.
    jumps: bool,
}

impl Smoother {
    /// The parts of a series of at least two seasons.
    fn parts(&self, y: &[f64]) -> Parts {
        let (n, season) = (y.len(), self.season);
        let odd = |x: usize| if x.is_multiple_of(2) { x + 1 } else { x };
        let trend_window = odd((1.5 * season as f64 / (1.0 - 1.5 / self.window as f64)).ceil() as usize);
        let low_window = odd(season + 1);
        let smooth =
            |y: &[f64], window: usize| loess_all(y, window, if self.jumps { window.div_ceil(10) } else { 1 });
        let mut trend = vec![0.0; n];
        let mut places = vec![0.0; n];
        for _ in 0..ROUNDS {
            let apart: Vec<f64> = y.iter().zip(&trend).map(|(y, t)| y - t).collect();
            let wide = by_place(&apart, season, self.window);
            let low = smooth(&averages(&averages(&averages(&wide, season), season), 3), low_window);
            places = wide[season..season + n].iter().zip(&low).map(|(w, l)| w - l).collect();
            let apart: Vec<f64> = y.iter().zip(&places).map(|(y, s)| y - s).collect();
            trend = smooth(&apart, trend_window);
        }
        let rest = (0..n).map(|i| y[i] - trend[i] - places[i]).collect();
        Parts { trend, season: places, rest }
    }
}

/// Each place of the season smoothed over the seasons, one season longer at both ends.
fn by_place(y: &[f64], season: usize, window: usize) -> Vec<f64> {
    let degree = if y.len() < FEW_SEASONS * season { Degree::Level } else { Degree::Line };
    let mut wide = vec![0.0; y.len() + 2 * season];
    for place in 0..season {
        let own: Vec<f64> = y.iter().skip(place).step_by(season).copied().collect();
        for at in 0..own.len() + 2 {
            wide[place + at * season] = loess(&own, at as f64 - 1.0, window, degree);
        }
    }
    wide
}

/// Means of `n` neighbours.
fn averages(y: &[f64], n: usize) -> Vec<f64> {
    y.windows(n).map(|w| w.iter().sum::<f64>() / n as f64).collect()
}

/// The local line at every `jump`-th place and the last, and straight lines between.
fn loess_all(y: &[f64], window: usize, jump: usize) -> Vec<f64> {
    let last = y.len() - 1;
    let mut smooth = vec![0.0; y.len()];
    smooth[0] = loess(y, 0.0, window, Degree::Line);
    let mut from = 0;
    while from < last {
        let to = (from + jump).min(last);
        smooth[to] = loess(y, to as f64, window, Degree::Line);
        let rise = (smooth[to] - smooth[from]) / (to - from) as f64;
        for at in from + 1..to {
            smooth[at] = smooth[from] + rise * (at - from) as f64;
        }
        from = to;
    }
    smooth
}

/// What is fitted to the neighbours of a place.
#[derive(Clone, Copy, PartialEq)]
enum Degree {
    /// Their mean.
    Level,
    /// A line through them.
    Line,
}

/// The local mean or line at a place, from the nearest `window` values with tricube weights.
fn loess(y: &[f64], at: f64, window: usize, degree: Degree) -> f64 {
    let n = y.len();
    let some = window.min(n);
    let first = (at - (some as f64 - 1.0) / 2.0).round().clamp(0.0, (n - some) as f64) as usize;
    let last = first + some - 1;
    let mut reach = (at - first as f64).max(last as f64 - at);
    if window > n {
        reach += (window - n).div_euclid(2) as f64;
    }
    let (near, far) = (0.001 * reach, 0.999 * reach);
    let mut weights = vec![0.0; some];
    let mut sum = 0.0;
    for (i, weight) in weights.iter_mut().enumerate() {
        let apart = ((first + i) as f64 - at).abs();
        if apart <= far {
            *weight = if apart <= near { 1.0 } else { (1.0 - (apart / reach).powi(3)).powi(3) };
            sum += *weight;
        }
    }
    if sum <= 0.0 {
        return y[(at.round().max(0.0) as usize).min(n - 1)];
    }
    weights.iter_mut().for_each(|w| *w /= sum);
    if degree == Degree::Level {
        return weights.iter().enumerate().map(|(i, w)| w * y[first + i]).sum();
    }
    let centre: f64 = weights.iter().enumerate().map(|(i, w)| w * (first + i) as f64).sum();
    let spread: f64 =
        weights.iter().enumerate().map(|(i, w)| w * ((first + i) as f64 - centre).powi(2)).sum();
    let tilt = if spread.sqrt() > 0.001 * (n as f64 - 1.0) { (at - centre) / spread } else { 0.0 };
    let line = |(i, w): (usize, &f64)| w * (1.0 + tilt * ((first + i) as f64 - centre)) * y[first + i];
    weights.iter().enumerate().map(line).sum()
}

/// A season that explains so much of what varies beside the trend is one to reckon with (as R's `nsdiffs` takes it; Wang, Smith and Hyndman
/// 2006).
pub(super) const STRONG: f64 = 0.64;

/// How much of what varies beside the trend the season explains, from 0 to 1; `None` where there is no season to look for.
pub fn seasonal_strength(y: &[f64], season: usize) -> Option<f64> {
    let parts = stl(y, season)?;
    let variance = |x: &[f64]| {
        let mean = x.iter().sum::<f64>() / x.len() as f64;
        x.iter().map(|v| (v - mean).powi(2)).sum::<f64>()
    };
    let both: Vec<f64> = parts.season.iter().zip(&parts.rest).map(|(s, r)| s + r).collect();
    let whole = variance(&both);
    let size = y.iter().map(|x| x * x).sum::<f64>();
    Some(if whole <= 1e-20 * size { 0.0 } else { (1.0 - variance(&parts.rest) / whole).clamp(0.0, 1.0) })
}
