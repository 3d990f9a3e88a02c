//! Linear models near rows (LIME): how faithful each is, and where it is, what its coefficients are.

use tidemill_report::{Block, Figure, Finding, Level, Section, Text};

use super::explanation::{examples, most_moved, of_prediction, waterfall, with_doubts};
use super::{Words, fill, name, parts, plain};
use crate::explain::{Explained, LocalFit};
use crate::report::text::{cell_text, fidelity, main_reasons, of_local};

pub(super) fn section(words: &'static Words, explained: &Explained) -> Section {
    let mut section =
        Section::new("explanation", words.explanation).lead(Text::plain(words.insight.local_lead));
    let unfaithful = explained.rows.iter().flat_map(|row| &row.local).any(LocalFit::is_unfaithful);
    let level = if unfaithful { Level::Warning } else { Level::Note };
    let found = fidelity(words, explained);
    let lines = found.lines().filter(|line| !line.trim().is_empty());
    let lines: Vec<Finding> = lines.map(|line| Finding::new(level, Text::plain(line))).collect();
    section = with_doubts(section.with(Block::Findings(lines)), words, explained);
    for row in examples(explained, most_moved(explained)) {
        let output = of_prediction(explained, row);
        let answer = name(cell_text(words, &row.prediction));
        let said = fill(words.explanation_row, &[("row", plain(row.row.to_string())), ("answer", answer)]);
        section = section.with(Block::Heading(said));
        let Some(fit) = row.local.get(output) else { continue };
        let told = of_local(words, row, output, fit);
        section = section.with(Block::Text(Text::plain(told.trim_end())));
        // A picture of what is not faithful would mislead.
        if fit.is_unfaithful() {
            continue;
        }
        let reasons = main_reasons(words, explained, row, output);
        section = section
            .with(Block::Text(Text::plain(reasons.trim_end())))
            .with(Block::Figures(vec![Figure::whole(words, &waterfall(words, explained, row, output))]));
        let of_parts = parts::figures(words, explained, row, output);
        if !of_parts.is_empty() {
            section = section.with(Block::Figures(of_parts));
        }
    }
    section
}
