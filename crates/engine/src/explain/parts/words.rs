//! A text as words, and the order in which they are divided: sentences first, then what commas part, then halves.

use std::ops::Range;

use tidemill_eval::explain::Group;
use tidemill_kernel::words::{Piece, Script, pieces};
use tidemill_prep::chinese_words;

/// The words of a text, each with what follows it up to the next: together they are the text. One for all of a text without words.
pub(super) fn spans(text: &str) -> Vec<Range<usize>> {
    let mut starts = Vec::new();
    let mut add = |word: &str| starts.push(word.as_ptr() as usize - text.as_ptr() as usize);
    pieces(text, |piece| match piece {
        Piece::Word(word) => add(word),
        Piece::Run(Script::Chinese, run) => chinese_words(run).into_iter().for_each(&mut add),
        Piece::Run(_, run) => run.char_indices().for_each(|(at, c)| add(&run[at..at + c.len_utf8()])),
    });
    // What comes before the first word goes with it.
    match starts.first_mut() {
        Some(first) => *first = 0,
        None => starts.push(0),
    }
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts.iter().zip(ends).map(|(start, end)| *start..end).collect()
}

/// The words of a text in groups of groups; the first is player `first`.
pub(super) fn group(text: &str, spans: &[Range<usize>], first: usize) -> Group {
    let strengths: Vec<u8> = spans.iter().map(|span| strength(&text[span.clone()])).collect();
    divided(&strengths, first)
}

/// How far a word is parted from the next: by the marks behind it.
fn strength(word: &str) -> u8 {
    let end = word.char_indices().rfind(|(_, c)| c.is_alphanumeric()).map_or(0, |(at, c)| at + c.len_utf8());
    let behind = &word[end..];
    let has = |marks: &[char]| behind.contains(marks);
    match () {
        () if behind.contains("\n\n") => 3,
        () if has(&['.', '!', '?', '\n', '。', '！', '？', '…']) => 2,
        () if has(&[',', ';', ':', '，', '；', '：', '、', '—']) => 1,
        () => 0,
    }
}

/// Divided where words are parted most, there as near to the middle as can be.
fn divided(strengths: &[u8], first: usize) -> Group {
    let n = strengths.len();
    // The last word is parted from nothing.
    let inner = &strengths[..n.saturating_sub(1)];
    let Some(most) = inner.iter().max() else { return Group::Player(first) };
    let off = |at: &usize| (2 * (at + 1)).abs_diff(n);
    let at = (0..inner.len()).filter(|at| inner[*at] == *most).min_by_key(off).unwrap_or(0) + 1;
    let (left, right) = strengths.split_at(at);
    Group::Pair(Box::new([divided(left, first), divided(right, first + at)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        spans(text).into_iter().map(|span| &text[span]).collect()
    }

    #[test]
    fn words_are_the_whole_text() {
        assert_eq!(words(" “Not bad”, he said."), [" “Not ", "bad”, ", "he ", "said."]);
        assert_eq!(words("don't 👍 ok"), ["don't ", "👍 ", "ok"]);
        assert_eq!(words("...!"), ["...!"]);
        assert_eq!(words(""), [""]);
        for text in ["酒店很好。Wi-Fi 不好", "こんにちは、世界", "สวัสดี ok", "a\u{0}b\n\nc"]
        {
            assert_eq!(words(text).concat(), text);
            assert!(words(text).len() > 1, "{text}");
        }
    }

    #[test]
    fn sentences_are_divided_before_words() {
        let text = "No, never again. I liked it very much";
        let spans = spans(text);
        let Group::Pair(sentences) = group(text, &spans, 5) else { panic!("one player") };
        assert_eq!(sentences.each_ref().map(Group::players), [vec![5, 6, 7], vec![8, 9, 10, 11, 12]]);
        let Group::Pair(parts) = &sentences[0] else { panic!("one player") };
        assert_eq!(parts.each_ref().map(Group::players), [vec![5], vec![6, 7]]);
    }
}
