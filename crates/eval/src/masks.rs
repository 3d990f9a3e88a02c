//! How well masks agree: the intersection over the union (IoU, Jaccard 1912) and Dice (1945) of each class.
//!
//! Both are of pixels, over all pictures together, and agree with scikit-learn's `jaccard_score` and `f1_score` of each class. A class that
//! no pixel is of and no pixel is said to be of has neither.

/// How many pixels of each class were said to be of which.
///
/// ```
/// use tidemill_eval::masks::PixelCounts;
/// let mut counts = PixelCounts::new(&[0, 255]);
/// counts.add(&[0, 0, 255, 255], &[0, 255, 255, 255]);
/// assert_eq!(counts.iou(1), Some(2.0 / 3.0));
/// assert_eq!(counts.dice(1), Some(0.8));
/// assert_eq!(counts.mean_iou(), Some((0.5 + 2.0 / 3.0) / 2.0));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PixelCounts {
    classes: Vec<u8>,
    /// `counts[true class * k + said class]`.
    counts: Vec<u64>,
}

impl PixelCounts {
    /// None yet, of these classes, ascending.
    pub fn new(classes: &[u8]) -> Self {
        PixelCounts { classes: classes.to_vec(), counts: vec![0; classes.len() * classes.len()] }
    }

    /// The pixels of one picture more. Pixels whose true or said class is not among those counted are left out.
    pub fn add(&mut self, truth: &[u8], said: &[u8]) {
        let k = self.classes.len();
        let mut places = [None; 256];
        self.classes.iter().enumerate().for_each(|(at, class)| places[usize::from(*class)] = Some(at));
        for (truth, said) in truth.iter().zip(said) {
            if let (Some(truth), Some(said)) = (places[usize::from(*truth)], places[usize::from(*said)]) {
                self.counts[truth * k + said] += 1;
            }
        }
    }

    /// The classes.
    pub fn classes(&self) -> &[u8] {
        &self.classes
    }

    /// Of the class at a place: pixels that are both, that are of it, and that are said to be.
    fn of(&self, at: usize) -> [f64; 3] {
        let k = self.classes.len();
        let sum =
            |places: &mut dyn Iterator<Item = usize>| places.map(|at| self.counts[at]).sum::<u64>() as f64;
        [
            self.counts[at * k + at] as f64,
            sum(&mut (0..k).map(|said| at * k + said)),
            sum(&mut (0..k).map(|truth| truth * k + at)),
        ]
    }

    /// How many pixels truly are of the class at a place.
    pub fn support(&self, at: usize) -> f64 {
        self.of(at)[1]
    }

    /// Intersection over union of the class at a place.
    pub fn iou(&self, at: usize) -> Option<f64> {
        let [both, truth, said] = self.of(at);
        let union = truth + said - both;
        (union > 0.0).then(|| both / union)
    }

    /// Dice (F1) of the class at a place.
    pub fn dice(&self, at: usize) -> Option<f64> {
        let [both, truth, said] = self.of(at);
        (truth + said > 0.0).then(|| 2.0 * both / (truth + said))
    }

    /// The mean IoU of the classes that have one.
    pub fn mean_iou(&self) -> Option<f64> {
        mean((0..self.classes.len()).filter_map(|at| self.iou(at)))
    }

    /// The mean Dice of the classes that have one.
    pub fn mean_dice(&self) -> Option<f64> {
        mean((0..self.classes.len()).filter_map(|at| self.dice(at)))
    }

    /// The share of pixels that are right.
    pub fn accuracy(&self) -> Option<f64> {
        let k = self.classes.len();
        let total: u64 = self.counts.iter().sum();
        let right: u64 = (0..k).map(|at| self.counts[at * k + at]).sum();
        (total > 0).then(|| right as f64 / total as f64)
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, n) = values.fold((0.0, 0), |(sum, n), x| (sum + x, n + 1));
    (n > 0).then(|| sum / f64::from(n))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn scores_are_those_of_scikit_learn() {
        let stored: Value = serde_json::from_str(include_str!("../tests/reference/masks.json")).unwrap();
        let bytes = |value: &Value| -> Vec<u8> {
            value.as_array().unwrap().iter().map(|x| x.as_u64().unwrap() as u8).collect()
        };
        let classes = bytes(&stored["classes"]);
        for case in stored["cases"].as_array().unwrap() {
            let mut counts = PixelCounts::new(&classes);
            counts.add(&bytes(&case["truth"]), &bytes(&case["said"]));
            for at in 0..classes.len() {
                for (found, key) in [(counts.iou(at), "iou"), (counts.dice(at), "dice")] {
                    let wanted = case[key][at].as_f64().unwrap();
                    assert!((found.unwrap() - wanted).abs() < 1e-12, "{key} of {at}");
                }
            }
            assert!((counts.accuracy().unwrap() - case["accuracy"].as_f64().unwrap()).abs() < 1e-12);
        }
    }

    #[test]
    fn what_is_nowhere_has_no_score() {
        let mut counts = PixelCounts::new(&[0, 1, 2]);
        assert_eq!((counts.mean_iou(), counts.accuracy()), (None, None));
        counts.add(&[0, 0, 1], &[0, 1, 1]);
        assert_eq!((counts.iou(2), counts.dice(2)), (None, None));
        assert_eq!(counts.mean_iou(), Some(0.5));
    }
}
