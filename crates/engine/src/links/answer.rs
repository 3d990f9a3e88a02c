//! The position of a learner's prediction in its output, for links that change it.

pub(crate) use tidemill_kernel::Place;
pub(crate) use tidemill_kernel::answer::most_probable;

/// The class that a number from 0 up to 1, drawn by chance, falls on: each as often as its probability says.
pub(crate) fn drawn(probabilities: &[f64], chance: f64) -> u32 {
    let mut below = 0.0;
    for (i, &p) in probabilities.iter().enumerate() {
        below += p;
        if chance < below {
            return i as u32;
        }
    }
    // Sums that end a rounding short of 1.
    most_probable(probabilities)
}

#[cfg(test)]
mod tests {
    use super::drawn;

    #[test]
    fn each_class_is_drawn_as_often_as_its_probability_says() {
        let probabilities = [0.2, 0.0, 0.5, 0.3];
        let mut counts = [0; 4];
        (0..1000).for_each(|i| counts[drawn(&probabilities, f64::from(i) / 1000.0) as usize] += 1);
        assert_eq!(counts, [200, 0, 500, 300]);
        assert_eq!(drawn(&[0.1, 0.2], 0.99), 1);
    }
}
