//! A map without a network: dots at places, shaded by a number.

use std::fmt::Write;

use super::plot::{Key, Plot, Sign};
use super::scale::Scale;
use super::{Chart, Drawing};
use crate::number::count;
use crate::palette::HEAT;
use crate::svg::{Svg, n};
use crate::words::{Words, fill};

/// Places, each with a number shown by its shade.
///
/// The scale is correct at the middle of the map: with degrees, a degree of longitude is drawn shorter than one of latitude, by the cosine
/// of the latitude there.
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
    /// The language of the legend.
    pub words: &'static Words,
    /// The title above the map.
    pub title: String,
    /// The scale to the east.
    pub x: Scale,
    /// The scale to the north.
    pub y: Scale,
    /// Whether the places are longitudes and latitudes.
    pub degrees: bool,
    /// The x, y and number of each place; places with a value that is not finite are ignored.
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

    /// The bounds of the shades, from lowest to highest: as equally filled as ties allow.
    fn bounds(&self) -> Vec<f64> {
        let mut values: Vec<f64> = self.kept().map(|place| place[2]).collect();
        values.sort_unstable_by(f64::total_cmp);
        let mut bounds: Vec<f64> =
            (1..SHADES).filter_map(|i| values.get(i * values.len() / SHADES).copied()).collect();
        bounds.dedup();
        // If the lowest places share a value, nothing is below it.
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

/// The number of shades on a map; the palest of the palette cannot be distinguished from the background.
const SHADES: usize = 4;

/// The CSS class of a shade, counted from 0, for this number of bounds between shades.
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
        // About the width of the data: the space that a plot needs for its labels is only known once it is made.
        let room = wide - 80.0;
        let high = (room * up / across).clamp(190.0, 460.0);
        // Where the clamp distorts the scale, the shorter side covers more area.
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
        // The highest values last, so that they are on top.
        for (shade, d) in shades.iter().enumerate().filter(|(_, d)| !d.is_empty()) {
            out.path(&format!("place {}", class(shade, bounds.len())), d, "");
        }
        Drawing { height: plot.size[1], body: out }
    }
}
