//! A text coloured by the contributions of its words, and an image by those of its patches.

use tidemill_kernel::mask::picture_to_base64;
use tidemill_kernel::picture::Picture;
use tidemill_report::Figure;

use super::{Words, fill, name, plain};
use crate::explain::{CellParts, Explained, ExplainedRow, Part, PartsOf};
use crate::report::text::{part_name, part_value, strongest};

/// The longest side of a picture on the page: more would make it a large file.
const LONGEST: usize = 384;
/// The colours of what raises and of what lowers, on pictures in grey.
const RAISES: [f64; 3] = [240.0, 120.0, 20.0];
const LOWERS: [f64; 3] = [10.0, 140.0, 160.0];

/// A figure for each text and picture of a row whose parts were looked at.
pub(super) fn figures(
    words: &'static Words,
    explained: &Explained,
    row: &ExplainedRow,
    output: usize,
) -> Vec<Figure> {
    let of = explained.outputs[output].as_str();
    row.parts.iter().map(|cell| figure(words, cell, &cell.values[output], of)).collect()
}

fn figure(words: &'static Words, cell: &CellParts, values: &[f64], of: &str) -> Figure {
    let said = &words.insight;
    let levels = levels(cell, values);
    let coloured_name = match cell.what {
        PartsOf::GradCam => said.seen_coloured,
        PartsOf::Added | PartsOf::Attention => said.parts_coloured,
    };
    let (title, note) = match (cell.what, &cell.picture) {
        (PartsOf::Attention, _) => (said.attended_text, said.attended_note),
        (PartsOf::GradCam, _) => (said.seen_picture, said.seen_note),
        (PartsOf::Added, Some(_)) => (said.parts_picture, said.parts_picture_note),
        (PartsOf::Added, None) => (said.parts_text, said.parts_text_note),
    };
    let title = fill(title, &[("column", name(cell.column.as_str()))]);
    let figure = match &cell.picture {
        Some(picture) => {
            let plain = vec![0.0; levels.len()];
            let pictures = [
                (said.parts_as_is, coloured(picture, cell, &plain)),
                (coloured_name, coloured(picture, cell, &levels)),
            ];
            Figure::pictures(title, &pictures)
        }
        None => {
            let words = cell.parts.iter().zip(values).zip(&levels);
            let shaded = words.filter_map(|((part, x), level)| match part {
                Part::Word(text) => Some((text.as_str(), *level, part_value(cell, *x))),
                Part::Patch(_) => None,
            });
            Figure::shaded(title, &shaded.collect::<Vec<_>>())
        }
    };
    figure.note(match strongest(values).first() {
        Some(&at) => {
            let (part, value) = (part_name(words, &cell.parts[at]), part_value(cell, values[at]));
            fill(note, &[("of", name(of)), ("part", plain(part)), ("value", plain(value))])
        }
        None => fill(said.parts_nothing, &[("of", name(of))]),
    })
}

/// How strong the colour of each part is, from -1 to 1: of shares what is above the mean, for all of them are above 0.
fn levels(cell: &CellParts, values: &[f64]) -> Vec<f64> {
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    let above = |x: &f64| if cell.what == PartsOf::Attention { (x - mean).max(0.0) } else { *x };
    let levels: Vec<f64> = values.iter().map(above).collect();
    let most = levels.iter().map(|x| x.abs()).filter(|x| x.is_finite()).fold(f64::MIN_POSITIVE, f64::max);
    levels.iter().map(|x| x / most).collect()
}

/// The picture as a PNG, each patch in the colour of its level; as it is without any.
fn coloured(picture: &Picture, cell: &CellParts, levels: &[f64]) -> String {
    let [width, height] = [picture.width as usize, picture.height as usize];
    let mut pixels = picture.pixels.clone();
    if levels.iter().any(|level| *level != 0.0) {
        let patches = || {
            cell.parts.iter().zip(levels).filter_map(|(part, level)| match part {
                Part::Patch(area) => Some((*area, *level)),
                Part::Word(_) => None,
            })
        };
        // The picture here may be smaller than that of the row, of which the patches are.
        let [full_width, full_height] = patches()
            .fold([1usize, 1], |[right, bottom], ([x, y, wide, high], _)| {
                [right.max(x + wide), bottom.max(y + high)]
            });
        for ([x, y, wide, high], level) in patches() {
            let (colour, share) = (if level > 0.0 { RAISES } else { LOWERS }, 0.8 * level.abs());
            let across = x * width / full_width..(x + wide) * width / full_width;
            let down = y * height / full_height..(y + high) * height / full_height;
            let places = down.flat_map(|y| across.clone().map(move |x| y * width + x));
            places.for_each(|at| blend(&mut pixels[3 * at..3 * at + 3], colour, share));
        }
    }
    let step = width.max(height).div_ceil(LONGEST).max(1);
    let (across, down) = (width.div_ceil(step), height.div_ceil(step));
    let taken = (0..down).flat_map(|y| (0..across).map(move |x| y * step * width + x * step));
    let small: Vec<u8> = taken.flat_map(|at| pixels[3 * at..3 * at + 3].to_vec()).collect();
    picture_to_base64(&small, [across, down])
}

/// A pixel in pale grey, with a share of a colour.
fn blend(pixel: &mut [u8], colour: [f64; 3], share: f64) {
    let grey = pixel.iter().map(|x| f64::from(*x)).sum::<f64>() / 3.0;
    let pale = 48.0 + 0.62 * grey;
    pixel.iter_mut().zip(colour).for_each(|(x, c)| *x = (pale + share * (c - pale)).round() as u8);
}
