//! Files: written whole or not at all, and named by their hashes.

use std::path::Path;

use sha2::{Digest, Sha256};
use tidemill_core::{Error, Result};

/// Writes a file so that it is there whole or not at all.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    tidemill_core::replace(path, bytes).map_err(|e| Error::io(path, e))
}

/// Fails early, before hours of work, where the result could not be written.
pub(crate) fn check_folder(out: &Path) -> Result<()> {
    let existing = out.ancestors().find(|p| p.exists() || p.as_os_str().is_empty());
    let folder = existing.filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    tidemill_core::Staged::beside(&folder.join("x")).map(drop).map_err(|e| Error::io(out, e))
}

/// SHA-256 in hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}
