//! Columns of a terminal: Chinese, Japanese and Korean letters take two of its cells.

/// How many cells of a terminal a text takes (the wide and full-width letters of Unicode's East Asian Width).
pub fn width(text: &str) -> usize {
    let wide = |c: char| {
        matches!(c, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{303e}' | '\u{3041}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}'
            | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe6f}' | '\u{ff01}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}'
            | '\u{1f300}'..='\u{1f64f}' | '\u{1f900}'..='\u{1f9ff}' | '\u{20000}'..='\u{3fffd}')
    };
    text.chars().map(|c| if wide(c) { 2 } else { 1 }).sum()
}

/// The text, then blanks up to so many cells.
pub fn left(text: &str, cells: usize) -> String {
    format!("{text}{}", " ".repeat(cells.saturating_sub(width(text))))
}

/// Blanks up to so many cells, the text at their end.
pub fn right(text: &str, cells: usize) -> String {
    format!("{}{text}", " ".repeat(cells.saturating_sub(width(text))))
}

/// Lines of cells as wide as the widest of their column; `at_right` says which columns keep to the right.
pub fn table<const N: usize>(rows: &[[String; N]], at_right: [bool; N]) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (most, cell) in widths.iter_mut().zip(row) {
            *most = (*most).max(width(cell));
        }
    }
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(widths).zip(at_right);
        let cells: Vec<String> =
            cells.map(|((cell, w), end)| if end { right(cell, w) } else { left(cell, w) }).collect();
        text += cells.join("  ").trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{left, right, table, width};

    #[test]
    fn wide_letters_take_two_cells() {
        assert_eq!([width("row"), width("行数"), width("F1 值"), width("é–×")], [3, 4, 5, 3]);
        assert_eq!([left("行", 4), right("行", 4), right("long", 2)], ["行  ", "  行", "long"]);
        let rows = [["列".to_string(), "1".to_string()], ["column".to_string(), "23".to_string()]];
        assert_eq!(table(&rows, [false, true]), "列       1\ncolumn  23\n");
    }
}
