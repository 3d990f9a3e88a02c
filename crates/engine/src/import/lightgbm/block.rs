//! The blocks of such a file, each of lines `key=value`, and the questions of a tree.

use std::collections::BTreeMap;
use std::str::FromStr;

use tidemill_core::Question;

use super::{Fault, Seen};

/// A categorical question, in `decision_type`.
const CATEGORY: u8 = 1;
/// Missing values go left.
const DEFAULT_LEFT: u8 = 2;

/// Lines `key=value`, with their numbers.
#[derive(Default)]
pub(super) struct Block<'a> {
    /// Its first line.
    first: usize,
    values: BTreeMap<&'a str, (usize, &'a str)>,
}

/// The header, the trees, and what stands behind them.
pub(super) fn blocks(text: &str) -> Result<(Block<'_>, Vec<Block<'_>>, &str), Fault> {
    let mut all = vec![Block { first: 1, ..Block::default() }];
    let mut at = 0;
    for (i, line) in text.split_inclusive('\n').enumerate() {
        at += line.len();
        let (number, line) = (i + 1, line.trim_end_matches(['\n', '\r']));
        if line == "end of trees" {
            let mut all = all.into_iter();
            let header = all.next().unwrap_or_default();
            let trees: Vec<Block<'_>> = all.collect();
            let announced = header.text("tree_sizes")?.split_whitespace().count();
            if announced != trees.len() {
                let problem = format!("{announced} tree_sizes, but {} trees", trees.len());
                return Err(Fault::broken(problem).at(header.place("tree_sizes")));
            }
            return Ok((header, trees, &text[at..]));
        }
        if line.is_empty() {
            continue;
        }
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        if key == "Tree" {
            if value.trim().parse() != Ok(all.len() - 1) {
                let problem = format!("tree number {} is called '{value}'", all.len() - 1);
                return Err(Fault::broken(problem).at(format!("line {number}")));
            }
            all.push(Block { first: number, ..Block::default() });
        }
        let Some(block) = all.last_mut() else { continue };
        if block.values.insert(key, (number, value)).is_some() {
            return Err(Fault::broken(format!("'{key}' comes twice")).at(format!("line {number}")));
        }
    }
    Err(Fault::broken("the file ends before 'end of trees': it is cut short"))
}

impl<'a> Block<'a> {
    pub(super) fn get(&self, key: &str) -> Option<&'a str> {
        self.values.get(key).map(|(_, value)| *value)
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    /// The line of a key; of the block where it is not there.
    pub(super) fn place(&self, key: &str) -> String {
        format!("line {}", self.values.get(key).map_or(self.first, |(line, _)| *line))
    }

    pub(super) fn text(&self, key: &str) -> Result<&'a str, Fault> {
        self.get(key).ok_or_else(|| Fault::broken(format!("'{key}' is missing")).at(self.place(key)))
    }

    pub(super) fn number<T: FromStr>(&self, key: &str) -> Result<T, Fault> {
        let text = self.text(key)?;
        text.trim().parse().map_err(|_| self.wrong(key, text))
    }

    /// The values of a key, which must be `n`.
    pub(super) fn list<T: FromStr>(&self, key: &str, n: usize) -> Result<Vec<T>, Fault> {
        let text = self.text(key)?;
        let found = text.split_whitespace().count();
        if found != n {
            return Err(Fault::broken(format!("'{key}' has {found} values, not {n}")).at(self.place(key)));
        }
        text.split_whitespace().map(|word| word.parse().map_err(|_| self.wrong(key, word))).collect()
    }

    /// As [`Block::list`], as many as there are.
    fn open_list<T: FromStr>(&self, key: &str) -> Result<Vec<T>, Fault> {
        self.list(key, self.text(key)?.split_whitespace().count())
    }

    fn wrong(&self, key: &str, word: &str) -> Fault {
        let word: String = word.chars().take(40).collect();
        Fault::broken(format!("'{key}' holds '{word}', which cannot be read")).at(self.place(key))
    }
}

/// The questions of the inner nodes of a tree.
pub(super) struct Questions {
    pub(super) feature: Vec<usize>,
    pub(super) left: Vec<i64>,
    pub(super) right: Vec<i64>,
    threshold: Vec<f64>,
    decision: Vec<u8>,
    /// Where the words of each set of categories begin.
    boundaries: Vec<usize>,
    words: Vec<u32>,
    place: String,
}

impl Questions {
    pub(super) fn read(tree: &Block<'_>, n: usize) -> Result<Self, Fault> {
        let n_sets: usize = tree.number("num_cat")?;
        let (boundaries, words) = match n_sets {
            0 => (vec![0], Vec::new()),
            n_sets => {
                (tree.list("cat_boundaries", n_sets.saturating_add(1))?, tree.open_list("cat_threshold")?)
            }
        };
        Ok(Questions {
            feature: tree.list("split_feature", n)?,
            left: tree.list("left_child", n)?,
            right: tree.list("right_child", n)?,
            threshold: tree.list("threshold", n)?,
            decision: tree.list("decision_type", n)?,
            boundaries,
            words,
            place: tree.place("cat_threshold"),
        })
    }

    pub(super) fn note(&self, at: usize, seen: &mut Seen) {
        let decision = self.decision[at];
        seen.as_category |= decision & CATEGORY != 0;
        seen.as_number |= decision & CATEGORY == 0;
        if decision & CATEGORY == 0 {
            seen.zero_is_missing |= decision >> 2 & 3 == 1;
            seen.nan_is_missing |= decision >> 2 & 3 == 2;
        }
    }

    /// The question of a node, and whether missing values go left.
    pub(super) fn question(&self, at: usize) -> Result<(Question, bool), Fault> {
        let (decision, threshold) = (self.decision[at], self.threshold[at]);
        if decision & CATEGORY != 0 {
            let set = threshold as usize;
            let cut =
                || Fault::broken(format!("the set of categories {threshold} is not whole")).at(&self.place);
            let whole = threshold == set as f64;
            let ends = self.boundaries.get(set).zip(self.boundaries.get(set.saturating_add(1)));
            let (from, to) = ends.filter(|_| whole).ok_or_else(cut)?;
            let words = self.words.get(*from..*to).ok_or_else(cut)?;
            let pair = |pair: &[u32]| u64::from(pair[0]) | u64::from(pair.get(1).copied().unwrap_or(0)) << 32;
            return Ok((Question::Category { left: words.chunks(2).map(pair).collect() }, false));
        }
        let missing_left = match decision >> 2 & 3 {
            // Taken for 0.
            0 => threshold >= 0.0,
            1 | 2 => decision & DEFAULT_LEFT != 0,
            _ => return Err(Fault::broken(format!("a decision_type of {decision} is not known"))),
        };
        Ok((Question::Number { threshold }, missing_left))
    }
}
