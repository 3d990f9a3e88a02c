//! The page about a table before anything is learned from it: verdict, findings with remedies, columns, what goes together.

use tidemill_core::Kind;
use tidemill_data::profile::{ColumnProfile, Measure, Numbers};
use tidemill_report::{
    Align, Bar, BarChart, Bin, Block, Card, Chart, Figure, Finding, Histogram, Level, Report, Scale, Section,
    Table, Text, Tile, Verdict, number,
};

use super::verdict::named;
use super::{Words, cut, file_name, fill, name, plain};
use crate::audit::{self, Audit, Severity};
use crate::format::capital;
use crate::report::text::{audit_verdict, role};

/// Beyond so many columns nobody looks at pictures: the table has them all.
const PICTURES: usize = 100;
/// So many findings stand beside the verdict.
const FIRST: usize = 3;

/// The page about an audit, in the language of these words.
pub fn audit(words: &'static Words, audit: &Audit) -> String {
    let mut page = Report::new(words, name_of(&file_name(words, &audit.source)));
    page.kicker = Text::plain(format!("Tidemill · {}", words.audit_kicker));
    let (rows, columns) = (audit.profile.rows as f64, audit.profile.columns.len() as f64);
    let counts = [("rows", plain(number::count(rows))), ("columns", plain(number::count(columns)))];
    page.lead = match &audit.target {
        Some(target) => {
            let target = ("target", name(&target.column));
            fill(words.audit_lead_target, &[counts[0].clone(), counts[1].clone(), target])
        }
        None => fill(words.audit_lead, &counts),
    };
    page.foot = fill(words.foot, &[("version", plain(audit.tidemill))]);
    page.verdict = Some(verdict(words, audit));
    let sections =
        [findings(words, audit), columns_section(words, audit), together(words, audit), pairs(words, audit)];
    sections.into_iter().fold(page, Report::with).html()
}

fn name_of(text: &str) -> Text {
    Text::name(text)
}

fn verdict(words: &'static Words, audit: &Audit) -> Verdict {
    let mut verdict = Verdict::new(Text::plain(audit_verdict(words, audit)));
    let tile = |name: &str, n: usize| Tile {
        name: Text::plain(name),
        value: number::count(n as f64),
        aside: Text::default(),
    };
    verdict.tiles = vec![
        tile(words.level_severe, audit.severe),
        tile(words.level_warning, audit.warnings),
        tile(words.level_note, audit.notes),
    ];
    let severe = audit.findings.iter().filter(|f| f.severity == Severity::Severe);
    verdict.findings = severe
        .take(FIRST)
        .map(|f| Finding::new(Level::Severe, capital(&words.told(&f.code, &f.message))))
        .collect();
    verdict
}

fn findings(words: &'static Words, audit: &Audit) -> Section {
    if audit.findings.is_empty() {
        return Section::new("findings", words.findings);
    }
    let all = audit.findings.iter().map(|found| finding(words, found)).collect();
    Section::new("findings", words.findings).lead(words.audit_findings_lead).with(Block::Findings(all))
}

fn finding(words: &Words, found: &audit::Finding) -> Finding {
    let level = match found.severity {
        Severity::Severe => Level::Severe,
        Severity::Warning => Level::Warning,
        Severity::Note => Level::Note,
    };
    let (message, remedy) = (words.told(&found.code, &found.message), words.advised(&found.remedy));
    let text = Text::plain(capital(&message) + words.stop + words.gap)
        .then(Text::plain(capital(&remedy) + words.stop));
    Finding { remedy: found.recipe.clone(), ..Finding::new(level, text) }
}

fn columns_section(words: &'static Words, audit: &Audit) -> Section {
    let head = [
        (words.column, Align::Left),
        (words.kind, Align::Left),
        (words.role, Align::Left),
        (words.missing, Align::Right),
        (words.distinct, Align::Right),
        (words.why, Align::Left),
    ];
    let rows = audit.profile.rows;
    let mut table = Table::new(words.columns_caption, &head);
    table.shown = 15;
    for column in &audit.profile.columns {
        table.rows.push(vec![
            named(&column.name).into(),
            words.kind(column.kind.word()).into(),
            role(words, column.role).into(),
            number::percent(column.missing.count as f64 / rows.max(1) as f64).into(),
            distinct(column).into(),
            words.reasoned(&column.why).into_owned().into(),
        ]);
    }
    let cards: Vec<Card> =
        audit.profile.columns.iter().take(PICTURES).map(|c| card(words, c, rows)).collect();
    Section::new("columns", words.audit_columns)
        .lead(words.audit_columns_lead)
        .with(Block::Table(table))
        .with(Block::Heading(Text::plain(words.pictures)))
        .with(Block::Cards(cards))
}

fn distinct(column: &ColumnProfile) -> String {
    let about = if column.distinct.exact { "" } else { "~ " };
    format!("{about}{}", number::count(column.distinct.count as f64))
}

fn card(words: &'static Words, column: &ColumnProfile, rows: u64) -> Card {
    let missing = number::percent(column.missing.count as f64 / rows.max(1) as f64);
    let mut facts = vec![(words.missing, missing), (words.distinct, distinct(column))];
    let chart: Option<Box<dyn Chart>> = match (&column.numbers, column.top.is_empty()) {
        (Some(numbers), _) => {
            let range = format!("{} – {}", number::bare(numbers.min), number::bare(numbers.max));
            facts.extend([(words.middle, number::bare(numbers.quantiles[3][1])), (words.range, range)]);
            Some(Box::new(histogram(words, column, numbers)))
        }
        (None, false) if column.kind != Kind::Text => Some(Box::new(names(words, column))),
        _ => None,
    };
    Card {
        title: named(&column.name),
        label: Text::plain(words.kind(column.kind.word())),
        facts: facts.into_iter().map(|(what, value)| (Text::plain(what), Text::plain(value))).collect(),
        figure: chart.map(|chart| Figure::card(words, &*chart)),
        findings: Vec::new(),
    }
}

fn histogram(words: &'static Words, column: &ColumnProfile, numbers: &Numbers) -> Histogram {
    let shape = &numbers.histogram;
    let width = (shape.high - shape.low) / shape.counts.len().max(1) as f64;
    let bin = |(i, &count): (usize, &u64)| Bin {
        low: shape.low + width * i as f64,
        high: shape.low + width * (i + 1) as f64,
        count: count as f64,
    };
    Histogram {
        title: column.name.clone(),
        x: Scale::number(cut(&column.name, 30)),
        y_name: words.rows.into(),
        bins: shape.counts.iter().enumerate().map(bin).collect(),
        mark: None,
        small: true,
    }
}

fn names(words: &'static Words, column: &ColumnProfile) -> BarChart {
    let mut chart = BarChart::new(column.name.clone(), Scale::number(words.rows), cut(&column.name, 30));
    let bar = |name: &str, count: u64| Bar {
        label: Some(number::count(count as f64)),
        ..Bar::new(cut(name, 60), count as f64)
    };
    chart.bars = column.top.iter().take(5).map(|t| bar(&t.name, t.count)).collect();
    chart
}

fn together(words: &'static Words, audit: &Audit) -> Section {
    let missing = &audit.profile.missing;
    let section = Section::new("missing", words.audit_missing);
    if missing.patterns.is_empty() {
        return section;
    }
    let mut table =
        Table::new(words.audit_missing, &[(words.column, Align::Left), (words.rows, Align::Right)]);
    for pattern in &missing.patterns {
        let columns = pattern.columns.iter().map(|c| cut(c, 40)).collect::<Vec<_>>().join(words.list);
        table.rows.push(vec![columns.into(), number::count(pattern.count as f64).into()]);
    }
    let complete = plain(number::count(missing.complete_rows as f64));
    section.lead(fill(words.audit_missing_lead, &[("rows", complete)])).with(Block::Table(table))
}

fn pairs(words: &'static Words, audit: &Audit) -> Section {
    let section = Section::new("pairs", words.audit_pairs);
    if audit.profile.pairs.is_empty() {
        return section;
    }
    let head = [
        (words.column, Align::Left),
        (words.column, Align::Left),
        (words.audit_measure, Align::Left),
        (words.value, Align::Right),
    ];
    let mut table = Table::new(words.audit_pairs, &head);
    for pair in &audit.profile.pairs {
        let measure = match pair.measure {
            Measure::Pearson => words.audit_pearson,
            Measure::CramersV => words.audit_cramers_v,
            Measure::CorrelationRatio => words.audit_correlation_ratio,
        };
        let [a, b] = &pair.columns;
        let value = format!("{:.3}", pair.value);
        table.rows.push(vec![named(a).into(), named(b).into(), measure.into(), value.into()]);
    }
    section.lead(words.audit_pairs_lead).with(Block::Table(table))
}
