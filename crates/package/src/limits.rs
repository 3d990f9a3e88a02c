//! The bounds of a reader: what a file asks for beyond them is refused before any memory is taken.
//!
//! Reading takes the file's length in memory, the tensors' once more, and for JSON some 30 times its text at worst.

/// The longest file, in bytes: what a ZIP without 64-bit extensions holds.
pub const FILE_BYTES: u64 = u32::MAX as u64;
/// The most entries in a file.
pub const ENTRIES: usize = 64;
/// The longest `manifest.json` and the longest `state.json`, in bytes.
pub const JSON_BYTES: usize = 64 << 20;
/// The longest list of tensors (the header of `tensors.safetensors`), in bytes.
pub const TENSOR_LIST_BYTES: usize = 16 << 20;
/// How deep the parts of a state may nest, the outermost included.
pub const STATE_DEPTH: usize = 24;
/// How deep the parameters of one part may nest, and what is said about the model.
pub const VALUE_DEPTH: usize = 48;
/// The longest vector that a column may have, in numbers.
pub const VECTOR_LEN: usize = 1 << 28;
