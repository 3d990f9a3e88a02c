//! Sentence encoders that models of tables use: found by name, held to their hash, opened once; vectors of texts are kept.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use hashbrown::HashMap;
use sha2::{Digest, Sha256};
use tidemill_core::{Error, Result};

use crate::checkpoint::Pooling;
use crate::embed::Embedder;
use crate::error::LanguageError;

/// Bytes of vectors that an encoder keeps.
const KEPT: usize = 256 << 20;
/// Encoders that stay open.
const OPEN: usize = 2;
/// Folders in which encoders are looked for.
const FOLDERS: usize = 64;
/// Bytes that are hashed at once.
const PIECE: usize = 1 << 20;
/// What says how texts become vectors, beside the weights.
const SMALL: [&str; 6] = [
    "config.json",
    "modules.json",
    "sentence_bert_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "1_Pooling/config.json",
];

/// How texts become vectors, where it is otherwise than the encoder's folder says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) pooling: Option<Pooling>,
    pub(crate) normalized: Option<bool>,
}

/// An encoder that is open.
pub(crate) struct Base {
    embedder: Embedder,
    /// SHA-256 over the names and SHA-256 of its files.
    pub(crate) hash: String,
    way: Way,
    folder: PathBuf,
    files: Files,
    said: Mutex<Said>,
}

/// The files of a folder that matter, each with its length and when it was written.
type Files = Vec<(String, u64, Option<SystemTime>)>;
/// A text, by the first half of its SHA-256.
type Key = [u8; 16];

/// Vectors by text, those that came first go first.
#[derive(Default)]
struct Said {
    vectors: HashMap<Key, Arc<[f32]>>,
    order: VecDeque<Key>,
}

static OPENED: Mutex<Vec<Arc<Base>>> = Mutex::new(Vec::new());
static BESIDE: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// What is locked is never left half changed.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Also looks for encoders in this folder, such as that of a model file.
pub fn look_beside(folder: &Path) {
    let mut folders = locked(&BESIDE);
    if !folders.iter().any(|known| known == folder) {
        folders.insert(0, folder.into());
        folders.truncate(FOLDERS);
    }
}

impl Base {
    /// Opens an encoder by its name: a folder as written, or one of that name beside a model file. With `hash` it must be that one.
    ///
    /// # Errors
    /// When there is none, none has the hash, or it is no sentence encoder.
    pub(crate) fn open(name: &str, hash: Option<&str>, way: Way) -> Result<Arc<Base>> {
        let mut other = None;
        for folder in places(name) {
            if !folder.join("config.json").exists() {
                continue;
            }
            let base = of_folder(&folder, hash, way)?;
            match base {
                Ok(base) => return Ok(base),
                Err(found) => other = Some((folder, found)),
            }
        }
        Err(match (other, hash) {
            (Some((folder, found)), Some(hash)) => {
                let problem = format!(
                    "is not the encoder that the model was trained with: its SHA-256 is {found}, and the model names {hash}"
                );
                LanguageError::checkpoint(folder, problem).into()
            }
            _ => {
                let hash = hash.map(|hash| format!(" with the SHA-256 {hash}")).unwrap_or_default();
                let problem = format!("there is no sentence encoder '{name}'{hash}");
                Error::data(problem, "put its folder where the recipe names it, or beside the model file")
            }
        })
    }

    /// Numbers of a vector.
    pub(crate) fn width(&self) -> usize {
        self.embedder.width()
    }

    /// The vectors of texts. Those of texts that came before are not computed again.
    ///
    /// # Errors
    /// When the tokenizer has no token for a part of a text.
    pub(crate) fn vectors(&self, texts: &[&str]) -> Result<Vec<Arc<[f32]>>> {
        let keys: Vec<Key> = texts.iter().map(|text| key(text)).collect();
        let mut found: HashMap<Key, Arc<[f32]>> = HashMap::new();
        {
            let said = locked(&self.said);
            found.extend(keys.iter().filter_map(|key| Some((*key, said.vectors.get(key)?.clone()))));
        }
        let mut new: Vec<(Key, &str)> = Vec::new();
        let mut asked = hashbrown::HashSet::new();
        for (key, text) in keys.iter().zip(texts) {
            if !found.contains_key(key) && asked.insert(*key) {
                new.push((*key, text));
            }
        }
        if !new.is_empty() {
            // Nothing is locked meanwhile: a thread that waits for others may take up their work.
            let texts: Vec<&str> = new.iter().map(|(_, text)| *text).collect();
            let vectors = self.embedder.embed(&texts)?;
            let rows = vectors.chunks_exact(self.width().max(1)).map(Arc::from);
            let new: Vec<(Key, Arc<[f32]>)> = new.iter().map(|(key, _)| *key).zip(rows).collect();
            self.keep(&new);
            found.extend(new);
        }
        let missing = || Error::internal("a text without a vector");
        keys.iter().map(|key| found.get(key).cloned().ok_or_else(missing)).collect()
    }

    fn keep(&self, new: &[(Key, Arc<[f32]>)]) {
        let most = KEPT / (4 * self.width() + 64);
        let mut said = locked(&self.said);
        for (key, vector) in new {
            if said.vectors.insert(*key, vector.clone()).is_none() {
                said.order.push_back(*key);
            }
        }
        while said.order.len() > most {
            if let Some(oldest) = said.order.pop_front() {
                said.vectors.remove(&oldest);
            }
        }
    }
}

fn key(text: &str) -> Key {
    let hash = Sha256::digest(text.as_bytes());
    let mut key = Key::default();
    key.iter_mut().zip(hash).for_each(|(to, byte)| *to = byte);
    key
}

/// Where an encoder of this name may lie.
fn places(name: &str) -> Vec<PathBuf> {
    let written = PathBuf::from(name);
    let last = written.file_name().map(PathBuf::from);
    let mut all = vec![written.clone()];
    for folder in locked(&BESIDE).iter() {
        all.push(folder.join(&written));
        all.extend(last.as_ref().map(|last| folder.join(last)));
    }
    all
}

/// The encoder in a folder, or its hash where it is not the one that is wanted.
fn of_folder(folder: &Path, wanted: Option<&str>, way: Way) -> Result<Result<Arc<Base>, String>> {
    let files = files(folder)?;
    let same = |base: &&Arc<Base>| base.folder == folder && base.files == files;
    let opened: Vec<Arc<Base>> = locked(&OPENED).iter().filter(same).cloned().collect();
    let hash = match opened.first() {
        Some(base) => base.hash.clone(),
        None => hash_of(folder, &files)?,
    };
    if wanted.is_some_and(|wanted| wanted != hash) {
        return Ok(Err(hash));
    }
    if let Some(base) = opened.into_iter().find(|base| base.way == way) {
        return Ok(Ok(base));
    }
    let embedder = Embedder::open_as(folder, way.pooling, way.normalized)?;
    let base = Arc::new(Base {
        embedder,
        hash,
        way,
        folder: folder.into(),
        files,
        said: Mutex::new(Said::default()),
    });
    let mut opened = locked(&OPENED);
    opened.insert(0, base.clone());
    opened.truncate(OPEN);
    Ok(Ok(base))
}

fn files(folder: &Path) -> Result<Files> {
    let mut names: Vec<String> = SMALL.iter().map(|name| name.to_string()).collect();
    for entry in std::fs::read_dir(folder).map_err(|e| Error::io(folder, e))? {
        let name = entry.map_err(|e| Error::io(folder, e))?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".safetensors") || name.ends_with(".safetensors.index.json") {
            names.push(name);
        }
    }
    names.sort_unstable();
    let there = names.into_iter().filter_map(|name| {
        let about = std::fs::metadata(folder.join(&name)).ok()?;
        Some((name, about.len(), about.modified().ok()))
    });
    Ok(there.collect())
}

fn hash_of(folder: &Path, files: &Files) -> Result<String> {
    let mut all = Sha256::new();
    for (name, ..) in files {
        let path = folder.join(name);
        let fault = |e| Error::io(&path, e);
        let mut file = File::open(&path).map_err(fault)?;
        let (mut one, mut piece) = (Sha256::new(), vec![0; PIECE]);
        loop {
            let n = file.read(&mut piece).map_err(fault)?;
            if n == 0 {
                break;
            }
            one.update(&piece[..n]);
        }
        all.update(format!("{name} {}\n", hex(one.finalize())));
    }
    Ok(hex(all.finalize()))
}

fn hex(bytes: impl IntoIterator<Item = u8>) -> String {
    bytes.into_iter().map(|byte| format!("{byte:02x}")).collect()
}
