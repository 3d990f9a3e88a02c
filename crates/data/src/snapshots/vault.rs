//! The folder of snapshots: files of chunks and lists, read with their hashes checked.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use age::x25519::{Identity, Recipient};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tidemill_core::{Error, Result, nearest, replace};

use super::list::{Chunk, Snapshot};
use super::{Tombstone, refused, sha256};

/// The file that says what the folder is.
const MARK: &str = "tidemill-snapshots";
const VERSION: &str = "tidemill snapshots 1\n";
/// The most bytes of a list.
const LIST_BYTES: u64 = 1 << 30;

/// A folder of snapshots.
pub struct Vault {
    pub(super) folder: PathBuf,
    identities: Vec<Identity>,
}

/// A list as its file holds it: its bytes, and their hash.
#[derive(Serialize, Deserialize)]
struct Kept {
    sha256: String,
    snapshot: Box<RawValue>,
}

/// A list of a snapshot that cannot be read: its id, and why.
type Broken = (String, Error);

impl Vault {
    /// Opens the folder, or makes it where it is missing or empty.
    ///
    /// # Errors
    /// A folder that holds something else, a later version, a folder that cannot be written.
    pub fn create(folder: &Path) -> Result<Self> {
        let mark = folder.join(MARK);
        if !mark.exists() {
            std::fs::create_dir_all(folder).map_err(|e| Error::io(folder, e))?;
            let mut entries = std::fs::read_dir(folder).map_err(|e| Error::io(folder, e))?;
            if entries.next().is_some() {
                let problem = format!("{} is not a folder of snapshots, and not empty", folder.display());
                return Err(refused(problem, "name another folder with --in"));
            }
            replace(&mark, VERSION.as_bytes()).map_err(|e| Error::io(&mark, e))?;
        }
        Vault::open(folder)
    }

    /// Opens a folder of snapshots that is there.
    ///
    /// # Errors
    /// No such folder, a folder of something else, a later version.
    pub fn open(folder: &Path) -> Result<Self> {
        let mark = folder.join(MARK);
        let found = std::fs::read_to_string(&mark).map_err(|_| {
            refused(
                format!("there are no snapshots in {}", folder.display()),
                "take one with `tidemill data snapshot`, or name the folder with --in",
            )
        })?;
        if found != VERSION {
            let problem = format!("{}: {} is not a version that is read", mark.display(), found.trim());
            return Err(refused(problem, "use the version of tidemill that wrote it, or a later one"));
        }
        Ok(Vault { folder: folder.to_owned(), identities: Vec::new() })
    }

    /// The same with what opens sealed snapshots.
    pub fn with_identities(mut self, identities: Vec<Identity>) -> Self {
        self.identities = identities;
        self
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Keeps other programs from writing to the folder until the file is dropped.
    pub(super) fn lock(&self) -> Result<File> {
        let path = self.folder.join(MARK);
        let file = File::options().read(true).open(&path).map_err(|e| Error::io(&path, e))?;
        file.try_lock().map_err(|e| match e {
            std::fs::TryLockError::WouldBlock => refused(
                format!("another program is writing to {}", self.folder.display()),
                "wait for it to end",
            ),
            std::fs::TryLockError::Error(e) => Error::io(&path, e),
        })?;
        Ok(file)
    }

    /// All snapshots, the oldest first; with those whose lists cannot be read, and why.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn all(&self) -> Result<(Vec<Snapshot>, Vec<Broken>)> {
        let (mut found, mut broken) = (Vec::new(), Vec::new());
        for id in self.ids()? {
            match self.read(&id) {
                Ok(snapshot) => found.push(snapshot),
                Err(e) => broken.push((id, e)),
            }
        }
        found.sort_by(|a, b| a.at.cmp(&b.at).then_with(|| a.id.cmp(&b.id)));
        Ok((found, broken))
    }

    pub(super) fn ids(&self) -> Result<Vec<String>> {
        let folder = self.folder.join("lists");
        let mut ids = names(&folder)?;
        ids.retain_mut(|name| match name.strip_suffix(".json") {
            Some(id) if !id.starts_with('.') => {
                *name = id.to_string();
                true
            }
            _ => false,
        });
        ids.sort();
        Ok(ids)
    }

    /// The snapshot of this id, of the beginning of one (4 letters at least), or the latest of this name.
    ///
    /// # Errors
    /// None, with the nearest name; several ids with this beginning; one from which all of it was forgotten; a list that is damaged.
    pub fn find(&self, wanted: &str) -> Result<Snapshot> {
        let ids = self.ids()?;
        let begins = |id: &&String| wanted.len() >= 4 && id.starts_with(wanted);
        match ids.iter().filter(begins).collect::<Vec<_>>().as_slice() {
            [id] => return self.read(id),
            [] => {}
            several => {
                let shown: Vec<&str> = several.iter().map(|id| &id[..id.len().min(12)]).collect();
                let problem = format!("'{wanted}' begins several snapshots: {}", shown.join(", "));
                return Err(refused(problem, "write more of the id"));
            }
        }
        if let Some(found) = self.replaced(wanted)? {
            return Ok(found);
        }
        let (all, _) = self.all()?;
        if let Some(latest) = all.iter().rev().find(|s| s.name == wanted) {
            return Ok(latest.clone());
        }
        let known: Vec<&str> = all.iter().flat_map(|s| [s.name.as_str(), s.short()]).collect();
        let near = nearest(wanted, known.iter().copied());
        let near = near.map_or(String::new(), |near| format!("; is '{near}' meant?"));
        let problem = format!("there is no snapshot '{wanted}' in {}{near}", self.folder.display());
        Err(refused(problem, "see `tidemill data list`"))
    }

    /// What is left of a snapshot from which rows were forgotten; `None` where none was called so.
    fn replaced(&self, wanted: &str) -> Result<Option<Snapshot>> {
        let stones = self.tombstones()?;
        let begins = |stone: &&Tombstone| wanted.len() >= 4 && stone.id.starts_with(wanted);
        let mut stone = stones.iter().find(begins);
        // Each leads to a later one, and no further than there are tombstones.
        for _ in 0..stones.len() {
            let Some(here) = stone else { break };
            let Some(next) = &here.replaced_by else {
                let id = here.id.get(..12).unwrap_or(&here.id);
                let problem = format!("snapshot {id} is gone: all of its rows were forgotten");
                return Err(refused(problem, "nothing brings them back"));
            };
            stone = stones.iter().find(|later| later.id == *next);
            if stone.is_none() {
                return self.read(next).map(Some);
            }
        }
        Ok(None)
    }

    /// The list of a snapshot, checked.
    pub(super) fn read(&self, id: &str) -> Result<Snapshot> {
        let path = self.list(id);
        let damaged = |problem: String| {
            refused(
                format!("the list of snapshot {} is damaged: {problem}", &id[..id.len().min(12)]),
                format!("bring {} back from a backup", path.display()),
            )
        };
        let length = std::fs::metadata(&path).map_err(|e| Error::io(&path, e))?.len();
        if length > LIST_BYTES {
            return Err(damaged(format!("it has {length} bytes")));
        }
        let bytes = std::fs::read(&path).map_err(|e| Error::io(&path, e))?;
        let kept: Kept = serde_json::from_slice(&bytes).map_err(|e| damaged(e.to_string()))?;
        if sha256(kept.snapshot.get().as_bytes()) != kept.sha256 {
            return Err(damaged("its bytes are not those that were written".into()));
        }
        let snapshot: Snapshot =
            serde_json::from_str(kept.snapshot.get()).map_err(|e| damaged(e.to_string()))?;
        if snapshot.id != id {
            return Err(damaged(format!("it is that of {}", snapshot.short())));
        }
        match snapshot.fault() {
            Some(fault) => Err(damaged(fault)),
            None => Ok(snapshot),
        }
    }

    pub(super) fn write(&self, snapshot: &Snapshot) -> Result<()> {
        let failed = |e: serde_json::Error| Error::internal(format!("the list of a snapshot: {e}"));
        let text = serde_json::to_string(snapshot).map_err(failed)?;
        let kept =
            Kept { sha256: sha256(text.as_bytes()), snapshot: RawValue::from_string(text).map_err(failed)? };
        self.put(&self.list(&snapshot.id), &serde_json::to_vec(&kept).map_err(failed)?)
    }

    /// Where the list of a snapshot is.
    pub(super) fn list(&self, id: &str) -> PathBuf {
        self.folder.join("lists").join(format!("{id}.json"))
    }

    /// Where a chunk is.
    pub(super) fn place(&self, sha256: &str) -> PathBuf {
        self.folder.join("chunks").join(sha256.get(..2).unwrap_or("00")).join(format!("{sha256}.zst"))
    }

    pub(super) fn put(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|e| Error::io(folder, e))?;
        }
        replace(path, bytes).map_err(|e| Error::io(path, e))
    }

    /// Packs and keeps values; whether they were not there yet.
    pub(super) fn keep(&self, values: &[u8], seal: Option<&Recipient>) -> Result<(Chunk, Option<u64>)> {
        let bytes = values.len() as u64;
        let failed = |e: std::io::Error| Error::internal(format!("packing a chunk: {e}"));
        let Some(recipient) = seal else {
            let chunk = Chunk { sha256: sha256(values), bytes };
            let path = self.place(&chunk.sha256);
            if path.exists() && self.values(&chunk, false).is_ok() {
                return Ok((chunk, None));
            }
            let packed = zstd::bulk::compress(values, 3).map_err(failed)?;
            self.put(&path, &packed)?;
            return Ok((chunk, Some(packed.len() as u64)));
        };
        let packed = zstd::bulk::compress(values, 3).map_err(failed)?;
        let sealed =
            age::encrypt(recipient, &packed).map_err(|e| Error::internal(format!("sealing: {e}")))?;
        let chunk = Chunk { sha256: sha256(&sealed), bytes };
        self.put(&self.place(&chunk.sha256), &sealed)?;
        Ok((chunk, Some(sealed.len() as u64)))
    }

    /// The stored bytes of a chunk that must be `bytes` long when unpacked, with the hash checked where that is of these.
    fn stored(&self, chunk: &Chunk) -> std::result::Result<Vec<u8>, String> {
        let file = File::open(self.place(&chunk.sha256)).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => "it is gone".to_string(),
            _ => e.to_string(),
        })?;
        // What is packed is never much longer than what it holds.
        let most = chunk.bytes.saturating_add(chunk.bytes / 8).saturating_add(1 << 16);
        let mut bytes = Vec::new();
        file.take(most + 1).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
        if bytes.len() as u64 > most {
            return Err("it is longer than it can be".into());
        }
        Ok(bytes)
    }

    /// The values of a chunk; what is wrong with it.
    pub(super) fn values(&self, chunk: &Chunk, sealed: bool) -> std::result::Result<Vec<u8>, String> {
        let stored = self.stored(chunk)?;
        let altered = || "its bytes are not those that were written".to_string();
        if sealed && sha256(&stored) != chunk.sha256 {
            return Err(altered());
        }
        let opened = if sealed {
            let opened = self.identities.iter().find_map(|identity| age::decrypt(identity, &stored).ok());
            opened.ok_or("it is sealed, and no identity at hand opens it")?
        } else {
            stored
        };
        let length = usize::try_from(chunk.bytes).map_err(|_| altered())?;
        let values = unpacked(&opened, length).map_err(|_| altered())?;
        if values.len() != length || !sealed && sha256(&values) != chunk.sha256 {
            return Err(altered());
        }
        Ok(values)
    }

    /// Whether a sealed chunk is whole, for whoever cannot open it.
    pub(super) fn intact(&self, chunk: &Chunk) -> std::result::Result<(), String> {
        match sha256(&self.stored(chunk)?) == chunk.sha256 {
            true => Ok(()),
            false => Err("its bytes are not those that were written".into()),
        }
    }

    /// Whether there is anything to open sealed snapshots with.
    pub(super) fn can_open(&self) -> bool {
        !self.identities.is_empty()
    }

    /// What was forgotten, the oldest first.
    ///
    /// # Errors
    /// A tombstone that cannot be read.
    pub fn tombstones(&self) -> Result<Vec<Tombstone>> {
        let folder = self.folder.join("tombstones");
        let mut stones: Vec<Tombstone> = Vec::new();
        for name in
            names(&folder)?.into_iter().filter(|name| name.ends_with(".json") && !name.starts_with('.'))
        {
            let path = folder.join(name);
            let bytes = std::fs::read(&path).map_err(|e| Error::io(&path, e))?;
            stones.push(serde_json::from_slice(&bytes).map_err(|e| {
                refused(format!("{} is damaged: {e}", path.display()), "bring it back from a backup")
            })?);
        }
        stones.sort_by(|a, b| a.at.cmp(&b.at).then_with(|| a.id.cmp(&b.id)));
        Ok(stones)
    }
}

/// The values that were packed; reads no more than they have.
fn unpacked(packed: &[u8], length: usize) -> std::io::Result<Vec<u8>> {
    let mut values = Vec::new();
    zstd::Decoder::new(packed)?.take(length as u64 + 1).read_to_end(&mut values)?;
    Ok(values)
}

/// The names in a folder; none where there is no folder.
pub(super) fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::io(folder, e)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|e| Error::io(folder, e))?;
        names.extend(entry.file_name().into_string().ok());
    }
    Ok(names)
}
