//! The folder that contains backups.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tidemill_core::Result;

use super::{Kept, PIECE, Set, Sort};
use crate::error::EngineError;
use crate::files;

/// What marks the folder, and its format.
const MARK: &str = "tidemill-backups";
const FORMAT: u32 = 1;
/// How strongly pieces are packed: the level that zstd takes by itself.
const LEVEL: i32 = 3;

/// A folder of backups.
pub struct Place {
    folder: PathBuf,
}

/// An error of the disk, with the path.
pub(super) fn disk(path: &Path) -> impl Fn(std::io::Error) -> tidemill_core::Error + '_ {
    move |e| {
        EngineError::usage(
            format!("{}: {e}", path.display()),
            "free space or name another place; a set that was not finished does not count",
        )
        .into()
    }
}

/// Makes the folder, but not the one that it is to lie in: where that is gone, so is probably the disk, and copies beside the originals
/// are none.
fn make_in_its_folder(folder: &Path) -> Result<()> {
    let above = folder.parent().filter(|above| !above.as_os_str().is_empty());
    if let Some(above) = above.filter(|above| !above.exists()) {
        return Err(EngineError::usage(
            format!("{}: there is no folder {} to make it in", folder.display(), above.display()),
            "is its disk there? Otherwise make that folder, or name another place",
        )
        .into());
    }
    fs::create_dir(folder).map_err(disk(folder))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Whether a name read from a set can be that of a piece.
fn is_hash(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

impl Place {
    /// The place, made where it is not there yet.
    ///
    /// # Errors
    /// A folder that cannot be written to, or that holds other things.
    pub fn create(folder: &Path) -> Result<Self> {
        let mark = folder.join(MARK);
        if !mark.is_file() {
            if !folder.is_dir() {
                make_in_its_folder(folder)?;
            }
            if fs::read_dir(folder).map_err(disk(folder))?.next().is_some() {
                return Err(EngineError::usage(
                    format!("{} is not a place of backups and not empty", folder.display()),
                    "name an empty folder, or one that does not exist yet",
                )
                .into());
            }
            for part in ["pieces", "sets"] {
                fs::create_dir_all(folder.join(part)).map_err(disk(folder))?;
            }
            files::replace(&mark, format!("tidemill backups, format {FORMAT}\n").as_bytes())?;
        }
        Place::open(folder)
    }

    /// A place that is there.
    ///
    /// # Errors
    /// A folder that is gone or is not a place of backups.
    pub fn open(folder: &Path) -> Result<Self> {
        if !folder.join(MARK).is_file() {
            return Err(EngineError::usage(
                format!("there are no backups in {}", folder.display()),
                "name the folder that `tidemill backup run` writes with --to; is its disk there?",
            )
            .into());
        }
        Ok(Place { folder: folder.to_path_buf() })
    }

    /// Keeps other runs out until the answer is dropped.
    pub(super) fn lock(&self) -> Result<File> {
        let path = self.folder.join(MARK);
        let file = File::options().append(true).open(&path).map_err(disk(&path))?;
        file.try_lock().map_err(|_| {
            EngineError::usage(
                format!("another backup is writing to {}", self.folder.display()),
                "wait until it has ended",
            )
        })?;
        Ok(file)
    }

    /// A folder for a moment, on the disk of the place.
    pub(super) fn scratch(&self) -> Result<PathBuf> {
        let path = self.folder.join("scratch");
        if path.exists() {
            fs::remove_dir_all(&path).map_err(disk(&path))?;
        }
        fs::create_dir_all(&path).map_err(disk(&path))?;
        Ok(path)
    }

    fn piece(&self, hash: &str) -> PathBuf {
        self.folder.join("pieces").join(&hash[..2]).join(format!("{hash}.zst"))
    }

    fn list(&self, id: &str) -> PathBuf {
        self.folder.join("sets").join(format!("{id}.json"))
    }

    /// Keeps a file, with memory for one piece. Gives how many bytes were new, too.
    pub(super) fn keep(&self, from: &Path, path: String, sort: Sort) -> Result<(Kept, u64)> {
        let mut file = File::open(from).map_err(|e| {
            EngineError::usage(
                format!("{}: {e}", from.display()),
                "name a file that is there, or leave it out",
            )
        })?;
        let mut whole = Sha256::new();
        let mut kept = Kept { path, sort, bytes: 0, sha256: String::new(), pieces: Vec::new() };
        let (mut piece, mut new) = (Vec::with_capacity(PIECE), 0);
        loop {
            piece.clear();
            (&mut file).take(PIECE as u64).read_to_end(&mut piece).map_err(disk(from))?;
            if piece.is_empty() {
                break;
            }
            whole.update(&piece);
            kept.bytes += piece.len() as u64;
            let hash = hex(&Sha256::digest(&piece));
            new += self.put(&hash, &piece)?;
            kept.pieces.push(hash);
        }
        kept.sha256 = hex(&whole.finalize());
        Ok((kept, new))
    }

    /// Writes a piece that is not there yet; how many bytes that took.
    fn put(&self, hash: &str, bytes: &[u8]) -> Result<u64> {
        let path = self.piece(hash);
        if path.is_file() {
            return Ok(0);
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(disk(parent))?;
        }
        let packed = zstd::encode_all(bytes, LEVEL).map_err(disk(&path))?;
        files::replace(&path, &packed)?;
        Ok(packed.len() as u64)
    }

    /// The bytes of a piece, checked; else what is wrong with it.
    pub(super) fn get(&self, hash: &str) -> std::result::Result<Vec<u8>, String> {
        let path = self.piece(hash);
        let file = File::open(&path).map_err(|e| format!("piece {hash} cannot be read: {e}"))?;
        let unpacked = zstd::Decoder::new(file).and_then(|decoder| {
            // A damaged piece must not unpack to more than a piece.
            let mut bytes = Vec::new();
            decoder.take(PIECE as u64 + 1).read_to_end(&mut bytes).map(|_| bytes)
        });
        let bytes = unpacked.map_err(|e| format!("piece {hash} cannot be unpacked: {e}"))?;
        match hex(&Sha256::digest(&bytes)) == hash {
            true => Ok(bytes),
            false => Err(format!("piece {hash} was altered: its bytes have another hash")),
        }
    }

    /// Takes a damaged piece out of the way; one that is gone is out of it already.
    pub(super) fn set_aside(&self, hash: &str) -> Result<()> {
        let path = self.piece(hash);
        if path.exists() {
            fs::rename(&path, path.with_extension("damaged")).map_err(disk(&path))?;
        }
        Ok(())
    }

    /// Writes the list of a run, and with it the set is there.
    pub(super) fn finish(&self, set: &Set) -> Result<()> {
        let text =
            serde_json::to_vec_pretty(set).map_err(|e| tidemill_core::Error::internal(e.to_string()))?;
        files::replace(&self.list(&set.id), &text)
    }

    /// The names of the sets, the oldest first.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn ids(&self) -> Result<Vec<String>> {
        let folder = self.folder.join("sets");
        let mut ids = Vec::new();
        for entry in fs::read_dir(&folder).map_err(disk(&folder))? {
            let name = entry.map_err(disk(&folder))?.file_name();
            ids.extend(name.to_str().and_then(|n| n.strip_suffix(".json")).map(String::from));
        }
        ids.sort();
        Ok(ids)
    }

    /// A set by its name; without a name, the latest.
    ///
    /// # Errors
    /// No such set; a list that was cut or altered.
    pub fn set(&self, id: Option<&str>) -> Result<Set> {
        let ids = self.ids()?;
        let found = match id {
            Some(id) => ids.iter().find(|known| *known == id),
            None => ids.last(),
        };
        let Some(id) = found else {
            let known = if ids.is_empty() { "there are none".into() } else { ids.join(", ") };
            return Err(EngineError::usage(
                format!("{}: no such set of backups", self.folder.display()),
                format!("name one of those that are there: {known}"),
            )
            .into());
        };
        let path = self.list(id);
        let damaged = |problem: String| {
            EngineError::usage(
                format!("{}: {problem}", path.display()),
                "the list of this set was cut or altered; restore another set",
            )
        };
        let bytes = fs::read(&path).map_err(disk(&path))?;
        let set: Set = serde_json::from_slice(&bytes).map_err(|e| damaged(e.to_string()))?;
        let is_sound = |kept: &Kept| kept.pieces.iter().all(|p| is_hash(p)) && is_inside(&kept.path);
        match set.format == FORMAT && set.id == *id && set.files.iter().all(is_sound) {
            true => Ok(set),
            false => Err(damaged("not a list of this format".into()).into()),
        }
    }

    /// Removes all sets but the latest so many, and the pieces that none of those left needs. Gives the sets removed.
    pub(super) fn prune(&self, keep: usize) -> Result<Vec<String>> {
        let mut ids = self.ids()?;
        let staying = ids.split_off(ids.len().saturating_sub(keep));
        if ids.is_empty() {
            return Ok(ids);
        }
        let mut needed = BTreeSet::new();
        for id in &staying {
            needed.extend(self.set(Some(id))?.files.into_iter().flat_map(|kept| kept.pieces));
        }
        for id in &ids {
            fs::remove_file(self.list(id)).map_err(disk(&self.folder))?;
        }
        let folder = self.folder.join("pieces");
        for shelf in fs::read_dir(&folder).map_err(disk(&folder))? {
            for piece in fs::read_dir(shelf.map_err(disk(&folder))?.path()).map_err(disk(&folder))? {
                let path = piece.map_err(disk(&folder))?.path();
                let hash = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
                if !needed.contains(hash) {
                    fs::remove_file(&path).map_err(disk(&path))?;
                }
            }
        }
        Ok(ids)
    }
}

/// Whether a path read from a list stays below the folder it is restored into.
fn is_inside(path: &str) -> bool {
    let parts = Path::new(path).components();
    !path.is_empty() && parts.into_iter().all(|part| matches!(part, std::path::Component::Normal(_)))
}

/// The format of the lists that are written.
pub(super) const fn format() -> u32 {
    FORMAT
}
