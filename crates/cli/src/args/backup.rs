//! The arguments of `tidemill backup`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::lang::Lang;

/// `tidemill backup`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "\
Examples:
  tidemill backup run churn.toml --to /mnt/second --model churned-model --store tidemill.db
  tidemill backup drill /mnt/second           shows that the latest set can be restored; exit code 1 where not
  tidemill backup restore /mnt/second -o back
  tidemill backup tidemill.db -o copy.db      one store into one file

A nightly backup by cron: 15 3 * * * cd /srv/churn && tidemill backup run churn.toml -q && tidemill backup drill /mnt/second -q")]
pub(crate) struct Backup {
    /// The action.
    #[command(subcommand)]
    pub act: Option<BackupAct>,
    /// The store: an SQLite file, which may be in use.
    #[arg(required = true)]
    pub store: Option<String>,
    /// The copy: a file that does not exist yet.
    #[arg(long, short, value_name = "FILE", required = true)]
    pub out: Option<PathBuf>,
}

/// Actions on backups.
#[derive(Debug, Subcommand)]
pub(crate) enum BackupAct {
    /// Back up data, models and stores to a second place. Unchanged data is stored once.
    Run(Run),
    /// List the backup sets of a place.
    List {
        /// The folder of the backups.
        place: PathBuf,
        /// The language.
        #[command(flatten)]
        lang: Lang,
    },
    /// Test a set: restore it into a scratch folder, compare every file, open models and stores.
    Drill {
        /// The folder of the backups.
        place: PathBuf,
        /// The set [default: the latest].
        #[arg(long, value_name = "ID")]
        set: Option<String>,
        /// The language.
        #[command(flatten)]
        lang: Lang,
    },
    /// Restore a set into a new folder.
    Restore {
        /// The folder of the backups.
        place: PathBuf,
        /// The folder, which must not exist yet.
        #[arg(long, short, value_name = "DIR")]
        out: PathBuf,
        /// The set [default: the latest].
        #[arg(long, value_name = "ID")]
        set: Option<String>,
        /// The language.
        #[command(flatten)]
        lang: Lang,
    },
}

/// `tidemill backup run`
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// A recipe to back up with its data. Its [backup] contains the settings that no option gives.
    pub recipe: Option<PathBuf>,
    /// The second place: a folder, best on another disk or machine.
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
    /// The number of sets to keep [default: 14].
    #[arg(long, value_name = "N")]
    pub keep: Option<usize>,
    /// A file or folder to back up. Can be repeated.
    #[arg(long, value_name = "PATH")]
    pub file: Vec<PathBuf>,
    /// A model file, or its folder. Can be repeated.
    #[arg(long, value_name = "PATH")]
    pub model: Vec<PathBuf>,
    /// An SQLite store. Can be repeated.
    #[arg(long, value_name = "STORE")]
    pub store: Vec<PathBuf>,
    /// The language.
    #[command(flatten)]
    pub lang: Lang,
}
