//! Chunks of text parsed on all threads, their results in the order of the text.

use std::collections::VecDeque;

use rayon::prelude::*;
use tidemill_core::Result;

use super::chunks::{Chunks, RECORD, Stop, count_lines};
use super::encoding::Malformed;
use super::input::Input;
use crate::Error;

/// What is wrong within a chunk.
#[derive(Debug)]
pub(crate) enum Problem {
    Ragged { found: usize, expected: usize },
    HeaderAgain,
    UnclosedQuote,
    Binary,
    Encoding,
    Json(String),
    Internal(String),
}

/// A problem, and the byte of the chunk at which it was found.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) at: usize,
    pub(crate) problem: Problem,
}

impl Fault {
    pub(crate) fn new(at: usize, problem: Problem) -> Self {
        Fault { at, problem }
    }

    /// The error for people; `line` is that of the fault.
    pub(crate) fn on(self, file: &str, line: u64) -> tidemill_core::Error {
        let file = file.to_owned();
        match self.problem {
            Problem::Ragged { found, expected } => Error::Ragged { file, line, found, expected },
            Problem::HeaderAgain => Error::HeaderAgain { file, line },
            Problem::UnclosedQuote => Error::UnclosedQuote { file, line },
            Problem::Binary => Error::Binary { file, line },
            Problem::Encoding => Error::Encoding { file, line, encoding: "UTF-8".into() },
            Problem::Json(problem) => Error::Json { file, line, problem },
            Problem::Internal(problem) => return tidemill_core::Error::internal(problem),
        }
        .into()
    }
}

/// The first fault that any text can have: bytes that are not text, or not UTF-8.
pub(crate) fn check_text(chunk: &[u8]) -> Result<&str, Fault> {
    if let Some(at) = memchr::memchr(0, chunk) {
        return Err(Fault::new(at, Problem::Binary));
    }
    std::str::from_utf8(chunk).map_err(|e| Fault::new(e.valid_up_to(), Problem::Encoding))
}

struct Piece<T> {
    lines: u64,
    result: Result<T, Failure>,
}

enum Failure {
    Fault { fault: Fault, lines: u64 },
    Stop(Stop),
}

/// An iterator over the parsed chunks: reads the next group of chunks while the last one is parsed.
pub(crate) struct Pipeline<P, T> {
    input: Input,
    encoding: &'static str,
    chunks: Chunks,
    parse: P,
    waiting: Vec<Result<Vec<u8>, Stop>>,
    ready: VecDeque<Piece<T>>,
    /// The first chunk comes alone, so that who wants but a few rows waits for no more.
    group: usize,
    line: u64,
    failed: bool,
}

impl<P, T> Pipeline<P, T>
where
    P: Fn(&[u8]) -> Result<T, Fault> + Send + Sync,
    T: Send,
{
    /// `line` is the line on which the first chunk begins, from 1.
    pub(crate) fn new(input: Input, encoding: &'static str, chunks: Chunks, line: u64, parse: P) -> Self {
        let (waiting, ready) = (Vec::new(), VecDeque::new());
        Pipeline { input, encoding, chunks, parse, waiting, ready, group: 1, line, failed: false }
    }

    fn advance(&mut self) {
        let (chunks, group, parse) = (&mut self.chunks, self.group, &self.parse);
        // What is in memory is small, and other threads have other requests.
        if self.input.is_memory() {
            self.ready.extend(chunks.next().map(|chunk| piece(chunk, parse)));
            return;
        }
        let waiting = std::mem::take(&mut self.waiting);
        let (next, pieces) = rayon::join(
            || chunks.take(group).collect(),
            || waiting.into_par_iter().map(|chunk| piece(chunk, parse)).collect::<Vec<_>>(),
        );
        self.waiting = next;
        self.ready.extend(pieces);
        self.group = (2 * self.group).min(4 * rayon::current_num_threads());
    }

    fn error(&self, failure: Failure) -> tidemill_core::Error {
        let file = self.input.name.clone();
        let line = self.line;
        match failure {
            Failure::Fault { fault, lines } => fault.on(&file, line + lines),
            Failure::Stop(Stop::LongRow) => Error::LongRow { file, line, limit: RECORD }.into(),
            Failure::Stop(Stop::Unclosed { lines }) => {
                Error::UnclosedQuote { file, line: line + lines }.into()
            }
            Failure::Stop(Stop::Io(e)) => match malformed(&e) {
                Some(line) => Error::Encoding { file, line, encoding: self.encoding.into() }.into(),
                None => self.input.failed(e),
            },
        }
    }
}

/// The line of bytes that are not of the encoding, where that is what failed.
pub(crate) fn malformed(e: &std::io::Error) -> Option<u64> {
    e.get_ref().and_then(|inner| inner.downcast_ref::<Malformed>()).map(|m| m.line)
}

fn piece<T>(chunk: Result<Vec<u8>, Stop>, parse: &(impl Fn(&[u8]) -> Result<T, Fault> + Sync)) -> Piece<T> {
    match chunk {
        Err(stop) => Piece { lines: 0, result: Err(Failure::Stop(stop)) },
        Ok(bytes) => {
            let result = parse(&bytes).map_err(|fault| {
                let lines = count_lines(&bytes[..fault.at.min(bytes.len())]);
                Failure::Fault { fault, lines }
            });
            Piece { lines: count_lines(&bytes), result }
        }
    }
}

impl<P, T> Iterator for Pipeline<P, T>
where
    P: Fn(&[u8]) -> Result<T, Fault> + Send + Sync,
    T: Send,
{
    /// What was parsed, and the line on which its chunk begins.
    type Item = Result<(u64, T)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        while self.ready.is_empty() {
            self.advance();
            if self.ready.is_empty() && self.waiting.is_empty() {
                return None;
            }
        }
        let piece = self.ready.pop_front()?;
        let first = self.line;
        let result = piece.result.map(|parsed| (first, parsed)).map_err(|failure| {
            self.failed = true;
            self.error(failure)
        });
        self.line += piece.lines;
        Some(result)
    }
}
