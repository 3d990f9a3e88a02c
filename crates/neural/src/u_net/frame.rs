//! From a picture to the numbers of a frame whose sides a U-Net can halve, and from its scores back to a mask.

use tidemill_core::{Error, Result};
use tidemill_kernel::mask::Mask;
use tidemill_kernel::picture::Picture;

use super::loss::Inner;
use crate::standard::{Standard, Sums};

/// How pictures come into a frame: what training learned of them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Frames {
    /// Whether pictures are read in grey (1) or in colour (3).
    pub(super) planes: usize,
    /// The longest side at which a picture is looked at, in pixels.
    pub(super) longest: usize,
    /// Sides of a frame are multiples of this.
    pub(super) step: usize,
    /// What brings each plane to mean 0 and spread 1 over the training pictures.
    pub(super) standards: Vec<Standard>,
}

/// A picture as a net reads it.
#[derive(Clone, Debug)]
pub(super) struct Framed {
    /// `[height, width, planes]`, row by row; beyond the picture 0, the mean.
    pub(super) numbers: Vec<f32>,
    /// Rows and columns of the frame.
    pub(super) frame: [usize; 2],
    /// Where the picture lies in it: in the upper left.
    pub(super) inner: Inner,
}

impl Frames {
    /// What the training pictures are like.
    pub(super) fn learn<'a>(
        pictures: impl Iterator<Item = &'a Picture> + Clone,
        longest: usize,
        step: usize,
    ) -> Self {
        let planes = if pictures.clone().all(|picture| picture.channels == 1) { 1 } else { 3 };
        let mut sums = vec![Sums::default(); planes];
        for picture in pictures {
            let pixels = read(picture, planes);
            for pixel in pixels.chunks_exact(planes) {
                sums.iter_mut().zip(pixel).for_each(|(sum, value)| sum.add(f64::from(*value), 1.0));
            }
        }
        Frames { planes, longest, step, standards: sums.iter().map(Sums::standard).collect() }
    }

    /// The size at which a picture is looked at: its own, or a smaller one of the same proportions.
    pub(super) fn working(&self, [height, width]: [usize; 2]) -> [usize; 2] {
        let longest = height.max(width);
        if longest <= self.longest {
            return [height, width];
        }
        [height, width].map(|side| ((side * self.longest + longest / 2) / longest).max(1))
    }

    /// A picture in its frame.
    pub(super) fn frame(&self, picture: &Picture) -> Framed {
        let [height, width] = [picture.height as usize, picture.width as usize];
        let size = self.working([height, width]);
        let pixels = shrunk(&read(picture, self.planes), [height, width], size, self.planes);
        let frame = size.map(|side| side.next_multiple_of(self.step));
        let mut numbers = vec![0.0; frame[0] * frame[1] * self.planes];
        let inner = Inner { size, frame_width: frame[1] };
        for (place, pixel) in inner.places().zip(pixels.chunks_exact(self.planes)) {
            let into = &mut numbers[place * self.planes..(place + 1) * self.planes];
            for ((into, value), standard) in into.iter_mut().zip(pixel).zip(&self.standards) {
                *into = standard.apply(f64::from(*value));
            }
        }
        Framed { numbers, frame, inner }
    }

    /// The mask that scores of `k` numbers a pixel mean, in the size of the picture; `classes` are the values of a mask. Of equal scores the
    /// first counts.
    pub(super) fn mask(
        &self,
        scores: &[f32],
        inner: Inner,
        classes: &[u8],
        picture: &Picture,
    ) -> Result<Mask> {
        let k = classes.len();
        let best = |scores: &[f32]| (1..k).fold(0, |best, c| if scores[c] > scores[best] { c } else { best });
        let values = inner.places().map(|place| classes[best(&scores[place * k..(place + 1) * k])]).collect();
        let [height, width] = inner.size;
        let mask =
            Mask::new(width, height, values).ok_or_else(|| Error::internal("a picture without pixels"))?;
        Ok(mask.resized(picture.width as usize, picture.height as usize))
    }
}

/// The values of a picture in so many planes, from 0 to 255.
fn read(picture: &Picture, planes: usize) -> Vec<f32> {
    let picture = picture.clone();
    let picture = if planes == 1 { picture.grey() } else { picture.rgb() };
    picture.pixels.into_iter().map(f32::from).collect()
}

/// Each pixel of the smaller picture is the mean of those that it covers.
fn shrunk(pixels: &[f32], from: [usize; 2], to: [usize; 2], planes: usize) -> Vec<f32> {
    if from == to {
        return pixels.to_vec();
    }
    let covered = |at: usize, axis: usize| {
        let start = at * from[axis] / to[axis];
        start..((at + 1) * from[axis]).div_ceil(to[axis]).max(start + 1).min(from[axis])
    };
    let mut out = Vec::with_capacity(to[0] * to[1] * planes);
    for y in 0..to[0] {
        for x in 0..to[1] {
            let (rows, columns) = (covered(y, 0), covered(x, 1));
            let share = 1.0 / (rows.len() * columns.len()) as f32;
            for plane in 0..planes {
                let of_row =
                    |row: usize| columns.clone().map(move |column| (row * from[1] + column) * planes + plane);
                out.push(rows.clone().flat_map(of_row).map(|at| pixels[at]).sum::<f32>() * share);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, height: u32, of: impl Fn(u32) -> u8) -> Picture {
        Picture { width, height, channels: 1, pixels: (0..width * height).map(of).collect() }
    }

    #[test]
    fn a_large_picture_is_looked_at_smaller_and_answered_in_its_size() {
        let large = picture(40, 20, |at| if at % 40 < 20 { 10 } else { 200 });
        let frames = Frames::learn([&large].into_iter(), 10, 4);
        let framed = frames.frame(&large);
        assert_eq!((framed.inner.size, framed.frame), ([5, 10], [8, 12]));
        // Beyond the picture lies the mean.
        assert_eq!((framed.numbers[11], framed.numbers[95]), (0.0, 0.0));
        assert!(framed.numbers[0] < -0.9 && framed.numbers[9] > 0.9);
        let scores: Vec<f32> = framed.numbers.iter().flat_map(|x| [-x, *x]).collect();
        let mask = frames.mask(&scores, framed.inner, &[3, 7], &large).unwrap();
        assert_eq!((mask.width(), mask.height()), (40, 20));
        assert!(
            mask.values().iter().enumerate().all(|(at, value)| *value == if at % 40 < 20 { 3 } else { 7 })
        );
    }
}
