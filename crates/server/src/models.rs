//! The models in service, by name. They come and go while requests run: by files that appear in a watched folder, or by
//! `/v1/admin/models`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use tidemill_core::{Error as CoreError, Result};
use tidemill_engine::serve::serving::name_of;

use crate::error::Error;
use crate::live::{Live, Loader, Stamp, Version, stamp};

type ByName = BTreeMap<String, Arc<Live>>;

/// The models in service.
#[derive(Default)]
pub struct Models {
    current: ArcSwap<ByName>,
    /// Whoever changes the set holds this.
    watch: Mutex<Watch>,
    /// Where model files may lie: the folders that are watched and those of the files named at the start.
    folders: Vec<PathBuf>,
}

#[derive(Default)]
struct Watch {
    folders: Vec<PathBuf>,
    /// Files that could not be used, as they were then: they are tried again once they change.
    refused: BTreeMap<PathBuf, Stamp>,
    /// Files that could not be used because the store refused: they are tried again once it keeps rows.
    waiting: BTreeSet<PathBuf>,
}

impl Models {
    /// No model yet; `given` are the files and folders named at the start.
    pub(crate) fn of(given: &[PathBuf]) -> Self {
        let folder = |path: &PathBuf| {
            let folder = if path.is_dir() { path } else { path.parent()? };
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            folder.canonicalize().ok()
        };
        let watched = given.iter().filter(|path| path.is_dir()).cloned().collect();
        Models {
            watch: Mutex::new(Watch { folders: watched, ..Watch::default() }),
            folders: given.iter().filter_map(folder).collect(),
            ..Models::default()
        }
    }

    /// The version of a model that answers now.
    pub fn version(&self, name: &str) -> Option<Arc<Version>> {
        let current = self.current.load();
        current.get(name).map(|live| arc_swap::Guard::into_inner(live.version()))
    }

    /// All of them, in the order of their names.
    pub fn all(&self) -> Vec<Arc<Live>> {
        self.current.load().values().cloned().collect()
    }

    /// Adds a model.
    ///
    /// # Errors
    /// One of that name is in service.
    pub(crate) fn add(&self, live: Live) -> Result<(), Error> {
        let _watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        if self.current.load().contains_key(&live.name) {
            return Err(Error::SameName { name: live.name });
        }
        self.change(|models| models.insert(live.name.clone(), Arc::new(live)));
        Ok(())
    }

    /// Puts a model into service in place of one of its name; whether there was one.
    pub(crate) fn put(&self, live: Live) -> bool {
        let _watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.current.load().get(&live.name).cloned();
        let same = |old: &&Arc<Live>| old.path.canonicalize().is_ok_and(|path| path == live.path);
        // A file of a watched folder stays one: it goes with its file, and would be back at once.
        let live = match known.as_ref().filter(|old| old.watched).filter(same) {
            Some(old) => live.seen_at(old.path.clone()).of_folder(),
            None => live,
        };
        self.change(|models| models.insert(live.name.clone(), Arc::new(live))).is_some()
    }

    /// Takes a model out of service; requests that it is answering are finished.
    pub(crate) fn remove(&self, name: &str) -> Option<Arc<Live>> {
        let _watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        self.change(|models| models.remove(name))
    }

    /// `change` must be called by whoever holds `watch`.
    fn change<T>(&self, change: impl FnOnce(&mut ByName) -> T) -> T {
        let mut models = ByName::clone(&self.current.load());
        let changed = change(&mut models);
        self.current.store(Arc::new(models));
        changed
    }

    /// The file at `path`, as seen from a folder that models are served from or from where the server was started, if it lies where model
    /// files may lie: a request must not open any other file of this machine.
    pub(crate) fn permitted(&self, path: &Path) -> Option<PathBuf> {
        let places = self.folders.iter().map(|folder| folder.join(path)).chain([path.to_path_buf()]);
        let mut found = places.filter_map(|place| place.canonicalize().ok());
        found.find(|file| file.is_file() && self.folders.iter().any(|folder| file.starts_with(folder)))
    }

    /// Looks for newer files of the models in service, and for files that came into or went from the watched folders.
    pub(crate) fn look(&self, loader: &Loader) {
        for live in self.all() {
            live.refresh(loader);
        }
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        if watch.folders.is_empty() {
            return;
        }
        // A folder that cannot be read now, such as one on a disk that is away, takes nothing out of service.
        let Ok(files) =
            watch.folders.iter().map(|folder| model_files(folder)).collect::<std::io::Result<Vec<_>>>()
        else {
            return;
        };
        let files: BTreeSet<PathBuf> = files.into_iter().flatten().collect();
        for live in self.all().into_iter().filter(|live| live.watched && !files.contains(&live.path)) {
            tracing::info!(model = live.name, "its file is gone; the model is out of service");
            self.change(|models| models.remove(&live.name));
        }
        for path in files {
            self.discover(&mut watch, path, loader);
        }
    }

    /// Puts the model in a file of a watched folder into service, unless it is there already or cannot be used.
    fn discover(&self, watch: &mut Watch, path: PathBuf, loader: &Loader) {
        let serves = |live: &Arc<Live>| live.path == path;
        let Some(now) = stamp(&path) else { return };
        let waits = watch.waiting.contains(&path) && loader.store_health.refuses();
        if self.current.load().values().any(serves) || watch.refused.get(&path) == Some(&now) || waits {
            return;
        }
        match self.load_watched(&path, loader) {
            Ok(live) => {
                tracing::info!(model = live.name, "a new model is in service");
                watch.refused.remove(&path);
                watch.waiting.remove(&path);
                self.change(|models| models.insert(live.name.clone(), Arc::new(live)));
            }
            Err(e) => {
                // A store that was away may be back the next time; a broken file stays broken until it changes.
                if loader.is_for_the_store(&e) {
                    watch.waiting.insert(path);
                } else {
                    tracing::error!(code = e.code(), file = %path.display(), "a model file cannot be used: {e}");
                    watch.refused.insert(path, now);
                }
            }
        }
    }

    fn load_watched(&self, path: &Path, loader: &Loader) -> Result<Live> {
        let name = name_of(path);
        if self.current.load().contains_key(&name) {
            return Err(CoreError::from(Error::SameName { name }));
        }
        let live = Live::open(path, None, loader)?;
        Ok(live.of_folder())
    }
}

/// The model files of a folder: `NAME.tidemill`, and `NAME-model/model.tidemill`.
fn model_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        // Hidden files are on their way to their place.
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let inner = path.join("model.tidemill");
        if path.extension().is_some_and(|e| e == "tidemill") && path.is_file() {
            found.push(path);
        } else if inner.is_file() {
            found.push(inner);
        }
    }
    Ok(found)
}
