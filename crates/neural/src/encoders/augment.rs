//! Images in training, each time a little different: what a net must not mistake for a difference.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::KeyPath;
use tidemill_kernel::Random;

/// How far images may differ in training; 0 leaves them as they are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Augment {
    /// Moved in each direction by at most this share of its size, from 0 to 0.5; what comes in is of the mean colour.
    pub shift: f64,
    /// Turned about its middle by at most so many degrees, from 0 to 180.
    pub rotate: f64,
    /// Left and right change places in half of all cases.
    pub flip: bool,
    /// Made lighter or darker by at most so many standard deviations of the training images, from 0 to 3.
    pub brightness: f64,
    /// Its numbers' distances from the mean grow or shrink by at most this share, from 0 to 1.
    pub contrast: f64,
}

impl Default for Augment {
    fn default() -> Self {
        Augment { shift: 0.1, rotate: 0.0, flip: false, brightness: 0.0, contrast: 0.0 }
    }
}

impl Augment {
    pub(crate) fn check(&self) -> Result<(), KeyPath> {
        let bounds = [
            ("shift", self.shift, 0.5),
            ("rotate", self.rotate, 180.0),
            ("brightness", self.brightness, 3.0),
            ("contrast", self.contrast, 1.0),
        ];
        match bounds.into_iter().find(|&(_, value, most)| !(0.0..=most).contains(&value)) {
            Some((key, value, most)) => {
                Err(KeyPath::new(key, format!("is {value}, but must be from 0 to {most}")))
            }
            None => Ok(()),
        }
    }

    /// Standardised images of `[height, width, channels]`, one after the other, each changed by its own draws.
    pub(super) fn apply(&self, pictures: &[f32], size: [usize; 3], random: &mut Random) -> Vec<f32> {
        let mut changed = Vec::with_capacity(pictures.len());
        for picture in pictures.chunks_exact(size.iter().product::<usize>().max(1)) {
            let draw = Draw::of(self, size, random);
            draw.apply(picture, size, &mut changed);
        }
        changed
    }
}

/// What one image goes through.
struct Draw {
    shift: [f64; 2],
    /// The sine and the cosine of the angle, against the clock.
    turn: (f64, f64),
    flip: bool,
    add: f32,
    factor: f32,
}

impl Draw {
    /// As many draws whatever is asked for, so that one wish changes nothing about the others.
    fn of(augment: &Augment, [height, width, _]: [usize; 3], random: &mut Random) -> Self {
        let mut between = |most: f64| most * (2.0 * random.unit() - 1.0);
        let shift = [height, width].map(|size| between(augment.shift * size as f64).round());
        let turn = between(augment.rotate).to_radians().sin_cos();
        let (add, factor) = (between(augment.brightness) as f32, 1.0 + between(augment.contrast) as f32);
        let flip = between(1.0) < 0.0 && augment.flip;
        Draw { shift, turn, flip, add, factor }
    }

    /// Each place of the new image takes what lies where it comes from, between the four pixels around.
    fn apply(&self, picture: &[f32], [height, width, channels]: [usize; 3], into: &mut Vec<f32>) {
        let middle = [(height as f64 - 1.0) / 2.0, (width as f64 - 1.0) / 2.0];
        let (sin, cos) = self.turn;
        for y in 0..height {
            for x in 0..width {
                let x = if self.flip { width - 1 - x } else { x };
                let (dy, dx) = (y as f64 - middle[0] - self.shift[0], x as f64 - middle[1] - self.shift[1]);
                let from = [middle[0] + cos * dy + sin * dx, middle[1] - sin * dy + cos * dx];
                let start = into.len();
                into.resize(start + channels, 0.0);
                for (share, [y, x]) in around(from) {
                    if share > 0.0 && (0..height as i64).contains(&y) && (0..width as i64).contains(&x) {
                        let pixel = &picture[(y as usize * width + x as usize) * channels..][..channels];
                        into[start..].iter_mut().zip(pixel).for_each(|(out, p)| *out += share * p);
                    }
                }
                into[start..].iter_mut().for_each(|out| *out = *out * self.factor + self.add);
            }
        }
    }
}

/// The four pixels around a place, and the share of each.
fn around([y, x]: [f64; 2]) -> [(f32, [i64; 2]); 4] {
    let (top, left) = (y.floor(), x.floor());
    let (down, right) = ((y - top) as f32, (x - left) as f32);
    let (top, left) = (top as i64, left as i64);
    [
        ((1.0 - down) * (1.0 - right), [top, left]),
        ((1.0 - down) * right, [top, left + 1]),
        (down * (1.0 - right), [top + 1, left]),
        (down * right, [top + 1, left + 1]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Augment = Augment { shift: 0.0, rotate: 0.0, flip: false, brightness: 0.0, contrast: 0.0 };

    fn picture() -> Vec<f32> {
        (0..5 * 4 * 2).map(|i| i as f32 * 0.1 - 1.0).collect()
    }

    #[test]
    fn nothing_asked_for_changes_nothing() {
        let pictures = picture().repeat(3);
        assert_eq!(NONE.apply(&pictures, [5, 4, 2], &mut Random::new(1, 0)), pictures);
    }

    #[test]
    fn a_flip_is_its_own_inverse() {
        let draw = Draw { shift: [0.0; 2], turn: (0.0, 1.0), flip: true, add: 0.0, factor: 1.0 };
        let (mut once, mut twice) = (Vec::new(), Vec::new());
        draw.apply(&picture(), [5, 4, 2], &mut once);
        draw.apply(&once, [5, 4, 2], &mut twice);
        assert_eq!(once[..2], picture()[6..8]);
        assert_eq!(twice, picture());
    }

    #[test]
    fn a_shift_moves_and_fills_with_the_mean() {
        let draw = Draw { shift: [1.0, 0.0], turn: (0.0, 1.0), flip: false, add: 0.0, factor: 1.0 };
        let mut moved = Vec::new();
        draw.apply(&picture(), [5, 4, 2], &mut moved);
        assert_eq!(moved[..8], [0.0; 8]);
        assert_eq!(moved[8..], picture()[..32]);
    }

    #[test]
    fn a_quarter_turn_of_a_square_is_exact() {
        let draw = Draw { shift: [0.0; 2], turn: (1.0, 0.0), flip: false, add: 0.5, factor: 2.0 };
        let mut turned = Vec::new();
        draw.apply(&[1.0, 2.0, 3.0, 4.0], [2, 2, 1], &mut turned);
        assert_eq!(turned, [2.0, 4.0, 1.0, 3.0].map(|x| 2.0 * x + 0.5));
    }

    #[test]
    fn draws_follow_from_the_stream() {
        let all = Augment { shift: 0.2, rotate: 20.0, flip: true, brightness: 0.2, contrast: 0.2 };
        let run = |seed| all.apply(&picture(), [5, 4, 2], &mut Random::new(seed, 0));
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
        assert!(Augment { shift: 0.6, ..all }.check().is_err() && all.check().is_ok());
    }
}
