//! Models in service. A newer file in a model's place is loaded, tried and swapped in while requests run; a file that
//! cannot be loaded changes nothing.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use tidemill_core::{Context, Result};
use tidemill_engine::serve::serving::Serving;
use tidemill_store::{NewVersion, Store};

use crate::batcher::Batcher;
use crate::rows::Columns;
use crate::telemetry::{ModelFigures, Telemetry};

/// One version of a model, with everything a request needs found beforehand.
pub struct Version {
    /// The model.
    pub serving: Arc<Serving>,
    /// Answers small requests together, where that is quicker.
    pub batcher: Option<Batcher>,
    /// Its number in the store.
    pub number: i64,
    /// Its columns, ready for reading rows.
    pub columns: Columns,
    /// Its figures.
    pub figures: ModelFigures,
    /// Each class as a JSON text.
    pub class_texts: Vec<String>,
    /// What the log calls it beside others of its name.
    pub variant: Arc<str>,
    /// When it went into service, in microseconds since 1970.
    pub since: i64,
}

/// The variant that answers while there is one model of a name.
const CHAMPION: &str = "champion";

/// A model in service.
pub struct Live {
    /// Its name.
    pub name: String,
    path: PathBuf,
    hash_key: Option<String>,
    version: ArcSwap<Version>,
    /// The file as it was when last looked at.
    seen: Mutex<Option<Stamp>>,
}

/// What changes when a file is replaced.
type Stamp = (SystemTime, u64, u64);

fn stamp(path: &Path) -> Option<Stamp> {
    let found = std::fs::metadata(path).ok()?;
    #[cfg(unix)]
    let inode = std::os::unix::fs::MetadataExt::ino(&found);
    #[cfg(not(unix))]
    let inode = 0;
    Some((found.modified().ok()?, found.len(), inode))
}

impl Live {
    /// Loads a model and records its version.
    pub fn open(
        path: &Path,
        name: Option<&str>,
        hash_key: Option<String>,
        store: &Store,
        telemetry: &Telemetry,
        context: &Context,
    ) -> Result<Self> {
        let seen = Mutex::new(stamp(path));
        let serving = Serving::open(path, name, hash_key.as_deref(), context)?;
        let name = serving.name.clone();
        let version = Version::new(serving, store, telemetry)?;
        Ok(Live { name, path: path.into(), hash_key, version: ArcSwap::from_pointee(version), seen })
    }

    /// The version that answers now.
    pub fn version(&self) -> arc_swap::Guard<Arc<Version>> {
        self.version.load()
    }

    /// Looks whether there is a newer file, and puts it into service if it loads. Whether it did.
    pub fn refresh(&self, store: &Store, telemetry: &Telemetry, context: &Context) -> bool {
        // Held to the end: who looks while another loads wants to know how that ended, not that it began.
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let found = stamp(&self.path);
        if found.is_none() || *seen == found {
            return false;
        }
        *seen = found;
        let loaded = Serving::open(&self.path, Some(&self.name), self.hash_key.as_deref(), context);
        let version = loaded.and_then(|serving| Version::new(serving, store, telemetry));
        match version {
            Ok(version) if version.serving.hash == self.version().serving.hash => false,
            Ok(version) => {
                tracing::info!(model = self.name, version = version.short(), "a new version is in service");
                self.version.store(Arc::new(version));
                true
            }
            Err(e) => {
                tracing::error!(
                    model = self.name,
                    code = e.code(),
                    "the new model file cannot be used; the old version stays"
                );
                // A store that was away may be back the next time; a broken file stays broken until it changes.
                if e.code().starts_with("store") {
                    *seen = None;
                }
                false
            }
        }
    }
}

impl Version {
    fn new(serving: Serving, store: &Store, telemetry: &Telemetry) -> Result<Self> {
        let columns = Columns::of(&serving);
        let number = store.version(&NewVersion {
            model: serving.name.clone(),
            hash: serving.hash.clone(),
            recipe_hash: serving.recipe_hash.clone(),
            parent: serving.parent.clone(),
            columns: columns.logged().map(String::from).collect(),
            about: serving.about.clone(),
        })?;
        let short = serving.hash[..12.min(serving.hash.len())].to_string();
        let figures = telemetry.of_model(&serving.name, &short, &serving.classes);
        let class_texts = serving.classes.iter().map(|c| serde_json::Value::from(c.as_str()).to_string());
        let class_texts = class_texts.collect();
        let serving = Arc::new(serving);
        let batcher = serving.gains_by_batches().then(|| Batcher::start(serving.clone())).transpose()?;
        Ok(Version {
            serving,
            batcher,
            number,
            columns,
            figures,
            class_texts,
            variant: CHAMPION.into(),
            since: crate::clock::now(),
        })
    }

    /// The first digits of the hash: what people call the version.
    pub fn short(&self) -> &str {
        &self.serving.hash[..12.min(self.serving.hash.len())]
    }
}
