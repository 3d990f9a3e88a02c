//! At most 32,768 rows of the sample as typed values: what fences, associations, near-duplicates and drift are found on.

use hashbrown::HashMap;
use rayon::prelude::*;
use tidemill_core::{Context, Kind, Result};
use tidemill_kernel::sketch::hash_bytes;

use crate::cell::{RawColumn, Read, Reader};
use crate::infer::Sample;
use crate::plan::{InferredSchema, is_readable, is_vector};

/// The most rows.
const ROWS: usize = 32_768;
/// The code of a missing name.
pub const NONE: u32 = u32::MAX;

/// The values of one column.
pub(super) enum Values {
    /// `NaN` where missing; a flag is 0 or 1, a time in seconds.
    Numbers(Vec<f64>),
    /// [`NONE`] where missing; codes in the order in which names first come.
    Codes { codes: Vec<u32>, names: Vec<String> },
    /// Hashes of texts; 0 where missing.
    Texts(Vec<u64>),
    /// Of a kind that is not read.
    Unread,
}

pub(super) struct Thin {
    pub(super) columns: Vec<Values>,
    /// The rows within the source, from 1.
    pub(super) rows: Vec<u64>,
}

impl Thin {
    pub(super) fn of(plan: &InferredSchema, sample: &Sample, context: &Context) -> Result<Self> {
        let n = sample.rows.n_rows();
        let step = n.div_ceil(ROWS).max(1);
        let kept: Vec<usize> = (0..n).step_by(step).collect();
        let columns = (0..plan.columns.len()).into_par_iter().map(|place| {
            context.check()?;
            read(plan, sample, place, &kept)
        });
        let columns = columns.collect::<Result<_>>()?;
        let rows = kept.iter().map(|&row| (row * sample.stride) as u64 + 1).collect();
        Ok(Thin { columns, rows })
    }

    pub(super) fn n_rows(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn numbers(&self, place: usize) -> Option<&[f64]> {
        if let Values::Numbers(numbers) = &self.columns[place] { Some(numbers) } else { None }
    }

    /// The mean of the finite numbers; 0 where there are none.
    pub(super) fn mean(&self, place: usize) -> f64 {
        let finite = self.numbers(place).unwrap_or_default().iter().filter(|x| x.is_finite());
        let (sum, n) = finite.fold((0.0, 0.0), |(sum, n), x| (sum + x, n + 1.0));
        let mean: f64 = sum / n;
        if mean.is_finite() { mean } else { 0.0 }
    }

    /// How many values of each column are missing.
    pub(super) fn missing_counts(&self) -> Vec<usize> {
        let count = |values: &Values| match values {
            Values::Numbers(x) => x.iter().filter(|x| x.is_nan()).count(),
            Values::Codes { codes, .. } => codes.iter().filter(|&&c| c == NONE).count(),
            Values::Texts(hashes) => hashes.iter().filter(|&&h| h == 0).count(),
            Values::Unread => 0,
        };
        self.columns.iter().map(count).collect()
    }
}

fn read(plan: &InferredSchema, sample: &Sample, place: usize, kept: &[usize]) -> Result<Values> {
    let column = &plan.columns[place];
    let raw = sample.rows.schema().columns()[place].kind;
    if !is_readable(raw) || is_vector(raw) || is_vector(plan.columns[place].kind) {
        return Ok(Values::Unread);
    }
    let reader = Reader::new(plan, column);
    let raw = RawColumn::of(&sample.rows, place)?;
    let cells = kept.iter().map(|&row| raw.cell(row));
    let value = |read: Read<f64>| if let Read::Value(x) = read { x } else { f64::NAN };
    Ok(match column.kind {
        Kind::Number => Values::Numbers(cells.map(|c| value(reader.number(c))).collect()),
        Kind::Flag => Values::Numbers(
            cells.map(|c| value(reader.flag(c).map(|yes| f64::from(u8::from(yes))))).collect(),
        ),
        Kind::Time => {
            Values::Numbers(cells.map(|c| value(reader.time(c).map(|at| at as f64 / 1e6))).collect())
        }
        Kind::Category => {
            let (mut places, mut names) = (HashMap::new(), Vec::new());
            let mut code = |name: &str| match places.get(name) {
                Some(&code) => code,
                None => {
                    let code = names.len() as u32;
                    places.insert(name.to_string(), code);
                    names.push(name.to_string());
                    code
                }
            };
            let codes = cells.map(|c| reader.name(c).map_or(NONE, |name| code(&name))).collect();
            Values::Codes { codes, names }
        }
        _ => Values::Texts(
            cells.map(|c| reader.text(c).map_or(0, |text| hash_bytes(text.as_bytes()).max(1))).collect(),
        ),
    })
}
