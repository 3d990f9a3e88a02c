//! Where a net looks: the tokens of a text by attention rollout, the places of a picture by Grad-CAM.

use std::sync::Arc;

use arrow_array::Array;
use tidemill_core::{Batch, Context, Fitted, Layout, Result};
use tidemill_kernel::picture::Picture;
use tidemill_neural::{AttentionShares, FittedNet, GradCam};
use tidemill_prep::tokens_of_text;

use super::explained::{CellParts, Part, PartsOf};

/// Of each row, what the net makes of its texts and pictures. Rows stand `raw` in the data, and prepared by these steps for the net.
pub(super) fn of_net(
    net: &FittedNet,
    steps: &[&Arc<dyn Fitted>],
    (raw, rows): (&Batch, &Batch),
    n_outputs: usize,
    context: &Context,
) -> Result<Vec<Vec<CellParts>>> {
    let mut told: Vec<Vec<CellParts>> = vec![Vec::new(); raw.n_rows()];
    for found in net.attention_shares(rows, context)? {
        of_text(found, steps, (raw, rows), n_outputs, &mut told)?;
    }
    for found in net.grad_cam(rows, context)? {
        of_picture(&found, rows, n_outputs, &mut told)?;
    }
    Ok(told)
}

fn of_text(
    found: AttentionShares,
    steps: &[&Arc<dyn Fitted>],
    (raw, rows): (&Batch, &Batch),
    n_outputs: usize,
    told: &mut [Vec<CellParts>],
) -> Result<()> {
    let source = rows.schema().columns()[rows.schema().index(&found.column)?].source();
    let Some(place) = raw.schema().position(source) else { return Ok(()) };
    // A text that another step made is not the user's.
    let Ok(texts) = raw.texts(place) else { return Ok(()) };
    for (row, shares) in found.rows.into_iter().enumerate().filter(|(row, _)| texts.is_valid(*row)) {
        let tokens = steps.iter().find_map(|step| tokens_of_text(step, source, texts.value(row)));
        let Some(tokens) = tokens.filter(|tokens| tokens.len() == shares.len()) else { continue };
        told[row].push(CellParts {
            column: source.to_string(),
            what: PartsOf::Attention,
            parts: tokens.into_iter().map(Part::Word).collect(),
            values: vec![shares; n_outputs],
            picture: None,
        });
    }
    Ok(())
}

fn of_picture(found: &GradCam, rows: &Batch, n_outputs: usize, told: &mut [Vec<CellParts>]) -> Result<()> {
    let place = rows.schema().index(&found.column)?;
    let column = &rows.schema().columns()[place];
    let Some(Layout::Image { channels, height, width }) = column.layout else { return Ok(()) };
    let [down, across] = found.grid;
    let (n, size) = (down * across, channels * height * width);
    if n <= 1 || size == 0 {
        return Ok(());
    }
    let side = |at: usize, n: usize, side: usize| [side * at / n, side * (at + 1) / n];
    let patch = |at: usize| {
        let ([left, right], [top, bottom]) =
            (side(at % across, across, width), side(at / across, down, height));
        Part::Patch([left, top, right - left, bottom - top])
    };
    let pictures = rows.vector(place)?.chunks_exact(size);
    for (row, (values, pixels)) in found.rows.iter().zip(pictures).enumerate() {
        if rows.column(place).is_null(row) {
            continue;
        }
        told[row].push(CellParts {
            column: column.source().to_string(),
            what: PartsOf::GradCam,
            parts: (0..n).map(patch).collect(),
            values: (0..n_outputs).map(|output| values[output * n..(output + 1) * n].to_vec()).collect(),
            picture: Some(Arc::new(seen(pixels, [channels, height, width]))),
        });
    }
    Ok(())
}

/// The picture as the net sees it, from planes of numbers.
fn seen(planes: &[f32], [channels, height, width]: [usize; 3]) -> Picture {
    let [low, high] = planes.iter().fold([0.0f32, 1.0], |[low, high], x| [low.min(*x), high.max(*x)]);
    let n = height * width;
    let light = |x: f32| (255.0 * (x - low) / (high - low)).round() as u8;
    let pixel = |at: usize| [0, 1, 2].map(|c| light(planes[if channels == 3 { c * n + at } else { at }]));
    Picture {
        width: width as u32,
        height: height as u32,
        channels: 3,
        pixels: (0..n).flat_map(pixel).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::seen;

    #[test]
    fn planes_are_a_picture() {
        assert_eq!(seen(&[0.0, 1.0], [1, 1, 2]).pixels, [0, 0, 0, 255, 255, 255]);
        assert_eq!(seen(&[1.0, 0.0, 0.0, 1.0, 0.2, 0.2], [3, 1, 2]).pixels, [255, 0, 51, 0, 255, 51]);
        // Standardised numbers are drawn from the least to the greatest.
        assert_eq!(seen(&[-1.0, 3.0], [1, 2, 1]).pixels, [0, 0, 0, 255, 255, 255]);
    }
}
