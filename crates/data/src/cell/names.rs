//! The names of a category column and their codes.

use std::sync::Arc;

use hashbrown::HashMap;
use tidemill_core::Categories;

use crate::parse::spelling::composed;
use crate::parse::{EXACT, FlagFormat, plain_number, spelling, yes_or_no};
use crate::raw::Raw;

/// The names of a category column, found also when another source writes them in another way: `1.0` or the number 1 for `1`, a
/// flag for the word of yes or no, an accent as a character of its own.
pub(crate) struct Names {
    pub(crate) categories: Arc<Categories>,
    /// By the bits of the number, when every name is one.
    numbers: HashMap<u64, u32>,
    yes: Option<u32>,
    no: Option<u32>,
    /// The codes by names in composed form, of those that are not of ASCII alone.
    composed: HashMap<String, u32>,
    /// The codes by folded names, where spellings are merged.
    folded: HashMap<String, u32>,
}

impl Names {
    pub(crate) fn new(names: &[String]) -> Self {
        let number = |name: &String| {
            let digits = name.trim_start_matches(['-', '+']);
            let padded = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
            plain_number(name).filter(|x| !padded && x.abs() < EXACT)
        };
        let mut numbers = HashMap::new();
        for (code, name) in names.iter().enumerate() {
            match number(name) {
                Some(x) => numbers.entry(bits(x)).or_insert(code as u32),
                None => {
                    numbers.clear();
                    break;
                }
            };
        }
        let sole = |wanted: bool| {
            if names.len() != 2 {
                return None;
            }
            let mut found = names.iter().enumerate().filter(|(_, n)| yes_or_no(n) == Some(wanted));
            found.next().filter(|_| found.next().is_none()).map(|(code, _)| code as u32)
        };
        // Of `1` and `2` none means yes.
        let (yes, no) = (sole(true), sole(false));
        let paired = yes.is_some() && no.is_some();
        Names {
            categories: Categories::new(names),
            numbers,
            yes: yes.filter(|_| paired),
            no: no.filter(|_| paired),
            composed: composed_names(names),
            folded: HashMap::new(),
        }
    }

    /// The same with every spelling of a name as that name.
    pub(crate) fn merged(mut self, names: &[String]) -> Self {
        self.folded = names.iter().zip(0..).map(|(name, code)| (spelling::folded(name), code)).collect();
        self
    }

    /// The code of another word of the language that the two names are a yes and a no of: `TRUE` and `1` where they are `yes` and `no`.
    fn flag(&self, word: &str) -> Option<u32> {
        let (yes, no) = (self.yes?, self.no?);
        let known = [yes, no].map(|code| self.categories.name(code));
        let format = FlagFormat::of_words(known.into_iter().chain([word]))?;
        Some(if format.parse(word)? { yes } else { no })
    }

    pub(super) fn code(&self, name: &str, raw: Raw<'_>) -> u32 {
        let code = self.categories.code(name);
        if code != self.categories.unseen() {
            return code;
        }
        if !self.composed.is_empty()
            && let Some(&code) = composed(name).and_then(|name| self.composed.get(&name))
        {
            return code;
        }
        if !self.folded.is_empty()
            && let Some(&code) = self.folded.get(&spelling::folded(name))
        {
            return code;
        }
        if let Some(code) = self.flag(name) {
            return code;
        }
        let found = match raw {
            Raw::Flag(yes) => {
                if yes {
                    self.yes
                } else {
                    self.no
                }
            }
            _ if self.numbers.is_empty() => None,
            _ => {
                let exact = plain_number(name).filter(|x| x.abs() < EXACT);
                exact.and_then(|x| self.numbers.get(&bits(x)).copied())
            }
        };
        found.unwrap_or(code)
    }
}

/// The first code of each name that is not of ASCII alone, in composed form.
fn composed_names(names: &[String]) -> HashMap<String, u32> {
    let each = names.iter().enumerate().rev();
    each.filter_map(|(code, name)| Some((composed(name)?, code as u32))).collect()
}

fn bits(x: f64) -> u64 {
    if x == 0.0 { 0 } else { x.to_bits() }
}
