//! Decodes images (PNG, JPEG, GIF, BMP, WebP) to pixels, within limits that are checked before memory is allocated.
//!
//! For an animation, the first frame is used. The orientation recorded by a camera (EXIF) is applied, and transparent areas are laid over
//! white.

use std::fmt;
use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageReader};

/// The maximum number of pixels of an image; its header is checked before memory is allocated.
pub const MOST_PIXELS: u64 = 50_000_000;
/// The maximum number of bytes of an encoded image.
pub const MOST_BYTES: usize = 64 << 20;

/// The code of an error about a client's image, by which a server distinguishes it from its own errors.
pub const UNUSABLE: &str = "prep_unusable_picture";

/// A decoded image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Columns of pixels.
    pub width: u32,
    /// Rows of pixels.
    pub height: u32,
    /// 1 if every pixel is grey, else 3 (red, green, blue).
    pub channels: usize,
    /// `height * width * channels` bytes, row after row, with the channels of a pixel next to each other.
    pub pixels: Vec<u8>,
}

/// The reason why bytes are not a usable image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// No bytes at all.
    Empty,
    /// Not in a supported format.
    NoPicture,
    /// Truncated, or damaged in another way.
    Damaged,
    /// More pixels than [`MOST_PIXELS`].
    TooManyPixels(u64),
    /// More bytes than [`MOST_BYTES`].
    TooManyBytes(usize),
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unusable::Empty => write!(f, "no bytes"),
            Unusable::NoPicture => write!(f, "not a PNG, JPEG, GIF, BMP or WebP image"),
            Unusable::Damaged => write!(f, "the image is cut off or damaged"),
            Unusable::TooManyPixels(n) => {
                write!(
                    f,
                    "{} megapixels, more than the {} that are read",
                    n / 1_000_000,
                    MOST_PIXELS / 1_000_000
                )
            }
            Unusable::TooManyBytes(n) => {
                write!(f, "{} MiB, more than the {} that are read", n >> 20, MOST_BYTES >> 20)
            }
        }
    }
}

impl std::error::Error for Unusable {}

/// The header of an image, in the orientation in which the camera was held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Columns of pixels.
    pub width: u32,
    /// Rows of pixels.
    pub height: u32,
    /// Whether its pixels are stored in colour.
    pub colour: bool,
}

/// Size and mode according to the header, without decoding the pixels.
///
/// # Errors
/// As [`size`].
pub fn header(bytes: &[u8]) -> Result<Header, Unusable> {
    let mut decoder = decoder(bytes)?;
    let ((width, height), colour) = (decoder.dimensions(), decoder.color_type().has_color());
    let (width, height) = if turns(orientation(&mut decoder)) { (height, width) } else { (width, height) };
    Ok(Header { width, height, colour })
}

/// Width and height according to the header (in the orientation in which the camera was held, if recorded), without decoding the pixels.
///
/// # Errors
/// The bytes are not an image, or it exceeds the limits.
pub fn size(bytes: &[u8]) -> Result<(u32, u32), Unusable> {
    header(bytes).map(|found| (found.width, found.height))
}

/// The pixels of an image.
///
/// ```
/// // The smallest BMP: one white pixel.
/// let bmp = b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\x18\0\0\0\0\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xff\xff\xff\0";
/// let picture = tidemill_kernel::picture::decode(bmp).unwrap();
/// assert_eq!((picture.width, picture.height, picture.channels), (1, 1, 1));
/// assert_eq!(picture.pixels, [255]);
/// assert!(tidemill_kernel::picture::decode(b"GIF8").is_err());
/// ```
///
/// # Errors
/// The bytes are not an image, it is truncated or damaged, or it exceeds the limits.
pub fn decode(bytes: &[u8]) -> Result<Picture, Unusable> {
    let mut decoder = decoder(bytes)?;
    // The decoder fills the missing part of a JPEG with grey.
    if bytes.starts_with(&[0xff, 0xd8]) && !jpeg_ends(bytes) {
        return Err(Unusable::Damaged);
    }
    let orientation = orientation(&mut decoder);
    let mut image = DynamicImage::from_decoder(decoder).map_err(|e| unusable(&e))?;
    image.apply_orientation(orientation);
    let (width, height) = (image.width(), image.height());
    let (pixels, channels) = over_white(image);
    let picture = Picture { width, height, channels, pixels };
    Ok(if picture.channels == 3 && picture.is_grey() { picture.grey() } else { picture })
}

fn decoder(bytes: &[u8]) -> Result<impl ImageDecoder + '_, Unusable> {
    if bytes.is_empty() {
        return Err(Unusable::Empty);
    }
    if bytes.len() > MOST_BYTES {
        return Err(Unusable::TooManyBytes(bytes.len()));
    }
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let reader = reader.ok().filter(|r| r.format().is_some()).ok_or(Unusable::NoPicture)?;
    let decoder = reader.into_decoder().map_err(|e| unusable(&e))?;
    let (width, height) = decoder.dimensions();
    match u64::from(width) * u64::from(height) {
        0 => Err(Unusable::Damaged),
        n if n > MOST_PIXELS => Err(Unusable::TooManyPixels(n)),
        _ => Ok(decoder),
    }
}

fn unusable(e: &ImageError) -> Unusable {
    if matches!(e, ImageError::Unsupported(_)) { Unusable::NoPicture } else { Unusable::Damaged }
}

/// Damaged camera metadata does not make an image unusable.
fn orientation(decoder: &mut impl ImageDecoder) -> Orientation {
    decoder.orientation().unwrap_or(Orientation::NoTransforms)
}

fn turns(orientation: Orientation) -> bool {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    matches!(orientation, Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH)
}

/// Whether the end marker follows the pixels. Markers in the metadata before them (such as those of a preview) are skipped.
fn jpeg_ends(bytes: &[u8]) -> bool {
    let mut at = 2;
    while let Some(&[0xff, mark]) = bytes.get(at..at + 2) {
        match mark {
            // Fill bytes, and standalone markers.
            0xff => at += 1,
            0x01 | 0xd0..=0xd8 => at += 2,
            0xd9 => return true,
            _ => {
                let Some(&[high, low]) = bytes.get(at + 2..at + 4) else { return false };
                at += 2 + usize::from(u16::from_be_bytes([high, low]));
                // The start of the pixels: within them, 0xff is never followed by the byte of the end marker.
                if mark == 0xda {
                    let rest = bytes.get(at..).unwrap_or_default();
                    return rest.windows(2).any(|pair| pair == [0xff, 0xd9]);
                }
            }
        }
    }
    false
}

/// Eight bits per channel, with transparency laid over white.
fn over_white(image: DynamicImage) -> (Vec<u8>, usize) {
    let grey = !image.color().has_color();
    let lay = |value: u8, alpha: u8| {
        let (value, alpha) = (u32::from(value), u32::from(alpha));
        ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8
    };
    match (grey, image.color().has_alpha()) {
        (true, false) => (image.into_luma8().into_raw(), 1),
        (false, false) => (image.into_rgb8().into_raw(), 3),
        (true, true) => {
            let pixels = image.into_luma_alpha8();
            (pixels.pixels().map(|p| lay(p.0[0], p.0[1])).collect(), 1)
        }
        (false, true) => {
            let pixels = image.into_rgba8();
            (pixels.pixels().flat_map(|p| [0, 1, 2].map(|c| lay(p.0[c], p.0[3]))).collect(), 3)
        }
    }
}

impl Picture {
    fn is_grey(&self) -> bool {
        self.channels == 1 || self.pixels.chunks_exact(3).all(|p| p[0] == p[1] && p[1] == p[2])
    }

    /// The image in grey: the luma of ITU-R BT.601, in the integers that Pillow uses.
    pub fn grey(self) -> Self {
        if self.channels == 1 {
            return self;
        }
        let luma = |p: &[u8]| {
            let [r, g, b] = [0, 1, 2].map(|c| u32::from(p[c]));
            ((r * 19_595 + g * 38_470 + b * 7_471 + 0x8000) >> 16) as u8
        };
        Picture { pixels: self.pixels.chunks_exact(3).map(luma).collect(), channels: 1, ..self }
    }

    /// The image with three channels.
    pub fn rgb(self) -> Self {
        if self.channels == 3 {
            return self;
        }
        Picture { pixels: self.pixels.iter().flat_map(|&v| [v; 3]).collect(), channels: 3, ..self }
    }
}
