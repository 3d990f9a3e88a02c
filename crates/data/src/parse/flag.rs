//! Yes and no, in several languages.

use serde::{Deserialize, Serialize};

/// Words of yes and of no that go together, folded to lower case; a column is a flag when all its words are of one line.
const LANGUAGES: &[(&[&str], &[&str])] = &[
    (&["yes", "y", "true", "t", "on", "1", "1.0"], &["no", "n", "false", "f", "off", "0", "0.0"]),
    (&["ja", "j", "wahr"], &["nein", "n", "falsch"]),
    (&["oui", "o", "vrai"], &["non", "n", "faux"]),
    (&["si", "sí", "s", "verdadero"], &["no", "n", "falso"]),
    (&["sì", "si", "vero"], &["no", "n", "falso"]),
    (&["sim", "s", "verdadeiro"], &["não", "nao", "n", "falso"]),
    (&["ja", "j"], &["nee", "n"]),
    (&["ja", "j", "sann", "sand"], &["nej", "nei", "n", "falsk"]),
    (&["tak", "t", "prawda"], &["nie", "n", "fałsz"]),
    (&["ano", "áno"], &["ne", "nie"]),
    (&["да", "д", "истина"], &["нет", "н", "ложь"]),
    (&["kyllä", "tosi"], &["ei", "epätosi"]),
    (&["evet", "e", "doğru"], &["hayır", "h", "yanlış"]),
    (&["igen", "igaz"], &["nem", "hamis"]),
    (&["是", "真"], &["否", "假"]),
    (&["はい", "真"], &["いいえ", "偽"]),
    (&["예", "참"], &["아니요", "거짓"]),
];

/// The words of one flag column, in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FlagFormat {
    /// Those that mean yes.
    pub yes: Vec<String>,
    /// Those that mean no.
    pub no: Vec<String>,
}

impl FlagFormat {
    /// The words of a column whose different values are `words`, when all of them are of one language and both a yes and a no are there.
    ///
    /// ```
    /// use tidemill_data::parse::FlagFormat;
    /// assert_eq!(FlagFormat::of_words(["Ja", "nein"]).unwrap().parse("JA"), Some(true));
    /// assert!(FlagFormat::of_words(["yes", "no", "perhaps"]).is_none());
    /// ```
    pub fn of_words<'a>(words: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut folded: Vec<String> = words.into_iter().map(|w| w.trim().to_lowercase()).collect();
        folded.sort();
        folded.dedup();
        LANGUAGES.iter().find_map(|(yes, no)| {
            let (is_yes, rest): (Vec<_>, Vec<_>) =
                folded.iter().cloned().partition(|w| yes.contains(&w.as_str()));
            let whole = rest.iter().all(|w| no.contains(&w.as_str()));
            (whole && !is_yes.is_empty() && !rest.is_empty()).then_some(FlagFormat { yes: is_yes, no: rest })
        })
    }

    /// The flag that a cell says: a word of this column, else a usual word of yes or no.
    pub fn parse(&self, text: &str) -> Option<bool> {
        let text = text.trim();
        let among = |words: &[String]| words.iter().any(|w| same(w, text));
        if among(&self.yes) {
            return Some(true);
        }
        if among(&self.no) {
            return Some(false);
        }
        yes_or_no(text)
    }
}

/// Yes or no in any of the languages known here; `None` for any other word.
///
/// ```
/// assert_eq!(tidemill_data::parse::yes_or_no("Oui"), Some(true));
/// assert_eq!(tidemill_data::parse::yes_or_no("perhaps"), None);
/// ```
pub fn yes_or_no(text: &str) -> Option<bool> {
    let text = text.trim();
    LANGUAGES.iter().find_map(|(yes, no)| {
        if yes.iter().any(|w| same(w, text)) {
            return Some(true);
        }
        no.iter().any(|w| same(w, text)).then_some(false)
    })
}

/// Whether `text` in lower case is `word`.
fn same(word: &str, text: &str) -> bool {
    if text.is_ascii() {
        return word.eq_ignore_ascii_case(text);
    }
    text.chars().flat_map(char::to_lowercase).eq(word.chars())
}
