//! Curves and the confusion matrix, where classes were predicted.

use tidemill_core::recipe::Task;
use tidemill_eval::curves::{self, Bins, Calibration, Gains, PrecisionRecall, Roc, Thresholds};
use tidemill_eval::{ClassAnswers, Confusion};
use tidemill_report::{
    Align, Bin, Block, Cell, ConfusionMatrix, Figure, Histogram, LineChart, Mark, Point, Scale, Section,
    Series, Spot, Table, Text, number,
};

use super::verdict::named;
use super::{Subject, Words, cut, fill, plain};

/// How many points a curve keeps: more than a screen shows.
const POINTS: usize = 150;
/// How many lines can be told apart on one chart.
const LINES: usize = 4;
/// Up to so many classes the whole matrix is drawn.
const MATRIX: usize = 40;
/// Up to so many classes it takes half the page.
const SMALL: usize = 5;

pub(super) fn section(subject: &Subject<'_>, answers: &ClassAnswers<'_>) -> Section {
    let words = subject.words;
    let n = answers.names().len();
    let lead = match n {
        0..=LINES => Text::plain(words.curves_lead),
        _ => fill(words.curves_lead_hardest, &[("n", plain(n.to_string()))]),
    };
    let mut figures: Vec<Figure> = Vec::new();
    let confusion = subject.report.confusion.as_ref();
    let small = confusion.filter(|c| c.classes.len() <= SMALL);
    figures.extend(small.map(|c| Figure::half(words, &matrix(words, c)).note(words.confusion_note)));
    let hardest = hardest(subject);
    figures.extend(ranking(subject, &hardest));
    if subject.task() == Task::Binary {
        figures.extend(binary(subject, answers));
    }
    let large = confusion.filter(|c| (SMALL + 1..=MATRIX).contains(&c.classes.len()));
    figures.extend(large.map(|c| Figure::whole(words, &matrix(words, c)).note(words.confusion_note)));
    let section = Section::new("curves", words.curves).lead(lead).with(Block::Figures(figures));
    match confusion
        .filter(|c| c.classes.len() > SMALL)
        .map(|c| mistakes(words, c))
        .filter(|t| !t.rows.is_empty())
    {
        Some(table) => section.with(Block::Heading(Text::plain(words.mistakes))).with(Block::Table(table)),
        None => section,
    }
}

fn matrix(words: &'static Words, confusion: &Confusion) -> ConfusionMatrix {
    ConfusionMatrix {
        title: words.confusion.into(),
        x_name: words.predicted_class.into(),
        y_name: words.true_class.into(),
        classes: confusion.classes.iter().map(|c| cut(c, 60)).collect(),
        counts: confusion.counts.clone(),
    }
}

/// The cells off the diagonal with the most rows.
fn mistakes(words: &'static Words, confusion: &Confusion) -> Table {
    let head = [
        (words.true_class, Align::Left),
        (words.predicted_class, Align::Left),
        (words.rows, Align::Right),
        (words.share_of_class, Align::Right),
    ];
    let mut found: Vec<(usize, usize, f64)> = Vec::new();
    for (truth, row) in confusion.counts.iter().enumerate() {
        let wrong = row.iter().enumerate().filter(|(said, n)| *said != truth && **n > 0.0);
        found.extend(wrong.map(|(said, n)| (truth, said, *n)));
    }
    found.sort_by(|a, b| b.2.total_cmp(&a.2).then(a.0.cmp(&b.0)).then(a.1.cmp(&b.1)));
    let mut table = Table::new(words.mistakes_caption, &head);
    table.rows = found
        .into_iter()
        .take(40)
        .map(|(truth, said, n)| {
            let all: f64 = confusion.counts[truth].iter().sum();
            vec![
                named(&confusion.classes[truth]).into(),
                named(&confusion.classes[said]).into(),
                number::count(n).into(),
                Cell::from(number::percent(n / all)),
            ]
        })
        .collect();
    table.shown = 8;
    table
}

/// The curves of those classes that are hardest to tell from the rest, in their own order.
fn hardest(subject: &Subject<'_>) -> Vec<Roc> {
    let mut curves = curves::roc(subject.answers, POINTS).unwrap_or_default();
    if curves.len() > LINES {
        let mut by_area: Vec<(usize, f64)> = curves.iter().map(|c| c.auc).enumerate().collect();
        by_area.sort_by(|a, b| a.1.total_cmp(&b.1));
        let mut kept: Vec<usize> = by_area.into_iter().take(LINES).map(|(i, _)| i).collect();
        kept.sort_unstable();
        curves = kept.into_iter().map(|i| curves[i].clone()).collect();
    }
    curves
}

fn pairs(x: &[f64], y: &[f64]) -> Vec<Point> {
    x.iter().zip(y).map(|(x, y)| Point::new(*x, *y)).collect()
}

/// ROC, precision and recall, calibration: of the positive class, or of several classes against the rest.
fn ranking(subject: &Subject<'_>, roc: &[Roc]) -> Vec<Figure> {
    let words = subject.words;
    if roc.is_empty() {
        return Vec::new();
    }
    let kept = |class: &str| roc.iter().any(|r| r.class == class);
    let mut figures = vec![roc_figure(subject, roc)];
    let mut pr = curves::precision_recall(subject.answers, POINTS).unwrap_or_default();
    pr.retain(|c| kept(&c.class));
    if !pr.is_empty() {
        figures.push(pr_figure(words, &pr));
    }
    let bins = if subject.report.n_rows < 400 { 5 } else { 10 };
    let mut calibration = curves::calibration(subject.answers, Bins::Quantile, bins).unwrap_or_default();
    calibration.retain(|c| kept(&c.class));
    if !calibration.is_empty() {
        figures.push(calibration_figure(words, &calibration));
    }
    figures
}

fn roc_figure(subject: &Subject<'_>, roc: &[Roc]) -> Figure {
    let words = subject.words;
    let mut chart = LineChart::new(words.roc, Scale::share(words.roc_x), Scale::share(words.roc_y)).against(
        words.guessing,
        [0.0, 0.0],
        [1.0, 1.0],
    );
    let line = |r: &Roc| Series::new(cut(&r.class, 40), pairs(&r.false_positive_rate, &r.true_positive_rate));
    chart.series = roc.iter().map(line).collect();
    let note = match roc {
        [one] => {
            chart.spots.extend(stands(subject));
            fill(words.roc_note, &[("auc", plain(number::short(one.auc)))])
        }
        _ => Text::plain(words.roc_note_many),
    };
    Figure::half(words, &chart).note(note)
}

/// Where the threshold that the model uses stands on the curve.
fn stands(subject: &Subject<'_>) -> Option<Spot> {
    let words = subject.words;
    let confusion = subject.report.confusion.as_ref()?;
    let positive =
        confusion.classes.iter().position(|c| Some(c.as_ref()) == subject.report.positive.as_deref())?;
    let row = |i: usize| (confusion.counts[i].iter().sum::<f64>(), confusion.counts[i][positive]);
    let (truly, found) = row(positive);
    let (others, alarms) = row(1usize.checked_sub(positive)?);
    Some(Spot { x: alarms / others, y: found / truly, name: words.threshold_now.into() })
}

fn pr_figure(words: &'static Words, pr: &[PrecisionRecall]) -> Figure {
    let mut chart = LineChart::new(words.pr, Scale::share(words.pr_x), Scale::share(words.pr_y));
    let line = |c: &PrecisionRecall| Series::new(cut(&c.class, 40), pairs(&c.recall, &c.precision));
    chart.series = pr.iter().map(line).collect();
    let note = match pr {
        [one] => {
            chart = chart.against(words.guessing, [0.0, one.prevalence], [1.0, one.prevalence]);
            fill(words.pr_note, &[("ap", plain(number::short(one.average_precision)))])
        }
        _ => Text::plain(words.pr_note_many),
    };
    Figure::half(words, &chart).note(note)
}

fn calibration_figure(words: &'static Words, calibration: &[Calibration]) -> Figure {
    let (x, y) = (Scale::share(words.calibration_x), Scale::share(words.calibration_y));
    let mut chart = LineChart::new(words.calibration, x, y).against(words.perfect, [0.0, 0.0], [1.0, 1.0]);
    // Bands of several lines would cover each other.
    let bands = calibration.len() == 1;
    let line = |c: &Calibration| {
        let points = (0..c.predicted.len()).map(|i| Point {
            x: c.predicted[i],
            y: c.observed[i],
            low: bands.then(|| c.low[i]),
            high: bands.then(|| c.high[i]),
        });
        Series::new(cut(&c.class, 40), points.collect()).with_dots()
    };
    chart.series = calibration.iter().map(line).collect();
    let note = match calibration {
        [one] => fill(words.calibration_note, &[("error", plain(number::percent(one.expected_error)))]),
        _ => Text::plain(words.calibration_note_many),
    };
    Figure::half(words, &chart).note(note)
}

/// What there is to see of one positive class.
fn binary(subject: &Subject<'_>, answers: &ClassAnswers<'_>) -> Vec<Figure> {
    let words = subject.words;
    let mut figures = Vec::new();
    let class = subject.report.positive.clone().unwrap_or_default();
    let note = |template: &str| fill(template, &[("class", super::name(cut(&class, 60)))]);
    if let (Some(probability), Some(positive)) = (answers.probability(), answers.positive()) {
        let k = answers.names().len();
        let values = probability.iter().skip(positive).step_by(k).copied();
        figures
            .push(Figure::half(words, &probabilities(words, values, &class)).note(words.probabilities_note));
    }
    if let Some(found) =
        curves::thresholds(subject.answers, None, POINTS).ok().and_then(|c| c.into_iter().next())
    {
        figures.push(
            Figure::half(words, &thresholds(words, &found, subject.threshold))
                .note(note(words.thresholds_note)),
        );
    }
    if let Some(found) = curves::gains(subject.answers, POINTS).ok().and_then(|c| c.into_iter().next()) {
        figures.push(Figure::half(words, &gains(words, &found)).note(note(words.gains_note)));
    }
    figures
}

fn probabilities(words: &'static Words, values: impl Iterator<Item = f64>, class: &str) -> Histogram {
    const BINS: usize = 20;
    let mut counts = [0.0; BINS];
    for p in values {
        counts[((p * BINS as f64) as usize).min(BINS - 1)] += 1.0;
    }
    let edge = |i: usize| i as f64 / BINS as f64;
    let bins =
        counts.into_iter().enumerate().map(|(i, count)| Bin { low: edge(i), high: edge(i + 1), count });
    Histogram {
        title: words.probabilities.into(),
        x: Scale::share(fill(words.probabilities_x, &[("class", plain(cut(class, 30)))]).to_string()),
        y_name: words.rows.into(),
        bins: bins.collect(),
        mark: None,
        small: false,
    }
}

fn thresholds(words: &'static Words, found: &Thresholds, in_use: Option<f64>) -> LineChart {
    let lines = [(words.precision, &found.precision), (words.recall, &found.recall), (words.f1, &found.f1)];
    let (x, y) = (Scale::share(words.thresholds_x), Scale::share(words.thresholds_y));
    let mut chart = LineChart::new(words.thresholds, x, y);
    chart.marks.extend(in_use.map(|x| Mark { x, label: words.threshold_in_use.into() }));
    lines.into_iter().fold(chart, |chart, (name, values)| {
        let mut points = pairs(&found.threshold, values);
        points.reverse();
        chart.with(Series::new(name, points))
    })
}

fn gains(words: &'static Words, found: &Gains) -> LineChart {
    LineChart::new(words.gains, Scale::share(words.gains_x), Scale::share(words.gains_y))
        .against(words.random, [0.0, 0.0], [1.0, 1.0])
        .with(Series::new(cut(&found.class, 40), pairs(&found.share, &found.gain)))
}
