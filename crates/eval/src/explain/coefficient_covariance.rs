//! How far estimated coefficients may be off, from how much the rows tell of them.

use tidemill_kernel::symmetric::eigen;

use crate::{Error, Result};

/// Directions of which the rows tell less than this, relative to the best known one, are taken as unknown.
const UNKNOWN: f64 = 1e-11;
/// How much of a combination may lie in an unknown direction before the combination itself is unknown.
const LEANING: f64 = 1e-6;

/// The covariance of maximum likelihood estimates: the inverse of their information matrix (Fisher 1925). Where rows cannot
/// tell all coefficients apart (the indicators of all categories beside a constant), the combinations that they do tell, such as
/// the difference of two categories, still have a standard error (Rao 1973, section 4a).
///
/// ```
/// use tidemill_eval::explain::CoefficientCovariance;
/// let known = CoefficientCovariance::of_information(&[4.0, 0.0, 0.0, 25.0], 2)?;
/// assert!((known.error_of(&[(0, 1.0)]).unwrap() - 0.5).abs() < 1e-12);
/// // Two columns that are always equal: their sum is known, neither of them alone.
/// let twins = CoefficientCovariance::of_information(&[1.0, 1.0, 1.0, 1.0], 2)?;
/// assert_eq!((twins.rank(), twins.error_of(&[(0, 1.0)])), (1, None));
/// assert!((twins.error_of(&[(0, 0.5), (1, 0.5)]).unwrap() - 0.5).abs() < 1e-12);
/// # Ok::<(), tidemill_eval::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct CoefficientCovariance {
    /// By coefficient: what brings its information to 1; 0 where the rows tell nothing of it.
    scale: Vec<f64>,
    /// The information of each direction, the greatest first.
    values: Vec<f64>,
    /// The directions, one after the other.
    vectors: Vec<f64>,
}

impl CoefficientCovariance {
    /// From the information matrix of `n` coefficients, row after row.
    ///
    /// Errors when the lengths do not fit, and where a number of the matrix is not finite.
    pub fn of_information(information: &[f64], n: usize) -> Result<Self> {
        if information.len() != n * n {
            return Err(Error::Lengths { what: "information", found: information.len(), wanted: n * n });
        }
        let root = |j: usize| match information[j * n + j] {
            x if x > 0.0 => 1.0 / x.sqrt(),
            _ => 0.0,
        };
        let scale: Vec<f64> = (0..n).map(root).collect();
        let even: Vec<f64> =
            (0..n * n).map(|at| information[at] * scale[at / n.max(1)] * scale[at % n.max(1)]).collect();
        let (values, vectors) = eigen(&even, n).ok_or_else(|| Error::Explain {
            what: "the rows tell nothing of the coefficients: a number of their information is not finite"
                .into(),
            remedy: "look for columns of very large numbers".into(),
        })?;
        Ok(CoefficientCovariance { scale, values, vectors })
    }

    /// How many combinations of coefficients the rows tell.
    pub fn rank(&self) -> usize {
        self.values.iter().filter(|value| self.is_known(**value)).count()
    }

    /// The standard error of a combination of coefficients (their places, and what each is multiplied by), for rows whose noise
    /// has variance 1; `None` where the rows do not tell it.
    pub fn error_of(&self, combination: &[(usize, f64)]) -> Option<f64> {
        let mut scaled = Vec::with_capacity(combination.len());
        for &(at, factor) in combination.iter().filter(|(_, factor)| *factor != 0.0) {
            match self.scale.get(at) {
                Some(&scale) if scale > 0.0 => scaled.push((at, factor * scale)),
                _ => return None,
            }
        }
        let size = scaled.iter().map(|(_, x)| x * x).sum::<f64>().sqrt();
        let mut variance = 0.0;
        for (value, vector) in self.values.iter().zip(self.vectors.chunks_exact(self.scale.len().max(1))) {
            let along: f64 = scaled.iter().map(|(at, x)| x * vector[*at]).sum();
            if self.is_known(*value) {
                variance += along * along / value;
            } else if along.abs() > LEANING * size {
                return None;
            }
        }
        Some(variance.sqrt())
    }

    fn is_known(&self, value: f64) -> bool {
        value > UNKNOWN * self.values.first().copied().unwrap_or(0.0)
    }
}
