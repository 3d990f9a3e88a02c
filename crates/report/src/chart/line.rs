//! Lines over numbers, shares or times, with uncertainty bands: ROC, precision and recall, calibration, learning curves, gains, scores over
//! time.

use super::plot::{Key, Plot, Sign};
use super::scale::{Scale, spread};
use super::{Chart, Drawing};
use crate::number::short;
use crate::svg::{Svg, n};
use crate::words::{Words, fill};

/// One point of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The horizontal position.
    pub x: f64,
    /// The value.
    pub y: f64,
    /// The lower end of its interval.
    pub low: Option<f64>,
    /// The upper end of its interval.
    pub high: Option<f64>,
}

impl Point {
    /// A point without an interval.
    pub fn new(x: f64, y: f64) -> Self {
        Point { x, y, low: None, high: None }
    }
}

/// A named line.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// The name of the line.
    pub name: String,
    /// Its points, from left to right.
    pub points: Vec<Point>,
    /// Whether each point has a dot, for few points that were each measured.
    pub dots: bool,
}

impl Series {
    /// A line without dots.
    pub fn new(name: impl Into<String>, points: Vec<Point>) -> Self {
        Series { name: name.into(), points, dots: false }
    }

    /// Adds a dot at each point.
    pub fn with_dots(self) -> Self {
        Series { dots: true, ..self }
    }
}

/// An event at a position of the horizontal axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// Its position.
    pub x: f64,
    /// Its label.
    pub label: String,
}

/// A reference line: guessing, perfect calibration.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// The name of the line.
    pub name: String,
    /// Its start and end.
    pub ends: [[f64; 2]; 2],
}

/// A named point, such as the current model.
#[derive(Clone, Debug, PartialEq)]
pub struct Spot {
    /// The horizontal position.
    pub x: f64,
    /// The vertical position.
    pub y: f64,
    /// Its name.
    pub name: String,
}

/// A chart of lines, of which at most four can be told apart.
///
/// ```
/// use tidemill_report::{Chart, LineChart, Point, Scale, Series};
/// let points = vec![Point::new(0.0, 1.0), Point::new(1.0, 2.0)];
/// let chart = LineChart::new("Error by day", Scale::number("day"), Scale::number("RMSE (bikers)"))
///     .with(Series::new("model", points));
/// let svg = chart.svg(&tidemill_report::words::EN);
/// assert!(svg.starts_with("<svg") && svg.contains("RMSE (bikers)"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LineChart {
    /// The title above the chart.
    pub title: String,
    /// The horizontal scale.
    pub x: Scale,
    /// The vertical scale.
    pub y: Scale,
    /// The lines.
    pub series: Vec<Series>,
    /// Vertical marks, all of the same kind: the legend shows the label of the first.
    pub marks: Vec<Mark>,
    /// The reference line.
    pub reference: Option<Reference>,
    /// Named points.
    pub spots: Vec<Spot>,
    /// Thin lines behind the others, all of the same kind: single rows behind their average.
    pub strands: Vec<Vec<[f64; 2]>>,
    /// Their name in the legend.
    pub strand_name: String,
}

impl LineChart {
    /// A chart without lines.
    pub fn new(title: impl Into<String>, x: Scale, y: Scale) -> Self {
        LineChart {
            title: title.into(),
            x,
            y,
            series: Vec::new(),
            marks: Vec::new(),
            reference: None,
            spots: Vec::new(),
            strands: Vec::new(),
            strand_name: String::new(),
        }
    }

    /// Adds a line.
    pub fn with(mut self, series: Series) -> Self {
        self.series.push(series);
        self
    }

    /// Sets the reference line.
    pub fn against(mut self, name: impl Into<String>, from: [f64; 2], to: [f64; 2]) -> Self {
        self.reference = Some(Reference { name: name.into(), ends: [from, to] });
        self
    }

    /// Adds thin lines behind the others.
    pub fn behind(mut self, name: impl Into<String>, strands: Vec<Vec<[f64; 2]>>) -> Self {
        (self.strand_name, self.strands) = (name.into(), strands);
        self
    }

    fn points(&self) -> impl Iterator<Item = &Point> {
        self.series.iter().flat_map(|s| &s.points).filter(|p| p.x.is_finite() && p.y.is_finite())
    }

    /// The vertical range. A wide interval of one early point must not flatten the lines, so bands may be cut off slightly.
    fn y_ends(&self) -> [f64; 2] {
        let strands = || self.strands.iter().flatten().map(|[_, y]| *y);
        let [least, greatest] = spread(self.points().map(|p| p.y).chain(strands()));
        let bands = self.points().flat_map(|p| [p.low.unwrap_or(p.y), p.high.unwrap_or(p.y)]);
        let ends = spread(bands.chain(strands()));
        let reach = greatest - least;
        let kept = [ends[0].max(least - reach), ends[1].min(greatest + reach)];
        self.y.ends(kept.into_iter(), 0.05)
    }

    fn keys(&self) -> Vec<Key> {
        let lines = self.series.iter().enumerate().map(|(i, s)| Key {
            class: format!("series s{}", i % 4),
            sign: Sign::Line,
            name: s.name.clone(),
        });
        let spots = self.spots.iter().enumerate().map(|(i, s)| Key {
            class: format!("dot f{}", (i + 1) % 4),
            sign: Sign::Dot,
            name: s.name.clone(),
        });
        let reference = self.reference.iter().map(|r| Key {
            class: "reference".into(),
            sign: Sign::Line,
            name: r.name.clone(),
        });
        let mark = self.marks.iter().take(1).map(|m| Key {
            class: "mark".into(),
            sign: Sign::Upright,
            name: m.label.clone(),
        });
        let strands = self.strands.iter().take(1).map(|_| Key {
            class: "strand".into(),
            sign: Sign::Line,
            name: self.strand_name.clone(),
        });
        lines.chain(strands).chain(spots).chain(reference).chain(mark).collect()
    }
}

impl Chart for LineChart {
    fn title(&self) -> &str {
        &self.title
    }

    fn description(&self, words: &Words) -> String {
        let lines = self.series.iter().map(|s| {
            let [low, high] = spread(s.points.iter().map(|p| p.y));
            let values: [(&str, &dyn std::fmt::Display); 4] =
                [("name", &s.name), ("n", &s.points.len()), ("low", &short(low)), ("high", &short(high))];
            fill(words.chart_points, &values)
        });
        let lines = lines.collect::<Vec<_>>().join(words.chart_gap);
        fill(words.chart_by, &[("what", &self.y.name), ("by", &self.x.name), ("items", &lines)])
    }

    fn axes(&self) -> Vec<&str> {
        vec![&self.x.name, &self.y.name]
    }

    fn draw(&self, width: f64) -> Drawing {
        let mut out = Svg::default();
        let x = self.x.ends(self.points().map(|p| p.x), 0.0);
        let high = (0.62 * width).clamp(170.0, 300.0);
        let plot = Plot::new(&mut out, width, high, (&self.x, x), (&self.y, self.y_ends()), &self.keys());
        let [_, top, _, bottom] = plot.edges();
        for mark in self.marks.iter().filter(|m| (x[0]..=x[1]).contains(&m.x)) {
            out.path("mark", &format!("M{} {}V{}", n(plot.x(mark.x)), n(top), n(bottom)), &mark.label);
        }
        if let Some(Reference { name, ends: [a, b] }) = &self.reference {
            let [from, to] = [a, b].map(|p| format!("{} {}", n(plot.x(p[0])), n(plot.y(p[1]))));
            out.path("reference", &format!("M{from}L{to}"), name);
        }
        for strand in &self.strands {
            let kept = strand.iter().filter(|[x, y]| x.is_finite() && y.is_finite());
            let points: Vec<String> =
                kept.map(|[x, y]| format!("{} {}", n(plot.x(*x)), n(plot.y(*y)))).collect();
            if points.len() > 1 {
                out.path("strand", &format!("M{}", points.join("L")), "");
            }
        }
        for (i, series) in self.series.iter().enumerate() {
            band(series, i % 4, &plot, &mut out);
        }
        // The first line is the subject of the chart: it is drawn last, above the others.
        for (i, series) in self.series.iter().enumerate().rev() {
            line(series, i % 4, &plot, &mut out);
        }
        for (i, spot) in self.spots.iter().enumerate().filter(|(_, s)| s.x.is_finite() && s.y.is_finite()) {
            out.dot(&format!("dot f{}", (i + 1) % 4), plot.x(spot.x), plot.y(spot.y), 5.5, &spot.name);
        }
        Drawing { height: plot.size[1], body: out }
    }
}

fn band(series: &Series, k: usize, plot: &Plot, out: &mut Svg) {
    let ends: Vec<(f64, f64, f64)> = series
        .points
        .iter()
        .filter_map(|p| Some((p.x, p.low?, p.high?)))
        .filter(|e| e.1.is_finite() && e.2.is_finite())
        .collect();
    if ends.len() < 2 {
        return;
    }
    let upper = ends.iter().map(|&(x, _, high)| (x, high));
    let lower = ends.iter().rev().map(|&(x, low, _)| (x, low));
    let corners: Vec<String> =
        upper.chain(lower).map(|(x, y)| format!("{} {}", n(plot.x(x)), n(plot.y(y)))).collect();
    out.path(&format!("band f{k}"), &format!("M{}Z", corners.join("L")), "");
}

fn line(series: &Series, k: usize, plot: &Plot, out: &mut Svg) {
    let kept = || series.points.iter().filter(|p| p.x.is_finite() && p.y.is_finite());
    let points: Vec<String> = kept().map(|p| format!("{} {}", n(plot.x(p.x)), n(plot.y(p.y)))).collect();
    if points.is_empty() {
        return;
    }
    out.path(&format!("series s{k}"), &format!("M{}", points.join("L")), &series.name);
    if series.dots {
        for p in kept() {
            let what = format!("{}: {}, {}", series.name, short(p.x), short(p.y));
            out.dot(&format!("dot f{k}"), plot.x(p.x), plot.y(p.y), 4.0, &what);
        }
    }
}
