//! The coefficients of a linear model.

use tidemill_report::{Align, Block, Finding, Level, Section, Table, Text};

use super::{Words, fill, name, plain};
use crate::explain::Coefficients;
use crate::report::text::coefficients::{cautions, cells, has_factor, headings, notes, reading};

/// Lines that are shown at once.
const SHOWN: usize = 40;

pub(super) fn section(words: &'static Words, found: &Coefficients) -> Section {
    let said = &words.insight;
    let head = [
        ("target", name(found.target.as_str())),
        ("learner", plain(found.learner.as_str())),
        ("rows", plain(found.n_rows.to_string())),
    ];
    let mut section = Section::new("coefficients", said.coefs).lead(fill(said.coefs_head, &head));
    for sentence in reading(words, found) {
        section = section.with(Block::Text(Text::plain(sentence)));
    }
    let warned =
        cautions(words, found).into_iter().map(|text| Finding::new(Level::Warning, Text::plain(text)));
    let warned: Vec<Finding> = warned.collect();
    if !warned.is_empty() {
        section = section.with(Block::Findings(warned));
    }
    for (output, class) in found.outputs.iter().enumerate() {
        if found.outputs.len() > 1 {
            section = section.with(Block::Heading(Text::name(class.as_str())));
        }
        section = section.with(Block::Table(of_output(words, found, output)));
    }
    notes(words, found)
        .into_iter()
        .fold(section, |section, note| section.with(Block::Text(Text::plain(note))))
}

fn of_output(words: &'static Words, found: &Coefficients, output: usize) -> Table {
    let n = if has_factor(found) { 6 } else { 5 };
    let side = |at: usize| if at == 0 { Align::Left } else { Align::Right };
    let head: Vec<(&str, Align)> =
        headings(words, found).into_iter().take(n).enumerate().map(|(at, word)| (word, side(at))).collect();
    let mut table = Table::new(words.insight.coefs, &head);
    table.shown = SHOWN;
    table.rows = found
        .lines
        .iter()
        .filter(|line| line.output == output)
        .map(|line| cells(words, found, line).into_iter().take(n).map(Into::into).collect())
        .collect();
    table
}
