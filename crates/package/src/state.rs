//! `state.json` and `tensors.safetensors`: a [`State`] as a JSON tree and a flat list of arrays.
//!
//! The array `coefficients` of the third child of the first child is called `0.2.coefficients`. Arrays are little-endian and keep every
//! bit, so NaN and infinities are preserved.

use std::borrow::Cow;
use std::collections::BTreeMap;

use safetensors::tensor::{Dtype, SafeTensors, TensorView, View};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidemill_core::{State, Tensor, TensorData};

use crate::error::{Result, Site, unwritable};
use crate::{STATE, TENSORS, limits};

/// A state without the numbers of its tensors.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Node {
    kind: String,
    version: u32,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    params: Value,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tensors: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    children: Vec<Node>,
}

/// `state.json` and `tensors.safetensors`.
pub(crate) fn to_bytes(state: &State) -> Result<(Vec<u8>, Vec<u8>)> {
    let mut tensors = BTreeMap::new();
    let node = strip(state, "", 1, &mut tensors)?;
    let json = serde_json::to_vec(&node).map_err(|e| unwritable(format!("state: {e}")))?;
    let arrays = safetensors::serialize(tensors, None).map_err(|e| unwritable(format!("tensors: {e}")))?;
    Ok((json, arrays))
}

fn strip<'a>(
    state: &'a State,
    path: &str,
    depth: usize,
    tensors: &mut BTreeMap<String, Array<'a>>,
) -> Result<Node> {
    let refuse = |problem: String| Err(unwritable(format!("state '{}': {problem}", state.kind)));
    if depth > limits::STATE_DEPTH {
        return refuse(format!("parts nest deeper than {}", limits::STATE_DEPTH));
    }
    if deeper_than(&state.params, limits::VALUE_DEPTH) {
        return refuse(format!("parameters nest deeper than {}", limits::VALUE_DEPTH));
    }
    for (name, tensor) in &state.tensors {
        let numbers = tensor.shape.iter().try_fold(1usize, |n, &len| n.checked_mul(len));
        if numbers != Some(n_numbers(&tensor.data)) {
            let found = n_numbers(&tensor.data);
            return refuse(format!("tensor '{name}' of shape {:?} has {found} numbers", tensor.shape));
        }
        let full = format!("{path}{name}");
        if full == "__metadata__" || tensors.insert(full, Array(tensor)).is_some() {
            return refuse(format!("tensor '{path}{name}' has a name that is taken"));
        }
    }
    let children = state.children.iter().enumerate();
    let children = children.map(|(i, child)| strip(child, &format!("{path}{i}."), depth + 1, tensors));
    Ok(Node {
        kind: state.kind.clone(),
        version: state.version,
        params: state.params.clone(),
        tensors: state.tensors.keys().cloned().collect(),
        children: children.collect::<Result<_>>()?,
    })
}

/// The inverse of [`to_bytes`]; every tensor must be named by exactly one part.
pub(crate) fn from_bytes(json: &[u8], arrays: &[u8], site: Site<'_>) -> Result<State> {
    if json.len() > limits::JSON_BYTES {
        return Err(site.too_large(STATE, format!("{} bytes", json.len()), limits::JSON_BYTES as u64));
    }
    // serde_json itself rejects more than 128 levels, so the recursion below cannot overflow the stack.
    let node: Node = serde_json::from_slice(json).map_err(|e| site.damaged(STATE, e.to_string()))?;
    let declared = arrays.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    if declared > limits::TENSOR_LIST_BYTES as u64 {
        let bound = limits::TENSOR_LIST_BYTES as u64;
        return Err(site.too_large(TENSORS, format!("a list of {declared} bytes"), bound));
    }
    let arrays = SafeTensors::deserialize(arrays).map_err(|e| site.damaged(TENSORS, e.to_string()))?;
    let mut left: BTreeMap<&str, TensorView<'_>> = arrays.iter().collect();
    let state = fill(node, "", 1, &mut left, site)?;
    match left.keys().next() {
        Some(name) => Err(site.damaged(TENSORS, format!("no part of the model names tensor '{name}'"))),
        None => Ok(state),
    }
}

fn fill(
    node: Node,
    path: &str,
    depth: usize,
    left: &mut BTreeMap<&str, TensorView<'_>>,
    site: Site<'_>,
) -> Result<State> {
    if depth > limits::STATE_DEPTH {
        return Err(site.too_large(STATE, format!("{depth} levels"), limits::STATE_DEPTH as u64));
    }
    let mut tensors = BTreeMap::new();
    for name in node.tensors {
        let full = format!("{path}{name}");
        let view = left
            .remove(full.as_str())
            .ok_or_else(|| site.damaged(TENSORS, format!("tensor '{full}' is missing")))?;
        let data = decode(&view).ok_or_else(|| {
            site.damaged(TENSORS, format!("tensor '{full}' holds {:?}, which no model has", view.dtype()))
        })?;
        tensors.insert(name, Tensor { shape: view.shape().to_vec(), data });
    }
    let children = node.children.into_iter().enumerate();
    let children = children.map(|(i, child)| fill(child, &format!("{path}{i}."), depth + 1, left, site));
    let children = children.collect::<Result<_>>()?;
    Ok(State { kind: node.kind, version: node.version, params: node.params, tensors, children })
}

/// Whether a value nests deeper than `bound` lists or maps.
pub(crate) fn deeper_than(value: &Value, bound: usize) -> bool {
    match value {
        Value::Array(items) => bound == 0 || items.iter().any(|v| deeper_than(v, bound - 1)),
        Value::Object(items) => bound == 0 || items.values().any(|v| deeper_than(v, bound - 1)),
        _ => false,
    }
}

fn n_numbers(data: &TensorData) -> usize {
    match data {
        TensorData::F64(v) => v.len(),
        TensorData::F32(v) => v.len(),
        TensorData::U32(v) => v.len(),
        TensorData::I64(v) => v.len(),
        TensorData::U8(v) => v.len(),
    }
}

/// A tensor in the form that safetensors expects.
struct Array<'a>(&'a Tensor);

impl View for Array<'_> {
    fn dtype(&self) -> Dtype {
        match self.0.data {
            TensorData::F64(_) => Dtype::F64,
            TensorData::F32(_) => Dtype::F32,
            TensorData::U32(_) => Dtype::U32,
            TensorData::I64(_) => Dtype::I64,
            TensorData::U8(_) => Dtype::U8,
        }
    }

    fn shape(&self) -> &[usize] {
        &self.0.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        match &self.0.data {
            TensorData::F64(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            TensorData::F32(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            TensorData::U32(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            TensorData::I64(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            TensorData::U8(v) => Cow::Borrowed(v),
        }
    }

    fn data_len(&self) -> usize {
        n_numbers(&self.0.data) * self.dtype().bitsize() / 8
    }
}

/// The numbers of an array; `None` for a type that [`TensorData`] does not support.
fn decode(view: &TensorView<'_>) -> Option<TensorData> {
    let bytes = view.data();
    Some(match view.dtype() {
        Dtype::F64 => TensorData::F64(numbers(bytes, f64::from_le_bytes)),
        Dtype::F32 => TensorData::F32(numbers(bytes, f32::from_le_bytes)),
        Dtype::U32 => TensorData::U32(numbers(bytes, u32::from_le_bytes)),
        Dtype::I64 => TensorData::I64(numbers(bytes, i64::from_le_bytes)),
        Dtype::U8 => TensorData::U8(bytes.to_vec()),
        _ => return None,
    })
}

fn numbers<const N: usize, T>(bytes: &[u8], of: fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks::<N>().0.iter().map(|chunk| of(*chunk)).collect()
}
