//! From tokens to text while they come: whole characters only, and nothing that may turn out to be a stop string.

use tidemill_core::Result;

use crate::tokens::Tokens;

/// The text of an answer as it grows.
pub(crate) struct Stream {
    stops: Vec<String>,
    ids: Vec<u32>,
    /// Tokens from `from` on give the text after `from..read`: decoders look a few tokens back.
    from: usize,
    read: usize,
    text: String,
    /// Bytes of `text` that were handed out.
    sent: usize,
    stopped: bool,
}

impl Stream {
    pub(crate) fn new(stops: Vec<String>) -> Self {
        let (ids, text) = (Vec::new(), String::new());
        Stream { stops, ids, from: 0, read: 0, text, sent: 0, stopped: false }
    }

    /// The tokens so far.
    pub(crate) fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// Takes a token; gives the text that is certain now, perhaps none.
    pub(crate) fn push(&mut self, tokens: &Tokens, id: u32) -> Result<&str> {
        self.ids.push(id);
        let known = tokens.decode(&self.ids[self.from..self.read])?;
        let longer = tokens.decode(&self.ids[self.from..])?;
        // A character whose last bytes have not come yet decodes to U+FFFD.
        if longer.len() > known.len() && !longer.ends_with(char::REPLACEMENT_CHARACTER) {
            self.grow(longer.get(known.len()..).unwrap_or_default());
            (self.from, self.read) = (self.read, self.ids.len());
        }
        Ok(self.certain(true))
    }

    /// The text that was held back.
    pub(crate) fn finish(&mut self, tokens: &Tokens) -> Result<&str> {
        if !self.stopped {
            let known = tokens.decode(&self.ids[self.from..self.read])?;
            let longer = tokens.decode(&self.ids[self.from..])?;
            self.grow(longer.get(known.len()..).unwrap_or_default());
        }
        Ok(self.certain(false))
    }

    /// Whether a stop string came.
    pub(crate) fn stopped(&self) -> bool {
        self.stopped
    }

    /// All text and tokens.
    pub(crate) fn into_parts(self) -> (String, Vec<u32>) {
        (self.text, self.ids)
    }

    /// Adds text, and cuts it where the first stop string begins.
    fn grow(&mut self, piece: &str) {
        let longest = self.stops.iter().map(String::len).max().unwrap_or(0);
        let mut from = self.text.len().saturating_sub(longest).max(self.sent);
        while !self.text.is_char_boundary(from) {
            from -= 1;
        }
        self.text.push_str(piece);
        let stops = self.stops.iter().filter(|stop| !stop.is_empty());
        if let Some(at) = stops.filter_map(|stop| self.text[from..].find(stop.as_str())).min() {
            self.text.truncate(from + at);
            self.stopped = true;
        }
    }

    fn certain(&mut self, hold: bool) -> &str {
        let held = if hold && !self.stopped { self.held() } else { 0 };
        let (from, to) = (self.sent, self.text.len() - held);
        self.sent = to.max(from);
        &self.text[from..self.sent]
    }

    /// The bytes at the end that may be the beginning of a stop string.
    fn held(&self) -> usize {
        let begun = |stop: &String| {
            let ends = stop.char_indices().map(|(at, _)| at).filter(|at| *at > 0);
            ends.filter(|at| self.text.ends_with(&stop[..*at])).max().unwrap_or(0)
        };
        self.stops.iter().map(begun).max().unwrap_or(0)
    }
}
