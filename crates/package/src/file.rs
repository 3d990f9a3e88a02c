//! Model files on disk: read within limits, written atomically.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::{Error, Result, Site};
use crate::limits;
use crate::package::{Info, Package, parse, to_bytes_with_info};

/// Writes the model, replacing an existing file, and returns what identifies it.
///
/// Whatever happens, `path` is either the old file or the complete new one. Errors if the folder does not exist, cannot be written to or is
/// full (nothing is left behind), or as [`crate::to_bytes`] does.
pub fn write(path: &Path, package: &Package) -> Result<Info> {
    let (bytes, info) = to_bytes_with_info(package)?;
    tidemill_core::replace(path, &bytes).map_err(|source| Error::Io { path: path.into(), source })?;
    Ok(info)
}

/// Reads the model in a file. Errors are those of [`open`].
pub fn read(path: &Path) -> Result<Package> {
    open(path).map(|(package, _)| package)
}

/// Reads the model in a file, and what identifies it.
///
/// Errors if the file cannot be read, is not a model, is damaged in any way, comes from a newer format, or exceeds the [`limits`]. Memory:
/// the length of the file, plus that of its tensors.
pub fn open(path: &Path) -> Result<(Package, Info)> {
    let io = |source| Error::Io { path: path.into(), source };
    let name = path.display().to_string();
    let file = File::open(path).map_err(io)?;
    let length = file.metadata().map_err(io)?.len();
    if length > limits::FILE_BYTES {
        let site = Site { file: &name };
        return Err(site.too_large("the file", format!("{length} bytes"), limits::FILE_BYTES));
    }
    let mut bytes = Vec::new();
    // A pipe or a growing file may contain more than its reported length.
    file.take(limits::FILE_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
    parse(&bytes, &name)
}
