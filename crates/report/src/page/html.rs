//! Converts plain data to HTML.

use std::fmt::Write;

use super::block::{Align, Block, Card, Cell, Figure, Finding, Level, Table, Tile};
use super::{Report, Section, Verdict};
use crate::text::{Text, escaped};
use crate::words::Words;
use crate::{chart, palette};

/// The number of cards shown initially; the others are shown on request.
const CARDS: usize = 12;

/// The number of letters of headings that fit next to the first column on a phone.
const HEADINGS: usize = 20;

/// The logo next to the name: a drop in a wave.
const MARK: &str = "<svg class=\"brand\" viewBox=\"0 0 24 24\" width=\"20\" height=\"20\" aria-hidden=\"true\">\
    <path d=\"M2 9c3.3-4 6.7-4 10 0s6.7 4 10 0M2 16c3.3-4 6.7-4 10 0s6.7 4 10 0\" fill=\"none\" stroke=\"currentColor\" \
    stroke-width=\"2.4\" stroke-linecap=\"round\"/></svg>";

pub(super) fn write(report: &Report) -> String {
    let mut out = String::new();
    head(report, &mut out);
    // Writing to a string cannot fail.
    let _ = write!(out, "<body><div class=\"page\">");
    contents(report, &mut out);
    out.push_str("<main>");
    opening(report, &mut out);
    if let Some(verdict) = &report.verdict {
        write_verdict(verdict, report.words, &mut out);
    }
    for section in &report.sections {
        write_section(section, report.words, &mut out);
    }
    let _ = writeln!(out, "<footer>{}</footer></main></div></body></html>", report.foot.html());
    out
}

fn head(report: &Report, out: &mut String) {
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"{}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\
         <link rel=\"icon\" href=\"data:,\"><title>{}</title><style>{}{}{}</style></head>",
        report.words.language,
        escaped(&report.title.to_string()),
        palette::css(":root"),
        packed(include_str!("style.css")),
        packed(chart::STYLE)
    );
}

/// A style sheet without the line breaks that only its authors need.
fn packed(css: &str) -> String {
    css.lines().map(str::trim).filter(|line| !line.starts_with("/*")).collect()
}

fn contents(report: &Report, out: &mut String) {
    let links: String = report
        .sections
        .iter()
        .map(|s| format!("<li><a href=\"#{}\">{}</a></li>", escaped(&s.id), s.title.html()))
        .collect();
    let words = escaped(report.words.contents);
    let _ = write!(out, "<nav class=\"toc\" aria-label=\"{words}\"><p>{words}</p><ol>{links}</ol></nav>");
}

fn opening(report: &Report, out: &mut String) {
    let _ = write!(out, "<header><p class=\"kicker\">{MARK}{}</p>", report.kicker.html());
    let _ = write!(out, "<h1>{}</h1>", report.title.html());
    if !report.lead.is_empty() {
        let _ = write!(out, "<p class=\"lead\">{}</p>", report.lead.html());
    }
    out.push_str("</header>");
}

fn write_verdict(verdict: &Verdict, words: &Words, out: &mut String) {
    let _ = write!(
        out,
        "<section class=\"verdict\" aria-label=\"{}\"><div class=\"said\"><div><p class=\"sentence\">{}</p>",
        escaped(words.verdict),
        verdict.sentence.html()
    );
    if !verdict.more.is_empty() {
        let _ = write!(out, "<p class=\"more\">{}</p>", verdict.more.html());
    }
    out.push_str("</div>");
    if let Some(figure) = &verdict.figure {
        write_figure(figure, out);
    }
    out.push_str("</div>");
    write_tiles(&verdict.tiles, out);
    write_findings(&verdict.findings, words, out);
    out.push_str("</section>");
}

fn write_section(section: &Section, words: &Words, out: &mut String) {
    let _ = write!(out, "<section id=\"{}\"><h2>{}</h2>", escaped(&section.id), section.title.html());
    if !section.lead.is_empty() {
        let _ = write!(out, "<p class=\"about\">{}</p>", section.lead.html());
    }
    for block in &section.blocks {
        write_block(block, words, out);
    }
    out.push_str("</section>");
}

fn write_block(block: &Block, words: &Words, out: &mut String) {
    match block {
        Block::Text(text) => {
            let _ = write!(out, "<p>{}</p>", text.html());
        }
        Block::Heading(text) => {
            let _ = write!(out, "<h3>{}</h3>", text.html());
        }
        Block::Figures(figures) => {
            out.push_str("<div class=\"figures\">");
            figures.iter().for_each(|figure| write_figure(figure, out));
            out.push_str("</div>");
        }
        Block::Tiles(tiles) => write_tiles(tiles, out),
        Block::Table(table) => write_table(table, words, out),
        Block::Findings(findings) => write_findings(findings, words, out),
        Block::Cards(cards) => write_cards(cards, words, out),
        Block::Code { label, text } => {
            let _ = write!(
                out,
                "<div class=\"code\"><p>{}</p><pre tabindex=\"0\"><code>{}</code></pre></div>",
                label.html(),
                escaped(text)
            );
        }
        Block::Details { summary, blocks } => {
            let _ = write!(out, "<details><summary>{}</summary>", summary.html());
            blocks.iter().for_each(|block| write_block(block, words, out));
            out.push_str("</details>");
        }
    }
}

fn write_figure(figure: &Figure, out: &mut String) {
    let wide = if figure.phone.is_some() { " class=\"whole\"" } else { "" };
    let _ = write!(out, "<figure{wide}>");
    if !figure.title.is_empty() {
        let _ = write!(out, "<figcaption><h3>{}</h3>", figure.title.html());
        if !figure.note.is_empty() {
            let _ = write!(out, "<p>{}</p>", figure.note.html());
        }
        out.push_str("</figcaption>");
    }
    match &figure.phone {
        Some(phone) => {
            let _ = write!(out, "<div class=\"desk\">{}</div><div class=\"phone\">{phone}</div>", figure.svg);
        }
        None => out.push_str(&figure.svg),
    }
    out.push_str("</figure>");
}

fn write_tiles(tiles: &[Tile], out: &mut String) {
    if tiles.is_empty() {
        return;
    }
    out.push_str("<dl class=\"tiles\">");
    for tile in tiles {
        let _ = write!(
            out,
            "<div><dt>{}</dt><dd class=\"figure\">{}</dd><dd>{}</dd></div>",
            tile.name.html(),
            escaped(&tile.value),
            tile.aside.html()
        );
    }
    out.push_str("</dl>");
}

fn write_table(table: &Table, words: &Words, out: &mut String) {
    let shown = if table.rows.len() > table.shown + 3 { table.shown } else { table.rows.len() };
    write_rows(table, 0..shown, out);
    if shown < table.rows.len() {
        let more = more(words, table.rows.len() - shown);
        let _ = write!(out, "<details><summary>{}</summary>", more.html());
        write_rows(table, shown..table.rows.len(), out);
        out.push_str("</details>");
    }
}

fn more(words: &Words, n: usize) -> Text {
    use crate::text::Span;
    Text::fill(words.more, &[("n", Span::Plain(crate::number::count(n as f64)))])
}

fn write_rows(table: &Table, rows: std::ops::Range<usize>, out: &mut String) {
    let caption = table.caption.html();
    let label = escaped(&table.caption.to_string());
    // Words next to numbers, and numbers below long headings, need more space than a phone has: there, each row becomes its own block.
    let beside = || table.head.iter().skip(1);
    let letters: usize = beside().map(|(name, _)| name.to_string().chars().count()).sum();
    let stack = letters > HEADINGS || beside().any(|(_, align)| *align == Align::Left);
    let class = if stack { " class=\"stack\"" } else { "" };
    let _ = write!(
        out,
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{label}\"><table{class}><caption>{caption}</caption>\
         <thead><tr>"
    );
    for (name, align) in &table.head {
        let _ = write!(out, "<th scope=\"col\"{}>{}</th>", side(*align), name.html());
    }
    out.push_str("</tr></thead><tbody>");
    for at in rows {
        out.push_str(if table.marked == Some(at) { "<tr class=\"marked\">" } else { "<tr>" });
        table.rows[at].iter().enumerate().for_each(|(i, cell)| write_cell(table, i, cell, stack, out));
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div>");
}

fn side(align: Align) -> &'static str {
    if align == Align::Right { " class=\"r\"" } else { "" }
}

fn write_cell(table: &Table, i: usize, cell: &Cell, stack: bool, out: &mut String) {
    let head = table.head.get(i);
    let align = side(head.map_or(Align::Left, |h| h.1));
    let text = match cell.level {
        Some(level) => format!("<span class=\"chip {}\">{}</span>", class(level), cell.text.html()),
        None => cell.text.html(),
    };
    let label = match head.filter(|_| stack && i > 0) {
        Some((name, _)) => format!(" data-label=\"{}\"", escaped(&name.to_string())),
        None => String::new(),
    };
    let _ = match i {
        0 => write!(out, "<th scope=\"row\"{align}>{text}</th>"),
        _ => write!(out, "<td{align}{label}>{text}</td>"),
    };
}

fn class(level: Level) -> &'static str {
    match level {
        Level::Good => "good",
        Level::Note => "note",
        Level::Warning => "warn",
        Level::Severe => "bad",
    }
}

fn write_findings(findings: &[Finding], words: &Words, out: &mut String) {
    if findings.is_empty() {
        return;
    }
    out.push_str("<ul class=\"findings\">");
    for finding in findings {
        let word = match finding.level {
            Level::Good => words.level_good,
            Level::Note => words.level_note,
            Level::Warning => words.level_warning,
            Level::Severe => words.level_severe,
        };
        let chip = if finding.chip.is_empty() { escaped(word) } else { finding.chip.html() };
        let _ = write!(
            out,
            "<li class=\"{level}\"><span class=\"chip {level}\">{chip}</span><div><p>{}</p>",
            finding.text.html(),
            level = class(finding.level)
        );
        if let Some(remedy) = &finding.remedy {
            let _ = write!(out, "<pre tabindex=\"0\"><code>{}</code></pre>", escaped(remedy));
        }
        out.push_str("</div></li>");
    }
    out.push_str("</ul>");
}

fn write_cards(cards: &[Card], words: &Words, out: &mut String) {
    let shown = if cards.len() > CARDS + 3 { CARDS } else { cards.len() };
    let write_some = |cards: &[Card], out: &mut String| {
        out.push_str("<div class=\"cards\">");
        cards.iter().for_each(|card| write_card(card, words, out));
        out.push_str("</div>");
    };
    write_some(&cards[..shown], out);
    if shown < cards.len() {
        let _ = write!(out, "<details><summary>{}</summary>", more(words, cards.len() - shown).html());
        write_some(&cards[shown..], out);
        out.push_str("</details>");
    }
}

fn write_card(card: &Card, words: &Words, out: &mut String) {
    let _ = write!(
        out,
        "<article class=\"card\"><h4>{}</h4><p class=\"label\">{}</p>",
        card.title.html(),
        card.label.html()
    );
    if let Some(figure) = &card.figure {
        write_figure(figure, out);
    }
    if !card.facts.is_empty() {
        out.push_str("<dl>");
        for (name, value) in &card.facts {
            let _ = write!(out, "<div><dt>{}</dt><dd>{}</dd></div>", name.html(), value.html());
        }
        out.push_str("</dl>");
    }
    write_findings(&card.findings, words, out);
    out.push_str("</article>");
}
