//! Chinese, which is written without spaces.

use std::sync::LazyLock;

use jieba_rs::Jieba;

/// The dictionary takes half a second and some 100 MB, so it is read when the first Chinese text comes.
static JIEBA: LazyLock<Jieba> = LazyLock::new(Jieba::new);

/// Whether a character stands for a word or a part of one.
pub(super) fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}')
}

fn is_kana(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}')
}

/// The text in pieces: runs of Chinese characters (`true`) and all else. A text with kana is Japanese, where the
/// dictionary would cut wrongly: it is one piece.
pub(super) fn pieces(text: &str) -> Vec<(bool, &str)> {
    if !text.chars().any(is_ideograph) || text.chars().any(is_kana) {
        return vec![(false, text)];
    }
    let mut pieces = Vec::new();
    let (mut start, mut han) = (0, false);
    for (at, c) in text.char_indices() {
        if is_ideograph(c) != han {
            pieces.push((han, &text[start..at]));
            (start, han) = (at, !han);
        }
    }
    pieces.push((han, &text[start..]));
    pieces.retain(|(_, piece)| !piece.is_empty());
    pieces
}

/// The words of a run of Chinese characters, by the dictionary alone.
pub(super) fn words(run: &str) -> Vec<&str> {
    JIEBA.cut(run, false).into_iter().map(|token| token.word).collect()
}
