//! Rotations as unit quaternions.

/// A rotation from a body's axes to those of its surroundings: a quaternion of length 1, its real part first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rotation([f64; 4]);

impl Rotation {
    /// Of a quaternion of any length; `None` of length 0 and of numbers that are missing or infinite.
    pub(super) fn of(q: [f64; 4]) -> Option<Self> {
        let largest = q.iter().fold(0f64, |most, x| most.max(x.abs()));
        if !(largest > 0.0 && q.iter().all(|x| x.is_finite())) {
            return None;
        }
        // By the largest first: squares of tiny parts would vanish, those of large ones overflow.
        let q = q.map(|x| x / largest);
        let length = q.iter().map(|x| x * x).sum::<f64>().sqrt();
        Some(Rotation(q.map(|x| x / length)))
    }

    /// The rotation back.
    pub(super) fn inverse(self) -> Self {
        let [w, x, y, z] = self.0;
        Rotation([w, -x, -y, -z])
    }

    /// The product of Hamilton: first the other rotation, then this one.
    pub(super) fn then_of(self, first: Rotation) -> Self {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, first.0);
        Rotation([
            a * e - b * f - c * g - d * h,
            a * f + b * e + c * h - d * g,
            a * g - b * h + c * e + d * f,
            a * h + b * g - c * f + d * e,
        ])
    }

    /// A vector, rotated.
    pub(super) fn turned(self, [x, y, z]: [f64; 3]) -> [f64; 3] {
        let Rotation([_, x, y, z]) = self.then_of(Rotation([0.0, x, y, z])).then_of(self.inverse());
        [x, y, z]
    }

    /// Its axis times its angle in radians, from 0 to half a circle.
    pub(super) fn vector(self) -> [f64; 3] {
        // A quaternion and its negative are one rotation; the real part of the shorter way is not negative.
        let sign = if self.0[0] < 0.0 { -1.0 } else { 1.0 };
        let [w, x, y, z] = self.0.map(|x| sign * x);
        let sine = (x * x + y * y + z * z).sqrt();
        let scale = if sine > 0.0 { 2.0 * sine.atan2(w) / sine } else { 2.0 };
        [x, y, z].map(|x| scale * x)
    }
}

#[cfg(test)]
mod tests {
    use super::Rotation;

    #[test]
    fn no_rotation_is_the_rotation_by_nothing() {
        assert_eq!(Rotation::of([0.0; 4]), None);
        assert_eq!(Rotation::of([1.0, f64::NAN, 0.0, 0.0]), None);
        let tiny = Rotation::of([1e-300, 0.0, 0.0, 1e-300]).unwrap();
        let [x, y, z] = tiny.vector();
        assert!(x == 0.0 && y == 0.0 && (z - std::f64::consts::FRAC_PI_2).abs() < 1e-12);
        assert_eq!(tiny.inverse().then_of(tiny).vector(), [0.0; 3]);
    }
}
