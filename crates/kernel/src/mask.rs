//! Masks: a class from 0 to 255 for each pixel of an image.
//!
//! A mask is read from a grey image, whose values are the classes, and written as PNG or as run lengths (RLE). Learners predict the latter,
//! as text, so that a prediction can pass through every format that supports text.

use std::fmt;
use std::io::Cursor;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};
use serde::{Deserialize, Serialize};

use crate::picture::{self, MOST_PIXELS, Unusable};

/// A class for each pixel.
///
/// ```
/// use tidemill_kernel::mask::Mask;
/// let mask = Mask::new(3, 2, vec![0, 0, 255, 255, 255, 0]).unwrap();
/// assert_eq!(mask.to_rle(), r#"{"height":2,"width":3,"runs":[[0,2],[255,3],[0,1]]}"#);
/// assert_eq!(Mask::of_rle(&mask.to_rle()).unwrap(), mask);
/// assert_eq!(Mask::of_picture(&mask.to_png()).unwrap(), mask);
/// assert_eq!(Mask::of_base64(&mask.to_base64()).unwrap(), mask);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    width: usize,
    height: usize,
    values: Vec<u8>,
}

/// The reason why something is not a mask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoMask {
    /// It is not an image.
    Picture(Unusable),
    /// Its pixels have colours, which do not denote classes.
    Colours,
    /// Its pixels have 16 bits.
    Deep,
    /// JPEG changes values slightly, and with them the class.
    Lossy,
    /// A text that is not the runs of a mask.
    Runs(String),
}

impl fmt::Display for NoMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoMask::Picture(why) => write!(f, "{why}"),
            NoMask::Colours => {
                write!(f, "it has colours, and a mask is grey: the value of a pixel is its class")
            }
            NoMask::Deep => write!(f, "it has 16 bits a pixel, and a mask has 8"),
            NoMask::Lossy => write!(f, "it is a JPEG, which blurs values: save masks as PNG"),
            NoMask::Runs(why) => write!(f, "{why}"),
        }
    }
}

/// The written form of a mask: its runs from the upper left, row by row.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Runs {
    height: usize,
    width: usize,
    runs: Vec<(u8, usize)>,
}

impl Mask {
    /// The mask with these classes, row by row; `None` if their number is not `width * height`, or if there are none.
    pub fn new(width: usize, height: usize, values: Vec<u8>) -> Option<Self> {
        let n = width.checked_mul(height)?;
        (n > 0 && n == values.len()).then_some(Mask { width, height, values })
    }

    /// The mask in a grey image.
    ///
    /// # Errors
    /// The bytes are not an image, or the image has colours or 16 bits, or is a JPEG, whose values are not those that were saved.
    pub fn of_picture(bytes: &[u8]) -> Result<Self, NoMask> {
        if bytes.starts_with(&[0xff, 0xd8]) {
            return Err(NoMask::Lossy);
        }
        // A PNG stores its bit depth in the 25th byte.
        if bytes.starts_with(b"\x89PNG") && bytes.get(24) == Some(&16) {
            return Err(NoMask::Deep);
        }
        let picture = picture::decode(bytes).map_err(NoMask::Picture)?;
        if picture.channels != 1 {
            return Err(NoMask::Colours);
        }
        Ok(Mask { width: picture.width as usize, height: picture.height as usize, values: picture.pixels })
    }

    /// Parses the mask that [`Mask::to_rle`] wrote.
    ///
    /// # Errors
    /// The text has another form, its runs do not fill the mask, or it has more than [`MOST_PIXELS`] pixels.
    pub fn of_rle(text: &str) -> Result<Self, NoMask> {
        let Runs { height, width, runs } = serde_json::from_str(text).map_err(|e| {
            NoMask::Runs(format!(
                "it is not {{\"height\": …, \"width\": …, \"runs\": [[class, length], …]}}: {e}"
            ))
        })?;
        let n = width.checked_mul(height).filter(|n| *n > 0 && *n as u64 <= MOST_PIXELS);
        let n = n.ok_or_else(|| NoMask::Runs(format!("no mask has {width} x {height} pixels")))?;
        let total = runs.iter().try_fold(0usize, |sum, (_, length)| sum.checked_add(*length));
        if total != Some(n) {
            return Err(NoMask::Runs(format!("its runs do not fill {width} x {height} pixels")));
        }
        let mut values = Vec::with_capacity(n);
        runs.into_iter().for_each(|(value, length)| values.extend(std::iter::repeat_n(value, length)));
        Ok(Mask { width, height, values })
    }

    /// As JSON: height, width, and each run of equal classes with its length, from the upper left, row by row.
    pub fn to_rle(&self) -> String {
        let runs = self.values.chunk_by(|a, b| a == b).map(|run| (run[0], run.len())).collect();
        let runs = Runs { height: self.height, width: self.width, runs };
        // Only numbers: writing them to memory cannot fail.
        serde_json::to_string(&runs).unwrap_or_default()
    }

    /// As an 8-bit grey PNG.
    pub fn to_png(&self) -> Vec<u8> {
        png(&self.values, [self.width, self.height], ExtendedColorType::L8)
    }

    /// As a grey PNG in base64.
    pub fn to_base64(&self) -> String {
        BASE64_STANDARD.encode(self.to_png())
    }

    /// The mask in a grey image in base64, with or without the prefix of a data URL.
    ///
    /// # Errors
    /// The text is not base64; otherwise as [`Mask::of_picture`].
    pub fn of_base64(text: &str) -> Result<Self, NoMask> {
        let encoded = text.trim().rsplit_once(";base64,").map_or(text.trim(), |(_, encoded)| encoded);
        let bytes = BASE64_STANDARD.decode(encoded).map_err(|_| NoMask::Runs("it is not base64".into()))?;
        Self::of_picture(&bytes)
    }

    /// Columns of pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows of pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The class of each pixel, row by row.
    pub fn values(&self) -> &[u8] {
        &self.values
    }

    /// The mask with each class replaced.
    pub fn map(&self, of: impl Fn(u8) -> u8) -> Self {
        Mask { values: self.values.iter().map(|value| of(*value)).collect(), ..*self }
    }

    /// The mask in another size: each pixel is the nearest of the old ones (by pixel centres).
    pub fn resized(&self, width: usize, height: usize) -> Self {
        if (width, height) == (self.width, self.height) {
            return self.clone();
        }
        let from = |at: usize, new: usize, old: usize| ((2 * at + 1) * old / (2 * new.max(1))).min(old - 1);
        let mut values = Vec::with_capacity(width * height);
        for y in 0..height {
            let row = from(y, height, self.height) * self.width;
            values.extend((0..width).map(|x| self.values[row + from(x, width, self.width)]));
        }
        Mask { width, height, values }
    }
}

/// An RGB image as a PNG in base64, for a page with embedded images.
pub fn picture_to_base64(pixels: &[u8], [width, height]: [usize; 2]) -> String {
    BASE64_STANDARD.encode(png(pixels, [width, height], ExtendedColorType::Rgb8))
}

fn png(pixels: &[u8], [width, height]: [usize; 2], colour: ExtendedColorType) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    // Writing to memory cannot fail, and the size is that of an image that was read.
    let _ = PngEncoder::new(&mut out).write_image(pixels, width as u32, height as u32, colour);
    out.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_mask_is_said() {
        let refused = |text: &str| Mask::of_rle(text).unwrap_err().to_string();
        assert!(refused("{}").contains("runs"));
        assert!(refused(r#"{"height":2,"width":2,"runs":[[0,3]]}"#).contains("do not fill 2 x 2"));
        assert!(refused(r#"{"height":0,"width":2,"runs":[]}"#).contains("2 x 0"));
        assert!(refused(r#"{"height":900000,"width":900000,"runs":[]}"#).contains("900000"));
        let coloured = png(&[255, 0, 0], [1, 1], ExtendedColorType::Rgb8);
        assert_eq!(Mask::of_picture(&coloured), Err(NoMask::Colours));
        let deep = png(&[0, 1], [1, 1], ExtendedColorType::L16);
        assert_eq!(Mask::of_picture(&deep), Err(NoMask::Deep));
        assert!(matches!(Mask::of_picture(b"GIF8"), Err(NoMask::Picture(_))));
    }

    #[test]
    fn sizes_change_by_the_nearest_pixel() {
        let mask = Mask::new(2, 2, vec![1, 2, 3, 4]).unwrap();
        let large = mask.resized(4, 2);
        assert_eq!(large.values(), [1, 1, 2, 2, 3, 3, 4, 4]);
        assert_eq!(large.resized(2, 2), mask);
        assert_eq!(mask.resized(1, 1).values(), [4]);
    }
}
