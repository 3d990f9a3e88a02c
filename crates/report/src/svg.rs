//! Writes SVG: numbers are always valid, text is always escaped, and the width of text is estimated.

use std::fmt::Write;

use crate::text::escaped;

/// A growing sequence of SVG elements.
#[derive(Clone, Debug, Default)]
pub(crate) struct Svg(String);

/// The alignment of a text relative to its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// A coordinate with at most one decimal. A value that is not a number becomes 0: a chart may be incomplete, but never broken.
pub(crate) fn n(x: f64) -> String {
    if !x.is_finite() {
        return "0".into();
    }
    let text = format!("{:.1}", x.clamp(-1e6, 1e6));
    match text.strip_suffix(".0").unwrap_or(&text) {
        "-0" => "0".into(),
        whole => whole.to_string(),
    }
}

impl Svg {
    /// The written elements.
    pub(crate) fn finish(self) -> String {
        self.0
    }

    /// A text; its class determines its style.
    pub(crate) fn text(&mut self, class: &str, x: f64, y: f64, anchor: Anchor, text: &str) {
        let end = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        // Writing to a string cannot fail.
        let _ = write!(
            self.0,
            "<text class=\"{class}\" x=\"{}\" y=\"{}\"{end}>{}</text>",
            n(x),
            n(y),
            escaped(text)
        );
    }

    /// A text that is rotated to read upwards.
    pub(crate) fn upright(&mut self, class: &str, x: f64, y: f64, text: &str) {
        let _ = write!(
            self.0,
            "<text class=\"{class}\" transform=\"translate({} {}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            n(x),
            n(y),
            escaped(text)
        );
    }

    /// A text that is rotated to read downwards and ends at its position: names below the columns of a matrix.
    pub(crate) fn turned(&mut self, class: &str, x: f64, y: f64, text: &str) {
        let _ = write!(
            self.0,
            "<text class=\"{class}\" transform=\"translate({} {}) rotate(-90)\" text-anchor=\"end\">{}</text>",
            n(x),
            n(y),
            escaped(text)
        );
    }

    /// Other elements, translated.
    pub(crate) fn group(&mut self, x: f64, y: f64, inner: Svg) {
        let _ = write!(self.0, "<g transform=\"translate({} {})\">{}</g>", n(x), n(y), inner.0);
    }

    /// A path with a tooltip.
    pub(crate) fn path(&mut self, class: &str, d: &str, title: &str) {
        match title {
            "" => {
                let _ = write!(self.0, "<path class=\"{class}\" d=\"{d}\"/>");
            }
            _ => {
                let title = escaped(title);
                let _ = write!(self.0, "<path class=\"{class}\" d=\"{d}\"><title>{title}</title></path>");
            }
        }
    }

    /// A rectangle with a tooltip.
    pub(crate) fn rect(&mut self, class: &str, [x, y, width, height]: [f64; 4], title: &str) {
        let _ = write!(
            self.0,
            "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"",
            n(x),
            n(y),
            n(width.max(0.0)),
            n(height.max(0.0))
        );
        let _ = match title {
            "" => write!(self.0, "/>"),
            _ => write!(self.0, "><title>{}</title></rect>", escaped(title)),
        };
    }

    /// A dot with a tooltip.
    pub(crate) fn dot(&mut self, class: &str, x: f64, y: f64, radius: f64, title: &str) {
        let _ = write!(
            self.0,
            "<circle class=\"{class}\" cx=\"{}\" cy=\"{}\" r=\"{}\"><title>{}</title></circle>",
            n(x),
            n(y),
            n(radius),
            escaped(title)
        );
    }
}

/// The approximate width of a text in pixels, in a sans-serif font of this size. The metrics are those of DejaVu Sans, the widest of the
/// default system fonts, because text must fit.
pub(crate) fn width(text: &str, size: f64) -> f64 {
    let em = |c: char| match c {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | 'I' => 0.32,
        ' ' | 'f' | 't' | 'r' | '(' | ')' | '-' | '/' => 0.38,
        'm' | 'w' | 'M' | 'W' | '%' | '@' => 0.96,
        'A'..='Z' => 0.72,
        '\u{0300}'..='\u{036f}' => 0.0,
        '\u{1100}'..='\u{ffef}' | '\u{1f000}'.. => 1.05,
        _ => 0.62,
    };
    text.chars().map(em).sum::<f64>() * size
}

/// As much of a text as is narrower than `most`, with `…` for the rest.
pub(crate) fn fit(text: &str, most: f64, size: f64) -> String {
    if width(text, size) <= most {
        return text.to_string();
    }
    let mut kept = String::new();
    let mut used = size;
    for c in text.chars() {
        used += width(c.encode_utf8(&mut [0; 4]), size);
        if used > most {
            break;
        }
        kept.push(c);
    }
    kept.truncate(kept.trim_end().len());
    kept + "…"
}

/// The name of an axis within the available space: if it does not fit, the part in brackets at its end is removed.
pub(crate) fn fit_name(name: &str, most: f64, size: f64) -> String {
    match name.rsplit_once(" (") {
        Some((short, _)) if width(name, size) > most => fit(short, most, size),
        _ => fit(name, most, size),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_attribute_is_not_a_number() {
        assert_eq!([n(f64::NAN), n(f64::INFINITY), n(-0.01), n(1.25), n(3.0)], ["0", "0", "0", "1.2", "3"]);
    }

    #[test]
    fn long_names_are_cut_and_short_ones_are_not() {
        assert_eq!(fit("age", 100.0, 12.0), "age");
        let cut = fit(&"x".repeat(300), 100.0, 12.0);
        assert!(cut.ends_with('…') && width(&cut, 12.0) <= 112.0, "{cut}");
    }

    #[test]
    fn names_of_axes_lose_their_brackets_before_their_letters() {
        let name = "Root mean squared error (less is better)";
        assert_eq!(fit_name(name, 400.0, 12.0), name);
        assert_eq!(fit_name(name, 217.0, 12.0), "Root mean squared error");
        assert!(fit_name(name, 80.0, 12.0).ends_with('…'));
    }
}
