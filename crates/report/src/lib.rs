//! Charts as SVG: crisp at any size, light and dark, readable without colour.

mod line;
mod scale;

pub use line::{LineChart, Mark, Point, Series};
pub use scale::{Axis, ticks};
