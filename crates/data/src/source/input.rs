//! What is read: a file, several by a glob, standard input spooled to a temporary file, or bytes in memory.

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tempfile::TempPath;
use tidemill_core::Result;

use super::gzip::Members;
use crate::Error;

/// One file to read, and the name people know it by.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    pub(crate) path: PathBuf,
    /// As shown in errors.
    pub(crate) name: String,
    content: Content,
}

/// Where the bytes are.
#[derive(Clone)]
enum Content {
    /// At the path.
    File,
    /// At the path, which is deleted once nobody reads it any more.
    Spool(#[expect(dead_code, reason = "held so that the file is deleted at the right time")] Arc<TempPath>),
    /// Here.
    Memory(Held),
}

/// Bytes that somebody else may hold as well.
#[derive(Clone)]
struct Held(Arc<dyn AsRef<[u8]> + Send + Sync>);

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        (*self.0).as_ref()
    }
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Content::File => "a file",
            Content::Spool(_) => "a temporary file",
            Content::Memory(_) => "bytes",
        })
    }
}

/// Bytes that can be read from any place.
trait Bytes: Read + Seek + Send {}
impl<T: Read + Seek + Send> Bytes for T {}

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
        Input { name: path.display().to_string(), path, content: Content::File }
    }

    /// Bytes in memory, known by this name.
    pub(crate) fn memory(name: &str, bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Input {
        let content = Content::Memory(Held(Arc::new(bytes)));
        Input { path: PathBuf::new(), name: name.into(), content }
    }

    /// A temporary file, deleted once nobody reads it any more.
    pub(crate) fn temporary(path: TempPath, name: &str) -> Input {
        Input { path: path.to_path_buf(), name: name.into(), content: Content::Spool(Arc::new(path)) }
    }

    /// Whether it is in memory, and so small enough that one thread reads it.
    pub(crate) fn is_memory(&self) -> bool {
        matches!(self.content, Content::Memory(_))
    }

    /// How many bytes it has, as stored.
    pub(crate) fn n_bytes(&self) -> Result<u64> {
        match &self.content {
            Content::Memory(held) => Ok(held.as_ref().len() as u64),
            _ => Ok(self.open()?.metadata().map_err(|e| tidemill_core::Error::io(&self.path, e))?.len()),
        }
    }

    /// The folder that the file lies in; none for what is not a file of the user's.
    pub(crate) fn folder(&self) -> Option<&Path> {
        let folder = self.path.parent().filter(|_| matches!(self.content, Content::File))?;
        Some(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
    }

    fn bytes(&self) -> Result<Box<dyn Bytes>> {
        match &self.content {
            Content::Memory(held) => Ok(Box::new(Cursor::new(held.clone()))),
            _ => Ok(Box::new(self.open()?)),
        }
    }

    /// The file, for formats that need one.
    pub(crate) fn open(&self) -> Result<File> {
        if self.is_memory() {
            return Err(Error::Format {
                file: self.name.clone(),
                found: "a typed file".into(),
                remedy: "send CSV, JSON or JSON lines".into(),
            }
            .into());
        }
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
        self.bytes()?.take(n as u64).read_to_end(&mut head).map_err(|e| self.failed(e))?;
        Ok(head)
    }

    /// The last bytes, at most `n`; `None` where they are packed.
    pub(crate) fn tail(&self, n: usize) -> Result<Option<Vec<u8>>> {
        if Packing::of(&self.head(4)?) != Packing::Plain {
            return Ok(None);
        }
        let from = self.n_bytes()?.saturating_sub(n as u64);
        let (mut bytes, mut tail) = (self.bytes()?, Vec::new());
        bytes.seek(SeekFrom::Start(from)).map_err(|e| self.failed(e))?;
        bytes.take(n as u64).read_to_end(&mut tail).map_err(|e| self.failed(e))?;
        Ok(Some(tail))
    }

    /// The unpacked bytes.
    pub(crate) fn unpacked(&self) -> Result<Box<dyn Read + Send>> {
        let mut file = self.bytes()?;
        let mut magic = [0; 4];
        let n = fill(&mut file, &mut magic).map_err(|e| self.failed(e))?;
        file.seek(SeekFrom::Start(0)).map_err(|e| self.failed(e))?;
        Ok(match Packing::of(&magic[..n]) {
            Packing::Plain => Box::new(file),
            Packing::Gzip => Box::new(Members::new(BufReader::with_capacity(1 << 16, file))),
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
    Ok(Input::temporary(file.into_temp_path(), "standard input"))
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
