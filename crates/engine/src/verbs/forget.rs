//! `forget`: what is known of a key goes from a store and, where that is asked for, from the copies of it that can be opened. Copies that still
//! hold it are named.

use std::path::{Path, PathBuf};

use serde::Serialize;
use tidemill_core::Result;
use tidemill_store::{Options, Store};

use crate::backup::Place;
use crate::serve::secrets::{self, Means};
use crate::serve::serving::Serving;

/// What was forgotten, and what is left.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Forgotten {
    /// How many predictions went from the store.
    pub predictions: u64,
    /// How many pieces of feedback went from the store.
    pub feedback: u64,
    /// Copies in which it was forgotten as well.
    pub forgotten_in: Vec<PathBuf>,
    /// Copies that still hold the key or cannot be opened, and places of backups with sets.
    pub copies: Vec<PathBuf>,
    /// The places of backups among these: sets are not changed, and expire.
    pub backups: Vec<Backups>,
}

/// Sets of backups in one place.
#[derive(Clone, Debug, Serialize)]
pub struct Backups {
    /// The folder.
    pub place: PathBuf,
    /// How many sets it has.
    pub sets: usize,
    /// The name of the latest, which is when it was made.
    pub latest: String,
}

impl Forgotten {
    /// Whether the key was known nowhere.
    pub fn nothing(&self) -> bool {
        self.predictions + self.feedback == 0 && self.forgotten_in.is_empty()
    }

    /// Whether a copy is left that does not expire by itself.
    pub fn is_left_for_good(&self) -> bool {
        self.copies.len() > self.backups.len()
    }
}

/// Deletes everything known of a key; with `in_copies`, in the copies of the store that `tidemill backup STORE` made as well.
///
/// # Errors
/// A model whose rows of this key cannot be found for want of a secret or an identity. Nothing is deleted then.
pub fn forget(
    store: &Store,
    key: &str,
    means: Means<'_>,
    model: Option<&Serving>,
    in_copies: bool,
) -> Result<Forgotten> {
    let (predictions, feedback) = secrets::forget(store, key, means, model)?;
    let mut done = Forgotten { predictions, feedback, ..Forgotten::default() };
    for place in store.copies()? {
        if place.is_dir() {
            done.backups.extend(sets(&place));
            continue;
        }
        // What cannot be looked into may hold it.
        match of_copy(&place, key, means, model, in_copies).unwrap_or(Looked::Holds) {
            Looked::Free => {}
            Looked::Cleared => done.forgotten_in.push(place),
            Looked::Holds => done.copies.push(place),
        }
    }
    done.copies.extend(done.backups.iter().map(|one| one.place.clone()));
    Ok(done)
}

/// What a copy knows of a key.
enum Looked {
    /// Nothing.
    Free,
    /// Nothing any more.
    Cleared,
    /// Something.
    Holds,
}

fn of_copy(
    place: &Path,
    key: &str,
    means: Means<'_>,
    model: Option<&Serving>,
    in_copies: bool,
) -> Result<Looked> {
    let copy = Store::look(place)?;
    let keys = secrets::kept_as(&copy, key, means, model)?;
    if !copy.knows(&keys)? {
        return Ok(Looked::Free);
    }
    if !in_copies {
        return Ok(Looked::Holds);
    }
    drop(copy);
    Store::open(&place.to_string_lossy(), Options::default())?.forget(keys)?;
    Ok(Looked::Cleared)
}

/// The sets in a place of backups; none in a place that has none left.
fn sets(place: &Path) -> Option<Backups> {
    // A place that cannot be read now may be there again later.
    let Ok(ids) = Place::open(place).and_then(|backups| backups.ids()) else {
        return Some(Backups { place: place.into(), sets: 0, latest: String::new() });
    };
    let latest = ids.last()?.clone();
    Some(Backups { place: place.into(), sets: ids.len(), latest })
}
