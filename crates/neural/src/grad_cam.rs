//! Where a net's convolutions see what speaks for an answer (Grad-CAM).

use tidemill_core::{Batch, Context, Error, Result};
use tidemill_kernel::reduce::in_chunks;

use crate::FittedNet;

/// Rows that one thread takes at a time.
const CHUNK: usize = 8;

/// Where a net sees, in the images of one column, what speaks for its answers.
#[derive(Clone, Debug, PartialEq)]
pub struct GradCam {
    /// The column.
    pub column: String,
    /// Rows and columns of places.
    pub grid: [usize; 2],
    /// By row, output after output: a number for each place, 0 where nothing speaks for it.
    pub rows: Vec<Vec<f64>>,
}

impl FittedNet {
    /// Grad-CAM (Selvaraju et al. 2017) at the last block of every convolutional encoder of images: what its filters say of a place, each
    /// weighted by the gradient of the answer in it (the mean over all places), where that is above 0. Answers are those of
    /// [`FittedNet::path_gradients`].
    ///
    /// # Errors
    /// Rows that lack a column; cancellation.
    pub fn grad_cam(&self, rows: &Batch, context: &Context) -> Result<Vec<GradCam>> {
        let places = self.net().bind(rows.schema())?;
        let width: usize = self.net().encoders.iter().map(|encoder| encoder.width()).sum();
        let parts = in_chunks(rows.n_rows(), CHUNK, |range| {
            context.check()?;
            let (n, reads) = (range.len(), self.net().read(rows, &places, range)?);
            let of_images = self.plain().places(&reads);
            if of_images.is_empty() {
                return Ok::<_, Error>(Vec::new());
            }
            let gradients = self.gradients_in_encoded(&self.plain().join(&reads, n), width);
            let cams = of_images.into_iter().map(|(encoder, start, found)| {
                let channels = self.net().encoders[encoder].width();
                let of_row = |(says, gradients): (&Vec<f32>, &Vec<Vec<f32>>)| {
                    gradients
                        .iter()
                        .flat_map(|of| cam(says, &of[start..start + channels]))
                        .collect::<Vec<f64>>()
                };
                (encoder, found.grid, found.rows.iter().zip(&gradients).map(of_row).collect::<Vec<_>>())
            });
            Ok(cams.collect())
        });
        let mut found: Vec<GradCam> = Vec::new();
        for part in parts {
            for (at, (encoder, grid, rows)) in part?.into_iter().enumerate() {
                if found.len() == at {
                    let column = self.net().encoders[encoder].column_of(0).to_string();
                    found.push(GradCam { column, grid, rows: Vec::new() });
                }
                found[at].rows.extend(rows);
            }
        }
        Ok(found)
    }
}

/// What speaks for an answer at each place: `says` holds as many numbers for each place as there are gradients in their means.
fn cam(says: &[f32], gradients: &[f32]) -> Vec<f64> {
    let places = says.chunks_exact(gradients.len().max(1));
    // The mean over places of the gradient in a number of one of them.
    let n = places.len() as f64;
    let of_place = |place: &[f32]| {
        place.iter().zip(gradients).map(|(x, g)| f64::from(*x) * f64::from(*g) / n).sum::<f64>()
    };
    places.map(|place| of_place(place).max(0.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::cam;

    /// By hand: two places of two filters; the weights are half the gradients in the means, 0.25 and -0.5.
    #[test]
    fn places_are_weighted_by_the_gradients_of_their_means() {
        assert_eq!(cam(&[1.0, 2.0, 3.0, 0.0], &[0.5, -1.0]), [0.0, 0.75]);
        assert_eq!(cam(&[1.0, 2.0, 3.0, 1.0], &[0.5, 1.0]), [1.25, 1.25]);
    }
}
