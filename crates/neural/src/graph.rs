//! Where burn is: parameters as leaves of a graph, a pass through it, and the gradient that comes back.
//!
//! burn's CPU backend is built without its threads: every sum runs on the calling thread in one order. Threads work
//! on different shards of a batch, each with a graph of its own.

use std::cell::Cell;

use burn::tensor::{Int, Tensor, TensorData};
use tidemill_core::{Error, Result};
use tidemill_kernel::Random;

use crate::device::Arithmetic;
use crate::parameters::{Declared, Parameters};

/// The parameters as flat tensors on a device.
pub(crate) struct Leaves<'a> {
    declared: &'a [Declared],
    tensors: Vec<Tensor<1>>,
    arithmetic: Arithmetic,
}

impl<'a> Leaves<'a> {
    /// A copy of the first `n` arrays, in 32 bits whatever the precision of what follows.
    pub(crate) fn of(parameters: &'a Parameters, n: usize, arithmetic: &Arithmetic) -> Self {
        let tensor = |i| {
            let values = parameters.array(i).to_vec();
            let n = values.len();
            Tensor::from_data(TensorData::new(values, [n]), &arithmetic.device)
        };
        let declared = &parameters.declared()[..n];
        let tensors = (0..declared.len()).map(tensor).collect();
        Leaves { declared, tensors, arithmetic: arithmetic.clone() }
    }

    /// The same numbers as the leaves of a graph of their own: nothing is copied, and shards do not wait for each other.
    pub(crate) fn tracked(&self) -> Self {
        let tensors = self.tensors.iter().map(|t| t.clone().autodiff().require_grad()).collect();
        Leaves { declared: self.declared, tensors, arithmetic: self.arithmetic.clone() }
    }

    /// The gradient of `loss` (one number) in all of these, in their order.
    pub(crate) fn gradient(&self, loss: &Tensor<1>) -> Result<Vec<f32>> {
        let mut gradients = loss.backward();
        let none = |declared: &Declared| Tensor::zeros([declared.len()], &self.arithmetic.device);
        let each = self.tensors.iter().zip(self.declared);
        let each = each
            .map(|(tensor, declared)| tensor.grad_remove(&mut gradients).unwrap_or_else(|| none(declared)));
        // Side by side first: a GPU is waited for once.
        numbers_of(Tensor::cat(each.collect(), 0))
    }

    /// A pass in which nothing is left to chance.
    pub(crate) fn pass(&self) -> Pass<'_> {
        Pass { leaves: self, first: 0, chance: None }
    }

    /// A pass of training: what is dropped follows from `seed`.
    pub(crate) fn training_pass<'b>(&'b self, chance: &'b Chance) -> Pass<'b> {
        Pass { leaves: self, first: 0, chance: Some(chance) }
    }
}

/// The numbers of a tensor, row-major.
pub(crate) fn numbers_of<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    tensor.try_into_vec_as::<f32>().map_err(|e| Error::internal(format!("a tensor could not be read: {e:?}")))
}

/// The random streams of one pass: its first use takes the first, and so on.
pub(crate) struct Chance {
    seed: u64,
    used: Cell<u64>,
}

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Chance { seed, used: Cell::new(0) }
    }

    /// The next stream.
    pub(crate) fn next(&self) -> Random {
        let stream = self.used.get();
        self.used.set(stream + 1);
        Random::new(self.seed, stream)
    }

    /// What dropout multiplies `n` numbers by: a share `rate` by 0, the others by `1 / (1 - rate)` (Srivastava et al. 2014).
    /// Nothing for a rate of 0.
    pub(crate) fn mask(&self, n: usize, rate: f32) -> Vec<f32> {
        if rate <= 0.0 {
            return Vec::new();
        }
        let mut random = self.next();
        let (keep, below) = (1.0 / (1.0 - rate), (f64::from(rate) * 65_536.0) as u64);
        let mut mask = Vec::with_capacity(n + 3);
        while mask.len() < n {
            // One draw of 64 bits decides four numbers.
            let bits = random.bits();
            mask.extend((0..4).map(|part| if (bits >> (16 * part)) & 0xffff < below { 0.0 } else { keep }));
        }
        mask.truncate(n);
        mask
    }
}

/// One way of some rows through a net, seen from one of its parts.
#[derive(Clone, Copy)]
pub(crate) struct Pass<'a> {
    leaves: &'a Leaves<'a>,
    first: usize,
    chance: Option<&'a Chance>,
}

impl Pass<'_> {
    /// The same pass, seen from the part whose first parameter is number `first` of the net.
    pub(crate) fn part(&self, first: usize) -> Self {
        Pass { first, ..*self }
    }

    /// The part's parameter `i` in its declared shape. Errors when `D` is another number of dimensions.
    pub(crate) fn parameter<const D: usize>(&self, i: usize) -> Result<Tensor<D>> {
        let declared = &self.leaves.declared[self.first + i];
        let shape: [usize; D] = declared.shape.as_slice().try_into().map_err(|_| {
            Error::internal(format!(
                "'{}' has the shape {:?}, not {D} dimensions",
                declared.name, declared.shape
            ))
        })?;
        let tensor = self.leaves.tensors[self.first + i].clone().reshape(shape);
        Ok(tensor.cast(self.leaves.arithmetic.precision.dtype()))
    }

    /// Numbers as a constant of the graph, row-major.
    pub(crate) fn numbers<const D: usize>(&self, values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
        let Arithmetic { device, precision } = &self.leaves.arithmetic;
        Tensor::from_data(TensorData::new(values, shape), (device, precision.dtype()))
    }

    /// Places in a table of parameters, as a constant of the graph.
    pub(crate) fn codes<const D: usize>(&self, codes: &[u32], shape: [usize; D]) -> Tensor<D, Int> {
        let codes: Vec<i64> = codes.iter().map(|&c| i64::from(c)).collect();
        Tensor::from_data(TensorData::new(codes, shape), &self.leaves.arithmetic.device)
    }

    /// A random stream of its own in training, nothing otherwise: for what only training does to its rows.
    pub(crate) fn random(&self) -> Option<Random> {
        self.chance.map(Chance::next)
    }

    /// Dropout in training ([`Chance::mask`]); otherwise nothing changes.
    pub(crate) fn dropout<const D: usize>(&self, x: Tensor<D>, rate: f32) -> Tensor<D> {
        match self.chance {
            Some(chance) if rate > 0.0 => {
                let shape = x.dims();
                x * self.numbers(chance.mask(shape.iter().product(), rate), shape)
            }
            _ => x,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Chance;

    #[test]
    fn masks_drop_a_share_and_keep_the_mean() {
        let (mask, again) = (Chance::new(3).mask(100_001, 0.3), Chance::new(3).mask(100_001, 0.3));
        assert_eq!(mask, again);
        assert_eq!(mask.len(), 100_001);
        let dropped = mask.iter().filter(|&&m| m == 0.0).count() as f64 / 100_001.0;
        let mean = mask.iter().map(|&m| f64::from(m)).sum::<f64>() / 100_001.0;
        // Five standard errors of a share of so many draws.
        assert!((dropped - 0.3).abs() < 0.0073 && (mean - 1.0).abs() < 0.0104, "{dropped} {mean}");
        let chance = Chance::new(3);
        assert_ne!(chance.mask(64, 0.5), chance.mask(64, 0.5));
        assert!(chance.mask(64, 0.0).is_empty());
    }
}
