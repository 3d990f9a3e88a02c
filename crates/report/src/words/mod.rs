//! The sentences of reports, in one catalogue per language.
//!
//! The fields of [`Words`] are generated from English, so that another language is one more constant of this type and cannot be incomplete;
//! [`LANGUAGES`] lists them. `{name}` is a placeholder that [`crate::Text::fill`] fills in. No language is stored anywhere else: every
//! function that makes a page or a text is passed its words.

mod en;
mod en_business;
mod en_story;
mod en_why;
mod told;
mod zh;
mod zh_business;
mod zh_errors;
mod zh_findings;
mod zh_parts;
mod zh_plans;
mod zh_progress;
mod zh_reasons;
mod zh_remedies;
mod zh_story;
mod zh_terms;
mod zh_warnings;
mod zh_why;

use std::fmt::Display;

pub use en::{EN, Words};
pub use en_business::Business;
pub use en_story::Story;
pub use en_why::Why;
pub use zh::ZH;

/// Every available language. To add one, add its file and its line here.
pub const LANGUAGES: &[&Words] = &[&EN, &ZH];

/// Generates the type of a catalogue and its first language from one list.
macro_rules! catalogue {
    (
        $(#[$about:meta])* $seen:vis $name:ident { $($(#[$more:meta])* $field:ident: $type:ty = $value:expr,)* }
        $($key:ident = $text:literal,)*
    ) => {
        $(#[$about])*
        #[derive(Debug, PartialEq, Eq)]
        pub struct $name {
            $($(#[$more])* pub $field: $type,)*
            $(#[doc = concat!("“", $text, "”")] pub $key: &'static str,)*
        }

        /// English.
        $seen const EN: $name = $name { $($field: $value,)* $($key: $text,)* };

        impl $name {
            /// Every sentence with its key.
            #[cfg(test)]
            pub(super) fn entries(&self) -> Vec<(&'static str, &'static str)> {
                vec![$((stringify!($key), self.$key),)*]
            }
        }
    };
}
pub(crate) use catalogue;

impl Words {
    /// The name in this language of something for which another crate has a code and an English name; the English name if this language has
    /// none.
    ///
    /// ```
    /// use tidemill_report::words::{EN, ZH};
    /// assert_eq!(EN.term("metric.accuracy", "Accuracy"), "Accuracy");
    /// assert_eq!(ZH.term("metric.accuracy", "Accuracy"), "准确率");
    /// assert_eq!(ZH.term("metric.of_tomorrow", "Of tomorrow"), "Of tomorrow");
    /// ```
    pub fn term<'a>(&self, code: &str, english: &'a str) -> &'a str {
        self.terms.iter().find(|(known, _)| *known == code).map_or(english, |(_, text)| text)
    }

    /// The display name of a metric.
    pub fn metric<'a>(&self, name: &str, english: &'a str) -> &'a str {
        self.term(&format!("metric.{name}"), english)
    }

    /// A kind of column, such as `number`.
    pub fn kind<'a>(&self, word: &'a str) -> &'a str {
        self.term(&format!("kind.{word}"), word)
    }

    /// The short name of the language: `en`, `zh`.
    pub fn code(&self) -> &'static str {
        self.language.split('-').next().unwrap_or(self.language)
    }
}

/// The text of `template` with each `{key}` replaced by its value. `{key|one|many}` is replaced by the form
/// that goes with the count `key`. An unknown key stays as it is, and values are never interpreted as templates.
///
/// ```
/// use tidemill_report::words::fill;
/// assert_eq!(fill("{n} rows of {name}", &[("n", &3), ("name", &"{n}")]), "3 rows of {n}");
/// assert_eq!(fill("{n} {n|row|rows}", &[("n", &1)]), "1 row");
/// assert_eq!(fill("{n} {n|row|rows}", &[("n", &0)]), "0 rows");
/// ```
pub fn fill(template: &str, values: &[(&str, &dyn Display)]) -> String {
    let mut out = String::with_capacity(template.len() + 16);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out += before;
        let found = after.split_once('}').and_then(|(key, rest)| {
            let (name, forms) = forms(key);
            let value = values.iter().find(|(known, _)| *known == name)?.1;
            Some((value, forms, rest))
        });
        match found {
            Some((value, forms, after)) => {
                let text = value.to_string();
                out += forms.map_or(&*text, |forms| form(forms, &text));
                rest = after;
            }
            None => {
                out.push('{');
                rest = after;
            }
        }
    }
    out + rest
}

/// The name in a placeholder, and the forms of a word that its value chooses between: `n` and `row`, `rows` in `{n|row|rows}`.
pub(crate) fn forms(key: &str) -> (&str, Option<[&str; 2]>) {
    match key.split_once('|').and_then(|(name, forms)| Some((name, forms.split_once('|')?))) {
        Some((name, (one, many))) => (name, Some([one, many])),
        None => (key, None),
    }
}

/// The form for a count that is written so.
pub(crate) fn form<'a>([one, many]: [&'a str; 2], count: &str) -> &'a str {
    if count == "1" { one } else { many }
}

/// The form for a count: English has one for a single item and one for all other counts.
///
/// ```
/// use tidemill_report::words::{counted, EN};
/// let forms = [EN.story.audit_notes_one, EN.story.audit_notes];
/// assert_eq!([counted(forms, 1), counted(forms, 2)], ["1 note", "2 notes"]);
/// ```
pub fn counted([one, many]: [&str; 2], n: usize) -> String {
    fill(if n == 1 { one } else { many }, &[("n", &n)])
}

/// A count with its English noun, whose plural ends with an s.
///
/// ```
/// use tidemill_report::words::count;
/// assert_eq!([count(1, "row"), count(0, "row"), count(2, "row")], ["1 row", "0 rows", "2 rows"]);
/// ```
pub fn count(n: u64, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

/// The language with this short name.
///
/// ```
/// use tidemill_report::words::{self, ZH};
/// assert_eq!(words::of("zh"), Some(&ZH));
/// assert_eq!(words::of("tlh"), None);
/// ```
pub fn of(code: &str) -> Option<&'static Words> {
    LANGUAGES.iter().copied().find(|words| words.code() == code)
}

/// The language of a locale such as `zh_CN.UTF-8`; English if it is not available.
///
/// ```
/// use tidemill_report::words::{self, EN, ZH};
/// assert_eq!(words::of_locale("zh_CN.UTF-8"), &ZH);
/// assert_eq!(words::of_locale("fr_FR.UTF-8"), &EN);
/// assert_eq!(words::of_locale("C"), &EN);
/// ```
pub fn of_locale(locale: &str) -> &'static Words {
    let code = locale.split(['_', '-', '.', '@']).next().unwrap_or_default();
    of(&code.to_lowercase()).unwrap_or(&EN)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts that are correctly the same in every language, or empty.
    const ALIKE: &[&str] = &["aside", "axis", "map_x", "map_y", "pair_value", "wanted_range"];
    const EMPTY: &[&str] = &["gap"];

    /// Every sentence of a language with its key.
    fn all(words: &Words) -> Vec<(&'static str, &'static str)> {
        let parts =
            [words.entries(), words.story.entries(), words.insight.entries(), words.business.entries()];
        parts.concat()
    }

    /// The placeholders of a template, in alphabetical order.
    fn places(template: &str) -> Vec<&str> {
        let mut found: Vec<&str> =
            template.split('{').skip(1).filter_map(|part| Some(part.split_once('}')?.0)).collect();
        // How many forms a word has is a language's own affair.
        found.retain(|place| !place.contains('|'));
        found.sort_unstable();
        found
    }

    #[test]
    fn every_language_has_the_same_places_and_words_of_its_own() {
        assert_eq!(places("a {b} c {a}{b}"), ["a", "b", "b"]);
        for words in LANGUAGES.iter().filter(|words| words.language != EN.language) {
            for ((key, english), (_, theirs)) in all(&EN).into_iter().zip(all(words)) {
                assert_eq!(places(english), places(theirs), "{key} in {}", words.language);
                assert!(!theirs.is_empty() || EMPTY.contains(&key), "{key} is empty in {}", words.language);
                assert!(theirs != english || ALIKE.contains(&key), "{key} is English in {}", words.language);
            }
        }
    }

    #[test]
    fn a_term_stands_once() {
        for words in LANGUAGES {
            let mut codes: Vec<&str> = words.terms.iter().map(|(code, _)| *code).collect();
            codes.sort_unstable();
            assert!(codes.windows(2).all(|pair| pair[0] != pair[1]), "{}", words.language);
            assert!(words.terms.iter().all(|(_, text)| !text.trim().is_empty()), "{}", words.language);
        }
    }
}
