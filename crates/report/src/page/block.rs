//! What sections are made of.

use crate::chart::Chart;
use crate::text::Text;
use crate::words::Words;

/// How wide a figure of half the page is drawn.
const HALF: f64 = 344.0;
/// How wide a figure of the whole page is drawn, and how wide for a phone.
const WHOLE: f64 = 800.0;
const PHONE: f64 = 312.0;
/// How wide the figure on a card is drawn.
const CARD: f64 = 240.0;

/// How serious something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// All is well.
    Good,
    /// Worth knowing.
    Note,
    /// To be looked at before the result is relied on.
    Warning,
    /// The result cannot be relied on while this stands.
    Severe,
}

/// A piece of a section.
#[derive(Clone, Debug)]
pub enum Block {
    /// A paragraph.
    Text(Text),
    /// A smaller heading.
    Heading(Text),
    /// Figures beside each other where there is room.
    Figures(Vec<Figure>),
    /// The figures that count.
    Tiles(Vec<Tile>),
    /// A table.
    Table(Table),
    /// What was found, the most serious first as given.
    Findings(Vec<Finding>),
    /// A card for each of many things.
    Cards(Vec<Card>),
    /// A file or a command, to copy.
    Code {
        /// What it is.
        label: Text,
        /// Its text.
        text: String,
    },
    /// What few want to read: shown on request.
    Details {
        /// What is in it.
        summary: Text,
        /// What it holds.
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
    /// Drawn anew for a phone, where the other one would be too wide to be read there.
    pub(crate) phone: Option<String>,
}

impl Figure {
    /// A chart that takes half the page's width, and all of it on a phone.
    pub fn half(words: &Words, chart: &dyn Chart) -> Self {
        Figure {
            title: Text::plain(chart.title()),
            note: Text::default(),
            svg: chart.inline(HALF, words),
            phone: None,
        }
    }

    /// A chart that takes the page's whole width.
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

    /// Pictures side by side, each a PNG in base64 with a word below.
    pub fn pictures(title: impl Into<Text>, pictures: &[(&str, String)]) -> Self {
        let one = |(word, png): &(&str, String)| {
            let word = crate::text::escaped(word);
            format!("<div><img alt=\"{word}\" src=\"data:image/png;base64,{png}\"><p>{word}</p></div>")
        };
        let all: String = pictures.iter().map(one).collect();
        let svg = format!("<div class=\"pictures\">{all}</div>");
        Figure { title: title.into(), note: Text::default(), svg, phone: None }
    }

    /// The same with a word on how to read it.
    pub fn note(self, note: impl Into<Text>) -> Self {
        Figure { note: note.into(), ..self }
    }
}

/// A figure that counts.
#[derive(Clone, Debug)]
pub struct Tile {
    /// What it is.
    pub name: Text,
    /// The figure.
    pub value: String,
    /// What to compare it with.
    pub aside: Text,
}

/// Which side of a column its cells keep to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Figures.
    Right,
}

/// A cell of a table.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    /// What stands there.
    pub text: Text,
    /// Of a marked cell: how serious.
    pub level: Option<Level>,
}

impl<T: Into<Text>> From<T> for Cell {
    fn from(text: T) -> Self {
        Cell { text: text.into(), level: None }
    }
}

/// A table; what does not fit the width is scrolled within it.
#[derive(Clone, Debug)]
pub struct Table {
    /// What it shows, for those who do not see it.
    pub caption: Text,
    /// The heading of each column, and which side it keeps to.
    pub head: Vec<(Text, Align)>,
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
    /// How many rows are shown at once; the others on request.
    pub shown: usize,
    /// The row that counts.
    pub marked: Option<usize>,
}

impl Table {
    /// A table without rows yet.
    pub fn new(caption: impl Into<Text>, head: &[(&str, Align)]) -> Self {
        let head = head.iter().map(|(name, align)| (Text::plain(*name), *align)).collect();
        Table { caption: caption.into(), head, rows: Vec::new(), shown: 12, marked: None }
    }
}

/// Something that was found.
#[derive(Clone, Debug)]
pub struct Finding {
    /// How serious.
    pub level: Level,
    /// The word on its chip; that of its level where empty.
    pub chip: Text,
    /// What was found, and where.
    pub text: Text,
    /// What to do about it: a line of recipe.
    pub remedy: Option<String>,
}

impl Finding {
    /// A finding without a remedy.
    pub fn new(level: Level, text: impl Into<Text>) -> Self {
        Finding { level, chip: Text::default(), text: text.into(), remedy: None }
    }

    /// The same with its own word on the chip.
    pub fn chip(self, chip: impl Into<Text>) -> Self {
        Finding { chip: chip.into(), ..self }
    }
}

/// One of many things of a kind, such as the columns of a table.
#[derive(Clone, Debug)]
pub struct Card {
    /// Which one.
    pub title: Text,
    /// What it is.
    pub label: Text,
    /// What is known of it: names and values.
    pub facts: Vec<(Text, Text)>,
    /// A small chart.
    pub figure: Option<Figure>,
    /// What was found about it.
    pub findings: Vec<Finding>,
}
