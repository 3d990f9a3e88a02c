//! A small picture of each column of the training rows.

use tidemill_report::{Bar, BarChart, Card, Chart, Figure, Histogram, Scale, Text, number};

use super::verdict::named;
use super::{W, cut};
use crate::judge::{Fact, Picture, Shape};

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
    let facts = std::iter::once(missing).chain(picture.facts.iter().map(fact));
    Card {
        title: named(&picture.name),
        label: Text::plain(picture.kind.word()),
        facts: facts.map(|(what, value)| (Text::plain(what), Text::plain(value))).collect(),
        figure: chart.map(|chart| Figure::card(&*chart)),
        findings: Vec::new(),
    }
}

fn fact(fact: &Fact) -> (&'static str, String) {
    match *fact {
        Fact::Median(x) => (W.middle, number::bare(x)),
        Fact::Range(low, high) => (W.range, format!("{} – {}", number::bare(low), number::bare(high))),
        Fact::Distinct(n) => (W.distinct, number::count(n as f64)),
    }
}
