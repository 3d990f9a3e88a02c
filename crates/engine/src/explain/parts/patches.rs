//! A picture as patches, each of which is as it is or as in the mean picture of the background.

use std::borrow::Cow;
use std::ops::Range;

use arrow_array::{Array, BinaryArray};
use tidemill_eval::explain::Group;
use tidemill_kernel::picture::{Picture, decode};

/// Patches along each side, at most: 64 of them are divided to the last one.
const SIDE: usize = 8;
/// Pictures with a longer side are looked at smaller: the model reads thousands of mixtures of each.
const LONGEST: usize = 256;

/// A picture and its patches.
pub(super) struct Patches {
    own: Option<Picture>,
    /// Its columns and rows of pixels before it was made smaller.
    full: [usize; 2],
    /// As the row has it; `None` where it is missing.
    bytes: Option<Vec<u8>>,
    /// The mean picture, in the size of the row's.
    unknown: Option<Picture>,
    /// The mean picture in its own size: the same for every row.
    base: Option<Vec<u8>>,
    /// Columns and rows of patches.
    grid: [usize; 2],
}

impl Patches {
    /// Of a row's picture. What cannot be read as one has a single patch.
    pub(super) fn new(bytes: Option<&[u8]>, mean: Option<&Picture>) -> Self {
        let own = bytes.and_then(|bytes| decode(bytes).ok());
        let full = own.as_ref().map_or([0, 0], size);
        let own = own.map(|picture| smaller(picture.rgb()));
        let size = own.as_ref().map(size);
        let grid = match (size, mean) {
            (Some(size), Some(_)) => size.map(|side| side.min(SIDE)),
            _ => [1, 1],
        };
        Patches {
            unknown: mean.zip(size).map(|(mean, size)| scaled(mean, size)),
            base: mean.map(bmp),
            bytes: bytes.map(<[u8]>::to_vec),
            own,
            full,
            grid,
        }
    }

    /// How many patches there are.
    pub(super) fn len(&self) -> usize {
        self.grid.iter().product()
    }

    /// The place of a patch in the row's picture: its left and upper edge, its width and height in pixels. `None` where it cannot be read.
    pub(super) fn area(&self, patch: usize) -> Option<[usize; 4]> {
        self.own.is_some().then(|| self.within(patch, self.full))
    }

    /// The same in a picture of this size.
    fn within(&self, patch: usize, [width, height]: [usize; 2]) -> [usize; 4] {
        let part = |at: usize, n: usize, side: usize| (side * at / n)..(side * (at + 1) / n);
        let [across, down] = self.grid;
        let (x, y) = (part(patch % across, across, width), part(patch / across, down, height));
        [x.start, y.start, x.len(), y.len()]
    }

    /// The picture, where it can be read.
    pub(super) fn picture(&self) -> Option<&Picture> {
        self.own.as_ref()
    }

    /// The picture when only these patches are known; `None` for a missing one.
    pub(super) fn with(&self, known: &[bool]) -> Option<Cow<'_, [u8]>> {
        if known.iter().all(|known| *known) {
            return self.bytes.as_deref().map(Cow::Borrowed);
        }
        let (Some(own), Some(unknown)) = (&self.own, &self.unknown) else {
            return self.base.as_deref().map(Cow::Borrowed);
        };
        if !known.contains(&true) {
            return self.base.as_deref().map(Cow::Borrowed);
        }
        let mut mixed = unknown.clone();
        let width = own.width as usize;
        for patch in (0..known.len()).filter(|patch| known[*patch]) {
            let [x, y, wide, high] = self.within(patch, size(own));
            for line in y..y + high {
                let run: Range<usize> = 3 * (line * width + x)..3 * (line * width + x + wide);
                mixed.pixels[run.clone()].copy_from_slice(&own.pixels[run]);
            }
        }
        Some(Cow::Owned(bmp(&mixed)))
    }

    /// The patches in groups of neighbours; the first is player `first`.
    pub(super) fn group(&self, first: usize) -> Group {
        halved([0..self.grid[0], 0..self.grid[1]], self.grid[0], first)
    }
}

/// Halves along the longer side, down to single patches.
fn halved([x, y]: [Range<usize>; 2], across: usize, first: usize) -> Group {
    if x.len() <= 1 && y.len() <= 1 {
        return Group::Player(first + y.start * across + x.start);
    }
    let halves = |side: &Range<usize>| {
        let middle = side.start + side.len() / 2;
        [side.start..middle, middle..side.end]
    };
    let parts = if x.len() >= y.len() {
        halves(&x).map(|x| halved([x, y.clone()], across, first))
    } else {
        halves(&y).map(|y| halved([x.clone(), y], across, first))
    };
    Group::Pair(Box::new(parts))
}

/// The mean of the pictures that can be read, in the size of the first; `None` without any.
pub(super) fn mean(images: &BinaryArray) -> Option<Picture> {
    let all = (0..images.len()).filter(|row| images.is_valid(*row));
    let mut all = all.filter_map(|row| decode(images.value(row)).ok()).map(|picture| smaller(picture.rgb()));
    let first = all.next()?;
    let mut sums: Vec<u32> = first.pixels.iter().map(|x| u32::from(*x)).collect();
    let mut n = 1;
    for picture in all {
        let alike = scaled(&picture, size(&first));
        sums.iter_mut().zip(&alike.pixels).for_each(|(sum, x)| *sum += u32::from(*x));
        n += 1;
    }
    Some(Picture { pixels: sums.iter().map(|sum| ((sum + n / 2) / n) as u8).collect(), ..first })
}

fn size(picture: &Picture) -> [usize; 2] {
    [picture.width as usize, picture.height as usize]
}

/// A picture of three channels in another size, each pixel the nearest.
fn scaled(picture: &Picture, [width, height]: [usize; 2]) -> Picture {
    let [own_width, own_height] = size(picture);
    if [own_width, own_height] == [width, height] {
        return picture.clone();
    }
    let near = |at: usize, n: usize, own: usize| ((2 * at + 1) * own / (2 * n)).min(own - 1);
    let mut pixels = Vec::with_capacity(3 * width * height);
    for y in 0..height {
        for x in 0..width {
            let at = near(y, height, own_height) * own_width + near(x, width, own_width);
            pixels.extend_from_slice(&picture.pixels[3 * at..3 * at + 3]);
        }
    }
    Picture { width: width as u32, height: height as u32, channels: 3, pixels }
}

/// A picture of three channels with sides of at most [`LONGEST`] pixels: the means of squares of pixels.
fn smaller(picture: Picture) -> Picture {
    let [own_width, own_height] = size(&picture);
    let square = own_width.max(own_height).div_ceil(LONGEST);
    if square <= 1 {
        return picture;
    }
    let (width, height) = (own_width.div_ceil(square), own_height.div_ceil(square));
    let (mut sums, mut counts) = (vec![0u32; 3 * width * height], vec![0u32; width * height]);
    for (at, pixel) in picture.pixels.chunks_exact(3).enumerate() {
        let to = (at / own_width / square) * width + at % own_width / square;
        sums[3 * to..3 * to + 3].iter_mut().zip(pixel).for_each(|(sum, x)| *sum += u32::from(*x));
        counts[to] += 1;
    }
    let pixels = sums.iter().enumerate().map(|(i, sum)| (sum / counts[i / 3]) as u8).collect();
    Picture { width: width as u32, height: height as u32, channels: 3, pixels }
}

/// As a Windows bitmap, which costs nothing to write or to read beside the model's answer.
fn bmp(picture: &Picture) -> Vec<u8> {
    const HEAD: u32 = 54;
    let line = 3 * picture.width as usize;
    let gap = line.next_multiple_of(4) - line;
    let bytes = ((line + gap) * picture.height as usize) as u32;
    let mut out = Vec::with_capacity((HEAD + bytes) as usize);
    out.extend_from_slice(b"BM");
    // The size of all, nothing, where the pixels start; the size of the second head, width, height.
    for number in [HEAD + bytes, 0, HEAD, 40, picture.width, picture.height] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    // One plane of 24 bits; not compressed, the size of the pixels, and what a screen would like to know.
    for number in [1 | (24 << 16), 0, bytes, 0, 0, 0, 0] {
        out.extend_from_slice(&u32::to_le_bytes(number));
    }
    // The lowest line first, blue before green before red.
    for line in picture.pixels.chunks_exact(line.max(1)).rev() {
        out.extend(line.chunks_exact(3).flat_map(|rgb| [rgb[2], rgb[1], rgb[0]]));
        out.extend(std::iter::repeat_n(0, gap));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, height: u32) -> Picture {
        let pixels = (0..3 * width * height).map(|i| (i * 37 % 251) as u8).collect();
        Picture { width, height, channels: 3, pixels }
    }

    /// What is written is read by another's decoder as it was.
    #[test]
    fn a_bitmap_is_the_picture() {
        for (width, height) in [(1, 1), (3, 2), (4, 5), (9, 7)] {
            let picture = picture(width, height);
            assert_eq!(decode(&bmp(&picture)).unwrap().rgb(), picture);
        }
    }

    #[test]
    fn patches_cover_the_picture_once_and_what_is_not_known_is_the_mean() {
        let (own, other) = (picture(11, 5), Picture { pixels: vec![9; 165], ..picture(11, 5) });
        let mean = mean(&BinaryArray::from(vec![&bmp(&other)[..], b"no picture", &bmp(&other)[..]])).unwrap();
        assert_eq!(mean, other);
        let bytes = bmp(&own);
        let patches = Patches::new(Some(&bytes), Some(&mean));
        assert_eq!(patches.len(), 40);
        let covered: usize = (0..40).filter_map(|at| patches.area(at)).map(|[_, _, w, h]| w * h).sum();
        assert_eq!(covered, 55);
        let mut players = patches.group(2).players();
        players.sort_unstable();
        assert_eq!(players, (2..42).collect::<Vec<_>>());
        let told = |known: &[bool]| decode(&patches.with(known).unwrap()).unwrap().rgb();
        assert_eq!((told(&[true; 40]), told(&[false; 40])), (own.clone(), other.clone()));
        let mut known = [false; 40];
        known[9] = true;
        let mixed = told(&known);
        let [x, y, wide, high] = patches.area(9).unwrap();
        for at in 0..55 {
            let inside = (x..x + wide).contains(&(at % 11)) && (y..y + high).contains(&(at / 11));
            let from = if inside { &own } else { &other };
            assert_eq!(mixed.pixels[3 * at..3 * at + 3], from.pixels[3 * at..3 * at + 3], "{at}");
        }
        // Missing, and no picture at all.
        assert_eq!(Patches::new(None, Some(&mean)).with(&[true]), None);
        assert_eq!(Patches::new(Some(b"x"), Some(&mean)).len(), 1);
        assert_eq!(Patches::new(Some(&bytes), None).with(&[false]), None);
    }

    #[test]
    fn a_large_picture_is_looked_at_smaller() {
        let found = smaller(Picture { pixels: vec![70; 3 * 2100 * 3], ..picture(2100, 3) });
        assert_eq!((found.width, found.height, found.pixels.iter().all(|x| *x == 70)), (234, 1, true));
        let wide = bmp(&picture(2100, 20));
        let patches = Patches::new(Some(&wide), Some(&picture(4, 4)));
        // Places are those of the picture as the row has it.
        assert_eq!((patches.grid, patches.area(0)), ([8, 3], Some([0, 0, 262, 6])));
    }
}
