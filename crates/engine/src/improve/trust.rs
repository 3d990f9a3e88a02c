//! No user decides alone: the number of labels that count is limited for each user, so that a promotion needs more than one.

use std::collections::BTreeMap;

use tidemill_core::{Error, Result};
use tidemill_eval::{Answers, Metric};

use crate::feedback::Labelled;

/// At most one in this many labels of a period may come from one user.
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
pub(super) fn cap(mut rows: Vec<Labelled>, newer: usize, held_out: usize, trusted: &[String]) -> Capped {
    let capped_voice = |by: &mut Option<String>| *by = by.take().filter(|by| !trusted.contains(by));
    for row in &mut rows {
        capped_voice(&mut row.by);
        if let Some(word) = &mut row.otherwise {
            capped_voice(&mut word.by);
        }
    }
    let all = rows.len();
    let loudest = voices(&rows[all - newer..]).into_values().max().unwrap_or(0);
    let mut older = rows;
    let mut learned = older.split_off(all - newer);
    let judging = learned.split_off(newer - held_out.min(newer));
    let [mut older, learned, judging] = [older, learned, judging].map(capped);
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

/// How many rows each known user gave.
fn voices(rows: &[Labelled]) -> BTreeMap<&str, usize> {
    let mut voices = BTreeMap::new();
    for by in rows.iter().filter_map(|row| row.by.as_deref()) {
        *voices.entry(by).or_default() += 1;
    }
    voices
}

/// The rows without the words of users who gave too many; of such a user, words from all of the time remain. Where someone else spoke of a row
/// before, that word counts instead: who contradicts everyone must not silence them.
fn capped(mut rows: Vec<Labelled>) -> Vec<Labelled> {
    loop {
        let (left, has_other_words) = capped_once(rows);
        if !has_other_words {
            return left;
        }
        rows = left;
    }
}

/// The row by the word of whoever spoke before.
fn heard_otherwise(mut row: Labelled) -> Option<Labelled> {
    let word = row.otherwise.take()?;
    *row.cells.last_mut()? = word.cell;
    row.by = word.by;
    Some(row)
}

/// The same once; and whether some of the words are now those of others, who may have too many then.
fn capped_once(rows: Vec<Labelled>) -> (Vec<Labelled>, bool) {
    let voices = voices(&rows);
    let free = rows.len() - voices.values().sum::<usize>();
    let cap = most(free, voices.values().copied());
    if voices.values().all(|n| *n <= cap) {
        return (rows, false);
    }
    let voices: BTreeMap<String, usize> = voices.into_iter().map(|(by, n)| (by.to_string(), n)).collect();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut stays = |row: &Labelled| {
        let Some((by, n)) = row.by.as_ref().and_then(|by| Some((by, *voices.get(by)?))) else { return true };
        if n <= cap {
            return true;
        }
        let seen = seen.entry(by.clone()).or_default();
        *seen += 1;
        // The steps of a staircase of `cap` steps over `n` places.
        *seen * cap / n > (*seen - 1) * cap / n
    };
    let mut has_other_words = false;
    let mut left = Vec::with_capacity(rows.len());
    for row in rows {
        if stays(&row) {
            left.push(row);
        } else if let Some(row) = heard_otherwise(row) {
            has_other_words = true;
            left.push(row);
        }
    }
    (left, has_other_words)
}

/// A gain may depend on a single user who gave at least one in this many of the held-out rows.
const LOUD: usize = 10;

/// The least that the challenger is better by when the rows of any one user are left out; none where no user gave many of them.
pub(super) fn least_gain(
    before: &Answers<'_>,
    after: &Answers<'_>,
    metric: &Metric,
    held_out: &[Labelled],
) -> Result<Option<f64>> {
    let mut least: Option<f64> = None;
    for (by, n) in voices(held_out) {
        if n * LOUD < held_out.len() || n == held_out.len() {
            continue;
        }
        let others =
            (0..held_out.len() as u32).filter(|row| held_out[*row as usize].by.as_deref() != Some(by));
        let others: Vec<u32> = others.collect();
        let score = |answers: &Answers<'_>| Ok::<_, Error>(metric.score(&answers.take(&others)?)?.value);
        let gain = score(after)? - score(before)?;
        let gain = if metric.greater_is_better { gain } else { -gain };
        if gain.is_finite() {
            least = Some(least.map_or(gain, |least| least.min(gain)));
        }
    }
    Ok(least)
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
    use tidemill_core::Cell;
    use uuid::Uuid;

    use super::*;
    use crate::feedback::Word;

    fn rows(by: &[(Option<&str>, usize)]) -> Vec<Labelled> {
        let row = |by: Option<&str>| Labelled {
            id: Uuid::nil(),
            at: 0,
            version: 1,
            known_since: 0,
            by: by.map(String::from),
            otherwise: None,
            cells: Vec::new(),
        };
        by.iter().flat_map(|(by, n)| std::iter::repeat_n(row(*by), *n)).collect()
    }

    fn left(by: &[(Option<&str>, usize)]) -> usize {
        capped(rows(by)).len()
    }

    #[test]
    fn who_contradicts_everyone_does_not_silence_them() {
        let users = ["a", "b", "c", "d"];
        let mut said: Vec<Labelled> = Vec::new();
        for i in 0..400 {
            let mut row = rows(&[(Some("loud"), 1)]).remove(0);
            row.at = i;
            row.cells = vec![Cell::Text("wrong".into())];
            let (by, cell) = (Some(users[i as usize % 4].to_string()), Cell::Text("right".into()));
            row.otherwise = Some(Word { by, cell });
            said.push(row);
        }
        let left = capped(said);
        assert!(left.is_sorted_by_key(|row| row.at));
        let wrong = left.iter().filter(|row| row.by.as_deref() == Some("loud"));
        let right = left.iter().filter(|row| row.cells == [Cell::Text("right".into())]).count();
        assert!(wrong.count() * 3 <= left.len() && right >= 260, "{right} of {}", left.len());
        assert!(left.iter().all(|row| (row.by.as_deref() == Some("loud")) == row.otherwise.is_some()));
    }

    #[test]
    fn nobody_has_more_than_a_third() {
        let (a, b, c) = (Some("a"), Some("b"), Some("c"));
        assert_eq!(left(&[(a, 600)]), 0, "one user alone");
        assert_eq!(left(&[(a, 300), (b, 300)]), 0, "two share a third each at most, of nothing");
        assert_eq!(left(&[(a, 200), (b, 200), (c, 200)]), 600);
        assert_eq!(left(&[(a, 900), (b, 100), (c, 100)]), 300);
        assert_eq!(left(&[(a, 600), (None, 400)]), 600, "200 of 600 are a third");
        assert_eq!(left(&[(None, 600)]), 600, "who is unknown is not capped");
        let vouched = cap(rows(&[(a, 600)]), 600, 300, &["a".to_string()]);
        assert_eq!((vouched.rows.len(), vouched.left_out), (600, 0), "a person vouches for this user");
        assert_eq!(left(&[]), 0);
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

    #[test]
    fn a_gain_that_rests_on_one_user_is_none() {
        // The loud user says 1, all others 0; one model says 1 of everything, the other 0.
        let held_out = rows(&[(Some("m"), 40), (Some("a"), 20), (Some("b"), 20), (None, 3)]);
        let truth: Vec<f64> =
            held_out.iter().map(|row| f64::from(u8::from(row.by.as_deref() == Some("m")))).collect();
        let (zeros, ones) = (vec![0.0; 83], vec![1.0; 83]);
        let of = |predicted: Vec<f64>| Answers::numbers(truth.clone(), predicted).unwrap();
        let mae = tidemill_eval::metric("mae").unwrap();
        assert_eq!(least_gain(&of(zeros.clone()), &of(ones), mae, &held_out).unwrap(), Some(-1.0));
        assert_eq!(least_gain(&of(zeros.clone()), &of(zeros), mae, &held_out).unwrap(), Some(0.0));
        let quiet = rows(&[(None, 83)]);
        let nobody = least_gain(&of(vec![0.0; 83]), &of(vec![1.0; 83]), mae, &quiet).unwrap();
        assert_eq!(nobody, None);
    }
}
