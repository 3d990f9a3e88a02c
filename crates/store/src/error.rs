//! The errors of a store.

use tidemill_core::Coded;

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure of the store. Messages never contain a value of a row.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The database cannot be reached or opened.
    #[error("the store {place} cannot be opened: {problem}")]
    Open {
        /// The path, or the URL without its password.
        place: String,
        /// The database's message.
        problem: String,
    },
    /// The database refused or failed; nothing of this transaction was kept.
    #[error("the store failed: {0}")]
    Failed(String),
    /// Another process is writing at the moment.
    #[error("the store is busy")]
    Busy,
    /// The database file is no longer at its path.
    #[error("the store's file is gone")]
    Gone,
    /// The tables were created by a newer program.
    #[error("the store was made by a newer version of tidemill (schema {found}, this one knows {known})")]
    TooNew {
        /// The version that was found.
        found: i64,
        /// The newest supported version.
        known: i64,
    },
    /// An idempotency key was used again with different content.
    #[error("this idempotency key was used for something else")]
    Conflict,
    /// The destination file of a backup already exists.
    #[error("{place} is there already")]
    Exists {
        /// The path.
        place: String,
    },
    /// This program does not back up a PostgreSQL database.
    #[error("a store in PostgreSQL is backed up by PostgreSQL's own tools")]
    NoBackup,
    /// The writer has ended.
    #[error("the store has been closed")]
    Stopped,
}

impl Coded for Error {
    fn code(&self) -> &'static str {
        match self {
            Error::Open { .. } => "store_open",
            Error::Failed(_) => "store_failed",
            Error::Busy => "store_busy",
            Error::Gone => "store_gone",
            Error::TooNew { .. } => "store_too_new",
            Error::Conflict => "idempotency_conflict",
            Error::Exists { .. } => "file_exists",
            Error::NoBackup => "no_backup",
            Error::Stopped => "store_stopped",
        }
    }

    fn remedy(&self) -> Option<String> {
        Some(
            match self {
                Error::Open { .. } => "check the path, its folder's rights, or the database server",
                Error::Failed(_) => "see whether the disk is full or the database is down, then try again",
                Error::Gone => "put the file back, or start again with another --store",
                Error::TooNew { .. } => "use the newer program, or another --store",
                Error::Conflict => "give each piece of feedback a key of its own",
                Error::Exists { .. } => "name another file, or move this one away",
                Error::NoBackup => "use pg_dump, or a base backup with archived write-ahead logs",
                Error::Busy => "wait until the other program is done, then try again",
                Error::Stopped => return None,
            }
            .into(),
        )
    }
}
