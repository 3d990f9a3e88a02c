//! A map of the rows, and of the errors of the model.

use tidemill_eval::Answers;
use tidemill_report::{Block, Figure, PlaceMap, Scale, Section};

use super::Subject;
use crate::judge::Evidence;

/// At most so many rows are drawn.
const PLACES: usize = 4_000;

/// The map of the judged rows; `None` where they have no places.
pub(super) fn section(subject: &Subject<'_>, evidence: &Evidence) -> Option<Section> {
    let words = subject.words;
    let located = evidence.located()?;
    let (errors, what): (Vec<f64>, &str) = match subject.answers {
        Answers::Numbers(answers) => {
            let off =
                answers.truth().iter().zip(answers.predicted()).map(|(truth, said)| (truth - said).abs());
            (off.collect(), words.map_off_by)
        }
        Answers::Classes(answers) => {
            let n = answers.names().len();
            let probability = answers.probability()?;
            let missing = answers.truth().iter().enumerate();
            (
                missing.map(|(row, class)| 1.0 - probability[row * n + *class as usize]).collect(),
                words.map_doubt,
            )
        }
    };
    let step = errors.len().div_ceil(PLACES).max(1);
    let rows = located.places.iter().zip(&errors).step_by(step);
    let places: Vec<[f64; 3]> = rows.filter_map(|(place, off)| place.map(|[x, y]| [x, y, *off])).collect();
    let first = places.first()?;
    // One spot is no map.
    if places.iter().all(|place| place[..2] == first[..2]) {
        return None;
    }
    let (x, y) = if located.metric.degrees {
        (words.map_longitude, words.map_latitude)
    } else {
        (words.map_x, words.map_y)
    };
    let map = PlaceMap {
        words,
        title: words.map_errors.into(),
        x: Scale::number(x),
        y: Scale::number(y),
        degrees: located.metric.degrees,
        places,
        what: what.into(),
        rows: words.rows.into(),
    };
    let figures = vec![Figure::whole(words, &map).note(words.map_note)];
    Some(Section::new("map", words.map).lead(words.map_lead).with(Block::Figures(figures)))
}
