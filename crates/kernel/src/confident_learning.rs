//! Labels that are probably wrong, found from out-of-sample predictions.

/// A row whose label is probably wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Suspect {
    /// The row.
    pub row: usize,
    /// Its label.
    pub given: u32,
    /// The label it probably should have: the most probable one.
    pub likely: u32,
    /// The probability of its label minus that of the most probable other label, mapped from -1..1 to 0..1: the smaller, the more certain
    /// that the label is wrong.
    pub margin: f64,
}

/// Rounding tolerance for probabilities.
const SLACK: f64 = 1e-6;

/// The rows whose labels are probably wrong, the most certain first, by confident learning (Northcutt, Jiang and Chuang 2021). A row counts
/// for a class if its probability is at least the mean of that class's own rows. It is a suspect if that class is not its label and no
/// other class is more probable.
///
/// `probabilities` has `k` numbers for each row, from a model that was not fitted on that row. Agrees with cleanlab's
/// `find_label_issues(filter_by="confident_learning", return_indices_ranked_by="normalized_margin")`.
///
/// ```
/// use tidemill_kernel::confident_learning::suspects;
/// let found = suspects(&[0, 0, 1, 1], &[0.9, 0.1, 0.1, 0.9, 0.2, 0.8, 0.3, 0.7], 2);
/// assert_eq!((found[0].row, found[0].likely, found.len()), (1, 1, 1));
/// ```
pub fn suspects(labels: &[u32], probabilities: &[f64], k: usize) -> Vec<Suspect> {
    let mut sums = vec![(0.0, 0.0); k];
    for (label, own) in labels.iter().zip(probabilities.chunks_exact(k.max(1))) {
        let sum = &mut sums[*label as usize];
        *sum = (sum.0 + own[*label as usize], sum.1 + 1.0);
    }
    let mean = |(sum, n): (f64, f64)| if n > 0.0 { f64::max(sum / n, 2.0 * SLACK) } else { f64::INFINITY };
    let thresholds: Vec<f64> = sums.into_iter().map(mean).collect();
    let rows = labels.iter().zip(probabilities.chunks_exact(k.max(1))).enumerate();
    let mut found: Vec<Suspect> =
        rows.filter_map(|(row, (given, own))| suspect(row, *given, own, &thresholds)).collect();
    found.sort_by(|a, b| a.margin.total_cmp(&b.margin).then(a.row.cmp(&b.row)));
    found
}

fn suspect(row: usize, given: u32, own: &[f64], thresholds: &[f64]) -> Option<Suspect> {
    let reached = |class: &usize| own[*class] >= thresholds[*class] - SLACK;
    let label = given as usize;
    let likely = most(own);
    let mut confident = (0..own.len()).filter(reached);
    let first = confident.next()?;
    // If several classes qualify, the most probable one counts.
    let class = if confident.next().is_some() { likely } else { first };
    // A class that reaches its own mean may still be less probable than the label.
    if class == label || likely == label || own[likely] <= own[label] + SLACK {
        return None;
    }
    let other = own.iter().enumerate().filter(|(class, _)| *class != label).map(|(_, p)| *p);
    let other = other.fold(f64::NEG_INFINITY, f64::max);
    Some(Suspect { row, given, likely: likely as u32, margin: (own[label] - other + 1.0) / 2.0 })
}

/// The index of the first maximum.
fn most(values: &[f64]) -> usize {
    values.iter().enumerate().fold(0, |best, (i, x)| if *x > values[best] { i } else { best })
}

#[cfg(test)]
mod tests {
    use super::suspects;

    #[test]
    fn a_class_without_rows_is_nobodys_true_label() {
        let found = suspects(&[0, 0, 1], &[0.2, 0.1, 0.7, 0.6, 0.3, 0.1, 0.2, 0.7, 0.1], 3);
        assert!(found.is_empty(), "{found:?}");
        assert!(suspects(&[], &[], 2).is_empty());
    }
}
