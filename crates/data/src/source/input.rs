//! The files behind a location: a path, a glob, or standard input spooled to a temporary file.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};
use tempfile::TempPath;
use tidemill_core::Result;

use crate::Error;

/// One file to read, and the name people know it by.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    pub(crate) path: PathBuf,
    /// As shown in errors.
    pub(crate) name: String,
    /// Deletes the spooled standard input once nobody reads it any more.
    _spool: Option<Arc<TempPath>>,
}

/// How the bytes of a file are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Plain,
    Gzip,
    Zstd,
}

impl Packing {
    /// By the first bytes.
    pub(crate) fn of(magic: &[u8]) -> Self {
        match magic {
            [0x1f, 0x8b, ..] => Packing::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Packing::Zstd,
            _ => Packing::Plain,
        }
    }
}

impl Input {
    /// The files of a location, in the order of their names; at least one.
    pub(crate) fn find(location: &str) -> Result<Vec<Input>> {
        if location == "-" {
            return Ok(vec![spool(&mut std::io::stdin().lock())?]);
        }
        // A file whose name holds a bracket is a file first, a pattern second.
        let is_pattern = location.contains(['*', '?', '[']) && !Path::new(location).exists();
        if !is_pattern {
            return Ok(vec![Input::file(PathBuf::from(location))]);
        }
        let pattern = |problem: String| Error::Pattern { pattern: location.into(), problem };
        let found = glob::glob(location).map_err(|e| pattern(e.to_string()))?;
        let mut files = Vec::new();
        for path in found {
            let path = path.map_err(|e| tidemill_core::Error::io(e.path().to_owned(), e.into()))?;
            if path.is_file() {
                files.push(Input::file(path));
            }
        }
        if files.is_empty() {
            return Err(Error::NoFiles { pattern: location.into() }.into());
        }
        Ok(files)
    }

    pub(crate) fn file(path: PathBuf) -> Input {
        Input { name: path.display().to_string(), path, _spool: None }
    }

    /// The folder that the file lies in; none for standard input.
    pub(crate) fn folder(&self) -> Option<&Path> {
        let folder = self.path.parent().filter(|_| self._spool.is_none())?;
        Some(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
    }

    pub(crate) fn open(&self) -> Result<File> {
        let file = File::open(&self.path).map_err(|e| tidemill_core::Error::io(&self.path, e))?;
        if file.metadata().is_ok_and(|m| m.is_dir()) {
            return Err(Error::Format {
                file: self.name.clone(),
                found: "a folder".into(),
                remedy: "name a file in it, or a pattern such as folder/*.csv; a folder of images holds a folder per class".into(),
            }
            .into());
        }
        Ok(file)
    }

    /// The first bytes, at most `n`.
    pub(crate) fn head(&self, n: usize) -> Result<Vec<u8>> {
        let mut head = Vec::new();
        self.open()?.take(n as u64).read_to_end(&mut head).map_err(|e| self.failed(e))?;
        Ok(head)
    }

    /// The unpacked bytes.
    pub(crate) fn unpacked(&self) -> Result<Box<dyn Read + Send>> {
        let mut file = self.open()?;
        let mut magic = [0; 4];
        let n = fill(&mut file, &mut magic).map_err(|e| self.failed(e))?;
        file.seek(SeekFrom::Start(0)).map_err(|e| self.failed(e))?;
        Ok(match Packing::of(&magic[..n]) {
            Packing::Plain => Box::new(file),
            Packing::Gzip => Box::new(MultiGzDecoder::new(std::io::BufReader::with_capacity(1 << 16, file))),
            Packing::Zstd => Box::new(zstd::Decoder::new(file).map_err(|e| self.failed(e))?),
        })
    }

    /// A failure of reading: of the disk, or of a packed file that is damaged.
    pub(crate) fn failed(&self, e: std::io::Error) -> tidemill_core::Error {
        use std::io::ErrorKind::{InvalidData, InvalidInput, Other, UnexpectedEof};
        match e.kind() {
            InvalidData | InvalidInput | UnexpectedEof | Other => {
                Error::Corrupt { file: self.name.clone(), format: "a packed file", problem: e.to_string() }
                    .into()
            }
            _ => tidemill_core::Error::io(&self.name, e),
        }
    }
}

/// Reads until the buffer is full or the input ends.
pub(crate) fn fill(reader: &mut dyn Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut n = 0;
    while n < buffer.len() {
        match reader.read(&mut buffer[n..]) {
            Ok(0) => break,
            Ok(more) => n += more,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(n)
}

/// A source is passed over more than once, so what comes once is put in a file first.
fn spool(reader: &mut dyn Read) -> Result<Input> {
    let failed = |e| tidemill_core::Error::io("standard input", e);
    let mut file = tempfile::NamedTempFile::new().map_err(failed)?;
    std::io::copy(reader, &mut file).map_err(failed)?;
    let path = file.into_temp_path();
    Ok(Input { path: path.to_path_buf(), name: "standard input".into(), _spool: Some(Arc::new(path)) })
}

/// SHA-256 over the bytes of the files, in the order of their names, as lower-case hexadecimal digits.
pub(crate) fn sha256(files: &[Input]) -> Result<String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    for input in files {
        let mut file = input.open()?;
        loop {
            let n = fill(&mut file, &mut buffer).map_err(|e| input.failed(e))?;
            hash.update(&buffer[..n]);
            if n < buffer.len() {
                break;
            }
        }
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
