//! The training rows that influenced a prediction.

use tidemill_report::{Align, Block, Section, Table, Text};

use super::{Words, fill, name, plain};
use crate::explain::Teachers;
use crate::report::text::counterfactual::cell;
use crate::report::text::teachers::{line, lists, near, sentences};

/// Rows that are shown, and training rows on each list.
const ROWS: usize = 20;
const WORTH: usize = 100;

pub(super) fn section(words: &'static Words, found: &Teachers) -> Section {
    let said = &words.insight;
    let mut section = Section::new("training-rows", said.teach);
    for sentence in sentences(words, found) {
        section = section.with(Block::Text(Text::plain(sentence)));
    }
    for (title, rows) in lists(words, found, WORTH) {
        section = section.with(Block::Heading(Text::plain(title)));
        if !rows.is_empty() {
            let rows = rows.iter().map(|row| line(words, found, row));
            section = section.with(table(said.teach_row_head, found, said.teach_worth_head, rows));
        }
    }
    for row in found.rows.iter().take(ROWS) {
        let heading = fill(
            said.row_title,
            &[
                ("row", plain(row.row.to_string())),
                ("answer", name(cell(words, &row.prediction))),
                ("chance", plain("")),
            ],
        );
        let lines = row.nearest.iter().map(|teacher| near(words, found, teacher));
        section = section.with(Block::Heading(heading)).with(table(
            said.teach_row_head,
            found,
            said.teach_near_head,
            lines,
        ));
    }
    section
}

fn table(
    first: &'static str,
    found: &Teachers,
    last: &'static str,
    lines: impl Iterator<Item = [String; 3]>,
) -> Block {
    let head = [(first, Align::Left), (found.target.as_str(), Align::Left), (last, Align::Right)];
    let mut table = Table::new(first, &head);
    table.rows = lines.map(|line| line.into_iter().map(Into::into).collect()).collect();
    Block::Table(table)
}
