//! A page: a title, a verdict and sections of blocks, all plain data, written as one HTML file.

mod block;
mod html;

pub use block::{Align, Block, Card, Cell, Figure, Finding, Level, Table, Tile};

use crate::text::Text;
use crate::words::Words;

/// A page about one piece of work.
#[derive(Clone, Debug)]
pub struct Report {
    /// In which language it speaks where nobody else does.
    pub words: &'static Words,
    /// What it is about: the largest words on the page.
    pub title: Text,
    /// Above the title: what kind of page this is.
    pub kicker: Text,
    /// Below the title: what the work rests on.
    pub lead: Text,
    /// What it comes to.
    pub verdict: Option<Verdict>,
    /// The rest, in the order of reading.
    pub sections: Vec<Section>,
    /// At the very end: who wrote it.
    pub foot: Text,
}

/// What the work comes to, before all details.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// One or two sentences in plain words.
    pub sentence: Text,
    /// More about it, quieter.
    pub more: Text,
    /// The score against the baseline.
    pub figure: Option<Figure>,
    /// The figures that count, at most six.
    pub tiles: Vec<Tile>,
    /// What to know before believing it: the weak spot, a leak, few rows.
    pub findings: Vec<Finding>,
}

impl Verdict {
    /// A verdict of words alone.
    pub fn new(sentence: Text) -> Self {
        Verdict { sentence, more: Text::default(), figure: None, tiles: Vec::new(), findings: Vec::new() }
    }
}

/// A part of a page with a heading.
#[derive(Clone, Debug)]
pub struct Section {
    /// Its place in the address: letters and dashes.
    pub id: String,
    /// Its heading.
    pub title: Text,
    /// What it shows and how to read it, in a sentence or two.
    pub lead: Text,
    /// What it holds.
    pub blocks: Vec<Block>,
}

impl Section {
    /// A section without blocks yet.
    pub fn new(id: &str, title: impl Into<Text>) -> Self {
        Section { id: id.into(), title: title.into(), lead: Text::default(), blocks: Vec::new() }
    }

    /// The same with a word of introduction.
    pub fn lead(self, lead: impl Into<Text>) -> Self {
        Section { lead: lead.into(), ..self }
    }

    /// The same with one more block.
    pub fn with(mut self, block: Block) -> Self {
        self.blocks.push(block);
        self
    }

    /// Whether it would be an empty heading.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }
}

impl Report {
    /// A page without sections yet.
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

    /// The same with one more section; an empty one is left out.
    pub fn with(mut self, section: Section) -> Self {
        if !section.is_empty() {
            self.sections.push(section);
        }
        self
    }

    /// The page as one HTML file that needs nothing else: no network, no script, no font. The same data give the
    /// same bytes.
    pub fn html(&self) -> String {
        html::write(self)
    }
}
