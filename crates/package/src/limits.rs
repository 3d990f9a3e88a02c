//! The limits of a reader: whatever exceeds them is rejected before memory is allocated.
//!
//! Reading needs memory for the file, once more for its tensors, and for JSON in the worst case about 30 times the length of its text.

/// The maximum length of a file in bytes: that of a ZIP without 64-bit extensions.
pub const FILE_BYTES: u64 = u32::MAX as u64;
/// The maximum number of entries in a file.
pub const ENTRIES: usize = 64;
/// The maximum length of `manifest.json` and of `state.json`, in bytes.
pub const JSON_BYTES: usize = 64 << 20;
/// The maximum length of the list of tensors (the header of `tensors.safetensors`), in bytes.
pub const TENSOR_LIST_BYTES: usize = 16 << 20;
/// The maximum nesting depth of the parts of a state, including the outermost.
pub const STATE_DEPTH: usize = 24;
/// The maximum nesting depth of the parameters of one part, and of the information about the model.
pub const VALUE_DEPTH: usize = 48;
/// The maximum length of a vector column, in numbers.
pub const VECTOR_LEN: usize = 1 << 28;
