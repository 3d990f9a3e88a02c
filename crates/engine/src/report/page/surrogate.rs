//! The surrogate: a small tree that approximates the model.

use tidemill_report::{Align, Block, Finding, Level, Section, Table, Text};

use super::Words;
use crate::explain::Surrogate;
use crate::report::text::surrogate::{head, leaves};

pub(super) fn section(words: &'static Words, found: &Surrogate) -> Section {
    let said = &words.insight;
    let mut section = Section::new("surrogate", said.surrogate_title).lead(Text::plain(head(words, found)));
    if !found.is_faithful() {
        let warned = Finding::new(Level::Warning, Text::plain(said.surrogate_unfaithful));
        section = section.with(Block::Findings(vec![warned]));
    }
    let head = [
        (said.surrogate_answer, Align::Right),
        (said.surrogate_share, Align::Right),
        (said.surrogate_conditions, Align::Left),
    ];
    let mut table = Table::new(said.surrogate_title, &head);
    table.rows = leaves(words, found).into_iter().map(|cells| cells.map(Into::into).to_vec()).collect();
    section.with(Block::Table(table))
}
