//! From a decoded image to one of another size, with the filters of Pillow.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8, U8x3};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{Error, Result};
use tidemill_kernel::picture::Picture;

/// How an image of other proportions comes into the frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// Its proportions change; nothing is lost, nothing is added.
    #[default]
    Stretch,
    /// The middle of it that has the proportions of the frame.
    Crop,
    /// All of it, in the middle of a white frame.
    Pad,
}

/// What fills a frame around an image.
const WHITE: u8 = 255;

/// The image in a frame of `width` x `height`: each pixel the mean of those it covers, weighed by a triangle (bilinear with
/// anti-aliasing), in eight bits. Agrees with Pillow's `Image.resize`, `ImageOps.fit` and `ImageOps.pad` to a step or two of 255.
pub(crate) fn framed(picture: Picture, width: u32, height: u32, fit: Fit) -> Result<Picture> {
    if (picture.width, picture.height) == (width, height) {
        return Ok(picture);
    }
    match fit {
        Fit::Stretch => resized(&picture, width, height, false),
        Fit::Crop => resized(&picture, width, height, true),
        Fit::Pad => {
            let (own_width, own_height) = contained(&picture, width, height);
            Ok(padded(&resized(&picture, own_width, own_height, false)?, width, height))
        }
    }
}

fn resized(picture: &Picture, width: u32, height: u32, crop: bool) -> Result<Picture> {
    // The library's entry for any sort of pixel would compile its code for all of them: minutes.
    match picture.channels {
        1 => resized_as::<U8>(picture, width, height, crop),
        _ => resized_as::<U8x3>(picture, width, height, crop),
    }
}

fn resized_as<P: PixelTrait<Component = u8>>(
    picture: &Picture,
    width: u32,
    height: u32,
    crop: bool,
) -> Result<Picture> {
    let failed = |e: &dyn std::fmt::Display| Error::internal(format!("resizing a picture: {e}"));
    let source = TypedImageRef::<P>::from_buffer(picture.width, picture.height, &picture.pixels)
        .map_err(|e| failed(&e))?;
    let mut pixels = vec![0; width as usize * height as usize * picture.channels];
    let mut target = TypedImage::<P>::from_buffer(width, height, &mut pixels).map_err(|e| failed(&e))?;
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    let options = if crop { options.fit_into_destination(Some((0.5, 0.5))) } else { options };
    Resizer::new().resize_typed(&source, &mut target, &options).map_err(|e| failed(&e))?;
    Ok(Picture { width, height, channels: picture.channels, pixels })
}

/// The greatest size with the image's proportions that the frame holds.
fn contained(picture: &Picture, width: u32, height: u32) -> (u32, u32) {
    let [from_width, from_height, to_width, to_height] =
        [picture.width, picture.height, width, height].map(f64::from);
    let side = |x: f64| (x.round_ties_even() as u32).max(1);
    if from_width * to_height > from_height * to_width {
        (width, side(from_height / from_width * to_width).min(height))
    } else {
        (side(from_width / from_height * to_height).min(width), height)
    }
}

fn padded(picture: &Picture, width: u32, height: u32) -> Picture {
    let n = picture.channels;
    let [own, wide, rows] = [picture.width, width, height].map(|x| x as usize);
    // Halves go to the even neighbour, as in Pillow.
    let middle = |free: u32| (f64::from(free) / 2.0).round_ties_even() as usize;
    let (left, top) = (middle(width - picture.width), middle(height - picture.height));
    let mut pixels = vec![WHITE; wide * rows * n];
    for (row, line) in picture.pixels.chunks_exact(own * n).enumerate() {
        let at = ((top + row) * wide + left) * n;
        pixels[at..at + line.len()].copy_from_slice(line);
    }
    Picture { width, height, channels: n, pixels }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(width: u32, height: u32) -> Picture {
        let pixels = (0..width * height).map(|i| (i * 37 % 251) as u8).collect();
        Picture { width, height, channels: 1, pixels }
    }

    #[test]
    fn every_way_fills_the_frame() {
        for fit in [Fit::Stretch, Fit::Crop, Fit::Pad] {
            for (width, height) in [(1, 1), (3, 100), (100, 3), (17, 5)] {
                let framed = framed(grey(width, height), 8, 6, fit).unwrap();
                assert_eq!((framed.width, framed.height, framed.pixels.len()), (8, 6, 48), "{fit:?}");
            }
        }
    }

    #[test]
    fn a_wide_picture_is_padded_above_and_below() {
        let black = Picture { width: 8, height: 2, channels: 3, pixels: vec![0; 48] };
        let framed = framed(black, 4, 4, Fit::Pad).unwrap();
        let lines: Vec<bool> = framed.pixels.chunks(12).map(|line| line.iter().all(|&v| v == 0)).collect();
        assert_eq!(lines, [false, false, true, false]);
    }

    #[test]
    fn the_same_size_is_the_same_picture() {
        assert_eq!(framed(grey(5, 7), 5, 7, Fit::Crop).unwrap(), grey(5, 7));
    }
}
