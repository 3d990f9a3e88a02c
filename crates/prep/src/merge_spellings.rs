//! `merge_spellings`: one name for what is probably one name written in several ways.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, UInt32Array};
use hashbrown::HashMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Builtin, BuiltinStep, Categories, Cell, Column, Columns, Context, Estimator, Fitted, KeyPath, Kind,
    Registry, Result, Slot, State, Training,
};

use crate::mapping::{self, Bound, ColumnOf, ColumnStep, Learned, Notes, Saved, wrong_cell};
use crate::recode::{count, strings};
use crate::text::folded;

/// Merges the spellings of a name into the one that most training rows have: names that differ in case, spaces or accents alone
/// (`Paris`, `paris `), and rare names a letter or two from a common one (`Helsinky`, `Helsinki`).
///
/// A name is taken for a slip of another that comes at least `ratio` times as often and is one edit away (a letter left out, added,
/// changed, or two neighbours swapped), or two where it has nine letters or more; of two such names the nearer. Where two are equally
/// near, and for names of fewer than five letters or with digits, only case, spaces and accents count. A name that training rows did
/// not have is held to the same rules. Missing values stay missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MergeSpellings {
    /// The columns to use; by default, every category that is a feature.
    pub columns: Columns,
    /// How many times as often the right spelling comes at least, from 1.
    pub ratio: f64,
}

impl Default for MergeSpellings {
    fn default() -> Self {
        MergeSpellings { columns: Columns::default(), ratio: 10.0 }
    }
}

impl Estimator for MergeSpellings {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        mapping::fit(self, training, context)
    }
}

impl Builtin for MergeSpellings {
    const KIND: &'static str = "merge_spellings";

    fn check(&self) -> Result<(), KeyPath> {
        if self.ratio >= 1.0 && self.ratio.is_finite() {
            return Ok(());
        }
        Err(KeyPath::new("ratio", format!("must be a number from 1 up, but is {}", self.ratio)))
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        mapping::load::<Self>(&state)
    }
}

impl BuiltinStep for MergeSpellings {
    const SLOT: Slot = Slot::Types;
    const DONE: &'static str = "spellings of one name merged";
}

impl ColumnStep for MergeSpellings {
    type Learned = Spellings;
    const WANTED: &'static str = "a category";

    fn columns(&self) -> &Columns {
        &self.columns
    }

    fn handles(&self, column: &Column) -> bool {
        column.kind == Kind::Category
    }

    fn learn(&self, from: ColumnOf<'_>, _: &mut Notes) -> Result<Spellings> {
        let names = from.column().categories()?.names();
        let (counts, _) = count(from.codes()?, names.len());
        let seen = names.iter().zip(counts).filter(|(_, n)| *n > 0);
        Ok(Spellings::of(&seen.map(|(name, n)| (&**name, n)).collect::<Vec<_>>(), self.ratio))
    }
}

/// Names longer than this by letters may be two edits from the right one.
const LONG: usize = 9;
/// Shorter names are never taken for a slip of another.
const SHORT: usize = 5;
/// Slips are looked for among the most frequent so many names.
const COMPARED: usize = 500;

/// The names that stay, and what is written otherwise.
pub(crate) struct Spellings {
    names: Arc<Categories>,
    /// By folded spelling, the place of its name.
    places: HashMap<String, u32>,
    /// The same in the order of training, for saving.
    table: Vec<(String, u32)>,
}

/// What is saved.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// The names that stay.
    names: Vec<String>,
    /// Each folded spelling with the place of its name.
    spellings: Vec<(String, u32)>,
}

impl Spellings {
    /// Learned from names and how often each comes.
    fn of(seen: &[(&str, usize)], ratio: f64) -> Self {
        // By folded name: its most frequent spelling, how often that comes, and how often all do.
        let mut groups: Vec<(String, &str, usize, usize)> = Vec::new();
        let mut at: HashMap<String, usize> = HashMap::new();
        for &(name, n) in seen {
            let key = folded(name);
            let group = *at.entry(key.clone()).or_insert_with(|| {
                groups.push((key, name, 0, 0));
                groups.len() - 1
            });
            let (_, best, most, all) = &mut groups[group];
            if n > *most {
                (*best, *most) = (name, n);
            }
            *all += n;
        }
        // The sort is stable: of equally frequent names the first comes first.
        groups.sort_by_key(|group| std::cmp::Reverse(group.3));
        let mut names: Vec<String> = Vec::new();
        let mut table: Vec<(String, u32)> = Vec::new();
        let mut kept: Vec<(&str, u32, usize)> = Vec::new();
        for (key, name, _, all) in &groups {
            let often = |common: &&(&str, u32, usize)| common.2 as f64 >= ratio * *all as f64;
            let common = kept.iter().take(COMPARED).filter(often);
            let place = nearest(key, common.map(|(common, place, _)| (*common, *place)));
            let place = place.unwrap_or_else(|| {
                names.push((*name).to_string());
                kept.push((key.as_str(), names.len() as u32 - 1, *all));
                names.len() as u32 - 1
            });
            table.push((key.clone(), place));
        }
        Spellings::with(names, table)
    }

    fn with(names: Vec<String>, table: Vec<(String, u32)>) -> Self {
        Spellings { names: Categories::new(names), places: table.iter().cloned().collect(), table }
    }

    /// The code of a name, however it is written.
    fn code(&self, name: &str) -> u32 {
        let key = folded(name);
        let known = self.places.get(&key).copied();
        let common = || self.table.iter().take(COMPARED).map(|(key, place)| (key.as_str(), *place));
        known.or_else(|| nearest(&key, common())).unwrap_or_else(|| self.names.unseen())
    }
}

/// The place of the one name that `rare` may be a slip of.
fn nearest<'a>(rare: &str, common: impl Iterator<Item = (&'a str, u32)>) -> Option<u32> {
    let able = |name: &str| name.chars().count() >= SHORT && !name.bytes().any(|b| b.is_ascii_digit());
    if !able(rare) {
        return None;
    }
    let allowed = if rare.chars().count() >= LONG { 2 } else { 1 };
    let mut best: Option<(usize, u32, bool)> = None;
    // One edit changes a length by one letter, of four bytes at most.
    let alike = |name: &str| name.len().abs_diff(rare.len()) <= 4 * allowed;
    for (name, place) in common.filter(|(name, _)| alike(name) && name.chars().count() >= SHORT - 1) {
        let far = strsim::osa_distance(rare, name);
        match best {
            _ if far > allowed => {}
            Some((least, known, _)) if far == least && place != known => best = Some((least, known, true)),
            Some((least, ..)) if far >= least => {}
            _ => best = Some((far, place, false)),
        }
    }
    best.filter(|(_, _, several)| !several).map(|(_, place, _)| place)
}

impl Learned for Spellings {
    fn save(&self) -> Saved {
        let written = Written { names: strings(self.names.names()), spellings: self.table.clone() };
        Saved::new(written, Vec::new())
    }

    fn load(saved: Saved) -> Result<Self, String> {
        let Written { names, spellings } = saved.read()?;
        match spellings.iter().find(|(_, place)| *place as usize >= names.len()) {
            Some((spelling, _)) => Err(format!("the spelling '{spelling}' has no name")),
            None => Ok(Spellings::with(names, spellings)),
        }
    }

    fn output(&self, input: &Column) -> Result<Vec<Column>> {
        Ok(vec![Column::category(&input.name, self.names.clone()).derived_from(input).with_role(input.role)])
    }

    fn bind(&self, input: &Column) -> Result<Box<dyn Bound>> {
        let names = input.categories()?.names();
        let codes = names.iter().map(|name| self.code(name)).chain([self.names.unseen()]);
        Ok(Box::new(BoundSpellings { names: self.names.clone(), codes: codes.collect() }))
    }
}

struct BoundSpellings {
    names: Arc<Categories>,
    /// By code of the input, that of the output.
    codes: Vec<u32>,
}

impl BoundSpellings {
    fn code(&self, code: u32) -> u32 {
        self.codes[(code as usize).min(self.codes.len() - 1)]
    }
}

impl Bound for BoundSpellings {
    fn apply(&self, from: ColumnOf<'_>) -> Result<Vec<ArrayRef>> {
        let codes = from.codes()?;
        let changed: Vec<u32> = codes.values().iter().map(|code| self.code(*code)).collect();
        Ok(vec![self.names.column(UInt32Array::new(changed.into(), codes.nulls().cloned()))?])
    }

    fn row(&self, cell: Cell, out: &mut Vec<Cell>) -> Result<()> {
        out.push(match cell {
            Cell::Code(code) => Cell::Code(self.code(code)),
            Cell::Missing => Cell::Missing,
            other => return Err(wrong_cell("a category", &other)),
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Spellings;

    fn merged(spellings: &Spellings, name: &str) -> String {
        spellings.names.name(spellings.code(name)).to_string()
    }

    #[test]
    fn slips_and_cases_are_merged_and_common_names_are_not() {
        let seen = [
            ("Helsinki", 50),
            ("HELSINKI", 3),
            ("Helsinky", 2),
            ("Austria", 40),
            ("Australia", 40),
            ("item 1", 40),
            ("item 2", 1),
            ("male", 60),
            ("female", 60),
            ("fmale", 1),
        ];
        let spellings = Spellings::of(&seen, 10.0);
        for written in ["Helsinki", "HELSINKI", "Helsinky", "helsínki", "Helsnki"] {
            assert_eq!(merged(&spellings, written), "Helsinki", "{written}");
        }
        for alone in ["Austria", "Australia", "item 1", "item 2", "male", "female", "fmale"] {
            assert_eq!(merged(&spellings, alone), alone);
        }
        assert_eq!(merged(&spellings, "Oslo"), "(unseen)");
    }

    #[test]
    fn what_is_merged_is_never_merged_further() {
        // A chain of slips ends at a name that stays.
        let seen = [("orange", 1000), ("orangs", 50), ("orangsx", 2)];
        let spellings = Spellings::of(&seen, 10.0);
        assert_eq!(merged(&spellings, "orangs"), "orange");
        assert_eq!(merged(&spellings, "orangsx"), "orangsx");
    }
}
