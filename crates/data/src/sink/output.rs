//! The bytes of a sink: beside the target until they are complete.

use std::fs::File;
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use tidemill_core::{AtomicFile, Result};

use crate::Error;

/// How many bytes are gathered before they are handed to the system.
const BUFFER: usize = 1 << 18;

enum Place {
    AtomicFile(BufWriter<AtomicFile>),
    /// What cannot be replaced: a device, a named pipe.
    Direct(BufWriter<File>),
    Standard(BufWriter<std::io::Stdout>),
}

pub(super) struct Output {
    place: Place,
    path: PathBuf,
    /// Whether the reader of standard output went away.
    pub(super) closed: bool,
}

impl Output {
    /// Standard output; that its reader goes away is not an error.
    pub(super) fn standard() -> Self {
        let place = Place::Standard(BufWriter::with_capacity(BUFFER, std::io::stdout()));
        Output { place, path: "standard output".into(), closed: false }
    }

    pub(super) fn file(path: &Path) -> Result<Self> {
        let failed = |source| Error::Write { path: path.to_owned(), source };
        // A link keeps pointing where it points; what it points at is replaced.
        let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let place = match std::fs::metadata(&path) {
            Ok(found) if found.is_dir() => {
                return Err(failed(std::io::Error::new(ErrorKind::IsADirectory, "it is a folder")).into());
            }
            Ok(found) if !found.is_file() => {
                let file = File::options().write(true).open(&path).map_err(failed)?;
                Place::Direct(BufWriter::with_capacity(BUFFER, file))
            }
            _ => Place::AtomicFile(BufWriter::with_capacity(
                BUFFER,
                AtomicFile::beside(&path).map_err(failed)?,
            )),
        };
        Ok(Output { place, path, closed: false })
    }

    /// The target, as shown in errors.
    pub(super) fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// An error of writing, with the target's path.
    pub(super) fn failed(&self, source: std::io::Error) -> tidemill_core::Error {
        Error::Write { path: self.path.clone(), source }.into()
    }

    /// Hands over the last bytes and puts the file in its place.
    pub(super) fn finish(mut self) -> Result<()> {
        self.flush().map_err(|e| self.failed(e))?;
        let Output { place: Place::AtomicFile(buffer), path, .. } = self else { return Ok(()) };
        let failed = |source| Error::Write { path: path.clone(), source };
        let file = buffer.into_inner().map_err(|e| failed(e.into_error()))?;
        Ok(file.finish().map_err(failed)?)
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.closed {
            return Ok(bytes.len());
        }
        let written = match &mut self.place {
            Place::AtomicFile(file) => return file.write(bytes),
            Place::Direct(file) => return file.write(bytes),
            Place::Standard(out) => out.write(bytes),
        };
        self.quietly(written, bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        if self.closed {
            return Ok(());
        }
        let flushed = match &mut self.place {
            Place::AtomicFile(file) => return file.flush(),
            Place::Direct(file) => return file.flush(),
            Place::Standard(out) => out.flush(),
        };
        self.quietly(flushed, ())
    }
}

impl Output {
    fn quietly<T>(&mut self, result: std::io::Result<T>, instead: T) -> std::io::Result<T> {
        match result {
            Err(e) if e.kind() == ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(instead)
            }
            other => other,
        }
    }
}
