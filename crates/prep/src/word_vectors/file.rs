//! Vectors of words in files: word2vec's text and binary formats, and GloVe's text.
//!
//! | format | a file |
//! |---|---|
//! | word2vec text | a line `WORDS NUMBERS`, then a line for each word: the word, then its numbers, spaces between |
//! | word2vec binary | the same first line, then for each word: the word, a space, its numbers as 32-bit floats (little-endian), and a line feed or none |
//! | GloVe | a line for each word, as in word2vec text |

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use tidemill_core::{Error, Result};

/// The most numbers of a word.
const MOST_DIMENSIONS: usize = 10_000;
/// The most bytes of a word.
const MOST_BYTES: usize = 1_000;

/// How a file of vectors is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// word2vec's text.
    Word2vec,
    /// word2vec's binary.
    Word2vecBinary,
    /// GloVe's text.
    Glove,
}

/// Words with a vector each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WordVectors {
    /// The words.
    pub words: Vec<String>,
    /// Numbers per word.
    pub dimensions: usize,
    /// The numbers of all words, one word after the other.
    pub numbers: Vec<f32>,
}

/// Writes a file; it appears whole or not at all.
///
/// # Errors
/// A folder that cannot be written; a word with a space in it, which none of the formats can hold.
pub fn write(vectors: &WordVectors, format: Format, path: &Path) -> Result<()> {
    if let Some(word) =
        vectors.words.iter().find(|word| word.is_empty() || word.contains(char::is_whitespace))
    {
        return Err(Error::data(
            format!(
                "the word '{word}' has a space in it, and files of word vectors put spaces between words and numbers"
            ),
            "learn from single words: ngrams = [1, 1]",
        ));
    }
    let partial = path.with_extension("partial");
    let done = write_to(vectors, format, &partial).and_then(|()| std::fs::rename(&partial, path));
    done.map_err(|e| {
        // What could not be finished is of no use; that it cannot be removed changes nothing.
        let _ = std::fs::remove_file(&partial);
        Error::io(path, e)
    })
}

fn write_to(vectors: &WordVectors, format: Format, path: &Path) -> std::io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    if format != Format::Glove {
        writeln!(out, "{} {}", vectors.words.len(), vectors.dimensions)?;
    }
    for (word, numbers) in vectors.words.iter().zip(vectors.numbers.chunks_exact(vectors.dimensions)) {
        write!(out, "{word}")?;
        if format == Format::Word2vecBinary {
            write!(out, " ")?;
            numbers.iter().try_for_each(|x| out.write_all(&x.to_le_bytes()))?;
        } else {
            numbers.iter().try_for_each(|x| write!(out, " {x}"))?;
        }
        writeln!(out)?;
    }
    out.flush()
}

/// A file that cannot be opened: where it was looked for is said, as a recipe may lie elsewhere.
fn missing(path: &Path, e: std::io::Error) -> Error {
    match e.kind() {
        std::io::ErrorKind::NotFound => Error::data(
            format!("vectors: there is no file {}", path.display()),
            "correct the path: it is seen from the current folder",
        ),
        _ => Error::io(path, e),
    }
}

/// Reads a file in any of the formats, found by its first lines: the words that `wanted` says, and of the others the first, until there are
/// `most` of them. A word that comes again is passed over.
///
/// # Errors
/// No such file; a line with another number of numbers, or something else than numbers; a file that ends early.
pub fn read(path: &Path, most: usize, wanted: impl Fn(&str) -> bool) -> Result<WordVectors> {
    let file = File::open(path).map_err(|e| missing(path, e))?;
    let mut reader = Reading { path, from: BufReader::new(file), line: 0, text: Vec::new() };
    let mut kept = Kept { most, others: 0, known: hashbrown::HashSet::new(), found: WordVectors::default() };
    if !reader.next_line()? {
        return Err(reader.wrong("the file is empty"));
    }
    let Some((words, dimensions)) = reader.head() else {
        let (word, numbers) = reader.word_and_numbers(None)?;
        kept.found.dimensions = numbers.len();
        kept.add(word, &numbers, &wanted);
        while reader.next_line()? {
            let (word, numbers) = reader.word_and_numbers(Some(kept.found.dimensions))?;
            kept.add(word, &numbers, &wanted);
        }
        return Ok(kept.found);
    };
    kept.found.dimensions = dimensions;
    let binary = reader.is_binary()?;
    for _ in 0..words {
        let (word, numbers) = match binary {
            true => reader.binary(dimensions)?,
            false if reader.next_line()? => reader.word_and_numbers(Some(dimensions))?,
            false => {
                return Err(reader.wrong(&format!("it ends early: its first line promises {words} words")));
            }
        };
        kept.add(word, &numbers, &wanted);
    }
    Ok(kept.found)
}

/// What is kept of a file.
struct Kept {
    most: usize,
    others: usize,
    known: hashbrown::HashSet<String>,
    found: WordVectors,
}

impl Kept {
    fn add(&mut self, word: String, numbers: &[f32], wanted: &impl Fn(&str) -> bool) {
        let is_wanted = wanted(&word);
        if !is_wanted && self.others >= self.most || !self.known.insert(word.clone()) {
            return;
        }
        self.others += usize::from(!is_wanted);
        self.found.words.push(word);
        self.found.numbers.extend_from_slice(numbers);
    }
}

struct Reading<'a> {
    path: &'a Path,
    from: BufReader<File>,
    /// The number of the line in `text`.
    line: usize,
    text: Vec<u8>,
}

impl Reading<'_> {
    fn wrong(&self, what: &str) -> Error {
        Error::data(
            format!("{}, line {}: {what}", self.path.display(), self.line.max(1)),
            "give a file in word2vec's text or binary format, or in GloVe's",
        )
    }

    /// Whether there was one more line.
    fn next_line(&mut self) -> Result<bool> {
        self.text.clear();
        // A line longer than any sound one is a file of another sort.
        let most = MOST_BYTES + 32 * MOST_DIMENSIONS;
        let mut limited = (&mut self.from).take(most as u64);
        limited.read_until(b'\n', &mut self.text).map_err(|e| Error::io(self.path, e))?;
        self.line += 1;
        if self.text.len() >= most {
            return Err(self.wrong("the line is too long"));
        }
        while self.text.last().is_some_and(u8::is_ascii_whitespace) {
            self.text.pop();
        }
        if !self.text.is_empty() {
            return Ok(true);
        }
        // Empty lines at the end are none.
        let rest = self.from.fill_buf().map_err(|e| Error::io(self.path, e))?;
        if rest.is_empty() { Ok(false) } else { Err(self.wrong("the line is empty")) }
    }

    /// The numbers of words and of dimensions, where the line is the first of word2vec's formats.
    fn head(&self) -> Option<(usize, usize)> {
        let text = std::str::from_utf8(&self.text).ok()?;
        let (words, dimensions) = text.split_once(' ')?;
        let dimensions = dimensions.trim().parse().ok().filter(|n| (1..=MOST_DIMENSIONS).contains(n))?;
        Some((words.parse().ok()?, dimensions))
    }

    /// Whether what follows is binary: the next line is no word with numbers.
    fn is_binary(&mut self) -> Result<bool> {
        let ahead = self.from.fill_buf().map_err(|e| Error::io(self.path, e))?;
        let line = ahead.split(|b| *b == b'\n').next().unwrap_or_default();
        // A buffer may hold only the beginning of a line of text: its last number is then cut.
        let whole = line.len() < ahead.len();
        let Ok(text) = std::str::from_utf8(line) else { return Ok(true) };
        let mut numbers =
            text.split_whitespace().skip(1).map(|x| x.parse::<f32>().is_ok()).collect::<Vec<_>>();
        if !whole {
            numbers.pop();
        }
        Ok(numbers.is_empty() || !numbers.iter().all(|is| *is))
    }

    fn word_and_numbers(&self, dimensions: Option<usize>) -> Result<(String, Vec<f32>)> {
        let text = std::str::from_utf8(&self.text).map_err(|_| self.wrong("the line is no text (UTF-8)"))?;
        let mut cells = text.split(' ');
        let word = cells.next().unwrap_or_default();
        if word.len() > MOST_BYTES {
            return Err(self.wrong("the word is too long"));
        }
        let mut numbers = Vec::with_capacity(dimensions.unwrap_or(100));
        for cell in cells.filter(|cell| !cell.is_empty()) {
            match cell.parse::<f32>() {
                Ok(x) if x.is_finite() => numbers.push(x),
                _ => return Err(self.wrong(&format!("number {} of the word is none", numbers.len() + 1))),
            }
        }
        match dimensions {
            _ if numbers.is_empty() || numbers.len() > MOST_DIMENSIONS => {
                Err(self
                    .wrong(&format!("a word has 1 to {MOST_DIMENSIONS} numbers, this one {}", numbers.len())))
            }
            Some(wanted) if wanted != numbers.len() => {
                Err(self.wrong(&format!("the word has {} numbers, and those before {wanted}", numbers.len())))
            }
            _ => Ok((word.to_string(), numbers)),
        }
    }

    fn binary(&mut self, dimensions: usize) -> Result<(String, Vec<f32>)> {
        self.line += 1;
        let early = |reading: &Self| reading.wrong("it ends early, within a word");
        let mut word = Vec::new();
        loop {
            let mut byte = [0];
            self.from.read_exact(&mut byte).map_err(|_| early(self))?;
            match byte[0] {
                b' ' => break,
                // The line feed behind the word before.
                b'\n' if word.is_empty() => {}
                _ if word.len() >= MOST_BYTES => return Err(self.wrong("the word is too long")),
                other => word.push(other),
            }
        }
        let mut bytes = vec![0; 4 * dimensions];
        self.from.read_exact(&mut bytes).map_err(|_| early(self))?;
        let (numbers, _) = bytes.as_chunks::<4>();
        let numbers: Vec<f32> = numbers.iter().map(|four| f32::from_le_bytes(*four)).collect();
        if numbers.iter().any(|x| !x.is_finite()) {
            return Err(self.wrong("a number of the word is none"));
        }
        Ok((String::from_utf8_lossy(&word).into_owned(), numbers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vectors() -> WordVectors {
        WordVectors {
            words: ["sea", "tide", "mühle"].map(String::from).to_vec(),
            dimensions: 3,
            numbers: vec![0.1, -2.5, 3.0, 1e-7, 0.0, 4.25, -1.0, 0.5, 7.0],
        }
    }

    #[test]
    fn every_format_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        for format in [Format::Word2vec, Format::Word2vecBinary, Format::Glove] {
            let path = folder.path().join("words");
            write(&vectors(), format, &path).unwrap();
            assert_eq!(read(&path, 9, |_| false).unwrap(), vectors(), "{format:?}");
            // What is wanted is kept, and of the rest the first.
            let some = read(&path, 1, |word| word == "mühle").unwrap();
            assert_eq!(some.words, ["sea", "mühle"], "{format:?}");
            assert_eq!(some.numbers[3..], [-1.0, 0.5, 7.0]);
        }
    }

    #[test]
    fn what_is_wrong_is_named_by_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("words");
        for (text, words) in [
            ("", "line 1: the file is empty"),
            ("a 1 2\nb 1\n", "line 2: the word has 1 numbers, and those before 2"),
            ("a 1 2\nb 1 x\n", "line 2: number 2 of the word is none"),
            ("2 2\na 1 2\n", "promises 2 words"),
            ("a 1 inf\n", "line 1: number 2"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = read(&path, 9, |_| false).unwrap_err().to_string();
            assert!(error.contains(words), "{text:?}: {error}");
        }
        let spaced = WordVectors { words: vec!["a b".into()], dimensions: 1, numbers: vec![1.0] };
        assert!(write(&spaced, Format::Glove, &path).is_err());
        // A binary file that was cut.
        write(&vectors(), Format::Word2vecBinary, &path).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 6]).unwrap();
        let error = read(&path, 9, |_| false).unwrap_err().to_string();
        assert!(error.contains("ends early"), "{error}");
    }
}
