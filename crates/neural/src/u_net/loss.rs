//! What a U-Net learns by: cross-entropy and soft Dice.

use crate::math::exp;

/// Keeps the Dice of a class that a picture has not from being 0 by 0.
const SMOOTH: f64 = 1.0;

/// The pixels of a picture within its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Inner {
    /// Rows and columns of the picture.
    pub(super) size: [usize; 2],
    /// Columns of the frame, at least those of the picture.
    pub(super) frame_width: usize,
}

impl Inner {
    /// The place of each pixel in the frame, row by row.
    pub(super) fn places(self) -> impl Iterator<Item = usize> {
        let [height, width] = self.size;
        (0..height).flat_map(move |y| (0..width).map(move |x| y * self.frame_width + x))
    }
}

/// The loss of a picture by its scores `[frame height, frame width, k]` and the class of each pixel of the picture, and its gradient by the
/// scores: the mean cross-entropy of the pixels, and 1 less the mean Dice of the classes with the probabilities as shares (soft Dice:
/// Milletari, Navab and Ahmadi 2016). What is beyond the picture counts for nothing.
pub(super) fn loss(scores: &[f32], k: usize, inner: Inner, classes: &[u8]) -> (f64, Vec<f32>) {
    let mut slopes = vec![0.0; scores.len()];
    // Of each class: what is said and true, what is said, what is true.
    let mut sums = vec![[0.0f64; 3]; k];
    let n = classes.len().max(1) as f64;
    let mut entropy = 0.0;
    for (place, class) in inner.places().zip(classes) {
        let pixel = place * k..(place + 1) * k;
        let shares = &mut slopes[pixel.clone()];
        shares.copy_from_slice(&scores[pixel]);
        softmax(shares);
        let truth = usize::from(*class);
        entropy -= f64::from(shares[truth].max(f32::MIN_POSITIVE)).ln();
        for (c, sum) in sums.iter_mut().enumerate() {
            sum[1] += f64::from(shares[c]);
        }
        sums[truth][0] += f64::from(shares[truth]);
        sums[truth][2] += 1.0;
    }
    let whole = |[_, said, truth]: &[f64; 3]| said + truth + SMOOTH;
    let dice = |sum: &[f64; 3]| (2.0 * sum[0] + SMOOTH) / whole(sum);
    let mean = sums.iter().map(dice).sum::<f64>() / k as f64;
    // The slope of the loss by the share of a class: where it is the true one, and where it is not.
    let by_share: Vec<[f64; 2]> = sums
        .iter()
        .map(|sum| {
            let missed = dice(sum) / whole(sum) / k as f64;
            [missed - 2.0 / whole(sum) / k as f64, missed]
        })
        .collect();
    for (place, class) in inner.places().zip(classes) {
        let shares = &mut slopes[place * k..(place + 1) * k];
        let truth = usize::from(*class);
        let slope = |c: usize| by_share[c][usize::from(c != truth)];
        let along: f64 = shares.iter().enumerate().map(|(c, p)| slope(c) * f64::from(*p)).sum();
        for (c, share) in shares.iter_mut().enumerate() {
            let p = f64::from(*share);
            let of_entropy = (p - f64::from(u8::from(c == truth))) / n;
            *share = (of_entropy + p * (slope(c) - along)) as f32;
        }
    }
    (entropy / n + 1.0 - mean, slopes)
}

/// Scores to shares that sum to 1.
fn softmax(scores: &mut [f32]) {
    let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    scores.iter_mut().for_each(|score| *score = exp(*score - most));
    let sum: f32 = scores.iter().sum();
    scores.iter_mut().for_each(|share| *share /= sum);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loss_changes_as_its_gradient_says_and_not_beyond_the_picture() {
        let (k, inner) = (3, Inner { size: [2, 3], frame_width: 4 });
        let scores: Vec<f32> = (0..8 * k).map(|i| ((i * 37 % 11) as f32 - 5.0) / 3.0).collect();
        let classes = [0, 2, 1, 1, 0, 0];
        let (_, slopes) = loss(&scores, k, inner, &classes);
        for at in 0..scores.len() {
            let moved = |by: f32| {
                let mut scores = scores.clone();
                scores[at] += by;
                loss(&scores, k, inner, &classes).0
            };
            let numeric = (moved(1e-2) - moved(-1e-2)) / 2e-2;
            assert!((numeric - f64::from(slopes[at])).abs() < 1e-4, "{at}: {numeric} {}", slopes[at]);
            if at / k % 4 == 3 {
                assert_eq!(slopes[at], 0.0);
            }
        }
    }
}
