//! `text_statistics`: how long a text is, and what it is made of, as numbers.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Float64Array};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Builtin, BuiltinStep, Cell, Column, Columns, Context, Estimator, Fitted, KeyPath, Kind, Registry, Result,
    Slot, State, Training,
};
use tidemill_kernel::words;
use unicode_normalization::char::is_combining_mark;

use crate::mapping::{self, Bound, ColumnOf, ColumnStep, Learned, Notes, Saved, wrong_cell};
use crate::text::cut;

/// Rows that a thread reads at a time.
const CHUNK: usize = 1024;

/// Adds number columns about each text column behind it: `NAME_length`, `NAME_words` and so on. The text itself stays.
///
/// Characters are Unicode scalar values; letters, digits and white space are those of Unicode. A missing text has no statistics, and a
/// share of nothing (the capitals of a text without letters) is missing. Nothing is learned from the training rows. Reads the first
/// megabyte of a text.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::StringArray;
/// use tidemill_core::{Batch, Column, Context, Estimator, Kind, Schema, Table, Training};
/// let schema = Arc::new(Schema::new(vec![Column::new("note", Kind::Text)])?);
/// let table = Table::new(Batch::new(schema, vec![Arc::new(StringArray::from(vec!["BUY 2 now!"]))])?);
/// let step = tidemill_prep::TextStatistics::default();
/// let (_, found) = step.fit_apply(Training::on(&table), &Context::default())?;
/// let number = |name: &str| found.batch().numbers(found.batch().schema().index(name)?).map(|x| x.value(0));
/// assert_eq!((number("note_length")?, number("note_words")?), (10.0, 3.0));
/// assert_eq!((number("note_digits")?, number("note_capitals")?), (0.1, 0.5)); // of 10 characters; of 6 letters
/// # Ok::<(), tidemill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TextStatistics {
    /// The columns to measure; by default, every text that is a feature.
    pub columns: Columns,
    /// What is measured, in this order.
    pub statistics: Vec<TextStatistic>,
}

impl Default for TextStatistics {
    fn default() -> Self {
        TextStatistics { columns: Columns::default(), statistics: TextStatistic::ALL.to_vec() }
    }
}

/// A number about a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TextStatistic {
    /// How many characters.
    Length,
    /// How many words; in scripts without spaces, about so many.
    Words,
    /// How many letters and digits a word has on average.
    WordLength,
    /// How many lines.
    Lines,
    /// The share of characters that are digits.
    Digits,
    /// The share of letters that are capitals.
    Capitals,
    /// The share of characters that are neither letters nor digits nor white space: punctuation, symbols and emoji.
    Punctuation,
    /// The share of characters that are white space.
    Spaces,
}

impl TextStatistic {
    const ALL: [TextStatistic; 8] = [
        TextStatistic::Length,
        TextStatistic::Words,
        TextStatistic::WordLength,
        TextStatistic::Lines,
        TextStatistic::Digits,
        TextStatistic::Capitals,
        TextStatistic::Punctuation,
        TextStatistic::Spaces,
    ];

    fn suffix(self) -> &'static str {
        match self {
            TextStatistic::Length => "length",
            TextStatistic::Words => "words",
            TextStatistic::WordLength => "word_length",
            TextStatistic::Lines => "lines",
            TextStatistic::Digits => "digits",
            TextStatistic::Capitals => "capitals",
            TextStatistic::Punctuation => "punctuation",
            TextStatistic::Spaces => "spaces",
        }
    }
}

impl Estimator for TextStatistics {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        mapping::fit(self, training, context)
    }
}

impl Builtin for TextStatistics {
    const KIND: &'static str = "text_statistics";

    fn check(&self) -> Result<(), KeyPath> {
        let mut sorted = self.statistics.clone();
        sorted.sort_unstable();
        if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(KeyPath::new("statistics", format!("names \"{}\" twice", pair[0].suffix())));
        }
        match sorted.is_empty() {
            true => Err(KeyPath::new("statistics", "is empty: name one, such as \"length\"")),
            false => Ok(()),
        }
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        mapping::load::<Self>(&state)
    }
}

impl BuiltinStep for TextStatistics {
    const SLOT: Slot = Slot::Derived;
    const DONE: &'static str = "measured as a text";
}

impl ColumnStep for TextStatistics {
    type Learned = Measures;
    const WANTED: &'static str = "a text";

    fn columns(&self) -> &Columns {
        &self.columns
    }

    fn handles(&self, column: &Column) -> bool {
        column.kind == Kind::Text
    }

    fn learn(&self, _: ColumnOf<'_>, _: &mut Notes) -> Result<Measures> {
        Ok(Measures(self.statistics.clone()))
    }
}

/// What is measured of a text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Measures(Vec<TextStatistic>);

impl Learned for Measures {
    fn save(&self) -> Saved {
        Saved::new(self, Vec::new())
    }

    fn load(saved: Saved) -> Result<Self, String> {
        let measures: Measures = saved.read()?;
        match saved.floats.is_empty() && !measures.0.is_empty() {
            true => Ok(measures),
            false => Err("it has no statistics, or numbers besides".into()),
        }
    }

    fn output(&self, input: &Column) -> Result<Vec<Column>> {
        let added = self
            .0
            .iter()
            .map(|what| Column::number(format!("{}_{}", input.name, what.suffix())).derived_from(input));
        Ok([input.clone()].into_iter().chain(added).collect())
    }

    fn bind(&self, _: &Column) -> Result<Box<dyn Bound>> {
        Ok(Box::new(self.clone()))
    }
}

impl Bound for Measures {
    fn apply(&self, from: ColumnOf<'_>) -> Result<Vec<ArrayRef>> {
        let texts = from.texts()?;
        let rows: Vec<usize> = (0..texts.len()).collect();
        let one = |row: &usize| texts.is_valid(*row).then(|| Counts::of(texts.value(*row)));
        let counts: Vec<Option<Counts>> = rows.par_iter().with_min_len(CHUNK).map(one).collect();
        let array = |what: &TextStatistic| -> ArrayRef {
            let values = counts.iter().map(|counts| counts.as_ref().and_then(|counts| counts.number(*what)));
            Arc::new(Float64Array::from_iter(values))
        };
        Ok([from.array().clone()].into_iter().chain(self.0.iter().map(array)).collect())
    }

    fn row(&self, cell: Cell, out: &mut Vec<Cell>) -> Result<()> {
        let counts = match &cell {
            Cell::Text(text) => Some(Counts::of(text)),
            Cell::Missing => None,
            other => return Err(wrong_cell("a text", other)),
        };
        out.push(cell);
        let number = |what| counts.as_ref().and_then(|counts| counts.number(what));
        out.extend(self.0.iter().map(|what| number(*what).map_or(Cell::Missing, Cell::Number)));
        Ok(())
    }
}

/// What is counted of one text.
#[derive(Debug, Default)]
struct Counts {
    characters: f64,
    words: f64,
    lines: f64,
    letters: f64,
    capitals: f64,
    digits: f64,
    punctuation: f64,
    spaces: f64,
}

impl Counts {
    fn of(text: &str) -> Self {
        let text = cut(text);
        let mut counts =
            Counts { words: words::count(text), lines: text.lines().count() as f64, ..Counts::default() };
        for c in text.chars() {
            counts.characters += 1.0;
            if c.is_alphabetic() {
                counts.letters += 1.0;
                counts.capitals += f64::from(u8::from(c.is_uppercase()));
            } else if c.is_numeric() {
                counts.digits += 1.0;
            } else if c.is_whitespace() {
                counts.spaces += 1.0;
            } else if !c.is_control() && !is_combining_mark(c) {
                counts.punctuation += 1.0;
            }
        }
        counts
    }

    /// `None` for a share or a mean of nothing.
    fn number(&self, what: TextStatistic) -> Option<f64> {
        let share = |of: f64, all: f64| (all > 0.0).then(|| of / all);
        match what {
            TextStatistic::Length => Some(self.characters),
            TextStatistic::Words => Some(self.words),
            TextStatistic::WordLength => share(self.letters + self.digits, self.words),
            TextStatistic::Lines => Some(self.lines),
            TextStatistic::Digits => share(self.digits, self.characters),
            TextStatistic::Capitals => share(self.capitals, self.letters),
            TextStatistic::Punctuation => share(self.punctuation, self.characters),
            TextStatistic::Spaces => share(self.spaces, self.characters),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::{Counts, TextStatistic};

    #[derive(Deserialize)]
    struct Case {
        text: String,
        wanted: Vec<Option<f64>>,
    }

    /// Stored by `tests/reference/text_statistics.py`, by the categories of Python's `unicodedata`.
    #[test]
    fn statistics_are_those_of_unicode() {
        let cases: Vec<Case> =
            serde_json::from_str(include_str!("../tests/reference/text_statistics.json")).unwrap();
        assert!(cases.len() > 5);
        for Case { text, wanted } in cases {
            let counts = Counts::of(&text);
            let found: Vec<Option<f64>> = TextStatistic::ALL.map(|what| counts.number(what)).to_vec();
            assert_eq!(found, wanted, "{text:?}");
        }
    }
}
