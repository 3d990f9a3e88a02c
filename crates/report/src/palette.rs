//! The colours of both themes, by role: pages and charts refer to roles, so a theme is one block of CSS.
//!
//! Text has a contrast of at least 4.5 against its background, lines and marks of at least 3 (WCAG 2.2, 1.4.3 and 1.4.11). The four colours
//! of series remain distinguishable with protanopia and deuteranopia (simulated after Machado, Oliveira and Fernandes 2009), and series
//! also differ by dashes.

use std::fmt::Write;

/// A role and its colours in the light and in the dark theme.
pub struct Colour {
    /// The role: the CSS variable is `--ROLE`.
    pub role: &'static str,
    /// As `#rrggbb`.
    pub light: &'static str,
    /// As `#rrggbb`.
    pub dark: &'static str,
}

const fn colour(role: &'static str, light: &'static str, dark: &'static str) -> Colour {
    Colour { role, light, dark }
}

/// All colours.
pub const PALETTE: &[Colour] = &[
    // Backgrounds.
    colour("ground", "#f5f7f8", "#0e1418"),
    colour("surface", "#ffffff", "#161e23"),
    colour("sunk", "#f1f5f6", "#1c262c"),
    // Text, and less prominent text next to it.
    colour("ink", "#12202a", "#e6edf1"),
    colour("soft", "#526370", "#9db0bb"),
    // Hairlines, and lines with a meaning.
    colour("line", "#e0e6ea", "#28343b"),
    colour("edge", "#768692", "#6f8490"),
    colour("accent", "#0a6b7b", "#5ac3d3"),
    colour("accent-wash", "#e2f1f3", "#15343b"),
    colour("good", "#17733f", "#6fcf97"),
    colour("good-wash", "#e4f4ea", "#163022"),
    colour("warn", "#855300", "#efb865"),
    colour("warn-wash", "#fdf2dc", "#33270f"),
    colour("bad", "#b3261e", "#ff9a90"),
    colour("bad-wash", "#fdeae8", "#3a1c1a"),
    // Series of a chart.
    colour("s0", "#0a6b7b", "#5ac3d3"),
    colour("s1", "#d9620a", "#f08a3c"),
    colour("s2", "#8f6fe0", "#b48cff"),
    colour("s3", "#5c4a12", "#f2e6a0"),
    // Steps of a heat map from low to high, and the text colour on each.
    colour("h0", "#f1f5f6", "#1c262c"),
    colour("h1", "#d5e9ec", "#17353c"),
    colour("h2", "#a9d3d9", "#17505b"),
    colour("h3", "#6fb5bf", "#1a6b79"),
    colour("h4", "#1f7d8c", "#43a9b9"),
    colour("h5", "#07505d", "#8fe0ec"),
    colour("i0", "#12202a", "#e6edf1"),
    colour("i1", "#12202a", "#e6edf1"),
    colour("i2", "#12202a", "#e6edf1"),
    colour("i3", "#12202a", "#ffffff"),
    colour("i4", "#ffffff", "#06191d"),
    colour("i5", "#ffffff", "#06191d"),
];

/// The number of steps of a heat map.
pub(crate) const HEAT: usize = 6;

/// The variables of both themes for the element `root`; print always uses the light theme.
pub fn css(root: &str) -> String {
    let block = |pick: fn(&Colour) -> &'static str| {
        PALETTE.iter().fold(String::new(), |mut css, c| {
            // Writing to a string cannot fail.
            let _ = write!(css, "--{}:{};", c.role, pick(c));
            css
        })
    };
    format!(
        "{root}{{color-scheme:light;{light}}}\
         @media screen and (prefers-color-scheme:dark){{{root}{{color-scheme:dark;{dark}}}}}",
        light = block(|c| c.light),
        dark = block(|c| c.dark)
    )
}

/// The contrast of two colours `#rrggbb`, from 1 to 21 (WCAG 2.2, "contrast ratio"); `None` if one cannot be parsed.
///
/// ```
/// assert_eq!(tidemill_report::palette::contrast("#000000", "#ffffff"), Some(21.0));
/// ```
pub fn contrast(a: &str, b: &str) -> Option<f64> {
    let luminance = |c: &str| linear(c).map(|[r, g, b]| 0.2126 * r + 0.7152 * g + 0.0722 * b);
    let (a, b) = (luminance(a)?, luminance(b)?);
    Some((a.max(b) + 0.05) / (a.min(b) + 0.05))
}

/// Red, green and blue of `#rrggbb` as linear light.
fn linear(colour: &str) -> Option<[f64; 3]> {
    let part = |at: usize| {
        let value = f64::from(u8::from_str_radix(colour.get(at..at + 2)?, 16).ok()?) / 255.0;
        Some(if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) })
    };
    Some([part(1)?, part(3)?, part(5)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(role: &str) -> [&'static str; 2] {
        let found = PALETTE.iter().find(|c| c.role == role).unwrap_or_else(|| panic!("no colour {role}"));
        [found.light, found.dark]
    }

    fn least(foregrounds: &[&str], grounds: &[&str], wanted: f64) {
        for text in foregrounds {
            for ground in grounds {
                for (a, b) in pair(text).into_iter().zip(pair(ground)) {
                    let found = contrast(a, b).unwrap();
                    assert!(found >= wanted, "{text} {a} on {ground} {b}: {found:.2}");
                }
            }
        }
    }

    #[test]
    fn text_can_be_read() {
        least(&["ink", "soft", "accent", "good", "warn", "bad"], &["ground", "surface", "sunk"], 4.5);
        for role in ["good", "warn", "bad", "accent"] {
            let wash = format!("{role}-wash");
            least(&[role, "ink", "soft"], &[&wash], 4.5);
        }
        for step in 0..HEAT {
            least(&[&format!("i{step}")], &[&format!("h{step}")], 4.5);
        }
    }

    #[test]
    fn lines_can_be_seen() {
        least(&["edge", "s0", "s1", "s2", "s3"], &["ground", "surface", "sunk"], 3.0);
    }

    /// Severity 1.0, from the paper's table.
    const DEUTERANOPIA: [[f64; 3]; 3] =
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]];
    const PROTANOPIA: [[f64; 3]; 3] =
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]];

    /// CIE L*a*b* under D65, as seen through `eye`.
    fn lab(colour: &str, eye: [[f64; 3]; 3]) -> [f64; 3] {
        let rgb = linear(colour).unwrap();
        let [r, g, b] = eye.map(|row| (0..3).map(|i| row[i] * rgb[i]).sum::<f64>().clamp(0.0, 1.0));
        let f = |t: f64| if t > 0.008856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 };
        let x = f((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505);
        let y = f(0.2126 * r + 0.7152 * g + 0.0722 * b);
        let z = f((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089);
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }

    #[test]
    fn series_are_told_apart_by_every_eye() {
        let usual = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        for eye in [usual, DEUTERANOPIA, PROTANOPIA] {
            for theme in 0..2 {
                let seen = ["s0", "s1", "s2", "s3"].map(|role| lab(pair(role)[theme], eye));
                for (i, a) in seen.iter().enumerate() {
                    for b in &seen[..i] {
                        let apart = (0..3).map(|k| (a[k] - b[k]).powi(2)).sum::<f64>().sqrt();
                        assert!(apart > 24.0, "theme {theme}: series {i} is {apart:.0} from another");
                    }
                }
            }
        }
    }
}
