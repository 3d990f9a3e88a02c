//! Model files on disk: read within bounds, written whole or not at all.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::{Error, Result, Site};
use crate::limits;
use crate::package::{Info, Package, parse, to_bytes_with_info};

/// Writes the model, replacing a file that is there, and says what names it.
///
/// Whatever happens, `path` holds the old file or the whole new one. Errors when the folder is missing, cannot be written or is full
/// (nothing is left behind), or as [`crate::to_bytes`] does.
pub fn write(path: &Path, package: &Package) -> Result<Info> {
    let (bytes, info) = to_bytes_with_info(package)?;
    tidemill_core::replace(path, &bytes).map_err(|source| Error::Io { path: path.into(), source })?;
    Ok(info)
}

/// The model in a file. Errors as [`open`] does.
pub fn read(path: &Path) -> Result<Package> {
    open(path).map(|(package, _)| package)
}

/// The model in a file, and what names it.
///
/// Errors when the file cannot be read, is not a model, is damaged in any way, comes from a newer format, or is beyond
/// [`limits`]. Memory: the length of the file, and its tensors once more.
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
    // A pipe or a growing file has more than it said.
    file.take(limits::FILE_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
    parse(&bytes, &name)
}
