//! `encode_pixels`: each image column becomes one dense vector column of its pixels.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BinaryArray};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Builtin, BuiltinStep, Cell, Column, Columns, Context, Error, Estimator, Fitted, KeyPath, Kind, Layout,
    Registry, Result, Slot, State, Training, dense_vector,
};
use tidemill_kernel::picture;

use crate::PrepError;
use crate::mapping::{self, Bound, ColumnOf, ColumnStep, Learned, Notes, Saved, wrong_cell};
use crate::pictures::{Fit, framed};

/// Sides up to this are kept where all images have the same; else it is the side of the frame.
const SIDE: u32 = 64;
/// The longest side of a frame.
const LONGEST: u32 = 1024;
/// The most numbers that an image becomes.
const MOST: usize = 1 << 20;
/// What stands for a missing picture: a white one.
const WHITE: f32 = 1.0;

/// Replaces each image column by one dense vector column of the same name: the image in a frame of `width` x `height`, channel
/// after channel, each number from 0 (black) to 1 (white).
///
/// Reads PNG, JPEG, GIF (its first frame), BMP and WebP of at most 50 megapixels and 64 MiB; the orientation that a camera noted
/// is carried out, what is transparent lies over white, grey is the luma of ITU-R BT.601. A missing image is a white
/// one. Agrees with Pillow's `Image.resize` (bilinear), `ImageOps.fit` and `ImageOps.pad` to 2/255.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::BinaryArray;
/// use tidemill_core::{Batch, Column, Context, Estimator, Kind, Schema, Table, Training};
/// let bmp = b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\x18\0\0\0\0\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xff\xff\xff\0";
/// let schema = Arc::new(Schema::new(vec![Column::new("photo", Kind::Image)])?);
/// let photos = BinaryArray::from(vec![&bmp[..]]);
/// let table = Table::new(Batch::new(schema, vec![Arc::new(photos)])?);
/// let step = tidemill_prep::EncodePixels { width: Some(2), height: Some(2), ..Default::default() };
/// let (_, encoded) = step.fit_apply(Training::on(&table), &Context::default())?;
/// assert_eq!(encoded.batch().vector(0)?, [1.0; 4]); // white and grey
/// # Ok::<(), tidemill_core::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EncodePixels {
    /// The columns to encode; by default, every image that is a feature.
    pub columns: Columns,
    /// Columns of pixels, 1 to 1024; by default that of the training images where all have the same size of at most 64 x 64,
    /// else 64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Rows of pixels, as `width`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// 1 for grey, 3 for red, green and blue; by default 1 where all training images are grey.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<usize>,
    /// How an image of other proportions comes into the frame.
    pub fit: Fit,
}

impl Estimator for EncodePixels {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        mapping::fit(self, training, context)
    }
}

impl Builtin for EncodePixels {
    const KIND: &'static str = "encode_pixels";

    fn check(&self) -> Result<(), KeyPath> {
        for (key, side) in [("width", self.width), ("height", self.height)] {
            if let Some(side) = side.filter(|side| !(1..=LONGEST).contains(side)) {
                return Err(KeyPath::new(key, format!("must be 1 to {LONGEST}; it is {side}")));
            }
        }
        match self.channels {
            Some(n) if n != 1 && n != 3 => {
                Err(KeyPath::new("channels", format!("must be 1 (grey) or 3 (colours); it is {n}")))
            }
            _ => Ok(()),
        }
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        mapping::load::<Self>(&state)
    }
}

impl BuiltinStep for EncodePixels {
    const SLOT: Slot = Slot::Media;
    const DONE: &'static str = "read as numbers of one size";
}

impl ColumnStep for EncodePixels {
    type Learned = Pixels;
    const WANTED: &'static str = "an image";

    fn columns(&self) -> &Columns {
        &self.columns
    }

    fn handles(&self, column: &Column) -> bool {
        column.kind == Kind::Image
    }

    fn learn(&self, from: ColumnOf<'_>, _: &mut Notes) -> Result<Pixels> {
        let (images, name) = (from.images()?, &from.column().name);
        let (width, height) = match (self.width, self.height) {
            (Some(width), Some(height)) => (width, height),
            (width, height) => {
                let common = common_size(images, name)?;
                (width.unwrap_or(common.0), height.unwrap_or(common.1))
            }
        };
        let channels = match self.channels {
            Some(channels) => channels,
            None if all_grey(images, name)? => 1,
            None => 3,
        };
        let pixels = Pixels { width, height, channels, fit: self.fit };
        if pixels.len() > MOST {
            return Err(PrepError::PictureTooFine { numbers: pixels.len(), most: MOST }.into());
        }
        Ok(pixels)
    }
}

/// The size that all images have, where it is small; else that of the default frame.
fn common_size(images: &BinaryArray, column: &str) -> Result<(u32, u32)> {
    let sizes = each(images, column, picture::size)?;
    Ok(match sizes.split_first() {
        Some((&(width, height), rest))
            if width.max(height) <= SIDE && rest.iter().all(|size| *size == (width, height)) =>
        {
            (width, height)
        }
        _ => (SIDE, SIDE),
    })
}

fn all_grey(images: &BinaryArray, column: &str) -> Result<bool> {
    // A handful decides for most tables; then the rest need not be decoded.
    let few = images.slice(0, images.len().min(64));
    let grey = |bytes: &[u8]| picture::decode(bytes).map(|p| p.channels == 1);
    let all = |images: &BinaryArray| Ok::<_, Error>(each(images, column, grey)?.into_iter().all(|grey| grey));
    Ok(all(&few)? && all(images)?)
}

/// Something about each image that is there; errors name the row of the first that cannot be used.
fn each<T: Send>(
    images: &BinaryArray,
    column: &str,
    of: impl Fn(&[u8]) -> Result<T, picture::Unusable> + Sync,
) -> Result<Vec<T>> {
    let one = |row: usize| {
        let found = images.is_valid(row).then(|| of(images.value(row))).transpose();
        found.map_err(|why| unusable(column, Some(row), why))
    };
    let found: Vec<Result<Option<T>, PrepError>> = (0..images.len()).into_par_iter().map(one).collect();
    Ok(found.into_iter().filter_map(Result::transpose).collect::<Result<_, _>>()?)
}

fn unusable(column: &str, row: Option<usize>, why: picture::Unusable) -> PrepError {
    PrepError::UnusablePicture { column: column.into(), row: row.map(|row| row + 1), why }
}

/// The frame that the images of one column come into.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pixels {
    width: u32,
    height: u32,
    channels: usize,
    fit: Fit,
}

impl Pixels {
    fn len(&self) -> usize {
        self.width as usize * self.height as usize * self.channels
    }

    /// The numbers of an image into `out`, which has [`Pixels::len`] of them.
    fn write(&self, bytes: &[u8], out: &mut [f32]) -> Result<Result<(), picture::Unusable>> {
        let picture = match picture::decode(bytes) {
            Ok(picture) => picture,
            Err(why) => return Ok(Err(why)),
        };
        let picture = if self.channels == 1 { picture.grey() } else { picture.rgb() };
        let picture = framed(picture, self.width, self.height, self.fit)?;
        let plane = out.len() / self.channels;
        for (at, pixel) in picture.pixels.chunks_exact(self.channels).enumerate() {
            for (channel, &value) in pixel.iter().enumerate() {
                out[channel * plane + at] = f32::from(value) / 255.0;
            }
        }
        Ok(Ok(()))
    }
}

impl Learned for Pixels {
    fn save(&self) -> Saved {
        Saved::new(self, Vec::new())
    }

    fn load(saved: Saved) -> Result<Self, String> {
        let pixels: Pixels = saved.read()?;
        let side = 1..=LONGEST;
        let sound = side.contains(&pixels.width) && side.contains(&pixels.height) && saved.floats.is_empty();
        if !sound || !matches!(pixels.channels, 1 | 3) || pixels.len() > MOST {
            return Err(format!("a frame of {} x {} x {}", pixels.width, pixels.height, pixels.channels));
        }
        Ok(pixels)
    }

    fn output(&self, input: &Column) -> Result<Vec<Column>> {
        let layout = Layout::Image {
            channels: self.channels,
            height: self.height as usize,
            width: self.width as usize,
        };
        let vector = Column::new(&input.name, Kind::Vector { len: self.len(), sparse: false });
        Ok(vec![vector.derived_from(input).with_role(input.role).with_layout(layout)])
    }

    fn bind(&self, input: &Column) -> Result<Box<dyn Bound>> {
        Ok(Box::new(BoundPixels { pixels: *self, column: input.name.clone() }))
    }
}

struct BoundPixels {
    pixels: Pixels,
    column: String,
}

impl Bound for BoundPixels {
    fn apply(&self, from: ColumnOf<'_>) -> Result<Vec<ArrayRef>> {
        let images = from.images()?;
        let len = self.pixels.len();
        let mut values = vec![WHITE; images.len() * len];
        let rows = values.par_chunks_mut(len).enumerate();
        let done: Vec<Result<()>> = rows
            .filter(|(row, _)| images.is_valid(*row))
            .map(|(row, out)| {
                let written = self.pixels.write(images.value(row), out)?;
                Ok(written.map_err(|why| unusable(&self.column, Some(row), why))?)
            })
            .collect();
        // The first of them, whichever thread was quicker.
        done.into_iter().collect::<Result<()>>()?;
        Ok(vec![dense_vector(values, len)?])
    }

    fn row(&self, cell: Cell, out: &mut Vec<Cell>) -> Result<()> {
        let mut values = vec![WHITE; self.pixels.len()];
        match cell {
            Cell::Missing => {}
            Cell::Image(bytes) => {
                let written = self.pixels.write(&bytes, &mut values)?;
                written.map_err(|why| unusable(&self.column, None, why))?;
            }
            other => return Err(wrong_cell("an image", &other)),
        }
        out.push(Cell::Vector(values));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_name_the_key() {
        let wrong = |step: EncodePixels| step.check().unwrap_err().path;
        assert_eq!(wrong(EncodePixels { width: Some(0), ..Default::default() }), "width");
        assert_eq!(wrong(EncodePixels { height: Some(1025), ..Default::default() }), "height");
        assert_eq!(wrong(EncodePixels { channels: Some(4), ..Default::default() }), "channels");
    }

    #[test]
    fn a_saved_frame_is_whole() {
        let saved = |width| serde_json::json!({ "width": width, "height": 8, "channels": 1, "fit": "crop" });
        let load = |notes| Pixels::load(Saved { notes, floats: Vec::new() });
        assert_eq!(load(saved(8)).unwrap().len(), 64);
        assert!(load(saved(0)).is_err() && load(saved(100_000)).is_err());
    }
}
