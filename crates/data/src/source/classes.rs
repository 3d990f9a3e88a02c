//! A folder of images, sorted into one folder per class.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, StringArray};
use sha2::{Digest, Sha256};
use tidemill_core::{BATCH_ROWS, Batch, Batches, Column, Error, Kind, Result, Schema, Source};

use super::Provenance;
use super::input::Input;
use crate::cell::is_named;

/// The column of paths.
const IMAGE: &str = "image";
/// The column of classes.
const LABEL: &str = "label";
/// Folders within folders that are looked into.
const DEPTH: usize = 16;

/// The target that a location suggests: the class of a folder of images.
///
/// # Errors
/// A folder that cannot be read.
pub fn default_target(location: &str) -> Result<Option<&'static str>> {
    Ok(ImageFolder::find(location)?.filter(ImageFolder::is_sorted).map(|_| LABEL))
}

/// The images below a folder, in the order of their paths: those of `cats/` are of class `cats`, however deep they lie; an image
/// directly in the folder has no class.
pub(super) struct ImageFolder {
    folder: PathBuf,
    /// Paths below the folder, with `/` between folders.
    paths: Vec<String>,
    schema: Arc<Schema>,
}

impl ImageFolder {
    /// The images of a location; `None` where it is not a folder, or one without images.
    pub(super) fn find(location: &str) -> Result<Option<Self>> {
        let folder = PathBuf::from(location);
        if !folder.is_dir() {
            return Ok(None);
        }
        let mut paths = Vec::new();
        gather(&folder, "", DEPTH, &mut paths)?;
        paths.sort_unstable();
        if paths.is_empty() {
            return Ok(None);
        }
        let mut columns = vec![Column::new(IMAGE, Kind::Text)];
        if paths.iter().any(|path| class(path).is_some()) {
            columns.push(Column::new(LABEL, Kind::Text));
        }
        Ok(Some(ImageFolder { folder, paths, schema: Arc::new(Schema::new(columns)?) }))
    }

    pub(super) fn provenance(&self, location: &str) -> Provenance {
        let length = |path: &String| std::fs::metadata(self.folder.join(path)).map_or(0, |m| m.len());
        Provenance {
            n_files: self.paths.len(),
            bytes: self.paths.iter().map(length).sum(),
            ..Provenance::new(location, "pictures")
        }
    }

    /// Over the paths and bytes of all pictures: an image that moves to another class is another table.
    pub(super) fn sha256(&self) -> Result<String> {
        let mut hash = Sha256::new();
        for path in &self.paths {
            let own = super::input::sha256(&[Input::file(self.folder.join(path))])?;
            hash.update(format!("{path}\n{own}\n"));
        }
        Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    fn is_sorted(&self) -> bool {
        self.schema.len() > 1
    }

    fn batch<'a>(&self, paths: impl Iterator<Item = &'a String> + Clone) -> Result<Batch> {
        let images: StringArray = paths.clone().map(Some).collect();
        let mut columns: Vec<ArrayRef> = vec![Arc::new(images)];
        if self.is_sorted() {
            columns.push(Arc::new(paths.map(|path| class(path)).collect::<StringArray>()));
        }
        Batch::new(self.schema.clone(), columns)
    }
}

fn class(path: &str) -> Option<&str> {
    path.split_once('/').map(|(class, _)| class)
}

fn gather(folder: &Path, below: &str, depth: usize, paths: &mut Vec<String>) -> Result<()> {
    let failed = |e| Error::io(folder, e);
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else { continue };
        // What begins with a point belongs to the system.
        if name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            if depth > 0 {
                gather(&path, &format!("{below}{name}/"), depth - 1, paths)?;
            }
        } else if is_named(&name) {
            paths.push(format!("{below}{name}"));
        }
    }
    Ok(())
}

impl Source for ImageFolder {
    fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    fn n_rows(&self) -> Option<usize> {
        Some(self.paths.len())
    }

    fn folder(&self) -> Option<&Path> {
        Some(&self.folder)
    }

    fn scan(&self) -> Result<Batches<'_>> {
        Ok(Box::new(self.paths.chunks(BATCH_ROWS).map(|paths| self.batch(paths.iter()))))
    }

    fn take(&self, rows: &[u32]) -> Result<Batch> {
        if let Some(row) = rows.iter().find(|&&row| row as usize >= self.paths.len()) {
            return Err(Error::internal(format!("row {row} of a folder of {}", self.paths.len())));
        }
        self.batch(rows.iter().map(|&row| &self.paths[row as usize]))
    }
}
