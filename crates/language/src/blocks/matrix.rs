//! A matrix of weights, and products of rows with it.

use super::int8::Int8;
use super::panels::Panels;
use super::precision::Precision;

/// A matrix of weights, `[outputs, inputs]`.
pub(crate) struct Matrix {
    outputs: usize,
    inputs: usize,
    store: Store,
}

/// How the weights lie in memory.
enum Store {
    F32(Panels),
    Int8(Int8),
}

impl Matrix {
    /// From `values`, `[outputs, inputs]`, row-major.
    pub(crate) fn new(values: &[f32], inputs: usize, precision: Precision) -> Self {
        let store = match precision {
            Precision::Float32 => Store::F32(Panels::new(values, inputs)),
            Precision::Int8 => Store::Int8(Int8::new(values, inputs)),
        };
        Matrix { outputs: values.len() / inputs.max(1), inputs, store }
    }

    /// How many numbers a row becomes.
    pub(crate) fn outputs(&self) -> usize {
        self.outputs
    }

    /// How many numbers a row has.
    pub(crate) fn inputs(&self) -> usize {
        self.inputs
    }

    /// The bytes that it takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        match &self.store {
            Store::F32(panels) => panels.bytes(),
            Store::Int8(int8) => int8.bytes(),
        }
    }

    /// Copies the row of an output.
    pub(crate) fn row(&self, output: usize, to: &mut [f32]) {
        match &self.store {
            Store::F32(panels) => panels.row(output, to),
            Store::Int8(int8) => int8.row(output, to),
        }
    }

    /// `out = x weights^T`: `x` holds rows of `inputs`, `out` as many rows of `outputs`.
    pub(crate) fn times(&self, x: &[f32], out: &mut [f32]) {
        match &self.store {
            Store::F32(panels) => panels.times(x, out),
            Store::Int8(int8) => int8.times(x, out),
        }
    }

    /// `dy weights`: rows of `inputs` gradients from rows of `outputs`. Only of 32-bit weights: those in 8 bits are not tuned
    /// beside, and give zeros.
    pub(crate) fn back(&self, dy: &[f32]) -> Vec<f32> {
        match &self.store {
            Store::F32(panels) => panels.back(dy),
            Store::Int8(_) => vec![0.0; dy.len() / self.outputs * self.inputs],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidemill_kernel::Random;

    /// Few rows and many take different ways, and so do narrow panels and long rows: all with the same bits.
    #[test]
    fn a_row_alone_and_among_others_has_the_sums_of_64_bits() {
        let mut random = Random::new(3, 0);
        let mut draw = |n: usize| (0..n).map(|_| random.normal() as f32).collect::<Vec<_>>();
        let sizes = [
            (37, 141, 110),
            (64, 9, 2),
            (5, 3, 7),
            (256, 600, 4),
            (1536, 100, 40),
            (576, 97, 9),
            (1030, 8, 33),
            (576, 200, 5),
            (600, 130, 3),
        ];
        for (inputs, outputs, n) in sizes {
            let (weights, x) = (draw(inputs * outputs), draw(inputs * n));
            let matrix = Matrix::new(&weights, inputs, Precision::Float32);
            let mut out = vec![0.0; n * outputs];
            matrix.times(&x, &mut out);
            for i in 0..n {
                let x = &x[i * inputs..(i + 1) * inputs];
                let mut alone = vec![0.0; outputs];
                matrix.times(x, &mut alone);
                assert_eq!(alone, out[i * outputs..(i + 1) * outputs], "{inputs} {outputs} {n}");
                for (o, got) in alone.iter().enumerate() {
                    let weights = &weights[o * inputs..(o + 1) * inputs];
                    let wanted: f64 = x.iter().zip(weights).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
                    assert!((f64::from(*got) - wanted).abs() < 3e-4, "{got} {wanted}");
                }
            }
            let mut row = vec![0.0; inputs];
            matrix.row(outputs - 1, &mut row);
            assert_eq!(row, weights[(outputs - 1) * inputs..]);
        }
    }

    #[test]
    fn gradients_go_back_as_in_64_bits() {
        let mut random = Random::new(5, 0);
        let mut draw = |n: usize| (0..n).map(|_| random.normal() as f32).collect::<Vec<_>>();
        for (inputs, outputs, n) in [(37, 141, 11), (400, 97, 1), (8, 3, 50)] {
            let (weights, dy) = (draw(inputs * outputs), draw(outputs * n));
            let dx = Matrix::new(&weights, inputs, Precision::Float32).back(&dy);
            for (at, got) in dx.iter().enumerate() {
                let (row, input) = (at / inputs, at % inputs);
                let terms = (0..outputs)
                    .map(|o| f64::from(dy[row * outputs + o]) * f64::from(weights[o * inputs + input]));
                assert!((f64::from(*got) - terms.sum::<f64>()).abs() < 1e-4);
            }
        }
    }
}
