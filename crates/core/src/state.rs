//! The saved form of fitted objects: plain data, never code.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Error, Result};

/// The saved form of a [`crate::Fitted`]: enough for its loader to build an equal one.
///
/// Every float that matters is in a tensor (bit for bit); `params` contains counts, names and choices.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// Which loader reads it.
    pub kind: String,
    /// The version of this kind's layout.
    pub version: u32,
    /// Names, counts and choices.
    pub params: Value,
    /// Named arrays.
    pub tensors: BTreeMap<String, Tensor>,
    /// The parts of which it is composed.
    pub children: Vec<State>,
}

/// A dense array in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// The length of each dimension.
    pub shape: Vec<usize>,
    /// The numbers; as many as the product of the shape.
    pub data: TensorData,
}

/// The numbers of a [`Tensor`].
#[derive(Clone, Debug, PartialEq)]
pub enum TensorData {
    /// 64-bit floats.
    F64(Vec<f64>),
    /// 32-bit floats.
    F32(Vec<f32>),
    /// Unsigned 32-bit integers.
    U32(Vec<u32>),
    /// Signed 64-bit integers.
    I64(Vec<i64>),
    /// Bytes.
    U8(Vec<u8>),
}

impl TensorData {
    /// The number of elements.
    #[expect(clippy::len_without_is_empty, reason = "arrays are asked for their length alone")]
    pub fn len(&self) -> usize {
        match self {
            TensorData::F64(v) => v.len(),
            TensorData::F32(v) => v.len(),
            TensorData::U32(v) => v.len(),
            TensorData::I64(v) => v.len(),
            TensorData::U8(v) => v.len(),
        }
    }

    /// The size of an element in bytes.
    pub fn width(&self) -> usize {
        match self {
            TensorData::F64(_) | TensorData::I64(_) => 8,
            TensorData::F32(_) | TensorData::U32(_) => 4,
            TensorData::U8(_) => 1,
        }
    }
}

impl State {
    /// A state with these parameters (anything that serialises to JSON).
    pub fn new(kind: &str, version: u32, params: impl serde::Serialize) -> Self {
        // Plain structs of strings, numbers and lists cannot fail to serialise.
        let params = serde_json::to_value(params).unwrap_or_default();
        State { kind: kind.into(), version, params, ..State::default() }
    }

    /// Adds a one-dimensional array of 64-bit floats.
    pub fn floats(self, name: &str, values: &[f64]) -> Self {
        self.tensor(name, vec![values.len()], TensorData::F64(values.to_vec()))
    }

    /// Adds an array.
    pub fn tensor(mut self, name: &str, shape: Vec<usize>, data: TensorData) -> Self {
        self.tensors.insert(name.into(), Tensor { shape, data });
        self
    }

    /// Adds a part.
    pub fn child(mut self, child: State) -> Self {
        self.children.push(child);
        self
    }

    /// The size of its numbers and those of its parts, in bytes.
    pub fn bytes(&self) -> u64 {
        let own: usize = self.tensors.values().map(|t| t.data.len() * t.data.width()).sum();
        own as u64 + self.children.iter().map(State::bytes).sum::<u64>()
    }

    /// The number of learned numbers, including those of its parts.
    pub fn operations(&self) -> u64 {
        let own: u64 = self.tensors.values().map(|t| t.data.len() as u64).sum();
        own + self.children.iter().map(State::operations).sum::<u64>()
    }

    /// The parameters as `T`; the error says where they do not fit.
    pub fn params<T: DeserializeOwned>(&self) -> Result<T> {
        serde_path_to_error::deserialize(&self.params)
            .map_err(|e| Error::state(&self.kind, format!("parameter '{}': {}", e.path(), e.inner())))
    }

    /// The 64-bit floats with this name, exactly `len` of them.
    pub fn floats_of(&self, name: &str, len: usize) -> Result<&[f64]> {
        match self.tensors.get(name) {
            Some(Tensor { data: TensorData::F64(values), .. }) if values.len() == len => Ok(values),
            Some(tensor) => Err(Error::state(
                &self.kind,
                format!("tensor '{name}' should be {len} 64-bit floats, its shape is {:?}", tensor.shape),
            )),
            None => Err(Error::state(&self.kind, format!("tensor '{name}' is missing"))),
        }
    }

    /// Errors unless this build can read the version (1 to `newest`).
    pub fn check_version(&self, newest: u32) -> Result<()> {
        if (1..=newest).contains(&self.version) {
            return Ok(());
        }
        Err(Error::state(
            &self.kind,
            format!("version {} is unknown here (this build reads 1 to {newest})", self.version),
        ))
    }
}
