//! Masks: the story of their training and of a judgement, and the card in the model file.

use std::fmt::Display;

use tidemill_core::Role;
use tidemill_report::words::{EN, Words, fill};

use super::align;
use super::card::costs;
use super::training::rows_note;
use super::written::written;
use crate::facts::{MasksOutcome, TrainedMasks};
use crate::format::short;
use crate::judge::{MasksJudged, NaiveMasks, ValueInterval};
use crate::recipe::label;

/// The story of a training.
pub fn story(words: &Words, trained: &TrainedMasks) -> String {
    let (said, o) = (&words.story, &trained.outcome);
    let mut lines = vec![read(words, o), fill(said.split, &[("why", &words.reasoned(&o.split.why))])];
    lines.extend(compared(words, o));
    lines.extend([
        String::new(),
        scores(words, &o.test),
        naive(words, o),
        verdict(words, &o.test, o.naive.first()),
    ]);
    lines.extend(rows_note(words, &o.shipped));
    let files = [&trained.model, &trained.recipe, &trained.metrics, &trained.report];
    lines.push(written(words, &trained.hash, files.map(|file| &**file)));
    lines.join("\n") + "\n"
}

/// The scores and the verdict of a judgement.
pub fn judged(words: &Words, found: &MasksJudged) -> String {
    scores(words, found) + "\n" + &verdict(words, found, None)
}

/// What was read.
fn read(words: &Words, o: &MasksOutcome) -> String {
    let classes: Vec<String> = o.classes.iter().map(u8::to_string).collect();
    let classes = classes.join(words.list);
    let values: [(&str, &dyn Display); 4] =
        [("rows", &o.data.rows), ("source", &o.data.source), ("target", &o.target), ("classes", &classes)];
    fill(words.masks_read, &values)
}

/// The learners, each with its mean IoU.
fn compared(words: &Words, o: &MasksOutcome) -> Vec<String> {
    let chosen = label(&o.chosen);
    if o.split.folds == 0 {
        return vec![fill(words.masks_choice_one, &[("chosen", &chosen)])];
    }
    let n = o.leaderboard.len();
    let mut lines = vec![fill(words.masks_choice_lead, &[("n", &n), ("chosen", &chosen)])];
    let rows: Vec<[String; 2]> = o
        .leaderboard
        .iter()
        .map(|s| [label(&s.learner), s.mean_iou.map(short).or(s.problem.clone()).unwrap_or_default()])
        .collect();
    lines.extend(align::table(&rows, [false, true]).lines().map(|line| format!("  {line}")));
    lines
}

/// A figure that there may be.
pub(crate) fn figure(value: Option<f64>) -> String {
    value.map_or_else(String::new, |x| format!("{x:.3}"))
}

/// The ends of an interval as people read them.
pub(crate) fn ends(words: &Words, value: &ValueInterval) -> String {
    fill(words.story.targets_interval, &[("low", &short(value.low)), ("high", &short(value.high))])
}

fn scores(words: &Words, found: &MasksJudged) -> String {
    let head = [words.masks_class.to_string(), words.masks_pixels.into(), "IoU".into(), "Dice".into()];
    let of_class = |c: &crate::judge::ClassScores| {
        [c.class.to_string(), format!("{:.0}", c.pixels), figure(c.iou), figure(c.dice)]
    };
    let pixels: f64 = found.classes.iter().map(|c| c.pixels).sum();
    let mean = [
        words.masks_mean.to_string(),
        format!("{pixels:.0}"),
        figure(Some(found.mean_iou)),
        figure(Some(found.mean_dice)),
    ];
    let rows = found.classes.iter().map(of_class);
    let rows: Vec<[String; 4]> = std::iter::once(head).chain(rows).chain([mean]).collect();
    indented(&align::table(&rows, [false, true, true, true]))
}

fn naive(words: &Words, o: &MasksOutcome) -> String {
    let head = [
        words.learner.to_string(),
        "IoU".into(),
        "Dice".into(),
        words.masks_gain.into(),
        words.interval.into(),
    ];
    let rows = o.naive.iter().map(|n| {
        let scores = [n.mean_iou, n.mean_dice].map(|x| figure(Some(x)));
        let [iou, dice] = scores;
        [n.learner.kind.clone(), iou, dice, short(n.gain.value), ends(words, &n.gain)]
    });
    let rows: Vec<[String; 5]> = std::iter::once(head).chain(rows).collect();
    indented(&align::table(&rows, [false, true, true, true, true]))
}

fn indented(table: &str) -> String {
    table.lines().map(|line| format!("  {line}\n")).collect()
}

/// How good it is, beside the best naive answer where there is one.
pub(crate) fn verdict(words: &Words, found: &MasksJudged, naive: Option<&NaiveMasks>) -> String {
    let iou = figure(Some(found.mean_iou));
    let Some(naive) = naive else {
        return fill(words.masks_alone, &[("n", &found.pictures), ("iou", &iou)]);
    };
    let template = match (naive.gain.low > 0.0, naive.gain.high < 0.0) {
        (true, _) => words.masks_better,
        (_, true) => words.masks_worse,
        _ => words.masks_not_shown,
    };
    let values: [(&str, &dyn Display); 5] = [
        ("n", &found.pictures),
        ("iou", &iou),
        ("gain", &short(naive.gain.value)),
        ("naive", &naive.learner.kind),
        ("interval", &ends(words, &naive.gain)),
    ];
    fill(template, &values)
}

/// The card in the model file. It is English whatever reports speak.
pub fn card(o: &MasksOutcome) -> String {
    let list = |items: Vec<String>| if items.is_empty() { "- none".into() } else { items.join("\n") };
    let used = o.columns.iter().filter(|c| c.role == Role::Feature);
    let used = list(used.map(|c| format!("- `{}` ({}): {}", c.name, c.kind, c.why)).collect());
    let warnings = list(o.warnings.iter().map(|w| format!("- {}", w.message)).collect());
    let sha = o.data.sha256.as_ref().map(|sha| format!(" SHA-256 `{sha}`.")).unwrap_or_default();
    let (judged, naive) = (scores(&EN, &o.test), naive(&EN, o));
    let (verdict, read) = (verdict(&EN, &o.test, o.naive.first()), read(&EN, o));
    let (compared, note, split, costs) =
        (compared(&EN, o).join("\n"), o.shipped.note, &o.split.why, costs(&o.shipped));
    format!(
        "# Masks `{}`\n\n## How good it is\n\n```text\n{judged}{naive}\n```\n\n{verdict}\n\n{note}\n\n{costs}\n\n\
         ## How it was made\n\n{read}{sha}\nSplit: {split}.\n{compared}\n\n## What it looks at\n\n{used}\n\n\
         ## Warnings\n\n{warnings}\n",
        o.target
    )
}
