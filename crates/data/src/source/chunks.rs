//! A stream of text cut into chunks of whole records.

use std::io::Read;

use memchr::{memchr, memrchr};

/// How many bytes a chunk has where records are short. Chunks do not depend on the number of threads.
pub(crate) const CHUNK: usize = 1 << 20;
/// How many bytes a record may have: a quote that is never closed must not fill the memory.
pub(crate) const RECORD: usize = 16 << 20;

/// Where records end.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cut {
    /// At every line break (JSON lines).
    Lines,
    /// At line breaks outside of quotes. A quote opens only at the beginning of a cell.
    Records { delimiter: u8, quote: u8 },
}

/// Why there is no further chunk.
#[derive(Debug)]
pub(crate) enum Stop {
    Io(std::io::Error),
    /// The record that begins here is longer than [`RECORD`].
    LongRow,
    /// The text ends within a quote that opens so many line breaks further on.
    Unclosed {
        lines: u64,
    },
}

/// Chunks of whole records, each ending with a line break.
pub(crate) struct Chunks {
    reader: Box<dyn Read + Send>,
    cut: Cut,
    size: usize,
    carry: Vec<u8>,
    done: bool,
}

impl Chunks {
    /// Chunks of about `size` bytes.
    pub(crate) fn new(reader: Box<dyn Read + Send>, cut: Cut, size: usize) -> Self {
        Chunks { reader, cut, size: size.max(1), carry: Vec::new(), done: false }
    }

    fn chunk(&mut self) -> Result<Option<Vec<u8>>, Stop> {
        let mut bytes = Vec::with_capacity(self.size + self.carry.len() + 1);
        bytes.append(&mut self.carry);
        let mut wanted = self.size;
        loop {
            bytes.reserve(wanted);
            let read = self.reader.by_ref().take(wanted as u64).read_to_end(&mut bytes).map_err(Stop::Io)?;
            let ended = read < wanted;
            match self.cut.last_break(&bytes) {
                Err(quote) if ended => {
                    return Err(Stop::Unclosed { lines: count_lines(&bytes[..quote]) });
                }
                Ok(_) if ended => {
                    self.done = true;
                    if bytes.last().is_some_and(|&b| b != b'\n') {
                        bytes.push(b'\n');
                    }
                    return Ok((!bytes.is_empty()).then_some(bytes));
                }
                Ok(Some(at)) => {
                    self.carry.extend_from_slice(&bytes[at + 1..]);
                    bytes.truncate(at + 1);
                    return Ok(Some(bytes));
                }
                Err(quote) => {
                    // Only a quote is open at the end: what comes before it may still be cut off.
                    if let Ok(Some(at)) = self.cut.last_break(&bytes[..quote]) {
                        self.carry.extend_from_slice(&bytes[at + 1..]);
                        bytes.truncate(at + 1);
                        return Ok(Some(bytes));
                    }
                }
                Ok(None) => {}
            }
            if bytes.len() > RECORD {
                return Err(Stop::LongRow);
            }
            wanted = bytes.len();
        }
    }
}

impl Iterator for Chunks {
    type Item = Result<Vec<u8>, Stop>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let chunk = self.chunk();
        self.done |= !matches!(chunk, Ok(Some(_)));
        chunk.transpose()
    }
}

impl Cut {
    /// The last line break that ends a record; `Err` with the place of a quote that is still open at the end.
    fn last_break(self, bytes: &[u8]) -> Result<Option<usize>, usize> {
        let Cut::Records { delimiter, quote } = self else { return Ok(memrchr(b'\n', bytes)) };
        let (mut found, mut outside, mut at) = (None, 0, 0);
        while let Some(open) = memchr(quote, &bytes[at..]).map(|i| at + i) {
            if open > 0 && bytes[open - 1] != delimiter && bytes[open - 1] != b'\n' {
                at = open + 1;
                continue;
            }
            found = memrchr(b'\n', &bytes[outside..open]).map_or(found, |i| Some(outside + i));
            let close = closing(bytes, open + 1, quote).ok_or(open)?;
            (outside, at) = (close + 1, close + 1);
        }
        Ok(memrchr(b'\n', &bytes[outside..]).map_or(found, |i| Some(outside + i)))
    }
}

/// The quote that closes the cell whose content begins at `at`: the first that is not doubled.
pub(crate) fn closing(bytes: &[u8], mut at: usize, quote: u8) -> Option<usize> {
    loop {
        let found = at + memchr(quote, &bytes[at..])?;
        if bytes.get(found + 1) != Some(&quote) {
            return Some(found);
        }
        at = found + 2;
    }
}

/// How many line breaks there are.
pub(crate) fn count_lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}
