//! Output for human readers: charts as SVG, and pages of charts as a single HTML file.
//!
//! A [`Chart`] has a title, axes and a method that draws it for a given width; [`Figure`] puts it on a page. A [`Report`] consists of a
//! title, a [`Verdict`] and [`Section`]s of [`Block`]s, all of them plain data. [`Report::html`] writes it as one file that needs no
//! network and no script. Everything that comes from a user (names of columns and classes, texts of warnings) is added as [`Text`], which
//! is escaped when it is written.
//!
//! The sentences of each language are in [`words`]; the colours of both themes are in [`palette`], where tests check their contrast.
//!
//! ```
//! use tidemill_report::{Block, Report, Section, Text, words::EN};
//! let findings = Section::new("findings", "Findings").with(Block::Text(Text::plain("Two columns are <constant>.")));
//! let html = Report::new(&EN, "Audit").with(findings).html();
//! assert!(html.starts_with("<!doctype html>") && html.contains("&lt;constant&gt;"));
//! ```

pub mod align;
pub mod chart;
pub mod number;
pub mod page;
pub mod palette;
mod svg;
mod text;
pub mod words;

pub use chart::{
    Axis, Bar, BarChart, Beeswarm, Bin, Chart, ConfusionMatrix, DecisionPlot, Dependence, HeatMap, Histogram,
    Interval, IntervalPlot, LineChart, Mark, PairMap, PlaceMap, Point, Reference, Scale, Scatter, ScoreLine,
    Series, Spot, SwarmDot, Waterfall, ticks,
};
pub use page::{Align, Block, Card, Cell, Figure, Finding, Level, Report, Section, Table, Tile, Verdict};
pub use text::{Span, Text};
