//! A small picture of each column of the training rows.

use std::collections::BTreeMap;

use arrow_array::Array;
use tidemill_core::{Batch, Kind, Result, Role};
use tidemill_report::{Bar, BarChart, Bin, Card, Chart, Figure, Histogram, Scale, Text, number};

use super::verdict::named;
use super::{W, cut};

/// Beyond so many columns nobody looks at pictures: the table has them all.
const MOST: usize = 100;
/// How many values of a category are shown.
const NAMES: usize = 5;

/// What a column of the training rows looks like.
pub(super) struct Picture {
    name: String,
    kind: Kind,
    missing: f64,
    facts: Vec<(&'static str, String)>,
    shape: Shape,
}

enum Shape {
    Bins(Vec<Bin>, bool),
    Names(Vec<(String, f64)>),
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

type Seen = (Vec<(&'static str, String)>, Shape);

fn numbers(values: &[f64]) -> Seen {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let (Some(first), Some(last)) = (sorted.first(), sorted.last()) else { return (Vec::new(), Shape::None) };
    let facts = vec![
        (W.middle, number::bare(sorted[sorted.len() / 2])),
        (W.range, format!("{} – {}", number::bare(*first), number::bare(*last))),
    ];
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
    Ok((vec![(W.distinct, number::count(distinct as f64))], Shape::Names(shown)))
}

/// A card for each picture.
pub(super) fn cards(pictures: &[Picture]) -> Vec<Card> {
    pictures.iter().map(card).collect()
}

fn card(picture: &Picture) -> Card {
    let axis = cut(&picture.name, 30);
    let chart: Option<Box<dyn Chart>> = match &picture.shape {
        Shape::Bins(bins, time) => Some(Box::new(Histogram {
            title: picture.name.clone(),
            x: if *time { Scale::time(axis) } else { Scale::number(axis) },
            y_name: W.rows.into(),
            bins: bins.clone(),
            mark: None,
            small: true,
        })),
        Shape::Names(names) if !names.is_empty() => {
            let mut chart = BarChart::new(picture.name.clone(), Scale::number(W.rows), axis);
            chart.bars = names
                .iter()
                .map(|(name, n)| Bar { label: Some(number::count(*n)), ..Bar::new(cut(name, 60), *n) })
                .collect();
            Some(Box::new(chart))
        }
        _ => None,
    };
    let missing = (W.missing, number::percent(picture.missing));
    let facts = std::iter::once(&missing).chain(&picture.facts);
    Card {
        title: named(&picture.name),
        label: Text::plain(picture.kind.word()),
        facts: facts.map(|(what, value)| (Text::plain(*what), Text::plain(value))).collect(),
        figure: chart.map(|chart| Figure::card(&*chart)),
        findings: Vec::new(),
    }
}
