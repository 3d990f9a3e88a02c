//! Text for the terminal, and the card in a model file.

mod audit;
mod backups;
mod card;
mod explanation;
mod imported;
mod inspection;
mod labels;
mod leaderboard;
mod monitor;
pub(crate) mod prepared;
mod snapshots;
mod targets;
mod training;

pub use audit::story as audit;
pub use backups::{backed_up, backup_line, drilled};
pub use card::card;
pub(crate) use card::improved_card;
pub use explanation::story as explanation;
pub(crate) use explanation::{cell_text, main_reasons};
pub use imported::{card as imported_card, story as imported};
pub use inspection::inspected;
pub(crate) use labels::sentence as doubts;
pub use labels::story as labels;
pub use leaderboard::{Line, table};
pub use monitor::story as monitor;
pub use prepared::story as prepared;
pub use snapshots::{diff, forgotten, restored, snapshot, snapshot_line, taken, verified};
pub(crate) use targets::improved_card as improved_card_of_targets;
pub use targets::{card as card_of_targets, story as training_of_targets};
pub use training::story as training;
pub(crate) use training::{
    Reason, balance, more_rows, never_predicted, reasons, short_count, useless, worse_than_baseline,
};
