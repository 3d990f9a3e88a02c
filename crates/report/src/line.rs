//! Lines over numbers or time, with bands of uncertainty.

use std::fmt::Write;

use crate::scale::{Axis, ticks};

/// One point of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Where.
    pub x: f64,
    /// The value.
    pub y: f64,
    /// The lower end of its interval.
    pub low: Option<f64>,
    /// The upper end of its interval.
    pub high: Option<f64>,
}

/// A named line.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// What it is.
    pub name: String,
    /// Its points, from left to right.
    pub points: Vec<Point>,
}

/// Something that happened at a place of the horizontal axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// Where.
    pub x: f64,
    /// What.
    pub label: String,
}

/// A chart of lines.
///
/// ```
/// use tidemill_report::{Axis, LineChart, Point, Series};
/// let points = vec![Point { x: 0.0, y: 1.0, low: None, high: None }, Point { x: 1.0, y: 2.0, low: None, high: None }];
/// let chart = LineChart {
///     title: "Error by day".into(), x_label: "day".into(), y_label: "RMSE (bikers)".into(), x_axis: Axis::Number,
///     series: vec![Series { name: "model".into(), points }], marks: vec![],
/// };
/// let svg = chart.svg();
/// assert!(svg.starts_with("<svg") && svg.contains("RMSE (bikers)"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LineChart {
    /// Above the chart.
    pub title: String,
    /// Below the horizontal axis, with its unit.
    pub x_label: String,
    /// Beside the vertical axis, with its unit.
    pub y_label: String,
    /// What the horizontal axis measures.
    pub x_axis: Axis,
    /// The lines, at most four that can be told apart.
    pub series: Vec<Series>,
    /// Vertical marks.
    pub marks: Vec<Mark>,
}

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 440.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 84.0;
const BOTTOM: f64 = 64.0;

/// Colours that also people who see few of them tell apart (Okabe and Ito 2008), and dashes for those who print in grey.
const STYLE: &str = "\
.t{font:600 17px system-ui,sans-serif;fill:#1a1f24}.l,.k{font:13px system-ui,sans-serif;fill:#4a545e}\
.k{font-size:12px;font-variant-numeric:tabular-nums}.g{stroke:#d9dee3;stroke-width:1}.a{stroke:#8a949e;stroke-width:1}\
.m{stroke:#8a949e;stroke-dasharray:2 4}.b{fill:#fff}\
.s0{stroke:#0072b2}.s1{stroke:#d55e00;stroke-dasharray:7 4}.s2{stroke:#009e73;stroke-dasharray:2 3}\
.s3{stroke:#cc79a7;stroke-dasharray:9 3 2 3}.s{fill:none;stroke-width:2;stroke-linejoin:round}\
.f0{fill:#0072b2}.f1{fill:#d55e00}.f2{fill:#009e73}.f3{fill:#cc79a7}.f{opacity:.16}\
@media(prefers-color-scheme:dark){.b{fill:#14181c}.t{fill:#eef2f5}.l,.k{fill:#b3bdc7}.g{stroke:#2b333b}\
.a,.m{stroke:#6b7681}.s0{stroke:#56b4e9}.f0{fill:#56b4e9}.s1{stroke:#e69f00}.f1{fill:#e69f00}.f{opacity:.2}}";

impl LineChart {
    /// The chart as a document of its own.
    pub fn svg(&self) -> String {
        let frame = Frame::of(self);
        let mut out = String::new();
        self.write(&frame, &mut out);
        out
    }

    fn write(&self, frame: &Frame, out: &mut String) {
        // Writing to a string cannot fail.
        let _ = write!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
             aria-label=\"{}\"><style>{STYLE}</style><rect class=\"b\" width=\"100%\" height=\"100%\"/>\
             <text class=\"t\" x=\"{LEFT}\" y=\"30\">{}</text>",
            escaped(&self.title),
            escaped(&self.title)
        );
        self.legend(out);
        self.axes(frame, out);
        for (i, series) in self.series.iter().enumerate() {
            band(series, i % 4, frame, out);
        }
        for (i, series) in self.series.iter().enumerate() {
            line(series, i % 4, frame, out);
        }
        out.push_str("</svg>\n");
    }

    fn legend(&self, out: &mut String) {
        let mut x = LEFT;
        for (i, series) in self.series.iter().enumerate() {
            let _ = write!(
                out,
                "<path class=\"s s{k}\" d=\"M{x:.1} 54h28\"/><text class=\"l\" x=\"{tx:.1}\" y=\"58\">{name}</text>",
                k = i % 4,
                tx = x + 36.0,
                name = escaped(&series.name)
            );
            x += 60.0 + 7.4 * series.name.chars().count() as f64;
        }
        if let Some(mark) = self.marks.first() {
            let _ = write!(
                out,
                "<path class=\"m\" d=\"M{x:.1} 46v16\"/><text class=\"l\" x=\"{tx:.1}\" y=\"58\">{name}</text>",
                tx = x + 10.0,
                name = escaped(&mark.label)
            );
        }
    }

    fn axes(&self, frame: &Frame, out: &mut String) {
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        for (y, label) in ticks(frame.y[0], frame.y[1], 6, Axis::Number) {
            let y = frame.y(y);
            let _ = write!(
                out,
                "<path class=\"g\" d=\"M{LEFT} {y:.1}H{right}\"/><text class=\"k\" x=\"{x}\" y=\"{ty:.1}\" \
                 text-anchor=\"end\">{label}</text>",
                x = LEFT - 8.0,
                ty = y + 4.0
            );
        }
        for (x, label) in ticks(frame.x[0], frame.x[1], 6, self.x_axis) {
            let x = frame.x(x);
            let _ = write!(
                out,
                "<path class=\"a\" d=\"M{x:.1} {bottom}v5\"/><text class=\"k\" x=\"{x:.1}\" y=\"{y}\" \
                 text-anchor=\"middle\">{label}</text>",
                y = bottom + 20.0
            );
        }
        for mark in self.marks.iter().filter(|m| (frame.x[0]..=frame.x[1]).contains(&m.x)) {
            let _ = write!(
                out,
                "<path class=\"m\" d=\"M{:.1} {TOP}V{bottom}\"><title>{}</title></path>",
                frame.x(mark.x),
                escaped(&mark.label)
            );
        }
        let _ = write!(
            out,
            "<path class=\"a\" d=\"M{LEFT} {bottom}H{right}\"/>\
             <text class=\"l\" x=\"{mx:.1}\" y=\"{by}\" text-anchor=\"middle\">{}</text>\
             <text class=\"l\" transform=\"translate(18 {my:.1}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            escaped(&self.x_label),
            escaped(&self.y_label),
            mx = (LEFT + right) / 2.0,
            by = HEIGHT - 16.0,
            my = (TOP + bottom) / 2.0
        );
    }
}

fn band(series: &Series, k: usize, frame: &Frame, out: &mut String) {
    let ends: Vec<(f64, f64, f64)> = series
        .points
        .iter()
        .filter_map(|p| Some((p.x, p.low?, p.high?)))
        .filter(|e| finite(e.1, e.2))
        .collect();
    if ends.len() < 2 {
        return;
    }
    let upper = ends.iter().map(|&(x, _, high)| (x, high));
    let lower = ends.iter().rev().map(|&(x, low, _)| (x, low));
    let corners: Vec<String> =
        upper.chain(lower).map(|(x, y)| format!("{:.1} {:.1}", frame.x(x), frame.y(y))).collect();
    let _ = write!(out, "<path class=\"f f{k}\" d=\"M{}Z\"/>", corners.join("L"));
}

fn line(series: &Series, k: usize, frame: &Frame, out: &mut String) {
    let points: Vec<String> = series
        .points
        .iter()
        .filter(|p| finite(p.x, p.y))
        .map(|p| format!("{:.1} {:.1}", frame.x(p.x), frame.y(p.y)))
        .collect();
    if !points.is_empty() {
        let _ = write!(
            out,
            "<path class=\"s s{k}\" d=\"M{}\"><title>{}</title></path>",
            points.join("L"),
            escaped(&series.name)
        );
    }
}

/// The ranges that the chart shows.
struct Frame {
    x: [f64; 2],
    y: [f64; 2],
}

impl Frame {
    fn of(chart: &LineChart) -> Self {
        let points = || chart.series.iter().flat_map(|s| &s.points).filter(|p| finite(p.x, p.y));
        let x = range(points().map(|p| p.x));
        // A wide interval of one early point must not press the lines flat: bands may leave the chart by a little.
        let [least, greatest] = range(points().map(|p| p.y));
        let ends = range(points().flat_map(|p| [p.low.unwrap_or(p.y), p.high.unwrap_or(p.y)]));
        let reach = (greatest - least).max(1e-12);
        let y = [ends[0].max(least - reach), ends[1].min(greatest + reach)];
        let pad = 0.05 * (y[1] - y[0]).max(1e-12);
        Frame { x, y: [y[0] - pad, y[1] + pad] }
    }

    fn x(&self, x: f64) -> f64 {
        LEFT + (x - self.x[0]) / (self.x[1] - self.x[0]).max(f64::MIN_POSITIVE) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, y: f64) -> f64 {
        let y = y.clamp(self.y[0], self.y[1]);
        HEIGHT
            - BOTTOM
            - (y - self.y[0]) / (self.y[1] - self.y[0]).max(f64::MIN_POSITIVE) * (HEIGHT - TOP - BOTTOM)
    }
}

fn range(values: impl Iterator<Item = f64>) -> [f64; 2] {
    let [low, high] = values
        .filter(|v| v.is_finite())
        .fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], v| [low.min(v), high.max(v)]);
    match low < high {
        true => [low, high],
        false if low.is_finite() => [low - 0.5, low + 0.5],
        false => [0.0, 1.0],
    }
}

fn finite(a: f64, b: f64) -> bool {
    a.is_finite() && b.is_finite()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_become_marks_of_the_document() {
        let chart = LineChart {
            title: "<script>".into(),
            x_label: "a & b".into(),
            y_label: "y".into(),
            x_axis: Axis::Number,
            series: vec![Series { name: "\"<b>\"".into(), points: vec![] }],
            marks: vec![],
        };
        let svg = chart.svg();
        assert!(!svg.contains("<script>") && !svg.contains("<b>") && svg.contains("a &amp; b"), "{svg}");
    }
}
