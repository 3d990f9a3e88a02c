//! GGUF: one file with metadata, a table of tensors, and their blocks. Every length is held against the file's own.
//!
//! The format is that of ggml's `docs/gguf.md`, versions 2 and 3.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use tidemill_core::{Error, Result};

use super::gguf_tensors::GgufTensors;
use super::quantized::Format;
use super::{Checkpoint, gguf_config, gguf_tokens};
use crate::error::LanguageError;

/// A value of the metadata.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Meta {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Flag(bool),
    Text(String),
    Texts(Vec<String>),
    Numbers(Vec<f64>),
    /// An array of other things, which nothing here needs.
    Other,
}

/// Where a tensor lies.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// Outermost dimension first.
    pub(crate) shape: Vec<usize>,
    pub(crate) format: Format,
    /// In the file.
    pub(crate) at: u64,
    pub(crate) bytes: usize,
}

/// A GGUF file whose metadata was read.
pub(crate) struct Gguf {
    pub(crate) path: PathBuf,
    pub(crate) meta: BTreeMap<String, Meta>,
    pub(crate) places: BTreeMap<String, Place>,
    pub(crate) file: File,
}

/// Opens a file as a checkpoint.
pub(crate) fn open(path: &Path) -> Result<Checkpoint> {
    let mut gguf = Gguf::open(path)?;
    let config = gguf_config::config(&mut gguf)?;
    let tokens = gguf_tokens::tokenizer(&gguf, &config)?;
    let template = gguf.text("tokenizer.chat_template").map(String::from);
    let tensors = Box::new(GgufTensors::new(gguf, &config));
    Ok(Checkpoint { config, tokenizer: tokens.json, template, bos: tokens.bos, eos: tokens.eos, tensors })
}

impl Gguf {
    /// Reads metadata and the table of tensors.
    ///
    /// # Errors
    /// When the file is not GGUF, is cut, has a length that it cannot hold, or a tensor of an unknown format.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|e| Error::io(path, e))?;
        let length = file.metadata().map_err(|e| Error::io(path, e))?.len();
        let mut reader = Reader { from: BufReader::with_capacity(1 << 16, file), path, left: length };
        if &reader.bytes::<4>()? != b"GGUF" {
            return Err(reader.wrong("is neither a folder nor a GGUF file (it does not begin with 'GGUF')"));
        }
        let version = reader.u32()?;
        if !(2..=3).contains(&version) {
            let found = version.to_string();
            let known = "2, 3";
            return Err(
                LanguageError::Unsupported { file: path.into(), what: "GGUF version", found, known }.into()
            );
        }
        // A tensor's entry takes at least 24 bytes, a key at least 12: more of them the file cannot hold.
        let (n_tensors, n_meta) = (reader.count(24)?, reader.count(12)?);
        let mut meta = BTreeMap::new();
        for _ in 0..n_meta {
            let key = reader.text()?;
            let sort = reader.u32()?;
            let value = reader.meta(sort, &key)?;
            if meta.insert(key.clone(), value).is_some() {
                return Err(reader.wrong(&format!("names '{key}' twice")));
            }
        }
        let mut entries = Vec::with_capacity(n_tensors);
        for _ in 0..n_tensors {
            entries.push(reader.entry()?);
        }
        let alignment = match meta.get("general.alignment") {
            Some(Meta::Unsigned(n)) if n.is_power_of_two() && *n <= 1 << 20 => *n,
            None => 32,
            Some(other) => return Err(reader.wrong(&format!("has an alignment of {other:?}"))),
        };
        let start = (length - reader.left).next_multiple_of(alignment);
        let places = placed(entries, start, length, path)?;
        Ok(Gguf { path: path.into(), meta, places, file: reader.from.into_inner() })
    }

    /// A text of the metadata.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        match self.meta.get(key) {
            Some(Meta::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// A whole number of the metadata that is not negative.
    pub(crate) fn whole(&self, key: &str) -> Option<u64> {
        match self.meta.get(key) {
            Some(Meta::Unsigned(n)) => Some(*n),
            Some(Meta::Signed(n)) => u64::try_from(*n).ok(),
            _ => None,
        }
    }

    /// A number of the metadata.
    pub(crate) fn number(&self, key: &str) -> Option<f64> {
        match self.meta.get(key) {
            Some(Meta::Float(x)) => Some(*x),
            _ => self.whole(key).map(|n| n as f64),
        }
    }

    /// A flag of the metadata.
    pub(crate) fn flag(&self, key: &str) -> Option<bool> {
        match self.meta.get(key) {
            Some(Meta::Flag(flag)) => Some(*flag),
            _ => None,
        }
    }

    /// The values of a tensor.
    pub(crate) fn read(&mut self, place: &Place) -> Result<Vec<f32>> {
        let mut bytes = vec![0; place.bytes];
        self.file.seek(SeekFrom::Start(place.at)).map_err(|e| Error::io(&self.path, e))?;
        self.file.read_exact(&mut bytes).map_err(|e| Error::io(&self.path, e))?;
        Ok(place.format.read(&bytes))
    }
}

/// Turns offsets into places within the file.
fn placed(
    entries: Vec<(String, Vec<usize>, Format, u64)>,
    start: u64,
    length: u64,
    path: &Path,
) -> Result<BTreeMap<String, Place>> {
    let mut places = BTreeMap::new();
    for (name, shape, format, offset) in entries {
        let wrong = |problem: &str| {
            Error::from(LanguageError::checkpoint(path, format!("tensor '{name}' {problem}")))
        };
        let n = shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d));
        let row = shape.last().copied().unwrap_or(1);
        let bytes = n.filter(|_| format.bytes(row).is_some()).and_then(|n| format.bytes(n));
        let bytes = bytes.ok_or_else(|| wrong("has a shape that does not fill whole blocks"))?;
        let at = start.checked_add(offset).ok_or_else(|| wrong("lies beyond the file's end"))?;
        if at.checked_add(bytes as u64).is_none_or(|end| end > length) {
            return Err(wrong("lies beyond the file's end: the file was cut"));
        }
        if places.contains_key(&name) {
            return Err(wrong("is there twice"));
        }
        places.insert(name, Place { shape, format, at, bytes });
    }
    Ok(places)
}

struct Reader<'a> {
    from: BufReader<File>,
    path: &'a Path,
    /// Bytes of the file that were not read yet.
    left: u64,
}

impl Reader<'_> {
    fn wrong(&self, problem: &str) -> Error {
        LanguageError::checkpoint(self.path, problem).into()
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.from.read_exact(&mut bytes).map_err(|_| self.wrong("ends within its metadata: it was cut"))?;
        self.left = self.left.saturating_sub(N as u64);
        Ok(bytes)
    }

    fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.bytes()?))
    }

    fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.bytes()?))
    }

    /// A number of things that take at least `size` bytes each.
    fn count(&mut self, size: u64) -> Result<usize> {
        let n = self.u64()?;
        if n > self.left / size {
            return Err(self.wrong(&format!("says that {n} things follow; {} bytes are left", self.left)));
        }
        Ok(n as usize)
    }

    fn text(&mut self) -> Result<String> {
        let n = self.count(1)?;
        let mut bytes = vec![0; n];
        self.from.read_exact(&mut bytes).map_err(|_| self.wrong("ends within its metadata: it was cut"))?;
        self.left = self.left.saturating_sub(n as u64);
        String::from_utf8(bytes).map_err(|_| self.wrong("holds a text that is not UTF-8"))
    }

    fn meta(&mut self, sort: u32, key: &str) -> Result<Meta> {
        Ok(match sort {
            8 => Meta::Text(self.text()?),
            9 => self.array(key)?,
            7 => Meta::Flag(self.bytes::<1>()?[0] != 0),
            _ => self.scalar(sort, key)?,
        })
    }

    fn scalar(&mut self, sort: u32, key: &str) -> Result<Meta> {
        Ok(match sort {
            0 => Meta::Unsigned(u64::from(self.bytes::<1>()?[0])),
            1 => Meta::Signed(i64::from(i8::from_le_bytes(self.bytes()?))),
            2 => Meta::Unsigned(u64::from(u16::from_le_bytes(self.bytes()?))),
            3 => Meta::Signed(i64::from(i16::from_le_bytes(self.bytes()?))),
            4 => Meta::Unsigned(u64::from(self.u32()?)),
            5 => Meta::Signed(i64::from(i32::from_le_bytes(self.bytes()?))),
            6 => Meta::Float(f64::from(f32::from_le_bytes(self.bytes()?))),
            10 => Meta::Unsigned(self.u64()?),
            11 => Meta::Signed(i64::from_le_bytes(self.bytes()?)),
            12 => Meta::Float(f64::from_le_bytes(self.bytes()?)),
            other => return Err(self.wrong(&format!("'{key}' has a value of unknown sort {other}"))),
        })
    }

    fn array(&mut self, key: &str) -> Result<Meta> {
        let sort = self.u32()?;
        let size = match sort {
            0 | 1 | 7 => 1,
            2 | 3 => 2,
            8 | 10..=12 => 8,
            4..=6 => 4,
            other => return Err(self.wrong(&format!("'{key}' is an array of unknown sort {other}"))),
        };
        let n = self.count(size)?;
        if sort == 8 {
            return Ok(Meta::Texts((0..n).map(|_| self.text()).collect::<Result<_>>()?));
        }
        let mut numbers = Vec::with_capacity(n);
        for _ in 0..n {
            numbers.push(match self.meta(sort, key)? {
                Meta::Unsigned(x) => x as f64,
                Meta::Signed(x) => x as f64,
                Meta::Float(x) => x,
                _ => f64::NAN,
            });
        }
        Ok(if sort == 7 { Meta::Other } else { Meta::Numbers(numbers) })
    }

    /// Name, shape (outermost dimension first), format and offset of a tensor.
    fn entry(&mut self) -> Result<(String, Vec<usize>, Format, u64)> {
        let name = self.text()?;
        let n = self.u32()?;
        if n > 4 {
            return Err(self.wrong(&format!("tensor '{name}' has {n} dimensions")));
        }
        let mut shape = Vec::new();
        for _ in 0..n {
            let size = usize::try_from(self.u64()?).unwrap_or(usize::MAX);
            shape.insert(0, size);
        }
        let format = Format::of_ggml(self.u32()?).map_err(|found| LanguageError::Unsupported {
            file: self.path.into(),
            what: "tensor type",
            found: format!("{found} (of tensor '{name}')"),
            known: "F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q4_K, Q6_K",
        })?;
        Ok((name, shape, format, self.u64()?))
    }
}
