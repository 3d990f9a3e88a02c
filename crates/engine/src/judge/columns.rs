//! Profiles of the columns of the training rows.

use std::collections::BTreeMap;

use arrow_array::Array;
use tidemill_core::{Batch, Kind, Result, Role};
use tidemill_report::{Bin, Histogram};

/// Beyond so many columns nobody looks at pictures: the table has them all.
const MOST: usize = 100;

/// How many values of a category are shown.
const NAMES: usize = 5;

/// What a column of the training rows looks like.
pub struct Picture {
    /// Its name.
    pub name: String,
    /// What its values are.
    pub kind: Kind,
    /// The share of rows without a value.
    pub missing: f64,
    /// Figures about it.
    pub facts: Vec<Fact>,
    /// How its values are distributed.
    pub shape: Shape,
}

/// A figure about a column.
pub enum Fact {
    /// The median.
    Median(f64),
    /// The least and the greatest value.
    Range(f64, f64),
    /// How many different values.
    Distinct(usize),
}

/// How the values of a column are distributed.
pub enum Shape {
    /// A histogram; of timestamps when the second is true.
    Bins(Vec<Bin>, bool),
    /// The most frequent names with their counts.
    Names(Vec<(String, f64)>),
    /// Nothing that can be drawn.
    None,
}

/// The pictures of the columns that a model learns from or predicts.
pub(super) fn pictures(rows: &Batch) -> Result<Vec<Picture>> {
    let shown = rows.schema().places(|c| matches!(c.role, Role::Feature | Role::Target | Role::Time));
    shown.into_iter().take(MOST).map(|at| picture(rows, at)).collect()
}

fn picture(rows: &Batch, at: usize) -> Result<Picture> {
    let column = &rows.schema().columns()[at];
    let array = rows.column(at);
    let (facts, shape) = match column.kind {
        Kind::Number => numbers(&rows.numbers(at)?.iter().flatten().collect::<Vec<f64>>()),
        Kind::Time => {
            let times: Vec<f64> = rows.times(at)?.iter().flatten().map(|t| t as f64).collect();
            (Vec::new(), Shape::Bins(Histogram::bins(times.iter().copied(), 16), true))
        }
        Kind::Flag => {
            let flags = rows.flags(at)?;
            let counted = flags.iter().flatten().fold([0.0; 2], |[no, yes], flag| match flag {
                true => [no, yes + 1.0],
                false => [no + 1.0, yes],
            });
            (Vec::new(), Shape::Names(vec![("true".into(), counted[1]), ("false".into(), counted[0])]))
        }
        Kind::Category => categories(rows, at)?,
        _ => (Vec::new(), Shape::None),
    };
    Ok(Picture {
        name: column.name.clone(),
        kind: column.kind,
        missing: array.null_count() as f64 / rows.n_rows().max(1) as f64,
        facts,
        shape,
    })
}

type Seen = (Vec<Fact>, Shape);

fn numbers(values: &[f64]) -> Seen {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let (Some(first), Some(last)) = (sorted.first(), sorted.last()) else { return (Vec::new(), Shape::None) };
    let facts = vec![Fact::Median(sorted[sorted.len() / 2]), Fact::Range(*first, *last)];
    (facts, Shape::Bins(Histogram::bins(sorted.iter().copied(), 16), false))
}

fn categories(rows: &Batch, at: usize) -> Result<Seen> {
    let names = rows.schema().columns()[at].categories()?;
    let mut counts: BTreeMap<u32, f64> = BTreeMap::new();
    for code in rows.codes(at)?.iter().flatten() {
        *counts.entry(code).or_insert(0.0) += 1.0;
    }
    let distinct = counts.len();
    let mut found: Vec<(u32, f64)> = counts.into_iter().collect();
    found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let shown = found.into_iter().take(NAMES);
    let shown = shown.map(|(code, n)| (names.name(code).to_string(), n)).collect();
    Ok((vec![Fact::Distinct(distinct)], Shape::Names(shown)))
}
