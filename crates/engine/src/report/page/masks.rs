//! The page of a mask model: its scores compared with naive methods, and pictures with both masks.

use tidemill_kernel::mask::{Mask, picture_to_base64};
use tidemill_kernel::picture::Picture;
use tidemill_report::words::Words;
use tidemill_report::{
    Align, Block, Cell, Figure, Interval, IntervalPlot, Report, Scale, Section, Table, Text, Verdict, number,
};

use super::{Origin, again, file_name, fill, name, plain};
use crate::facts::MasksOutcome;
use crate::judge::{MasksJudged, Overlay};
use crate::recipe::label;
use crate::report::text::masks_verdict;

/// The longest side of a picture on the page: more would make it a large file.
const LONGEST: usize = 256;
/// Colours of classes, on light and dark pictures.
const COLOURS: [[u8; 3]; 6] =
    [[240, 138, 60], [90, 195, 211], [180, 140, 255], [111, 207, 151], [255, 154, 144], [242, 230, 160]];

/// Of a training.
pub fn trained(words: &'static Words, o: &MasksOutcome, overlays: &[Overlay], origin: &Origin<'_>) -> Report {
    let mut page = opened(words, &o.target);
    page.lead = fill(
        words.masks_lead,
        &[
            ("rows", plain(number::count(o.split.train_rows as f64))),
            ("source", name(file_name(words, &o.data.source))),
            ("test", plain(number::count(o.split.test_rows as f64))),
        ],
    );
    page.verdict = Some(Verdict::new(Text::plain(masks_verdict(words, &o.test, o.naive.first()))));
    page.with(scores(words, &o.test))
        .with(pictures(words, overlays))
        .with(naive(words, o))
        .with(choice(words, o))
        .with(again::of_masks(words, o, origin))
}

/// Of a judgement of other pictures.
pub fn evaluated(
    words: &'static Words,
    target: &str,
    source: &str,
    (found, overlays): (&MasksJudged, &[Overlay]),
) -> Report {
    let mut page = opened(words, target);
    page.lead = fill(
        words.evaluate_lead,
        &[("rows", plain(number::count(found.pictures as f64))), ("source", name(file_name(words, source)))],
    );
    page.verdict = Some(Verdict::new(Text::plain(masks_verdict(words, found, None))));
    page.with(scores(words, found)).with(pictures(words, overlays))
}

fn opened(words: &'static Words, target: &str) -> Report {
    let mut page = Report::new(words, fill(words.masks_title, &[("target", name(target))]));
    page.kicker = Text::plain(format!("Tidemill · {}", words.masks_kicker));
    page.foot = fill(words.foot, &[("version", plain(env!("CARGO_PKG_VERSION")))]);
    page
}

fn figure(value: Option<f64>) -> Cell {
    value.map_or_else(String::new, |x| format!("{x:.3}")).into()
}

fn scores(words: &'static Words, found: &MasksJudged) -> Section {
    let head = [
        (words.masks_class, Align::Left),
        (words.masks_pixels, Align::Right),
        ("IoU", Align::Right),
        ("Dice", Align::Right),
    ];
    let mut table = Table::new(words.masks_scores, &head);
    table.rows = found
        .classes
        .iter()
        .map(|c| {
            let pixels = number::count(c.pixels).into();
            vec![Text::plain(c.class.to_string()).into(), pixels, figure(c.iou), figure(c.dice)]
        })
        .collect();
    let pixels: f64 = found.classes.iter().map(|c| c.pixels).sum();
    table.marked = Some(table.rows.len());
    table.rows.push(vec![
        Text::plain(words.masks_mean).into(),
        number::count(pixels).into(),
        figure(Some(found.mean_iou)),
        figure(Some(found.mean_dice)),
    ]);
    Section::new("scores", words.masks_scores).lead(words.masks_scores_lead).with(Block::Table(table))
}

fn naive(words: &'static Words, o: &MasksOutcome) -> Section {
    let section = Section::new("naive", words.masks_naive);
    if o.naive.is_empty() {
        return section;
    }
    let head = [
        (words.learner, Align::Left),
        ("IoU", Align::Right),
        ("Dice", Align::Right),
        (words.masks_gain, Align::Right),
    ];
    let mut table = Table::new(words.masks_naive, &head);
    let mut plot = IntervalPlot::new(words.masks_gain, Scale::number("IoU"), words.learner)
        .against(words.masks_naive, 0.0);
    for one in &o.naive {
        let gain = &one.gain;
        let ends = (gain.low.is_finite() && gain.high.is_finite()).then_some([gain.low, gain.high]);
        plot.rows.push(Interval { name: one.learner.kind.clone(), value: gain.value, ends, strong: false });
        table.rows.push(vec![
            Text::name(&one.learner.kind).into(),
            figure(Some(one.mean_iou)),
            figure(Some(one.mean_dice)),
            figure(Some(gain.value)),
        ]);
    }
    section
        .lead(words.masks_naive_lead)
        .with(Block::Figures(vec![Figure::whole(words, &plot)]))
        .with(Block::Table(table))
}

fn choice(words: &'static Words, o: &MasksOutcome) -> Section {
    let chosen = plain(label(&o.chosen));
    let section = Section::new("choice", words.policy_choice);
    if o.split.folds == 0 {
        return section.with(Block::Text(fill(words.masks_choice_one, &[("chosen", chosen)])));
    }
    let mut table = Table::new(words.policy_choice, &[(words.learner, Align::Left), ("IoU", Align::Right)]);
    for standing in &o.leaderboard {
        let worth = match (standing.mean_iou, &standing.problem) {
            (None, Some(problem)) => Cell::from(problem.clone()),
            (mean_iou, _) => figure(mean_iou),
        };
        table.rows.push(vec![Text::plain(label(&standing.learner)).into(), worth]);
    }
    let lead = [("n", plain(o.leaderboard.len().to_string())), ("chosen", chosen)];
    section.lead(fill(words.masks_choice_lead, &lead)).with(Block::Table(table))
}

fn pictures(words: &'static Words, overlays: &[Overlay]) -> Section {
    let section = Section::new("pictures", words.masks_pictures);
    if overlays.is_empty() {
        return section;
    }
    let around = around(overlays);
    let of = |overlay: &Overlay| {
        let words_and = [
            (words.masks_picture, shown(&overlay.picture, None, around)),
            (words.masks_truth, shown(&overlay.picture, Some(&overlay.truth), around)),
            (words.masks_answer, shown(&overlay.picture, Some(&overlay.said), around)),
        ];
        let values = [("row", plain(overlay.row.to_string())), ("iou", plain(format!("{:.3}", overlay.iou)))];
        Figure::pictures(fill(words.masks_one, &values), &words_and)
    };
    section.lead(words.masks_pictures_lead).with(Block::Figures(overlays.iter().map(of).collect()))
}

/// The class that most pixels are of: what lies around the others.
fn around(overlays: &[Overlay]) -> u8 {
    let mut counts = [0u64; 256];
    overlays.iter().flat_map(|o| o.truth.values()).for_each(|value| counts[usize::from(*value)] += 1);
    (0..=255u8).rev().max_by_key(|value| counts[usize::from(*value)]).unwrap_or(0)
}

/// A picture with its mask laid over it (the classes tinted, with a firm outline), as a PNG in base64, made smaller where it is large.
fn shown(picture: &Picture, mask: Option<&Mask>, around: u8) -> String {
    let picture = picture.clone().rgb();
    let from = [picture.height as usize, picture.width as usize];
    let longest = from[0].max(from[1]).max(1);
    let size = from.map(|side| if longest > LONGEST { (side * LONGEST / longest).max(1) } else { side });
    let [height, width] = size;
    let mask = mask.map(|mask| mask.resized(width, height));
    let class = |y: usize, x: usize| mask.as_ref().map_or(around, |mask| mask.values()[y * width + x]);
    let mut pixels = Vec::with_capacity(3 * height * width);
    for y in 0..height {
        for x in 0..width {
            let at = 3 * (y * from[0] / height * from[1] + x * from[1] / width);
            let own = class(y, x);
            let beside = [
                (y.saturating_sub(1), x),
                (y, x.saturating_sub(1)),
                ((y + 1).min(height - 1), x),
                (y, (x + 1).min(width - 1)),
            ];
            let outline = beside.iter().any(|(y, x)| class(*y, *x) != own);
            let share = match (own == around, outline) {
                (true, _) => 0.0,
                (false, true) => 0.9,
                (false, false) => 0.4,
            };
            let colour = COLOURS[usize::from(own) % COLOURS.len()];
            pixels.extend((0..3).map(|c| {
                let mixed = f64::from(picture.pixels[at + c]) * (1.0 - share) + f64::from(colour[c]) * share;
                mixed.round() as u8
            }));
        }
    }
    picture_to_base64(&pixels, [width, height])
}
