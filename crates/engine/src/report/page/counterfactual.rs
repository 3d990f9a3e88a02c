//! Counterfactuals: other predictions, and the changes to each row that lead to them.

use tidemill_report::{Align, Block, Section, Table, Text, number};

use super::{Words, fill, name, plain};
use crate::explain::{CounterfactualRow, Counterfactuals, Offer};
use crate::format::short;
use crate::report::text::counterfactual::{answer, chance, changes, limits, wanted, ways};

/// Rows that are shown.
const ROWS: usize = 50;

pub(super) fn section(words: &'static Words, found: &Counterfactuals) -> Section {
    let said = &words.insight;
    let lead = fill(said.other_lead, &[("wanted", plain(wanted(words, found)))]);
    let mut section = Section::new("other-answers", said.other).lead(lead);
    for sentence in limits(words, found) {
        section = section.with(Block::Text(Text::plain(sentence)));
    }
    section = section.with(Block::Text(Text::plain(said.distance_note)));
    for row in found.rows.iter().take(ROWS) {
        let heading = fill(
            said.row_title,
            &[
                ("row", plain(row.row.to_string())),
                ("answer", name(answer(words, &row.prediction))),
                ("chance", plain(chance(words, row.probability))),
            ],
        );
        section = section.with(Block::Heading(heading)).with(of_row(words, row));
    }
    if found.rows.len() > ROWS {
        let n = number::count((found.rows.len() - ROWS) as f64);
        section = section.with(Block::Text(fill(said.more_rows, &[("n", plain(n))])));
    }
    section
}

/// A line for each way; a sentence where there is none.
fn of_row(words: &'static Words, row: &CounterfactualRow) -> Block {
    let said = &words.insight;
    if row.offers.is_empty() {
        return Block::Text(Text::plain(ways(words, row).join(words.gap)));
    }
    let head = [(said.changes, Align::Left), (said.answer, Align::Left), (said.distance, Align::Right)];
    let mut table = Table::new(said.changes, &head);
    let line = |offer: &Offer| {
        let then = answer(words, &offer.prediction) + &chance(words, offer.probability);
        vec![changes(words, offer).into(), then.into(), short(offer.distance).into()]
    };
    table.rows = row.offers.iter().map(line).collect();
    Block::Table(table)
}
