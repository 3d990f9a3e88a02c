//! `smooth_image`: noise of pictures is smoothed away.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, FixedSizeListArray};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Builtin, BuiltinStep, Cell, Column, Columns, Context, Error, Estimator, Fitted, KeyPath, Kind, Layout,
    Registry, Result, Slot, State, Training, dense_vector,
};

use crate::mapping::{self, Bound, ColumnOf, ColumnStep, Learned, Notes, Saved, wrong_cell};

/// Smooths images that `encode_pixels` made vectors of: each number follows from those around it.
///
/// Beyond its edges an image goes on as it is there. Nothing is learned from the training rows. Agrees with SciPy's
/// `gaussian_filter` and `median_filter` with `mode="nearest"`; the bilateral filter is that of Tomasi and Manduchi 1998, "Bilateral
/// filtering for gray and color images", with the colours of a pixel taken together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SmoothImage {
    /// The columns to smooth; by default, every feature that is an image as a vector.
    pub columns: Columns,
    /// How a number follows from its neighbours.
    pub filter: ImageFilter,
    /// How many pixels a window reaches to each side, 1 to 15.
    pub radius: usize,
    /// For `gaussian` and `bilateral`, how far a neighbour counts: the standard deviation of the weights in pixels, above 0.
    #[schemars(extend("with" = { "key": "filter", "is": ["gaussian", "bilateral"], "name": "sigma" }))]
    pub sigma: f64,
    /// For `bilateral`, how different a neighbour may be to count: the standard deviation in numbers from 0 (black) to 1 (white),
    /// above 0.
    #[schemars(extend("with" = { "key": "filter", "is": ["bilateral"], "name": "sigma_color" }))]
    pub sigma_color: f64,
}

/// How a number follows from its neighbours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImageFilter {
    /// Their mean, weighed by a normal curve: soft noise.
    #[default]
    Gaussian,
    /// Their median: single wrong pixels.
    Median,
    /// Their mean, weighed by how near and how alike they are: edges stay sharp.
    Bilateral,
}

impl Default for SmoothImage {
    fn default() -> Self {
        let (columns, filter) = (Columns::default(), ImageFilter::default());
        SmoothImage { columns, filter, radius: 1, sigma: 1.0, sigma_color: 0.1 }
    }
}

impl Estimator for SmoothImage {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        mapping::fit(self, training, context)
    }
}

impl Builtin for SmoothImage {
    const KIND: &'static str = "smooth_image";

    fn check(&self) -> Result<(), KeyPath> {
        if !(1..=15).contains(&self.radius) {
            return Err(KeyPath::new("radius", format!("must be 1 to 15, but is {}", self.radius)));
        }
        for (key, sigma) in [("sigma", self.sigma), ("sigma_color", self.sigma_color)] {
            if !(sigma > 0.0 && sigma.is_finite()) {
                return Err(KeyPath::new(key, format!("must be a number above 0, but is {sigma}")));
            }
        }
        Ok(())
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        mapping::load::<Self>(&state)
    }
}

impl BuiltinStep for SmoothImage {
    const SLOT: Slot = Slot::Media;
    const DONE: &'static str = "smoothed as an image";
}

impl ColumnStep for SmoothImage {
    type Learned = Smoothing;
    const WANTED: &'static str = "an image that encode_pixels made a vector of";

    fn columns(&self) -> &Columns {
        &self.columns
    }

    fn handles(&self, column: &Column) -> bool {
        shape(column).is_some()
    }

    fn learn(&self, from: ColumnOf<'_>, _: &mut Notes) -> Result<Smoothing> {
        let shape = shape(from.column()).ok_or_else(|| Error::internal("a column that is no image"))?;
        let SmoothImage { filter, radius, sigma, sigma_color, .. } = *self;
        Ok(Smoothing { shape, filter, radius, sigma, sigma_color })
    }
}

/// Channels, rows and columns of an image that is a dense vector.
fn shape(column: &Column) -> Option<[usize; 3]> {
    match (column.kind, &column.layout) {
        (Kind::Vector { sparse: false, len }, &Some(Layout::Image { channels, height, width }))
            if channels * height * width == len && len > 0 =>
        {
            Some([channels, height, width])
        }
        _ => None,
    }
}

/// What is done to the images of one column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Smoothing {
    shape: [usize; 3],
    filter: ImageFilter,
    radius: usize,
    sigma: f64,
    sigma_color: f64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedNotes {
    shape: [usize; 3],
    filter: ImageFilter,
    radius: usize,
}

impl Learned for Smoothing {
    fn save(&self) -> Saved {
        let Smoothing { shape, filter, radius, sigma, sigma_color } = *self;
        Saved::new(SavedNotes { shape, filter, radius }, vec![sigma, sigma_color])
    }

    fn load(saved: Saved) -> Result<Self, String> {
        let SavedNotes { shape, filter, radius } = saved.read()?;
        let [sigma, sigma_color] = saved.floats[..] else { return Err("it should have two numbers".into()) };
        let sound = sigma > 0.0 && sigma_color > 0.0 && (1..=15).contains(&radius);
        let size = shape.iter().try_fold(1usize, |size, n| size.checked_mul(*n));
        match sound && size.is_some_and(|size| (1..=1 << 24).contains(&size)) {
            true => Ok(Smoothing { shape, filter, radius, sigma, sigma_color }),
            false => Err("its settings are out of range".into()),
        }
    }

    fn output(&self, input: &Column) -> Result<Vec<Column>> {
        Ok(vec![input.clone()])
    }

    fn bind(&self, input: &Column) -> Result<Box<dyn Bound>> {
        match shape(input) == Some(self.shape) {
            true => Ok(Box::new(*self)),
            false => Err(Error::data(
                format!("'{}' is not an image of the size that it was in training", input.name),
                "prepare the column as it was prepared for training",
            )),
        }
    }
}

impl Bound for Smoothing {
    fn apply(&self, from: ColumnOf<'_>) -> Result<Vec<ArrayRef>> {
        let len = self.shape.iter().product::<usize>();
        let array = from.array();
        let mut values = from.vector()?.to_vec();
        let rows = values.par_chunks_mut(len).enumerate().filter(|(row, _)| array.is_valid(*row));
        rows.for_each(|(_, image)| self.smooth(image));
        let smoothed = dense_vector(values, len)?;
        if array.null_count() == 0 {
            return Ok(vec![smoothed]);
        }
        let list = smoothed.as_fixed_size_list_opt().ok_or_else(|| Error::internal("a vector is no list"))?;
        let (field, size, values, _) = list.clone().into_parts();
        let list = FixedSizeListArray::try_new(field, size, values, array.logical_nulls());
        Ok(vec![Arc::new(list.map_err(|e| Error::internal(format!("vector: {e}")))?)])
    }

    fn row(&self, cell: Cell, out: &mut Vec<Cell>) -> Result<()> {
        out.push(match cell {
            Cell::Missing => Cell::Missing,
            Cell::Vector(mut image) if image.len() == self.shape.iter().product::<usize>() => {
                self.smooth(&mut image);
                Cell::Vector(image)
            }
            other => return Err(wrong_cell("an image as a vector", &other)),
        });
        Ok(())
    }
}

impl Smoothing {
    fn smooth(&self, image: &mut [f32]) {
        let smoothed: Vec<f32> = match self.filter {
            ImageFilter::Gaussian => self.gaussian(image),
            ImageFilter::Median => self.median(image),
            ImageFilter::Bilateral => self.bilateral(image),
        };
        image.copy_from_slice(&smoothed);
    }

    /// The weights of the distances from `-radius` to `radius`, not yet of sum 1.
    fn weights(&self) -> Vec<f64> {
        let radius = self.radius as f64;
        let weight = |i: usize| (-0.5 * ((i as f64 - radius) / self.sigma).powi(2)).exp();
        (0..=2 * self.radius).map(weight).collect()
    }

    /// Down the columns, then along the rows.
    fn gaussian(&self, image: &[f32]) -> Vec<f32> {
        let [channels, height, width] = self.shape;
        let weights = self.weights();
        let total: f64 = weights.iter().sum();
        let at = |c: usize, y: usize, x: usize| (c * height + y) * width + x;
        let mut down = vec![0.0f64; image.len()];
        for (c, y, x) in places(self.shape) {
            let near = window(y, self.radius, height).zip(&weights);
            down[at(c, y, x)] = near.map(|(y, w)| w * f64::from(image[at(c, y, x)])).sum::<f64>() / total;
        }
        let mut out = Vec::with_capacity(channels * height * width);
        for (c, y, x) in places(self.shape) {
            let near = window(x, self.radius, width).zip(&weights);
            out.push((near.map(|(x, w)| w * down[at(c, y, x)]).sum::<f64>() / total) as f32);
        }
        out
    }

    fn median(&self, image: &[f32]) -> Vec<f32> {
        let [_, height, width] = self.shape;
        let mut near = Vec::with_capacity((2 * self.radius + 1).pow(2));
        let middle = |(c, y, x): (usize, usize, usize)| {
            near.clear();
            for y in window(y, self.radius, height) {
                near.extend(window(x, self.radius, width).map(|x| image[(c * height + y) * width + x]));
            }
            let half = near.len() / 2;
            *near.select_nth_unstable_by(half, f32::total_cmp).1
        };
        places(self.shape).map(middle).collect()
    }

    fn bilateral(&self, image: &[f32]) -> Vec<f32> {
        let [channels, height, width] = self.shape;
        let weights = self.weights();
        let (plane, mut out) = (height * width, vec![0.0; image.len()]);
        for (_, y, x) in places([1, height, width]) {
            let own = y * width + x;
            let (mut sums, mut total) = (vec![0.0; channels], 0.0);
            for (near_y, wy) in window(y, self.radius, height).zip(&weights) {
                for (near_x, wx) in window(x, self.radius, width).zip(&weights) {
                    let near = near_y * width + near_x;
                    let apart =
                        |c: usize| f64::from(image[c * plane + near]) - f64::from(image[c * plane + own]);
                    let squares: f64 = (0..channels).map(|c| apart(c) * apart(c)).sum();
                    let weight = wy * wx * (-0.5 * squares / (self.sigma_color * self.sigma_color)).exp();
                    total += weight;
                    (0..channels).for_each(|c| sums[c] += weight * f64::from(image[c * plane + near]));
                }
            }
            // The pixel itself always counts.
            (0..channels).for_each(|c| out[c * plane + own] = (sums[c] / total) as f32);
        }
        out
    }
}

/// Every channel, row and column, in the order of the numbers.
fn places([channels, height, width]: [usize; 3]) -> impl Iterator<Item = (usize, usize, usize)> {
    let rows = (0..channels).flat_map(move |c| (0..height).map(move |y| (c, y)));
    rows.flat_map(move |(c, y)| (0..width).map(move |x| (c, y, x)))
}

/// The places from `radius` before to `radius` behind; beyond an edge, the edge.
fn window(at: usize, radius: usize, size: usize) -> impl Iterator<Item = usize> {
    (0..=2 * radius).map(move |i| (at + i).saturating_sub(radius).min(size - 1))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Case {
        filter: ImageFilter,
        radius: usize,
        sigma: f64,
        sigma_color: f64,
        smoothed: Vec<f32>,
    }

    #[derive(Deserialize)]
    struct Reference {
        shape: [usize; 3],
        image: Vec<f32>,
        cases: Vec<Case>,
    }

    /// Stored by `tests/reference/smooth_image.py`.
    #[test]
    fn images_are_smoothed_as_by_scipy() {
        let Reference { shape, image, cases } =
            serde_json::from_str(include_str!("../tests/reference/smooth_image.json")).unwrap();
        assert!(cases.len() >= 5);
        for Case { filter, radius, sigma, sigma_color, smoothed } in cases {
            let mut found = image.clone();
            Smoothing { shape, filter, radius, sigma, sigma_color }.smooth(&mut found);
            for (found, wanted) in found.iter().zip(&smoothed) {
                assert!((found - wanted).abs() < 2e-6, "{filter:?} {radius}: {found}, not {wanted}");
            }
        }
    }
}
