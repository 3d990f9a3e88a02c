//! The arguments of `tidemill data`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `tidemill data`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidemill data snapshot customers.csv --key customer_id
  tidemill data list
  tidemill data diff 3fa1 9c0e
  tidemill data restore customers.csv -o rows.csv        the latest of that name
  tidemill data restore --of churned-model/model.tidemill -o rows.parquet
  tidemill data verify                                   exit code 1 when something is damaged
  tidemill data prune --keep 14 --dry-run")]
pub(crate) struct Data {
    /// The action.
    #[command(subcommand)]
    pub act: DataAct,
    /// The folder of snapshots.
    #[arg(long = "in", global = true, default_value = tidemill_engine::verbs::data::FOLDER, value_name = "DIR")]
    pub folder: PathBuf,
    /// The age identity file, for encrypted snapshots.
    #[arg(long, global = true, value_name = "FILE")]
    pub identity: Option<PathBuf>,
}

/// Actions on snapshots.
#[derive(Debug, Subcommand)]
pub(crate) enum DataAct {
    /// Store the rows of a table. Equal pieces of columns are stored once.
    Snapshot {
        /// A table, a glob, `-`, or a recipe (`.toml`).
        data: String,
        /// The name of the snapshot [default: the name of the file].
        #[arg(long)]
        name: Option<String>,
        /// The key column, by which rows can be forgotten.
        #[arg(long, value_name = "COL")]
        key: Option<String>,
        /// Encrypt it for this age recipient (age1…). It then shares no data with other snapshots.
        #[arg(long, value_name = "RECIPIENT")]
        seal: Option<String>,
    },
    /// List all snapshots, the oldest first.
    List,
    /// Show the columns, rows and size of a snapshot.
    Show {
        /// An id, the start of an id, or a name.
        id: String,
    },
    /// Show the differences between two snapshots. Exit code 1 if there are any.
    Diff {
        /// The older one.
        a: String,
        /// The newer one.
        b: String,
    },
    /// Write the rows of a snapshot to a file.
    Restore {
        /// An id, the start of an id, or a name.
        #[arg(required_unless_present = "of", conflicts_with = "of")]
        id: Option<String>,
        /// A model file, whose training rows to restore.
        #[arg(long, value_name = "MODEL")]
        of: Option<PathBuf>,
        /// The file: .csv, .tsv, .jsonl, .parquet or .arrow; - for CSV on standard output.
        #[arg(long, short, value_name = "FILE")]
        out: String,
    },
    /// Read every chunk and report damaged ones. Exit code 1 if there are any.
    Verify {
        /// Only this snapshot.
        id: Option<String>,
    },
    /// Remove old snapshots, and data that no snapshot uses any more.
    Prune {
        /// Snapshots to remove.
        ids: Vec<String>,
        /// The number of snapshots to keep for each name, the latest ones.
        #[arg(long, value_name = "N")]
        keep: Option<usize>,
        /// Only report what would be removed.
        #[arg(long)]
        dry_run: bool,
    },
}
