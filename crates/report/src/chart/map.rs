//! Places on a map without a network: dots where they are, in shades of a number.

use std::fmt::Write;

use super::plot::{Key, Plot, Sign};
use super::scale::Scale;
use super::{Chart, Drawing};
use crate::number::count;
use crate::palette::HEAT;
use crate::svg::{Svg, n};
use crate::words::{Words, fill};

/// Places, each with a number that its shade tells.
///
/// The scale is true at the middle of the map: of degrees, one of longitude is drawn shorter than one of latitude by the cosine of the
/// latitude there.
///
/// ```
/// use tidemill_report::{Chart, PlaceMap, Scale};
/// let map = PlaceMap {
///     words: &tidemill_report::words::EN,
///     title: "Where it errs".into(), x: Scale::number("lon"), y: Scale::number("lat"), degrees: true,
///     places: vec![[13.4, 52.5, 0.3], [13.5, 52.4, 0.9]], what: "off by".into(), rows: "rows".into(),
/// };
/// assert!(map.svg(&tidemill_report::words::EN).contains("off by"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct PlaceMap {
    /// In which language its legend is.
    pub words: &'static Words,
    /// Above the map.
    pub title: String,
    /// East.
    pub x: Scale,
    /// North.
    pub y: Scale,
    /// Whether the places are longitudes and latitudes.
    pub degrees: bool,
    /// Of each place x, y and its number; those with one that is not finite are left out.
    pub places: Vec<[f64; 3]>,
    /// What the number is, for the legend.
    pub what: String,
    /// What a place is, for the description: "rows".
    pub rows: String,
}

impl PlaceMap {
    fn kept(&self) -> impl Iterator<Item = [f64; 3]> + Clone + '_ {
        self.places.iter().copied().filter(|place| place.iter().all(|x| x.is_finite()))
    }

    /// The bounds of the shades from least to most: as many places in each as ties allow.
    fn bounds(&self) -> Vec<f64> {
        let mut values: Vec<f64> = self.kept().map(|place| place[2]).collect();
        values.sort_unstable_by(f64::total_cmp);
        let mut bounds: Vec<f64> =
            (1..SHADES).filter_map(|i| values.get(i * values.len() / SHADES).copied()).collect();
        bounds.dedup();
        // Where the least share their value, nothing lies below it.
        bounds.retain(|bound| values.first() != Some(bound));
        bounds
    }

    fn keys(&self, bounds: &[f64]) -> Vec<Key> {
        let of =
            |shade: usize, name: String| Key { class: class(shade, bounds.len()), sign: Sign::Box, name };
        let (Some(first), Some(last)) = (bounds.first(), bounds.last()) else {
            return vec![of(0, self.what.clone())];
        };
        let words = self.words;
        let between =
            |pair: &[f64]| fill(words.chart_between, &[("low", &count(pair[0])), ("high", &count(pair[1]))]);
        let middle = bounds.windows(2).enumerate();
        let middle = middle.map(|(i, pair)| of(i + 1, between(pair)));
        let least = of(0, fill(words.chart_below, &[("what", &self.what), ("value", &count(*first))]));
        let most = of(bounds.len(), fill(words.chart_above, &[("value", &count(*last))]));
        [least].into_iter().chain(middle).chain([most]).collect()
    }
}

/// Shades of a map; the palest of the palette cannot be told from the paper.
const SHADES: usize = 4;

/// The class of a shade, from 0, where there are so many bounds between them.
fn class(shade: usize, bounds: usize) -> String {
    let (least, most) = (HEAT - SHADES, HEAT - 1);
    let at = (shade * (most - least)).checked_div(bounds).map_or(most, |above| least + above);
    format!("h{at}")
}

impl Chart for PlaceMap {
    fn title(&self) -> &str {
        &self.title
    }

    fn description(&self, words: &Words) -> String {
        let n = count(self.kept().count() as f64);
        let values: [(&str, &dyn std::fmt::Display); 5] =
            [("n", &n), ("rows", &self.rows), ("x", &self.x.name), ("y", &self.y.name), ("what", &self.what)];
        fill(words.chart_map, &values)
    }

    fn axes(&self) -> Vec<&str> {
        vec![&self.x.name, &self.y.name]
    }

    fn draw(&self, wide: f64) -> Drawing {
        let mut x = self.x.ends(self.kept().map(|place| place[0]), 0.05);
        let mut y = self.y.ends(self.kept().map(|place| place[1]), 0.05);
        let stretch = if self.degrees { ((y[0] + y[1]) / 2.0).to_radians().cos().max(0.05) } else { 1.0 };
        let (across, up) = ((x[1] - x[0]) * stretch, y[1] - y[0]);
        // About as wide as the data will be: what a plot keeps for its labels is known only once it is made.
        let room = wide - 80.0;
        let high = (room * up / across).clamp(190.0, 460.0);
        // Where the clamp bends the scale, the shorter side gets more ground.
        let (wanted_up, wanted_across) = (across * high / room, up * room / high);
        let widen = |ends: &mut [f64; 2], by: f64| {
            ends[0] -= by / 2.0;
            ends[1] += by / 2.0;
        };
        if wanted_up > up {
            widen(&mut y, wanted_up - up);
        } else {
            widen(&mut x, (wanted_across - across) / stretch);
        }
        let bounds = self.bounds();
        let mut out = Svg::default();
        let plot = Plot::new(&mut out, wide, high, (&self.x, x), (&self.y, y), &self.keys(&bounds));
        let mut shades = vec![String::new(); bounds.len() + 1];
        for [x, y, value] in self.kept() {
            let shade = bounds.partition_point(|bound| *bound <= value);
            let (x, y) = (plot.x(x), plot.y(y));
            // Writing to a string cannot fail.
            let _ = write!(shades[shade], "M{} {}m-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0", n(x), n(y));
        }
        // The greatest last, so that it is on top.
        for (shade, d) in shades.iter().enumerate().filter(|(_, d)| !d.is_empty()) {
            out.path(&format!("place {}", class(shade, bounds.len())), d, "");
        }
        Drawing { height: plot.size[1], body: out }
    }
}
