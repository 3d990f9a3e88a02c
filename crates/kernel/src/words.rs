//! Splits text into words in any script: the same way for inference, terms and warnings about texts.
//!
//! Word boundaries are those of Unicode (UAX 29). Scripts without spaces between words (Chinese, Japanese, Thai, Lao, Khmer, Burmese) are
//! returned as runs, which the caller splits: by a dictionary, or into pairs of neighbouring characters like Lucene's `CJKBigramFilter`. An
//! emoji is a word.

use unicode_segmentation::UnicodeSegmentation;

/// The segmentation that a script without spaces needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Script {
    /// Chinese characters, in a text without kana.
    Chinese,
    /// Chinese characters and kana together.
    Japanese,
    /// Thai, Lao, Khmer or Burmese.
    SouthEastAsian,
}

/// A part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A word between boundaries, or an emoji.
    Word(&'a str),
    /// A run of a script without spaces.
    Run(Script, &'a str),
}

/// Whether a character represents a word or part of one.
pub fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}')
}

/// Whether a character is an emoji.
pub fn is_emoji(c: char) -> bool {
    matches!(c, '\u{1f000}'..='\u{1faff}' | '\u{2600}'..='\u{27bf}' | '\u{2b50}'..='\u{2b55}')
}

fn is_kana(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{ff66}'..='\u{ff9f}')
}

fn is_south_east_asian(c: char) -> bool {
    matches!(c, '\u{0e01}'..='\u{0e3a}' | '\u{0e40}'..='\u{0e4e}' | '\u{0e80}'..='\u{0ecf}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17d3}')
}

/// Passes every part of a text to `each`, in order; spaces and punctuation are skipped.
///
/// ```
/// use tidemill_kernel::words::{Piece, Script, pieces};
/// let mut found = Vec::new();
/// pieces("Good 👍 酒店很好", |piece| found.push(piece));
/// assert_eq!(found, [Piece::Word("Good"), Piece::Word("👍"), Piece::Run(Script::Chinese, "酒店很好")]);
/// ```
pub fn pieces<'a>(text: &'a str, mut each: impl FnMut(Piece<'a>)) {
    if text.is_ascii() {
        return text.unicode_words().for_each(|word| each(Piece::Word(word)));
    }
    let han = if text.chars().any(is_kana) { Script::Japanese } else { Script::Chinese };
    let script = |c: char| match c {
        c if is_ideograph(c) => Some(han),
        c if is_kana(c) => Some(Script::Japanese),
        c if is_south_east_asian(c) => Some(Script::SouthEastAsian),
        _ => None,
    };
    let mut start = 0;
    let mut running = None;
    for (at, c) in text.char_indices() {
        let next = script(c);
        if next != running {
            run(&text[start..at], running, &mut each);
            (start, running) = (at, next);
        }
    }
    run(&text[start..], running, &mut each);
}

fn run<'a>(text: &'a str, script: Option<Script>, each: &mut impl FnMut(Piece<'a>)) {
    if let Some(script) = script {
        each(Piece::Run(script, text));
        return;
    }
    for word in text.split_word_bounds() {
        if word.chars().any(|c| c.is_alphanumeric() || is_emoji(c)) {
            each(Piece::Word(word));
        }
    }
}

/// The approximate number of words of a text as people count: each part between spaces is one (`AB-12/x`), but runs of scripts without
/// spaces are counted by the usual word length there.
///
/// ```
/// use tidemill_kernel::words::count;
/// assert_eq!(count("don't panic, please"), 3.0);
/// assert_eq!(count("酒店很好"), 2.0);
/// ```
pub fn count(text: &str) -> f64 {
    if text.is_ascii() {
        return text.split_ascii_whitespace().count() as f64;
    }
    let of_token = |token: &str| {
        let (mut in_runs, mut others) = (0.0, false);
        pieces(token, |piece| match piece {
            Piece::Word(_) => others = true,
            Piece::Run(script, run) => {
                let length = match script {
                    Script::Chinese | Script::Japanese => 2.0,
                    Script::SouthEastAsian => 4.0,
                };
                in_runs += (run.chars().count() as f64 / length).ceil();
            }
        });
        if in_runs > 0.0 { in_runs + f64::from(u8::from(others)) } else { 1.0 }
    };
    text.split_whitespace().map(of_token).sum()
}

/// Passes every pair of neighbouring characters of a run to `each`, with characters as readers see them (UAX 29 clusters); a run of one
/// character is passed as it is.
pub fn pairs<'a>(run: &'a str, mut each: impl FnMut(&'a str)) {
    let starts: Vec<usize> = run.grapheme_indices(true).map(|(at, _)| at).chain([run.len()]).collect();
    if starts.len() <= 2 {
        return each(run);
    }
    starts.windows(3).for_each(|w| each(&run[w[0]..w[2]]));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        let mut found = Vec::new();
        pieces(text, |piece| match piece {
            Piece::Word(word) => found.push(word),
            Piece::Run(_, run) => pairs(run, |pair| found.push(pair)),
        });
        found
    }

    #[test]
    fn ten_scripts_and_emoji_are_cut_into_words() {
        for (text, wanted) in [
            ("The hotel isn't bad.", vec!["The", "hotel", "isn't", "bad"]),
            ("Отель хороший", vec!["Отель", "хороший"]),
            ("Το ξενοδοχείο", vec!["Το", "ξενοδοχείο"]),
            ("الفندق جيد", vec!["الفندق", "جيد"]),
            ("המלון טוב", vec!["המלון", "טוב"]),
            ("होटल अच्छा", vec!["होटल", "अच्छा"]),
            ("호텔이 좋아요", vec!["호텔이", "좋아요"]),
            ("酒店很好", vec!["酒店", "店很", "很好"]),
            ("ホテルは良い", vec!["ホテ", "テル", "ルは", "は良", "良い"]),
            ("ดีมาก", vec!["ดีม", "มา", "าก"]),
            ("👍🏽 ok 🙂🙃", vec!["👍🏽", "ok", "🙂", "🙃"]),
            ("", vec![]),
            (" .,! ", vec![]),
        ] {
            assert_eq!(words(text), wanted, "{text}");
        }
    }

    #[test]
    fn counts_do_not_need_spaces() {
        assert_eq!(count("nice room, bad food"), 4.0);
        assert!(count("这家酒店的早餐非常好吃房间也很大") >= 6.0);
        assert!(count("โรงแรมนี้ดีมากอาหารอร่อย") >= 5.0);
        assert!(count("このホテルはとても良かったです") >= 6.0);
        assert_eq!(count("AB-12/x"), 1.0);
        assert_eq!(count("хороший отель 👍"), 3.0);
        assert_eq!(count("在 Berlin 的酒店"), 4.0);
    }
}
