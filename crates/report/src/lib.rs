//! What people read: charts as SVG, and pages of them as one HTML file.
//!
//! A [`Chart`] knows its title, its axes and how to draw itself at a width; [`Figure`] puts it on a page. A
//! [`Report`] is a title, a [`Verdict`] and [`Section`]s of [`Block`]s, all of them plain data; [`Report::html`]
//! writes it as one file that asks nothing of any network and needs no script. Whatever comes from a user (names of
//! columns and classes, texts of warnings) goes in as [`Text`], which is escaped where it is written.
//!
//! The sentences of a language stand together in [`words`]; the colours of both themes in [`palette`], where tests hold their
//! contrast.
//!
//! ```
//! use tidemill_report::{Block, Report, Section, Text, words::EN};
//! let findings = Section::new("findings", "Findings").with(Block::Text(Text::plain("Two columns are <constant>.")));
//! let html = Report::new(&EN, "Audit").with(findings).html();
//! assert!(html.starts_with("<!doctype html>") && html.contains("&lt;constant&gt;"));
//! ```

pub mod chart;
pub mod number;
pub mod page;
pub mod palette;
mod svg;
mod text;
pub mod words;

pub use chart::{
    Axis, Bar, BarChart, Beeswarm, Bin, Chart, ConfusionMatrix, Histogram, Interval, IntervalPlot, LineChart,
    Mark, PlaceMap, Point, Reference, Scale, Scatter, ScoreLine, Series, Spot, SwarmDot, Waterfall, ticks,
};
pub use page::{Align, Block, Card, Cell, Figure, Finding, Level, Report, Section, Table, Tile, Verdict};
pub use text::{Span, Text};
