//! Text for the terminal, and the card in a model file. The sentences stand in [`tidemill_report::words`]; whoever asks for a text
//! hands down the words of a language.

mod audit;
mod backups;
mod card;
pub(crate) mod coefficients;
mod comparison;
mod compressed;
mod costs;
pub(crate) mod counterfactual;
mod distilled;
pub(crate) mod effects;
mod explanation;
mod figures;
mod imported;
mod inspection;
mod labels;
mod language;
mod leaderboard;
mod masks;
mod monitor;
mod policy;
pub(crate) mod prepared;
pub(crate) mod rare;
mod repairs;
mod snapshots;
pub(crate) mod surrogate;
pub(crate) mod synthesized;
mod targets;
pub(crate) mod teachers;
mod training;
mod written;

use tidemill_core::Role;
use tidemill_report::align;
use tidemill_report::words::Words;

pub use audit::story as audit;
pub(crate) use audit::verdict as audit_verdict;
pub use backups::{backed_up, backup_line, brought_back, drilled};
pub use card::card;
pub(crate) use card::improved_card;
pub use coefficients::story as coefficients;
pub use comparison::{Two, story as comparison};
pub use compressed::{card as compressed_card, story as compressed};
pub use counterfactual::story as counterfactuals;
pub use distilled::{card as distilled_card, story as distilled};
pub use effects::story as effects;
pub use explanation::story as explanation;
pub(crate) use explanation::{
    cell_text, fidelity, main_reasons, of_local, part_name, part_value, reservations, said_by, signed,
    strongest,
};
pub use figures::story as figures;
pub use imported::{card as imported_card, story as imported};
pub use inspection::inspected;
pub(crate) use labels::sentence as doubts;
pub use labels::story as labels;
pub use language::story as language;
pub use leaderboard::{Line, table};
pub(crate) use masks::verdict as masks_verdict;
pub use masks::{card as masks_card, judged as masks_judged, story as training_of_masks};
pub use monitor::story as monitor;
pub(crate) use monitor::{satisfied, sentence as monitored};
pub use policy::{card as policy_card, judged as policy_judged, story as training_of_policy};
pub(crate) use policy::{
    estimates, figures as policy_figures, unit as policy_unit, verdict as policy_verdict,
};
pub use prepared::story as prepared;
pub(crate) use repairs::repairs;
pub use snapshots::{diff, forgotten, restored, snapshot, snapshot_line, snapshot_older, taken, verified};
pub use surrogate::story as surrogate;
pub use synthesized::story as synthesized;
pub(crate) use targets::improved_card as improved_card_of_targets;
pub use targets::{card as card_of_targets, story as training_of_targets};
pub use teachers::story as teachers;
pub use training::story as training;
pub(crate) use training::{
    Reason, balance, more_rows, never_predicted, note, reasons, useless, worse_than_baseline,
};

/// What a column is for.
pub(crate) fn role(words: &Words, role: Role) -> String {
    match role {
        Role::Feature => words.role_feature.into(),
        Role::Target => words.role_target.into(),
        Role::Key => words.role_key.into(),
        Role::Time => words.role_time.into(),
        Role::Group => words.role_group.into(),
        Role::Weight => words.role_weight.into(),
        Role::Split => words.role_split.into(),
        Role::Ignore => words.role_ignore.into(),
        other => {
            let word = format!("{other:?}").to_lowercase();
            words.term(&format!("role.{word}"), &word).into()
        }
    }
}
