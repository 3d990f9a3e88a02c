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
    /// What to do.
    #[command(subcommand)]
    pub act: DataAct,
    /// The folder of snapshots.
    #[arg(long = "in", global = true, default_value = tidemill_engine::verbs::data::FOLDER, value_name = "DIR")]
    pub folder: PathBuf,
    /// The age identity file, for sealed snapshots.
    #[arg(long, global = true, value_name = "FILE")]
    pub identity: Option<PathBuf>,
}

/// What to do with snapshots.
#[derive(Debug, Subcommand)]
pub(crate) enum DataAct {
    /// Keep the rows of a table: equal pieces of columns are stored once.
    Snapshot {
        /// A table, a glob, `-`, or a recipe (`.toml`).
        data: String,
        /// What to call it [default: the file's name].
        #[arg(long)]
        name: Option<String>,
        /// The column that names rows, by which they can be forgotten.
        #[arg(long, value_name = "COL")]
        key: Option<String>,
        /// Encrypt it for this age recipient (age1…); it then shares nothing with other snapshots.
        #[arg(long, value_name = "RECIPIENT")]
        seal: Option<String>,
    },
    /// List all snapshots, the oldest first.
    List,
    /// Show one: its columns, rows and size.
    Show {
        /// An id, the beginning of one, or a name.
        id: String,
    },
    /// Say what differs between two. Exit code 1 when something does.
    Diff {
        /// The older one.
        a: String,
        /// The newer one.
        b: String,
    },
    /// Write the rows of one to a file.
    Restore {
        /// An id, the beginning of one, or a name.
        #[arg(required_unless_present = "of", conflicts_with = "of")]
        id: Option<String>,
        /// The rows that this model was trained on.
        #[arg(long, value_name = "MODEL")]
        of: Option<PathBuf>,
        /// The file: .csv, .tsv, .jsonl, .parquet or .arrow; - for CSV on standard output.
        #[arg(long, short, value_name = "FILE")]
        out: String,
    },
    /// Read every chunk and name those that are damaged. Exit code 1 when one is.
    Verify {
        /// Only this one.
        id: Option<String>,
    },
    /// Remove old snapshots, and what none needs any more.
    Prune {
        /// Snapshots to remove.
        ids: Vec<String>,
        /// Keep so many of each name, the latest.
        #[arg(long, value_name = "N")]
        keep: Option<usize>,
        /// Only say what would go.
        #[arg(long)]
        dry_run: bool,
    },
}
