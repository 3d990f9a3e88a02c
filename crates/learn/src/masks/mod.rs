//! Masks without a net: what brightness and colour alone say of each pixel. Every other learner of masks is held against them.

mod k_means;
mod otsu;

pub use k_means::{ColourClusters, KMeans};
pub use otsu::{Otsu, Thresholds};

use tidemill_core::{Error, Result};
use tidemill_kernel::mask::Mask;
use tidemill_kernel::picture::Picture;

/// The mask of these classes in the size of a picture.
fn mask_of(picture: &Picture, values: Vec<u8>) -> Result<Mask> {
    let mask = Mask::new(picture.width as usize, picture.height as usize, values);
    mask.ok_or_else(|| Error::internal("a picture without pixels"))
}
