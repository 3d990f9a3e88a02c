//! The search of Hyndman and Khandakar (2008) for the orders of an ARIMA model.

use super::{Arima, Fit, Order, n_differences, n_seasonal_differences};

/// At most so many terms of one sort, a step and a season apart, and of all sorts together.
const MOST: usize = 5;
const MOST_SEASON: usize = 2;
const MOST_ALL: usize = 5;
/// At most so many models are looked at.
const MODELS: usize = 94;
/// Longer seasons than this are not modelled: the polynomials would be as long.
const LONGEST_SEASON: usize = 24;
/// Up to so many values, the exact likelihood is searched for each order, else it only judges what conditional sums of squares found.
const SHORT: usize = 400;

/// The model of the least AICc by the stepwise search: differences by the strength of the season and the KPSS test, then from four
/// simple models to their neighbours for as long as one is better (as R's `auto.arima` and `statsforecast`'s `AutoARIMA`). `None`
/// where no model can be fitted: of fewer than 6 values, or constant after differences.
pub fn automatic(y: &[f64], season: usize) -> Option<Arima> {
    if y.len() < 6 {
        return None;
    }
    let seasonal = (2..=LONGEST_SEASON).contains(&season) && y.len() >= 2 * season + 3;
    let n_season = if seasonal { season } else { 1 };
    let far = if seasonal { n_seasonal_differences(y, season) } else { 0 };
    let apart: Vec<f64> =
        if far == 1 { y.iter().zip(&y[season..]).map(|(a, b)| b - a).collect() } else { y.to_vec() };
    let near = n_differences(&apart);
    let order = |step: [usize; 2], wide: [usize; 2], mean| Order {
        step: [step[0], near, step[1]],
        season: [wide[0], far, wide[1]],
        n_season,
        mean,
    };
    let mean = near + far <= 1;
    let mut search = Search { y, seen: Vec::new(), best: None };
    let wide = usize::from(seasonal);
    search.look(order([2, 2], [wide, wide], mean));
    search.look(order([0, 0], [0, 0], mean));
    search.look(order([1, 0], [wide, 0], mean));
    search.look(order([0, 1], [0, wide], mean));
    if mean {
        search.look(order([0, 0], [0, 0], false));
    }
    while search.seen.len() < MODELS && search.step(seasonal, near + far <= 1) {}
    let best = search.best?;
    let exact = 100 * best.model.order.n_coefficients();
    Arima::fit(best.model.order, y, exact).map(|fit| fit.model).or(Some(best.model))
}

/// How often the exact likelihood is asked while orders are compared.
pub(super) fn evaluations(y: &[f64], order: &Order) -> usize {
    if y.len() <= SHORT { 40 * order.n_coefficients().min(5) } else { 1 }
}

struct Search<'a> {
    y: &'a [f64],
    seen: Vec<Order>,
    best: Option<Fit>,
}

impl Search<'_> {
    /// Whether a model is the best so far.
    fn look(&mut self, order: Order) -> bool {
        if self.seen.contains(&order) || self.seen.len() >= MODELS {
            return false;
        }
        self.seen.push(order);
        let Some(fit) = Arima::fit(order, self.y, evaluations(self.y, &order)) else { return false };
        let better = self.best.as_ref().is_none_or(|best| fit.aicc < best.aicc);
        if better {
            self.best = Some(fit);
        }
        better
    }

    /// Looks at the neighbours of the best until one is better.
    fn step(&mut self, seasonal: bool, may_mean: bool) -> bool {
        let Some(best) = self.best.as_ref().map(|fit| fit.model.order) else { return false };
        let mut moves: Vec<[i32; 4]> = Vec::new();
        if seasonal {
            moves.extend([[0, 0, -1, 0], [0, 0, 0, -1], [0, 0, 1, 0], [0, 0, 0, 1]]);
            moves.extend([[0, 0, -1, -1], [0, 0, -1, 1], [0, 0, 1, -1], [0, 0, 1, 1]]);
        }
        moves.extend([[-1, 0, 0, 0], [0, -1, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0]]);
        moves.extend([[-1, -1, 0, 0], [-1, 1, 0, 0], [1, -1, 0, 0], [1, 1, 0, 0]]);
        for by in moves {
            if let Some(next) = moved(best, by)
                && self.look(next)
            {
                return true;
            }
        }
        may_mean && self.look(Order { mean: !best.mean, ..best })
    }
}

fn moved(order: Order, by: [i32; 4]) -> Option<Order> {
    let add = |n: usize, by: i32, most: usize| n.checked_add_signed(by as isize).filter(|n| *n <= most);
    let ([p, d, q], [sp, sd, sq]) = (order.step, order.season);
    let (p, q) = (add(p, by[0], MOST)?, add(q, by[1], MOST)?);
    let (sp, sq) = (add(sp, by[2], MOST_SEASON)?, add(sq, by[3], MOST_SEASON)?);
    (p + q + sp + sq <= MOST_ALL).then_some(Order { step: [p, d, q], season: [sp, sd, sq], ..order })
}
