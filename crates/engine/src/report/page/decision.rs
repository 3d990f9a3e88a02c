//! Calibration of the probabilities, and the threshold of the positive class.

use tidemill_core::recipe::Calibration;
use tidemill_report::{
    Align, Block, Cell, Figure, Finding, Level, LineChart, Point, Scale, Section, Series, Spot, Table, Text,
    Tile, number,
};

use super::{Subject, Words, cut, fill, name, plain, strong};
use crate::facts::Outcome;
use crate::format::capital;
use crate::report::text::rare::{purpose, short_count};
use crate::search::{Calibrated, Decided, Reliability};

/// Empty where no probabilities were given.
pub(super) fn section(subject: &Subject<'_>, outcome: &Outcome) -> Section {
    let words = subject.words;
    let section = Section::new("decision", words.decision);
    if outcome.target.classes.is_empty() {
        return section;
    }
    let binary = outcome.target.classes.len() == 2;
    let mut tiles = Vec::new();
    let mut figures = Vec::new();
    let mut text = match &outcome.calibration {
        Some(calibrated) => {
            tiles.push(loss_tile(words, calibrated));
            figures.extend(calibrated.reliability.as_ref().map(|r| reliability(words, r, binary)));
            let helped = calibrated.after < calibrated.before;
            let sentence = if helped { words.calibrated } else { words.calibrated_asked };
            fill(sentence, &[("method", strong(method(words, calibrated.method)))])
        }
        None => Text::plain(words.uncalibrated),
    };
    if binary {
        let class = outcome.target.classes.last().map_or("", String::as_str);
        text = text.then(Text::plain(words.gap)).then(said(subject, outcome.decision.as_ref(), class));
    }
    if let Some(decided) = &outcome.decision {
        tiles.extend(decision_tiles(subject, decided));
        figures.extend(tried(subject, decided));
    }
    let mut section = section.lead(words.decision_lead).with(Block::Text(text));
    if !tiles.is_empty() {
        section = section.with(Block::Tiles(tiles));
    }
    if !figures.is_empty() {
        section = section.with(Block::Figures(figures));
    }
    if outcome.operating_points.is_empty() {
        section
    } else {
        section.with(Block::Table(operating_points(words, outcome)))
    }
}

/// Where positives are rare: how many each threshold finds, and at what price.
fn operating_points(words: &'static Words, outcome: &Outcome) -> Table {
    let head = [
        (words.operating_what, Align::Left),
        (words.threshold, Align::Right),
        (words.operating_found, Align::Right),
        (words.operating_of, Align::Right),
        (words.operating_alarms, Align::Right),
        (words.operating_flag, Align::Left),
    ];
    let mut table = Table::new(words.operating_caption, &head);
    let points = outcome.operating_points.iter();
    table.rows = points
        .map(|point| {
            let counts = [point.found, point.positives, point.false_alarms].map(short_count);
            let [found, positives, alarms] = counts.map(Cell::from);
            let threshold = number::short(point.threshold).into();
            vec![
                purpose(words, point.what).into(),
                threshold,
                found,
                positives,
                alarms,
                point.flag.clone().into(),
            ]
        })
        .collect();
    table
}

/// What to know of the figures where the threshold was chosen for something else than being right often.
pub(super) fn moved(subject: &Subject<'_>, outcome: &Outcome) -> Option<Finding> {
    let words = subject.words;
    let decided = outcome.decision.as_ref().filter(|d| d.threshold != 0.5 && d.by != "accuracy")?;
    let class = outcome.target.classes.last().map_or("", String::as_str);
    let text = said(subject, Some(decided), class).then(Text::plain(words.decision_moved));
    Some(Finding::new(Level::Note, text).chip(words.chip_decision))
}

fn method(words: &'static Words, method: Calibration) -> &'static str {
    match method {
        Calibration::None => words.calibration_none,
        Calibration::Temperature => words.calibration_temperature,
        Calibration::Platt => words.calibration_platt,
        Calibration::Isotonic => words.calibration_isotonic,
    }
}

fn loss_tile(words: &'static Words, calibrated: &Calibrated) -> Tile {
    Tile {
        name: Text::plain(words.log_loss_calibrated),
        value: number::short(calibrated.after),
        aside: fill(
            words.aside,
            &[("name", plain(words.without_calibration)), ("value", plain(number::short(calibrated.before)))],
        ),
    }
}

/// From where on the positive class is predicted, and why.
fn said(subject: &Subject<'_>, decided: Option<&Decided>, class: &str) -> Text {
    let words = subject.words;
    let class = ("class", name(cut(class, 60)));
    let Some(decided) = decided else { return fill(words.decided_half, &[class]) };
    let at = ("at", strong(number::short(decided.threshold)));
    match (decided.cost, decided.by.as_str()) {
        (Some(cost), _) => {
            let [alarm, miss] = [cost.false_positive, cost.false_negative].map(|c| plain(number::bare(c)));
            fill(words.decided_cost, &[class, at, ("alarm", alarm), ("miss", miss)])
        }
        (None, "given") => fill(words.decided_given, &[class, at]),
        (None, _) => fill(words.decided_metric, &[class, at, ("metric", plain(by(subject, decided)))]),
    }
}

/// What a threshold was chosen by, within a sentence.
fn by(subject: &Subject<'_>, decided: &Decided) -> String {
    let words = subject.words;
    match decided.by.as_str() {
        "cost" => words.cost.into(),
        metric => super::subject::title_of(subject, metric),
    }
}

fn decision_tiles(subject: &Subject<'_>, decided: &Decided) -> Vec<Tile> {
    let words = subject.words;
    let threshold = Tile {
        name: Text::plain(words.threshold),
        value: number::short(decided.threshold),
        aside: Text::plain(words.threshold_aside),
    };
    let score = decided.score.map(|score| Tile {
        name: Text::plain(capital(&by(subject, decided))),
        value: number::short(score),
        aside: decided.at_half.map_or_else(Text::default, |half| {
            fill(words.aside, &[("name", plain(words.from_half)), ("value", plain(number::short(half)))])
        }),
    });
    std::iter::once(threshold).chain(score).collect()
}

/// How often each probability came true, before and after calibration.
fn reliability(words: &'static Words, found: &Reliability, binary: bool) -> Figure {
    let x = Scale::share(if binary { words.calibration_x } else { words.confidence_x });
    let y = Scale::share(if binary { words.calibration_y } else { words.confidence_y });
    let line = |name: &str, curve: &tidemill_eval::curves::Calibration| {
        let points = curve.predicted.iter().zip(&curve.observed).map(|(x, y)| Point::new(*x, *y));
        Series::new(name, points.collect()).with_dots()
    };
    let chart = LineChart::new(words.reliability, x, y)
        .against(words.perfect, [0.0, 0.0], [1.0, 1.0])
        .with(line(words.calibrated_after, &found.after))
        .with(line(words.calibrated_before, &found.before));
    let [before, after] = [&found.before, &found.after].map(|c| plain(number::percent(c.expected_error)));
    Figure::half(words, &chart).note(fill(words.reliability_note, &[("before", before), ("after", after)]))
}

/// What the metric or cost comes to, by threshold; `None` where one was given.
fn tried(subject: &Subject<'_>, decided: &Decided) -> Option<Figure> {
    let words = subject.words;
    let score = decided.score?;
    let name = by(subject, decided);
    let greater = tidemill_eval::metric(&decided.by).is_ok_and(|m| m.greater_is_better);
    let y = Scale::number(subject.axis(&capital(&name), greater));
    let points = decided.tried.iter().map(|[at, score]| Point::new(*at, *score)).collect();
    let mut chart = LineChart::new(words.tried, Scale::share(words.thresholds_x), y)
        .with(Series::new(capital(&name), points));
    chart.spots.push(Spot { x: decided.threshold, y: score, name: words.threshold_chosen.into() });
    chart.spots.extend(decided.at_half.map(|half| Spot { x: 0.5, y: half, name: words.from_half.into() }));
    Some(Figure::half(words, &chart).note(words.tried_note))
}
