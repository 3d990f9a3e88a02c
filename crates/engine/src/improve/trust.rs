//! No user decides alone: of one user's labels only so many count, so that a promotion needs more than one voice.

use std::collections::BTreeMap;

use crate::feedback::Labelled;

/// Of the labels of a stretch of time at most one in so many is one user's.
const ONE_IN: usize = 3;

/// Labelled rows of which no user has given more than a third.
pub(super) struct Capped {
    /// The rows that count, oldest first.
    pub(super) rows: Vec<Labelled>,
    /// How many of them are newer than the champion.
    pub(super) newer: usize,
    /// How many of these, the newest, are held out.
    pub(super) held_out: usize,
    /// How many rows do not count.
    pub(super) left_out: usize,
    /// The most rows newer than the champion that one user gave, and how many rows there were in all.
    pub(super) loudest: (usize, usize),
}

/// Caps each user's share within the rows that are older than the champion, those to learn from, and those held out: who speaks much
/// in one of them must not make up for it in another. `trusted` users and rows of unknown users are not capped.
pub(super) fn cap(rows: Vec<Labelled>, newer: usize, held_out: usize, trusted: &[String]) -> Capped {
    let all = rows.len();
    let loudest = voices(&rows[all - newer..], trusted).into_values().max().unwrap_or(0);
    let mut older = rows;
    let mut learned = older.split_off(all - newer);
    let judging = learned.split_off(newer - held_out.min(newer));
    let [mut older, learned, judging] = [older, learned, judging].map(|part| capped(part, trusted));
    let (newer_left, held_out_left) = (learned.len() + judging.len(), judging.len());
    older.extend(learned);
    older.extend(judging);
    Capped {
        left_out: all - older.len(),
        newer: newer_left,
        held_out: held_out_left,
        rows: older,
        loudest: (loudest, newer),
    }
}

/// How many rows each known user gave who is not trusted.
fn voices<'a>(rows: &'a [Labelled], trusted: &[String]) -> BTreeMap<&'a str, usize> {
    let mut voices = BTreeMap::new();
    for by in rows.iter().filter_map(|row| row.by.as_deref()).filter(|by| !trusted.iter().any(|t| t == by)) {
        *voices.entry(by).or_default() += 1;
    }
    voices
}

/// The rows without those of users who gave too many; of such a user, rows from all of the time remain.
fn capped(rows: Vec<Labelled>, trusted: &[String]) -> Vec<Labelled> {
    let voices = voices(&rows, trusted);
    let free = rows.len() - voices.values().sum::<usize>();
    let cap = most(free, voices.values().copied());
    if voices.values().all(|n| *n <= cap) {
        return rows;
    }
    let voices: BTreeMap<String, usize> = voices.into_iter().map(|(by, n)| (by.to_string(), n)).collect();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let stays = |row: &Labelled| {
        let Some((by, n)) = row.by.as_ref().and_then(|by| Some((by, *voices.get(by)?))) else { return true };
        if n <= cap {
            return true;
        }
        let seen = seen.entry(by.clone()).or_default();
        *seen += 1;
        // The steps of a staircase of `cap` steps over `n` places.
        *seen * cap / n > (*seen - 1) * cap / n
    };
    rows.into_iter().filter({
        let mut stays = stays;
        move |row| stays(row)
    })
    .collect()
}

/// The most rows that one user may have so that nobody has more than one in [`ONE_IN`] of all that remain.
fn most(free: usize, voices: impl Iterator<Item = usize> + Clone) -> usize {
    let mut cap = voices.clone().max().unwrap_or(0);
    loop {
        let total = free + voices.clone().map(|n| n.min(cap)).sum::<usize>();
        let next = cap.min(total / ONE_IN);
        if next == cap {
            return cap;
        }
        cap = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn rows(by: &[(Option<&str>, usize)]) -> Vec<Labelled> {
        let row = |by: Option<&str>| Labelled {
            id: Uuid::nil(),
            at: 0,
            version: 1,
            by: by.map(String::from),
            cells: Vec::new(),
        };
        by.iter().flat_map(|(by, n)| std::iter::repeat_n(row(*by), *n)).collect()
    }

    fn left(by: &[(Option<&str>, usize)], trusted: &[&str]) -> usize {
        let trusted: Vec<String> = trusted.iter().map(|t| t.to_string()).collect();
        capped(rows(by), &trusted).len()
    }

    #[test]
    fn nobody_has_more_than_a_third() {
        let (a, b, c) = (Some("a"), Some("b"), Some("c"));
        assert_eq!(left(&[(a, 600)], &[]), 0, "one user alone");
        assert_eq!(left(&[(a, 300), (b, 300)], &[]), 0, "two share a third each at most, of nothing");
        assert_eq!(left(&[(a, 200), (b, 200), (c, 200)], &[]), 600);
        assert_eq!(left(&[(a, 900), (b, 100), (c, 100)], &[]), 300);
        assert_eq!(left(&[(a, 600), (None, 400)], &[]), 600, "200 of 600 are a third");
        assert_eq!(left(&[(None, 600)], &[]), 600, "who is unknown is not capped");
        assert_eq!(left(&[(a, 600)], &["a"]), 600, "a person vouches for this user");
        assert_eq!(left(&[], &[]), 0);
    }

    #[test]
    fn each_stretch_of_time_is_capped_for_itself() {
        let mut all = rows(&[(None, 900)]);
        all.extend(rows(&[(None, 60), (Some("m"), 240)]));
        // 300 newer rows, of which the last 150 are held out: all of these are m's.
        let capped = cap(all, 300, 150, &[]);
        assert_eq!((capped.held_out, capped.newer, capped.loudest), (0, 90, (240, 300)));
        assert_eq!(capped.left_out, 300 - 90);
    }
}
