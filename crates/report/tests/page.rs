//! What must be true of every page, whatever its users call their columns.

use tidemill_report::words::EN;
use tidemill_report::{
    Align, Block, Card, Cell, Figure, Finding, Histogram, Level, Report, Scale, Section, Span, Table, Text,
    Tile, Verdict,
};

const HOSTILE: &str =
    "</title></style><script>alert(1)</script><img src=x onerror=alert(1)>\"' onload='alert(1)";

/// A page with every sort of block, all of whose texts are `text`.
fn page(text: &str, n: usize) -> String {
    let name = || {
        Text(vec![
            Span::Name(text.into()),
            Span::Plain(text.into()),
            Span::Strong(text.into()),
            Span::Code(text.into()),
        ])
    };
    let chart = Histogram {
        title: text.into(),
        x: Scale::number(text),
        y_name: text.into(),
        bins: Histogram::bins([1.0, 2.0].into_iter(), 2),
        mark: None,
        small: true,
    };
    let finding =
        || Finding { remedy: Some(text.into()), ..Finding::new(Level::Severe, name()).chip(name()) };
    let mut verdict = Verdict::new(name());
    verdict.more = name();
    verdict.figure = Some(Figure::half(&EN, &chart).note(name()));
    verdict.tiles = vec![Tile { name: name(), value: text.into(), aside: name() }];
    verdict.findings = vec![finding()];
    let mut table = Table::new(name(), &[(text, Align::Left), (text, Align::Right)]);
    table.rows =
        (0..n).map(|_| vec![name().into(), Cell { text: name(), level: Some(Level::Note) }]).collect();
    let card = || Card {
        title: name(),
        label: name(),
        facts: vec![(name(), name())],
        figure: Some(Figure::card(&EN, &chart)),
        findings: vec![finding()],
    };
    let mut report = Report::new(&EN, name());
    report.kicker = name();
    report.lead = name();
    report.foot = name();
    report.verdict = Some(verdict);
    let section = Section::new(text, name())
        .lead(name())
        .with(Block::Text(name()))
        .with(Block::Heading(name()))
        .with(Block::Figures(vec![Figure::whole(&EN, &chart)]))
        .with(Block::Table(table))
        .with(Block::Cards((0..n).map(|_| card()).collect()))
        .with(Block::Details {
            summary: name(),
            blocks: vec![Block::Code { label: name(), text: text.into() }],
        });
    report.with(section).html()
}

#[test]
fn what_users_write_never_becomes_markup() {
    let html = page(HOSTILE, 3);
    let body = html.split("</style>").nth(1).unwrap_or_default();
    assert!(body.contains("&lt;script&gt;"), "the text itself is shown");
    for tag in ["<script", "<img", "<iframe", "javascript:"] {
        assert!(!html.contains(tag), "{tag} in the page");
    }
    // Between tags, no attribute starts that is not ours: every `on…=` stands within a text.
    for tag in html.split('<').skip(1).map(|part| part.split('>').next().unwrap_or_default()) {
        let quoted: Vec<&str> = tag.split('"').step_by(2).collect();
        assert!(!quoted.join("").contains("onload") && !quoted.join("").contains("onerror"), "{tag}");
    }
}

#[test]
fn nothing_is_asked_of_any_network() {
    let html = page("name", 3);
    for word in ["http://", "https://", "//cdn", "url(", "@import", "src="] {
        let found = html.replace("http://www.w3.org/2000/svg", "").contains(word);
        assert!(!found, "{word} in the page");
    }
    assert!(html.contains("default-src 'none'"), "the page forbids it too");
}

#[test]
fn the_same_page_is_the_same_bytes() {
    assert_eq!(page("name", 20), page("name", 20));
}

#[test]
fn five_hundred_columns_are_shown_on_request() {
    let html = page(&"x".repeat(300), 500);
    assert!(html.contains("Show 488 more"), "{}", &html[..500]);
    assert_eq!(html.matches("<details>").count(), 3);
}

#[test]
fn ends_of_elements_match_their_beginnings() {
    let html = page("name", 20);
    for tag in [
        "div", "section", "table", "ul", "li", "details", "figure", "svg", "dl", "article", "main", "nav",
        "g", "p",
    ] {
        let begun = html.matches(&format!("<{tag}>")).count() + html.matches(&format!("<{tag} ")).count();
        assert_eq!(begun, html.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}

#[test]
fn an_empty_section_is_left_out() {
    let html = Report::new(&EN, "t").with(Section::new("none", "None")).html();
    assert!(!html.contains("None"));
}
