//! The page of synthetic rows: fidelity, utility, privacy.

use tidemill_report::number::{count, percent, short};
use tidemill_report::{Align, Block, Figure, Finding, Level, Report, Section, Table, Text, Tile, Verdict};

use super::prepared::figure;
use super::verdict::named;
use super::{Words, file_name, fill, name, plain};
use crate::facts::{ColumnLikeness, ColumnShape, SynthesizedFacts};
use crate::format::cut;
use crate::report::text::synthesized as told;

/// Beyond so many columns nobody looks at pictures: the table has them all.
const PICTURES: usize = 24;
/// Values of a column that are named in a table.
const NAMED: usize = 3;

/// The page about synthetic rows, in the language of these words.
pub fn synthesized(words: &'static Words, facts: &SynthesizedFacts) -> String {
    let mut page = Report::new(words, Text::name(file_name(words, &facts.source)));
    page.kicker = Text::plain(format!("Tidemill · {}", words.synth_kicker));
    let method = if facts.method == "gan" { words.synth_gan } else { words.synth_copula };
    let rows = [
        ("method", plain(method)),
        ("made", plain(count(facts.made as f64))),
        ("learned", plain(count(facts.learned as f64))),
        ("held", plain(count(facts.held_out as f64))),
        ("source", name(file_name(words, &facts.source))),
    ];
    page.lead = fill(words.synth_lead, &rows);
    page.foot = fill(words.foot, &[("version", plain(env!("CARGO_PKG_VERSION")))]);
    page.verdict = Some(verdict(words, facts));
    [columns(words, facts), pairs(words, facts), privacy(words, facts), pictures(words, facts)]
        .into_iter()
        .fold(page, Report::with)
        .html()
}

fn verdict(words: &'static Words, facts: &SynthesizedFacts) -> Verdict {
    let close = told::is_close(&facts.privacy);
    let sentence = if close { words.story.synth_close } else { words.story.synth_no_proof };
    let mut verdict = Verdict::new(Text::plain(sentence.trim()));
    let tile = |name: &str, value: String, aside: Text| Tile { name: Text::plain(name), value, aside };
    if let Some(told) = &facts.told {
        let aside = Text::plain(words.synth_tile_told_aside);
        verdict.tiles.push(tile(words.synth_tile_told, short(told.roc_auc), aside));
    }
    if let Some(mean) = facts.pairs.mean {
        let aside = fill(words.synth_tile_pairs_aside, &[("n", plain(count(facts.pairs.n as f64)))]);
        verdict.tiles.push(tile(words.synth_tile_pairs, short(mean), aside));
    }
    if let Some(found) = &facts.use_of {
        let title = words.metric(found.metric, found.title);
        let name = fill(words.synth_tile_use, &[("metric", plain(title))]);
        let values =
            [("real", plain(told::figure(found.real))), ("baseline", plain(told::figure(found.baseline)))];
        let aside = fill(words.synth_tile_use_aside, &values);
        verdict.tiles.push(Tile { name, value: told::figure(found.made), aside });
    }
    let held = plain(percent(facts.privacy.copies_held_out));
    let aside = fill(words.synth_tile_copies_aside, &[("held", held)]);
    verdict.tiles.push(tile(words.synth_tile_copies, percent(facts.privacy.copies), aside));
    let aside = Text::plain(words.synth_tile_closer_aside);
    verdict.tiles.push(tile(words.synth_tile_closer, percent(facts.privacy.closer), aside));
    if close {
        verdict.findings.push(Finding::new(Level::Severe, Text::plain(words.story.synth_close)));
    }
    for warning in &facts.warnings {
        verdict
            .findings
            .push(Finding::new(Level::Note, Text::plain(words.told(&warning.code, &warning.message))));
    }
    verdict
}

fn columns(words: &'static Words, facts: &SynthesizedFacts) -> Section {
    let said = &words.story;
    let head = [
        (words.column, Align::Left),
        (words.kind, Align::Left),
        (said.synth_measure, Align::Left),
        (said.synth_apart, Align::Right),
        (said.synth_missing_real, Align::Right),
        (said.synth_missing_made, Align::Right),
    ];
    let mut table = Table::new(words.synth_columns, &head);
    table.shown = 30;
    for column in &facts.columns {
        let [real, made] = column.missing.map(percent);
        table.rows.push(vec![
            named(&column.name).into(),
            words.kind(column.real.kind).into(),
            told::measure(words, column.measure).into(),
            short(column.apart).into(),
            real.into(),
            made.into(),
        ]);
    }
    Section::new("columns", words.synth_columns).lead(words.synth_columns_lead).with(Block::Table(table))
}

fn pairs(words: &'static Words, facts: &SynthesizedFacts) -> Section {
    let section = Section::new("pairs", words.synth_pairs).lead(words.synth_pairs_lead);
    if facts.pairs.most.is_empty() {
        return section;
    }
    let head = [
        (words.synth_pair, Align::Left),
        ("", Align::Left),
        (words.story.synth_measure, Align::Left),
        (words.synth_real, Align::Right),
        (words.synth_new, Align::Right),
    ];
    let mut table = Table::new(words.synth_pairs, &head);
    for pair in &facts.pairs.most {
        let [a, b] = &pair.columns;
        table.rows.push(vec![
            named(a).into(),
            named(b).into(),
            told::measure(words, pair.measure).into(),
            short(pair.real).into(),
            short(pair.made).into(),
        ]);
    }
    section.with(Block::Table(table))
}

fn privacy(words: &'static Words, facts: &SynthesizedFacts) -> Section {
    let head = [
        (words.synth_rows, Align::Left),
        (words.synth_quantile, Align::Right),
        (words.synth_median, Align::Right),
        (words.synth_copy_share, Align::Right),
    ];
    let mut table = Table::new(words.synth_privacy, &head);
    let found = &facts.privacy;
    let lines = [
        (words.synth_new, found.nearest, found.copies),
        (words.synth_real, found.nearest_held_out, found.copies_held_out),
    ];
    for (rows, [low, middle], copies) in lines {
        table.rows.push(vec![rows.into(), short(low).into(), short(middle).into(), percent(copies).into()]);
    }
    Section::new("privacy", words.synth_privacy).lead(words.synth_privacy_lead).with(Block::Table(table))
}

/// Columns in real rows and in new ones beside each other, those that differ most first: a row each, and pictures for who asks.
fn pictures(words: &'static Words, facts: &SynthesizedFacts) -> Section {
    let mut columns: Vec<_> = facts.columns.iter().collect();
    columns.sort_by(|a, b| b.apart.total_cmp(&a.apart));
    let head = [(words.column, Align::Left), (words.synth_real, Align::Left), (words.synth_new, Align::Left)];
    let mut table = Table::new(words.synth_pictures, &head);
    for column in &columns {
        let [real, made] = [&column.real, &column.made].map(usual);
        table.rows.push(vec![named(&column.name).into(), real.into(), made.into()]);
    }
    let both = |column: &&ColumnLikeness| {
        [(words.synth_real, &column.real), (words.synth_new, &column.made)]
            .into_iter()
            .filter_map(|(which, shape)| figure(words, &column.name, which, shape))
            .collect::<Vec<Figure>>()
    };
    let figures = columns.iter().take(PICTURES).map(both).filter(|figures| !figures.is_empty());
    let blocks: Vec<Block> = figures.map(Block::Figures).collect();
    let section = Section::new("pictures", words.synth_pictures).lead(words.synth_pictures_lead);
    let section = section.with(Block::Table(table));
    if blocks.is_empty() {
        return section;
    }
    section.with(Block::Details { summary: Text::plain(words.synth_pictures), blocks })
}

/// What is usual in a column: the least, the quartiles and the greatest of numbers, or the most frequent values and their rows.
fn usual(shape: &ColumnShape) -> String {
    if let Some(numbers) = &shape.numbers {
        return numbers.quantiles.map(short).join(" · ");
    }
    let value = |(name, n): &(String, u64)| format!("{} ({})", cut(name, 24), count(*n as f64));
    shape.top.iter().take(NAMED).map(value).collect::<Vec<_>>().join(" · ")
}
