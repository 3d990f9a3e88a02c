//! Files that are written atomically.

use std::fs::File;
use std::io::{Result, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A file that is being written. Its bytes go to a temporary file next to the target, which is renamed to the target once they are complete
/// and on disk. Whatever happens, the target is either the old file or the complete new one; dropping this leaves nothing behind.
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
    /// Starts a file that will replace `target`. Errors if the folder does not exist or cannot be written to.
    pub fn beside(target: &Path) -> Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".tidemill-").suffix(".part");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // The permissions of any new file, subject to the umask (temporary files are otherwise private to their owner).
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        Ok(AtomicFile { file: builder.tempfile_in(folder(target))?, target: target.to_owned() })
    }

    /// Writes the bytes to disk and moves the file to its place. A full disk may only show up here.
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

/// Writes `bytes` to `target`, atomically replacing an existing file.
pub fn replace(target: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = AtomicFile::beside(target)?;
    file.write_all(bytes)?;
    file.finish()
}

fn folder(target: &Path) -> &Path {
    target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
