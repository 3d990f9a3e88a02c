//! Names of a category that are one name written in several ways.

use std::collections::BTreeMap;

use serde::Serialize;
use tidemill_kernel::sketch::{Counted, Frequent};

use super::column::TopName;
use crate::parse::spelling::{self, folded, plain, spaced};

/// Misspellings are looked for among so many names.
const COMPARED: usize = 500;
/// The most groups that are told.
const TOLD: usize = 20;

/// Ways of writing what is probably one name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Variants {
    /// In what they differ: any of `case`, `spaces`, `accents`; or `spelling`.
    pub differ: Vec<&'static str>,
    /// The ways as written, the most frequent first.
    pub names: Vec<TopName>,
    /// The first row of each.
    pub rows: Vec<u64>,
}

/// The most frequent names, the spaces around them taken off.
pub(super) fn top(names: &Frequent, told: usize) -> Vec<TopName> {
    let mut counts: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for c in names.counters() {
        let entry = counts.entry(c.name.trim()).or_insert((0, c.row));
        *entry = (entry.0 + c.count, entry.1.min(c.row));
    }
    let mut all: Vec<(&str, u64, u64)> =
        counts.into_iter().map(|(n, (count, row))| (n, count, row)).collect();
    all.sort_by(|a, b| b.1.cmp(&a.1).then(a.2.cmp(&b.2)));
    all.into_iter().take(told).map(|(name, count, _)| TopName { name: name.into(), count }).collect()
}

/// The spellings of a name as one, written as most rows write it, the most frequent first.
pub(super) fn merged(names: Vec<TopName>) -> Vec<TopName> {
    let counts: Vec<(&str, u64)> = names.iter().map(|name| (&*name.name, name.count)).collect();
    let mut all: Vec<TopName> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for (one, (_, count)) in spelling::merged(&counts, &[]).into_iter().zip(&counts) {
        let place = *places.entry(one).or_insert(all.len());
        match all.get_mut(place) {
            Some(known) => known.count += count,
            None => all.push(TopName { name: one.into(), count: *count }),
        }
    }
    all.sort_by_key(|name| std::cmp::Reverse(name.count));
    all
}

/// Groups of names that differ in case, spaces or accents, then rare names one or two letters from a common one.
pub(super) fn variants(names: &Frequent) -> Vec<Variants> {
    let mut groups: BTreeMap<String, Vec<&Counted>> = BTreeMap::new();
    for c in names.top() {
        groups.entry(folded(&c.name)).or_default().push(c);
    }
    let mut found: Vec<Variants> = groups.values().filter(|g| g.len() > 1).map(|g| group(g)).collect();
    found.sort_by_key(|v| (std::cmp::Reverse(v.names[1].count), v.rows[0]));
    found.truncate(TOLD);
    found.extend(misspelt(&groups).into_iter().take(TOLD));
    found
}

fn group(same: &[&Counted]) -> Variants {
    let all = |of: &dyn Fn(&str) -> String| {
        let first = of(&same[0].name);
        same.iter().all(|c| of(&c.name) == first)
    };
    // What does not make them equal again, alone, is where they differ: taking off two of the three leaves the third.
    let case = !all(&|s| spaced(&plain(s)));
    let spaces = !all(&|s| plain(s).to_lowercase());
    let accents = !all(&|s| spaced(s).to_lowercase());
    let differ = [(case, "case"), (spaces, "spaces"), (accents, "accents")];
    told(differ.into_iter().filter(|d| d.0).map(|d| d.1).collect(), same)
}

fn told(differ: Vec<&'static str>, same: &[&Counted]) -> Variants {
    let names = same.iter().map(|c| TopName { name: c.name.to_string(), count: c.count }).collect();
    Variants { differ, names, rows: same.iter().map(|c| c.row).collect() }
}

/// Rare names close to one that comes at least ten times as often. Names with digits are left out: there one character is
/// often the difference that counts.
fn misspelt(groups: &BTreeMap<String, Vec<&Counted>>) -> Vec<Variants> {
    let total = |g: &[&Counted]| g.iter().map(|c| c.count).sum::<u64>();
    let mut names: Vec<(&str, u64, &Counted)> = groups
        .iter()
        .filter(|(name, _)| name.chars().count() >= 5 && !name.bytes().any(|b| b.is_ascii_digit()))
        .filter(|(name, _)| !name.contains('\u{fffd}'))
        .map(|(name, g)| (name.as_str(), total(g), g[0]))
        .collect();
    names.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    names.truncate(COMPARED);
    let mut found = Vec::new();
    for (place, &(rare, count, own)) in names.iter().enumerate().rev() {
        let allowed = if rare.chars().count() >= 9 { 2 } else { 1 };
        let near = names[..place].iter().find(|(common, often, _)| {
            *often >= 10 * count
                && rare.len().abs_diff(common.len()) <= 2 * allowed
                && strsim::osa_distance(rare, common) <= allowed
        });
        if let Some((_, _, common)) = near {
            found.push(told(vec!["spelling"], &[common, own]));
        }
    }
    found.sort_by_key(|v| v.rows[1]);
    found
}

#[cfg(test)]
mod tests {
    use tidemill_kernel::sketch::{Frequent, hash_bytes};

    use super::{merged, top, variants};

    fn of(names: &[(&str, usize)]) -> Frequent {
        let mut frequent = Frequent::new(100);
        let all = names.iter().flat_map(|&(name, n)| std::iter::repeat_n(name, n));
        for (row, name) in all.enumerate() {
            frequent.add(name, hash_bytes(name.as_bytes()), row as u64 + 1);
        }
        frequent
    }

    #[test]
    fn each_difference_is_named() {
        let found = variants(&of(&[
            ("Paris", 9),
            ("paris ", 2),
            ("Málaga", 5),
            ("Malaga", 1),
            ("Nice", 3),
            ("NICE", 1),
        ]));
        let told: Vec<(Vec<&str>, Vec<&str>)> = found
            .iter()
            .map(|v| (v.differ.clone(), v.names.iter().map(|n| n.name.as_str()).collect()))
            .collect();
        assert!(told.contains(&(vec!["case", "spaces"], vec!["Paris", "paris "])), "{told:?}");
        assert!(told.contains(&(vec!["accents"], vec!["Málaga", "Malaga"])), "{told:?}");
        assert!(told.contains(&(vec!["case"], vec!["Nice", "NICE"])), "{told:?}");
    }

    #[test]
    fn a_rare_slip_of_a_common_name_is_found_and_two_common_names_are_not() {
        let found = variants(&of(&[
            ("Helsinki", 50),
            ("Helsinky", 2),
            ("Austria", 40),
            ("Australia", 40),
            ("item 1", 40),
            ("item 2", 1),
        ]));
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].names[1].name.as_str(), found[0].rows[1]), ("Helsinky", 51));
        assert_eq!(top(&of(&[("a ", 2), ("a", 1), ("b", 2)]), 1)[0].count, 3);
    }

    #[test]
    fn spellings_that_are_merged_are_counted_together() {
        let names = top(&of(&[("no", 60), ("No", 30), ("NO", 4), ("yes", 3), ("Yes", 3)]), usize::MAX);
        let counts: Vec<(String, u64)> = merged(names).into_iter().map(|n| (n.name, n.count)).collect();
        assert_eq!(counts, [("no".to_string(), 94), ("yes".to_string(), 6)]);
    }
}
