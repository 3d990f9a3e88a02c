//! What is counted about one column of the sample before anything is decided.

use arrow_array::{Array, StringArray};
use hashbrown::HashMap;

use crate::parse::{Missing, spelling, unquoted};

/// The different values of a column, and how often each comes.
pub(crate) struct Facts<'a> {
    /// Rows looked at.
    pub(crate) n_rows: u64,
    /// Rows that say something.
    pub(crate) n_values: u64,
    /// The different values without the spaces around them, in the order in which they first come.
    pub(crate) values: Vec<(&'a str, u64)>,
    /// The words that were taken for "no value", and how often each comes.
    pub(crate) words: Vec<(&'a str, u64)>,
    /// Such words that stood in quotes, and so are values.
    pub(crate) quoted: Vec<&'a str>,
}

impl<'a> Facts<'a> {
    pub(crate) fn of(texts: &'a StringArray, missing: &Missing) -> Self {
        let mut places: HashMap<&str, usize> = HashMap::new();
        let mut values: Vec<(&str, u64)> = Vec::new();
        let (mut words, mut quoted): (Vec<(&str, u64)>, Vec<&str>) = (Vec::new(), Vec::new());
        let mut n_values = 0;
        for text in texts.iter().flatten() {
            let text = text.trim();
            if missing.is(text) {
                if !text.is_empty() {
                    match words.iter_mut().find(|(word, _)| *word == text) {
                        Some((_, n)) => *n += 1,
                        None => words.push((text, 1)),
                    }
                }
                continue;
            }
            let bare = unquoted(text);
            if bare.len() < text.len() && !quoted.contains(&bare) {
                quoted.push(bare);
            }
            let text = bare;
            n_values += 1;
            let place = *places.entry(text).or_insert_with(|| {
                values.push((text, 0));
                values.len() - 1
            });
            values[place].1 += 1;
        }
        Facts { n_rows: texts.len() as u64, n_values, values, words, quoted }
    }

    /// The values of which something holds.
    pub(crate) fn with(&self, holds: impl Fn(&str) -> bool) -> Facts<'a> {
        let values: Vec<_> = self.values.iter().copied().filter(|(text, _)| holds(text)).collect();
        let n_values = values.iter().map(|v| v.1).sum();
        Facts {
            n_rows: self.n_rows,
            n_values,
            values,
            words: self.words.clone(),
            quoted: self.quoted.clone(),
        }
    }

    pub(crate) fn n_distinct(&self) -> usize {
        self.values.len()
    }

    pub(crate) fn n_missing(&self) -> u64 {
        self.n_rows - self.n_values
    }

    /// Different values per value: 1 when all differ.
    pub(crate) fn distinct_ratio(&self) -> f64 {
        self.values.len() as f64 / self.n_values.max(1) as f64
    }

    /// The mean over rows of something about a value.
    pub(crate) fn mean(&self, of: impl Fn(&str) -> f64) -> f64 {
        let sum: f64 = self.values.iter().map(|&(text, n)| of(text) * n as f64).sum();
        sum / self.n_values.max(1) as f64
    }

    /// The share of rows for whose value something holds.
    pub(crate) fn share(&self, holds: impl Fn(&str) -> bool) -> f64 {
        self.mean(|text| f64::from(u8::from(holds(text))))
    }

    /// The same with the spellings of a name as one value, written as most rows write it.
    pub(crate) fn merged(self) -> Self {
        let mut values: Vec<(&str, u64)> = Vec::new();
        let names = spelling::merged(&self.values, &[]);
        let mut places: HashMap<&str, usize> = HashMap::new();
        for (name, (_, count)) in names.into_iter().zip(&self.values) {
            let place = *places.entry(name).or_insert(values.len());
            match values.get_mut(place) {
                Some((_, sum)) => *sum += count,
                None => values.push((name, *count)),
            }
        }
        Facts { values, ..self }
    }

    /// Different values in the order in which they first come, without those to be left out.
    pub(crate) fn without(self, words: &[String]) -> Self {
        let values: Vec<_> = self.values.into_iter().filter(|(t, _)| !words.iter().any(|w| w == t)).collect();
        Facts { n_values: values.iter().map(|v| v.1).sum(), values, ..self }
    }
}
