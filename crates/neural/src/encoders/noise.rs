//! Numbers and categories in training, each time a little wrong: what a net must not rely on to the letter.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::KeyPath;
use tidemill_kernel::Random;

use super::Read;

/// What salt and pepper become, in standard deviations from the mean.
const EXTREME: f32 = 3.0;

/// How wrong numbers, vectors and categories are made in training, anew in every epoch; 0 leaves them as they are. Rows to watch and
/// rows to predict are never touched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Noise {
    /// Normal noise added to numbers, its standard deviation as a share of that of the column, from 0 to 3.
    pub gaussian: f64,
    /// Noise added to numbers, evenly from minus to plus so many standard deviations of the column, from 0 to 3.
    pub uniform: f64,
    /// The share of numbers that become very large or very small: three standard deviations above or below the mean; from 0 to below
    /// 1.
    pub salt_and_pepper: f64,
    /// The share of numbers and categories replaced by those of another row of the mini-batch, from 0 to below 1.
    pub swap: f64,
    /// The share of numbers and categories that are taken for missing, from 0 to below 1.
    pub drop: f64,
}

/// One column within what an encoder has read of a row: so many numbers, then a mark where it can be missing.
pub(super) struct Feature {
    pub width: usize,
    pub marked: bool,
    /// Whether it is one standardised number, to which noise can be added.
    pub standard: bool,
}

impl Noise {
    pub(crate) fn check(&self) -> Result<(), KeyPath> {
        for (key, value) in [("gaussian", self.gaussian), ("uniform", self.uniform)] {
            if !(0.0..=3.0).contains(&value) {
                return Err(KeyPath::new(key, format!("is {value}, but must be from 0 to 3")));
            }
        }
        let shares = [("salt_and_pepper", self.salt_and_pepper), ("swap", self.swap), ("drop", self.drop)];
        match shares.into_iter().find(|(_, value)| !(0.0..1.0).contains(value)) {
            Some((key, value)) => {
                Err(KeyPath::new(key, format!("is {value}, but must be from 0 to below 1")))
            }
            None => Ok(()),
        }
    }

    /// Whether nothing is made wrong.
    pub(crate) fn is_none(&self) -> bool {
        *self == Noise::default()
    }

    /// Numbers of some rows, each of these features.
    pub(super) fn numbers(&self, read: &mut Read, features: &[Feature], random: &mut Random) {
        let total: usize = features.iter().map(|f| f.width + usize::from(f.marked)).sum();
        let before = if self.swap > 0.0 { read.numbers.clone() } else { Vec::new() };
        for row in read.numbers.chunks_exact_mut(total.max(1)) {
            let mut at = 0;
            for feature in features {
                let all = feature.width + usize::from(feature.marked);
                let own = &mut row[at..at + all];
                if feature.width == 0 {
                    // A mark alone is that of others.
                    at += all;
                    continue;
                }
                if self.happens(self.swap, random) {
                    let other = random.below(read.n_rows) * total + at;
                    own.copy_from_slice(&before[other..other + all]);
                }
                let missing = feature.marked && own[all - 1] > 0.0;
                if feature.standard && !missing {
                    own[0] = self.number(own[0], random);
                }
                if self.happens(self.drop, random) {
                    own.fill(0.0);
                    own[feature.width..].fill(1.0);
                }
                at += all;
            }
        }
    }

    /// Codes of some rows, one each; `missing` is that of a missing value.
    pub(super) fn codes(&self, read: &mut Read, missing: u32, random: &mut Random) {
        let before = if self.swap > 0.0 { read.codes.clone() } else { Vec::new() };
        for code in &mut read.codes {
            if self.happens(self.swap, random) {
                *code = before[random.below(before.len())];
            }
            if self.happens(self.drop, random) {
                *code = missing;
            }
        }
    }

    fn number(&self, mut x: f32, random: &mut Random) -> f32 {
        if self.gaussian > 0.0 {
            x += (self.gaussian * random.normal()) as f32;
        }
        if self.uniform > 0.0 {
            x += (self.uniform * (2.0 * random.unit() - 1.0)) as f32;
        }
        if self.happens(self.salt_and_pepper, random) {
            x = if random.unit() < 0.5 { EXTREME } else { -EXTREME };
        }
        x
    }

    fn happens(&self, share: f64, random: &mut Random) -> bool {
        share > 0.0 && random.unit() < share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: usize = 20_000;

    /// A standardised number that is never missing, and one of two pieces that can be.
    fn noisy(noise: Noise) -> Vec<f32> {
        let features = [
            Feature { width: 1, marked: false, standard: true },
            Feature { width: 2, marked: true, standard: false },
        ];
        let row = |i: usize| {
            [if i.is_multiple_of(2) { 1.0 } else { -1.0 }, 0.25, 0.5, f32::from(u8::from(i % 10 == 3))]
        };
        let mut read = Read { n_rows: ROWS, numbers: (0..ROWS).flat_map(row).collect(), ..Read::default() };
        noise.numbers(&mut read, &features, &mut Random::new(1, 0));
        read.numbers
    }

    fn share(numbers: &[f32], of: impl Fn(usize, &[f32]) -> bool) -> f64 {
        numbers.chunks_exact(4).enumerate().filter(|(i, row)| of(*i, row)).count() as f64 / ROWS as f64
    }

    #[test]
    fn so_much_is_wrong_as_was_asked_for() {
        let clean = noisy(Noise::default());
        let apart = |noise: Noise| -> Vec<f64> {
            let pairs = noisy(noise).into_iter().zip(clean.clone());
            pairs.step_by(4).map(|(a, b)| f64::from(a - b)).collect()
        };
        let deviation = |x: &[f64]| (x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64).sqrt();
        let gaussian = deviation(&apart(Noise { gaussian: 0.3, ..Noise::default() }));
        assert!((gaussian - 0.3).abs() < 0.006, "{gaussian}");
        let uniform = apart(Noise { uniform: 0.3, ..Noise::default() });
        assert!((deviation(&uniform) - 0.3 / 3f64.sqrt()).abs() < 0.004);
        assert!(uniform.iter().all(|x| x.abs() < 0.3001));

        let salted = noisy(Noise { salt_and_pepper: 0.2, ..Noise::default() });
        let (salt, pepper) =
            (share(&salted, |_, row| row[0] == EXTREME), share(&salted, |_, row| row[0] == -EXTREME));
        assert!((salt - 0.1).abs() < 0.008 && (pepper - 0.1).abs() < 0.008, "{salt}, {pepper}");

        // Half of the rows that are swapped with find their like.
        let swapped = noisy(Noise { swap: 0.4, ..Noise::default() });
        let turned = share(&swapped, |i, row| row[0] != clean[4 * i]);
        assert!((turned - 0.2).abs() < 0.012, "{turned}");

        let dropped = noisy(Noise { drop: 0.3, ..Noise::default() });
        let gone = share(&dropped, |_, row| row[0] == 0.0);
        let marked = share(&dropped, |i, row| i % 10 != 3 && row[1..] == [0.0, 0.0, 1.0]);
        assert!((gone - 0.3).abs() < 0.014 && (marked - 0.27).abs() < 0.014, "{gone}, {marked}");
    }

    #[test]
    fn codes_are_swapped_and_dropped() {
        let mut read =
            Read { n_rows: ROWS, codes: (0..ROWS).map(|i| 2 + (i % 2) as u32).collect(), ..Read::default() };
        let noise = Noise { swap: 0.4, drop: 0.1, ..Noise::default() };
        noise.codes(&mut read, 0, &mut Random::new(2, 0));
        let share = |of: &dyn Fn(usize, u32) -> bool| {
            read.codes.iter().enumerate().filter(|(i, code)| of(*i, **code)).count() as f64 / ROWS as f64
        };
        let gone = share(&|_, code| code == 0);
        let turned = share(&|i, code| code == 3 - (i % 2) as u32);
        assert!((gone - 0.1).abs() < 0.009 && (turned - 0.18).abs() < 0.012, "{gone}, {turned}");
    }

    #[test]
    fn too_much_is_refused() {
        assert!(Noise { gaussian: 3.5, ..Noise::default() }.check().is_err());
        assert!(Noise { swap: 1.0, ..Noise::default() }.check().is_err());
        assert!(Noise { drop: f64::NAN, ..Noise::default() }.check().is_err());
        assert!(Noise { drop: 0.5, uniform: 1.0, ..Noise::default() }.check().is_ok());
    }
}
