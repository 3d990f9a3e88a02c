//! Predicted and true values, and residuals, for regression.

use tidemill_eval::NumberAnswers;
use tidemill_eval::curves;
use tidemill_report::{
    Block, Figure, Histogram, LineChart, Point, Reference, Scale, Scatter, Section, Series,
};

use super::{Subject, fill, plain};

/// At most so many rows are drawn.
const POINTS: usize = 20_000;

pub(super) fn section(subject: &Subject<'_>, answers: &NumberAnswers<'_>) -> Section {
    let words = subject.words;
    let figures = vec![
        Figure::half(words, &scatter(subject, answers)).note(words.predicted_true_note),
        Figure::half(words, &errors(subject, answers)).note(words.errors_note),
    ];
    let bands = bands(subject).map(|chart| Figure::whole(words, &chart).note(words.errors_by_note));
    let figures = figures.into_iter().chain(bands).collect();
    Section::new("residuals", words.residuals).lead(words.residuals_lead).with(Block::Figures(figures))
}

fn axis(subject: &Subject<'_>, template: &str) -> Scale {
    Scale::number(fill(template, &[("target", plain(subject.target_short()))]).to_string())
}

fn scatter(subject: &Subject<'_>, answers: &NumberAnswers<'_>) -> Scatter {
    let words = subject.words;
    let step = answers.truth().len().div_ceil(POINTS).max(1);
    let rows = answers.predicted().iter().zip(answers.truth()).step_by(step);
    let points: Vec<[f64; 2]> = rows.map(|(said, truth)| [*said, *truth]).collect();
    let finite = points.iter().flatten().copied().filter(|v| v.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    let ends = (low < high).then(|| {
        let air = 0.04 * (high - low);
        [low - air, high + air]
    });
    let reference =
        ends.map(|[low, high]| Reference { name: words.perfect.into(), ends: [[low, low], [high, high]] });
    Scatter {
        words,
        title: words.predicted_true.into(),
        x: Scale { range: ends, ..axis(subject, words.predicted_axis) },
        y: Scale { range: ends, ..axis(subject, words.true_axis) },
        points,
        reference,
        what: words.rows.into(),
    }
}

fn errors(subject: &Subject<'_>, answers: &NumberAnswers<'_>) -> Histogram {
    let words = subject.words;
    let residuals = answers.truth().iter().zip(answers.predicted()).map(|(truth, said)| truth - said);
    let n = answers.truth().len();
    // As many bins as the rows bear (Rice's rule), within what a small chart shows.
    let n_bins = ((2.0 * (n as f64).cbrt()) as usize).clamp(8, 40);
    Histogram {
        title: words.errors.into(),
        x: axis(subject, words.errors_axis),
        y_name: words.rows.into(),
        bins: Histogram::bins(residuals, n_bins),
        mark: Some((words.no_error.into(), 0.0)),
        small: false,
    }
}

fn bands(subject: &Subject<'_>) -> Option<LineChart> {
    let words = subject.words;
    let n_bins = (subject.report.n_rows / 20).clamp(3, 20);
    let found = curves::residuals(subject.answers, n_bins, 1).ok().filter(|r| r.predicted.len() > 1)?;
    let points = (0..found.predicted.len()).map(|i| Point {
        x: found.predicted[i],
        y: found.median[i],
        low: Some(found.low[i]),
        high: Some(found.high[i]),
    });
    let line = Series::new(words.median_error, points.collect()).with_dots();
    let (first, last) = (*found.predicted.first()?, *found.predicted.last()?);
    let chart = LineChart::new(
        words.errors_by,
        axis(subject, words.predicted_axis),
        Scale::number(words.residual_axis),
    );
    Some(chart.with(line).against(words.no_error, [first, 0.0], [last, 0.0]))
}
