//! The building blocks of sections.

use crate::chart::Chart;
use crate::text::Text;
use crate::words::Words;

/// The width of a figure that takes half the page.
const HALF: f64 = 344.0;
/// The width of a figure that takes the whole page, and its width on a phone.
const WHOLE: f64 = 800.0;
const PHONE: f64 = 312.0;
/// The width of the figure on a card.
const CARD: f64 = 240.0;

/// A severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// No problem.
    Good,
    /// Worth knowing.
    Note,
    /// Check this before relying on the result.
    Warning,
    /// The result cannot be relied on until this is resolved.
    Severe,
}

/// A block of a section.
#[derive(Clone, Debug)]
pub enum Block {
    /// A paragraph.
    Text(Text),
    /// A smaller heading.
    Heading(Text),
    /// Figures side by side, if there is space.
    Figures(Vec<Figure>),
    /// The key figures.
    Tiles(Vec<Tile>),
    /// A table.
    Table(Table),
    /// Findings in the given order, the most serious first.
    Findings(Vec<Finding>),
    /// A card for each of several items.
    Cards(Vec<Card>),
    /// A file or a command to copy.
    Code {
        /// Its label.
        label: Text,
        /// Its text.
        text: String,
    },
    /// Details that few want to read: shown on request.
    Details {
        /// A summary of the content.
        summary: Text,
        /// The content.
        blocks: Vec<Block>,
    },
}

/// A chart with its caption.
#[derive(Clone, Debug)]
pub struct Figure {
    /// What it shows.
    pub title: Text,
    /// How to read it.
    pub note: Text,
    pub(crate) svg: String,
    /// Drawn separately for a phone, if the other one would be too wide to be read there.
    pub(crate) phone: Option<String>,
}

impl Figure {
    /// A chart that takes half the width of the page, and all of it on a phone.
    pub fn half(words: &Words, chart: &dyn Chart) -> Self {
        Figure {
            title: Text::plain(chart.title()),
            note: Text::default(),
            svg: chart.inline(HALF, words),
            phone: None,
        }
    }

    /// A chart that takes the whole width of the page.
    pub fn whole(words: &Words, chart: &dyn Chart) -> Self {
        let phone = Some(chart.inline(PHONE, words));
        Figure {
            title: Text::plain(chart.title()),
            note: Text::default(),
            svg: chart.inline(WHOLE, words),
            phone,
        }
    }

    /// A small chart on a card.
    pub fn card(words: &Words, chart: &dyn Chart) -> Self {
        Figure { title: Text::default(), note: Text::default(), svg: chart.inline(CARD, words), phone: None }
    }

    /// Images side by side, each a PNG in base64 with a caption.
    pub fn pictures(title: impl Into<Text>, pictures: &[(&str, String)]) -> Self {
        let one = |(word, png): &(&str, String)| {
            let word = crate::text::escaped(word);
            format!("<div><img alt=\"{word}\" src=\"data:image/png;base64,{png}\"><p>{word}</p></div>")
        };
        let all: String = pictures.iter().map(one).collect();
        let svg = format!("<div class=\"pictures\">{all}</div>");
        Figure { title: title.into(), note: Text::default(), svg, phone: None }
    }

    /// A text whose words are shaded, each by a number from -1 (lowers) to 1 (raises), with what a pointer shows of it.
    pub fn shaded(title: impl Into<Text>, words: &[(&str, f64, String)]) -> Self {
        let one = |(word, level, what): &(&str, f64, String)| {
            let step = (5.0 * level.abs()).round();
            // What is no number has no shade.
            if step >= 1.0 {
                let side = if *level > 0.0 { "raises" } else { "lowers" };
                let (word, what) = (crate::text::escaped(word), crate::text::escaped(what));
                format!("<mark class=\"{side} o{}\" title=\"{what}\">{word}</mark>", step.min(5.0))
            } else {
                crate::text::escaped(word)
            }
        };
        let all: String = words.iter().map(one).collect();
        let svg = format!("<p class=\"shaded\" dir=\"auto\">{all}</p>");
        Figure { title: title.into(), note: Text::default(), svg, phone: None }
    }

    /// Adds a note on how to read it.
    pub fn note(self, note: impl Into<Text>) -> Self {
        Figure { note: note.into(), ..self }
    }
}

/// A key figure.
#[derive(Clone, Debug)]
pub struct Tile {
    /// Its name.
    pub name: Text,
    /// Its value.
    pub value: String,
    /// A value to compare it with.
    pub aside: Text,
}

/// The alignment of the cells of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// For words.
    Left,
    /// For numbers.
    Right,
}

/// A cell of a table.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    /// Its text.
    pub text: Text,
    /// The severity, for a marked cell.
    pub level: Option<Level>,
}

impl<T: Into<Text>> From<T> for Cell {
    fn from(text: T) -> Self {
        Cell { text: text.into(), level: None }
    }
}

/// A table; if it is too wide for the page, it can be scrolled.
#[derive(Clone, Debug)]
pub struct Table {
    /// A description for screen readers.
    pub caption: Text,
    /// The heading and alignment of each column.
    pub head: Vec<(Text, Align)>,
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
    /// The number of rows shown initially; the others are shown on request.
    pub shown: usize,
    /// The highlighted row.
    pub marked: Option<usize>,
}

impl Table {
    /// A table without rows.
    pub fn new(caption: impl Into<Text>, head: &[(&str, Align)]) -> Self {
        let head = head.iter().map(|(name, align)| (Text::plain(*name), *align)).collect();
        Table { caption: caption.into(), head, rows: Vec::new(), shown: 12, marked: None }
    }
}

/// A finding.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Its severity.
    pub level: Level,
    /// The text of its label; that of its level if empty.
    pub chip: Text,
    /// What was found, and where.
    pub text: Text,
    /// What to do about it: recipe lines.
    pub remedy: Option<String>,
}

impl Finding {
    /// A finding without a remedy.
    pub fn new(level: Level, text: impl Into<Text>) -> Self {
        Finding { level, chip: Text::default(), text: text.into(), remedy: None }
    }

    /// Sets the text of the label.
    pub fn chip(self, chip: impl Into<Text>) -> Self {
        Finding { chip: chip.into(), ..self }
    }
}

/// One of several items, such as the columns of a table.
#[derive(Clone, Debug)]
pub struct Card {
    /// Its title.
    pub title: Text,
    /// Its type.
    pub label: Text,
    /// Its properties: names and values.
    pub facts: Vec<(Text, Text)>,
    /// A small chart.
    pub figure: Option<Figure>,
    /// The findings about it.
    pub findings: Vec<Finding>,
}
