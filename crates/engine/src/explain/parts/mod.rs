//! What each word of a text and each patch of a picture adds: Owen values, with the words of a text and the patches of a picture as
//! groups within the groups of columns.
//!
//! An absent word is removed, so that a text without any is empty. An absent patch is that of the mean image of the background. The value of
//! a column is the sum of its parts.

mod patches;
mod words;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BinaryArray, StringArray};
use rayon::prelude::*;
use tidemill_core::{Batch, Context, Error, Fitted, Kind, Result};
use tidemill_eval::explain::{
    Game, Group, LimeSettings, ShapEstimate, ShapValues, lime_parts, means, partition_shap,
};
use tidemill_kernel::picture::Picture;

use super::answering::Answering;
use super::explained::{CellParts, Part, PartsOf};
use super::sampled::{BACKGROUND, GROUPED, warn_undivided};
use super::values::Found;
use super::{LocalFit, Method, evenly, features};
use crate::error::EngineError;
use patches::Patches;

/// Rows that the model is asked about at a time, and about how many bytes they may take.
const ASKED: usize = 4096;
const BYTES: usize = 64 << 20;
/// The most parts of a row of which LIME makes a linear model.
const MOST_PLAYERS: usize = 1000;

/// Whether a model reads columns that have parts.
pub(super) fn are_there(rows: &Batch) -> bool {
    let columns = rows.schema().columns();
    features(rows).into_iter().any(|at| matches!(columns[at].kind, Kind::Text | Kind::Image))
}

/// What the rows share.
struct Parts<'a> {
    answering: Answering,
    rows: &'a Batch,
    usual: Batch,
    /// The columns that the model may go by.
    places: Vec<usize>,
    /// The mean picture of each of them that is one.
    means: Vec<Option<Picture>>,
    n_outputs: usize,
}

/// The Owen values of the answers themselves; `groups` are those of the columns.
pub(super) fn values(
    groups: &Group,
    steps: &[Arc<dyn Fitted>],
    rows: &Batch,
    usual: &Batch,
    context: &Context,
) -> Result<Found> {
    let parts = Parts::new(steps, rows, &evenly(usual, BACKGROUND)?)?;
    let of_row = |row: usize| {
        context.check()?;
        let game = RowParts::new(&parts, row)?;
        let found = partition_shap(&game, &game.within(groups), GROUPED, context)?;
        let of = |output: usize| found.of(output);
        Ok(OfRow { sums: game.sums(of), told: game.told(of), found })
    };
    let found = (0..rows.n_rows()).into_par_iter().map(of_row).collect::<Result<Vec<_>>>()?;
    let base = found.first().map(|first| first.found.base.clone()).unwrap_or_default();
    let (k, p) = (parts.n_outputs, parts.places.len());
    let mut shap = ShapValues::zeros(found.len(), base, p);
    for (row, of_row) in found.iter().enumerate() {
        let sums = of_row.sums.chunks_exact(p);
        (0..k).zip(sums).for_each(|(output, sums)| shap.of_mut(row, output).copy_from_slice(sums));
    }
    warn_undivided(found.iter().any(|of_row| !of_row.found.converged), context);
    let columns = parts.places.iter().map(|at| rows.schema().columns()[*at].name.clone()).collect();
    let units = parts.answering.units(rows)?;
    let told = found.into_iter().map(|of_row| of_row.told).collect();
    Ok(Found { parts: told, ..Found::shap(Method::PartitionShap, units, columns, shap, None) })
}

/// The local model of each row over its parts (LIME): what the answer gains where each is there.
pub(super) fn local(
    steps: &[Arc<dyn Fitted>],
    rows: &Batch,
    usual: &Batch,
    settings: LimeSettings,
    context: &Context,
) -> Result<Found> {
    let parts = Parts::new(steps, rows, &evenly(usual, BACKGROUND)?)?;
    let of_row = |row: usize| {
        context.check()?;
        let game = RowParts::new(&parts, row)?;
        check_players(game.n_players())?;
        let models = lime_parts(&game, settings, &context.with_stream(&format!("explain {row}")))?;
        let of = |output: usize| models[output].coefficients.as_slice();
        // Spreads of what is summed, as if one had nothing to do with another.
        let squares: Vec<Vec<f64>> =
            models.iter().map(|model| model.spreads.iter().map(|x| x * x).collect()).collect();
        let squares = game.sums(|output: usize| squares[output].as_slice());
        Ok(LocalRow {
            sums: game.sums(of),
            spreads: squares.into_iter().map(f64::sqrt).collect(),
            told: game.told(of),
            fits: models.iter().map(LocalFit::of).collect(),
        })
    };
    let found = (0..rows.n_rows()).into_par_iter().map(of_row).collect::<Result<Vec<_>>>()?;
    let (k, p) = (parts.n_outputs, parts.places.len());
    let mut shap = ShapValues::zeros(found.len(), vec![0.0; k], p);
    for (row, of_row) in found.iter().enumerate() {
        let sums = of_row.sums.chunks_exact(p);
        (0..k).zip(sums).for_each(|(output, sums)| shap.of_mut(row, output).copy_from_slice(sums));
    }
    let errors = found.iter().flat_map(|of_row| of_row.spreads.iter().copied()).collect();
    let columns = parts.places.iter().map(|at| rows.schema().columns()[*at].name.clone()).collect();
    let units = parts.answering.units(rows)?;
    let (local, told) = found.into_iter().map(|of_row| (of_row.fits, of_row.told)).unzip();
    Ok(Found { local, parts: told, ..Found::shap(Method::Lime, units, columns, shap, Some(errors)) })
}

/// What was found of the local models of a row.
struct LocalRow {
    sums: Vec<f64>,
    spreads: Vec<f64>,
    told: Vec<CellParts>,
    fits: Vec<LocalFit>,
}

/// A local model weighs every two parts together.
fn check_players(n: usize) -> Result<()> {
    if n <= MOST_PLAYERS {
        return Ok(());
    }
    let problem = format!("a row has {n} words, patches and columns, and lime takes {MOST_PLAYERS} at most");
    Err(EngineError::usage(problem, "use --method partition_shap, which divides the strongest phrases")
        .into())
}

/// What was found of a row.
struct OfRow {
    found: ShapEstimate,
    /// By output: the sum of the parts of each column.
    sums: Vec<f64>,
    told: Vec<CellParts>,
}

impl<'a> Parts<'a> {
    fn new(steps: &[Arc<dyn Fitted>], rows: &'a Batch, usual: &Batch) -> Result<Self> {
        if usual.n_rows() == 0 {
            return Err(tidemill_eval::Error::EmptyBackground.into());
        }
        let answering = Answering::new(steps, rows.schema());
        let places = features(rows);
        let columns = rows.schema().columns();
        let mean = |at: &usize| match columns[*at].kind {
            Kind::Image => Ok(patches::mean(usual.images(*at)?)),
            _ => Ok(None),
        };
        // Where nothing but texts and pictures is varied, all usual rows are one.
        let alone = places.iter().all(|at| matches!(columns[*at].kind, Kind::Text | Kind::Image));
        Ok(Parts {
            n_outputs: answering.n_outputs(rows)?,
            usual: if alone { usual.slice(0, usual.n_rows().min(1)) } else { usual.clone() },
            means: places.iter().map(mean).collect::<Result<_>>()?,
            answering,
            rows,
            places,
        })
    }
}

/// The cell of a column, and what of it can be known by itself.
enum Pieces {
    /// All or nothing: as in the row, or as in each usual one.
    Whole,
    /// The words of a text; a missing one counts as a single word.
    Words(Option<String>, Vec<Range<usize>>),
    Patches(Box<Patches>),
}

/// The game of the parts of one row.
struct RowParts<'a> {
    parts: &'a Parts<'a>,
    pieces: Vec<Pieces>,
    /// The first player of each column, and how many there are.
    starts: Vec<usize>,
    /// The row, then the usual ones.
    rows: Batch,
    /// Coalitions that are asked about at a time.
    together: usize,
}

impl<'a> RowParts<'a> {
    fn new(parts: &'a Parts<'a>, row: usize) -> Result<Self> {
        let own = parts.rows.slice(row, 1);
        let piece = |(&at, mean): (&usize, &Option<Picture>)| match own.schema().columns()[at].kind {
            Kind::Text => {
                let texts = own.texts(at)?;
                let text = texts.is_valid(0).then(|| texts.value(0).to_string());
                let spans = text.as_deref().map_or_else(|| std::iter::once(0..0).collect(), words::spans);
                Ok(Pieces::Words(text, spans))
            }
            Kind::Image => {
                let images = own.images(at)?;
                let bytes = images.is_valid(0).then(|| images.value(0));
                Ok(Pieces::Patches(Box::new(Patches::new(bytes, mean.as_ref()))))
            }
            _ => Ok(Pieces::Whole),
        };
        let pieces = parts.places.iter().zip(&parts.means).map(piece).collect::<Result<Vec<_>>>()?;
        let mut starts = vec![0];
        for piece in &pieces {
            starts.push(starts[starts.len() - 1] + piece.len());
        }
        let rows = Batch::concat(own.schema(), &[own.clone(), parts.usual.clone()])?;
        let bytes = |rows: &Batch| rows.columns().iter().map(|c| c.get_array_memory_size()).sum::<usize>();
        let of_pieces = pieces.iter().map(Pieces::bytes).sum::<usize>();
        let of_row = bytes(&rows.take(&[0])?) + bytes(&rows) / rows.n_rows() + of_pieces;
        let most = (BYTES / of_row.max(1)).clamp(1, ASKED);
        Ok(RowParts { together: (most / parts.usual.n_rows()).max(1), parts, pieces, starts, rows })
    }

    /// The groups of the columns, with those of their parts within.
    fn within(&self, groups: &Group) -> Group {
        match groups {
            Group::Player(column) => self.pieces[*column].group(self.starts[*column]),
            Group::Pair(parts) => Group::Pair(Box::new(parts.each_ref().map(|part| self.within(part)))),
        }
    }

    /// The rows of some coalitions: for each, one per usual row.
    fn mixed(&self, coalitions: &[bool]) -> Result<Batch> {
        let (p, m) = (self.n_players(), self.rows.n_rows() - 1);
        let n_rows = coalitions.len() / p.max(1) * m;
        let mut columns = vec![None; self.rows.schema().len()];
        for (column, piece) in self.pieces.iter().enumerate() {
            let (place, players) = (self.parts.places[column], self.starts[column]..self.starts[column + 1]);
            let known = coalitions.chunks_exact(p).map(|coalition| &coalition[players.clone()]);
            columns[place] = Some(match piece {
                Pieces::Whole => {
                    let from = known.flat_map(|known| {
                        let own = known[0];
                        (1..=m as u32).map(move |at| if own { 0 } else { at })
                    });
                    let one = self.rows.select(&[place])?;
                    one.take(&from.collect::<Vec<_>>())?.column(0).clone()
                }
                Pieces::Words(text, spans) => {
                    let texts = known.map(|known| with_words(text.as_deref(), spans, known));
                    let texts = texts.flat_map(|text| std::iter::repeat_n(text, m));
                    Arc::new(texts.collect::<StringArray>()) as ArrayRef
                }
                Pieces::Patches(patches) => {
                    let pictures = known.map(|known| patches.with(known));
                    let pictures = pictures.flat_map(|picture| std::iter::repeat_n(picture, m));
                    Arc::new(pictures.collect::<BinaryArray>()) as ArrayRef
                }
            });
        }
        // What the model does not go by stays that of the row.
        let held: Vec<usize> = (0..columns.len()).filter(|place| columns[*place].is_none()).collect();
        let own = self.rows.select(&held)?.take(&vec![0; n_rows])?;
        held.iter().zip(own.columns()).for_each(|(&place, column)| columns[place] = Some(column.clone()));
        let columns = columns.into_iter().flatten().collect();
        Batch::with_rows(self.rows.schema().clone(), columns, n_rows)
    }

    /// By output, the sum of the parts of each column.
    fn sums<'b>(&self, of: impl Fn(usize) -> &'b [f64]) -> Vec<f64> {
        let of_output = |output: usize| {
            let values = of(output);
            self.starts.windows(2).map(move |ends| values[ends[0]..ends[1]].iter().sum::<f64>())
        };
        (0..self.parts.n_outputs).flat_map(of_output).collect()
    }

    /// What was found of the parts of texts and pictures.
    fn told<'b>(&self, of: impl Fn(usize) -> &'b [f64]) -> Vec<CellParts> {
        let with_parts = self.pieces.iter().enumerate().filter_map(|(column, piece)| {
            let players = self.starts[column]..self.starts[column + 1];
            let (parts, picture) = match piece {
                Pieces::Words(Some(text), spans) => {
                    (spans.iter().map(|span| Part::Word(text[span.clone()].into())).collect(), None)
                }
                Pieces::Patches(patches) => {
                    let areas: Option<Vec<_>> =
                        (0..patches.len()).map(|at| patches.area(at).map(Part::Patch)).collect();
                    (areas?, patches.picture().cloned().map(Arc::new))
                }
                _ => return None,
            };
            let values = (0..self.parts.n_outputs).map(|output| of(output)[players.clone()].to_vec());
            let name = &self.parts.rows.schema().columns()[self.parts.places[column]].name;
            let (column, what) = (name.clone(), PartsOf::Added);
            Some(CellParts { column, what, parts, values: values.collect(), picture })
        });
        with_parts.collect()
    }
}

impl Pieces {
    fn len(&self) -> usize {
        match self {
            Pieces::Whole => 1,
            Pieces::Words(_, spans) => spans.len(),
            Pieces::Patches(patches) => patches.len(),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Pieces::Patches(patches) => patches.picture().map_or(0, |picture| picture.pixels.len()),
            _ => 0,
        }
    }

    fn group(&self, first: usize) -> Group {
        match self {
            Pieces::Words(Some(text), spans) => words::group(text, spans, first),
            Pieces::Patches(patches) => patches.group(first),
            _ => Group::Player(first),
        }
    }
}

/// A text of which these words are known; `None` for a missing one.
fn with_words<'a>(text: Option<&'a str>, spans: &[Range<usize>], known: &[bool]) -> Option<Cow<'a, str>> {
    let Some(text) = text else { return (!known[0]).then_some(Cow::Borrowed("")) };
    if known.iter().all(|known| *known) {
        return Some(Cow::Borrowed(text));
    }
    let kept = spans.iter().zip(known).filter(|(_, known)| **known);
    Some(Cow::Owned(kept.map(|(span, _)| &text[span.clone()]).collect()))
}

impl Game for RowParts<'_> {
    type Error = Error;

    fn n_players(&self) -> usize {
        self.starts[self.starts.len() - 1]
    }

    fn n_outputs(&self) -> usize {
        self.parts.n_outputs
    }

    fn values(&self, coalitions: &[bool]) -> Result<Vec<f64>> {
        let m = self.rows.n_rows() - 1;
        let some = |coalitions: &[bool]| {
            let answers = self.parts.answering.answers(&self.mixed(coalitions)?)?;
            Ok(means(&answers, m, self.parts.n_outputs))
        };
        let parts = coalitions.par_chunks((self.n_players() * self.together).max(1));
        Ok(parts.map(some).collect::<Result<Vec<_>>>()?.concat())
    }
}

#[cfg(test)]
mod tests {
    use super::with_words;

    #[test]
    fn words_that_are_not_known_are_left_out() {
        let spans = [0..4, 4..8, 8..11];
        let told = |known: [bool; 3]| with_words(Some("not bad yet"), &spans, &known).unwrap();
        assert_eq!(told([true, false, true]), "not yet");
        assert_eq!(told([false; 3]), "");
        assert_eq!(
            (with_words(None, &[], &[true]), with_words(None, &[], &[false])),
            (None, Some("".into()))
        );
    }
}
