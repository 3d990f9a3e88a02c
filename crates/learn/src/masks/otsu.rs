//! `otsu`: bright and dark.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Builtin, BuiltinLearner, Context, Error, Estimator, Family, Fitted, Registry, Result, State, Training,
    Weights,
};
use tidemill_kernel::mask::Mask;
use tidemill_kernel::picture::Picture;
use tidemill_kernel::segment::{FittedMasks, Lesson, Segment};

use super::mask_of;

/// Otsu's threshold (Otsu 1979): each picture, in grey, falls into a dark and a bright part, so that the brightness within both varies
/// least. Which class is dark and which is bright, the masks say: those two that give the best mean IoU on the training pictures. Of more than
/// two classes, the others are never answered. Agrees with scikit-image's `threshold_otsu`.
///
/// ```
/// use tidemill_core::Estimator;
/// assert_eq!(tidemill_learn::masks::Otsu::default().kind(), "otsu");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Otsu {}

impl Builtin for Otsu {
    const KIND: &'static str = "otsu";

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        state.check_version(Self::VERSION)?;
        Ok(Arc::new(FittedMasks::new(state.params::<Thresholds>()?)))
    }
}

impl BuiltinLearner for Otsu {
    const FAMILY: Family = Family::Masks;
    const WEIGHTS: Weights = Weights::Ignored;
}

impl Estimator for Otsu {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        let lesson = Lesson::of(training, context)?;
        let k = lesson.classes.len();
        // Of each part, how many pixels are of each class.
        let mut counts = vec![[0u64; 2]; k];
        for example in &lesson.examples {
            context.check()?;
            let grey = example.picture.clone().grey();
            let threshold = otsu_threshold(&grey.pixels);
            for (pixel, class) in grey.pixels.iter().zip(example.mask.values()) {
                counts[lesson.code(*class)][usize::from(*pixel > threshold)] += 1;
            }
        }
        let (dark, bright) = best(&counts);
        let (Some(dark), Some(bright)) = (lesson.classes.get(dark), lesson.classes.get(bright)) else {
            return Err(Error::internal("masks without classes"));
        };
        Ok(Arc::new(FittedMasks::new(Thresholds { column: lesson.column, dark: *dark, bright: *bright })))
    }
}

/// The two different classes, dark and bright, of the best mean IoU; `counts` says how many pixels of each class are in either part.
fn best(counts: &[[u64; 2]]) -> (usize, usize) {
    let sum = |part: usize| counts.iter().map(|of| of[part]).sum::<u64>();
    let parts = [sum(0), sum(1)];
    let iou = |class: usize, part: usize| {
        let hits = counts[class][part];
        let union = parts[part] + counts[class][0] + counts[class][1] - hits;
        if union == 0 { 0.0 } else { hits as f64 / union as f64 }
    };
    let pairs = (0..counts.len()).flat_map(|dark| (0..counts.len()).map(move |bright| (dark, bright)));
    let mut found = ((0, 1), f64::NEG_INFINITY);
    for (dark, bright) in pairs.filter(|(dark, bright)| dark != bright) {
        let worth = iou(dark, 0) + iou(bright, 1);
        if worth > found.1 {
            found = ((dark, bright), worth);
        }
    }
    found.0
}

/// The brightness up to which pixels are dark: of those that divide them, the one with the greatest variance between both parts; the
/// first of equals. Where all are of one brightness, that one.
fn otsu_threshold(grey: &[u8]) -> u8 {
    let mut histogram = [0u64; 256];
    grey.iter().for_each(|value| histogram[usize::from(*value)] += 1);
    let n = grey.len() as f64;
    let total: f64 = (0..256).map(|v| v as f64 * histogram[v] as f64).sum();
    let (mut below, mut sum) = (0.0, 0.0);
    let mut best = (grey.first().copied().unwrap_or(0), f64::NEG_INFINITY);
    for value in 0..=255u8 {
        let count = histogram[usize::from(value)] as f64;
        below += count;
        sum += f64::from(value) * count;
        let above = n - below;
        if below > 0.0 && above > 0.0 {
            let apart = sum / below - (total - sum) / above;
            let between = below * above * apart * apart;
            if between > best.1 {
                best = (value, between);
            }
        }
    }
    best.0
}

/// Which class is dark and which is bright.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    column: String,
    dark: u8,
    bright: u8,
}

impl Segment for Thresholds {
    fn column(&self) -> &str {
        &self.column
    }

    fn segment(&self, picture: &Picture) -> Result<Mask> {
        let grey = picture.clone().grey();
        let threshold = otsu_threshold(&grey.pixels);
        let of = |pixel: &u8| if *pixel > threshold { self.bright } else { self.dark };
        mask_of(picture, grey.pixels.iter().map(of).collect())
    }

    fn save(&self) -> State {
        State::new(Otsu::KIND, Otsu::VERSION, self)
    }

    fn operations(&self) -> u64 {
        256
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// Thresholds that scikit-image 0.26 finds (`tests/reference/otsu.py`).
    #[test]
    fn thresholds_are_those_of_scikit_image() {
        let stored: Value = serde_json::from_str(include_str!("../../tests/reference/otsu.json")).unwrap();
        let cases = stored.as_array().unwrap();
        assert!(cases.len() >= 5);
        for case in cases {
            let pixels: Vec<u8> =
                case["pixels"].as_array().unwrap().iter().map(|x| x.as_u64().unwrap() as u8).collect();
            assert_eq!(u64::from(otsu_threshold(&pixels)), case["threshold"].as_u64().unwrap());
        }
    }

    #[test]
    fn the_best_pair_of_classes_is_taken() {
        // Bright pixels are mostly of class 1, dark ones of class 0; class 2 is scattered.
        assert_eq!(best(&[[90, 10], [5, 40], [20, 20]]), (0, 1));
        assert_eq!(best(&[[10, 90], [40, 5]]), (1, 0));
    }
}
