//! Files that are there whole or not at all.

use std::fs::File;
use std::io::{Result, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A file in the making: its bytes gather in a temporary file beside the target, which takes the target's name when
/// they are complete and on disk. Whatever happens, the target is the old file or the whole new one; dropping this
/// leaves nothing behind.
///
/// ```
/// use std::io::Write;
/// let folder = tempfile::tempdir()?;
/// let target = folder.path().join("a.txt");
/// let mut file = tidemill_core::AtomicFile::beside(&target)?;
/// file.write_all(b"whole")?;
/// assert!(!target.exists());
/// file.finish()?;
/// assert_eq!(std::fs::read(&target)?, b"whole");
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct AtomicFile {
    file: NamedTempFile,
    target: PathBuf,
}

impl AtomicFile {
    /// Starts a file that will replace `target`. Errors when the folder is missing or cannot be written to.
    pub fn beside(target: &Path) -> Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".tidemill-").suffix(".part");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // As any new file: what the umask leaves of it (temporary files are the owner's alone otherwise).
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        Ok(AtomicFile { file: builder.tempfile_in(folder(target))?, target: target.to_owned() })
    }

    /// Puts the bytes on disk and the file in its place. A full disk may show only here.
    pub fn finish(self) -> Result<()> {
        self.file.as_file().sync_all()?;
        self.file.persist(&self.target).map_err(|e| e.error)?;
        // The new name itself must survive a power cut; systems that cannot sync a folder do this on their own.
        if let Ok(folder) = File::open(folder(&self.target)) {
            let _ = folder.sync_all();
        }
        Ok(())
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> Result<()> {
        self.file.flush()
    }
}

/// Writes `bytes` to `target`, replacing a file that is there: whole or not at all.
pub fn replace(target: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = AtomicFile::beside(target)?;
    file.write_all(bytes)?;
    file.finish()
}

fn folder(target: &Path) -> &Path {
    target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
