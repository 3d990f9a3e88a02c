//! Spellings of one name: what differs only in case, spaces or accents.

use hashbrown::HashMap;

/// Without accents, case, and the number and place of spaces.
pub(crate) fn folded(name: &str) -> String {
    spaced(&plain(name)).to_lowercase()
}

/// Runs of white space as one space, none around.
pub(crate) fn spaced(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Without accents.
pub(crate) fn plain(name: &str) -> String {
    if name.is_ascii() { name.to_string() } else { name.chars().map(bare).filter(|c| !is_mark(*c)).collect() }
}

fn is_mark(c: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&c)
}

/// A letter of the Latin alphabets without its accent.
fn bare(c: char) -> char {
    const ROWS: &[(char, &str)] = &[
        ('A', "ÀÁÂÃÄÅĀĂĄ"),
        ('a', "àáâãäåāăą"),
        ('C', "ÇĆĈĊČ"),
        ('c', "çćĉċč"),
        ('D', "ĎĐ"),
        ('d', "ďđ"),
        ('E', "ÈÉÊËĒĔĖĘĚ"),
        ('e', "èéêëēĕėęě"),
        ('G', "ĜĞĠĢ"),
        ('g', "ĝğġģ"),
        ('I', "ÌÍÎÏĨĪĬĮİ"),
        ('i', "ìíîïĩīĭįı"),
        ('L', "ĹĻĽŁ"),
        ('l', "ĺļľł"),
        ('N', "ÑŃŅŇ"),
        ('n', "ñńņň"),
        ('O', "ÒÓÔÕÖØŌŎŐ"),
        ('o', "òóôõöøōŏő"),
        ('R', "ŔŖŘ"),
        ('r', "ŕŗř"),
        ('S', "ŚŜŞŠȘ"),
        ('s', "śŝşšș"),
        ('T', "ŢŤȚ"),
        ('t', "ţťț"),
        ('U', "ÙÚÛÜŨŪŬŮŰŲ"),
        ('u', "ùúûüũūŭůűų"),
        ('Y', "ÝŸ"),
        ('y', "ýÿ"),
        ('Z', "ŹŻŽ"),
        ('z', "źżž"),
    ];
    if c.is_ascii() {
        return c;
    }
    ROWS.iter().find(|(_, accented)| accented.contains(c)).map_or(c, |row| row.0)
}

/// For each name, which comes so many times, the spelling that stands for all of its spellings: one of `known` where there is any,
/// else the most frequent, of equally frequent ones the first.
pub(crate) fn merged<'a>(names: &[(&'a str, u64)], known: &'a [String]) -> Vec<&'a str> {
    let mut best: HashMap<String, (&str, u64)> = HashMap::new();
    for known in known {
        best.insert(folded(known), (known, u64::MAX));
    }
    for &(name, count) in names {
        let best = best.entry(folded(name)).or_insert((name, count));
        if count > best.1 {
            *best = (name, count);
        }
    }
    names.iter().map(|(name, _)| best.get(&folded(name)).map_or(*name, |b| b.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::merged;

    #[test]
    fn one_spelling_stands_for_all() {
        let names =
            [("yes", 2), ("Yes", 5), ("NO", 1), ("no", 1), ("Málaga", 1), ("Malaga ", 3), ("maybe", 1)];
        let found = merged(&names, &[]);
        assert_eq!(found, ["Yes", "Yes", "NO", "NO", "Malaga ", "Malaga ", "maybe"]);
        let known = ["no".to_string()];
        assert_eq!(merged(&names, &known)[2..4], ["no", "no"]);
    }
}
