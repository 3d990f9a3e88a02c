//! Model files on disk: read within bounds, written whole or not at all.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use crate::error::{Error, Result, Site};
use crate::limits;
use crate::package::{Info, Package, parse, to_bytes_with_info};

/// Writes the model, replacing a file that is there, and says what names it.
///
/// The bytes go into a temporary file beside `path`, to disk, and then take its name in one step: whatever happens,
/// `path` holds the old file or the whole new one. Errors when the folder is missing, cannot be written or is full
/// (nothing is left behind), or as [`crate::to_bytes`] does.
pub fn write(path: &Path, package: &Package) -> Result<Info> {
    let (bytes, info) = to_bytes_with_info(package)?;
    let io = |source| Error::Io { path: path.into(), source };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut temporary = builder().tempfile_in(folder).map_err(io)?;
    temporary.write_all(&bytes).map_err(io)?;
    temporary.as_file().sync_all().map_err(io)?;
    temporary.persist(path).map_err(|e| io(e.error))?;
    // The new name itself must survive a power cut; systems that cannot sync a folder do this on their own.
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(info)
}

fn builder() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".model-").suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // As any new file: what the umask leaves of it (temporary files are the owner's alone otherwise).
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder
}

/// The model in a file. Errors as [`open`] does.
pub fn read(path: &Path) -> Result<Package> {
    open(path).map(|(package, _)| package)
}

/// The model in a file, and what names it.
///
/// Errors when the file cannot be read, is no model, is damaged in any way, comes from a newer format, or is beyond
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
