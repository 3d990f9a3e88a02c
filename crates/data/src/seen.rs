//! What training saw of a column beyond the names of its categories and the range of its numbers: by it every later cell says
//! whether it tells the model anything.

use std::borrow::Cow;
use std::collections::BTreeSet;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, ArrayRef};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hashbrown::HashSet;
use serde::{Deserialize, Serialize};
use tidemill_core::{Batch, Column, Kind, Result, Schema};
use tidemill_kernel::sketch::{hash_bytes, mix};
use tidemill_kernel::words::{Piece, pairs, pieces};
use tidemill_kernel::{graph, picture};
use unicode_normalization::UnicodeNormalization;

use crate::parse::{write_iso, zone_of};
use crate::raw::{Raw, RawColumn};

/// The most words of a column that are remembered.
const MOST_WORDS: usize = 100_000;
/// Bits for each word, of which [`PROBES`] are set: about one strange word in sixty is taken for a known one.
const BITS: usize = 10;
const PROBES: u64 = 3;
/// The steps of the first series are all looked at; beyond them, those of every fiftieth.
const STEPPED: usize = 2_000;
const THINNED: usize = 50;
/// A year in microseconds.
const YEAR: i64 = 366 * 86_400_000_000;
/// Where timestamps are written in more zones than this, another one says nothing.
const MOST_ZONES: usize = 24;

/// What training saw of a column.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Seen {
    /// The words of texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<Vocabulary>,
    /// The zones that timestamps with a clock were written in: `Z`, `+02:00`, or empty for none; nothing where that was not looked at.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    zones: BTreeSet<String>,
    /// The sizes and modes of images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pictures: Option<Pictures>,
    /// The levels and steps of series.
    #[serde(skip_serializing_if = "Option::is_none")]
    series: Option<Levels>,
    /// The keys of the rows, and those that they list as neighbours.
    #[serde(skip_serializing_if = "Option::is_none")]
    keys: Option<Vocabulary>,
    /// The first and the last of times, in microseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    times: Option<[i64; 2]>,
    /// Whether every row had a value.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    complete: bool,
}

/// Something that the model does not know from training, or not wholly.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Unfamiliar {
    pub(crate) code: &'static str,
    pub(crate) says: String,
}

fn unfamiliar(code: &'static str, says: impl Into<String>) -> Option<Unfamiliar> {
    Some(Unfamiliar { code, says: says.into() })
}

impl Seen {
    /// Whether nothing was looked at.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Seen::default()
    }

    /// The zones of timestamps as they are written.
    pub(crate) fn of_times<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let zones: BTreeSet<String> = texts.filter_map(zone_of).collect();
        Seen { zones: if zones.len() > MOST_ZONES { BTreeSet::new() } else { zones }, ..Seen::default() }
    }

    /// The keys that rows and their lists of neighbours name.
    pub(crate) fn of_ties<'a>(
        lists: impl Iterator<Item = &'a str>,
        keys: impl Iterator<Item = &'a str>,
    ) -> Self {
        let listed = lists.flat_map(graph::listed).map(|(key, _)| hash_bytes(key.as_bytes()));
        let hashes: HashSet<u64> = listed.chain(keys.map(|key| hash_bytes(key.trim().as_bytes()))).collect();
        // Where not all can be remembered, one that is not tells nothing.
        let few = hashes.len() <= MOST_WORDS;
        Seen { keys: few.then(|| Vocabulary::of_hashes(&hashes)).flatten(), ..Seen::default() }
    }

    /// Adds what a typed column shows.
    pub(crate) fn add(&mut self, column: &Column, array: &ArrayRef) -> Result<()> {
        self.complete = array.null_count() == 0;
        if !matches!(column.kind, Kind::Text | Kind::Image | Kind::Series) {
            return Ok(());
        }
        let batch =
            Batch::with_rows(Schema::new(vec![column.clone()])?.into(), vec![array.clone()], array.len())?;
        if column.kind == Kind::Series {
            let series = batch.series(0)?;
            self.series = Levels::of((0..batch.n_rows()).filter_map(|row| series.of(row)));
            return Ok(());
        }
        let cells = RawColumn::of(&batch, 0)?;
        let cells = (0..batch.n_rows()).map(|row| cells.cell(row));
        match column.kind {
            Kind::Text => self.words = Vocabulary::of(cells),
            _ => self.pictures = Pictures::of(cells),
        }
        Ok(())
    }

    /// Adds the first and the last of a column of times.
    pub(crate) fn add_times(&mut self, array: &ArrayRef) {
        let times = array.as_primitive_opt::<TimestampMicrosecondType>().into_iter().flatten().flatten();
        self.times = times.fold(None, |span, at| match span {
            None => Some([at, at]),
            Some([first, last]) => Some([at.min(first), at.max(last)]),
        });
    }

    /// What is unfamiliar about a time: that it lies further from those of training than these are apart, and than a year.
    fn judge_time(&self, at: i64) -> Option<Unfamiliar> {
        let [first, last] = self.times?;
        let span = last.saturating_sub(first).max(YEAR);
        let far = at > last.saturating_add(span) || at < first.saturating_sub(span);
        let says =
            || format!("in training the times lay between {} and {}", write_iso(first), write_iso(last));
        far.then(says).and_then(|says| unfamiliar("outside_training_range", says))
    }

    /// What is unfamiliar about a cell that was read.
    pub(crate) fn judge(&self, cell: Raw<'_>) -> Option<Unfamiliar> {
        match cell {
            Raw::Text(list) if self.keys.is_some() => unknown_neighbors(self.keys.as_ref()?, list),
            Raw::Text(text) => self.words.as_ref()?.judge(text),
            Raw::Image(bytes) => self.pictures.as_ref()?.judge(bytes),
            Raw::Points(points) => {
                let (times, values): (Vec<i64>, Vec<f64>) = points.iter().copied().unzip();
                self.judge_series(&times, &values)
            }
            Raw::Time(at) => self.judge_time(at),
            Raw::Missing if self.complete => {
                unfamiliar("missing_value", "it is missing; in training every row had it")
            }
            _ => None,
        }
    }

    /// What is unfamiliar about a series.
    pub(crate) fn judge_series(&self, times: &[i64], values: &[f64]) -> Option<Unfamiliar> {
        self.series.as_ref()?.judge(times, values)
    }

    /// What is unfamiliar about the way in which a cell was written.
    pub(crate) fn judge_written(&self, raw: Raw<'_>) -> Option<Unfamiliar> {
        let Raw::Text(text) = raw else { return None };
        if self.zones.is_empty() {
            return None;
        }
        let zone = zone_of(text).filter(|zone| !self.zones.contains(zone))?;
        let named = |zone: &str| {
            if zone.is_empty() { "no time zone".into() } else { format!("the time zone {zone}") }
        };
        let known: Vec<String> = self.zones.iter().take(3).map(|zone| named(zone)).collect();
        unfamiliar(
            "other_time_zone",
            format!("it is written with {}; in training timestamps had {}", named(&zone), known.join(" or ")),
        )
    }
}

/// A set of words that forgets their letters: a Bloom filter (Bloom 1970) over the hashes of words in lower case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
struct Vocabulary(Vec<u8>);

impl From<Vocabulary> for String {
    fn from(words: Vocabulary) -> String {
        STANDARD_NO_PAD.encode(words.0)
    }
}

impl TryFrom<String> for Vocabulary {
    type Error = String;

    fn try_from(text: String) -> std::result::Result<Self, String> {
        let bytes = STANDARD_NO_PAD.decode(text).map_err(|_| "the words are not base64")?;
        if bytes.len().is_power_of_two() {
            Ok(Vocabulary(bytes))
        } else {
            Err("the words are cut off".into())
        }
    }
}

impl Vocabulary {
    fn of<'a>(cells: impl Iterator<Item = Raw<'a>>) -> Option<Self> {
        let mut hashes = HashSet::new();
        for cell in cells {
            let Raw::Text(text) = cell else { continue };
            if hashes.len() >= MOST_WORDS {
                break;
            }
            words(text, |hash| {
                hashes.insert(hash);
            });
        }
        Vocabulary::of_hashes(&hashes)
    }

    fn of_hashes(hashes: &HashSet<u64>) -> Option<Self> {
        if hashes.is_empty() {
            return None;
        }
        let mut found = Vocabulary(vec![0; (hashes.len() * BITS / 8).next_power_of_two().max(8)]);
        for hash in hashes.iter().copied() {
            let places = found.places(hash);
            places.for_each(|at| found.0[at / 8] |= 1 << (at % 8));
        }
        Some(found)
    }

    fn places(&self, hash: u64) -> impl Iterator<Item = usize> + use<> {
        let (bits, apart) = (self.0.len() as u64 * 8, mix(hash) | 1);
        (0..PROBES).map(move |i| (hash.wrapping_add(i.wrapping_mul(apart)) % bits) as usize)
    }

    fn knows(&self, hash: u64) -> bool {
        self.places(hash).all(|at| self.0[at / 8] & (1 << (at % 8)) != 0)
    }

    fn judge(&self, text: &str) -> Option<Unfamiliar> {
        let (mut known, mut all) = (0usize, 0usize);
        words(text, |hash| {
            all += 1;
            known += usize::from(self.knows(hash));
        });
        match (known, all) {
            (_, 0) => unfamiliar("unknown_text", "it has no words; the model knows nothing of it"),
            (0, _) => {
                unfamiliar("unknown_text", "training saw none of its words; the model knows nothing of it")
            }
            _ if 2 * known < all => {
                unfamiliar("partly_known_text", format!("training saw {known} of its {all} words"))
            }
            _ => None,
        }
    }
}

/// What is to be said of a list of neighbours with keys that training did not have.
fn unknown_neighbors(keys: &Vocabulary, list: &str) -> Option<Unfamiliar> {
    let listed = graph::listed(list);
    let strange = listed.iter().filter(|(key, _)| !keys.knows(hash_bytes(key.as_bytes()))).count();
    match (strange, listed.len()) {
        (0, _) => None,
        (n, all) if n == all => unfamiliar(
            "unknown_neighbors",
            "training knew none of the neighbours it lists; they are passed over",
        ),
        (n, all) => unfamiliar(
            "partly_known_neighbors",
            format!("training did not know {n} of the {all} neighbours it lists; they are passed over"),
        ),
    }
}

/// The hashes of the words of a text. Compatible characters (full width, ligatures) are one, as for the steps that cut texts into terms.
fn words(text: &str, mut each: impl FnMut(u64)) {
    let even: Cow<'_, str> = if text.is_ascii() { text.into() } else { text.nfkc().collect() };
    let mut hash = |word: &str| each(hash_bytes(word.to_lowercase().as_bytes()));
    pieces(&even, |piece| match piece {
        Piece::Word(word) => hash(word),
        Piece::Run(_, run) => pairs(run, &mut hash),
    });
}

/// Between which sizes images lay, and in which modes they came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pictures {
    width: [u32; 2],
    height: [u32; 2],
    /// Whether any was in colour, and whether any was grey.
    colour: bool,
    grey: bool,
}

impl Pictures {
    fn of<'a>(cells: impl Iterator<Item = Raw<'a>>) -> Option<Self> {
        let mut found: Option<Pictures> = None;
        for cell in cells {
            let Raw::Image(bytes) = cell else { continue };
            let Ok(picture::Header { width, height, colour }) = picture::header(bytes) else { continue };
            let one = Pictures { width: [width; 2], height: [height; 2], colour, grey: !colour };
            found = Some(match found {
                None => one,
                Some(all) => Pictures {
                    width: wider(all.width, width),
                    height: wider(all.height, height),
                    colour: all.colour || colour,
                    grey: all.grey || !colour,
                },
            });
        }
        found
    }

    fn judge(&self, bytes: &[u8]) -> Option<Unfamiliar> {
        let picture::Header { width, height, colour } = picture::header(bytes).ok()?;
        let inside = |[least, most]: [u32; 2], size: u32| (least..=most).contains(&size);
        if !inside(self.width, width) || !inside(self.height, height) {
            let ([w, wide], [h, high]) = (self.width, self.height);
            let usual = if (w, h) == (wide, high) {
                format!("{w} x {h}")
            } else {
                format!("{w} x {h} to {wide} x {high}")
            };
            let says = format!("the image has {width} x {height} pixels; in training they had {usual}");
            return unfamiliar("other_picture_size", says);
        }
        match colour {
            true if !self.colour => {
                unfamiliar("other_picture_mode", "the image is in colour; in training all were grey")
            }
            false if !self.grey => {
                unfamiliar("other_picture_mode", "the image is grey; in training all were in colour")
            }
            _ => None,
        }
    }
}

fn wider([least, most]: [u32; 2], size: u32) -> [u32; 2] {
    [least.min(size), most.max(size)]
}

/// Between which values series lay, and how far apart their points were.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Levels {
    /// The least and the greatest value.
    values: [f64; 2],
    /// The least and the greatest of the usual distances of neighbours, in microseconds.
    steps: Option<[i64; 2]>,
}

impl Levels {
    fn of<'a>(cells: impl Iterator<Item = (&'a [i64], &'a [f64])>) -> Option<Self> {
        let mut values = [f64::INFINITY, f64::NEG_INFINITY];
        let mut steps: Option<[i64; 2]> = None;
        for (at, (times, points)) in cells.enumerate() {
            values = points.iter().fold(values, |[least, most], x| [least.min(*x), most.max(*x)]);
            // Series that overlap, as those of a forecast do, have the same steps.
            if (at < STEPPED || at % THINNED == 0)
                && let Some(step) = usual_step(times)
            {
                steps = Some(steps.map_or([step; 2], |[a, b]| [a.min(step), b.max(step)]));
            }
        }
        (values[0] <= values[1]).then_some(Levels { values, steps })
    }

    fn judge(&self, times: &[i64], values: &[f64]) -> Option<Unfamiliar> {
        if values.is_empty() {
            return unfamiliar("empty_history", "it has no points; the model knows nothing of it");
        }
        let [least, greatest] = self.values;
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        if mean < least || mean > greatest {
            let says = format!(
                "its mean lies beyond all values of training ({least} to {greatest}): is it in another unit?"
            );
            return unfamiliar("other_history_level", says);
        }
        let ([least, greatest], step) = (self.steps?, usual_step(times)?);
        // Months are not of one length, nor are days where clocks change.
        if (step as f64) < 0.8 * least as f64 || step as f64 > 1.25 * greatest as f64 {
            let says = format!(
                "its points are {} apart; in training they were {}",
                length(step),
                if least == greatest {
                    length(least)
                } else {
                    format!("{} to {}", length(least), length(greatest))
                }
            );
            return unfamiliar("other_history_step", says);
        }
        None
    }
}

/// The middle distance of neighbouring points.
fn usual_step(times: &[i64]) -> Option<i64> {
    let mut gaps: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let middle = gaps.len() / 2;
    (!gaps.is_empty()).then(|| *gaps.select_nth_unstable(middle).1)
}

fn length(micros: i64) -> String {
    let secs = micros as f64 / 1e6;
    let (n, unit) = match secs {
        s if s >= 86_400.0 => (s / 86_400.0, "day"),
        s if s >= 3600.0 => (s / 3600.0, "hour"),
        s if s >= 60.0 => (s / 60.0, "minute"),
        s => (s, "second"),
    };
    let n = (n * 100.0).round() / 100.0;
    format!("{n} {unit}{}", if n == 1.0 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::TimestampMicrosecondArray;

    use super::*;

    #[test]
    fn a_text_is_known_in_part_or_not_at_all() {
        let texts = ["the room was clean", "bad food", "酒店很好"];
        let seen = Vocabulary::of(texts.into_iter().map(Raw::Text)).unwrap();
        let code = |text: &str| seen.judge(text).map(|found| found.code);
        assert_eq!(code("The FOOD was clean"), None);
        assert_eq!(code("quixotic zephyrs"), Some("unknown_text"));
        assert_eq!(code("..."), Some("unknown_text"));
        assert_eq!(code("Ｔｈｅ ｆｏｏｄ"), None, "full width");
        assert_eq!(code("clean quixotic zephyrs abound"), Some("partly_known_text"));
        assert_eq!(code("酒店很贵"), None);
        assert_eq!(code("天气预报"), Some("unknown_text"));
        let again = Vocabulary::try_from(String::from(seen.clone())).unwrap();
        assert_eq!(again, seen);
        assert!(Vocabulary::try_from("AAAA".to_string()).is_err());
    }

    #[test]
    fn times_far_from_those_of_training_are_said() {
        let seen = |times: Vec<Option<i64>>| {
            let mut seen = Seen::default();
            seen.add_times(&(Arc::new(TimestampMicrosecondArray::from(times)) as ArrayRef));
            seen
        };
        let code = |seen: &Seen, at| seen.judge(Raw::Time(at)).map(|found| found.code);
        let odd = Some("outside_training_range");
        let decade = seen(vec![Some(0), None, Some(10 * YEAR)]);
        assert_eq!([-10 * YEAR, 5 * YEAR, 20 * YEAR].map(|at| code(&decade, at)), [None; 3]);
        assert_eq!([-10 * YEAR - 1, 20 * YEAR + 1].map(|at| code(&decade, at)), [odd; 2]);
        // Of a few days the next ones are not far.
        let moment = seen(vec![Some(7)]);
        assert_eq!([7 + YEAR, 8 + YEAR].map(|at| code(&moment, at)), [None, odd]);
        assert_eq!(code(&seen(vec![None]), i64::MAX), None);
    }

    #[test]
    fn few_strange_words_are_taken_for_known_ones() {
        let texts: Vec<String> = (0..5000).map(|i| format!("w{i}")).collect();
        let seen = Vocabulary::of(texts.iter().map(|t| Raw::Text(t))).unwrap();
        assert!(texts.iter().all(|text| seen.judge(text).is_none()));
        let strange = (0..5000).filter(|i| seen.judge(&format!("x{i}")).is_none()).count();
        assert!(strange < 250, "{strange}");
    }

    #[test]
    fn a_history_of_another_kind_is_told() {
        const DAY: i64 = 86_400_000_000;
        let points = |level: f64, step: i64| {
            (0..10).map(|i| (i * step, level + i as f64)).collect::<Vec<(i64, f64)>>()
        };
        let split = |points: &[(i64, f64)]| points.iter().copied().unzip::<_, _, Vec<i64>, Vec<f64>>();
        let training = [split(&points(10.0, DAY)), split(&points(12.0, DAY))];
        let seen = Levels::of(training.iter().map(|(times, values)| (&times[..], &values[..]))).unwrap();
        let code = |points: &[(i64, f64)]| {
            let (times, values) = split(points);
            seen.judge(&times, &values).map(|found| found.code)
        };
        assert_eq!(code(&points(11.0, DAY)), None);
        assert_eq!(code(&[]), Some("empty_history"));
        assert_eq!(code(&points(10_000.0, DAY)), Some("other_history_level"));
        assert_eq!(code(&points(11.0, DAY / 24)), Some("other_history_step"));
    }

    #[test]
    fn a_zone_that_training_lacked_is_told() {
        let seen = Seen::of_times(
            ["2024-01-01T10:00:00+01:00", "2024-07-01T10:00:00+02:00", "2024-01-01"].into_iter(),
        );
        let code = |text: &str| seen.judge_written(Raw::Text(text)).map(|found| found.code);
        assert_eq!(code("2024-01-01 10:00+0100"), None);
        assert_eq!(code("2024-01-01"), None);
        assert_eq!(code("2024-01-01T10:00:00+09:00"), Some("other_time_zone"));
        assert_eq!(code("2024-01-01T10:00:00Z"), Some("other_time_zone"));
        assert_eq!(code("2024-01-01T10:00:00"), Some("other_time_zone"));
        assert!(Seen::of_times(["2024-01-01"].into_iter()).is_empty());
    }
}
