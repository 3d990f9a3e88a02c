//! A page: a title, a verdict and sections of blocks, all plain data, written as a single HTML file.

mod block;
mod html;

pub use block::{Align, Block, Card, Cell, Figure, Finding, Level, Table, Tile};

use crate::text::Text;
use crate::words::Words;

/// A page about one piece of work.
#[derive(Clone, Debug)]
pub struct Report {
    /// The default language of the page.
    pub words: &'static Words,
    /// The title, in the largest letters on the page.
    pub title: Text,
    /// Above the title: the kind of page.
    pub kicker: Text,
    /// Below the title: the data and settings behind it.
    pub lead: Text,
    /// The conclusion.
    pub verdict: Option<Verdict>,
    /// The other sections, in reading order.
    pub sections: Vec<Section>,
    /// The footer: who wrote it.
    pub foot: Text,
}

/// The conclusion, before all details.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// One or two sentences in plain words.
    pub sentence: Text,
    /// More about it, in smaller letters.
    pub more: Text,
    /// The score against the baseline.
    pub figure: Option<Figure>,
    /// The key figures, at most six.
    pub tiles: Vec<Tile>,
    /// What to know before relying on it: the weak spot, a leak, few rows.
    pub findings: Vec<Finding>,
}

impl Verdict {
    /// A verdict that consists only of a sentence.
    pub fn new(sentence: Text) -> Self {
        Verdict { sentence, more: Text::default(), figure: None, tiles: Vec::new(), findings: Vec::new() }
    }
}

/// A part of a page with a heading.
#[derive(Clone, Debug)]
pub struct Section {
    /// Its fragment identifier: letters and dashes.
    pub id: String,
    /// Its heading.
    pub title: Text,
    /// What it shows and how to read it, in one or two sentences.
    pub lead: Text,
    /// Its content.
    pub blocks: Vec<Block>,
}

impl Section {
    /// A section without blocks.
    pub fn new(id: &str, title: impl Into<Text>) -> Self {
        Section { id: id.into(), title: title.into(), lead: Text::default(), blocks: Vec::new() }
    }

    /// Sets the introduction.
    pub fn lead(self, lead: impl Into<Text>) -> Self {
        Section { lead: lead.into(), ..self }
    }

    /// Adds a block.
    pub fn with(mut self, block: Block) -> Self {
        self.blocks.push(block);
        self
    }

    /// Whether there would be nothing below its heading.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }
}

impl Report {
    /// A page without sections.
    pub fn new(words: &'static Words, title: impl Into<Text>) -> Self {
        Report {
            words,
            title: title.into(),
            kicker: Text::default(),
            lead: Text::default(),
            verdict: None,
            sections: Vec::new(),
            foot: Text::default(),
        }
    }

    /// Adds a section, unless it is empty.
    pub fn with(mut self, section: Section) -> Self {
        if !section.is_empty() {
            self.sections.push(section);
        }
        self
    }

    /// The page as a single HTML file without dependencies: no network, no script, no font. The same data give the same bytes.
    pub fn html(&self) -> String {
        html::write(self)
    }
}
