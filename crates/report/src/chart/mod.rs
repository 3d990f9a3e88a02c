//! Charts. Each draws itself for a given width; labels keep their size, so a chart for a phone is redrawn, not scaled down.

mod bar;
mod beeswarm;
mod confusion;
mod decision;
mod dependence;
mod heat;
mod histogram;
mod interval;
mod line;
mod map;
mod pairs;
mod plot;
mod scale;
mod scatter;
mod score;
mod waterfall;

use std::fmt::Write;

pub use bar::{Bar, BarChart};
pub use beeswarm::{Beeswarm, SwarmDot};
pub use confusion::ConfusionMatrix;
pub use decision::DecisionPlot;
pub use dependence::Dependence;
pub use heat::HeatMap;
pub use histogram::{Bin, Histogram};
pub use interval::{Interval, IntervalPlot};
pub use line::{LineChart, Mark, Point, Reference, Series, Spot};
pub use map::PlaceMap;
pub use pairs::PairMap;
pub use scale::{Axis, Scale, ticks};
pub use scatter::Scatter;
pub use score::ScoreLine;
pub use waterfall::Waterfall;

use crate::palette;
use crate::svg::{Anchor, Svg, n};
use crate::text::escaped;
use crate::words::Words;

/// A drawn chart: its height and its elements.
#[derive(Clone, Debug)]
pub struct Drawing {
    pub(crate) height: f64,
    pub(crate) body: Svg,
}

/// Something that can be drawn.
pub trait Chart {
    /// Its title.
    fn title(&self) -> &str;

    /// A description for screen readers, in the language of these words.
    fn description(&self, words: &Words) -> String;

    /// The names of its axes with their units, the horizontal one first.
    fn axes(&self) -> Vec<&str>;

    /// Draws it with this width in pixels.
    fn draw(&self, width: f64) -> Drawing;

    /// The chart as part of a page, which uses the page's style sheet.
    fn inline(&self, width: f64, words: &Words) -> String {
        let drawing = self.draw(width);
        let mut out = String::new();
        open(&mut out, self.title(), &self.description(words), self.axes().len(), [width, drawing.height]);
        out += &drawing.body.finish();
        out + "</svg>"
    }

    /// The chart as a standalone document, with its title and both themes.
    fn svg(&self, words: &Words) -> String {
        const WIDTH: f64 = 860.0;
        const TOP: f64 = 52.0;
        const PAD: f64 = 16.0;
        let drawing = self.draw(WIDTH - 2.0 * PAD);
        let mut title = Svg::default();
        title.text("title", PAD + 4.0, 32.0, Anchor::Start, self.title());
        let mut out = String::new();
        let size = [WIDTH, drawing.height + TOP + PAD];
        open(&mut out, self.title(), &self.description(words), self.axes().len(), size);
        // Writing to a string cannot fail.
        let _ = write!(
            out,
            "<style>{}</style><rect class=\"paper\" width=\"100%\" height=\"100%\"/>{}\
             <g transform=\"translate({PAD} {TOP})\">{}</g></svg>",
            document_style(),
            title.finish(),
            drawing.body.finish()
        );
        out + "\n"
    }
}

fn open(out: &mut String, title: &str, description: &str, n_axes: usize, [width, height]: [f64; 2]) {
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\" \
         role=\"img\" data-axes=\"{n_axes}\" aria-label=\"{title}\"><title>{title}</title><desc>{}</desc>",
        escaped(description),
        title = escaped(title),
        w = n(width),
        h = n(height)
    );
}

/// The style of charts, in colours by role.
pub(crate) const STYLE: &str = include_str!("chart.css");

/// The style of a standalone document. Not every SVG viewer supports variables, so the colours are written out.
fn document_style() -> String {
    let filled = |pick: fn(&palette::Colour) -> &'static str| {
        let rules = palette::PALETTE
            .iter()
            .fold(STYLE.to_string(), |rules, c| rules.replace(&format!("var(--{})", c.role), pick(c)));
        rules.split('\n').map(str::trim).collect::<String>()
    };
    let light = filled(|c| c.light);
    format!("{light}@media(prefers-color-scheme:dark){{{}}}", filled(|c| c.dark))
}
