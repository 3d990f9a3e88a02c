//! What other crates say in English (findings, warnings, errors, remedies), in another language.
//!
//! A catalogue lists each such sentence with its code and the English one with named places, as the other crate writes it; the texts in the
//! places are translated by their names. A sentence that is not listed, or not as it is listed, stays English. A test of the engine
//! holds the lists against the sources: English that no crate writes any more is found, and so is a code that is not translated.

use std::borrow::Cow;

use super::{Words, fill};

/// A sentence of another crate: its code, the English with named places, and this language's.
///
/// What stands in a place `{share}` is itself a sentence, of the code `.share`, if any is listed under that; a place may have a number
/// behind its name. A place `{list_word}` holds several of the code `.word` with commas between, `{each_word}` with semicolons. A
/// place for which sentences of the code `=also` are listed must hold one of them (which may be empty) or of `.also`. A place `{n}` holds a
/// number.
pub(super) type Told = (&'static str, &'static str, &'static str);

/// The code of remedies.
const REMEDY: &str = ".remedy";
/// What stands between a note and what to write where it is wrong.
const NOTED: &str = " (if that is wrong: ";
/// The code of reasons.
const WHY: &str = ".why";
/// The code of what is said of work in progress.
const DOING: &str = ".doing";

impl Words {
    /// What another crate says in English with this code.
    ///
    /// ```
    /// use tidemill_report::words::{EN, ZH};
    /// let english = "column 'age' is constant: every row says the same";
    /// assert_eq!(EN.told("constant", english), english);
    /// assert_eq!(ZH.told("constant", english), "列 'age' 是常数：每一行都相同");
    /// assert_eq!(ZH.told("constant", "as nobody says it"), "as nobody says it");
    /// ```
    pub fn told<'a>(&self, code: &str, english: &'a str) -> Cow<'a, str> {
        if let Some(said) = self.translated(code, english) {
            return said.into();
        }
        // A note with what to write in the recipe, as a warning.
        let noted = english.strip_suffix(')').and_then(|text| text.split_once(NOTED));
        match noted.and_then(|(note, setting)| Some((self.translated(code, note)?, setting))) {
            Some((note, setting)) => {
                fill(self.noted, &[("note", &note), ("setting", &self.advised(setting))]).into()
            }
            None => english.into(),
        }
    }

    /// What another crate advises in English.
    pub fn advised<'a>(&self, english: &'a str) -> Cow<'a, str> {
        self.told(REMEDY, english)
    }

    /// What another crate gives in English as a reason for what it inferred, divided or chose.
    pub fn reasoned<'a>(&self, english: &'a str) -> Cow<'a, str> {
        self.told(WHY, english)
    }

    /// What another crate says in English of work in progress.
    pub fn doing<'a>(&self, english: &'a str) -> Cow<'a, str> {
        self.told(DOING, english)
    }

    /// Every sentence of other crates that is translated, as (code, English with named places).
    pub fn known(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.sentences.iter().copied().flatten().map(|(code, english, _)| (*code, *english))
    }

    fn of_code(&self, code: &str) -> impl Iterator<Item = &'static Told> + Clone {
        self.sentences.iter().copied().flatten().filter(move |(known, ..)| *known == code)
    }

    fn translated(&self, code: &str, english: &str) -> Option<String> {
        self.of_code(code).find_map(|(_, pattern, theirs)| {
            let mut found = Vec::new();
            self.matches(pattern, english, &mut found).then(|| {
                let said: Vec<(&str, String)> =
                    found.iter().map(|(place, text)| (*place, self.in_place(place, text))).collect();
                let values: Vec<(&str, &dyn std::fmt::Display)> =
                    said.iter().map(|(place, text)| (*place, text as &dyn std::fmt::Display)).collect();
                fill(theirs, &values)
            })
        })
    }

    /// Whether a text is that of a pattern; `found` is then what stands in its places. Of several ways, the one with the shortest texts in
    /// the first places.
    fn matches<'a>(
        &self,
        pattern: &'static str,
        text: &'a str,
        found: &mut Vec<(&'static str, &'a str)>,
    ) -> bool {
        let Some((before, rest)) = pattern.split_once('{') else { return pattern == text };
        let Some((place, rest)) = rest.split_once('}') else { return pattern == text };
        let Some(text) = text.strip_prefix(before) else { return false };
        let next = rest.split('{').next().unwrap_or_default();
        let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
        for end in ends.filter(|end| text[*end..].starts_with(next)) {
            if !self.fits(place, &text[..end]) {
                continue;
            }
            found.push((place, &text[..end]));
            if self.matches(rest, &text[end..], found) {
                return true;
            }
            found.pop();
        }
        false
    }

    /// Whether a text may stand in a place.
    fn fits(&self, place: &str, text: &str) -> bool {
        let name = base(place);
        if name == "n" {
            return !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b",.".contains(&b));
        }
        let closed = format!("={name}");
        if self.of_code(&closed).next().is_none() {
            return !text.is_empty();
        }
        [closed, format!(".{name}")].iter().any(|code| self.translated(code, text).is_some())
    }

    /// The text of a place.
    fn in_place(&self, place: &str, english: &str) -> String {
        let name = base(place);
        for (prefix, between, ours) in [("list_", ", ", "、"), ("each_", "; ", "；")] {
            if let Some(one) = name.strip_prefix(prefix) {
                let parts: Vec<String> =
                    english.split(between).map(|part| self.in_place(one, part)).collect();
                return parts.join(ours);
            }
        }
        let of = |mark: &str| self.translated(&format!("{mark}{name}"), english);
        let term = || self.term(&format!("{name}.{english}"), english).to_string();
        of("=").or_else(|| of(".")).unwrap_or_else(term)
    }
}

/// The name of a place without the number behind it.
fn base(place: &str) -> &str {
    place.trim_end_matches(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::super::{EN, ZH};

    #[test]
    fn what_stands_in_places_is_translated_by_their_names() {
        for (code, english, chinese) in [
            (
                "much_missing",
                "column 'a, b': 12 of 40 (30%) values are missing",
                "列 'a, b'：12/40（30%）的值缺失",
            ),
            (
                "repeated_rows",
                "about 12 of 344 (3.5%) rows repeat an earlier row in every column: rows 1 = 2; 3 = 4 = …",
                "约 12/344（3.5%）的行与前面某行重复（所有列都相同）：第 1 = 2; 3 = 4 = … 行",
            ),
            (
                "unreadable",
                "column 'n': 2 of 40 (5.0%) cells are not a number, such as 'x' in rows 4, 9; they would count as missing",
                "列 'n'：2/40（5.0%）的单元格不是数值，例如 'x'（第 4、9 行）；它们会被当作缺失值",
            ),
            (
                "missing_words",
                "column 'sex': 'NA' (11 rows), '-' (1 row) counts as missing",
                "列 'sex'：'NA'（11 行）、'-'（1 行）被当作缺失值",
            ),
            (
                "missing_words",
                "column 'sex': 'NA' (2 rows) counts as missing (if that is wrong: kind = \"category\")",
                "列 'sex'：'NA'（2 行）被当作缺失值（如果不对：kind = \"category\"）",
            ),
            ("recipe", "a.toml, line 7: there is no key 'detla'", "a.toml 第 7 行：没有键 'detla'"),
            (
                "usage",
                "'train.metric': there is no metric 'acuracy'; did you mean 'accuracy'?",
                "'train.metric'：没有指标 'acuracy'；您是指 'accuracy' 吗？",
            ),
            (
                ".remedy",
                "did you mean 'delta'?; the line is: loss = { kind = 'huber' }",
                "您是指 'delta' 吗？；该行是：loss = { kind = 'huber' }",
            ),
        ] {
            assert_eq!(ZH.told(code, english), chinese);
            assert_eq!(EN.told(code, english), english);
        }
    }

    #[test]
    fn a_sentence_that_is_not_listed_stays_english() {
        for english in
            ["", "column 'x' is odd", "column 'x': many values are missing", "12 rows repeat an earlier row"]
        {
            assert_eq!(ZH.told("much_missing", english), english);
            assert_eq!(ZH.told("no_such_code", english), english);
            assert_eq!(ZH.advised(english), english);
        }
    }
}
