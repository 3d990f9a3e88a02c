//! The card in a model file. It is English whatever reports speak: no environment changes a byte of a model.

use tidemill_core::Role;
use tidemill_eval::Report;
use tidemill_report::words::EN;

use super::training::{chosen, compared, outcome_columns, read, rows_note, task, verdict};
use crate::facts::{Outcome, Shipped};
use crate::format::size;

/// The card in the model file: what it is for, how good it is, where it came from.
pub fn card(o: &Outcome) -> String {
    let list = |items: Vec<String>| if items.is_empty() { "- none".into() } else { items.join("\n") };
    let used = o.columns.iter().filter(|c| c.role == Role::Feature || c.role == Role::Time);
    let used = list(used.map(|c| format!("- `{}` ({}): {}", c.name, c.kind, c.why)).collect());
    let left = list(outcome_columns(&EN, o).iter().map(|line| format!("- {}", line.trim())).collect());
    let steps = list(o.preparation.iter().map(|s| format!("- `{}`", s.kind)).collect());
    let warnings = list(o.warnings.iter().map(|w| format!("- {}", w.message)).collect());
    let sha = o.data.sha256.as_ref().map(|sha| format!(" SHA-256 `{sha}`.")).unwrap_or_default();
    let (target, task, verdict, read) = (&o.target.column, task(&EN, o), verdict(&EN, o), read(&EN, o));
    let (report, note, split, costs) = (&o.test, o.shipped.note, &o.split.why, costs(&o.shipped));
    let compared = std::iter::once(compared(&EN, o)).chain(chosen(&EN, o)).collect::<Vec<_>>().join("\n");
    format!(
        "# Model for `{target}`\n\n{task}\n\n## How good it is\n\n{verdict}\n\n```text\n{report}```\n\n{note}\n\n{costs}\n\n\
         ## How it was made\n\n{read}{sha}\nSplit: {split}.\n{compared}\n\nPreparation, in order:\n{steps}\n\n\
         ## What it looks at\n\n{used}\n\n## What it does not look at\n\n{left}\n\n## Warnings\n\n{warnings}\n"
    )
}

/// What the links of a model hold and do.
pub(super) fn costs(shipped: &Shipped) -> String {
    let links = shipped
        .links
        .iter()
        .filter(|link| link.bytes > 0)
        .map(|link| format!("\n- `{}`: {}, {} operations", link.kind, size(link.bytes), link.operations));
    format!(
        "## What an answer costs\n\nThe bytes that its links learned, and about how many operations (a multiplication with an \
         addition, or a comparison) each takes for a row:\n{}",
        links.collect::<String>()
    ) + &rows_note(&EN, shipped).map(|note| format!("\n\n{note}")).unwrap_or_default()
}

/// The card of an improved model: how good it is and why it took over, then what the old card says of its making.
pub(crate) fn improved_card(
    old: &str,
    parent: &str,
    verdict: &str,
    report: &Report,
    shipped: &Shipped,
) -> String {
    let (note, costs) = (shipped.note, costs(shipped));
    let title = old.lines().next().unwrap_or("# Model");
    let making = old.find("## How it was made").map_or("", |at| &old[at..]);
    format!(
        "{title}\n\n## How good it is\n\nImproved from `{parent}`; {verdict}.\n\n```text\n{report}```\n\n{note}\n\n{costs}\n\n\
         The first model of its line was made so:\n\n{making}"
    )
}
