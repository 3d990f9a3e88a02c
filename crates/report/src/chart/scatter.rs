//! Scatter plots: dots while they can be told apart, and hexagons shaded by count beyond that.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::plot::{Key, Plot, Sign};
use super::scale::Scale;
use super::{Chart, Drawing, Reference};
use crate::number::count;
use crate::palette::HEAT;
use crate::svg::{Svg, n};
use crate::words::{Words, fill};

/// With more points than this, dots would cover each other.
const DOTS: usize = 600;

/// Pairs of numbers.
///
/// ```
/// use tidemill_report::{Chart, Scale, Scatter};
/// let chart = Scatter {
///     words: &tidemill_report::words::EN,
///     title: "Predicted and true".into(), x: Scale::number("predicted (km)"), y: Scale::number("true (km)"),
///     points: vec![[1.0, 1.1], [2.0, 1.9]], reference: None, what: "rows".into(),
/// };
/// assert!(chart.svg(&tidemill_report::words::EN).contains("predicted (km)"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Scatter {
    /// The language of the legend.
    pub words: &'static Words,
    /// The title above the chart.
    pub title: String,
    /// The horizontal scale.
    pub x: Scale,
    /// The vertical scale.
    pub y: Scale,
    /// The pairs; those that are not finite are ignored.
    pub points: Vec<[f64; 2]>,
    /// The reference line.
    pub reference: Option<Reference>,
    /// What a point is, for the legend: "rows".
    pub what: String,
}

impl Scatter {
    fn kept(&self) -> impl Iterator<Item = [f64; 2]> + Clone + '_ {
        self.points.iter().copied().filter(|p| p[0].is_finite() && p[1].is_finite())
    }

    fn keys(&self, most: Option<usize>) -> Vec<Key> {
        let reference = self.reference.iter().map(|r| Key {
            class: "reference".into(),
            sign: Sign::Line,
            name: r.name.clone(),
        });
        let shades = most.into_iter().flat_map(|most| {
            let few = Key {
                class: "h1".into(),
                sign: Sign::Box,
                name: fill(self.words.chart_one, &[("rows", &self.what)]),
            };
            let many = Key { class: "h5".into(), sign: Sign::Box, name: count(most as f64) };
            [few, many]
        });
        reference.chain(shades).collect()
    }
}

impl Chart for Scatter {
    fn title(&self) -> &str {
        &self.title
    }

    fn description(&self, words: &Words) -> String {
        let values: [(&str, &dyn std::fmt::Display); 4] = [
            ("what", &self.y.name),
            ("other", &self.x.name),
            ("n", &count(self.points.len() as f64)),
            ("rows", &self.what),
        ];
        fill(words.chart_scatter, &values)
    }

    fn axes(&self) -> Vec<&str> {
        vec![&self.x.name, &self.y.name]
    }

    fn draw(&self, wide: f64) -> Drawing {
        let x = self.x.ends(self.kept().map(|p| p[0]), 0.03);
        let y = self.y.ends(self.kept().map(|p| p[1]), 0.03);
        let high = (0.7 * wide).clamp(190.0, 320.0);
        let many = self.kept().count() > DOTS;
        // The hexagons are computed on a plot without a legend, because the legend needs the largest count in one of them.
        let bare = Plot::new(&mut Svg::default(), wide, high, (&self.x, x), (&self.y, y), &[]);
        let cells = if many { hexagons(self.kept(), &bare) } else { BTreeMap::new() };
        let most = many.then(|| cells.values().copied().max().unwrap_or(1));
        let mut out = Svg::default();
        let plot = Plot::new(&mut out, wide, high, (&self.x, x), (&self.y, y), &self.keys(most));
        let shift = plot.edges()[1] - bare.edges()[1];
        match most {
            Some(most) => draw_hexagons(&cells, most, shift, &mut out),
            None => {
                let mut d = String::new();
                for [x, y] in self.kept() {
                    // Writing to a string cannot fail. A zero-length line with round ends is a dot.
                    let _ = write!(d, "M{} {}h0", n(plot.x(x)), n(plot.y(y)));
                }
                out.path("cloud", &d, "");
            }
        }
        if let Some(Reference { name, ends: [a, b] }) = &self.reference {
            // The line leaves at the edges instead of bending there.
            if let Some([a, b]) = clipped([*a, *b], x, y) {
                let [from, to] = [a, b].map(|p| format!("{} {}", n(plot.x(p[0])), n(plot.y(p[1]))));
                out.path("reference", &format!("M{from}L{to}"), name);
            }
        }
        Drawing { height: plot.size[1], body: out }
    }
}

/// The part of a line within the ranges (Liang and Barsky 1984).
fn clipped([a, b]: [[f64; 2]; 2], x: [f64; 2], y: [f64; 2]) -> Option<[[f64; 2]; 2]> {
    let (mut from, mut to) = (0.0f64, 1.0f64);
    for (k, ends) in [x, y].into_iter().enumerate() {
        let step = b[k] - a[k];
        if step == 0.0 {
            if !(ends[0]..=ends[1]).contains(&a[k]) {
                return None;
            }
            continue;
        }
        let (first, last) = ((ends[0] - a[k]) / step, (ends[1] - a[k]) / step);
        from = from.max(first.min(last));
        to = to.min(first.max(last));
    }
    let at = |t: f64| [a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])];
    (from < to).then(|| [at(from), at(to)])
}

/// The distance from the centre of a hexagon to its corners.
const RADIUS: f64 = 7.0;

/// The number of points in each hexagon, by row and column (Carr, Littlefield, Nicholson and Littlefield 1987: the nearer centre of two
/// shifted grids).
fn hexagons(points: impl Iterator<Item = [f64; 2]>, plot: &Plot) -> BTreeMap<(i32, i32), usize> {
    let (across, down) = (RADIUS * 3f64.sqrt(), RADIUS * 3.0);
    let mut cells = BTreeMap::new();
    for [x, y] in points {
        let (x, y) = (plot.x(x), plot.y(y));
        let even = [(x / across).round(), (y / down).round()];
        let odd = [(x / across - 0.5).round() + 0.5, (y / down - 0.5).round() + 0.5];
        let far = |c: [f64; 2]| (x - c[0] * across).powi(2) + (y - c[1] * down).powi(2);
        let centre = if far(even) <= far(odd) { even } else { odd };
        *cells.entry(((2.0 * centre[1]) as i32, (2.0 * centre[0]) as i32)).or_insert(0) += 1;
    }
    cells
}

/// One path for each shade. The shades are logarithmic steps, so that dense areas do not hide single points.
fn draw_hexagons(cells: &BTreeMap<(i32, i32), usize>, most: usize, shift: f64, out: &mut Svg) {
    let (half, low) = (RADIUS * 3f64.sqrt() / 2.0, RADIUS / 2.0);
    let mut shades = vec![String::new(); HEAT];
    for (&(row, column), &found) in cells {
        let share = (found as f64).ln() / (most as f64).ln().max(f64::MIN_POSITIVE);
        let shade = (1 + (share * (HEAT - 1) as f64) as usize).min(HEAT - 1);
        let (x, y) = (f64::from(column) * half, f64::from(row) * RADIUS * 1.5 + shift);
        let _ = write!(
            shades[shade],
            "M{} {}l{h} {l}v{r}l-{h} {l}l-{h} -{l}v-{r}z",
            n(x),
            n(y - RADIUS),
            h = n(half),
            l = n(low),
            r = n(RADIUS)
        );
    }
    for (shade, d) in shades.iter().enumerate().filter(|(_, d)| !d.is_empty()) {
        out.path(&format!("hex h{shade}"), d, "");
    }
}
