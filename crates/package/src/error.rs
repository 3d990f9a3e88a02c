//! What can be wrong with a model file.

use std::path::PathBuf;

use tidemill_core::Coded;

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a model file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system could not read or write.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The file is not a model.
    #[error("{file} is not a tidemill model: {found}")]
    NotAModel {
        /// The file.
        file: String,
        /// What it looks like.
        found: String,
    },
    /// The file is a model, but was changed after it was written.
    #[error("{file} is damaged: {entry}: {problem}")]
    Damaged {
        /// The file.
        file: String,
        /// The affected part: the name of an entry, or the archive's own structure.
        entry: String,
        /// What is wrong there.
        problem: String,
    },
    /// The file was written by a newer version.
    #[error(
        "{file} has format {found}, written by {written_by}; this is {reader}, which reads formats up to {newest}"
    )]
    TooNew {
        /// The file.
        file: String,
        /// Its format.
        found: u32,
        /// The program that wrote it.
        written_by: String,
        /// This program.
        reader: String,
        /// The newest format that this program reads.
        newest: u32,
    },
    /// The file, or part of it, exceeds the limits.
    #[error("{file}: {part} has {found}, the bound is {bound}")]
    TooLarge {
        /// The file.
        file: String,
        /// The part.
        part: String,
        /// The actual amount, with its unit.
        found: String,
        /// The allowed amount.
        bound: u64,
    },
    /// The model contains something that a model file cannot store.
    #[error("the model cannot be written: {problem}")]
    Unwritable {
        /// What is in the way.
        problem: String,
    },
}

impl Coded for Error {
    fn code(&self) -> &'static str {
        match self {
            Error::Io { .. } => "model_io",
            Error::NotAModel { .. } => "model_not_a_model",
            Error::Damaged { .. } => "model_damaged",
            Error::TooNew { .. } => "model_too_new",
            Error::TooLarge { .. } => "model_too_large",
            Error::Unwritable { .. } => "model_unwritable",
        }
    }

    fn remedy(&self) -> Option<String> {
        let remedy = match self {
            Error::Io { source, .. } => match source.kind() {
                std::io::ErrorKind::NotFound => "check the path, and that its folder exists",
                std::io::ErrorKind::PermissionDenied => "choose a file or folder that you may read and write",
                std::io::ErrorKind::StorageFull => "free some space; nothing half-written was left behind",
                _ => "check the disk and the path; nothing half-written was left behind",
            },
            Error::NotAModel { .. } => "give the path of a file that `tidemill train` wrote (model.tidemill)",
            Error::Damaged { .. } => "the file was altered or truncated: copy it again, or retrain",
            Error::TooNew { .. } => "install the newer tidemill, or retrain with this one",
            Error::TooLarge { .. } => {
                "if the file is to be trusted, train a smaller model; otherwise discard it"
            }
            Error::Unwritable { .. } => "please report it with the command that led here",
        };
        Some(remedy.into())
    }
}

/// Where an error occurred: adds the name of the file to errors.
#[derive(Clone, Copy)]
pub(crate) struct Site<'a> {
    pub(crate) file: &'a str,
}

impl Site<'_> {
    pub(crate) fn damaged(self, entry: &str, problem: impl Into<String>) -> Error {
        Error::Damaged { file: self.file.into(), entry: entry.into(), problem: problem.into() }
    }

    pub(crate) fn too_large(self, part: &str, found: String, bound: u64) -> Error {
        Error::TooLarge { file: self.file.into(), part: part.into(), found, bound }
    }
}

pub(crate) fn unwritable(problem: impl Into<String>) -> Error {
    Error::Unwritable { problem: problem.into() }
}
