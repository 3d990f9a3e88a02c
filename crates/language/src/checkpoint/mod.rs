//! Checkpoints as they are published: a folder with `config.json` and safetensors, or one GGUF file.

mod config;
mod encoder;
mod folder;
mod gguf;
mod gguf_config;
mod gguf_tensors;
mod gguf_tokens;
mod gpt2_config;
mod quantized;
mod shard;

use std::path::Path;

use serde_json::Value;
use tidemill_core::{Error, Result};

pub use config::{Activation, Config, Family, RopeScaling};
pub use encoder::Pooling;
pub(crate) use encoder::{EncoderConfig, Sentences};
pub(crate) use folder::Shards;
pub(crate) use shard::Shard;

use crate::error::LanguageError;

/// Weights by name, as a family's blocks ask for them.
pub(crate) trait Tensors {
    /// The values of a tensor of exactly this shape, row-major; each tensor can be taken more than once.
    fn take(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>>;
    /// Names of tensors that nobody took.
    fn left(&self) -> Vec<String>;
}

/// What is read of a checkpoint before its weights.
pub(crate) struct Checkpoint {
    /// The sizes of the model.
    pub(crate) config: Config,
    /// The tokenizer, as the text of a `tokenizer.json`.
    pub(crate) tokenizer: Vec<u8>,
    /// The chat template, in Jinja.
    pub(crate) template: Option<String>,
    /// The text of the token that begins a text.
    pub(crate) bos: Option<String>,
    /// The text of the token that ends a text.
    pub(crate) eos: Option<String>,
    /// The weights.
    pub(crate) tensors: Box<dyn Tensors>,
}

/// Tensors that are named without the `model.` that blocks ask for: those of a decoder that was saved without its head.
pub(crate) struct Headless<T>(pub(crate) T);

impl<T: Tensors> Tensors for Headless<T> {
    fn take(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        self.0.take(name.strip_prefix("model.").unwrap_or(name), shape)
    }

    fn left(&self) -> Vec<String> {
        self.0.left()
    }
}

impl Checkpoint {
    /// Opens a folder, or a file that ends in `.gguf`.
    ///
    /// # Errors
    /// When files are missing, damaged, of an unknown architecture, or hold code or pickles.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        if path.is_dir() {
            return folder::open(path);
        }
        if !path.exists() {
            return Err(Error::io(path, std::io::ErrorKind::NotFound.into()));
        }
        gguf::open(path)
    }
}

/// A matrix of rows of `columns` numbers, its columns as rows.
pub(crate) fn transposed(values: &[f32], columns: usize) -> Vec<f32> {
    let rows = values.len() / columns;
    let mut turned = vec![0.0; values.len()];
    for (i, row) in values.chunks_exact(columns).enumerate() {
        for (j, value) in row.iter().enumerate() {
            turned[j * rows + i] = *value;
        }
    }
    turned
}

/// A JSON file of at most 64 MiB.
pub(crate) fn read_json(path: &Path) -> Result<Value> {
    let bytes = read_bounded(path, 64 << 20)?;
    serde_json::from_slice(&bytes)
        .map_err(|e| LanguageError::checkpoint(path, format!("is not JSON: {e}")).into())
}

/// A whole file of at most `limit` bytes.
pub(crate) fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let length = std::fs::metadata(path).map_err(|e| Error::io(path, e))?.len();
    if length > limit {
        let problem = format!("has {length} bytes; at most {limit} are read");
        return Err(LanguageError::checkpoint(path, problem).into());
    }
    std::fs::read(path).map_err(|e| Error::io(path, e))
}

#[cfg(test)]
mod tests {
    use super::transposed;

    #[test]
    fn rows_become_columns() {
        assert_eq!(transposed(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    }
}
