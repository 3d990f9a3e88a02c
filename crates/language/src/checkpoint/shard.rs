//! One safetensors file, read tensor by tensor: its header is bounded, and so is every tensor by the file's length.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use safetensors::Dtype;
use safetensors::tensor::Metadata;
use tidemill_core::{Error, Result};

use super::quantized::Format;
use crate::error::LanguageError;

/// The longest header that is read.
const LONGEST_HEADER: u64 = 100 << 20;

/// A safetensors file whose header was read.
pub(crate) struct Shard {
    path: PathBuf,
    file: File,
    header: Metadata,
    /// Where the tensors begin.
    start: u64,
}

impl Shard {
    /// Reads the header.
    ///
    /// # Errors
    /// When the file is cut, its header is not valid, or tensors overlap or leave gaps.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let wrong = |problem: String| Error::from(LanguageError::checkpoint(path, problem));
        let mut file = File::open(path).map_err(|e| Error::io(path, e))?;
        let length = file.metadata().map_err(|e| Error::io(path, e))?.len();
        let mut eight = [0; 8];
        file.read_exact(&mut eight).map_err(|_| wrong("is too short for a safetensors file".into()))?;
        let header_bytes = u64::from_le_bytes(eight);
        if header_bytes > LONGEST_HEADER || header_bytes > length.saturating_sub(8) {
            return Err(wrong(format!("says its header has {header_bytes} bytes; the file has {length}")));
        }
        let mut header = vec![0; header_bytes as usize];
        file.read_exact(&mut header).map_err(|e| Error::io(path, e))?;
        let header: Metadata =
            serde_json::from_slice(&header).map_err(|e| wrong(format!("has a damaged header: {e}")))?;
        let start = 8 + header_bytes;
        if header.data_len() as u64 != length - start {
            let problem = format!(
                "holds {} bytes of tensors, but its header speaks of {}: it was cut, or written to twice",
                length - start,
                header.data_len()
            );
            return Err(wrong(problem));
        }
        Ok(Shard { path: path.into(), file, header, start })
    }

    /// The names of the tensors, in the order of the file.
    pub(crate) fn names(&self) -> Vec<String> {
        self.header.offset_keys()
    }

    /// The shape of a tensor.
    pub(crate) fn shape(&self, name: &str) -> Option<&[usize]> {
        self.header.info(name).map(|info| info.shape.as_slice())
    }

    /// The bytes of a tensor of bytes.
    ///
    /// # Errors
    /// When it is not there, or holds something else.
    pub(crate) fn bytes(&mut self, name: &str) -> Result<Vec<u8>> {
        let Some(info) = self.header.info(name).filter(|info| info.dtype == Dtype::U8) else {
            return Err(LanguageError::checkpoint(&self.path, format!("lacks bytes '{name}'")).into());
        };
        let (from, to) = info.data_offsets;
        self.at(from, to)
    }

    fn at(&mut self, from: usize, to: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; to - from];
        let at = SeekFrom::Start(self.start + from as u64);
        self.file.seek(at).map_err(|e| Error::io(&self.path, e))?;
        self.file.read_exact(&mut bytes).map_err(|e| Error::io(&self.path, e))?;
        Ok(bytes)
    }

    /// The values of a tensor of this shape, row-major.
    ///
    /// # Errors
    /// When it is not there, has another shape, or does not hold floats.
    pub(crate) fn take(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let Some(info) = self.header.info(name) else {
            return Err(LanguageError::checkpoint(&self.path, format!("lacks tensor '{name}'")).into());
        };
        if info.shape != shape {
            let problem = format!("tensor '{name}' has shape {:?}; {shape:?} was expected", info.shape);
            return Err(LanguageError::checkpoint(&self.path, problem).into());
        }
        let format = match info.dtype {
            Dtype::F32 => Format::F32,
            Dtype::F16 => Format::F16,
            Dtype::BF16 => Format::Bf16,
            other => {
                return Err(LanguageError::Unsupported {
                    file: self.path.clone(),
                    what: "tensor type",
                    found: format!("{other:?}"),
                    known: "F32, F16, BF16",
                }
                .into());
            }
        };
        let (from, to) = info.data_offsets;
        Ok(format.read(&self.at(from, to)?))
    }
}
