//! A small chart of each column of the training rows.

use tidemill_report::{Bar, BarChart, Card, Chart, Figure, Histogram, Scale, Text, number};

use super::verdict::named;
use super::{Words, cut};
use crate::judge::{Fact, Picture, Shape};

/// A card for each picture.
pub(super) fn cards(words: &'static Words, pictures: &[Picture]) -> Vec<Card> {
    pictures.iter().map(|picture| card(words, picture)).collect()
}

fn card(words: &'static Words, picture: &Picture) -> Card {
    let axis = cut(&picture.name, 30);
    let chart: Option<Box<dyn Chart>> = match &picture.shape {
        Shape::Bins(bins, time) => Some(Box::new(Histogram {
            title: picture.name.clone(),
            x: if *time { Scale::time(axis) } else { Scale::number(axis) },
            y_name: words.rows.into(),
            bins: bins.clone(),
            mark: None,
            small: true,
        })),
        Shape::Names(names) if !names.is_empty() => {
            let mut chart = BarChart::new(picture.name.clone(), Scale::number(words.rows), axis);
            chart.bars = names
                .iter()
                .map(|(name, n)| Bar { label: Some(number::count(*n)), ..Bar::new(cut(name, 60), *n) })
                .collect();
            Some(Box::new(chart))
        }
        _ => None,
    };
    let missing = (words.missing, number::percent(picture.missing));
    let facts = std::iter::once(missing).chain(picture.facts.iter().map(|known| fact(words, known)));
    Card {
        title: named(&picture.name),
        label: Text::plain(words.kind(picture.kind.word())),
        facts: facts.map(|(what, value)| (Text::plain(what), Text::plain(value))).collect(),
        figure: chart.map(|chart| Figure::card(words, &*chart)),
        findings: Vec::new(),
    }
}

fn fact(words: &'static Words, fact: &Fact) -> (&'static str, String) {
    match *fact {
        Fact::Median(x) => (words.middle, number::bare(x)),
        Fact::Range(low, high) => (words.range, format!("{} – {}", number::bare(low), number::bare(high))),
        Fact::Distinct(n) => (words.distinct, number::count(n as f64)),
    }
}
