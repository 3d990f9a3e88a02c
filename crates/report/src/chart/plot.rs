//! The frame of charts with two numeric axes: margins that fit the labels, grid, ticks, names, and a legend above the data.

use super::scale::{Scale, ticks};
use crate::svg::{Anchor, Svg, fit, fit_name, n, width};

/// The font size of ticks and names.
pub(crate) const SIZE: f64 = 12.0;

/// The data area of a chart.
pub(crate) struct Plot {
    /// The width and height of the whole chart.
    pub(crate) size: [f64; 2],
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    x: [f64; 2],
    y: [f64; 2],
}

/// An entry of the legend: the CSS class that draws it, whether it is a line, and its name.
pub(crate) struct Key {
    pub(crate) class: String,
    pub(crate) sign: Sign,
    pub(crate) name: String,
}

/// How a legend shows an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    Line,
    Upright,
    Box,
    Dot,
    None,
}

impl Plot {
    /// A chart of this width, with a data area of `height` below a legend of as many rows as necessary.
    pub(crate) fn new(
        out: &mut Svg,
        wide: f64,
        height: f64,
        (x, x_ends): (&Scale, [f64; 2]),
        (y, y_ends): (&Scale, [f64; 2]),
        keys: &[Key],
    ) -> Plot {
        let y_ticks = ticks(y_ends[0], y_ends[1], 5, y.axis);
        let widest = y_ticks.iter().map(|(_, label)| width(label, SIZE)).fold(0.0, f64::max);
        let left = (widest + 34.0).min(0.4 * wide);
        let top = legend(out, keys, left, wide) + 10.0;
        let plot = Plot {
            size: [wide, top + height + 50.0],
            left,
            right: wide - 14.0,
            top,
            bottom: top + height,
            x: x_ends,
            y: y_ends,
        };
        for (at, label) in &y_ticks {
            let at = plot.y(*at);
            out.path("grid", &format!("M{} {}H{}", n(left), n(at), n(plot.right)), "");
            out.text("tick", left - 8.0, at + 4.0, Anchor::End, label);
        }
        plot.ticks_across(x, out);
        plot.names(x, y, out);
        plot
    }

    fn ticks_across(&self, x: &Scale, out: &mut Svg) {
        let room = self.right - self.left;
        let mut marks = ticks(self.x[0], self.x[1], (room / 50.0).clamp(2.0, 9.0) as usize, x.axis);
        let widest = marks.iter().map(|(_, label)| width(label, SIZE)).fold(0.0, f64::max);
        // Labels that would touch are thinned out.
        while marks.len() > 2 && marks.len() as f64 * (widest + 12.0) > room + widest {
            let mut at = 0;
            marks.retain(|_| {
                at += 1;
                at % 2 == 1
            });
        }
        for (at, label) in marks {
            let at = self.x(at);
            out.path("base", &format!("M{} {}v5", n(at), n(self.bottom)), "");
            let half = width(&label, SIZE) / 2.0;
            let centre = at.min(self.size[0] - half);
            out.text("tick", centre, self.bottom + 19.0, Anchor::Middle, &label);
        }
        out.path("base", &format!("M{} {}H{}", n(self.left), n(self.bottom), n(self.right)), "");
    }

    fn names(&self, x: &Scale, y: &Scale, out: &mut Svg) {
        let middle = (self.left + self.right) / 2.0;
        let name = fit_name(&x.name, self.right - self.left, SIZE);
        out.text("axis-name", middle, self.bottom + 41.0, Anchor::Middle, &name);
        let name = fit_name(&y.name, self.bottom - self.top + 24.0, SIZE);
        out.upright("axis-name", 14.0, (self.top + self.bottom) / 2.0, &name);
    }

    /// The horizontal position of a value; values beyond an end are placed on it.
    pub(crate) fn x(&self, x: f64) -> f64 {
        self.left + share(x, self.x) * (self.right - self.left)
    }

    /// The vertical position of a value.
    pub(crate) fn y(&self, y: f64) -> f64 {
        self.bottom - share(y, self.y) * (self.bottom - self.top)
    }

    /// The edges of the data area: left, top, right, bottom.
    pub(crate) fn edges(&self) -> [f64; 4] {
        [self.left, self.top, self.right, self.bottom]
    }
}

/// The position of `v` between both ends, from 0 to 1.
pub(crate) fn share(v: f64, [low, high]: [f64; 2]) -> f64 {
    let share = (v - low) / (high - low);
    if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) }
}

/// Writes the keys in rows from `left`; returns their height.
pub(crate) fn legend(out: &mut Svg, keys: &[Key], left: f64, wide: f64) -> f64 {
    if keys.is_empty() {
        return 0.0;
    }
    let (mut x, mut y) = (left, 12.0);
    for key in keys {
        let name = fit(&key.name, wide - left - 40.0, SIZE);
        let takes = 32.0 + width(&name, SIZE) + 16.0;
        if x > left && x + takes - 16.0 > wide {
            x = left;
            y += 20.0;
        }
        sign(out, key, x, y - 4.0);
        let gap = if key.sign == Sign::None { 0.0 } else { 32.0 };
        out.text("name", x + gap, y, Anchor::Start, &name);
        x += takes;
    }
    y + 8.0
}

fn sign(out: &mut Svg, key: &Key, x: f64, y: f64) {
    match key.sign {
        Sign::Line => out.path(&key.class, &format!("M{} {}h24", n(x), n(y)), ""),
        Sign::Upright => out.path(&key.class, &format!("M{} {}v14", n(x + 12.0), n(y - 7.0)), ""),
        Sign::Box => out.rect(&key.class, [x + 6.0, y - 6.0, 12.0, 12.0], ""),
        Sign::Dot => out.dot(&key.class, x + 12.0, y, 4.5, &key.name),
        Sign::None => {}
    }
}
