//! The focal loss: rows whose class the model is sure of count for less (Lin and others 2017, "Focal loss for dense object detection").

use tidemill_kernel::vector;

use super::losses::{Link, LogLoss, Loss, Softmax};

/// `-(1 - p)^gamma ln(p)` with the probability `p` of a row's class; the log loss with a `gamma` of 0. Targets are the places of the
/// classes; two classes have one score, more have one each.
pub struct Focal {
    /// How much less sure rows count: 0, or from 1 up.
    pub gamma: f64,
    /// How many classes there are.
    pub n_classes: usize,
}

impl Focal {
    /// The derivative of the loss by `ln(p)`: from -1 where `gamma` is 0 or the row's class is hopeless up to 0 where it is sure.
    fn slope(&self, p: f64) -> f64 {
        let unsure = 1.0 - p;
        if self.gamma == 0.0 {
            return -1.0;
        }
        let p = p.max(f64::MIN_POSITIVE);
        self.gamma * p * unsure.powf(self.gamma - 1.0) * p.ln() - unsure.powf(self.gamma)
    }

    fn softmax(&self) -> Softmax {
        Softmax(self.n_classes)
    }
}

impl Loss for Focal {
    fn n_outputs(&self) -> usize {
        if self.n_classes == 2 { 1 } else { self.n_classes }
    }

    /// That of the log loss: near the best, which has no closed form.
    fn start(&self, y: &[f64], weights: Option<&[f64]>) -> Vec<f64> {
        if self.n_classes == 2 { LogLoss.start(y, weights) } else { self.softmax().start(y, weights) }
    }

    fn gradients(&self, y: &[f64], scores: &[f64], gradients: &mut [f64], hessians: &mut [f64]) {
        if self.n_classes != 2 {
            let k = self.n_classes;
            // The log loss's, each row by its slope. The true second derivatives are negative for hopeless rows.
            self.softmax().gradients(y, scores, gradients, hessians);
            let rows = gradients.chunks_exact_mut(k).zip(hessians.chunks_exact_mut(k));
            for (y, (gradients, hessians)) in y.iter().zip(rows) {
                let times = -self.slope(1.0 + gradients[*y as usize]);
                gradients.iter_mut().for_each(|g| *g *= times);
                hessians.iter_mut().for_each(|h| *h = (*h * times).max(1e-12));
            }
            return;
        }
        for (((y, s), gradient), hessian) in y.iter().zip(scores).zip(gradients).zip(hessians) {
            let sign = 2.0 * y - 1.0;
            let p = vector::sigmoid(sign * s);
            let times = -self.slope(p);
            *gradient = -sign * times * (1.0 - p);
            *hessian = (times * p * (1.0 - p)).max(1e-12);
        }
    }

    fn value(&self, y: f64, scores: &[f64]) -> f64 {
        let loss = match self.n_classes {
            2 => LogLoss.value(y, scores),
            _ => self.softmax().value(y, scores),
        };
        // The loss is what the logarithm of the probability lacks.
        (1.0 - (-loss).exp()).max(0.0).powf(self.gamma) * loss
    }

    fn link(&self) -> Link {
        if self.n_classes == 2 { Link::Sigmoid } else { Link::Softmax }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gradients are those of the value, by differences; with a `gamma` of 0 they are those of the log loss.
    #[test]
    fn slopes_are_derivatives() {
        for (gamma, n_classes, y) in
            [(2.0, 2, 0.0), (2.0, 2, 1.0), (1.0, 2, 1.0), (2.0, 3, 2.0), (0.0, 3, 1.0)]
        {
            let loss = Focal { gamma, n_classes };
            let k = loss.n_outputs();
            let scores: Vec<f64> = (0..k).map(|j| 0.3 - 0.9 * j as f64).collect();
            let (mut gradients, mut hessians) = (vec![0.0; k], vec![0.0; k]);
            loss.gradients(&[y], &scores, &mut gradients, &mut hessians);
            for j in 0..k {
                let at = |h: f64| {
                    let mut moved = scores.clone();
                    moved[j] += h;
                    loss.value(y, &moved)
                };
                let gradient = (at(1e-6) - at(-1e-6)) / 2e-6;
                assert!((gradient - gradients[j]).abs() < 1e-7, "{gamma} {y}: {gradient}, {}", gradients[j]);
                assert!(hessians[j] > 0.0);
            }
        }
    }

    /// The formula of torchvision's `sigmoid_focal_loss(score, y, alpha=-1, gamma=2)`, worked out by Python in double precision.
    #[test]
    fn values_are_those_of_the_reference() {
        let loss = Focal { gamma: 2.0, n_classes: 2 };
        for (y, score, wanted) in [
            (1.0, 0.0, 0.173_286_795_139_986_3),
            (0.0, 0.0, 0.173_286_795_139_986_3),
            (1.0, 2.0, 0.0018035628352403813),
            (0.0, 3.0, 2.7662804410252657),
        ] {
            assert!(
                (loss.value(y, &[score]) - wanted).abs() < 1e-12,
                "{y} {score}: {}",
                loss.value(y, &[score])
            );
        }
    }

    #[test]
    fn sure_rows_stay_finite() {
        let loss = Focal { gamma: 1.0, n_classes: 2 };
        let (mut gradients, mut hessians) = ([0.0; 4], [0.0; 4]);
        loss.gradients(&[0.0, 1.0, 0.0, 1.0], &[900.0, 900.0, -900.0, -900.0], &mut gradients, &mut hessians);
        assert!(gradients.iter().chain(&hessians).all(|x| x.is_finite()), "{gradients:?}, {hessians:?}");
    }
}
