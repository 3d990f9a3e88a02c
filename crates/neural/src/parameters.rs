//! The numbers that a net learns, one after the other in one run of memory, each array under its name.

mod packing;

use tidemill_core::{Error, Result, State, TensorData};
use tidemill_kernel::Random;

use packing::Packing;

/// An array as the part of the net that owns it declares it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Declared {
    /// Its name in the model file, as a PyTorch user would guess it: `body.0.weight`.
    pub name: String,
    /// Its shape; matrices of weights are `[outputs, inputs]`.
    pub shape: Vec<usize>,
    /// What it holds before training.
    pub start: Start,
}

/// What a parameter holds before training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Start {
    Zeros,
    Ones,
    /// Uniform from minus to plus this.
    Uniform(f32),
}

impl Declared {
    pub(crate) fn new(name: impl Into<String>, shape: &[usize], start: Start) -> Self {
        Declared { name: name.into(), shape: shape.to_vec(), start }
    }

    /// Weights before a rectifier or its like: uniform with a variance of `2 / inputs` (He et al. 2015, "Delving deep
    /// into rectifiers").
    pub(crate) fn he(name: impl Into<String>, shape: &[usize]) -> Self {
        let inputs: usize = shape.iter().skip(1).product();
        Declared::new(name, shape, Start::Uniform((6.0 / inputs.max(1) as f32).sqrt()))
    }

    /// Weights before nothing bent: uniform with a variance of `2 / (inputs + outputs)` (Glorot and Bengio 2010).
    pub(crate) fn glorot(name: impl Into<String>, shape: &[usize]) -> Self {
        let ends: usize = shape.iter().skip(1).product::<usize>() + shape.first().copied().unwrap_or(0);
        Declared::new(name, shape, Start::Uniform((6.0 / ends.max(1) as f32).sqrt()))
    }

    pub(crate) fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether weight decay pulls at it: at matrices, not at biases and norms, which have no scale to grow out of.
    pub(crate) fn decays(&self) -> bool {
        self.shape.len() > 1
    }
}

/// All parameters of a net, in the order in which its parts declare them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parameters {
    declared: Vec<Declared>,
    /// Where each starts within `values`; one more than there are.
    starts: Vec<usize>,
    /// The numbers.
    pub values: Vec<f32>,
    /// How they are saved.
    pub packing: Packing,
}

impl Parameters {
    /// Before training; each array takes a random stream of its own.
    pub(crate) fn start(declared: Vec<Declared>, seed: u64) -> Self {
        let mut values = Vec::with_capacity(declared.iter().map(Declared::len).sum());
        for (stream, one) in declared.iter().enumerate() {
            let mut random = Random::new(seed, stream as u64);
            let numbers = (0..one.len()).map(|_| match one.start {
                Start::Zeros => 0.0,
                Start::Ones => 1.0,
                Start::Uniform(bound) => bound * (2.0 * random.unit() - 1.0) as f32,
            });
            values.extend(numbers);
        }
        Self::of(declared, values)
    }

    fn of(declared: Vec<Declared>, values: Vec<f32>) -> Self {
        let mut starts = vec![0];
        let mut end = 0;
        for one in &declared {
            end += one.len();
            starts.push(end);
        }
        Parameters { declared, starts, values, packing: Packing::default() }
    }

    pub(crate) fn declared(&self) -> &[Declared] {
        &self.declared
    }

    /// Where array `i` lies within the values.
    pub(crate) fn range(&self, i: usize) -> std::ops::Range<usize> {
        self.starts[i]..self.starts[i + 1]
    }

    /// The numbers of array `i`.
    pub(crate) fn array(&self, i: usize) -> &[f32] {
        &self.values[self.range(i)]
    }

    /// What one part of the net declared, its first array being array `first`.
    pub(crate) fn part(&self, first: usize) -> Part<'_> {
        Part { all: self, first }
    }

    /// Adds every array to a state, under its name.
    pub(crate) fn save(&self, state: State) -> State {
        let mut rows = 0;
        self.declared.iter().enumerate().fold(state, |state, (i, one)| {
            if self.packing.is_plain() || !one.decays() {
                return state.tensor(&one.name, one.shape.clone(), TensorData::F32(self.array(i).to_vec()));
            }
            let first = rows;
            rows += packing::n_rows(one);
            self.save_packed(state, i, first)
        })
    }

    /// Bytes of the arrays.
    pub(crate) fn size(&self) -> u64 {
        match self.packing.is_plain() {
            true => 4 * self.values.len() as u64,
            false => self.save(State::default()).bytes(),
        }
    }

    /// The arrays of a state. Errors when one is missing or of another shape.
    pub(crate) fn load(declared: Vec<Declared>, state: &State) -> Result<Self> {
        let mut values = Vec::new();
        let mut packing = Packing::default();
        for one in &declared {
            if state.version > 1 && packing::is_packed(one, state) {
                packing::load(one, state, &mut values, &mut packing)?;
                continue;
            }
            let wrong =
                |problem: String| Error::state(&state.kind, format!("tensor '{}' {problem}", one.name));
            match state.tensors.get(&one.name) {
                Some(tensor) if tensor.shape == one.shape => match &tensor.data {
                    TensorData::F32(numbers) if numbers.len() == one.len() => {
                        values.extend_from_slice(numbers)
                    }
                    _ => return Err(wrong("should be of 32-bit floats".into())),
                },
                Some(tensor) => {
                    return Err(wrong(format!(
                        "should have the shape {:?}, not {:?}",
                        one.shape, tensor.shape
                    )));
                }
                None => return Err(wrong("is missing".into())),
            }
        }
        Ok(Parameters { packing, ..Self::of(declared, values) })
    }
}

/// The arrays of one part of a net, by their place in its own declaration.
#[derive(Clone, Copy)]
pub(crate) struct Part<'a> {
    all: &'a Parameters,
    first: usize,
}

impl<'a> Part<'a> {
    /// The numbers of the part's array `i`, row-major.
    pub(crate) fn array(&self, i: usize) -> &'a [f32] {
        self.all.array(self.first + i)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared() -> Vec<Declared> {
        vec![
            Declared::he("body.0.weight", &[3, 6]),
            Declared::new("body.0.bias", &[3], Start::Zeros),
            Declared::new("norms.0.weight", &[3], Start::Ones),
        ]
    }

    #[test]
    fn starts_are_as_declared() {
        let parameters = Parameters::start(declared(), 7);
        assert!(parameters.array(0).iter().all(|w| w.abs() <= 1.0));
        assert!(parameters.array(0).iter().any(|w| w.abs() > 0.5));
        assert_eq!(parameters.part(1).array(0), [0.0; 3]);
        assert_eq!(parameters.part(1).array(1), [1.0; 3]);
        assert_ne!(parameters, Parameters::start(declared(), 8));
    }

    #[test]
    fn a_state_must_be_whole() {
        let parameters = Parameters::start(declared(), 7);
        let state = parameters.save(State::new("net", 1, ()));
        assert_eq!(Parameters::load(declared(), &state).unwrap(), parameters);
        let mut other = state.clone();
        other.tensors.get_mut("body.0.weight").unwrap().shape = vec![6, 3];
        assert!(Parameters::load(declared(), &other).unwrap_err().to_string().contains("body.0.weight"));
        let mut without = state;
        without.tensors.remove("body.0.bias");
        assert!(Parameters::load(declared(), &without).unwrap_err().to_string().contains("body.0.bias"));
    }
}
