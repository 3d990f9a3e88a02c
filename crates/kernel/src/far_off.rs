//! Numbers that are probably wrong, found from out-of-sample predictions.

/// A number far from the prediction for its row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FarOff {
    /// The row.
    pub row: usize,
    /// Its number.
    pub given: f64,
    /// The prediction.
    pub likely: f64,
    /// The distance between both in robust standard deviations of the neighbours' residuals, from 0.
    pub deviations: f64,
}

/// The number of rows with similar predictions that determine the spread of residuals.
const NEIGHBOURS: usize = 100;
/// For a normal distribution, the median absolute deviation times this is the standard deviation.
const NORMAL: f64 = 1.4826;

/// The rows whose number is more than `deviations` robust standard deviations from the prediction, the farthest first.
///
/// Residuals are compared among rows with similar predictions (at least 100, or all): their median is subtracted, and their median absolute
/// deviation is the unit. Counts and prices spread more where they are high, which is not an error. If the predictions of half of these
/// rows are exact, the deviation over all rows is used; if that is zero as well, no row is suspected.
///
/// `predicted` comes from a model that was not fitted on the row.
///
/// ```
/// use tidemill_kernel::far_off::far_off;
/// let predicted: Vec<f64> = (0..50).map(f64::from).collect();
/// let mut given: Vec<f64> = predicted.iter().enumerate().map(|(i, p)| p + (i % 5) as f64 - 2.0).collect();
/// given[7] = 90.0;
/// let found = far_off(&given, &predicted, 5.0);
/// assert_eq!((found.len(), found[0].row, found[0].likely), (1, 7, 7.0));
/// ```
pub fn far_off(given: &[f64], predicted: &[f64], deviations: f64) -> Vec<FarOff> {
    let mut order: Vec<usize> = (0..given.len().min(predicted.len())).collect();
    order.sort_by(|a, b| predicted[*a].total_cmp(&predicted[*b]).then(a.cmp(b)));
    let residual = |row: &usize| given[*row] - predicted[*row];
    let overall = spread(&mut order.iter().map(residual).collect::<Vec<_>>()).1;
    let parts = (order.len() / NEIGHBOURS).max(1);
    let mut found = Vec::new();
    for part in 0..parts {
        let rows = &order[part * order.len() / parts..(part + 1) * order.len() / parts];
        let (middle, own) = spread(&mut rows.iter().map(residual).collect::<Vec<_>>());
        let scale = if own > 0.0 { own } else { overall };
        if scale > 0.0 {
            found.extend(rows.iter().filter_map(|row| {
                let far = (residual(row) - middle).abs() / scale;
                let (given, likely) = (given[*row], predicted[*row]);
                (far > deviations).then_some(FarOff { row: *row, given, likely, deviations: far })
            }));
        }
    }
    found.sort_by(|a, b| b.deviations.total_cmp(&a.deviations).then(a.row.cmp(&b.row)));
    found
}

/// The median and the robust standard deviation.
fn spread(values: &mut [f64]) -> (f64, f64) {
    let middle = median(values);
    values.iter_mut().for_each(|x| *x = (*x - middle).abs());
    (middle, NORMAL * median(values))
}

/// The median; 0 if there are no values.
fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    match (values.len() / 2, values.len() % 2) {
        (0, 0) => 0.0,
        (half, 0) => 0.5 * (values[half - 1] + values[half]),
        (half, _) => values[half],
    }
}

#[cfg(test)]
mod tests {
    use super::far_off;

    /// A cheap deterministic number from -1 to 1.
    fn noise(i: usize) -> f64 {
        let x = (i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 11;
        x as f64 / (1u64 << 52) as f64 - 1.0
    }

    #[test]
    fn what_spreads_where_it_is_high_is_no_fault_there() {
        let predicted: Vec<f64> = (0..1000).map(|i| i as f64).collect();
        let mut given: Vec<f64> = (0..1000).map(|i| i as f64 + 0.2 * i as f64 * noise(i)).collect();
        assert!(far_off(&given, &predicted, 5.0).is_empty());
        // A deviation of 150 is normal at 900 and far off at 50.
        given[50] += 150.0;
        let rows: Vec<usize> = far_off(&given, &predicted, 5.0).iter().map(|found| found.row).collect();
        assert_eq!(rows, [50]);
    }

    #[test]
    fn exact_predictions_and_no_rows_doubt_nothing() {
        let exact: Vec<f64> = (0..300).map(f64::from).collect();
        assert!(far_off(&exact, &exact, 5.0).is_empty());
        assert!(far_off(&[], &[], 5.0).is_empty());
    }
}
